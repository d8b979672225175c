//! When something is done again: so often in business hours, less often otherwise.

use std::time::Duration;

use flow::Time;
use flow::unit::Span;

const DAY: u64 = 86_400;
const WEEK: u64 = 7 * DAY;
/// Outside business hours, where nothing else is said.
const OTHERWISE: Duration = Duration::from_secs(3600);
/// Whoever waits looks again at least so often: rests do not get longer than this.
const LOOK: Duration = Duration::from_secs(DAY);
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// How often something is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    every: Duration,
    business: Option<(Business, Duration)>,
}

/// Hours of some days of the week, at a fixed offset from UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Business {
    days: [bool; 7],
    /// Seconds of the day.
    from: u64,
    until: u64,
    /// Seconds that the clock there is ahead.
    ahead: i64,
}

impl Schedule {
    /// Reads `every 15m` or `every 15m, otherwise 1h`, and with the second form, or alone for
    /// an hour otherwise, `Mon-Fri 08:00-18:00 +01:00`; what is wrong if it is none.
    pub(super) fn parse(text: &str, hours: Option<&str>) -> Result<Self, String> {
        let wrong =
            || format!("`refresh` is `{text}`; write `every 15m` or `every 15m, otherwise 1h`");
        let (often, otherwise) = match text.split_once(',') {
            None => (text, None),
            Some((often, rest)) => {
                (often, Some(rest.trim().strip_prefix("otherwise ").ok_or_else(wrong)?))
            }
        };
        let every = span(often.trim().strip_prefix("every ").ok_or_else(wrong)?)?;
        let otherwise = otherwise.map(span).transpose()?;
        let business = match (hours, otherwise) {
            (None, None) => None,
            (Some(hours), rest) => {
                let rest = rest.unwrap_or(OTHERWISE.max(every));
                Some((Business::parse(hours)?, rest))
            }
            (None, Some(_)) => {
                return Err("`refresh` says `otherwise`; set `business_hours` such as \
                            `Mon-Fri 08:00-18:00 +01:00`"
                    .into());
            }
        };
        Ok(Self { every, business })
    }

    /// How long it rests between two times, at this moment.
    fn period(&self, now: Time) -> Duration {
        match &self.business {
            Some((business, otherwise)) if !business.open(now) => *otherwise,
            _ => self.every,
        }
    }

    /// How long to wait before looking again; zero when it is due.
    pub fn wait(&self, last: Time, now: Time) -> Duration {
        let rest = self.period(now).saturating_sub(now.since(last));
        let change = self.business.as_ref().map(|(business, _)| business.change(now));
        rest.min(change.unwrap_or(LOOK)).min(LOOK)
    }
}

impl Business {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`business_hours` is `{text}`; write such as `Mon-Fri 08:00-18:00 +01:00`");
        let mut words = text.split_whitespace();
        let days = days(words.next().unwrap_or_default()).ok_or_else(wrong)?;
        let hours = words.next().and_then(|hours| hours.split_once('-')).ok_or_else(wrong)?;
        let (from, until) = (time(hours.0).ok_or_else(wrong)?, time(hours.1).ok_or_else(wrong)?);
        let ahead = words.next().map_or(Some(0), offset).ok_or_else(wrong)?;
        if words.next().is_some() {
            return Err(wrong());
        }
        if from >= until {
            return Err(format!("`business_hours` is `{text}`; they have to end after they begin"));
        }
        Ok(Self { days, from, until, ahead })
    }

    /// Seconds since the beginning of a Monday there.
    fn local(&self, now: Time) -> u64 {
        // The first day of 1970 was a Thursday.
        let secs = (now.secs() + 3 * DAY).saturating_add_signed(self.ahead);
        secs % WEEK
    }

    fn open(&self, now: Time) -> bool {
        let local = self.local(now);
        let day = usize::try_from(local / DAY).ok().and_then(|day| self.days.get(day));
        day.is_some_and(|open| *open) && (self.from..self.until).contains(&(local % DAY))
    }

    /// How long until they may begin or end.
    fn change(&self, now: Time) -> Duration {
        let local = self.local(now) % DAY;
        let next = [self.from, self.until, DAY].into_iter().find(|at| *at > local);
        let rest = Duration::from_secs(next.unwrap_or(DAY) - local);
        // A clock of nanoseconds is somewhere within its second.
        rest.saturating_sub(Duration::from_nanos(now.0 % 1_000_000_000))
    }
}

fn span(text: &str) -> Result<Duration, String> {
    let Span(span) = text.trim().parse().map_err(|wrong| format!("`refresh`: {wrong}"))?;
    match span < Duration::from_secs(1) {
        true => Err(format!("`refresh` is every {}; leave it a second at least", Span(span))),
        false => Ok(span),
    }
}

