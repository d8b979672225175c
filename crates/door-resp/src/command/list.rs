//! Lists.

mod between;
mod find;
mod wait;

use std::ops::Range;

use values::{End, List, Slot, Space, SpaceExt};

use super::{Arguments, Command, Done, Keys, ONE, Patience, Wrong};
use crate::reply::Replies;

/// Two keys, from the one to the other.
const TWO: Keys = Keys::Span(1, 2, 1);
/// Keys, and how long to wait.
const BUT_LAST: Keys = Keys::Span(1, -2, 1);

pub(super) static COMMANDS: &[Command] = &[
    Command::writes("lpush", -3, ONE, push_front).fast().of("list").does("Adds parts in front"),
    Command::writes("rpush", -3, ONE, push_back).fast().of("list").does("Adds parts at the end"),
    Command::writes("lpushx", -3, ONE, push_front_if_there)
        .fast()
        .of("list")
        .since("2.2.0")
        .does("Adds parts in front of a list that is there"),
    Command::writes("rpushx", -3, ONE, push_back_if_there)
        .fast()
        .of("list")
        .since("2.2.0")
        .does("Adds parts at the end of a list that is there"),
    Command::writes("lpop", -2, ONE, pop_front).fast().of("list").does("Takes the first parts"),
    Command::writes("rpop", -2, ONE, pop_back).fast().of("list").does("Takes the last parts"),
    Command::reads("llen", 2, ONE, length).fast().of("list").does("Counts the parts of a list"),
    Command::reads("lrange", 4, ONE, range).of("list").does("Shows the parts between two places"),
    Command::reads("lindex", 3, ONE, index).of("list").does("Shows the part at a place"),
    Command::writes("lset", 4, ONE, set).of("list").does("Puts another part at a place"),
    Command::writes("linsert", 5, ONE, insert)
        .of("list")
        .since("2.2.0")
        .does("Adds a part next to another"),
    Command::writes("lrem", 4, ONE, remove).of("list").does("Removes parts that equal one"),
    Command::writes("ltrim", 4, ONE, trim).of("list").does("Keeps what is between two places"),
    Command::reads("lpos", -3, ONE, find::positions)
        .of("list")
        .since("6.0.6")
        .does("Says where parts are that equal one"),
    Command::writes("lmove", 5, TWO, between::shift)
        .of("list")
        .since("6.2.0")
        .does("Takes a part from one list and adds it to another"),
    Command::writes("rpoplpush", 3, TWO, between::rotate)
        .of("list")
        .since("1.2.0")
        .does("Takes the last part of one list and adds it in front of another"),
    Command::writes("lmpop", -4, Keys::Counted(1), between::pop_many)
        .of("list")
        .since("7.0.0")
        .does("Takes parts from the first list that has any"),
    Command::waits("blpop", -3, BUT_LAST, wait::pop_front, Patience::Last)
        .of("list")
        .since("2.0.0")
        .does("Takes the first part of a list, when there is one"),
    Command::waits("brpop", -3, BUT_LAST, wait::pop_back, Patience::Last)
        .of("list")
        .since("2.0.0")
        .does("Takes the last part of a list, when there is one"),
    Command::waits("blmove", 6, TWO, wait::shift, Patience::Last)
        .of("list")
        .since("6.2.0")
        .does("Takes a part from one list and adds it to another, when there is one"),
    Command::waits("brpoplpush", 4, TWO, wait::rotate, Patience::Last)
        .of("list")
        .since("2.2.0")
        .does("Takes the last part of one list and adds it in front of another, when there is one"),
    Command::waits("blmpop", -5, Keys::Counted(2), wait::pop_many, Patience::At(1))
        .of("list")
        .since("7.0.0")
        .does("Takes parts from the first list that has any, when one has"),
];

/// What Redis says of a count below nothing.
const NOT_POSITIVE: Wrong = Wrong::said("ERR value is out of range, must be positive");

/// The places between two, counted from the end where negative, both included.
fn span(first: i64, last: i64, length: usize) -> Range<usize> {
    let from_start = |place: i64| match usize::try_from(place.unsigned_abs()) {
        Ok(back) if place < 0 => length.checked_sub(back),
        Ok(place) => Some(place),
        Err(_) => Some(usize::MAX),
    };
    let end = from_start(last).map_or(0, |last| last.saturating_add(1));
    from_start(first).unwrap_or(0)..end.min(length)
}

/// The place said by a number, counted from the end if negative.
fn place(number: i64, length: usize) -> Option<usize> {
    let back = usize::try_from(number.unsigned_abs()).ok()?;
    let place = if number < 0 { length.checked_sub(back)? } else { back };
    (place < length).then_some(place)
}

fn push(arguments: Arguments<'_>, slot: &mut Slot<'_>, end: End) -> Result<usize, Wrong> {
    let list = slot.shape_or_new::<List>()?;
    arguments.from(2).for_each(|part| list.push(end, part));
    let length = list.len();
    *slot.changed = true;
    Ok(length)
}

fn push_at(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
    (end, anyway): (End, bool),
) -> Done {
    let length = space.change(arguments.at(1), |slot| match slot.value {
        None if !anyway => Ok(0),
        _ => push(arguments, slot, end),
    })?;
    replies.integer(length as i64);
    Ok(())
}

