//! The OpenAPI document, made from the table of operations.

use bytes::Bytes;
use flow::Plane;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::problem::{self, Problem};
use crate::query::{Example, Parameter};
use crate::route::{Access, Effect, Gives, Operation, Shape, Takes};

const JSON: &str = "application/json";

/// What every write takes.
const IDEMPOTENCY_KEY: Parameter = Parameter {
    name: "idempotency-key",
    what: "The same key with the same request does it once and gives the same answer again",
    example: Example::Text("8e03978e-40d5-43dd-bc93-6894a57f9324"),
};

/// The document.
pub(crate) fn document<P: Plane>(operations: &[Operation<P>]) -> Bytes {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        let path = paths.entry(operation.path.replace("{*", "{")).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            let method = operation.method.as_str().to_lowercase();
            path.insert(method, describe(operation, &mut generator));
        }
    }
    let problem = generator.subschema_for::<Problem<'_>>();
    let failure = json!({
        "description": "What went wrong, and what to do about it",
        "content": { problem::MEDIA_TYPE: { "schema": problem } },
    });
    let bearer = json!({
        "type": "http",
        "scheme": "bearer",
        "description": "An API key",
    });
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Stockade",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every answer carries `x-request-id`. Lists have pages; `next` is the address of the next one.",
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "key": [] }, { "certificate": [] }],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "responses": { "Problem": failure },
            "securitySchemes": { "key": bearer, "certificate": { "type": "mutualTLS" } },
        },
    });
    serde_json::to_vec(&document).unwrap_or_default().into()
}

fn describe<P: Plane>(operation: &Operation<P>, generator: &mut SchemaGenerator) -> Value {
    let mut responses: Map<String, Value> = Map::new();
    for gives in operation.gives {
        responses.insert(gives.status.to_string(), response(gives, generator));
    }
    responses.insert("default".into(), json!({ "$ref": "#/components/responses/Problem" }));
    let mut described = json!({
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": parameters(operation),
        "responses": responses,
    });
    if let Some(object) = described.as_object_mut() {
        match operation.access {
            Access::Open => drop(object.insert("security".into(), json!([]))),
            Access::Holder | Access::Neighbour => {
                drop(object.insert("security".into(), json!([{}, { "key": [] }])))
            }
            Access::Known => {}
        }
        if let Some(body) = request_body(operation.takes, generator) {
            object.insert("requestBody".into(), body);
        }
    }
    described
}

fn parameters<P: Plane>(operation: &Operation<P>) -> Vec<Value> {
    let in_path = operation.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        let name = name.trim_start_matches('*');
        let schema = json!({ "type": "string" });
        Some(json!({ "name": name, "in": "path", "required": true, "schema": schema }))
    });
    let in_query = operation.query.iter().map(|known| parameter("query", known));
    let key = (operation.effect == Effect::Writes).then_some(&IDEMPOTENCY_KEY);
    let in_header = operation.headers.iter().chain(key).map(|known| parameter("header", known));
    in_path.chain(in_query).chain(in_header).collect()
}

fn parameter(place: &str, known: &Parameter) -> Value {
    let (schema, example) = match known.example {
        Example::Text(text) => (json!({ "type": "string" }), json!(text)),
        Example::Number(number) => (json!({ "type": "integer", "minimum": 0 }), json!(number)),
        Example::Flag(flag) => (json!({ "type": "boolean" }), json!(flag)),
        Example::Many(text) => {
            (json!({ "type": "array", "items": { "type": "string" } }), json!([text]))
        }
    };
    json!({
        "name": known.name,
        "in": place,
        "description": known.what,
        "schema": schema,
        "example": example,
    })
}

fn request_body(takes: Takes, generator: &mut SchemaGenerator) -> Option<Value> {
    let content = match takes {
        Takes::Nothing => return None,
        Takes::Bytes => json!({ "*/*": { "schema": {} } }),
        Takes::Json(schema, example) => {
            let example: Value = serde_json::from_str(example).unwrap_or_default();
            json!({ JSON: { "schema": schema(generator), "example": example } })
        }
        Takes::JsonOr(schema, example, media_type) => {
            let example: Value = serde_json::from_str(example).unwrap_or_default();
            let schema = schema(generator);
            json!({ JSON: { "schema": schema, "example": example }, media_type: { "schema": {} } })
        }
    };
    Some(json!({ "required": true, "content": content }))
}

fn response(gives: &Gives, generator: &mut SchemaGenerator) -> Value {
    let content = match gives.shape {
        Shape::Nothing => return json!({ "description": gives.what }),
        Shape::Bytes(media_type) => json!({ media_type: { "schema": {} } }),
        Shape::Json(schema) => json!({ JSON: { "schema": schema(generator) } }),
        Shape::JsonOr(schema, media_type) => json!({
            JSON: { "schema": schema(generator) },
            media_type: { "schema": { "type": "string" } },
        }),
        Shape::Events(schema) => json!({
            JSON: { "schema": schema(generator) },
            "text/event-stream": { "schema": { "type": "string" } },
            "application/x-ndjson": { "schema": { "type": "string" } },
            "text/csv": { "schema": { "type": "string" } },
        }),
    };
    json!({ "description": gives.what, "content": content })
}
