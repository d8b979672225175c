//! Hashes.

mod change;
mod ends;
mod number;
mod pick;
mod take;
mod until;

use values::{Hash, Space, SpaceExt};

use super::set::scan::{self, Options};
use super::{Arguments, Command, Done, ONE, Wrong};
use crate::reply::Replies;
use change::{Changing, change, change_or_new, look};

pub(super) static COMMANDS: &[Command] = &[
    Command::writes("hset", -4, ONE, set).fast().of("hash").since("2.0.0").does("Fills fields"),
    Command::writes("hmset", -4, ONE, set).fast().of("hash").since("2.0.0").does("Fills fields"),
    Command::writes("hsetnx", 4, ONE, set_if_absent)
        .fast()
        .of("hash")
        .since("2.0.0")
        .does("Fills a field that is not there"),
    Command::reads("hget", 3, ONE, get)
        .fast()
        .of("hash")
        .since("2.0.0")
        .does("Shows what a field holds"),
    Command::reads("hmget", -3, ONE, get_many)
        .fast()
        .of("hash")
        .since("2.0.0")
        .does("Shows what fields hold"),
    Command::reads("hgetall", 2, ONE, all)
        .of("hash")
        .since("2.0.0")
        .does("Shows all fields and what they hold"),
    Command::reads("hkeys", 2, ONE, names).of("hash").since("2.0.0").does("Names all fields"),
    Command::reads("hvals", 2, ONE, values)
        .of("hash")
        .since("2.0.0")
        .does("Shows what all fields hold"),
    Command::writes("hdel", -3, ONE, remove)
        .fast()
        .of("hash")
        .since("2.0.0")
        .does("Removes fields"),
    Command::reads("hlen", 2, ONE, length).fast().of("hash").since("2.0.0").does("Counts fields"),
    Command::reads("hexists", 3, ONE, exists)
        .fast()
        .of("hash")
        .since("2.0.0")
        .does("Says whether a field is there"),
    Command::reads("hstrlen", 3, ONE, text_length)
        .fast()
        .of("hash")
        .since("3.2.0")
        .does("Measures what a field holds"),
    Command::writes("hincrby", 4, ONE, number::add)
        .fast()
        .of("hash")
        .since("2.0.0")
        .does("Adds to the whole number in a field"),
    Command::writes("hincrbyfloat", 4, ONE, number::add_float)
        .fast()
        .of("hash")
        .since("2.6.0")
        .does("Adds to the number in a field"),
    Command::reads("hrandfield", -2, ONE, pick::show)
        .of("hash")
        .since("6.2.0")
        .does("Shows fields at random"),
    Command::reads("hscan", -3, ONE, scan).of("hash").since("2.8.0").does("Walks through a hash"),
    Command::writes("hexpire", -6, ONE, ends::after_seconds)
        .fast()
        .of("hash")
        .since("7.4.0")
        .does("Lets fields end after some seconds"),
    Command::writes("hpexpire", -6, ONE, ends::after_millis)
        .fast()
        .of("hash")
        .since("7.4.0")
        .does("Lets fields end after some milliseconds"),
    Command::writes("hexpireat", -6, ONE, ends::at_second)
        .fast()
        .of("hash")
        .since("7.4.0")
        .does("Lets fields end at some second"),
    Command::writes("hpexpireat", -6, ONE, ends::at_milli)
        .fast()
        .of("hash")
        .since("7.4.0")
        .does("Lets fields end at some millisecond"),
    Command::writes("hpersist", -5, ONE, ends::never)
        .fast()
        .of("hash")
        .since("7.4.0")
        .does("Lets fields never end"),
    Command::reads("httl", -5, ONE, ends::seconds_left)
        .fast()
        .of("hash")
        .since("7.4.0")
        .does("Says how many seconds fields have left"),
    Command::reads("hpttl", -5, ONE, ends::millis_left)
        .fast()
        .of("hash")
        .since("7.4.0")
        .does("Says how many milliseconds fields have left"),
    Command::reads("hexpiretime", -5, ONE, ends::end_second)
        .fast()
        .of("hash")
        .since("7.4.0")
        .does("Says at what second fields end"),
    Command::reads("hpexpiretime", -5, ONE, ends::end_milli)
        .fast()
        .of("hash")
        .since("7.4.0")
        .does("Says at what millisecond fields end"),
    Command::writes("hgetdel", -5, ONE, take::take)
        .fast()
        .of("hash")
        .since("8.0.0")
        .does("Shows what fields hold and removes them"),
    Command::writes("hgetex", -5, ONE, until::get)
        .fast()
        .of("hash")
        .since("8.0.0")
        .does("Shows what fields hold and says when they end"),
    Command::writes("hsetex", -6, ONE, until::set)
        .fast()
        .of("hash")
        .since("8.0.0")
        .does("Fills fields and says when they end"),
];

