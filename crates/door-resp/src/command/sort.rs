//! Sorting what a list or a set has, by itself or by what other keys hold.

mod options;
mod pattern;

use std::cmp::Ordering;

use values::number::float;
use values::{End, List, Set, Sorted, Space, SpaceExt, Value};

use super::{Arguments, Command, Done, Keys, ONE, Sources, Wrong};
use crate::reply::Replies;
use options::{By, Options};

/// Other keys than the first are looked at, and nobody may change them meanwhile.
pub(super) static COMMANDS: &[Command] = &[
    Command::writes("sort", -2, Keys::FirstAndAfter(&["store"]), sort)
        .sources(Sources::First)
        .of("generic")
        .does("Shows or keeps the parts of a value in order"),
    Command { alone: true, ..Command::reads("sort_ro", -2, ONE, sort_unkept) }
        .of("generic")
        .since("7.0.0")
        .does("Shows the parts of a value in order"),
];

fn sort(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    carry_out(space, arguments.at(1), &Options::parse(arguments, true)?, replies)
}

fn sort_unkept(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    carry_out(space, arguments.at(1), &Options::parse(arguments, false)?, replies)
}

/// The parts of what can be sorted, and whether they have an order of their own.
fn parts(value: &Value) -> Result<(Vec<&[u8]>, bool), Wrong> {
    if let Some(list) = value.shape::<List>() {
        return Ok((list.iter().map(AsRef::as_ref).collect(), true));
    }
    if let Some(set) = value.shape::<Set>() {
        return Ok((set.iter().collect(), false));
    }
    if let Some(sorted) = value.shape::<Sorted>() {
        return Ok((sorted.iter().map(|(member, _)| member).collect(), true));
    }
    Err(Wrong::TYPE)
}

fn carry_out(space: &dyn Space, key: &[u8], options: &Options<'_>, replies: &mut Replies) -> Done {
    // What is held stays as it is while other keys are looked at.
    let value = space.read(key, |seen| seen.map(|seen| seen.value.clone()));
    let (mut parts, ordered) = match &value {
        Some(value) => parts(value)?,
        None => (Vec::new(), true),
    };
    match &options.by {
        // What is kept must not depend on how a set is kept.
        By::Nothing if !ordered && options.store.is_some() => {
            by_text(space, &mut parts, &By::Itself, options.descending);
        }
        By::Nothing if ordered && options.descending => parts.reverse(),
        By::Nothing => {}
        by if options.alpha => by_text(space, &mut parts, by, options.descending),
        by => by_number(space, &mut parts, by, options.descending)?,
    }
    let parts = parts.get(options.limit(parts.len())).unwrap_or(&[]);
    match options.store {
        Some(key) => keep(space, key, parts, options, replies),
        None => show(space, parts, options, replies),
    }
    Ok(())
}

fn turned(order: Ordering, descending: bool) -> Ordering {
    if descending { order.reverse() } else { order }
}

fn by_text(space: &dyn Space, parts: &mut [&[u8]], by: &By<'_>, descending: bool) {
    let By::Pattern(pattern) = by else {
        return parts.sort_unstable_by(|one, other| turned(one.cmp(other), descending));
    };
    let mut weighed: Vec<_> = parts.iter().map(|part| (pattern.look(space, part), *part)).collect();
    weighed.sort_unstable_by(|one, other| turned(one.cmp(other), descending));
    parts.iter_mut().zip(weighed).for_each(|(part, (_, own))| *part = own);
}

fn by_number(space: &dyn Space, parts: &mut [&[u8]], by: &By<'_>, descending: bool) -> Done {
    let wrong = || Wrong::said("ERR One or more scores can't be converted into double");
    let weigh = |part: &&'_ [u8]| match by {
        By::Pattern(pattern) => pattern.look(space, part).map_or(Some(0.0), |text| number(&text)),
        By::Nothing | By::Itself => number(part),
    };
    let mut weighed = Vec::with_capacity(parts.len());
    for part in parts.iter() {
        weighed.push((weigh(part).ok_or_else(wrong)?, *part));
    }
    weighed.sort_unstable_by(|one, other| {
        // There is nothing among them that is no number; but no zero is less than another.
        let order = one.0.partial_cmp(&other.0).unwrap_or(Ordering::Equal);
        turned(order.then_with(|| one.1.cmp(other.1)), descending)
    });
    parts.iter_mut().zip(weighed).for_each(|(part, (_, own))| *part = own);
    Ok(())
}

/// A number as C reads it from the beginning of a text: what is empty is 0, space in front
/// does not matter, and a zero byte is the end.
fn number(text: &[u8]) -> Option<f64> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Some(0.0);
    }
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let from = text.iter().take_while(|byte| is_space(byte)).count();
    float(text.get(from..)?)
}

fn show(space: &dyn Space, parts: &[&[u8]], options: &Options<'_>, replies: &mut Replies) {
    if options.get.is_empty() {
        replies.array(parts.len());
        return parts.iter().for_each(|part| replies.bulk(part));
    }
    replies.array(parts.len() * options.get.len());
    for part in parts {
        for pattern in &options.get {
            match pattern.look(space, part) {
                Some(text) => replies.bulk(&text),
                None => replies.null(),
            }
        }
    }
}

fn keep(
    space: &dyn Space,
    key: &[u8],
    parts: &[&[u8]],
    options: &Options<'_>,
    replies: &mut Replies,
) {
    let mut list = List::default();
    for part in parts {
        if options.get.is_empty() {
            list.push(End::Back, *part);
        }
        for pattern in &options.get {
            list.push(End::Back, pattern.look(space, part).unwrap_or_default().as_ref());
        }
    }
    replies.integer(list.len() as i64);
    space.change(key, |slot| {
        *slot.changed |= slot.value.is_some() || !list.is_empty();
        *slot.value = (!list.is_empty()).then(|| Value::from(list));
        *slot.ends = None;
    });
}

#[cfg(test)]
mod tests;
