//! Consumer groups: what they promise, against a model, and on several nodes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

#[path = "support/forgetful.rs"]
mod forgetful;
#[path = "group/model.rs"]
mod model;
#[path = "group/nodes.rs"]
mod nodes;

use std::sync::Arc;
use std::time::Duration;

use flow::signal::Registry;
use flow::unit::Span;
use flow::{Clock, Code, Random, Time};
use ledger::codes::{GROUP_AHEAD, GROUP_EXISTS, GROUP_MISSING, INVALID, RECEIPT_STALE};
use ledger::group::{Delivery, Groups, Options, Receipt, Which};
use ledger::query::{Filter, Query};
use ledger::{Append, Event, Log};
use pool::sql::Sql;
use pool::sql::postgres::{self, Postgres};
use pool::sql::sqlite::{self, Sqlite};

const NOW: Duration = Duration::ZERO;

/// Groups on a log of their own, at a time that stands still.
struct Bench {
    groups: Groups,
    log: Log,
    clock: Clock,
}

impl Bench {
    async fn on(sql: Arc<dyn Sql>) -> Self {
        let clock = Clock::manual(Time(1_700_000_000_000_000_000));
        let log = Log::in_database(sql.clone(), clock.clone(), Random::seeded(1)).await.unwrap();
        let groups = groups(sql, &log, &clock).await;
        Self { groups, log, clock }
    }

    async fn in_memory() -> Self {
        Self::on(Arc::new(Sqlite::open(sqlite::Options::memory()).await.unwrap())).await
    }

    async fn create(&self, options: Options) {
        self.groups.create("main", "g", Filter::default(), Some(1), options).await.unwrap();
    }

    async fn append(&self, kinds: &[&str]) {
        for kind in kinds {
            self.log.append(Append::to("s").event(Event::new(*kind, "{}"))).await.unwrap();
        }
    }

    async fn take(&self, most: u32) -> Vec<Delivery> {
        self.groups.take("main", "g", most, NOW).await.unwrap()
    }

    async fn ack(&self, taken: &[Delivery]) {
        self.groups.ack("main", "g", &receipts(taken)).await.unwrap();
    }

    async fn retry(&self, taken: &[Delivery], reason: &str) {
        self.groups.retry("main", "g", &receipts(taken), reason).await.unwrap();
    }

    /// Position, in flight, waiting, parked.
    async fn state(&self) -> (u64, u64, u64, u64) {
        let state = self.groups.state("main", "g").await.unwrap();
        assert_eq!(state.lag, self.log.size() - state.position);
        (state.position, state.in_flight, state.waiting, state.parked)
    }
}

async fn groups(sql: Arc<dyn Sql>, log: &Log, clock: &Clock) -> Groups {
    let random = Random::system();
    Groups::open(sql, log.clone(), clock.clone(), random, &Registry::default()).await.unwrap()
}

fn receipts(taken: &[Delivery]) -> Vec<Receipt> {
    taken.iter().map(|delivery| delivery.receipt).collect()
}

fn positions(taken: &[Delivery]) -> Vec<u64> {
    taken.iter().map(|delivery| delivery.event.position).collect()
}

fn attempts(taken: &[Delivery]) -> Vec<(u64, u32)> {
    taken.iter().map(|delivery| (delivery.event.position, delivery.attempt)).collect()
}

/// Runs a test on every database there is.
async fn everywhere(test: impl AsyncFn(Bench)) {
    test(Bench::in_memory().await).await;
    if let Some(server) = engines::postgres() {
        let postgres = Postgres::open(postgres::Options::url(server.url())).await.unwrap();
        test(Bench::on(Arc::new(postgres)).await).await;
    }
}

