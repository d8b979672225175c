//! Policies as they are put, kept and taken away.

use flow::feed::{Heard, Notice};
use flow::question::policy::{Changed, DataChange, Freshness, PutPolicy};
use pool::sql::Notices;

use super::node::{Plane, code, one};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_on_two_nodes_at_once_both_land() {
    let plane = Plane::new().await;
    let nodes = [plane.node().await, plane.node().await];
    for round in 0..20 {
        let source = |n: usize| format!("package k{n}\nv := {round}\n");
        let (sources, data) = ([source(0), source(1)], round.to_string());
        let (one, two, three, four) = tokio::join!(
            nodes[0].put("k0", &sources[0]),
            nodes[1].put("k1", &sources[1]),
            nodes[0].change("d/zero", DataChange::Put(data.as_bytes())),
            nodes[1].change("d/one", DataChange::Put(data.as_bytes())),
        );
        assert!(one.unwrap().1 && two.unwrap().1);
        assert!(matches!((three.unwrap(), four.unwrap()), (Changed::Made(_), Changed::Made(_))));
        for node in &nodes {
            let edition = node.book.newest(&node.tenant).await.unwrap();
            assert_eq!(edition.revision().to_string(), format!("{0}.{0}", 2 * (round + 1)));
            assert_eq!(edition.policy("k0").unwrap().version, round + 1);
            assert_eq!(edition.data().to_string().matches(&data).count(), 2);
            for id in 0..2 {
                let path = format!("k{id}/v");
                let decided = node.decide(&path, "{}").await.unwrap();
                assert_eq!(super::node::one(&decided).0, Some(&*data));
            }
        }
    }
}

#[tokio::test]
async fn every_version_is_kept_and_what_changes_nothing_makes_none() {
    let node = Plane::new().await.node().await;
    let (first, second) = ("package k\nv := 1", "package k\nv := 2");
    assert!(node.put("k", first).await.unwrap().1);
    assert!(!node.put("k", first).await.unwrap().1, "it was there already");
    assert!(node.put("k", second).await.unwrap().1);
    let dry = PutPolicy { id: "k", source: "package k\nv := 3", dry_run: true };
    assert!(!node.book.put(&node.tenant, &dry, "ann", None).await.unwrap().1);
    let dry = PutPolicy { id: "new", source: "package n", dry_run: true };
    assert!(!node.book.put(&node.tenant, &dry, "ann", None).await.unwrap().1);
    assert_eq!(one(&node.decide("k/v", "{}").await.unwrap()).0, Some("2"));
    assert!(node.book.delete(&node.tenant, "k", "bob", None).await.unwrap());
    assert!(!node.book.delete(&node.tenant, "k", "bob", None).await.unwrap());
    assert_eq!(one(&node.decide("k/v", "{}").await.unwrap()).0, None);
    assert!(node.put("k", first).await.unwrap().1, "it was away");
    for (version, source) in
        [(0, None), (1, Some(first)), (2, Some(second)), (3, None), (4, Some(first)), (5, None)]
    {
        let kept = node.book.version(&node.tenant, "k", version).await.unwrap();
        assert_eq!(kept.as_ref().map(|kept| &*kept.source), source, "version {version}");
        assert!(kept.is_none_or(|kept| kept.by == "ann"));
    }
    let edition = node.book.newest(&node.tenant).await.unwrap();
    assert_eq!(edition.revision().to_string(), "4.0");
    assert_eq!(edition.policies().count(), 1);
}

#[tokio::test]
async fn a_broken_policy_changes_nothing_and_says_where_it_is_broken() {
    let node = Plane::new().await.node().await;
    node.put("k", "package k\nv := 1").await.unwrap();
    for (source, code, row, column) in [
        ("package k\nv := ", "rego_parse_error", 2, 0),
        ("package k\n\nv := x", "rego_unsafe_var_error", 3, 1),
        ("package k\nv := nosuch(1)", "rego_type_error", 2, 6),
        ("package k\nv := w\nw := v", "rego_recursion_error", 2, 1),
    ] {
        let error = node.put("k", source).await.unwrap_err();
        assert_eq!(super::node::code(&error), "policy-invalid", "{source}");
        let first = &error.record()["errors"][0];
        assert_eq!(first["code"], code, "{source}: {first}");
        assert_eq!(first["location"]["file"], "k", "{first}");
        assert_eq!(first["location"]["row"], row, "{first}");
        if column > 0 {
            assert_eq!(first["location"]["col"], column, "{first}");
        }
        assert!(first["message"].as_str().is_some_and(|message| !message.is_empty()));
        assert_eq!(one(&node.decide("k/v", "{}").await.unwrap()).0, Some("1"));
        let dry = PutPolicy { id: "k", source, dry_run: true };
        assert!(node.book.put(&node.tenant, &dry, "ann", None).await.is_err());
    }
    let edition = node.book.newest(&node.tenant).await.unwrap();
    assert_eq!(edition.revision().to_string(), "1.0");
}

