//! Appending: order, versions, expectations, batches, limits, time.

use std::time::Duration;

use flow::{Clock, Id, Time};
use futures_util::future::join_all;

use super::{Place, append, appended, event, everything, open, refused, size, stream, to};
use crate::codes::{CONFLICT, INVALID};
use crate::event::{
    Append, Appended, BATCH_MAX, Codec, Event, Expected, PATH_MAX, PAYLOAD_MAX, Record, TEXT_MAX,
};
use crate::query::{Filter, Query};

pub(super) async fn events_stand_in_order_as_they_were_appended(place: &dyn Place) {
    let keep = open(place).await;
    assert_eq!((size(&*keep).await, keep.version("main", "a").await.unwrap()), (0, 0));
    let full = Event::json("order.placed", &serde_json::json!({"total": 12}))
        .unwrap()
        .schema(3)
        .by("human:änn\0")
        .within("shop")
        .about("shop/100%/_/orders")
        .correlated("checkout")
        .caused_by("click");
    let full = Event { id: Some(Id(7)), ..full };
    let first = Append::to("a").event(full.clone()).event(event("b"));
    let first = appended(&*keep, first.key("once")).await;
    assert_eq!(first, Appended { first: 1, last: 2, version: 2, replayed: false });
    let second = appended(&*keep, to("b", "c").tenant("other")).await;
    assert_eq!(second, Appended { first: 3, last: 3, version: 1, replayed: false });
    let third = appended(&*keep, to("a", "d")).await;
    assert_eq!(third, Appended { first: 4, last: 4, version: 3, replayed: false });

    place.close(keep).await;
    let keep = open(place).await;
    let all = everything(&*keep).await;
    let places: Vec<_> = all.iter().map(|record| (record.position, record.version)).collect();
    assert_eq!(places, [(1, 1), (2, 2), (3, 1), (4, 3)]);
    let [one, two, three, four] = &all[..] else { panic!("there are four") };
    same(&full, one);
    assert_eq!((one.tenant(), one.stream(), one.key()), ("main", "a", "once"));
    assert_eq!((one.id, one.codec, one.schema), (Id(7), Codec::Json, 3));
    assert_eq!((two.kind(), two.key(), two.payload.as_deref()), ("b", "", Some(&b"b"[..])));
    assert_eq!((three.tenant(), three.stream()), ("other", "b"));
    assert_ne!(three.id, four.id);
    assert_eq!(keep.version("main", "a").await.unwrap(), 3);
    assert_eq!(keep.version("other", "b").await.unwrap(), 1);
    assert_eq!(keep.version("other", "a").await.unwrap(), 0);
}

pub(super) fn same(event: &Event, record: &Record) {
    assert_eq!(
        (&*event.kind, &*event.actor, &*event.component, &*event.path),
        (record.kind(), record.actor(), record.component(), record.path())
    );
    assert_eq!(
        (&*event.correlation, &*event.causation, event.schema, event.codec),
        (record.correlation(), record.causation(), record.schema, record.codec)
    );
    assert_eq!(Some(&event.payload), record.payload.as_ref());
}

pub(super) async fn a_stream_has_to_be_as_expected(place: &dyn Place) {
    let keep = open(place).await;
    let cases = [
        (Expected::Exists, false),
        (Expected::Version(1), false),
        (Expected::Empty, true),
        (Expected::Empty, false),
        (Expected::Version(0), false),
        (Expected::Exists, true),
        (Expected::Version(2), true),
        (Expected::Version(2), false),
        (Expected::Version(4), false),
        (Expected::Any, true),
    ];
    let mut version = 0;
    for (expected, holds) in cases {
        let answer = append(&*keep, to("s", "k").expecting(expected)).await;
        if holds {
            version += 1;
            assert_eq!(answer.unwrap().version, version, "{expected:?}");
        } else {
            let sentence = refused(answer, &CONFLICT);
            assert!(sentence.contains("`s`"), "{sentence}");
        }
        assert_eq!(keep.version("main", "s").await.unwrap(), version);
    }
    appended(&*keep, to("t", "k").expecting(Expected::Version(0))).await;
    appended(&*keep, to("u", "k").expecting(Expected::Any)).await;
    assert_eq!(size(&*keep).await, version + 2);
}

