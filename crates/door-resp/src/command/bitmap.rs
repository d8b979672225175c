//! Text as bits.

pub(super) mod field;

use std::ops::Range;

use bytes::Bytes;
use values::{Slot, Space, SpaceExt, Value, bits, number};

use super::string::text;
use super::{Arguments, Command, Done, Keys, ONE, Sources, Wrong};
use crate::reply::Replies;

pub(super) static COMMANDS: &[Command] = &[
    Command::writes("setbit", 4, ONE, set)
        .of("bitmap")
        .since("2.2.0")
        .does("Sets or clears a bit of a text"),
    Command::reads("getbit", 3, ONE, get)
        .fast()
        .of("bitmap")
        .since("2.2.0")
        .does("Shows a bit of a text"),
    Command::reads("bitcount", -2, ONE, count)
        .of("bitmap")
        .since("2.6.0")
        .does("Counts the bits of a text that are set"),
    Command::reads("bitpos", -3, ONE, position)
        .of("bitmap")
        .since("2.8.7")
        .does("Finds the first bit that is set or clear"),
    Command::writes("bitop", -4, Keys::Span(2, -1, 1), combine)
        .sources(Sources::Others)
        .of("bitmap")
        .since("2.6.0")
        .does("Combines the bits of texts into another"),
];

/// How long a text may become.
const LENGTH_MAX: u64 = 512 << 20;

/// Where a bit is, of a text that may be.
fn offset(text: &[u8], times: i64) -> Result<u64, Wrong> {
    let wrong = Wrong::said("ERR bit offset is not an integer or out of range");
    let (counted, text) = match text.strip_prefix(b"#") {
        Some(text) if times > 0 => (times, text),
        _ => (1, text),
    };
    let at = number::integer(text).and_then(|at| u64::try_from(at.wrapping_mul(counted)).ok());
    at.filter(|at| at / 8 < LENGTH_MAX).ok_or(wrong)
}

/// Lets a text be changed once it has `length` bytes, filled with zeros, or more, but never
/// more than the largest may have; whether it had to grow is told.
fn change<T>(
    slot: &mut Slot<'_>,
    (length, largest): (u64, u64),
    change: impl FnOnce(&mut [u8], bool) -> T,
) -> Result<T, Wrong> {
    if slot.value.as_ref().is_none_or(|value| value.as_text().is_some()) && length > largest {
        return Err(Wrong::FULL);
    }
    let value = slot.value.get_or_insert_with(|| Value::Text(Bytes::new()));
    let Value::Text(text) = value else { return Err(Wrong::TYPE) };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Ok(bits::change(text, |text| {
        let grows = text.len() < length;
        if grows {
            text.resize(length, 0);
        }
        change(text, grows)
    }))
}

fn set(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let at = offset(arguments.at(2), 0)?;
    let bit = match number::integer(arguments.at(3)) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(Wrong::said("ERR bit is not an integer or out of range")),
    };
    let largest = space.largest();
    let old = space.change(arguments.at(1), |slot| {
        let (old, changed) = change(slot, (at / 8 + 1, largest), |text, grew| {
            let old = bits::get(text, at);
            bits::set(text, at, bit);
            (old, grew || old != bit)
        })?;
        *slot.changed |= changed;
        Ok::<_, Wrong>(old)
    })?;
    replies.integer(i64::from(old));
    Ok(())
}

fn get(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let at = offset(arguments.at(2), 0)?;
    space.read(arguments.at(1), |seen| {
        let bit = text(seen)?.is_some_and(|text| bits::get(text, at));
        replies.integer(i64::from(bit));
        Ok(())
    })
}

/// What the ends of a range are counted in.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Byte,
    Bit,
}

impl Unit {
    fn read(arguments: Arguments<'_>, at: usize) -> Result<Self, Wrong> {
        match () {
            () if at >= arguments.len() => Ok(Self::Byte),
            () if arguments.is(at, "bit") => Ok(Self::Bit),
            () if arguments.is(at, "byte") => Ok(Self::Byte),
            () => Err(Wrong::SYNTAX),
        }
    }

