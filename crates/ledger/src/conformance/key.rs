//! Idempotency keys.

use futures_util::FutureExt;
use futures_util::future::{join, join_all};

use super::{Place, append, appended, event, everything, open, refused, size, stream, to};
use crate::codes::{CONFLICT, KEY_REUSED};
use crate::event::{Append, Appended, Expected};

pub(super) async fn the_same_again_has_the_same_answer(place: &dyn Place) {
    let keep = open(place).await;
    let three = || to("s", "1").event(event("2")).event(event("3")).key("once");
    let first = appended(&*keep, three().expecting(Expected::Empty)).await;
    appended(&*keep, to("s", "later")).await;
    let again = Appended { replayed: true, ..first };
    for expected in [Expected::Empty, Expected::Any, Expected::Version(77)] {
        assert_eq!(appended(&*keep, three().expecting(expected)).await, again);
    }
    place.close(keep).await;
    let keep = open(place).await;
    assert_eq!(appended(&*keep, three()).await, again);
    assert_eq!(size(&*keep).await, 4);

    // A batch may hold both what is there and what is not, and the same twice.
    let batch = vec![three(), to("t", "new").key("new"), to("t", "new").key("new"), to("t", "x")];
    let answers = keep.append(batch).await.unwrap();
    assert_eq!(answers[0], again);
    assert_eq!(answers[1], Appended { first: 5, last: 5, version: 1, replayed: false });
    assert_eq!(answers[2], Appended { replayed: true, ..answers[1] });
    assert_eq!(answers[3], Appended { first: 6, last: 6, version: 2, replayed: false });

    // What was refused has not used its key.
    let refusal = to("s", "k").key("free").expecting(Expected::Empty);
    refused(append(&*keep, refusal.clone()).await, &CONFLICT);
    let other = append(&*keep, to("s", "other").key("free")).await.unwrap();
    assert!(!other.replayed);

    // Not even for those it shares a commit with.
    let refusal = vec![to("t", "k").key("left"), to("s", "k").expecting(Expected::Empty)];
    let other = vec![to("t", "other").key("left")];
    let (refusal, other) = join(keep.append(refusal), keep.append(other)).await;
    refused(refusal, &CONFLICT);
    assert!(!other.unwrap()[0].replayed);
}

pub(super) async fn a_key_stands_for_its_events(place: &dyn Place) {
    let keep = open(place).await;
    let two = to("s", "1").event(event("2")).key("k");
    appended(&*keep, two.clone()).await;
    appended(&*keep, to("s", "3")).await;
    let others = [
        to("s", "1"),
        to("s", "1").event(event("2")).event(event("3")),
        to("s", "2").event(event("1")),
        to("s", "1").event(event("2").by("somebody")),
        to("s", "1").event(event("2").schema(9)),
        to("s", "1").event(crate::event::Event::new("2", "other bytes")),
    ];
    for other in others {
        let said = refused(append(&*keep, other.key("k")).await, &KEY_REUSED);
        assert!(said.contains("`k`"), "{said}");
    }
    assert_eq!(size(&*keep).await, 3);
    // In another stream, or another tenant's, it is another key.
    assert!(!appended(&*keep, Append { stream: "t".into(), ..two.clone() }).await.replayed);
    assert!(!appended(&*keep, two.clone().tenant("other")).await.replayed);
    assert!(appended(&*keep, two).await.replayed);
}

pub(super) async fn of_many_with_one_key_one_appends(place: &dyn Place) {
    let keep = open(place).await;
    for round in 0..5 {
        let key = format!("key {round}");
        let appends = (0..16).map(|_| {
            let (keep, once) = (keep.clone(), to("s", "k").event(event("l")).key(&key));
            tokio::spawn(async move { appended(&*keep, once).await })
        });
        let answers: Vec<_> = join_all(appends).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
        assert!(answers.iter().all(|answer| answer.first == answers[0].first));
        assert!(answers.iter().all(|answer| answer.version == 2 * (round + 1)));
    }
    assert_eq!(stream(&*keep, "s").await.len(), 10);
}

pub(super) async fn who_stops_waiting_loses_and_doubles_nothing(place: &dyn Place) {
    let keep = open(place).await;
    let once = |n: usize| vec![to("s", &n.to_string()).key(format!("key {n}"))];
    for n in 0..50 {
        // Asked once and dropped: whether it is done nobody says.
        let _ = keep.append(once(n)).now_or_never();
    }
    let answers = join_all((0..50).map(|n| keep.append(once(n)))).await;
    for (n, answer) in answers.into_iter().enumerate() {
        let answer = answer.unwrap();
        let record = &everything(&*keep).await[answer[0].first as usize - 1];
        assert_eq!((record.kind(), record.key()), (&*n.to_string(), &*format!("key {n}")));
    }
    assert_eq!(size(&*keep).await, 50);
}
