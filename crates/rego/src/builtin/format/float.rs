//! The digits of floating-point numbers.

/// No number has digits that are not zero so far behind its point; the standard library writes no
/// more than 65,535.
const PLACES_MAX: usize = 2000;

/// The digits of a number that is not negative.
pub(super) fn digits(verb: char, precision: Option<usize>, sharp: bool, number: f64) -> String {
    let precise = precision.map(|count| count.min(PLACES_MAX));
    let zeros = "0".repeat(precision.unwrap_or_default().saturating_sub(PLACES_MAX));
    let text = match verb {
        'f' | 'F' => format!("{number:.*}", precise.unwrap_or(6)) + &zeros,
        'e' | 'E' => {
            let text = format!("{number:.*e}", precise.unwrap_or(6));
            scientific(&text.replace('e', &format!("{zeros}e")))
        }
        _ => general(number, precise, sharp),
    };
    if matches!(verb, 'E' | 'G') { text.to_uppercase() } else { text }
}

/// An exponent has a sign and at least two digits.
fn scientific(text: &str) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// With an exponent where it is large or very small, and without where not.
fn general(number: f64, precision: Option<usize>, sharp: bool) -> String {
    let text = match precision {
        None => format!("{number:e}"),
        Some(count) => format!("{number:.*e}", count.max(1) - 1),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mut kept = mantissa;
    if precision.is_some() && !sharp && mantissa.contains('.') {
        kept = mantissa.trim_end_matches('0').trim_end_matches('.');
    }
    let digits = kept.bytes().filter(u8::is_ascii_digit).count();
    let limit = match precision {
        None => 6,
        Some(count) => {
            let count = count.max(1);
            let all_before = i32::try_from(digits).is_ok_and(|digits| digits > exponent);
            if count > digits && all_before { digits } else { count }
        }
    };
    let large = i32::try_from(limit).is_ok_and(|limit| exponent >= limit);
    if exponent < -4 || large {
        return scientific(&format!("{kept}e{exponent}"));
    }
    let places = i32::try_from(digits).unwrap_or(i32::MAX) - 1 - exponent;
    format!("{number:.*}", usize::try_from(places).unwrap_or(0))
}
