//! What was given to consumers who are not done with it.

use values::stream::{Group, Id, Stream};
use values::{Space, SpaceExt};

use super::{begin, end, id, shown};
use crate::command::{Arguments, Done, Wrong};
use crate::reply::Replies;

pub(super) fn done(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let done = space.change(arguments.at(1), |slot| {
        let Some(stream) = slot.shape::<Stream>()? else { return Ok(0) };
        if stream.group(arguments.at(2)).is_none() {
            return Ok(0);
        }
        let ids = (3..arguments.len()).map(|at| id(arguments, at, 0));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        let done = |group: &mut Group| ids.into_iter().filter(|id| group.done(*id)).count();
        let done = stream.change_group(arguments.at(2), done).unwrap_or(0);
        *slot.changed |= done > 0;
        Ok::<_, Wrong>(done)
    })?;
    replies.integer(done as i64);
    Ok(())
}

/// What of all that is pending is asked for.
struct Asked<'a> {
    idle: i64,
    from: Id,
    to: Id,
    most: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Asked<'a> {
    fn read(arguments: Arguments<'a>) -> Result<Option<Self>, Wrong> {
        match arguments.len() {
            3 => return Ok(None),
            6..=9 => {}
            _ => return Err(Wrong::SYNTAX),
        }
        let (mut idle, mut first) = (0, 3);
        if arguments.is(3, "idle") {
            idle = arguments.integer(4)?;
            first = 5;
            if arguments.len() < 8 {
                return Err(Wrong::SYNTAX);
            }
        }
        let most = usize::try_from(arguments.integer(first + 2)?).unwrap_or(0);
        let (from, to) = (begin(arguments, first)?, end(arguments, first + 1)?);
        Ok(Some(Self { idle, from, to, most, consumer: arguments.get(first + 3) }))
    }
}

/// That there is no such group.
pub(super) fn no_group(arguments: Arguments<'_>, replies: &Replies, called: &str) -> Wrong {
    let (key, group) = (replies.name(arguments.at(1)), shown(arguments.at(2)));
    let key = shown(&key);
    format!("NOGROUP No such key '{key}' or {called} '{group}'").into()
}

pub(super) fn pending(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let asked = Asked::read(arguments)?;
    let now = space.now();
    space.read(arguments.at(1), |seen| {
        let stream = seen.map(|seen| seen.shape::<Stream>()).transpose()?;
        let group = stream.and_then(|stream| stream.group(arguments.at(2)));
        let group = group.ok_or_else(|| no_group(arguments, replies, "consumer group"))?;
        match asked {
            None => summarise(group, replies),
            Some(asked) => list(group, &asked, now, replies),
        }
        Ok(())
    })
}

fn summarise(group: &Group, replies: &mut Replies) {
    let pending = group.pending();
    replies.array(4);
    replies.integer(pending.len() as i64);
    let (Some((first, _)), Some((last, _))) = (pending.first_key_value(), pending.last_key_value())
    else {
        replies.null();
        replies.null();
        return replies.null_array();
    };
    replies.id(*first);
    replies.id(*last);
    let busy: Vec<_> = group.consumers().filter(|(_, consumer)| consumer.count() > 0).collect();
    replies.array(busy.len());
    for (name, consumer) in busy {
        replies.array(2);
        replies.bulk(name);
        replies.bulk(consumer.count().to_string().as_bytes());
    }
}

fn list(group: &Group, asked: &Asked<'_>, now: u64, replies: &mut Replies) {
    let consumer = asked.consumer.map(|name| group.consumer(name));
    if consumer.is_some_and(|consumer| consumer.is_none()) {
        return replies.array(0);
    }
    let idle = |at: u64| (now as i64).wrapping_sub(at as i64);
    let listed: Vec<_> = group
        .pending_from(asked.from, consumer.flatten())
        .take_while(|(id, _)| *id <= asked.to)
        .filter(|(_, pending)| asked.idle == 0 || idle(pending.at) >= asked.idle)
        .take(asked.most)
        .collect();
    replies.array(listed.len());
    for (id, pending) in listed {
        replies.array(4);
        replies.id(id);
        replies.bulk(&pending.owner);
        replies.integer(idle(pending.at).max(0));
        replies.integer(pending.times);
    }
}
