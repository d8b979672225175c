//! Keys, whatever they hold.

use flow::question::cache::Deed;
use values::{Seen, Space, SpaceExt, Value, glob};

use super::{ALL, Arguments, Command, Done, Here, Keys, ONE, Sources, Wrong};
use crate::reply::Replies;

const TWO: Keys = Keys::Span(1, 2, 1);

pub(super) static COMMANDS: &[Command] = &[
    Command::writes("del", -2, ALL, delete).takes(Deed::Delete).of("generic").does("Removes keys"),
    Command::writes("unlink", -2, ALL, delete)
        .takes(Deed::Delete)
        .fast()
        .of("generic")
        .since("4.0.0")
        .does("Removes keys"),
    Command::reads("exists", -2, ALL, exists).fast().of("generic").does("Counts keys that exist"),
    Command::reads("touch", -2, ALL, exists)
        .fast()
        .of("generic")
        .since("3.2.1")
        .does("Counts keys that exist, as having been used"),
    Command::reads("type", 2, ONE, kind).fast().of("generic").does("Names what a key holds"),
    Command::writes("rename", 3, TWO, rename).of("generic").does("Gives a value another key"),
    Command::writes("renamenx", 3, TWO, rename_if_absent)
        .fast()
        .of("generic")
        .does("Gives a value another key if that holds nothing"),
    Command::writes("stockade.tag", -3, ONE, tag)
        .of("stockade")
        .does("Gives a value tags, by which STOCKADE.PURGE TAG drops it"),
    Command::reaches("copy", -3, TWO, copy, Here::Copy)
        .sources(Sources::First)
        .of("generic")
        .since("6.2.0")
        .does("Lets another key hold the same"),
    Command::reads("randomkey", 1, Keys::None, any).of("generic").does("Names some key"),
    Command::reads("keys", 2, Keys::None, all).of("generic").does("Names all keys of a pattern"),
    Command::reads("scan", -2, Keys::None, scan)
        .of("generic")
        .since("2.8.0")
        .does("Names the keys, some at a time"),
];

fn delete(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let gone = arguments.from(1).filter(|key| {
        space.change(key, |slot| {
            let gone = slot.value.take().is_some();
            *slot.changed |= gone;
            gone
        })
    });
    replies.integer(gone.count() as i64);
    Ok(())
}

fn exists(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let there = arguments.from(1).filter(|key| space.read(key, |seen| seen.is_some()));
    replies.integer(there.count() as i64);
    Ok(())
}

fn kind(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let mut name = "none";
    space.peek(arguments.at(1), &mut |seen| {
        name = seen.map_or("none", |seen| seen.value.kind().name());
    });
    replies.simple(name);
    Ok(())
}

/// What a key holds and when it ends, if it holds anything.
pub(super) fn held(space: &dyn Space, key: &[u8]) -> Option<(Value, Option<u64>)> {
    space.read(key, |seen| seen.map(|Seen { value, ends }| (value.clone(), ends)))
}

pub(super) fn hold(space: &dyn Space, key: &[u8], (value, ends): (Value, Option<u64>)) {
    space.change(key, |slot| {
        *slot.value = Some(value);
        *slot.ends = ends;
        *slot.changed = true;
    });
}

fn move_to(space: &dyn Space, from: &[u8], to: &[u8]) {
    let taken = space.change(from, |slot| {
        *slot.changed = true;
        slot.value.take().zip(Some(slot.ends.take()))
    });
    if let Some(taken) = taken {
        hold(space, to, taken);
    }
}

fn rename(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let (from, to) = (arguments.at(1), arguments.at(2));
    if !space.read(from, |seen| seen.is_some()) {
        return Err(Wrong::NO_KEY);
    }
    if from != to {
        move_to(space, from, to);
    }
    replies.ok();
    Ok(())
}

fn rename_if_absent(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let (from, to) = (arguments.at(1), arguments.at(2));
    if !space.read(from, |seen| seen.is_some()) {
        return Err(Wrong::NO_KEY);
    }
    let free = !space.read(to, |seen| seen.is_some());
    if free {
        move_to(space, from, to);
    }
    replies.integer(i64::from(free));
    Ok(())
}

