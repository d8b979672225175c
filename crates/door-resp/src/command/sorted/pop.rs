//! The first or the last members, taken out; whoever waits for them.

use values::{Sorted, Space, SpaceExt, number};

use super::{Scores, list, put};
use crate::command::{Arguments, Command, Done, Keys, ONE, Patience, Trying, Wrong};
use crate::reply::Replies;

pub(in crate::command) static COMMANDS: &[Command] = &[
    Command::writes("zpopmin", -2, ONE, |space, arguments, replies| {
        pop(space, arguments, replies, End::First)
    })
    .fast()
    .of("sorted-set")
    .since("5.0.0")
    .does("Takes out the members with the lowest scores"),
    Command::writes("zpopmax", -2, ONE, |space, arguments, replies| {
        pop(space, arguments, replies, End::Last)
    })
    .fast()
    .of("sorted-set")
    .since("5.0.0")
    .does("Takes out the members with the highest scores"),
    Command::writes("zmpop", -4, Keys::Counted(1), |space, arguments, replies| {
        let many = Many::read(arguments, 1)?;
        if !many.pop(space, arguments, replies)? {
            replies.null_array();
        }
        Ok(())
    })
    .of("sorted-set")
    .since("7.0.0")
    .does("Takes members out of the first sorted set that has any"),
    waiting("bzpopmin", |space, arguments, replies| wait(space, arguments, replies, End::First))
        .does("Takes out the member with the lowest score, once there is one"),
    waiting("bzpopmax", |space, arguments, replies| wait(space, arguments, replies, End::Last))
        .does("Takes out the member with the highest score, once there is one"),
    Command::waits("bzmpop", -5, Keys::Counted(2), wait_for_many, Patience::At(1))
        .of("sorted-set")
        .since("7.0.0")
        .does("Takes members out of the first sorted set that has any, once one has"),
];

const fn waiting(name: &'static str, trying: Trying) -> Command {
    Command::waits(name, -3, Keys::Span(1, -2, 1), trying, Patience::Last)
        .fast()
        .of("sorted-set")
        .since("5.0.0")
}

/// From which end members are taken.
#[derive(Debug, Clone, Copy)]
enum End {
    First,
    Last,
}

type Taken = Vec<(Box<[u8]>, f64)>;

/// Takes members out; nothing where there are none to be taken out.
fn take(space: &dyn Space, key: &[u8], end: End, count: usize) -> Result<Option<Taken>, Wrong> {
    space.change(key, |slot| {
        let Some(sorted) = slot.shape::<Sorted>()? else { return Ok(None) };
        let length = sorted.len();
        let count = count.min(length);
        let own = |(member, score): (&[u8], f64)| (member.into(), score);
        let taken: Taken = match end {
            End::First => sorted.range(0..count).map(own).collect(),
            End::Last => sorted.range_back(length - count..length).map(own).collect(),
        };
        for (member, _) in &taken {
            sorted.remove(member);
        }
        *slot.changed |= count > 0;
        Ok(Some(taken))
    })
}

fn pop(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies, end: End) -> Done {
    let wrong = Wrong::said("ERR value is out of range, must be positive");
    let count = match arguments.len() {
        2 => None,
        3 => Some(
            number::integer(arguments.at(2))
                .and_then(|count| usize::try_from(count).ok())
                .ok_or(wrong)?,
        ),
        _ => return Err(Wrong::SYNTAX),
    };
    let taken = take(space, arguments.at(1), end, count.unwrap_or(1))?.unwrap_or_default();
    if count.is_none() {
        // One that was not counted is not put in a list of its own.
        replies.array(taken.len() * 2);
        for (member, score) in &taken {
            replies.bulk(member);
            replies.double(*score);
        }
        return Ok(());
    }
    list(replies, taken.len(), Scores::Shown);
    for (member, score) in &taken {
        put(replies, (member, *score), Scores::Shown);
    }
    Ok(())
}

/// Members of the first of many keys that has any.
struct Many {
    /// Where the keys are.
    keys: std::ops::Range<usize>,
    end: End,
    count: usize,
}

impl Many {
    /// Reads from where it is said how many keys there are.
    fn read(arguments: Arguments<'_>, at: usize) -> Result<Self, Wrong> {
        let positive = |at: usize| {
            let number = number::integer(arguments.at(at)).filter(|number| *number > 0);
            number.and_then(|number| usize::try_from(number).ok())
        };
        let keys = positive(at).ok_or(Wrong::said("ERR numkeys should be greater than 0"))?;
        let after = keys.saturating_add(at + 1);
        let end = match () {
            () if arguments.is(after, "min") => End::First,
            () if arguments.is(after, "max") => End::Last,
            () => return Err(Wrong::SYNTAX),
        };
        let count = match arguments.len() - after {
            1 => 1,
            3.. if arguments.is(after + 1, "count") => {
                positive(after + 2).ok_or(Wrong::said("ERR count should be greater than 0"))?
            }
            _ => return Err(Wrong::SYNTAX),
        };
        if arguments.len() - after > 3 {
            return Err(Wrong::SYNTAX);
        }
        Ok(Self { keys: at + 1..after, end, count })
    }

    fn pop(
        &self,
        space: &dyn Space,
        arguments: Arguments<'_>,
        replies: &mut Replies,
    ) -> Result<bool, Wrong> {
        for key in self.keys.clone().map(|at| arguments.at(at)) {
            let Some(taken) = take(space, key, self.end, self.count)? else { continue };
            replies.array(2);
            replies.key(key);
            replies.array(taken.len());
            for (member, score) in &taken {
                replies.array(2);
                replies.bulk(member);
                replies.double(*score);
            }
            return Ok(true);
        }
        Ok(false)
    }
}

/// Whether this may be how long somebody waits, in seconds.
fn check_seconds(text: &[u8]) -> Done {
    let wrong = Wrong::said("ERR timeout is not a float or out of range");
    let millis = (number::float(text).ok_or(wrong)? * 1000.0).ceil();
    match millis < 0.0 || millis >= i64::MAX as f64 {
        true => Err(Wrong::said("ERR timeout is negative")),
        false => Ok(()),
    }
}

fn wait(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
    end: End,
) -> Result<bool, Wrong> {
    let last = arguments.len() - 1;
    check_seconds(arguments.at(last))?;
    for key in arguments.from(1).take(last - 1) {
        let taken = take(space, key, end, 1)?;
        if let Some((member, score)) = taken.as_deref().and_then(<[_]>::first) {
            replies.array(3);
            replies.key(key);
            replies.bulk(member);
            replies.double(*score);
            return Ok(true);
        }
    }
    Ok(false)
}

fn wait_for_many(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
) -> Result<bool, Wrong> {
    let many = Many::read(arguments, 2)?;
    check_seconds(arguments.at(1))?;
    many.pop(space, arguments, replies)
}
