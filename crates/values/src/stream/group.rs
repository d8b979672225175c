//! Who has heard of what: groups, their consumers, and what was given to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::stream::Id;

/// Those who read a stream together, each entry being given to one of them.
// INVARIANT: an entry is among what its owner has if and only if it is pending.
#[derive(Debug, Clone)]
pub struct Group {
    /// The last entry that was given to anybody.
    pub last: Id,
    /// How many entries of all there ever were have been given, if that is known.
    pub read: Option<i64>,
    pending: BTreeMap<Id, Pending>,
    consumers: BTreeMap<Arc<[u8]>, Consumer>,
    names: u64,
}

/// One that reads for a group.
#[derive(Debug, Clone)]
pub struct Consumer {
    /// When it was last heard of, in milliseconds of the Unix epoch.
    pub seen: u64,
    has: BTreeSet<Id>,
}

/// What was given to a consumer, which has not said that it is done with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// To whom.
    pub owner: Arc<[u8]>,
    /// When, in milliseconds of the Unix epoch.
    pub at: u64,
    /// How often so far.
    pub times: i64,
}

impl Group {
    /// A group that goes on after this entry.
    pub fn new(last: Id, read: Option<i64>) -> Self {
        let (pending, consumers) = (BTreeMap::new(), BTreeMap::new());
        Self { last, read, pending, consumers, names: 0 }
    }

    pub(super) fn weight(&self) -> u64 {
        const GROUP: u64 = 160;
        // Two places in trees, which are not full.
        const PENDING: u64 = 112;
        const CONSUMER: u64 = 120;
        let (pending, consumers) = (self.pending.len() as u64, self.consumers.len() as u64);
        GROUP + pending * PENDING + consumers * CONSUMER + self.names
    }

    /// What was given and is not done with.
    pub fn pending(&self) -> &BTreeMap<Id, Pending> {
        &self.pending
    }

    /// What was given and is not done with, from this entry on, to this consumer or to all.
    pub fn pending_from<'a>(
        &'a self,
        from: Id,
        to: Option<&'a Consumer>,
    ) -> impl Iterator<Item = (Id, &'a Pending)> {
        let all = to.is_none().then(|| self.pending.range(from..).map(|(id, own)| (*id, own)));
        let known = |id| self.pending.get(&id).map(|pending| (id, pending));
        let own = to.map(|consumer| consumer.has_from(from).filter_map(known));
        all.into_iter().flatten().chain(own.into_iter().flatten())
    }

    /// The consumers, in the order of their names.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = (&[u8], &Consumer)> {
        self.consumers.iter().map(|(name, consumer)| (&**name, consumer))
    }

    /// The consumer of this name.
    pub fn consumer(&self, name: &[u8]) -> Option<&Consumer> {
        self.consumers.get(name)
    }

    /// Makes a consumer known; whether it was not.
    pub fn add_consumer(&mut self, name: &[u8], now: u64) -> bool {
        if self.consumers.contains_key(name) {
            return false;
        }
        self.names += name.len() as u64;
        self.consumers.insert(name.into(), Consumer { seen: now, has: BTreeSet::new() });
        true
    }

    /// That a consumer was heard of; it becomes known by it.
    pub fn hear(&mut self, name: &[u8], now: u64) -> Arc<[u8]> {
        if !self.add_consumer(name, now)
            && let Some(consumer) = self.consumers.get_mut(name)
        {
            consumer.seen = now;
        }
        self.consumers.get_key_value(name).map_or_else(|| name.into(), |(name, _)| name.clone())
    }

    /// Forgets a consumer and what was given to it; how much that was, if it was known.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<u64> {
        let consumer = self.consumers.remove(name)?;
        self.names -= name.len() as u64;
        for id in &consumer.has {
            self.pending.remove(id);
        }
        Some(consumer.has.len() as u64)
    }

    /// Gives an entry to a consumer that was heard of, whoever had it before.
    pub fn give(&mut self, id: Id, pending: Pending) {
        let owner = pending.owner.clone();
        if let Some(before) = self.pending.insert(id, pending)
            && before.owner != owner
            && let Some(consumer) = self.consumers.get_mut(&before.owner)
        {
            consumer.has.remove(&id);
        }
        if let Some(consumer) = self.consumers.get_mut(&owner) {
            consumer.has.insert(id);
        }
    }

    /// Something that is pending, its owner to stay.
    pub(super) fn pending_mut(&mut self, id: Id) -> Option<&mut Pending> {
        self.pending.get_mut(&id)
    }

    /// That an entry is done with; whether it was pending.
    pub fn done(&mut self, id: Id) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        if let Some(consumer) = self.consumers.get_mut(&pending.owner) {
            consumer.has.remove(&id);
        }
        true
    }
}

impl Consumer {
    /// How much it was given and is not done with.
    pub fn count(&self) -> usize {
        self.has.len()
    }

    /// What it was given and is not done with, from this entry on.
    pub fn has_from(&self, from: Id) -> impl Iterator<Item = Id> + '_ {
        self.has.range(from..).copied()
    }
}
