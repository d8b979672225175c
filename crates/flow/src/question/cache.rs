//! Questions to the cache.

pub mod advice;
pub mod event;
mod lock;
mod many;
mod statistics;
pub mod warm;
mod witness;
mod work;

use std::time::Duration;

use bytes::Bytes;

use crate::fact::Class;
use crate::feed::Purge as What;
use crate::request::{Action, Inspection, Pace, Question, Resource};
use crate::stage::Origin;

pub use advice::{Advise, Advised};
pub use event::Watch;
pub use lock::{Lock, Renew, Unlock};
pub use many::{GetMany, Put, SetMany};
pub use statistics::{Compression, Learned, Sampled, Spread, Statistics, Stats, StatsPage, Tier};
pub use warm::{Warm, Warmed};
pub use witness::{Changed, Tells, Witness};
pub use work::{Deed, EachKey, Readies, Work};

const fn action(name: &'static str, class: Class) -> Action {
    Action { name, class, pace: Pace::Load, inspection: Inspection::Off }
}

static GET: Action = action("cache.get", Class::Summed);
static SET: Action = action("cache.set", Class::Summed);
static DELETE: Action = action("cache.delete", Class::Summed);
static EXPIRE: Action = action("cache.expire", Class::Summed);
static PURGE: Action = action("cache.purge", Class::Logged);
static REFRESH: Action = action("cache.refresh", Class::Logged);
static EVENT: Action = action("cache.event", Class::Logged);

/// The value of a key, and how long it will live.
#[derive(Debug, Clone, Copy)]
pub struct Get<'a> {
    /// Where.
    pub namespace: &'a str,
    /// Which.
    pub key: &'a [u8],
}

/// A value that was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The value.
    pub value: Bytes,
    /// How long it will live, if not for ever.
    pub ttl: Option<Duration>,
}

impl Question for Get<'_> {
    type Answer = Option<Found>;

    fn action(&self) -> &'static Action {
        &GET
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "cache", namespace: self.namespace, name: self.key }
    }
}

/// On which condition a value is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum When {
    /// On none.
    #[default]
    Always,
    /// Only if nothing is there.
    Absent,
    /// Only if something is there.
    Present,
}

/// Sets a key.
#[derive(Debug, Clone)]
pub struct Set<'a> {
    /// Where.
    pub namespace: &'a str,
    /// Which.
    pub key: &'a [u8],
    /// To what.
    pub value: Bytes,
    /// For how long; without it, for ever.
    pub ttl: Option<Duration>,
    /// What it can be dropped by.
    pub tags: &'a [&'a str],
    /// On which condition.
    pub when: When,
}

impl Question for Set<'_> {
    /// Whether the condition was met.
    type Answer = bool;

    fn action(&self) -> &'static Action {
        &SET
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "cache", namespace: self.namespace, name: self.key }
    }
}

/// Removes a key.
#[derive(Debug, Clone, Copy)]
pub struct Delete<'a> {
    /// Where.
    pub namespace: &'a str,
    /// Which.
    pub key: &'a [u8],
}

impl Question for Delete<'_> {
    /// Whether it was there.
    type Answer = bool;

    fn action(&self) -> &'static Action {
        &DELETE
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "cache", namespace: self.namespace, name: self.key }
    }
}

/// Changes how long a key will live.
#[derive(Debug, Clone, Copy)]
pub struct Expire<'a> {
    /// Where.
    pub namespace: &'a str,
    /// Which.
    pub key: &'a [u8],
    /// For how long from now; without it, for ever.
    pub ttl: Option<Duration>,
}

impl Question for Expire<'_> {
    /// Whether it was there.
    type Answer = bool;

    fn action(&self) -> &'static Action {
        &EXPIRE
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "cache", namespace: self.namespace, name: self.key }
    }
}

/// Drops values on every node.
#[derive(Debug, Clone)]
pub struct Purge<'a> {
    /// Where.
    pub namespace: &'a str,
    /// Which of them.
    pub what: What,
}

