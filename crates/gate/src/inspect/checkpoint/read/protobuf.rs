//! Messages of protocol buffers, read without knowing what they are messages of.
//!
//! A field that has a length is a text, bytes or a message, and only those behind us know which.
//! So it is read as all it can be: what has fields to its end is a message, and what is UTF-8 is
//! a text, for a text can be chosen so that it looks like a message.

use super::super::field::{Field, Part};
use super::super::search::Search;
use super::channel;

/// Looks through a message; false where it is none to its end. So many bytes of messages in it
/// are read as texts too: they are nested, and would be read as often as they are deep.
pub(super) fn read(message: &[u8], again: &mut usize, search: &mut Search<'_>) -> bool {
    Reader { path: Vec::new(), depth: 0, again, search }.message(message)
}

struct Reader<'r, 's, 'a> {
    /// The numbers of the fields on the way to here, with dots between them.
    path: Vec<u8>,
    depth: u32,
    again: &'r mut usize,
    search: &'s mut Search<'a>,
}

impl Reader<'_, '_, '_> {
    fn message(&mut self, message: &[u8]) -> bool {
        let (mut rest, mut whole) = (message, true);
        while !rest.is_empty() && !self.search.over() {
            let Some((number, held)) = next(&mut rest) else { return false };
            let before = self.path.len();
            if before > 0 {
                self.path.push(b'.');
            }
            self.path.extend_from_slice(number.to_string().as_bytes());
            match held {
                Held::Whole(held) => self.field(held),
                Held::Cut(held) => {
                    self.value(held);
                    whole = false;
                }
                Held::Number => {}
            }
            self.path.truncate(before);
        }
        whole
    }

    fn field(&mut self, held: &[u8]) {
        let message = is_message(held);
        if is_text(held) && (!message || self.may_again(held.len())) {
            self.value(held);
        }
        if !message {
            return;
        }
        if self.depth >= self.search.bounds.depth_max {
            self.search.not_read("the message is deeper than is read");
            return;
        }
        self.depth += 1;
        self.message(held);
        self.depth -= 1;
    }

    fn may_again(&mut self, length: usize) -> bool {
        let left = self.again.checked_sub(length);
        if left.is_none() {
            self.search.not_read("the messages are nested more than is read");
        }
        *self.again = left.unwrap_or_default();
        left.is_some()
    }

    fn value(&mut self, held: &[u8]) {
        let field = Field { part: Part::Protobuf, name: &self.path };
        self.search.value(field, held, channel(held));
    }
}

/// What stands in a field.
enum Held<'m> {
    /// Nothing that somebody writes.
    Number,
    /// A text, bytes, or a message.
    Whole(&'m [u8]),
    /// The beginning of one: the message ends before it does.
    Cut(&'m [u8]),
}

/// Takes the next field with its number; nothing where there is none.
fn next<'m>(rest: &mut &'m [u8]) -> Option<(u64, Held<'m>)> {
    let tag = varint(rest)?;
    let number = tag >> 3;
    if number == 0 || number >= 1 << 29 {
        return None;
    }
    let held = match tag & 7 {
        0 => varint(rest).map(|_| Held::Number)?,
        1 => rest.split_off(..8).map(|_| Held::Number)?,
        2 => {
            let length = usize::try_from(varint(rest)?).ok()?;
            match rest.split_off(..length) {
                Some(held) => Held::Whole(held),
                None => Held::Cut(std::mem::take(rest)),
            }
        }
        // Where a group of fields begins and ends, which is how messages were nested once.
        3 | 4 => Held::Number,
        5 => rest.split_off(..4).map(|_| Held::Number)?,
        _ => return None,
    };
    Some((number, held))
}

/// Seven bits in each byte, the lowest first.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let length = rest.iter().take(10).position(|byte| *byte < 0x80)? + 1;
    let bytes = rest.split_off(..length)?;
    Some(bytes.iter().rev().fold(0, |all, byte| (all << 7) | u64::from(byte & 0x7f)))
}

/// Whether there are fields to the end, and nothing else.
fn is_message(held: &[u8]) -> bool {
    let mut rest = held;
    while !rest.is_empty() {
        if !matches!(next(&mut rest), Some((_, Held::Number | Held::Whole(_)))) {
            return false;
        }
    }
    !held.is_empty()
}

/// Whether this can be a text. Some take what is no UTF-8 for one too, and replace what is wrong.
fn is_text(held: &[u8]) -> bool {
    let written = |byte: &u8| !byte.is_ascii_control() || byte.is_ascii_whitespace();
    std::str::from_utf8(held).is_ok() || held.iter().all(written)
}
