//! Typed events: old versions become new ones, and what cannot be read says why.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::sync::Arc;

use flow::{Clock, Code, Random};
use ledger::codes::{ERASED, INVALID, SCHEMA};
use ledger::query::Query;
use ledger::{Append, Event, Log, Record, Typed, Upcasters};
use pool::sql::sqlite::{Options, Sqlite};
use pool::sql::{Sql, Statement, Transaction};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, PartialEq, Clone, Serialize, Deserialize)]
struct Moved {
    from: String,
    to: Vec<u64>,
    weight: Option<f64>,
}

impl Typed for Moved {
    const KIND: &'static str = "crate.moved";
    const SCHEMA: u32 = 4;
}

/// Events as the log gives them back.
async fn logged(events: Vec<Event>, erase: bool) -> Vec<Record> {
    let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
    let log = Log::in_database(sql.clone(), Clock::system(), Random::system()).await.unwrap();
    log.append(Append { events, ..Append::to("s") }).await.unwrap();
    if erase {
        let erase = Statement::new("UPDATE log_event SET body = NULL");
        sql.commit(Transaction::new().run(erase)).await.unwrap();
    }
    log.read(Query::default()).await.unwrap().events
}

/// From version 1, which had a name only, to 4.
fn steps() -> Upcasters {
    let mut steps = Upcasters::new();
    steps.step("crate.moved", 1, |old| Ok(json!({"from": old["name"]}))).unwrap();
    steps
        .step("crate.moved", 2, |mut old| {
            old["to"] = json!([7]);
            Ok(old)
        })
        .unwrap();
    steps
        .step("crate.moved", 3, |mut old| {
            old["weight"] = Value::Null;
            Ok(old)
        })
        .unwrap();
    steps
}

#[tokio::test]
async fn every_version_is_read_as_the_newest() {
    let [first, second] = ["json", "packed"].map(|name| json!({ "name": name }));
    let third = json!({"from": "third", "to": [1, 2]});
    let newest = Moved { from: "fourth".into(), to: vec![3], weight: Some(0.5) };
    let events = vec![
        Event::json("crate.moved", &first).unwrap().schema(1),
        Event::message_pack("crate.moved", &second).unwrap().schema(1),
        Event::json("crate.moved", &third).unwrap().schema(3),
        Event::of(&newest).unwrap(),
        Event::packed(&newest).unwrap(),
    ];
    let moved = |from: &str, to: &[u64]| Moved { from: from.into(), to: to.to_vec(), weight: None };
    let expected = [
        moved("json", &[7]),
        moved("packed", &[7]),
        moved("third", &[1, 2]),
        newest.clone(),
        newest,
    ];
    let records = logged(events, false).await;
    let steps = steps();
    let read: Vec<Moved> = records.iter().map(|record| record.read(&steps).unwrap()).collect();
    assert_eq!(read, expected);
}

fn check(record: &Record, steps: &Upcasters, code: &'static Code, sentence: &str, advice: &str) {
    let error = record.read::<Moved>(steps).unwrap_err();
    assert_eq!((error.code(), error.detail()), (code, sentence));
    assert!(error.advice().contains(advice), "{}", error.advice());
}

#[tokio::test]
async fn what_cannot_be_read_says_what_to_do() {
    let name = json!({"name": "a"});
    let events = vec![
        Event::json("crate.moved", &name).unwrap().schema(1),
        Event::json("crate.moved", &name).unwrap().schema(5),
        Event::json("crate.sunk", &name).unwrap().schema(4),
        Event::new("crate.moved", "bytes").schema(4),
        Event::json("crate.moved", &name).unwrap().schema(4),
    ];
    let records = logged(events.clone(), false).await;
    let mut gap = Upcasters::new();
    gap.step("crate.moved", 1, Ok).unwrap();
    check(
        &records[0],
        &gap,
        &SCHEMA,
        "the event at position 1, `crate.moved` version 1, cannot become version 4: \
         no step is registered from version 2 of `crate.moved`",
        "register the step",
    );
    check(
        &records[1],
        &steps(),
        &SCHEMA,
        "the event at position 2, `crate.moved` version 5, is newer than version 4, the last known",
        "run the release that knows this version",
    );
    check(
        &records[2],
        &steps(),
        &INVALID,
        "the event at position 3, `crate.sunk` version 4, is not read as `crate.moved`",
        "",
    );
    check(
        &records[3],
        &steps(),
        &INVALID,
        "the payload of the event at position 4, `crate.moved` version 4, is neither JSON nor MessagePack",
        "",
    );
    check(
        &records[4],
        &steps(),
        &SCHEMA,
        "the event at position 5, `crate.moved` version 4, does not say what version 4 says: \
         missing field `from` at line 1 column 12",
        "correct the step",
    );
    let mut broken = Upcasters::new();
    broken.step("crate.moved", 1, |_| Err(INVALID.error("there is no name"))).unwrap();
    check(
        &records[0],
        &broken,
        &SCHEMA,
        "the event at position 1, `crate.moved` version 1, cannot become version 2: there is no name",
        "",
    );
    let erased = logged(events, true).await;
    check(
        &erased[0],
        &steps(),
        &ERASED,
        "the payload of the event at position 1, `crate.moved` version 1, was erased",
        "pass over",
    );
    let twice = broken.step("crate.moved", 1, Ok).unwrap_err();
    assert_eq!(twice.detail(), "there is a step from version 1 of `crate.moved` already");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_was_said_is_read(
        said in prop::collection::vec((".{0,20}", prop::collection::vec(any::<u64>(), 0..4), any::<Option<i32>>()), 1..10),
    ) {
        let moved = |(from, to, weight): (String, Vec<u64>, Option<i32>)| {
            Moved { from, to, weight: weight.map(f64::from) }
        };
        let said: Vec<_> = said.into_iter().map(moved).collect();
        let events = said.iter().enumerate().map(|(n, moved)| match n % 2 {
            0 => Event::of(moved).unwrap(),
            _ => Event::packed(moved).unwrap(),
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let records = runtime.block_on(logged(events.collect(), false));
        let none = Upcasters::new();
        let read: Vec<Moved> = records.iter().map(|record| record.read(&none).unwrap()).collect();
        prop_assert_eq!(read, said);
    }
}
