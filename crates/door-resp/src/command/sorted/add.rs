//! Members that come, and scores that change.

use values::{Slot, Sorted, Space, SpaceExt};

use crate::command::{Arguments, Command, Done, ONE, Wrong};
use crate::reply::Replies;

pub(in crate::command) static COMMANDS: &[Command] = &[
    Command::writes("zadd", -4, ONE, |space, arguments, replies| {
        add(space, arguments, replies, Terms::default())
    })
    .fast()
    .of("sorted-set")
    .since("1.2.0")
    .does("Gives members of a sorted set scores"),
    Command::writes("zincrby", 4, ONE, |space, arguments, replies| {
        add(space, arguments, replies, Terms { sum: true, ..Terms::default() })
    })
    .fast()
    .of("sorted-set")
    .since("1.2.0")
    .does("Adds to the score of a member"),
];

const NOT_A_NUMBER: Wrong = Wrong::said("ERR resulting score is not a number (NaN)");

/// On what terms a score is given.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::command) struct Terms {
    /// Only to members that are not there.
    pub(in crate::command) new: bool,
    /// Only to members that are there.
    pub(in crate::command) old: bool,
    /// Only if it is greater.
    greater: bool,
    /// Only if it is less.
    less: bool,
    /// Whether changed scores are counted too.
    pub(in crate::command) changes: bool,
    /// Whether it is added to the score that is there.
    sum: bool,
}

impl Terms {
    fn read(mut self, arguments: Arguments<'_>) -> (Self, usize) {
        let mut at = 2;
        loop {
            let term = match arguments.get(at).map(<[u8]>::to_ascii_lowercase).as_deref() {
                Some(b"nx") => &mut self.new,
                Some(b"xx") => &mut self.old,
                Some(b"gt") => &mut self.greater,
                Some(b"lt") => &mut self.less,
                Some(b"ch") => &mut self.changes,
                Some(b"incr") => &mut self.sum,
                _ => return (self, at),
            };
            *term = true;
            at += 1;
        }
    }

    fn check(self, pairs: usize) -> Done {
        if self.new && self.old {
            return Err(Wrong::said("ERR XX and NX options at the same time are not compatible"));
        }
        if (self.greater || self.less) && self.new || self.greater && self.less {
            let text = "ERR GT, LT, and/or NX options at the same time are not compatible";
            return Err(Wrong::said(text));
        }
        if self.sum && pairs > 1 {
            let text = "ERR INCR option supports a single increment-element pair";
            return Err(Wrong::said(text));
        }
        Ok(())
    }
}

/// What became of a score that was to be given.
enum Given {
    Added(f64),
    Changed(f64),
    Same(f64),
    Refused,
}

fn give(sorted: &mut Sorted, member: &[u8], score: f64, terms: Terms) -> Result<Given, Wrong> {
    let Some(old) = sorted.score(member) else {
        if terms.old {
            return Ok(Given::Refused);
        }
        sorted.insert(member, score);
        return Ok(Given::Added(score));
    };
    if terms.new {
        return Ok(Given::Refused);
    }
    let score = if terms.sum { old + score } else { score };
    if score.is_nan() {
        return Err(NOT_A_NUMBER);
    }
    if (terms.less && score >= old) || (terms.greater && score <= old) {
        return Ok(Given::Refused);
    }
    // Zeros of both signs are the same.
    if score == old {
        return Ok(Given::Same(score));
    }
    sorted.insert(member, score);
    Ok(Given::Changed(score))
}

/// Gives members scores; how many came, how many changed, and the score of the last one, if
/// it was not refused.
pub(in crate::command) fn give_all<'a>(
    slot: &mut Slot<'_>,
    pairs: impl Iterator<Item = (&'a [u8], f64)>,
    terms: Terms,
) -> Result<(i64, i64, Option<f64>), Wrong> {
    if slot.value.is_none() && terms.old {
        return Ok((0, 0, None));
    }
    let (mut added, mut changed, mut last) = (0, 0, None);
    slot.shape_or_new::<Sorted>()?;
    for (member, score) in pairs {
        let sorted = slot.shape_or_new::<Sorted>()?;
        last = match give(sorted, member, score, terms)? {
            Given::Refused => None,
            Given::Same(score) => Some(score),
            Given::Added(score) => {
                added += 1;
                Some(score)
            }
            Given::Changed(score) => {
                changed += 1;
                Some(score)
            }
        };
        *slot.changed |= added + changed > 0;
    }
    Ok((added, changed, last))
}

fn add(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies, terms: Terms) -> Done {
    let (terms, first) = terms.read(arguments);
    let words = arguments.len() - first;
    if words == 0 || words % 2 == 1 {
        return Err(Wrong::SYNTAX);
    }
    terms.check(words / 2)?;
    let scores: Vec<f64> = (first..arguments.len())
        .step_by(2)
        .map(|at| arguments.float(at))
        .collect::<Result<_, _>>()?;
    let members = (first + 1..).step_by(2).map(|at| arguments.at(at));
    let given = space.change(arguments.at(1), |slot| give_all(slot, members.zip(scores), terms));
    let (added, changed, last) = given?;
    match (terms.sum, last) {
        (true, Some(score)) => replies.double(score),
        (true, None) => replies.null(),
        (false, _) => replies.integer(if terms.changes { added + changed } else { added }),
    }
    Ok(())
}
