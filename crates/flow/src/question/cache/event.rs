//! What happens in a namespace, as it happens.

use bytes::Bytes;

use super::action;
use crate::body::BoxStream;
use crate::clock::Time;
use crate::error::Result;
use crate::fact::Class;
use crate::request::{Action, Question, Resource};

static FOLLOW: Action = action("cache.follow", Class::Logged);

/// Something that happened to a value, or that some of it was missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// This.
    Event(Event),
    /// So many events came faster than they were read, and are lost.
    Lost(u64),
}

/// Something that happened to a value on this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub kind: Kind,
    /// When.
    pub time: Time,
    /// Whose.
    pub tenant: Box<str>,
    /// In which namespace.
    pub namespace: Box<str>,
    /// To which.
    pub key: Key,
    /// In which tier; empty for all of them.
    pub tier: &'static str,
    /// Of a miss, why; of what went, by what.
    pub reason: &'static str,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The value under this key.
    Plain(Bytes),
    /// A value that is confidential: the first half of the SHA-256 of its key, in base 16.
    Hashed(Box<str>),
    /// Every value a purge names: a tag, a pattern, or all of the namespace.
    Named(Box<str>),
}

/// What can happen to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A tier had it.
    Hit,
    /// A tier did not have it.
    Miss,
    /// It was written.
    Set,
    /// It was removed, or purged.
    Delete,
    /// Its time was over.
    Expire,
    /// It had to make room.
    Evict,
    /// It was brought in before anybody asked.
    Warm,
    /// It was copied to a nearer tier.
    Promote,
    /// Its source had something else.
    Differ,
}

impl Kind {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Set => "set",
            Self::Delete => "delete",
            Self::Expire => "expire",
            Self::Evict => "evict",
            Self::Warm => "warm",
            Self::Promote => "promote",
            Self::Differ => "differ",
        }
    }
}

/// What happens in a namespace on this node, from now on.
#[derive(Debug, Clone, Copy)]
pub struct Watch<'a> {
    /// Where.
    pub namespace: &'a str,
}

impl Question for Watch<'_> {
    type Answer = BoxStream<'static, Result<Heard>>;

    fn action(&self) -> &'static Action {
        &FOLLOW
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "cache", namespace: self.namespace, name: &[] }
    }
}
