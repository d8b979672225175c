//! Filling a tier before anybody asks: many keys in one round trip, and nothing written
//! over what is there or was dropped a moment ago.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use flow::{Moment, Result};
use pool::kv::{Entry, Held};

use super::place::Place;
use super::record::{Content, Record, Stamp};
use super::{Draft, Expect, Far, LATE, Look};
use crate::miss::Miss;

/// Which purges were known when values that are to be written were looked up.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    stamps: Vec<Stamp>,
    at: Moment,
}

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    Written,
    /// Something is there already, or was purged lately, perhaps after this was looked up.
    There,
    /// It was looked up too long ago.
    Late,
}

impl Far {
    /// Which purges are known now: to be asked before values are looked up.
    pub(crate) async fn known(&self, place: &Place) -> Result<Known> {
        let at = self.clock.moment();
        let mut stamps = Vec::with_capacity(self.shards.len());
        for number in 0..self.shards.len() {
            stamps.push(self.bounded(self.ground(number, place)).await?.stamp());
        }
        Ok(Known { stamps, at })
    }

    /// Writes these where nothing is there that holds; what became of each.
    pub(crate) async fn add_many(
        &self,
        place: &Place,
        known: &Known,
        values: &[(&[u8], Draft)],
    ) -> Result<Vec<Added>> {
        if self.clock.moment().since(known.at) > LATE || self.debts.owed(place) {
            return Ok(vec![Added::Late; values.len()]);
        }
        let mut added = vec![Added::There; values.len()];
        for (number, indices) in self.by_shard(place, values.iter().map(|(key, _)| *key)) {
            let Some(stamp) = known.stamps.get(number).copied() else { continue };
            let own = |index: &usize| values.get(*index).map(|value| (*index, value));
            let values: Vec<_> = indices.iter().filter_map(own).collect();
            let adding = self.add_part(number, place, (stamp, known.at), &values);
            let adding = self.bounded(adding).await;
            values.iter().for_each(|(_, (key, _))| self.wrote(place, key));
            for index in adding? {
                if let Some(place) = added.get_mut(index) {
                    *place = Added::Written;
                }
            }
        }
        Ok(added)
    }

    async fn add_part(
        &self,
        number: usize,
        place: &Place,
        (stamp, at): (Stamp, Moment),
        values: &[(usize, &(&[u8], Draft))],
    ) -> Result<Vec<usize>> {
        let tags: HashSet<u64> =
            values.iter().flat_map(|(_, (_, draft))| draft.tags.iter().copied()).collect();
        if !tags.is_empty() {
            let tags: Vec<u64> = tags.into_iter().collect();
            self.mark(number, place, stamp, &tags).await?;
        }
        let written: Vec<(Vec<u8>, Bytes, Option<Duration>)> = values
            .iter()
            .map(|(_, (key, draft))| {
                // Nothing may lie there, so that nothing has to be mourned.
                let (record, life) = draft.record(self.token(), stamp, Duration::ZERO);
                (place.entry(key), record.write(), life)
            })
            .collect();
        let entries: Vec<Entry<'_>> =
            written.iter().map(|(key, value, life)| Entry { key, value, life: *life }).collect();
        let added = self.kv(number).add_many(&entries).await?;
        let mut done = Vec::with_capacity(values.len());
        let mut rest = Vec::new();
        for (added, (index, value)) in added.into_iter().zip(values) {
            if added { done.push(*index) } else { rest.push((*index, *value)) }
        }
        if rest.is_empty() {
            return Ok(done);
        }
        let keys: Vec<&[u8]> = rest.iter().map(|(_, (key, _))| *key).collect();
        for (look, (index, (key, draft))) in
            self.looks(number, place, &keys).await?.into_iter().zip(rest)
        {
            // What holds stays, and so does what says that something was dropped.
            let Some(expect) = look else { continue };
            let found = Err(Miss::Absent);
            let mourned = Duration::ZERO;
            let look = Look { found, expect: Some(expect), stamp, at, mourned };
            if self.fill(place, key, &look, draft).await? {
                done.push(index);
            }
        }
        Ok(done)
    }

    /// What has to be under each key still, for those under which nothing is that holds.
    async fn looks(
        &self,
        number: usize,
        place: &Place,
        keys: &[&[u8]],
    ) -> Result<Vec<Option<Expect>>> {
        let places: Vec<Vec<u8>> = keys.iter().map(|key| place.entry(key)).collect();
        let asked: Vec<&[u8]> = places.iter().map(Vec::as_slice).collect();
        let held = self.kv(number).get_many(&asked).await?;
        let ground = self.ground(number, place).await?;
        let mut looks = Vec::with_capacity(keys.len());
        for (key, held) in keys.iter().zip(held) {
            let record = held.clone().and_then(Record::read);
            let dropped = record
                .is_some_and(|record| record.content == Content::Purged || !record.grave.is_zero());
            let held = held.map(|value| Held { value, life: None });
            let (found, expect) = self.judge(number, place, key, &ground, held).await?;
            looks.push((found.is_err() && !dropped).then_some(expect));
        }
        Ok(looks)
    }

    /// Which of these keys have something that holds.
    pub(crate) async fn there(&self, place: &Place, keys: &[&[u8]]) -> Result<Vec<bool>> {
        let mut there = vec![false; keys.len()];
        for (number, indices) in self.by_shard(place, keys.iter().copied()) {
            let own: Vec<&[u8]> =
                indices.iter().filter_map(|index| keys.get(*index).copied()).collect();
            let looks = self.bounded(self.looks(number, place, &own)).await?;
            for (index, look) in indices.into_iter().zip(looks) {
                if let Some(there) = there.get_mut(index) {
                    *there = look.is_none();
                }
            }
        }
        Ok(there)
    }

    fn by_shard<'k>(
        &self,
        place: &Place,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> BTreeMap<usize, Vec<usize>> {
        let mut shards: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, key) in keys.enumerate() {
            let (number, _) = self.shard(place, key);
            shards.entry(number).or_default().push(index);
        }
        shards
    }
}
