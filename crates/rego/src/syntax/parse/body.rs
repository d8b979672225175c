//! The lines of a body.

use super::super::SyntaxError;
use super::super::token::{Kind, Word};
use super::super::tree::{Every, Expr, ExprKind, Term, TermKind, With};
use super::term::membership;
use super::{Parsed, Parser};

impl Parser<'_> {
    /// All there is, as a query; nothing has to stand between its expressions.
    pub(super) fn query(&mut self) -> Parsed<Vec<Expr>> {
        let mut body = vec![];
        while !self.at(Kind::End) {
            body.push(self.literal()?);
            // A semicolon says that another follows.
            while self.take(Kind::Semicolon) {
                body.push(self.literal()?);
            }
        }
        if body.is_empty() { Err(self.unexpected("found empty body")) } else { Ok(body) }
    }

    /// Expressions up to what closes them, which is not taken.
    pub(super) fn body(&mut self, close: Kind) -> Parsed<Vec<Expr>> {
        if self.at(close) {
            return Err(self.error(super::span(self.token()), "found empty body"));
        }
        let mut body = Vec::new();
        loop {
            body.push(self.literal()?);
            if self.take(Kind::Semicolon) {
                continue;
            }
            if self.at(close) {
                return Ok(body);
            }
            if !self.token().fresh {
                return Err(self.unexpected_in_body(close));
            }
        }
    }

    #[cold]
    fn unexpected_in_body(&self, close: Kind) -> SyntaxError {
        self.unexpected(&format!("expected \\n or ; or {}", close.name()))
    }

    /// A body in braces.
    pub(super) fn braced_body(&mut self) -> Parsed<Vec<Expr>> {
        self.expect(Kind::LeftBrace, "rule body expected")?;
        let body = self.body(Kind::RightBrace)?;
        self.advance();
        Ok(body)
    }

    /// A single expression.
    pub(super) fn literal(&mut self) -> Parsed<Expr> {
        let start = self.token().start;
        let negated = self.take_word(Word::Not);
        let kind = if self.at_word(Word::Some) {
            if negated {
                return Err(self.unexpected("illegal negation of 'some'"));
            }
            self.declared()?
        } else if self.at_word(Word::Every) {
            if negated {
                return Err(self.unexpected("illegal negation of 'every'"));
            }
            self.every()?
        } else {
            self.expression()?
        };
        let with = if matches!(kind, ExprKind::Some(_)) { Vec::new() } else { self.with()? };
        Ok(Expr { span: self.since(start), negated, kind, with })
    }

    fn expression(&mut self) -> Parsed<ExprKind> {
        let left = self.infix(true)?;
        Ok(if self.take(Kind::Assign) {
            ExprKind::Assign(left, self.infix(true)?)
        } else if self.take(Kind::Unify) {
            ExprKind::Unify(left, self.infix(true)?)
        } else {
            ExprKind::Term(left)
        })
    }

    fn with(&mut self) -> Parsed<Vec<With>> {
        let mut out = Vec::new();
        while self.at_word(Word::With) {
            let start = self.token().start;
            self.advance();
            if !self.at(Kind::Name) {
                return Err(self.unexpected("expected ident"));
            }
            let target = self.term()?;
            if !matches!(target.kind, TermKind::Var(_) | TermKind::Ref(..)) {
                return Err(self.unexpected("expected with target path"));
            }
            if !self.take_word(Word::As) {
                return Err(self.unexpected("expected as keyword"));
            }
            let value = self.infix(true)?;
            out.push(With { span: self.since(start), target, value });
        }
        Ok(out)
    }

    /// `some x in xs`, or variables that are only said to be new.
    fn declared(&mut self) -> Parsed<ExprKind> {
        self.advance();
        let back = self.checkpoint();
        let wrong = match self.infix(true) {
            Ok(Term { kind: TermKind::Call(operator, args), .. }) => {
                return self.some_in(&operator, args);
            }
            Ok(_) => None,
            Err(error) => Some(error),
        };
        self.go_back(back);
        let mut names = Vec::new();
        loop {
            if !self.at(Kind::Name) {
                return Err(self.unexpected("expected var"));
            }
            names.push(self.variable());
            if !self.take(Kind::Comma) {
                break;
            }
        }
        match wrong {
            Some(error) if !self.token().fresh && !self.at(Kind::Semicolon) => Err(error),
            _ => Ok(ExprKind::Some(names)),
        }
    }

    fn some_in(&self, operator: &Term, args: Vec<Term>) -> Parsed<ExprKind> {
        let mut args = args.into_iter();
        let kind = match (membership(operator), args.next(), args.next(), args.next()) {
            (Some(2), Some(value), Some(within), None) => ExprKind::SomeIn(None, value, within),
            (Some(3), Some(key), Some(value), Some(within)) => {
                ExprKind::SomeIn(Some(key), value, within)
            }
            (Some(_), ..) => return Err(self.unexpected("illegal domain")),
            _ => {
                let note = "expected `x in xs` or `x, y in xs` expression";
                return Err(self.unexpected(note));
            }
        };
        Ok(kind)
    }

    fn every(&mut self) -> Parsed<ExprKind> {
        self.advance();
        let note = "expected `x[, y] in xs { ... }` expression";
        let Term { kind: TermKind::Call(operator, args), .. } = self.infix(true)? else {
            return Err(self.unexpected(note));
        };
        if membership(&operator).is_none() {
            return Err(self.unexpected(note));
        }
        let ExprKind::SomeIn(key, value, domain) = self.some_in(&operator, args)? else {
            return Err(self.unexpected(note));
        };
        let named = |term: &Term| matches!(term.kind, TermKind::Var(_));
        if key.as_ref().is_some_and(|key| !named(key)) {
            return Err(self.unexpected("expected key to be a variable"));
        }
        if !named(&value) {
            return Err(self.unexpected("expected value to be a variable"));
        }
        if !self.at(Kind::LeftBrace) {
            return Err(self.unexpected("missing body"));
        }
        let beside = self.enter()?;
        let body = self.braced_body()?;
        self.leave(beside)?;
        Ok(ExprKind::Every(Box::new(Every { key, value, domain, body })))
    }
}
