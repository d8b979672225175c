//! JSON, read to values at once: there is no tree between.

use std::borrow::Cow;
use std::fmt;

use super::DEPTH_MAX;
use crate::value::{Number, Value};

/// Why a text is no JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The line, from one.
    pub line: usize,
    /// The column, in bytes from one.
    pub column: usize,
    /// What is wrong there.
    pub what: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {} column {}", self.what, self.line, self.column)
    }
}

impl std::error::Error for Malformed {}

/// The value of a JSON text. Bytes that are no UTF-8 become a mark of replacement, as they do
/// where Open Policy Agent reads them.
pub fn read(bytes: &[u8]) -> Result<Value, Malformed> {
    match std::str::from_utf8(bytes) {
        Ok(text) => read_text(text),
        Err(_) => read_text(&String::from_utf8_lossy(bytes)),
    }
}

/// The value of a JSON text.
pub fn read_text(text: &str) -> Result<Value, Malformed> {
    read_as(text)
}

/// What a JSON text says, in a form of its own.
pub(super) fn read_as<'a, T: Form<'a>>(text: &'a str) -> Result<T, Malformed> {
    let mut reader = Reader { text, place: 0, depth: 0 };
    let value = reader.value().and_then(|value| {
        reader.space();
        if reader.place < text.len() { Err("unexpected text after the value") } else { Ok(value) }
    });
    value.map_err(|what| reader.malformed(what))
}

/// What becomes of the parts of a text.
pub(super) trait Form<'a>: Sized {
    /// What becomes of a key.
    type Key;

    fn key(text: Cow<'a, str>) -> Self::Key;
    fn text(text: Cow<'a, str>) -> Self;
    fn number(number: Number) -> Self;
    fn bool(bool: bool) -> Self;
    fn null() -> Self;
    fn array(items: Vec<Self>) -> Self;
    fn object(pairs: Vec<(Self::Key, Self)>) -> Self;
}

impl Form<'_> for Value {
    type Key = Self;

    fn key(text: Cow<'_, str>) -> Self {
        Self::Text(text.as_ref().into())
    }

    fn text(text: Cow<'_, str>) -> Self {
        Self::Text(text.as_ref().into())
    }

    fn number(number: Number) -> Self {
        Self::Number(number)
    }

    fn bool(bool: bool) -> Self {
        Self::Bool(bool)
    }

    fn null() -> Self {
        Self::Null
    }

    fn array(items: Vec<Self>) -> Self {
        Self::array(items)
    }

    fn object(pairs: Vec<(Self, Self)>) -> Self {
        Self::object(pairs)
    }
}

struct Reader<'a> {
    text: &'a str,
    place: usize,
    depth: usize,
}

type Read<T> = Result<T, &'static str>;

