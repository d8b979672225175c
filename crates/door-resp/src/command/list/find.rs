//! Where parts of a list are.

use values::{List, Space, SpaceExt};

use crate::command::{Arguments, Done, Wrong};
use crate::reply::Replies;

/// What is looked for, and how far.
struct Search<'a> {
    part: &'a [u8],
    /// From which of those that equal it on.
    skipped: usize,
    backwards: bool,
    /// How many to find; one, without a list around it, if not said.
    most: Option<usize>,
    /// How many to look at.
    looked: usize,
}

const NO_RANK: Wrong = Wrong::said(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second \
     ... or use negative to start from the end of the list",
);
fn positive(arguments: Arguments<'_>, at: usize, wrong: Wrong) -> Result<usize, Wrong> {
    let number = arguments.integer(at).ok().and_then(|number| usize::try_from(number).ok());
    number.ok_or(wrong)
}

impl<'a> Search<'a> {
    fn parse(arguments: Arguments<'a>) -> Result<Self, Wrong> {
        let (part, looked) = (arguments.at(2), usize::MAX);
        let mut search = Self { part, skipped: 0, backwards: false, most: None, looked };
        for at in (3..arguments.len()).step_by(2) {
            let more = at + 1 < arguments.len();
            if more && arguments.is(at, "rank") {
                let rank = arguments.integer(at + 1)?;
                // The lowest number has no counterpart, and Redis takes it for the last match.
                let nth = usize::try_from(rank.checked_abs().unwrap_or(1)).unwrap_or(usize::MAX);
                search.skipped = nth.checked_sub(1).ok_or(NO_RANK)?;
                search.backwards = rank < 0;
            } else if more && arguments.is(at, "count") {
                let wrong = Wrong::said("ERR COUNT can't be negative");
                search.most = Some(positive(arguments, at + 1, wrong)?);
            } else if more && arguments.is(at, "maxlen") {
                let wrong = Wrong::said("ERR MAXLEN can't be negative");
                search.looked = positive(arguments, at + 1, wrong)?;
            } else {
                return Err(Wrong::SYNTAX);
            }
        }
        Ok(search)
    }

    fn found(&self, list: &List) -> Vec<usize> {
        let all = |count: usize| if count == 0 { usize::MAX } else { count };
        let (looked, most) = (all(self.looked), all(self.most.unwrap_or(1)));
        let is = |place: &usize| list.get(*place) == Some(self.part);
        let places = 0..list.len();
        match self.backwards {
            false => places.take(looked).filter(is).skip(self.skipped).take(most).collect(),
            true => places.rev().take(looked).filter(is).skip(self.skipped).take(most).collect(),
        }
    }
}

pub(super) fn positions(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
) -> Done {
    let search = Search::parse(arguments)?;
    let found = space.read(arguments.at(1), |seen| {
        let list = seen.map(|seen| seen.shape::<List>()).transpose()?;
        Ok::<_, Wrong>(list.map_or_else(Vec::new, |list| search.found(list)))
    })?;
    if search.most.is_some() {
        replies.array(found.len());
        found.iter().for_each(|place| replies.integer(*place as i64));
    } else {
        match found.first() {
            Some(place) => replies.integer(*place as i64),
            None => replies.null(),
        }
    }
    Ok(())
}
