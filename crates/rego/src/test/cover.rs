//! How much of policies was reached.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::plan::Place;
use crate::syntax::Module;
use crate::syntax::tree::{Expr, ExprKind, Rule, Span, Term, TermKind};

/// Which rows were reached, by the names of files.
#[derive(Debug, Clone, Default)]
pub struct Cover {
    rows: BTreeMap<String, BTreeSet<u32>>,
}

impl Cover {
    pub(super) fn row(&mut self, file: &str, row: u32) {
        match self.rows.get_mut(file) {
            Some(rows) => {
                rows.insert(row);
            }
            None => {
                self.rows.insert(file.to_owned(), BTreeSet::from([row]));
            }
        }
    }

    pub(super) fn head(&mut self, head: &Place) {
        let (row, _) = head.source.place(head.span.start);
        self.row(&head.source.name, row);
    }

    /// What is covered of modules.
    pub(super) fn of(&self, modules: &[Arc<Module>]) -> Coverage {
        let mut coverage = Coverage::default();
        for module in modules {
            let covered = self.rows.get(&module.source.name).cloned().unwrap_or_default();
            let mut missed = BTreeSet::new();
            let mut count = |span: Span| {
                let (row, _) = module.source.place(span.start);
                missed.extend((!covered.contains(&row)).then_some(row));
            };
            module.rules.iter().for_each(|rule| count_rule(rule, &mut count));
            let file = Covered {
                coverage: percent(covered.len(), missed.len()),
                covered_lines: covered.len(),
                not_covered_lines: missed.len(),
                covered: ranges(&covered),
                not_covered: ranges(&missed),
            };
            coverage.covered_lines += file.covered_lines;
            coverage.not_covered_lines += file.not_covered_lines;
            coverage.files.insert(module.source.name.clone(), file);
        }
        coverage.coverage = percent(coverage.covered_lines, coverage.not_covered_lines);
        coverage
    }
}

/// How much of several files was reached.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Coverage {
    /// Each file, by its name.
    pub files: BTreeMap<String, Covered>,
    /// Rows that were reached.
    pub covered_lines: usize,
    /// Rows that were not, of those that could be.
    pub not_covered_lines: usize,
    /// How many of a hundred were.
    pub coverage: f64,
}

/// How much of a file was reached.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Covered {
    /// Rows that were reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub covered: Vec<Range>,
    /// Rows that were not, of those that could be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_covered: Vec<Range>,
    /// How many were.
    pub covered_lines: usize,
    /// How many were not.
    pub not_covered_lines: usize,
    /// How many of a hundred were.
    pub coverage: f64,
}

/// Rows one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Range {
    /// The first.
    pub start: Position,
    /// The last.
    pub end: Position,
}

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position {
    /// Its number, from 1.
    pub row: u32,
}

fn percent(covered: usize, missed: usize) -> f64 {
    match covered + missed {
        0 => 0.0,
        all => 100.0 * covered as f64 / all as f64,
    }
}

fn ranges(rows: &BTreeSet<u32>) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for row in rows.iter().copied() {
        match ranges.last_mut() {
            Some(last) if last.end.row + 1 == row => last.end.row = row,
            _ => ranges.push(Range { start: Position { row }, end: Position { row } }),
        }
    }
    ranges
}

fn count_rule(rule: &Rule, count: &mut impl FnMut(Span)) {
    count(rule.head.span);
    let head = &rule.head;
    let terms = head.args.iter().flatten().chain(&head.contains).chain(&head.value);
    terms.for_each(|term| count_term(term, count));
    count_body(&rule.body, count);
    for otherwise in &rule.otherwise {
        count(otherwise.span);
        otherwise.value.iter().for_each(|term| count_term(term, count));
        count_body(&otherwise.body, count);
    }
}

/// All lines of a body, and of bodies within it. Naming variables does nothing yet.
fn count_body(body: &[Expr], count: &mut impl FnMut(Span)) {
    for expr in body {
        if !matches!(expr.kind, ExprKind::Some(_)) {
            count(expr.span);
        }
        match &expr.kind {
            ExprKind::Term(term) => count_term(term, count),
            ExprKind::Assign(one, two) | ExprKind::Unify(one, two) => {
                count_term(one, count);
                count_term(two, count);
            }
            ExprKind::Some(_) => {}
            ExprKind::SomeIn(_, _, domain) => count_term(domain, count),
            ExprKind::Every(every) => {
                count_term(&every.domain, count);
                count_body(&every.body, count);
            }
        }
    }
}

/// The bodies within a term.
fn count_term(term: &Term, count: &mut impl FnMut(Span)) {
    let mut all = |terms: &[Term]| terms.iter().for_each(|term| count_term(term, count));
    match &term.kind {
        TermKind::Scalar(_) | TermKind::Var(_) => {}
        TermKind::Ref(head, steps) | TermKind::Call(head, steps) => {
            all(steps);
            count_term(head, count);
        }
        TermKind::Array(terms) | TermKind::Set(terms) | TermKind::Template(terms) => all(terms),
        TermKind::Object(pairs) => pairs.iter().for_each(|(key, value)| {
            count_term(key, count);
            count_term(value, count);
        }),
        TermKind::ArrayOf(head, body) | TermKind::SetOf(head, body) => {
            count_term(head, count);
            count_body(body, count);
        }
        TermKind::ObjectOf(pair, body) => {
            count_term(&pair.0, count);
            count_term(&pair.1, count);
            count_body(body, count);
        }
    }
}
