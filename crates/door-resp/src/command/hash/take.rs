//! Fields shown and removed at once.

use values::Space;

use super::ends::{NOT_POSITIVE, fields};
use super::{Arguments, Done, change, look, write};
use crate::reply::Replies;

pub(super) fn take(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    look(space, arguments.at(1), |_, _| ())?;
    let names = arguments.from(fields(arguments, 2, NOT_POSITIVE)?);
    let count = names.len();
    replies.array(count);
    let missing = change(space, arguments.at(1), count, |hash| {
        for name in names {
            write(replies, hash.get(name));
            hash.remove(name);
        }
        Ok(0)
    })?;
    (0..missing).for_each(|_| replies.null());
    Ok(())
}
