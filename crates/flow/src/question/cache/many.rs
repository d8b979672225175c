//! Several keys at once.

use std::time::Duration;

use bytes::Bytes;

use super::{Found, action};
use crate::fact::Class;
use crate::request::{Action, Question, Resource};

static GET_MANY: Action = action("cache.get_many", Class::Summed);
static SET_MANY: Action = action("cache.set_many", Class::Summed);

/// The values of several keys. Who may ask it may read all of the namespace.
#[derive(Debug, Clone, Copy)]
pub struct GetMany<'a> {
    /// Where.
    pub namespace: &'a str,
    /// Which.
    pub keys: &'a [&'a [u8]],
}

impl Question for GetMany<'_> {
    /// For each key in order its value, or in a word why there is none.
    type Answer = Vec<Result<Found, &'static str>>;

    fn action(&self) -> &'static Action {
        &GET_MANY
    }

    fn items(&self) -> usize {
        self.keys.len()
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "cache", namespace: self.namespace, name: &[] }
    }
}

/// One of several values to be set.
#[derive(Debug, Clone)]
pub struct Put<'a> {
    /// Under which key.
    pub key: &'a [u8],
    /// What.
    pub value: Bytes,
    /// For how long; without it, as the namespace has it.
    pub ttl: Option<Duration>,
    /// What it can be dropped by.
    pub tags: Vec<&'a str>,
}

/// Sets several keys. Who may ask it may write all of the namespace.
#[derive(Debug, Clone)]
pub struct SetMany<'a> {
    /// Where.
    pub namespace: &'a str,
    /// What.
    pub values: Vec<Put<'a>>,
}

impl Question for SetMany<'_> {
    /// How many were set.
    type Answer = u64;

    fn action(&self) -> &'static Action {
        &SET_MANY
    }

    fn items(&self) -> usize {
        self.values.len()
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "cache", namespace: self.namespace, name: &[] }
    }
}
