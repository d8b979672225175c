//! Making untrue what lies in a tier.

use std::time::Duration;

use bytes::Bytes;
use flow::Result;
use flow::feed::Purge;
use futures_util::future::try_join_all;
use pool::kv::{Entry, When};

use super::ground::Ground;
use super::marks::{mark_bytes, mark_of};
use super::place::Place;
use super::record::{Content, Record, Token};
use super::{Draft, Far, TOMBSTONE, TRIES};
use crate::codes::UNSETTLED;

impl Far {
    /// Makes untrue what a purge names; of keys, how many were there.
    pub(crate) async fn purge(&self, place: &Place, what: &Purge) -> Result<u64> {
        let purging = self.bounded(async {
            match what {
                Purge::Key(key) => self.bury(place, key).await.map(u64::from),
                Purge::Keys(keys) => {
                    let burying = keys.iter().map(|key| self.bury(place, &key.0));
                    Ok(try_join_all(burying).await?.into_iter().map(u64::from).sum())
                }
                Purge::Tag(tag) => {
                    let tag = crate::tag::hash(tag);
                    try_join_all((0..self.shards.len()).map(|n| self.purge_tag(n, place, tag)))
                        .await
                        .map(|_| 0)
                }
                Purge::Glob(pattern) => {
                    let change = |ground: &Ground, token| ground.without(pattern.as_bytes(), token);
                    let shards = 0..self.shards.len();
                    try_join_all(shards.map(|n| self.change(n, place, change))).await.map(|_| 0)
                }
                Purge::All => {
                    let change = |ground: &Ground, token| ground.cleared(token);
                    let shards = 0..self.shards.len();
                    try_join_all(shards.map(|n| self.change(n, place, change))).await.map(|_| 0)
                }
            }
        });
        let purged = purging.await;
        self.changed(place, what);
        purged
    }

    /// What is left of a key that was purged.
    pub(super) fn tombstone(&self, ground: &Ground) -> Bytes {
        let draft = Draft {
            value: None,
            fresh: None,
            window: Duration::ZERO,
            tags: Vec::new(),
            version: None,
        };
        let (record, _) = draft.record(self.token(), ground.stamp(), Duration::ZERO);
        Record { content: Content::Purged, ..record }.write()
    }

    async fn bury(&self, place: &Place, key: &[u8]) -> Result<bool> {
        let (number, kv) = self.shard(place, key);
        let (at, ground) = (place.entry(key), place.ground());
        let (held, ground) = kv.held_beside(&at, &ground).await?;
        let ground = self.settle(number, place, ground).await?;
        let (found, _) = self.judge(number, place, key, &ground, held).await?;
        let record = self.tombstone(&ground);
        kv.set(Entry { key: &at, value: &record, life: Some(TOMBSTONE) }).await?;
        Ok(found.is_ok_and(|found| found.value.is_some()))
    }

    /// The mark first, then the ground: whoever reads the new ground reads the new mark.
    async fn purge_tag(&self, number: usize, place: &Place, tag: u64) -> Result<()> {
        let kv = self.kv(number);
        let key = place.tag(tag);
        for _ in 0..TRIES {
            let ground = self.ground(number, place).await?;
            let next = ground.purged(self.token());
            let read = kv.get(&key).await?;
            let marked = read.as_deref().and_then(|mark| mark_of(mark, ground.generation));
            if marked.is_none_or(|purged| purged < next.purges) {
                let written = mark_bytes(ground.generation, next.purges);
                let when = read.as_deref().map_or(When::Absent, When::Holds);
                if !kv.set_if(Entry { key: &key, value: &written, life: None }, when).await? {
                    continue;
                }
            }
            if self.swap(number, place, &ground, &next).await? {
                return Ok(());
            }
        }
        Err(UNSETTLED.error("other nodes purge this namespace faster than it can be purged here"))
    }

    async fn change(
        &self,
        number: usize,
        place: &Place,
        change: impl Fn(&Ground, Token) -> Ground,
    ) -> Result<()> {
        for _ in 0..TRIES {
            let ground = self.ground(number, place).await?;
            let next = change(&ground, self.token());
            if self.swap(number, place, &ground, &next).await? {
                return Ok(());
            }
        }
        Err(UNSETTLED.error("other nodes purge this namespace faster than it can be purged here"))
    }

    async fn swap(&self, number: usize, place: &Place, old: &Ground, new: &Ground) -> Result<bool> {
        let (at, written) = (place.ground(), new.write());
        let entry = Entry { key: &at, value: &written, life: None };
        let swapped = self.kv(number).set_if(entry, When::Begins(&old.token.prefix())).await?;
        if swapped {
            self.grounds.insert((number, place.clone()), new.clone());
        }
        Ok(swapped)
    }
}
