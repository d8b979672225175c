//! What numbers become together.

use num_bigint::BigInt;

use super::float::Float;
use super::{DIGITS_MAX, Number};

/// Why two numbers come to none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoNumber {
    /// A division by zero.
    DividedByZero,
    /// A remainder of a division by zero.
    RemainderByZero,
    /// A remainder of numbers that are not whole.
    RemainderOfReal,
    /// A number of more digits than numbers may have.
    TooLarge,
}

impl NoNumber {
    /// Why, in words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::DividedByZero => "divide by zero",
            Self::RemainderByZero => "modulo by zero",
            Self::RemainderOfReal => "modulo on floating-point number",
            Self::TooLarge => "number too large",
        }
    }
}

/// Whole numbers of so many bits have no more digits than numbers may have.
const BITS_MAX: u64 = DIGITS_MAX as u64 * 33_219 / 10_000;

impl Number {
    /// The sum.
    pub fn plus(&self, other: &Self) -> Result<Self, NoNumber> {
        self.both(other, i64::checked_add, |one, two| one + two, Float::plus)
    }

    /// The difference.
    pub fn minus(&self, other: &Self) -> Result<Self, NoNumber> {
        let float = |one: Float, two: Float| one.plus(two.negated());
        self.both(other, i64::checked_sub, |one, two| one - two, float)
    }

    /// The product.
    pub fn times(&self, other: &Self) -> Result<Self, NoNumber> {
        self.both(other, i64::checked_mul, |one, two| one * two, Float::times)
    }

    /// The sum of all: exact if all of them are whole.
    pub fn sum(numbers: &[&Self]) -> Result<Self, NoNumber> {
        Self::all(numbers, 0, i64::checked_add, |sum, number| sum + number, Self::plus)
    }

    /// The product of all: exact if all of them are whole.
    pub fn product(numbers: &[&Self]) -> Result<Self, NoNumber> {
        Self::all(numbers, 1, i64::checked_mul, |made, number| made * number, Self::times)
    }

    /// The quotient.
    pub fn over(&self, other: &Self) -> Result<Self, NoNumber> {
        if let (Self::Whole(one), Self::Whole(two)) = (self, other)
            && one.checked_rem(*two) == Some(0)
            && let Some(quotient) = one.checked_div(*two)
        {
            return Ok(Self::Whole(quotient));
        }
        let quotient = self.float().over(other.float());
        quotient.map_or(Err(NoNumber::DividedByZero), Self::made)
    }

    /// What a division of whole numbers leaves, with the sign of the first.
    pub fn remainder(&self, other: &Self) -> Result<Self, NoNumber> {
        if let (Self::Whole(one), Self::Whole(two)) = (self, other) {
            return match two {
                0 => Err(NoNumber::RemainderByZero),
                _ => Ok(Self::Whole(one.wrapping_rem(*two))),
            };
        }
        let (Some(one), Some(two)) = (self.to_whole(), other.to_whole()) else {
            return Err(NoNumber::RemainderOfReal);
        };
        if two == BigInt::ZERO {
            return Err(NoNumber::RemainderByZero);
        }
        Ok(Self::from(&(one % two)))
    }

    /// The number without its sign.
    #[must_use]
    pub fn absolute(&self) -> Self {
        match self {
            Self::Whole(number) if *number != i64::MIN => Self::Whole(number.abs()),
            other => other.near(Self::from(other.float().absolute())),
        }
    }

    /// The nearest whole number; of two the one that is further from zero.
    #[must_use]
    pub fn rounded(&self) -> Self {
        if let Self::Whole(_) = self {
            return self.clone();
        }
        let float = self.float();
        let half = if float.is_negative() { Float::HALF.negated() } else { Float::HALF };
        self.near(Self::from(&float.plus(half).truncated()))
    }

    /// The next whole number up. Between -1 and 0 that is 1, as it is in Open Policy Agent.
    #[must_use]
    pub fn ceiling(&self) -> Self {
        let cut = self.truncated();
        if cut < BigInt::ZERO || self.float().is_whole() {
            return self.near(Self::from(&cut));
        }
        self.near(Self::from(&(cut + 1)))
    }

    /// The next whole number down. Between -1 and 0 that is 0, as it is in Open Policy Agent.
    #[must_use]
    pub fn floor(&self) -> Self {
        let cut = self.truncated();
        if cut >= BigInt::ZERO || self.float().is_whole() {
            return self.near(Self::from(&cut));
        }
        self.near(Self::from(&(cut - 1)))
    }

    /// What was made of it, unless that has more digits than numbers may have: then it was so large
    /// that it is near enough itself.
    fn near(&self, made: Self) -> Self {
        match &made {
            Self::Real(real) if !real.decimal.in_bounds() => self.clone(),
            _ => made,
        }
    }

    fn all(
        numbers: &[&Self],
        start: i64,
        small: fn(i64, i64) -> Option<i64>,
        whole: fn(BigInt, BigInt) -> BigInt,
        any: fn(&Self, &Self) -> Result<Self, NoNumber>,
    ) -> Result<Self, NoNumber> {
        let in_bits = |made, number: &&Self| small(made, number.as_i64()?);
        if let Some(made) = numbers.iter().try_fold(start, in_bits) {
            return Ok(Self::Whole(made));
        }
        let mut exact = Some(BigInt::from(start));
        for number in numbers {
            exact = exact.zip(number.to_whole()).map(|(exact, number)| whole(exact, number));
            if exact.as_ref().is_some_and(|exact| exact.bits() > BITS_MAX) {
                return Err(NoNumber::TooLarge);
            }
        }
        match exact {
            Some(exact) => Ok(Self::from(&exact)),
            None => numbers.iter().try_fold(Self::Whole(start), |made, number| any(&made, number)),
        }
    }

