//! Numbers with 64 significant bits.

use std::fmt;
use std::ops::Add;

use super::big::Big;
use super::digits::{Digits, Number};

/// A number as x86 processors keep the long ones: 64 bits and a power of two. Redis adds
/// with these where clients add numbers that are not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Long {
    negative: bool,
    /// Its highest bit is set unless the number is zero or smaller than all that have it.
    bits: u64,
    power: i32,
}

/// The smallest power of two a bit may stand for.
const POWER_MIN: i64 = -16_445;

/// The largest power of two the lowest bit may stand for.
const POWER_MAX: i64 = 16_320;

/// That there is no end to a number.
const INFINITE: i32 = i32::MAX;

/// How long a text may be to be read as a number.
const LENGTH_MAX: usize = 5 * 1024;

/// Which powers of ten numbers can reach.
const REACH: std::ops::Range<i64> = -4_960..4_940;

const PLACES: usize = 17;

impl Long {
    /// A number, an infinity included, but nothing that is none, and nothing that is told
    /// from zero or from an infinity only by how it is written.
    pub fn read(text: &[u8]) -> Option<Self> {
        if text.len() >= LENGTH_MAX {
            return None;
        }
        let number = Number::read(text)?;
        let (negative, zero) = (number.negative, number.is_zero());
        let read = match number.digits {
            Digits::Infinite => return Some(Self::infinite(negative)),
            _ if zero => Self { negative, bits: 0, power: 0 },
            Digits::Hexadecimal { bits, power, more } => Self::nearest(negative, bits, power, more),
            Digits::Decimal { whole, part, power } => Self::decimal(negative, whole, part, power)?,
        };
        (read.is_finite() && (read.bits != 0 || zero)).then_some(read)
    }

    /// Whether it has an end.
    pub fn is_finite(self) -> bool {
        self.power != INFINITE
    }

    fn infinite(negative: bool) -> Self {
        Self { negative, bits: 1, power: INFINITE }
    }

    fn decimal(negative: bool, whole: &[u8], part: &[u8], power: i64) -> Option<Self> {
        let zeros = whole.iter().chain(part).take_while(|digit| **digit == b'0').count();
        let length = (whole.len() + part.len() - zeros) as i64;
        let power = power - part.len() as i64;
        if !REACH.contains(&(length + power)) {
            return None;
        }
        let digits = Big::from_digits(whole.iter().chain(part).skip(zeros));
        if power >= 0 {
            let (top, below, more) = digits.times_ten_to(power.unsigned_abs()).top();
            return Some(Self::nearest(negative, top, below as i64, more));
        }
        let scale = Big::new(1).times_ten_to(power.unsigned_abs());
        let (quotient, power, more) = digits.divided_by(&scale);
        Some(Self::nearest(negative, quotient, power, more))
    }

    /// The nearest to these bits, which are not zero, and perhaps more below them; of two
    /// that are as near, the even one.
    fn nearest(negative: bool, bits: u128, power: i64, more: bool) -> Self {
        let length = 128 - i64::from(bits.leading_zeros());
        let drop = (length - 64).max(POWER_MIN.saturating_sub(power));
        let power = power.saturating_add(drop);
        if power > POWER_MAX {
            return Self::infinite(negative);
        }
        let (mut kept, up) = match u32::try_from(drop) {
            Err(_) => (bits << drop.unsigned_abs().min(127), false),
            Ok(0) => (bits, false),
            Ok(drop) if drop > 128 => (0, false),
            Ok(drop) => halves(bits, drop, more),
        };
        kept += u128::from(up);
        match u64::try_from(kept) {
            Ok(bits) => Self { negative, bits, power: power as i32 },
            Err(_) if power == POWER_MAX => Self::infinite(negative),
            Err(_) => Self { negative, bits: 1 << 63, power: power as i32 + 1 },
        }
    }
}

/// Bits without the lowest, of which there are as many as `drop`, and whether those, and
/// perhaps more below them, are worth one more.
fn halves(bits: u128, drop: u32, more: bool) -> (u128, bool) {
    let kept = bits.checked_shr(drop).unwrap_or(0);
    let dropped = bits ^ kept.checked_shl(drop).unwrap_or(0);
    let half = 1u128 << (drop - 1);
    let up = dropped > half || (dropped == half && (more || kept & 1 == 1));
    (kept, up)
}

