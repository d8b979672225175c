//! Commands that wait until a list has parts. Here they only try; how long to wait is
//! looked at because a wrong one is told before anything else.

use values::{End, Space};

use super::between::{Many, ends, pop_first, shift_part};
use super::{Arguments, Wrong};
use crate::reply::Replies;

/// Whether the seconds at `index` can be waited for.
fn patient(arguments: Arguments<'_>, index: usize) -> Result<(), Wrong> {
    let wrong = Wrong::said("ERR timeout is not a float or out of range");
    let seconds = arguments.float(index).map_err(|_| wrong)?;
    let millis = (seconds * 1000.0).ceil();
    // Redis takes what is beyond the last millisecond there is for a negative number.
    match millis >= 0.0 && millis < i64::MAX as f64 {
        true => Ok(()),
        false => Err(Wrong::said("ERR timeout is negative")),
    }
}

fn pop(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
    end: End,
) -> Result<bool, Wrong> {
    patient(arguments, arguments.len() - 1)?;
    pop_first(space, arguments, end, replies)
}

pub(super) fn pop_front(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
) -> Result<bool, Wrong> {
    pop(space, arguments, replies, End::Front)
}

pub(super) fn pop_back(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
) -> Result<bool, Wrong> {
    pop(space, arguments, replies, End::Back)
}

pub(super) fn shift(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
) -> Result<bool, Wrong> {
    let ends = ends(arguments)?;
    patient(arguments, 5)?;
    shift_part(space, arguments, ends, replies)
}

pub(super) fn rotate(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
) -> Result<bool, Wrong> {
    patient(arguments, 3)?;
    shift_part(space, arguments, (End::Back, End::Front), replies)
}

pub(super) fn pop_many(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
) -> Result<bool, Wrong> {
    let many = Many::parse(arguments, 2)?;
    patient(arguments, 1)?;
    many.take(space, arguments, replies)
}
