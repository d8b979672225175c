//! Numbers, rounded and in rows.

use num_bigint::BigInt;

use super::argument::{broken, large, number};
use super::{Builtin, Failure, MADE_MAX, Surroundings};
use crate::value::{Number, Value};

pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("abs", 1, |_, args| Ok(number(args, 0)?.absolute().into())),
    Builtin::steady("ceil", 1, |_, args| Ok(number(args, 0)?.ceiling().into())),
    Builtin::steady("floor", 1, |_, args| Ok(number(args, 0)?.floor().into())),
    Builtin::steady("round", 1, |_, args| Ok(number(args, 0)?.rounded().into())),
    Builtin::steady("numbers.range", 2, |surroundings, args| {
        range(surroundings, &large(args, 0)?, &large(args, 1)?, &BigInt::from(1))
    }),
    Builtin::steady("numbers.range_step", 3, |surroundings, args| {
        let (from, to, step) = (large(args, 0)?, large(args, 1)?, large(args, 2)?);
        if step <= BigInt::ZERO {
            return broken("numbers.range_step: step must be a positive integer");
        }
        range(surroundings, &from, &to, &step)
    }),
];

/// How many numbers are made before it is asked whether there is time for more.
const AT_ONCE: usize = 4096;

/// The numbers from one to another, both included, up or down.
fn range(
    surroundings: &Surroundings<'_>,
    from: &BigInt,
    to: &BigInt,
    step: &BigInt,
) -> Result<Value, Failure> {
    let up = from <= to;
    let count = if up { (to - from) / step } else { (from - to) / step };
    let Some(count) = usize::try_from(count).ok().filter(|count| *count < MADE_MAX) else {
        return Err(Failure::Halted("a range has too many numbers"));
    };
    let mut numbers = Vec::with_capacity(count + 1);
    let mut next = from.clone();
    for place in 0..=count {
        if place % AT_ONCE == AT_ONCE - 1 {
            surroundings.go_on()?;
        }
        numbers.push(Value::Number(Number::from(&next)));
        if up {
            next += step;
        } else {
            next -= step;
        }
    }
    Ok(Value::array(numbers))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn numbers() {
        check(&[
            ("abs", "[-2.5]", "2.5"),
            ("ceil", "[1.5]", "2"),
            ("floor", "[-1.5]", "-2"),
            ("round", "[2.5]", "3"),
            ("round", r#"["2"]"#, "round: operand 1 must be number but got string"),
            ("numbers.range", "[1, 3]", "[1,2,3]"),
            ("numbers.range", "[3, 1.0]", "[3,2,1]"),
            (
                "numbers.range",
                "[1.5, 2]",
                "numbers.range: operand 1 must be integer number but got floating-point number",
            ),
            ("numbers.range", "[1, null]", "numbers.range: operand 2 must be integer but got null"),
            ("numbers.range", "[1, 1e12]", "halted: a range has too many numbers"),
            ("numbers.range_step", "[0, 7, 3]", "[0,3,6]"),
            ("numbers.range_step", "[7, 0, 3]", "[7,4,1]"),
            (
                "numbers.range_step",
                "[0, 7, 0]",
                "numbers.range_step: numbers.range_step: step must be a positive integer",
            ),
            (
                "numbers.range",
                "[9223372036854775807, 9223372036854775808]",
                "[9223372036854775807,9223372036854775808]",
            ),
        ]);
    }
}
