//! Numbers of 64 bits.

use super::digits::{Digits, Number};

/// A number, an infinity included, but nothing that is none, and nothing that is told from
/// zero or from an infinity only by how it is written.
pub fn float(text: &[u8]) -> Option<f64> {
    let number = Number::read(text)?;
    let read = nearest(text, &number)?;
    match number.digits {
        Digits::Infinite => Some(read),
        _ => (read.is_finite() && (read != 0.0 || number.is_zero())).then_some(read),
    }
}

/// A number as the bound of a range, which is read as C does: blanks in front, nothing at
/// all for zero, the end at a zero byte, and infinity for what is too large.
pub fn bound(text: &[u8]) -> Option<f64> {
    let text = text.split(|byte| *byte == 0).next()?;
    if text.is_empty() {
        return Some(0.0);
    }
    let blank = |byte: &u8| matches!(byte, b' ' | 0x09..=0x0d);
    let text = text.get(text.iter().take_while(|byte| blank(byte)).count()..)?;
    nearest(text, &Number::read(text)?)
}

fn nearest(text: &[u8], number: &Number<'_>) -> Option<f64> {
    let sign = if number.negative { -1.0 } else { 1.0 };
    match number.digits {
        Digits::Infinite => Some(sign * f64::INFINITY),
        Digits::Decimal { .. } => std::str::from_utf8(text).ok()?.parse().ok(),
        Digits::Hexadecimal { bits, power, more } => {
            let mut number = (bits | u128::from(more)) as f64;
            // In two steps, so that no power is out of reach which the number is not.
            let power = power.clamp(-2_400, 2_400) as i32;
            number *= 2f64.powi(power / 2);
            Some(sign * (number * 2f64.powi(power - power / 2)))
        }
    }
}

/// With 17 digits, so that it reads as the same number, the way C writes them: without
/// zeros at the end, and as a power of ten where it is very large or very small.
pub fn written(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.into();
    }
    if number == 0.0 {
        return if number.is_sign_negative() { "-0" } else { "0" }.into();
    }
    let exact = format!("{number:.16e}");
    let (digits, power) = exact.split_once('e').unwrap_or((&exact, "0"));
    let power: i32 = power.parse().unwrap_or_default();
    let places = usize::try_from(16 - power).unwrap_or_default();
    let scientific = !(-4..17).contains(&power);
    let text = if scientific { digits.to_owned() } else { format!("{number:.places$}") };
    let short = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    match scientific {
        true => {
            format!("{short}e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs())
        }
        false => short.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        let good = [("1.5", 1.5), ("-.5", -0.5), ("1e3", 1000.0), ("+2", 2.0), ("0x10", 16.0)];
        for (text, number) in good {
            assert_eq!(float(text.as_bytes()), Some(number), "{text}");
        }
        assert_eq!(float(b"0x1.8p1"), Some(3.0));
        assert_eq!(float(b"-inf"), Some(f64::NEG_INFINITY));
        assert_eq!(float(b"Infinity"), Some(f64::INFINITY));
        for text in ["", "nan", "1e400", "1,5", "1 ", "abc", "0x", "--1"] {
            assert_eq!(float(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn bounds_are_read_more_mildly() {
        let good: [(&[u8], f64); 7] = [
            (b"", 0.0),
            (b" 1", 1.0),
            (b"1\0rest", 1.0),
            (b"1e400", f64::INFINITY),
            (b"-1e400", f64::NEG_INFINITY),
            (b"1e-400", 0.0),
            (b"+inf", f64::INFINITY),
        ];
        for (text, number) in good {
            assert_eq!(bound(text), Some(number), "{}", text.escape_ascii());
        }
        for text in [" ", "nan", "1 ", "x", "-", "0x"] {
            assert_eq!(bound(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_written_as_redis_writes_them() {
        let table = [
            (3.0, "3"),
            (0.1, "0.10000000000000001"),
            (1234.5, "1234.5"),
            (0.0001, "0.0001"),
            (1e16, "10000000000000000"),
            (-0.0, "-0"),
            (1e17, "1e+17"),
            (1.5e300, "1.5000000000000001e+300"),
            (1e-5, "1.0000000000000001e-05"),
            (123_456_789_012_345_678.0, "1.2345678901234568e+17"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (number, text) in table {
            assert_eq!(written(number), text);
        }
    }

    proptest! {
        #[test]
        fn every_number_is_read_as_it_was_written(number in proptest::num::f64::NORMAL) {
            prop_assert_eq!(float(written(number).as_bytes()), Some(number));
        }
    }
}