fn days(text: &str) -> Option<[bool; 7]> {
    let mut open = [false; 7];
    let day = |name: &str| {
        let name = name.to_ascii_lowercase();
        DAYS.iter().position(|day| *day == name)
    };
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        // From Saturday to Monday goes over the end of the week.
        let length = (last + 7 - first) % 7;
        for at in first..=first + length {
            *open.get_mut(at % 7)? = true;
        }
    }
    Some(open)
}

/// Seconds of the day.
fn time(text: &str) -> Option<u64> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let time = hours * 3600 + minutes * 60;
    (minutes < 60 && time <= DAY).then_some(time)
}

fn offset(text: &str) -> Option<i64> {
    if ["Z", "UTC"].contains(&text) {
        return Some(0);
    }
    let time = |rest| time(rest).filter(|time| *time <= 14 * 3600)?.try_into().ok();
    match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => time(rest),
        (_, Some(rest)) => time(rest).map(|ahead: i64| -ahead),
        _ => None,
    }
}

fn number(text: &str) -> Option<u64> {
    (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOURS: &str = "Mon-Fri 08:00-18:00 +01:00";

    fn at(day: u64, hour: u64, minute: u64) -> Time {
        // 2026-01-05 was a Monday.
        Time((1_767_571_200 + day * DAY + hour * 3600 + minute * 60) * 1_000_000_000)
    }

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    #[test]
    fn it_is_done_often_in_business_hours_and_hourly_otherwise() {
        let schedule = Schedule::parse("every 15m", Some(HOURS)).unwrap();
        for (now, period) in [
            (at(0, 6, 59), 60),
            (at(0, 7, 0), 15),
            (at(4, 16, 59), 15),
            (at(4, 17, 0), 60),
            (at(5, 12, 0), 60),
            (at(6, 23, 30), 60),
            (at(7, 7, 0), 15),
        ] {
            assert_eq!(schedule.period(now), minutes(period), "{now}");
        }
    }

    #[test]
    fn it_is_waited_until_it_is_due_or_the_hours_change() {
        let schedule = Schedule::parse("every 15m, otherwise 2h", Some(HOURS)).unwrap();
        for (last, now, wait) in [
            (at(0, 9, 0), at(0, 9, 5), 10),
            (at(0, 9, 0), at(0, 9, 15), 0),
            (at(0, 9, 0), at(0, 11, 0), 0),
            // Business begins at seven of UTC, half an hour before the two are over.
            (at(0, 5, 30), at(0, 6, 45), 15),
            (at(0, 5, 30), at(0, 7, 0), 0),
            (at(0, 16, 50), at(0, 17, 0), 110),
            // A clock that was set back waits one rest, not a day.
            (at(0, 12, 0), at(0, 9, 0), 15),
        ] {
            assert_eq!(schedule.wait(last, now), minutes(wait), "{last} {now}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_what_to_write() {
        for (refresh, hours, part) in [
            ("15m", None, "every 15m"),
            ("every soon", None, "not a duration"),
            ("every 10ms", None, "a second at least"),
            ("every 15m, 1h", None, "otherwise 1h"),
            ("every 15m, otherwise 1h", None, "set `business_hours`"),
            ("every 15m", Some("always"), "Mon-Fri 08:00-18:00"),
            ("every 15m", Some("Mon-Fri 08:00-25:00"), "Mon-Fri 08:00-18:00"),
            ("every 15m", Some("Mon-Fri 18:00-08:00"), "end after they begin"),
            ("every 15m", Some("Mon-Fri 08:00-18:00 CET"), "+01:00"),
            ("every 15m", Some("Mon-Fri 08:00-18:00 +01:00 x"), "+01:00"),
        ] {
            let said = Schedule::parse(refresh, hours).unwrap_err();
            assert!(said.contains(part), "{refresh} {hours:?}: {said}");
        }
    }

    proptest! {
        /// Waiting as it says never skips the moment at which it was first due.
        #[test]
        fn nobody_sleeps_through_it(start in 0..WEEK, slept in 0..200_000u64) {
            let schedule = Schedule::parse("every 15m, otherwise 3h", Some("Sat-Tue 00:30-23:10 -03:30"));
            let schedule = schedule.unwrap();
            let last = at(0, 0, 0).after(Duration::from_secs(start));
            let due = |now: Time| now.since(last) >= schedule.period(now);
            let now = last.after(Duration::from_secs(slept % 12_000));
            let wait = schedule.wait(last, now);
            prop_assert_eq!(wait.is_zero(), due(now));
            let passed = (0..wait.as_secs()).step_by(30).map(|secs| now.after(Duration::from_secs(secs)));
            prop_assert!(passed.skip(1).all(|then| !due(then)));
        }
    }
}
