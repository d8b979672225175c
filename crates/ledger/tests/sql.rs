//! The log in a database: the suite, several nodes, and lost connections.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

#[path = "support/forgetful.rs"]
mod forgetful;

use std::sync::Arc;
use std::time::Duration;

use flow::{BoxFuture, Clock, Random, Result};
use futures_util::future::join_all;
use ledger::conformance::{self, Keep, Place};
use ledger::query::Query;
use ledger::sql::Log;
use ledger::{Append, Event, Expected};
use pool::sql::postgres::{self, Postgres};
use pool::sql::sqlite::{Options, Sqlite};
use pool::sql::{Sql, Statement, Transaction};

use self::forgetful::Forgetful;

async fn log(sql: Arc<dyn Sql>, clock: Clock) -> Arc<dyn Keep> {
    Arc::new(Log::open(sql, clock, Random::system()).await.unwrap())
}

/// A file of SQLite.
struct File(tempfile::TempDir);

impl Place for File {
    fn open(&self, clock: Clock) -> BoxFuture<'_, Arc<dyn Keep>> {
        let path = self.0.path().join("log");
        Box::pin(async move {
            let sql = Sqlite::open(Options::file(path)).await.unwrap();
            log(Arc::new(sql), clock).await
        })
    }
}

/// A database of PostgreSQL.
struct Server(engines::Postgres);

impl Server {
    async fn sql(&self) -> Arc<dyn Sql> {
        Arc::new(Postgres::open(postgres::Options::url(self.0.url())).await.unwrap())
    }
}

impl Place for Server {
    fn open(&self, clock: Clock) -> BoxFuture<'_, Arc<dyn Keep>> {
        Box::pin(async move { log(self.sql().await, clock).await })
    }
}

#[tokio::test]
async fn sqlite_keeps_a_log() {
    conformance::run(async |_| Box::new(File(tempfile::tempdir().unwrap())) as _).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_a_log() {
    if engines::postgres().is_none() {
        return;
    }
    conformance::run(async |_| Box::new(Server(engines::postgres().unwrap())) as _).await;
}

#[tokio::test]
async fn what_was_erased_is_still_proven() {
    let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
    let keep = log(sql.clone(), Clock::system()).await;
    let secret = || vec![Append::to("s").key("k").event(Event::new("told", "a secret"))];
    for n in 0..300 {
        keep.append(vec![Append::to("s").event(Event::new("k", n.to_string()))]).await.unwrap();
    }
    let told = keep.append(secret()).await.unwrap();
    let root = keep.root(301).await.unwrap();
    let erase = Statement::new("UPDATE log_event SET body = NULL WHERE position = 301");
    sql.commit(Transaction::new().run(erase)).await.unwrap();
    let newest = Query { backward: true, limit: 1, ..Query::default() };
    let page = keep.read(newest).await.unwrap();
    assert_eq!((page.events[0].kind(), &page.events[0].payload), ("told", &None));
    assert_eq!(keep.evidence(301, 1, 1000).await.unwrap()[0].body, None);
    conformance::chain(&*keep).await;
    assert_eq!(keep.root(301).await.unwrap(), root);
    // What can be compared is the same.
    let again = keep.append(secret()).await.unwrap();
    assert_eq!((again[0].first, again[0].replayed), (told[0].first, true));
}

#[tokio::test]
async fn more_than_may_wait_is_refused_at_once() {
    let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
    let open = Log::with_room(sql, Clock::system(), Random::system(), 10).await;
    let keep = open.unwrap();
    let append = || keep.append(vec![Append::to("s").event(Event::new("k", ""))]);
    let answers = join_all((0..15).map(|_| append())).await;
    let refused: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.len(), 5);
    assert!(refused.iter().all(|error| error.code() == &ledger::codes::FULL));
    append().await.unwrap();
}

#[tokio::test]
async fn a_node_refuses_by_what_the_others_have_appended() {
    let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
    let near = log(sql.clone(), Clock::system()).await;
    let far = log(sql, Clock::system()).await;
    for version in (0..10).step_by(2) {
        for (node, version) in [(&near, version), (&far, version + 1)] {
            let append = Append::to("s").event(Event::new("k", ""));
            let next = append.clone().expecting(Expected::Version(version));
            assert_eq!(node.append(vec![next]).await.unwrap()[0].version, version + 1);
            assert_eq!(near.version("main", "s").await.unwrap(), version + 1);
        }
        let late = Append::to("s").event(Event::new("k", "")).expecting(Expected::Version(version));
        let refused = near.append(vec![late]).await.unwrap_err();
        assert_eq!(
            refused.detail(),
            format!("`s` is at version {}, not at {version}", version + 2)
        );
    }
}

