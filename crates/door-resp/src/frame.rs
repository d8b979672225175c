//! What a client sends: arrays of bulk strings, or a line of words.
//!
//! The parser points into the connection's buffer and copies nothing. A frame
//! that is not whole yet is no error; one that can never become a frame is, and
//! the connection ends with it, as a Redis server does.

#[cfg(test)]
mod mutants;

use std::ops::Range;

/// How large a frame may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) value_max: usize,
    pub(crate) arguments_max: usize,
    /// All arguments together.
    pub(crate) command_max: usize,
    /// Whom nobody knows yet may send as much as it takes to log in.
    pub(crate) stranger: bool,
}

/// What a stranger may send, as a Redis server has it.
const STRANGERS_ARGUMENTS_MAX: usize = 10;
const STRANGERS_VALUE_MAX: usize = 16 * 1024;

/// What stands at the beginning of the buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// A command; its arguments are in the list, and so many bytes were used.
    Command(usize),
    /// Not all of a command is there yet.
    More,
}

/// Bytes that are no command; what to tell the client before hanging up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Garbage(pub(crate) &'static str);

const LINE_MAX: usize = 64 * 1024;

/// Reads one command; its arguments' places go into `arguments`.
pub(crate) fn parse(
    buffer: &[u8],
    arguments: &mut Vec<Range<usize>>,
    limits: Limits,
) -> Result<Parsed, Garbage> {
    arguments.clear();
    match buffer.first() {
        None => Ok(Parsed::More),
        Some(b'*') => parse_array(buffer, arguments, limits),
        Some(_) => parse_inline(buffer, arguments),
    }
}

fn parse_array(
    buffer: &[u8],
    arguments: &mut Vec<Range<usize>>,
    limits: Limits,
) -> Result<Parsed, Garbage> {
    let Some((count, mut at)) = number(buffer, 1, "invalid multibulk length")? else {
        return Ok(Parsed::More);
    };
    if count > limits.arguments_max as i64 {
        return Err(Garbage("invalid multibulk length"));
    }
    if limits.stranger && count > STRANGERS_ARGUMENTS_MAX as i64 {
        return Err(Garbage("unauthenticated multibulk length"));
    }
    for _ in 0..count.max(0) {
        match buffer.get(at) {
            None => return Ok(Parsed::More),
            Some(b'$') => {}
            Some(_) => return Err(Garbage("expected '$'")),
        }
        let Some((length, begin)) = number(buffer, at + 1, "invalid bulk length")? else {
            return Ok(Parsed::More);
        };
        let length = usize::try_from(length).map_err(|_| Garbage("invalid bulk length"))?;
        if length > limits.value_max {
            return Err(Garbage("invalid bulk length"));
        }
        if limits.stranger && length > STRANGERS_VALUE_MAX {
            return Err(Garbage("unauthenticated bulk length"));
        }
        let end = begin + length;
        if end > limits.command_max {
            return Err(Garbage("too big a command"));
        }
        match buffer.get(end..end + 2) {
            None => return Ok(Parsed::More),
            Some(b"\r\n") => {}
            Some(_) => return Err(Garbage("bulk not ended by a line break")),
        }
        arguments.push(begin..end);
        at = end + 2;
    }
    Ok(Parsed::Command(at))
}

/// A decimal number up to the line's end, and where the next line begins.
fn number(
    buffer: &[u8],
    from: usize,
    wrong: &'static str,
) -> Result<Option<(i64, usize)>, Garbage> {
    const DIGITS_MAX: usize = 20;
    let rest = buffer.get(from..).unwrap_or(&[]);
    let Some(end) = rest.iter().take(DIGITS_MAX + 1).position(|byte| *byte == b'\r') else {
        return if rest.len() > DIGITS_MAX { Err(Garbage(wrong)) } else { Ok(None) };
    };
    match rest.get(end + 1) {
        None => return Ok(None),
        Some(b'\n') => {}
        Some(_) => return Err(Garbage(wrong)),
    }
    let digits = rest.get(..end).and_then(|digits| std::str::from_utf8(digits).ok());
    let number = digits.and_then(|digits| digits.parse().ok()).ok_or(Garbage(wrong))?;
    Ok(Some((number, from + end + 2)))
}

