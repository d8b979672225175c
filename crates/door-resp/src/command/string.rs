//! Text.

mod alike;
mod count;
mod part;

use bytes::Bytes;
use flow::question::cache::Deed;
use values::{Seen, Slot, Space, SpaceExt, Value};

use super::life::{FOR_MILLIS, FOR_SECONDS, Unit};
use super::{ALL, Arguments, Command, Done, Keys, ONE, Wrong};
use crate::reply::Replies;

pub(super) use count::COMMANDS as COUNTING;
pub(super) use part::COMMANDS as PARTS;

const PAIRS: Keys = Keys::Span(1, -1, 2);

pub(super) static COMMANDS: &[Command] = &[
    Command::reads("get", 2, ONE, get).fast().of("string").does("Shows the text of a key"),
    Command::reads("mget", -2, ALL, get_many).fast().of("string").does("Shows the texts of keys"),
    Command::writes("set", -3, ONE, set).takes(Deed::Put).of("string").does("Lets a key hold text"),
    Command::writes("setnx", 3, ONE, set_if_absent)
        .fast()
        .of("string")
        .does("Lets a key hold text if it holds nothing"),
    Command::writes("setex", 4, ONE, |space, words, replies| {
        set_for(space, words, replies, FOR_SECONDS)
    })
    .takes(Deed::Put)
    .of("string")
    .since("2.0.0")
    .does("Lets a key hold text for some seconds"),
    Command::writes("psetex", 4, ONE, |space, words, replies| {
        set_for(space, words, replies, FOR_MILLIS)
    })
    .takes(Deed::Put)
    .of("string")
    .since("2.6.0")
    .does("Lets a key hold text for some milliseconds"),
    Command::writes("mset", -3, PAIRS, set_many)
        .takes(Deed::Put)
        .of("string")
        .since("1.0.1")
        .does("Lets keys hold texts"),
    Command::writes("msetnx", -3, PAIRS, set_many_if_absent)
        .of("string")
        .since("1.0.1")
        .does("Lets keys hold texts if none of them holds anything"),
    Command::writes("getset", 3, ONE, get_and_set)
        .fast()
        .of("string")
        .does("Lets a key hold text and shows the one before"),
    Command::writes("getdel", 2, ONE, get_and_delete)
        .takes(Deed::Delete)
        .fast()
        .of("string")
        .since("6.2.0")
        .does("Shows the text of a key and removes it"),
    Command::writes("getex", -2, ONE, get_and_expire)
        .takes(Deed::Expire)
        .fast()
        .of("string")
        .since("6.2.0")
        .does("Shows the text of a key and says when it ends"),
];

/// The text of what a key holds.
pub(super) fn text(seen: Option<Seen<'_>>) -> Result<Option<&Bytes>, Wrong> {
    seen.map(|seen| seen.value.as_text().ok_or(Wrong::TYPE)).transpose()
}

/// The text in a place.
pub(super) fn text_of<'s>(slot: &'s Slot<'_>) -> Result<Option<&'s Bytes>, Wrong> {
    slot.value.as_ref().map(|value| value.as_text().ok_or(Wrong::TYPE)).transpose()
}

fn say(text: Option<&Bytes>, replies: &mut Replies) {
    match text {
        Some(text) => replies.bulk(text),
        None => replies.null(),
    }
}

fn get(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    space.read(arguments.at(1), |seen| {
        say(text(seen)?, replies);
        Ok(())
    })
}

fn get_many(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let keys = arguments.from(1);
    replies.array(keys.len());
    for key in keys {
        // What is no text is as good as nothing, here.
        space.read(key, |seen| say(text(seen).unwrap_or_default(), replies));
    }
    Ok(())
}

fn put(slot: &mut Slot<'_>, text: &[u8], ends: Option<u64>) {
    *slot.value = Some(Value::Text(Bytes::copy_from_slice(text)));
    *slot.ends = ends;
    *slot.changed = true;
}

/// The options of SET.
#[derive(Default)]
struct Options {
    absent: bool,
    present: bool,
    show: bool,
    keep: bool,
    life: Option<(Unit, usize)>,
}

