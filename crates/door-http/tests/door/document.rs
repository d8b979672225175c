//! The OpenAPI document against the running door.

use std::collections::BTreeSet;

use door_http::Config;
use http::{Method, StatusCode};
use serde_json::{Map, Value};

use crate::client::{Answer, NOBODY, Open, WEBSOCKET, ask, get, open};
use crate::plane;

/// Everything the examples of the document refer to.
fn furnish(open: &Open) {
    open.world.put("x", "a value");
    open.world.happen("cache.purge");
    open.world.happen("decision.make");
    open.world.policies.lock().insert("x".to_owned(), "package x".to_owned());
    open.world.candidates.lock().insert("x".to_owned(), Some("package x".to_owned()));
    for path in ["", "x"] {
        open.world.documents.lock().insert(path.to_owned(), "1".to_owned());
    }
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("not an object: {value}"))
}

/// Follows a reference within the document.
fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// The request an operation's examples make.
fn example(path: &str, operation: &Value) -> (String, Vec<(String, String)>, String) {
    let mut target = path.to_owned();
    let mut query = Vec::new();
    let mut headers = Vec::new();
    for parameter in operation["parameters"].as_array().unwrap() {
        let name = parameter["name"].as_str().unwrap();
        let example = match &parameter["example"] {
            Value::Array(values) => values[0].as_str().unwrap().to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match parameter["in"].as_str().unwrap() {
            "path" if name == "algorithm" => target = target.replace("{algorithm}", "sha2-256"),
            "path" => target = target.replace(&format!("{{{name}}}"), "x"),
            "query" => query.push(format!("{name}={example}")),
            // A condition is another request.
            "header" if name.starts_with("if-") => {}
            "header" if name == "idempotency-key" => {
                headers.push((name.to_owned(), operation["operationId"].to_string()));
            }
            "header" => headers.push((name.to_owned(), example)),
            place => panic!("a parameter in `{place}`"),
        }
    }
    assert!(!target.contains('{'), "{target} has a part the document does not name");
    if !query.is_empty() {
        target = format!("{target}?{}", query.join("&"));
    }
    let json = &operation["requestBody"]["content"]["application/json"]["example"];
    let body = if json.is_null() { "bytes".to_owned() } else { json.to_string() };
    (target, headers, body)
}

async fn call(open: &Open, method: &str, path: &str, operation: &Value, known: bool) -> Answer {
    let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
    let (target, headers, body) = example(path, operation);
    let mut headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    if !known {
        headers.push(NOBODY);
    }
    if operation["responses"]["101"].is_object() {
        headers.extend(WEBSOCKET);
    }
    if !operation["requestBody"]["content"]["application/json"].is_null() {
        headers.push(("content-type", "application/json"));
    }
    let body = if operation["requestBody"].is_null() { String::new() } else { body };
    ask(open.address, method, &target, &headers, body).await
}

#[tokio::test]
async fn every_operation_does_what_the_document_says() {
    let open = open(Config::default());
    let document = get(open.address, "/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut names = BTreeSet::new();
    // Deletes last, so that what they delete is there for the others.
    let all = operations(&document);
    let (deletes, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(_, method, _)| *method == "delete");
    for (path, method, operation) in others.into_iter().chain(deletes) {
        furnish(&open);
        if path.starts_with("/v1/auth/keys/") {
            let mut keys = open.world.keys.lock();
            keys.iter_mut().for_each(|key| "x".clone_into(&mut key.id));
        }
        open.world.blocks.lock().push(plane::guard::block("x"));
        open.world.measures.lock().push(plane::guard::measure("x"));
        open.world.bundles.lock().insert("x".to_owned());
        open.world.escalations.lock().push(plane::guard::escalation("x"));
        if path.starts_with("/v1/objects") && method != "put" {
            ask(open.address, Method::PUT, "/v1/objects/x/x", &[], "bytes").await;
        }
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "`{name}` twice");
        assert!(!operation["summary"].as_str().unwrap().is_empty());
        let answer = call(&open, method, path, operation, true).await;
        check_success(&document, name, operation, &answer);

        let access = operation["security"].as_array().is_some_and(Vec::is_empty);
        let nobody = call(&open, method, path, operation, false).await;
        let expected = if access { answer.status.as_u16() } else { 401 };
        assert_eq!(nobody.status.as_u16(), expected, "{name} without a credential");
        let is_opa = operation["responses"]["default"]["$ref"]
            .as_str()
            .is_some_and(|reference| reference.ends_with("/OpaProblem"));
        match access || method == "head" {
            true => {}
            false if is_opa => assert_eq!(nobody.opa_problem(), "unauthorized", "{name}"),
            false => drop(nobody.problem()),
        }
    }
    assert!(names.len() >= 16, "{names:?}");
}

fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = object(&document["paths"]).iter();
    paths
        .flat_map(|(path, methods)| {
            object(methods).iter().map(move |(method, operation)| (&**path, &**method, operation))
        })
        .collect()
}

