//! The names of entries: when they came, and in which order then.

use std::fmt;

/// The name of an entry: a time in milliseconds, and a number among those of that time.
/// Later entries have greater ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id {
    /// When, in milliseconds of the Unix epoch, as whoever wrote the entry says.
    pub ms: u64,
    /// Which of those of that time.
    pub seq: u64,
}

impl Id {
    /// Before every entry.
    pub const ZERO: Self = Self { ms: 0, seq: 0 };
    /// After which there is none.
    pub const MAX: Self = Self { ms: u64::MAX, seq: u64::MAX };

    /// This one.
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// The one right after it.
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => self.ms.checked_add(1).map(|ms| Self { ms, seq: 0 }),
        }
    }

    /// The one right before it.
    pub fn previous(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => self.ms.checked_sub(1).map(|ms| Self { ms, seq: u64::MAX }),
        }
    }

    /// As sixteen bytes which sort as the ids do.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        ((u128::from(self.ms) << 64) | u128::from(self.seq)).to_be_bytes()
    }

    /// The one these bytes are.
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self { ms: (both >> 64) as u64, seq: both as u64 }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// An id as it was written: some leave parts of it to the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The time.
    pub ms: u64,
    /// What was said of the number.
    pub seq: Number,
}

/// What was said of the number in an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// This one.
    Said(u64),
    /// Nothing at all.
    Unsaid,
    /// Whichever comes next.
    Next,
}

impl Written {
    /// The id these words are, if they are one.
    pub fn read(text: &[u8]) -> Option<Self> {
        const LONGEST: usize = 127;
        if text.len() > LONGEST {
            return None;
        }
        let text = text.split(|byte| *byte == 0).next()?;
        let mut parts = text.splitn(2, |byte| *byte == b'-');
        let ms = unsigned(parts.next()?)?;
        let seq = match parts.next() {
            None => Number::Unsaid,
            Some(b"*") => Number::Next,
            Some(digits) => Number::Said(unsigned(digits)?),
        };
        Some(Self { ms, seq })
    }

    /// The id, with this number if none was said; nothing if it was left to the stream.
    pub fn whole(self, unsaid: u64) -> Option<Id> {
        match self.seq {
            Number::Said(seq) => Some(Id::new(self.ms, seq)),
            Number::Unsaid => Some(Id::new(self.ms, unsaid)),
            Number::Next => None,
        }
    }
}

/// As C reads it where Redis does not: blanks and a sign may come before the digits.
fn unsigned(text: &[u8]) -> Option<u64> {
    if let Some(number) = crate::number::integer(text) {
        return u64::try_from(number).ok();
    }
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    let text = text.get(blanks..)?;
    let (negative, digits) = match text.split_first()? {
        (b'-', digits) => (true, digits),
        (b'+', digits) => (false, digits),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(if negative { number.wrapping_neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        let table: [(&str, Option<(u64, Number)>); 14] = [
            ("1-2", Some((1, Number::Said(2)))),
            ("1", Some((1, Number::Unsaid))),
            ("1-*", Some((1, Number::Next))),
            ("18446744073709551615-0", Some((u64::MAX, Number::Said(0)))),
            ("007", Some((7, Number::Unsaid))),
            (" 7", Some((7, Number::Unsaid))),
            ("18446744073709551616", None),
            ("-1", None),
            ("1-", None),
            ("1-2-3", None),
            ("1--3", None),
            ("", None),
            ("a", None),
            ("*", None),
        ];
        for (text, expected) in table {
            let read = Written::read(text.as_bytes()).map(|written| (written.ms, written.seq));
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn ids_have_neighbours() {
        let pairs = [((1, 2), (1, 3)), ((1, u64::MAX), (2, 0))];
        for ((ms, seq), (next_ms, next_seq)) in pairs {
            let (id, next) = (Id::new(ms, seq), Id::new(next_ms, next_seq));
            assert_eq!((id.next(), next.previous()), (Some(next), Some(id)));
            assert_eq!(Id::from_bytes(id.to_bytes()), id);
        }
        assert_eq!((Id::MAX.next(), Id::ZERO.previous()), (None, None));
    }
}
