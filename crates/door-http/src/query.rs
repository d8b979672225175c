//! Text out of a request's target.

use std::borrow::Cow;
use std::str::FromStr;

use flow::{Error, Result, Time};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{self, StrDeserializer};

use crate::codes;

/// What may stand in a query, a path or a header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it means.
    pub(crate) what: &'static str,
    /// A value it may have.
    pub(crate) example: Example,
}

/// A value, which also says of what type it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Example {
    /// Text.
    Text(&'static str),
    /// A number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// Text, and there may be several.
    Many(&'static str),
}

/// What becomes of parameters nobody knows.
#[derive(Clone, Copy)]
enum Others {
    Refused,
    PassedOver,
}

/// A query, decoded.
#[derive(Debug, Default)]
pub(crate) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Reads a query that may hold what is `known`, once each but for those of
    /// which there may be several.
    pub(crate) fn parse(raw: &'a str, known: &[Parameter]) -> Result<Self> {
        Self::sorted(raw, known, Others::Refused)
    }

    /// The same of a query that somebody else made, where what is not known is passed over.
    pub(crate) fn among(raw: &'a str, known: &[Parameter]) -> Result<Self> {
        Self::sorted(raw, known, Others::PassedOver)
    }

    fn sorted(raw: &'a str, known: &[Parameter], others: Others) -> Result<Self> {
        let mut query = Self::default();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (text(name), text(value)) else {
                return Err(codes::QUERY.error(format!("`{pair}` in the query is not UTF-8")));
            };
            let Some(parameter) = known.iter().find(|parameter| parameter.name == name) else {
                match others {
                    Others::Refused => return Err(unknown(&name, known)),
                    Others::PassedOver => continue,
                }
            };
            let many = matches!(parameter.example, Example::Many(_));
            if !many && query.get(&name).is_some() {
                return Err(codes::QUERY.error(format!("`{name}` is in the query twice")));
            }
            query.0.push((name, value));
        }
        Ok(query)
    }

    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of a parameter.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// Every parameter, in order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The value of a parameter that may not be empty.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>> {
        match self.all(name).any(str::is_empty) {
            true => {
                let error = codes::QUERY.error(format!("`{name}` is empty"));
                Err(error.with_advice(format!("give `{name}` a value, or leave it away")))
            }
            false => Ok(self.get(name)),
        }
    }

    /// The value of a parameter, read as a time.
    pub(crate) fn time(&self, name: &str) -> Result<Option<Time>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        // In a query an unencoded `+` is a space.
        let wrong = || {
            let error = codes::QUERY.error(format!("`{name}` is `{value}`, which is no time"));
            error.with_advice("write it as RFC 3339 does, `2026-03-01T12:00:00Z`")
        };
        time(&value.replace(' ', "+")).map(Some).ok_or_else(wrong)
    }

    /// The value of a parameter, read as a `T`.
    pub(crate) fn read<T: FromStr>(&self, name: &str, kind: &str) -> Result<Option<T>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let wrong = || codes::QUERY.error(format!("`{name}` is `{value}`, which is not {kind}"));
        value.parse().map(Some).map_err(|_| wrong())
    }

    /// How many entries a page is to have.
    pub(crate) fn limit(&self) -> Result<u32> {
        let limit = self.read("limit", "a number")?.unwrap_or(PAGE);
        match limit {
            1..=PAGE_MAX => Ok(limit),
            _ => Err(codes::QUERY.error(format!("`limit` is {limit}, not 1 to {PAGE_MAX}"))),
        }
    }
}

/// Entries on a page, when nobody asks for a number.
const PAGE: u32 = 100;
/// Entries on a page at most.
const PAGE_MAX: u32 = 1000;

/// The parameter every list has.
pub(crate) const LIMIT: Parameter = Parameter {
    name: "limit",
    what: "At most so many, 1 to 1000; without it 100",
    example: Example::Number(100),
};

fn unknown(name: &str, known: &[Parameter]) -> Error {
    let error = codes::QUERY.error(format!("the query has `{name}`, which means nothing here"));
    match known {
        [] => error.with_advice("leave the query away"),
        known => {
            let names: Vec<_> = known.iter().map(|parameter| parameter.name).collect();
            error.with_advice(format!("this route knows {}", names.join(", ")))
        }
    }
}

/// Percent-decodes; `None` when a `%` is not followed by two digits.
pub(crate) fn percent(raw: &str) -> Option<Cow<'_, [u8]>> {
    if !raw.contains('%') {
        return Some(Cow::Borrowed(raw.as_bytes()));
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push(match byte {
            b'%' => u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?,
            byte => byte,
        });
    }
    Some(Cow::Owned(bytes))
}