/// What a purge reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purged {
    /// Values dropped from the memory of the node that answers.
    pub memory: u64,
    /// Values dropped from the tiers behind it, nearest first.
    pub tiers: Vec<Dropped>,
}

/// What a purge reached in a tier that nodes share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// Which tier.
    pub tier: &'static str,
    /// Values counted so far; all of them are gone.
    pub count: u64,
    /// Whether all are counted.
    pub complete: bool,
}

impl Question for Purge<'_> {
    type Answer = Purged;

    fn action(&self) -> &'static Action {
        &PURGE
    }

    fn resource(&self) -> Resource<'_> {
        let name = match &self.what {
            What::Key(key) => key.as_slice(),
            What::Tag(tag) => tag.as_bytes(),
            What::Glob(glob) => glob.as_bytes(),
            What::Keys(_) | What::All => &[],
        };
        Resource { kind: "cache", namespace: self.namespace, name }
    }
}

/// Refreshes the view that the values of a namespace are rows of.
#[derive(Debug, Clone, Copy)]
pub struct Refresh<'a> {
    /// Which namespace.
    pub namespace: &'a str,
}

impl Question for Refresh<'_> {
    /// How many values were dropped on this node.
    type Answer = u64;

    fn action(&self) -> &'static Action {
        &REFRESH
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "cache", namespace: self.namespace, name: &[] }
    }
}

/// Tells a namespace what happened elsewhere, so that it drops what is no longer true.
#[derive(Debug, Clone)]
pub struct Happened<'a> {
    /// Which namespace.
    pub namespace: &'a str,
    /// What happened, by name.
    pub event: &'a str,
    /// What is known of it: a JSON document.
    pub data: serde_json::Value,
}

impl Question for Happened<'_> {
    /// How many values were dropped on this node.
    type Answer = u64;

    fn action(&self) -> &'static Action {
        &EVENT
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "cache", namespace: self.namespace, name: self.event.as_bytes() }
    }
}

/// Whoever answers every question of this part.
pub trait Answers:
    for<'q> Origin<Get<'q>>
    + for<'q> Origin<Set<'q>>
    + for<'q> Origin<Delete<'q>>
    + for<'q> Origin<Expire<'q>>
    + for<'q> Origin<Purge<'q>>
    + for<'q> Origin<Refresh<'q>>
    + for<'q> Origin<Happened<'q>>
    + for<'q> Origin<GetMany<'q>>
    + for<'q> Origin<SetMany<'q>>
    + for<'q> Origin<Stats<'q>>
    + for<'q> Origin<Lock<'q>>
    + for<'q> Origin<Renew<'q>>
    + for<'q> Origin<Unlock<'q>>
    + for<'q> Origin<Watch<'q>>
    + for<'q> Origin<Advise<'q>>
    + for<'q> Origin<Warm<'q>>
    + for<'q> Origin<Warmed<'q>>
{
}

impl<T> Answers for T where
    T: for<'q> Origin<Get<'q>>
        + for<'q> Origin<Set<'q>>
        + for<'q> Origin<Delete<'q>>
        + for<'q> Origin<Expire<'q>>
        + for<'q> Origin<Purge<'q>>
        + for<'q> Origin<Refresh<'q>>
        + for<'q> Origin<Happened<'q>>
        + for<'q> Origin<GetMany<'q>>
        + for<'q> Origin<SetMany<'q>>
        + for<'q> Origin<Stats<'q>>
        + for<'q> Origin<Lock<'q>>
        + for<'q> Origin<Renew<'q>>
        + for<'q> Origin<Unlock<'q>>
        + for<'q> Origin<Watch<'q>>
        + for<'q> Origin<Advise<'q>>
        + for<'q> Origin<Warm<'q>>
        + for<'q> Origin<Warmed<'q>>
{
}
