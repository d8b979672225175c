//! The tiers behind memory: what they have, and carrying it nearer.

use std::time::Duration;

use super::{Ask, Fallback, shorter};
use crate::event::Kind;
use crate::far::{Far, Found, Look};
use crate::flight::Answer;
use crate::memory::Arrival;
use crate::miss::Miss;
use crate::rules::Life;
use crate::signals::TIERS;
use crate::tiered::{Inner, Terms};

impl<V: Clone + Send + Sync + 'static> Inner<V> {
    pub(super) fn promoted(&self, tier: &'static str, key: &[u8]) {
        self.signals.promoted.add(1);
        self.say(Kind::Promote, key, tier, "");
    }

    /// Looks at one tier after the other until one has what is wanted, and notes what was
    /// seen in each.
    pub(super) async fn look_for(
        &self,
        key: &[u8],
        looks: &mut Vec<Look>,
        wanted: impl Fn(&Found, Life, &Far) -> bool,
    ) -> Option<(Option<V>, Found)> {
        for (index, (far, life)) in self.fars.iter().enumerate() {
            if !life.keeps() {
                looks.push(Look::nowhere());
                continue;
            }
            let begun = self.house.clock.moment();
            let wanted = |found: &Found| wanted(found, *life, far);
            let lately = far.look_lately(&self.place, key, wanted).await;
            let mut look = match lately {
                Some(look) => look,
                None => far.look(&self.place, key).await,
            };
            self.signals.took(index + 1, self.house.clock.moment().since(begun));
            self.fetch_dictionary(&look).await;
            let seen = self.seen(index + 1, key, &mut look, wanted);
            looks.push(look);
            if seen.is_some() {
                return seen;
            }
        }
        None
    }

    /// What was seen in a tier behind memory, if it is what is wanted.
    pub(crate) fn seen(
        &self,
        tier: usize,
        key: &[u8],
        look: &mut Look,
        wanted: impl Fn(&Found) -> bool,
    ) -> Option<(Option<V>, Found)> {
        if let Ok(found) = &look.found {
            match self.read(key, found) {
                Ok(value) if wanted(found) => {
                    self.hit(tier, key);
                    return Some((value, found.clone()));
                }
                Ok(_) => {}
                Err(error) => {
                    let tier = TIERS.get(tier).copied();
                    tracing::warn!(tier, error = %error.story(), "a value is damaged");
                    look.found = Err(Miss::Corrupt);
                }
            }
        }
        self.missed(tier, key, look.found.as_ref().err().copied().unwrap_or(Miss::Expired));
        None
    }

    /// Whether whoever asks so, and could ask an origin, is content with what a tier has where
    /// values live so long.
    pub(super) fn contents(&self, ask: Ask, found: &Found, life: Life, far: &Far) -> bool {
        let early = match (ask, self.rules.early_percent, life.limit(), found.fresh) {
            (Ask::Early, Some(percent), Some(life), Some(fresh)) => {
                fresh <= life.mul_f64(f64::from(100 - percent.min(100)) / 100.0)
            }
            _ => false,
        };
        ask != Ask::Forced && !early && found.fresh != Some(Duration::ZERO) && !far.is_doubted()
    }

    pub(crate) fn read(&self, key: &[u8], found: &Found) -> flow::Result<Option<V>> {
        let Some(body) = &found.value else { return Ok(None) };
        let value = (self.form.read)(&self.codec, body, &self.context(key))?;
        Ok(Some(self.confided(value)))
    }

    /// Carries what the last of the tiers looked at had to the nearer ones.
    pub(crate) async fn promote(
        &self,
        key: &[u8],
        arrival: Arrival<V>,
        looks: &[Look],
        value: Option<V>,
        found: Found,
    ) -> Answer<V> {
        let nearer = looks.len().saturating_sub(1);
        let now = || self.house.clock.moment();
        let aged = |found| looks.last().map(|look| look.aged(found, now()));
        let found = aged(found.clone()).unwrap_or(found);
        for ((far, life), look) in self.fars.iter().zip(looks).take(nearer).rev() {
            if !life.keeps() {
                continue;
            }
            let fresh = shorter(life.limit(), found.fresh);
            let kept = found.left.unwrap_or(Duration::MAX);
            let window = self.rules.stale.min(kept.saturating_sub(fresh.unwrap_or_default()));
            let (value, tags) = (found.value.clone(), found.tags.clone());
            let version = found.version.clone();
            let draft = crate::far::Draft { value, fresh, window, tags, version };
            match far.fill(&self.place, key, look, &draft).await {
                Ok(true) => self.promoted(far.name, key),
                Ok(false) => {}
                Err(error) => {
                    tracing::debug!(tier = far.name, error = %error.story(), "not promoted");
                }
            }
        }
        let found = aged(found.clone()).unwrap_or(found);
        self.land_found(key, arrival, value, &found)
    }

    /// Keeps in memory what a further tier had.
    pub(super) fn land_found(
        &self,
        key: &[u8],
        arrival: Arrival<V>,
        value: Option<V>,
        found: &Found,
    ) -> Answer<V> {
        let left = found.fresh;
        if self.rules.memory.keeps() && left != Some(Duration::ZERO) {
            let source = found.fresh.zip(found.left);
            let terms = Terms { version: found.version.clone(), ..Terms::default() };
            let draft = self.local_draft(key, value.clone(), &terms, &found.tags, source);
            match self.keyed(key, |key| self.memory.land(arrival, key, draft)) {
                true => self.promoted(TIERS[0], key),
                false => self.signals.outrun.add(1),
            }
        }
        Answer { value, known: Ok(()), left }
    }

    /// What memory has beyond its end.
    pub(super) fn stale_here(&self, key: &[u8]) -> Result<Fallback<V>, Miss> {
        let generation = self.house.generation();
        let found = self.keyed(key, |key| self.memory.get_tagged(key, generation));
        let Some((local, tags)) = found else {
            let missed = self.keyed(key, |key| self.memory.get(key, generation));
            return Err(missed.err().unwrap_or(Miss::Absent));
        };
        if !self.house.coherent() {
            return Err(Miss::Doubted);
        }
        Ok(Fallback { value: local.value, version: local.version, tags })
    }

    /// What a tier behind it has beyond its end.
    pub(super) fn stale_there(&self, key: &[u8], look: &Look) -> Option<Fallback<V>> {
        let found = look.found.as_ref().ok()?;
        let value = self.read(key, found).ok()?;
        Some(Fallback { value, version: found.version.clone(), tags: found.tags.as_slice().into() })
    }

    /// The last of the tiers looked at has it.
    pub(crate) fn note_found(&self, key: &[u8], looks: &[Look], value: bool) {
        let far = looks.len().checked_sub(1).and_then(|last| self.fars.get(last));
        let tier = far.and_then(|(far, _)| TIERS.iter().position(|name| *name == far.name));
        self.eye.found(key, tier.unwrap_or(1), value);
    }
}

/// Why the last of the tiers looked at did not answer.
pub(super) fn last_miss(looks: &[Look]) -> Miss {
    let last = looks.last().and_then(|look| look.found.as_ref().err().copied());
    last.unwrap_or(if looks.is_empty() { Miss::Absent } else { Miss::Expired })
}
