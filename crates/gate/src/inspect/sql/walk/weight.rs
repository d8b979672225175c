//! What conditions and comparisons weigh, by what they compare.

use super::super::Is;
use super::{Operand, Reading};

impl Reading<'_> {
    pub(super) fn commit(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        if pending > 0.0 {
            self.credit(pending, self.why);
        }
    }

    /// The value ended where an expression may.
    pub(super) fn finish(&mut self) {
        if !self.wants_operand {
            self.lone();
            self.commit();
        } else if self.terms > 0 && self.quoted() && self.clause {
            self.credit(0.3, "a condition is left open");
        }
    }

    /// A condition without a comparison: `or 1`, `or true`, `or ''`.
    pub(super) fn lone(&mut self) {
        if !self.clause || self.left != Operand::Nothing {
            return;
        }
        self.clause = false;
        let weight = match (self.quoted(), self.last) {
            (true, Operand::Constant) if self.ends_in_digit() => 0.0,
            (true, Operand::Constant | Operand::Function) => 1.0,
            (true, Operand::String) => 0.8,
            (true, Operand::Name) => 0.3,
            (false, Operand::Constant) if self.says_truth() => 0.7,
            // Of several numbers only the first is a condition: `1 or 2 or 3` is a choice.
            (false, Operand::Constant)
                if self.weight + self.pending >= 0.4 && !self.named && self.depth == 0 =>
            {
                0.0
            }
            // `7 or 'x'`, `0||1`
            (false, Operand::String) if self.numbered() && self.tokens.len() == 3 => 0.7,
            (false, Operand::Constant)
                if self.numbered() && self.tokens.len() == 3 && self.word(1) == b"||" =>
            {
                0.7
            }
            (false, Operand::Constant | Operand::String) => 0.4,
            (false, Operand::Function) => 0.4,
            _ => 0.0,
        };
        self.pending += weight;
        if weight > 0.5 {
            self.why = "a condition is added behind the value";
        }
    }

    /// `or true`, `7 or not false`, `7 or ~1`: nobody else says that.
    fn says_truth(&self) -> bool {
        let last = self.tokens.len().saturating_sub(1);
        let truth = matches!(self.word(last), b"true" | b"false");
        let turned = last == 3 && matches!(self.word(2), b"~" | b"!");
        match self.kind(0) {
            Some(Is::Number) => last < 4 && (truth || turned),
            _ => last == 1 && truth,
        }
    }

    /// `'|id!='`: the value is an operand, and what it is compared with is left open.
    fn joined(&self) -> bool {
        self.quoted()
            && matches!(self.kind(0), Some(Is::Operator | Is::Sign | Is::Star))
            && matches!(self.kind(1), Some(Is::Word(_)))
            && self.compared_at == 2
            && self.kind(3) == Some(Is::String { open: true })
    }

    /// `or id=id`: a name is compared with itself.
    fn same(&self) -> bool {
        let at = self.compared_at;
        let (left, right) = (self.word(at.wrapping_sub(1)), self.word(at + 1));
        let compared = matches!(self.word(at), b"=" | b"like" | b"rlike");
        left == right && compared && !matches!(self.kind(at + 2), Some(Is::Dot))
    }

    /// `elt(7=7,1)`, `(7=7)*1`: a condition is what a function takes or what is counted with.
    fn chooses(&self) -> bool {
        let counted =
            self.tokens.len() == 7 && matches!(self.kind(5), Some(Is::Star | Is::Operator));
        self.depth == 1 && !self.named && (self.calls & 1 == 1 || counted)
    }

    /// `7 or 1=(selecttop1name from …)`: a query that lost its blanks.
    fn run_together(&self) -> bool {
        self.depth > 0
            && self
                .word(self.compared_at + 2)
                .strip_prefix(b"select")
                .is_some_and(|rest| !rest.is_empty())
    }

    /// `7 rlike 7`: a comparison of constants by a word that nothing but databases has.
    fn matched(&self) -> bool {
        let word = self.word(self.compared_at);
        self.tokens.len() == 3 && matches!(word, b"glob" | b"rlike" | b"regexp" | b"ilike")
    }

    /// `7 or id is not null`.
    fn about_nothing(&self) -> bool {
        let at = self.compared_at;
        self.numbered()
            && self.word(at) == b"is"
            && (self.word(at + 1) == b"null" || self.word(at + 2) == b"null")
    }

    /// Whether what is before the quote is a measure: inches and feet are not strings.
    fn ends_in_digit(&self) -> bool {
        self.before.len() > 1 && self.before.last().is_some_and(u8::is_ascii_digit)
    }

    pub(super) fn take(&mut self, operand: Operand) {
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
            (true, false) if self.same() => 1.0,
            (true, false) if known || self.about_nothing() => 0.7,
            (true, false) if self.numbered() && self.run_together() => 1.0,
            (true, false) if self.numbered() && right == Operand::String => 0.7,
            // Programs have many of these.
            (true, false) if self.sums > 2 => 0.0,
            (true, false) => 0.2,
            (false, true) if (first || !self.named) && (fixed(right) || known) => 0.8,
            (false, true) if self.joined() && right == Operand::String => 0.8,
            (false, _) if both && self.same() && self.tokens.len() == 3 => 0.7,
            (false, _) if both && self.numbered() && self.matched() => 0.7,
            (false, _) if both && self.same() && self.sums == 1 && self.chooses() => 0.75,
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
}
