//! Numbers.
//!
//! A number is what its text says: whole numbers of 64 bits are kept as such, any other as its
//! decimal digits, exactly. Sums of whole numbers are exact; everything else is computed with
//! 64 bits of mantissa and becomes the shortest text that stands for the result.

mod arithmetic;
mod decimal;
mod float;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use num_bigint::BigInt;

pub use arithmetic::NoNumber;
use decimal::Decimal;
use float::Float;

/// How many digits a number may have, and how large its exponent may be.
const DIGITS_MAX: usize = 10_000;

/// A number: whole and of 64 bits, as most are, or any other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Number {
    /// A whole number of 64 bits.
    Whole(i64),
    /// Any other number.
    Real(Arc<Real>),
}

/// A number that is no whole number of 64 bits.
#[derive(Debug)]
pub struct Real {
    /// As it was written, which is how it is written again.
    text: Box<str>,
    decimal: Decimal,
}

impl Number {
    /// The number a text stands for, as JSON writes numbers; nothing if it is none, or one of
    /// more digits than numbers may have here.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() < 19
            && let Ok(whole) = text.parse::<i64>()
            && !text.starts_with('+')
        {
            return Some(Self::Whole(whole));
        }
        Self::of(Decimal::parse(text)?, || text.into())
    }

    /// The number a floating-point number stands for, if it is one at all.
    pub fn from_f64(number: f64) -> Option<Self> {
        if !number.is_finite() {
            return None;
        }
        let decimal = Decimal::parse(&format!("{number:e}"))?;
        let text = decimal.general();
        Self::of(decimal, || text.into())
    }

    /// The whole number of something counted.
    pub fn unsigned(count: u64) -> Self {
        i64::try_from(count).map_or_else(|_| Self::from(&BigInt::from(count)), Self::Whole)
    }

    /// The whole number, if it is one of 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Whole(number) => Some(*number),
            Self::Real(_) => None,
        }
    }

    /// The nearest floating-point number of 64 bits.
    #[expect(clippy::cast_precision_loss, reason = "the nearest is what is asked for")]
    pub fn as_f64(&self) -> f64 {
        match self {
            Self::Whole(number) => *number as f64,
            Self::Real(real) => real.text.parse().unwrap_or(f64::NAN),
        }
    }

    /// The whole number of any size, if it is one. Of more than 64 bits only the first 64 count,
    /// as they do in all arithmetic.
    pub fn to_whole(&self) -> Option<BigInt> {
        match self {
            Self::Whole(number) => Some(BigInt::from(*number)),
            Self::Real(real) => Float::from(&real.decimal).whole(),
        }
    }

    /// All digits, if it is a whole number and written as one.
    pub fn to_digits(&self) -> Option<BigInt> {
        match self {
            Self::Whole(number) => Some(BigInt::from(*number)),
            Self::Real(real) => real.text.parse().ok(),
        }
    }

    /// The part before the point, as a whole number of any size.
    pub fn truncated(&self) -> BigInt {
        match self {
            Self::Whole(number) => BigInt::from(*number),
            Self::Real(real) => Float::from(&real.decimal).truncated(),
        }
    }

    fn float(&self) -> Float {
        match self {
            Self::Whole(number) => Float::from(*number),
            Self::Real(real) => Float::from(&real.decimal),
        }
    }

    fn of(decimal: Decimal, text: impl FnOnce() -> Box<str>) -> Option<Self> {
        if let Some(whole) = decimal.as_i64() {
            return Some(Self::Whole(whole));
        }
        Some(Self::Real(Arc::new(Real { text: text(), decimal })))
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

impl From<&BigInt> for Number {
    fn from(number: &BigInt) -> Self {
        if let Ok(whole) = i64::try_from(number) {
            return Self::Whole(whole);
        }
        let text = number.to_string();
        let decimal = Decimal::of_whole(&text);
        Self::Real(Arc::new(Real { text: text.into(), decimal }))
    }
}

impl From<Float> for Number {
    fn from(float: Float) -> Self {
        let decimal = float.shortest();
        if let Some(whole) = decimal.as_i64() {
            return Self::Whole(whole);
        }
        let text = if float.is_whole() { decimal.fixed() } else { decimal.general() };
        Self::Real(Arc::new(Real { text: text.into(), decimal }))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Real(real) => f.write_str(&real.text),
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Whole(one), Self::Whole(two)) => one.cmp(two),
            (Self::Real(one), Self::Real(two)) => one.decimal.cmp(&two.decimal),
            (Self::Whole(one), Self::Real(two)) => Decimal::from(*one).cmp(&two.decimal),
            (Self::Real(one), Self::Whole(two)) => one.decimal.cmp(&Decimal::from(*two)),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.decimal == other.decimal
    }
}

impl Eq for Real {}

impl Hash for Real {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.decimal.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn whole_numbers_of_64_bits_are_whole_however_they_are_written() {
        for (text, whole) in [
            ("1", 1),
            ("-0", 0),
            ("1.0", 1),
            ("1e3", 1000),
            ("120E-1", 12),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(number(text).as_i64(), Some(whole), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_written_as_they_were_read() {
        for text in ["1.10", "1e-7", "28857836529306024611913", "9223372036854775808", "-2.5"] {
            assert_eq!(number(text).to_string(), text);
            assert_eq!(number(text).as_i64(), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "1e", "1e+", "0x10", "1_0", "nan", "inf", "1.2.3", "1e99999"] {
            assert!(Number::parse(text).is_none(), "{text}");
        }
        assert!(Number::parse(&"9".repeat(DIGITS_MAX + 1)).is_none());
    }

    #[test]
    fn numbers_are_ordered_by_value_in_all_their_digits() {
        let ordered = [
            "-1e30",
            "-9223372036854775809",
            "-9223372036854775808",
            "-2.5",
            "-2.25",
            "-1",
            "-1e-9",
            "0",
            "1e-9",
            "0.5",
            "1",
            "1.5",
            "9223372036854775807",
            "9223372036854775808",
            "28857836529306024611912",
            "28857836529306024611913",
            "1e30",
        ];
        let numbers: Vec<Number> = ordered.iter().map(|text| number(text)).collect();
        assert!(numbers.is_sorted_by(|one, two| one < two));
        assert_eq!(number("0.10"), number("1e-1"));
        assert_eq!(number("1e30"), number("1000000000000000000000000000000"));
    }

    #[test]
    fn floating_point_numbers_come_and_go() {
        for (number, text) in [(0.1, "0.1"), (1e21, "1e+21"), (1234567.5, "1.2345675e+06")] {
            let made = Number::from_f64(number).unwrap();
            assert_eq!(made.to_string(), text);
            assert!((made.as_f64() - number).abs() < f64::EPSILON);
        }
        assert!(Number::from_f64(f64::NAN).is_none());
        assert_eq!(Number::from_f64(3.0).unwrap().as_i64(), Some(3));
    }
}
