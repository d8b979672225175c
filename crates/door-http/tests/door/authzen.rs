//! AuthZEN's questions at our door.

use door_http::Config;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Answer, NOBODY, Open, ask, http2, open, request, whole};

const JSON: (&str, &str) = ("content-type", "application/json");
const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";
const ALICE: &str = r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"1"}}"#;

async fn post(open: &Open, target: &str, body: impl ToString) -> Answer {
    ask(open.address, Method::POST, target, &[JSON], body.to_string()).await
}

/// A whole question, with one part replaced or taken away.
fn question(part: &str, value: Value) -> Value {
    let mut question: Value = serde_json::from_str(ALICE).unwrap();
    let (object, member) = part.split_once('.').unwrap_or(("", part));
    let place = if object.is_empty() { &mut question } else { &mut question[object] };
    match value {
        Value::Null => drop(place.as_object_mut().unwrap().remove(member)),
        value => place[member] = value,
    }
    question
}

#[tokio::test]
async fn an_evaluation_is_a_yes_or_a_no() {
    let open = open(Config::default());
    for (body, expected) in [
        (ALICE.to_owned(), json!({ "decision": true })),
        (ALICE.replace("alice", "bob"), json!({ "decision": false })),
        (
            ALICE.replace("\"1\"", "\"why\""),
            json!({ "decision": false, "context": { "reason": "why" } }),
        ),
        (question("context", json!({ "time": "now" })).to_string(), json!({ "decision": true })),
        (question("unknown", json!([1])).to_string(), json!({ "decision": true })),
        (
            question("subject.properties", json!({ "role": "admin" })).to_string(),
            json!({ "decision": true }),
        ),
    ] {
        let answer = post(&open, EVALUATION, &body).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, expected), "{body}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("x-stockade-tier"), "engine");
    }
}