    fn both(
        &self,
        other: &Self,
        small: fn(i64, i64) -> Option<i64>,
        whole: fn(BigInt, BigInt) -> BigInt,
        float: impl Fn(Float, Float) -> Float,
    ) -> Result<Self, NoNumber> {
        if let (Self::Whole(one), Self::Whole(two)) = (self, other)
            && let Some(number) = small(*one, *two)
        {
            return Ok(Self::Whole(number));
        }
        if let (Some(one), Some(two)) = (self.to_whole(), other.to_whole()) {
            let number = whole(one, two);
            return match number.bits() {
                ..=BITS_MAX => Ok(Self::from(&number)),
                _ => Err(NoNumber::TooLarge),
            };
        }
        Self::made(float(self.float(), other.float()))
    }

    fn made(float: Float) -> Result<Self, NoNumber> {
        if float.in_bounds() { Ok(Self::from(float)) } else { Err(NoNumber::TooLarge) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    type Both = fn(&Number, &Number) -> Result<Number, NoNumber>;

    #[test]
    fn numbers_are_computed_with_64_bits_of_mantissa() {
        let table: [(&str, Both, &str, &str); 18] = [
            ("1", Number::plus, "2", "3"),
            ("0.1", Number::plus, "0.2", "0.3"),
            ("1.5", Number::plus, "1.5", "3"),
            ("9223372036854775807", Number::plus, "1", "9223372036854775808"),
            ("9223372036854775808", Number::minus, "1", "9223372036854775807"),
            ("0.3", Number::minus, "0.1", "0.20000000000000000002"),
            ("1", Number::minus, "1e-30", "1"),
            ("0.1", Number::times, "3", "0.3"),
            ("1.1", Number::times, "1.1", "1.21"),
            (
                "9223372036854775807",
                Number::times,
                "9223372036854775807",
                "85070591730234615847396907784232501249",
            ),
            ("1", Number::over, "3", "0.33333333333333333334"),
            ("2", Number::over, "3", "0.6666666666666666667"),
            ("10", Number::over, "4", "2.5"),
            ("10", Number::over, "-5", "-2"),
            ("1e19", Number::over, "10", "1000000000000000000"),
            ("7", Number::remainder, "4", "3"),
            ("-7", Number::remainder, "4", "-3"),
            ("10", Number::remainder, "18446744073709551616", "10"),
        ];
        for (one, operation, two, expected) in table {
            let result = operation(&number(one), &number(two)).unwrap();
            assert_eq!(result.to_string(), expected, "{one} and {two}");
        }
    }

    #[test]
    fn what_has_no_result_says_why() {
        let table: [(&str, Both, &str, NoNumber); 5] = [
            ("1", Number::over, "0", NoNumber::DividedByZero),
            ("1.5", Number::over, "0.0", NoNumber::DividedByZero),
            ("1", Number::remainder, "0", NoNumber::RemainderByZero),
            ("1.1", Number::remainder, "1", NoNumber::RemainderOfReal),
            ("1e9999", Number::times, "1e9999", NoNumber::TooLarge),
        ];
        for (one, operation, two, expected) in table {
            assert_eq!(operation(&number(one), &number(two)), Err(expected), "{one} and {two}");
        }
    }

    #[test]
    fn whatever_comes_out_can_be_read_again() {
        let nines = "9".repeat(DIGITS_MAX);
        let texts = ["12", "9e9999", "-99e9998", "1e-10000", "0.1", "1.5e5000", &nines];
        let numbers = texts.map(number);
        let mut made = Vec::new();
        for one in &numbers {
            made.extend([one.absolute(), one.rounded(), one.ceiling(), one.floor()]);
            for two in &numbers {
                let both: [Both; 5] =
                    [Number::plus, Number::minus, Number::times, Number::over, Number::remainder];
                made.extend(both.iter().filter_map(|both| both(one, two).ok()));
                made.extend(Number::product(&[one, two, &number("1e3000")]));
            }
        }
        let large = number("12").times(&number("5678901234567890901234e7890"));
        made.extend(large.and_then(|large| large.times(&number("90"))?.times(&number("1e3000"))));
        assert!(made.len() > 100, "{}", made.len());
        for number in made {
            let text = number.to_string();
            assert!(Number::parse(&text).as_ref() == Some(&number), "{text:.40}");
        }
    }

    #[test]
    fn numbers_are_rounded() {
        for (text, rounded, ceiling, floor) in [
            ("1.5", "2", "2", "1"),
            ("-1.5", "-2", "-1", "-2"),
            ("2222.2222222222", "2222", "2223", "2222"),
            ("-1.001", "-1", "-1", "-2"),
            ("7", "7", "7", "7"),
            ("-0.4", "0", "1", "0"),
        ] {
            let number = number(text);
            assert_eq!(number.rounded().to_string(), rounded, "round {text}");
            assert_eq!(number.ceiling().to_string(), ceiling, "ceil {text}");
            assert_eq!(number.floor().to_string(), floor, "floor {text}");
        }
        assert_eq!(number("-2.5").absolute(), number("2.5"));
        assert_eq!(number("-9223372036854775808").absolute(), number("9223372036854775808"));
    }
}
