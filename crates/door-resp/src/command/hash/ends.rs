//! When fields end.

use values::Space;

use super::{Arguments, Changing, Done, Wrong, change, look};
use crate::reply::Replies;

/// What is said of a field that is not there.
const NO_FIELD: i64 = -2;
/// What is said of a field that does not end.
const NO_END: i64 = -1;

/// The last millisecond at which a field may end.
const LAST: u64 = 0x0000_ffff_ffff_ffff >> 2;

/// What a number of time means.
#[derive(Clone, Copy)]
pub(super) struct Unit {
    /// In seconds, not milliseconds.
    pub(super) seconds: bool,
    /// From now on, not from the Unix epoch on.
    pub(super) from_now: bool,
}

impl Unit {
    /// The millisecond meant by a number.
    pub(super) fn end(self, number: i64, now: u64, command: &str) -> Result<u64, Wrong> {
        let wrong = || Wrong::from(format!("ERR invalid expire time in '{command}' command"));
        let number = u64::try_from(number);
        let number = number.map_err(|_| Wrong::said("ERR invalid expire time, must be >= 0"))?;
        let millis = number.checked_mul(if self.seconds { 1000 } else { 1 });
        let from = if self.from_now { now } else { 0 };
        let end = millis.and_then(|millis| millis.checked_add(from));
        end.filter(|end| *end <= LAST).ok_or_else(wrong)
    }

    /// The number by which an end is told.
    fn told(self, end: u64, now: u64) -> i64 {
        let from = if self.from_now { now } else { 0 };
        let millis = end.saturating_sub(from);
        (if self.seconds { millis.div_ceil(1000) } else { millis }) as i64
    }
}

/// Where the fields begin: after a word and their number, which begin at `at`.
pub(super) fn fields(arguments: Arguments<'_>, at: usize, wrong: Wrong) -> Result<usize, Wrong> {
    if !arguments.is(at, "fields") {
        return Err(Wrong::said(
            "ERR Mandatory argument FIELDS is missing or not at the right position",
        ));
    }
    let count = arguments.integer(at + 1).ok().and_then(|count| usize::try_from(count).ok());
    let count = count.filter(|count| *count > 0).ok_or(wrong)?;
    if count != arguments.len().saturating_sub(at + 2) {
        return Err(Wrong::said(
            "ERR The `numfields` parameter must match the number of arguments",
        ));
    }
    Ok(at + 2)
}

pub(super) const NOT_POSITIVE: Wrong =
    Wrong::said("ERR Number of fields must be a positive integer");

/// In which case a field gets another end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Always,
    EndsNot,
    Ends,
    Later,
    Earlier,
}

impl Case {
    /// The one named at `at`.
    fn parse(arguments: Arguments<'_>, at: usize) -> Self {
        let cases =
            [("nx", Self::EndsNot), ("xx", Self::Ends), ("gt", Self::Later), ("lt", Self::Earlier)];
        let named = cases.into_iter().find(|(word, _)| arguments.is(at, word));
        named.map_or(Self::Always, |(_, case)| case)
    }

    fn holds(self, old: Option<u64>, new: u64) -> bool {
        match self {
            Self::Always => true,
            Self::EndsNot => old.is_none(),
            Self::Ends => old.is_some(),
            Self::Later => old.is_some_and(|old| new > old),
            // What never ends would end earlier.
            Self::Earlier => old.is_none_or(|old| new < old),
        }
    }
}

fn write(replies: &mut Replies, numbers: &[i64]) {
    replies.array(numbers.len());
    numbers.iter().for_each(|number| replies.integer(*number));
}

fn let_end(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
    (unit, command): (Unit, &str),
) -> Done {
    // What the key holds is looked at before anything else.
    look(space, arguments.at(1), |_, _| ())?;
    let end = unit.end(arguments.integer(2)?, space.now(), command)?;
    let case = Case::parse(arguments, 3);
    let wrong = Wrong::said("ERR Parameter `numFields` should be greater than 0");
    let first = fields(arguments, if case == Case::Always { 3 } else { 4 }, wrong)?;
    let names = arguments.from(first);
    let missing = vec![NO_FIELD; names.len()];
    let said = change(space, arguments.at(1), missing, |hash| {
        Ok(names.map(|name| let_one_end(hash, name, end, case)).collect())
    })?;
    write(replies, &said);
    Ok(())
}

fn let_one_end(hash: &mut Changing<'_>, name: &[u8], end: u64, case: Case) -> i64 {
    if hash.get(name).is_none() {
        return NO_FIELD;
    }
    if !case.holds(hash.hash.end(name), end) {
        return 0;
    }
    if hash.end(name, Some(end)) { 2 } else { 1 }
}

pub(super) fn never(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    look(space, arguments.at(1), |_, _| ())?;
    let names = arguments.from(fields(arguments, 2, NOT_POSITIVE)?);
    let missing = vec![NO_FIELD; names.len()];
    let said = change(space, arguments.at(1), missing, |hash| {
        let one = |name| match (hash.get(name), hash.hash.end(name)) {
            (None, _) => NO_FIELD,
            (Some(_), None) => NO_END,
            (Some(_), Some(_)) => {
                hash.end(name, None);
                1
            }
        };
        Ok(names.map(one).collect())
    })?;
    write(replies, &said);
    Ok(())
}

fn tell(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies, unit: Unit) -> Done {
    look(space, arguments.at(1), |_, _| ())?;
    let names = arguments.from(fields(arguments, 2, NOT_POSITIVE)?);
    look(space, arguments.at(1), |hash, now| {
        replies.array(names.len());
        for name in names {
            replies.integer(match (hash.get(name, now), hash.end(name)) {
                (None, _) => NO_FIELD,
                (Some(_), None) => NO_END,
                (Some(_), Some(end)) => unit.told(end, now),
            });
        }
    })
}

/// Seconds from now on.
pub(super) const SECONDS: Unit = Unit { seconds: true, from_now: true };
/// Milliseconds from now on.
pub(super) const MILLIS: Unit = Unit { seconds: false, from_now: true };
/// A second of the Unix epoch.
pub(super) const SECOND: Unit = Unit { seconds: true, from_now: false };
/// A millisecond of the Unix epoch.
pub(super) const MILLI: Unit = Unit { seconds: false, from_now: false };

macro_rules! commands {
    ($($name:ident: $act:ident($what:expr);)*) => {
        $(
            pub(super) fn $name(
                space: &dyn Space,
                arguments: Arguments<'_>,
                replies: &mut Replies,
            ) -> Done {
                $act(space, arguments, replies, $what)
            }
        )*
    };
}

commands! {
    after_seconds: let_end((SECONDS, "hexpire"));
    after_millis: let_end((MILLIS, "hpexpire"));
    at_second: let_end((SECOND, "hexpireat"));
    at_milli: let_end((MILLI, "hpexpireat"));
    seconds_left: tell(SECONDS);
    millis_left: tell(MILLIS);
    end_second: tell(SECOND);
    end_milli: tell(MILLI);
}
