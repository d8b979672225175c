//! Tests of policies, what they cover, and why answers are what they are.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod coverage;
mod explained;
mod verdicts;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use rego::builtin::World;
use rego::syntax::{self, Edition, Module};
use rego::test::{Cover, Coverage, Only, Outcome, Suite, With};
use rego::{Ask, Options, Program, Value};

/// A world in which it is always the same time.
struct Still;

impl World for Still {
    fn now(&self) -> i64 {
        1_700_000_000_000_000_000
    }

    fn random(&self) -> u64 {
        4
    }
}

fn module(name: &str, text: &str) -> Arc<Module> {
    let module = syntax::module(name, text, Edition::V1);
    Arc::new(module.unwrap_or_else(|errors| panic!("{}", errors[0])))
}

/// Runs the tests of files, with a clock that goes on by a millisecond whenever it is looked at.
fn run(files: &[(&str, &str)], only: Option<&str>) -> (Vec<Outcome>, Coverage) {
    let modules = files.iter().map(|(name, text)| module(name, text)).collect();
    let suite = Suite::of(modules).unwrap_or_else(|problems| panic!("{}", problems[0]));
    let ticks = Cell::new(0);
    let clock = || {
        ticks.set(ticks.get() + 1);
        Duration::from_millis(ticks.get())
    };
    let with = With {
        data: Value::object([("limit".into(), 3.into())]),
        world: &Still,
        clock: &clock,
        steps_max: 1_000_000,
        time_max: Duration::from_secs(1),
        only: only.map(|pattern| Only::new(pattern).unwrap()),
    };
    let (mut cover, mut outcomes) = (Cover::default(), Vec::new());
    suite.run(&with, &mut cover, |outcome| outcomes.push(outcome));
    (outcomes, suite.coverage(&cover))
}

/// The explanation of a question about one file, as text and as JSON.
fn explained(text: &str, query: &str, input: &str) -> (String, serde_json::Value) {
    let modules = vec![module("a.rego", text)];
    let program = Program::compile(modules, Options { marks: true, ..Options::default() });
    let program = program.unwrap_or_else(|problems| panic!("{}", problems[0]));
    let (body, context) = syntax::asked("query", query, Edition::V1).unwrap();
    let question = program.question(&Arc::new(context), &body).unwrap();
    let ask = Ask {
        input: rego::value::json::read(input.as_bytes()).ok(),
        data: Value::object([]),
        world: &Still,
        strict: false,
        steps_max: 1_000_000,
    };
    let (_, explanation) = program.explain(&question, &ask);
    (explanation.to_string(), serde_json::to_value(&explanation).unwrap())
}