/// A time as RFC 3339 has it, with `Z` or an offset at its end.
fn time(text: &str) -> Option<Time> {
    let utc = |text: &str| {
        let text: StrDeserializer<'_, value::Error> = text.into_deserializer();
        Time::deserialize(text).ok()
    };
    let offset = text.len().checked_sub("+00:00".len()).and_then(|at| text.split_at_checked(at));
    let Some((local, offset)) = offset.filter(|(_, offset)| offset.starts_with(['+', '-'])) else {
        return utc(text);
    };
    let east = offset.starts_with('+');
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let digits = |text: &str, below| text.parse().ok().filter(|number: &u64| *number < below);
    let minutes = digits(hours, 24)? * 60 + digits(minutes, 60)?;
    let (Time(local), offset) = (utc(&format!("{local}Z"))?, minutes * 60_000_000_000);
    if east { local.checked_sub(offset) } else { local.checked_add(offset) }.map(Time)
}

/// A name or value of a query, where `+` is a space.
fn text(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.contains(['%', '+']) {
        return Some(Cow::Borrowed(raw));
    }
    let spaced = raw.replace('+', " ");
    String::from_utf8(percent(&spaced)?.into_owned()).ok().map(Cow::Owned)
}

/// Percent-encodes what is not safe in a query.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'*' | b':' => {
                encoded.push(char::from(byte));
            }
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Parameter] = &[
        Parameter { name: "ttl", what: "", example: Example::Text("30s") },
        Parameter { name: "tag", what: "", example: Example::Many("a") },
        LIMIT,
    ];

    fn check(raw: &str, expected: Result<&[(&str, &str)], &str>) {
        match (Query::parse(raw, KNOWN), expected) {
            (Ok(query), Ok(expected)) => {
                let pairs: Vec<_> =
                    query.0.iter().map(|(name, value)| (&**name, &**value)).collect();
                assert_eq!(pairs, expected, "{raw}");
            }
            (Err(error), Err(part)) => assert!(error.detail().contains(part), "{raw}: {error}"),
            (got, _) => panic!("`{raw}` gave {got:?}"),
        }
    }

    #[test]
    fn queries_are_read_strictly() {
        check("", Ok(&[]));
        check("ttl=30s&tag=a&tag=b", Ok(&[("ttl", "30s"), ("tag", "a"), ("tag", "b")]));
        check("tag=a+b%26%C3%A4&ttl", Ok(&[("tag", "a b&ä"), ("ttl", "")]));
        check("ttl=1s&ttl=2s", Err("twice"));
        check("tll=1s", Err("`tll`"));
        check("ttl=%zz", Err("not UTF-8"));
        check("ttl=%ff", Err("not UTF-8"));
        check("ttl=%f", Err("not UTF-8"));
    }

    #[test]
    fn pages_have_bounds() {
        let limit = |raw| Query::parse(raw, KNOWN).unwrap().limit().ok();
        let cases = [("", Some(100)), ("limit=1000", Some(1000)), ("limit=0", None)];
        for (raw, expected) in cases {
            assert_eq!(limit(raw), expected, "{raw}");
        }
        assert_eq!((limit("limit=1001"), limit("limit=x")), (None, None));
    }

    #[test]
    fn times_have_an_offset() {
        let at = |text: &str| time(text).map(|time| time.0 / 1_000_000);
        for (text, expected) in [
            ("1970-01-01T00:00:01Z", Some(1000)),
            ("1970-01-01T01:00:00.5+01:00", Some(500)),
            ("1969-12-31T20:30:00-03:30", None),
            ("1970-01-01T00:00:00-03:30", Some(12_600_000)),
            ("1970-01-01T00:00:00+00:01", None),
            ("1970-01-01T00:00:00", None),
            ("1970-01-01T00:00:00Z+01:00", None),
            ("1970-01-01T00:00:00+24:00", None),
            ("1970-01-01T00:00:00+1:000", None),
            ("+00:00", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(at(text), expected, "{text}");
        }
        let query = Query::parse(
            "t=1970-01-01T01:00:00+01:00",
            &[Parameter { name: "t", what: "", example: Example::Text("") }],
        );
        assert_eq!(query.unwrap().time("t").unwrap(), Some(Time(0)), "a plus is often not encoded");
    }

    proptest::proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in ".*") {
            let raw = format!("tag={}", encode(&text));
            assert!(raw.is_ascii());
            assert_eq!(Query::parse(&raw, KNOWN).unwrap().get("tag"), Some(&*text));
        }

        #[test]
        fn nothing_in_a_target_is_too_strange(raw in ".*") {
            let _ = (Query::parse(&raw, KNOWN).map(|query| query.0.len()), percent(&raw));
            let _ = crate::accept::best(&raw, &["text/plain", "gzip"]);
        }
    }
}
