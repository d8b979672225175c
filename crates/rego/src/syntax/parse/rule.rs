//! Rules with bodies, their alternatives and their defaults.

use hashbrown::HashSet;

use super::super::token::{Kind, Word};
use super::super::tree::{Expr, Head, Otherwise, Rule, Term, TermKind};
use super::head::{kind_name, single_step};
use super::{Checkpoint, HEIGHT_MAX, Parsed, Parser};

/// How a rule was written, which the newer edition asks and the tree forgets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) has_if: bool,
    pub(super) has_body: bool,
    pub(super) has_contains: bool,
    /// Whether an alternative has a body without `if`.
    pub(super) bare_else: bool,
}

impl Parser<'_> {
    /// Reads a rule that has a body, contains something or is a default, and those that other
    /// bodies make of it; false if there is none here.
    pub(super) fn rules(&mut self, out: &mut Vec<(Rule, Style)>) -> Parsed<bool> {
        let start = self.token().start;
        let default = self.take_word(Word::Default);
        if !self.at(Kind::Name) && !self.at_word_in_path() {
            return Ok(false);
        }
        let Some(mut head) = self.head(default)? else { return Ok(false) };
        let has_contains = head.contains.is_some();
        let mut style = Style { has_if: false, has_body: true, has_contains, bare_else: false };
        if default {
            let rule = rule(self.since(start), head, Vec::new());
            self.check_default(&rule)?;
            style.has_body = false;
            out.push((Rule { default, ..rule }, style));
            return Ok(true);
        }
        style.has_if = self.at_word(Word::If);
        let keyed = !style.has_if && has_key(&head);
        if keyed && head.value.is_none() {
            head.contains = single_step(&mut head.reference);
        }
        let body = if style.has_if {
            self.body_after_if()?
        } else if self.at(Kind::LeftBrace) {
            self.braced_body()?
        } else if has_contains {
            style.has_body = false;
            out.push((rule(self.since(start), head, Vec::new()), style));
            return Ok(true);
        } else {
            return Ok(false);
        };
        let mut first = rule(self.since(start), head, body);
        if self.at_word(Word::Else) {
            self.check_else(&first.head, keyed)?;
            self.alternatives(&mut first, &mut style)?;
        }
        first.span = self.since(start);
        self.more_bodies(first, style, out)?;
        Ok(true)
    }

    /// `p { … } { … }`: each body makes a rule of its own with the same head.
    fn more_bodies(
        &mut self,
        first: Rule,
        style: Style,
        out: &mut Vec<(Rule, Style)>,
    ) -> Parsed<()> {
        let head = first.head.clone();
        let chained = !first.otherwise.is_empty();
        out.push((first, style));
        while self.at(Kind::LeftBrace) {
            if chained {
                return Err(self.error(super::span(self.token()), "expected else keyword"));
            }
            let start = self.token().start;
            let body = self.braced_body()?;
            let mut head = head.clone();
            for arg in head.args.iter_mut().flatten() {
                if matches!(&arg.kind, TermKind::Var(name) if name.starts_with('$')) {
                    arg.kind = self.wildcard();
                }
            }
            out.push((rule(self.since(start), head, body), style));
        }
        Ok(())
    }

    /// After `if` stands an expression, or a body in braces. A set holds always, so that what
    /// looks like one is a body.
    fn body_after_if(&mut self) -> Parsed<Vec<Expr>> {
        self.advance();
        if !self.at(Kind::LeftBrace) {
            return Ok(vec![self.literal()?]);
        }
        let back: Checkpoint = self.checkpoint();
        if let Ok(line) = self.literal()
            && !is_set(&line)
        {
            return Ok(vec![line]);
        }
        self.go_back(back);
        self.braced_body()
    }

    fn alternatives(&mut self, rule: &mut Rule, style: &mut Style) -> Parsed<()> {
        while self.at_word(Word::Else) {
            if rule.otherwise.len() >= HEIGHT_MAX as usize {
                return Err(self.too_deep());
            }
            let start = self.token().start;
            self.advance();
            let mut value = None;
            if self.take(Kind::Assign) || self.take(Kind::Unify) {
                value = Some(self.infix(true)?);
            } else if !self.at(Kind::LeftBrace) && !self.at_word(Word::If) {
                return Err(self.unexpected("expected else value term or rule body"));
            }
            let has_if = self.take_word(Word::If);
            let body = if self.at(Kind::LeftBrace) {
                style.bare_else |= !has_if;
                self.braced_body()?
            } else if !has_if {
                rule.otherwise.push(Otherwise { span: self.since(start), value, body: vec![] });
                return Ok(());
            } else if self.at(Kind::End) {
                return Err(self.unexpected("rule body expected"));
            } else {
                vec![self.literal()?]
            };
            rule.otherwise.push(Otherwise { span: self.since(start), value, body });
        }
        Ok(())
    }

    fn check_else(&self, head: &Head, keyed: bool) -> Parsed<()> {
        let span = super::span(self.token());
        if let TermKind::Ref(_, steps) = &head.reference.kind
            && steps.iter().any(has_variable)
        {
            let message = "else keyword cannot be used on rules with variables in head";
            return Err(self.error(span, message));
        }
        if head.contains.is_some() || keyed {
            return Err(self.error(span, "else keyword cannot be used on multi-value rules"));
        }
        Ok(())
    }

    fn check_default(&self, rule: &Rule) -> Parsed<()> {
        let wrong = |why: &str| Err(self.error(rule.span, format!("illegal default rule ({why})")));
        let Some(value) = &rule.head.value else { return wrong("must have a value") };
        if let Some(what) = not_constant(value) {
            return wrong(&format!("value cannot contain {what}"));
        }
        let mut seen = HashSet::<_, foldhash::fast::FixedState>::default();
        for arg in rule.head.args.iter().flatten() {
            let TermKind::Var(name) = &arg.kind else {
                let what = kind_name(&arg.kind);
                return wrong(&format!("arguments cannot contain {what}"));
            };
            if !seen.insert(name) {
                return wrong(&format!("arguments cannot be repeated {name}"));
            }
        }
        Ok(())
    }
}