#[tokio::test]
async fn what_is_acknowledged_is_gone_and_the_rest_comes_again() {
    everywhere(async |bench| {
        bench.create(Options::default()).await;
        bench.append(&["a", "b", "c", "d", "e"]).await;
        let first = bench.take(3).await;
        assert_eq!(attempts(&first), [(1, 1), (2, 1), (3, 1)]);
        assert_eq!(first[1].event.kind(), "b");
        let second = bench.take(3).await;
        assert_eq!(positions(&second), [4, 5]);
        assert_eq!(bench.take(3).await, []);
        assert_eq!(bench.state().await, (0, 5, 0, 0));
        bench.ack(&[first[0].clone(), first[2].clone(), second[0].clone()]).await;
        assert_eq!(bench.state().await, (1, 2, 0, 0));
        bench.clock.advance(Duration::from_secs(31));
        assert_eq!(bench.state().await, (1, 0, 2, 0));
        let again = bench.take(3).await;
        assert_eq!(attempts(&again), [(2, 2), (5, 2)]);
        bench.ack(&again).await;
        assert_eq!(bench.state().await, (5, 0, 0, 0));
        bench.clock.advance(Duration::from_secs(31));
        assert_eq!(bench.take(3).await, []);
    })
    .await;
}

#[tokio::test]
async fn a_lease_that_ran_out_is_good_until_somebody_else_has_it() {
    everywhere(async |bench| {
        bench.create(Options::default()).await;
        bench.append(&["a", "b", "c"]).await;
        let slow = bench.take(3).await;
        bench.clock.advance(Duration::from_secs(31));
        // Late, but nobody else has it.
        bench.ack(&slow[..1]).await;
        let quick = bench.take(1).await;
        assert_eq!(attempts(&quick), [(2, 2)]);
        let late = bench.groups.ack("main", "g", &receipts(&slow)).await.unwrap_err();
        assert_eq!(late.code(), &RECEIPT_STALE);
        assert_eq!(
            late.detail(),
            "the receipt of the event at 2 holds no more: its lease ran out, or it was given back"
        );
        let late = bench.groups.retry("main", "g", &receipts(&slow[1..]), "late").await;
        assert_eq!(late.unwrap_err().code(), &RECEIPT_STALE);
        let late = bench.groups.park("main", "g", &receipts(&slow[1..2]), "late").await;
        assert_eq!(late.unwrap_err().code(), &RECEIPT_STALE);
        bench.groups.release("main", "g", &receipts(&slow)).await.unwrap();
        assert_eq!(bench.state().await, (1, 1, 0, 0));
        bench.ack(&quick).await;
        // The third was done with the first, and saying so again does no harm.
        bench.ack(&slow).await;
        assert_eq!(bench.state().await, (3, 0, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn what_fails_rests_twice_as_long_each_time_and_is_parked_in_the_end() {
    everywhere(async |bench| {
        let (rest, rest_max) = (Span::secs(10), Span::secs(30));
        bench.create(Options { tries: 4, rest, rest_max, ..Options::default() }).await;
        bench.append(&["a", "b"]).await;
        let taken = bench.take(2).await;
        bench.ack(&taken[1..]).await;
        let mut taken = taken[..1].to_vec();
        for (attempt, rest) in [(2, 10), (3, 20), (4, 30)] {
            bench.retry(&taken, "no luck").await;
            assert_eq!(bench.state().await, (0, 0, 1, 0));
            bench.clock.advance(Duration::from_millis(rest * 1000 - 1));
            assert_eq!(bench.take(5).await, []);
            bench.clock.advance(Duration::from_millis(1));
            taken = bench.take(5).await;
            assert_eq!(attempts(&taken), [(1, attempt)]);
        }
        let reason = "out of\0 patience".to_owned() + &"é".repeat(2000);
        bench.retry(&taken, &reason).await;
        assert_eq!(bench.state().await, (2, 0, 0, 1));
        let (parked, next) = bench.groups.parked("main", "g", 1, 10).await.unwrap();
        assert_eq!((parked.len(), next), (1, None));
        assert_eq!((parked[0].event.kind(), parked[0].attempts), ("a", 4));
        assert!(parked[0].reason.starts_with("out of\u{fffd} patience"));
        assert!(parked[0].reason.len() <= 1000 + 2);
        assert_eq!(parked[0].since, bench.clock.now());
        bench.clock.advance(Duration::from_secs(1000));
        assert_eq!(bench.take(5).await, []);
    })
    .await;
}

#[tokio::test]
async fn consumers_that_are_never_heard_of_park_an_event_too() {
    everywhere(async |bench| {
        bench.create(Options { tries: 2, ..Options::default() }).await;
        bench.append(&["poison", "fine"]).await;
        for attempt in 1..=2 {
            assert_eq!(attempts(&bench.take(1).await), [(1, attempt)]);
            bench.clock.advance(Duration::from_secs(31));
        }
        assert_eq!(attempts(&bench.take(1).await), [(2, 1)]);
        let (parked, _) = bench.groups.parked("main", "g", 1, 10).await.unwrap();
        assert_eq!((parked[0].event.position, &*parked[0].reason), (1, "its lease ran out"));
        assert_eq!(bench.state().await, (1, 1, 0, 1));
    })
    .await;
}

#[tokio::test]
async fn parked_events_are_replayed_or_dropped() {
    everywhere(async |bench| {
        bench.create(Options { rest: Span::millis(0), tries: 3, ..Options::default() }).await;
        bench.append(&["a", "b", "c", "d", "e"]).await;
        let taken = bench.take(5).await;
        bench.groups.park("main", "g", &receipts(&taken), "broken").await.unwrap();
        assert_eq!(bench.state().await, (5, 0, 0, 5));
        let (page, next) = bench.groups.parked("main", "g", 1, 2).await.unwrap();
        assert_eq!((page[1].event.position, next), (2, Some(3)));
        let (page, next) = bench.groups.parked("main", "g", 3, 10).await.unwrap();
        assert_eq!((page.len(), next), (3, None));
        let which = Which::At(&[2, 4, 77]);
        assert_eq!(bench.groups.replay("main", "g", which).await.unwrap(), 2);
        let again = bench.take(5).await;
        assert_eq!(attempts(&again), [(2, 1), (4, 1)]);
        bench.ack(&again[..1]).await;
        assert_eq!(bench.groups.drop_parked("main", "g", Which::At(&[4, 5])).await.unwrap(), 1);
        assert_eq!(bench.groups.replay("main", "g", Which::All).await.unwrap(), 2);
        assert_eq!(positions(&bench.take(5).await), [1, 3]);
        bench.groups.park("main", "g", &receipts(&again[1..]), "broken").await.unwrap();
        assert_eq!(bench.groups.drop_parked("main", "g", Which::All).await.unwrap(), 1);
        assert_eq!(bench.state().await, (0, 2, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_slow_group_holds_no_more_than_it_may() {
    everywhere(async |bench| {
        let options = Options { open_max: 7, parked_max: 10, tries: 1, ..Options::default() };
        bench.create(options).await;
        bench.append(&["k"; 40]).await;
        let first = bench.take(5).await;
        let second = bench.take(5).await;
        assert_eq!((first.len(), second.len()), (5, 2));
        assert_eq!(bench.take(5).await, []);
        bench.retry(&first, "no").await;
        bench.retry(&second, "no").await;
        assert_eq!(bench.state().await, (7, 0, 0, 7));
        // What is parked has bounds as well: three may still fail.
        let third = bench.take(5).await;
        assert_eq!(positions(&third), [8, 9, 10]);
        assert_eq!(bench.take(5).await, []);
        bench.retry(&third, "no").await;
        assert_eq!(bench.take(5).await, []);
        bench.groups.drop_parked("main", "g", Which::At(&[1, 2])).await.unwrap();
        assert_eq!(positions(&bench.take(5).await), [11, 12]);
    })
    .await;
}

#[tokio::test]
async fn only_what_is_wanted_is_delivered() {
    everywhere(async |bench| {
        let filter = Filter { kinds: vec!["order.*".into()], ..Filter::default() };
        bench.append(&["order.placed", "mail.sent", "order.paid"]).await;
        let other = Append::to("s").tenant("other").event(Event::new("order.placed", ""));
        bench.log.append(other).await.unwrap();
        let create =
            |from| bench.groups.create("main", "g", filter.clone(), from, Options::default());
        create(Some(2)).await.unwrap();
        bench.append(&["mail.sent"]).await;
        let taken = bench.take(10).await;
        assert_eq!(positions(&taken), [3]);
        bench.ack(&taken).await;
        assert_eq!(bench.take(10).await, []);
        assert_eq!(bench.state().await, (5, 0, 0, 0));
        bench.groups.remove("main", "g").await.unwrap();
        create(None).await.unwrap();
        bench.append(&["order.lost"]).await;
        assert_eq!(positions(&bench.take(10).await), [6]);
    })
    .await;
}

#[tokio::test]
async fn groups_have_names_of_their_own() {
    everywhere(async |bench| {
        bench.append(&["a"]).await;
        let create = |tenant, name, options| {
            bench.groups.create(tenant, name, Filter::default(), Some(1), options)
        };
        for (tenant, name) in [("main", "b"), ("main", "a"), ("other", "a"), ("main", "a")] {
            create(tenant, name, Options::default()).await.unwrap();
        }
        let list = bench.groups.list("main").await.unwrap();
        let names: Vec<_> = list.iter().map(|state| &*state.name).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(list[0].filter.tenant.as_deref(), Some("main"));
        let changed = Options { tries: 3, ..Options::default() };
        assert_eq!(create("main", "a", changed).await.unwrap_err().code(), &GROUP_EXISTS);
        bench.groups.change("main", "a", changed).await.unwrap();
        create("main", "a", changed).await.unwrap();
        // Receipts of a group that is gone say nothing to another one of its name.
        let old = bench.groups.take("main", "a", 1, NOW).await.unwrap();
        bench.groups.remove("main", "a").await.unwrap();
        create("main", "a", changed).await.unwrap();
        let new = bench.groups.take("main", "a", 1, NOW).await.unwrap();
        let stale = bench.groups.ack("main", "a", &receipts(&old)).await.unwrap_err();
        assert_eq!(stale.code(), &RECEIPT_STALE);
        bench.groups.ack("main", "a", &receipts(&new)).await.unwrap();
        assert_eq!(bench.groups.state("main", "b").await.unwrap().position, 0);
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let bench = Bench::in_memory().await;
    let groups = &bench.groups;
    let is = |error: flow::Error, code: &'static Code, word: &str| {
        assert_eq!(error.code(), code, "{error}");
        assert!(error.detail().contains(word), "{error}");
    };
    is(groups.take("main", "g", 1, NOW).await.unwrap_err(), &GROUP_MISSING, "`g`");
    is(groups.ack("main", "g", &[]).await.unwrap_err(), &GROUP_MISSING, "`g`");
    is(groups.retry("main", "g", &[], "").await.unwrap_err(), &GROUP_MISSING, "`g`");
    is(groups.remove("main", "g").await.unwrap_err(), &GROUP_MISSING, "`g`");
    is(groups.replay("main", "g", Which::All).await.unwrap_err(), &GROUP_MISSING, "`g`");
    is(groups.state("main", "g\0").await.unwrap_err(), &INVALID, "cannot name a group");
    is(groups.ack("main", "g\0", &[]).await.unwrap_err(), &INVALID, "cannot name a group");
    let change = groups.change("main", "g", Options::default()).await;
    is(change.unwrap_err(), &GROUP_MISSING, "`g`");
    let wrong = [
        (Options { lease: Span::millis(0), ..Options::default() }, "`lease` is 0s"),
        (Options { tries: 0, ..Options::default() }, "`tries` is 0"),
        (Options { rest: Span::secs(301), ..Options::default() }, "`rest` is 5m 1s"),
        (Options { open_max: 10_001, ..Options::default() }, "`open_max` is 10001"),
        (Options { parked_max: 0, ..Options::default() }, "`parked_max` is 0"),
    ];
    for (options, word) in wrong {
        let create = groups.create("main", "g", Filter::default(), None, options).await;
        is(create.unwrap_err(), &INVALID, word);
    }
    for name in ["", "a\nb", &"n".repeat(201)] {
        let create = groups.create("main", name, Filter::default(), None, Options::default());
        is(create.await.unwrap_err(), &INVALID, "cannot name a group");
    }
    let foreign = Filter { tenant: Some("other".into()), ..Filter::default() };
    let create = groups.create("main", "g", foreign, None, Options::default()).await;
    is(create.unwrap_err(), &INVALID, "`other`");
    bench.create(Options::default()).await;
    is(groups.take("main", "g", 0, NOW).await.unwrap_err(), &INVALID, "0 events");
    is(groups.take("main", "g", 1001, NOW).await.unwrap_err(), &INVALID, "1001 events");
    is(groups.parked("main", "g", 1, 0).await.unwrap_err(), &INVALID, "a page of 0");
    let receipt: Receipt = "1-00000000000000000000000000".parse().unwrap();
    is(groups.ack("main", "g", &[receipt; 1001]).await.unwrap_err(), &INVALID, "1001 receipts");
    // An event that was never taken is not settled by a made-up receipt.
    bench.append(&["a"]).await;
    groups.ack("main", "g", &[receipt]).await.unwrap();
    assert_eq!(positions(&bench.take(1).await), [1]);
    is(groups.ack("main", "g", &[receipt]).await.unwrap_err(), &RECEIPT_STALE, "at 1");
}

#[tokio::test]
async fn what_is_given_back_comes_at_once_and_costs_no_try() {
    everywhere(async |bench| {
        bench.create(Options { tries: 1, ..Options::default() }).await;
        bench.append(&["a", "b"]).await;
        let taken = bench.take(2).await;
        bench.groups.release("main", "g", &receipts(&taken)).await.unwrap();
        assert_eq!(attempts(&bench.take(2).await), [(1, 1), (2, 1)]);
    })
    .await;
}

#[tokio::test]
async fn a_take_is_never_too_much_to_hold() {
    let bench = Bench::in_memory().await;
    bench.create(Options { rest: Span::millis(0), ..Options::default() }).await;
    for _ in 0..40 {
        let event = Event::new("large", vec![0; 1_000_000]);
        bench.log.append(Append::to("s").event(event)).await.unwrap();
    }
    let mut taken = Vec::new();
    while taken.len() < 40 {
        let more = bench.take(100).await;
        assert!(!more.is_empty() && more.len() <= 33, "{}", more.len());
        taken.extend(more);
    }
    bench.retry(&taken, "too heavy").await;
    let mut seen = Vec::new();
    while seen.len() < 40 {
        let again = bench.take(100).await;
        assert!(!again.is_empty() && again.len() <= 33, "{}", again.len());
        bench.groups.park("main", "g", &receipts(&again), "too heavy").await.unwrap();
        seen.extend(attempts(&again));
    }
    assert_eq!(seen, (1..=40).map(|n| (n, 2)).collect::<Vec<_>>());
    let (mut parked, mut from, mut pages) = (0, Some(1), 0);
    while let Some(next) = from {
        let (page, more) = bench.groups.parked("main", "g", next, 100).await.unwrap();
        (parked, from, pages) = (parked + page.len(), more, pages + 1);
    }
    assert_eq!(parked, 40);
    assert!(pages > 1);
}

#[tokio::test]
async fn who_waits_hears_of_what_is_appended_given_back_and_due() {
    let sql: Arc<dyn Sql> = Arc::new(Sqlite::open(sqlite::Options::memory()).await.unwrap());
    let clock = Clock::system();
    let log = Log::in_database(sql.clone(), clock.clone(), Random::system()).await.unwrap();
    let bench = Bench { groups: groups(sql, &log, &clock).await, log, clock };
    let options = Options { rest: Span::millis(50), lease: Span::secs(3600), ..Options::default() };
    bench.create(options).await;
    let wait = || bench.groups.take("main", "g", 1, Duration::from_secs(60));
    let (taken, ()) = tokio::join!(wait(), bench.append(&["a"]));
    let taken = taken.unwrap();
    assert_eq!(positions(&taken), [1]);
    let (again, ()) = tokio::join!(wait(), async {
        tokio::task::yield_now().await;
        bench.groups.release("main", "g", &receipts(&taken)).await.unwrap();
    });
    let again = again.unwrap();
    assert_eq!(attempts(&again), [(1, 1)]);
    let (due, ()) = tokio::join!(wait(), bench.retry(&again, "later"));
    assert_eq!(attempts(&due.unwrap()), [(1, 2)]);
    let nothing = bench.groups.take("main", "g", 1, Duration::from_millis(30)).await;
    assert_eq!(nothing.unwrap(), []);
}

#[tokio::test]
async fn a_group_that_wants_little_is_not_held_up_by_the_rest() {
    let bench = Bench::in_memory().await;
    let filter = Filter { kinds: vec!["rare".into()], ..Filter::default() };
    bench.groups.create("main", "g", filter, Some(1), Options::default()).await.unwrap();
    let common = || (0..1000).fold(Append::to("s"), |append, _| append.event(Event::new("k", "")));
    for _ in 0..12 {
        bench.log.append(common()).await.unwrap();
    }
    assert_eq!(bench.take(1).await, []);
    assert_eq!(bench.state().await, (12_000, 0, 0, 0));
    bench.append(&["rare"]).await;
    assert_eq!(positions(&bench.take(1).await), [12_001]);
    let page = bench.log.read(Query { limit: 1, ..Query::default() }).await.unwrap();
    assert_eq!(page.events.len(), 1);
}

/// A log in a database of its own, with so many events.
async fn log_of(clock: &Clock, seed: u64, count: u64) -> Log {
    let sql = Arc::new(Sqlite::open(sqlite::Options::memory()).await.unwrap());
    let log = Log::in_database(sql, clock.clone(), Random::seeded(seed)).await.unwrap();
    for _ in 0..count {
        log.append(Append::to("s").event(Event::new("k", "{}"))).await.unwrap();
    }
    log
}

#[tokio::test]
async fn a_log_that_was_set_back_is_noticed_also_when_it_has_grown_again() {
    let clock = Clock::manual(Time(1_700_000_000_000_000_000));
    let sql: Arc<dyn Sql> = Arc::new(Sqlite::open(sqlite::Options::memory()).await.unwrap());
    let whole = log_of(&clock, 1, 15).await;
    let before = groups(sql.clone(), &whole, &clock).await;
    let other = Filter { kinds: vec!["other".into()], ..Filter::default() };
    let options = Options::default;
    before.create("main", "seen", Filter::default(), Some(1), options()).await.unwrap();
    before.create("main", "passed", other, Some(1), options()).await.unwrap();
    before.create("main", "new", Filter::default(), None, options()).await.unwrap();
    before.create("main", "early", Filter::default(), Some(1), options()).await.unwrap();
    before.create("main", "future", Filter::default(), Some(30), options()).await.unwrap();
    let taken = before.take("main", "seen", 100, NOW).await.unwrap();
    before.ack("main", "seen", &receipts(&taken)).await.unwrap();
    assert_eq!(taken.len(), 15);
    assert!(before.take("main", "passed", 100, NOW).await.unwrap().is_empty());
    let early = before.take("main", "early", 4, NOW).await.unwrap();
    before.ack("main", "early", &receipts(&early)).await.unwrap();

    // The same events up to the tenth, and then others.
    let log = log_of(&clock, 1, 10).await;
    for (more, what) in [(0, "the log ends at 10"), (8, "has another event there")] {
        for _ in 0..more {
            clock.advance(Duration::from_secs(1));
            log.append(Append::to("t").event(Event::new("k", "{}"))).await.unwrap();
        }
        let after = groups(sql.clone(), &log, &clock).await;
        for name in ["seen", "passed", "new"] {
            let error = after.take("main", name, 9, NOW).await.unwrap_err();
            assert_eq!(error.code(), &GROUP_AHEAD, "{name}: {error:?}");
            let detail = error.detail();
            assert!(detail.contains(&format!("`{name}` has come to position 15")), "{detail}");
            assert!(detail.contains(what), "{detail}");
            let error = after.state("main", name).await.unwrap_err();
            assert_eq!(error.code(), &GROUP_AHEAD, "nor does it look well: {error:?}");
        }
        // Who was not beyond it goes on, and who waits for what is to come waits on.
        let taken = after.take("main", "early", 3, NOW).await.unwrap();
        assert_eq!(taken.len(), 3);
        after.ack("main", "early", &receipts(&taken)).await.unwrap();
        assert!(after.take("main", "future", 9, NOW).await.unwrap().is_empty());
        assert_eq!(after.list("main").await.unwrap().len(), 5);
        // What is to be done then.
        after.remove("main", "new").await.unwrap();
        after.create("main", "new", Filter::default(), Some(1), options()).await.unwrap();
        assert_eq!(after.take("main", "new", 1, NOW).await.unwrap().len(), 1);
        after.remove("main", "new").await.unwrap();
        before.create("main", "new", Filter::default(), None, options()).await.unwrap();
    }
}