fn set(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let many = arguments.is(0, "hmset");
    if arguments.len() % 2 == 1 {
        return Err(Wrong::arity(if many { "hmset" } else { "hset" }));
    }
    let new = change_or_new(space, arguments.at(1), |hash| {
        let pairs = (2..arguments.len()).step_by(2);
        let new = pairs.filter(|at| hash.fill(arguments.at(*at), arguments.at(at + 1)));
        Ok(new.count())
    })?;
    match many {
        true => replies.ok(),
        false => replies.integer(new as i64),
    }
    Ok(())
}

fn set_if_absent(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let (name, value) = (arguments.at(2), arguments.at(3));
    let set = change_or_new(space, arguments.at(1), |hash| {
        Ok(hash.get(name).is_none() && hash.fill(name, value))
    })?;
    replies.integer(i64::from(set));
    Ok(())
}

fn get(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    look(space, arguments.at(1), |hash, now| write(replies, hash.get(arguments.at(2), now)))
}

/// What a field holds, or that it is not there.
fn write(replies: &mut Replies, value: Option<&[u8]>) {
    match value {
        Some(value) => replies.bulk(value),
        None => replies.null(),
    }
}

fn get_many(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    look(space, arguments.at(1), |hash, now| {
        let names = arguments.from(2);
        replies.array(names.len());
        names.for_each(|name| write(replies, hash.get(name, now)));
    })
}

fn all(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    look(space, arguments.at(1), |hash, now| {
        replies.map(hash.len(now));
        for (name, value) in hash.iter(now) {
            replies.bulk(name);
            replies.bulk(value);
        }
    })
}

fn names(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    look(space, arguments.at(1), |hash, now| {
        replies.array(hash.len(now));
        hash.iter(now).for_each(|(name, _)| replies.bulk(name));
    })
}

fn values(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    look(space, arguments.at(1), |hash, now| {
        replies.array(hash.len(now));
        hash.iter(now).for_each(|(_, value)| replies.bulk(value));
    })
}

fn remove(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let gone = change(space, arguments.at(1), 0, |hash| {
        Ok(arguments.from(2).filter(|name| hash.remove(name)).count())
    })?;
    replies.integer(gone as i64);
    Ok(())
}

fn length(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    replies.integer(look(space, arguments.at(1), Hash::len)? as i64);
    Ok(())
}

fn exists(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let name = arguments.at(2);
    let there = look(space, arguments.at(1), |hash, now| hash.get(name, now).is_some())?;
    replies.integer(i64::from(there));
    Ok(())
}

fn text_length(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let name = arguments.at(2);
    let length =
        look(space, arguments.at(1), |hash, now| hash.get(name, now).map_or(0, <[u8]>::len))?;
    replies.integer(length as i64);
    Ok(())
}

fn scan(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let cursor = scan::cursor(arguments.at(2))?;
    let now = space.now();
    space.read(arguments.at(1), |seen| {
        let Some(seen) = seen else {
            scan::write(replies, 0, &[]);
            return Ok(());
        };
        let hash = seen.shape::<Hash>()?;
        let options = Options::parse(arguments, 3, Some("novalues"))?;
        let mut shown = Vec::new();
        let next = hash.walk(cursor, options.hint, now, &mut |name, value| {
            if options.shows(name) {
                shown.push(name);
                shown.extend((!options.without).then_some(value));
            }
        });
        scan::write(replies, next, &shown);
        Ok(())
    })
}

#[cfg(test)]
mod tests;
