//! Where an operand may stand: numbers, strings, names, calls and queries in brackets.

use super::super::Is;
use super::super::word::Class;
use super::{Operand, Reading, Step};

impl Reading<'_> {
    pub(super) fn operand(&mut self, kind: Is, at: usize) -> Step {
        match kind {
            Is::Number => self.take(Operand::Constant),
            Is::String { .. } => self.take(Operand::String),
            Is::Variable => {
                if matches!(self.word(at), [b'@', b'@', b'a'..=b'z', ..]) {
                    self.credit(0.7, "a variable of the database is read");
                }
                self.take(Operand::Constant);
            }
            Is::Star if self.selecting || self.depth > 0 => self.take(Operand::Name),
            Is::Sign => {}
            Is::Open => self.open(false),
            Is::Close => {
                self.close();
                self.wants_operand = false;
            }
            // What ODBC writes its literals in.
            Is::Junk if self.bracket(at) == b'{' && (self.quoted() || self.numbered()) => {
                return Step::On(at + 2);
            }
            Is::Comment => return self.comment(at),
            Is::Word(class) => return self.word_operand(class, at),
            Is::Dot if self.selecting => {}
            _ => return Step::Stop,
        }
        Step::On(at + 1)
    }

    /// The byte that a token begins with.
    pub(super) fn bracket(&self, at: usize) -> u8 {
        self.tokens.get(at).map_or(0, |token| self.text.at(token.start))
    }

    /// Whether a function is called with nothing, inside another, and says who or where it is.
    fn tells_about_itself(&self, at: usize) -> bool {
        self.depth > 0
            && self.kind(at + 2) == Some(Is::Close)
            && matches!(
                self.word(at),
                b"user" | b"database" | b"version" | b"schema" | b"session_user" | b"db_name"
            )
    }

    fn word_operand(&mut self, class: Class, at: usize) -> Step {
        let called = self.kind(at + 1) == Some(Is::Open);
        match class {
            Class::Prefix | Class::Modifier => return Step::On(at + 1),
            Class::Compare if self.word(at) == b"match" && self.clause => return Step::On(at + 1),
            // `Select mode is …`
            Class::Select
                if at == 0
                    && !self.quoted()
                    && self.kind(1) == Some(Is::Word(Class::Plain))
                    && matches!(
                        self.kind(2),
                        Some(Is::Word(Class::Plain | Class::Compare | Class::Bool))
                    ) =>
            {
                return Step::Stop;
            }
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
            // `time.sleep(1)`, `thread::sleep(…)`: a function of a program.
            Class::Danger
                if called
                    && !self.word(at).contains(&b'_')
                    && matches!(
                        self.text.at(self
                            .tokens
                            .get(at)
                            .map_or(0, |token| token.start)
                            .wrapping_sub(1)),
                        b':' | b'.'
                    ) =>
            {
                self.take(Operand::Call);
            }
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
                let weight = match self.quoted() {
                    true => 0.6,
                    false if self.tells_about_itself(at) => 0.5,
                    // `ascii(substring(`
                    false if self.numbered() && self.calls & 1 == 1 => 0.45,
                    false => 0.3,
                };
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
            // `show/7`: a part of an address.
            Class::Statement
                if matches!(self.kind(at + 1), Some(Is::Operator | Is::Sign)) && at < 4 =>
            {
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
            self.open(matches!(class, Class::Function | Class::Danger));
            self.wants_operand = true;
            next += 1;
        }
        Step::On(next)
    }
}
