//! Questions about Stockade itself: identities, keys, health.

use bytes::Bytes;

use crate::clock::Time;
use crate::fact::Class;
use crate::identity::Principal;
use crate::request::{Action, Inspection, Pace, Question, Resource};
use crate::rights::Rights;
use crate::stage::Origin;

pub(super) const fn action(name: &'static str, class: Class) -> Action {
    Action { name, class, pace: Pace::Rate, inspection: Inspection::Off }
}

// Once per connection, and doors bound connections: no rate of its own.
static LOGIN: Action = Action { pace: Pace::Load, ..action("login", Class::Logged) };
static KEY_CREATE: Action = action("key.create", Class::Durable);
static KEY_LIST: Action = action("key.list", Class::Logged);
static KEY_REVOKE: Action = action("key.revoke", Class::Durable);
static METRICS: Action = action("metrics.read", Class::Summed);
static STATUS: Action = action("status.read", Class::Summed);

/// Who am I? Asked when a credential is first shown on a connection, so that
/// it is known to be good, and recorded, before anything is asked with it.
#[derive(Debug, Clone, Copy)]
pub struct Login;

impl Question for Login {
    /// The caller's name.
    type Answer = String;

    fn action(&self) -> &'static Action {
        &LOGIN
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "login", namespace: "", name: &[] }
    }
}

/// How a key is used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum KeyShown {
    /// It is sent.
    #[default]
    Itself,
    /// It stays where it is, and what is sent proves that its owner has it.
    Proof,
    /// There is none: its owner shows a certificate of this name.
    Certificate(String),
}

/// Makes an API key for a principal, who is made too if new.
#[derive(Debug, Clone, Copy)]
pub struct CreateKey<'a> {
    /// Who may use it.
    pub principal: &'a str,
    /// What they are.
    pub kind: Principal,
    /// What they may act as.
    pub roles: &'a [String],
    /// And what they are beside that.
    pub rights: &'a Rights,
    /// How it is used.
    pub shown: &'a KeyShown,
}

/// A key, the only time its secret is seen.
#[derive(Clone, PartialEq, Eq)]
pub struct CreatedKey {
    /// Its public id.
    pub id: String,
    /// The key itself; nothing where it is a certificate.
    pub secret: String,
}

impl std::fmt::Debug for CreatedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CreatedKey({})", self.id)
    }
}

impl Question for CreateKey<'_> {
    type Answer = CreatedKey;

    fn action(&self) -> &'static Action {
        &KEY_CREATE
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "key", namespace: "", name: self.principal.as_bytes() }
    }
}

/// What is known of a key; its secret is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its public id.
    pub id: String,
    /// Who may use it.
    pub principal: String,
    /// What they are.
    pub kind: Principal,
    /// What they may act as.
    pub roles: Vec<String>,
    /// And what they are beside that.
    pub rights: Rights,
    /// Since when.
    pub created: Time,
    /// How it is used.
    pub shown: KeyShown,
}

/// The tenant's keys.
#[derive(Debug, Clone, Copy)]
pub struct ListKeys<'a> {
    /// Behind this id.
    pub after: &'a str,
    /// At most so many.
    pub limit: u32,
}

impl Question for ListKeys<'_> {
    type Answer = Vec<KeyInfo>;

    fn action(&self) -> &'static Action {
        &KEY_LIST
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "key", namespace: "", name: &[] }
    }
}

/// Ends a key at once, on every node.
#[derive(Debug, Clone, Copy)]
pub struct RevokeKey<'a> {
    /// Its public id.
    pub id: &'a str,
}

impl Question for RevokeKey<'_> {
    /// Whether there was such a key.
    type Answer = bool;

    fn action(&self) -> &'static Action {
        &KEY_REVOKE
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "key", namespace: "", name: self.id.as_bytes() }
    }
}

/// The numbers of this process.
#[derive(Debug, Clone, Copy)]
pub struct Metrics<'a> {
    /// In which formats they can be read, as an `accept` header says it.
    pub accept: &'a str,
}

/// Numbers, written in one of several formats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposition {
    /// Which format it is.
    pub media_type: &'static str,
    /// The numbers.
    pub bytes: Bytes,
}

impl Question for Metrics<'_> {
    type Answer = Exposition;

    fn action(&self) -> &'static Action {
        &METRICS
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "metrics", namespace: "", name: &[] }
    }
}

/// How the parts of this process are.
#[derive(Debug, Clone, Copy)]
pub struct Status;

/// One part and how it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Whether it does its work.
    pub ok: bool,
    /// How long the last look took, in microseconds.
    pub latency_us: u64,
    /// What is wrong and what to do about it, when it is not.
    pub advice: String,
}

impl Question for Status {
    type Answer = Vec<Part>;

    fn action(&self) -> &'static Action {
        &STATUS
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "status", namespace: "", name: &[] }
    }
}

/// Whoever answers every question of this part.
pub trait Answers:
    Origin<Login>
    + for<'q> Origin<CreateKey<'q>>
    + for<'q> Origin<ListKeys<'q>>
    + for<'q> Origin<RevokeKey<'q>>
    + for<'q> Origin<Metrics<'q>>
    + Origin<Status>
{
}

impl<T> Answers for T where
    T: Origin<Login>
        + for<'q> Origin<CreateKey<'q>>
        + for<'q> Origin<ListKeys<'q>>
        + for<'q> Origin<RevokeKey<'q>>
        + for<'q> Origin<Metrics<'q>>
        + Origin<Status>
{
}
