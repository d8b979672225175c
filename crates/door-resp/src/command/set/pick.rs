//! Parts at random.

use std::collections::HashMap;

use values::{Set, Space, SpaceExt};

use super::{Arguments, Done, Wrong, look};
use crate::reply::Replies;

/// A client may ask for any number of parts with repetitions, which may be more than there
/// is memory to say: no more than so many are shown at once.
const PICKS_MAX: u64 = 1 << 22;

/// Nor do they take more than so many bytes.
const BYTES_MAX: usize = 512 << 20;

/// Numbers that follow from one nobody could have guessed. A space must not be asked while
/// it shows something.
pub(in crate::command) struct Draws(u64);

impl Draws {
    pub(in crate::command) fn new(space: &dyn Space) -> Self {
        Self(space.random())
    }

    /// A number below `bound`, or 0.
    pub(in crate::command) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut drawn = self.0;
        drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        drawn ^= drawn >> 31;
        ((u128::from(drawn) * bound as u128) >> 64) as usize
    }

    /// So many different numbers below `bound`, in no order; all of them in order, if there
    /// are no more. Costs what is asked for.
    fn different(&mut self, bound: usize, count: usize) -> Vec<usize> {
        if count >= bound {
            return (0..bound).collect();
        }
        // Cards dealt from a deck of which only those are written down that are not where
        // they were.
        let mut moved = HashMap::<usize, usize, foldhash::fast::RandomState>::default();
        let deal = |dealt: usize| {
            let at = dealt + self.below(bound - dealt);
            let card = moved.get(&at).copied().unwrap_or(at);
            let top = moved.get(&dealt).copied().unwrap_or(dealt);
            moved.insert(at, top);
            card
        };
        (0..count).map(deal).collect()
    }
}

/// How many parts are asked for.
pub(in crate::command) enum Count {
    /// So many different ones.
    Different(usize),
    /// So many, each one again from all of them.
    Any(usize),
}

impl Count {
    /// The one at `index`.
    pub(in crate::command) fn parse(arguments: Arguments<'_>, index: usize) -> Result<Self, Wrong> {
        let count = arguments.integer(index)?;
        let number = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        match count {
            i64::MIN => Err(Wrong::said(
                "ERR value is out of range, value must between \
                 -9223372036854775807 and 9223372036854775807",
            )),
            0.. => Ok(Self::Different(number)),
            _ if count.unsigned_abs() > PICKS_MAX => Err(Wrong::said("ERR value is out of range")),
            _ => Ok(Self::Any(number)),
        }
    }

    /// That what is picked is not too long to be shown: what is shown once is not, however
    /// long it is.
    pub(in crate::command) fn check(&self, lengths: impl Iterator<Item = usize>) -> Done {
        match self {
            Self::Any(_) if lengths.sum::<usize>() > BYTES_MAX => {
                Err(Wrong::said("ERR value is out of range"))
            }
            _ => Ok(()),
        }
    }

    /// The places of what is picked from so many parts.
    pub(in crate::command) fn places(&self, draws: &mut Draws, length: usize) -> Vec<usize> {
        match self {
            Self::Different(count) => draws.different(length, *count),
            Self::Any(_) if length == 0 => Vec::new(),
            Self::Any(count) => (0..*count).map(|_| draws.below(length)).collect(),
        }
    }
}

pub(super) fn show(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    if arguments.len() > 3 {
        return Err(Wrong::SYNTAX);
    }
    let mut draws = Draws::new(space);
    let count = arguments.get(2).map(|_| Count::parse(arguments, 2)).transpose()?;
    look(space, arguments.at(1), |set| {
        let Some(count) = count else {
            match set.at(draws.below(set.len())) {
                Some(part) => replies.bulk(part),
                None => replies.null(),
            }
            return Ok(());
        };
        let places = count.places(&mut draws, set.len());
        let parts = places.iter().filter_map(|place| set.at(*place));
        count.check(parts.clone().map(<[u8]>::len))?;
        replies.array(places.len());
        parts.for_each(|part| replies.bulk(part));
        Ok(())
    })?
}

pub(super) fn pop(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    if arguments.len() > 3 {
        return Err(Wrong::SYNTAX);
    }
    let wrong = || Wrong::said("ERR value is out of range, must be positive");
    let count = arguments.get(2).map(|_| {
        let count = arguments.integer(2).ok();
        count.and_then(|count| usize::try_from(count).ok()).ok_or_else(wrong)
    });
    let count = count.transpose()?;
    let mut draws = Draws::new(space);
    space.change(arguments.at(1), |slot| {
        let mut none = Set::default();
        let set = slot.shape::<Set>()?.unwrap_or(&mut none);
        let taken = count.unwrap_or(1).min(set.len());
        match count {
            Some(_) => replies.set(taken),
            None if taken == 0 => replies.null(),
            None => {}
        }
        for _ in 0..taken {
            if let Some(part) = set.take(draws.below(set.len())) {
                replies.bulk(&part);
            }
        }
        *slot.changed |= taken > 0;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use values::Plain;

    use super::*;

    #[test]
    fn what_is_picked_is_different_and_as_much_as_asked_for() {
        let mut draws = Draws::new(&Plain::default());
        for (bound, count) in [(0, 0), (0, 5), (1, 1), (10, 3), (10, 9), (10, 10), (10, 99)] {
            let picked = draws.different(bound, count);
            assert_eq!(picked.len(), bound.min(count));
            assert!(picked.iter().all(|number| *number < bound));
            assert_eq!(picked.iter().collect::<BTreeSet<_>>().len(), picked.len());
        }
    }

    #[test]
    fn everything_is_picked_about_as_often() {
        let mut draws = Draws::new(&Plain::default());
        let mut counts = [0u32; 10];
        for _ in 0..10_000 {
            draws.different(10, 3).iter().for_each(|number| counts[*number] += 1);
        }
        assert!(counts.iter().all(|count| (2700..3300).contains(count)), "{counts:?}");
    }
}
