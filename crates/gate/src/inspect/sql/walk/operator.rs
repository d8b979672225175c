//! Where an operator may stand: what joins one operand to the next, or begins a clause.

use super::super::super::sign::Signs;
use super::super::super::text::{is_space, is_word};
use super::super::word::Class;
use super::super::{Is, Token};
use super::{Operand, Place, Reading, Step};

/// What is shorter is no sentence that quotes a sign.
const CURT: usize = 8;

impl Reading<'_> {
    pub(super) fn operator(&mut self, kind: Is, at: usize) -> Step {
        match kind {
            Is::Compare => {
                if self.quotes_a_sign(at) {
                    return Step::Stop;
                }
                self.compare(at);
            }
            Is::Bars
                if self.before.last().is_some_and(|byte| is_space(*byte))
                    && self.text.len() > CURT
                    && self.flanked(at) =>
            {
                return Step::Stop;
            }
            Is::Bars => {
                self.lone();
                self.commit();
                self.boolean();
            }
            Is::Sign | Is::Operator | Is::Star => {
                if self.quoted() && self.terms == 0 && self.closings == 0 {
                    self.concatenated(at);
                }
                self.wants_operand = true;
            }
            Is::Comma => {
                // What separates what a function takes ends no condition.
                if self.calls & 1 == 0 {
                    self.lone();
                }
                self.listed(at);
                self.wants_operand = true;
            }
            Is::Close => {
                if self.depth == 0 {
                    self.closings += 1;
                }
                self.close();
                if self.clause && self.terms > 0 {
                    self.lone();
                }
            }
            Is::Semicolon => return self.semicolon(at),
            Is::Comment => return self.comment(at),
            Is::Word(class) => return self.word_operator(class, at),
            Is::String { .. } if self.selecting && self.terms > 0 => {}
            // What was compared may be followed by the string that the query closes.
            Is::String { open: true } if self.clause && self.quoted() && self.terms > 0 => {
                self.lone();
                self.commit();
                return Step::End;
            }
            Is::String { open: true } if self.terms >= 2 => {
                self.commit();
                return Step::End;
            }
            Is::Junk if self.bracket(at) == b'}' && self.terms > 0 => {}
            Is::Open if self.selecting => {
                self.open(false);
                self.wants_operand = true;
            }
            _ => return Step::Stop,
        }
        Step::On(at + 1)
    }

    fn compare(&mut self, at: usize) {
        self.commit();
        self.compared_at = at;
        // Of a group the last thing says little.
        let group = self.named
            && !self.encloses(at)
            && !self.quoted()
            && !self.numbered()
            && at.checked_sub(1).and_then(|before| self.kind(before)) == Some(Is::Close);
        self.left = match self.last {
            Operand::Nothing => Operand::Name,
            _ if group => Operand::Name,
            last => last,
        };
        self.comparing = true;
        self.wants_operand = true;
    }

    /// `(8)=`: nothing but a constant is in brackets before a comparison.
    fn encloses(&self, at: usize) -> bool {
        matches!(
            self.tokens.get(at.saturating_sub(3)..at).unwrap_or_default(),
            [
                Token { kind: Is::Open, .. },
                Token { kind: Is::Number | Is::String { .. }, .. },
                Token { kind: Is::Close, .. }
            ]
        )
    }

    /// A quoted word is not an operator between two strings.
    fn flanked(&self, at: usize) -> bool {
        // `a'like'b`: no sentence is without a blank.
        let curt = !self.before.is_empty() && !self.text.signs.any(Signs::SPACE);
        self.quoted()
            && self.terms == 0
            && !curt
            && self.tokens.get(at).is_some_and(|token| {
                !is_space(self.text.at(token.start.wrapping_sub(1)))
                    && matches!(self.text.at(token.end), b'\'' | b'"')
            })
    }

    /// `token '<'`: a sign in quotes behind a word, and nothing else in them.
    fn quotes_a_sign(&self, at: usize) -> bool {
        at == 0
            && self.quoted()
            && self.text.len() > CURT
            && self
                .before
                .last()
                .is_some_and(|byte| is_space(*byte) || matches!(byte, b'(' | b'"' | b'\'' | b'`'))
            && matches!(self.kind(1), Some(Is::String { .. }))
            && matches!(self.bracket(1), b'\'' | b'"')
    }

    /// `'),('`: another row is put behind the first. `', role='`: another column is set.
    fn listed(&mut self, at: usize) {
        if !self.quoted() || self.terms > 0 {
            return;
        }
        let row = self.closings == 1
            && self.kind(at + 1) == Some(Is::Open)
            && matches!(self.kind(at + 2), Some(Is::String { .. } | Is::Number | Is::Open));
        let mut next = at;
        while self.kind(next) == Some(Is::Comma)
            && matches!(self.kind(next + 1), Some(Is::Word(_)))
            && self.word(next + 2) == b"="
            && matches!(self.kind(next + 3), Some(Is::Number | Is::String { open: false }))
        {
            next += 4;
        }
        let last = self.kind(next) == Some(Is::Comma)
            && self.word(next + 2) == b"="
            && next + 4 == self.tokens.len()
            && self.kind(next + 3) == Some(Is::String { open: true });
        let column = self.closings == 0 && last;
        if row || column {
            self.credit(0.8, "a row or a column is put behind the value");
        }
    }

    fn boolean(&mut self) {
        self.commit();
        self.clause = true;
        self.comparing = false;
        self.left = Operand::Nothing;
        self.last = Operand::Nothing;
        self.wants_operand = true;
    }

    fn quote(&self) -> u8 {
        if self.place == Place::Single { b'\'' } else { b'"' }
    }

    /// `'+'`, `'||'`, `'-0-'`: the value is put together with something.
    fn concatenated(&mut self, at: usize) {
        let quote = self.quote();
        // `split('-')` and `a "*" matches`: the sign is what is quoted.
        let joined = |byte: &u8| is_word(*byte) || matches!(byte, b'%' | b')');
        // `b'*'` of Rust and Python.
        if matches!(self.before, [.., before, b'b'] if !is_word(*before)) {
            return;
        }
        if self.text.len() > CURT && !self.before.last().is_none_or(joined) {
            return;
        }
        let joins = |at| matches!(self.kind(at), Some(Is::Operator | Is::Sign | Is::Star));
        let counted = self.kind(at + 1) == Some(Is::Number) && joins(at + 2);
        let at = if counted { at + 2 } else { at };
        let start = self.tokens.get(at + 1).map_or(0, |token| token.start);
        let same = self.text.at(start) == quote && self.text.at(start + 1) != quote;
        // `"^" on a line …`
        if is_space(self.text.at(start + 1)) && self.text.len() > start + 24 {
            return;
        }
        let last = at + 2 == self.tokens.len();
        if same && last && matches!(self.kind(at + 1), Some(Is::String { open: true })) {
            self.pending += 0.8;
            self.why = "the value is an expression of strings";
        }
    }

    fn word_operator(&mut self, class: Class, at: usize) -> Step {
        let next = self.kind(at + 1);
        match class {
            // `bitwise "or" of two`.
            Class::Bool
                if self.before.last().is_some_and(|byte| is_space(*byte)) && self.flanked(at) =>
            {
                return Step::Stop;
            }
            Class::Bool => {
                self.lone();
                self.boolean();
            }
            Class::Compare => {
                if self.word(at + 1) == b"boolean" || self.word(at + 1) == b"natural" {
                    self.credit(0.8, "a full-text search is closed");
                    return Step::On(at + 3);
                }
                // `in` takes a list, but where prose has it.
                let listless = !self.quoted() && self.word(at) == b"in" && next != Some(Is::Open);
                if self.flanked(at) || listless {
                    return Step::Stop;
                }
                self.compare(at);
            }
            Class::Prefix if self.word(at) == b"not" => {}
            Class::Operator => {
                if self.quoted() && at == 0 && matches!(self.word(at), b"div" | b"mod") {
                    self.concatenated(at);
                }
                self.wants_operand = true;
            }
            Class::Condition if self.flanked(at) => return Step::Stop,
            Class::Condition => {
                self.commit();
                self.boolean();
            }
            Class::Union => {
                self.commit();
                let select = (at + 1..at + 5)
                    .map_while(|at| self.kind(at))
                    .take_while(|kind| *kind != Is::Word(Class::Plain))
                    .any(|kind| kind == Is::Word(Class::Select));
                if select {
                    self.credit(0.6, "a second query is united with the first");
                }
                let commented = (2..at).all(|at| self.kind(at) == Some(Is::Comment));
                let negative = at > 1 && commented && self.kind(0) == Some(Is::Sign);
                if negative && self.kind(1) == Some(Is::Number) && next.is_none() {
                    self.credit(0.7, "a second query is united with the first");
                }
                self.wants_operand = true;
            }
            Class::Sort => return self.sort(at),
            Class::From if self.selecting => self.wants_operand = true,
            // `1) from users --`
            Class::From
                if (self.quoted() || self.numbered())
                    && !self.prose
                    && matches!(next, Some(Is::Word(_)))
                    && self.kind(at + 2) == Some(Is::Comment)
                    && at + 3 == self.tokens.len()
                    && self.tokens.get(at + 2).is_some_and(|last| last.end < last.start + 5) =>
            {
                self.credit(0.8, "the rest of the query is cut off");
                return Step::End;
            }
            // `1) from users where …`: the list of what is selected ends in the value.
            Class::From if self.closings > 0 && (self.quoted() || self.numbered()) => {
                self.wants_operand = true;
            }
            Class::Into => {
                let file = matches!(self.word(at + 1), b"outfile" | b"dumpfile");
                if file || next == Some(Is::Variable) {
                    self.credit(1.0, "what is found is written to a file");
                    return Step::On(at + 2);
                }
                self.wants_operand = true;
            }
            Class::As => {
                return if matches!(next, Some(Is::Word(_))) {
                    Step::On(at + 2)
                } else {
                    Step::Stop
                };
            }
            Class::Then | Class::Case => self.wants_operand = true,
            Class::End => {}
            Class::Waitfor => {
                if matches!(self.word(at + 1), b"delay" | b"time") {
                    self.credit(1.0, "the database is told to wait");
                    return Step::On(at + 3);
                }
                return Step::Stop;
            }
            Class::Procedure if self.word(at + 1) == b"analyse" => {
                self.credit(1.0, "a procedure of the database is called");
                return Step::On(at + 2);
            }
            Class::Select
                if self.quoted()
                    && at == 0
                    && matches!(
                        next,
                        Some(Is::Variable | Is::Star | Is::Word(Class::Union | Class::Danger))
                    ) =>
            {
                self.credit(0.8, "a statement follows");
                return Step::End;
            }
            Class::Select | Class::Statement if self.closings > 0 || self.weight > 0.5 => {
                self.credit(0.5, "a statement follows");
                self.selecting = true;
                self.wants_operand = true;
            }
            Class::Plain if self.word(at) == b"against" && self.clause => {
                self.compare(at);
                self.left = Operand::Function;
            }
            // `'sounds like'` is said in quotes; `a' sounds like 'b` is not.
            Class::Plain
                if at == 0
                    && self.quoted()
                    && self.word(at) == b"sounds"
                    && self.word(at + 1) == b"like"
                    && self.before.iter().all(|byte| is_word(*byte))
                    && self.tokens.len() == 3 =>
            {
                self.compare(at);
                return Step::On(at + 2);
            }
            // An alias.
            _ if self.selecting => {}
            _ => return Step::Stop,
        }
        Step::On(at + 1)
    }
}
