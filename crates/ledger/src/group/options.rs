//! What a group is, as it is set and shown.

use flow::unit::Span;
use flow::{Result, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codes::INVALID;
use crate::query::Filter;

/// How a group treats its consumers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How long a consumer has for what it took.
    pub lease: Span,
    /// How often an event is delivered before it is parked.
    pub tries: u32,
    /// How long an event rests before its second try; twice as long before each further one.
    pub rest: Span,
    /// How long it rests at most.
    pub rest_max: Span,
    /// How many events may be with consumers, or rest, at the same time.
    pub open_max: u32,
    /// How many events may be parked. With more, nothing new is handed out.
    pub parked_max: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lease: Span::secs(30),
            tries: 10,
            rest: Span::secs(1),
            rest_max: Span::secs(300),
            open_max: 1000,
            parked_max: 10_000,
        }
    }
}

impl Options {
    pub(super) fn check(&self) -> Result<()> {
        let spans = [
            ("lease", self.lease, Span::millis(1), Span::secs(86_400)),
            ("rest", self.rest, Span::millis(0), self.rest_max),
            ("rest_max", self.rest_max, Span::millis(0), Span::secs(7 * 86_400)),
        ];
        for (name, span, least, most) in spans {
            if span < least || span > most {
                let sentence = format!("`{name}` is {span}, and has to be from {least} to {most}");
                return Err(INVALID.error(sentence));
            }
        }
        let numbers = [
            ("tries", self.tries, 1000),
            ("open_max", self.open_max, 10_000),
            ("parked_max", self.parked_max, 100_000),
        ];
        for (name, number, most) in numbers {
            if number < 1 || number > most {
                let sentence = format!("`{name}` is {number}, and has to be from 1 to {most}");
                return Err(INVALID.error(sentence));
            }
        }
        Ok(())
    }
}

/// A group, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Its name.
    pub name: String,
    /// Which events it is for.
    pub filter: Filter,
    /// How it treats its consumers.
    pub options: Options,
    /// When it was created.
    pub created: Time,
    /// Everything up to this position is settled: acknowledged, parked, or of no concern. It
    /// goes back when something parked is replayed.
    pub position: u64,
    /// How many events the log has behind that, whether they concern the group or not.
    pub lag: u64,
    /// How many events are leased to consumers.
    pub in_flight: u64,
    /// How many are to come again.
    pub waiting: u64,
    /// How many are parked.
    pub parked: u64,
}
