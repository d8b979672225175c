//! The lanes into the log and the ways out of it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::sync::Arc;

use flow::question::ledger::{Data, Event, FACTS, Filter, Follow, Read};
use flow::signal::Registry;
use flow::{Class, Clock, Fact, Id, Ledger as _, Outcome, Random, Time};
use futures_util::StreamExt;
use ledger::query::Query;
use ledger::{Audit, Config, Ledger, Log, Work};
use pool::sql::postgres::{self, Postgres};
use pool::sql::sqlite::{Options, Sqlite};
use pool::sql::{Outbox, Sql, Transaction};
use tempfile::TempDir;
use tokio::sync::watch;

/// A ledger, what has to run for it, and the folder it lies in as long as that is held.
async fn open(config: &Config) -> (Ledger, Work, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::on_disk(ledger::disk::Options::new(folder.path())).unwrap();
    let (clock, random) = (Clock::system(), Random::system());
    let (ledger, work) = Ledger::new(log, config, clock, random, &Registry::default());
    (ledger, work, folder)
}

fn fact(action: &'static str, resource: &str, outcome: Outcome) -> Fact {
    Fact {
        id: Random::system().id(Time(1)),
        at: Time(1_000),
        request: Id(1),
        tenant: "main".into(),
        actor: "human:ann".into(),
        door: "http".into(),
        action: action.into(),
        resource: resource.into(),
        outcome,
        reason: None,
        count: 1,
        detail: flow::Detail::default(),
    }
}

/// What is in the log of a fact.
#[derive(Debug, PartialEq)]
struct Told {
    position: u64,
    id: Id,
    action: String,
    resource: String,
    outcome: String,
    count: u64,
}

impl From<Event> for Told {
    fn from(event: Event) -> Self {
        let Data::Json(data) = &event.data else { panic!("a fact is JSON") };
        let data: serde_json::Value = serde_json::from_slice(data).unwrap();
        assert_eq!((&*event.tenant, &*event.actor, &*event.stream), ("main", "human:ann", FACTS));
        Self {
            position: event.position,
            id: event.id,
            action: event.kind,
            resource: event.path,
            outcome: data["outcome"].as_str().unwrap().to_owned(),
            count: data["count"].as_u64().unwrap_or(1),
        }
    }
}

fn told(position: u64, fact: &Fact) -> Told {
    Told {
        position,
        id: fact.id,
        action: fact.action.clone().into_owned(),
        resource: fact.resource.clone(),
        outcome: fact.outcome.name().to_owned(),
        count: fact.count,
    }
}

async fn read(ledger: &Ledger, from: u64, limit: u32) -> (Vec<Told>, Option<u64>) {
    let filter = Filter::default();
    let question = Read { from: Some(from), backward: false, as_of: None, limit, filter };
    let page = ledger.read("main", &question).await.unwrap();
    (page.events.into_iter().map(Told::from).collect(), page.next)
}

/// Runs the work until everything taken so far is on disk.
async fn settle(work: Work) {
    let stop = watch::Sender::new(true);
    work.run(stop.subscribe()).await;
}

#[tokio::test]
async fn a_durable_fact_is_there_when_it_was_answered() {
    let (ledger, _work, _folder) = open(&Config::default()).await;
    let durable = fact("key.create", "key/a", Outcome::Done);
    ledger.append(Class::Durable, durable.clone()).wait().await.unwrap();
    let (events, next) = read(&ledger, 1, 10).await;
    assert_eq!(events, [told(1, &durable)]);
    assert_eq!(next, None);
}