impl Options {
    fn read(arguments: Arguments<'_>) -> Result<Self, Wrong> {
        let mut read = Self::default();
        let mut at = 3;
        while at < arguments.len() {
            // The same twice is no contradiction, and the last one counts.
            let other = |unit: Unit| read.life.is_some_and(|(before, _)| before != unit);
            match Unit::named(arguments, at) {
                Some(unit) if !read.keep && !other(unit) && at + 1 < arguments.len() => {
                    at += 1;
                    read.life = Some((unit, at));
                }
                None if arguments.is(at, "NX") && !read.present => read.absent = true,
                None if arguments.is(at, "XX") && !read.absent => read.present = true,
                None if arguments.is(at, "GET") => read.show = true,
                None if arguments.is(at, "KEEPTTL") && read.life.is_none() => read.keep = true,
                _ => return Err(Wrong::SYNTAX),
            }
            at += 1;
        }
        Ok(read)
    }
}

fn set(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    if arguments.len() == 3 {
        space.change(arguments.at(1), |slot| put(slot, arguments.at(2), None));
        replies.ok();
        return Ok(());
    }
    let options = Options::read(arguments)?;
    let end = match options.life {
        Some((unit, at)) => Some(unit.positive_end(arguments.integer(at)?, space.now(), "set")?),
        None => None,
    };
    space.change(arguments.at(1), |slot| {
        if options.show {
            say(text_of(slot)?, replies);
        }
        let there = slot.value.is_some();
        let met = !(options.absent && there || options.present && !there);
        if met {
            let end = if options.keep { *slot.ends } else { end };
            put(slot, arguments.at(2), end.filter(|_| there || !options.keep));
        }
        match (options.show, met) {
            (true, _) => {}
            (false, true) => replies.ok(),
            (false, false) => replies.null(),
        }
        Ok(())
    })
}

fn set_if_absent(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let set = space.change(arguments.at(1), |slot| {
        let absent = slot.value.is_none();
        if absent {
            put(slot, arguments.at(2), None);
        }
        absent
    });
    replies.integer(i64::from(set));
    Ok(())
}

/// `SETEX key time value`.
fn set_for(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies, unit: Unit) -> Done {
    let name = String::from_utf8_lossy(arguments.at(0)).to_ascii_lowercase();
    let end = unit.positive_end(arguments.integer(2)?, space.now(), &name)?;
    space.change(arguments.at(1), |slot| put(slot, arguments.at(3), Some(end)));
    replies.ok();
    Ok(())
}

fn set_many(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    set_pairs(space, arguments, "mset")?;
    replies.ok();
    Ok(())
}

fn set_pairs(space: &dyn Space, arguments: Arguments<'_>, name: &str) -> Done {
    if arguments.len().is_multiple_of(2) {
        return Err(Wrong::arity(name));
    }
    for at in (1..arguments.len()).step_by(2) {
        space.change(arguments.at(at), |slot| put(slot, arguments.at(at + 1), None));
    }
    Ok(())
}

fn set_many_if_absent(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    if arguments.len().is_multiple_of(2) {
        return Err(Wrong::arity("msetnx"));
    }
    let taken = arguments.from(1).step_by(2).any(|key| space.read(key, |seen| seen.is_some()));
    if !taken {
        set_pairs(space, arguments, "msetnx")?;
    }
    replies.integer(i64::from(!taken));
    Ok(())
}

fn get_and_set(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    space.change(arguments.at(1), |slot| {
        say(text_of(slot)?, replies);
        put(slot, arguments.at(2), None);
        Ok(())
    })
}

fn get_and_delete(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    space.change(arguments.at(1), |slot| {
        let there = text_of(slot)?;
        say(there, replies);
        *slot.changed |= there.is_some();
        *slot.value = None;
        Ok(())
    })
}

fn get_and_expire(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let forever = arguments.is(2, "PERSIST") && arguments.len() == 3;
    let unit = match arguments.len() {
        2 => None,
        3 if forever => None,
        4 => Some(Unit::named(arguments, 2).ok_or(Wrong::SYNTAX)?),
        _ => return Err(Wrong::SYNTAX),
    };
    let now = space.now();
    space.change(arguments.at(1), |slot| {
        let text = text_of(slot)?;
        // Whether the time makes sense is not asked where there is nothing.
        let end = match unit.filter(|_| text.is_some()) {
            Some(unit) => Some(unit.positive_end(arguments.integer(3)?, now, "getex")?),
            None => None,
        };
        say(text, replies);
        match end {
            Some(end) if end <= now => *slot.value = None,
            Some(end) => *slot.ends = Some(end),
            None if forever => *slot.changed |= slot.ends.take().is_some(),
            None => {}
        }
        *slot.changed |= end.is_some();
        Ok(())
    })
}

#[cfg(test)]
mod tests;