#[tokio::test]
async fn who_dies_in_its_turn_holds_nobody_up() {
    let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
    let keep = log(sql.clone(), Clock::system()).await;
    let append = || keep.append(vec![Append::to("s").event(Event::new("k", ""))]);
    append().await.unwrap();
    let text = "UPDATE log_head SET turn = 'dead', \
                until = CAST(unixepoch('subsec') * 1000 AS INTEGER) + 200";
    sql.commit(Transaction::new().run(Statement::new(text))).await.unwrap();
    let clock = Clock::system();
    let since = clock.moment();
    assert_eq!(append().await.unwrap()[0].first, 2);
    let waited = clock.moment().since(since);
    assert!(waited >= Duration::from_millis(100), "it was another node's turn");
    let turn = sql.query(Statement::new("SELECT until FROM log_head")).await.unwrap();
    assert_eq!(turn.only().unwrap().at::<i64>(0).unwrap(), 0, "its own turn is over");
}

#[tokio::test]
async fn what_nobody_knows_the_outcome_of_is_appended_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let sql = Arc::new(Sqlite::open(Options::file(path)).await.unwrap());
    let near = log(Arc::new(Forgetful::new(sql.clone(), 3)), Clock::system()).await;
    let far = log(sql, Clock::system()).await;
    // Without keys: whatever is done twice is there twice.
    conformance::writers(&[near.clone(), far]).await;
    conformance::chain(&*near).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_of_one_database_append_to_one_log() {
    let Some(server) = engines::postgres() else { return };
    let server = Server(server);
    let (near, far, third) = tokio::join!(
        server.open(Clock::system()),
        server.open(Clock::system()),
        server.open(Clock::system())
    );
    let mut end = third.end();
    conformance::writers(&[near, far.clone()]).await;
    conformance::chain(&*far).await;
    // Who only looks on hears of it as well.
    let all = end.wait_for(|size| *size == 16 * 40 * 3);
    Clock::system().within(Duration::from_secs(10), all).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_whose_connections_are_ended_lose_and_double_nothing() {
    const WRITERS: usize = 8;
    const APPENDS: usize = 60;
    let Some(server) = engines::postgres() else { return };
    let server = Arc::new(Server(server));
    let nodes = [server.open(Clock::system()).await, server.open(Clock::system()).await];
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write(nodes[writer % 2].clone(), writer, APPENDS)))
        .collect();
    let ending = tokio::task::spawn_blocking({
        let server = server.clone();
        move || {
            let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                       WHERE datname = current_database() AND pid <> pg_backend_pid()";
            (0..15).map(|_| server.0.sql(end).unwrap().trim().parse::<u64>().unwrap()).sum::<u64>()
        }
    });
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    assert!(ending.await.unwrap() > 0, "no connection was ended");
    assert_eq!(acknowledged.len(), WRITERS * APPENDS);
    let keep = server.open(Clock::system()).await;
    let mut query = Query { limit: 1000, ..Query::default() };
    let page = keep.read(query.clone()).await.unwrap();
    assert_eq!((page.events.len(), page.next), (WRITERS * APPENDS, None));
    for (key, position) in acknowledged {
        assert_eq!(page.events[position as usize - 1].key(), key);
    }
    query.filter.stream = Some("shared".into());
    let shared = keep.read(query).await.unwrap().events;
    assert!(shared.iter().enumerate().all(|(n, record)| record.version == n as u64 + 1));
    conformance::chain(&*keep).await;
}

/// Appends one after the other, each until it is acknowledged: keys, and where they are.
async fn write(keep: Arc<dyn Keep>, writer: usize, appends: usize) -> Vec<(String, u64)> {
    let mut acknowledged = Vec::new();
    for n in 0..appends {
        let key = format!("{writer} {n}");
        let once = Append::to("shared").key(&key).event(Event::new("k", key.clone()));
        let answer = loop {
            match keep.append(vec![once.clone()]).await {
                Ok(answer) => break answer,
                Err(error) => assert_eq!(error.kind(), flow::Kind::Busy, "{}", error.story()),
            }
        };
        acknowledged.push((key, answer[0].first));
    }
    acknowledged
}
