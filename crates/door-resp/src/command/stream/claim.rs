//! Taking over what others were given.

use values::stream::{Claim, Claimed, Id, Stream};
use values::{Space, SpaceExt};

use super::pending::no_group;
use super::{begin, id, shown};
use crate::command::{Arguments, Done, Wrong};
use crate::reply::Replies;

/// What the options of a claim say.
struct Options {
    claim: Claim,
    last: Id,
    just_ids: bool,
}

fn whole(arguments: Arguments<'_>, at: usize, what: &str, of: &str) -> Result<i64, Wrong> {
    let wrong = |_| Wrong::from(format!("ERR Invalid {what} argument for {of}"));
    arguments.integer(at).map_err(wrong)
}

fn plain(idle: i64, now: u64) -> Claim {
    Claim { idle: idle.max(0), at: now, times: None, force: false, counts: true }
}

fn options(arguments: Arguments<'_>, mut at: usize, now: u64) -> Result<Options, Wrong> {
    let idle = whole(arguments, 4, "min-idle-time", "XCLAIM")?;
    let mut options = Options { claim: plain(idle, now), last: Id::ZERO, just_ids: false };
    let said = |at, what| whole(arguments, at, what, "XCLAIM");
    let now = now as i64;
    let mut given = -1;
    while at < arguments.len() {
        let more = at + 1 < arguments.len();
        if arguments.is(at, "force") {
            options.claim.force = true;
            at += 1;
            continue;
        }
        if arguments.is(at, "justid") {
            (options.just_ids, options.claim.counts) = (true, false);
            at += 1;
            continue;
        }
        if arguments.is(at, "idle") && more {
            given = now.wrapping_sub(said(at + 1, "IDLE option")?);
        } else if arguments.is(at, "time") && more {
            given = said(at + 1, "TIME option")?;
        } else if arguments.is(at, "retrycount") && more {
            let times = said(at + 1, "RETRYCOUNT option")?;
            options.claim.times = (times >= 0).then_some(times);
        } else if arguments.is(at, "lastid") && more {
            options.last = id(arguments, at + 1, 0)?;
        } else {
            let option = shown(arguments.at(at));
            return Err(format!("ERR Unrecognized XCLAIM option '{option}'").into());
        }
        at += 2;
    }
    // A time that cannot be is now.
    options.claim.at = if (0..=now).contains(&given) { given } else { now } as u64;
    Ok(options)
}

pub(super) fn claim(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let now = space.now();
    let name = arguments.at(2);
    space.change(arguments.at(1), |slot| {
        let stream = slot.shape::<Stream>()?.filter(|stream| stream.group(name).is_some());
        let stream = stream.ok_or_else(|| no_group(arguments, replies, "consumer group"))?;
        whole(arguments, 4, "min-idle-time", "XCLAIM")?;
        let ids = (5..arguments.len()).map_while(|at| id(arguments, at, 0).ok());
        let ids: Vec<_> = ids.collect();
        let options = options(arguments, 5 + ids.len(), now)?;
        stream.change_group(name, |group| group.last = group.last.max(options.last));
        let mut taken = ids;
        taken.retain(|id| {
            stream.claim(name, arguments.at(3), *id, options.claim, now) == Claimed::Taken
        });
        show(stream, &taken, options.just_ids, replies);
        *slot.changed = true;
        Ok(())
    })
}

fn show(stream: &Stream, ids: &[Id], just_ids: bool, replies: &mut Replies) {
    replies.array(ids.len());
    for id in ids {
        match stream.get(*id) {
            Some(entry) if !just_ids => replies.entry(&entry),
            _ => replies.id(*id),
        }
    }
}

pub(super) fn sweep(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let now = space.now();
    let mut claim = plain(whole(arguments, 4, "min-idle-time", "XAUTOCLAIM")?, now);
    let from = begin(arguments, 5)?;
    let (mut most, mut just_ids, mut at) = (100, false, 6);
    while at < arguments.len() {
        if arguments.is(at, "count") && at + 1 < arguments.len() {
            most = count(arguments, at + 1)?;
            at += 2;
        } else if arguments.is(at, "justid") {
            (just_ids, claim.counts) = (true, false);
            at += 1;
        } else {
            return Err(Wrong::SYNTAX);
        }
    }
    let name = arguments.at(2);
    space.change(arguments.at(1), |slot| {
        let stream = slot.shape::<Stream>()?.filter(|stream| stream.group(name).is_some());
        let stream = stream.ok_or_else(|| no_group(arguments, replies, "consumer group"))?;
        let swept = stream.sweep(name, arguments.at(3), (from, most), claim, now);
        replies.array(3);
        replies.id(swept.next.unwrap_or_default());
        show(stream, &swept.taken, just_ids, replies);
        replies.array(swept.gone.len());
        swept.gone.iter().for_each(|id| replies.id(*id));
        *slot.changed = true;
        Ok(())
    })
}

fn count(arguments: Arguments<'_>, at: usize) -> Result<usize, Wrong> {
    const MOST: i64 = i64::MAX / 16;
    match arguments.integer(at) {
        Ok(most @ 1..=MOST) => Ok(most as usize),
        _ => Err(Wrong::said("ERR COUNT must be > 0")),
    }
}
