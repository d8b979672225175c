//! Several nodes of one PostgreSQL.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use flow::unit::Span;
use flow::{Clock, Random, Time};
use ledger::codes::RECEIPT_STALE;
use ledger::group::{Delivery, Groups, Options};
use ledger::query::Filter;
use ledger::{Append, Event, Log};
use parking_lot::Mutex;
use pool::sql::Sql;
use pool::sql::postgres::{self, Postgres};

use super::groups;

const EVENTS: u64 = 600;
const LEASE: Duration = Duration::from_millis(400);

/// What all consumers know together.
#[derive(Default)]
struct Seen {
    /// Until when somebody has them for sure.
    held: BTreeMap<u64, Time>,
    done: BTreeSet<u64>,
    deliveries: u64,
}

async fn node(url: &str) -> (Groups, Log) {
    let clock = Clock::system();
    let sql: Arc<dyn Sql> = Arc::new(Postgres::open(postgres::Options::url(url)).await.unwrap());
    let log = Log::in_database(sql.clone(), clock.clone(), Random::system()).await.unwrap();
    (groups(sql, &log, &clock).await, log)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_event_is_with_two_consumers_of_two_nodes() {
    let Some(server) = engines::postgres() else { return };
    let (near, log) = node(server.url()).await;
    let (far, _log) = node(server.url()).await;
    let nodes = [Arc::new(near), Arc::new(far)];
    let (lease, rest) = (Span(LEASE), Span::millis(1));
    let options = Options { lease, rest, tries: 8, open_max: 100, ..Options::default() };
    nodes[0].create("main", "g", Filter::default(), Some(1), options).await.unwrap();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let consumers: Vec<_> = (0..8)
        .map(|n| tokio::spawn(consume(nodes[n % 2].clone(), seen.clone(), n as u64)))
        .collect();
    for n in 0..EVENTS / 20 {
        let events = (0..20).map(|_| Event::new("k", n.to_string())).collect();
        log.append(Append { events, ..Append::to("s") }).await.unwrap();
    }
    for consumer in consumers {
        consumer.await.unwrap();
    }
    let (parked, next) = nodes[1].parked("main", "g", 1, 1000).await.unwrap();
    let parked: BTreeSet<_> = parked.into_iter().map(|parked| parked.event.position).collect();
    let seen = seen.lock();
    assert_eq!(next, None);
    assert!(seen.done.is_disjoint(&parked));
    let all: BTreeSet<_> = seen.done.union(&parked).copied().collect();
    assert_eq!(all, (1..=EVENTS).collect());
    assert!(seen.deliveries > EVENTS, "nothing came again");
}

/// Takes, and does with it what it likes, until everything is settled.
async fn consume(groups: Arc<Groups>, seen: Arc<Mutex<Seen>>, seed: u64) {
    let (random, clock) = (Random::seeded(seed), Clock::system());
    loop {
        let since = clock.now();
        let most = 1 + random.below(20) as u32;
        let wait = Duration::from_millis(random.below(2) * 100);
        let taken = groups.take("main", "g", most, wait).await.unwrap();
        if taken.is_empty() && groups.state("main", "g").await.unwrap().position == EVENTS {
            return;
        }
        note(&seen, &taken, since, clock.now());
        for delivery in taken {
            settle(&groups, &seen, &delivery, random.below(20)).await;
        }
    }
}

fn note(seen: &Mutex<Seen>, taken: &[Delivery], since: Time, now: Time) {
    let mut seen = seen.lock();
    for Delivery { event, .. } in taken {
        let position = event.position;
        assert!(!seen.done.contains(&position), "{position} was done");
        let until = seen.held.insert(position, since.after(LEASE));
        let free = until.is_none_or(|until| until.millis() <= now.millis() + 1);
        assert!(free, "{position} is with somebody else");
        seen.deliveries += 1;
    }
}

async fn settle(groups: &Groups, seen: &Mutex<Seen>, delivery: &Delivery, choice: u64) {
    let (receipt, position) = ([delivery.receipt], delivery.event.position);
    // It may come again from here on, for all that is known.
    let give_up = || seen.lock().held.remove(&position);
    let answer = match choice {
        0..=12 => {
            let answer = groups.ack("main", "g", &receipt).await;
            if answer.is_ok() {
                seen.lock().done.insert(position);
            }
            answer
        }
        13..=15 => {
            give_up();
            groups.retry("main", "g", &receipt, "again").await
        }
        16 => {
            give_up();
            groups.release("main", "g", &receipt).await
        }
        // It dies, and is not heard of again.
        _ => Ok(()),
    };
    if let Err(error) = answer {
        assert_eq!(error.code(), &RECEIPT_STALE, "{}", error.story());
    }
}
