//! Numbers of 64 bits of mantissa, rounded to the nearest, and of two as near to the even one.

use num_bigint::{BigInt, BigUint, Sign};

use super::decimal::Decimal;

/// `mantissa` times two to the power of `exponent`. The first bit of the mantissa is set, unless
/// all of it is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Float {
    negative: bool,
    mantissa: u64,
    exponent: i32,
}

/// How many bits are kept below those of the larger of two that are added.
const BELOW: u32 = 62;

/// How large an exponent may be: with the bits of the mantissa, that of numbers of ten thousand
/// digits.
const EXPONENT_MAX: u32 = 33_219 - 64;

impl Float {
    pub(super) const ZERO: Self = Self { negative: false, mantissa: 0, exponent: 0 };

    pub(super) const HALF: Self = Self { negative: false, mantissa: 1 << 63, exponent: -64 };

    pub(super) fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    pub(super) fn is_negative(self) -> bool {
        self.negative
    }

    /// Whether it may become a number: neither too large nor too near to zero.
    pub(super) fn in_bounds(self) -> bool {
        self.exponent.unsigned_abs() <= EXPONENT_MAX
    }

    pub(super) fn negated(self) -> Self {
        Self { negative: !self.negative && !self.is_zero(), ..self }
    }

    pub(super) fn absolute(self) -> Self {
        Self { negative: false, ..self }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        if self.is_zero() {
            return other;
        }
        if other.is_zero() {
            return self;
        }
        let swapped = (other.exponent, other.mantissa) > (self.exponent, self.mantissa);
        let (large, small) = if swapped { (other, self) } else { (self, other) };
        let apart = large.exponent.saturating_sub(small.exponent).unsigned_abs();
        let wide = u128::from(large.mantissa) << BELOW;
        let full = u128::from(small.mantissa) << BELOW;
        let shifted = full.checked_shr(apart).unwrap_or(0);
        let lost = apart >= 128 || shifted << apart != full;
        let exponent = large.exponent - BELOW.cast_signed();
        if large.negative == small.negative {
            return Self::rounded(large.negative, wide + shifted, exponent, lost);
        }
        // What was lost of the smaller one would have been taken away too.
        Self::rounded(large.negative, wide - shifted - u128::from(lost), exponent, lost)
    }

    pub(super) fn times(self, other: Self) -> Self {
        let product = u128::from(self.mantissa) * u128::from(other.mantissa);
        let exponent = self.exponent.saturating_add(other.exponent);
        Self::rounded(self.negative != other.negative, product, exponent, false)
    }

    /// Nothing when divided by zero.
    pub(super) fn over(self, other: Self) -> Option<Self> {
        let divisor = u128::from(other.mantissa);
        let dividend = u128::from(self.mantissa) << 64;
        let first = dividend.checked_div(divisor)?;
        let rest = dividend.checked_rem(divisor)? << 2;
        let quotient = (first << 2) | rest.checked_div(divisor)?;
        let lost = rest.checked_rem(divisor)? != 0;
        let exponent = self.exponent.saturating_sub(other.exponent).saturating_sub(66);
        Some(Self::rounded(self.negative != other.negative, quotient, exponent, lost))
    }

    pub(super) fn is_whole(self) -> bool {
        self.exponent >= 0
            || self.is_zero()
            || self.mantissa.trailing_zeros() >= self.exponent.unsigned_abs()
    }

    /// The whole number, if it is one.
    pub(super) fn whole(self) -> Option<BigInt> {
        self.is_whole().then(|| self.truncated())
    }

    /// The part before the point.
    pub(super) fn truncated(self) -> BigInt {
        let mantissa = BigUint::from(self.mantissa);
        let size = if self.exponent >= 0 {
            mantissa << self.exponent.unsigned_abs()
        } else {
            mantissa >> self.exponent.unsigned_abs()
        };
        let sign = if self.negative { Sign::Minus } else { Sign::Plus };
        BigInt::from_biguint(sign, size)
    }

    /// The fewest digits that are nearer to this than to any other.
    pub(super) fn shortest(self) -> Decimal {
        if self.is_zero() {
            return Decimal::from(0);
        }
        let twice = u128::from(self.mantissa) << 1;
        let (digits, places) = digits_of(twice, self.exponent - 1);
        let (lower, _) = digits_of(twice - 1, self.exponent - 1);
        let (upper, _) = digits_of(twice + 1, self.exponent - 1);
        let even = self.mantissa & 1 == 0;
        let (digits, places) = shorten(&digits, places, &lower, &upper, even);
        Decimal::new(self.negative, &digits, places)
    }