pub(super) async fn a_conflict_fails_alone(place: &dyn Place) {
    let keep = open(place).await;
    let appends = (0..60).map(|n| {
        let stream = if n % 2 == 0 { "fought over".to_owned() } else { format!("own {n}") };
        keep.append(vec![to(&stream, "k").expecting(Expected::Empty)])
    });
    let answers = join_all(appends).await;
    let (fought, own): (Vec<_>, Vec<_>) =
        answers.into_iter().enumerate().partition(|(n, _)| n % 2 == 0);
    assert!(own.iter().all(|(_, answer)| answer.is_ok()));
    assert_eq!(fought.iter().filter(|(_, answer)| answer.is_ok()).count(), 1);
    for (_, answer) in fought.into_iter().filter(|(_, answer)| answer.is_err()) {
        refused(answer, &CONFLICT);
    }
    assert_eq!(size(&*keep).await, 31);
}

pub(super) async fn a_batch_is_appended_as_a_whole_or_not(place: &dyn Place) {
    let keep = open(place).await;
    appended(&*keep, to("taken", "k")).await;
    let batch = vec![
        to("a", "k").event(event("k")),
        to("b", "k").key("mine"),
        to("taken", "k").expecting(Expected::Empty),
    ];
    refused(keep.append(batch).await, &CONFLICT);
    assert_eq!(size(&*keep).await, 1);
    assert_eq!(keep.version("main", "a").await.unwrap(), 0);

    // Each append of a batch sees those before it.
    let batch = vec![
        to("a", "1").event(event("2")).expecting(Expected::Empty),
        to("b", "3").key("mine").expecting(Expected::Empty),
        to("a", "4").expecting(Expected::Version(2)),
        to("b", "5").expecting(Expected::Exists),
    ];
    let answers = keep.append(batch).await.unwrap();
    let answers: Vec<_> =
        answers.into_iter().map(|it| (it.first, it.last, it.version, it.replayed)).collect();
    assert_eq!(answers, [(2, 3, 2, false), (4, 4, 1, false), (5, 5, 3, false), (6, 6, 2, false)]);
    let kinds: Vec<_> =
        stream(&*keep, "a").await.iter().map(|record| record.kind().to_owned()).collect();
    assert_eq!(kinds, ["1", "2", "4"]);
    let evidence = keep.evidence(2, 100, usize::MAX).await.unwrap();
    let ends: Vec<_> = evidence.iter().map(|it| (it.ends.append, it.ends.batch)).collect();
    assert_eq!(ends, [(false, false), (true, false), (true, false), (true, false), (true, true)]);

    // A batch that fails behind one it shares a commit with leaves no trace of itself.
    let good = keep.append(vec![to("c", "k"), to("d", "k")]);
    let bad = keep.append(vec![to("c", "k"), to("d", "k").expecting(Expected::Version(9))]);
    let last = keep.append(vec![to("c", "k")]);
    let (good, bad, last) = futures_util::future::join3(good, bad, last).await;
    refused(bad, &CONFLICT);
    let mut versions = [good.unwrap()[0].version, last.unwrap()[0].version];
    versions.sort_unstable();
    assert_eq!(versions, [1, 2]);
    let positions: Vec<_> = everything(&*keep).await.iter().map(|record| record.position).collect();
    assert_eq!(positions, (1..=9).collect::<Vec<_>>());
}

pub(super) async fn what_is_too_much_says_so(place: &dyn Place) {
    let keep = open(place).await;
    let long = "x".repeat(TEXT_MAX + 1);
    let half = Event::new("k", vec![0; 500_000]);
    let cases = [
        (vec![Append::to("s")], "nothing is to be appended to `s`"),
        (vec![to("", "k")], "the stream has no name"),
        (vec![to("s", "k").tenant("")], "the stream has no name"),
        (vec![to("s", "")], "the event has no type"),
        (vec![to(&long, "k")], "1025 bytes of stream are more than the 1024 allowed"),
        (vec![to("s", "k").key(&long)], "1025 bytes of idempotency key"),
        (vec![Append::to("s").event(event("k").by(&long))], "1025 bytes of actor"),
        (
            vec![Append::to("s").event(event("k").about("x".repeat(PATH_MAX + 1)))],
            "4097 bytes of path are more than the 4096 allowed",
        ),
        (
            vec![Append::to("s").event(Event::new("k", vec![0; PAYLOAD_MAX + 1]))],
            "a payload of 1000001 bytes is more than the 1000000 allowed",
        ),
        (
            (0..=BATCH_MAX).map(|n| to(&n.to_string(), "k")).collect(),
            "1001 events in a batch are more than the 1000 allowed",
        ),
        (
            (0..21).map(|_| Append::to("s").event(half.clone())).collect(),
            "bytes is more than the 10000000 allowed",
        ),
    ];
    for (batch, sentence) in cases {
        let said = refused(keep.append(batch).await, &INVALID);
        assert!(said.contains(sentence), "{said}");
    }
    assert_eq!(size(&*keep).await, 0);
}

