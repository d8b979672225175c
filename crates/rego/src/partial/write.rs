//! Terms and lines that nobody wrote.

use std::sync::Arc;

use crate::Value;
use crate::syntax::tree::{
    Edition, Expr, ExprKind, Head, Module, Name, Rule, Source, Span, Term, TermKind,
};

pub(super) fn plain(kind: TermKind) -> Term {
    Term { span: Span::default(), kind }
}

pub(super) fn value(value: Value) -> Term {
    plain(TermKind::Scalar(value))
}

pub(super) fn var(name: &str) -> Term {
    plain(TermKind::Var(name.into()))
}

/// A way into something; a way from there on is one way.
pub(super) fn reference(head: Term, mut keys: Vec<Term>) -> Term {
    if keys.is_empty() {
        return head;
    }
    match head.kind {
        TermKind::Ref(head, mut before) => {
            before.append(&mut keys);
            plain(TermKind::Ref(head, before))
        }
        _ => plain(TermKind::Ref(Box::new(head), keys)),
    }
}

/// A place in the input or the data.
pub(super) fn place(root: &str, path: &[Value]) -> Term {
    reference(var(root), path.iter().cloned().map(value).collect())
}

/// A call of a function by its name: `json.patch`.
pub(super) fn call(name: &str, args: Vec<Term>) -> Term {
    let mut parts = name.split('.');
    let head = var(parts.next().unwrap_or_default());
    let callee = reference(head, parts.map(|part| value(part.into())).collect());
    plain(TermKind::Call(Box::new(callee), args))
}

pub(super) fn line(kind: ExprKind) -> Expr {
    Expr { span: Span::default(), negated: false, kind, with: Vec::new() }
}

pub(super) fn holds(term: Term) -> Expr {
    line(ExprKind::Term(term))
}

/// What never holds.
pub(super) fn never() -> Expr {
    holds(value(false.into()))
}

/// A body that says something even where nothing has to hold.
pub(super) fn said(mut lines: Vec<Expr>) -> Vec<Expr> {
    if lines.is_empty() {
        lines.push(holds(value(true.into())));
    }
    lines
}

pub(super) fn head(reference: Term, args: Option<Vec<Term>>) -> Head {
    Head { span: Span::default(), reference, args, contains: None, value: None, assigns: false }
}

pub(super) fn rule(head: Head, body: Vec<Expr>) -> Rule {
    Rule { span: Span::default(), default: false, head, body, otherwise: Vec::new() }
}

pub(super) fn module(package: Vec<Name>, rules: Vec<Rule>) -> Module {
    Module {
        source: Arc::new(Source { name: String::new(), text: String::new() }),
        edition: Edition::V1,
        package,
        package_span: Span::default(),
        imports: Vec::new(),
        rules,
        annotations: Vec::new(),
        comments: Vec::new(),
    }
}

/// Whether a term is written with a minus before it.
pub(super) fn is_below_zero(term: &Term) -> bool {
    match &term.kind {
        TermKind::Scalar(number @ Value::Number(_)) => *number < Value::from(0),
        TermKind::Call(_, args) => args.first().is_some_and(is_below_zero),
        _ => false,
    }
}

/// How many parts a value has, as far as that is fewer than a bound.
pub(super) fn parts(value: &Value, most: usize) -> usize {
    let mut open = vec![value];
    let mut count = 0;
    while let Some(value) = open.pop() {
        count += 1 + value.as_text().map_or(0, |text| text.len() / 64);
        if count > most {
            return count;
        }
        match value {
            Value::Array(items) => open.extend(items.iter()),
            Value::Set(members) => open.extend(members.iter()),
            Value::Object(members) => {
                members.iter().for_each(|(key, value)| open.extend([key, value]));
            }
            _ => {}
        }
    }
    count
}

/// How many parts a term has.
pub(super) fn size(term: &Term) -> usize {
    1 + match &term.kind {
        TermKind::Array(items) | TermKind::Set(items) => items.iter().map(size).sum(),
        TermKind::Object(pairs) => pairs.iter().map(|(key, value)| size(key) + size(value)).sum(),
        _ => 0,
    }
}
