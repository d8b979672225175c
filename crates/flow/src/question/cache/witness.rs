//! Being told of changes at the moment they happen.

use std::sync::Arc;

use super::event::Kind;

/// Whoever has to know of changes before anybody else can act on them, whoever makes them:
/// another door, another node, or time. It is told while a key is held, so it must not look
/// at values, and must not wait.
pub trait Witness: Send + Sync {
    /// Whether it wants to be told anything at this moment.
    fn listens(&self) -> bool;

    /// This may change from now on, until it has.
    fn changing(&self, place: (&str, &str), what: Changed<'_>);

    /// This has changed: it was set, removed, over, or crowded out.
    fn changed(&self, place: (&str, &str), what: Changed<'_>, how: Kind);
}

/// What of a tenant's namespace changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed<'a> {
    /// The value under this key.
    Key(&'a [u8]),
    /// Some values, nobody knows which.
    Some,
    /// All of them.
    All,
}

/// Whoever tells of changes.
pub trait Tells {
    /// From now on `witness` is told of all of them, but for those made by
    /// [work in place](super::Work): whoever does that work knows what it does.
    fn tell(&self, witness: Arc<dyn Witness>);
}