#[tokio::test]
async fn where_it_is_strict_decisions_are_there_when_they_were_answered() {
    let config = Config { audit: Audit::Strict, ..Config::default() };
    let (ledger, work, _folder) = open(&config).await;
    let decided = fact("decision.make", "decision/a", Outcome::Done);
    ledger.append(Class::Logged, decided.clone()).wait().await.unwrap();
    let refused = fact("decision.make", "decision/b", Outcome::Refused);
    for _ in 0..3 {
        ledger.append(Class::Logged, refused.clone()).wait().await.unwrap();
    }
    let (events, _) = read(&ledger, 1, 10).await;
    assert_eq!(events, [told(1, &decided), told(2, &refused)], "before anything was run");

    // Nobody waits for what is only noted, and what was refused again is counted.
    let gone = fact("decision.make", "decision/c", Outcome::Abandoned);
    ledger.note(gone.clone());
    settle(work).await;
    let (events, _) = read(&ledger, 3, 10).await;
    assert_eq!(events[0], told(3, &gone));
    assert_eq!((&*events[1].resource, events[1].count), ("decision/b", 2));
}

#[tokio::test]
async fn logged_facts_are_all_there_in_order() {
    let (ledger, work, _folder) = open(&Config::default()).await;
    let facts: Vec<_> =
        (0..1500).map(|n| fact("object.get", &n.to_string(), Outcome::Done)).collect();
    for fact in &facts {
        ledger.append(Class::Logged, fact.clone()).wait().await.unwrap();
    }
    settle(work).await;
    let mut seen = Vec::new();
    let mut next = Some(1);
    while let Some(from) = next {
        let (events, more) = read(&ledger, from, 700).await;
        seen.extend(events);
        next = more;
    }
    let facts: Vec<_> = facts.iter().zip(1..).map(|(fact, n)| told(n, fact)).collect();
    assert_eq!(seen, facts);
}

#[tokio::test]
async fn who_waits_for_what_was_noted_finds_it() {
    let (ledger, work, _folder) = open(&Config::default()).await;
    let stop = watch::Sender::new(false);
    let running = tokio::spawn(work.run(stop.subscribe()));
    for n in 1..=50 {
        let noted = fact("object.get", &n.to_string(), Outcome::Done);
        ledger.note(noted.clone());
        ledger.caught_up().await;
        assert_eq!(read(&ledger, n, 10).await, (vec![told(n, &noted)], None));
    }
    stop.send_replace(true);
    running.await.unwrap();
}

#[tokio::test]
async fn what_the_queue_cannot_take_is_counted_in_the_log_itself() {
    let (ledger, work, _folder) = open(&Config { queue: 10, ..Config::default() }).await;
    for _ in 0..25 {
        ledger.append(Class::Logged, fact("object.get", "o", Outcome::Done)).wait().await.unwrap();
    }
    settle(work).await;
    let page = ledger.log().read(Query::default()).await.unwrap();
    assert_eq!(page.events.len(), 11);
    let lost = &page.events[10];
    let data: serde_json::Value = serde_json::from_slice(lost.payload.as_ref().unwrap()).unwrap();
    assert_eq!(
        (lost.kind(), lost.actor(), &data["count"]),
        ("ledger.lost", "system:server", &15.into())
    );
}

#[tokio::test]
async fn tallies_become_one_fact_each() {
    let (ledger, work, _folder) = open(&Config::default()).await;
    let tally = ledger.tally(fact("cache.get", "cache/db0", Outcome::Done));
    for _ in 0..1000 {
        tally.count(Outcome::Done);
    }
    tally.count(Outcome::Missing);
    drop(tally);
    settle(work).await;
    let (events, _) = read(&ledger, 1, 100).await;
    let counted: Vec<_> = events.iter().map(|event| (&*event.outcome, event.count)).collect();
    assert_eq!(counted, [("done", 1000), ("missing", 1)]);
}

#[tokio::test]
async fn nobody_fills_the_disk_by_being_refused_or_by_failing() {
    for outcome in [Outcome::Refused, Outcome::Failed] {
        many_of_a_kind_are_few_facts(outcome).await;
    }
}

