//! Tests of policies, written in policies: rules whose names begin with `test_`.
//!
//! A [`Suite`] is made of all modules together and runs its tests one by one, each with a bound
//! on its steps and its time. What is counted for coverage is the heads of rules and the lines
//! of bodies, as Open Policy Agent counts them. Nothing here reads a clock: whoever runs tests
//! brings one.

mod cover;
mod find;
mod run;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::builtin::{World, expression};
use crate::explain::{At, Stopped};
use crate::syntax::Module;
use crate::{Options, Problem, Program, Value};

pub use cover::{Cover, Coverage, Covered, Position, Range};

/// The tests of modules, ready to be run.
#[derive(Debug)]
pub struct Suite {
    program: Program,
    tests: Vec<Test>,
}

/// One test.
#[derive(Debug, Clone)]
pub struct Test {
    /// The package, as policies write it: `data.authz`.
    pub package: String,
    /// The name below it: `test_allow`.
    pub name: String,
    /// Where it is written.
    pub at: At,
    /// The path of the document that has to be true.
    path: Vec<Value>,
    /// Whether it has cases, which its keys name.
    keyed: bool,
    /// Cases that are known without running it.
    cases: Vec<Vec<Value>>,
    /// Whether its name says that it is still to be done (`todo_test_`).
    skipped: bool,
}

/// With what tests are run.
pub struct With<'a> {
    /// The documents no rule makes.
    pub data: Value,
    /// What is outside. What is printed is kept with the test and not said there.
    pub world: &'a dyn World,
    /// How long it is since some moment in the past.
    pub clock: &'a dyn Fn() -> Duration,
    /// As many steps are done at most, in each test.
    pub steps_max: u64,
    /// As long as this a test may take.
    pub time_max: Duration,
    /// Which tests are run: those whose whole name is found in.
    pub only: Option<Only>,
}

/// Which tests are run, as an expression that is looked for in `data.authz.test_allow`.
#[derive(Debug, Clone)]
pub struct Only(regex::Regex);

impl Only {
    /// Reads an expression, and says what is wrong with it.
    pub fn new(pattern: &str) -> Result<Self, String> {
        expression(pattern).map(Self)
    }
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not, or one of its cases does not.
    Fail,
    /// It could not be found out.
    Error,
    /// It was not asked.
    Skipped,
}

/// What came of a test.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Where the test is written.
    pub location: At,
    /// The package: `data.authz`.
    pub package: String,
    /// The name below it.
    pub name: String,
    /// How it ended.
    pub verdict: Verdict,
    /// Its cases, if it has any, in the order of their names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<Case>,
    /// Where it did not go on, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// Why it could not be found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it printed, line by line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<String>,
    /// How long it took.
    #[serde(rename = "duration_ns", serialize_with = "nanos")]
    pub took: Duration,
}

/// One case of a test.
#[derive(Debug, Clone, Serialize)]
pub struct Case {
    /// Its name, which has several parts where the rule has several keys.
    pub name: Vec<String>,
    /// Whether it holds.
    pub pass: bool,
    /// Where it did not go on, if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
}

fn nanos<S: serde::Serializer>(took: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX))
}

impl Suite {
    /// Finds the tests of modules. A name that several rules of tests have is told apart by a
    /// number: `test_allow#01`.
    pub fn of(modules: Vec<Arc<Module>>) -> Result<Self, Vec<Problem>> {
        Self::with(modules, Options::default())
    }

    /// The same of modules that are compiled in another way.
    pub fn with(modules: Vec<Arc<Module>>, options: Options) -> Result<Self, Vec<Problem>> {
        let (modules, tests) = find::tests(modules);
        let program = Program::compile(modules, Options { marks: true, ..options })?;
        Ok(Self { program, tests })
    }

    /// The tests, in the order in which they are run.
    pub fn tests(&self) -> &[Test] {
        &self.tests
    }

    /// Runs the tests, and tells each as soon as it is done.
    pub fn run(&self, with: &With<'_>, cover: &mut Cover, mut each: impl FnMut(Outcome)) {
        for test in &self.tests {
            let name = format!("{}.{}", test.package, test.name);
            if with.only.as_ref().is_none_or(|only| only.0.is_match(&name)) {
                each(self.outcome(test, with, cover));
            }
        }
    }

    /// What is covered of the modules by what was run.
    pub fn coverage(&self, cover: &Cover) -> Coverage {
        cover.of(self.program.modules())
    }
}
