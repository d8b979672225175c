//! What calendars and clocks show.

use super::zone::Zone;

/// What a calendar and a clock show in one place. Fields may be out of bounds until it is made
/// a moment again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Civil {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    pub(super) nanosecond: i64,
    /// Seconds east of Greenwich.
    pub(super) offset: i64,
    /// What the zone is called at that time.
    pub(super) abbreviation: [u8; 8],
}

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const DAY: i64 = 86_400;

const NANOSECONDS: i128 = 1_000_000_000;

impl Civil {
    /// What is shown at a moment.
    pub(super) fn of(nanoseconds: i128, zone: &Zone) -> Self {
        let seconds = i64::try_from(nanoseconds.div_euclid(NANOSECONDS)).unwrap_or(0);
        let nanosecond = i64::try_from(nanoseconds.rem_euclid(NANOSECONDS)).unwrap_or(0);
        let (offset, abbreviation) = zone.at(seconds);
        let local = seconds + offset;
        let (year, month, day) = date_of(local.div_euclid(DAY));
        let clock = local.rem_euclid(DAY);
        Self {
            year,
            month,
            day,
            hour: clock / 3600,
            minute: clock / 60 % 60,
            second: clock % 60,
            nanosecond,
            offset,
            abbreviation,
        }
    }

    /// The moment at which this is shown in a zone.
    pub(super) fn in_zone(&self, zone: &Zone) -> i128 {
        let local = self.local_seconds();
        let first = zone.at(local).0;
        let offset = if first == 0 { 0 } else { zone.at(local - first).0 };
        i128::from(local - offset) * NANOSECONDS + i128::from(self.nanosecond)
    }

    /// The moment at which this is shown so many seconds east of Greenwich.
    pub(super) fn at_offset(&self, offset: i64) -> i128 {
        i128::from(self.local_seconds() - offset) * NANOSECONDS + i128::from(self.nanosecond)
    }

    pub(super) fn weekday(&self) -> usize {
        let days = days_before(self.year, self.month) + self.day - 1;
        usize::try_from((days + 4).rem_euclid(7)).unwrap_or(0)
    }

    pub(super) fn weekday_name(&self) -> &'static str {
        WEEKDAYS.get(self.weekday()).copied().unwrap_or("")
    }

    pub(super) fn month_name(&self) -> &'static str {
        let place = usize::try_from(self.month - 1).unwrap_or(0);
        MONTHS.get(place).copied().unwrap_or("")
    }

    pub(super) fn day_of_year(&self) -> i64 {
        days_before(self.year, self.month) + self.day - days_before(self.year, 1)
    }

    fn local_seconds(&self) -> i64 {
        let days = days_before(self.year, self.month) + self.day - 1;
        days * DAY + self.hour * 3600 + self.minute * 60 + self.second
    }
}

/// How many days a month has.
pub(super) fn days_in(year: i64, month: i64) -> i64 {
    days_before(year, month + 1) - days_before(year, month)
}

/// The days from 1970 to the first of a month; months beyond twelve are those of later years.
///
/// Years are counted from March, so that the leap day is the last of one.
fn days_before(year: i64, month: i64) -> i64 {
    let year = year + (month - 1).div_euclid(12);
    let month = (month - 1).rem_euclid(12) + 1;
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 - 719_468
}

/// The date so many days after the first of 1970.
fn date_of(days: i64) -> (i64, i64, i64) {
    let mut year = 1969 + (days * 400).div_euclid(146_097);
    while days_before(year + 1, 1) <= days {
        year += 1;
    }
    let in_year = days - days_before(year, 1);
    let mut month = in_year / 31 + 1;
    if days_before(year, month + 1) <= days {
        month += 1;
    }
    (year, month, days - days_before(year, month) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_come_and_go() {
        for days in (-800_000..800_000).step_by(97) {
            let (year, month, day) = date_of(days);
            assert_eq!(days_before(year, month) + day - 1, days);
            assert!((1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day));
        }
        assert_eq!(date_of(0), (1970, 1, 1));
        assert_eq!(date_of(18_321), (2020, 2, 29));
        assert_eq!(days_in(1900, 2), 28);
    }
}
