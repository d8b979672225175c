//! Many keys at once: per server a few round trips for all of them, not for each.

use std::collections::HashSet;

use flow::Result;
use futures_util::future::join_all;
use pool::kv::{Entry, Held};

use super::ground::Ground;
use super::place::Place;
use super::record::Record;
use super::{Draft, Far, Look, TOMBSTONE, TRIES, mourned};
use crate::codes::UNSETTLED;
use crate::miss::Miss;

/// Keys that go to a server in one go: enough that the way there counts for little, few
/// enough that one caller does not hold up the others.
const BATCH: usize = 512;

impl Far {
    /// What is under each of these keys, judged, in their order.
    pub(crate) async fn look_many(&self, place: &Place, keys: &[&[u8]]) -> Vec<Look> {
        let at = self.clock.moment();
        let unseen = |miss| Look { found: Err(miss), at, ..Look::nowhere() };
        if self.debts.owed(place) {
            return keys.iter().map(|_| unseen(Miss::Doubted)).collect();
        }
        let Ok(pass) = self.breaker.enter() else {
            return keys.iter().map(|_| unseen(Miss::Away)).collect();
        };
        let parts = self.parts(place, keys.iter().copied());
        let mut looking = Vec::with_capacity(parts.len());
        for (number, indices) in &parts {
            let part: Vec<&[u8]> =
                indices.iter().filter_map(|index| keys.get(*index)).copied().collect();
            looking.push(async move {
                let looking = self.look_part(*number, place, &part);
                match self.clock.within(self.patience, looking).await {
                    Some(Ok(looks)) => looks,
                    Some(Err(error)) => {
                        tracing::debug!(tier = self.name, error = %error.story(), "a tier is away");
                        part.iter().map(|_| unseen(Miss::Away)).collect()
                    }
                    None => part.iter().map(|_| unseen(Miss::Slow)).collect(),
                }
            });
        }
        let mut looks: Vec<Look> = keys.iter().map(|_| unseen(Miss::Away)).collect();
        let looked = join_all(looking).await;
        match looked.iter().flatten().all(Look::may_write) {
            true => {
                pass.succeeded();
                self.absence.answers(self.clock.moment());
            }
            false => pass.failed(),
        }
        for ((_, indices), part) in parts.iter().zip(looked) {
            for (index, look) in indices.iter().zip(part) {
                if let Some(place) = looks.get_mut(*index) {
                    *place = look;
                }
            }
        }
        looks
    }

    /// The entries first and the ground after them, as whoever looks at one does.
    async fn look_part(&self, number: usize, place: &Place, keys: &[&[u8]]) -> Result<Vec<Look>> {
        let at = self.clock.moment();
        let kv = self.kv(number);
        let entries: Vec<Vec<u8>> = keys.iter().map(|key| place.entry(key)).collect();
        let asked: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        let held = kv.held_many(&asked).await?;
        let ground = self.ground(number, place).await?;
        self.learn_tags(number, place, &ground, &held).await?;
        let mut looks = Vec::with_capacity(keys.len());
        for (key, held) in keys.iter().zip(held) {
            let mourned = held.as_ref().and_then(mourned).unwrap_or_default();
            let (found, expect) = self.judge(number, place, key, &ground, held).await?;
            looks.push(Look { found, expect: Some(expect), stamp: ground.stamp(), at, mourned });
        }
        Ok(looks)
    }

    /// Looks up what is not known of the tags these bear, all at once.
    async fn learn_tags(
        &self,
        number: usize,
        place: &Place,
        ground: &Ground,
        held: &[Option<Held>],
    ) -> Result<()> {
        let known = |tag: &u64| {
            let mark = self.marks.get(&self.mark_id(number, place, *tag));
            mark.is_some_and(|mark| mark.covers(ground))
        };
        let records = held.iter().flatten().filter_map(|held| Record::read(held.value.clone()));
        let tags: HashSet<u64> = records.flat_map(|record| record.tags).collect();
        let unknown: Vec<u64> = tags.into_iter().filter(|tag| !known(tag)).collect();
        match unknown.is_empty() {
            true => Ok(()),
            false => self.look_up(number, place, ground, &unknown).await.map(drop),
        }
    }

    /// Writes these values, whatever was there; which of them could not be.
    pub(crate) async fn write_many(&self, place: &Place, values: &[(&[u8], Draft)]) -> Vec<usize> {
        let parts = self.parts(place, values.iter().map(|(key, _)| *key));
        let mut writing = Vec::with_capacity(parts.len());
        for (number, indices) in &parts {
            let part: Vec<_> = indices.iter().filter_map(|index| values.get(*index)).collect();
            writing.push(async move {
                let written = self.bounded(self.write_part(*number, place, &part)).await;
                part.iter().for_each(|(key, _)| self.wrote(place, key));
                written.inspect_err(|error| {
                    tracing::debug!(tier = self.name, error = %error.story(), "writes are owed");
                })
            });
        }
        let written = join_all(writing).await;
        let failed = parts.into_iter().zip(written).filter(|(_, written)| written.is_err());
        failed.flat_map(|((_, indices), _)| indices).collect()
    }

    /// Who writes while others purge has to say which purges it knew of: when the ground has
    /// changed meanwhile, all of it is written again.
    async fn write_part(
        &self,
        number: usize,
        place: &Place,
        values: &[&(&[u8], Draft)],
    ) -> Result<()> {
        let kv = self.kv(number);
        let places: Vec<Vec<u8>> = values.iter().map(|(key, _)| place.entry(key)).collect();
        let tags: HashSet<u64> =
            values.iter().flat_map(|(_, draft)| draft.tags.iter().copied()).collect();
        let tags: Vec<u64> = tags.into_iter().collect();
        let mut ground = match self.grounds.get(&(number, place.clone())) {
            Some(known) => known,
            None => self.ground(number, place).await?,
        };
        for _ in 0..TRIES {
            let stamp = ground.stamp();
            if !tags.is_empty() {
                self.mark(number, place, stamp, &tags).await?;
            }
            let record = |(_, draft): &&(&[u8], Draft)| {
                let (record, life) = draft.record(self.token(), stamp, TOMBSTONE);
                (record.write(), life)
            };
            let records: Vec<_> = values.iter().map(record).collect();
            let entries: Vec<Entry<'_>> = places
                .iter()
                .zip(&records)
                .map(|(key, (value, life))| Entry { key, value, life: *life })
                .collect();
            kv.set_many(&entries).await?;
            ground = self.ground(number, place).await?;
            if ground.stamp() == stamp {
                return Ok(());
            }
        }
        Err(UNSETTLED.error("other nodes purge this namespace faster than it can be written"))
    }

    /// The indices of these keys by the server they are on, in batches.
    fn parts<'k>(
        &self,
        place: &Place,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> Vec<(usize, Vec<usize>)> {
        let mut parts: Vec<(usize, Vec<usize>)> = Vec::new();
        for (index, key) in keys.enumerate() {
            let (number, _) = self.shard(place, key);
            let open =
                |(of, indices): &&mut (usize, Vec<usize>)| *of == number && indices.len() < BATCH;
            match parts.iter_mut().rev().find(open) {
                Some((_, indices)) => indices.push(index),
                None => parts.push((number, vec![index])),
            }
        }
        parts
    }
}
