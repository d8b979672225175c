//! Fields at random.

use values::{Hash, Space};

use super::{Arguments, Done, Wrong, look};
use crate::command::set::pick::{Count, Draws};
use crate::reply::Replies;

/// So many fields are asked for at most where what they hold is shown too.
const PAIRS_MAX: u64 = i64::MAX as u64 / 2;

/// The fields one may pick from: all places, or those that have not ended.
enum Living {
    All(usize),
    Some(Vec<usize>),
}

impl Living {
    fn of(hash: &Hash, now: u64) -> Self {
        let (all, living) = (hash.places(), hash.len(now));
        if all == living {
            return Self::All(all);
        }
        Self::Some((0..all).filter(|place| hash.at(*place, now).is_some()).collect())
    }

    fn len(&self) -> usize {
        match self {
            Self::All(count) => *count,
            Self::Some(places) => places.len(),
        }
    }

    fn at(&self, index: usize) -> usize {
        match self {
            Self::All(_) => index,
            Self::Some(places) => places.get(index).copied().unwrap_or(usize::MAX),
        }
    }
}

pub(super) fn show(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let mut draws = Draws::new(space);
    if arguments.len() < 3 {
        return look(space, arguments.at(1), |hash, now| {
            let living = Living::of(hash, now);
            let picked = hash.at(living.at(draws.below(living.len())), now);
            super::write(replies, picked.map(|(name, _)| name));
        });
    }
    let count = Count::parse(arguments, 2)?;
    let pairs = arguments.is(3, "withvalues");
    if arguments.len() > 4 || arguments.len() == 4 && !pairs {
        return Err(Wrong::SYNTAX);
    }
    if pairs && arguments.integer(2)?.unsigned_abs() > PAIRS_MAX {
        return Err(Wrong::said("ERR value is out of range"));
    }
    look(space, arguments.at(1), |hash, now| {
        let living = Living::of(hash, now);
        let places = count.places(&mut draws, living.len());
        let fields = places.iter().filter_map(|index| hash.at(living.at(*index), now));
        count.check(fields.clone().map(|(name, value)| name.len() + value.len()))?;
        // Only where it can be told from a flat list is each pair one of its own.
        replies.array(if pairs && !replies.resp3 { places.len() * 2 } else { places.len() });
        for (name, value) in fields {
            if pairs && replies.resp3 {
                replies.array(2);
            }
            replies.bulk(name);
            if pairs {
                replies.bulk(value);
            }
        }
        Ok(())
    })?
}
