//! What there is to know of a stream.

use values::stream::{Consumer, Group, Id, Stream};
use values::{Space, SpaceExt};

use super::shown;
use super::subject::{Subject, help, odd, subject};
use crate::command::{Arguments, Done, Wrong};
use crate::reply::Replies;

#[derive(Clone, Copy, PartialEq)]
enum What {
    Stream,
    Groups,
    Consumers,
    Help,
}

const WHAT: &[Subject<What>] = &[
    ("stream", -3, What::Stream),
    ("groups", 3, What::Groups),
    ("consumers", 4, What::Consumers),
    ("help", 2, What::Help),
];

const HELP: &[&str] = &[
    "CONSUMERS <key> <groupname>",
    "    Describes the consumers of a group.",
    "GROUPS <key>",
    "    Describes the groups of a stream.",
    "STREAM <key> [FULL [COUNT <count>]]",
    "    Describes a stream.",
];

pub(super) fn info(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let what = subject("xinfo", WHAT, arguments)?;
    if what == What::Help {
        help("xinfo", HELP, replies);
        return Ok(());
    }
    let now = space.now();
    space.read(arguments.at(2), |seen| {
        let stream = seen.ok_or(Wrong::NO_KEY)?.shape::<Stream>()?;
        match what {
            What::Stream => self::stream(stream, arguments, replies),
            What::Groups => {
                groups(stream, replies);
                Ok(())
            }
            What::Consumers => consumers(stream, arguments, now, replies),
            What::Help => Ok(()),
        }
    })
}

fn groups(stream: &Stream, replies: &mut Replies) {
    replies.array(stream.groups().len());
    for (name, group) in stream.groups() {
        replies.map(6);
        replies.bulk(b"name");
        replies.bulk(name);
        replies.named("consumers", group.consumers().len() as i64);
        replies.named("pending", group.pending().len() as i64);
        progress(stream, group, replies);
    }
}

/// How far a group is.
fn progress(stream: &Stream, group: &Group, replies: &mut Replies) {
    let number = |replies: &mut Replies, name: &str, number: Option<i64>| {
        replies.bulk(name.as_bytes());
        match number {
            Some(number) => replies.integer(number),
            None => replies.null(),
        }
    };
    replies.bulk(b"last-delivered-id");
    replies.id(group.last);
    number(replies, "entries-read", group.read);
    let lag = stream.lag(group);
    number(replies, "lag", lag);
}

fn consumers(stream: &Stream, arguments: Arguments<'_>, now: u64, replies: &mut Replies) -> Done {
    let group = stream.group(arguments.at(3)).ok_or_else(|| {
        let (key, group) = (replies.name(arguments.at(2)), shown(arguments.at(3)));
        let key = shown(&key);
        Wrong::from(format!("NOGROUP No such consumer group '{group}' for key name '{key}'"))
    })?;
    replies.array(group.consumers().len());
    for (name, consumer) in group.consumers() {
        replies.map(3);
        replies.bulk(b"name");
        replies.bulk(name);
        replies.named("pending", consumer.count() as i64);
        replies.named("idle", now.saturating_sub(consumer.seen) as i64);
    }
    Ok(())
}

fn stream(stream: &Stream, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    const COUNT: usize = 10;
    let most = match arguments.len() {
        3 => None,
        4 if arguments.is(3, "full") => Some(COUNT),
        6 if arguments.is(3, "full") && arguments.is(4, "count") => {
            Some(usize::try_from(arguments.integer(5)?).unwrap_or(COUNT))
        }
        _ => return Err(odd("xinfo", arguments)),
    };
    replies.map(if most.is_some() { 9 } else { 10 });
    replies.named("length", stream.len() as i64);
    replies.named("radix-tree-keys", stream.chunks().len() as i64);
    replies.named("radix-tree-nodes", tree(stream.chunks()));
    replies.bulk(b"last-generated-id");
    replies.id(stream.last_id());
    replies.bulk(b"max-deleted-entry-id");
    replies.id(stream.deleted());
    replies.named("entries-added", stream.added());
    replies.bulk(b"recorded-first-entry-id");
    replies.id(stream.first().map_or(Id::ZERO, |entry| entry.id));
    match most {
        None => ends(stream, replies),
        Some(0) => full(stream, usize::MAX, replies),
        Some(most) => full(stream, most, replies),
    }
    Ok(())
}

