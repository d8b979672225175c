//! Times: nanoseconds since 1970, and what calendars and clocks show then.

mod calendar;
mod duration;
mod layout;
mod zone;

use super::argument::{at, broken, text, whole, wrong_type};
use super::{Builtin, Failure};
use crate::value::Value;
use calendar::{Civil, days_in};
use zone::Zone;

pub(super) const ALL: &[Builtin] = &[
    Builtin::fresh("time.now_ns", 0, |surroundings, _| Ok(surroundings.world.now().into())),
    Builtin::steady("time.parse_ns", 2, |_, args| {
        nanoseconds(layout::parse(named(text(args, 0)?), text(args, 1)?)?)
    }),
    Builtin::steady("time.parse_rfc3339_ns", 1, |_, args| {
        nanoseconds(layout::parse(named("RFC3339"), text(args, 0)?)?)
    }),
    Builtin::steady("time.parse_duration_ns", 1, |_, args| {
        duration::parse(text(args, 0)?).map(Value::from)
    }),
    // It is one and the same time for as long as an evaluation lasts: there is nothing to wait for.
    Builtin::steady("test.sleep", 1, |_, args| {
        duration::parse(text(args, 0)?).map(|_| Value::Null)
    }),
    Builtin::steady("time.format", 1, |_, args| {
        let moment = Moment::of(args, 0)?;
        let layout = if moment.layout.is_empty() { "RFC3339Nano" } else { moment.layout };
        layout::format(named(layout), &moment.civil()).map(Value::from)
    }),
    Builtin::steady("time.date", 1, |_, args| {
        let civil = Moment::of(args, 0)?.civil();
        Ok([civil.year, civil.month, civil.day].map(Value::from).into_iter().collect())
    }),
    Builtin::steady("time.clock", 1, |_, args| {
        let civil = Moment::of(args, 0)?.civil();
        Ok([civil.hour, civil.minute, civil.second].map(Value::from).into_iter().collect())
    }),
    Builtin::steady("time.weekday", 1, |_, args| {
        Ok(Moment::of(args, 0)?.civil().weekday_name().into())
    }),
    Builtin::steady("time.add_date", 4, |_, args| add_date(args)),
    Builtin::steady("time.diff", 2, |_, args| diff(args)),
];

/// Layouts that have a name.
fn named(layout: &str) -> &str {
    match layout {
        "ANSIC" => "Mon Jan _2 15:04:05 2006",
        "UnixDate" => "Mon Jan _2 15:04:05 MST 2006",
        "RubyDate" => "Mon Jan 02 15:04:05 -0700 2006",
        "RFC822" => "02 Jan 06 15:04 MST",
        "RFC822Z" => "02 Jan 06 15:04 -0700",
        "RFC850" => "Monday, 02-Jan-06 15:04:05 MST",
        "RFC1123" => "Mon, 02 Jan 2006 15:04:05 MST",
        "RFC1123Z" => "Mon, 02 Jan 2006 15:04:05 -0700",
        "RFC3339" => "2006-01-02T15:04:05Z07:00",
        "RFC3339Nano" => "2006-01-02T15:04:05.999999999Z07:00",
        other => other,
    }
}

fn nanoseconds(time: i128) -> Result<Value, Failure> {
    match i64::try_from(time) {
        Ok(time) => Ok(time.into()),
        Err(_) => broken("time outside of valid range"),
    }
}

/// A moment, where it is looked at from, and the layout to write it in.
struct Moment<'a> {
    nanoseconds: i64,
    zone: Zone,
    layout: &'a str,
}

impl<'a> Moment<'a> {
    /// Arguments are a number, or a list of it, the name of a zone and a layout.
    fn of(args: &'a [Value], place: usize) -> Result<Self, Failure> {
        let arg = at(args, place)?;
        let (number, zone, layout) = match arg {
            Value::Number(number) => (number, None, None),
            Value::Array(items) => match items.first() {
                Some(Value::Number(number)) => (number, items.get(1), items.get(2)),
                Some(other) => return Err(wrong_type(0, other, &["number"])),
                None => return Err(wrong_type(0, arg, &[EXPECTED])),
            },
            other => return Err(wrong_type(0, other, &[EXPECTED])),
        };
        let text = |part: Option<&'a Value>| match part {
            None => Ok(""),
            Some(Value::Text(text)) => Ok(&**text),
            Some(other) => Err(wrong_type(0, other, &["string"])),
        };
        let (zone, layout) = (Zone::named(text(zone)?)?, text(layout)?);
        match number.as_i64() {
            Some(nanoseconds) => Ok(Self { nanoseconds, zone, layout }),
            None => broken("timestamp too big"),
        }
    }

    fn civil(&self) -> Civil {
        Civil::of(i128::from(self.nanoseconds), &self.zone)
    }
}

