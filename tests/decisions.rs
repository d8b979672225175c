//! Decisions by policies, through the real door: asked as OPA's and AuthZEN's clients ask, kept
//! over a crash, changed on the next request, recorded.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use server::{Events, KEY, Server, attempt, request};

const TODO: &str = r#"package authzen

default allow := false

allow if {
	some role in data.people[input.subject.id].roles
	input.action.name in data.grants[role]
}

allow if {
	input.action.name == "can_update_todo"
	input.resource.properties.owner == input.subject.id
}
"#;

/// Asks without a credential, as an OPA client on this machine does.
fn ask(server: &Server, method: &str, path: &str, body: &str) -> (u16, Value) {
    let answer = attempt(&server.http, None, method, path, body.as_bytes()).unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

fn decide(server: &Server, who: &str, what: &str) -> Value {
    let input = json!({ "input": { "subject": { "id": who }, "action": { "name": what } } });
    let (status, answer) = ask(server, "POST", "/v1/data/authzen/allow", &input.to_string());
    assert_eq!(status, 200, "{answer}");
    answer["result"].clone()
}

fn put(server: &Server, path: &str, body: &str, expected: u16) {
    let (status, answer) = ask(server, "PUT", path, body);
    assert_eq!(status, expected, "{path}: {answer}");
}

fn people(server: &Server) {
    put(server, "/v1/policies/todo.rego", TODO, 200);
    let people = json!({ "ann": { "roles": ["editor"] }, "bob": { "roles": ["viewer"] } });
    put(server, "/v1/data/people", &people.to_string(), 204);
    let grants = json!({ "editor": ["can_create_todo", "can_read"], "viewer": ["can_read"] });
    put(server, "/v1/data/grants", &grants.to_string(), 204);
}

#[test]
fn what_is_changed_holds_on_the_next_request_and_after_a_crash() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(&data);
    assert_eq!(decide(&server, "ann", "can_read"), Value::Null, "there is no policy yet");
    people(&server);
    for _ in 0..2 {
        assert_eq!(decide(&server, "ann", "can_create_todo"), json!(true));
        assert_eq!(decide(&server, "bob", "can_create_todo"), json!(false));
    }
    put(&server, "/v1/data/people/bob/roles", r#"["viewer","editor"]"#, 204);
    assert_eq!(decide(&server, "bob", "can_create_todo"), json!(true));
    let (status, _) = ask(&server, "DELETE", "/v1/data/people/ann", "");
    assert_eq!((status, decide(&server, "ann", "can_read")), (204, json!(false)));

    server.kill();
    let server = Server::start(&data);
    assert_eq!(decide(&server, "bob", "can_create_todo"), json!(true), "it was acknowledged");
    assert_eq!(decide(&server, "ann", "can_read"), json!(false));
    put(&server, "/v1/policies/todo.rego", "package authzen\n\nallow := false", 200);
    assert_eq!(decide(&server, "bob", "can_create_todo"), json!(false));
    let (status, broken) =
        ask(&server, "PUT", "/v1/policies/todo.rego", "package authzen\nallow if {");
    assert_eq!((status, &broken["code"]), (400, &json!("invalid_parameter")), "{broken}");
    assert_eq!(broken["errors"][0]["location"]["file"], "todo.rego", "{broken}");
    assert_eq!(decide(&server, "bob", "can_create_todo"), json!(false), "what was in force stays");
}

#[test]
fn modules_that_refer_to_each_other_come_one_by_one() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let first = "package a\n\nimport data.b\n\nx := b.double(input.n)\n\nd if b.half(4, 2)";
    put(&server, "/v1/policies/a.rego", first, 200);
    let ask = |path: &str| ask(&server, "POST", path, r#"{"input":{"n":4}}"#).1["result"].clone();
    assert_eq!((ask("/v1/data/a/x"), ask("/v1/data/a/d")), (Value::Null, Value::Null));
    let second = "package b\n\ndouble(n) := n * 2\n\nhalf(n) := n / 2";
    put(&server, "/v1/policies/b.rego", second, 200);
    assert_eq!((ask("/v1/data/a/x"), ask("/v1/data/a/d")), (json!(8), json!(true)));
    put(&server, "/v1/policies/c.rego", "package c\n\nx := no.such(1)", 400);
}

#[test]
fn decisions_are_asked_as_authzen_has_them() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    people(&server);
    let one = |who: &str, what: &str, owner: &str| {
        json!({
            "subject": { "type": "user", "id": who },
            "action": { "name": what },
            "resource": { "type": "todo", "id": "1", "properties": { "owner": owner } },
        })
    };
    for (who, what, owner, expected) in [
        ("ann", "can_create_todo", "ann", true),
        ("bob", "can_create_todo", "ann", false),
        ("bob", "can_update_todo", "bob", true),
        ("bob", "can_update_todo", "ann", false),
        ("eve", "can_read", "ann", false),
    ] {
        let asked = one(who, what, owner).to_string();
        let (status, answer) = ask(&server, "POST", "/access/v1/evaluation", &asked);
        assert_eq!((status, &answer["decision"]), (200, &json!(expected)), "{who} {what} {owner}");
    }
    for (semantic, expected) in [
        ("execute_all", &[false, true, false][..]),
        ("deny_on_first_deny", &[false]),
        ("permit_on_first_permit", &[false, true]),
    ] {
        let asked = json!({
            "subject": { "type": "user", "id": "bob" },
            "action": { "name": "can_update_todo" },
            "evaluations": [
                { "resource": one("", "", "ann")["resource"] },
                { "resource": one("", "", "bob")["resource"] },
                { "resource": one("", "", "bob")["resource"], "action": { "name": "can_fly" } },
            ],
            "options": { "evaluations_semantic": semantic },
        });
        let (status, answer) = ask(&server, "POST", "/access/v1/evaluations", &asked.to_string());
        let decisions: Vec<_> =
            answer["evaluations"].as_array().unwrap().iter().map(|one| &one["decision"]).collect();
        let expected: Vec<_> = expected.iter().map(|one| json!(one)).collect();
        assert_eq!((status, decisions), (200, expected.iter().collect()), "{semantic} {answer}");
    }
}

