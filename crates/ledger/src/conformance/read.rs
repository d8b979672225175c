//! Reading, beside a plain list.

use std::time::Duration;

use flow::{Clock, Random, Time};

use super::{Keep, Place, append, appended, everything, open, pages, size, to};
use crate::event::{Append, Event, Record};
use crate::query::{Filter, Glob, LOOK_MAX, Query};

const TENANTS: [&str; 2] = ["main", "side"];
const STREAMS: [&str; 4] = ["orders-1", "orders-2", "a/b", "ä%_"];
const KINDS: [&str; 5] = ["order", "order.placed", "order.paid", "orders.x", "user.left"];
const ACTORS: [&str; 3] = ["", "human:ann", "agent:7"];
const PATHS: [&str; 7] = ["", "a", "a/b", "a/b/c", "a/bc", "ab/c", "z/a/b"];
const GLOBS: [&str; 12] =
    ["", "**", "a", "a/*", "a/**", "a/b", "a/b*", "*/b", "**/b", "a/?", "ab/**", "none/**"];
const CAUSES: [&str; 4] = ["", "c1", "c2", "never"];

fn pick<'a>(random: &Random, from: &[&'a str]) -> &'a str {
    from[random.below(from.len() as u64) as usize]
}

fn any(random: &Random) -> Append {
    let append = Append::to(pick(random, &STREAMS)).tenant(pick(random, &TENANTS));
    (0..=random.below(3)).fold(append, |append, n| {
        let event = Event::new(pick(random, &KINDS), vec![n as u8; random.below(200) as usize])
            .by(pick(random, &ACTORS))
            .within(pick(random, &["", "web", "cli"]))
            .about(pick(random, &PATHS))
            .correlated(pick(random, &CAUSES[..3]))
            .caused_by(pick(random, &CAUSES[..3]));
        append.event(event)
    })
}

/// Each filter is there now and then.
fn filter(random: &Random, log: &[Record]) -> Filter {
    let some = |of: &[&str]| (random.below(4) == 0).then(|| pick(random, of).to_owned());
    let time = || (random.below(5) == 0).then(|| when(random, log));
    let kinds = [&KINDS[..], &["order*", "order.*", "*", "none"]].concat();
    Filter {
        tenant: (random.below(3) > 0).then(|| pick(random, &TENANTS).to_owned()),
        stream: some(&STREAMS),
        kinds: match random.below(3) {
            0 => (0..=random.below(3)).map(|_| pick(random, &kinds).to_owned()).collect(),
            _ => Vec::new(),
        },
        actor: some(&ACTORS),
        component: some(&["", "web", "cli"]),
        correlation: some(&CAUSES),
        causation: some(&CAUSES),
        path: (random.below(3) == 0).then(|| Glob::parse(pick(random, &GLOBS)).unwrap()),
        since: time(),
        before: time(),
    }
}

fn when(random: &Random, log: &[Record]) -> Time {
    let time = log[random.below(log.len() as u64) as usize].time;
    Time(time.0 + random.below(3) - 1)
}

fn query(random: &Random, log: &[Record]) -> Query {
    let position = || (random.below(3) == 0).then(|| random.below(log.len() as u64 + 10) + 1);
    Query {
        from: position(),
        backward: random.below(2) == 0,
        as_of: position(),
        limit: 1 + random.below(40) as u32,
        filter: filter(random, log),
    }
}

/// What a query finds in a list.
fn found(query: &Query, log: &[Record]) -> Vec<Record> {
    let last = query.as_of.unwrap_or(u64::MAX);
    let here = |position: u64| match (query.from, query.backward) {
        (Some(from), false) => position >= from,
        (Some(from), true) => position <= from,
        (None, _) => true,
    };
    let wanted = log.iter().filter(|record| here(record.position) && record.position <= last);
    let mut found: Vec<_> = wanted.filter(|record| query.filter.wants(record)).cloned().collect();
    if query.backward {
        found.reverse();
    }
    found
}

