//! How large a cache is to be simulated, as people write it.

use std::fmt;
use std::str::FromStr;

use flow::Result;
use flow::unit::Size;

use super::codes;
use super::trace::{Trace, Weights};

/// `1000` entries, `64MiB`, or `10%` of everything asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// This many entries; with weights, bytes.
    Number(u64),
    /// This many bytes.
    Size(Size),
    /// This part of all objects; with weights, of their bytes.
    Percent(f64),
}

impl Amount {
    /// What it is for this trace: entries, or bytes with weights.
    ///
    /// # Errors
    /// Bytes where objects count one each, or a part of objects that are all empty.
    pub fn of(self, trace: &Trace) -> Result<u64> {
        match (self, trace.weights()) {
            (Self::Number(number), _) => Ok(number),
            (Self::Size(size), Weights::Sizes) => Ok(size.0),
            (Self::Size(_), Weights::Unit) => Err(codes::CAPACITY
                .error(format!("`{self}` is in bytes, but each object counts one"))
                .with_advice("write a number of entries, or add `--weights`")),
            (Self::Percent(percent), _) => match trace.whole() {
                0 => Err(codes::CAPACITY
                    .error(format!("`{self}` of objects that are all empty is nothing"))
                    .with_advice("leave out `--weights`, or write a size such as `64MiB`")),
                whole => Ok(((whole as f64 * percent / 100.0).round() as u64).max(1)),
            },
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Size(size) => size.fmt(f),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let amount = if let Some(percent) = text.strip_suffix('%') {
            percent.trim().parse().ok().map(Self::Percent)
        } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse().ok().map(Self::Number)
        } else {
            text.parse().ok().map(Self::Size)
        };
        match amount {
            None => Err(format!(
                "`{text}` is not a capacity; write entries such as `1000`, a part of all objects such as `10%`, \
                 or with `--weights` a size such as `64MiB`"
            )),
            Some(Self::Percent(percent)) if !(percent > 0.0 && percent <= 100.0) => {
                Err(format!("`{text}` is not above 0% and at most 100%"))
            }
            Some(Self::Number(0) | Self::Size(Size(0))) => {
                Err("a cache of nothing has no hits; write at least 1".to_owned())
            }
            Some(amount) => Ok(amount),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_people_write_them() {
        for (text, expected) in [
            ("1000", Ok(Amount::Number(1000))),
            (" 7 ", Ok(Amount::Number(7))),
            ("64MiB", Ok(Amount::Size(Size::mib(64)))),
            ("10%", Ok(Amount::Percent(10.0))),
            ("0.5 %", Ok(Amount::Percent(0.5))),
            ("0", Err("at least 1")),
            ("0MiB", Err("at least 1")),
            ("0%", Err("not above 0%")),
            ("101%", Err("at most 100%")),
            ("NaN%", Err("not above 0%")),
            ("-5", Err("not a capacity")),
            ("", Err("not a capacity")),
            ("many", Err("not a capacity")),
            ("99999999999999999999", Err("not a capacity")),
        ] {
            match (text.parse::<Amount>(), expected) {
                (Ok(amount), Ok(expected)) => assert_eq!(amount, expected),
                (Err(message), Err(part)) => assert!(message.contains(part), "{message}"),
                (got, _) => panic!("`{text}` gave {got:?}"),
            }
        }
    }

    #[test]
    fn a_part_is_rounded_and_never_nothing() {
        let trace = Trace::of(0..15).unwrap();
        assert_eq!(Amount::Percent(10.0).of(&trace).unwrap(), 2);
        assert_eq!(Amount::Percent(100.0).of(&trace).unwrap(), 15);
        assert_eq!(Amount::Number(99).of(&trace).unwrap(), 99);
        assert_eq!(Amount::Percent(1.0).of(&trace).unwrap(), 1);
        let empty = Trace::of_sized([(1, 0)]).unwrap();
        let error = Amount::Percent(1.0).of(&empty).unwrap_err();
        assert_eq!(error.to_string(), "`1%` of objects that are all empty is nothing");
        let error = Amount::Size(Size::mib(1)).of(&trace).unwrap_err();
        assert_eq!(error.advice(), "write a number of entries, or add `--weights`");
        let sized = Trace::of_sized([(1, 100), (2, 50), (1, 200)]).unwrap();
        assert_eq!(Amount::Percent(10.0).of(&sized).unwrap(), 25);
        assert_eq!(Amount::Size(Size::kib(1)).of(&sized).unwrap(), 1024);
    }
}
