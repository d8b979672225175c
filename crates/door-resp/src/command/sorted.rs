//! Sorted sets.

pub(super) mod add;
pub(super) mod combine;
mod limits;
pub(super) mod pop;
pub(super) mod range;
pub(super) mod scan;

use values::{Scored, Seen, Sorted, Space, SpaceExt, Value};

use super::{Arguments, Command, Done, ONE, Wrong};
use crate::reply::Replies;
use limits::Limits;

pub(super) static COMMANDS: &[Command] = &[
    Command::writes("zrem", -3, ONE, remove)
        .fast()
        .of("sorted-set")
        .since("1.2.0")
        .does("Takes members out of a sorted set"),
    Command::reads("zcard", 2, ONE, length)
        .fast()
        .of("sorted-set")
        .since("1.2.0")
        .does("Counts the members of a sorted set"),
    Command::reads("zscore", 3, ONE, score)
        .fast()
        .of("sorted-set")
        .since("1.2.0")
        .does("Shows the score of a member"),
    Command::reads("zmscore", -3, ONE, scores)
        .fast()
        .of("sorted-set")
        .since("6.2.0")
        .does("Shows the scores of members"),
    Command::reads("zrank", -3, ONE, |space, arguments, replies| {
        rank(space, arguments, replies, "zrank", |rank, _| rank)
    })
    .fast()
    .of("sorted-set")
    .since("2.0.0")
    .does("Counts the members before one"),
    Command::reads("zrevrank", -3, ONE, |space, arguments, replies| {
        rank(space, arguments, replies, "zrevrank", |rank, length| length - 1 - rank)
    })
    .fast()
    .of("sorted-set")
    .since("2.0.0")
    .does("Counts the members after one"),
    Command::reads("zcount", 4, ONE, |space, arguments, replies| {
        count(space, arguments, replies, Limits::scores(arguments.at(2), arguments.at(3))?)
    })
    .fast()
    .of("sorted-set")
    .since("2.0.0")
    .does("Counts the members within a range of scores"),
    Command::reads("zlexcount", 4, ONE, |space, arguments, replies| {
        count(space, arguments, replies, Limits::names(arguments.at(2), arguments.at(3))?)
    })
    .fast()
    .of("sorted-set")
    .since("2.8.9")
    .does("Counts the members within a range of names"),
];

/// Whether scores are shown beside the members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scores {
    Shown,
    Hidden,
}

/// The sorted set a key holds.
pub(super) fn sorted(seen: Option<Seen<'_>>) -> Result<Option<&Sorted>, Wrong> {
    Ok(seen.map(Seen::shape).transpose()?)
}

/// What a key holds, to be looked at for longer; nothing of it is copied.
pub(super) fn held(space: &dyn Space, key: &[u8]) -> Option<Value> {
    space.read(key, |seen| seen.map(|seen| seen.value.clone()))
}

/// Lets a key hold these, whatever it held; how many they are.
pub(super) fn store(space: &dyn Space, key: &[u8], members: Sorted) -> usize {
    let length = members.len();
    space.change(key, |slot| {
        *slot.changed |= slot.value.is_some() || length > 0;
        *slot.value = (length > 0).then(|| members.into());
        *slot.ends = None;
    });
    length
}

/// Begins a list of so many members.
fn list(replies: &mut Replies, length: usize, scores: Scores) {
    let flat = scores == Scores::Shown && !replies.resp3;
    replies.array(if flat { length * 2 } else { length });
}

/// A member of such a list.
fn put(replies: &mut Replies, (member, score): Scored<'_>, scores: Scores) {
    if scores == Scores::Shown && replies.resp3 {
        replies.array(2);
    }
    replies.bulk(member);
    if scores == Scores::Shown {
        replies.double(score);
    }
}

fn remove(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let gone = space.change(arguments.at(1), |slot| {
        let Some(sorted) = slot.shape::<Sorted>()? else { return Ok::<_, Wrong>(0) };
        let gone = arguments.from(2).filter(|member| sorted.remove(member).is_some()).count();
        *slot.changed |= gone > 0;
        Ok(gone)
    })?;
    replies.integer(gone as i64);
    Ok(())
}

fn length(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let length =
        space.read(arguments.at(1), |seen| Ok::<_, Wrong>(sorted(seen)?.map_or(0, Sorted::len)))?;
    replies.integer(length as i64);
    Ok(())
}

fn score(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    space.read(arguments.at(1), |seen| {
        put_score(replies, sorted(seen)?.and_then(|sorted| sorted.score(arguments.at(2))));
        Ok(())
    })
}

fn scores(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    space.read(arguments.at(1), |seen| {
        let sorted = sorted(seen)?;
        let members = arguments.from(2);
        replies.array(members.len());
        for member in members {
            put_score(replies, sorted.and_then(|sorted| sorted.score(member)));
        }
        Ok(())
    })
}

fn put_score(replies: &mut Replies, score: Option<f64>) {
    match score {
        Some(score) => replies.double(score),
        None => replies.null(),
    }
}

fn rank(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
    name: &str,
    seen_from: fn(usize, usize) -> usize,
) -> Done {
    let with_score = match arguments.len() {
        3 => false,
        4 if arguments.is(3, "withscore") => true,
        4 => return Err(Wrong::SYNTAX),
        _ => return Err(Wrong::arity(name)),
    };
    space.read(arguments.at(1), |seen| {
        let found = sorted(seen)?.and_then(|sorted| {
            let rank = sorted.rank(arguments.at(2))?;
            Some((seen_from(rank, sorted.len()), sorted.score(arguments.at(2))?))
        });
        match (found, with_score) {
            (None, true) => replies.null_array(),
            (None, false) => replies.null(),
            (Some((rank, _)), false) => replies.integer(rank as i64),
            (Some((rank, score)), true) => {
                replies.array(2);
                replies.integer(rank as i64);
                replies.double(score);
            }
        }
        Ok(())
    })
}

fn count(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
    limits: Limits<'_>,
) -> Done {
    let count = space.read(arguments.at(1), |seen| {
        Ok::<_, Wrong>(sorted(seen)?.map_or(0, |sorted| limits.ranks(sorted, false).len()))
    })?;
    replies.integer(count as i64);
    Ok(())
}

#[cfg(test)]
mod tests;
