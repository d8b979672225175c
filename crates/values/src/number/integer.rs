//! Whole numbers.

/// A whole number, written the one way it can be: no sign before a positive one, no zeros
/// in front, nothing around it.
pub fn integer(text: &[u8]) -> Option<i64> {
    const LONGEST: usize = 20;
    let (negative, digits) = match text.split_first()? {
        (b'-', digits) => (true, digits),
        _ => (false, text),
    };
    let first = *digits.first()?;
    if digits.len() >= LONGEST || (first == b'0' && text.len() > 1) {
        return None;
    }
    let mut number = 0u64;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    match negative {
        true => 0i64.checked_sub_unsigned(number),
        false => i64::try_from(number).ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_numbers_are_written_in_one_way() {
        let good = [("0", 0), ("-1", -1), ("9223372036854775807", i64::MAX), ("10", 10)];
        for (text, number) in good {
            assert_eq!(integer(text.as_bytes()), Some(number), "{text}");
        }
        assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
        for text in ["", "-", "+1", "01", "-0", " 1", "1 ", "1.0", "9223372036854775808", "0x1"] {
            assert_eq!(integer(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_whole_number_is_read_as_it_was_written(number: i64) {
            prop_assert_eq!(integer(number.to_string().as_bytes()), Some(number));
        }
    }
}
