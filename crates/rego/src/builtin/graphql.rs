//! Questions and types of GraphQL (`graphql.is_valid`, `graphql.parse`, …).

mod check;
mod lexer;
mod parser;
mod schema;
mod shape;
mod tree;
mod unshape;

use super::argument::text;
use super::{Builtin, Failure, Surroundings};
use crate::Value;
use schema::Schema;
use shape::Shape;
use tree::{At, Document, Fault, Query};

/// How deep what is followed from one to the next may be.
const DEPTH_MAX: usize = 128;

/// The functions.
pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("graphql.is_valid", 2, is_valid),
    Builtin::steady("graphql.parse", 2, parse),
    Builtin::steady("graphql.parse_and_verify", 2, parse_and_verify),
    Builtin::steady("graphql.parse_query", 1, parse_query),
    Builtin::steady("graphql.parse_schema", 1, parse_schema),
    Builtin::steady("graphql.schema_is_valid", 1, schema_is_valid),
];

fn parse_query(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    parser::query(text(args, 0)?).map(|query| query.shape()).map_err(|fault| told(&fault))
}

fn parse_schema(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    parser::document(text(args, 0)?).map(|types| types.shape()).map_err(|fault| told(&fault))
}

fn schema_is_valid(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let document = document_of(args, 0);
    answered(document.and_then(|document| schema_of(document).map(|_| ()))).map(Value::from)
}

fn is_valid(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    answered(verified(args).map(|_| ())).map(Value::from)
}

fn parse(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    verified(args).map(|(query, types)| Value::array([query, types]))
}

fn parse_and_verify(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    match verified(args) {
        Ok((query, types)) => Ok(Value::array([true.into(), query, types])),
        Err(halted @ Failure::Halted(_)) => Err(halted),
        Err(_) => Ok(Value::array([false.into(), Value::object([]), Value::object([])])),
    }
}

/// Whether it went well; when nothing was decided that is no answer.
fn answered(done: Result<(), Failure>) -> Result<bool, Failure> {
    match done {
        Ok(()) => Ok(true),
        Err(halted @ Failure::Halted(_)) => Err(halted),
        Err(_) => Ok(false),
    }
}

/// Questions and types as trees, when the one can be asked of the other.
fn verified(args: &[Value]) -> Result<(Value, Value), Failure> {
    let query = query_of(args, 0)?;
    let document = document_of(args, 1)?;
    let shapes = (query.shape(), document.shape());
    let schema = schema_of(document)?;
    let faults = check::check(&schema, &query)
        .ok_or(Failure::Halted("graphql: a query takes too long to check"))?;
    match faults.as_slice() {
        [] => Ok(shapes),
        faults => Err(all_told(faults)),
    }
}

fn query_of(args: &[Value], place: usize) -> Result<Query, Failure> {
    match args.get(place) {
        Some(Value::Text(text)) => parser::query(text).map_err(|fault| told(&fault)),
        Some(tree @ Value::Object(_)) => unshape::query(tree).map_err(Failure::Broken),
        other => Err(neither(other, place)),
    }
}

fn document_of(args: &[Value], place: usize) -> Result<Document, Failure> {
    match args.get(place) {
        Some(Value::Text(text)) => parser::document(text).map_err(|fault| told(&fault)),
        Some(tree @ Value::Object(_)) => unshape::document(tree).map_err(Failure::Broken),
        other => Err(neither(other, place)),
    }
}

fn neither(value: Option<&Value>, place: usize) -> Failure {
    let got = value.map_or("nothing", Value::type_name);
    Failure::Type(format!("operand {place} must be one of {{string, object}} but got {got}"))
}

fn schema_of(document: Document) -> Result<Schema, Failure> {
    Schema::of(document).map_err(|fault| {
        Failure::Broken(format!(
            "Error in gqlparser SchemaDocument to Schema conversion: {}",
            located(&fault)
        ))
    })
}

fn told(fault: &Fault) -> Failure {
    let At { line, column } = fault.at;
    Failure::Broken(format!("{} in GraphQL string at location {line}:{column}", fault.message))
}

fn located(fault: &Fault) -> String {
    match fault.at {
        At { line: 0, .. } => format!("input: {}", fault.message),
        At { line, column } => format!("input:{line}:{column}: {}", fault.message),
    }
}

/// All that is wrong with questions; the place is that of the first.
fn all_told(faults: &[Fault]) -> Failure {
    let mut message = String::new();
    for (place, fault) in faults.iter().enumerate() {
        match place {
            0 => message.push_str(&fault.message),
            _ => message.push_str(&located(fault)),
        }
        message.push('\n');
    }
    let message = message.strip_suffix(".\n").unwrap_or(&message);
    let At { line, column } = faults.first().map(|fault| fault.at).unwrap_or_default();
    Failure::Broken(format!("{message} in GraphQL query string at location {line}:{column}"))
}

#[cfg(test)]
mod tests;
