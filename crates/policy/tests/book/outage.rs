//! An outage is never an answer, and never asked after by everybody at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use flow::question::policy::{DataChange, Freshness, Tier};

use super::node::{Plane, code, one};

const POLICY: &str = "package k\nallow if data.users[input.user]\n";

#[tokio::test]
async fn what_is_known_is_decided_while_it_holds_and_nothing_else() {
    let plane = Plane::new().await;
    let (here, there) = (plane.node().await, plane.deaf_node().await);
    here.put("k", POLICY).await.unwrap();
    here.change("users", DataChange::Put(br#"{"ann":true}"#)).await.unwrap();
    // What one's own notice ended is read once more.
    let newest = here.decide_at("k/allow", r#"{"user":"x"}"#, Freshness::Full).await.unwrap();
    here.hears(&newest.revision).await;
    let ann = r#"{"user":"ann"}"#;
    assert_eq!(one(&here.decide("k/allow", ann).await.unwrap()).0, Some("true"));

    plane.sql.away.store(true, Ordering::Release);
    if here.book.known(&here.tenant).is_some() {
        assert_eq!(one(&here.decide("k/allow", ann).await.unwrap()), (Some("true"), Tier::Memory));
        assert_eq!(one(&here.decide("k/allow", r#"{"user":"bob"}"#).await.unwrap()).0, None);
    }
    // A question that needs more than is known fails.
    let full = here.decide_at("k/allow", ann, Freshness::Full).await.unwrap_err();
    assert_eq!(code(&full), "test-away");
    let far = here.decide_at("k/allow", ann, Freshness::AtLeast("99.99")).await.unwrap_err();
    assert_eq!(code(&far), "test-away");
    assert_eq!(code(&here.put("k", "package k").await.unwrap_err()), "test-away");

    // Once something may have changed, what was known is no answer any more; nor is a no.
    here.revisions.bump(&here.tenant, Some("policies/"));
    for user in [ann, r#"{"user":"bob"}"#] {
        for _ in 0..3 {
            assert_eq!(code(&here.decide("k/allow", user).await.unwrap_err()), "test-away");
        }
    }
    // A node that never knew anything does not say no, either.
    assert_eq!(code(&there.decide("k/allow", ann).await.unwrap_err()), "test-away");

    plane.sql.away.store(false, Ordering::Release);
    for node in [&here, &there] {
        assert_eq!(one(&node.decide("k/allow", ann).await.unwrap()).0, Some("true"));
    }
}

#[tokio::test]
async fn a_change_that_failed_changed_nothing() {
    let plane = Plane::new().await;
    let node = plane.node().await;
    node.put("k", "package k\nv := 1").await.unwrap();
    plane.sql.away.store(true, Ordering::Release);
    assert!(node.put("k", "package k\nv := 2").await.is_err());
    assert!(node.change("users", DataChange::Put(b"1")).await.is_err());
    assert!(node.book.delete(&node.tenant, "k", "ann", None).await.is_err());
    plane.sql.away.store(false, Ordering::Release);
    assert_eq!(one(&node.decide("k/v", "{}").await.unwrap()).0, Some("1"));
    let edition = node.book.newest(&node.tenant).await.unwrap();
    assert_eq!(edition.revision().to_string(), "1.0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_that_finds_nothing_known_reads_once() {
    let plane = Plane::new().await;
    let node = Arc::new(plane.deaf_node().await);
    node.put("k", POLICY).await.unwrap();
    for round in 0..20 {
        node.revisions.bump(&node.tenant, Some("policies/"));
        let before = plane.sql.queries.load(Ordering::Acquire);
        let crowd: Vec<_> = (0..64)
            .map(|n| {
                let node = node.clone();
                tokio::spawn(async move {
                    let input = format!("{{\"user\":{n}}}");
                    node.decide("k/allow", &input).await.unwrap()
                })
            })
            .collect();
        for one in crowd {
            one.await.unwrap();
        }
        let asked = plane.sql.queries.load(Ordering::Acquire) - before;
        assert!(asked <= 4, "round {round}: {asked} queries for one reading");
    }
}