    /// The nearest to `wide` times two to the power of `exponent`, and a little more if some of
    /// it was lost.
    fn rounded(negative: bool, wide: u128, exponent: i32, lost: bool) -> Self {
        if wide == 0 {
            return Self::ZERO;
        }
        let bits = 128 - wide.leading_zeros();
        let Some(excess) = bits.checked_sub(64).filter(|excess| *excess > 0) else {
            let up = 64 - bits;
            let mantissa = u64::try_from(wide << up).unwrap_or(u64::MAX);
            return Self { negative, mantissa, exponent: exponent.saturating_sub_unsigned(up) };
        };
        let kept = u64::try_from(wide >> excess).unwrap_or(u64::MAX);
        let rest = wide & ((1 << excess) - 1);
        let half = 1u128 << (excess - 1);
        let up = rest > half || (rest == half && (lost || kept & 1 == 1));
        let exponent = exponent.saturating_add_unsigned(excess);
        match kept.checked_add(u64::from(up)) {
            Some(mantissa) => Self { negative, mantissa, exponent },
            None => Self { negative, mantissa: 1 << 63, exponent: exponent.saturating_add(1) },
        }
    }

    fn rounded_large(negative: bool, wide: &BigUint, exponent: i32) -> Self {
        let bits = wide.bits();
        let Some(excess) = bits.checked_sub(126).filter(|excess| *excess > 0) else {
            let wide = u128::try_from(wide).unwrap_or(u128::MAX);
            return Self::rounded(negative, wide, exponent, false);
        };
        let lost = wide.trailing_zeros().is_some_and(|zeros| zeros < excess);
        let kept = u128::try_from(wide >> excess).unwrap_or(u128::MAX);
        let excess = i32::try_from(excess).unwrap_or(i32::MAX);
        Self::rounded(negative, kept, exponent.saturating_add(excess), lost)
    }
}

impl From<i64> for Float {
    fn from(number: i64) -> Self {
        Self::rounded(number < 0, u128::from(number.unsigned_abs()), 0, false)
    }
}

impl From<&Decimal> for Float {
    fn from(decimal: &Decimal) -> Self {
        let Some(digits) = BigUint::parse_bytes(decimal.digits.as_bytes(), 10) else {
            return Self::ZERO;
        };
        let count = i32::try_from(decimal.digits.len()).unwrap_or(i32::MAX);
        let power = decimal.exponent.saturating_sub(count);
        let scale = BigUint::from(10u8).pow(power.unsigned_abs());
        if power >= 0 {
            return Self::rounded_large(decimal.negative, &(digits * scale), 0);
        }
        let up = (scale.bits() + 67).saturating_sub(digits.bits());
        let shifted = digits << up;
        let quotient = &shifted / &scale;
        let rest = shifted % scale;
        let sticky = (quotient << 1u8) | BigUint::from(u8::from(rest != BigUint::ZERO));
        let exponent = -i32::try_from(up + 1).unwrap_or(i32::MAX);
        Self::rounded_large(decimal.negative, &sticky, exponent)
    }
}

/// All digits of a number, and where its point is.
fn digits_of(mantissa: u128, exponent: i32) -> (String, i32) {
    let power = exponent.unsigned_abs();
    let mantissa = BigUint::from(mantissa);
    let (digits, behind) = if exponent >= 0 {
        ((mantissa << power).to_string(), 0)
    } else {
        ((mantissa * BigUint::from(5u8).pow(power)).to_string(), power.cast_signed())
    };
    let places = i32::try_from(digits.len()).unwrap_or(i32::MAX).saturating_sub(behind);
    (digits.trim_end_matches('0').to_owned(), places)
}

/// Cuts digits where what is left still lies between the bounds, which count themselves if
/// `even`.
fn shorten(digits: &str, places: i32, lower: &str, upper: &str, even: bool) -> (String, i32) {
    let at = |digits: &str, place: usize| digits.as_bytes().get(place).copied().unwrap_or(b'0');
    for (place, digit) in digits.bytes().enumerate() {
        let (low, high) = (at(lower, place), at(upper, place));
        let down = low != digit || (even && place + 1 == lower.len());
        let up = digit != high && (even || digit + 1 < high || place + 1 < upper.len());
        let nearest_up = || match digits.as_bytes().get(place + 1..) {
            None | Some([]) => false,
            Some([b'5']) => digit % 2 == 1,
            Some([first, ..]) => *first >= b'5',
        };
        match (down, up) {
            (true, true) if nearest_up() => return round_up(digits, place + 1, places),
            (false, true) => return round_up(digits, place + 1, places),
            (true, _) => return (digits.get(..=place).unwrap_or(digits).to_owned(), places),
            (false, false) => {}
        }
    }
    (digits.to_owned(), places)
}

fn round_up(digits: &str, count: usize, places: i32) -> (String, i32) {
    let kept = digits.get(..count).unwrap_or(digits).trim_end_matches('9');
    let mut bytes = kept.as_bytes().to_vec();
    match bytes.last_mut() {
        Some(last) => *last += 1,
        None => return ("1".to_owned(), places + 1),
    }
    (String::from_utf8(bytes).unwrap_or_default(), places)
}
