//! The lanes into the log and the ways out of it, on SQLite.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::sync::Arc;

use flow::question::ledger::{Entry, Filter, Follow, Read};
use flow::signal::Registry;
use flow::{Class, Clock, Fact, Id, Ledger as _, Outcome, Random, Time};
use futures_util::StreamExt;
use ledger::{Config, Ledger, Work};
use pool::sql::postgres::{self, Postgres};
use pool::sql::sqlite::{Options, Sqlite};
use pool::sql::{Outbox, Sql, Transaction};
use tokio::sync::watch;

async fn open(config: &Config) -> (Ledger, Work, Arc<Sqlite>) {
    let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
    let (clock, random) = (Clock::system(), Random::system());
    let opened = Ledger::open(sql.clone(), config, clock, random, &Registry::default()).await;
    let (ledger, work) = opened.unwrap();
    (ledger, work, sql)
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
        detail: serde_json::Value::Null,
    }
}

async fn read(
    ledger: &Ledger,
    from: u64,
    limit: u32,
    action: Option<&str>,
) -> (Vec<Entry>, Option<u64>) {
    let filter = Filter { action: action.map(Into::into), actor: None };
    let page = ledger.read(&Read { from, limit, filter }).await.unwrap();
    (page.entries, page.next)
}

/// Runs the work until everything taken so far is on disk.
async fn settle(work: Work) {
    let stop = watch::Sender::new(true);
    work.run(stop.subscribe()).await;
}

#[tokio::test]
async fn a_durable_fact_is_there_when_it_was_answered() {
    let (ledger, _work, _) = open(&Config::default()).await;
    let durable = fact("key.create", "key/a", Outcome::Done);
    ledger.append(Class::Durable, durable.clone()).wait().await.unwrap();
    let (entries, next) = read(&ledger, 1, 10, None).await;
    assert_eq!(entries, [Entry { position: 1, fact: durable }]);
    assert_eq!(next, None);
}

#[tokio::test]
async fn logged_facts_are_all_there_in_order() {
    let (ledger, work, _) = open(&Config::default()).await;
    let facts: Vec<_> =
        (0..1500).map(|n| fact("object.get", &n.to_string(), Outcome::Done)).collect();
    for fact in &facts {
        ledger.append(Class::Logged, fact.clone()).wait().await.unwrap();
    }
    settle(work).await;
    let mut seen = Vec::new();
    let mut next = Some(1);
    while let Some(from) = next {
        let (entries, more) = read(&ledger, from, 700, None).await;
        seen.extend(entries.into_iter().map(|entry| entry.fact));
        next = more;
    }
    assert_eq!(seen, facts);
}

#[tokio::test]
async fn what_the_queue_cannot_take_is_counted_in_the_log_itself() {
    let (ledger, work, _) = open(&Config { queue: 10 }).await;
    for _ in 0..25 {
        ledger.append(Class::Logged, fact("object.get", "o", Outcome::Done)).wait().await.unwrap();
    }
    settle(work).await;
    let (entries, _) = read(&ledger, 1, 100, None).await;
    assert_eq!(entries.len(), 11);
    assert_eq!((&*entries[10].fact.action, entries[10].fact.count), ("ledger.lost", 15));
}

#[tokio::test]
async fn tallies_become_one_fact_each() {
    let (ledger, work, _) = open(&Config::default()).await;
    let tally = ledger.tally(fact("cache.get", "cache/db0", Outcome::Done));
    for _ in 0..1000 {
        tally.count(Outcome::Done);
    }
    tally.count(Outcome::Missing);
    drop(tally);
    settle(work).await;
    let (entries, _) = read(&ledger, 1, 100, None).await;
    let counted: Vec<_> =
        entries.iter().map(|entry| (entry.fact.outcome, entry.fact.count)).collect();
    assert_eq!(counted, [(Outcome::Done, 1000), (Outcome::Missing, 1)]);
}

#[tokio::test]
async fn nobody_fills_the_disk_by_being_refused_or_by_failing() {
    for outcome in [Outcome::Refused, Outcome::Failed] {
        many_of_a_kind_are_few_facts(outcome).await;
    }
}

async fn many_of_a_kind_are_few_facts(outcome: Outcome) {
    let (ledger, work, _) = open(&Config::default()).await;
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
    let mut entries = Vec::new();
    let mut next = Some(1);
    while let Some(from) = next {
        let (page, more) = read(&ledger, from, 1000, None).await;
        entries.extend(page);
        next = more;
    }
    assert!(entries.len() < 300, "{} facts for 20,000 refusals", entries.len());
    assert_eq!(entries.iter().map(|entry| entry.fact.count).sum::<u64>(), 20_000);
    assert!(entries.iter().all(|entry| entry.fact.outcome == outcome));
    assert_eq!(entries.first().unwrap().fact.resource, "same");
}

#[tokio::test]
async fn a_follower_hears_what_was_and_what_comes() {
    let (ledger, _work, _) = open(&Config::default()).await;
    let append = async |action, resource: &str| {
        let fact = fact(action, resource, Outcome::Done);
        ledger.append(Class::Durable, fact).wait().await.unwrap();
    };
    append("key.create", "1").await;
    append("object.put", "2").await;
    let filter = Filter { action: Some("key.*".into()), actor: None };
    let all = Follow { from: Some(1), filter: filter.clone() };
    let mut all = ledger.follow(&all).await.unwrap();
    let mut new = ledger.follow(&Follow { from: None, filter }).await.unwrap();
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
    let (ledger, _work, sql) = open(&Config::default()).await;
    let outbox = Outbox::new(sql.clone(), Clock::system(), &Registry::default());
    let facts: Vec<_> = (0..5).map(|n| fact("key.create", &n.to_string(), Outcome::Done)).collect();
    for fact in &facts {
        sql.commit(Transaction::new().fact(fact.clone())).await.unwrap();
    }
    // One of them was already taken when the server stopped before saying so.
    ledger.append(Class::Durable, facts[0].clone()).wait().await.unwrap();
    outbox.flush(&ledger).await.unwrap();
    outbox.flush(&ledger).await.unwrap();
    let (entries, _) = read(&ledger, 1, 100, None).await;
    assert_eq!(entries.into_iter().map(|entry| entry.fact).collect::<Vec<_>>(), facts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_misses_nothing_however_many_nodes_write() {
    const WRITERS: usize = 8;
    const FACTS: usize = 100;
    let Some(server) = engines::postgres() else { return };
    let node = async || {
        let sql = Arc::new(Postgres::open(postgres::Options::url(server.url())).await.unwrap());
        let (clock, random) = (Clock::system(), Random::system());
        let config = Config::default();
        let (ledger, _) =
            Ledger::open(sql, &config, clock, random, &Registry::default()).await.unwrap();
        ledger
    };
    let nodes = [node().await, node().await];
    let follow = Follow { from: Some(1), filter: Filter::default() };
    let mut followed = nodes[0].follow(&follow).await.unwrap();
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
            heard.insert(entry.fact.resource);
        }
    };
    let heard = Clock::system().within(std::time::Duration::from_secs(20), heard).await;
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(heard.is_some(), "a fact was passed over");
}
