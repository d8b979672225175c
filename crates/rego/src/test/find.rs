//! Which rules are tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Test;
use crate::Value;
use crate::compile::{ground, written};
use crate::explain::At;
use crate::plan::Place;
use crate::syntax::Module;
use crate::syntax::tree::{Rule, TermKind};

/// What the name of a test begins with.
const TEST: &str = "test_";

/// What that of one begins with that is still to be done.
const TODO: &str = "todo_test_";

/// The tests of modules, and the modules with each test having a name of its own.
pub(super) fn tests(modules: Vec<Arc<Module>>) -> (Vec<Arc<Module>>, Vec<Test>) {
    let mut counts: BTreeMap<Vec<Value>, usize> = BTreeMap::new();
    let mut tests: Vec<Test> = Vec::new();
    let modules = modules
        .into_iter()
        .map(|mut module| {
            for place in 0..module.rules.len() {
                let Some((test, whole)) = test(&module, place) else { continue };
                let seen = counts.entry(whole).or_default();
                let suffix = (*seen > 0).then(|| format!("#{seen:02}"));
                *seen += 1;
                let test = match suffix {
                    Some(suffix) => renamed(&mut module, place, test, &suffix),
                    None => test,
                };
                add(&mut tests, test);
            }
            module
        })
        .collect();
    (modules, tests)
}

/// Rules of one test that differ in the keys that are written are its cases.
fn add(tests: &mut Vec<Test>, test: Test) {
    match tests.iter_mut().find(|other| other.path == test.path) {
        Some(other) => {
            other.keyed |= test.keyed;
            other.cases.extend(test.cases);
        }
        None => tests.push(test),
    }
}

/// The test that a rule is, and the whole path that is written in its head.
fn test(module: &Arc<Module>, place: usize) -> Option<(Test, Vec<Value>)> {
    let rule = module.rules.get(place)?;
    if rule.default || rule.head.args.is_some() {
        return None;
    }
    let package: Vec<Value> = module.package.iter().map(|name| Value::text(name.clone())).collect();
    let head = ground(&rule.head.reference);
    let named = head.iter().position(is_test)?;
    let (name, rest) = head.split_at_checked(named + 1)?;
    let path = [&package, name].concat();
    let last = name.last().and_then(Value::as_text).unwrap_or_default();
    let mut whole = [&package, head.as_slice()].concat();
    let keyed = has_keys(rule, head.len());
    if rule.head.contains.is_some() || keyed {
        whole.push(Value::Null);
    }
    let place = Place { source: module.source.clone(), span: rule.span };
    let test = Test {
        package: written(&package),
        name: below(name),
        at: At::of(&place),
        path,
        keyed: keyed || !rest.is_empty(),
        cases: if rest.is_empty() { Vec::new() } else { vec![rest.to_vec()] },
        skipped: last.starts_with(TODO),
    };
    Some((test, whole))
}

fn is_test(key: &Value) -> bool {
    key.as_text().is_some_and(|name| name.starts_with(TEST) || name.starts_with(TODO))
}

/// Whether there are keys in a head that are only known when it is asked.
fn has_keys(rule: &Rule, written: usize) -> bool {
    matches!(&rule.head.reference.kind, TermKind::Ref(_, steps) if steps.len() + 1 > written)
}

/// A path below a package, as policies write it.
fn below(path: &[Value]) -> String {
    let path = written(path);
    path.strip_prefix("data").map_or(path.clone(), |rest| rest.trim_start_matches('.').to_owned())
}

/// Gives a rule that is a test another name, for its own is taken.
fn renamed(module: &mut Arc<Module>, place: usize, test: Test, suffix: &str) -> Test {
    let Some(rule) = Arc::make_mut(module).rules.get_mut(place) else { return test };
    let name = match &mut rule.head.reference.kind {
        TermKind::Var(name) => Some(name),
        TermKind::Ref(head, steps) => {
            let names = std::iter::once(&mut **head).chain(steps);
            names.into_iter().find_map(|term| match &mut term.kind {
                TermKind::Var(name) if name.starts_with(TEST) || name.starts_with(TODO) => {
                    Some(name)
                }
                TermKind::Scalar(Value::Text(name))
                    if name.starts_with(TEST) || name.starts_with(TODO) =>
                {
                    Some(name)
                }
                _ => None,
            })
        }
        _ => None,
    };
    if let Some(name) = name {
        *name = format!("{name}{suffix}").into();
    }
    let mut path = test.path;
    if let Some(last) = path.last_mut() {
        *last = Value::from(format!("{}{suffix}", last.as_text().unwrap_or_default()));
    }
    Test { name: format!("{}{suffix}", test.name), path, ..test }
}
