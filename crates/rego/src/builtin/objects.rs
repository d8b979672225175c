//! Objects.

use super::argument::{array, at, members, object, wrong_member, wrong_type};
use super::{Builtin, Failure};
use crate::value::{Object, Set, Value};

pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("object.get", 3, |_, args| get(args)),
    Builtin::steady("object.keys", 1, |_, args| Ok(Value::set(object(args, 0)?.keys().cloned()))),
    Builtin::steady("object.remove", 2, |_, args| kept(args, false)),
    Builtin::steady("object.filter", 2, |_, args| kept(args, true)),
    Builtin::nesting("object.union", 2, |_, args| Ok(union(object(args, 0)?, object(args, 1)?))),
    Builtin::nesting("object.union_n", 1, |_, args| union_of_all(args)),
    Builtin::steady("object.subset", 2, |_, args| subset(args)),
];

/// What stands at a key, or along a path of keys; the third argument if nothing does.
fn get(args: &[Value]) -> Result<Value, Failure> {
    let top = at(args, 0)?;
    let (object, default) = (object(args, 0)?, at(args, 2)?);
    let found = match at(args, 1)? {
        Value::Array(path) => path.iter().try_fold(top, |value, key| value.get(key)),
        key => object.get(key),
    };
    Ok(found.unwrap_or(default).clone())
}

/// An object with only some of its keys, or without them.
fn kept(args: &[Value], named: bool) -> Result<Value, Failure> {
    let object = object(args, 0)?;
    let arg = at(args, 1)?;
    let keys: Set = match arg {
        Value::Object(keys) => keys.keys().cloned().collect(),
        other => members(other)
            .ok_or_else(|| wrong_type(1, other, &["object", "set", "array"]))?
            .into_iter()
            .cloned()
            .collect(),
    };
    let pairs = object.iter().filter(|(key, _)| keys.has(key) == named);
    Ok(Value::object(pairs.map(|(key, value)| (key.clone(), value.clone()))))
}

/// Both objects in one. Where both have a key, objects become one as well, and of other values
/// that of the second object stays.
fn union(one: &Object, two: &Object) -> Value {
    let mut pairs: Vec<(Value, Value)> = Vec::with_capacity(one.len() + two.len());
    pairs.extend(one.iter().map(|(key, value)| (key.clone(), value.clone())));
    for (key, value) in two.iter() {
        let value = match (one.get(key), value) {
            (Some(Value::Object(one)), Value::Object(two)) => union(one, two),
            _ => value.clone(),
        };
        pairs.push((key.clone(), value));
    }
    Value::object(pairs)
}

fn union_of_all(args: &[Value]) -> Result<Value, Failure> {
    let mut all = Value::object([]);
    for item in array(args, 0)? {
        let Value::Object(next) = item else {
            return Err(wrong_member(0, at(args, 0)?, item, "object"));
        };
        if let Value::Object(before) = &all {
            all = union(before, next);
        }
    }
    Ok(all)
}

fn subset(args: &[Value]) -> Result<Value, Failure> {
    let holds = match (at(args, 0)?, at(args, 1)?) {
        (Value::Array(whole), Value::Set(part)) => {
            let found: Set = whole.iter().filter(|item| part.has(item)).cloned().collect();
            // Of an empty list nothing is a part, not even nothing.
            !whole.is_empty() && found.len() == part.len()
        }
        (whole, part) => is_part(whole, part).ok_or_else(|| {
            let what = "both arguments object.subset must be of the same type or array and set";
            Failure::Type(what.to_owned())
        })?,
    };
    Ok(holds.into())
}

/// Whether one is a part of the other; nothing if they are not of one kind that has parts.
fn is_part(whole: &Value, part: &Value) -> Option<bool> {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => Some(part.iter().all(|(key, value)| {
            whole
                .get(key)
                .is_some_and(|other| other == value || is_part(other, value).unwrap_or(false))
        })),
        (Value::Set(whole), Value::Set(part)) => Some(part.iter().all(|item| whole.has(item))),
        (Value::Array(whole), Value::Array(part)) => {
            let inside = |items: &[Value]| items == &**part;
            Some(part.is_empty() || whole.windows(part.len()).any(inside))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answer, check};
    use crate::Value;

    #[test]
    fn objects() {
        check(&[
            ("object.get", r#"[{"a": 1}, "a", 0]"#, "1"),
            ("object.get", r#"[{"a": 1}, "b", 0]"#, "0"),
            ("object.get", r#"[{"a": [{"b": 2}]}, ["a", 0, "b"], 0]"#, "2"),
            ("object.get", r#"[{"a": 1}, ["a", "b"], 0]"#, "0"),
            ("object.get", r#"[{"a": 1}, [], 0]"#, r#"{"a":1}"#),
            ("object.get", r#"[[], "a", 0]"#, "object.get: operand 1 must be object but got array"),
            ("object.keys", r#"[{"b": 1, "a": 2}]"#, r#"["a","b"]"#),
            ("object.remove", r#"[{"a": 1, "b": 2}, ["a"]]"#, r#"{"b":2}"#),
            ("object.remove", r#"[{"a": 1, "b": 2}, {"a": 0}]"#, r#"{"b":2}"#),
            (
                "object.remove",
                r#"[{}, "a"]"#,
                "object.remove: operand 2 must be one of {object, set, array} but got string",
            ),
            ("object.filter", r#"[{"a": 1, "b": 2}, ["a", "c"]]"#, r#"{"a":1}"#),
            ("object.union", r#"[{"a": {"b": 1}}, {"a": {"c": 2}}]"#, r#"{"a":{"b":1,"c":2}}"#),
            ("object.union", r#"[{"a": {"b": 1}}, {"a": 2}]"#, r#"{"a":2}"#),
            (
                "object.union_n",
                r#"[[{"a": {"b": 2}}, {"a": 4}, {"a": {"c": 3}}]]"#,
                r#"{"a":{"c":3}}"#,
            ),
            (
                "object.union_n",
                "[[1]]",
                "object.union_n: operand 1 must be array of objects but got array containing number",
            ),
            ("object.subset", r#"[{"a": {"b": [1, 2, 3]}}, {"a": {"b": [2, 3]}}]"#, "true"),
            ("object.subset", r#"[{"a": 1}, {"a": 1, "b": 2}]"#, "false"),
            ("object.subset", "[[1, 2, 3], [1, 3]]", "false"),
            ("object.subset", "[[], []]", "true"),
            (
                "object.subset",
                "[[], {}]",
                "object.subset: both arguments object.subset must be of the same type or array and set",
            ),
        ]);
        let list = Value::array([1.into(), 2.into(), 1.into()]);
        let set = |numbers: &[i64]| Value::set(numbers.iter().map(|n| Value::from(*n)));
        assert_eq!(answer("object.subset", &[list.clone(), set(&[2, 1])]), "true");
        assert_eq!(answer("object.subset", &[list, set(&[3])]), "false");
    }
}
