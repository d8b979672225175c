//! Times read as a layout has them.

use super::super::super::Failure;
use super::super::calendar::{Civil, MONTHS, WEEKDAYS, days_in};
use super::element::{Element, Zone, next};

/// The nanoseconds since 1970 of a time.
pub(in super::super) fn parse(layout: &str, time: &str) -> Result<i128, Failure> {
    let mut reader = Reader { rest: time, ..Reader::default() };
    let mut behind = layout;
    loop {
        let found = next(behind);
        let plain = found.map_or(behind, |(plain, ..)| plain);
        let here = reader.rest;
        let no_match = |text: &str, what: &str| {
            Failure::Broken(format!(
                "parsing time {time:?} as {layout:?}: cannot parse {text:?} as {what:?}"
            ))
        };
        reader.plain(plain).ok_or_else(|| no_match(here, plain))?;
        let Some((_, element, text, after)) = found else { break };
        let here = reader.rest;
        match reader.element(element, after) {
            Some(Ok(())) => {}
            Some(Err(what)) => return Err(out_of_range(time, what)),
            None => return Err(no_match(here, text)),
        }
        behind = after;
    }
    if !reader.rest.is_empty() {
        let extra = reader.rest;
        return Err(Failure::Broken(format!("parsing time {time:?}: extra text: {extra:?}")));
    }
    reader.moment().map_err(|what| out_of_range(time, what))
}

fn out_of_range(time: &str, what: &str) -> Failure {
    Failure::Broken(format!("parsing time {time:?}: {what} out of range"))
}

#[derive(Default)]
struct Reader<'a> {
    rest: &'a str,
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanosecond: i64,
    afternoon: Option<bool>,
    offset: i64,
}

/// What came of an element: it may not be there, or be out of range.
type Read = Option<Result<(), &'static str>>;

impl<'a> Reader<'a> {
    /// Text that stands for itself; as many spaces as there are stand for one.
    fn plain(&mut self, plain: &str) -> Option<()> {
        let mut plain = plain;
        while let Some(char) = plain.chars().next() {
            if char == ' ' {
                if !self.rest.is_empty() && !self.rest.starts_with(' ') {
                    return None;
                }
                plain = plain.trim_start_matches(' ');
                self.rest = self.rest.trim_start_matches(' ');
            } else {
                self.rest = self.rest.strip_prefix(char)?;
                plain = plain.get(char.len_utf8()..)?;
            }
        }
        Some(())
    }

    fn element(&mut self, element: Element, after: &str) -> Read {
        match element {
            Element::LongYear => self.year = self.digits(4)?,
            Element::Year => {
                let year = self.digits(2)?;
                self.year = if year >= 69 { year + 1900 } else { year + 2000 };
            }
            Element::LongMonth => self.month = Some(self.name(&MONTHS, false)?),
            Element::Month => self.month = Some(self.name(&MONTHS, true)?),
            Element::NumMonth | Element::ZeroMonth => {
                let month = self.one_or_two(element == Element::ZeroMonth)?;
                self.month = Some(month);
                return within(month, 1, 12, "month");
            }
            Element::LongWeekday => {
                self.name(&WEEKDAYS, false)?;
            }
            Element::Weekday => {
                self.name(&WEEKDAYS, true)?;
            }
            Element::Day | Element::UnderDay | Element::ZeroDay => {
                if element == Element::UnderDay {
                    self.rest = self.rest.strip_prefix(' ').unwrap_or(self.rest);
                }
                self.day = Some(self.one_or_two(element == Element::ZeroDay)?);
            }
            Element::UnderYearDay | Element::ZeroYearDay => self.year_day(element)?,
            Element::Hour => {
                self.hour = self.one_or_two(false)?;
                return within(self.hour, 0, 23, "hour");
            }
            Element::Hour12 | Element::ZeroHour12 => {
                self.hour = self.one_or_two(element == Element::ZeroHour12)?;
                return within(self.hour, 0, 12, "hour");
            }
            Element::Minute | Element::ZeroMinute => {
                self.minute = self.one_or_two(element == Element::ZeroMinute)?;
                return within(self.minute, 0, 59, "minute");
            }
            Element::Second | Element::ZeroSecond => {
                self.second = self.one_or_two(element == Element::ZeroSecond)?;
                if !matches!(next(after), Some(("", Element::Fraction { .. }, ..))) {
                    self.fraction(usize::MAX);
                }
                return within(self.second, 0, 59, "second");
            }
            Element::UpperHalf => self.half("AM", "PM")?,
            Element::LowerHalf => self.half("am", "pm")?,
            Element::Offset { zone, zulu } => return self.offset(zone, zulu),
            Element::ZoneName => self.zone_name()?,
            Element::Fraction { digits, trimmed: false, .. } => self.exact_fraction(digits)?,
            Element::Fraction { trimmed: true, .. } => self.fraction(9),
        }
        Some(Ok(()))
    }

