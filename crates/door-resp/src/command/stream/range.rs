//! What shows the entries of a stream.

use values::stream::{Id, Stream};
use values::{Space, SpaceExt};

use super::{begin, end};
use crate::command::{Arguments, Done, Wrong};
use crate::reply::Replies;

pub(super) fn length(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let length = space.read(arguments.at(1), |seen| match seen {
        None => Ok(0),
        Some(seen) => seen.shape::<Stream>().map(Stream::len),
    })?;
    replies.integer(length as i64);
    Ok(())
}

/// In which order entries are shown.
#[derive(Clone, Copy)]
enum Order {
    Ascending,
    Descending,
}

pub(super) fn range(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let from = begin(arguments, 2)?;
    show(space, arguments, (from, end(arguments, 3)?), Order::Ascending, replies)
}

pub(super) fn back(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let from = begin(arguments, 3)?;
    show(space, arguments, (from, end(arguments, 2)?), Order::Descending, replies)
}

fn show(
    space: &dyn Space,
    arguments: Arguments<'_>,
    (from, to): (Id, Id),
    order: Order,
    replies: &mut Replies,
) -> Done {
    let mut most = usize::MAX;
    for at in (4..arguments.len()).step_by(2) {
        if !arguments.is(at, "count") || at + 1 == arguments.len() {
            return Err(Wrong::SYNTAX);
        }
        most = usize::try_from(arguments.integer(at + 1)?).unwrap_or(0);
    }
    space.read(arguments.at(1), |seen| {
        let Some(seen) = seen else {
            replies.array(0);
            return Ok(());
        };
        let stream = seen.shape::<Stream>()?;
        let entries: Vec<_> = match order {
            Order::Ascending => stream.ascending(from, to).take(most).collect(),
            Order::Descending => stream.descending(from, to).take(most).collect(),
        };
        match most {
            0 => replies.null_array(),
            _ => replies.entries(&entries),
        }
        Ok(())
    })
}