fn ends(stream: &Stream, replies: &mut Replies) {
    replies.named("groups", stream.groups().len() as i64);
    for (name, entry) in [("first-entry", stream.first()), ("last-entry", stream.last())] {
        replies.bulk(name.as_bytes());
        match entry {
            Some(entry) => replies.entry(&entry),
            None => replies.null(),
        }
    }
}

fn full(stream: &Stream, most: usize, replies: &mut Replies) {
    replies.bulk(b"entries");
    let entries: Vec<_> = stream.ascending(Id::ZERO, Id::MAX).take(most).collect();
    replies.entries(&entries);
    replies.bulk(b"groups");
    replies.array(stream.groups().len());
    for (name, group) in stream.groups() {
        replies.map(7);
        replies.bulk(b"name");
        replies.bulk(name);
        progress(stream, group, replies);
        replies.named("pel-count", group.pending().len() as i64);
        replies.bulk(b"pending");
        replies.array(group.pending().len().min(most));
        for (id, pending) in group.pending().iter().take(most) {
            replies.array(4);
            replies.id(*id);
            replies.bulk(&pending.owner);
            replies.integer(pending.at as i64);
            replies.integer(pending.times);
        }
        replies.bulk(b"consumers");
        replies.array(group.consumers().len());
        group.consumers().for_each(|(name, own)| consumer(group, (name, own), most, replies));
    }
}

fn consumer(
    group: &Group,
    (name, consumer): (&[u8], &Consumer),
    most: usize,
    replies: &mut Replies,
) {
    replies.map(4);
    replies.bulk(b"name");
    replies.bulk(name);
    replies.named("seen-time", consumer.seen as i64);
    replies.named("pel-count", consumer.count() as i64);
    replies.bulk(b"pending");
    replies.array(consumer.count().min(most));
    for (id, pending) in group.pending_from(Id::ZERO, Some(consumer)).take(most) {
        replies.array(3);
        replies.id(id);
        replies.integer(pending.at as i64);
        replies.integer(pending.times);
    }
}

/// How many nodes Redis's tree of these keys would have: one for each key's end, one for each
/// place where keys part, and one for each stretch of bytes in between.
fn tree(keys: impl Iterator<Item = Id>) -> i64 {
    const DEPTH: u32 = 16;
    let bits = |id: Id| u128::from(id.ms) << 64 | u128::from(id.seq);
    // The places where the keys part on the way to the last, by how deep they are.
    let (mut forks, mut nodes, mut before): (Vec<u32>, i64, Option<u128>) = (Vec::new(), 1, None);
    let stretch = |from: Option<u32>, to: u32| match from {
        Some(from) => i64::from(to - from > 1),
        None => i64::from(to > 0),
    };
    for key in keys.map(bits) {
        if let Some(before) = before {
            let shared = (before ^ key).leading_zeros() / 8;
            let mut below = DEPTH;
            while forks.last().is_some_and(|fork| *fork > shared) {
                let fork = forks.pop().unwrap_or_default();
                nodes += stretch(Some(fork), below) + 1;
                below = fork;
            }
            nodes += stretch(Some(shared), below);
            if forks.last() != Some(&shared) {
                forks.push(shared);
            }
            nodes += 1;
        }
        before = Some(key);
    }
    let mut below = DEPTH;
    if before.is_none() {
        return nodes;
    }
    while let Some(fork) = forks.pop() {
        nodes += stretch(Some(fork), below) + 1;
        below = fork;
    }
    nodes + stretch(None, below)
}