#[tokio::test]
async fn modules_may_come_one_by_one_whichever_calls_the_other() {
    let node = Plane::new().await.node().await;
    node.put("first", "package a\nv := data.b.f(input.n)\nw := data.b.r + 1").await.unwrap();
    assert_eq!(one(&node.decide("a/v", r#"{"n":2}"#).await.unwrap()).0, None);
    assert_eq!(one(&node.decide("a/w", "{}").await.unwrap()).0, None);
    node.put("second", "package b\nf(n) := n * data.c.g(n)\nr := 1").await.unwrap();
    assert_eq!(one(&node.decide("a/v", r#"{"n":2}"#).await.unwrap()).0, None);
    assert_eq!(one(&node.decide("a/w", "{}").await.unwrap()).0, Some("2"));
    node.put("third", "package c\ng(n) := n + 1").await.unwrap();
    assert_eq!(one(&node.decide("a/v", r#"{"n":2}"#).await.unwrap()).0, Some("6"));
    assert!(node.book.delete(&node.tenant, "third", "ann", None).await.unwrap());
    assert_eq!(one(&node.decide("a/v", r#"{"n":2}"#).await.unwrap()).0, None);
}

#[tokio::test]
async fn a_revision_that_was_answered_is_never_undercut() {
    let plane = Plane::new().await;
    let (here, deaf) = (plane.node().await, plane.deaf_node().await);
    here.put("k", "package k\nv := 0").await.unwrap();
    assert_eq!(one(&deaf.decide("k/v", "{}").await.unwrap()).0, Some("0"));
    for round in 1..30 {
        let (revision, _) = here.put("k", &format!("package k\nv := {round}")).await.unwrap();
        let decided = deaf.decide_at("k/v", "{}", Freshness::AtLeast(&revision)).await.unwrap();
        assert_eq!(one(&decided).0, Some(&*round.to_string()));
        assert_eq!(decided.revision, revision);
        // What is known by then is what everybody is answered by.
        assert_eq!(one(&deaf.decide("k/v", "{}").await.unwrap()).0, Some(&*round.to_string()));
    }
    for (revision, why) in
        [("999.0", "policy-revision"), ("x", "policy-revision"), ("1", "policy-revision")]
    {
        let error = deaf.decide_at("k/v", "{}", Freshness::AtLeast(revision)).await.unwrap_err();
        assert_eq!(code(&error), why, "{revision}");
    }
    here.put("k", "package k\nv := 100").await.unwrap();
    assert_eq!(one(&deaf.decide_at("k/v", "{}", Freshness::Full).await.unwrap()).0, Some("100"));
}

#[tokio::test]
async fn what_nobody_told_of_is_found() {
    let plane = Plane::new().await;
    let (here, deaf) = (plane.node().await, plane.deaf_node().await);
    let mut notices = Notices::open(plane.sql.clone(), plane.clock.clone()).await.unwrap();
    let mut hear = |heard| match heard {
        Heard::Notice(Notice::Epoch { tenant, principal }) => {
            deaf.revisions.bump(&tenant, principal.as_deref());
        }
        other => panic!("{other:?}"),
    };
    here.put("k", "package k\nv := 1").await.unwrap();
    assert_eq!(one(&deaf.decide("k/v", "{}").await.unwrap()).0, Some("1"));
    here.put("k", "package k\nv := 2").await.unwrap();
    assert_eq!(one(&deaf.decide("k/v", "{}").await.unwrap()).0, Some("1"), "it heard nothing");
    notices.look(&mut hear).await.unwrap();
    assert_eq!(one(&deaf.decide("k/v", "{}").await.unwrap()).0, Some("2"));
    here.change("k/n", DataChange::Put(b"1")).await.unwrap();
    notices.look(&mut hear).await.unwrap();
    assert_eq!(one(&deaf.decide("k/n", "{}").await.unwrap()).0, Some("1"));
}