const EXPECTED: &str = "either number (ns) or [number (ns), string (tz)]";

/// How many years, months or days may be added.
const ADDED_MAX: i64 = 1_000_000_000;

fn add_date(args: &[Value]) -> Result<Value, Failure> {
    let moment = Moment::of(args, 0)?;
    let civil = moment.civil();
    let (years, months, days) = (whole(args, 1)?, whole(args, 2)?, whole(args, 3)?);
    if [years, months, days].iter().any(|added| added.unsigned_abs() > ADDED_MAX as u64) {
        return broken("time outside of valid range");
    }
    let moved = Civil {
        year: civil.year + years,
        month: civil.month + months,
        day: civil.day + days,
        ..civil
    };
    nanoseconds(moved.in_zone(&moment.zone))
}

/// What lies between two moments, in years, months, days, hours, minutes and seconds, in the
/// zone of the first.
fn diff(args: &[Value]) -> Result<Value, Failure> {
    let (one, two) = (Moment::of(args, 0)?, Moment::of(args, 1)?);
    let (early, late) =
        (one.nanoseconds.min(two.nanoseconds), one.nanoseconds.max(two.nanoseconds));
    let early = Civil::of(i128::from(early), &one.zone);
    let late = Civil::of(i128::from(late), &one.zone);
    let mut year = late.year - early.year;
    let mut month = late.month - early.month;
    let mut day = late.day - early.day;
    let mut hour = late.hour - early.hour;
    let mut minute = late.minute - early.minute;
    let mut second = late.second - early.second;
    let borrow = |small: &mut i64, size: i64, large: &mut i64| {
        if *small < 0 {
            *small += size;
            *large -= 1;
        }
    };
    borrow(&mut second, 60, &mut minute);
    borrow(&mut minute, 60, &mut hour);
    borrow(&mut hour, 24, &mut day);
    borrow(&mut day, days_in(early.year, early.month), &mut month);
    borrow(&mut month, 12, &mut year);
    Ok([year, month, day, hour, minute, second].map(Value::from).into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn moments_are_looked_at() {
        check(&[
            ("time.now_ns", "[]", "1700000000123456789"),
            ("time.date", "[1582977600000000000]", "[2020,2,29]"),
            ("time.date", r#"[[1517832000000000000, ""]]"#, "[2018,2,5]"),
            ("time.clock", r#"[[1517832000000000000, "America/New_York"]]"#, "[7,0,0]"),
            ("time.clock", "[-1]", "[23,59,59]"),
            ("time.weekday", "[1518004800000000000]", r#""Wednesday""#),
            ("time.date", r#"[[0, "Mars/Base"]]"#, "time.date: unknown time zone Mars/Base"),
            (
                "time.date",
                r#"[[0, "europe/berlin"]]"#,
                "time.date: unknown time zone europe/berlin",
            ),
            ("time.date", "[1e30]", "time.date: timestamp too big"),
            (
                "time.date",
                r#"["x"]"#,
                "time.date: operand 1 must be either number (ns) or [number (ns), string (tz)] but got string",
            ),
            ("time.date", "[[null]]", "time.date: operand 1 must be number but got null"),
        ]);
    }

    #[test]
    fn dates_are_added_and_compared() {
        check(&[
            ("time.add_date", "[1585852421593912000, 3, 9, 12]", "1705257221593912000"),
            ("time.add_date", "[1585852421593912000, -1, -1, -1]", "1551465221593912000"),
            ("time.add_date", "[0, 2262, 1, 1]", "time.add_date: time outside of valid range"),
            // From the last Saturday before summer time to the Monday after: a day of 23 hours.
            (
                "time.add_date",
                r#"[[1711803600000000000, "Europe/Berlin"], 0, 0, 2]"#,
                "1711972800000000000",
            ),
            ("time.diff", "[86400000000000, 0]", "[0,0,1,0,0,0]"),
            ("time.diff", "[0, 3661000000000]", "[0,0,0,1,1,1]"),
            // 28 February to 1 March of a leap year, and of another.
            ("time.diff", "[1582848000000000000, 1583020800000000000]", "[0,0,2,0,0,0]"),
            ("time.diff", "[1548892800000000000, 1551398400000000000]", "[0,1,1,0,0,0]"),
        ]);
    }

    #[test]
    fn times_are_read() {
        for (layout, time, expected) in [
            ("2006-01-02T15:04:05Z07:00", "2017-06-02T19:00:00-07:00", "1496455200000000000"),
            ("RFC3339", "1970-01-01T00:00:00.5Z", "500000000"),
            ("2006-01-02", "1970-01-02", "86400000000000"),
            ("RFC822Z", "01 Jan 70 01:00 +0100", "0"),
            ("RFC1123", "Thu, 01 Jan 1970 00:00:01 GMT", "1000000000"),
            ("RFC850", "Thursday, 01-Jan-70 00:00:01 UTC", "1000000000"),
            ("ANSIC", "Thu Jan  1 00:00:01 1970", "1000000000"),
            ("Jan 2, 2006 3:04PM", "jan 1, 1970 12:01AM", "60000000000"),
            ("2006 002", "1970 002", "86400000000000"),
            ("2006.000", "1970.250", "250000000"),
            ("2006-01-02 -07", "1970-01-01 -01", "3600000000000"),
            ("06-1-_2", "69-1- 1", "-31536000000000000"),
            (
                "2006-01-02",
                "1970-02-30",
                r#"time.parse_ns: parsing time "1970-02-30": day out of range"#,
            ),
            (
                "2006-01-02",
                "1970-13-01",
                r#"time.parse_ns: parsing time "1970-13-01": month out of range"#,
            ),
            (
                "2006-01-02",
                "x",
                r#"time.parse_ns: parsing time "x" as "2006-01-02": cannot parse "x" as "2006""#,
            ),
            ("2006", "1970x", r#"time.parse_ns: parsing time "1970x": extra text: "x""#),
            (
                "RFC3339",
                "2262-04-11T23:47:16.854775808Z",
                "time.parse_ns: time outside of valid range",
            ),
            ("RFC3339", "1677-09-21T00:12:43.145224192-00:00", "-9223372036854775808"),
        ] {
            check(&[("time.parse_ns", &format!(r#"["{layout}", "{time}"]"#), expected)]);
        }
        check(&[("time.parse_rfc3339_ns", r#"["1970-01-01T00:00:01Z"]"#, "1000000000")]);
    }

    #[test]
    fn times_are_written() {
        for (zone, layout, expected) in [
            ("UTC", "", "2023-11-14T22:13:20.123456789Z"),
            ("Europe/Berlin", "", "2023-11-14T23:13:20.123456789+01:00"),
            ("Asia/Kolkata", "RFC1123", "Wed, 15 Nov 2023 03:43:20 IST"),
            ("", "RFC1123Z", "Tue, 14 Nov 2023 22:13:20 +0000"),
            ("America/New_York", "Mon Jan _2 3:04:05.000PM MST", "Tue Nov 14 5:13:20.123PM EST"),
            (
                "",
                "002 06 1 2 15 3 4 5 pm Z0700 -07 January",
                "318 23 11 14 22 10 13 20 pm Z +00 November",
            ),
            ("", "Janet Month ,999 .00", "Janet Month ,123 .12"),
        ] {
            let args = format!(r#"[[1700000000123456789, "{zone}", "{layout}"]]"#);
            check(&[("time.format", &args, &format!("\"{expected}\""))]);
        }
    }

    #[test]
    fn durations_are_read() {
        for (text, expected) in [
            ("100ms", "100000000"),
            ("1h15m30.918s", "4530918000000"),
            ("-1.5h", "-5400000000000"),
            ("0", "0"),
            ("1µs", "1000"),
            (".5s", "500000000"),
            ("", r#"time.parse_duration_ns: time: invalid duration """#),
            ("1", r#"time.parse_duration_ns: time: missing unit in duration "1""#),
            ("1d", r#"time.parse_duration_ns: time: unknown unit "d" in duration "1d""#),
            (".s", r#"time.parse_duration_ns: time: invalid duration ".s""#),
            ("9999999h", r#"time.parse_duration_ns: time: invalid duration "9999999h""#),
        ] {
            check(&[("time.parse_duration_ns", &format!(r#"["{text}"]"#), expected)]);
        }
    }
}
