//! Parts of values by their paths: `json.filter`, `json.remove` and `json.patch`.

mod patch;

use std::collections::BTreeMap;

use super::argument::{array, at, members, object, wrong, wrong_type};
use super::{Builtin, Failure, NESTS_MAX};
use crate::value::Value;

pub(super) const ALL: &[Builtin] = &[
    Builtin::nesting("json.filter", 2, |_, args| {
        object(args, 0)?;
        Ok(Tree::of(args)?.keep(at(args, 0)?))
    }),
    Builtin::nesting("json.remove", 2, |_, args| {
        object(args, 0)?;
        Tree::of(args)?.remove(at(args, 0)?).ok_or(Failure::Undefined)
    }),
    // What cannot be done leaves no value, and is no error.
    Builtin::nesting("json.patch", 2, |surroundings, args| {
        patch::apply(surroundings, at(args, 0)?, array(args, 1)?)
    }),
];

/// Paths, those that begin alike together.
enum Tree {
    /// All that is here.
    All,
    /// What is at these keys.
    At(BTreeMap<Value, Tree>),
}

impl Tree {
    fn of(args: &[Value]) -> Result<Self, Failure> {
        let arg = at(args, 1)?;
        let paths = members(arg).ok_or_else(|| wrong_type(1, arg, &["set", "array"]))?;
        let mut tree = Self::At(BTreeMap::new());
        for path in paths {
            let path = parse(path).ok_or_else(|| {
                let expected = "must be one of {set, array} containing string paths or array of \
                                path segments but got";
                wrong(1, &format!("{expected} {}", path.type_name()))
            })?;
            if !path.is_empty() {
                tree.add(path);
            }
        }
        Ok(tree)
    }

    fn add(&mut self, path: Vec<Value>) {
        let mut here = self;
        let beyond = path.len() > NESTS_MAX as usize;
        for key in path.into_iter().take(NESTS_MAX as usize) {
            let Self::At(next) = here else { return };
            here = next.entry(key).or_insert_with(|| Self::At(BTreeMap::new()));
        }
        // Nothing is as deep as that.
        if !beyond {
            *here = Self::All;
        }
    }

    fn get(&self, key: &Value) -> Option<&Self> {
        match self {
            Self::All => None,
            Self::At(next) => next.get(key),
        }
    }

    /// A value with nothing but what is at these paths.
    fn keep(&self, value: &Value) -> Value {
        if let Self::All = self {
            return value.clone();
        }
        match value {
            Value::Object(object) => Value::object(
                object
                    .iter()
                    .filter_map(|(key, value)| Some((key.clone(), self.get(key)?.keep(value)))),
            ),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .filter_map(|(place, item)| Some(self.get(&place_key(place))?.keep(item)))
                .collect(),
            Value::Set(set) => {
                Value::set(set.iter().filter_map(|item| Some(self.get(item)?.keep(item))))
            }
            other => other.clone(),
        }
    }

    /// A value without what is at these paths; nothing if that is all of it.
    fn remove(&self, value: &Value) -> Option<Value> {
        if let Self::All = self {
            return None;
        }
        let rest = |key: &Value, value: &Value| match self.get(key) {
            Some(tree) => tree.remove(value),
            None => Some(value.clone()),
        };
        Some(match value {
            Value::Object(object) => Value::object(
                object.iter().filter_map(|(key, value)| Some((key.clone(), rest(key, value)?))),
            ),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .filter_map(|(place, item)| rest(&place_key(place), item))
                .collect(),
            Value::Set(set) => Value::set(set.iter().filter_map(|item| rest(item, item))),
            other => other.clone(),
        })
    }
}

/// In paths the places of lists are strings.
fn place_key(place: usize) -> Value {
    Value::from(place.to_string())
}

