//! Parts of texts.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use values::{Slot, Space, SpaceExt, Value};

use super::{text, text_of};
use crate::command::{Arguments, Command, Done, Keys, ONE, Wrong};
use crate::reply::Replies;

/// As large as a text may become.
pub(in crate::command) const TEXT_MAX: usize = 512 << 20;

pub(in crate::command) static COMMANDS: &[Command] = &[
    Command::writes("append", 3, ONE, append)
        .fast()
        .of("string")
        .since("2.0.0")
        .does("Adds to the end of a text"),
    Command::reads("strlen", 2, ONE, length)
        .fast()
        .of("string")
        .since("2.2.0")
        .does("Says how long a text is"),
    Command::reads("getrange", 4, ONE, get_range)
        .of("string")
        .since("2.4.0")
        .does("Shows a part of a text"),
    Command::reads("substr", 4, ONE, get_range).of("string").does("Shows a part of a text"),
    Command::writes("setrange", 4, ONE, set_range)
        .of("string")
        .since("2.2.0")
        .does("Writes over a part of a text"),
    Command::reads("lcs", -3, Keys::Span(1, 2, 1), super::alike::alike)
        .of("string")
        .since("7.0.0")
        .does("Finds what two texts have in common, in order"),
];

/// The text in a place, to be changed where it is if nobody else holds it.
pub(in crate::command) fn open(slot: &mut Slot<'_>) -> Result<BytesMut, Wrong> {
    text_of(slot)?;
    Ok(match slot.value.take() {
        Some(Value::Text(text)) => {
            text.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&*shared))
        }
        _ => BytesMut::new(),
    })
}

/// Puts it back.
pub(in crate::command) fn close(slot: &mut Slot<'_>, text: BytesMut) {
    *slot.value = Some(Value::Text(text.freeze()));
    *slot.changed = true;
}

/// The length a text will have, if it may: known before there is room made for it.
fn bearable(length: Option<usize>, largest: u64) -> Result<usize, Wrong> {
    const WORDS: &str = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    let length = length.filter(|length| *length <= TEXT_MAX).ok_or(Wrong::said(WORDS))?;
    if length as u64 <= largest { Ok(length) } else { Err(Wrong::FULL) }
}

fn append(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let (more, largest) = (arguments.at(2), space.largest());
    space.change(arguments.at(1), |slot| {
        let length = text_of(slot)?.map_or(0, Bytes::len);
        bearable(length.checked_add(more.len()), largest)?;
        let mut text = open(slot)?;
        text.extend_from_slice(more);
        replies.integer(text.len() as i64);
        close(slot, text);
        Ok(())
    })
}

fn length(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    space.read(arguments.at(1), |seen| {
        replies.integer(text(seen)?.map_or(0, Bytes::len) as i64);
        Ok(())
    })
}

/// Which part of so many bytes is meant by a first and a last, counted from the end if
/// negative.
pub(in crate::command) fn part(first: i64, last: i64, length: usize) -> Range<usize> {
    let length = length as i64;
    if first < 0 && last < 0 && first > last {
        return 0..0;
    }
    let place = |at: i64| if at < 0 { at.saturating_add(length).max(0) } else { at };
    let (first, last) = (place(first), place(last).min(length - 1));
    if first > last || length == 0 {
        return 0..0;
    }
    first as usize..last as usize + 1
}

fn get_range(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let (first, last) = (arguments.integer(2)?, arguments.integer(3)?);
    space.read(arguments.at(1), |seen| {
        let text = text(seen)?.map_or(&[][..], |text| text);
        replies.bulk(text.get(part(first, last, text.len())).unwrap_or_default());
        Ok(())
    })
}

fn set_range(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let (offset, new) = (arguments.integer(2)?, arguments.at(3));
    let offset = usize::try_from(offset).map_err(|_| Wrong::said("ERR offset is out of range"))?;
    let largest = space.largest();
    space.change(arguments.at(1), |slot| {
        let length = text_of(slot)?.map_or(0, Bytes::len);
        if new.is_empty() {
            replies.integer(length as i64);
            return Ok(());
        }
        let end = bearable(offset.checked_add(new.len()), largest)?;
        let mut text = open(slot)?;
        if text.len() < end {
            text.resize(end, 0);
        }
        if let Some(place) = text.get_mut(offset..end) {
            place.copy_from_slice(new);
        }
        replies.integer(text.len() as i64);
        close(slot, text);
        Ok(())
    })
}
