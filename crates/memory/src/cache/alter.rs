//! Changing an entry where it lies.

use std::hash::{BuildHasher, Hash};

use flow::Moment;
use hashbrown::Equivalent;

use super::Cache;
use crate::cause::Cause;
use crate::shard::{At, Fallen, Parcel};

impl<K: Hash + Eq, V, S: BuildHasher> Cache<K, V, S> {
    /// Lets `change` work on what a key holds and on when it ends, as one step: nobody sees
    /// or changes it meanwhile. What holds nothing begins without a value and without an
    /// end, and is kept under the key that `own` makes if it has one afterwards; what is
    /// left without a value is gone. Nobody is told of that, nor of what was replaced: who
    /// changes it knows. It counts as a use.
    ///
    /// `change` runs under a lock: let it be short, and not use this cache.
    pub fn alter<Q, T>(
        &self,
        key: &Q,
        own: impl FnOnce() -> K,
        change: impl FnOnce(&mut Option<V>, &mut Option<Moment>) -> T,
    ) -> T
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let (shard, hash) = self.place(key);
        let mut fallen = Fallen::default();
        let at = At { hash, key, judge: self.judge() };
        let weigher = self.0.weigher.as_ref();
        let weigh = |key: &K, value: &V| weigher.map_or(1, |weigher| weigher(key, value));
        let mut held = shard.lock();
        let (made, heavier) = held.alter(&at, own, weigh, change, &mut fallen);
        let Some(parcel) = heavier else {
            drop(held);
            self.tell(fallen);
            return made;
        };
        if u64::from(parcel.worth.weight) > self.0.budget.heaviest() {
            held.remove(hash, key, Cause::Refused, &self.judge(), &mut fallen);
        }
        drop(held);
        self.settle(&parcel, key, &mut fallen);
        self.tell(fallen);
        made
    }

    /// Finds the room for what was made heavier where it lies, or for itself.
    fn settle<Q>(&self, parcel: &Parcel<'_>, key: &Q, fallen: &mut Fallen<K, V>)
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let (shard, _) = self.place(key);
        let now = self.0.clock.glance();
        for attempt in 0u32.. {
            let forced = attempt > 3 || self.0.shards.len() == 1;
            let room = shard.lock().make_room(parcel, key, &self.0.budget, now, forced, fallen);
            let Err(lack) = room else { return };
            let room = self.relieve(lack, Some(shard), fallen);
            self.0.budget.give(room);
        }
    }
}
