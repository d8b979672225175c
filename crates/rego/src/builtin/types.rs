//! What values are, and what they are taken for.

use super::argument::{at, broken, members, wrong_type};
use super::{Builtin, Failure};
use crate::value::{Number, Value};

pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("is_array", 1, |_, args| is(args, "array")),
    Builtin::steady("is_boolean", 1, |_, args| is(args, "boolean")),
    Builtin::steady("is_null", 1, |_, args| is(args, "null")),
    Builtin::steady("is_number", 1, |_, args| is(args, "number")),
    Builtin::steady("is_object", 1, |_, args| is(args, "object")),
    Builtin::steady("is_set", 1, |_, args| is(args, "set")),
    Builtin::steady("is_string", 1, |_, args| is(args, "string")),
    Builtin::steady("type_name", 1, |_, args| Ok(at(args, 0)?.type_name().into())),
    Builtin::steady("to_number", 1, |_, args| to_number(at(args, 0)?)),
    Builtin::steady("cast_array", 1, |_, args| {
        Ok(Value::array(listed(args)?.into_iter().cloned().collect::<Vec<_>>()))
    }),
    Builtin::steady("cast_set", 1, |_, args| Ok(Value::set(listed(args)?.into_iter().cloned()))),
    Builtin::steady("cast_string", 1, |_, args| only(args, "string")),
    Builtin::steady("cast_boolean", 1, |_, args| only(args, "boolean")),
    Builtin::steady("cast_null", 1, |_, args| only(args, "null")),
    Builtin::steady("cast_object", 1, |_, args| only(args, "object")),
];

/// Whether the argument is of a type.
fn is(args: &[Value], name: &str) -> Result<Value, Failure> {
    Ok((at(args, 0)?.type_name() == name).into())
}

fn only(args: &[Value], name: &str) -> Result<Value, Failure> {
    let arg = at(args, 0)?;
    if arg.type_name() == name { Ok(arg.clone()) } else { Err(wrong_type(0, arg, &[name])) }
}

fn listed(args: &[Value]) -> Result<Vec<&Value>, Failure> {
    let arg = at(args, 0)?;
    members(arg).ok_or_else(|| wrong_type(0, arg, &["array", "set"]))
}

fn to_number(value: &Value) -> Result<Value, Failure> {
    let text = match value {
        Value::Null | Value::Bool(false) => return Ok(0.into()),
        Value::Bool(true) => return Ok(1.into()),
        Value::Number(_) => return Ok(value.clone()),
        Value::Text(text) => text,
        other => return Err(wrong_type(0, other, &["null", "boolean", "number", "string"])),
    };
    let unsigned = text.trim_start_matches(['+', '-']).to_lowercase();
    if ["inf", "infinity", "nan"].contains(&unsigned.as_str()) {
        return Err(wrong_type(0, value, &["valid number string"]));
    }
    match Number::parse(text) {
        Some(number) if number.as_f64().is_finite() => Ok(number.into()),
        Some(_) => broken(format!("strconv.ParseFloat: parsing {text:?}: value out of range")),
        None => broken(format!("strconv.ParseFloat: parsing {text:?}: invalid syntax")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn types() {
        check(&[
            ("is_array", "[[]]", "true"),
            ("is_string", "[1]", "false"),
            ("type_name", "[{}]", r#""object""#),
            ("to_number", r#"["-1.5e1"]"#, "-15"),
            ("to_number", "[null]", "0"),
            ("to_number", "[true]", "1"),
            (
                "to_number",
                r#"["x"]"#,
                r#"to_number: strconv.ParseFloat: parsing "x": invalid syntax"#,
            ),
            (
                "to_number",
                r#"["-Inf"]"#,
                "to_number: operand 1 must be valid number string but got string",
            ),
            (
                "to_number",
                "[[]]",
                "to_number: operand 1 must be one of {null, boolean, number, string} but got array",
            ),
            ("cast_array", "[[1]]", "[1]"),
            ("cast_set", "[[2, 1, 2]]", "[1,2]"),
            ("cast_string", "[1]", "cast_string: operand 1 must be string but got number"),
            ("cast_null", "[null]", "null"),
        ]);
    }
}
