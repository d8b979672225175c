//! What can be said of a value without showing it.

use values::{Hash, Kind, Seen, Set, Sorted, Space, Value};

use super::help::help;
use super::{Arguments, Command, Done, Keys, Wrong, part};
use crate::reply::Replies;

const SECOND: Keys = Keys::Span(2, 2, 1);

pub(super) static COMMANDS: &[Command] = &[
    Command::reads("object", -2, SECOND, object)
        .of("generic")
        .since("2.2.3")
        .does("Says how a value would be kept"),
    Command::reads("memory", -2, SECOND, memory)
        .of("server")
        .since("4.0.0")
        .does("Says what a value weighs"),
];

/// What a key costs beside its name and its value.
const OVERHEAD: u64 = 120;

static OBJECT: &[&str] = &[
    "ENCODING <key>",
    "    How Redis would keep the value, with its thresholds as they are by default.",
    "FREQ <key>",
    "    How often it is used: that is not told here.",
    "IDLETIME <key>",
    "    How long it has not been used: that is not told here.",
    "REFCOUNT <key>",
    "    How many refer to it: one, always.",
];

static MEMORY: &[&str] = &[
    "USAGE <key> [SAMPLES <count>]",
    "    What a key and its value weigh against the size of the cache, in bytes.",
];

fn object(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let parts = [("encoding", 3), ("freq", 3), ("help", 2), ("idletime", 3), ("refcount", 3)];
    let asked = part("OBJECT", arguments, &parts)?;
    if asked == "help" {
        help(replies, "OBJECT", OBJECT);
        return Ok(());
    }
    let mut done = Ok(());
    space.peek(arguments.at(2), &mut |seen| match (seen, asked) {
        (None, _) => replies.null(),
        (Some(seen), "encoding") => replies.bulk(encoding(seen, space.now()).as_bytes()),
        (Some(_), "refcount") => replies.integer(1),
        (Some(_), "freq") => done = Err(UNCOUNTED),
        (Some(_), _) => done = Err(UNTIMED),
    });
    done
}

const UNCOUNTED: Wrong = Wrong::said(
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that \
     when switching between policies at runtime LRU and LFU data will take some time to adjust.",
);
const UNTIMED: Wrong = Wrong::said(
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
     switching between policies at runtime LRU and LFU data will take some time to adjust.",
);

/// As Redis keeps a value of this size.
fn encoding(seen: Seen<'_>, now: u64) -> &'static str {
    const PART_MAX: usize = 64;
    let value = seen.value;
    match value.kind() {
        Kind::Text => text(value),
        Kind::List => "quicklist",
        Kind::Stream => "stream",
        Kind::Set => {
            let whole = |part: &[u8]| values::number::integer(part).is_some();
            let few = value.shape::<Set>().is_some_and(|set| set.len() <= 512);
            let all = value.shape::<Set>().is_some_and(|set| few && set.iter().all(whole));
            if all { "intset" } else { "hashtable" }
        }
        Kind::Hash => {
            let short =
                |(name, part): (&[u8], &[u8])| name.len() <= PART_MAX && part.len() <= PART_MAX;
            let hash = value.shape::<Hash>();
            let few = hash.is_some_and(|hash| hash.len(now) <= 512 && hash.iter(now).all(short));
            if few { "listpack" } else { "hashtable" }
        }
        Kind::Sorted => {
            let sorted = value.shape::<Sorted>();
            let few = sorted.is_some_and(|sorted| {
                sorted.len() <= 128 && sorted.iter().all(|(member, _)| member.len() <= PART_MAX)
            });
            if few { "listpack" } else { "skiplist" }
        }
    }
}

fn text(value: &Value) -> &'static str {
    const EMBEDDED_MAX: usize = 44;
    let text = value.as_text().map_or(&[][..], |text| text);
    match values::number::integer(text) {
        Some(_) => "int",
        None if text.len() <= EMBEDDED_MAX => "embstr",
        None => "raw",
    }
}

fn memory(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    if part("MEMORY", arguments, &[("help", 2), ("usage", -3)])? == "help" {
        help(replies, "MEMORY", MEMORY);
        return Ok(());
    }
    match arguments.len() {
        3 => {}
        5 if arguments.is(3, "SAMPLES") => {
            if arguments.integer(4)? < 0 {
                return Err(Wrong::SYNTAX);
            }
        }
        _ => return Err(Wrong::SYNTAX),
    }
    let key = arguments.at(2);
    space.peek(key, &mut |seen| match seen {
        None => replies.null(),
        Some(seen) => {
            let weight = seen.value.weight() + key.len() as u64 + OVERHEAD;
            replies.integer(weight.cast_signed());
        }
    });
    Ok(())
}
