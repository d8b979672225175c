//! Sorted sets made of others.

mod source;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::fast::RandomState;
use values::{Scored, Space, Value, number};

use super::{Scores, held, list, put, store};
use crate::command::{Arguments, Command, Done, Keys, Wrong};
use crate::reply::Replies;
use source::Source;

pub(in crate::command) static COMMANDS: &[Command] = &[
    shows("zunion", |space, arguments, replies| show(space, arguments, replies, Of::Any, "zunion"))
        .does("Shows the members of any of some sorted sets"),
    shows("zinter", |space, arguments, replies| show(space, arguments, replies, Of::All, "zinter"))
        .does("Shows the members of all of some sorted sets"),
    shows("zdiff", |space, arguments, replies| show(space, arguments, replies, Of::First, "zdiff"))
        .does("Shows the members of a sorted set that others do not have"),
    keeps("zunionstore", |space, arguments, replies| {
        keep(space, arguments, replies, Of::Any, "zunionstore")
    })
    .since("2.0.0")
    .does("Keeps the members of any of some sorted sets"),
    keeps("zinterstore", |space, arguments, replies| {
        keep(space, arguments, replies, Of::All, "zinterstore")
    })
    .since("2.0.0")
    .does("Keeps the members of all of some sorted sets"),
    keeps("zdiffstore", |space, arguments, replies| {
        keep(space, arguments, replies, Of::First, "zdiffstore")
    })
    .since("6.2.0")
    .does("Keeps the members of a sorted set that others do not have"),
    Command::reads("zintercard", -3, Keys::Counted(1), count)
        .of("sorted-set")
        .since("7.0.0")
        .does("Counts the members of all of some sorted sets"),
];

const fn shows(name: &'static str, run: crate::command::Working) -> Command {
    Command::reads(name, -3, Keys::Counted(1), run).of("sorted-set").since("6.2.0")
}

const fn keeps(name: &'static str, run: crate::command::Working) -> Command {
    Command::writes(name, -4, Keys::FirstAndCounted(2), run)
        .sources(crate::command::Sources::Others)
        .of("sorted-set")
}

/// Which members are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Any,
    All,
    /// Those of the first that no other has.
    First,
}

/// What becomes of the scores of a member that is there more than once.
#[derive(Debug, Clone, Copy)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn of(self, one: f64, other: f64) -> f64 {
        match self {
            Self::Sum => not_nan(one + other),
            Self::Min if other < one => other,
            Self::Max if other > one => other,
            Self::Min | Self::Max => one,
        }
    }
}

/// Infinities that cancel each other out, or are not counted, are nothing.
fn not_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// What is combined and how.
struct Combined {
    held: Vec<Option<Value>>,
    weights: Vec<f64>,
    aggregate: Aggregate,
    scores: Scores,
}

type Weighted<'a> = (Source<'a>, f64);

impl Combined {
    /// Reads from where it is said how many keys there are, up to what is said of them, and
    /// where that begins.
    fn keys(
        space: &dyn Space,
        arguments: Arguments<'_>,
        at: usize,
        name: &str,
    ) -> Result<(Self, usize), Wrong> {
        let count = arguments.integer(at)?;
        if count < 1 {
            let text = format!("ERR at least 1 input key is needed for '{name}' command");
            return Err(text.into());
        }
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > arguments.len() - (at + 1) {
            return Err(Wrong::SYNTAX);
        }
        let held: Vec<_> = arguments.from(at + 1).take(count).map(|key| held(space, key)).collect();
        for value in &held {
            Source::of(value.as_ref())?;
        }
        let (weights, aggregate) = (vec![1.0; count], Aggregate::Sum);
        Ok((Self { held, weights, aggregate, scores: Scores::Hidden }, at + 1 + count))
    }

    fn read(
        space: &dyn Space,
        arguments: Arguments<'_>,
        first: usize,
        of: Of,
        name: &str,
    ) -> Result<Self, Wrong> {
        let (mut combined, mut at) = Self::keys(space, arguments, first, name)?;
        let (length, count) = (arguments.len(), combined.held.len());
        while at < length {
            if of != Of::First && arguments.is(at, "weights") && length - at > count {
                for (weight, at) in combined.weights.iter_mut().zip(at + 1..) {
                    let wrong = Wrong::said("ERR weight value is not a float");
                    *weight = number::float(arguments.at(at)).ok_or(wrong)?;
                }
                at += 1 + count;
            } else if of != Of::First && arguments.is(at, "aggregate") && length - at >= 2 {
                combined.aggregate = match () {
                    () if arguments.is(at + 1, "sum") => Aggregate::Sum,
                    () if arguments.is(at + 1, "min") => Aggregate::Min,
                    () if arguments.is(at + 1, "max") => Aggregate::Max,
                    () => return Err(Wrong::SYNTAX),
                };
                at += 2;
            } else if first == 1 && arguments.is(at, "withscores") {
                combined.scores = Scores::Shown;
                at += 1;
            } else {
                return Err(Wrong::SYNTAX);
            }
        }
        Ok(combined)
    }

