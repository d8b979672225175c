//! Reads a value as the rest of an expression, token by token, and weighs what it finds.

use super::super::text::{Text, is_space, trim};
use super::word::Class;
use super::{Is, Token};

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
        }
    }

    fn quoted(&self) -> bool {
        self.place != Place::Bare
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
    pub(super) fn dies(mut self) -> bool {
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
                    return at + 6 < self.tokens.len() && self.weight + self.pending < 0.1;
                }
            }
        }
        false
    }

    /// Walks as far as the grammar goes: how much it weighs, why, and where it ended.
    pub(super) fn walk(mut self) -> Option<(f32, &'static str, usize)> {
        let mut at = 0;
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
                ) && !(class == Class::Condition && self.kind(1) == Some(Is::Open))
            }
            Some(Is::Close | Is::Bars | Is::Semicolon | Is::Comma) => true,
            _ => false,
        }
    }

    fn commit(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        if pending > 0.0 {
            self.credit(pending, self.why);
        }
    }

    /// The value ended where an expression may.
    fn finish(&mut self) {
        if !self.wants_operand {
            self.lone();
            self.commit();
        } else if self.terms > 0 && self.quoted() && self.clause {
            self.credit(0.3, "a condition is left open");
        }
    }

    /// A condition without a comparison: `or 1`, `or true`, `or ''`.
    fn lone(&mut self) {
        if !self.clause || self.left != Operand::Nothing {
            return;
        }
        self.clause = false;
        let weight = match (self.quoted(), self.last) {
            (true, Operand::Constant) if self.ends_in_digit() => 0.0,
            (true, Operand::Constant | Operand::Function) => 1.0,
            (true, Operand::String) => 0.8,
            (true, Operand::Name) => 0.3,
            (false, Operand::Constant) if self.tokens.len() == 2 && self.says_truth() => 0.7,
            (false, Operand::Constant | Operand::String) => 0.4,
            (false, Operand::Function) => 0.4,
            _ => 0.0,
        };
        self.pending += weight;
        if weight > 0.5 {
            self.why = "a condition is added behind the value";
        }
    }

    fn says_truth(&self) -> bool {
        matches!(self.word(1), b"true" | b"false")
    }

    /// Whether what is before the quote is a measure: inches and feet are not strings.
    fn ends_in_digit(&self) -> bool {
        self.before.len() > 1 && self.before.last().is_some_and(u8::is_ascii_digit)
    }

    fn take(&mut self, operand: Operand) {
        self.terms += 1;
        self.wants_operand = false;
        self.last = operand;
        self.named |= matches!(operand, Operand::Name | Operand::Call);
        if self.comparing {
            self.comparing = false;
            self.compared(operand);
        }
    }

    fn compared(&mut self, right: Operand) {
        let fixed = |operand| matches!(operand, Operand::Constant | Operand::String);
        let both = fixed(self.left) && fixed(right);
        let known = [self.left, right].contains(&Operand::Function);
        let first = self.terms <= 1 && self.left == Operand::String;
        let broken = self.quoted() || self.closings > 0;
        self.sums += 1;
        let weight = match (self.clause, broken) {
            (true, true) => 1.0,
            (true, false) if both => 1.0,
            (true, false) if known => 0.7,
            (true, false) => 0.2,
            (false, true) if (first || !self.named) && (fixed(right) || known) => 0.8,
            (false, _) if both && self.sums == 1 => 0.35,
            (false, _) => 0.1,
        };
        if self.clause && both {
            self.credit(weight, "a condition that is always the same is added");
        } else {
            self.pending += weight;
            if weight > 0.5 {
                self.why = "a comparison is added behind the value";
            }
        }
        self.clause = false;
        self.left = Operand::Nothing;
    }

    fn operand(&mut self, kind: Is, at: usize) -> Step {
        match kind {
            Is::Number => self.take(Operand::Constant),
            Is::String { .. } => self.take(Operand::String),
            Is::Variable => {
                if self.word(at).starts_with(b"@@") {
                    self.credit(0.7, "a variable of the database is read");
                }
                self.take(Operand::Constant);
            }
            Is::Star if self.selecting || self.depth > 0 => self.take(Operand::Name),
            Is::Sign => {}
            Is::Open => {
                self.depth += 1;
            }
            Is::Close => {
                self.depth = self.depth.saturating_sub(1);
                self.wants_operand = false;
            }
            Is::Comment => return self.comment(at),
            Is::Word(class) => return self.word_operand(class, at),
            Is::Dot if self.selecting => {}
            _ => return Step::Stop,
        }
        Step::On(at + 1)
    }

    fn word_operand(&mut self, class: Class, at: usize) -> Step {
        let called = self.kind(at + 1) == Some(Is::Open);
        match class {
            Class::Prefix | Class::Modifier => return Step::On(at + 1),
            Class::Select => {
                self.selecting = true;
                let weight = if at == 0 { 0.3 } else { 0.6 };
                self.credit(weight, "a query is nested in the value");
                return Step::On(at + 1);
            }
            Class::Case => {
                self.credit(0.4, "a case of SQL");
                self.selecting = true;
                return Step::On(at + 1);
            }
            Class::Condition if self.selecting || called => {
                self.clause = true;
                self.left = Operand::Nothing;
                return Step::On(at + 1);
            }
            Class::Constant => self.take(Operand::Constant),
            Class::Danger => {
                let inside = at > 0 || self.quoted();
                let weight = match (called || self.kind(at + 1) == Some(Is::Dot), inside) {
                    (true, true) => 1.0,
                    (true, false) => 0.6,
                    (false, _) => 0.2,
                };
                self.credit(weight, "a function that waits, reads files or reaches out");
                self.take(Operand::Function);
            }
            Class::Function if called => {
                let weight = if self.quoted() { 0.6 } else { 0.3 };
                if at > 0 || self.quoted() {
                    self.credit(weight, "a function of databases is called");
                }
                self.take(Operand::Function);
                // What chooses between two values takes a condition.
                if matches!(self.word(at), b"iif" | b"if") {
                    self.clause = true;
                    self.left = Operand::Nothing;
                }
            }
            Class::Catalogue => {
                self.credit(0.5, "the database's own tables are read");
                self.take(Operand::Name);
            }
            _ if called => self.take(Operand::Call),
            Class::Plain | Class::Function | Class::By => self.take(Operand::Name),
            _ if self.selecting => self.take(Operand::Name),
            _ => return Step::Stop,
        }
        // The dots and brackets of a call or a qualified name are read as part of it.
        let mut next = at + 1;
        while self.kind(next) == Some(Is::Dot) {
            next += 2;
        }
        if self.kind(next) == Some(Is::Open) {
            self.depth += 1;
            self.wants_operand = true;
            next += 1;
        }
        Step::On(next)
    }

    fn operator(&mut self, kind: Is, at: usize) -> Step {
        match kind {
            Is::Compare => self.compare(),
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
                self.lone();
                self.wants_operand = true;
            }
            Is::Close => {
                if self.depth == 0 {
                    self.closings += 1;
                }
                self.depth = self.depth.saturating_sub(1);
                if self.clause && self.terms > 0 {
                    self.lone();
                }
            }
            Is::Semicolon => return self.semicolon(at),
            Is::Comment => return self.comment(at),
            Is::Word(class) => return self.word_operator(class, at),
            Is::String { .. } if self.selecting && self.terms > 0 => {}
            // What was compared may be followed by the string that the query closes.
            Is::String { open: true } if self.terms >= 2 => {
                self.commit();
                return Step::End;
            }
            Is::Open if self.selecting => {
                self.depth += 1;
                self.wants_operand = true;
            }
            _ => return Step::Stop,
        }
        Step::On(at + 1)
    }

    fn compare(&mut self) {
        self.commit();
        self.left = if self.last == Operand::Nothing { Operand::Name } else { self.last };
        self.comparing = true;
        self.wants_operand = true;
    }

    fn boolean(&mut self) {
        self.commit();
        self.clause = true;
        self.comparing = false;
        self.left = Operand::Nothing;
        self.last = Operand::Nothing;
        self.wants_operand = true;
    }

    /// `'+'`, `'||'`: the value is put together with something.
    fn concatenated(&mut self, at: usize) {
        let quote = if self.place == Place::Single { b'\'' } else { b'"' };
        let start = self.tokens.get(at + 1).map_or(0, |token| token.start);
        let same = self.text.at(start) == quote && self.text.at(start + 1) != quote;
        let last = at + 2 == self.tokens.len();
        if same && last && matches!(self.kind(at + 1), Some(Is::String { open: true })) {
            self.pending += 0.8;
            self.why = "the value is an expression of strings";
        }
    }

    fn word_operator(&mut self, class: Class, at: usize) -> Step {
        let next = self.kind(at + 1);
        match class {
            Class::Bool => {
                self.lone();
                self.boolean();
            }
            Class::Compare => {
                if self.word(at + 1) == b"boolean" || self.word(at + 1) == b"natural" {
                    self.credit(0.8, "a full-text search is closed");
                    return Step::On(at + 3);
                }
                // A quoted word is not an operator between two strings.
                let flanked = self.quoted()
                    && self.terms == 0
                    && self.tokens.get(at).is_some_and(|token| {
                        !is_space(self.text.at(token.start.wrapping_sub(1)))
                            && matches!(self.text.at(token.end), b'\'' | b'"')
                    });
                if flanked {
                    return Step::Stop;
                }
                self.compare();
            }
            Class::Prefix if self.word(at) == b"not" => {}
            Class::Operator => self.wants_operand = true,
            Class::Condition => {
                self.commit();
                self.boolean();
            }
            Class::Union => {
                self.commit();
                let select =
                    (at + 1..at + 5).any(|at| self.kind(at) == Some(Is::Word(Class::Select)));
                if select {
                    self.credit(0.6, "a second query is united with the first");
                }
                self.wants_operand = true;
            }
            Class::Sort => return self.sort(at),
            Class::From if self.selecting => self.wants_operand = true,
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
            Class::Select | Class::Statement if self.closings > 0 || self.weight > 0.5 => {
                self.credit(0.5, "a statement follows");
                self.selecting = true;
                self.wants_operand = true;
            }
            // An alias.
            _ if self.selecting => {}
            _ => return Step::Stop,
        }
        Step::On(at + 1)
    }

    fn sort(&mut self, at: usize) -> Step {
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

    fn semicolon(&mut self, at: usize) -> Step {
        self.lone();
        self.commit();
        match self.kind(at + 1) {
            Some(Is::Comment) => self.credit(0.9, "the rest of the query is cut off"),
            Some(Is::Word(Class::Function | Class::Danger)) if self.closings > 0 => {
                self.credit(0.7, "a second statement follows");
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

    /// A comment cuts off the rest of the query.
    fn comment(&mut self, at: usize) -> Step {
        let Some(token) = self.tokens.get(at) else { return Step::Stop };
        let body = trim(self.text.part(token.start, token.end));
        let words = body.split(|byte| is_space(*byte)).filter(|word| word.len() > 1).count();
        let hash = body.first() == Some(&b'#');
        // A hash right behind a word is a name, a hash before digits a number.
        let named = hash && self.text.at(token.start.wrapping_sub(1)).is_ascii_alphanumeric();
        let glued = body.get(2).is_some_and(u8::is_ascii_alphabetic) && words > 2;
        let talk = words > 3 && (self.prose || !self.quoted()) || glued;
        let short = body.len() <= 3;
        let closed = at
            .checked_sub(1)
            .is_some_and(|before| matches!(self.kind(before), Some(Is::Close | Is::Variable)));
        self.lone();
        self.commit();
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
            if self.prose && words > 1 { 0.3 } else { 1.0 }
        } else if self.closings > 0 && self.terms <= 1 {
            if hash && body.len() > 1 { 0.4 } else { 0.9 }
        } else if self.weight > 0.2 && (short || self.weight >= 0.6) {
            0.6
        } else if short && (closed || self.terms > 1) && self.last != Operand::Name {
            0.7
        } else if self.terms == 1 && self.last == Operand::Constant && !named && body.len() <= 3 {
            0.5
        } else {
            0.1
        };
        self.credit(weight, "the rest of the query is cut off");
        // Behind a comment of one line the value may go on.
        if !self.quoted() && weight < 0.7 && at + 1 < self.tokens.len() {
            return Step::On(at + 1);
        }
        Step::End
    }
}
