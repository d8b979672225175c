//! Cases that nobody has a rule for, and what people decide about them.
//!
//! What a case shows is JSON as it goes: only what the policy reads of the input, because the
//! rest of it is nobody's business.

use bytes::Bytes;

use super::admin::action;
use crate::clock::Time;
use crate::fact::Class;
use crate::request::{Action, Question, Resource};
use crate::stage::Origin;

static LIST: Action = action("escalation.list", Class::Logged);
static SHOW: Action = action("escalation.show", Class::Logged);
static DECIDE: Action = action("escalation.decide", Class::Durable);
static WITHDRAW: Action = action("escalation.withdraw", Class::Durable);

/// A case, and what was decided about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EscalationInfo {
    /// Its public id.
    pub id: String,
    /// The path of the document that was asked for.
    pub path: String,
    /// What is asked about, as JSON: as much of the input as the policy reads.
    pub shown: Bytes,
    /// How often it was asked.
    pub asked: u64,
    /// Since when.
    pub first: Time,
    /// When it was asked last, up to a second.
    pub last: Time,
    /// What somebody decided; nothing while it is open.
    pub decided: Option<Ruling>,
}

/// What somebody decided about a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// What it comes to.
    pub decision: String,
    /// Why.
    pub reason: String,
    /// Who says so.
    pub by: String,
    /// Since when.
    pub at: Time,
    /// Until when; for good when absent.
    pub until: Option<Time>,
}

/// Which cases are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// Those nobody decided.
    Open,
    /// Those somebody decided.
    Decided,
}

/// The tenant's cases, the oldest first.
#[derive(Debug, Clone, Copy)]
pub struct ListEscalations<'a> {
    /// Which of them; all when absent.
    pub stand: Option<Stand>,
    /// Behind this id.
    pub after: &'a str,
    /// At most so many.
    pub limit: u32,
}

impl Question for ListEscalations<'_> {
    type Answer = Vec<EscalationInfo>;

    fn action(&self) -> &'static Action {
        &LIST
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "escalation", namespace: "", name: &[] }
    }
}

/// One case.
#[derive(Debug, Clone, Copy)]
pub struct ShowEscalation<'a> {
    /// Which.
    pub id: &'a str,
}

impl Question for ShowEscalation<'_> {
    type Answer = Option<EscalationInfo>;

    fn action(&self) -> &'static Action {
        &SHOW
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "escalation", namespace: "", name: self.id.as_bytes() }
    }
}

/// Decides a case: whoever asks the same from now on is answered so.
#[derive(Debug, Clone, Copy)]
pub struct DecideEscalation<'a> {
    /// Which.
    pub id: &'a str,
    /// What it comes to.
    pub decision: &'a str,
    /// Why.
    pub reason: &'a str,
    /// Until when; for good when absent.
    pub until: Option<Time>,
}

impl Question for DecideEscalation<'_> {
    /// The case as it is now, if there is one.
    type Answer = Option<EscalationInfo>;

    fn action(&self) -> &'static Action {
        &DECIDE
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "escalation", namespace: "", name: self.id.as_bytes() }
    }
}

/// Withdraws a case and what was decided about it: who asks the same opens another.
#[derive(Debug, Clone, Copy)]
pub struct WithdrawEscalation<'a> {
    /// Which.
    pub id: &'a str,
}

impl Question for WithdrawEscalation<'_> {
    /// Whether there was one.
    type Answer = bool;

    fn action(&self) -> &'static Action {
        &WITHDRAW
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "escalation", namespace: "", name: self.id.as_bytes() }
    }
}

/// Whoever answers every question of this part.
pub trait Answers:
    for<'q> Origin<ListEscalations<'q>>
    + for<'q> Origin<ShowEscalation<'q>>
    + for<'q> Origin<DecideEscalation<'q>>
    + for<'q> Origin<WithdrawEscalation<'q>>
{
}

impl<T> Answers for T where
    T: for<'q> Origin<ListEscalations<'q>>
        + for<'q> Origin<ShowEscalation<'q>>
        + for<'q> Origin<DecideEscalation<'q>>
        + for<'q> Origin<WithdrawEscalation<'q>>
{
}
