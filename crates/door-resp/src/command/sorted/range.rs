//! Ranges of members, shown, kept or removed.

use std::ops::Range;

use values::{Sorted, Space, SpaceExt};

use super::{Limits, Scores, list, put, sorted, store};
use crate::command::{Arguments, Command, Done, Keys, ONE, Sources, Wrong};
use crate::reply::Replies;

pub(in crate::command) static COMMANDS: &[Command] = &[
    Command::reads("zrange", -4, ONE, |space, arguments, replies| {
        show(space, arguments, replies, None, None)
    })
    .of("sorted-set")
    .since("1.2.0")
    .does("Shows the members within a range"),
    Command::reads("zrevrange", -4, ONE, |space, arguments, replies| {
        show(space, arguments, replies, Some(By::Rank), Some(true))
    })
    .of("sorted-set")
    .since("1.2.0")
    .does("Shows the members within a range of ranks, the last first"),
    Command::reads("zrangebyscore", -4, ONE, |space, arguments, replies| {
        show(space, arguments, replies, Some(By::Score), Some(false))
    })
    .of("sorted-set")
    .since("1.0.5")
    .does("Shows the members within a range of scores"),
    Command::reads("zrevrangebyscore", -4, ONE, |space, arguments, replies| {
        show(space, arguments, replies, Some(By::Score), Some(true))
    })
    .of("sorted-set")
    .since("2.2.0")
    .does("Shows the members within a range of scores, the last first"),
    Command::reads("zrangebylex", -4, ONE, |space, arguments, replies| {
        show(space, arguments, replies, Some(By::Name), Some(false))
    })
    .of("sorted-set")
    .since("2.8.9")
    .does("Shows the members within a range of names"),
    Command::reads("zrevrangebylex", -4, ONE, |space, arguments, replies| {
        show(space, arguments, replies, Some(By::Name), Some(true))
    })
    .of("sorted-set")
    .since("2.8.9")
    .does("Shows the members within a range of names, the last first"),
    Command::writes("zrangestore", -5, Keys::Span(1, 2, 1), keep)
        .sources(Sources::Others)
        .of("sorted-set")
        .since("6.2.0")
        .does("Keeps the members within a range at another key"),
    Command::writes("zremrangebyrank", 4, ONE, |space, arguments, replies| {
        remove(space, arguments, replies, By::Rank)
    })
    .of("sorted-set")
    .since("2.0.0")
    .does("Takes out the members within a range of ranks"),
    Command::writes("zremrangebyscore", 4, ONE, |space, arguments, replies| {
        remove(space, arguments, replies, By::Score)
    })
    .of("sorted-set")
    .since("1.2.0")
    .does("Takes out the members within a range of scores"),
    Command::writes("zremrangebylex", 4, ONE, |space, arguments, replies| {
        remove(space, arguments, replies, By::Name)
    })
    .of("sorted-set")
    .since("2.8.9")
    .does("Takes out the members within a range of names"),
];

/// What a range is a range of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Name,
}

impl By {
    fn limits<'a>(
        self,
        arguments: Arguments<'a>,
        min: usize,
        max: usize,
    ) -> Result<Limits<'a>, Wrong> {
        match self {
            Self::Rank => Ok(Limits::Ranks(arguments.integer(min)?, arguments.integer(max)?)),
            Self::Score => Limits::scores(arguments.at(min), arguments.at(max)),
            Self::Name => Limits::names(arguments.at(min), arguments.at(max)),
        }
    }
}

/// The members that are asked for.
struct Asked<'a> {
    limits: Limits<'a>,
    back: bool,
    scores: Scores,
    offset: i64,
    /// How many at most; all if negative.
    limit: i64,
}