const FEED: &str = r#"package feed

default allow := false

allow if "editor" in data.people[input.user].roles

allow if {
	some post in data.posts
	post.author == input.user
	post.level <= data.limit
}

hidden contains post.id if {
	some post in data.posts
	post.level > data.limit
}

seen if not hidden[input.id]
"#;

#[test]
fn what_is_left_of_a_question_is_what_others_can_look_for() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    put(&server, "/v1/policies/feed.rego", FEED, 200);
    put(&server, "/v1/data/people", r#"{"ann":{"roles":["editor"]},"bob":{"roles":[]}}"#, 204);
    put(&server, "/v1/data/limit", "3", 204);
    let compile = |query: &str, who: &str, unknowns: Value| {
        let asked = json!({ "query": query, "input": { "user": who }, "unknowns": unknowns });
        ask(&server, "POST", "/v1/compile", &asked.to_string())
    };
    let allow = |who: &str| compile("data.feed.allow == true", who, json!(["data.posts"]));
    assert_eq!(allow("ann").1["result"]["queries"].as_array().unwrap().last(), Some(&json!([])));
    // Two lines about one and the same post.
    let (status, bob) = allow("bob");
    assert_eq!(status, 200, "{bob}");
    let variable = &bob["result"]["queries"][0][0]["terms"][1]["value"][2];
    assert_eq!(variable["type"], "var");
    let post = |member: &str| {
        json!({ "type": "ref", "value": [
            { "type": "var", "value": "data" },
            { "type": "string", "value": "posts" },
            variable,
            { "type": "string", "value": member },
        ] })
    };
    let line = |index: u8, function: &str, member: &str, value: Value| {
        let name = json!({ "type": "ref", "value": [{ "type": "var", "value": function }] });
        json!({ "index": index, "terms": [name, post(member), value] })
    };
    let lines = [
        line(0, "equal", "author", json!({ "type": "string", "value": "bob" })),
        line(1, "lte", "level", json!({ "type": "number", "value": 3 })),
    ];
    assert_eq!(bob, json!({ "result": { "queries": [lines] } }));
    // Nothing is in a list that is known to be empty.
    put(&server, "/v1/data/posts", "[]", 204);
    assert_eq!(compile("data.feed.allow == true", "bob", json!([])).1, json!({ "result": {} }));
    let seen = compile("data.feed.seen", "bob", json!(["data.posts", "input.id"])).1;
    assert_eq!(seen["result"]["queries"][0][0]["negated"], true, "{seen}");
    let (status, wrong) = compile("data.feed.seen", "bob", json!(["posts"]));
    assert_eq!((status, &wrong["code"]), (400, &json!("invalid_parameter")), "{wrong}");
}

