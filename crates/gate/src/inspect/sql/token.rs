//! SQL as tokens, by what the dialects have in common and what each adds.

use super::super::text::{at, is_space, is_word, listed};
use super::word::{Class, classify};

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Number,
    /// A string; `open` when the value ends in it.
    String {
        open: bool,
    },
    Word(Class),
    Variable,
    /// `=`, `<>`, `<=>` and their like.
    Compare,
    /// `||`, `&&`.
    Bars,
    /// `+`, `-`, `~`, `!`: before an operand or between two.
    Sign,
    Operator,
    Star,
    Open,
    Close,
    Comma,
    Dot,
    Semicolon,
    /// To the end of the line or of the value.
    Comment,
    /// What no dialect knows.
    Junk,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// How far the end of a string in dollars is looked for.
const DOLLARS_MAX: usize = 128;

/// Reads tokens from a place on; what lies in closed comments is not seen.
pub(super) struct Tokens<'a> {
    bytes: &'a [u8],
    place: usize,
    /// Comments between tokens that stand for white space.
    pub(super) blanks: u32,
    /// Whether a versioned comment of MySQL is open, whose content counts.
    versioned: bool,
}

impl<'a> Tokens<'a> {
    pub(super) const fn new(bytes: &'a [u8], place: usize) -> Self {
        Self { bytes, place, blanks: 0, versioned: false }
    }

    fn blank(&mut self) {
        loop {
            let byte = at(self.bytes, self.place);
            let non_breaking =
                byte == 0xa0 || (byte == 0xc2 && at(self.bytes, self.place + 1) == 0xa0);
            if self.place >= self.bytes.len() {
                return;
            } else if is_space(byte) || byte < b' ' || non_breaking {
                self.place += 1;
            } else if byte == b'/' && at(self.bytes, self.place + 1) == b'*' {
                if at(self.bytes, self.place + 2) == b'!' {
                    self.versioned = true;
                    self.place += 3;
                    while at(self.bytes, self.place).is_ascii_digit() {
                        self.place += 1;
                    }
                    continue;
                }
                let Some(end) = super::super::text::find(self.bytes, b"*/", self.place + 2) else {
                    return;
                };
                self.blanks += 1;
                self.place = end + 2;
            } else if self.versioned && byte == b'*' && at(self.bytes, self.place + 1) == b'/' {
                self.versioned = false;
                self.place += 2;
            } else if self.blanks > 0 && byte == b'*' && at(self.bytes, self.place + 1) == b'/' {
                // The end of a comment around the one that was read, where they nest.
                self.place += 2;
            } else if self.half_a_number() {
                self.place += 3;
            } else {
                return;
            }
        }
    }

    /// `1.e(`, `1.e,`: an exponent of nothing, which MySQL passes over.
    fn half_a_number(&self) -> bool {
        let rest = self.bytes.get(self.place..self.place + 4);
        matches!(rest, Some([b'0'..=b'9', b'.', b'e', b'(' | b')' | b',']))
    }

    /// Whether a blank that does not break stands here, by itself or as UTF-8 has it.
    fn ends_in_blank(&self) -> bool {
        match at(self.bytes, self.place) {
            0xa0 => self.place == 0 || at(self.bytes, self.place - 1) < 0x80,
            0xc2 => at(self.bytes, self.place + 1) == 0xa0,
            _ => false,
        }
    }

    /// `$$…$$` and `$name$…$name$` of PostgreSQL.
    fn dollars(&mut self) -> Kind {
        let rest = self.bytes.get(self.place..).unwrap_or_default();
        let rest = rest.get(..DOLLARS_MAX).unwrap_or(rest);
        let name = rest.iter().skip(1).take_while(|byte| is_word(**byte)).count();
        let mark = rest.get(..name + 2).filter(|mark| mark.last() == Some(&b'$'));
        let end = mark.and_then(|mark| super::super::text::find(rest, mark, mark.len()));
        match (mark, end) {
            (Some(mark), Some(end)) => {
                self.place += end + mark.len();
                Kind::String { open: false }
            }
            _ => {
                self.place += 1;
                Kind::Junk
            }
        }
    }

    fn string(&mut self, quote: u8) -> Kind {
        self.place += 1;
        while self.place < self.bytes.len() {
            let byte = at(self.bytes, self.place);
            if byte == b'\\' && self.place + 1 < self.bytes.len() {
                self.place += 2;
            } else if byte == quote {
                if at(self.bytes, self.place + 1) != quote {
                    self.place += 1;
                    return Kind::String { open: false };
                }
                self.place += 2;
            } else {
                self.place += 1;
            }
        }
        self.place = self.bytes.len();
        Kind::String { open: true }
    }

    fn number(&mut self) -> Kind {
        if at(self.bytes, self.place) == b'0'
            && matches!(at(self.bytes, self.place + 1), b'x' | b'b')
        {
            let mut end = self.place + 2;
            while at(self.bytes, end).is_ascii_hexdigit() {
                end += 1;
            }
            self.place = end;
            return Kind::Number;
        }
        while at(self.bytes, self.place).is_ascii_digit() || at(self.bytes, self.place) == b'.' {
            self.place += 1;
        }
        if at(self.bytes, self.place) == b'e' {
            let sign = usize::from(matches!(at(self.bytes, self.place + 1), b'+' | b'-'));
            let digits = self.place + 1 + sign;
            if at(self.bytes, digits).is_ascii_digit() {
                self.place = digits;
                while at(self.bytes, self.place).is_ascii_digit() {
                    self.place += 1;
                }
            } else if !is_word(at(self.bytes, self.place + 1)) {
                self.place += 1;
            }
        }
        self.suffix();
        Kind::Number
    }

