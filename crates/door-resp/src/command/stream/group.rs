//! Groups and their consumers.

use values::stream::{Group, Id, Stream};
use values::{Slot, Space, SpaceExt};

use super::subject::{Subject, help, odd, subject};
use super::{id, id_or_end, shown};
use crate::command::{Arguments, Done, Wrong};
use crate::reply::Replies;

#[derive(Clone, Copy, PartialEq)]
enum What {
    Create,
    SetId,
    Destroy,
    CreateConsumer,
    DelConsumer,
    Help,
}

const WHAT: &[Subject<What>] = &[
    ("create", -5, What::Create),
    ("setid", -5, What::SetId),
    ("destroy", 4, What::Destroy),
    ("createconsumer", 5, What::CreateConsumer),
    ("delconsumer", 5, What::DelConsumer),
    ("help", 2, What::Help),
];

const HELP: &[&str] = &[
    "CREATE <key> <groupname> <id|$> [MKSTREAM] [ENTRIESREAD entries_read]",
    "    Adds a group that goes on after this id; MKSTREAM adds the stream too.",
    "CREATECONSUMER <key> <groupname> <consumer>",
    "    Adds a consumer.",
    "DELCONSUMER <key> <groupname> <consumer>",
    "    Forgets a consumer and what it was given.",
    "DESTROY <key> <groupname>",
    "    Forgets a group.",
    "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
    "    Lets a group go on after this id.",
];

/// What may be said when a group is made or set.
#[derive(Default)]
struct Options {
    make_stream: bool,
    read: Option<i64>,
}

fn options(arguments: Arguments<'_>, what: What) -> Result<Options, Wrong> {
    let (mut options, mut at) = (Options::default(), 5);
    while at < arguments.len() {
        if what == What::Create && arguments.is(at, "mkstream") {
            options.make_stream = true;
            at += 1;
        } else if arguments.is(at, "entriesread") && at + 1 < arguments.len() {
            options.read = match arguments.integer(at + 1)? {
                -1 => None,
                ..0 => {
                    return Err(Wrong::said("ERR value for ENTRIESREAD must be positive or -1"));
                }
                read => Some(read),
            };
            at += 2;
        } else {
            return Err(odd("xgroup", arguments));
        }
    }
    Ok(options)
}

pub(super) fn group(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let what = subject("xgroup", WHAT, arguments)?;
    if what == What::Help {
        help("xgroup", HELP, replies);
        return Ok(());
    }
    let options = options(arguments, what)?;
    let now = space.now();
    let answer = space.change(arguments.at(2), |slot| {
        let stream = slot.shape::<Stream>()?;
        let name = arguments.at(3);
        let known = stream.as_ref().is_some_and(|stream| stream.group(name).is_some());
        if stream.is_none() && !options.make_stream {
            return Err(Wrong::said(
                "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may \
                 want to use the MKSTREAM option to create an empty stream automatically.",
            ));
        }
        if !known && !matches!(what, What::Create | What::Destroy) {
            let key = replies.name(arguments.at(2));
            return Err(format!(
                "NOGROUP No such consumer group '{}' for key name '{}'",
                shown(name),
                shown(&key)
            )
            .into());
        }
        let most = if what == What::SetId { 7 } else { 8 };
        if arguments.len() > most {
            return Err(odd("xgroup", arguments));
        }
        carry_out(what, &options, slot, arguments, now)
    })?;
    match answer {
        Some(number) => replies.integer(number),
        None => replies.ok(),
    }
    Ok(())
}

/// Does it to a stream, which is there or to be made; with what number it is answered, if
/// with one.
fn carry_out(
    what: What,
    options: &Options,
    slot: &mut Slot<'_>,
    arguments: Arguments<'_>,
    now: u64,
) -> Result<Option<i64>, Wrong> {
    let (name, consumer) = (arguments.at(3), arguments.at(4));
    let last = slot.shape::<Stream>()?.map_or(Id::ZERO, |stream| stream.last_id());
    let last = match (what, arguments.at(4)) {
        (What::Create | What::SetId, b"$") => last,
        (What::Create, _) => id(arguments, 4, 0)?,
        (What::SetId, _) => id_or_end(arguments, 4, 0)?,
        _ => last,
    };
    let stream = slot.shape_or_new::<Stream>()?;
    let (changed, answer) = match what {
        What::Create => {
            if !stream.add_group(name, Group::new(last, options.read)) {
                return Err(Wrong::said("BUSYGROUP Consumer Group name already exists"));
            }
            (true, None)
        }
        What::SetId => {
            let set = |group: &mut Group| (group.last, group.read) = (last, options.read);
            (stream.change_group(name, set).is_some(), None)
        }
        What::Destroy => {
            let gone = stream.remove_group(name);
            (gone, Some(i64::from(gone)))
        }
        What::CreateConsumer => {
            let new = stream.change_group(name, |group| group.add_consumer(consumer, now));
            (new == Some(true), Some(i64::from(new == Some(true))))
        }
        What::DelConsumer => {
            let had = stream.change_group(name, |group| group.remove_consumer(consumer)).flatten();
            (had.is_some(), Some(had.unwrap_or(0) as i64))
        }
        What::Help => (false, None),
    };
    *slot.changed |= changed;
    Ok(answer)
}
