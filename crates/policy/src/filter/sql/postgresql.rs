//! PostgreSQL, whose columns have types: a comparison with a value of another type fails, and
//! selects nothing. Texts are compared as they stand in JSON, so that those of columns with other
//! rules (`citext`, collations, padded ones) and of other types (`uuid`, `timestamptz`) are what
//! a policy would be asked with. Numbers are compared as they are written, since what a column of
//! few digits holds is something else to the rest of the database.

use rego::{Number, Value};

use super::{Column, Sorted, Test, joined, name, number, of_null, without_nul};
use crate::filter::condition::{Order, Part};

/// Whole numbers below this are the same in columns of any type of number.
const SMALL: u64 = 1_000_000;

pub(super) fn test(column: &Column, test: &Test) -> Result<String, String> {
    let name = name(column, '"')?;
    if let Some(text) = of_null(&name, test) {
        return Ok(text);
    }
    match test {
        Test::Value(order, value) => compared(&name, *order, value),
        Test::Column(order, other) => {
            let other = self::name(other, '"')?;
            let sign = order.sign();
            Ok(match order {
                Order::Equal | Order::Unequal => {
                    format!("to_jsonb({name}) {sign} to_jsonb({other})")
                }
                _ => format!("{} {sign} {}", digits(&name), digits(&other)),
            })
        }
        Test::Among(values) => among(&name, values),
        Test::Apart(values) => apart(&name, values),
        Test::Has(part, text) => found(&name, *part, text, true),
        Test::Lacks(part, text) => found(&name, *part, text, false),
        Test::Null | Test::There => Ok(String::new()),
    }
}

fn compared(name: &str, order: Order, value: &Value) -> Result<String, String> {
    let sign = order.sign();
    match (value, order) {
        (Value::Text(text), Order::Equal) => {
            let text = quoted(text)?;
            Ok(format!("({name} = {text} AND to_jsonb({name}) = to_jsonb({text}::text))"))
        }
        (Value::Text(text), Order::Unequal) => {
            Ok(format!("to_jsonb({name}) <> to_jsonb({}::text)", quoted(text)?))
        }
        (Value::Text(text), _) => {
            Ok(format!("{} COLLATE \"C\" {sign} {}", letters(name), quoted(text)?))
        }
        (Value::Number(number), _) => {
            let written = self::number(number)?;
            if is_small(number) {
                return Ok(format!("{name} {sign} {written}"));
            }
            let exact = format!("{} {sign} {written}", digits(name));
            Ok(match (order, number.as_i64()) {
                (Order::Equal, Some(_)) => format!("({name} = {written} AND {exact})"),
                _ => exact,
            })
        }
        (Value::Bool(is), _) => Ok(format!("{name} {sign} {}", bool(*is))),
        (other, _) => Err(format!("a value of type {} is not in a column", other.type_name())),
    }
}

fn among(name: &str, values: &[Value]) -> Result<String, String> {
    let Sorted { texts, numbers, bools } = Sorted::of(values);
    let mut parts = Vec::new();
    if !texts.is_empty() {
        let (plain, exact) = lists(&texts)?;
        parts.push(format!("({name} IN ({plain}) AND to_jsonb({name}) IN ({exact}))"));
    }
    let (small, other): (Vec<&Number>, Vec<&Number>) =
        numbers.into_iter().partition(|number| is_small(number));
    if !small.is_empty() {
        parts.push(format!("{name} IN ({})", written(small)?));
    }
    for number in other {
        parts.push(compared(name, Order::Equal, &Value::Number(number.clone()))?);
    }
    parts.extend(bools.into_iter().map(|is| format!("{name} = {}", bool(is))));
    Ok(joined(parts, " OR "))
}

fn apart(name: &str, values: &[Value]) -> Result<String, String> {
    let Sorted { texts, numbers, bools } = Sorted::of(values);
    let mut parts = Vec::new();
    if !texts.is_empty() {
        parts.push(format!("to_jsonb({name}) NOT IN ({})", lists(&texts)?.1));
    }
    if !numbers.is_empty() {
        let column = match numbers.iter().all(|number| is_small(number)) {
            true => name.to_owned(),
            false => digits(name),
        };
        parts.push(format!("{column} NOT IN ({})", written(numbers)?));
    }
    parts.extend(bools.into_iter().map(|is| format!("{name} <> {}", bool(is))));
    Ok(joined(parts, " AND "))
}

/// Where a text is in another, or is not. Of NULL neither holds.
fn found(name: &str, part: Part, text: &str, has: bool) -> Result<String, String> {
    let (column, written) = (letters(name), quoted(text)?);
    Ok(match (part, has) {
        (Part::Start, true) => format!("starts_with({column}, {written})"),
        (Part::Start, false) => format!("NOT starts_with({column}, {written})"),
        (Part::End, has) => {
            let (sign, length) = (if has { "=" } else { "<>" }, text.chars().count());
            format!("right({column}, {length}) {sign} {written}")
        }
        (Part::Somewhere, true) => format!("strpos({column}, {written}) > 0"),
        (Part::Somewhere, false) => format!("strpos({column}, {written}) = 0"),
    })
}

/// Texts as they may be in a column of any type, and as they have to be.
fn lists(texts: &[&str]) -> Result<(String, String), String> {
    let plain = texts.iter().map(|text| quoted(text)).collect::<Result<Vec<_>, _>>()?;
    let exact: Vec<String> = plain.iter().map(|text| format!("to_jsonb({text}::text)")).collect();
    Ok((plain.join(", "), exact.join(", ")))
}

fn written(numbers: Vec<&Number>) -> Result<String, String> {
    Ok(numbers.into_iter().map(number).collect::<Result<Vec<_>, _>>()?.join(", "))
}

/// A column of text as it stands in JSON; of another type it has no collation, and fails.
fn letters(name: &str) -> String {
    format!("(to_jsonb({name} COLLATE \"C\") #>> '{{}}')")
}

/// A column of numbers with the digits that are written; of another type it has no sign, and fails.
fn digits(name: &str) -> String {
    format!("(+{name})::text::numeric")
}

fn is_small(number: &Number) -> bool {
    number.as_i64().is_some_and(|whole| whole.unsigned_abs() < SMALL)
}

fn bool(is: bool) -> &'static str {
    if is { "TRUE" } else { "FALSE" }
}

/// A text in which a backslash means the same whatever the server is configured to.
fn quoted(text: &str) -> Result<String, String> {
    let text = without_nul(text)?;
    Ok(format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''")))
}
