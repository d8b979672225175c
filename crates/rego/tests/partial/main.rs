//! What is left of questions when part of what they are about is not known.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

#[path = "../peer/grow.rs"]
mod grow;

mod agrees;
mod written;

use std::collections::BTreeSet;
use std::sync::Arc;

use rego::builtin::World;
use rego::partial::{Leave, Partial};
use rego::syntax::{self, Edition, Module};
use rego::value::json;
use rego::{Ask, Error, Options, Program, Value};

struct Here;

impl World for Here {
    fn now(&self) -> i64 {
        1_700_000_000_000_000_000
    }

    fn random(&self) -> u64 {
        4
    }
}

fn value(text: &str) -> Value {
    json::read(text.as_bytes()).unwrap()
}

fn ask(input: Option<Value>, data: Value) -> Ask<'static> {
    Ask { input, data, world: &Here, strict: false, steps_max: 4_000_000 }
}

fn program(texts: &[String]) -> Program {
    let read = |text: &String| {
        let module = syntax::module("t.rego", text, Edition::V1);
        Arc::new(module.unwrap_or_else(|errors| panic!("{}\n{text}", errors[0])))
    };
    let program = Program::compile(texts.iter().map(read).collect(), Options::default());
    program.unwrap_or_else(|problems| panic!("{}\n{}", problems[0], texts.join("\n")))
}

/// Everything a query holds for, as sets of what its variables are.
fn rows(program: &Program, query: &str, ask: &Ask<'_>) -> Result<BTreeSet<Value>, Error> {
    let (body, context) = syntax::asked("query", query, Edition::V1)
        .unwrap_or_else(|errors| panic!("{}\n{query}", errors[0]));
    let question = program.condition(&Arc::new(context), &body);
    let question = question.unwrap_or_else(|problems| panic!("{}\n{query}", problems[0]));
    let rows = program.rows(&question, ask)?.into_iter();
    let named = |(name, value): (Arc<str>, Value)| {
        (!name.starts_with("__")).then(|| (Value::text(name), value))
    };
    Ok(rows.map(|row| Value::object(row.names.into_iter().filter_map(named))).collect())
}

fn left(program: &Program, query: &str, leave: &Leave, ask: &Ask<'_>) -> Result<Partial, Error> {
    let (body, context) = syntax::asked("query", query, Edition::V1).unwrap();
    let question = program.condition(&Arc::new(context), &body);
    let question = question.unwrap_or_else(|problems| panic!("{}\n{query}", problems[0]));
    program.partial(&question, leave, ask)
}

/// What is left, as text: lines with semicolons, and modules.
fn texts(partial: &Partial) -> (Vec<String>, Vec<String>) {
    let query = |lines: &Vec<syntax::Expr>| {
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        lines.join("; ")
    };
    let queries = partial.queries.iter().map(query).collect();
    (queries, partial.support.iter().map(Module::to_string).collect())
}

/// All that what is left holds for.
fn rows_left(partial: &Partial, ask: &Ask<'_>) -> Result<BTreeSet<Value>, Error> {
    let (queries, modules) = texts(partial);
    let program = program(&modules);
    let mut all = BTreeSet::new();
    for query in queries {
        match query.is_empty() {
            true => drop(all.insert(Value::object([]))),
            false => all.extend(rows(&program, &query, ask)?),
        }
    }
    Ok(all)
}