#[tokio::test]
async fn what_is_missing_or_of_a_wrong_type_is_a_bad_request() {
    let open = open(Config::default());
    let parts = [
        "subject",
        "action",
        "resource",
        "subject.type",
        "subject.id",
        "action.name",
        "resource.type",
        "resource.id",
    ];
    let missing = parts.map(|part| (part, Value::Null));
    let wrong = parts.map(|part| (part, json!(7)));
    let others = [
        ("context", json!("now")),
        ("subject.properties", json!([])),
        ("action", json!("read")),
        ("resource.id", json!({})),
    ];
    for (part, value) in missing.into_iter().chain(wrong).chain(others) {
        let body = question(part, value).to_string();
        for target in [EVALUATION, EVALUATIONS] {
            let answer = post(&open, target, &body).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{target} {body}");
            assert_eq!(answer.problem(), "door-http-question-not-whole");
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains(&format!("`{part}")), "{detail}");
        }
    }
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let twice = ALICE.replacen('{', r#"{"subject":{"type":"user","id":"x"},"#, 1);
    for body in ["", "no json", "{", "[]", "7", "null", &deep, &deep[..100_000], &twice] {
        for target in [EVALUATION, EVALUATIONS, "/access/v1/search/subject"] {
            let answer = post(&open, target, body).await;
            let shown = body.get(..40).unwrap_or(body);
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{target} {shown}");
            answer.problem();
        }
    }
    let large = post(&open, EVALUATION, " ".repeat(10 << 20)).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    for media_type in ["text/plain", "application/jsonx", ""] {
        let headers = [("content-type", media_type)];
        let answer = ask(open.address, Method::POST, EVALUATION, &headers, ALICE).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{media_type}");
    }
    let headers = [("content-type", "application/JSON; charset=utf-8")];
    let answer = ask(open.address, Method::POST, EVALUATION, &headers, ALICE).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn the_id_of_a_request_is_given_back_and_ours_told_beside() {
    let open = open(Config::default());
    let theirs = "bfe9eb29-ab87-4ca3-be83-a1d5d8305716";
    for body in [ALICE, "no json"] {
        let headers = [JSON, ("x-request-id", theirs)];
        let answer = ask(open.address, Method::POST, EVALUATION, &headers, body).await;
        assert_eq!(answer.header("x-request-id"), theirs);
        assert_eq!(answer.header("x-stockade-request-id").len(), 26);
    }
    let answer = post(&open, EVALUATION, ALICE).await;
    assert_eq!(answer.header("x-request-id").len(), 26);
    let headers = [JSON, NOBODY];
    let nobody = ask(open.address, Method::POST, EVALUATION, &headers, ALICE).await;
    assert_eq!((nobody.status.as_u16(), &*nobody.problem()), (401, "test-unknown"));
}

#[tokio::test]
async fn several_questions_are_answered_in_their_order() {
    let open = open(Config::default());
    let subject = |id: &str| json!({ "subject": { "type": "user", "id": id } });
    let mut body = question("subject", Value::Null);
    body["evaluations"] = json!([subject("alice"), subject("bob"), subject("why")]);
    let answer = post(&open, EVALUATIONS, &body).await;
    let no = json!({ "decision": false, "context": { "reason": "why" } });
    let expected = json!([{ "decision": true }, { "decision": false }, no]);
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::OK, json!({ "evaluations": expected }))
    );
    assert_eq!(answer.header("x-stockade-revision"), "r7");

    for evaluations in [Value::Null, json!([])] {
        let body = question("evaluations", evaluations);
        let answer = post(&open, EVALUATIONS, &body).await;
        assert_eq!(answer.json(), json!({ "decision": true }), "{body}");
    }
    for evaluations in [json!({}), json!(vec![json!({}); 10_001])] {
        body["evaluations"] = evaluations;
        assert_eq!(post(&open, EVALUATIONS, &body).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn one_that_is_not_whole_is_a_no_and_the_others_are_answered() {
    let open = open(Config::default());
    let mut body = question("resource", Value::Null);
    let resource = json!({ "resource": { "type": "record", "id": "1" } });
    body["options"] = json!({ "evaluations_semantic": "execute_all", "other": 1 });
    body["evaluations"] = json!([resource, {}, 7, { "resource": { "type": "record" } }, resource]);
    let answer = post(&open, EVALUATIONS, &body).await;
    assert_eq!(answer.status, StatusCode::OK);
    let said = answer.json()["evaluations"].as_array().unwrap().clone();
    let decisions: Vec<_> = said.iter().map(|one| one["decision"].as_bool().unwrap()).collect();
    assert_eq!(decisions, [true, false, false, false, true]);
    assert_eq!(said[1]["context"]["error"]["status"], 400);
    assert_eq!(said[3]["context"]["error"]["message"], "`resource.id` is missing");

    body["options"] = json!({ "evaluations_semantic": "deny_on_first_deny" });
    let answer = post(&open, EVALUATIONS, &body).await.json();
    assert_eq!(answer["evaluations"].as_array().unwrap().len(), 2, "{answer}");
    body["options"] = json!({ "evaluations_semantic": "permit_on_first_permit" });
    let answer = post(&open, EVALUATIONS, &body).await.json();
    assert_eq!(answer["evaluations"], json!([{ "decision": true }]));
    body["evaluations"] = json!([{}, {}]);
    let answer = post(&open, EVALUATIONS, &body).await.json();
    assert_eq!(answer["evaluations"].as_array().unwrap().len(), 2, "none is whole: {answer}");
    body["options"] = json!({ "evaluations_semantic": "guess" });
    assert_eq!(post(&open, EVALUATIONS, &body).await.status, StatusCode::BAD_REQUEST);
    body["subject"] = json!("alice");
    assert_eq!(post(&open, EVALUATIONS, &body).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn searches_name_who_what_and_to_what() {
    let open = open(Config::default());
    let subjects = json!([{ "type": "user", "id": "alice" }, { "type": "user", "id": "bob" }]);
    let actions = json!([{ "name": "read" }, { "name": "write" }]);
    let search = |kind: &str| format!("/access/v1/search/{kind}");
    for (kind, body, expected) in [
        ("subject", question("subject.id", Value::Null), subjects.clone()),
        ("subject", question("subject.id", json!("bob")), subjects.clone()),
        (
            "resource",
            question("resource.id", Value::Null),
            json!([{ "type": "record", "id": "1" }]),
        ),
        ("action", question("action", Value::Null), actions.clone()),
        ("action", question("action.name", json!("wrong")), actions),
        ("subject", question("subject", json!({ "type": "spaceship" })), json!([])),
    ] {
        let answer = post(&open, &search(kind), &body).await;
        assert_eq!(
            (answer.status, answer.json()),
            (StatusCode::OK, json!({ "results": expected }))
        );
    }
    for (kind, part) in [
        ("subject", "subject.type"),
        ("subject", "resource.id"),
        ("subject", "action"),
        ("resource", "subject.id"),
        ("resource", "resource.type"),
        ("action", "subject"),
        ("action", "resource.id"),
    ] {
        let answer = post(&open, &search(kind), question(part, Value::Null)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{kind} without {part}");
    }
    let wrong = post(&open, &search("action"), question("subject.id", json!("wrong"))).await;
    assert_eq!((wrong.status.as_u16(), &*wrong.problem()), (500, "door-http-no-list"));
}

#[tokio::test]
async fn searches_have_pages() {
    let open = open(Config::default());
    let target = "/access/v1/search/subject";
    let mut body = question("subject.id", Value::Null);
    body["page"] = json!({ "limit": 1 });
    let first = post(&open, target, &body).await.json();
    assert_eq!(first["results"], json!([{ "type": "user", "id": "alice" }]));
    assert_eq!((&first["page"]["count"], &first["page"]["total"]), (&json!(1), &json!(2)));
    let token = first["page"]["next_token"].clone();
    body["page"] = json!({ "token": token });
    let second = post(&open, target, &body).await.json();
    assert_eq!(second["results"], json!([{ "type": "user", "id": "bob" }]));
    assert_eq!(second["page"]["next_token"], "");
    body["context"] = json!({ "other": true });
    let other = post(&open, target, &body).await;
    assert_eq!((other.status.as_u16(), &*other.problem()), (400, "door-http-page"));
    for page in [json!(7), json!({ "limit": -1 }), json!({ "limit": "1" }), json!({ "token": 1 })] {
        body["page"] = page;
        assert_eq!(post(&open, target, &body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn the_address_tells_where_to_ask() {
    let open = open(Config::default());
    let target = "/.well-known/authzen-configuration";
    let get =
        async |headers: &[(&str, &str)]| ask(open.address, Method::GET, target, headers, "").await;
    let metadata = get(&[NOBODY]).await;
    assert_eq!(
        (metadata.status, metadata.header("content-type")),
        (StatusCode::OK, "application/json")
    );
    let metadata = metadata.json();
    assert_eq!(metadata["policy_decision_point"], "http://test");
    assert_eq!(metadata["access_evaluation_endpoint"], "http://test/access/v1/evaluation");
    assert_eq!(metadata["search_action_endpoint"], "http://test/access/v1/search/action");
    let behind = get(&[("x-forwarded-proto", "https")]).await.json();
    assert_eq!(behind["policy_decision_point"], "https://test");
    for (name, endpoint) in metadata.as_object().unwrap() {
        let path = endpoint.as_str().unwrap().strip_prefix("http://test").unwrap();
        if !path.is_empty() {
            assert_eq!(post(&open, path, ALICE).await.status, StatusCode::OK, "{name}");
        }
    }
    let mut sender = http2(open.address).await;
    let there = format!("http://{}{target}", open.address);
    let answer = whole(sender.send_request(request(Method::GET, &there, &[], "")).await.unwrap());
    let base = format!("http://{}", open.address);
    assert_eq!(answer.await.json()["policy_decision_point"], base);
}