fn push_front(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    push_at(space, arguments, replies, (End::Front, true))
}

fn push_back(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    push_at(space, arguments, replies, (End::Back, true))
}

fn push_front_if_there(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    push_at(space, arguments, replies, (End::Front, false))
}

fn push_back_if_there(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    push_at(space, arguments, replies, (End::Back, false))
}

/// Takes so many parts, and writes them in a row.
fn pop_some(list: &mut List, end: End, most: usize, replies: &mut Replies) -> bool {
    let count = most.min(list.len());
    replies.array(count);
    for _ in 0..count {
        if let Some(part) = list.pop(end) {
            replies.bulk(&part);
        }
    }
    count > 0
}

fn pop(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies, end: End) -> Done {
    if arguments.len() > 3 {
        return Err(Wrong::arity(if end == End::Front { "lpop" } else { "rpop" }));
    }
    let most = arguments.get(2).map(|_| count(arguments, 2)).transpose()?;
    space.change(arguments.at(1), |slot| {
        match (slot.shape::<List>()?, most) {
            (None, None) => replies.null(),
            (None, Some(_)) => replies.null_array(),
            (Some(list), None) => {
                match list.pop(end) {
                    Some(part) => replies.bulk(&part),
                    None => replies.null(),
                }
                *slot.changed = true;
            }
            (Some(list), Some(most)) => *slot.changed |= pop_some(list, end, most, replies),
        }
        Ok(())
    })
}

/// How many, at `index`.
fn count(arguments: Arguments<'_>, index: usize) -> Result<usize, Wrong> {
    let count = arguments.integer(index).map_err(|_| NOT_POSITIVE)?;
    usize::try_from(count).map_err(|_| NOT_POSITIVE)
}

fn pop_front(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    pop(space, arguments, replies, End::Front)
}

fn pop_back(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    pop(space, arguments, replies, End::Back)
}

fn length(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    space.read(arguments.at(1), |seen| {
        let length = seen.map(|seen| seen.shape::<List>().map(List::len)).transpose()?;
        replies.integer(length.unwrap_or(0) as i64);
        Ok(())
    })
}

fn range(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let (first, last) = (arguments.integer(2)?, arguments.integer(3)?);
    space.read(arguments.at(1), |seen| {
        let Some(seen) = seen else {
            replies.array(0);
            return Ok(());
        };
        let list = seen.shape::<List>()?;
        let parts = list.range(span(first, last, list.len()));
        replies.array(parts.len());
        parts.for_each(|part| replies.bulk(part));
        Ok(())
    })
}

fn index(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    space.read(arguments.at(1), |seen| {
        let Some(seen) = seen else {
            replies.null();
            return Ok(());
        };
        let list = seen.shape::<List>()?;
        match place(arguments.integer(2)?, list.len()).and_then(|place| list.get(place)) {
            Some(part) => replies.bulk(part),
            None => replies.null(),
        }
        Ok(())
    })
}

fn set(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    space.change(arguments.at(1), |slot| {
        let list = slot.shape::<List>()?.ok_or(Wrong::NO_KEY)?;
        let place = place(arguments.integer(2)?, list.len());
        let place = place.ok_or(Wrong::said("ERR index out of range"))?;
        *slot.changed |= list.set(place, arguments.at(3));
        Ok::<(), Wrong>(())
    })?;
    replies.ok();
    Ok(())
}

fn insert(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let behind = match () {
        () if arguments.is(2, "after") => 1,
        () if arguments.is(2, "before") => 0,
        () => return Err(Wrong::SYNTAX),
    };
    let (pivot, part) = (arguments.at(3), arguments.at(4));
    let length = space.change(arguments.at(1), |slot| {
        let Some(list) = slot.shape::<List>()? else { return Ok(0) };
        let Some(place) = list.iter().position(|own| own.as_ref() == pivot) else { return Ok(-1) };
        list.insert(place + behind, part);
        let length = list.len() as i64;
        *slot.changed = true;
        Ok::<i64, Wrong>(length)
    })?;
    replies.integer(length);
    Ok(())
}

fn remove(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let (count, part) = (arguments.integer(2)?, arguments.at(3));
    let end = if count < 0 { End::Back } else { End::Front };
    let most = match usize::try_from(count.unsigned_abs()) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(most) => most,
    };
    let gone = space.change(arguments.at(1), |slot| {
        let Some(list) = slot.shape::<List>()? else { return Ok(0) };
        let gone = list.remove(part, end, most);
        *slot.changed |= gone > 0;
        Ok::<usize, Wrong>(gone)
    })?;
    replies.integer(gone as i64);
    Ok(())
}

fn trim(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let (first, last) = (arguments.integer(2)?, arguments.integer(3)?);
    space.change(arguments.at(1), |slot| {
        let Some(list) = slot.shape::<List>()? else { return Ok(()) };
        let before = list.len();
        list.keep(span(first, last, before));
        *slot.changed |= list.len() < before;
        Ok::<(), Wrong>(())
    })?;
    replies.ok();
    Ok(())
}

#[cfg(test)]
mod tests;
