//! Several sets at once.

use std::collections::HashSet;

use values::{Set, Space, SpaceExt, Value};

use super::{Arguments, Done, Wrong, put};
use crate::reply::Replies;

/// What several sets have in common, and in what they differ.
type Combining = fn(&[Option<Value>]) -> Set;

/// What keys hold; an error, if one of them holds something else. But for the first, which
/// is not like the others, a key is looked at once however often it is named, so that the
/// work is bounded by what is there.
fn sets<'a>(
    space: &dyn Space,
    keys: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<Option<Value>>, Wrong> {
    let mut seen = HashSet::<&[u8], foldhash::fast::RandomState>::default();
    let once = keys.enumerate().filter(|(at, key)| *at == 0 || seen.insert(key));
    once.map(|(_, key)| {
        space.read(key, |seen| {
            let checked = seen.map(|seen| seen.shape::<Set>().map(|_| seen.value.clone()));
            Ok(checked.transpose()?)
        })
    })
    .collect()
}

fn set(value: &Option<Value>) -> Option<&Set> {
    value.as_ref().and_then(Value::shape::<Set>)
}

/// Shows what is in all sets, until there are as many as asked for.
fn in_all<'a>(values: &'a [Option<Value>], most: usize, mut each: impl FnMut(&'a [u8])) {
    let mut sets: Vec<&Set> = values.iter().filter_map(set).collect();
    if sets.len() < values.len() {
        return;
    }
    sets.sort_by_key(|set| set.len());
    let Some((least, others)) = sets.split_first() else { return };
    let common = |part: &&[u8]| others.iter().all(|other| other.contains(part));
    least.iter().filter(common).take(most).for_each(&mut each);
}

fn all_have(values: &[Option<Value>]) -> Set {
    let mut common = Set::default();
    in_all(values, usize::MAX, |part| {
        common.insert(part);
    });
    common
}

fn any_has(values: &[Option<Value>]) -> Set {
    values.iter().filter_map(set).flat_map(Set::iter).collect()
}

/// Either looks at what the first has, or at what the others have, whichever is less.
fn first_has(values: &[Option<Value>]) -> Set {
    let Some((first, others)) = values.split_first() else { return Set::default() };
    let Some(first) = set(first) else { return Set::default() };
    let others: Vec<&Set> = others.iter().filter_map(set).collect();
    let theirs = others.iter().map(|other| other.len()).sum::<usize>();
    if first.len().saturating_mul(others.len()) <= theirs.saturating_add(first.len()) {
        let own = |part: &&[u8]| !others.iter().any(|other| other.contains(part));
        return first.iter().filter(own).collect();
    }
    let mut rest = first.clone();
    for part in others.iter().flat_map(|other| other.iter()) {
        rest.remove(part);
    }
    rest
}

fn show(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
    combine: Combining,
) -> Done {
    let combined = combine(&sets(space, arguments.from(1))?);
    replies.set(combined.len());
    combined.iter().for_each(|part| replies.bulk(part));
    Ok(())
}

fn keep(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
    combine: Combining,
) -> Done {
    let combined = combine(&sets(space, arguments.from(2))?);
    replies.integer(combined.len() as i64);
    space.change(arguments.at(1), |slot| put(slot, combined));
    Ok(())
}

pub(super) fn common(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    show(space, arguments, replies, all_have)
}

pub(super) fn any(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    show(space, arguments, replies, any_has)
}

pub(super) fn rest(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    show(space, arguments, replies, first_has)
}

pub(super) fn keep_common(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
) -> Done {
    keep(space, arguments, replies, all_have)
}

pub(super) fn keep_any(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    keep(space, arguments, replies, any_has)
}

pub(super) fn keep_rest(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
) -> Done {
    keep(space, arguments, replies, first_has)
}

pub(super) fn count_common(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
) -> Done {
    let positive = |at: usize| {
        let number = arguments.integer(at).ok();
        number.and_then(|number| usize::try_from(number).ok())
    };
    let keys = positive(1).filter(|keys| *keys > 0);
    let keys = keys.ok_or(Wrong::said("ERR numkeys should be greater than 0"))?;
    if keys > arguments.len() - 2 {
        return Err(Wrong::said("ERR Number of keys can't be greater than number of args"));
    }
    let mut most = 0;
    for at in (keys + 2..arguments.len()).step_by(2) {
        if !arguments.is(at, "limit") || at + 1 >= arguments.len() {
            return Err(Wrong::SYNTAX);
        }
        most = positive(at + 1).ok_or(Wrong::said("ERR LIMIT can't be negative"))?;
    }
    let sets = sets(space, arguments.from(2).take(keys))?;
    let mut count = 0;
    in_all(&sets, if most == 0 { usize::MAX } else { most }, |_| count += 1);
    replies.integer(count);
    Ok(())
}
