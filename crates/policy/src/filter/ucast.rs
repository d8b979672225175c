//! Conditions as JSON that libraries of other languages read (UCAST).
//!
//! Readers differ in what a comparison with NULL comes to, so it is said beside what would hold
//! of one somewhere. Prisma is left to its database, which needs no such words, and refuses them
//! where a column cannot be NULL.

use flow::question::filter::Reader;
use rego::Value;

use super::Refused;
use super::column::Column;
use super::condition::{Condition, Order, Part, Test};

/// A condition as an object, without members where it always holds.
pub(super) fn written(condition: &Condition, reader: Reader) -> Result<Value, Refused> {
    if condition.is_always() {
        return Ok(Value::object([]));
    }
    match condition {
        Condition::All(parts) => several("and", parts, reader),
        Condition::Any(parts) => several("or", parts, reader),
        Condition::Test(column, test) => {
            let read = self::test(column, test, reader);
            read.map_err(|story| Refused { line: field(column), story })
        }
    }
}

fn several(operator: &str, parts: &[Condition], reader: Reader) -> Result<Value, Refused> {
    let parts: Result<Vec<Value>, _> = parts.iter().map(|part| written(part, reader)).collect();
    Ok(compound(operator, parts?))
}

fn test(column: &Column, test: &Test, reader: Reader) -> Result<Value, String> {
    let is = |operator: &str, value: Value| node(operator, column, value);
    let there = || is("ne", Value::Null);
    // What holds of no NULL, whatever a reader makes of it.
    let sure = |node: Value, others: Vec<Value>| match (reader, others.is_empty()) {
        (Reader::Prisma, true) => node,
        _ => compound("and", [vec![node, there()], others].concat()),
    };
    Ok(match test {
        Test::Null => is("eq", Value::Null),
        Test::There => there(),
        Test::Value(Order::Equal, value) => is("eq", value.clone()),
        Test::Value(Order::Unequal, value) => sure(is("ne", value.clone()), Vec::new()),
        Test::Value(order, value @ Value::Number(_)) => {
            sure(is(word(*order), value.clone()), Vec::new())
        }
        Test::Value(order, _) => {
            return Err(format!("UCAST orders numbers, and no texts (`{}`)", order.sign()));
        }
        Test::Column(..) if matches!(reader, Reader::Prisma | Reader::Linq) => {
            return Err("this reader of UCAST compares no columns with each other".to_owned());
        }
        Test::Column(..) if reader == Reader::Minimal => {
            return Err("minimal UCAST compares columns with values only".to_owned());
        }
        Test::Column(order, other) if matches!(order, Order::Equal | Order::Unequal) => {
            let value = Value::object([("field".into(), Value::from(field(other).as_str()))]);
            sure(is(word(*order), value), vec![node("ne", other, Value::Null)])
        }
        Test::Column(..) => {
            return Err("UCAST orders numbers, and columns may hold texts".to_owned());
        }
        Test::Among(values) if reader == Reader::Minimal => {
            compound("or", values.iter().map(|value| is("eq", value.clone())).collect())
        }
        Test::Among(values) => is("in", Value::array(values.clone())),
        Test::Apart(values) => {
            let each: Vec<Value> = values.iter().map(|value| is("ne", value.clone())).collect();
            match reader {
                Reader::Prisma => compound("and", each),
                _ => compound("and", [each, vec![there()]].concat()),
            }
        }
        Test::Has(part, text) => has(column, *part, text, reader)?,
        Test::Lacks(part, text) => {
            let not = compound("not", vec![has(column, *part, text, reader)?]);
            sure(not, Vec::new())
        }
    })
}

fn has(column: &Column, part: Part, text: &str, reader: Reader) -> Result<Value, String> {
    let operator = match part {
        Part::Start => "startswith",
        Part::End => "endswith",
        Part::Somewhere => "contains",
    };
    match reader {
        Reader::All | Reader::Prisma => Ok(node(operator, column, Value::from(text))),
        Reader::Minimal | Reader::Linq => {
            Err(format!("this reader of UCAST does not know `{operator}`"))
        }
    }
}

fn word(order: Order) -> &'static str {
    match order {
        Order::Equal => "eq",
        Order::Unequal => "ne",
        Order::Less => "lt",
        Order::LessOrEqual => "lte",
        Order::More => "gt",
        Order::MoreOrEqual => "gte",
    }
}

fn compound(operator: &str, mut parts: Vec<Value>) -> Value {
    if parts.len() == 1 && operator != "not" {
        return parts.pop().unwrap_or(Value::Null);
    }
    Value::object([
        ("type".into(), "compound".into()),
        ("operator".into(), operator.into()),
        ("value".into(), Value::array(parts)),
    ])
}

fn node(operator: &str, column: &Column, value: Value) -> Value {
    Value::object([
        ("type".into(), "field".into()),
        ("operator".into(), operator.into()),
        ("field".into(), field(column).as_str().into()),
        ("value".into(), value),
    ])
}

fn field(column: &Column) -> String {
    format!("{}.{}", column.table, column.name)
}