impl<'a> Asked<'a> {
    /// Reads what follows the key at `key`; what is not yet said may be said.
    fn read(
        arguments: Arguments<'a>,
        key: usize,
        mut by: Option<By>,
        mut back: Option<bool>,
    ) -> Result<Self, Wrong> {
        let (mut scores, mut offset, mut limit) = (Scores::Hidden, 0, -1);
        let mut at = key + 3;
        while at < arguments.len() {
            if key == 1 && arguments.is(at, "withscores") {
                scores = Scores::Shown;
            } else if arguments.is(at, "limit") && at + 2 < arguments.len() {
                (offset, limit) = (arguments.integer(at + 1)?, arguments.integer(at + 2)?);
                at += 2;
            } else if back.is_none() && arguments.is(at, "rev") {
                back = Some(true);
            } else if by.is_none() && arguments.is(at, "bylex") {
                by = Some(By::Name);
            } else if by.is_none() && arguments.is(at, "byscore") {
                by = Some(By::Score);
            } else {
                return Err(Wrong::SYNTAX);
            }
            at += 1;
        }
        let (by, back) = (by.unwrap_or(By::Rank), back.unwrap_or(false));
        if limit != -1 && by == By::Rank {
            return Err(Wrong::said(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if scores == Scores::Shown && by == By::Name {
            let text = "ERR syntax error, WITHSCORES not supported in combination with BYLEX";
            return Err(Wrong::said(text));
        }
        let swapped = back && by != By::Rank;
        let (min, max) = if swapped { (key + 2, key + 1) } else { (key + 1, key + 2) };
        let limits = by.limits(arguments, min, max)?;
        // Ranks know no offset.
        let offset = if by == By::Rank { 0 } else { offset };
        Ok(Self { limits, back, scores, offset, limit })
    }

    fn ranks(&self, sorted: &Sorted) -> Range<usize> {
        let Range { start, end } = self.limits.ranks(sorted, self.back);
        let Ok(offset) = usize::try_from(self.offset) else { return 0..0 };
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        match self.back {
            true => {
                let end = end.saturating_sub(offset).max(start);
                end.saturating_sub(limit).max(start)..end
            }
            false => {
                let start = start.saturating_add(offset).min(end);
                start..start.saturating_add(limit).min(end)
            }
        }
    }
}

fn show(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
    by: Option<By>,
    back: Option<bool>,
) -> Done {
    let asked = Asked::read(arguments, 1, by, back)?;
    space.read(arguments.at(1), |seen| {
        let Some(sorted) = sorted(seen)? else {
            replies.array(0);
            return Ok(());
        };
        let ranks = asked.ranks(sorted);
        list(replies, ranks.len(), asked.scores);
        if asked.back {
            sorted.range_back(ranks).for_each(|scored| put(replies, scored, asked.scores));
        } else {
            sorted.range(ranks).for_each(|scored| put(replies, scored, asked.scores));
        }
        Ok(())
    })
}

fn keep(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let asked = Asked::read(arguments, 2, None, None)?;
    let members = space.read(arguments.at(2), |seen| {
        let sorted = sorted(seen)?;
        Ok::<Sorted, Wrong>(
            sorted
                .map_or_else(Sorted::default, |sorted| sorted.range(asked.ranks(sorted)).collect()),
        )
    })?;
    replies.integer(store(space, arguments.at(1), members) as i64);
    Ok(())
}

fn remove(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies, by: By) -> Done {
    let limits = by.limits(arguments, 2, 3)?;
    let gone = space.change(arguments.at(1), |slot| {
        let Some(sorted) = slot.shape::<Sorted>()? else { return Ok::<_, Wrong>(0) };
        let gone = remove_range(sorted, limits.ranks(sorted, false));
        *slot.changed |= gone > 0;
        Ok(gone)
    })?;
    replies.integer(gone as i64);
    Ok(())
}

/// Takes out the members so many stand before; how many they are.
pub(super) fn remove_range(sorted: &mut Sorted, ranks: Range<usize>) -> usize {
    if ranks.len() == sorted.len() {
        *sorted = Sorted::default();
        return ranks.len();
    }
    let gone: Vec<Box<[u8]>> = sorted.range(ranks).map(|(member, _)| member.into()).collect();
    for member in &gone {
        sorted.remove(member);
    }
    gone.len()
}
