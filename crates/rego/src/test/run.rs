//! One test, run.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use super::{Case, Cover, Outcome, Suite, Test, Verdict, With};
use crate::builtin::{Failure, World};
use crate::eval::{Stop, Watch};
use crate::explain::Furthest;
use crate::plan::Place;
use crate::{Ask, Question, Value};

/// As much may be printed in one test, in lines.
const PRINTED_MAX: usize = 10_000;

impl Suite {
    pub(super) fn outcome(&self, test: &Test, with: &With<'_>, cover: &mut Cover) -> Outcome {
        let outcome = Outcome {
            location: test.at.clone(),
            package: test.package.clone(),
            name: test.name.clone(),
            verdict: Verdict::Skipped,
            cases: Vec::new(),
            stopped: None,
            error: None,
            output: Vec::new(),
            took: Duration::ZERO,
        };
        if test.skipped {
            return outcome;
        }
        let begun = (with.clock)();
        let room = Room { with, until: begun + with.time_max, printed: RefCell::default() };
        let data = with.data.clone();
        let ask = Ask { input: None, data, world: &room, strict: false, steps_max: with.steps_max };
        let mut watch =
            Watching { cover, depth: 0, heads: Vec::new(), case: None, seen: BTreeMap::new() };
        let question = Question::document(test.path.iter().cloned());
        let found = self.program.watched(&question, &ask, &mut watch);
        let took = (with.clock)().saturating_sub(begun);
        let mut seen = watch.seen;
        let outcome = Outcome { took, output: room.printed.into_inner(), ..outcome };
        let value = match found {
            Ok(rows) => rows.into_iter().flat_map(|row| row.values).next().map(|(_, value)| value),
            Err(error) => {
                let (verdict, error) = (Verdict::Error, Some(error.to_string()));
                return Outcome { verdict, error, ..outcome };
            }
        };
        let cases = cases(test, value.as_ref(), &mut seen);
        let pass = match cases.is_empty() {
            true => value == Some(true.into()),
            false => cases.iter().all(|case| case.pass),
        };
        let verdict = if pass { Verdict::Pass } else { Verdict::Fail };
        let stopped = match pass {
            true => None,
            false => seen.remove(&None).and_then(Furthest::finish),
        };
        Outcome { verdict, cases, stopped, ..outcome }
    }
}

/// Where each case stopped; and where it stopped before any began.
type Seen = BTreeMap<Option<Vec<Value>>, Furthest>;

/// The cases that were begun, that are written and that hold.
fn cases(test: &Test, value: Option<&Value>, seen: &mut Seen) -> Vec<Case> {
    let mut names: BTreeMap<Vec<Value>, bool> = BTreeMap::new();
    let begun = seen.keys().flatten().cloned();
    names.extend(begun.chain(test.cases.iter().cloned()).map(|name| (name, false)));
    if let Some(value @ Value::Object(_)) = value.filter(|_| test.keyed) {
        leaves(value, &mut Vec::new(), &mut names);
    }
    let case = |(name, pass): (Vec<Value>, bool)| {
        let stopped = seen.remove(&Some(name.clone())).filter(|_| !pass);
        Case {
            name: name.iter().map(plain).collect(),
            pass,
            stopped: stopped.and_then(Furthest::finish),
        }
    };
    names.into_iter().map(case).collect()
}

/// Each value in an object, and whether it is true.
fn leaves(value: &Value, way: &mut Vec<Value>, names: &mut BTreeMap<Vec<Value>, bool>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members.iter() {
                way.push(key.clone());
                leaves(value, way, names);
                way.pop();
            }
        }
        value => {
            names.insert(way.clone(), *value == true.into());
        }
    }
}

fn plain(key: &Value) -> String {
    key.as_text().map_or_else(|| key.to_string(), str::to_owned)
}

/// Listens to one test.
struct Watching<'c> {
    cover: &'c mut Cover,
    /// How many rules are asked within one another.
    depth: usize,
    /// What is tried, within one another.
    heads: Vec<Place>,
    case: Option<Vec<Value>>,
    seen: Seen,
}

impl Watch for Watching<'_> {
    fn asks(&mut self, _: &[Value], _: &[Value], _: bool) {
        self.depth += 1;
    }

    fn answers(&mut self, _: Option<&Value>, _: bool) {
        self.depth -= 1;
    }

    fn tries(&mut self, head: &Place) {
        if self.depth <= 1 {
            self.case = None;
        }
        // A head is covered when it is left with a value: until then it is only known here.
        self.heads.push(head.clone());
    }

    fn leaves(&mut self, held: bool, _: Option<&Value>) {
        if let Some(head) = self.heads.pop().filter(|_| held) {
            self.cover.head(&head);
        }
    }

    fn reaches(&mut self, at: &Place, row: u32) {
        self.cover.row(&at.source.name, row);
    }

    fn stops(&mut self, stop: Stop) {
        if self.depth <= 1 {
            self.seen.entry(self.case.clone()).or_default().add(stop);
        }
    }

    fn case(&mut self, keys: Vec<Value>) {
        if self.depth <= 1 {
            self.seen.entry(Some(keys.clone())).or_default();
            self.case = Some(keys);
        }
    }
}

/// The world of a test: what it prints is kept, and its time ends.
struct Room<'w> {
    with: &'w With<'w>,
    until: Duration,
    printed: RefCell<Vec<String>>,
}

impl World for Room<'_> {
    fn now(&self) -> i64 {
        self.with.world.now()
    }

    fn random(&self) -> u64 {
        self.with.world.random()
    }

    fn over(&self) -> bool {
        (self.with.clock)() >= self.until || self.with.world.over()
    }

    fn send(&self, request: &Value) -> Result<Value, Failure> {
        self.with.world.send(request)
    }

    fn look_up(&self, host: &str) -> Result<Vec<String>, Failure> {
        self.with.world.look_up(host)
    }

    fn print(&self, line: &str) {
        let mut printed = self.printed.borrow_mut();
        if printed.len() < PRINTED_MAX {
            printed.push(line.to_owned());
        }
    }

    fn runtime(&self) -> Value {
        self.with.world.runtime()
    }
}
