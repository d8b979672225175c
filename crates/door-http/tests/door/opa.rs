//! Open Policy Agent's clients at our door.

use std::io::Write;

use door_http::{Config, State};
use engines::known::CURL;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Answer, NOBODY, Open, ask, get, open};

type Headers<'h> = &'h [(&'h str, &'h str)];

async fn post(open: &Open, target: &str, body: &str) -> Answer {
    ask(open.address, Method::POST, target, &[], body.to_owned()).await
}

/// The answer without what differs each time.
fn said(answer: &Answer) -> Value {
    let mut said = answer.json();
    if let Some(members) = said.as_object_mut() {
        members.remove("decision_id");
    }
    said
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_decision_is_the_document_of_an_input() {
    let open = open(Config::default());
    for (target, body, expected) in [
        ("/v1/data/rbac/allow", r#"{"input":{"user":"alice"}}"#, json!({ "result": true })),
        ("/v1/data/rbac/allow", r#"{"input":{"user":"bob"}}"#, json!({ "result": false })),
        ("/v1/data/rbac/allow/", r#"{"input":"alice"}"#, json!({ "result": true })),
        ("/v1/data", r#"{"input":"alice"}"#, json!({ "result": true })),
        ("/v1/data/", r#"{"input":"alice"}"#, json!({ "result": true })),
        ("/v1/data/absent", r#"{"input":{}}"#, json!({})),
        ("/v1/data/echo", r#"{"input":[1,{"a":null}]}"#, json!({ "result": [1, { "a": null }] })),
        ("/v1/data/a%2Fb/%C3%A4", r#"{"input":1}"#, json!({ "result": "a%2Fb/%C3%A4" })),
    ] {
        let answer = post(&open, target, body).await;
        assert_eq!((answer.status, said(&answer)), (StatusCode::OK, expected), "{target} {body}");
        assert_eq!(answer.json()["decision_id"], answer.header("x-request-id"));
        let whence = (answer.header("x-stockade-revision"), answer.header("x-stockade-tier"));
        assert_eq!(whence, ("r7", "engine"));
        assert_eq!(answer.header("content-type"), "application/json");
    }
    assert_eq!(open.world.record()[0], "decision.make done human:ann");
}

#[tokio::test]
async fn a_decision_without_an_input_is_made_and_warned_of() {
    let open = open(Config::default());
    for body in ["", " \n", "null", "{}", r#"{"inpt":1}"#] {
        let answer = post(&open, "/v1/data/rbac/allow", body).await;
        assert_eq!((answer.status, &answer.json()["result"]), (StatusCode::OK, &json!(false)));
        assert_eq!(answer.json()["warning"]["code"], "api_usage_warning", "{body}");
    }
    let answer = get(open.address, "/v1/data/rbac/allow").await;
    assert_eq!(said(&answer), json!({ "result": false }), "a GET has none, and need not");
    let answer =
        get(open.address, "/v1/data/rbac/allow?input=%7B%22user%22%3A%22alice%22%7D").await;
    assert_eq!(said(&answer), json!({ "result": true }));
}

#[tokio::test]
async fn what_else_is_wanted_is_told() {
    let open = open(Config::default());
    let target = "/v1/data/x?metrics&provenance=true&explain=full&instrument=false&unknown=1";
    let answer = post(&open, target, r#"{"input":1}"#).await.json();
    assert!(answer["metrics"]["timer_server_handler_ns"].as_u64().unwrap() > 0, "{answer}");
    assert_eq!(answer["provenance"]["revision"], "r7");
    assert_eq!(answer["provenance"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(answer.get("explanation"), None, "there are no traces, not even empty ones");
    let answer = post(&open, "/v1/data/echo?pretty=true", r#"{"input":{"a":[1]}}"#).await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text.contains("\n  \"result\": {\n    \"a\": [\n      1\n    ]\n  }\n}"), "{text}");
    let plain = post(&open, "/v1/data/echo?pretty=false", r#"{"input":{"a":[1]}}"#).await;
    assert!(!plain.body.contains(&b'\n'));
}

#[tokio::test]
async fn how_fresh_and_how_strict_is_asked_for_in_query_or_headers() {
    let open = open(Config::default());
    let none: Headers<'_> = &[];
    let cases: [(&str, Headers<'_>, Value); 6] = [
        ("", none, json!({ "strict": false, "freshness": "any" })),
        ("?at_least_as_fresh=r3", none, json!({ "strict": false, "freshness": "r3" })),
        ("?at_least_as_fresh=", none, json!({ "strict": false, "freshness": "any" })),
        (
            "?fully_consistent=true&at_least_as_fresh=r3&strict-builtin-errors",
            none,
            json!({ "strict": true, "freshness": "full" }),
        ),
        (
            "",
            &[("x-stockade-at-least-as-fresh", "r5")],
            json!({ "strict": false, "freshness": "r5" }),
        ),
        (
            "",
            &[("x-stockade-fully-consistent", "true")],
            json!({ "strict": false, "freshness": "full" }),
        ),
    ];
    for (query, headers, expected) in cases {
        let target = format!("/v1/data/asked{query}");
        let body = r#"{"input":1}"#;
        let answer = ask(open.address, Method::POST, &target, headers, body).await;
        assert_eq!(answer.json()["result"], expected, "{query} {headers:?}");
    }
}

#[tokio::test]
async fn bodies_may_be_packed_but_not_be_bombs() {
    let open = open(Config::default());
    let gzip = [("content-encoding", "gzip")];
    let send = async |headers: &[(&str, &str)], body: Vec<u8>| {
        ask(open.address, Method::POST, "/v1/data/x", headers, body).await
    };
    let answer = send(&gzip, packed(br#"{"input":"alice"}"#)).await;
    assert_eq!(said(&answer), json!({ "result": true }));
    let bomb = send(&gzip, packed(&vec![b' '; 100 << 20])).await;
    assert_eq!((bomb.status.as_u16(), &*bomb.opa_problem()), (413, "invalid_parameter"));
    let torn = send(&gzip, packed(br#"{"input":"alice"}"#)[..20].to_vec()).await;
    assert_eq!((torn.status.as_u16(), &*torn.opa_problem()), (400, "invalid_parameter"));
    let wanted = [("accept", "application/json, application/problem+json;q=0.9")];
    let told = send(&[gzip[0], wanted[0]], b"x".to_vec()).await;
    assert_eq!(
        told.problem(),
        "door-http-body-broken",
        "told as everywhere else, who asks for that"
    );
    let other = send(&[("content-encoding", "br")], b"x".to_vec()).await;
    assert_eq!((other.status.as_u16(), &*other.opa_problem()), (415, "invalid_parameter"));
    let large = send(&[], vec![b' '; 10 << 20]).await;
    assert_eq!((large.status.as_u16(), &*large.opa_problem()), (413, "invalid_parameter"));
}

#[tokio::test]
async fn documents_come_and_go() {
    let open = open(Config::default());
    let absent = [("if-none-match", "*")];
    let none: Headers<'_> = &[];
    let patch = r#"[{"op":"add","path":"/a","value":1}]"#;
    let steps: [(Method, &str, Headers<'_>, &str, u16); 12] = [
        (Method::DELETE, "/v1/data/a/b", none, "", 404),
        (Method::PATCH, "/v1/data/a/b", none, patch, 404),
        (Method::PUT, "/v1/data/a/b", &absent, "1", 204),
        (Method::PUT, "/v1/data/a/b", &absent, "2", 304),
        (Method::PUT, "/v1/data/a/b?metrics=true", none, "3", 204),
        (Method::PUT, "/v1/data/a/b", &[("if-none-match", "\"x\"")], "3", 400),
        (Method::PUT, "/v1/data/a/b", none, "{", 400),
        (Method::PATCH, "/v1/data/a/b", none, patch, 204),
        (Method::PATCH, "/v1/data/a/b", none, "no patch", 400),
        (Method::DELETE, "/v1/data/a/b", none, "", 204),
        (Method::PUT, "/v1/data/scalar/b", none, "1", 404),
        (Method::PUT, "/v1/data", none, "{}", 204),
    ];
    for (method, target, headers, body, expected) in steps {
        let answer = ask(open.address, method.clone(), target, headers, body).await;
        assert_eq!(answer.status.as_u16(), expected, "{method} {target} {body}");
        match expected {
            204 => assert_eq!(answer.header("x-stockade-revision"), "r8"),
            304 => assert!(answer.body.is_empty()),
            400 => assert_eq!(answer.opa_problem(), "invalid_parameter"),
            _ if target.contains("scalar") => {
                assert_eq!(answer.opa_problem(), "resource_conflict");
            }
            _ => assert_eq!(answer.opa_problem(), "resource_not_found"),
        }
    }
    let key = [("idempotency-key", "k")];
    for _ in 0..2 {
        let put = ask(open.address, Method::PUT, "/v1/data/once", &key, "1").await;
        assert_eq!(put.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(open.world.documents.lock()["once"], "1");
}

#[tokio::test]
async fn without_an_envelope_the_answer_is_the_document() {
    let open = open(Config::default());
    let answer = post(&open, "/v0/data/rbac/allow", r#"{"user":"alice"}"#).await;
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"true"[..]));
    let answer = post(&open, "/v0/data", "\"bob\"").await;
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"false"[..]));
    let main = post(&open, "/", r#"{"user":"alice"}"#).await;
    assert_eq!((main.status, &main.body[..]), (StatusCode::OK, &b"true"[..]));
    for (target, name) in [("/v0/data/absent", "data.absent"), ("/", "data.system.main")] {
        let answer = post(&open, target, "{}").await;
        assert_eq!((answer.status.as_u16(), &*answer.opa_problem()), (404, "undefined_document"));
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.ends_with(&format!(": {name}")), "{message}");
    }
    let answer = post(&open, "/v0/data/x", "").await;
    assert_eq!(answer.status, StatusCode::OK, "without an input");
}

#[tokio::test]
async fn policies_are_put_in_force_and_taken_out_of_it() {
    let open = open(Config::default());
    let policy = "/v1/policies/app/rbac.rego";
    let put = async |target: &str, text: &str| {
        let text_plain = [("content-type", "text/plain")];
        ask(open.address, Method::PUT, target, &text_plain, text.to_owned()).await
    };
    let dry = put(&format!("{policy}?dry_run=true"), "package a").await;
    assert_eq!((dry.status, dry.json()), (StatusCode::OK, json!({})));
    assert_eq!(get(open.address, "/v1/policies").await.json(), json!({ "result": [] }));
    assert_eq!(get(open.address, policy).await.opa_problem(), "resource_not_found");

    let made = put(policy, "package a").await;
    assert_eq!((made.status, made.json()), (StatusCode::OK, json!({})));
    assert_eq!(made.header("x-stockade-revision"), "r8");
    let shown = json!({ "id": "app/rbac.rego", "raw": "package a", "ast": { "rules": [] } });
    assert_eq!(get(open.address, policy).await.json(), json!({ "result": shown }));
    let encoded = get(open.address, "/v1/policies/app%2Frbac.rego?pretty=true").await;
    assert_eq!(encoded.json(), json!({ "result": shown }));
    for list in ["/v1/policies", "/v1/policies/"] {
        assert_eq!(get(open.address, list).await.json(), json!({ "result": [shown] }), "{list}");
    }

    let bad = put(policy, "wrong").await;
    assert_eq!((bad.status.as_u16(), &*bad.opa_problem()), (400, "invalid_parameter"));
    let bad = bad.json();
    assert_eq!(bad["message"], "error(s) occurred while compiling module(s)");
    let location = json!({ "file": "a.rego", "row": 3, "col": 5 });
    let one =
        json!({ "code": "rego_parse_error", "message": "what is wrong", "location": location });
    assert_eq!(bad["errors"], json!([one]));
    let not_text = ask(open.address, Method::PUT, policy, &[], vec![0xff]).await;
    assert_eq!((not_text.status.as_u16(), &*not_text.opa_problem()), (400, "invalid_parameter"));

    let gone = ask(open.address, Method::DELETE, policy, &[], "").await;
    assert_eq!((gone.status, gone.json()), (StatusCode::OK, json!({})));
    let gone = ask(open.address, Method::DELETE, policy, &[], "").await;
    assert_eq!((gone.status.as_u16(), &*gone.opa_problem()), (404, "resource_not_found"));
}

#[tokio::test]
async fn all_policies_are_listed_however_many_there_are() {
    let open = open(Config::default());
    for n in 0..2500 {
        open.world.policies.lock().insert(format!("{n:05}"), "package a".to_owned());
    }
    let listed = get(open.address, "/v1/policies").await.json();
    let ids: Vec<_> = listed["result"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(ids.len(), 2500);
    assert!(ids.is_sorted_by_key(|id| id.as_str()));
}

#[tokio::test]
async fn queries_are_answered() {
    let open = open(Config::default());
    for (target, body, expected) in [
        (
            "/v1/query",
            r#"{"query":"x = input","input":{"a":1e2}}"#,
            json!([{ "x": { "a": 100.0 } }]),
        ),
        ("/v1/query", r#"{"query":"x = 1"}"#, json!([{ "x": 1 }])),
        ("/v1/query", r#"{"query":"x \u003d 1","input":null}"#, json!([{ "x": 1 }])),
        ("/v1/query", r#"{"query":"never"}"#, Value::Null),
        ("/v1/query?metrics", r#"{"query":"x = 1"}"#, json!([{ "x": 1 }])),
    ] {
        let answer = post(&open, target, body).await;
        assert_eq!(
            (answer.status, &answer.json()["result"]),
            (StatusCode::OK, &expected),
            "{body}"
        );
        assert_eq!(answer.json().get("metrics").is_some(), target.contains("metrics"));
    }
    let answer = get(open.address, "/v1/query?q=x%20%3D%201").await;
    assert_eq!(answer.json(), json!({ "result": [{ "x": 1 }] }));
    let never = get(open.address, "/v1/query?q=never&metrics=true").await.json();
    assert!(never["metrics"].is_object() && never.get("result").is_none(), "{never}");

    for (target, body) in [
        ("/v1/query", "{}"),
        ("/v1/query", r#"{"query":""}"#),
        ("/v1/query", r#"{"query":7}"#),
        ("/v1/query", "[]"),
        ("/v1/query", "no json"),
        ("/v1/query", ""),
        ("/v1/query", r#"{"query":"bad"}"#),
    ] {
        let answer = post(&open, target, body).await;
        assert_eq!((answer.status.as_u16(), &*answer.opa_problem()), (400, "invalid_parameter"));
    }
    let bad = post(&open, "/v1/query", r#"{"query":"bad"}"#).await.json();
    assert_eq!(bad["message"], "error(s) occurred while parsing query");
    assert_eq!(get(open.address, "/v1/query").await.opa_problem(), "invalid_parameter");
}

#[tokio::test]
async fn what_is_left_of_a_query_is_answered() {
    let open = open(Config::default());
    for (target, body, expected) in [
        ("/v1/compile", r#"{"query":"a == 1"}"#, json!(["a == 1", null, null, [], false, false])),
        (
            "/v1/compile?metrics&strict-builtin-errors",
            r#"{"query":"a \u003d 1","input":{"b":1},"unknowns":["data.c","input.d"],"options":{"disableInlining":["data.e"],"nondeterministicBuiltins":true,"others":1}}"#,
            json!(["a = 1", r#"{"b":1}"#, ["data.c", "input.d"], ["data.e"], true, true]),
        ),
        (
            "/v1/compile?pretty",
            r#"{"query":"a","unknowns":[],"options":{}}"#,
            json!(["a", null, [], [], false, false]),
        ),
    ] {
        let answer = post(&open, target, body).await;
        let shown = answer.json();
        assert_eq!((answer.status.as_u16(), &shown["result"]["queries"][0][0]), (200, &expected));
        assert_eq!(shown.get("metrics").is_some(), target.contains("metrics"), "{shown}");
    }
    let never = post(&open, "/v1/compile", r#"{"query":"never"}"#).await.json();
    assert_eq!(never, json!({ "result": {} }));
    for body in [
        "{}",
        "[]",
        "",
        "no json",
        r#"{"query":" "}"#,
        r#"{"query":7}"#,
        r#"{"query":"a","unknowns":"input"}"#,
        r#"{"query":"a","options":[7]}"#,
        r#"{"query":"bad"}"#,
    ] {
        let answer = post(&open, "/v1/compile", body).await;
        let found = (answer.status.as_u16(), answer.opa_problem());
        assert_eq!(found, (400, "invalid_parameter".into()), "{body}");
    }
    let bad = post(&open, "/v1/compile", r#"{"query":"bad"}"#).await.json();
    assert_eq!(bad["message"], "error(s) occurred while parsing query");
    let failed = post(&open, "/v1/compile", r#"{"query":"fails"}"#).await;
    assert_eq!((failed.status.as_u16(), &*failed.opa_problem()), (500, "internal_error"));
    let method = ask(open.address, Method::GET, "/v1/compile", &[], "").await;
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_rule_is_a_condition_for_those_who_are_named() {
    let open = open(Config::default());
    let post = async |target: &str, accept: &str, body: &str| {
        let headers: Headers<'_> = &[("accept", accept)];
        ask(open.address, Method::POST, target, headers, body.to_owned()).await
    };
    let sqlite = "application/vnd.opa.sql.sqlite+json";
    for (target, accept, body, expected) in [
        (
            "/v1/compile/f/allow",
            sqlite,
            "",
            json!(["f/allow", null, null, [], null, null, "sqlite"]),
        ),
        (
            "/v1/compile/masked?metrics",
            "application/vnd.opa.ucast.prisma+json",
            r#"{"input":{"a":1},"unknowns":["input.t"],"options":{"disableInlining":["data.e"],"maskRule":"m","targetSQLTableMappings":{"t":{}},"nondeterministicBuiltins":true}}"#,
            json!(["masked", r#"{"a":1}"#, ["input.t"], ["data.e"], "m", r#"{"t":{}}"#, "ucast"]),
        ),
    ] {
        let answer = post(target, accept, body).await;
        let shown = answer.json();
        assert_eq!(
            (answer.status.as_u16(), &shown["result"]["query"]),
            (200, &expected),
            "{shown}"
        );
        assert_eq!(answer.header("content-type"), accept);
        assert_eq!(answer.header("x-stockade-revision"), "r7");
        assert_eq!(shown.get("metrics").is_some(), target.contains("metrics"), "{shown}");
        let masks = target.contains("masked").then(|| json!({ "t": { "c": {} } }));
        assert_eq!(shown["result"].get("masks"), masks.as_ref());
    }
    let several = "application/vnd.opa.multitarget+json";
    let body = |targets: &str| format!(r#"{{"options":{{"targetDialects":{targets}}}}}"#);
    let two = body(r#"["sql+postgresql","ucast+all","sql+postgresql"]"#);
    let both = post("/v1/compile/f/allow", several, &two).await.json();
    let names: Vec<&String> = both["result"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["postgresql", "ucast"]);
    assert_eq!(both["result"]["ucast"]["query"][6], "ucast");
    assert_eq!(post("/v1/compile/never", sqlite, "{}").await.json(), json!({}));
    let never = post("/v1/compile/never", several, &two).await.json();
    assert_eq!(never, json!({ "result": {} }));

    for (accept, body, expected) in [
        ("", String::new(), "`accept` does not say what the condition is written for"),
        ("application/json", String::new(), "conditions are not written as `application/json`"),
        ("application/vnd.opa.sql.mysql+json", String::new(), "conditions are not written as"),
        (several, String::new(), "`options.targetDialects` names no target"),
        (several, body(r#"["sql+mysql"]"#), "conditions are not written for `sql+mysql`"),
        (several, body(r#"["ucast+all","ucast+linq"]"#), "`ucast+linq` is the second reader"),
        (sqlite, "[7]".to_owned(), ""),
        (sqlite, r#"{"unknowns":"input"}"#.to_owned(), ""),
    ] {
        let answer = post("/v1/compile/f/allow", accept, &body).await;
        let found = (answer.status.as_u16(), answer.opa_problem());
        assert_eq!(found, (400, "invalid_parameter".into()), "{accept} {body}");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with(expected), "{message}");
    }
    let failed = post("/v1/compile/fails", sqlite, "{}").await;
    assert_eq!((failed.status.as_u16(), &*failed.opa_problem()), (500, "internal_error"));
    assert_eq!(open.world.record()[0], "decision.filter done human:ann");
}

#[tokio::test]
async fn several_inputs_are_each_answered_under_their_name() {
    let open = open(Config::default());
    let batch = async |body: &str| post(&open, "/v1/batch/data/rbac/allow?metrics", body).await;
    let all = batch(r#"{"inputs":{"a":{"user":"alice"},"b\"":{"user":"bob"}}}"#).await;
    assert_eq!(all.status, StatusCode::OK);
    let responses = json!({ "a": { "result": true }, "b\"": { "result": false } });
    assert_eq!(all.json()["responses"], responses);
    assert_eq!(all.json()["batch_decision_id"], all.header("x-request-id"));
    assert_eq!(all.header("x-stockade-revision"), "r7");

    let mixed = batch(r#"{"inputs":{"a":"alice","b":"it fails"}}"#).await;
    assert_eq!(mixed.status, StatusCode::MULTI_STATUS);
    let responses = mixed.json()["responses"].clone();
    assert_eq!(responses["a"], json!({ "result": true, "http_status_code": "200" }));
    assert_eq!(responses["b"]["code"], "internal_error");
    assert_eq!(responses["b"]["http_status_code"], "500");
    assert!(responses["b"]["errors"].is_array(), "{responses}");

    let failed = batch(r#"{"inputs":{"a":"fails"}}"#).await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(failed.json()["responses"]["a"]["code"], "internal_error");

    let common = r#"{"inputs":{"a":{"u":{"n":1}},"b":2},"common_input":{"u":{"m":"x","n":0}}}"#;
    let common = post(&open, "/v1/batch/data/echo", common).await.json();
    assert_eq!(common["responses"]["a"]["result"], json!({ "u": { "m": "x", "n": 1 } }));
    assert_eq!(common["responses"]["b"]["result"], json!(2));
    let absent = post(&open, "/v1/batch/data/absent", r#"{"inputs":{"a":1}}"#).await.json();
    assert_eq!(absent["responses"], json!({ "a": {} }));

    let many: Vec<_> = (0..1001).map(|n| format!("\"{n}\":1")).collect();
    for body in ["{}", r#"{"inputs":[]}"#, r#"{"inputs":{}}"#, ""] {
        assert_eq!(batch(body).await.opa_problem(), "invalid_parameter", "{body}");
    }
    let many = batch(&format!("{{\"inputs\":{{{}}}}}", many.join(","))).await;
    assert_eq!((many.status.as_u16(), &*many.opa_problem()), (400, "invalid_parameter"));
}

#[tokio::test]
async fn what_fails_is_told_in_the_words_of_opa() {
    let open = open(Config::default());
    let body = r#"{"input":"fails"}"#;
    let failed = post(&open, "/v1/data/x", body).await;
    assert_eq!((failed.status.as_u16(), &*failed.opa_problem()), (500, "internal_error"));
    let said = failed.json();
    assert_eq!(said["message"], "error(s) occurred while evaluating query");
    assert_eq!(said["errors"][0]["location"]["row"], 3);

    let nobody = ask(open.address, Method::POST, "/v1/data/x", &[NOBODY], body).await;
    assert_eq!((nobody.status.as_u16(), &*nobody.opa_problem()), (401, "unauthorized"));
    assert_eq!(nobody.header("www-authenticate"), "Bearer realm=\"stockade\"");
    open.world.refuse.store(true, std::sync::atomic::Ordering::SeqCst);
    let refused = post(&open, "/v1/data/x", body).await;
    assert_eq!((refused.status.as_u16(), &*refused.opa_problem()), (403, "unauthorized"));
    open.world.refuse.store(false, std::sync::atomic::Ordering::SeqCst);
    open.world.too_fast.store(true, std::sync::atomic::Ordering::SeqCst);
    let fast = post(&open, "/v1/data/x", body).await;
    assert_eq!((fast.status.as_u16(), &*fast.opa_problem()), (429, "gate-too-fast"));
    assert_eq!(fast.header("retry-after"), "3");
    open.world.too_fast.store(false, std::sync::atomic::Ordering::SeqCst);

    let method = ask(open.address, Method::DELETE, "/v1/query", &[], "").await;
    assert_eq!((method.status.as_u16(), &*method.opa_problem()), (405, "invalid_operation"));
    assert_eq!(method.header("allow"), "GET, POST, HEAD, OPTIONS");
    assert_eq!(get(open.address, "/v1/datum").await.problem(), "door-http-no-route");
}

#[tokio::test]
async fn health_needs_nobody_and_the_configuration_somebody() {
    let open = open(Config::default());
    for target in ["/health", "/health?bundles", "/health?plugins&bundle=true"] {
        let health = ask(open.address, Method::GET, target, &[NOBODY], "").await;
        assert_eq!((health.status, health.json()), (StatusCode::OK, json!({})));
    }
    open.door.readiness().await_bundles(true);
    for (target, status) in [
        ("/health", 200),
        ("/health?bundles=false&plugins=false", 200),
        ("/health?bundles", 500),
        ("/health?bundle=true", 500),
        ("/health?plugins=true&exclude-plugin=x", 500),
    ] {
        let health = ask(open.address, Method::GET, target, &[NOBODY], "").await;
        assert_eq!(
            (health.status.as_u16(), health.json()["error"].is_string()),
            (status, status == 500),
            "{target}"
        );
    }
    open.door.readiness().set(State::Waiting);
    let health = ask(open.address, Method::GET, "/health", &[NOBODY], "").await;
    assert_eq!(health.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(health.json()["error"].is_string());

    let config = get(open.address, "/v1/config").await.json();
    assert_eq!(config["result"]["default_decision"], "/system/main");
    assert_eq!(config["result"]["labels"]["version"], env!("CARGO_PKG_VERSION"));
    let nobody = ask(open.address, Method::GET, "/v1/config", &[NOBODY], "").await;
    assert_eq!((nobody.status.as_u16(), &*nobody.opa_problem()), (401, "unauthorized"));
    let status = get(open.address, "/v1/status").await.json();
    assert_eq!(status["result"]["plugins"]["sql"]["state"], "OK");
    assert_eq!(status["result"]["plugins"]["redis"]["state"], "ERROR");
}

#[tokio::test]
async fn hostile_bodies_and_paths_are_answered_and_harm_nobody() {
    let open = open(Config::default());
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_input = format!("{{\"input\":{deep}}}");
    let deep_inputs = format!("{{\"inputs\":{{\"a\":{deep}}}}}");
    let deep_query = format!("{{\"query\":\"x = 1\",\"other\":{deep}}}");
    let open_only = "[".repeat(100_000);
    for (target, body) in [
        ("/v1/data/x", "no json"),
        ("/v1/data/x", "7"),
        ("/v1/data/x", "[]"),
        ("/v1/data/x", r#"{"input":"#),
        ("/v1/data/x", &*open_only),
        ("/v1/data/x", &*deep_input),
        ("/v0/data/x", &*deep),
        ("/v0/data/x", "{"),
        ("/", "]"),
        ("/v1/query", &*open_only),
        ("/v1/batch/data/x", &*open_only),
        ("/v1/batch/data/x", r#"{"inputs":7}"#),
    ] {
        let answer = post(&open, target, body).await;
        let shown = body.get(..40).unwrap_or(body);
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{target} {shown}");
        assert_eq!(answer.opa_problem(), "invalid_parameter", "{target} {shown}");
    }
    // Passed over, not read: how deep it is does not matter.
    assert_eq!(post(&open, "/v1/query", &deep_query).await.status, StatusCode::OK);
    assert_eq!(post(&open, "/v1/batch/data/x", &deep_inputs).await.status.as_u16(), 400);
    for path in ["%zz", "%", "a%", "%ff", "..%2f..%2f", "//a///b//", "%00"] {
        let answer = post(&open, &format!("/v1/data/{path}"), "{}").await;
        assert!([200, 400].contains(&answer.status.as_u16()), "{path}: {answer:?}");
    }
    for path in ["%zz", "%ff"] {
        let answer = get(open.address, &format!("/v1/policies/{path}")).await;
        assert_eq!((answer.status.as_u16(), &*answer.opa_problem()), (400, "invalid_parameter"));
    }
    let twice = get(open.address, "/v1/data/x?input=1&input=2").await;
    assert_eq!(twice.opa_problem(), "invalid_parameter");
    let input = get(open.address, "/v1/data/x?input=%7B").await;
    assert_eq!((input.status.as_u16(), &*input.opa_problem()), (400, "invalid_parameter"));
}

#[tokio::test]
async fn neighbours_ask_for_decisions_without_a_key_where_they_are_trusted() {
    let open = open(Config::default());
    open.world.trusts_neighbours.store(true, std::sync::atomic::Ordering::SeqCst);
    let ask = async |method, target, headers: Headers<'_>, body: &'static str| {
        let headers = [headers, &[NOBODY]].concat();
        ask(open.address, method, target, &headers, body).await.status.as_u16()
    };
    let json: Headers<'_> = &[("content-type", "application/json")];
    let question = r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"1"}}"#;
    assert_eq!(ask(Method::POST, "/v1/data/x", &[], "{}").await, 200);
    assert_eq!(ask(Method::PUT, "/v1/policies/x", &[], "package x").await, 200);
    assert_eq!(ask(Method::POST, "/access/v1/evaluation", json, question).await, 200);
    assert_eq!(ask(Method::GET, "/v1/auth/keys", &[], "").await, 401, "and for nothing else");
    assert_eq!(open.world.record()[0], "decision.make done human:neighbour");
}

#[tokio::test]
async fn curl_asks_as_the_guides_of_opa_tell_it_to() {
    let Some(program) = CURL.find_or_skip() else { return };
    let open = open(Config::default());
    let base = format!("http://{}", open.address);
    for (target, arguments, expected) in [
        ("/v1/policies/a", &["-X", "PUT", "--data-binary", "package a"][..], "{}"),
        ("/v1/data/a", &["-X", "PUT", "-d", r#"{"b":1}"#], ""),
        ("/v0/data/rbac/allow", &["-d", r#"{"user":"alice"}"#], "true"),
        ("/v1/query?q=x%3D1", &["--http2-prior-knowledge"], r#"{"result":[{"x":1}]}"#),
    ] {
        let mut curl = tokio::process::Command::new(&program);
        curl.args(["-sS", "-H", "authorization: Bearer ann"]).args(arguments);
        let output = curl.arg(format!("{base}{target}")).output().await.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{target}");
    }
}
