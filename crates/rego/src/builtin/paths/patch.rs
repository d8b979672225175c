//! Values changed step by step, as RFC 6902 has it, and sets besides.

use super::super::{Failure, NESTS_MAX, Surroundings};
use super::parse;
use crate::value::Value;

/// The value after all operations; it is undefined if one of them cannot be done.
pub(super) fn apply(
    surroundings: &Surroundings<'_>,
    value: &Value,
    operations: &[Value],
) -> Result<Value, Failure> {
    let (mut value, mut deepest) = (value.clone(), NESTS_MAX as usize);
    for operation in operations {
        surroundings.go_on()?;
        let nests = nests(operation, deepest).ok_or(Failure::Undefined)?;
        deepest = deepest.max(nests);
        if deepest > 2 * NESTS_MAX as usize {
            return Err(Failure::Halted("a patch nests deeper than any value may"));
        }
        value = applied(&value, operation).ok_or(Failure::Undefined)?;
    }
    Ok(value)
}

/// How deep at most lies what an operation inserts, where nothing was deeper than this before.
fn nests(operation: &Value, deepest: usize) -> Option<usize> {
    let length = |name: &str| Some(parse(operation.get_text(name)?)?.len());
    let inserted = match operation.get_text("op")?.as_text()? {
        "copy" | "move" => deepest.saturating_sub(length("from")?),
        _ => NESTS_MAX as usize,
    };
    // What is not there cannot be gone into: a path is no longer than what it leads through.
    Some(length("path")?.min(deepest + 1) + inserted)
}

/// The value after an operation.
fn applied(value: &Value, operation: &Value) -> Option<Value> {
    let attribute = |name: &str| operation.get_text(name);
    let path = parse(attribute("path")?)?;
    Some(match attribute("op")?.as_text()? {
        "add" => insert(value, &path, attribute("value")?)?,
        "remove" => delete(value, &path)?,
        "replace" if path.is_empty() => attribute("value")?.clone(),
        "replace" => insert(&delete(value, &path)?, &path, attribute("value")?)?,
        "move" => {
            let from = parse(attribute("from")?)?;
            let moved = find(value, &from)?.clone();
            match from.is_empty() {
                true => insert(&Value::Null, &path, &moved)?,
                false => insert(&delete(value, &from)?, &path, &moved)?,
            }
        }
        "copy" => {
            let copied = find(value, &parse(attribute("from")?)?)?.clone();
            insert(value, &path, &copied)?
        }
        "test" if find(value, &path)? == attribute("value")? => value.clone(),
        _ => return None,
    })
}

fn find<'a>(value: &'a Value, path: &[Value]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| match value {
        Value::Array(items) => items.get(place(items, key)?),
        other => other.get(key),
    })
}

fn insert(value: &Value, path: &[Value], new: &Value) -> Option<Value> {
    let Some((key, rest)) = path.split_first() else { return Some(new.clone()) };
    if !rest.is_empty() {
        return change(value, key, |inner| insert(inner, rest, new));
    }
    match value {
        Value::Object(object) => {
            let pairs = object.iter().map(|(key, value)| (key.clone(), value.clone()));
            Some(Value::object(pairs.chain([(key.clone(), new.clone())])))
        }
        Value::Array(items) => {
            let (before, after) = items.split_at_checked(place(items, key)?)?;
            Some(before.iter().chain([new]).chain(after).cloned().collect())
        }
        Value::Set(set) if key == new => Some(Value::set(set.iter().chain([new]).cloned())),
        _ => None,
    }
}

fn delete(value: &Value, path: &[Value]) -> Option<Value> {
    let (key, rest) = path.split_first()?;
    if !rest.is_empty() {
        return change(value, key, |inner| delete(inner, rest));
    }
    match value {
        Value::Object(object) => {
            object.get(key)?;
            let rest = object.iter().filter(|(other, _)| *other != key);
            Some(Value::object(rest.map(|(key, value)| (key.clone(), value.clone()))))
        }
        Value::Array(items) => {
            let gone = place(items, key)?;
            items.get(gone)?;
            let rest = items.iter().enumerate().filter(|(place, _)| *place != gone);
            Some(rest.map(|(_, item)| item.clone()).collect())
        }
        Value::Set(set) => {
            set.get(key)?;
            Some(Value::set(set.iter().filter(|other| *other != key).cloned()))
        }
        _ => None,
    }
}

/// A value with what stands at a key changed.
fn change(
    value: &Value,
    key: &Value,
    change: impl FnOnce(&Value) -> Option<Value>,
) -> Option<Value> {
    match value {
        Value::Object(object) => {
            let changed = change(object.get(key)?)?;
            let pairs = object.iter().map(|(key, value)| (key.clone(), value.clone()));
            Some(Value::object(pairs.chain([(key.clone(), changed)])))
        }
        Value::Array(items) => {
            let place = place(items, key)?;
            let changed = change(items.get(place)?)?;
            let mut items = items.to_vec();
            *items.get_mut(place)? = changed;
            Some(Value::array(items))
        }
        Value::Set(set) => {
            let changed = change(set.get(key)?)?;
            let others = set.iter().filter(|other| *other != key).cloned();
            Some(Value::set(others.chain([changed])))
        }
        _ => None,
    }
}

/// The place a key means in a list; `-` is the one behind the last.
fn place(items: &[Value], key: &Value) -> Option<usize> {
    match key {
        Value::Text(text) if &**text == "-" => Some(items.len()),
        Value::Text(text) if text.starts_with('0') && &**text != "0" => None,
        Value::Text(text) if text.starts_with('+') => None,
        Value::Text(text) => text.parse().ok(),
        other => usize::try_from(other.as_i64()?).ok(),
    }
}
