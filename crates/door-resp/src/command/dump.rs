//! Values on their way from one server to another.

#[cfg(test)]
mod tests;

use values::dump::{self, Picture, Unread};
use values::{Space, SpaceExt};

use super::{Arguments, Command, Done, ONE, Wrong};
use crate::reply::Replies;

pub(super) static COMMANDS: &[Command] = &[
    Command::reads("dump", 2, ONE, show)
        .of("generic")
        .since("2.6.0")
        .does("Packs what a key holds, to be restored elsewhere"),
    Command::writes("restore", -4, ONE, restore)
        .of("generic")
        .since("2.6.0")
        .does("Lets a key hold what was packed"),
];

fn show(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let picture = space.read(arguments.at(1), |seen| match seen {
        None => Ok(None),
        Some(seen) => match Picture::of(seen.value) {
            None => Err(Wrong::said("ERR what this key holds cannot be packed")),
            some => Ok(some),
        },
    })?;
    match picture {
        Some(picture) => replies.bulk(&dump::write(&picture)),
        None => replies.null(),
    }
    Ok(())
}

/// What may be said of a key that is restored. How lately or how often it was used is read
/// and forgotten.
#[derive(Default)]
struct Options {
    replace: bool,
    /// Whether the time to live is a time.
    at: bool,
}

fn options(arguments: Arguments<'_>) -> Result<Options, Wrong> {
    let (mut options, mut idle, mut often) = (Options::default(), false, false);
    let mut at = 4;
    while at < arguments.len() {
        let more = at + 1 < arguments.len();
        if arguments.is(at, "replace") {
            options.replace = true;
        } else if arguments.is(at, "absttl") {
            options.at = true;
        } else if arguments.is(at, "idletime") && more && !often {
            at += 1;
            idle = true;
            if arguments.integer(at)? < 0 {
                return Err(Wrong::said("ERR Invalid IDLETIME value, must be >= 0"));
            }
        } else if arguments.is(at, "freq") && more && !idle {
            at += 1;
            often = true;
            if !(0..=255).contains(&arguments.integer(at)?) {
                return Err(Wrong::said("ERR Invalid FREQ value, must be >= 0 and <= 255"));
            }
        } else {
            return Err(Wrong::SYNTAX);
        }
        at += 1;
    }
    Ok(options)
}

fn restore(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let options = options(arguments)?;
    let now = space.now();
    space.change(arguments.at(1), |slot| {
        if !options.replace && slot.value.is_some() {
            return Err(Wrong::said("BUSYKEY Target key name already exists."));
        }
        let ends = ends(arguments.integer(2)?, options.at, now)?;
        let value = value(arguments.at(3))?;
        let over = ends.is_some_and(|ends| ends <= now);
        *slot.changed = !over || slot.value.is_some();
        *slot.value = (!over).then_some(value);
        *slot.ends = ends.filter(|_| !over);
        Ok(())
    })?;
    replies.ok();
    Ok(())
}

/// When a key ends that has so long to live, or lives until then.
fn ends(ttl: i64, at: bool, now: u64) -> Result<Option<u64>, Wrong> {
    match ttl {
        ..0 => Err(Wrong::said("ERR Invalid TTL value, must be >= 0")),
        0 => Ok(None),
        _ if at => Ok(Some(ttl as u64)),
        // What is too far away to be counted is over, for Redis.
        _ => Ok(Some((now as i64).checked_add(ttl).map_or(0, |ends| ends as u64))),
    }
}

fn value(packed: &[u8]) -> Result<values::Value, Wrong> {
    const SENSELESS: Wrong = Wrong::said("ERR Bad data format");
    let picture = dump::read(packed).map_err(|why| match why {
        Unread::Damaged => Wrong::said("ERR DUMP payload version or checksum are wrong"),
        Unread::Senseless => SENSELESS,
    })?;
    picture.into_value().ok_or(SENSELESS)
}
