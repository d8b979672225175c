//! Durations and sizes as people write them: `"30s"`, `"64MiB"`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time, written `"250ms"`, `"30s"`, `"1h 30m"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// This many seconds.
    pub const fn secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// This many milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        humantime::parse_duration(text)
            .map(Self)
            .map_err(|_| format!("`{text}` is not a duration; write `250ms`, `30s` or `1h 30m`"))
    }
}

/// A number of bytes, written `"512"`, `"64KiB"`, `"200MiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl Size {
    /// This many KiB.
    pub const fn kib(kib: u64) -> Self {
        Self(kib << 10)
    }

    /// This many MiB.
    pub const fn mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    /// As a length in memory; sizes beyond the address space become its end.
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, unit): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(*unit);
        match UNITS.iter().take(4).find(whole) {
            Some((name, unit)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a size; write `512`, `64KiB` or `200MiB`");
        let trimmed = text.trim();
        let digits = trimmed.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let unit = match unit.trim() {
            "" => 1,
            name => {
                let same = |(known, _): &&(&str, u64)| known.eq_ignore_ascii_case(name);
                UNITS.iter().find(same).ok_or_else(wrong)?.1
            }
        };
        number.checked_mul(unit).map(Self).ok_or_else(wrong)
    }
}

macro_rules! written_as_text {
    ($type:ident, $example:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "examples": [$example] })
            }

            fn inline_schema() -> bool {
                true
            }
        }
    };
}

written_as_text!(Span, "30s");
written_as_text!(Size, "64MiB");

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr<Err = String> + fmt::Display>(written: &str, read: Result<&str, &str>) {
        match (written.parse::<T>(), read) {
            (Ok(value), Ok(expected)) => assert_eq!(value.to_string(), expected),
            (Err(message), Err(part)) => assert!(message.contains(part), "{message}"),
            (got, _) => panic!("`{written}` gave {:?}", got.map(|value| value.to_string())),
        }
    }

    #[test]
    fn sizes() {
        check::<Size>("512", Ok("512B"));
        check::<Size>("64KiB", Ok("64KiB"));
        check::<Size>("64 kib", Ok("64KiB"));
        check::<Size>("1024MiB", Ok("1GiB"));
        check::<Size>("1MB", Ok("1000000B"));
        check::<Size>("0", Ok("0B"));
        for wrong in ["", "MiB", "-1", "1.5GiB", "12 parsecs", "99999999999TiB"] {
            check::<Size>(wrong, Err("is not a size"));
        }
    }

    #[test]
    fn spans() {
        check::<Span>("30s", Ok("30s"));
        check::<Span>("90m", Ok("1h 30m"));
        for wrong in ["", "30", "soon"] {
            check::<Span>(wrong, Err("is not a duration"));
        }
    }
}
