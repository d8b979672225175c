//! Which of the rules that were written are asked for in the end.

use std::collections::{BTreeMap, BTreeSet};

use super::{free, write};
use crate::Value;
use crate::syntax::tree::{Expr, Module, Name, Rule, Term, TermKind};

/// The modules of the rules that queries come upon.
pub(super) fn of(
    root: &Name,
    queries: &[Vec<Expr>],
    support: BTreeMap<Vec<Name>, Vec<Rule>>,
) -> Vec<Module> {
    let mut places: BTreeMap<Vec<Value>, Vec<&Rule>> = BTreeMap::new();
    for (package, rules) in &support {
        for rule in rules {
            places.entry(place(package, rule)).or_default().push(rule);
        }
    }
    let mut open: Vec<Vec<Value>> = Vec::new();
    queries.iter().for_each(|lines| paths(root, lines, &mut open));
    let (mut asked, mut kept) = (BTreeSet::new(), BTreeSet::new());
    while let Some(path) = open.pop() {
        if !asked.insert(path.clone()) {
            continue;
        }
        let before = (0..path.len()).filter_map(|end| path.get(..end).map(<[Value]>::to_vec));
        let before = before.filter(|place: &Vec<Value>| places.contains_key(place));
        let below = places.range(path.clone()..).map(|(place, _)| place);
        let below = below.take_while(|place| place.starts_with(&path)).cloned();
        for place in before.chain(below) {
            for rule in places.get(&place).into_iter().flatten().filter(|_| !kept.contains(&place))
            {
                within(root, rule, &mut open);
            }
            kept.insert(place);
        }
    }
    drop(places);
    let mut modules = Vec::new();
    for (package, mut rules) in support {
        rules.retain(|rule| kept.contains(&place(&package, rule)));
        let whole: Vec<Value> = package.iter().cloned().map(Value::text).collect();
        // A package without rules is an empty document, and still one.
        let named = || {
            (0..=whole.len()).filter_map(|end| whole.get(..end)).any(|path| asked.contains(path))
        };
        if !rules.is_empty() || named() {
            modules.push(write::module(package, rules));
        }
    }
    modules
}

fn place(package: &[Name], rule: &Rule) -> Vec<Value> {
    let package = package.iter().cloned().map(Value::text);
    package.chain(crate::compile::ground(&rule.head.reference)).collect()
}

/// What a rule asks for.
fn within(root: &Name, rule: &Rule, found: &mut Vec<Vec<Value>>) {
    let terms = rule.otherwise.iter().filter_map(|otherwise| otherwise.value.as_ref());
    let terms = terms.chain(&rule.head.value).chain(&rule.head.contains);
    terms.for_each(|term| free::terms(term, &mut |term| path(root, term, found)));
    paths(root, &rule.body, found);
    rule.otherwise.iter().for_each(|otherwise| paths(root, &otherwise.body, found));
}

fn paths(root: &Name, lines: &[Expr], found: &mut Vec<Vec<Value>>) {
    free::terms_of(lines, &mut |term| path(root, term, found));
}

/// The path of a reference to what is left, as far as it is known.
fn path(root: &Name, term: &Term, found: &mut Vec<Vec<Value>>) {
    let TermKind::Ref(head, keys) = &term.kind else { return };
    if !matches!(&head.kind, TermKind::Var(name) if &**name == "data") {
        return;
    }
    let known = keys.iter().map_while(|key| match &key.kind {
        TermKind::Scalar(value) => Some(value.clone()),
        _ => None,
    });
    let path: Vec<Value> = known.collect();
    if path.first().and_then(Value::as_text) == Some(root) {
        found.push(path);
    }
}
