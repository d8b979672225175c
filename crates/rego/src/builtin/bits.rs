//! The bits of whole numbers of any size.

use num_bigint::BigInt;

use super::argument::{large, wrong};
use super::{Builtin, Failure};
use crate::value::{Number, Value};

pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("bits.and", 2, |_, args| made(&(large(args, 0)? & large(args, 1)?))),
    Builtin::steady("bits.or", 2, |_, args| made(&(large(args, 0)? | large(args, 1)?))),
    Builtin::steady("bits.xor", 2, |_, args| made(&(large(args, 0)? ^ large(args, 1)?))),
    Builtin::steady("bits.negate", 1, |_, args| made(&(-large(args, 0)? - 1))),
    Builtin::steady("bits.lsh", 2, |_, args| made(&(large(args, 0)? << count(args)?))),
    Builtin::steady("bits.rsh", 2, |_, args| made(&(large(args, 0)? >> count(args)?))),
];

fn made(number: &BigInt) -> Result<Value, Failure> {
    Ok(Value::Number(Number::from(number)))
}

/// By how many bits is shifted.
const SHIFT_MAX: u32 = 32_768;

fn count(args: &[Value]) -> Result<u32, Failure> {
    let count = large(args, 1)?;
    if count < BigInt::ZERO {
        return Err(wrong(1, "must be an unsigned integer number but got a negative integer"));
    }
    let count = u32::try_from(&count).ok().filter(|count| *count <= SHIFT_MAX);
    count.ok_or_else(|| Failure::Broken(format!("shifts by more than {SHIFT_MAX} bits")))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn bits() {
        check(&[
            ("bits.and", "[6, 3]", "2"),
            ("bits.or", "[6, 3]", "7"),
            ("bits.xor", "[6, 3]", "5"),
            ("bits.xor", "[-1, 5]", "-6"),
            ("bits.negate", "[5]", "-6"),
            ("bits.lsh", "[1, 70]", "1180591620717411303424"),
            ("bits.rsh", "[-5, 1]", "-3"),
            (
                "bits.lsh",
                "[1, -1]",
                "bits.lsh: operand 2 must be an unsigned integer number but got a negative integer",
            ),
            ("bits.lsh", "[1, 1000000000]", "bits.lsh: shifts by more than 32768 bits"),
            (
                "bits.and",
                "[1.5, 1]",
                "bits.and: operand 1 must be integer number but got floating-point number",
            ),
        ]);
    }
}