/// The keys of a path: a list of them, or a string with slashes between them.
fn parse(path: &Value) -> Option<Vec<Value>> {
    match path {
        Value::Text(text) if text.is_empty() => Some(Vec::new()),
        Value::Text(text) => {
            let unescaped = |key: &str| Value::from(key.replace("~1", "/").replace("~0", "~"));
            Some(text.trim_start_matches('/').split('/').map(unescaped).collect())
        }
        Value::Array(keys) => Some(keys.to_vec()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answer, check};
    use crate::Value;

    #[test]
    fn parts_are_kept_and_removed() {
        let value = r#"{"a": {"b": 1, "c": [{"x": 1, "y": 2}, 3]}, "d/e": 4}"#;
        let filter = |paths: &str| format!("[{value}, {paths}]");
        check(&[
            ("json.filter", &filter(r#"["a/b"]"#), r#"{"a":{"b":1}}"#),
            ("json.filter", &filter(r#"["/a/c/0/x", "d~1e"]"#), r#"{"a":{"c":[{"x":1}]},"d/e":4}"#),
            ("json.filter", &filter(r#"[["a", "b"], "z"]"#), r#"{"a":{"b":1}}"#),
            ("json.filter", &filter("[]"), "{}"),
            ("json.filter", &filter(r#"["a", "a/b"]"#), r#"{"a":{"b":1,"c":[{"x":1,"y":2},3]}}"#),
            ("json.remove", &filter(r#"["a/c/0", "d~1e"]"#), r#"{"a":{"b":1,"c":[3]}}"#),
            ("json.remove", &filter(r#"["a"]"#), r#"{"d/e":4}"#),
            ("json.remove", &filter("[]"), r#"{"a":{"b":1,"c":[{"x":1,"y":2},3]},"d/e":4}"#),
            ("json.remove", "[1, []]", "json.remove: operand 1 must be object but got number"),
            (
                "json.filter",
                "[{}, 1]",
                "json.filter: operand 2 must be one of {set, array} but got number",
            ),
            (
                "json.filter",
                "[{}, [1]]",
                "json.filter: operand 2 must be one of {set, array} containing string paths or \
                 array of path segments but got number",
            ),
        ]);
    }

    #[test]
    fn values_are_patched() {
        let patch = |value: &str, operations: &str| format!("[{value}, [{operations}]]");
        for (value, operations, expected) in [
            (r#"{"a": 1}"#, r#"{"op": "add", "path": "/b", "value": 2}"#, r#"{"a":1,"b":2}"#),
            ("[1, 3]", r#"{"op": "add", "path": "1", "value": 2}"#, "[1,2,3]"),
            ("[1]", r#"{"op": "add", "path": "/-", "value": 2}"#, "[1,2]"),
            ("[1]", r#"{"op": "add", "path": "/3", "value": 2}"#, "undefined"),
            ("[1, 2]", r#"{"op": "remove", "path": "/01"}"#, "undefined"),
            ("[1, 2]", r#"{"op": "remove", "path": [0]}"#, "[2]"),
            (r#"{"a": 1}"#, r#"{"op": "remove", "path": "/b"}"#, "undefined"),
            (
                r#"{"a": {"b": 1}}"#,
                r#"{"op": "replace", "path": "/a/b", "value": 2}"#,
                r#"{"a":{"b":2}}"#,
            ),
            (r#"{"a": 1}"#, r#"{"op": "replace", "path": "/b", "value": 2}"#, "undefined"),
            (r#"{"a": 1}"#, r#"{"op": "replace", "path": "", "value": 2}"#, "2"),
            (r#"{"a": 1}"#, r#"{"op": "move", "from": "/a", "path": "/b"}"#, r#"{"b":1}"#),
            (r#"{"a": 1}"#, r#"{"op": "copy", "from": "/a", "path": "/b"}"#, r#"{"a":1,"b":1}"#),
            (r#"{"a": 1}"#, r#"{"op": "test", "path": "/a", "value": 1}"#, r#"{"a":1}"#),
            (r#"{"a": 1}"#, r#"{"op": "test", "path": "/a", "value": 2}"#, "undefined"),
            (r#"{"a": 1}"#, r#"{"op": "bite", "path": "/a"}"#, "undefined"),
            (r#"{"a": 1}"#, r#"{"op": "add", "path": "/b"}"#, "undefined"),
            ("{}", "1", "undefined"),
        ] {
            check(&[("json.patch", &patch(value, operations), expected)]);
        }
        check(&[("json.patch", "[{}, 1]", "json.patch: operand 2 must be array but got number")]);
    }

    #[test]
    fn members_of_sets_are_patched() {
        let set = Value::set(["a".into(), Value::array([0.into()])]);
        let patched =
            |operation: Value| answer("json.patch", &[set.clone(), Value::array([operation])]);
        let operation = |op: &str, path: Value, value: Value| {
            Value::object([
                ("op".into(), op.into()),
                ("path".into(), path),
                ("value".into(), value),
            ])
        };
        let inner = Value::array([Value::array([0.into()]), 1.into()]);
        assert_eq!(patched(operation("add", inner, 1.into())), r#"["a",[0,1]]"#);
        assert_eq!(patched(operation("add", "b".into(), "b".into())), r#"["a","b",[0]]"#);
        assert_eq!(patched(operation("add", "b".into(), "c".into())), "undefined");
        assert_eq!(patched(operation("remove", "a".into(), Value::Null)), "[[0]]");
    }
}