/// The answer is one of those the document promises, and looks as it says.
fn check_success(document: &Value, name: &str, operation: &Value, answer: &Answer) {
    let status = answer.status.as_u16().to_string();
    let promised = &operation["responses"][&status];
    // Whoever logs in elsewhere is sent there.
    let leads_on = [StatusCode::SWITCHING_PROTOCOLS, StatusCode::FOUND].contains(&answer.status);
    let well = answer.status.is_success() || leads_on;
    assert!(well && promised.is_object(), "{name} answered {answer:?}");
    let Some(content) = promised.get("content") else {
        assert!(answer.body.is_empty(), "{name} promised no body: {answer:?}");
        return;
    };
    let media_type = answer.header("content-type").split(';').next().unwrap().to_owned();
    let shape = content.get(&media_type).or_else(|| content.get("*/*"));
    let shape = shape.unwrap_or_else(|| panic!("{name} answered {media_type}, not {content}"));
    if media_type == "application/json" && shape["schema"] != serde_json::json!({}) {
        conforms(document, name, &shape["schema"], &answer.json());
    }
}

/// As much of JSON Schema as our documents use.
fn conforms(document: &Value, at: &str, schema: &Value, value: &Value) {
    let schema = resolve(document, schema);
    let kinds = match &schema["type"] {
        Value::String(kind) => vec![kind.as_str()],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(kinds.is_empty() || kinds.contains(&kind), "{at} is {value}, not {kinds:?}");
    if let Some(properties) = schema["properties"].as_object() {
        for (name, part) in object(value) {
            let known = properties.get(name);
            let part_schema = known.unwrap_or_else(|| panic!("{at} has `{name}`, undocumented"));
            conforms(document, &format!("{at}.{name}"), part_schema, part);
        }
        for required in schema["required"].as_array().into_iter().flatten() {
            assert!(value.get(required.as_str().unwrap()).is_some(), "{at} has no {required}");
        }
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        values.iter().for_each(|value| conforms(document, at, items, value));
    }
}

#[tokio::test]
async fn problems_look_as_the_document_says() {
    let open = open(Config::default());
    let document = get(open.address, "/openapi.json").await.json();
    let problem = get(open.address, "/nowhere").await;
    let response =
        resolve(&document, &document["paths"]["/healthz"]["get"]["responses"]["default"]);
    let schema = &response["content"]["application/problem+json"]["schema"];
    conforms(&document, "problem", schema, &problem.json());
}

#[tokio::test]
async fn methods_in_the_document_are_those_that_are_allowed() {
    let open = open(Config::default());
    let document = get(open.address, "/openapi.json").await.json();
    // What a proxy asks about may have any method, OPTIONS too.
    let own = |path: &&String| !path.starts_with("/forward-auth");
    for (path, methods) in object(&document["paths"]).iter().filter(|(path, _)| own(path)) {
        let target = path.replace(['{', '}'], "");
        let options = ask(open.address, Method::OPTIONS, &target, &[], "").await;
        let allowed: BTreeSet<_> = options.header("allow").split(", ").collect();
        let mut said: BTreeSet<_> =
            object(methods).keys().map(|name| name.to_uppercase()).collect();
        if said.contains("GET") {
            said.insert("HEAD".to_owned());
        }
        said.insert("OPTIONS".to_owned());
        assert_eq!(allowed, said.iter().map(|name| &**name).collect(), "{path}");
    }
}
