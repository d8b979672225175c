//! Numbers by their decimal digits.

use std::cmp::Ordering;

use super::DIGITS_MAX;

/// A number as `0.digits` times ten to some power. The first digit and the last are no zeros;
/// nothing has no digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Decimal {
    pub(super) negative: bool,
    pub(super) digits: Box<str>,
    pub(super) exponent: i32,
}

impl Decimal {
    /// The number of a text: a sign, digits with or without a point, and an exponent.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-');
        let negative = unsigned.is_some();
        let unsigned = unsigned.or(text.strip_prefix('+')).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (unsigned, None),
        };
        let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = [before, after].concat();
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        if digits.is_empty() || digits.len() > DIGITS_MAX || !all_digits {
            return None;
        }
        let shift = match exponent {
            None => 0,
            Some(text) => text.parse::<i32>().ok()?,
        };
        let places = i32::try_from(before.len()).ok()?;
        let decimal = Self::new(negative, &digits, places.checked_add(shift)?);
        decimal.in_bounds().then_some(decimal)
    }

    /// The number of a text that is all digits but its sign.
    pub(super) fn of_whole(text: &str) -> Self {
        let digits = text.trim_start_matches('-');
        Self::new(text.starts_with('-'), digits, i32::try_from(digits.len()).unwrap_or(i32::MAX))
    }

    /// The number of these digits, with the point after so many of them.
    pub(super) fn new(negative: bool, digits: &str, places: i32) -> Self {
        let significant = digits.trim_start_matches('0');
        let dropped = i32::try_from(digits.len() - significant.len()).unwrap_or(i32::MAX);
        let significant = significant.trim_end_matches('0');
        if significant.is_empty() {
            return Self { negative: false, digits: "".into(), exponent: 0 };
        }
        Self { negative, digits: significant.into(), exponent: places.saturating_sub(dropped) }
    }

    /// The whole number of 64 bits, if it is one.
    pub(super) fn as_i64(&self) -> Option<i64> {
        if self.digits.is_empty() {
            return Some(0);
        }
        let places = usize::try_from(self.exponent).ok().filter(|places| *places <= 19)?;
        if self.digits.len() > places {
            return None;
        }
        self.fixed().parse().ok()
    }

    /// Whether it is neither too large nor too near to zero.
    pub(super) fn in_bounds(&self) -> bool {
        self.exponent.unsigned_abs() <= LARGEST
    }

    /// All digits, without an exponent.
    pub(super) fn fixed(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let Ok(places) = usize::try_from(self.exponent) else {
            let zeros = "0".repeat(self.exponent.unsigned_abs() as usize);
            return format!("{sign}0.{zeros}{}", self.digits);
        };
        match self.digits.split_at_checked(places) {
            Some(("", "")) => format!("{sign}0"),
            Some(("", after)) => format!("{sign}0.{after}"),
            Some((before, "")) => format!("{sign}{before}"),
            Some((before, after)) => format!("{sign}{before}.{after}"),
            None => {
                let zeros = "0".repeat(places - self.digits.len());
                format!("{sign}{}{zeros}", self.digits)
            }
        }
    }

    /// The digits with an exponent.
    pub(super) fn scientific(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let (first, rest) = self.digits.split_at_checked(1).unwrap_or(("0", ""));
        let point = if rest.is_empty() { "" } else { "." };
        let exponent = self.exponent - i32::from(!self.digits.is_empty());
        let mark = if exponent < 0 { '-' } else { '+' };
        format!("{sign}{first}{point}{rest}e{mark}{:02}", exponent.unsigned_abs())
    }

    /// With an exponent where all digits would be long, and without where not.
    pub(super) fn general(&self) -> String {
        if !self.digits.is_empty() && (self.exponent < -3 || self.exponent > 6) {
            self.scientific()
        } else {
            self.fixed()
        }
    }

    fn size(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => {
                self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits))
            }
        }
    }
}

/// How large an exponent may be.
const LARGEST: u32 = 10_000;

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        Self::of_whole(&number.to_string())
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.size(other),
            (true, true) => other.size(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
