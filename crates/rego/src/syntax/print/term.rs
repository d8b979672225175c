//! Terms and lines as text, with parentheses where reading needs them.

use std::fmt::{self, Formatter, Write};

use super::super::quote;
use super::super::token::{Operator, Word};
use super::super::tree::{Every, Expr, ExprKind, Name, Term, TermKind};
use super::is_var;
use crate::Value;

/// How lines are set.
#[derive(Debug, Clone, Copy)]
pub(super) enum Layout {
    /// One after the other, with semicolons.
    Inline,
    /// Each on its own line, so many tabs from the left.
    Block(usize),
}

/// Writes the lines of a body and the brace that ends it.
pub(super) fn lines(out: &mut Formatter<'_>, body: &[Expr], layout: Layout) -> fmt::Result {
    let Layout::Block(depth) = layout else {
        out.write_char(' ')?;
        semicolons(out, body)?;
        return out.write_str(" }");
    };
    for expr in body {
        out.write_char('\n')?;
        tabs(out, depth)?;
        line(out, expr, layout)?;
    }
    out.write_char('\n')?;
    tabs(out, depth.saturating_sub(1))?;
    out.write_char('}')
}

fn tabs(out: &mut Formatter<'_>, depth: usize) -> fmt::Result {
    (0..depth).try_for_each(|_| out.write_char('\t'))
}

fn semicolons(out: &mut Formatter<'_>, body: &[Expr]) -> fmt::Result {
    for (place, expr) in body.iter().enumerate() {
        if place > 0 {
            out.write_str("; ")?;
        }
        line(out, expr, Layout::Inline)?;
    }
    Ok(())
}

/// Writes a line of a body.
pub(super) fn line(out: &mut Formatter<'_>, expr: &Expr, layout: Layout) -> fmt::Result {
    if expr.negated {
        out.write_str("not ")?;
    }
    match &expr.kind {
        ExprKind::Term(only) => member(out, only)?,
        ExprKind::Assign(left, right) => between(out, left, " := ", right)?,
        ExprKind::Unify(left, right) => between(out, left, " = ", right)?,
        ExprKind::Some(names) => {
            out.write_str("some ")?;
            list(out, names)?;
        }
        ExprKind::SomeIn(key, value, within) => {
            out.write_str("some ")?;
            looked_for(out, key.as_ref(), value, within)?;
        }
        ExprKind::Every(every) => write_every(out, every, layout)?,
    }
    for with in &expr.with {
        out.write_str(" with ")?;
        term(out, &with.target)?;
        out.write_str(" as ")?;
        term(out, &with.value)?;
    }
    Ok(())
}

fn between(out: &mut Formatter<'_>, left: &Term, sign: &str, right: &Term) -> fmt::Result {
    member(out, left)?;
    out.write_str(sign)?;
    term(out, right)
}

fn looked_for(
    out: &mut Formatter<'_>,
    key: Option<&Term>,
    value: &Term,
    within: &Term,
) -> fmt::Result {
    if let Some(key) = key {
        operand(out, key, 1)?;
        out.write_str(", ")?;
    }
    operand(out, value, 1)?;
    out.write_str(" in ")?;
    operand(out, within, 1)
}

fn write_every(out: &mut Formatter<'_>, every: &Every, layout: Layout) -> fmt::Result {
    out.write_str("every ")?;
    looked_for(out, every.key.as_ref(), &every.value, &every.domain)?;
    out.write_str(" {")?;
    let layout = match layout {
        Layout::Inline => Layout::Inline,
        Layout::Block(depth) => Layout::Block(depth + 1),
    };
    lines(out, &every.body, layout)
}

/// Writes a path such as a package's.
pub(super) fn path(out: &mut Formatter<'_>, path: &[Name]) -> fmt::Result {
    for (place, name) in path.iter().enumerate() {
        match place {
            0 => out.write_str(name)?,
            _ => name_step(out, name)?,
        }
    }
    Ok(())
}