impl<'a> Reader<'a> {
    fn value<T: Form<'a>>(&mut self) -> Read<T> {
        self.space();
        match self.peek() {
            Some(b'"') => Ok(T::text(self.string()?)),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'-' | b'0'..=b'9') => self.number().map(T::number),
            Some(b't') => self.word("true").map(|()| T::bool(true)),
            Some(b'f') => self.word("false").map(|()| T::bool(false)),
            Some(b'n') => self.word("null").map(|()| T::null()),
            Some(_) => Err("expected a value"),
            None => Err("expected a value, and the text ends"),
        }
    }

    fn nested<T>(&mut self, read: fn(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth >= DEPTH_MAX {
            return Err("lists and objects lie too deep in one another");
        }
        self.depth += 1;
        self.place += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn array<T: Form<'a>>(&mut self) -> Read<T> {
        let mut items = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(T::array(items));
        }
        loop {
            items.push(self.value()?);
            self.space();
            if self.take(b']') {
                return Ok(T::array(items));
            }
            if !self.take(b',') {
                return Err("expected `,` or `]`");
            }
        }
    }

    fn object<T: Form<'a>>(&mut self) -> Read<T> {
        let mut pairs = Vec::new();
        self.space();
        if self.take(b'}') {
            return Ok(T::object(pairs));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err("expected a key, which is a string");
            }
            let key = T::key(self.string()?);
            self.space();
            if !self.take(b':') {
                return Err("expected `:`");
            }
            pairs.push((key, self.value()?));
            self.space();
            if self.take(b'}') {
                return Ok(T::object(pairs));
            }
            if !self.take(b',') {
                return Err("expected `,` or `}`");
            }
        }
    }

    fn number(&mut self) -> Read<Number> {
        let rest = self.rest();
        let length = length_of_number(rest.as_bytes()).ok_or("expected a number")?;
        let text = rest.get(..length).unwrap_or(rest);
        let number = Number::parse(text).ok_or("a number has too many digits")?;
        self.place += length;
        Ok(number)
    }

    fn word(&mut self, word: &str) -> Read<()> {
        if !self.rest().starts_with(word) {
            return Err("expected a value");
        }
        self.place += word.len();
        Ok(())
    }

    fn string(&mut self) -> Read<Cow<'a, str>> {
        self.place += 1;
        let mut unescaped = Cow::Borrowed(self.plain());
        if self.take(b'"') {
            return Ok(unescaped);
        }
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.place += 1;
                    return Ok(unescaped);
                }
                Some(b'\\') => {
                    self.place += 1;
                    let char = self.escape()?;
                    unescaped.to_mut().push(char);
                }
                Some(_) => return Err("a string contains a control character"),
                None => return Err("a string does not end"),
            }
            unescaped.to_mut().push_str(self.plain());
        }
    }

    /// What stands for itself in a string.
    fn plain(&mut self) -> &'a str {
        let from = self.place;
        while let Some(eight) = self.text.as_bytes().get(self.place..).and_then(<[u8]>::first_chunk)
        {
            let specials = specials(*eight);
            self.place += (specials.trailing_zeros() / 8) as usize;
            if specials != 0 {
                return self.text.get(from..self.place).unwrap_or("");
            }
        }
        while self.peek().is_some_and(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
            self.place += 1;
        }
        self.text.get(from..self.place).unwrap_or("")
    }

    fn escape(&mut self) -> Read<char> {
        let char = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.place += 1;
                return self.unicode();
            }
            _ => return Err("an escape is none of JSON's"),
        };
        self.place += 1;
        Ok(char)
    }

    /// Half a pair stands for nothing, and becomes a mark of replacement.
    fn unicode(&mut self) -> Read<char> {
        let first = self.four_digits()?;
        if let Some(char) = char::from_u32(first) {
            return Ok(char);
        }
        let before = self.place;
        if (0xd800..0xdc00).contains(&first) && self.take(b'\\') && self.take(b'u') {
            let second = self.four_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        self.place = before;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn four_digits(&mut self) -> Read<u32> {
        let digits = self.text.get(self.place..self.place + 4).unwrap_or("");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("`\\u` has four hexadecimal digits");
        }
        self.place += 4;
        u32::from_str_radix(digits, 16).map_err(|_| "`\\u` has four hexadecimal digits")
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.place += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.place += usize::from(there);
        there
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.place).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.place..).unwrap_or("")
    }

    fn malformed(&self, what: &'static str) -> Malformed {
        let before = self.text.as_bytes().get(..self.place).unwrap_or(self.text.as_bytes());
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Malformed { line, column: before.len() - line_start + 1, what }
    }
}

/// The first of eight bytes that ends what stands for itself in a string, by the highest bit set
/// of as many as there are; those behind the first may be none.
fn specials(bytes: [u8; 8]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(bytes);
    let below = |word: u64, bound: u8| word.wrapping_sub(ONES * u64::from(bound)) & !word;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, b' ') | is(b'"') | is(b'\\')) & (ONES << 7)
}

/// How long the number is that a text begins with.
fn length_of_number(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or(&[]);
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let start = usize::from(text.first() == Some(&b'-'));
    let whole = match text.get(start) {
        Some(b'0') => 1,
        _ => Some(digits(start)).filter(|count| *count > 0)?,
    };
    let mut length = start + whole;
    if text.get(length) == Some(&b'.') {
        length += 1 + Some(digits(length + 1)).filter(|count| *count > 0)?;
    }
    if let Some(b'e' | b'E') = text.get(length) {
        let sign = usize::from(matches!(text.get(length + 1), Some(b'+' | b'-')));
        length += 1 + sign;
        length += Some(digits(length)).filter(|count| *count > 0)?;
    }
    Some(length)
}