    /// The bits from `start` to `end`, both included and counted from the end if negative.
    fn range(self, start: i64, end: i64, text: &[u8]) -> Range<u64> {
        let bits = match self {
            Self::Byte => 8,
            Self::Bit => 1,
        };
        let total = text.len() as i64 * 8 / bits;
        let place = |at: i64| if at < 0 { (total + at).max(0) } else { at };
        let (start, end) = (place(start), place(end).min(total - 1));
        match start <= end {
            true => (start * bits) as u64..((end + 1) * bits) as u64,
            false => 0..0,
        }
    }
}

fn count(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let count = space.read(arguments.at(1), |seen| {
        let Some(text) = text(seen)? else { return Ok(0) };
        let range = match arguments.len() {
            2 => 0..u64::MAX,
            4 | 5 => {
                let (start, end) = (arguments.integer(2)?, arguments.integer(3)?);
                if start < 0 && end < start {
                    return Ok(0);
                }
                Unit::read(arguments, 4)?.range(start, end, text)
            }
            _ => return Err(Wrong::SYNTAX),
        };
        Ok(bits::count(text, range))
    })?;
    replies.integer(count as i64);
    Ok(())
}

fn position(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let bit = match arguments.integer(2)? {
        0 => false,
        1 => true,
        _ => return Err(Wrong::said("ERR The bit argument must be 1 or 0.")),
    };
    let place = space.read(arguments.at(1), |seen| {
        let Some(text) = text(seen)? else { return Ok(if bit { -1 } else { 0 }) };
        let range = match arguments.len() {
            3 => Unit::Byte.range(0, -1, text),
            4 => Unit::Byte.range(arguments.integer(3)?, text.len() as i64, text),
            5 | 6 => {
                let start = arguments.integer(3)?;
                let unit = Unit::read(arguments, 5)?;
                unit.range(start, arguments.integer(4)?, text)
            }
            _ => return Err(Wrong::SYNTAX),
        };
        let open = arguments.len() < 5 && !bit && !range.is_empty();
        let behind = range.end as i64;
        let found = bits::position(text, bit, range).map(|at| at as i64);
        // Behind a text whose end was not given everything is clear.
        Ok::<_, Wrong>(found.unwrap_or(if open { behind } else { -1 }))
    })?;
    replies.integer(place);
    Ok(())
}

fn combine(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let combine: fn(&mut u8, u8) = match arguments.at(1).to_ascii_lowercase().as_slice() {
        b"and" => |one, other| *one &= other,
        b"or" => |one, other| *one |= other,
        b"xor" => |one, other| *one ^= other,
        b"not" if arguments.len() != 4 => {
            return Err(Wrong::said("ERR BITOP NOT must be called with a single source key."));
        }
        b"not" => |one, _| *one = !*one,
        _ => return Err(Wrong::SYNTAX),
    };
    let turned = arguments.is(1, "not");
    let mut texts = Vec::new();
    for key in arguments.from(3) {
        texts.push(
            space.read(key, |seen| Ok::<_, Wrong>(text(seen)?.cloned().unwrap_or_default()))?,
        );
    }
    let length = texts.iter().map(Bytes::len).max().unwrap_or(0);
    let mut made = texts.first().map(|first| first.to_vec()).unwrap_or_default();
    made.resize(length, 0);
    // What is turned has nothing to be combined with.
    let others = if turned { &texts[..] } else { texts.get(1..).unwrap_or_default() };
    for other in others {
        let (with, behind) = made.split_at_mut(other.len());
        with.iter_mut().zip(other).for_each(|(one, other)| combine(one, *other));
        behind.iter_mut().for_each(|one| combine(one, 0));
    }
    space.change(arguments.at(2), |slot| {
        *slot.changed |= slot.value.is_some() || length > 0;
        *slot.value = (length > 0).then(|| Value::text(made));
        *slot.ends = None;
    });
    replies.integer(length as i64);
    Ok(())
}

#[cfg(test)]
mod tests;