/// Writes terms with commas between them.
pub(super) fn list(out: &mut Formatter<'_>, terms: &[Term]) -> fmt::Result {
    for (place, term) in terms.iter().enumerate() {
        if place > 0 {
            out.write_str(", ")?;
        }
        member(out, term)?;
    }
    Ok(())
}

/// Writes what stands in a collection, where a bar after the first term would end it.
fn member(out: &mut Formatter<'_>, term: &Term) -> fmt::Result {
    if begins_with_bar(term) { in_parens(out, term) } else { self::term(out, term) }
}

fn begins_with_bar(mut term: &Term) -> bool {
    while let Some((infix, left, _)) = infix(term) {
        let inner = self::infix(left).filter(|(inner, ..)| inner.strength() >= infix.strength());
        if inner.is_none() {
            return infix == Infix::Operator(Operator::Or);
        }
        term = left;
    }
    false
}

/// What is written between two terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Infix {
    In,
    Operator(Operator),
}

impl Infix {
    fn strength(self) -> u8 {
        match self {
            Self::In => 0,
            Self::Operator(operator) => operator.strength(),
        }
    }
}

fn infix(term: &Term) -> Option<(Infix, &Term, &Term)> {
    let TermKind::Call(operator, args) = &term.kind else { return None };
    let [left, right] = args.as_slice() else { return None };
    if is_membership(operator, "member_2") {
        return Some((Infix::In, left, right));
    }
    let operator = Operator::ALL.into_iter().find(|sign| is_var(operator, sign.function()))?;
    Some((Infix::Operator(operator), left, right))
}

fn is_membership(operator: &Term, name: &str) -> bool {
    match &operator.kind {
        TermKind::Ref(head, steps) => match steps.as_slice() {
            [Term { kind: TermKind::Scalar(Value::Text(step)), .. }] => {
                is_var(head, "internal") && **step == *name
            }
            _ => false,
        },
        _ => false,
    }
}

fn pair_membership(term: &Term) -> Option<&[Term]> {
    let TermKind::Call(operator, args) = &term.kind else { return None };
    (args.len() == 3 && is_membership(operator, "member_3")).then_some(args.as_slice())
}

/// Writes a term next to an operator that holds at least this closely.
fn operand(out: &mut Formatter<'_>, term: &Term, strength: u8) -> fmt::Result {
    match infix(term) {
        Some((infix, ..)) if infix.strength() < strength => in_parens(out, term),
        _ => self::term(out, term),
    }
}

fn in_parens(out: &mut Formatter<'_>, term: &Term) -> fmt::Result {
    out.write_char('(')?;
    self::term(out, term)?;
    out.write_char(')')
}

/// Writes a term that has to be without operators.
fn closed(out: &mut Formatter<'_>, term: &Term) -> fmt::Result {
    if infix(term).is_some() { in_parens(out, term) } else { self::term(out, term) }
}

/// Writes a term.
pub(super) fn term(out: &mut Formatter<'_>, term: &Term) -> fmt::Result {
    if let Some((infix, left, right)) = infix(term) {
        operand(out, left, infix.strength())?;
        let sign = match infix {
            Infix::In => "in",
            Infix::Operator(operator) => operator.sign(),
        };
        write!(out, " {sign} ")?;
        return operand(out, right, infix.strength() + 1);
    }
    if let Some([key, value, within]) = pair_membership(term) {
        out.write_char('(')?;
        looked_for(out, Some(key), value, within)?;
        return out.write_char(')');
    }
    match &term.kind {
        TermKind::Scalar(value) => scalar(out, value),
        TermKind::Var(name) => out.write_str(if name.starts_with('$') { "_" } else { name }),
        TermKind::Ref(head, steps) => {
            closed(out, head)?;
            steps.iter().try_for_each(|step| write_step(out, step))
        }
        TermKind::Array(items) => listed(out, "[", items, "]"),
        TermKind::Set(members) if members.is_empty() => out.write_str("set()"),
        TermKind::Set(members) => listed(out, "{", members, "}"),
        TermKind::Object(pairs) => {
            out.write_char('{')?;
            for (place, (key, value)) in pairs.iter().enumerate() {
                out.write_str(if place > 0 { ", " } else { "" })?;
                pair(out, key, value)?;
            }
            out.write_char('}')
        }
        TermKind::ArrayOf(head, body) => {
            out.write_char('[')?;
            closed(out, head)?;
            comprehended(out, body, ']')
        }
        TermKind::SetOf(head, body) => {
            out.write_char('{')?;
            closed(out, head)?;
            comprehended(out, body, '}')
        }
        TermKind::ObjectOf(head, body) => {
            out.write_char('{')?;
            closed(out, &head.0)?;
            out.write_str(": ")?;
            closed(out, &head.1)?;
            comprehended(out, body, '}')
        }
        TermKind::Call(operator, args) => {
            self::term(out, operator)?;
            listed(out, "(", args, ")")
        }
        TermKind::Template(parts) => template(out, parts),
    }
}