    fn take(&mut self, length: usize) -> Option<&'a str> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn digits(&mut self, count: usize) -> Option<i64> {
        let taken = self.take(count)?;
        taken.bytes().all(|byte| byte.is_ascii_digit()).then(|| taken.parse().ok())?
    }

    fn one_or_two(&mut self, two: bool) -> Option<i64> {
        let count = self.rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
        if count == 0 || (two && count < 2) { None } else { self.digits(count) }
    }

    fn name(&mut self, names: &[&str], short: bool) -> Option<i64> {
        let cut = |name: &&str| if short { 3 } else { name.len() };
        let found = names.iter().position(|name| {
            let text = self.rest.get(..cut(name));
            text.is_some_and(|text| {
                name.get(..cut(name)).is_some_and(|n| n.eq_ignore_ascii_case(text))
            })
        })?;
        let length = names.get(found).map_or(0, cut);
        self.take(length)?;
        i64::try_from(found + 1).ok()
    }

    fn year_day(&mut self, element: Element) -> Option<()> {
        let spaces = if element == Element::UnderYearDay {
            self.rest.bytes().take(2).take_while(|byte| *byte == b' ').count()
        } else {
            0
        };
        self.take(spaces)?;
        self.day_of_year = Some(self.digits(3 - spaces)?);
        Some(())
    }

    fn half(&mut self, before: &str, after: &str) -> Option<()> {
        self.afternoon = match self.take(2)? {
            half if half == before => Some(false),
            half if half == after => Some(true),
            _ => return None,
        };
        Some(())
    }

    /// Digits behind a point or a comma, if there are any.
    fn fraction(&mut self, most: usize) {
        let Some(behind) = self.rest.strip_prefix(['.', ',']) else { return };
        let count = behind.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let Some(digits) = behind.get(..count).filter(|digits| !digits.is_empty()) else { return };
        self.nanosecond = nanoseconds(digits);
        self.rest = behind.get(count..).unwrap_or("");
    }

    fn exact_fraction(&mut self, count: usize) -> Option<()> {
        let behind = self.rest.strip_prefix(['.', ','])?;
        let digits = behind.get(..count)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        self.nanosecond = nanoseconds(digits);
        self.rest = behind.get(count..)?;
        Some(())
    }

    fn offset(&mut self, zone: Zone, zulu: bool) -> Read {
        if zulu && let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            self.offset = 0;
            return Some(Ok(()));
        }
        let sign = match self.take(1)? {
            "+" => 1,
            "-" => -1,
            _ => return None,
        };
        let colon = matches!(zone, Zone::ColonMinutes | Zone::ColonSeconds);
        let hours = self.digits(2)?;
        let (mut minutes, mut seconds) = (0, 0);
        if zone != Zone::Hours {
            self.colon(colon)?;
            minutes = self.digits(2)?;
        }
        if matches!(zone, Zone::Seconds | Zone::ColonSeconds) {
            self.colon(colon)?;
            seconds = self.digits(2)?;
        }
        if hours > 24 {
            return Some(Err("time zone offset hour"));
        }
        if minutes > 60 {
            return Some(Err("time zone offset minute"));
        }
        self.offset = sign * (hours * 3600 + minutes * 60 + seconds);
        Some(Ok(()))
    }

    fn colon(&mut self, there: bool) -> Option<()> {
        if there && self.take(1)? != ":" { None } else { Some(()) }
    }

    /// What a zone is called says nothing of its offset, but where it is written behind `GMT`.
    fn zone_name(&mut self) -> Option<()> {
        let text = self.rest;
        if let Some(rest) = text.strip_prefix("GMT") {
            let signed = rest.starts_with(['+', '-']);
            let digits = rest.bytes().skip(1).take_while(u8::is_ascii_digit).count();
            let hours = rest.get(..=digits).filter(|_| signed && digits > 0);
            let hours = hours.and_then(|hours| hours.parse::<i64>().ok());
            if let Some(hours) = hours.filter(|hours| (-23..=23).contains(hours)) {
                self.offset = hours * 3600;
                self.take(4 + digits)?;
            } else {
                self.take(3)?;
            }
            return Some(());
        }
        if text.starts_with("ChST") || text.starts_with("MeST") {
            return self.take(4).map(drop);
        }
        if text.starts_with(['+', '-']) {
            let digits = text.bytes().skip(1).take_while(u8::is_ascii_digit).count();
            let hours = text.get(1..=digits).and_then(|hours| hours.parse::<u8>().ok());
            hours.filter(|hours| *hours <= 23)?;
            return self.take(1 + digits).map(drop);
        }
        let upper = text.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
        let letter = |place: usize| text.as_bytes().get(place).copied();
        let length = match upper {
            3 => 3,
            4 if letter(3) == Some(b'T') || text.starts_with("WITA") => 4,
            5 if letter(4) == Some(b'T') => 5,
            _ => return None,
        };
        self.take(length).map(drop)
    }

    fn moment(&self) -> Result<i128, &'static str> {
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let (mut month, mut day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        if let Some(of_year) = self.day_of_year {
            (month, day) = self.date_of_day(of_year)?;
        }
        if day < 1 || day > days_in(self.year, month) {
            return Err("day");
        }
        let civil = Civil {
            year: self.year,
            month,
            day,
            hour,
            minute: self.minute,
            second: self.second,
            nanosecond: self.nanosecond,
            offset: self.offset,
            abbreviation: [0; 8],
        };
        Ok(civil.at_offset(self.offset))
    }

    /// The date of a day of the year, with which a month and a day have to agree.
    fn date_of_day(&self, of_year: i64) -> Result<(i64, i64), &'static str> {
        let mut rest = of_year;
        for month in 1..=12 {
            let days = days_in(self.year, month);
            if rest >= 1 && rest <= days {
                if self.month.is_some_and(|other| other != month) {
                    return Err("day-of-year does not match month");
                }
                if self.day.is_some_and(|other| other != rest) {
                    return Err("day-of-year does not match day");
                }
                return Ok((month, rest));
            }
            rest -= days;
        }
        Err("day-of-year")
    }
}

fn within(number: i64, least: i64, most: i64, what: &'static str) -> Read {
    Some(if (least..=most).contains(&number) { Ok(()) } else { Err(what) })
}

fn nanoseconds(digits: &str) -> i64 {
    let kept = digits.get(..9).unwrap_or(digits);
    format!("{kept:0<9}").parse().unwrap_or(0)
}
