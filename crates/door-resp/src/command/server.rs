//! All keys together.

use flow::question::cache::Deed;
use values::Space;

use super::{Arguments, Command, Done, Keys, Wrong};
use crate::reply::Replies;

pub(super) static COMMANDS: &[Command] = &[
    Command::reads("dbsize", 1, Keys::None, count).fast().of("server").does("Counts the keys"),
    Command::writes("flushdb", -1, Keys::None, clear)
        .takes(Deed::Purge)
        .of("server")
        .does("Drops everything in the selected database"),
];

fn count(space: &dyn Space, _: Arguments<'_>, replies: &mut Replies) -> Done {
    replies.integer(space.count().cast_signed());
    Ok(())
}

fn clear(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let said = arguments.len() == 1 || arguments.is(1, "ASYNC") || arguments.is(1, "SYNC");
    if !said || arguments.len() > 2 {
        return Err(Wrong::SYNTAX);
    }
    space.clear();
    replies.ok();
    Ok(())
}
