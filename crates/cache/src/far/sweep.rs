//! Freeing what was purged, and counting it: not needed for anything to be right.

use std::time::Duration;

use flow::Result;
use flow::feed::Purge;
use futures_util::future::try_join_all;
use pool::kv::{Entry, Kv, When};

use super::ground::Ground;
use super::place::{HEAD, Place};
use super::record::{Content, Record};
use super::{Far, Held, TOMBSTONE};

/// Entries looked at in one go.
const PAGE: usize = 128;

/// What a sweep found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Swept {
    /// Entries that were purged, and are freed now.
    pub(crate) freed: u64,
    /// Whether all of the namespace was looked at.
    pub(crate) whole: bool,
}

impl Far {
    /// Frees entries of a namespace that a purge made untrue, for so long.
    pub(crate) async fn sweep(
        &self,
        place: &Place,
        what: &Purge,
        budget: Duration,
    ) -> Result<Swept> {
        let mut swept = Swept { freed: 0, whole: true };
        let begun = self.clock.moment();
        for number in 0..self.shards.len() {
            let ground = self.ground(number, place).await?;
            let mut from = None;
            loop {
                let page = self.kv(number).scan(&place.entries(), from, PAGE).await?;
                let matching = page.keys.iter().filter(|at| names(what, place, at));
                let matching: Vec<&[u8]> = matching.map(AsRef::as_ref).collect();
                swept.freed += self.free(number, place, &ground, &matching).await?;
                from = page.next;
                if from.is_none() {
                    break;
                }
                if self.clock.moment().since(begun) > budget {
                    return Ok(Swept { whole: false, ..swept });
                }
            }
        }
        Ok(swept)
    }

    async fn free(
        &self,
        number: usize,
        place: &Place,
        ground: &Ground,
        keys: &[&[u8]],
    ) -> Result<u64> {
        let kv = self.kv(number);
        let mut dead = Vec::new();
        for (at, held) in keys.iter().zip(kv.held_many(keys).await?) {
            let Some(Held { value, .. }) = held else { continue };
            let Some(record) = Record::read(value) else { continue };
            if record.content == Content::Purged {
                continue;
            }
            let mourned = (!record.grave.is_zero()).then(|| self.tombstone(ground));
            let key = place.key(at).unwrap_or_default();
            let seen = record.stamp.seen;
            let bears = ground.bears(key, record.stamp)
                && self.tags_bear(number, place, ground, &record.tags, seen).await?;
            if !bears {
                dead.push((*at, record.token.prefix(), mourned));
            }
        }
        let freeing =
            dead.iter().map(|(at, prefix, mourned)| end(kv, at, prefix, mourned.as_deref()));
        Ok(try_join_all(freeing).await?.into_iter().map(u64::from).sum())
    }
}

/// Ends an entry, if it is still this one; where a purge is to be remembered, nothing but
/// that is left.
async fn end(kv: &dyn Kv, at: &[u8], prefix: &[u8], mourned: Option<&[u8]>) -> Result<bool> {
    let life = Some(if mourned.is_some() { TOMBSTONE } else { Duration::ZERO });
    let entry = Entry { key: at, value: mourned.unwrap_or_default(), life };
    kv.set_if(entry, When::Begins(prefix)).await
}

/// Whether a purge may have meant this entry, as far as its key tells.
fn names(what: &Purge, place: &Place, at: &[u8]) -> bool {
    let Some(key) = place.key(at) else { return false };
    match what {
        Purge::Key(wanted) => *at == *place.entry(wanted),
        Purge::Keys(keys) => keys.iter().any(|wanted| *at == *place.entry(&wanted.0)),
        // Of a long key only the beginning can be read here.
        Purge::Glob(pattern) => key.len() > HEAD || values::glob::matches(pattern.as_bytes(), key),
        Purge::Tag(_) | Purge::All => true,
    }
}
