//! Numbers as people read them.

use cache::simulate::{Trace, Weights};
use flow::unit::Size;

/// Names capacities as parts of everything the trace asks for.
pub(super) const OF_ALL: &str = "of all";

/// A capacity: entries, or bytes where sizes count.
pub(super) fn amount(trace: &Trace, capacity: u64) -> String {
    match trace.weights() {
        Weights::Unit => grouped(capacity),
        Weights::Sizes => size(capacity),
    }
}

/// So many of something.
pub(in crate::cli::cache) fn counted(number: u64, what: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{} {what}{end}", grouped(number))
}

/// A number in groups of three digits.
pub(in crate::cli::cache) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three digits and the unit.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match UNITS.iter().find(|(_, shift)| bytes >> shift > 0) {
        Some((unit, shift)) => format!("{}{unit}", short(bytes as f64 / (1_u64 << shift) as f64)),
        None => Size(bytes).to_string(),
    }
}

/// A part of the whole.
pub(super) fn percent(part: f64) -> String {
    format!("{}%", short(part * 100.0))
}

/// Two digits behind the point, or fewer where more stand before it.
fn short(number: f64) -> String {
    let decimals = match number {
        _ if number >= 99.95 => 0,
        _ if number >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{number:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_whole_ones_are_exact() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (100, "100")]
        {
            assert_eq!(grouped(number), expected);
        }
        assert_eq!(counted(1, "request"), "1 request");
        assert_eq!(counted(1000, "request"), "1,000 requests");
        for (bytes, expected) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1KiB"),
            (64 << 20, "64MiB"),
            (1_234_567, "1.18MiB"),
            (12_345_678, "11.8MiB"),
            (123_456_789, "118MiB"),
            (u64::MAX, "16777216TiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
        for (part, expected) in [
            (1.0, "100%"),
            (0.009_96, "1%"),
            (0.1, "10%"),
            (0.123_4, "12.3%"),
            (0.012_34, "1.23%"),
            (0.000_01, "0%"),
            (3.55, "355%"),
        ] {
            assert_eq!(percent(part), expected);
        }
    }
}