pub(super) async fn pages_are_as_the_filter_says(place: &dyn Place) {
    for seed in 0..3 {
        let random = Random::seeded(seed);
        let clock = Clock::manual(Time(1_000_000_000 * (seed + 1)));
        let keep = place.open(clock.clone()).await;
        for _ in 0..100 {
            clock.advance(Duration::from_nanos(random.below(4)));
            let batch = (0..=random.below(2)).map(|_| any(&random)).collect();
            keep.append(batch).await.unwrap();
        }
        let log = everything(&*keep).await;
        assert_eq!(log.len() as u64, size(&*keep).await);
        for _ in 0..250 {
            let query = query(&random, &log);
            let expected = found(&query, &log);
            let page = keep.read(query.clone()).await.unwrap();
            let limit = query.limit as usize;
            assert_eq!(page.events, expected[..limit.min(expected.len())], "{query:?}");
            assert!(page.next.is_some() || expected.len() <= limit, "{query:?}");
            assert_eq!(pages(&*keep, query.clone()).await, expected, "{query:?}");
        }
        place.close(keep).await;
    }
}

pub(super) async fn cursors_survive_writes(place: &dyn Place) {
    let keep = open(place).await;
    let random = Random::seeded(11);
    for _ in 0..40 {
        append(&*keep, any(&random)).await.unwrap();
    }
    let before = everything(&*keep).await;
    let as_of = before.len() as u64;
    let filters = [
        Filter::default(),
        Filter { tenant: Some("main".into()), kinds: vec!["order*".into()], ..Filter::default() },
        Filter {
            tenant: Some("main".into()),
            actor: Some("human:ann".into()),
            ..Filter::default()
        },
        Filter { path: Some(Glob::parse("a/**").unwrap()), ..Filter::default() },
    ];
    for filter in filters {
        let base = Query { limit: 5, filter, ..Query::default() };
        let at = Query { as_of: Some(as_of), ..base.clone() };
        let (from_first, _) = pages_while_writing(&*keep, base.clone(), &random).await;
        let now = everything(&*keep).await;
        assert_eq!(from_first, found(&base, &now), "nothing is passed over, nothing comes twice");

        let backward = Query { backward: true, ..base.clone() };
        let (from_last, began) = pages_while_writing(&*keep, backward.clone(), &random).await;
        let then = Query { as_of: Some(began), ..backward };
        assert_eq!(from_last, found(&then, &now), "what came later is not in front of it");

        let (then, _) = pages_while_writing(&*keep, at.clone(), &random).await;
        assert_eq!(then, found(&at, &before), "a position in the past stays what it was");
    }
}

/// Reads all pages, with an append behind each of the first; and where the log ended when
/// the first was read.
async fn pages_while_writing(
    keep: &dyn Keep,
    mut query: Query,
    random: &Random,
) -> (Vec<Record>, u64) {
    let began = size(keep).await;
    let mut events = Vec::new();
    for page in 0.. {
        let Some(next) = more(keep, &query, &mut events).await else { break };
        query.from = Some(next);
        if page < 6 {
            append(keep, any(random)).await.unwrap();
        }
    }
    (events, began)
}

async fn more(keep: &dyn Keep, query: &Query, events: &mut Vec<Record>) -> Option<u64> {
    let page = keep.read(query.clone()).await.unwrap();
    events.extend(page.events);
    page.next
}