fn rule(span: super::Span, head: Head, body: Vec<Expr>) -> Rule {
    Rule { span, default: false, head, body, otherwise: Vec::new() }
}

/// Whether a head is a name with one step, which in the older style is a key.
fn has_key(head: &Head) -> bool {
    let single = matches!(&head.reference.kind, TermKind::Ref(_, steps) if steps.len() == 1);
    single && head.args.is_none() && head.contains.is_none()
}

fn is_set(line: &Expr) -> bool {
    match &line.kind {
        super::super::tree::ExprKind::Term(term) => matches!(term.kind, TermKind::Set(_)),
        _ => false,
    }
}

fn has_variable(term: &Term) -> bool {
    match &term.kind {
        TermKind::Scalar(_) => false,
        TermKind::Array(terms) | TermKind::Set(terms) => terms.iter().any(has_variable),
        TermKind::Object(pairs) => {
            pairs.iter().any(|(key, value)| has_variable(key) || has_variable(value))
        }
        TermKind::Ref(head, steps) => {
            // What is in `input` and `data` is there, and no variable.
            let root = matches!(&head.kind, TermKind::Var(name) if is_root(name));
            (!root && has_variable(head)) || steps.iter().any(has_variable)
        }
        TermKind::Var(name) => !is_root(name),
        _ => true,
    }
}

pub(super) fn is_root(name: &str) -> bool {
    matches!(name, "data" | "input")
}

/// What in a term is not known before anything is asked, if anything is. What is gone through
/// in a comprehension is its own affair.
fn not_constant(term: &Term) -> Option<&'static str> {
    match &term.kind {
        TermKind::Scalar(_) => None,
        TermKind::ArrayOf(..) | TermKind::SetOf(..) | TermKind::ObjectOf(..) => None,
        TermKind::Array(terms) | TermKind::Set(terms) | TermKind::Template(terms) => {
            terms.iter().find_map(not_constant)
        }
        TermKind::Object(pairs) => {
            pairs.iter().find_map(|(key, value)| not_constant(key).or_else(|| not_constant(value)))
        }
        TermKind::Var(name) if !is_root(name) => Some("var"),
        TermKind::Var(_) | TermKind::Ref(..) => Some("ref"),
        TermKind::Call(..) => Some("call"),
    }
}