/// A line as people type it: words between blanks, quotes around words with
/// blanks. Escapes inside quotes would need a copy and are not understood.
fn parse_inline(buffer: &[u8], arguments: &mut Vec<Range<usize>>) -> Result<Parsed, Garbage> {
    let Some(end) = buffer.iter().take(LINE_MAX).position(|byte| *byte == b'\n') else {
        return if buffer.len() >= LINE_MAX {
            Err(Garbage("too big inline request"))
        } else {
            Ok(Parsed::More)
        };
    };
    let line = buffer.get(..end).unwrap_or(&[]);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut at = 0;
    while let Some(byte) = line.get(at) {
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let rest = line.get(at..).unwrap_or(&[]);
        let word = match byte {
            b'"' | b'\'' => {
                let close = rest.iter().skip(1).position(|end| end == byte);
                let length = close.ok_or(Garbage("unbalanced quotes in request"))?;
                at + 1..at + 1 + length
            }
            _ => {
                let length = rest.iter().position(u8::is_ascii_whitespace);
                at..at + length.unwrap_or(rest.len())
            }
        };
        at = word.end + usize::from(matches!(byte, b'"' | b'\''));
        arguments.push(word);
    }
    Ok(Parsed::Command(end + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits =
        Limits { value_max: 1024, arguments_max: 8, command_max: 4096, stranger: false };

    fn words(buffer: &[u8]) -> Result<Option<Vec<String>>, Garbage> {
        let mut arguments = Vec::new();
        Ok(match parse(buffer, &mut arguments, LIMITS)? {
            Parsed::More => None,
            Parsed::Command(_) => {
                let word = |range: Range<usize>| String::from_utf8_lossy(&buffer[range]).into();
                Some(arguments.into_iter().map(word).collect())
            }
        })
    }

    #[test]
    fn commands_are_read_in_either_form() {
        let check = |text: &str, expected: &[&str]| {
            let expected: Vec<String> = expected.iter().map(|word| (*word).into()).collect();
            assert_eq!(words(text.as_bytes()), Ok(Some(expected)), "{text:?}");
        };
        check("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", &["GET", "k"]);
        check("*1\r\n$0\r\n\r\n", &[""]);
        check("*0\r\n", &[]);
        check("*-1\r\n", &[]);
        check("PING\r\n", &["PING"]);
        check("set k  'a b' \n", &["set", "k", "a b"]);
        check("\r\n", &[]);
    }

    #[test]
    fn what_is_not_whole_yet_waits_at_every_byte() {
        let whole = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhello\r\n";
        for end in 0..whole.len() {
            assert_eq!(words(&whole[..end]), Ok(None), "{end}");
        }
        assert!(words(whole).unwrap().is_some());
    }

    #[test]
    fn garbage_is_told_apart() {
        for text in [
            "*x\r\n",
            "*9\r\n",
            "*1\r\n!1\r\n",
            "*1\r\n$-1\r\n",
            "*1\r\n$2000\r\n",
            "*1\r\n$1\r\nabc",
            "*99999999999999999999999\r\n",
            "*1\rx",
            "set \"k\n",
        ] {
            assert!(words(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_whole_command_has_a_bound_and_a_strangers_a_smaller_one() {
        let check = |text: &str, stranger, expected| {
            let limits = Limits { value_max: 1 << 20, arguments_max: 99, stranger, ..LIMITS };
            assert_eq!(parse(text.as_bytes(), &mut Vec::new(), limits), expected, "{text}");
        };
        let two = format!("*3\r\n$1\r\na\r\n$3000\r\n{}\r\n$3000\r\n", "x".repeat(3000));
        check(&two, false, Err(Garbage("too big a command")));
        check("*11\r\n", true, Err(Garbage("unauthenticated multibulk length")));
        check("*2\r\n$16385\r\n", true, Err(Garbage("unauthenticated bulk length")));
        check("*10\r\n$4000\r\n", true, Ok(Parsed::More));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_command_garbage_or_unfinished(bytes: Vec<u8>) {
            let mut arguments = Vec::new();
            if let Ok(Parsed::Command(used)) = parse(&bytes, &mut arguments, LIMITS) {
                prop_assert!(used <= bytes.len());
                prop_assert!(arguments.iter().all(|range| bytes.get(range.clone()).is_some()));
            }
        }

        #[test]
        fn what_a_client_encodes_is_what_the_door_reads(
            sent in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8)
        ) {
            let mut wire = format!("*{}\r\n", sent.len()).into_bytes();
            for argument in &sent {
                wire.extend(format!("${}\r\n", argument.len()).bytes());
                wire.extend(argument);
                wire.extend(b"\r\n");
            }
            let mut arguments = Vec::new();
            prop_assert_eq!(parse(&wire, &mut arguments, LIMITS), Ok(Parsed::Command(wire.len())));
            let read: Vec<_> = arguments.into_iter().map(|range| wire[range].to_vec()).collect();
            prop_assert_eq!(read, sent);
        }
    }
}
