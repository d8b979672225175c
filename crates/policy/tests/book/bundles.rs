//! Bundles: put in force at once, kept, and taken away.

use std::collections::BTreeMap;

use flow::question::bundle::Activated;
use flow::question::policy::DataChange;
use flow::{Error, Result};
use policy::Bundle;
use policy::bundle::{Limits, Signing, pack};

use super::node::{Node, Plane, code, one};

pub(super) fn bundle(name: &str, roots: &[&str], files: &[(&str, &str)]) -> Bundle {
    let file = |(name, text): &(&str, &str)| ((*name).to_owned(), text.as_bytes().to_vec());
    let files: BTreeMap<String, Vec<u8>> = files.iter().map(file).collect();
    let roots = roots.iter().map(|root| (*root).to_owned()).collect();
    let archive = pack(files, &Signing { roots, ..Signing::default() }).unwrap();
    Bundle::read(name, &archive, None, &Limits::default()).unwrap()
}

impl Node {
    pub(super) async fn activate(&self, bundle: &Bundle) -> Result<Activated> {
        self.book.activate(&self.tenant, bundle, "ann", false, None).await
    }

    async fn says(&self, path: &str) -> Option<String> {
        one(&self.decide(path, "{}").await.unwrap()).0.map(str::to_owned)
    }
}

fn rule(package: &str, value: u32) -> String {
    format!("package {package}\nv := {value}\nd := data.{package}.n")
}