impl From<f64> for Long {
    /// Exactly the same; what is no number becomes an infinity.
    fn from(number: f64) -> Self {
        let negative = number.is_sign_negative();
        if !number.is_finite() {
            return Self::infinite(negative);
        }
        let bits = number.to_bits();
        let (fraction, power) = (bits & ((1 << 52) - 1), (bits >> 52 & 0x7ff) as i64);
        let fraction = if power == 0 { fraction } else { fraction | 1 << 52 };
        if fraction == 0 {
            return Self { negative, bits: 0, power: 0 };
        }
        Self::nearest(negative, u128::from(fraction), power.max(1) - 1_075, false)
    }
}

impl Add for Long {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        if !self.is_finite() || other.bits == 0 {
            return self;
        }
        if !other.is_finite() || self.bits == 0 {
            return other;
        }
        let is_larger = (self.power, self.bits) >= (other.power, other.bits);
        let (large, small) = if is_larger { (self, other) } else { (other, self) };
        // One bit is left free for the sum, and as many as can be for what is shifted out.
        let high = u128::from(large.bits) << 63;
        let apart = (large.power - small.power).unsigned_abs().min(127);
        let whole = u128::from(small.bits) << 63;
        let low = whole >> apart;
        let more = low << apart != whole;
        let sum = match large.negative == small.negative {
            true => high + low,
            false => high - low - u128::from(more),
        };
        if sum == 0 && !more {
            return Self { negative: false, bits: 0, power: 0 };
        }
        Self::nearest(large.negative, sum, i64::from(large.power) - 63, more)
    }
}

impl fmt::Display for Long {
    /// With 17 places after the point, but without zeros at the end.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_finite() {
            return formatter.write_str(if self.negative { "-inf" } else { "inf" });
        }
        let text = match u64::try_from(self.power) {
            Ok(power) => Big::new(u128::from(self.bits)).shifted(power).written(),
            Err(_) => fraction(self.bits, self.power.unsigned_abs()),
        };
        if self.negative && text != "0" {
            formatter.write_str("-")?;
        }
        formatter.write_str(&text)
    }
}

/// Bits the lowest of which stands for one divided by this power of two.
fn fraction(bits: u64, power: u32) -> String {
    const SCALE: u128 = 10u128.pow(PLACES as u32);
    let (kept, up) = match power {
        0..=127 => halves(u128::from(bits) * SCALE, power, false),
        _ => (0, false),
    };
    let number = kept + u128::from(up);
    let (whole, places) = (number / SCALE, number % SCALE);
    let text = format!("{whole}.{places:017}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(one: &str, other: &str) -> String {
        (Long::read(one.as_bytes()).unwrap() + Long::read(other.as_bytes()).unwrap()).to_string()
    }

    #[test]
    fn sums_are_those_of_redis() {
        let table = [
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("1", "-1", "0"),
            ("0.1", "0.2", "0.3"),
            ("-0.1", "0.05", "-0.05"),
            ("1e-5", "0", "0.00001"),
            ("1234.1", "3.0e5", "301234.09999999999999432"),
            ("1e18", "1", "1000000000000000001"),
            ("0x10", "1", "17"),
            ("1e-20", "0", "0"),
            ("-1e-20", "0", "0"),
        ];
        for (one, other, expected) in table {
            assert_eq!(sum(one, other), expected, "{one} + {other}");
        }
    }

    #[test]
    fn what_cannot_be_told_from_others_is_no_number() {
        for text in [
            "",
            " 1",
            "1 ",
            "nan",
            "1e5000",
            "1e-5000",
            "0x",
            "1e",
            ".",
            "e1",
            "1e99999999999999999999",
        ] {
            assert_eq!(Long::read(text.as_bytes()), None, "{text}");
        }
        assert!(!Long::read(b"-Infinity").unwrap().is_finite());
        assert!(Long::read(b"1e-4940").is_some());
        assert!(Long::read(b"1e4932").is_some());
        assert_eq!(Long::read(b"1.2e4932"), None);
    }

    proptest! {
        #[test]
        fn whole_numbers_are_added_exactly(one: i32, other: i32) {
            let expected = (i64::from(one) + i64::from(other)).to_string();
            prop_assert_eq!(sum(&one.to_string(), &other.to_string()), expected);
        }

        #[test]
        fn a_shorter_number_is_the_same_however_it_comes(number in proptest::num::f64::NORMAL) {
            let text = format!("{number:.1100}");
            prop_assert_eq!(Long::read(text.as_bytes()), Some(Long::from(number)));
        }
    }
}
