//! A connection, for as long as somebody needs it.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::state::Boxed;
use super::{Connect, Inner};

/// A connection on loan; dropping it gives it back.
pub struct Lease<C: Connect> {
    /// Empty only between the end of the loan and the end of this value.
    slot: Option<Boxed<C>>,
    pub(super) pool: Arc<Inner<C>>,
}

impl<C: Connect> Lease<C> {
    pub(super) fn new(slot: Boxed<C>, pool: Arc<Inner<C>>) -> Self {
        Self { slot: Some(slot), pool }
    }

    /// Closes the connection instead of giving it back.
    pub fn discard(mut self) {
        self.set_doubtful(true);
    }

    pub(super) fn is_doubtful(&self) -> bool {
        self.slot.as_ref().is_none_or(|slot| slot.doubtful)
    }

    pub(super) fn set_doubtful(&mut self, doubtful: bool) {
        if let Some(slot) = &mut self.slot {
            slot.doubtful = doubtful;
        }
    }

    pub(super) fn into_slot(mut self) -> Option<Boxed<C>> {
        self.slot.take()
    }
}

impl<C: Connect> Deref for Lease<C> {
    type Target = C::Connection;

    fn deref(&self) -> &C::Connection {
        match &self.slot {
            Some(slot) => &slot.connection,
            None => unreachable!("a lease holds its connection until it is dropped"),
        }
    }
}

impl<C: Connect> DerefMut for Lease<C> {
    fn deref_mut(&mut self) -> &mut C::Connection {
        match &mut self.slot {
            Some(slot) => &mut slot.connection,
            None => unreachable!("a lease holds its connection until it is dropped"),
        }
    }
}

impl<C: Connect> Drop for Lease<C> {
    fn drop(&mut self) {
        match self.slot.take() {
            Some(slot) if slot.doubtful => self.pool.discard(slot),
            Some(slot) => self.pool.give_back(slot),
            None => {}
        }
    }
}

impl<C: Connect> std::fmt::Debug for Lease<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lease")
    }
}
