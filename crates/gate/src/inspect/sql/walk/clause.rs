//! What comes behind a condition: sorting and cutting, another statement, a comment.

use super::super::super::text::{is_space, is_word, trim};
use super::super::Is;
use super::super::word::Class;
use super::{Operand, Place, Reading, Step};

impl Reading<'_> {
    pub(super) fn sort(&mut self, at: usize) -> Step {
        let by = self.kind(at + 1) == Some(Is::Word(Class::By));
        let next = at + 1 + usize::from(by);
        let what = self.kind(next);
        let operand = matches!(
            what,
            Some(
                Is::Number
                    | Is::Open
                    | Is::String { .. }
                    | Is::Sign
                    | Is::Variable
                    | Is::Word(Class::Constant | Class::Function | Class::Danger | Class::Plain)
            )
        );
        let numbered = matches!(what, Some(Is::Number | Is::Open));
        if !operand || (!by && !numbered) {
            return Step::Stop;
        }
        let named = !numbered && self.kind(next + 1) != Some(Is::Open);
        let ended = matches!(self.kind(next + 1), None | Some(Is::Comment | Is::Comma));
        let weight = match (self.quoted(), named) {
            (true, false) => 1.0,
            (true, true) => 0.7,
            (false, false) if by => 0.6 + if self.terms > 0 || ended { 0.4 } else { 0.0 },
            (false, false) if self.terms > 0 => 0.5,
            (false, true) if by && self.terms > 0 => 0.3,
            (false, _) => 0.2,
        };
        self.pending += weight;
        self.why = "what is found is sorted or cut by the value";
        self.wants_operand = true;
        self.selecting = true;
        Step::On(next)
    }

    pub(super) fn semicolon(&mut self, at: usize) -> Step {
        self.lone();
        self.commit();
        match self.kind(at + 1) {
            // In programs lines end so, and some begin with a hash.
            Some(Is::Comment) if !self.quoted() && !self.numbered() && self.closings == 0 => {}
            Some(Is::Comment) => self.credit(0.9, "the rest of the query is cut off"),
            Some(Is::Word(Class::Function | Class::Danger)) if self.closings > 0 => {
                self.credit(0.7, "a second statement follows");
            }
            // `; or 1=1`
            Some(Is::Word(Class::Bool)) if at == 0 => {
                self.wants_operand = false;
                return Step::On(at + 1);
            }
            Some(Is::Word(_)) if self.quoted() && !self.prose && self.stated_alone(at) => {
                self.credit(0.8, "a second statement follows");
            }
            None if self.quoted() && self.text.lower.last() == Some(&0) => {
                self.credit(0.9, "the rest of the query is cut off");
            }
            None if self.quoted() && self.closings > 0 => {
                self.credit(0.6, "the query is ended behind the value");
            }
            Some(Is::Word(
                Class::Select | Class::Statement | Class::Waitfor | Class::Case | Class::Condition,
            )) => {
                self.wants_operand = false;
                self.selecting = true;
                self.closings += 1;
                self.pending = 0.0;
                if self.kind(at + 1) == Some(Is::Word(Class::Select)) {
                    self.wants_operand = true;
                }
                return Step::On(at + 1);
            }
            _ => {}
        }
        Step::End
    }

    /// `'; commit --`: a word or more, and a comment with nothing in it at the end.
    fn stated_alone(&self, at: usize) -> bool {
        let Some((last, front)) = self.tokens.split_last() else { return false };
        let empty = trim(self.text.part(last.start, last.end)) == b"--";
        at == self.closings as usize
            && front.len() < 12
            && empty
            && last.kind == Is::Comment
            && !front.iter().any(|token| matches!(token.kind, Is::Junk | Is::Dot | Is::Sign))
    }

    /// `grep '#' a`, `$('#a')`: what begins like a comment is quoted itself.
    fn quotes_a_mark(&self, body: &[u8]) -> bool {
        let quote = if self.place == Place::Single { b'\'' } else { b'"' };
        let Some(end) = memchr::memchr(quote, body) else {
            // `r#"…"#)` ends a raw string of a program.
            let raw = body.starts_with(b"#)") && quote == b'"';
            return self.terms == 0 && (raw || self.before.last() == Some(&b'('));
        };
        let name = body.get(1..end).unwrap_or_default();
        let lone = name.iter().all(|byte| is_word(*byte) || *byte == b'-');
        let begun = !self.tokens.first().is_some_and(|token| is_space(self.at_before(token.start)));
        self.terms < 2
            && !self.clause
            && match self.before.last() {
                Some(byte) if is_space(*byte) => begun || lone,
                Some(byte) => matches!(byte, b'(' | b'=' | b'[' | b','),
                // `"--all",`: an option in a list.
                None if matches!(body.get(end + 1..), Some([b',' | b':' | b']', ..])) => {
                    lone && name.iter().any(u8::is_ascii_alphabetic)
                }
                None => lone && end + 1 == body.len(),
            }
    }

    /// `' for update --`, `' join a on …#`: a clause and no condition, with the rest cut off.
    pub(super) fn clause_cut_off(&self) -> bool {
        let known = cuts_off(self.word(usize::from(self.kind(0) == Some(Is::Close))));
        let last = self.tokens.len().saturating_sub(1);
        known
            && self.quoted()
            && !self.prose
            && last < 16
            && self.kind(last) == Some(Is::Comment)
            && self
                .tokens
                .get(last)
                .is_some_and(|token| trim(self.text.part(token.start, token.end)).len() < 4)
    }

    /// `src/a.c | 3 ---`: how much of a file has changed.
    fn tabulated(&self) -> bool {
        self.named && memchr::memmem::find(self.text.part(0, 512), b" | ").is_some()
    }

    fn at_before(&self, place: usize) -> u8 {
        self.text.at(place.wrapping_sub(1))
    }

    /// `she's 6'1" -- tall`: inches.
    fn measures(&self) -> bool {
        self.before.last().is_some_and(u8::is_ascii_digit)
            && self.before.iter().any(|byte| is_space(*byte))
    }

    /// A comment cuts off the rest of the query.
    pub(super) fn comment(&mut self, at: usize) -> Step {
        let Some(token) = self.tokens.get(at) else { return Step::Stop };
        let body = trim(self.text.part(token.start, token.end));
        let words = body.split(|byte| is_space(*byte)).filter(|word| word.len() > 1).count();
        let hash = body.first() == Some(&b'#');
        // A hash right behind a word is a name, a hash before digits a number.
        let digits = hash && body.get(1).is_some_and(u8::is_ascii_digit);
        let named =
            digits || hash && self.text.at(token.start.wrapping_sub(1)).is_ascii_alphanumeric();
        let glued = body.get(2).is_some_and(u8::is_ascii_alphabetic) && words > 2;
        let talk = words > 3 && (self.prose || !self.quoted()) || glued;
        // Nothing but marks is behind it.
        let bare = body.len() < 12 && !body.iter().any(u8::is_ascii_alphanumeric);
        let short = body.len() <= 3 || bare && self.numbered();
        let closed = at
            .checked_sub(1)
            .is_some_and(|before| matches!(self.kind(before), Some(Is::Close | Is::Variable)));
        self.lone();
        self.commit();
        if !self.quoted() && self.terms == 0 && self.closings == 0 {
            return if at + 1 < self.tokens.len() { Step::On(at + 1) } else { Step::End };
        }
        let weight = if self.wants_operand && self.terms > 0 {
            let united = at > 0 && self.kind(at - 1) == Some(Is::Word(Class::Union));
            if united && short {
                0.7
            } else if short {
                0.5
            } else {
                0.1
            }
        } else if talk {
            0.1
        } else if self.quoted() {
            let measured = words > 0 && self.terms == 0 && self.measures();
            let talked = measured || self.quotes_a_mark(body) || self.prose && words > 1;
            if talked { 0.3 } else { 1.0 }
        } else if self.closings > 0 && self.terms <= 1 {
            if hash && body.len() > 1 { 0.4 } else { 0.9 }
        } else if self.weight > 0.2 && (short || self.weight >= 0.6) {
            0.6
        } else if short
            && !digits
            && (closed || self.terms > 1 && !self.tabulated())
            && self.last != Operand::Name
        {
            0.7
        } else if self.terms == 1 && self.last == Operand::Constant && !named && body.len() <= 3 {
            0.5
        } else {
            0.1
        };
        if self.quoted() || weight > 0.1 || at + 1 == self.tokens.len() {
            self.credit(weight, "the rest of the query is cut off");
        }
        // Behind a comment of one line the value may go on.
        if !self.quoted() && weight < 0.7 && at + 1 < self.tokens.len() {
            return Step::On(at + 1);
        }
        Step::End
    }
}

/// Whether a clause without a condition begins with this word.
pub(in super::super) const fn cuts_off(word: &[u8]) -> bool {
    matches!(
        word,
        b"as"
            | b"cross"
            | b"fetch"
            | b"for"
            | b"inner"
            | b"join"
            | b"left"
            | b"natural"
            | b"on"
            | b"returning"
            | b"window"
    )
}
