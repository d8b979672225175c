//! `$"a {x} b"`: strings with terms in them.

use super::super::quote;
use super::super::token::{Kind, Token};
use super::super::tree::{Expr, ExprKind, Term, TermKind};
use super::{Parsed, Parser, span};
use crate::Value;

impl Parser<'_> {
    pub(super) fn template(&mut self) -> Parsed<Term> {
        let start = self.token().start;
        let mut parts = Vec::new();
        loop {
            let token = self.token();
            let Kind::Part { last, .. } = token.kind else {
                let note = "expected } to end template string expression";
                return Err(self.unexpected(note));
            };
            let text = self.part(token)?;
            push_text(&mut parts, text, token);
            self.advance();
            if last {
                return Ok(Term { span: self.since(start), kind: TermKind::Template(parts) });
            }
            let line = self.literal()?;
            match self.embedded(line)? {
                Term { kind: TermKind::Scalar(Value::Text(text)), .. } => {
                    push_text(&mut parts, text.to_string(), token);
                }
                term => parts.push(term),
            }
        }
    }

    /// What a piece of text says, without the quotes and braces around it.
    fn part(&self, token: Token) -> Parsed<String> {
        let text = self.text(token);
        // The first begins with a dollar and a quote, all others with a brace.
        let opened = match token.kind {
            Kind::Part { first: true, .. } => 2,
            _ => 1,
        };
        let inner = text.get(opened..text.len().saturating_sub(1)).unwrap_or_default();
        if matches!(token.kind, Kind::Part { raw: true, .. }) {
            return Ok(inner.replace("\\{", "{"));
        }
        let illegal = || self.error(span(token), format!("illegal template-string part: {text}"));
        quote::unescape(inner).ok_or_else(illegal)
    }

    /// The term an expression in a template stands for.
    fn embedded(&self, line: Expr) -> Parsed<Term> {
        let what = match &line.kind {
            _ if line.negated => "negation ('not')",
            ExprKind::Term(_) => "",
            ExprKind::Assign(..) => "assignment (':=')",
            ExprKind::Unify(..) => "unification ('=')",
            ExprKind::Some(_) | ExprKind::SomeIn(..) => "'some'",
            ExprKind::Every(_) => "'every'",
        };
        let span = line.span;
        match line.kind {
            ExprKind::Term(term) if what.is_empty() && line.with.is_empty() => Ok(term),
            ExprKind::Term(term) if what.is_empty() => {
                // A term has no place for what is replaced while it is asked; the only member of
                // an array of such answers does.
                let name = Term { span, kind: TermKind::Var("__part__".into()) };
                let kind = ExprKind::Unify(name.clone(), term);
                let line = Expr { span, negated: false, kind, with: line.with };
                let kind = TermKind::ArrayOf(Box::new(name), vec![line]);
                let zero = Term { span, kind: TermKind::Scalar(0.into()) };
                Ok(Term { span, kind: TermKind::Ref(Box::new(Term { span, kind }), vec![zero]) })
            }
            _ => {
                let message = format!("unexpected {what} in template-string expression");
                Err(self.error(span, message))
            }
        }
    }
}

/// Texts that stand side by side are one.
fn push_text(parts: &mut Vec<Term>, text: String, token: Token) {
    if text.is_empty() {
        return;
    }
    if let Some(Term { kind: TermKind::Scalar(Value::Text(before)), .. }) = parts.last_mut() {
        *before = format!("{before}{text}").into();
        return;
    }
    parts.push(Term { span: span(token), kind: TermKind::Scalar(text.into()) });
}
