//! Arguments, read in one way: what is wrong with one is said in the same words everywhere.
//!
//! Places count from nothing here and from one in what is said, as callers count.

use num_bigint::BigInt;

use super::Failure;
use crate::value::{Number, Object, Set, Value};

/// The argument at a place.
pub(super) fn at(args: &[Value], place: usize) -> Result<&Value, Failure> {
    args.get(place).ok_or_else(|| wrong(place, "is missing"))
}

/// The string at a place.
pub(super) fn text(args: &[Value], place: usize) -> Result<&str, Failure> {
    let arg = at(args, place)?;
    arg.as_text().ok_or_else(|| wrong_type(place, arg, &["string"]))
}

/// The number at a place.
pub(super) fn number(args: &[Value], place: usize) -> Result<&Number, Failure> {
    match at(args, place)? {
        Value::Number(number) => Ok(number),
        other => Err(wrong_type(place, other, &["number"])),
    }
}

/// The whole number of 64 bits at a place.
pub(super) fn whole(args: &[Value], place: usize) -> Result<i64, Failure> {
    number(args, place)?.as_i64().ok_or_else(|| wrong(place, NOT_WHOLE))
}

/// The whole number of any size at a place.
pub(super) fn large(args: &[Value], place: usize) -> Result<BigInt, Failure> {
    match at(args, place)? {
        Value::Number(number) => number.to_whole().ok_or_else(|| wrong(place, NOT_WHOLE)),
        other => Err(wrong_type(place, other, &["integer"])),
    }
}

/// The list at a place.
pub(super) fn array(args: &[Value], place: usize) -> Result<&[Value], Failure> {
    match at(args, place)? {
        Value::Array(items) => Ok(items),
        other => Err(wrong_type(place, other, &["array"])),
    }
}

/// The object at a place.
pub(super) fn object(args: &[Value], place: usize) -> Result<&Object, Failure> {
    match at(args, place)? {
        Value::Object(object) => Ok(object),
        other => Err(wrong_type(place, other, &["object"])),
    }
}

/// The set at a place.
pub(super) fn set(args: &[Value], place: usize) -> Result<&Set, Failure> {
    match at(args, place)? {
        Value::Set(set) => Ok(set),
        other => Err(wrong_type(place, other, &["set"])),
    }
}

/// What is in a list or a set, in order; nothing if the value is neither.
pub(super) fn members(value: &Value) -> Option<Vec<&Value>> {
    match value {
        Value::Array(items) => Some(items.iter().collect()),
        Value::Set(set) => Some(set.iter().collect()),
        _ => None,
    }
}

/// The strings in the list or set at a place. `expected` is what the place takes, in the order
/// it is said.
pub(super) fn texts<'a>(
    args: &'a [Value],
    place: usize,
    expected: &[&str],
) -> Result<Vec<&'a str>, Failure> {
    let arg = at(args, place)?;
    let members = members(arg).ok_or_else(|| wrong_type(place, arg, expected))?;
    let text = |member: &'a Value| {
        member.as_text().ok_or_else(|| wrong_member(place, arg, member, "string"))
    };
    members.into_iter().map(text).collect()
}

/// What is said when an argument is of a wrong type.
pub(super) fn wrong_type(place: usize, got: &Value, expected: &[&str]) -> Failure {
    let got = got.type_name();
    match expected {
        [one] => wrong(place, &format!("must be {one} but got {got}")),
        many => wrong(place, &format!("must be one of {{{}}} but got {got}", many.join(", "))),
    }
}

/// What is said when something in an argument is of a wrong type.
pub(super) fn wrong_member(place: usize, whole: &Value, got: &Value, expected: &str) -> Failure {
    let (whole, got) = (whole.type_name(), got.type_name());
    wrong(place, &format!("must be {whole} of {expected}s but got {whole} containing {got}"))
}

/// What is said when an argument is not one that is taken.
pub(super) fn wrong(place: usize, what: &str) -> Failure {
    Failure::Type(format!("operand {} {what}", place + 1))
}

/// What is said when an argument is of the right type, and still no good.
pub(super) fn broken<T>(why: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Broken(why.into()))
}

const NOT_WHOLE: &str = "must be integer number but got floating-point number";
