//! Durations: `1h15m30.918s`.

use super::super::Failure;
use super::super::argument::broken;

/// The nanoseconds of a duration.
pub(super) fn parse(text: &str) -> Result<i64, Failure> {
    let invalid = || Failure::Broken(format!("time: invalid duration {text:?}"));
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (part, after) = after.strip_prefix('.').map_or(("", after), digits);
        if whole.is_empty() && part.is_empty() {
            return Err(invalid());
        }
        let length = after.find(|char: char| char == '.' || char.is_ascii_digit());
        let (unit, after) =
            after.split_at_checked(length.unwrap_or(after.len())).unwrap_or((after, ""));
        let size: u64 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "" => return broken(format!("time: missing unit in duration {text:?}")),
            other => return broken(format!("time: unknown unit {other:?} in duration {text:?}")),
        };
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        let nanoseconds = whole.checked_mul(size).and_then(|n| n.checked_add(fraction(part, size)));
        let sum = nanoseconds.and_then(|nanoseconds| total.checked_add(nanoseconds));
        total = sum.ok_or_else(invalid)?;
        rest = after;
    }
    let signed =
        if negative { 0i64.checked_sub_unsigned(total) } else { i64::try_from(total).ok() };
    signed.ok_or_else(invalid)
}

fn digits(text: &str) -> (&str, &str) {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at_checked(length).unwrap_or((text, ""))
}

/// The part behind the point; what is less than a nanosecond is left out.
fn fraction(digits: &str, size: u64) -> u64 {
    let kept = digits.get(..18).unwrap_or(digits);
    let scale = 10u128.pow(u32::try_from(kept.len()).unwrap_or(0));
    let value = kept.parse::<u128>().unwrap_or(0) * u128::from(size) / scale;
    u64::try_from(value).unwrap_or(0)
}
