//! From where to where in a sorted set.

use std::ops::Range;

use values::{Sorted, number};

use crate::command::Wrong;

const NO_FLOAT: Wrong = Wrong::said("ERR min or max is not a float");
const NO_NAME: Wrong = Wrong::said("ERR min or max not valid string range item");

/// A range of members.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limits<'a> {
    /// By how many stand before them, counted from the end if negative; both included.
    Ranks(i64, i64),
    /// By their scores.
    Scores(Edge, Edge),
    /// By their names, where all scores are the same.
    Names(Name<'a>, Name<'a>),
}

/// Where a range of scores begins or ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    score: f64,
    /// Whether the score itself is left out.
    open: bool,
}

/// Where a range of names begins or ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Name<'a> {
    Lowest,
    Highest,
    Open(&'a [u8]),
    Closed(&'a [u8]),
}

impl<'a> Limits<'a> {
    pub(super) fn scores(min: &[u8], max: &[u8]) -> Result<Self, Wrong> {
        Ok(Self::Scores(Edge::read(min)?, Edge::read(max)?))
    }

    pub(super) fn names(min: &'a [u8], max: &'a [u8]) -> Result<Self, Wrong> {
        Ok(Self::Names(Name::read(min)?, Name::read(max)?))
    }

    /// How many members stand before those within, and before those after them. Ranks are
    /// counted from the other side if `back`.
    pub(super) fn ranks(self, sorted: &Sorted, back: bool) -> Range<usize> {
        let length = sorted.len();
        let (start, end) = match self {
            Self::Ranks(start, stop) => {
                let ranks = within(start, stop, length);
                match back {
                    true => (length - ranks.end, length - ranks.start),
                    false => (ranks.start, ranks.end),
                }
            }
            Self::Scores(min, max) => (min.count(sorted, min.open), max.count(sorted, !max.open)),
            Self::Names(min, max) => (
                sorted.count_before(|(member, _)| min.is_after(member, true)),
                sorted.count_before(|(member, _)| max.is_after(member, false)),
            ),
        };
        start..end.max(start)
    }
}

fn within(start: i64, stop: i64, length: usize) -> Range<usize> {
    let place = |rank: i64| match rank {
        ..0 => (length as i64).saturating_add(rank),
        _ => rank,
    };
    let (start, stop) = (place(start).max(0), place(stop).min(length as i64 - 1));
    match start <= stop {
        true => start as usize..stop as usize + 1,
        false => 0..0,
    }
}

impl Edge {
    fn read(text: &[u8]) -> Result<Self, Wrong> {
        let (open, text) = match text.strip_prefix(b"(") {
            Some(text) => (true, text),
            None => (false, text),
        };
        Ok(Self { score: number::bound(text).ok_or(NO_FLOAT)?, open })
    }

    /// How many have a lower score, or the same one too.
    fn count(self, sorted: &Sorted, same_too: bool) -> usize {
        match same_too {
            true => sorted.count_up_to(self.score),
            false => sorted.count_below(self.score),
        }
    }
}

impl<'a> Name<'a> {
    fn read(text: &'a [u8]) -> Result<Self, Wrong> {
        match text {
            [b'-'] | [b'-', 0, ..] => Ok(Self::Lowest),
            [b'+'] | [b'+', 0, ..] => Ok(Self::Highest),
            [b'(', name @ ..] => Ok(Self::Open(name)),
            [b'[', name @ ..] => Ok(Self::Closed(name)),
            _ => Err(NO_NAME),
        }
    }

    /// Whether a member stands before this edge, which is the first of a range or the last.
    fn is_after(self, member: &[u8], first: bool) -> bool {
        match self {
            Self::Lowest => false,
            Self::Highest => true,
            Self::Open(name) => member < name || (first && member == name),
            Self::Closed(name) => member < name || (!first && member == name),
        }
    }
}
