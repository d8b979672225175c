//! The elements of layouts.

/// What stands for a part of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperHalf,
    LowerHalf,
    ZoneName,
    Offset { zone: Zone, zulu: bool },
    Fraction { mark: char, digits: usize, trimmed: bool },
}

/// How the offset of a zone is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    Hours,
    Minutes,
    ColonMinutes,
    Seconds,
    ColonSeconds,
}

/// What is before the first element of a layout, the element, its text, and what is behind it.
pub(super) fn next(layout: &str) -> Option<(&str, Element, &str, &str)> {
    for (at, _) in layout.char_indices() {
        let rest = layout.get(at..)?;
        if let Some((skipped, element, length)) = starting(rest) {
            let (plain, from) = layout.split_at_checked(at + skipped)?;
            let (text, after) = from.split_at_checked(length)?;
            return Some((plain, element, text, after));
        }
    }
    None
}

/// Elements by their text; of two that begin alike the longer is first.
const ELEMENTS: &[(&str, Element)] = &[
    ("January", Element::LongMonth),
    ("Monday", Element::LongWeekday),
    ("MST", Element::ZoneName),
    ("002", Element::ZeroYearDay),
    ("01", Element::ZeroMonth),
    ("02", Element::ZeroDay),
    ("03", Element::ZeroHour12),
    ("04", Element::ZeroMinute),
    ("05", Element::ZeroSecond),
    ("06", Element::Year),
    ("15", Element::Hour),
    ("1", Element::NumMonth),
    ("2006", Element::LongYear),
    ("2", Element::Day),
    ("__2", Element::UnderYearDay),
    ("_2", Element::UnderDay),
    ("3", Element::Hour12),
    ("4", Element::Minute),
    ("5", Element::Second),
    ("PM", Element::UpperHalf),
    ("pm", Element::LowerHalf),
    ("-070000", Element::Offset { zone: Zone::Seconds, zulu: false }),
    ("-07:00:00", Element::Offset { zone: Zone::ColonSeconds, zulu: false }),
    ("-0700", Element::Offset { zone: Zone::Minutes, zulu: false }),
    ("-07:00", Element::Offset { zone: Zone::ColonMinutes, zulu: false }),
    ("-07", Element::Offset { zone: Zone::Hours, zulu: false }),
    ("Z070000", Element::Offset { zone: Zone::Seconds, zulu: true }),
    ("Z07:00:00", Element::Offset { zone: Zone::ColonSeconds, zulu: true }),
    ("Z0700", Element::Offset { zone: Zone::Minutes, zulu: true }),
    ("Z07:00", Element::Offset { zone: Zone::ColonMinutes, zulu: true }),
    ("Z07", Element::Offset { zone: Zone::Hours, zulu: true }),
];

/// The element a text begins with: how much is to be skipped before it, and how long it is.
fn starting(text: &str) -> Option<(usize, Element, usize)> {
    // What looks like a day is the year behind a line.
    if text.starts_with("_2006") {
        return Some((1, Element::LongYear, 4));
    }
    if let Some((name, element)) = ELEMENTS.iter().find(|(name, _)| text.starts_with(name)) {
        return Some((0, *element, name.len()));
    }
    for (name, element) in [("Jan", Element::Month), ("Mon", Element::Weekday)] {
        // Not when it is the beginning of a word, as in `Month`.
        let rest = text.strip_prefix(name);
        if rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_lowercase())) {
            return Some((0, element, name.len()));
        }
    }
    let mark = text.chars().next().filter(|char| matches!(char, '.' | ','))?;
    let after = text.get(1..)?;
    let digit = after.chars().next().filter(|char| matches!(char, '0' | '9'))?;
    let digits = after.chars().take_while(|char| *char == digit).count();
    if after.as_bytes().get(digits).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((0, Element::Fraction { mark, digits, trimmed: digit == '9' }, digits + 1))
}
