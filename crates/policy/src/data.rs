//! Documents: the paths they are at, and what becomes of them.

use std::borrow::Cow;

use flow::Result;
use rego::Value;
use rego::builtin::{self, Failure, Surroundings};

use crate::codes::{DATA_INVALID, DATA_PATH, PATH};
use crate::world::Still;

/// A path is so deep at most.
const DEPTH_MAX: usize = 128;

/// The keys of a path as it stands in a URL.
pub(crate) fn path(text: &str) -> Result<Vec<Value>> {
    let text = text.trim_matches('/');
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let keys = text.split('/').map(|part| Ok(Value::from(unescaped(part)?.as_ref())));
    let keys = keys.collect::<Result<Vec<_>>>()?;
    match keys.len() > DEPTH_MAX {
        true => Err(PATH.error(format!("the path has more than {DEPTH_MAX} parts"))),
        false => Ok(keys),
    }
}

/// A part of a URL with what `%` stands for in it.
fn unescaped(part: &str) -> Result<Cow<'_, str>> {
    if !part.contains('%') {
        return Ok(part.into());
    }
    let bad = || PATH.error(format!("`{part}` has a `%` without two digits, or is not UTF-8"));
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        bytes.push(byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or_else(bad)?);
        rest = behind.get(2..).unwrap_or_default();
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| bad())
}

