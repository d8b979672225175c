//! What every [`Sql`] must do, whichever database it is.
//!
//! The suite makes its own tables, `conformance_*`, in a database nobody else
//! uses.

use std::sync::Arc;

use flow::fact::{Fact, Outcome};
use flow::feed::{Heard, Notice};
use flow::signal::Registry;
use flow::{BoxFuture, Clock, Code, Id, Kind, Result, Time};
use parking_lot::Mutex;

use super::migrate::{Migration, migrate};
use super::outbox::{Entry, Outbox, Sink};
use super::{Notices, Sql, Statement, Transaction, Value, codes};

static STALE: Code = Code::new(Kind::Conflict, "conformance-stale", "stale", "read again");

/// Runs the whole suite. `near` and `far` are two nodes' handles of one database.
pub async fn run(near: Arc<dyn Sql>, far: Arc<dyn Sql>) {
    migrations_run_once_and_never_change(near.as_ref(), far.as_ref()).await;
    values_survive(near.as_ref()).await;
    statements_answer_with_rows_or_counts(near.as_ref()).await;
    a_transaction_happens_entirely_or_not_at_all(near.as_ref()).await;
    expectations_decide(near.as_ref()).await;
    violations_say_what_to_do(near.as_ref()).await;
    a_marked_transaction_runs_once(near.as_ref()).await;
    what_was_acknowledged_is_seen(near.as_ref(), far.as_ref()).await;
    a_thousand_at_once(near.clone()).await;
    facts_leave_in_commit_order_exactly_once(near.clone(), far.clone()).await;
    a_change_that_depends_on_another_is_told_after_it(near.clone(), far.clone()).await;
    nobody_waits_for_what_cannot_be_handed_over(near.clone()).await;
    notices_are_found_where_the_change_is_kept(near, far).await;
}

