//! What else a caller wants to know, and how fresh it has to be.

use flow::question::policy::Freshness;
use flow::{Plane, Result};
use http::HeaderName;

use crate::call::Call;
use crate::query::{Example, Parameter, Query};

pub(super) const PRETTY: Parameter = Parameter {
    name: "pretty",
    what: "Whether the answer is indented for people",
    example: Example::Flag(true),
};
pub(super) const METRICS: Parameter = Parameter {
    name: "metrics",
    what: "Whether the answer says how long it took",
    example: Example::Flag(true),
};
const PROVENANCE: Parameter = Parameter {
    name: "provenance",
    what: "Whether the answer says which version and revision it comes from",
    example: Example::Flag(true),
};
const EXPLAIN: Parameter = Parameter {
    name: "explain",
    what: "Taken because OPA's clients send it; there are no traces",
    example: Example::Text("notes"),
};
const INSTRUMENT: Parameter =
    Parameter { name: "instrument", what: "The same as `metrics`", example: Example::Flag(true) };
pub(super) const STRICT: Parameter = Parameter {
    name: "strict-builtin-errors",
    what: "Whether a function that fails fails the decision",
    example: Example::Flag(false),
};
const AT_LEAST: Parameter = Parameter {
    name: "at_least_as_fresh",
    what: "The revision an answer named, which this one may not be older than",
    example: Example::Text("r1"),
};
const FULL: Parameter = Parameter {
    name: "fully_consistent",
    what: "Whether everything anybody has changed has to count",
    example: Example::Flag(true),
};
const INPUT: Parameter =
    Parameter { name: "input", what: "The input, as JSON", example: Example::Text("7") };

/// The same in headers.
static AT_LEAST_HEADER: HeaderName = HeaderName::from_static("x-stockade-at-least-as-fresh");
static FULL_HEADER: HeaderName = HeaderName::from_static("x-stockade-fully-consistent");

/// What a decision can be asked with.
pub(super) const DECISION: &[Parameter] =
    &[PRETTY, METRICS, PROVENANCE, EXPLAIN, INSTRUMENT, STRICT, AT_LEAST, FULL];
/// And one whose input is in the query.
pub(super) const DECISION_OF_INPUT: &[Parameter] =
    &[INPUT, PRETTY, METRICS, PROVENANCE, EXPLAIN, INSTRUMENT, STRICT, AT_LEAST, FULL];
/// And how fresh a decision without all this has to be.
pub(in crate::route) const FRESHNESS: &[Parameter] = &[AT_LEAST, FULL];
pub(super) const LEGACY: &[Parameter] = &[PRETTY, AT_LEAST, FULL];
pub(super) const QUERY: &[Parameter] = &[PRETTY, METRICS, EXPLAIN, INSTRUMENT, STRICT];

/// What is wanted of an answer. Parameters nobody knows are passed over, as OPA does.
pub(in crate::route) struct Wanted<'a> {
    pub(super) query: Query<'a>,
    at_least: Option<&'a str>,
    full: bool,
}

impl<'a> Wanted<'a> {
    pub(in crate::route) fn of<P: Plane>(call: &Call<'a, P>) -> Result<Self> {
        let raw = call.head.uri.query().unwrap_or_default();
        let query = Query::among(raw, call.operation.query)?;
        let at_least = call.header(&AT_LEAST_HEADER)?;
        let full = call.header(&FULL_HEADER)?.is_some_and(is_yes);
        Ok(Self { query, at_least, full })
    }

    fn flag(&self, name: &str) -> bool {
        self.query.get(name).is_some_and(is_yes)
    }

    pub(super) fn pretty(&self) -> bool {
        self.flag(PRETTY.name)
    }

    pub(super) fn metrics(&self) -> bool {
        self.flag(METRICS.name) || self.flag(INSTRUMENT.name)
    }

    pub(super) fn provenance(&self) -> bool {
        self.flag(PROVENANCE.name)
    }

    pub(super) fn strict(&self) -> bool {
        self.flag(STRICT.name)
    }

    pub(super) fn input(&self) -> Option<&str> {
        self.query.get(INPUT.name)
    }

    pub(in crate::route) fn freshness(&self) -> Freshness<'_> {
        if self.full || self.flag(FULL.name) {
            return Freshness::Full;
        }
        let at_least = self.at_least.or_else(|| self.query.get(AT_LEAST.name));
        let at_least = at_least.filter(|revision| !revision.is_empty());
        at_least.map_or(Freshness::Any, Freshness::AtLeast)
    }
}

/// A parameter that is only there is a yes.
pub(super) fn is_yes(value: &str) -> bool {
    value.is_empty() || value.eq_ignore_ascii_case("true")
}
