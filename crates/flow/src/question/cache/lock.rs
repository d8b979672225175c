//! Locks that all nodes share.

use std::time::Duration;

use super::action;
use crate::fact::Class;
use crate::request::{Action, Question, Resource};

static LOCK: Action = action("cache.lock", Class::Logged);
static RENEW: Action = action("cache.renew", Class::Logged);
static UNLOCK: Action = action("cache.unlock", Class::Logged);

const fn lock(name: &str) -> Resource<'_> {
    Resource { kind: "lock", namespace: "", name: name.as_bytes() }
}

/// Takes a lock.
#[derive(Debug, Clone, Copy)]
pub struct Lock<'a> {
    /// Which.
    pub name: &'a str,
    /// For how long, unless it is renewed.
    pub ttl: Duration,
    /// How long to wait for it.
    pub wait: Duration,
}

impl Question for Lock<'_> {
    /// A number greater than that of everybody who had it before; nothing while somebody
    /// else has it.
    type Answer = Option<u64>;

    fn action(&self) -> &'static Action {
        &LOCK
    }

    fn resource(&self) -> Resource<'_> {
        lock(self.name)
    }
}

/// Holds a lock for longer.
#[derive(Debug, Clone, Copy)]
pub struct Renew<'a> {
    /// Which.
    pub name: &'a str,
    /// The number it was taken with.
    pub fence: u64,
    /// For how long from now.
    pub ttl: Duration,
}

impl Question for Renew<'_> {
    /// Whether it was still held.
    type Answer = bool;

    fn action(&self) -> &'static Action {
        &RENEW
    }

    fn resource(&self) -> Resource<'_> {
        lock(self.name)
    }
}

/// Gives a lock back.
#[derive(Debug, Clone, Copy)]
pub struct Unlock<'a> {
    /// Which.
    pub name: &'a str,
    /// The number it was taken with.
    pub fence: u64,
}

impl Question for Unlock<'_> {
    /// Whether it was still held.
    type Answer = bool;

    fn action(&self) -> &'static Action {
        &UNLOCK
    }

    fn resource(&self) -> Resource<'_> {
        lock(self.name)
    }
}