const ROWS: &str = "package rows

allow if {
	input.posts.author == input.user
	not input.posts.level > data.limit
}

torn if {
	input.posts.author == input.user
	input.posts.hidden
}
";

#[test]
fn items_of_lists_are_asked_for_by_number_whoever_made_them() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let policy = r#"package made

list := [input.first, {"deep": ["x", "y"]}, data.kept.list[1]]

named[name] := [name, input.first] if some name in ["1", "b"]

counted[number] := "it" if some number in [1, 2]

odd contains number if some number in [1, 3]

object := {"0": "by text", "list": ["a"]}
"#;
    put(&server, "/v1/policies/made.rego", policy, 200);
    put(&server, "/v1/data/kept", r#"{"list":["p","q"],"object":{"0":"z"}}"#, 204);
    let input = r#"{"input":{"first":"f"}}"#;
    for (path, expected) in [
        ("kept/list/1", json!("q")),
        ("kept/object/0", json!("z")),
        ("kept/list/2", Value::Null),
        ("made/list/0", json!("f")),
        ("made/list/1/deep/1", json!("y")),
        ("made/list/2", json!("q")),
        ("made/list/3", Value::Null),
        ("made/list/-1", Value::Null),
        ("made/list/x", Value::Null),
        ("made/named/1/1", json!("f")),
        ("made/named/b/0", json!("b")),
        ("made/counted/2", json!("it")),
        ("made/counted/3", Value::Null),
        ("made/odd/3", json!(3)),
        ("made/odd/2", Value::Null),
        ("made/object/0", json!("by text")),
        ("made/object/list/0", json!("a")),
    ] {
        // Once more, and it is remembered.
        for _ in 0..2 {
            let (status, answer) = ask(&server, "POST", &format!("/v1/data/{path}"), input);
            let found = answer.get("result").cloned().unwrap_or_default();
            assert_eq!((status, found), (200, expected.clone()), "{path}");
        }
    }
    let other = r#"{"input":{"first":"g"}}"#;
    let (_, answer) = ask(&server, "POST", "/v1/data/made/list/0", other);
    assert_eq!(answer["result"], json!("g"), "another input is another question");
}

#[test]
fn a_rule_is_a_condition_that_a_database_is_asked_with() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    put(&server, "/v1/policies/rows.rego", ROWS, 200);
    put(&server, "/v1/data/limit", "3", 204);
    let ask = |path: &str, accept: &str| {
        let input = r#"{"input":{"user":"o'hara"},"unknowns":["input.posts"]}"#;
        let mut stream = TcpStream::connect(&server.http).unwrap();
        let length = input.len();
        let head = format!("POST {path} HTTP/1.0\r\naccept: {accept}\r\ncontent-length: {length}");
        write!(stream, "{head}\r\n\r\n{input}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str::<Value>(body).unwrap())
    };
    let (status, sqlite) = ask("/v1/compile/rows/allow", "application/vnd.opa.sql.sqlite+json");
    let author = "(posts.author = 'o''hara' AND (+posts.author) COLLATE BINARY = 'o''hara')";
    let condition = format!("WHERE ({author} AND (+posts.level <= 3 OR posts.level IS NULL))");
    assert_eq!((status, sqlite), (200, json!({ "result": { "query": condition } })));
    let (status, torn) = ask("/v1/compile/rows/torn", "application/vnd.opa.ucast.all+json");
    assert_eq!((status, &torn["code"]), (400, &json!("evaluation_error")), "{torn}");
    let (error, line) = (&torn["errors"][0], "`input.posts.hidden`: a column stands alone");
    assert!(error["message"].as_str().unwrap().starts_with(line), "{torn}");
    assert_eq!(error["location"], json!({ "file": "rows.rego", "row": 8, "col": 1 }));
    let (status, none) = ask("/v1/compile/rows/none", "application/vnd.opa.ucast.all+json");
    assert_eq!((status, &none["code"]), (404, &json!("resource_not_found")), "{none}");
}