/// How `COPY` is said: whether what is there is replaced, and in which database.
pub(super) fn copying(arguments: Arguments<'_>) -> Result<(bool, Option<u8>), Wrong> {
    let (mut replace, mut database, mut at) = (false, None, 3);
    while at < arguments.len() {
        if arguments.is(at, "REPLACE") {
            replace = true;
        } else if arguments.is(at, "DB") && at + 1 < arguments.len() {
            at += 1;
            database = Some(arguments.database(at)?);
        } else {
            return Err(Wrong::SYNTAX);
        }
        at += 1;
    }
    Ok((replace, database))
}

fn copy(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let (from, to) = (arguments.at(1), arguments.at(2));
    let (replace, _) = copying(arguments)?;
    if from == to {
        return Err(Wrong::said("ERR source and destination objects are the same"));
    }
    let copied = held(space, from).filter(|_| replace || !space.read(to, |seen| seen.is_some()));
    replies.integer(i64::from(copied.is_some()));
    if let Some(copied) = copied {
        hold(space, to, copied);
    }
    Ok(())
}

/// As many tags as one command may give.
const TAGS_MAX: usize = 64;

fn tag(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let tags: Option<Vec<&str>> = (2..arguments.len()).map(|at| arguments.text(at)).collect();
    let tags = tags.ok_or(Wrong::said("ERR a tag is text"))?;
    if tags.len() > TAGS_MAX {
        return Err(format!("ERR at most {TAGS_MAX} tags are given at a time").into());
    }
    let tagged = space.tag(arguments.at(1), &tags);
    let tagged = tagged.ok_or(Wrong::said("ERR values have no tags here"))?;
    replies.integer(i64::from(tagged));
    Ok(())
}

fn any(space: &dyn Space, _: Arguments<'_>, replies: &mut Replies) -> Done {
    match space.any() {
        Some(key) => replies.key(&key),
        None => replies.null(),
    }
    Ok(())
}

/// So many keys are looked at before others get a turn.
const PAGE: usize = 256;

fn all(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let pattern = arguments.at(1);
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut at = 0;
    loop {
        at = space.walk(at, PAGE, &mut |key, _| {
            if glob::matches(pattern, key) {
                found.push(key.to_vec());
            }
        });
        if at == 0 {
            break;
        }
    }
    replies.array(found.len());
    found.iter().for_each(|key| replies.key(key));
    Ok(())
}

fn scan(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let cursor = std::str::from_utf8(arguments.at(1)).ok().and_then(|text| text.parse().ok());
    let cursor: u64 = cursor.ok_or(Wrong::said("ERR invalid cursor"))?;
    let (mut pattern, mut count, mut kind) = (None, 10, None);
    for at in (2..arguments.len()).step_by(2) {
        if at + 1 == arguments.len() {
            return Err(Wrong::SYNTAX);
        }
        match () {
            () if arguments.is(at, "MATCH") => pattern = Some(arguments.at(at + 1)),
            () if arguments.is(at, "TYPE") => kind = Some(arguments.at(at + 1)),
            () if arguments.is(at, "COUNT") => {
                let read = arguments.integer(at + 1)?;
                count =
                    usize::try_from(read).ok().filter(|count| *count > 0).ok_or(Wrong::SYNTAX)?;
            }
            () => return Err(Wrong::SYNTAX),
        }
    }
    let mut found: Vec<Vec<u8>> = Vec::new();
    let next = space.walk(cursor, count, &mut |key, seen| {
        let named = seen.value.kind().name().as_bytes();
        let of_kind = kind.is_none_or(|kind| kind.eq_ignore_ascii_case(named));
        if of_kind && pattern.is_none_or(|pattern| glob::matches(pattern, key)) {
            found.push(key.to_vec());
        }
    });
    replies.array(2);
    replies.bulk(next.to_string().as_bytes());
    replies.array(found.len());
    found.iter().for_each(|key| replies.key(key));
    Ok(())
}
