//! Amounts with units: `10Ki`, `100m`, `1.5GB`.

use num_bigint::BigInt;

use super::argument::{broken, text};
use super::{Builtin, Failure};
use crate::value::{Number, Value};

pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("units.parse", 1, |_, args| units(text(args, 0)?)),
    Builtin::steady("units.parse_bytes", 1, |_, args| bytes(text(args, 0)?)),
];

/// An amount of anything; units are told apart by their case where SI does: `m` and `M`.
fn units(text: &str) -> Result<Value, Failure> {
    let text = text.replace('"', "");
    if text.contains(' ') {
        return broken("units.parse: spaces not allowed in resource strings");
    }
    let Some((amount, unit)) = split(&text) else {
        return broken("units.parse: exponent too large");
    };
    if amount.is_empty() {
        return broken("units.parse: no amount provided");
    }
    let mut letters = unit.chars();
    let first = letters.next().map(String::from).unwrap_or_default();
    let unit = first + &letters.as_str().to_lowercase();
    // A thousandth as floating-point numbers have it, which is a little more than one.
    let scale = match unit.as_str() {
        "m" => None,
        "" => Some(1),
        "k" | "K" => Some(1000),
        "ki" | "Ki" => Some(1 << 10),
        "M" => Some(1000_i64.pow(2)),
        "mi" | "Mi" => Some(1 << 20),
        "g" | "G" => Some(1000_i64.pow(3)),
        "gi" | "Gi" => Some(1 << 30),
        "t" | "T" => Some(1000_i64.pow(4)),
        "ti" | "Ti" => Some(1 << 40),
        "p" | "P" => Some(1000_i64.pow(5)),
        "pi" | "Pi" => Some(1 << 50),
        "e" | "E" => Some(1000_i64.pow(6)),
        "ei" | "Ei" => Some(1 << 60),
        other => return broken(format!("units.parse: unit {other} not recognized")),
    };
    let amount = Fraction::parse(amount);
    let Some(Fraction { over, under }) = amount else {
        return broken("units.parse: could not parse amount to a number");
    };
    let (over, under) = match scale {
        Some(scale) => (over * scale, under),
        None => (over * MILLI, under * (BigInt::from(1) << MILLI_BITS)),
    };
    let number = if (&over % &under) == BigInt::ZERO {
        Number::from(&(over / under))
    } else {
        Number::parse(&ten_places(&over, &under)).ok_or_else(too_large)?
    };
    Ok(number.into())
}

/// The floating-point number next to a thousandth: this many parts of two to some power.
const MILLI: i64 = 1_152_921_504_606_847;

const MILLI_BITS: u32 = 60;

/// A whole number of bytes; the case of units does not matter.
fn bytes(text: &str) -> Result<Value, Failure> {
    let text = text.to_lowercase().replace('"', "");
    if text.contains(' ') {
        return broken("units.parse_bytes: spaces not allowed in resource strings");
    }
    let Some((amount, unit)) = split(&text) else {
        return broken("units.parse_bytes: exponent too large");
    };
    if amount.is_empty() {
        return broken("units.parse_bytes: no byte amount provided");
    }
    let scale: i64 = match unit {
        "" => 1,
        "kb" | "k" => 1000,
        "kib" | "ki" => 1 << 10,
        "mb" | "m" => 1000_i64.pow(2),
        "mib" | "mi" => 1 << 20,
        "gb" | "g" => 1000_i64.pow(3),
        "gib" | "gi" => 1 << 30,
        "tb" | "t" => 1000_i64.pow(4),
        "tib" | "ti" => 1 << 40,
        "pb" | "p" => 1000_i64.pow(5),
        "pib" | "pi" => 1 << 50,
        "eb" | "e" => 1000_i64.pow(6),
        "eib" | "ei" => 1 << 60,
        other => return broken(format!("units.parse_bytes: byte unit {other} not recognized")),
    };
    let Some(amount) = Number::parse(amount) else {
        return broken("units.parse_bytes: could not parse byte amount to a number");
    };
    let total = amount.times(&scale.into()).map_err(|_| too_large())?;
    Ok(Number::from(&total.truncated()).into())
}