    /// `7f` and `7d` are numbers of Oracle, and a word may follow at once.
    fn suffix(&mut self) {
        let rest = self.bytes.get(self.place..).unwrap_or_default();
        let [b'f' | b'd', rest @ ..] = rest else { return };
        let joined = [&b"union"[..], b"or", b"and", b"order", b"having", b"where", b" "];
        if joined.iter().any(|word| rest.starts_with(word)) {
            self.place += 1;
        }
    }

    fn word(&mut self) -> Kind {
        let start = self.place;
        loop {
            let byte = at(self.bytes, self.place);
            if !(is_word(byte) || byte == b'$' || byte >= 0x80 && !self.ends_in_blank()) {
                break;
            }
            self.place += 1;
        }
        let word = self.bytes.get(start..self.place).unwrap_or_default();
        let quoted = word.len() == 1 && at(self.bytes, self.place) == b'\'';
        if quoted && matches!(word, b"n" | b"x" | b"b" | b"e" | b"q" | b"u") {
            return self.string(b'\'');
        }
        if word.first() == Some(&b'_') && matches!(at(self.bytes, self.place), b'\'' | b'"') {
            let quote = at(self.bytes, self.place);
            return self.string(quote);
        }
        Kind::Word(classify(word))
    }

    fn symbol(&mut self) -> Kind {
        let byte = at(self.bytes, self.place);
        let next = at(self.bytes, self.place + 1);
        let (kind, length) = match (byte, next) {
            (b'-', b'-') => return self.line(),
            (b'#', b'0'..=b'9') if self.place > 0 && at(self.bytes, self.place - 1) == b'&' => {
                (Kind::Junk, 1)
            }
            (b'#', _) => return self.line(),
            (b'/', b'*') => {
                self.place = self.bytes.len();
                return Kind::Comment;
            }
            (b'|', b'|') | (b'&', b'&') => (Kind::Bars, 2),
            (b':', b':') => (Kind::Operator, 2),
            (b':', b'=') => (Kind::Compare, 2),
            (b'!', b'=') | (b'<', b'>') | (b'=', b'=') | (b'^', b'=') => (Kind::Compare, 2),
            (b'<' | b'>', b'=') if at(self.bytes, self.place + 2) == b'>' => (Kind::Compare, 3),
            (b'<' | b'>', b'=') => (Kind::Compare, 2),
            (b'<', b'<') | (b'>', b'>') => (Kind::Operator, 2),
            (b'=' | b'<' | b'>', _) => (Kind::Compare, 1),
            (b'+' | b'-' | b'~' | b'!', _) => (Kind::Sign, 1),
            (b'*', _) => (Kind::Star, 1),
            (b'/' | b'%' | b'^' | b'|' | b'&', _) => (Kind::Operator, 1),
            (b'(', _) => (Kind::Open, 1),
            (b')', _) => (Kind::Close, 1),
            (b',', _) => (Kind::Comma, 1),
            (b'.', _) => (Kind::Dot, 1),
            (b';', _) => (Kind::Semicolon, 1),
            _ => (Kind::Junk, 1),
        };
        self.place += length;
        kind
    }

    /// A comment to the end of the line; a minus before a minus when the line goes on as sums do.
    fn line(&mut self) -> Kind {
        let rest = self.bytes.get(self.place..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest).map_or(self.bytes.len(), |line| self.place + line);
        self.place = end;
        Kind::Comment
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.blank();
        let start = self.place;
        let byte = *self.bytes.get(start)?;
        let kind = match byte {
            b'\'' | b'"' => self.string(byte),
            b'`' => match self.string(byte) {
                Kind::String { open: false } => Kind::Word(Class::Plain),
                _ => Kind::Junk,
            },
            b'0'..=b'9' => self.number(),
            b'.' if at(self.bytes, start + 1).is_ascii_digit() => self.number(),
            b'@' => {
                while at(self.bytes, self.place) == b'@' {
                    self.place += 1;
                }
                while is_word(at(self.bytes, self.place)) || at(self.bytes, self.place) == b'.' {
                    self.place += 1;
                }
                if at(self.bytes, self.place) == b'`' && self.place == start + 1 {
                    self.string(b'`');
                }
                Kind::Variable
            }
            b'[' => {
                let end = self.bytes.iter().skip(start).take(64).position(|byte| *byte == b']');
                self.place = end.map_or(start + 1, |end| start + end + 1);
                if end.is_some() { Kind::Word(Class::Plain) } else { Kind::Junk }
            }
            b'$' => self.dollars(),
            b'_' | b'a'..=b'z' | 0x80.. => self.word(),
            _ => self.symbol(),
        };
        Some(Token { kind, start, end: self.place })
    }
}

/// Whether a word is a type that values are cast to.
pub(super) fn is_type(word: &[u8]) -> bool {
    listed(
        &[
            "bigint", "binary", "char", "date", "decimal", "int", "integer", "numeric", "signed",
            "text", "unsigned", "varchar",
        ],
        word,
    )
}
