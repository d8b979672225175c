//! Documents and rules at one place: whoever brings the second is refused.

use flow::question::policy::DataChange;

use super::node::{Plane, code, one};

const POLICY: &str = "package x.y\np := 1\nq contains \"a\"\nr.s := 2\nt[u] := u if some u in [1]";

#[tokio::test]
async fn a_document_never_stands_where_a_rule_is() {
    let node = Plane::new().await.node().await;
    node.put("testmod", POLICY).await.unwrap();
    node.change("x/y/beside", DataChange::Put(b"1")).await.unwrap();
    for (path, change, refused) in [
        ("x", DataChange::Put(br#"{"y":{"p":"other"}}"#), true),
        ("x/y", DataChange::Put(br#"{"p":"other"}"#), true),
        ("x/y/p", DataChange::Put(b"9"), true),
        ("x/y/p/a", DataChange::Put(b"9"), true),
        ("x/y/q", DataChange::PutNew(b"{}"), true),
        ("x/y/r/s", DataChange::Put(b"9"), true),
        ("x/y/t", DataChange::Put(b"{}"), true),
        ("x", DataChange::Patch(br#"[{"op":"add","path":"/y/p","value":9}]"#), true),
        ("x", DataChange::Put(b"9"), true),
        ("", DataChange::Put(br#"{"x":{"y":{"p":9}}}"#), true),
        ("x/y/r", DataChange::Put(br#"{"other":3}"#), false),
        ("x/z", DataChange::Put(b"9"), false),
    ] {
        let done = node.change(path, change).await;
        let told = done.as_ref().err().map(code);
        assert_eq!(told, refused.then_some("policy-document-rule"), "{path}");
    }
    let decided = node.decide("x/y/p", "{}").await.unwrap();
    assert_eq!(one(&decided).0, Some("1"));
    let whole = node.decide("x/y", "{}").await.unwrap();
    let whole: serde_json::Value = serde_json::from_str(one(&whole).0.unwrap()).unwrap();
    assert_eq!((&whole["p"], &whole["beside"]), (&1.into(), &1.into()));
}

#[tokio::test]
async fn a_rule_is_not_brought_where_a_document_is() {
    let node = Plane::new().await.node().await;
    node.change("x/y/p/a", DataChange::Put(b"9")).await.unwrap();
    let error = node.put("testmod", POLICY).await.unwrap_err();
    assert_eq!(code(&error), "policy-invalid");
    let told = &error.record()["errors"][0];
    assert_eq!(told["message"], "conflicting rule for data path x/y/p found");
    assert_eq!(
        (&told["code"], &told["location"]["row"]),
        (&"rego_compile_error".into(), &2.into())
    );
    assert_eq!(node.decide("x/y/p/a", "{}").await.map(|one| one.results.len()).unwrap(), 1);
    node.change("x/y/p", DataChange::Delete).await.unwrap();
    node.put("testmod", POLICY).await.unwrap();
}

#[tokio::test]
async fn what_stockade_guards_itself_with_is_nobody_elses() {
    let node = Plane::new().await.node().await;
    for package in ["stockade.self", "stockade.self.more"] {
        let error = node.put("mine", &format!("package {package}\nallow := true")).await;
        let error = error.unwrap_err();
        assert_eq!(code(&error), "policy-invalid", "{package}");
        assert!(error.to_string().contains("name another"), "{error}");
    }
    for package in ["stockade", "stockade.selfish", "self"] {
        node.put("mine", &format!("package {package}\nallow := true")).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_there_and_no_function_is_not_called() {
    let node = Plane::new().await.node().await;
    node.put("a", "package a\nx := data.b.later(1)").await.unwrap();
    // `/` is the function `div`, in whose place there is a rule.
    let error = node.put("b", "package b\ndiv := 1 / input.n").await.unwrap_err();
    assert_eq!(code(&error), "policy-invalid");
    node.put("b", "package b\nd := 1 / input.n\nlater(n) := n").await.unwrap();
}

#[tokio::test]
async fn a_policy_is_called_by_what_can_be_seen() {
    let node = Plane::new().await.node().await;
    for id in ["", " ", "a\nb", "a\0b", "\u{1b}[2J", &"a".repeat(1025)] {
        let error = node.put(id, "package x").await.unwrap_err();
        assert_eq!(code(&error), "policy-invalid", "{id:?}");
    }
    for id in ["..", "a b", "größe/é.rego", &"a".repeat(1024)] {
        node.put(id, "package x").await.unwrap();
    }
}
