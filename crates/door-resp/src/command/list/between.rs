//! Parts taken from one of several lists.

use values::{End, List, Space, SpaceExt};

use super::{Arguments, Done, Wrong, pop_some};
use crate::reply::Replies;

/// The end named at `index`.
fn end(arguments: Arguments<'_>, index: usize) -> Result<End, Wrong> {
    match () {
        () if arguments.is(index, "left") => Ok(End::Front),
        () if arguments.is(index, "right") => Ok(End::Back),
        () => Err(Wrong::SYNTAX),
    }
}

/// Both ends of a move, from the one to the other.
pub(super) fn ends(arguments: Arguments<'_>) -> Result<(End, End), Wrong> {
    Ok((end(arguments, 3)?, end(arguments, 4)?))
}

/// Whether there is a list at a key.
fn is_there(space: &dyn Space, key: &[u8]) -> Result<bool, Wrong> {
    let mut there = Ok(false);
    space.peek(key, &mut |seen| {
        there = seen.map_or(Ok(false), |seen| Ok(!seen.shape::<List>()?.is_empty()));
    });
    there
}

/// Takes a part from the list at the first key and adds it to the one at the second;
/// whether there was one.
pub(super) fn shift_part(
    space: &dyn Space,
    arguments: Arguments<'_>,
    (from, to): (End, End),
    replies: &mut Replies,
) -> Result<bool, Wrong> {
    if !is_there(space, arguments.at(1))? {
        return Ok(false);
    }
    is_there(space, arguments.at(2))?;
    let taken = space.change(arguments.at(1), |slot| {
        let Some(list) = slot.shape::<List>()? else { return Ok(None) };
        let taken = list.pop(from);
        if let Some(part) = taken.as_ref().filter(|_| arguments.at(1) == arguments.at(2)) {
            // What is taken from a list and added to it must not leave it without parts.
            list.push(to, part.clone());
        }
        *slot.changed |= taken.is_some();
        Ok::<_, Wrong>(taken)
    })?;
    let Some(part) = taken else { return Ok(false) };
    replies.bulk(&part);
    if arguments.at(1) != arguments.at(2) {
        space.change(arguments.at(2), |slot| {
            slot.shape_or_new::<List>()?.push(to, part);
            *slot.changed = true;
            Ok::<(), Wrong>(())
        })?;
    }
    Ok(true)
}

pub(super) fn shift(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    if !shift_part(space, arguments, ends(arguments)?, replies)? {
        replies.null();
    }
    Ok(())
}

pub(super) fn rotate(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    if !shift_part(space, arguments, (End::Back, End::Front), replies)? {
        replies.null();
    }
    Ok(())
}

/// What is taken from the first of several lists that has any.
pub(super) struct Many {
    /// Where the keys begin.
    first: usize,
    keys: usize,
    end: End,
    most: usize,
}

impl Many {
    /// Keys, as many as said at `at`, an end, and how many parts.
    pub(super) fn parse(arguments: Arguments<'_>, at: usize) -> Result<Self, Wrong> {
        let positive = |index: usize| {
            let number = arguments.integer(index).ok();
            number.and_then(|number| usize::try_from(number).ok()).filter(|number| *number > 0)
        };
        let keys = positive(at).ok_or(Wrong::said("ERR numkeys should be greater than 0"))?;
        let first = at + 1;
        let after = first.saturating_add(keys);
        let (end, mut most) = (end(arguments, after)?, None);
        let mut next = after + 1;
        while next < arguments.len() {
            if most.is_some() || !arguments.is(next, "count") || next + 1 >= arguments.len() {
                return Err(Wrong::SYNTAX);
            }
            let wrong = Wrong::said("ERR count should be greater than 0");
            most = Some(positive(next + 1).ok_or(wrong)?);
            next += 2;
        }
        Ok(Self { first, keys, end, most: most.unwrap_or(1) })
    }

    /// Takes them; whether there were any.
    pub(super) fn take(
        &self,
        space: &dyn Space,
        arguments: Arguments<'_>,
        replies: &mut Replies,
    ) -> Result<bool, Wrong> {
        for key in arguments.from(self.first).take(self.keys) {
            if !is_there(space, key)? {
                continue;
            }
            replies.array(2);
            replies.key(key);
            return space.change(key, |slot| {
                let Some(list) = slot.shape::<List>()? else { return Ok(false) };
                *slot.changed |= pop_some(list, self.end, self.most, replies);
                Ok(true)
            });
        }
        Ok(false)
    }
}

pub(super) fn pop_many(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    if !Many::parse(arguments, 1)?.take(space, arguments, replies)? {
        replies.null_array();
    }
    Ok(())
}

/// Takes one part from the first of several lists that has any; whether one had.
pub(super) fn pop_first(
    space: &dyn Space,
    arguments: Arguments<'_>,
    end: End,
    replies: &mut Replies,
) -> Result<bool, Wrong> {
    for key in arguments.from(1).take(arguments.len().saturating_sub(2)) {
        if !is_there(space, key)? {
            continue;
        }
        return space.change(key, |slot| {
            let Some(list) = slot.shape::<List>()? else { return Ok(false) };
            let Some(part) = list.pop(end) else { return Ok(false) };
            *slot.changed = true;
            replies.array(2);
            replies.key(key);
            replies.bulk(&part);
            Ok(true)
        });
    }
    Ok(false)
}
