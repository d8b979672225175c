//! Documents that have to be of a shape (`json.match_schema`, `json.verify_schema`): JSON Schema
//! in its drafts 4, 6 and 7, and what they have in common when none is named. Nothing is fetched:
//! a reference leads to a place in the schema itself.

mod compile;
mod format;
mod judge;

use std::sync::Arc;

use super::{Builtin, Failure, Surroundings};
use crate::Value;
use crate::value::json;
use compile::Schema;

/// The functions.
pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("json.match_schema", 2, match_schema),
    Builtin::steady("json.verify_schema", 1, verify_schema),
];

/// Whether a schema is one, and if not why.
fn verify_schema(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let wrong = document(args, 0).and_then(|schema| Schema::of(&schema)).err();
    Ok(match wrong {
        None => Value::array([true.into(), Value::Null]),
        Some(why) => Value::array([false.into(), format!("jsonschema: {why}").into()]),
    })
}

/// Whether a document is as a schema says, and all that is not.
fn match_schema(around: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let value = document(args, 0).map_err(Failure::Broken)?;
    let key = args.get(1).cloned().unwrap_or(Value::Null);
    let schema = around.keep("json.match_schema", &key, |_| {
        let schema = document(args, 1).and_then(|schema| Schema::of(&schema));
        schema.map(Arc::new).map_err(Failure::Broken)
    })?;
    let faults = judge::judge(&schema, &value)?;
    let valid = faults.is_empty();
    let shown = faults.into_iter().map(|fault| {
        let error = format!("{}: {}", fault.field, fault.says);
        Value::object([
            ("error".into(), error.into()),
            ("type".into(), fault.kind.into()),
            ("field".into(), fault.field.into()),
            ("desc".into(), fault.says.into()),
        ])
    });
    Ok(Value::array([valid.into(), shown.collect()]))
}

/// A document, which may be the text of one.
fn document(args: &[Value], place: usize) -> Result<Value, String> {
    match args.get(place) {
        Some(Value::Text(text)) => json::read_text(text).map_err(|_| "invalid JSON string".into()),
        // What is a set for policies is a list for schemas.
        Some(value @ (Value::Object(_) | Value::Array(_))) => {
            json::read_text(&json::write(value)).map_err(|why| why.to_string())
        }
        _ => Err("wrong type, expected string or object".into()),
    }
}

#[cfg(test)]
mod tests;
