//! All members in steps, and some of them by chance.

use std::collections::HashSet;

use values::{Sorted, Space, SpaceExt, glob, number};

use super::{Scores, held, list, put, sorted};
use crate::command::{Arguments, Command, Done, ONE, Wrong};
use crate::reply::Replies;

pub(in crate::command) static COMMANDS: &[Command] = &[
    Command::reads("zscan", -3, ONE, scan)
        .of("sorted-set")
        .since("2.8.0")
        .does("Shows the members of a sorted set in steps"),
    Command::reads("zrandmember", -2, ONE, draw)
        .of("sorted-set")
        .since("6.2.0")
        .does("Shows members by chance"),
];

/// A sorted set with so many members is shown in one step, in order.
const SMALL: usize = 128;

/// How many members may be drawn where each may be drawn more than once.
const DRAWN_MAX: u64 = 1 << 22;

const OUT_OF_RANGE: Wrong = Wrong::said("ERR value is out of range");

/// Where to go on, as C reads it: nothing is zero, and a minus counts from the other end.
fn cursor(text: &[u8]) -> Result<u64, Wrong> {
    let (negative, digits) = match text {
        [] => return Ok(0),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let whole = digits.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(digits).ok().filter(|_| whole);
    let number: Option<u64> = number.and_then(|digits| digits.parse().ok());
    let number = number.ok_or(Wrong::said("ERR invalid cursor"))?;
    Ok(if negative { number.wrapping_neg() } else { number })
}

fn scan(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let from = cursor(arguments.at(2))?;
    space.read(arguments.at(1), |seen| {
        let nothing = Sorted::default();
        let found = sorted(seen)?;
        // Of what follows nothing is looked at where there is nothing to be found.
        let (hint, pattern) = if found.is_some() { terms(arguments)? } else { (1, &b"*"[..]) };
        let (sorted, mut shown) = (found.unwrap_or(&nothing), Vec::new());
        let mut left = 0;
        if sorted.len() <= SMALL {
            shown.extend(sorted.iter());
        } else {
            // From the last place to the first: only what was at the last one moves to
            // another when something goes, so that nothing is passed over.
            let top = if from == 0 {
                sorted.len()
            } else {
                sorted.len().min(usize::try_from(from).unwrap_or(usize::MAX))
            };
            left = top.saturating_sub(hint);
            shown.extend((left..top).rev().filter_map(|place| sorted.at_place(place)));
        }
        shown.retain(|(member, _)| glob::matches(pattern, member));
        replies.array(2);
        replies.bulk(left.to_string().as_bytes());
        replies.array(shown.len() * 2);
        for (member, score) in shown {
            replies.bulk(member);
            replies.bulk(written(score, sorted.len() <= SMALL).as_bytes());
        }
        Ok(())
    })
}

/// A score as a scan shows it. Whole ones are written out in what is small.
fn written(score: f64, small: bool) -> String {
    const WHOLE: f64 = (1u64 << 62) as f64;
    match small && score.abs() < WHOLE && score.fract() == 0.0 {
        true => (score as i64).to_string(),
        false => number::written(score),
    }
}

/// How many members to show, about, and how they are to look.
fn terms(arguments: Arguments<'_>) -> Result<(usize, &[u8]), Wrong> {
    let (mut hint, mut pattern) = (10, &b"*"[..]);
    for at in (3..arguments.len()).step_by(2) {
        let value = arguments.get(at + 1).ok_or(Wrong::SYNTAX)?;
        if arguments.is(at, "count") {
            hint = match arguments.integer(at + 1)? {
                ..1 => return Err(Wrong::SYNTAX),
                hint => usize::try_from(hint).unwrap_or(usize::MAX),
            };
        } else if arguments.is(at, "match") {
            pattern = value;
        } else {
            return Err(Wrong::SYNTAX);
        }
    }
    Ok((hint, pattern))
}

fn draw(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let many = (arguments.len() > 2).then(|| wanted(arguments)).transpose()?;
    let value = held(space, arguments.at(1));
    let sorted = value.as_ref().map(|value| value.shape::<Sorted>().ok_or(Wrong::TYPE));
    let sorted = sorted.transpose()?.filter(|sorted| !sorted.is_empty());
    let drawn = |length: usize| (space.random() % length.max(1) as u64) as usize;
    match (sorted, many) {
        (None, None) => replies.null(),
        (None, Some(_)) => replies.array(0),
        (Some(sorted), None) => {
            let scored = sorted.at_place(drawn(sorted.len())).unwrap_or_default();
            put(replies, scored, Scores::Hidden);
        }
        (Some(sorted), Some((count, scores))) => {
            let places = places(sorted.len(), count, drawn)?;
            list(replies, places.len(), scores);
            for place in places {
                put(replies, sorted.at_place(place).unwrap_or_default(), scores);
            }
        }
    }
    Ok(())
}

fn wanted(arguments: Arguments<'_>) -> Result<(i64, Scores), Wrong> {
    let count = arguments.integer(2)?;
    if count == i64::MIN {
        return Err(Wrong::said(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    match arguments.len() {
        3 => Ok((count, Scores::Hidden)),
        4 if !arguments.is(3, "withscores") => Err(Wrong::SYNTAX),
        4 if count.unsigned_abs() > i64::MAX as u64 / 2 => Err(OUT_OF_RANGE),
        4 => Ok((count, Scores::Shown)),
        _ => Err(Wrong::SYNTAX),
    }
}

/// Places drawn by chance, each once, or more than once if `count` is negative.
fn places(length: usize, count: i64, drawn: impl Fn(usize) -> usize) -> Result<Vec<usize>, Wrong> {
    let wanted = count.unsigned_abs();
    if count < 0 {
        if wanted > DRAWN_MAX {
            return Err(OUT_OF_RANGE);
        }
        return Ok((0..wanted).map(|_| drawn(length)).collect());
    }
    if wanted >= length as u64 {
        return Ok((0..length).collect());
    }
    // Every choice of so many is as likely, and nothing is drawn twice.
    let mut chosen = HashSet::new();
    for last in length - wanted as usize..length {
        let place = drawn(last + 1);
        if !chosen.insert(place) {
            chosen.insert(last);
        }
    }
    Ok(chosen.into_iter().collect())
}
