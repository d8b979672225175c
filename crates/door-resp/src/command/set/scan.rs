//! What the commands say that walk through one value.

use values::glob;

use crate::command::{Arguments, Wrong};
use crate::reply::Replies;

/// From where to go on, as C reads a number: a sign is allowed, and nothing is 0.
pub(in crate::command) fn cursor(text: &[u8]) -> Result<u64, Wrong> {
    let wrong = || Wrong::said("ERR invalid cursor");
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() && !text.is_empty() {
        return Err(wrong());
    }
    let mut number = 0u64;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        let next = number.checked_mul(10).and_then(|number| number.checked_add(digit.into()));
        number = next.filter(|_| digit <= 9).ok_or_else(wrong)?;
    }
    Ok(if negative { number.wrapping_neg() } else { number })
}

/// What of a value is shown, and how much at once.
pub(in crate::command) struct Options<'a> {
    pattern: Option<&'a [u8]>,
    pub(in crate::command) hint: usize,
    /// Whether the word that leaves something out was said.
    pub(in crate::command) without: bool,
}

impl<'a> Options<'a> {
    /// Those from `at` on; `without` is a word that leaves something out.
    pub(in crate::command) fn parse(
        arguments: Arguments<'a>,
        mut at: usize,
        without: Option<&str>,
    ) -> Result<Self, Wrong> {
        let mut options = Self { pattern: None, hint: 10, without: false };
        while at < arguments.len() {
            let more = at + 1 < arguments.len();
            if more && arguments.is(at, "count") {
                let count = arguments.integer(at + 1)?;
                let hint = usize::try_from(count).ok().filter(|count| *count > 0);
                options.hint = hint.ok_or(Wrong::SYNTAX)?;
                at += 2;
            } else if more && arguments.is(at, "match") {
                options.pattern = arguments.get(at + 1);
                at += 2;
            } else if without.is_some_and(|word| arguments.is(at, word)) {
                options.without = true;
                at += 1;
            } else {
                return Err(Wrong::SYNTAX);
            }
        }
        Ok(options)
    }

    pub(in crate::command) fn shows(&self, part: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| pattern == b"*" || glob::matches(pattern, part))
    }
}

/// What was found, and where to go on.
pub(in crate::command) fn write(replies: &mut Replies, next: u64, found: &[&[u8]]) {
    replies.array(2);
    replies.bulk(next.to_string().as_bytes());
    replies.array(found.len());
    found.iter().for_each(|part| replies.bulk(part));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_c_reads_numbers() {
        let good: [(&[u8], u64); 5] = [
            (b"", 0),
            (b"007", 7),
            (b"+3", 3),
            (b"-1", u64::MAX),
            (b"18446744073709551615", u64::MAX),
        ];
        for (text, number) in good {
            assert_eq!(cursor(text), Ok(number));
        }
        for text in ["x", "1x", " 1", "18446744073709551616", "-", "--1", "1.0"] {
            assert!(cursor(text.as_bytes()).is_err(), "{text}");
        }
    }
}
