//! When tags were last purged.

use bytes::{Buf, BufMut, Bytes};
use flow::Result;
use foldhash::fast::FixedState;
use pool::kv::{Entry, Kv, When};
use std::hash::BuildHasher;

use super::ground::Ground;
use super::place::Place;
use super::record::Stamp;
use super::{Far, Mark, TRIES};
use crate::codes::UNSETTLED;

impl Far {
    /// Whether none of these tags was purged after the purge `seen`.
    pub(super) async fn tags_bear(
        &self,
        number: usize,
        place: &Place,
        ground: &Ground,
        tags: &[u64],
        seen: u64,
    ) -> Result<bool> {
        let mut unknown = Vec::new();
        for tag in tags {
            let known = self
                .marks
                .get(&self.mark_id(number, place, *tag))
                .filter(|mark| mark.covers(ground));
            match known {
                Some(mark) if mark.purged > seen => return Ok(false),
                Some(_) => {}
                None => unknown.push(*tag),
            }
        }
        if unknown.is_empty() {
            return Ok(true);
        }
        let purged = self.look_up(number, place, ground, &unknown).await?;
        Ok(purged.iter().all(|purged| *purged <= seen))
    }

    /// When these tags were last purged. One of which nothing is known was purged just
    /// now: it is new, or its mark was lost and with it when that was.
    pub(super) async fn look_up(
        &self,
        number: usize,
        place: &Place,
        ground: &Ground,
        tags: &[u64],
    ) -> Result<Vec<u64>> {
        let kv = self.kv(number);
        let keys: Vec<Vec<u8>> = tags.iter().map(|tag| place.tag(*tag)).collect();
        let asked: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let marks = kv.get_many(&asked).await?;
        let mut purged = Vec::with_capacity(tags.len());
        let mut known = Vec::with_capacity(tags.len());
        for ((tag, key), read) in tags.iter().zip(&keys).zip(marks) {
            let at = self.lay(kv, ground, key, read).await?;
            purged.push(at);
            let mark = Mark { generation: ground.generation, purged: at, as_of: ground.purges };
            known.push((self.mark_id(number, place, *tag), mark));
        }
        if kv.era() != ground.run {
            // The server came back between ground and marks, perhaps with older ones.
            return Ok(vec![u64::MAX; tags.len()]);
        }
        for (id, mark) in known {
            self.marks.insert(id, mark);
        }
        Ok(purged)
    }

    pub(super) async fn lay(
        &self,
        kv: &dyn Kv,
        ground: &Ground,
        key: &[u8],
        read: Option<Bytes>,
    ) -> Result<u64> {
        let mut read = read;
        for _ in 0..TRIES {
            if let Some(purged) = read.as_deref().and_then(|mark| mark_of(mark, ground.generation))
            {
                return Ok(purged);
            }
            let written = mark_bytes(ground.generation, ground.purges);
            let when = read.as_deref().map_or(When::Absent, When::Holds);
            if kv.set_if(Entry { key, value: &written, life: None }, when).await? {
                return Ok(ground.purges);
            }
            read = kv.get(key).await?;
        }
        Err(UNSETTLED.error("other nodes change this tag faster than it can be read"))
    }

    /// Sees to it that these tags have marks, so that what carries them can be believed.
    pub(super) async fn mark(
        &self,
        number: usize,
        place: &Place,
        stamp: Stamp,
        tags: &[u64],
    ) -> Result<()> {
        let known = |tag: &u64| {
            let mark = self.marks.get(&self.mark_id(number, place, *tag));
            mark.is_some_and(|mark| mark.generation == stamp.generation)
        };
        let unknown: Vec<u64> = tags.iter().copied().filter(|tag| !known(tag)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let ground = self.ground(number, place).await?;
        self.look_up(number, place, &ground, &unknown).await.map(drop)
    }

    pub(super) fn mark_id(&self, number: usize, place: &Place, tag: u64) -> u64 {
        FixedState::with_seed(number as u64).hash_one((place.name(), tag))
    }
}

pub(super) fn mark_bytes(generation: u64, purged: u64) -> [u8; 16] {
    let mut written = [0; 16];
    let mut rest = &mut written[..];
    rest.put_u64(generation);
    rest.put_u64(purged);
    written
}

/// When the tag was last purged, by a mark of this generation.
pub(super) fn mark_of(mut mark: &[u8], generation: u64) -> Option<u64> {
    let (of, purged) = (mark.try_get_u64().ok()?, mark.try_get_u64().ok()?);
    (of == generation && mark.is_empty()).then_some(purged)
}
