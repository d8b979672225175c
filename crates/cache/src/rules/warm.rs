//! When a namespace is filled, and with what.

use std::path::PathBuf;
use std::time::Duration;

use flow::unit::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::warm::{Pace, Warm};

/// Something a namespace is filled with before anybody asks: one of keys, a file, a log and
/// a query.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Warming {
    /// These keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<String>>,
    /// A file with a key on each line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The log of a web server, whose paths are the keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<PathBuf>,
    /// A query of the database of `sql.url`: the key, and after it, if wanted, the value and for how many seconds it lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// When: `startup`, `every 15m` or `event NAME`; at startup when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// How many keys are loaded in a second at most; as many as possible when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// Whose values they are; `main` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

/// Warming that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warmup {
    /// With what.
    pub from: Warm,
    /// When.
    pub at: At,
    /// How fast.
    pub pace: Pace,
    /// Whose values.
    pub tenant: Box<str>,
}

/// When a namespace is filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// When the node starts.
    Startup,
    /// Then, and again and again after so long.
    Every(Duration),
    /// When this happens.
    Event(Box<str>),
}

impl Warming {
    /// Checked; what is wrong if it cannot hold.
    pub(super) fn check(&self) -> Result<Warmup, String> {
        let bytes = |key: &String| Box::from(key.as_bytes());
        let from = match (&self.keys, &self.file, &self.log, &self.query) {
            (Some(keys), None, None, None) => Warm::Keys(keys.iter().map(bytes).collect()),
            (None, Some(file), None, None) => Warm::File(file.clone()),
            (None, None, Some(log), None) => Warm::Log(log.clone()),
            (None, None, None, Some(query)) => Warm::Query(query.clone()),
            _ => return Err("say one of `keys`, `file`, `log` and `query`".into()),
        };
        if self.rate == Some(0) {
            return Err("`rate` is 0, which loads nothing; leave it out or raise it".into());
        }
        let pace = Pace { keys_per_second: self.rate, ..Pace::default() };
        let tenant = self.tenant.as_deref().unwrap_or("main").into();
        Ok(Warmup { from, at: At::read(self.at.as_deref())?, pace, tenant })
    }
}

impl At {
    pub(crate) fn event(&self) -> Option<&str> {
        match self {
            Self::Event(name) => Some(name),
            Self::Startup | Self::Every(_) => None,
        }
    }

    fn read(written: Option<&str>) -> Result<Self, String> {
        let text = written.unwrap_or("startup").trim();
        let wrong = || format!("`at` is `{text}`; write `startup`, `every 15m` or `event NAME`");
        match text.split_once(' ') {
            None if text == "startup" => Ok(Self::Startup),
            Some(("every", span)) => match span.trim().parse::<Span>() {
                Ok(Span(every)) if !every.is_zero() => Ok(Self::Every(every)),
                _ => Err(wrong()),
            },
            Some(("event", name)) if !name.trim().is_empty() => Ok(Self::Event(name.trim().into())),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        let minutes = |minutes: u64| At::Every(Duration::from_secs(minutes * 60));
        for (written, expected) in [
            (None, Some(At::Startup)),
            (Some("startup"), Some(At::Startup)),
            (Some("every 15m"), Some(minutes(15))),
            (Some("event  order.paid"), Some(At::Event("order.paid".into()))),
            (Some("every 0s"), None),
            (Some("every"), None),
            (Some("every now and then"), None),
            (Some("event "), None),
            (Some("tomorrow"), None),
        ] {
            assert_eq!(At::read(written).ok(), expected, "{written:?}");
        }
    }

    #[test]
    fn one_source_is_said_and_no_other() {
        let none = Warming::default();
        let keys = Warming { keys: Some(vec!["a".into()]), ..none.clone() };
        let both = Warming { query: Some("SELECT 1".into()), ..keys.clone() };
        assert_eq!(keys.check().unwrap().from, Warm::Keys(vec![b"a"[..].into()]));
        assert!(none.check().is_err() && both.check().is_err());
        assert!(Warming { rate: Some(0), ..keys }.check().is_err());
    }
}
