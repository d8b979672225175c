//! Changing what was there: a value is brought from where it is kept for good, changed, and
//! put back unless somebody else was faster.
//!
//! What this node's memory says, or a nearer tier, may be older than what others wrote: it is
//! good enough to be read, and nothing to build on.

use std::sync::Arc;
use std::time::Duration;

use flow::Result;
use flow::feed::Purge;
use flow::question::cache::When;
use pool::codes::VALUE_CORRUPT;

use super::{Inner, Terms, Tiered};
use crate::codes::UNSETTLED;
use crate::far::{Far, Look};
use crate::load::shorter;
use crate::miss::Miss;
use crate::rules::Life;

/// A value as the farthest tier has it, and what was seen there.
pub struct Brought<V> {
    /// What there is.
    pub value: Option<V>,
    /// How long it will be there, if not for ever.
    pub left: Option<Duration>,
    /// Hashes of its tags, which it keeps.
    tags: Vec<u64>,
    /// Nothing where there is no tier behind memory.
    look: Option<Look>,
}

/// What becomes of what others wrote after a value was brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meanwhile {
    /// It stays, and nothing is put back.
    Stays,
    /// It is lost.
    IsLost,
}

impl<V> Brought<V> {
    /// Another number for each value that was written; nothing where there is no tier behind
    /// memory to know.
    pub fn mark(&self) -> Option<u64> {
        self.look.as_ref().map(Look::mark)
    }
}

impl<V: Clone + Send + Sync + 'static> Tiered<V> {
    /// What a key holds where it is kept for good, to be changed.
    ///
    /// # Errors
    /// When that cannot be known: nothing may be made of it then.
    pub async fn bring(&self, key: &[u8]) -> Result<Brought<V>> {
        let inner = &self.0;
        let loaded = match inner.source.is_some() || inner.fars.is_empty() {
            true => self.get(key).await.ok(),
            false => None,
        };
        let (value, left) = loaded.map_or((None, None), |hit| (Some(hit.value), hit.ttl));
        let Some((far, _)) = inner.fars.last() else {
            return Ok(Brought { value, left, tags: Vec::new(), look: None });
        };
        let brought = inner.bring_from(far, key).await?;
        Ok(match brought.value {
            None => Brought { value, left, ..brought },
            Some(_) => brought,
        })
    }

    /// Lets a key hold what was made of what it held, on these terms; whether it does. It keeps
    /// the tags it had.
    ///
    /// # Errors
    /// When it is too large, or could not be written where it is kept for good: it may be there
    /// or not.
    pub async fn put_back(
        &self,
        key: &[u8],
        brought: &Brought<V>,
        (value, terms): (V, Terms),
        meanwhile: Meanwhile,
    ) -> Result<bool> {
        let Some(look) = &brought.look else {
            return self.write(key, value, terms, When::Always).await;
        };
        self.0.fits(key, &value, &terms)?;
        self.0.changing(key);
        let value = self.0.confided(value);
        self.0.put_back(key, (value, &terms, &brought.tags), (look, meanwhile)).await
    }

    /// Forgets what this node's memory says of a key, for who has to read no less than was
    /// brought.
    pub fn forget(&self, key: &[u8]) {
        if !self.is_local() {
            self.0.drop_silently(&Purge::Key(key.to_vec()), false);
        }
    }

    /// As many bytes as a value may have.
    pub fn largest(&self) -> u64 {
        let inner = &self.0;
        let largest = inner.memory.largest();
        if inner.fars.is_empty() { largest } else { inner.rules.codec.largest.0.max(largest) }
    }
}

impl<V: Clone + Send + Sync + 'static> Inner<V> {
    async fn bring_from(self: &Arc<Self>, far: &Far, key: &[u8]) -> Result<Brought<V>> {
        let generation = self.house.generation();
        if self.is_behind() && self.house.behind.waiting(&self.place, key, generation).is_some() {
            self.house.write_out().await;
        }
        let (begun, tier) = (self.house.clock.moment(), self.fars.len());
        let look = far.look(&self.place, key).await;
        self.signals.took(tier, self.house.clock.moment().since(begun));
        if !look.may_write() {
            return Err(UNSETTLED.error(format!("the tier {} cannot be asked", far.name)));
        }
        self.fetch_dictionary(&look).await;
        let found = match &look.found {
            Ok(found) if found.fresh != Some(Duration::ZERO) => found.clone(),
            Err(Miss::Corrupt) => {
                let words = format!("the tier {} holds something else under this key", far.name);
                return Err(VALUE_CORRUPT.error(words));
            }
            missed => {
                self.missed(tier, key, missed.as_ref().err().copied().unwrap_or(Miss::Expired));
                return Ok(Brought { value: None, left: None, tags: Vec::new(), look: Some(look) });
            }
        };
        let value = self.read(key, &found)?;
        self.hit(tier, key);
        let tags = if value.is_some() { found.tags } else { Vec::new() };
        Ok(Brought { value, left: found.fresh, tags, look: Some(look) })
    }

    /// The farthest tier decides; the nearer ones follow it.
    async fn put_back(
        self: &Arc<Self>,
        key: &[u8],
        (value, terms, tags): (V, &Terms, &[u64]),
        (look, meanwhile): (&Look, Meanwhile),
    ) -> Result<bool> {
        let Some(((far, life), nearer)) = self.fars.split_last() else { return Ok(false) };
        let arrival = self.depart(key);
        let body = self.written(key, &value)?;
        let draft = self.far_draft(key, Some(body), terms, tags, *life);
        let kept = match meanwhile {
            Meanwhile::Stays => far.fill(&self.place, key, look, &draft).await,
            Meanwhile::IsLost => far.write(&self.place, key, &draft).await.map(|()| true),
        };
        match kept {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) => {
                self.doubt(key, nearer).await;
                return Err(error);
            }
        }
        let (mut owed, mut bound) = (Vec::new(), draft.fresh);
        for (far, life) in nearer.iter().rev() {
            let mut draft = draft.clone();
            draft.fresh = shorter(shorter(draft.fresh, life.limit()), bound);
            bound = draft.fresh;
            if let Err(error) = far.write(&self.place, key, &draft).await {
                tracing::debug!(tier = far.name, error = %error.story(), "a write is owed");
                self.owes(far, key, &mut owed);
            }
        }
        self.land_written(key, arrival, &value, (terms, tags), bound);
        self.tell_written(key, owed).await;
        Ok(true)
    }

    /// Nobody knows whether a key was written: what is nearer may be older than what is kept.
    async fn doubt(self: &Arc<Self>, key: &[u8], nearer: &[(Arc<Far>, Life)]) {
        let (what, mut owed) = (Purge::Key(key.to_vec()), Vec::new());
        nearer.iter().for_each(|(far, _)| self.owes(far, key, &mut owed));
        self.drop_here(&what, false);
        self.house.pay();
        // They are told as soon as they can be.
        let _ = self.house.tell(self.name(), what, owed).await;
    }
}
