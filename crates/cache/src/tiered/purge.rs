//! Making values untrue, in every tier and on every node.

use std::time::Duration;

use flow::Result;
use flow::feed::Purge;
use flow::question::cache::Changed;
use flow::question::cache::event::Kind;

use super::{Inner, Purged};
use crate::codes::OWED;
use crate::event::Events;
use crate::far;
use crate::far::debt::Reach;
use crate::flight::Flights;
use crate::house::Ear;
use crate::memory::{self, Memory};
use crate::tag;

/// How long whoever purges waits for what it made untrue to be counted.
const COUNTING: Duration = Duration::from_millis(250);

impl<V: Clone + Send + Sync + 'static> Inner<V> {
    /// The farthest tier first, this node's memory last, then the others: nothing that was
    /// dropped can be carried back from further away.
    pub(crate) async fn purge(&self, what: &Purge) -> Result<Purged> {
        let mut purged = Purged::default();
        let waited = match self.is_behind() {
            true => self.house.behind.clear(&self.place, what).await,
            false => 0,
        };
        let mut owed = Vec::new();
        for (far, _) in self.fars.iter().rev() {
            match far.purge(&self.place, what).await {
                Ok(there) => purged.tiers.push((far.name, there, true)),
                Err(error) => {
                    tracing::warn!(tier = far.name, error = %error.story(), "a purge is owed");
                    far.debts.owe(&self.place, what.clone(), Reach::Nearer);
                    owed.push(far.name.to_owned());
                }
            }
        }
        purged.memory = self.drop_here(what, true).max(waited);
        self.say_purged(what);
        // Nearest first, as they are looked at.
        purged.tiers.reverse();
        if !owed.is_empty() {
            self.house.pay();
        }
        self.house.tell(self.name(), what.clone(), owed.clone()).await?;
        if let Some(tier) = owed.first() {
            return Err(
                OWED.error(format!("it is done here, but the tier `{tier}` could not be reached"))
            );
        }
        self.count(what, &mut purged).await;
        Ok(purged)
    }

    /// Frees and counts what was purged in the tiers behind memory.
    async fn count(&self, what: &Purge, purged: &mut Purged) {
        if matches!(what, Purge::Key(_) | Purge::Keys(_)) {
            return;
        }
        for (name, count, whole) in &mut purged.tiers {
            let Some((far, _)) = self.fars.iter().find(|(far, _)| far.name == *name) else {
                continue;
            };
            let swept = far.sweep(&self.place, what, COUNTING).await.unwrap_or_default();
            (*count, *whole) = (swept.freed, swept.whole);
            if !swept.whole {
                let (far, place, what) = (far.clone(), self.place.clone(), what.clone());
                tokio::spawn(async move { far.sweep(&place, &what, far::LATE).await });
            }
        }
    }

    /// Drops what a purge names from memory; how many, where they are to be counted.
    pub(crate) fn drop_here(&self, what: &Purge, counted: bool) -> u64 {
        let events = &self.house.events;
        events.at_once(|witness| each(what, |what| witness.changing(self.name(), what)));
        let dropped = self.drop_silently(what, counted);
        // What is only here and was not there has not changed.
        let known = self.fars.is_empty() && !matches!(what, Purge::Tag(_));
        if dropped > 0 || !known {
            let kind = Kind::Delete;
            events.at_once(|witness| each(what, |what| witness.changed(self.name(), what, kind)));
        }
        dropped
    }

    /// The same, for one who tells by itself.
    pub(crate) fn drop_silently(&self, what: &Purge, counted: bool) -> u64 {
        let kept = (&*self.memory, &*self.flights);
        drop_from(kept, &self.prefix, what, self.house.generation(), counted)
    }
}

/// Carries out a purge, and tells whoever has to know at once before and after it.
pub(crate) fn purging(events: &Events, place: (&str, &str), what: &Purge, purge: impl FnOnce()) {
    events.at_once(|witness| each(what, |what| witness.changing(place, what)));
    purge();
    events.at_once(|witness| each(what, |what| witness.changed(place, what, Kind::Delete)));
}

/// Says of each part of a purge what it changes.
fn each(what: &Purge, mut say: impl FnMut(Changed<'_>)) {
    match what {
        Purge::Key(key) => say(Changed::Key(key)),
        Purge::Keys(keys) => keys.iter().for_each(|key| say(Changed::Key(&key.0))),
        Purge::Tag(_) | Purge::Glob(_) => say(Changed::Some),
        Purge::All => say(Changed::All),
    }
}

/// Drops what a purge names from memory; how many, where they are to be counted.
pub(crate) fn drop_from<V: Clone + Send + Sync + 'static>(
    (memory, flights): (&Memory<V>, &Flights<V>),
    prefix: &[u8],
    what: &Purge,
    generation: u64,
    counted: bool,
) -> u64 {
    let remove = |key: &[u8]| {
        memory::with_key(prefix, key, |key| {
            flights.part_from(key);
            u64::from(memory.remove(key, generation))
        })
    };
    // Of what is on the way nobody knows the tags yet.
    if !matches!(what, Purge::Key(_) | Purge::Keys(_)) {
        flights.part_from_all(|key| key.starts_with(prefix));
    }
    match what {
        Purge::Key(key) => remove(key),
        Purge::Keys(keys) => keys.iter().map(|key| remove(&key.0)).sum(),
        Purge::All => memory.remove_if(|key| key.starts_with(prefix)),
        Purge::Glob(pattern) => memory.remove_if(|key| {
            key.strip_prefix(prefix)
                .is_some_and(|key| values::glob::matches(pattern.as_bytes(), key))
        }),
        Purge::Tag(name) => {
            let tag = memory::tag(prefix, tag::hash(name));
            if counted {
                return memory.purge_counted(tag);
            }
            memory.purge(tag);
            0
        }
    }
}

impl<V: Clone + Send + Sync + 'static> Ear for Inner<V> {
    fn hear(&self, tenant: &str, namespace: &str, what: &Purge) {
        if *tenant == *self.tenant && *namespace == *self.name {
            self.drop_here(what, false);
        }
    }
}
