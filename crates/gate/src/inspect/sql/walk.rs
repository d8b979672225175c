//! Reads a value as the rest of an expression, token by token, and weighs what it finds.

mod clause;
mod operand;
mod operator;
mod weight;

use super::super::text::Text;
use super::word::Class;
use super::{Is, Token};
pub(super) use clause::cuts_off;

/// Where in a query the value is taken to stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Where a number stands.
    Bare,
    /// In '…', which the value has just closed.
    Single,
    /// In "…", which the value has just closed.
    Double,
}

/// What an operand of a comparison is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operand {
    Nothing,
    Name,
    Constant,
    String,
    Function,
    /// A function that databases do not have.
    Call,
}

/// A reading of one value in one place.
pub(super) struct Reading<'a> {
    text: &'a Text<'a>,
    tokens: &'a [Token],
    place: Place,
    prose: bool,
    before: &'a [u8],
    weight: f32,
    pending: f32,
    why: &'static str,
    wants_operand: bool,
    /// A boolean operator or a clause has been seen, and no comparison since.
    clause: bool,
    selecting: bool,
    comparing: bool,
    left: Operand,
    last: Operand,
    closings: u32,
    depth: u32,
    terms: u32,
    sums: u32,
    /// Whether there was a name, which code and addresses compare as well.
    named: bool,
    /// Which of the open brackets are those of functions of databases, the innermost last.
    calls: u64,
    /// Where the last comparison is.
    compared_at: usize,
}

enum Step {
    On(usize),
    Stop,
    End,
}

impl<'a> Reading<'a> {
    pub(super) const fn new(
        text: &'a Text<'a>,
        tokens: &'a [Token],
        place: Place,
        prose: bool,
        before: &'a [u8],
    ) -> Self {
        Self {
            text,
            tokens,
            place,
            prose,
            before,
            weight: 0.0,
            pending: 0.0,
            why: "SQL goes on behind the value",
            wants_operand: matches!(place, Place::Bare),
            clause: false,
            selecting: false,
            comparing: false,
            left: Operand::Nothing,
            last: if matches!(place, Place::Bare) { Operand::Nothing } else { Operand::String },
            closings: 0,
            depth: 0,
            terms: 0,
            sums: 0,
            named: false,
            calls: 0,
            compared_at: 0,
        }
    }

    fn quoted(&self) -> bool {
        self.place != Place::Bare
    }

    /// Whether it begins with a number, which sentences and code hardly do.
    fn numbered(&self) -> bool {
        !self.quoted() && self.kind(0) == Some(Is::Number)
    }

    fn open(&mut self, function: bool) {
        self.depth += 1;
        self.calls = self.calls << 1 | u64::from(function);
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        // What a function returns is compared, not the last thing that it takes.
        if self.calls & 1 == 1 && (self.quoted() || self.numbered()) {
            self.last = Operand::Function;
        }
        self.calls >>= 1;
    }

    fn kind(&self, at: usize) -> Option<Is> {
        self.tokens.get(at).map(|token| token.kind)
    }

    fn word(&self, at: usize) -> &'a [u8] {
        self.tokens.get(at).map_or(b"".as_slice(), |token| self.text.part(token.start, token.end))
    }

    fn credit(&mut self, weight: f32, why: &'static str) {
        if weight >= 0.5 {
            self.why = why;
        }
        self.weight += weight;
    }

    /// Whether the grammar ends within the first few words, with nothing found.
    pub(super) fn dies(mut self, whole: bool) -> bool {
        let mut at = 0;
        if !self.quoted() && self.begins_with_continuation() {
            self.wants_operand = false;
        }
        while let Some(kind) = self.kind(at) {
            let step =
                if self.wants_operand { self.operand(kind, at) } else { self.operator(kind, at) };
            match step {
                Step::On(next) => at = next,
                Step::End => return false,
                // Readers look at most five tokens ahead.
                Step::Stop => {
                    return (whole || at + 6 < self.tokens.len())
                        && self.weight + self.pending < 0.1;
                }
            }
        }
        false
    }

    /// Walks as far as the grammar goes: how much it weighs, why, and where it ended.
    pub(super) fn walk(mut self) -> Option<(f32, &'static str, usize)> {
        let mut at = 0;
        if self.clause_cut_off() {
            let end = self.tokens.last().map_or(0, |last| last.end);
            return Some((0.8, "the rest of the query is cut off", end));
        }
        // A value may begin with what continues an expression.
        if !self.quoted() && self.begins_with_continuation() {
            self.wants_operand = false;
        }
        loop {
            self.text.step();
            let Some(kind) = self.kind(at) else {
                self.finish();
                break;
            };
            let step =
                if self.wants_operand { self.operand(kind, at) } else { self.operator(kind, at) };
            match step {
                Step::On(next) => at = next,
                Step::End => {
                    at += 1;
                    break;
                }
                Step::Stop => {
                    // What was only half read is not believed, unless much was read before.
                    if self.terms >= 3 {
                        self.commit();
                    }
                    break;
                }
            }
        }
        let end =
            at.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(0, |last| last.end);
        (self.weight > 0.3).then_some((self.weight, self.why, end))
    }

    fn begins_with_continuation(&self) -> bool {
        match self.kind(0) {
            Some(Is::Word(Class::As)) => {
                matches!(self.kind(2), Some(Is::Word(Class::Condition | Class::Bool)))
            }
            Some(Is::Word(class)) => {
                matches!(
                    class,
                    Class::Bool
                        | Class::Union
                        | Class::Condition
                        | Class::Sort
                        | Class::Into
                        | Class::Procedure
                        | Class::Waitfor
                ) && !(class == Class::Condition
                    && (self.kind(1) == Some(Is::Open) || self.word(0) == b"when"))
            }
            Some(Is::Close | Is::Bars | Is::Semicolon | Is::Comma) => true,
            _ => false,
        }
    }
}
