//! SQLite, whose columns hold values of any type and turn one into another when they are
//! compared: a `+` before a column keeps it from that, and orders numbers before texts, as
//! policies do. Booleans are the numbers 1 and 0, so what a column holds is only known by how it
//! is asked for, and one that is asked for as both is refused.

use rego::{Number, Value};

use super::{
    Column, Condition, Refused, Sorted, Test, joined, name, number, of_null, shown, without_nul,
};
use crate::filter::condition::{Order, Part};

/// That no column holds numbers here and booleans there.
pub(super) fn check(condition: &Condition) -> Result<(), Refused> {
    let (mut of_bools, mut of_numbers): (Vec<&Column>, Vec<&Column>) = Default::default();
    condition.tests(&mut |column, test| {
        let values = match test {
            Test::Value(_, value) => std::slice::from_ref(value),
            Test::Among(values) | Test::Apart(values) => values,
            _ => &[],
        };
        let Sorted { numbers, bools, .. } = Sorted::of(values);
        of_bools.extend((!bools.is_empty()).then_some(column));
        of_numbers.extend((!numbers.is_empty()).then_some(column));
    });
    let is_both = |column: &&&Column| of_numbers.contains(*column);
    of_bools.iter().find(is_both).map_or(Ok(()), |column| {
        let story = "it is compared with booleans and with numbers, which are the same in SQLite: \
                     compare it with one of them";
        Err(Refused { line: shown(column), story: story.to_owned() })
    })
}

pub(super) fn test(column: &Column, test: &Test) -> Result<String, String> {
    // Quotes of the other kind make texts of names that are not there.
    let name = name(column, '`')?;
    if let Some(text) = of_null(&name, test) {
        return Ok(text);
    }
    match test {
        Test::Value(order, value) => compared(&name, *order, value),
        Test::Column(order, other) => {
            let other = self::name(other, '`')?;
            let sign = order.sign();
            let exact = format!("(+{name}) COLLATE BINARY {sign} (+{other})");
            Ok(match order {
                Order::Equal => format!("({name} = {other} AND {exact})"),
                _ => exact,
            })
        }
        Test::Among(values) => {
            let list = list(values)?;
            Ok(format!("({name} IN ({list}) AND (+{name}) COLLATE BINARY IN ({list}))"))
        }
        Test::Apart(values) => Ok(format!("(+{name}) COLLATE BINARY NOT IN ({})", list(values)?)),
        Test::Has(part, text) => {
            let has = found(&name, *part, text, true)?;
            Ok(joined([vec![format!("typeof({name}) = 'text'")], has].concat(), " AND "))
        }
        Test::Lacks(part, text) => {
            let lacks = found(&name, *part, text, false)?;
            let lacks = [vec![format!("typeof({name}) <> 'text'")], lacks].concat();
            Ok(format!("({name} IS NOT NULL AND {})", joined(lacks, " OR ")))
        }
        Test::Null | Test::There => Ok(String::new()),
    }
}

fn compared(name: &str, order: Order, value: &Value) -> Result<String, String> {
    let (sign, written) = (order.sign(), literal(value)?);
    let exact = match value {
        Value::Text(_) => format!("(+{name}) COLLATE BINARY {sign} {written}"),
        _ => format!("+{name} {sign} {written}"),
    };
    Ok(match order {
        Order::Equal => format!("({name} = {written} AND {exact})"),
        _ => exact,
    })
}

/// Where a text is in another, or is not. Nothing where that need not be asked.
fn found(name: &str, part: Part, text: &str, has: bool) -> Result<Vec<String>, String> {
    if text.is_empty() {
        return Ok(if has { Vec::new() } else { vec!["1 = 0".to_owned()] });
    }
    let (length, written) = (text.chars().count(), quoted(text)?);
    let sign = if has { "=" } else { "<>" };
    Ok(vec![match part {
        Part::Start => format!("substr({name}, 1, {length}) {sign} {written}"),
        Part::End => format!("substr({name}, -{length}) {sign} {written}"),
        Part::Somewhere => {
            format!("instr({name}, {written}) {} 0", if has { ">" } else { "=" })
        }
    }])
}

fn list(values: &[Value]) -> Result<String, String> {
    let Sorted { texts, numbers, bools } = Sorted::of(values);
    let texts = texts.into_iter().map(quoted);
    let numbers = numbers.into_iter().map(|number: &Number| self::number(number));
    let bools = bools.into_iter().map(|is| Ok(bool(is)));
    Ok(texts.chain(numbers).chain(bools).collect::<Result<Vec<_>, String>>()?.join(", "))
}

fn literal(value: &Value) -> Result<String, String> {
    match value {
        Value::Text(text) => quoted(text),
        Value::Number(number) => self::number(number),
        Value::Bool(is) => Ok(bool(*is)),
        other => Err(format!("a value of type {} is not in a column", other.type_name())),
    }
}

fn bool(is: bool) -> String {
    if is { "TRUE" } else { "FALSE" }.to_owned()
}

fn quoted(text: &str) -> Result<String, String> {
    Ok(format!("'{}'", without_nul(text)?.replace('\'', "''")))
}
