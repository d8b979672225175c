//! Sets.

mod combine;
pub(super) mod pick;
pub(super) mod scan;

use values::{Set, Slot, Space, SpaceExt, Value};

use super::{ALL, Arguments, Command, Done, Keys, ONE, Sources, Wrong};
use crate::reply::Replies;

pub(super) static COMMANDS: &[Command] = &[
    Command::writes("sadd", -3, ONE, add).fast().of("set").does("Adds parts to a set"),
    Command::writes("srem", -3, ONE, remove).fast().of("set").does("Removes parts from a set"),
    Command::reads("scard", 2, ONE, length).fast().of("set").does("Counts the parts of a set"),
    Command::reads("sismember", 3, ONE, contains)
        .fast()
        .of("set")
        .does("Says whether something is in a set"),
    Command::reads("smismember", -3, ONE, contains_each)
        .fast()
        .of("set")
        .since("6.2.0")
        .does("Says of each of several things whether it is in a set"),
    Command::reads("smembers", 2, ONE, parts).of("set").does("Shows what is in a set"),
    Command::writes("spop", -2, ONE, pick::pop).fast().of("set").does("Takes parts at random"),
    Command::reads("srandmember", -2, ONE, pick::show).of("set").does("Shows parts at random"),
    Command::writes("smove", 4, Keys::Span(1, 2, 1), shift)
        .fast()
        .of("set")
        .does("Takes a part from one set and adds it to another"),
    Command::reads("sinter", -2, ALL, combine::common).of("set").does("Shows what all sets have"),
    Command::reads("sintercard", -3, Keys::Counted(1), combine::count_common)
        .of("set")
        .since("7.0.0")
        .does("Counts what all sets have"),
    Command::reads("sunion", -2, ALL, combine::any).of("set").does("Shows what any set has"),
    Command::reads("sdiff", -2, ALL, combine::rest)
        .of("set")
        .does("Shows what the first set has and no other"),
    Command::writes("sinterstore", -3, ALL, combine::keep_common)
        .sources(Sources::Others)
        .of("set")
        .does("Keeps what all sets have"),
    Command::writes("sunionstore", -3, ALL, combine::keep_any)
        .sources(Sources::Others)
        .of("set")
        .does("Keeps what any set has"),
    Command::writes("sdiffstore", -3, ALL, combine::keep_rest)
        .sources(Sources::Others)
        .of("set")
        .does("Keeps what the first set has and no other"),
    Command::reads("sscan", -3, ONE, scan).of("set").since("2.8.0").does("Walks through a set"),
];

/// Looks at the set a key holds; one that is not there has no parts.
fn look<T>(space: &dyn Space, key: &[u8], look: impl FnOnce(&Set) -> T) -> Result<T, Wrong> {
    space.read(key, |seen| match seen {
        Some(seen) => Ok(look(seen.shape::<Set>()?)),
        None => Ok(look(&Set::default())),
    })
}

fn add(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let new = space.change(arguments.at(1), |slot| {
        let set = slot.shape_or_new::<Set>()?;
        let new = arguments.from(2).filter(|part| set.insert(part)).count();
        *slot.changed |= new > 0;
        Ok::<usize, Wrong>(new)
    })?;
    replies.integer(new as i64);
    Ok(())
}

fn remove(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let gone = space.change(arguments.at(1), |slot| {
        let Some(set) = slot.shape::<Set>()? else { return Ok(0) };
        let gone = arguments.from(2).filter(|part| set.remove(part)).count();
        *slot.changed |= gone > 0;
        Ok::<usize, Wrong>(gone)
    })?;
    replies.integer(gone as i64);
    Ok(())
}

fn length(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    replies.integer(look(space, arguments.at(1), Set::len)? as i64);
    Ok(())
}

fn contains(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let there = look(space, arguments.at(1), |set| set.contains(arguments.at(2)))?;
    replies.integer(i64::from(there));
    Ok(())
}

fn contains_each(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    look(space, arguments.at(1), |set| {
        let parts = arguments.from(2);
        replies.array(parts.len());
        parts.for_each(|part| replies.integer(i64::from(set.contains(part))));
    })
}

fn parts(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    look(space, arguments.at(1), |set| {
        replies.set(set.len());
        set.iter().for_each(|part| replies.bulk(part));
    })
}

fn shift(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let (from, to, part) = (arguments.at(1), arguments.at(2), arguments.at(3));
    let source = look(space, from, |set| (set.is_empty(), set.contains(part)))?;
    if let (false, there) = source {
        look(space, to, |_| ())?;
        if there && from != to {
            space.change(from, |slot| {
                *slot.changed |= slot.shape::<Set>()?.is_some_and(|set| set.remove(part));
                Ok::<(), Wrong>(())
            })?;
            space.change(to, |slot| {
                *slot.changed |= slot.shape_or_new::<Set>()?.insert(part);
                Ok::<(), Wrong>(())
            })?;
        }
    }
    replies.integer(i64::from(source.1));
    Ok(())
}

/// Lets a key hold this set, whatever it held; nothing, if the set has no parts.
fn put(slot: &mut Slot<'_>, set: Set) {
    *slot.changed |= slot.value.is_some() || !set.is_empty();
    *slot.value = (!set.is_empty()).then(|| Value::from(set));
    *slot.ends = None;
}

fn scan(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let cursor = scan::cursor(arguments.at(2))?;
    space.read(arguments.at(1), |seen| {
        let Some(seen) = seen else {
            scan::write(replies, 0, &[]);
            return Ok(());
        };
        let set = seen.shape::<Set>()?;
        let options = scan::Options::parse(arguments, 3, None)?;
        let mut shown = Vec::new();
        let next = set.walk(cursor, options.hint, &mut |part| {
            if options.shows(part) {
                shown.push(part);
            }
        });
        scan::write(replies, next, &shown);
        Ok(())
    })
}

#[cfg(test)]
mod tests;
