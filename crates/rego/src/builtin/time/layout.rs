//! Times written as an example of one moment is: `Mon Jan 2 15:04:05 MST 2006`.

mod element;
mod parse;

use super::super::Failure;
use super::super::MADE_MAX;
use super::calendar::Civil;
use element::{Element, Zone, next};
pub(super) use parse::parse;

/// What is shown, as a layout has it.
pub(super) fn format(layout: &str, civil: &Civil) -> Result<String, Failure> {
    let mut text = String::new();
    let mut rest = layout;
    while let Some((plain, element, _, after)) = next(rest) {
        text.push_str(plain);
        text.push_str(&shown(element, civil));
        rest = after;
        if text.len() > MADE_MAX {
            return Err(Failure::Halted("a string is too long"));
        }
    }
    text.push_str(rest);
    Ok(text)
}

fn shown(element: Element, civil: &Civil) -> String {
    let twelve = match civil.hour % 12 {
        0 => 12,
        hour => hour,
    };
    let short = |name: &'static str| name.get(..3).unwrap_or(name).to_owned();
    match element {
        Element::LongMonth => civil.month_name().to_owned(),
        Element::Month => short(civil.month_name()),
        Element::NumMonth => civil.month.to_string(),
        Element::ZeroMonth => format!("{:02}", civil.month),
        Element::LongWeekday => civil.weekday_name().to_owned(),
        Element::Weekday => short(civil.weekday_name()),
        Element::Day => civil.day.to_string(),
        Element::UnderDay => format!("{:2}", civil.day),
        Element::ZeroDay => format!("{:02}", civil.day),
        Element::UnderYearDay => format!("{:3}", civil.day_of_year()),
        Element::ZeroYearDay => format!("{:03}", civil.day_of_year()),
        Element::Hour => format!("{:02}", civil.hour),
        Element::Hour12 => twelve.to_string(),
        Element::ZeroHour12 => format!("{twelve:02}"),
        Element::Minute => civil.minute.to_string(),
        Element::ZeroMinute => format!("{:02}", civil.minute),
        Element::Second => civil.second.to_string(),
        Element::ZeroSecond => format!("{:02}", civil.second),
        Element::LongYear => format!("{:04}", civil.year),
        Element::Year => format!("{:02}", civil.year.rem_euclid(100)),
        Element::UpperHalf => (if civil.hour >= 12 { "PM" } else { "AM" }).to_owned(),
        Element::LowerHalf => (if civil.hour >= 12 { "pm" } else { "am" }).to_owned(),
        Element::ZoneName => zone_name(civil),
        Element::Offset { zulu: true, .. } if civil.offset == 0 => "Z".to_owned(),
        Element::Offset { zone, .. } => offset(zone, civil.offset),
        Element::Fraction { mark, digits, trimmed } => fraction(civil, mark, digits, trimmed),
    }
}

fn zone_name(civil: &Civil) -> String {
    let name = std::str::from_utf8(&civil.abbreviation).unwrap_or("");
    name.trim_end_matches('\0').to_owned()
}

fn offset(zone: Zone, offset: i64) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let seconds = offset.unsigned_abs();
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match zone {
        Zone::Hours => format!("{sign}{hour:02}"),
        Zone::Minutes => format!("{sign}{hour:02}{minute:02}"),
        Zone::ColonMinutes => format!("{sign}{hour:02}:{minute:02}"),
        Zone::Seconds => format!("{sign}{hour:02}{minute:02}{second:02}"),
        Zone::ColonSeconds => format!("{sign}{hour:02}:{minute:02}:{second:02}"),
    }
}

fn fraction(civil: &Civil, mark: char, digits: usize, trimmed: bool) -> String {
    let all = format!("{:09}", civil.nanosecond);
    let kept = all.get(..digits).unwrap_or(&all);
    let zeros = "0".repeat(digits.saturating_sub(all.len()));
    if !trimmed {
        return format!("{mark}{kept}{zeros}");
    }
    match kept.trim_end_matches('0') {
        "" => String::new(),
        kept => format!("{mark}{kept}"),
    }
}