#[tokio::test]
async fn what_is_below_the_roots_is_replaced_and_nothing_else() {
    let plane = Plane::new().await;
    let (node, other) = (plane.node().await, plane.node().await);
    node.put("hand", &rule("hand", 1)).await.unwrap();
    node.put("goes", &rule("a.b.old", 1)).await.unwrap();
    node.change("hand/n", DataChange::Put(b"1")).await.unwrap();
    node.change("a", DataChange::Put(br#"{"b":{"n":9,"x":9},"c":3}"#)).await.unwrap();
    let (old, unread) = (rule("a.b", 1), rule("a.b.c", 5));
    let first = bundle(
        "one",
        &["a/b", "z"],
        &[("r.rego", &old), ("s.rego", &unread), ("a/b/data.json", r#"{"n":10}"#)],
    );
    let done = node.activate(&first).await.unwrap();
    assert!(done.changed && done.policies == 2);
    assert_eq!((&*done.revision, done.bundle.by.as_str()), ("3.2", "ann"), "one revision");
    for (path, said) in [
        ("a/b/v", Some("1")),
        ("a/b/d", Some("10")),
        ("a/b/x", None),
        ("a/c", Some("3")),
        ("a/b/old", None),
        ("hand/v", Some("1")),
        ("hand/d", Some("1")),
    ] {
        other.hears(&done.revision).await;
        for node in [&node, &other] {
            assert_eq!(node.says(path).await.as_deref(), said, "{path}");
        }
    }
    let again = node.activate(&first).await.unwrap();
    assert!(!again.changed && again.revision == done.revision, "the same changes nothing");
    assert!(!other.activate(&first).await.unwrap().changed, "nor does it elsewhere");

    let new = rule("a.b", 2);
    let second = bundle("one", &["a/b"], &[("r.rego", &new), ("a/b/data.json", r#"{"m":1}"#)]);
    let done = other.activate(&second).await.unwrap();
    node.hears(&done.revision).await;
    for (path, said) in
        [("a/b/v", Some("2")), ("a/b/d", None), ("a/b/m", Some("1")), ("a/b/c", None)]
    {
        assert_eq!(node.says(path).await.as_deref(), said, "{path}");
    }
    let edition = node.book.newest(&node.tenant).await.unwrap();
    assert_eq!(edition.policy("bundle/one/r.rego").unwrap().version, 2);
    let versions = node.book.version(&node.tenant, "bundle/one/r.rego", 1).await.unwrap();
    assert_eq!(*versions.unwrap().source, *old, "what was in force is kept");

    assert!(node.book.deactivate(&node.tenant, "one", "bob", None).await.unwrap());
    assert!(!node.book.deactivate(&node.tenant, "one", "bob", None).await.unwrap());
    assert_eq!(node.says("a/b/v").await, None);
    assert_eq!(node.says("a/c").await.as_deref(), Some("3"));
    assert_eq!(node.says("hand/v").await.as_deref(), Some("1"));
    let fresh = plane.node().await;
    assert_eq!(fresh.says("a/b/m").await, None);
    assert!(fresh.activate(&first).await.unwrap().changed, "it was away");
    assert_eq!(fresh.says("a/b/d").await.as_deref(), Some("10"));
}

#[tokio::test]
async fn what_a_bundle_brought_is_not_changed_by_hand() {
    let node = Plane::new().await.node().await;
    let source = rule("a.b", 1);
    node.activate(&bundle("one", &["a/b"], &[("r.rego", &source)])).await.unwrap();
    let inside = rule("a.b.c", 1);
    for (id, source) in
        [("bundle/one/r.rego", &*source), ("bundle/x/y", "package y"), ("x", &inside)]
    {
        let error = node.put(id, source).await.unwrap_err();
        assert_eq!(code(&error), "policy-bundled", "{id}");
    }
    let error = node.book.delete(&node.tenant, "bundle/one/r.rego", "ann", None).await.unwrap_err();
    assert_eq!(code(&error), "policy-bundled");
    for path in ["", "a", "a/b", "a/b/n/m"] {
        let error = node.change(path, DataChange::Put(b"{}")).await.unwrap_err();
        assert_eq!(code(&error), "policy-bundled", "{path}");
    }
    node.put("x", &rule("a.c", 1)).await.unwrap();
    node.change("a/c/n", DataChange::Put(b"1")).await.unwrap();
    node.change("ab", DataChange::Put(b"1")).await.unwrap();
}

#[tokio::test]
async fn a_bundle_that_does_not_fit_changes_nothing() {
    let node = Plane::new().await.node().await;
    let source = rule("a.b", 1);
    node.activate(&bundle("one", &["a/b"], &[("r.rego", &source)])).await.unwrap();
    let fails = "package a.b\nv := 2\ntest_v if v == 3\ntest_fine if v == 2\ntodo_test_x if false";
    let refused: &[(Bundle, &str)] = &[
        (bundle("two", &["a"], &[("r.rego", "package a")]), "policy-bundle-roots"),
        (bundle("two", &[], &[("r.rego", "package z")]), "policy-bundle-roots"),
        (bundle("one", &["a/b"], &[("r.rego", "package a.c")]), "policy-bundle-invalid"),
        (bundle("one", &["a/b"], &[("r.rego", "package a.b\nv := ")]), "policy-invalid"),
        (bundle("one", &["a/b"], &[("r.rego", "package a.b\nv := nosuch(1)")]), "policy-invalid"),
        (bundle("one", &["a/b"], &[("r.rego", fails)]), "policy-bundle-tests"),
        (
            bundle("one", &["a/b"], &[("r.rego", &source), ("a/b/data.json", r#"{"v":9}"#)]),
            "policy-invalid",
        ),
    ];
    for (bundle, why) in refused {
        let error: Error = node.activate(bundle).await.unwrap_err();
        assert_eq!(code(&error), *why, "{error}");
        assert_eq!(node.says("a/b/v").await.as_deref(), Some("1"));
    }
    let edition = node.book.newest(&node.tenant).await.unwrap();
    assert_eq!(edition.revision().to_string(), "1.0");
    let tested = fails.replace("== 3", "== 2");
    let tested = bundle("one", &["a/b"], &[("r.rego", &tested)]);
    let dry = node.book.activate(&node.tenant, &tested, "ann", true, None).await.unwrap();
    assert!(!dry.changed && dry.tests == 3);
    assert_eq!(node.says("a/b/v").await.as_deref(), Some("1"));
    node.put("waits", "package waits\nv := data.not.there.yet(1)").await.unwrap();
    assert!(node.activate(&tested).await.unwrap().changed);
    assert_eq!(node.says("a/b/v").await.as_deref(), Some("2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_find_the_same_bundle_put_it_in_force_once() {
    let plane = Plane::new().await;
    let nodes = [plane.node().await, plane.node().await, plane.node().await];
    for round in 1..15 {
        let source = rule("a", round);
        let bundle = bundle("one", &["a"], &[("r.rego", &source)]);
        let (one, two, three) = tokio::join!(
            nodes[0].activate(&bundle),
            nodes[1].activate(&bundle),
            nodes[2].activate(&bundle),
        );
        let done = [one.unwrap(), two.unwrap(), three.unwrap()];
        assert_eq!(done.iter().filter(|done| done.changed).count(), 1, "{done:?}");
        assert!(done.iter().all(|done| *done.revision == *format!("{round}.0")), "{done:?}");
    }
}

#[tokio::test]
async fn rego_from_before_stays_what_it_is_on_every_node() {
    let plane = Plane::new().await;
    let node = plane.node().await;
    let manifest = r#"{"file_rego_versions":{"/old.rego":0}}"#;
    let files = &[
        (".manifest", manifest),
        ("old.rego", "package old\nv { 1 == 1 }"),
        ("new.rego", "package new\nv if data.old.v"),
    ];
    node.activate(&bundle("mixed", &["old", "new"], files)).await.unwrap();
    let fresh = plane.node().await;
    assert_eq!(fresh.says("new/v").await.as_deref(), Some("true"));
}
