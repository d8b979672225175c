//! Which of the rules that were written are asked for in the end.

use std::collections::BTreeMap;

use super::{free, write};
use crate::Value;
use crate::syntax::tree::{Expr, Module, Name, Rule, Term, TermKind};

/// The modules of the rules that queries come upon.
pub(super) fn of(
    root: &Name,
    queries: &[Vec<Expr>],
    support: BTreeMap<Vec<Name>, Vec<Rule>>,
) -> Vec<Module> {
    let mut kept: BTreeMap<&[Name], Vec<bool>> =
        support.iter().map(|(package, rules)| (&**package, vec![false; rules.len()])).collect();
    let mut packages: Vec<&[Name]> = Vec::new();
    let mut open: Vec<Vec<Value>> = Vec::new();
    queries.iter().for_each(|lines| paths(root, lines, &mut open));
    let mut asked: Vec<Vec<Value>> = Vec::new();
    while let Some(path) = open.pop() {
        if asked.iter().any(|other| path.starts_with(other)) {
            continue;
        }
        for (package, rules) in &support {
            let Some(kept) = kept.get_mut(&**package) else { continue };
            let whole: Vec<Value> = package.iter().cloned().map(Value::text).collect();
            if whole.starts_with(&path) {
                packages.push(package);
            }
            for (rule, kept) in rules.iter().zip(kept) {
                let place: Vec<Value> =
                    whole.iter().cloned().chain(crate::compile::ground(&rule.head.reference)).collect();
                if !*kept && (place.starts_with(&path) || path.starts_with(&place)) {
                    *kept = true;
                    within(root, rule, &mut open);
                }
            }
        }
        asked.push(path);
    }
    let mut modules = Vec::new();
    for (package, rules) in &support {
        let kept = kept.get(&**package).into_iter().flatten();
        let rules: Vec<Rule> =
            rules.iter().zip(kept).filter(|(_, kept)| **kept).map(|(rule, _)| rule.clone()).collect();
        if !rules.is_empty() || packages.contains(&&**package) {
            modules.push(write::module(package.clone(), rules));
        }
    }
    modules
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
