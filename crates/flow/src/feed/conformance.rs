//! What every [`Feed`] must do, whatever carries it.

use super::{Arrival, Feed, Following, Notice, Place, Purge};

/// A feed under test keeps this many notices for those who lag behind (an
/// engine that trims in blocks may keep a few more).
pub const KEPT: usize = 64;

/// Runs the whole suite. `near` and `far` are two nodes' handles of one feed
/// that nobody else publishes to and that keeps about [`KEPT`] notices.
pub async fn run(near: &dyn Feed, far: &dyn Feed) {
    notices_reach_every_node_in_order(near, far).await;
    a_follower_resumes_where_it_was(near, far).await;
    publishers_at_once_share_one_sequence(near, far).await;
    silence_is_a_heartbeat(near).await;
    a_gap_is_noticed_and_following_goes_on(near, far).await;
}

/// A notice that can be told from others.
pub fn notice(n: u64) -> Notice {
    let what = Purge::Key(n.to_be_bytes().to_vec());
    let (tenant, namespace) = ("main".into(), "conformance".into());
    Notice::Purge { tenant, namespace, what, by: 0, owed: Vec::new() }
}

/// The next notice; heartbeats in between are fine.
///
/// # Panics
/// When a gap or an error arrives instead.
pub async fn heard(ear: &mut dyn Following) -> (Place, Notice) {
    loop {
        match ear.next().await {
            Arrival::Notice { place, notice } => return (place, notice),
            Arrival::Heartbeat { .. } => {}
            other => panic!("expected a notice, heard {other:?}"),
        }
    }
}

async fn publish(feed: &dyn Feed, n: u64) -> Place {
    feed.publish(notice(n)).await.expect("a healthy feed takes a notice")
}

async fn follow(feed: &dyn Feed, after: Option<Place>) -> Box<dyn Following> {
    feed.follow(after).await.expect("a healthy feed can be followed")
}

async fn notices_reach_every_node_in_order(near: &dyn Feed, far: &dyn Feed) {
    let mut own = follow(near, None).await;
    let mut other = follow(far, None).await;
    let first = publish(near, 1).await;
    let second = publish(far, 2).await;
    assert_eq!(second, first.next(), "places have no holes");
    for ear in [&mut own, &mut other] {
        assert_eq!(heard(ear.as_mut()).await, (first, notice(1)));
        assert_eq!(heard(ear.as_mut()).await, (second, notice(2)));
    }
}

async fn a_follower_resumes_where_it_was(near: &dyn Feed, far: &dyn Feed) {
    let last = publish(near, 3).await;
    for n in 4..=6 {
        publish(near, n).await;
    }
    let mut ear = follow(far, Some(last)).await;
    for n in 4..=6 {
        assert_eq!(heard(ear.as_mut()).await.1, notice(n));
    }
}

async fn publishers_at_once_share_one_sequence(near: &dyn Feed, far: &dyn Feed) {
    let mut ear = follow(near, None).await;
    let one = async {
        for n in 0..10 {
            publish(near, 100 + n).await;
        }
    };
    let two = async {
        for n in 0..10 {
            publish(far, 200 + n).await;
        }
    };
    tokio::join!(one, two);
    let mut last: Option<Place> = None;
    let mut seen = Vec::new();
    for _ in 0..20 {
        let (place, notice) = heard(ear.as_mut()).await;
        assert!(last.is_none_or(|last| place == last.next()));
        last = Some(place);
        seen.push(notice);
    }
    for n in (100..110).chain(200..210) {
        assert!(seen.contains(&notice(n)), "notice {n} did not arrive");
    }
}

async fn silence_is_a_heartbeat(near: &dyn Feed) {
    let last = publish(near, 300).await;
    let mut ear = follow(near, Some(last)).await;
    match ear.next().await {
        Arrival::Heartbeat { place } => assert_eq!(place, last),
        other => panic!("expected a heartbeat, heard {other:?}"),
    }
}

async fn a_gap_is_noticed_and_following_goes_on(near: &dyn Feed, far: &dyn Feed) {
    let before = publish(near, 400).await;
    let mut ear = follow(far, Some(before)).await;
    // Far more than is kept while nobody listens: the oldest are gone.
    let mut last = before;
    for n in 0..4 * KEPT as u64 {
        last = publish(near, 500 + n).await;
    }
    // One that starts so far behind must hear of the hole first.
    let mut late = follow(far, Some(before)).await;
    let resumed = match late.next().await {
        Arrival::Gap { after, resumed } => {
            assert_eq!(after, before);
            assert!(resumed > before.next() && resumed <= last.next());
            resumed
        }
        other => panic!("expected a gap, heard {other:?}"),
    };
    let mut expected = resumed;
    while expected <= last {
        assert_eq!(heard(late.as_mut()).await.0, expected);
        expected = expected.next();
    }
    // And one that was connected all along either heard everything or was told.
    let mut place = before;
    while place < last {
        place = match ear.next().await {
            Arrival::Notice { place: heard, .. } => {
                assert_eq!(heard, place.next(), "a hole went by without a word");
                heard
            }
            Arrival::Gap { after, resumed } => {
                assert_eq!(after, place);
                Place(resumed.0 - 1)
            }
            Arrival::Heartbeat { .. } => place,
            Arrival::Away(error) => panic!("the feed is there: {error:?}"),
        };
    }
}
