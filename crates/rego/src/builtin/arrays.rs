//! Lists.

use super::argument::{array, whole};
use super::{Builtin, Failure, MADE_MAX};
use crate::value::Value;

pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("array.concat", 2, |_, args| {
        let (one, two) = (array(args, 0)?, array(args, 1)?);
        if one.len() + two.len() > MADE_MAX {
            return Err(Failure::Halted("a list has too many items"));
        }
        Ok(one.iter().chain(two).cloned().collect())
    }),
    Builtin::steady("array.flatten", 1, |_, args| {
        let inner = |item: &Value| match item {
            Value::Array(items) => items.to_vec(),
            other => vec![other.clone()],
        };
        Ok(array(args, 0)?.iter().flat_map(inner).collect())
    }),
    Builtin::steady("array.reverse", 1, |_, args| {
        Ok(array(args, 0)?.iter().rev().cloned().collect())
    }),
    Builtin::steady("array.slice", 3, |_, args| slice(args)),
];

/// The items from one place to before another, as far as there are such places.
fn slice(args: &[Value]) -> Result<Value, Failure> {
    let items = array(args, 0)?;
    let place = |number: i64| usize::try_from(number.max(0)).unwrap_or(usize::MAX);
    let (start, stop) = (place(whole(args, 1)?), place(whole(args, 2)?).min(items.len()));
    Ok(Value::array(items.get(start.min(stop)..stop).unwrap_or(&[])))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn arrays() {
        check(&[
            ("array.concat", "[[1], [2]]", "[1,2]"),
            ("array.concat", "[[1], 2]", "array.concat: operand 2 must be array but got number"),
            ("array.flatten", "[[1, [2, [3]], []]]", "[1,2,[3]]"),
            ("array.reverse", "[[1, 2]]", "[2,1]"),
            ("array.slice", "[[1, 2, 3], 1, 9]", "[2,3]"),
            ("array.slice", "[[1, 2, 3], -1, 2]", "[1,2]"),
            ("array.slice", "[[1, 2, 3], 2, 1]", "[]"),
        ]);
    }
}