fn too_large() -> Failure {
    Failure::Broken("the amount is too large".to_owned())
}

/// How many digits an exponent may have.
const EXPONENT_DIGITS_MAX: usize = 6;

/// The number a text begins with, and the unit behind it; nothing if its exponent has too many
/// digits.
fn split(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let is = |place: usize, set: &[u8]| bytes.get(place).is_some_and(|byte| set.contains(byte));
    let digit = |place: usize| bytes.get(place).is_some_and(u8::is_ascii_digit);
    let mut place = 0;
    while place < bytes.len() {
        if is(place, b"eE") {
            if !digit(place + 1) && !is(place + 1, b"+-") {
                break;
            }
            place += usize::from(is(place + 1, b"+-"));
            let digits = (place + 1..).take_while(|place| digit(*place)).count();
            if digits > EXPONENT_DIGITS_MAX {
                return None;
            }
        } else if !digit(place) && !is(place, b".+-") {
            break;
        }
        place += 1;
    }
    Some(text.split_at_checked(place).unwrap_or((text, "")))
}

/// A number as one whole number over another.
struct Fraction {
    over: BigInt,
    under: BigInt,
}

impl Fraction {
    fn parse(text: &str) -> Option<Self> {
        // The number is checked by its own reader, and its digits are read here.
        Number::parse(text)?;
        let lower = text.to_lowercase();
        let (mantissa, exponent) = lower.split_once('e').unwrap_or((&lower, "0"));
        let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let over: BigInt = format!("{before}{after}").parse().ok()?;
        let places = i64::try_from(after.len()).ok()?;
        let power = exponent.parse::<i64>().ok()?.checked_sub(places)?;
        let scale = BigInt::from(10).pow(u32::try_from(power.unsigned_abs()).ok()?);
        Some(if power >= 0 {
            Self { over: over * scale, under: BigInt::from(1) }
        } else {
            Self { over, under: scale }
        })
    }
}

/// A fraction with ten places behind the point; the nearest, and of two the one further from
/// zero.
fn ten_places(over: &BigInt, under: &BigInt) -> String {
    let negative = *over < BigInt::ZERO;
    let twice = BigInt::from(over.magnitude().clone()) * 20_000_000_000_i64;
    let rounded: BigInt = (twice + under) / (under * 2);
    let digits = format!("{:0>11}", rounded.to_string());
    let (before, after) = digits.split_at(digits.len() - 10);
    format!("{}{before}.{after}", if negative { "-" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn amounts() {
        check(&[
            ("units.parse", r#"["10K"]"#, "10000"),
            ("units.parse", r#"["10Ki"]"#, "10240"),
            ("units.parse", r#"["100m"]"#, "0.1000000000"),
            ("units.parse", r#"["1.5"]"#, "1.5000000000"),
            ("units.parse", r#"["-1.5m"]"#, "-0.0015000000"),
            ("units.parse", r#"["3e2G"]"#, "300000000000"),
            ("units.parse", r#"["7e"]"#, "7000000000000000000"),
            (
                "units.parse",
                r#"[" 1"]"#,
                "units.parse: units.parse: spaces not allowed in resource strings",
            ),
            ("units.parse", r#"["1x"]"#, "units.parse: units.parse: unit x not recognized"),
            ("units.parse", r#"["x"]"#, "units.parse: units.parse: no amount provided"),
            (
                "units.parse",
                r#"["1.2.3"]"#,
                "units.parse: units.parse: could not parse amount to a number",
            ),
            ("units.parse", r#"["1e1234567"]"#, "units.parse: units.parse: exponent too large"),
            ("units.parse_bytes", r#"["1.1KiB"]"#, "1126"),
            ("units.parse_bytes", r#"["10gb"]"#, "10000000000"),
            ("units.parse_bytes", r#"["1e-2KB"]"#, "10"),
            ("units.parse_bytes", r#"["10eb"]"#, "10000000000000000000"),
            (
                "units.parse_bytes",
                r#"["10zz"]"#,
                "units.parse_bytes: units.parse_bytes: byte unit zz not recognized",
            ),
        ]);
    }
}
