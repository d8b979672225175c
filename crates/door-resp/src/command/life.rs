//! How long keys live, as commands say it.

use flow::question::cache::Deed;
use values::{Slot, Space, SpaceExt};

use super::{Arguments, Command, Done, ONE, Wrong};
use crate::reply::Replies;

pub(super) static COMMANDS: &[Command] = &[
    changes("expire", |space, words, replies| expire(space, words, replies, FOR_SECONDS)),
    changes("pexpire", |space, words, replies| expire(space, words, replies, FOR_MILLIS))
        .since("2.6.0"),
    changes("expireat", |space, words, replies| expire(space, words, replies, AT_SECOND))
        .since("1.2.0"),
    changes("pexpireat", |space, words, replies| expire(space, words, replies, AT_MILLI))
        .since("2.6.0"),
    tells("ttl", |space, words, replies| tell(space, words, replies, FOR_SECONDS)),
    tells("pttl", |space, words, replies| tell(space, words, replies, FOR_MILLIS)).since("2.6.0"),
    tells("expiretime", |space, words, replies| tell(space, words, replies, AT_SECOND))
        .since("7.0.0"),
    tells("pexpiretime", |space, words, replies| tell(space, words, replies, AT_MILLI))
        .since("7.0.0"),
    Command::writes("persist", 2, ONE, persist)
        .takes(Deed::Expire)
        .fast()
        .of("generic")
        .since("2.2.0")
        .does("Lets a key live without an end"),
];

const fn changes(name: &'static str, run: super::Working) -> Command {
    Command::writes(name, -3, ONE, run)
        .takes(Deed::Expire)
        .fast()
        .of("generic")
        .does("Says when a key ends")
}

const fn tells(name: &'static str, run: super::Working) -> Command {
    Command::reads(name, 2, ONE, run).fast().of("generic").does("Tells when a key ends")
}

/// How a time is written: in units of so many milliseconds, from now or from the epoch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    millis: i64,
    from_now: bool,
}

pub(super) const FOR_SECONDS: Unit = Unit { millis: 1000, from_now: true };
pub(super) const FOR_MILLIS: Unit = Unit { millis: 1, from_now: true };
pub(super) const AT_SECOND: Unit = Unit { millis: 1000, from_now: false };
pub(super) const AT_MILLI: Unit = Unit { millis: 1, from_now: false };

impl Unit {
    /// The unit that an option of a command names.
    pub(super) fn named(arguments: Arguments<'_>, at: usize) -> Option<Self> {
        let units =
            [("EX", FOR_SECONDS), ("PX", FOR_MILLIS), ("EXAT", AT_SECOND), ("PXAT", AT_MILLI)];
        units.into_iter().find(|(word, _)| arguments.is(at, word)).map(|(_, unit)| unit)
    }

    /// The end that was written, which may be long over.
    fn end(self, number: i64, now: u64) -> Option<i64> {
        let millis = number.checked_mul(self.millis)?;
        if self.from_now { millis.checked_add(now.cast_signed()) } else { Some(millis) }
    }

    /// The end that must lie ahead of the epoch, written for this command.
    pub(super) fn positive_end(self, number: i64, now: u64, command: &str) -> Result<u64, Wrong> {
        let end = self.end(number, now).filter(|_| number > 0);
        end.and_then(|end| u64::try_from(end).ok()).ok_or_else(|| invalid(command))
    }
}

fn invalid(command: &str) -> Wrong {
    format!("ERR invalid expire time in '{command}' command").into()
}

/// On which condition a life is changed.
#[derive(Clone, Copy, Default)]
struct Conditions {
    none_yet: bool,
    some_already: bool,
    later: bool,
    earlier: bool,
}

impl Conditions {
    fn read(arguments: Arguments<'_>) -> Result<Self, Wrong> {
        let mut read = Self::default();
        for at in 3..arguments.len() {
            match () {
                () if arguments.is(at, "NX") => read.none_yet = true,
                () if arguments.is(at, "XX") => read.some_already = true,
                () if arguments.is(at, "GT") => read.later = true,
                () if arguments.is(at, "LT") => read.earlier = true,
                () => {
                    let word = String::from_utf8_lossy(arguments.at(at)).into_owned();
                    return Err(format!("ERR Unsupported option {word}").into());
                }
            }
        }
        if read.none_yet && (read.some_already || read.later || read.earlier) {
            return Err(Wrong::said(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if read.later && read.earlier {
            return Err(Wrong::said("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(read)
    }

    /// Whether they let a life end then instead; one without an end is the longest.
    fn allow(self, before: Option<u64>, end: i64) -> bool {
        let before = before.map(u64::cast_signed);
        !(self.none_yet && before.is_some()
            || self.some_already && before.is_none()
            || self.later && before.is_none_or(|before| end <= before)
            || self.earlier && before.is_some_and(|before| end >= before))
    }
}

fn expire(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies, unit: Unit) -> Done {
    let conditions = Conditions::read(arguments)?;
    let number = arguments.integer(2)?;
    let now = space.now();
    let end = unit
        .end(number, now)
        .ok_or_else(|| invalid(&String::from_utf8_lossy(arguments.at(0)).to_ascii_lowercase()))?;
    let set = space.change(arguments.at(1), |slot| {
        let allowed = slot.value.is_some() && conditions.allow(*slot.ends, end);
        if allowed {
            end_at(slot, end, now);
        }
        allowed
    });
    replies.integer(i64::from(set));
    Ok(())
}

/// Lets what is there end then, which may be at once.
fn end_at(slot: &mut Slot<'_>, end: i64, now: u64) {
    *slot.changed = true;
    match u64::try_from(end).ok().filter(|end| *end > now) {
        Some(end) => *slot.ends = Some(end),
        None => *slot.value = None,
    }
}

fn tell(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies, unit: Unit) -> Done {
    let mut told = -2;
    space.peek(arguments.at(1), &mut |seen| {
        let Some(seen) = seen else { return };
        told = seen.ends.map_or(-1, |end| match unit.from_now {
            // To the nearest, as Redis does.
            true => (end.saturating_sub(space.now()).cast_signed() + unit.millis / 2) / unit.millis,
            false => (end.cast_signed() + unit.millis / 2) / unit.millis,
        });
    });
    replies.integer(told);
    Ok(())
}

fn persist(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let lifted = space.change(arguments.at(1), |slot| {
        let lifted = slot.value.is_some() && slot.ends.take().is_some();
        *slot.changed |= lifted;
        lifted
    });
    replies.integer(i64::from(lifted));
    Ok(())
}