fn listed(out: &mut Formatter<'_>, open: &str, terms: &[Term], close: &str) -> fmt::Result {
    out.write_str(open)?;
    list(out, terms)?;
    out.write_str(close)
}

fn pair(out: &mut Formatter<'_>, key: &Term, value: &Term) -> fmt::Result {
    member(out, key)?;
    out.write_str(": ")?;
    member(out, value)
}

fn comprehended(out: &mut Formatter<'_>, body: &[Expr], close: char) -> fmt::Result {
    out.write_str(" | ")?;
    semicolons(out, body)?;
    out.write_char(close)
}

fn write_step(out: &mut Formatter<'_>, step: &Term) -> fmt::Result {
    if let TermKind::Scalar(Value::Text(name)) = &step.kind {
        return name_step(out, name);
    }
    out.write_char('[')?;
    term(out, step)?;
    out.write_char(']')
}

fn name_step(out: &mut Formatter<'_>, name: &str) -> fmt::Result {
    let mut bytes = name.bytes();
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let plain = bytes.next().is_some_and(letter)
        && bytes.all(|byte| letter(byte) || byte.is_ascii_digit())
        && Word::find(name).is_none();
    if plain {
        return write!(out, ".{name}");
    }
    out.write_str("[\"")?;
    quote::escape(out, name, false)?;
    out.write_str("\"]")
}

fn scalar(out: &mut Formatter<'_>, value: &Value) -> fmt::Result {
    match value {
        Value::Null => out.write_str("null"),
        Value::Bool(bool) => write!(out, "{bool}"),
        Value::Number(number) => write!(out, "{number}"),
        Value::Text(text) => {
            out.write_char('"')?;
            quote::escape(out, text, false)?;
            out.write_char('"')
        }
        Value::Array(items) => values(out, "[", items.iter(), "]"),
        Value::Set(members) if members.is_empty() => out.write_str("set()"),
        Value::Set(members) => values(out, "{", members.iter(), "}"),
        Value::Object(object) => {
            out.write_char('{')?;
            for (place, (key, value)) in object.iter().enumerate() {
                out.write_str(if place > 0 { ", " } else { "" })?;
                scalar(out, key)?;
                out.write_str(": ")?;
                scalar(out, value)?;
            }
            out.write_char('}')
        }
    }
}

fn values<'a>(
    out: &mut Formatter<'_>,
    open: &str,
    values: impl Iterator<Item = &'a Value>,
    close: &str,
) -> fmt::Result {
    out.write_str(open)?;
    for (place, value) in values.enumerate() {
        out.write_str(if place > 0 { ", " } else { "" })?;
        scalar(out, value)?;
    }
    out.write_str(close)
}

fn template(out: &mut Formatter<'_>, parts: &[Term]) -> fmt::Result {
    out.write_str("$\"")?;
    for part in parts {
        if let TermKind::Scalar(Value::Text(text)) = &part.kind {
            quote::escape(out, text, true)?;
            continue;
        }
        out.write_char('{')?;
        term(out, part)?;
        out.write_char('}')?;
    }
    out.write_char('"')
}