pub(super) async fn what_is_just_not_too_much_is_kept(place: &dyn Place) {
    let keep = open(place).await;
    // Letters that no compression makes shorter.
    let random = flow::Random::seeded(5);
    let text = |length: usize| -> String {
        (0..length).map(|_| char::from(b'a' + random.below(26) as u8)).collect()
    };
    let (tenant, name, kind) = (text(TEXT_MAX), text(TEXT_MAX), text(TEXT_MAX));
    let mut payload = vec![0; PAYLOAD_MAX];
    random.fill(&mut payload);
    let largest = Event::new(kind.clone(), payload)
        .by(text(TEXT_MAX))
        .within(text(TEXT_MAX))
        .about(format!("{}/{}", text(1000), text(PATH_MAX - 1001)))
        .correlated(text(TEXT_MAX))
        .caused_by(text(TEXT_MAX));
    let one = Append::to(name.clone()).tenant(tenant.clone()).key(text(TEXT_MAX));
    appended(&*keep, one.event(largest.clone())).await;
    let glob = |path: &str| Some(crate::query::Glob::parse(path).unwrap());
    let folder = largest.path.split_once('/').unwrap().0;
    let filters = [
        Filter { stream: Some(name), ..Filter::default() },
        Filter { kinds: vec![kind], ..Filter::default() },
        Filter { actor: Some(largest.actor.clone()), ..Filter::default() },
        Filter { path: glob(&largest.path), ..Filter::default() },
        Filter { path: glob(&format!("{folder}/*")), ..Filter::default() },
        Filter { correlation: Some(largest.correlation.clone()), ..Filter::default() },
    ];
    for filter in filters {
        let filter = Filter { tenant: Some(tenant.clone()), ..filter };
        let page = keep.read(Query { filter, ..Query::default() }).await.unwrap();
        assert_eq!(page.events.len(), 1);
        same(&largest, &page.events[0]);
    }
    let many = (0..BATCH_MAX).map(|n| to(&format!("s{}", n % 7), "k")).collect();
    let answers = keep.append(many).await.unwrap();
    assert_eq!(answers.last().unwrap().last, 1001);
    let heavy = (0..9).map(|_| Append::to("heavy").event(largest.clone())).collect();
    keep.append(heavy).await.unwrap();
    assert_eq!(stream(&*keep, "heavy").await.len(), 9);
}

pub(super) async fn time_never_goes_back(place: &dyn Place) {
    let late = Time(2_000_000_000_000_000_000);
    for start in [late, Time(late.0 - 1_000_000_000), Time(late.0 + 5)] {
        let clock = Clock::manual(start);
        let keep = place.open(clock.clone()).await;
        appended(&*keep, to("s", "k")).await;
        clock.advance(Duration::from_nanos(3));
        appended(&*keep, to("s", "k")).await;
        place.close(keep).await;
    }
    let keep = open(place).await;
    let times: Vec<_> = everything(&*keep).await.iter().map(|it| it.time.0 - late.0).collect();
    assert_eq!(times, [0, 3, 3, 3, 5, 8]);
}

pub(super) async fn the_end_wakes_who_waits(place: &dyn Place) {
    let keep = open(place).await;
    appended(&*keep, to("s", "k").event(event("k"))).await;
    let mut end = keep.end();
    assert_eq!(*end.borrow_and_update(), 2);
    let clock = Clock::system();
    for size in 3..6 {
        let waits = clock.within(Duration::from_secs(10), end.changed());
        let (woken, _) = futures_util::future::join(waits, appended(&*keep, to("s", "k"))).await;
        woken.expect("the wait is over").expect("the log is open");
        assert_eq!(*end.borrow_and_update(), size);
    }
    place.close(keep).await;
    assert_eq!(*open(place).await.end().borrow(), 5);
}
