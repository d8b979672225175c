//! Consumer groups as documents.

use flow::Time;
use flow::question::group::{self, Options};
use flow::question::ledger::Filter;
use flow::unit::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::Event;

/// A consumer group that is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewGroup")]
pub(super) struct Wanted {
    /// Which events it is for.
    #[serde(default)]
    filter: Which,
    /// A new group begins with this position; without it with what is yet to come.
    from: Option<u64>,
    /// How it treats its consumers.
    #[serde(default)]
    options: Treatment,
}

/// Which events are wanted; what is left away does not matter.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GroupFilter")]
struct Which {
    /// Only of this stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<String>,
    /// Only of one of these types; with a `*` at its end, all that begin so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    types: Vec<String>,
    /// Only what this actor did.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    /// Only within this part of a system.
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<String>,
    /// Only what belongs to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation: Option<String>,
    /// Only what followed from this.
    #[serde(skip_serializing_if = "Option::is_none")]
    causation: Option<String>,
    /// Only about paths like this; `*` is any name, `**` any number of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Only at this time or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    since: Option<Time>,
    /// Only before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    before: Option<Time>,
}

/// How a group treats its consumers.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GroupOptions")]
struct Treatment {
    /// How long a consumer has for what it took; without it 30s.
    lease: Option<Span>,
    /// How often an event is delivered before it is parked; without it 10 times.
    tries: Option<u32>,
    /// How long an event rests before its second try, twice as long before each further one;
    /// without it 1s.
    rest: Option<Span>,
    /// How long it rests at most; without it 5m.
    rest_max: Option<Span>,
    /// How many events may be with consumers, or rest, at the same time; without it 1000.
    open_max: Option<u32>,
    /// How many events may be parked; without it 10000. With more, nothing new is handed out.
    parked_max: Option<u32>,
}

impl Wanted {
    pub(super) fn asked(self) -> (Filter, Option<u64>, Options) {
        let Self { filter, from, options } = self;
        let filter = Filter {
            stream: filter.stream,
            kinds: filter.types,
            actor: filter.actor,
            component: filter.component,
            correlation: filter.correlation,
            causation: filter.causation,
            path: filter.path,
            since: filter.since,
            before: filter.before,
        };
        let Treatment { lease, tries, rest, rest_max, open_max, parked_max } = options;
        (filter, from, Options { lease, tries, rest, rest_max, open_max, parked_max })
    }
}

/// A consumer group, and how far it is.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Group<'a> {
    /// Its name.
    name: &'a str,
    /// Which events it is for.
    filter: Which,
    /// How it treats its consumers.
    options: Treatment,
    /// When it was made.
    created: String,
    /// Everything up to this position is settled.
    position: u64,
    /// How many events the ledger has behind that, whether they concern the group or not.
    lag: u64,
    /// How many events are with consumers.
    in_flight: u64,
    /// How many are to come again.
    waiting: u64,
    /// How many are parked.
    parked: u64,
}

impl<'a> Group<'a> {
    pub(super) fn of(group: &'a group::Group) -> Self {
        let filter = group.filter.clone();
        let Options { lease, tries, rest, rest_max, open_max, parked_max } = group.options;
        Self {
            name: &group.name,
            filter: Which {
                stream: filter.stream,
                types: filter.kinds,
                actor: filter.actor,
                component: filter.component,
                correlation: filter.correlation,
                causation: filter.causation,
                path: filter.path,
                since: filter.since,
                before: filter.before,
            },
            options: Treatment { lease, tries, rest, rest_max, open_max, parked_max },
            created: group.created.to_string(),
            position: group.position,
            lag: group.lag,
            in_flight: group.in_flight,
            waiting: group.waiting,
            parked: group.parked,
        }
    }
}

/// The consumer groups of a tenant.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Groups<'a> {
    /// The groups, by name.
    pub(super) groups: Vec<Group<'a>>,
}

/// What a consumer would take.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Take")]
pub(super) struct Taking {
    /// At most so many, 1 to 1000; without it 10.
    #[serde(default = "ten")]
    pub(super) most: u32,
    /// How long to wait for the first, at most 30s; without it not at all.
    #[serde(default = "at_once")]
    pub(super) wait: Span,
}

fn ten() -> u32 {
    10
}

fn at_once() -> Span {
    Span::secs(0)
}

/// What a consumer has taken.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Deliveries<'a> {
    /// The events, by position.
    deliveries: Vec<Delivery<'a>>,
}

/// An event that is with a consumer.
#[derive(Debug, Serialize, JsonSchema)]
struct Delivery<'a> {
    /// What it is settled with.
    receipt: &'a str,
    /// Which delivery it is; the first is 1.
    attempt: u32,
    /// The event.
    event: Event<'a>,
}

impl<'a> Deliveries<'a> {
    pub(super) fn of(taken: &'a [group::Delivery]) -> Self {
        let one = |group::Delivery { event, attempt, receipt }: &'a group::Delivery| Delivery {
            receipt,
            attempt: *attempt,
            event: Event::of(event),
        };
        Self { deliveries: taken.iter().map(one).collect() }
    }
}

/// Events that were taken.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Receipts {
    /// Their receipts, at most 1000.
    pub(super) receipts: Vec<String>,
}

/// Events that were taken in vain.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ReceiptsInVain")]
pub(super) struct Reasoned {
    /// Their receipts, at most 1000.
    pub(super) receipts: Vec<String>,
    /// Why; of a long reason only the beginning is kept.
    #[serde(default)]
    pub(super) reason: String,
}

/// Events that are parked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ParkedPositions")]
pub(super) struct Positions {
    /// Their positions; without it all of them.
    pub(super) positions: Option<Vec<u64>>,
}

/// How many events there were.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ParkedCount")]
pub(super) struct Count {
    /// So many.
    pub(super) count: u64,
}

/// A page of parked events.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ParkedPage")]
pub(super) struct Page<'a> {
    /// The events, by position.
    parked: Vec<Parked<'a>>,
    /// Where the next page is; null when there is none.
    next: Option<String>,
}

/// An event that was tried in vain.
#[derive(Debug, Serialize, JsonSchema)]
struct Parked<'a> {
    /// How often it was delivered.
    attempts: u32,
    /// Why it was tried in vain the last time.
    reason: &'a str,
    /// Since when it is parked.
    since: String,
    /// The event.
    event: Event<'a>,
}

impl<'a> Page<'a> {
    pub(super) fn of(parked: &'a [group::Parked], next: Option<String>) -> Self {
        let one = |parked: &'a group::Parked| Parked {
            attempts: parked.attempts,
            reason: &parked.reason,
            since: parked.since.to_string(),
            event: Event::of(&parked.event),
        };
        Self { parked: parked.iter().map(one).collect(), next }
    }
}
