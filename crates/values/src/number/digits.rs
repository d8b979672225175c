//! How a number is written, before it is known how exactly it will be kept.

/// A number as C reads it, whole: nothing stands around it.
pub(super) struct Number<'a> {
    pub(super) negative: bool,
    pub(super) digits: Digits<'a>,
}

pub(super) enum Digits<'a> {
    Infinite,
    /// Digits before and after the point, and a power of ten.
    Decimal {
        whole: &'a [u8],
        part: &'a [u8],
        power: i64,
    },
    /// Bits, a power of two, and whether there are more bits than these.
    Hexadecimal {
        bits: u128,
        power: i64,
        more: bool,
    },
}

impl<'a> Number<'a> {
    pub(super) fn read(text: &'a [u8]) -> Option<Self> {
        let (negative, text) = match text.split_first()? {
            (b'-', rest) => (true, rest),
            (b'+', rest) => (false, rest),
            _ => (false, text),
        };
        let said = |word: &[u8]| text.eq_ignore_ascii_case(word);
        let digits = if said(b"inf") || said(b"infinity") {
            Digits::Infinite
        } else if let [b'0', b'x' | b'X', digits @ ..] = text {
            hexadecimal(digits)?
        } else {
            let (mantissa, power) = split(text, b"eE")?;
            let (whole, part) = point(mantissa, u8::is_ascii_digit)?;
            Digits::Decimal { whole, part, power }
        };
        Some(Self { negative, digits })
    }

    pub(super) fn is_zero(&self) -> bool {
        match self.digits {
            Digits::Infinite => false,
            Digits::Decimal { whole, part, .. } => {
                whole.iter().chain(part).all(|digit| *digit == b'0')
            }
            Digits::Hexadecimal { bits, .. } => bits == 0,
        }
    }
}

fn hexadecimal(text: &[u8]) -> Option<Digits<'_>> {
    let (mantissa, mut power) = split(text, b"pP")?;
    let (whole, part) = point(mantissa, u8::is_ascii_hexdigit)?;
    let (mut bits, mut more) = (0u128, false);
    power = power.saturating_sub(part.len() as i64 * 4);
    for digit in whole.iter().chain(part) {
        let digit = char::from(*digit).to_digit(16)?;
        if bits >> 124 == 0 {
            bits = bits << 4 | u128::from(digit);
        } else {
            more |= digit != 0;
            power = power.saturating_add(4);
        }
    }
    Some(Digits::Hexadecimal { bits, power, more })
}

/// What stands before one of these letters, and the power after it.
fn split<'a>(text: &'a [u8], letters: &[u8]) -> Option<(&'a [u8], i64)> {
    let Some(at) = text.iter().position(|byte| letters.contains(byte)) else {
        return Some((text, 0));
    };
    let (mantissa, power) = (text.get(..at)?, text.get(at + 1..)?);
    let (negative, digits) = match power.split_first()? {
        (b'-', digits) => (true, digits),
        (b'+', digits) => (false, digits),
        _ => (false, power),
    };
    if digits.is_empty() {
        return None;
    }
    let mut power = 0i64;
    for digit in digits {
        let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        // What is larger than this is out of every reach, but must stay a number.
        power = (power * 10 + digit).min(i64::from(i32::MAX));
    }
    Some((mantissa, if negative { -power } else { power }))
}

/// The digits before and after the point, of which there is one at least.
fn point(mantissa: &[u8], is_digit: impl Fn(&u8) -> bool) -> Option<(&[u8], &[u8])> {
    let at = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
    let (whole, part) = (mantissa.get(..at)?, mantissa.get(at + 1..).unwrap_or_default());
    let good = whole.iter().chain(part).all(is_digit) && !(whole.is_empty() && part.is_empty());
    good.then_some((whole, part))
}