#[test]
fn changes_of_policies_and_decisions_are_recorded() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let mut events = Events::follow(&server, KEY, "from=1");
    people(&server);
    let put = events.until("policy.put");
    assert_eq!(
        (&put["actor"], &put["path"]),
        (&json!("human:neighbour"), &json!("policy/todo.rego")),
        "{put}"
    );
    assert_eq!(events.until("document.change")["path"], "document/people");
    decide(&server, "ann", "can_create_todo");
    let decided = events.until("decision.make");
    let detail = &decided["data"]["detail"];
    assert_eq!(
        (&decided["path"], &detail["result"], &detail["tier"]),
        (&json!("decision/authzen/allow"), &json!("true"), &json!("engine")),
        "{decided}"
    );
    let read = json!({ "action": { "name": "can_create_todo" }, "subject": { "id": "ann" } });
    assert_eq!(detail["input"]["subject"], read["subject"], "{decided}");
    assert_eq!(detail["input"]["action"], read["action"], "{decided}");
}

#[test]
fn where_nobody_is_trusted_for_being_near_a_credential_is_asked_for() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_with(&place.path().join("data"), |command| {
        command.env("STOCKADE_GATE__STRANGERS__LOOPBACK", "false");
    });
    let whole = r#"{"subject":{"type":"t","id":"i"},"action":{"name":"a"},"resource":{"type":"t","id":"i"}}"#;
    for (method, path) in [
        ("POST", "/v1/data/a"),
        ("PUT", "/v1/data/a"),
        ("PUT", "/v1/policies/a"),
        ("DELETE", "/v1/policies/a"),
        ("POST", "/access/v1/evaluation"),
        ("POST", "/access/v1/evaluations"),
    ] {
        assert_eq!(ask(&server, method, path, whole).0, 401, "{method} {path}");
    }
    let answer = server.http("POST", "/v1/data/a", b"{}");
    assert_eq!(answer.status, 200, "an administrator may");
}

#[test]
fn a_policy_says_which_requests_pass_that_a_proxy_holds() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_with(&place.path().join("data"), |command| {
        command.env("STOCKADE_POLICY__FORWARD", "envoy/authz/allow");
    });
    let held = |method: &str, target: &str, body: &str| {
        let path = format!("/forward-auth{target}");
        request(&server.http, Some(KEY), method, &path, body.as_bytes())
    };
    let answer = held("GET", "/orders/7", "");
    assert_eq!((answer.status, &*answer.problem()), (403, "forward-refused"), "nobody said yes");

    let policy = r#"package envoy.authz

default allow := {"allowed": false, "reason": "orders are read, and small ones written"}

allow := {"allowed": true, "headers": {"x-plan": input.parsed_query.plan[0]}} if {
	input.attributes.request.http.method == "GET"
	["orders", _] = input.parsed_path
	"admin" in input.identity.roles
}

allow := true if {
	input.attributes.request.http.method == "POST"
	input.parsed_body.total < 100
}
"#;
    put(&server, "/v1/policies/envoy.rego", policy, 200);
    let answer = held("GET", "/orders/7?plan=gold", "");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.head.contains("x-plan: gold"), "{}", answer.head);
    assert!(answer.head.contains("x-stockade-actor: "), "{}", answer.head);
    assert_eq!(held("POST", "/orders", r#"{"total":99}"#).status, 200);
    for (method, target, body) in [
        ("POST", "/orders", r#"{"total":100}"#),
        ("POST", "/orders", r#"{"total":"#),
        ("DELETE", "/orders/7?plan=gold", ""),
        ("GET", "/users/7?plan=gold", ""),
    ] {
        let answer = held(method, target, body);
        assert_eq!((answer.status, &*answer.problem()), (403, "forward-refused"), "{method}");
        let said = answer.json()["detail"].to_string();
        assert!(said.contains("small ones written"), "{said}");
    }

    put(&server, "/v1/policies/envoy.rego", "package envoy.authz\n\nallow := \"yes\"", 200);
    let answer = held("GET", "/orders/7?plan=gold", "");
    assert_eq!((answer.status, &*answer.problem()), (403, "forward-unclear"), "it is no yes");
}
