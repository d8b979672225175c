//! Changes while decisions are made: once a change was answered, nothing is decided by what was
//! before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use flow::question::policy::{DataChange, Freshness};

use super::node::{Plane, one};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_a_change_nothing_is_decided_by_what_was_before() {
    const ROUNDS: u64 = 300;
    let node = Arc::new(Plane::new().await.node().await);
    node.put("k", "package k\nv := 0\nn := data.n").await.unwrap();
    node.change("n", DataChange::Put(b"0")).await.unwrap();
    let (answered, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let askers: Vec<_> = ["k/v", "k/n"]
        .into_iter()
        .flat_map(|path| [path; 3])
        .map(|path| {
            let (node, answered, over) = (node.clone(), answered.clone(), over.clone());
            tokio::spawn(async move {
                let mut asked = 0u64;
                while !over.load(Ordering::Acquire) {
                    let least = answered.load(Ordering::Acquire);
                    let decided = node.decide(path, "{}").await.unwrap();
                    let got: u64 = one(&decided).0.unwrap().parse().unwrap();
                    assert!(got >= least, "{path}: {got} after {least} was answered");
                    asked += 1;
                    tokio::task::yield_now().await;
                }
                asked
            })
        })
        .collect();
    for round in 1..=ROUNDS {
        let source = format!("package k\nv := {round}\nn := data.n");
        node.put("k", &source).await.unwrap();
        node.change("n", DataChange::Put(round.to_string().as_bytes())).await.unwrap();
        answered.store(round, Ordering::Release);
        let decided = node.decide("k/v", "{}").await.unwrap();
        assert_eq!(one(&decided).0, Some(&*round.to_string()), "the node's own change");
    }
    over.store(true, Ordering::Release);
    for asker in askers {
        assert!(asker.await.unwrap() > 0);
    }
}

#[tokio::test]
async fn a_change_heard_while_ones_own_is_committed_is_not_overwritten_by_it() {
    let plane = Plane::new().await;
    let (here, there) = (plane.deaf_node().await, Arc::new(plane.deaf_node().await));
    here.put("k", "package k\nallow := \"first\"").await.unwrap();
    // Between our commit and our knowing of it, another node changes something, and we hear it.
    let (other, heard, tenant) = (there.clone(), here.revisions.clone(), here.tenant.clone());
    *plane.sql.after_commit.lock() = Some(Box::pin(async move {
        other.put("k", "package k\nallow := \"revoked\"").await.unwrap();
        heard.bump(&tenant, Some("policies/"));
    }));
    here.put("k", "package k\nallow := \"granted\"").await.unwrap();
    let decided = here.decide("k/allow", "{}").await.unwrap();
    assert_eq!(one(&decided).0, Some("\"revoked\""), "what was heard was forgotten");
}

#[tokio::test]
async fn whoever_gives_up_waiting_for_a_change_leaves_nothing_stale() {
    let plane = Plane::new().await;
    let node = plane.node().await;
    node.put("k", "package k\nv := 1").await.unwrap();
    assert_eq!(one(&node.decide("k/v", "{}").await.unwrap()).0, Some("1"));
    // It is committed, and whoever waited for it is gone.
    *plane.sql.after_commit.lock() = Some(Box::pin(std::future::pending()));
    {
        let mut put = std::pin::pin!(node.put("k", "package k\nv := 2"));
        let within = std::time::Duration::from_millis(200);
        assert!(node.clock.within(within, put.as_mut()).await.is_none());
    }
    let full = node.decide_at("k/v", "{}", Freshness::Full).await.unwrap();
    assert_eq!(one(&full).0, Some("2"));
    assert_eq!(one(&node.decide("k/v", "{}").await.unwrap()).0, Some("2"));
}
