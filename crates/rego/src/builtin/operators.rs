//! What operators do.

use super::argument::{at, number, set, wrong_type};
use super::{Builtin, Failure};
use crate::value::{NoNumber, Number, Set, Value};

pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("equal", 2, |_, args| Ok((at(args, 0)? == at(args, 1)?).into())),
    Builtin::steady("neq", 2, |_, args| Ok((at(args, 0)? != at(args, 1)?).into())),
    Builtin::steady("lt", 2, |_, args| Ok((at(args, 0)? < at(args, 1)?).into())),
    Builtin::steady("lte", 2, |_, args| Ok((at(args, 0)? <= at(args, 1)?).into())),
    Builtin::steady("gt", 2, |_, args| Ok((at(args, 0)? > at(args, 1)?).into())),
    Builtin::steady("gte", 2, |_, args| Ok((at(args, 0)? >= at(args, 1)?).into())),
    Builtin::steady("plus", 2, |_, args| calculate(args, Number::plus)),
    Builtin::steady("minus", 2, |_, args| minus(args)),
    Builtin::steady("mul", 2, |_, args| calculate(args, Number::times)),
    Builtin::steady("div", 2, |_, args| calculate(args, Number::over)),
    Builtin::steady("rem", 2, |_, args| calculate(args, Number::remainder)),
    Builtin::steady("and", 2, |_, args| Ok(common(set(args, 0)?, set(args, 1)?))),
    Builtin::steady("or", 2, |_, args| Ok(either(set(args, 0)?, set(args, 1)?))),
    Builtin::steady("internal.member_2", 2, |_, args| member(at(args, 0)?, at(args, 1)?)),
    Builtin::steady("internal.member_3", 3, |_, args| {
        member_at(at(args, 0)?, at(args, 1)?, at(args, 2)?)
    }),
];

fn calculate(
    args: &[Value],
    operation: fn(&Number, &Number) -> Result<Number, NoNumber>,
) -> Result<Value, Failure> {
    let result = operation(number(args, 0)?, number(args, 1)?);
    result.map(Value::Number).map_err(|none| Failure::Broken(none.reason().to_owned()))
}

/// The difference of two numbers, or of two sets.
fn minus(args: &[Value]) -> Result<Value, Failure> {
    match (at(args, 0)?, at(args, 1)?) {
        (Value::Number(_), Value::Number(_)) => calculate(args, Number::minus),
        (Value::Set(one), Value::Set(two)) => Ok(without(one, two)),
        (Value::Number(_), other) => Err(wrong_type(1, other, &["number"])),
        (Value::Set(_), other @ Value::Number(_)) => Err(wrong_type(1, other, &["set"])),
        (Value::Set(_), other) => Err(wrong_type(1, other, &["number"])),
        (other, _) => Err(wrong_type(0, other, &["number", "set"])),
    }
}

/// What is in the first set and not in the second.
pub(super) fn without(one: &Set, two: &Set) -> Value {
    Value::set(one.iter().filter(|member| !two.has(member)).cloned())
}

/// What is in both sets.
pub(super) fn common(one: &Set, two: &Set) -> Value {
    let (few, many) = if one.len() <= two.len() { (one, two) } else { (two, one) };
    Value::set(few.iter().filter(|member| many.has(member)).cloned())
}

/// What is in one set or the other.
fn either(one: &Set, two: &Set) -> Value {
    Value::set(one.iter().chain(two.iter()).cloned())
}

/// Whether something is among the values of a collection.
fn member(value: &Value, collection: &Value) -> Result<Value, Failure> {
    Ok(Value::Bool(match collection {
        Value::Set(set) => set.has(value),
        Value::Array(items) => items.contains(value),
        Value::Object(object) => object.iter().any(|(_, other)| other == value),
        _ => false,
    }))
}

/// Whether something is what stands at a key of a collection.
fn member_at(key: &Value, value: &Value, collection: &Value) -> Result<Value, Failure> {
    Ok((collection.get(key) == Some(value)).into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn operators() {
        check(&[
            ("equal", "[1, 1.0]", "true"),
            ("neq", r#"["a", "b"]"#, "true"),
            ("lt", r#"[9, "a"]"#, "true"),
            ("gte", "[[1], [1, 0]]", "false"),
            ("plus", "[1, 2.5]", "3.5"),
            ("plus", r#"[1, "2"]"#, "plus: operand 2 must be number but got string"),
            ("minus", "[3, 1]", "2"),
            ("minus", "[[1], 1]", "minus: operand 1 must be one of {number, set} but got array"),
            ("minus", "[1, []]", "minus: operand 2 must be number but got array"),
            ("div", "[1, 0]", "div: divide by zero"),
            ("rem", "[1.5, 1]", "rem: modulo on floating-point number"),
            ("and", "[1, 2]", "and: operand 1 must be set but got number"),
            ("internal.member_2", "[2, [1, 2]]", "true"),
            ("internal.member_2", r#"["a", {"a": "b"}]"#, "false"),
            ("internal.member_2", "[2, 2]", "false"),
            ("internal.member_3", "[0, 1, [1, 2]]", "true"),
            ("internal.member_3", r#"["a", 2, {"a": 1}]"#, "false"),
        ]);
    }
}