/// What is at a path; of lists by number.
pub(crate) fn at<'v>(data: &'v Value, path: &[Value]) -> Option<&'v Value> {
    path.iter().try_fold(data, |value, key| match value {
        Value::Array(items) => items.get(key.as_text()?.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

/// A path by which policies find what is there: in lists they look by numbers.
pub(crate) fn located(data: &Value, path: Vec<Value>) -> Vec<Value> {
    let mut there = Some(data);
    let key = |key: Value| {
        let place = match (there, key.as_text()) {
            (Some(Value::Array(_)), Some(text)) => text.parse::<u32>().ok(),
            _ => None,
        };
        let key = place.map_or(key, |place| Value::from(i64::from(place)));
        there = there.and_then(|there| there.get(&key));
        key
    };
    path.into_iter().map(key).collect()
}

/// The documents with another at a path. What is missing on the way is made.
pub(crate) fn put(data: &Value, path: &[Value], value: Value) -> Result<Value> {
    let Some((key, rest)) = path.split_first() else {
        return match value {
            Value::Object(_) => Ok(value),
            _ => Err(DATA_INVALID.error("all documents together are an object")),
        };
    };
    let within = |there: &Value, rest: &[Value], value: Value| match rest.is_empty() {
        true => Ok(value),
        false => put(there, rest, value),
    };
    let name = key.as_text().unwrap_or_default();
    match data {
        Value::Object(members) => {
            let empty = Value::object([]);
            let there = members.get(key).unwrap_or(&empty);
            let changed = within(there, rest, value)?;
            let pairs = members.iter().map(|(key, value)| (key.clone(), value.clone()));
            Ok(Value::object(pairs.chain([(key.clone(), changed)])))
        }
        Value::Array(items) => {
            let missing = || DATA_PATH.error(format!("there is no item `{name}` in the list"));
            let place: usize = name.parse().map_err(|_| missing())?;
            let there = items.get(place).ok_or_else(missing)?;
            let changed = within(there, rest, value)?;
            let item = |(number, item): (usize, &Value)| {
                if number == place { changed.clone() } else { item.clone() }
            };
            Ok(items.iter().enumerate().map(item).collect())
        }
        other => {
            let story = format!("there is a {} on the way to `{name}`", other.type_name());
            Err(DATA_PATH.error(story))
        }
    }
}

/// The documents without what is at a path.
pub(crate) fn remove(data: &Value, path: &[Value]) -> Value {
    let Some((key, rest)) = path.split_first() else { return Value::object([]) };
    match data {
        Value::Object(members) => {
            let pair = |(name, value): (&Value, &Value)| match (name == key, rest.is_empty()) {
                (false, _) => Some((name.clone(), value.clone())),
                (true, true) => None,
                (true, false) => Some((name.clone(), remove(value, rest))),
            };
            Value::object(members.iter().filter_map(pair))
        }
        Value::Array(items) => {
            let place = key.as_text().and_then(|name| name.parse::<usize>().ok());
            let item =
                |(number, item): (usize, &Value)| match (Some(number) == place, rest.is_empty()) {
                    (false, _) => Some(item.clone()),
                    (true, true) => None,
                    (true, false) => Some(remove(item, rest)),
                };
            items.iter().enumerate().filter_map(item).collect()
        }
        other => other.clone(),
    }
}

/// The documents with a JSON patch made to what is at a path.
pub(crate) fn patch(data: &Value, path: &[Value], changes: &Value) -> Result<Value> {
    check_patch(changes)?;
    let there = at(data, path).ok_or_else(|| DATA_PATH.error("there is no document to patch"))?;
    let patch =
        builtin::find("json.patch").ok_or_else(|| DATA_INVALID.error("patches are unknown"))?;
    let mut around = Surroundings::new(&Still);
    let patched = patch.call(&mut around, &[there.clone(), changes.clone()]);
    let patched = patched.map_err(|failure| match failure {
        Failure::Type(why) | Failure::Broken(why) => DATA_INVALID.error(why),
        Failure::Halted(why) => DATA_INVALID.error(why),
        Failure::Undefined => DATA_PATH.error("the patch is about what is not there"),
    })?;
    put(data, path, patched)
}

/// Refuses what is no JSON patch, whatever the documents are.
fn check_patch(changes: &Value) -> Result<()> {
    let Value::Array(changes) = changes else {
        return Err(DATA_INVALID.error("a JSON patch is a list of changes"));
    };
    for (place, change) in changes.iter().enumerate() {
        let refused = |why: &str| DATA_INVALID.error(format!("change {} {why}", place + 1));
        let text = |name: &str| change.get_text(name).and_then(Value::as_text);
        let also = match text("op") {
            Some("add" | "replace" | "test") => Some("value"),
            Some("move" | "copy") => Some("from"),
            Some("remove") => None,
            _ => {
                let ops = "`add`, `remove`, `replace`, `move`, `copy` or `test`";
                return Err(refused(&format!("has no `op` of {ops}")));
            }
        };
        if text("path").is_none() {
            return Err(refused("has no `path`, a string"));
        }
        if let Some(name) = also.filter(|name| change.get_text(name).is_none()) {
            return Err(refused(&format!("has no `{name}`")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rego::value::json;

    use super::*;

    fn value(text: &str) -> Value {
        json::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn documents_are_put_at_paths_and_taken_away() {
        let there = value(r#"{"a":{"b":[1,2,{"c":3}]}}"#);
        for (way, new, expected) in [
            ("a/x", "1", Some(r#"{"a":{"b":[1,2,{"c":3}],"x":1}}"#)),
            ("/a/b/2/c", "4", Some(r#"{"a":{"b":[1,2,{"c":4}]}}"#)),
            ("n/e/w", "true", Some(r#"{"a":{"b":[1,2,{"c":3}]},"n":{"e":{"w":true}}}"#)),
            ("", r#"{"z":1}"#, Some(r#"{"z":1}"#)),
            ("", "1", None),
            ("a/b/9", "1", None),
            ("a/b/0/x", "1", None),
            ("with%20blank%2Fand", "1", Some(r#"{"a":{"b":[1,2,{"c":3}]},"with blank/and":1}"#)),
        ] {
            let put = put(&there, &path(way).unwrap(), value(new)).ok();
            assert_eq!(put, expected.map(value), "{way}");
        }
        for (way, expected) in [
            ("a/b/0", r#"{"a":{"b":[2,{"c":3}]}}"#),
            ("a/b", r#"{"a":{}}"#),
            ("a/b/2/c", r#"{"a":{"b":[1,2,{}]}}"#),
            ("x/y", r#"{"a":{"b":[1,2,{"c":3}]}}"#),
            ("", "{}"),
        ] {
            assert_eq!(remove(&there, &path(way).unwrap()), value(expected), "{way}");
        }
    }

    #[test]
    fn what_is_in_lists_is_looked_for_by_number() {
        let there = value(r#"{"a":[1,{"2":[3]}],"0":{"1":4}}"#);
        for (way, expected) in [
            ("a/0", Some("1")),
            ("a/1/2/0", Some("3")),
            ("a/x", None),
            ("a/7", None),
            ("0/1", Some("4")),
        ] {
            let path = located(&there, path(way).unwrap());
            let found = path.iter().try_fold(&there, |value, key| value.get(key));
            assert_eq!(found.cloned(), expected.map(value), "{way}");
        }
    }

    #[test]
    fn a_patch_is_made_where_it_says() {
        let there = value(r#"{"a":{"b":1}}"#);
        let changes =
            value(r#"[{"op":"replace","path":"/b","value":2},{"op":"add","path":"/c","value":3}]"#);
        let patched = patch(&there, &path("a").unwrap(), &changes).unwrap();
        assert_eq!(patched, value(r#"{"a":{"b":2,"c":3}}"#));
        assert!(patch(&there, &path("x").unwrap(), &changes).is_err());
        assert!(
            patch(&there, &path("a").unwrap(), &value(r#"[{"op":"remove","path":"/x"}]"#)).is_err()
        );
    }

    #[test]
    fn what_is_no_patch_is_told_from_one_about_what_is_not_there() {
        let there = value(r#"{"a":{"b":1}}"#);
        for (changes, expected) in [
            ("{}", "a JSON patch is a list of changes"),
            ("[1]", "change 1 has no `op` of"),
            (
                r#"[{"op":"remove","path":"/b"},{"op":"drop","path":"/b"}]"#,
                "change 2 has no `op` of",
            ),
            (r#"[{"op":"add","value":1}]"#, "change 1 has no `path`, a string"),
            (r#"[{"op":"add","path":"/b"}]"#, "change 1 has no `value`"),
            (r#"[{"op":"move","path":"/b"}]"#, "change 1 has no `from`"),
        ] {
            let error = patch(&there, &path("a").unwrap(), &value(changes)).unwrap_err();
            assert_eq!(error.code(), &DATA_INVALID, "{changes}");
            assert!(error.to_string().contains(expected), "{changes}: {error}");
        }
        let missing = value(r#"[{"op":"remove","path":"/x"}]"#);
        let error = patch(&there, &path("a").unwrap(), &missing).unwrap_err();
        assert_eq!(error.code(), &DATA_PATH);
    }

    #[test]
    fn paths_that_are_none_are_refused() {
        for text in ["a/%", "a/%4", "%zz", "%ff"] {
            assert!(path(text).is_err(), "{text}");
        }
    }
}