    fn sources(&self) -> Result<Vec<Weighted<'_>>, Wrong> {
        let sources = self.held.iter().map(|value| Source::of(value.as_ref()));
        sources.zip(&self.weights).map(|(source, weight)| Ok((source?, *weight))).collect()
    }

    /// The members, in order.
    fn members(&self, of: Of) -> Result<Vec<Scored<'_>>, Wrong> {
        let mut sources = self.sources()?;
        let mut members = match of {
            Of::First => first_only(&sources),
            Of::Any => {
                sources.sort_by_key(|(source, _)| source.len());
                any(&sources, self.aggregate)
            }
            Of::All => {
                sources.sort_by_key(|(source, _)| source.len());
                all(&sources, self.aggregate).collect()
            }
        };
        members.sort_unstable_by(|one, other| {
            // Zeros of both signs are the same, and nothing is not a number.
            let scores = one.1.partial_cmp(&other.1).unwrap_or(std::cmp::Ordering::Equal);
            scores.then_with(|| one.0.cmp(other.0))
        });
        Ok(members)
    }
}

fn first_only<'a>(sources: &[Weighted<'a>]) -> Vec<Scored<'a>> {
    let Some(((first, _), others)) = sources.split_first() else { return Vec::new() };
    let alone =
        |(member, _): &Scored<'_>| others.iter().all(|(other, _)| other.score(member).is_none());
    first.iter().filter(alone).collect()
}

fn any<'a>(sources: &[Weighted<'a>], aggregate: Aggregate) -> Vec<Scored<'a>> {
    let mut found: HashMap<&[u8], f64, RandomState> = HashMap::default();
    for (source, weight) in sources {
        for (member, score) in source.iter() {
            let score = not_nan(score * weight);
            match found.entry(member) {
                Entry::Vacant(entry) => {
                    entry.insert(score);
                }
                Entry::Occupied(mut entry) => {
                    let sum = aggregate.of(*entry.get(), score);
                    entry.insert(sum);
                }
            }
        }
    }
    found.into_iter().collect()
}

/// The sources come with the smallest first.
fn all<'a>(sources: &[Weighted<'a>], aggregate: Aggregate) -> impl Iterator<Item = Scored<'a>> {
    let (first, others) = sources.split_at(sources.len().min(1));
    let first = first.iter().flat_map(|(source, weight)| {
        source.iter().map(move |(member, score)| (member, not_nan(score * weight)))
    });
    first.filter_map(move |(member, score)| {
        let mut score = score;
        for (other, weight) in others {
            score = aggregate.of(score, other.score(member)? * weight);
        }
        Some((member, score))
    })
}

fn show(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
    of: Of,
    name: &str,
) -> Done {
    let combined = Combined::read(space, arguments, 1, of, name)?;
    let members = combined.members(of)?;
    list(replies, members.len(), combined.scores);
    for scored in members {
        put(replies, scored, combined.scores);
    }
    Ok(())
}

fn keep(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
    of: Of,
    name: &str,
) -> Done {
    let combined = Combined::read(space, arguments, 2, of, name)?;
    let members = combined.members(of)?.into_iter().collect();
    replies.integer(store(space, arguments.at(1), members) as i64);
    Ok(())
}

fn count(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let (combined, mut at) = Combined::keys(space, arguments, 1, "zintercard")?;
    let mut limit = 0;
    while at < arguments.len() {
        if !arguments.is(at, "limit") || at + 1 >= arguments.len() {
            return Err(Wrong::SYNTAX);
        }
        let wrong = Wrong::said("ERR LIMIT can't be negative");
        let said = number::integer(arguments.at(at + 1));
        limit = said.and_then(|said| usize::try_from(said).ok()).ok_or(wrong)?;
        at += 2;
    }
    let mut sources = combined.sources()?;
    sources.sort_by_key(|(source, _)| source.len());
    let limit = if limit == 0 { usize::MAX } else { limit };
    replies.integer(all(&sources, Aggregate::Sum).take(limit).count() as i64);
    Ok(())
}