async fn many_of_a_kind_are_few_facts(outcome: Outcome) {
    let (ledger, work, _folder) = open(&Config::default()).await;
    let refused = async |resource: &str| {
        let fact = fact("object.get", resource, outcome);
        ledger.append(Class::Logged, fact).wait().await.unwrap();
    };
    for _ in 0..10_000 {
        refused("same").await;
    }
    for n in 0..10_000 {
        refused(&n.to_string()).await;
    }
    settle(work).await;
    let mut events = Vec::new();
    let mut next = Some(1);
    while let Some(from) = next {
        let (page, more) = read(&ledger, from, 1000).await;
        events.extend(page);
        next = more;
    }
    assert!(events.len() < 300, "{} facts for 20,000 refusals", events.len());
    assert_eq!(events.iter().map(|event| event.count).sum::<u64>(), 20_000);
    assert!(events.iter().all(|event| event.outcome == outcome.name()));
    assert_eq!(events.first().unwrap().resource, "same");
}

#[tokio::test]
async fn a_follower_hears_what_was_and_what_comes() {
    let (ledger, _work, _folder) = open(&Config::default()).await;
    let append = async |action, resource: &str| {
        let fact = fact(action, resource, Outcome::Done);
        ledger.append(Class::Durable, fact).wait().await.unwrap();
    };
    append("key.create", "1").await;
    append("object.put", "2").await;
    let filter = Filter { kinds: vec!["key.*".into()], ..Filter::default() };
    let all = Follow { from: Some(1), filter: filter.clone() };
    let mut all = ledger.follow("main", &all).unwrap();
    let mut new = ledger.follow("main", &Follow { from: None, filter }).unwrap();
    assert_eq!(all.next().await.unwrap().unwrap().position, 1);
    let later = async {
        append("object.put", "3").await;
        append("key.revoke", "4").await;
    };
    let (from_all, from_new, ()) = tokio::join!(all.next(), new.next(), later);
    assert_eq!(from_all.unwrap().unwrap().position, 4);
    assert_eq!(from_new.unwrap().unwrap().position, 4);
}

#[tokio::test]
async fn the_outbox_drains_here_once() {
    let (ledger, _work, _folder) = open(&Config::default()).await;
    let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
    let outbox = Outbox::new(sql.clone(), Clock::system(), &Registry::default());
    let facts: Vec<_> = (0..5).map(|n| fact("key.create", &n.to_string(), Outcome::Done)).collect();
    for fact in &facts {
        sql.commit(Transaction::new().fact(fact.clone())).await.unwrap();
    }
    // One of them was already taken when the server stopped before saying so.
    ledger.append(Class::Durable, facts[0].clone()).wait().await.unwrap();
    outbox.flush(&ledger).await.unwrap();
    outbox.flush(&ledger).await.unwrap();
    let (events, _) = read(&ledger, 1, 100).await;
    let facts: Vec<_> = facts.iter().zip(1..).map(|(fact, n)| told(n, fact)).collect();
    assert_eq!(events, facts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_misses_nothing_however_many_nodes_write() {
    const WRITERS: usize = 8;
    const FACTS: usize = 100;
    let Some(server) = engines::postgres() else { return };
    let node = async || {
        let sql = Arc::new(Postgres::open(postgres::Options::url(server.url())).await.unwrap());
        let (clock, random) = (Clock::system(), Random::system());
        let log = Log::in_database(sql, clock.clone(), random.clone()).await.unwrap();
        Ledger::new(log, &Config::default(), clock, random, &Registry::default()).0
    };
    let nodes = [node().await, node().await];
    let follow = Follow { from: Some(1), filter: Filter::default() };
    let mut followed = nodes[0].follow("main", &follow).unwrap();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let ledger = nodes[writer % 2].clone();
            tokio::spawn(async move {
                for n in 0..FACTS {
                    let fact = fact("object.put", &format!("{writer}/{n}"), Outcome::Done);
                    ledger.append(Class::Durable, fact).wait().await.unwrap();
                }
            })
        })
        .collect();
    let heard = async {
        let (mut heard, mut last) = (std::collections::HashSet::new(), 0);
        while heard.len() < WRITERS * FACTS {
            let entry = followed.next().await.unwrap().unwrap();
            assert!(entry.position > last);
            last = entry.position;
            heard.insert(entry.path);
        }
    };
    let heard = Clock::system().within(std::time::Duration::from_secs(20), heard).await;
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(heard.is_some(), "a fact was passed over");
}