pub(super) async fn tenants_never_see_each_other(place: &dyn Place) {
    let keep = open(place).await;
    for tenant in TENANTS {
        for n in 0..5 {
            let event = Event::new("k", tenant).by("ann").about("a/b").correlated("c");
            let one = Append::to("same").tenant(tenant).key(n.to_string()).event(event);
            let answer = appended(&*keep, one).await;
            assert_eq!((answer.version, answer.replayed), (n + 1, false));
        }
    }
    appended(&*keep, to("only main's", "k")).await;
    let whose = |tenant: &str| Filter { tenant: Some(tenant.to_owned()), ..Filter::default() };
    let filters = |tenant: &str| {
        [
            whose(tenant),
            Filter { stream: Some("same".into()), ..whose(tenant) },
            Filter { kinds: vec!["k".into()], ..whose(tenant) },
            Filter { kinds: vec!["*".into(), "k".into()], ..whose(tenant) },
            Filter { actor: Some("ann".into()), ..whose(tenant) },
            Filter { correlation: Some("c".into()), ..whose(tenant) },
            Filter { path: Some(Glob::parse("a/**").unwrap()), ..whose(tenant) },
        ]
    };
    for tenant in TENANTS {
        for filter in filters(tenant) {
            for backward in [false, true] {
                let query =
                    Query { backward, limit: 3, filter: filter.clone(), ..Query::default() };
                let events = pages(&*keep, query).await;
                assert!(events.len() >= 5);
                assert!(events.iter().all(|record| record.tenant() == tenant), "{filter:?}");
            }
        }
    }
    for filter in filters("nobody") {
        assert_eq!(pages(&*keep, Query { filter, ..Query::default() }).await, []);
    }
    assert_eq!(keep.version("side", "only main's").await.unwrap(), 0);
}

pub(super) async fn what_is_rare_is_found_in_a_long_log(place: &dyn Place) {
    let keep = open(place).await;
    let clock = Clock::system();
    for part in 0..24u64 {
        let one = |n: u64| {
            let event = match (part, n) {
                (1 | 12 | 23, 500) | (10 | 14, 0) => {
                    Event::new("rare.one", "").by("rare").about("rare/a")
                }
                (5, _) => Event::new("common.b", "").by("common").about("often/b"),
                _ => Event::new("common.a", "").by("common").about("often/a"),
            };
            Append::to(format!("s{}", n % 100)).event(event)
        };
        keep.append((0..1000).map(one).collect()).await.unwrap();
    }
    appended(&*keep, to("last", "rare.two")).await;
    let log = everything(&*keep).await;
    assert_eq!(log.len(), 24_001);
    for (backward, from) in [(false, 1), (true, 24_001)] {
        for (limit, expected) in [(1_500, 1_500), (LOOK_MAX, 10_000), (u32::MAX, 10_000)] {
            let query = Query { backward, limit, ..Query::default() };
            let page = keep.read(query).await.unwrap();
            let next = if backward { from - expected } else { from + expected };
            assert_eq!((page.events.len() as u64, page.next), (expected, Some(next)), "{limit}");
        }
    }
    let kinds = |kinds: &[&str]| Filter {
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        ..Filter::default()
    };
    let path = |path| Filter { path: Some(Glob::parse(path).unwrap()), ..Filter::default() };
    let middle = log[12_000].time;
    let filters = [
        kinds(&["rare.one"]),
        kinds(&["rare.*"]),
        kinds(&["common.b", "rare.*"]),
        kinds(&["nothing"]),
        Filter { actor: Some("common".into()), ..kinds(&["rare*"]) },
        Filter { actor: Some("rare".into()), ..kinds(&["common.*"]) },
        Filter { actor: Some("rare".into()), ..Filter::default() },
        path("rare/*"),
        path("*/a"),
        path("**/rare/a"),
        path("often/?b"),
        Filter { stream: Some("s7".into()), ..path("rare/**") },
        Filter { since: Some(middle), ..kinds(&["rare.*"]) },
        Filter { before: Some(middle), ..path("rare/**") },
        Filter { since: Some(clock.now()), ..Filter::default() },
    ];
    for filter in filters {
        for (tenant, backward) in [(true, false), (true, true), (false, false), (false, true)] {
            let tenant = tenant.then(|| "main".to_owned());
            let filter = Filter { tenant, ..filter.clone() };
            let query = Query { backward, limit: 1000, filter, ..Query::default() };
            assert_eq!(pages(&*keep, query.clone()).await, found(&query, &log), "{query:?}");
        }
    }
}
