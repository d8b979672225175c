//! Arrays, sets, objects, and what is built by going through something.
//!
//! After its first term a bar makes a comprehension of it, if what follows can be read as a
//! body; if not, the bar is the operator.

use super::super::token::{Kind, Operator};
use super::super::tree::{Expr, Term, TermKind};
use super::{Parsed, Parser};

const BAR: Kind = Kind::Operator(Operator::Or);

impl Parser<'_> {
    pub(super) fn array(&mut self) -> Parsed<Term> {
        let (open, start) = (self.at, self.token().start);
        self.advance();
        let close = Kind::RightBracket;
        if self.take(close) {
            return Ok(Term { span: self.since(start), kind: TermKind::Array(Vec::new()) });
        }
        let comma = self.take(Kind::Comma);
        let head = self.term()?;
        let kind = match self.comprehended(open, close, comma)? {
            Some(body) => TermKind::ArrayOf(Box::new(head), body),
            None => TermKind::Array(self.rest_of_list(head, close)?),
        };
        self.advance();
        Ok(Term { span: self.since(start), kind })
    }

    /// A set or an object.
    pub(super) fn braced(&mut self) -> Parsed<Term> {
        let (open, start) = (self.at, self.token().start);
        self.advance();
        let close = Kind::RightBrace;
        if self.take(close) {
            return Ok(Term { span: self.since(start), kind: TermKind::Object(Vec::new()) });
        }
        let comma = self.take(Kind::Comma);
        let head = self.term()?;
        let kind = match self.comprehended(open, close, comma)? {
            Some(body) => TermKind::SetOf(Box::new(head), body),
            None => self.set_or_object(open, head, comma)?,
        };
        self.advance();
        Ok(Term { span: self.since(start), kind })
    }

    fn set_or_object(&mut self, open: usize, head: Term, comma: bool) -> Parsed<TermKind> {
        let head = self.operation_from(head, 0)?;
        let head = self.members(head, false)?;
        match self.kind() {
            Kind::RightBrace => Ok(TermKind::Set(vec![head])),
            Kind::Comma => {
                self.advance();
                Ok(TermKind::Set(self.list(Kind::RightBrace, vec![head])?))
            }
            Kind::Colon => self.object(open, head, comma),
            Kind::Illegal(_) => Err(self.unexpected("")),
            _ => Err(self.unexpected("non-terminated set")),
        }
    }

    /// The body of a comprehension, if a bar and one follow. A comma after what could be read
    /// says that there is none after all.
    fn comprehended(&mut self, open: usize, close: Kind, comma: bool) -> Parsed<Option<Vec<Expr>>> {
        if comma || !self.at(BAR) || self.plain.contains(&open) {
            return Ok(None);
        }
        let back = self.checkpoint();
        self.advance();
        match self.body(close) {
            Ok(body) => Ok(Some(body)),
            Err(_) if self.at(Kind::Comma) => {
                self.plain.insert(open);
                self.go_back(back);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn rest_of_list(&mut self, first: Term, close: Kind) -> Parsed<Vec<Term>> {
        let first = self.operation_from(first, 0)?;
        let first = self.members(first, false)?;
        if !self.at(close) && !self.take(Kind::Comma) {
            return Err(self.unexpected_in_list(close));
        }
        self.list(close, vec![first])
    }

    fn object(&mut self, open: usize, key: Term, comma: bool) -> Parsed<TermKind> {
        self.advance();
        let value = self.term()?;
        if let Some(body) = self.comprehended(open, Kind::RightBrace, comma)? {
            return Ok(TermKind::ObjectOf(Box::new((key, value)), body));
        }
        let value = self.operation_from(value, 0)?;
        let value = self.members(value, false)?;
        if !matches!(self.kind(), Kind::RightBrace | Kind::Comma) {
            return Err(self.unexpected("non-terminated object"));
        }
        let mut pairs = vec![(key, value)];
        self.more_pairs(&mut pairs)?;
        Ok(TermKind::Object(pairs))
    }

    fn more_pairs(&mut self, pairs: &mut Vec<(Term, Term)>) -> Parsed<()> {
        while self.take(Kind::Comma) && !self.at(Kind::RightBrace) {
            let key = self.infix(false)?;
            self.expect(Kind::Colon, "expected \":\"")?;
            let value = self.infix(false)?;
            pairs.push((key, value));
            if !matches!(self.kind(), Kind::RightBrace | Kind::Comma) {
                return Err(self.unexpected_in_list(Kind::RightBrace));
            }
        }
        Ok(())
    }
}
