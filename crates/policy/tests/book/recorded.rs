//! What is recorded of the input of a decision.

use flow::question::policy::{Decide, Freshness, Posed, Seen};
use flow::unit::Size;
use policy::{Config, Record};

use super::node::{Node, Plane};

const POLICY: &str = "package k

few := [input.user.name, input.roles[1], input.n]

none := 7

all := input

old if { some x in input.people; x.age > 5 }

token := input.token.payload.role

cookie if input.cookie_consent

text := input.note

headers := input.http.headers
";

struct Asked<'a> {
    node: &'a Node,
    config: Config,
}

impl Asked<'_> {
    async fn seen(&self, path: &str, text: &str, posed: Posed) -> Seen {
        let decider = self.node.decider(self.config.clone());
        let (path, text) = (format!("k/{path}"), text.as_bytes());
        let freshness = Freshness::Any;
        let asked = Decide { path: &path, text, posed, strict: false, freshness };
        decider.decide(&self.node.tenant, &asked).wait().await.unwrap().seen
    }
}

async fn node(config: &Config) -> Node {
    let plane = Plane::new().await;
    let node = Node::on(plane.sql.clone(), &plane.feed, &plane.clock, config.clone()).await;
    node.put("k", POLICY).await.unwrap();
    node
}

#[tokio::test]
async fn it_is_what_policies_read_and_nothing_else() {
    let config = Config::default();
    let node = node(&config).await;
    let asked = Asked { node: &node, config };
    let input = r#"{"n":1.50,"roles":["a","b","c"],"user":{"name":"an\"n","ssn":1},"x":"no"}"#;
    for (path, text, expected) in [
        ("few", input, r#"{"n":1.50,"roles":[null,"b"],"user":{"name":"an\"n"}}"#),
        ("few", r#"{"user":"ann","roles":{"1":"b"},"n":null}"#, r#"{"n":null}"#),
        ("few", r#"{"user":{"name":{"a":[1,{}]}}}"#, r#"{"user":{"name":{"a":[1,{}]}}}"#),
        ("few", r#"{"user":{},"roles":["a"]}"#, "{}"),
        ("few", "[1]", "{}"),
        ("none", input, "{}"),
        ("all", "\"a\\u0001\\n\u{2028}<\"", "\"a\\u0001\\u000a\u{2028}<\""),
        ("all", "null", "null"),
        ("all", r#"{"a":true,"b":false,"a":1e400}"#, r#"{"a":true,"b":false,"a":1e400}"#),
        ("old", r#"{"people":[{"age":1,"n":2}],"x":1}"#, r#"{"people":[{"age":1,"n":2}]}"#),
    ] {
        let seen = asked.seen(path, text, Posed::Whole).await;
        assert_eq!((&*seen.text, seen.masked), (expected, 0), "{path} of {text}");
        assert!(seen.kept);
        let long = expected.contains("1.50") || expected.contains("e400");
        assert_eq!(seen.long_numbers, long, "{text}");
    }
    for path in ["few", "all"] {
        let seen = asked.seen(path, "", Posed::Nothing).await;
        assert_eq!((seen.kept, &*seen.text), (true, ""), "{path}: there is none");
    }
}

#[tokio::test]
async fn each_of_several_is_as_if_it_stood_alone() {
    let config = Config { record_max: Size(40), ..Config::default() };
    let node = node(&config).await;
    let asked = Asked { node: &node, config };
    let long = "x".repeat(60);
    for (path, text, expected, too_large) in [
        (
            "few",
            r#"{"n":1,"user":{"name":"ann"},"evaluations":[{},{"n":2},{"user":{"name":"bob"}}]}"#
                .to_owned(),
            r#"[{"n":1,"user":{"name":"ann"}},{"n":2,"user":{"name":"ann"}},{"n":1,"user":{"name":"bob"}}]"#,
            0,
        ),
        (
            "all",
            r#"{"a":1,"options":{},"evaluations":[{"b":2},{"a":3}]}"#.to_owned(),
            r#"[{"a":1,"b":2},{"a":3}]"#,
            0,
        ),
        (
            "few",
            format!(r#"{{"evaluations":[{{"n":1}},{{"n":"{long}"}},{{"n":2}}]}}"#),
            r#"[{"n":1},null,{"n":2}]"#,
            1,
        ),
    ] {
        let seen = asked.seen(path, &text, Posed::Each).await;
        assert_eq!((&*seen.text, seen.too_large), (expected, too_large), "{text}");
    }
    let many: Vec<String> = (0..200).map(|n| format!(r#"{{"n":"{n:030}"}}"#)).collect();
    let many = format!(r#"{{"evaluations":[{}]}}"#, many.join(","));
    let seen = asked.seen("few", &many, Posed::Each).await;
    assert!(seen.too_large > 100 && seen.text.len() < 64 * 40 + 5 * 200, "{seen:?}");
    let read: Vec<serde_json::Value> = serde_json::from_str(&seen.text).unwrap();
    assert_eq!(read.iter().filter(|one| one.is_null()).count() as u32, seen.too_large);
}

#[tokio::test]
async fn secrets_are_masked_by_name_by_look_and_by_configuration() {
    let masks = ["user.name", "people.*.age", "roles"].map(str::to_owned);
    let config = Config { masks: masks.into(), ..Config::default() };
    let node = node(&config).await;
    let asked = Asked { node: &node, config };
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
    for (path, text, expected, masked) in [
        ("few", r#"{"user":{"name":"ann"},"n":1}"#, r#"{"n":1,"user":{"name":"(masked)"}}"#, 1),
        ("few", r#"{"roles":["a","b"]}"#, r#"{"roles":"(masked)"}"#, 1),
        ("few", r#"{"roles":["a"]}"#, "{}", 0),
        (
            "old",
            r#"{"people":[{"age":1,"n":2},{"n":3}]}"#,
            r#"{"people":[{"age":"(masked)","n":2},{"n":3}]}"#,
            1,
        ),
        ("token", r#"{"token":{"payload":{"role":"a"}}}"#, r#"{"token":"(masked)"}"#, 1),
        ("token", r#"{"token":"opaque"}"#, "{}", 0),
        ("cookie", r#"{"cookie_consent":true}"#, r#"{"cookie_consent":true}"#, 0),
        (
            "headers",
            r#"{"http":{"headers":{"Authorization":"x","accept":"*/*","Set-Cookie":["a"]}}}"#,
            r#"{"http":{"headers":{"Authorization":"(masked)","accept":"*/*","Set-Cookie":"(masked)"}}}"#,
            2,
        ),
        ("all", r#"{"max_tokens":5,"password":5}"#, r#"{"max_tokens":5,"password":"(masked)"}"#, 1),
        ("all", r#"{"user":{"name":"ann"}}"#, r#"{"user":{"name":"(masked)"}}"#, 1),
    ] {
        let seen = asked.seen(path, text, Posed::Whole).await;
        assert_eq!((&*seen.text, seen.masked), (expected, masked), "{path} of {text}");
    }
    for secret in [jwt, "-----BEGIN RSA PRIVATE KEY-----", "Bearer abcdefghij"] {
        for text in [
            format!(r#"{{"note":"{secret}"}}"#),
            format!(r#"{{"note":{{"a":["{secret}"]}}}}"#),
            format!(r#"{{"note":{{"{secret}":1}}}}"#),
        ] {
            let seen = asked.seen("text", &text, Posed::Whole).await;
            assert_eq!(seen.masked, 1, "{seen:?}");
            assert!(!seen.text.contains(secret), "{seen:?}");
        }
    }
}

#[tokio::test]
async fn nothing_is_recorded_where_that_is_configured() {
    let config = Config { record: Record::Nothing, ..Config::default() };
    let node = node(&config).await;
    let asked = Asked { node: &node, config };
    assert_eq!(asked.seen("few", r#"{"n":1}"#, Posed::Whole).await, Seen::default());
}