const TABLES: [Migration; 2] = [
    Migration {
        version: 1,
        name: "things",
        sqlite: "CREATE TABLE conformance_thing (name TEXT PRIMARY KEY, number INTEGER NOT NULL CHECK (number >= 0)) STRICT;
                 CREATE TABLE conformance_value (name TEXT PRIMARY KEY, whole INTEGER, real REAL, text TEXT, blob BLOB) STRICT;",
        postgres: "CREATE TABLE conformance_thing (name TEXT PRIMARY KEY, number BIGINT NOT NULL CHECK (number >= 0));
                 CREATE TABLE conformance_value (name TEXT PRIMARY KEY, whole BIGINT, \"real\" DOUBLE PRECISION, text TEXT, blob BYTEA);",
    },
    Migration::both(
        2,
        "parts",
        "CREATE TABLE conformance_part (thing TEXT NOT NULL REFERENCES conformance_thing (name));
         INSERT INTO conformance_thing VALUES ('first; of all', 0)",
    ),
];

async fn migrations_run_once_and_never_change(near: &dyn Sql, far: &dyn Sql) {
    let clock = &Clock::system();
    let one = migrate(near, clock, "conformance", &TABLES);
    let two = migrate(far, clock, "conformance", &TABLES);
    let (one, two) = tokio::join!(one, two);
    let applied = one.expect("the first node migrates") + two.expect("the second waits");
    assert_eq!(applied, 2, "two nodes at once apply each migration once");

    let [first, second] = TABLES;
    let changed = Migration::both(2, "parts", "SELECT 1");
    for (list, code) in
        [(&[first, changed][..], &codes::MIGRATION_CHANGED), (&[first], &codes::NEWER)]
    {
        let refused = migrate(near, clock, "conformance", list).await;
        assert_eq!(refused.expect_err("it is refused").code(), code);
    }
    let broken = Migration::both(3, "broken", "CREATE TABLE conformance_half (a TEXT); NONSENSE");
    let list = [first, second, broken];
    let failed = migrate(near, clock, "conformance", &list).await;
    assert_eq!(failed.expect_err("nonsense").code(), &codes::STATEMENT);
    let half = near.query(Statement::new("SELECT * FROM conformance_half")).await;
    half.expect_err("nothing of a failed migration is left");
}

async fn values_survive(sql: &dyn Sql) {
    for (name, whole, real, text, blob) in [
        ("usual", Some(7), Some(0.5), Some("sieben"), Some(&b"7"[..])),
        (
            "extreme",
            Some(i64::MIN),
            Some(f64::MIN_POSITIVE),
            Some("?1 'é\u{1F600}"),
            Some(&[0, 255]),
        ),
        ("empty", Some(0), Some(-0.0), Some(""), Some(&[])),
        ("null", None, None, None, None),
    ] {
        let text = text.map(str::to_owned);
        let blob = blob.map(<[u8]>::to_vec);
        let insert = Statement::new("INSERT INTO conformance_value VALUES (?1, ?2, ?3, ?4, ?5)")
            .bind(name)
            .bind(whole)
            .bind(real)
            .bind(text.clone())
            .bind(blob.clone());
        commit(sql, Transaction::new().run(insert)).await;
        let select =
            "SELECT name, whole, \"real\", text, blob FROM conformance_value WHERE name = ?1";
        let rows = query(sql, Statement::new(select).bind(name)).await;
        let row = rows.only().expect("it is there");
        let expected: [Value; 5] =
            [name.into(), whole.into(), real.into(), text.into(), blob.into()];
        assert_eq!(row.values(), expected);
        assert_eq!(row.get::<Option<i64>>("whole").expect("by name"), whole);
        row.get::<i64>("absent").expect_err("there is no such column");
    }
    let twice = Statement::new(
        "SELECT name FROM conformance_value WHERE name = ?1 AND ?1 <> ?2 AND '?1' <> ?1",
    );
    let rows = query(sql, twice.bind("usual").bind("other")).await;
    assert_eq!(rows.len(), 1, "a parameter may be used twice, quoted ones are text");
    let sums = Statement::new(
        "SELECT count(*) AS many, sum(whole) AS total, 1 = 1 AS yes FROM conformance_value WHERE name <> 'extreme'",
    );
    let row = query(sql, sums).await;
    let row = row.only().expect("one");
    assert_eq!(row.values(), [3i64.into(), 7i64.into(), true.into()]);
}

async fn statements_answer_with_rows_or_counts(sql: &dyn Sql) {
    let transaction = Transaction::new()
        .run(put("answer-1", 1))
        .run(Statement::new(
            "INSERT INTO conformance_thing VALUES ('answer-2', 2) RETURNING number",
        ))
        .run(Statement::new("UPDATE conformance_thing SET number = 3 WHERE name LIKE 'answer-%'"))
        .run(Statement::new("SELECT name FROM conformance_thing WHERE number = 3 ORDER BY name"));
    let answers = commit(sql, transaction).await;
    let touched: Vec<_> = answers.iter().map(|rows| (rows.len(), rows.touched())).collect();
    assert_eq!(touched, [(0, 1), (1, 1), (0, 2), (2, 2)]);
    let wrong = sql.query(Statement::new("DELETE FROM conformance_thing")).await;
    wrong.expect_err("a query changes nothing");
    assert_eq!(number(sql, "answer-1").await, Some(3));
    let missing = sql.query(Statement::new("SELECT ?1, ?2").bind(1)).await;
    assert_eq!(missing.expect_err("a value is missing").code(), &codes::STATEMENT);
}

async fn a_transaction_happens_entirely_or_not_at_all(sql: &dyn Sql) {
    let before = waiting(sql).await;
    let transaction = Transaction::new()
        .run(put("half", 1))
        .fact(fact(1, "half"))
        .run(Statement::new("INSERT INTO conformance_nowhere VALUES (1)"));
    let failed = sql.commit(transaction).await.expect_err("no such table");
    assert_eq!(failed.code(), &codes::STATEMENT);
    assert_eq!(number(sql, "half").await, None);
    assert_eq!(waiting(sql).await, before, "its fact did not happen either");
}

async fn expectations_decide(sql: &dyn Sql) {
    commit(sql, Transaction::new().run(put("version", 1))).await;
    let raise = |from: i64, name: &str| {
        let update =
            "UPDATE conformance_thing SET number = ?1 + 1 WHERE name = 'version' AND number = ?1";
        let update = Statement::new(update).bind(from);
        Transaction::new().run(put(name, 0)).run(update).expect_rows(1, &STALE, "it is newer")
    };
    commit(sql, raise(1, "raised")).await;
    let refused = sql.commit(raise(1, "again")).await.expect_err("it was raised already");
    assert_eq!((refused.code(), refused.detail()), (&STALE, "it is newer"));
    let doubly = raise(7, "again").run(Statement::new("nonsense"));
    let refused = sql.commit(doubly).await.expect_err("two reasons");
    assert!(refused.code() == &STALE || refused.code() == &codes::STATEMENT);
    assert_eq!(number(sql, "version").await, Some(2));
    assert_eq!(number(sql, "again").await, None);
}

async fn violations_say_what_to_do(sql: &dyn Sql) {
    let orphan = Statement::new("INSERT INTO conformance_part VALUES ('nobody')");
    for (statement, code) in [
        (put("version", 9), &codes::CONFLICT),
        (orphan, &codes::CONFLICT),
        (put("negative", -1), &codes::CONSTRAINT),
        (Statement::new("SELEKT 1"), &codes::STATEMENT),
    ] {
        let title = format!("{statement:?}");
        let refused = sql.commit(Transaction::new().run(statement)).await;
        assert_eq!(refused.expect_err("it is refused").code(), code, "{title}");
    }
}

async fn a_marked_transaction_runs_once(sql: &dyn Sql) {
    let add =
        Statement::new("UPDATE conformance_thing SET number = number + 1 WHERE name = 'version'");
    let before = number(sql, "version").await.expect("it is there");
    let once = Transaction::new().run(add).once(Id(77));
    assert_eq!(commit(sql, once.clone()).await.len(), 1);
    assert_eq!(commit(sql, once).await.len(), 0);
    assert_eq!(number(sql, "version").await, Some(before + 1));
}

async fn what_was_acknowledged_is_seen(near: &dyn Sql, far: &dyn Sql) {
    for n in 0..50 {
        let name = format!("seen-{n}");
        commit(near, Transaction::new().run(put(&name, n))).await;
        assert_eq!(number(near, &name).await, Some(n));
        assert_eq!(number(far, &name).await, Some(n));
    }
}

async fn a_thousand_at_once(sql: Arc<dyn Sql>) {
    const MANY: i64 = 1000;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..MANY {
        let sql = sql.clone();
        tasks.spawn(async move {
            // Every tenth fails, and takes nobody along.
            let number = if n % 10 == 9 { -1 } else { n };
            let name = format!("many-{n}");
            let kept = sql.commit(Transaction::new().run(put(&name, number))).await;
            let seen = self::number(sql.as_ref(), &name).await;
            assert_eq!(seen, kept.is_ok().then_some(number), "{kept:?}");
            assert_eq!(kept.is_ok(), number >= 0);
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.expect("each sees exactly what it wrote");
    }
    let count = "SELECT count(*) AS n FROM conformance_thing WHERE name LIKE 'many-%'";
    let rows = query(sql.as_ref(), Statement::new(count)).await;
    assert_eq!(rows.only().and_then(|row| row.get("n")).ok(), Some(MANY * 9 / 10));
}

/// A sink that remembers, and fails now and then after or before it has taken.
#[derive(Default)]
struct Memory {
    taken: Mutex<Vec<Entry>>,
    calls: Mutex<u32>,
}

impl Sink for Memory {
    fn take<'a>(&'a self, batch: &'a [Entry]) -> BoxFuture<'a, Result<()>> {
        let mut calls = self.calls.lock();
        *calls += 1;
        let away = || Err(codes::AWAY.error("the ledger is away"));
        if calls.is_multiple_of(3) {
            return Box::pin(std::future::ready(away()));
        }
        let mut taken = self.taken.lock();
        for entry in batch {
            if !taken.iter().any(|known| known.fact.id == entry.fact.id) {
                taken.push(entry.clone());
            }
        }
        let lost = calls.is_multiple_of(5);
        Box::pin(std::future::ready(if lost { away() } else { Ok(()) }))
    }
}

async fn facts_leave_in_commit_order_exactly_once(near: Arc<dyn Sql>, far: Arc<dyn Sql>) {
    const WRITERS: u64 = 16;
    const EACH: u64 = 25;
    let (clock, registry) = (Clock::system(), Registry::default());
    // Both nodes drain into one sink; writers write through both.
    let sink = Arc::new(Memory::default());
    let mut drains = tokio::task::JoinSet::new();
    for sql in [near.clone(), far.clone()] {
        let (sink, outbox) = (sink.clone(), Outbox::new(sql, clock.clone(), &registry));
        drains.spawn(async move { outbox.drain(sink.as_ref()).await });
    }
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let sql = if writer % 2 == 0 { near.clone() } else { far.clone() };
        writers.spawn(async move {
            for n in 0..EACH {
                let name = format!("fact-{writer}-{n}");
                let id = u128::from(writer * EACH + n) + 1000;
                let transaction = Transaction::new()
                    .run(put(&name, n as i64))
                    .fact(fact(id, &name))
                    .fact(fact(id + 1_000_000, &name));
                commit(sql.as_ref(), transaction).await;
            }
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.expect("writers are not disturbed");
    }
    Outbox::new(near, clock, &registry).caught_up().await.expect("it is waited for");
    let taken = sink.taken.lock().clone();
    assert_eq!(taken.len() as u64, WRITERS * EACH * 2);
    for pair in taken.windows(2) {
        let [one, two] = pair else { continue };
        assert_eq!(two.place, one.place + 1, "places have no holes");
    }
    for writer in 0..WRITERS {
        let resource = |entry: &&Entry| entry.fact.resource.starts_with(&format!("fact-{writer}-"));
        let own: Vec<_> =
            taken.iter().filter(resource).map(|entry| entry.fact.id.0 % 1_000_000).collect();
        assert!(own.is_sorted(), "each writer's facts are in its order");
    }
}

/// Writers raise one number, each building on the last: whatever the order in
/// which they began, the facts must tell it in the order it happened.
async fn a_change_that_depends_on_another_is_told_after_it(near: Arc<dyn Sql>, far: Arc<dyn Sql>) {
    commit(near.as_ref(), Transaction::new().run(put("chain", 0))).await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8u128 {
        let sql = if writer % 2 == 0 { near.clone() } else { far.clone() };
        writers.spawn(async move {
            let mut done = 0;
            while done < 10 {
                let now = number(sql.as_ref(), "chain").await.expect("it is there");
                let next = Statement::new("UPDATE conformance_thing SET number = ?1 + 1 WHERE name = 'chain' AND number = ?1");
                let transaction = Transaction::new()
                    .run(put(&format!("chain-{writer}-{now}"), 0))
                    .run(next.bind(now))
                    .expect_rows(1, &STALE, "another was faster")
                    .fact(fact(5_000_000 + now as u128, "chain"));
                match sql.commit(transaction).await {
                    Ok(_) => done += 1,
                    Err(error) => assert_eq!(error.code(), &STALE, "{error:?}"),
                }
            }
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.expect("they compete politely");
    }
    let sink = Memory::default();
    let outbox = Outbox::new(near, Clock::system(), &Registry::default());
    assert_eq!(outbox.flush(&sink).await.expect("it is drained"), 80);
    let ids: Vec<_> = sink.taken.lock().iter().map(|entry| entry.fact.id.0).collect();
    assert_eq!(ids, (5_000_000..5_000_080).collect::<Vec<_>>());
}

/// A sink that takes nothing.
struct Away;

impl Sink for Away {
    fn take<'a>(&'a self, _: &'a [Entry]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Err(codes::AWAY.error("the ledger is away")) })
    }
}

async fn nobody_waits_for_what_cannot_be_handed_over(sql: Arc<dyn Sql>) {
    let outbox = Outbox::new(sql.clone(), Clock::system(), &Registry::default());
    commit(sql.as_ref(), Transaction::new().fact(fact(8_000_000, "kept"))).await;
    let waited = outbox.caught_up();
    tokio::select! {
        waited = waited => waited.expect("it is given up"),
        never = outbox.drain(&Away) => match never {},
    }
    let sink = Memory::default();
    assert_eq!(outbox.flush(&sink).await.expect("it is still there"), 1);
}

async fn notices_are_found_where_the_change_is_kept(near: Arc<dyn Sql>, far: Arc<dyn Sql>) {
    let clock = Clock::system();
    let mut node = Notices::open(far.clone(), clock.clone()).await.expect("it is opened");
    let of = |name: &str| Notice::epoch("main", Some(name));
    let heard = |names: &[&str]| -> Vec<Heard> {
        names.iter().map(|name| Heard::Notice(of(name))).collect()
    };
    assert_eq!(told(&mut node).await, heard(&[]));

    let renamed = |from: &'static str| {
        let text = "UPDATE conformance_thing SET number = number + 1 WHERE name = ?1";
        Statement::new(text).bind(from)
    };
    let none = || Transaction::new().run(renamed("nobody"));
    commit(&*near, Transaction::new().run(put("noticed", 1)).tells(of("kept"))).await;
    let stale = none().expect_rows(1, &STALE, "there is none").tells(of("stale"));
    near.commit(stale).await.expect_err("nothing of it happens");
    commit(&*near, none().tells_if_touched(of("untouched"))).await;
    let touched = Transaction::new().run(renamed("noticed")).tells_if_touched(of("touched"));
    commit(&*near, touched.run(renamed("nobody")).fact(fact(6_000_000, "told"))).await;
    let script = Transaction::new().script("SELECT 1").tells(of("scripted")).tells(of("two"));
    commit(&*near, script).await;
    let marker = Id(7_000_000);
    for _ in 0..2 {
        let once = Transaction::new().run(renamed("noticed")).tells(of("once")).once(marker);
        commit(&*near, once).await;
    }
    let expected = heard(&["kept", "touched", "scripted", "two", "once"]);
    assert_eq!(told(&mut node).await, expected);
    assert_eq!(told(&mut node).await, heard(&[]), "once");

    let mut writers = tokio::task::JoinSet::new();
    for n in 0..40 {
        let (sql, notice) = (if n % 2 == 0 { near.clone() } else { far.clone() }, of("many"));
        writers.spawn(async move { commit(&*sql, Transaction::new().tells(notice)).await });
    }
    let mut found = 0;
    while let Some(writer) = writers.join_next().await {
        writer.expect("it is committed");
        found += told(&mut node).await.len();
    }
    assert_eq!(found, 40, "none is passed over while others commit");

    // One who did not look for so long that notices were forgotten knows that.
    let text = "DELETE FROM sql_notice WHERE place < (SELECT place FROM sql_notice_head)";
    let mut late = Notices::open(far, clock).await.expect("it is opened");
    for name in ["forgotten", "last"] {
        commit(&*near, Transaction::new().tells(of(name))).await;
    }
    commit(&*near, Transaction::new().run(Statement::new(text))).await;
    assert_eq!(told(&mut late).await, [Heard::Lost, Heard::Notice(of("last"))]);
    // Nor does one go on by places of a database that is as it was before.
    let back = "UPDATE sql_notice_head SET place = place - 2";
    let gone = Statement::new("DELETE FROM sql_notice");
    commit(&*near, Transaction::new().run(Statement::new(back)).run(gone)).await;
    assert_eq!(told(&mut late).await, [Heard::Lost]);
    commit(&*near, Transaction::new().tells(of("again"))).await;
    assert_eq!(told(&mut late).await, heard(&["again"]));
}

async fn told(notices: &mut Notices) -> Vec<Heard> {
    let mut heard = Vec::new();
    notices.look(&mut |said| heard.push(said)).await.expect("a healthy database answers");
    heard
}

/// A fact that can be told from others.
pub fn fact(id: u128, resource: &str) -> Fact {
    Fact {
        id: Id(id),
        at: Time(1),
        request: Id(2),
        tenant: "main".into(),
        actor: "user:ada".into(),
        door: "test".into(),
        action: "thing.put".into(),
        resource: resource.to_owned(),
        outcome: Outcome::Done,
        reason: None,
        count: 1,
        detail: serde_json::json!({ "quoted": "it's \"?1\"" }).into(),
    }
}

fn put(name: &str, number: i64) -> Statement {
    Statement::new("INSERT INTO conformance_thing VALUES (?1, ?2)").bind(name).bind(number)
}

async fn number(sql: &dyn Sql, name: &str) -> Option<i64> {
    let select = Statement::new("SELECT number FROM conformance_thing WHERE name = ?1").bind(name);
    let rows = query(sql, select).await;
    rows.first().map(|row| row.get("number").expect("a number"))
}

async fn waiting(sql: &dyn Sql) -> i64 {
    let rows = query(sql, Statement::new("SELECT count(*) AS n FROM outbox")).await;
    rows.only().and_then(|row| row.get("n")).expect("a number")
}

async fn commit(sql: &dyn Sql, transaction: Transaction) -> Vec<super::Rows> {
    sql.commit(transaction).await.expect("a healthy database commits")
}

async fn query(sql: &dyn Sql, statement: Statement) -> super::Rows {
    sql.query(statement).await.expect("a healthy database answers")
}
