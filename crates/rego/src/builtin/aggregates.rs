//! What collections come to as a whole.

use super::argument::{at, members, wrong_member, wrong_type};
use super::{Builtin, Failure, Surroundings};
use crate::value::{NoNumber, Number, Value};

pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("count", 1, |_, args| count(args)),
    Builtin::steady("sum", 1, |surroundings, args| made(surroundings, args, Number::sum)),
    Builtin::steady("product", 1, |surroundings, args| made(surroundings, args, Number::product)),
    Builtin::steady("max", 1, |_, args| found(collection(args)?.into_iter().max())),
    Builtin::steady("min", 1, |_, args| found(collection(args)?.into_iter().min())),
    Builtin::steady("sort", 1, |_, args| {
        let mut sorted: Vec<Value> = collection(args)?.into_iter().cloned().collect();
        sorted.sort();
        Ok(Value::array(sorted))
    }),
    Builtin::steady("all", 1, |_, args| {
        Ok(listed(args)?.into_iter().all(|item| *item == Value::Bool(true)).into())
    }),
    Builtin::steady("any", 1, |_, args| {
        Ok(listed(args)?.into_iter().any(|item| *item == Value::Bool(true)).into())
    }),
];

fn count(args: &[Value]) -> Result<Value, Failure> {
    Ok(Value::count(match at(args, 0)? {
        Value::Array(items) => items.len(),
        Value::Object(object) => object.len(),
        Value::Set(set) => set.len(),
        Value::Text(text) => text.chars().count(),
        other => return Err(wrong_type(0, other, &["array", "object", "set", "string"])),
    }))
}

fn numbers(args: &[Value]) -> Result<Vec<&Number>, Failure> {
    let mut numbers = Vec::new();
    for item in collection(args)? {
        match item {
            Value::Number(number) => numbers.push(number),
            other => return Err(wrong_member(0, at(args, 0)?, other, "number")),
        }
    }
    Ok(numbers)
}

/// So many numbers are taken together before it is asked whether there is time for more.
const AT_ONCE: usize = 64;

/// What numbers come to: those before, with some more at a time.
fn made(
    surroundings: &Surroundings<'_>,
    args: &[Value],
    make: fn(&[&Number]) -> Result<Number, NoNumber>,
) -> Result<Value, Failure> {
    let make =
        |some: &[&Number]| make(some).map_err(|none| Failure::Broken(none.reason().to_owned()));
    let numbers = numbers(args)?;
    let (first, rest) = numbers.split_at(numbers.len().min(AT_ONCE));
    let mut made = make(first)?;
    for more in rest.chunks(AT_ONCE) {
        surroundings.go_on()?;
        let some: Vec<&Number> = [&made].into_iter().chain(more.iter().copied()).collect();
        made = make(&some)?;
    }
    Ok(Value::Number(made))
}

fn found(value: Option<&Value>) -> Result<Value, Failure> {
    value.cloned().ok_or(Failure::Undefined)
}

fn collection(args: &[Value]) -> Result<Vec<&Value>, Failure> {
    let arg = at(args, 0)?;
    members(arg).ok_or_else(|| wrong_type(0, arg, &["set", "array"]))
}

fn listed(args: &[Value]) -> Result<Vec<&Value>, Failure> {
    let arg = at(args, 0)?;
    members(arg).ok_or_else(|| wrong_type(0, arg, &["array", "set"]))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn aggregates() {
        check(&[
            ("count", r#"["äö"]"#, "2"),
            ("count", "[[1, 2]]", "2"),
            ("count", r#"[{"a": 1}]"#, "1"),
            (
                "count",
                "[1]",
                "count: operand 1 must be one of {array, object, set, string} but got number",
            ),
            ("sum", "[[1, 2, 0.5]]", "3.5"),
            ("sum", "[[]]", "0"),
            ("sum", "[[9223372036854775807, 1]]", "9223372036854775808"),
            (
                "sum",
                r#"[[1, "a"]]"#,
                "sum: operand 1 must be array of numbers but got array containing string",
            ),
            ("product", "[[2, 3]]", "6"),
            ("product", "[[2, 0.5]]", "1"),
            // More than 64 bits on the way are no less exact.
            ("product", "[[1099511627777, 1099511627777, 3]]", "3626777458850484593885187"),
            (
                "sum",
                "[[9223372036854775807, 9223372036854775807, 9223372036854775807]]",
                "27670116110564327421",
            ),
            ("max", r#"[[1, "a", null]]"#, r#""a""#),
            ("max", "[[]]", "undefined"),
            ("min", "[[2, 1]]", "1"),
            ("min", "[1]", "min: operand 1 must be one of {set, array} but got number"),
            ("sort", "[[3, 1, 2]]", "[1,2,3]"),
            ("all", "[[true, true]]", "true"),
            ("all", "[[true, 1]]", "false"),
            ("any", "[[]]", "false"),
            ("any", "[{}]", "any: operand 1 must be one of {array, set} but got object"),
        ]);
    }
}
