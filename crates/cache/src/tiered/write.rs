//! Writing a value: in memory alone, behind, or through all tiers.

use std::sync::Arc;
use std::time::Duration;

use flow::Result;
use flow::feed::Purge;
use flow::question::cache::When;

use super::{Inner, Terms, too_large};
use crate::behind::Write;
use crate::codes::UNSETTLED;
use crate::event::Kind;
use crate::far::debt::Reach;
use crate::far::{self, Far};
use crate::flight::Answer;
use crate::load::shorter;
use crate::memory::{self, Arrival};
use crate::rules::{Life, Order};

/// How often a life is changed again that another node was faster with.
const TRIES: usize = 16;

impl<V: Clone + Send + Sync + 'static> Inner<V> {
    pub(crate) fn write_here(
        &self,
        key: &[u8],
        value: V,
        terms: &Terms,
        when: When,
    ) -> Result<bool> {
        if self.memory_life(key, terms.ttl) == Some(Duration::ZERO) {
            return Ok(self.end_here(key, when));
        }
        let draft = self.local_draft(key, Some(value), terms, &[], None);
        let generation = self.house.generation();
        let set = self.keyed(key, |key| self.memory.set(key, draft, when, generation));
        let set = set.ok_or_else(|| too_large(0, self.memory.largest()))?;
        if set {
            self.house.mention(self.name(), key);
            self.changed(Kind::Set, key);
        }
        Ok(set)
    }

    /// A value that is over at once is not kept, and neither is what was there.
    fn end_here(&self, key: &[u8], when: When) -> bool {
        let generation = self.house.generation();
        let there = self.local(key).is_ok();
        let met = match when {
            When::Always => true,
            When::Absent => !there,
            When::Present => there,
        };
        if met {
            self.keyed(key, |key| self.memory.remove(key, generation));
            self.house.mention(self.name(), key);
            self.changed(Kind::Delete, key);
        }
        met
    }

    pub(crate) fn is_behind(&self) -> bool {
        self.rules.write == Order::Behind
    }

    /// Memory at once, the tiers behind it soon, if so the rules say and there is room.
    pub(super) fn write_behind(
        self: &Arc<Self>,
        key: &[u8],
        value: &V,
        terms: &Terms,
    ) -> Result<bool> {
        if !self.is_behind() || terms.ttl == Some(Duration::ZERO) {
            return Ok(false);
        }
        let generation = self.house.generation();
        let arrival = self.keyed(key, |key| self.memory.depart(key, generation));
        let body = self.written(key, value)?;
        let far = |(far, life): &(Arc<Far>, Life)| {
            (far.clone(), self.far_draft(key, Some(body.clone()), terms, &[], *life))
        };
        let fars = self.fars.iter().filter(|(_, life)| life.keeps()).map(far).collect();
        let name = (self.tenant.clone(), self.name.clone());
        let write = Write { name, fars, generation, at: self.house.clock.moment() };
        if !self.house.write_behind(&self.place, key, write) {
            return Ok(false);
        }
        self.land_written(key, arrival, value, (terms, &[]), None);
        self.changed(Kind::Set, key);
        Ok(true)
    }

    /// A value on its way to the tiers behind memory, which know less than we.
    pub(crate) fn on_its_way(
        &self,
        key: &[u8],
        arrival: Arrival<V>,
    ) -> Result<Answer<V>, Arrival<V>> {
        let waiting = self.is_behind().then(|| {
            let waiting = self.house.behind.waiting(&self.place, key, self.house.generation())?;
            let value = (self.form.read)(&self.codec, &waiting.body, &self.context(key)).ok()?;
            Some((self.confided(value), waiting.left))
        });
        let Some((value, left)) = waiting.flatten().filter(|_| self.house.coherent()) else {
            return Err(arrival);
        };
        if self.rules.memory.keeps() {
            let source = left.map(|left| (left, left));
            let draft = self.local_draft(key, Some(value.clone()), &Terms::default(), &[], source);
            self.keyed(key, |key| self.memory.land(arrival, key, draft));
        }
        Ok(Answer { value: Some(value), known: Ok(()), left })
    }

    /// The farthest tier first: who looks meanwhile may carry what it finds nearer, never
    /// further away.
    pub(super) async fn write_through(
        self: &Arc<Self>,
        key: &[u8],
        value: V,
        terms: &Terms,
        when: When,
    ) -> Result<bool> {
        if terms.ttl == Some(Duration::ZERO) {
            let there = when != When::Always && self.look_for_any(key).await;
            let met = when == When::Always || there == (when == When::Present);
            if met {
                self.purge(&Purge::Key(key.to_vec())).await?;
            }
            return Ok(met);
        }
        match self.is_behind() {
            true if when == When::Always => {
                self.house.behind.clear(&self.place, &Purge::Key(key.to_vec())).await;
            }
            // What is compared is in the tier.
            true => self.house.write_out().await,
            false => {}
        }
        let arrival = self.depart(key);
        let body = self.written(key, &value)?;
        let mut owed = Vec::new();
        let mut conditional = when != When::Always;
        let mut bound = None;
        for (far, life) in self.fars.iter().rev() {
            if !life.keeps() {
                continue;
            }
            let mut draft = self.far_draft(key, Some(body.clone()), terms, &[], *life);
            draft.fresh = shorter(draft.fresh, bound);
            bound = draft.fresh;
            if std::mem::take(&mut conditional) {
                if !far.write_if(&self.place, key, &draft, when).await? {
                    return Ok(false);
                }
            } else if let Err(error) = far.write(&self.place, key, &draft).await {
                tracing::debug!(tier = far.name, error = %error.story(), "a write is owed");
                self.owes(far, key, &mut owed);
            }
        }
        self.land_written(key, arrival, &value, (terms, &[]), bound);
        self.tell_written(key, owed).await;
        Ok(true)
    }

    /// A key was written, but for the tiers that owe it.
    pub(super) async fn tell_written(self: &Arc<Self>, key: &[u8], owed: Vec<String>) {
        self.changed(Kind::Set, key);
        match owed.is_empty() {
            true => self.house.mention(self.name(), key),
            false => {
                self.house.pay();
                let what = Purge::Key(key.to_vec());
                // They are told as soon as they can be; the value is set.
                let _ = self.house.tell(self.name(), what, owed).await;
            }
        }
    }

    /// A tier that could not be written has to forget what it holds of a key.
    pub(super) fn owes(&self, far: &Far, key: &[u8], owed: &mut Vec<String>) {
        far.debts.owe(&self.place, Purge::Key(key.to_vec()), Reach::Tier);
        owed.push(far.name.to_owned());
    }

    /// Keeps in memory what was written; it does not outlive what the tiers behind hold.
    pub(crate) fn land_written(
        &self,
        key: &[u8],
        arrival: memory::Arrival<V>,
        value: &V,
        (terms, tags): (&Terms, &[u64]),
        bound: Option<Duration>,
    ) {
        if !self.rules.memory.keeps() {
            return;
        }
        let generation = arrival.generation();
        let source = bound.map(|bound| (bound, bound.saturating_add(self.rules.stale)));
        let draft = || self.local_draft(key, Some(value.clone()), terms, tags, source);
        self.keyed(key, |key| {
            self.flights.part_from(key);
            if self.memory.land(arrival, key, draft()) {
                // Who is on the way with what was read before comes too late now; and who
                // purged meanwhile was not.
                self.memory.set(key, draft(), When::Present, generation);
            } else {
                // Something happened meanwhile, perhaps to all keys: what is here may be
                // what was written before.
                self.memory.remove(key, generation);
            }
        });
    }

    /// Whether any tier has a value.
    async fn look_for_any(self: &Arc<Self>, key: &[u8]) -> bool {
        let here = self.local(key).is_ok_and(|local| local.value.is_some());
        here || self.look_further(key).await.is_ok()
    }

    /// Changes how long a key lives, farthest tier first, and nothing else of it: it is
    /// written again only where it still is what was seen there.
    pub(super) async fn relive(
        self: &Arc<Self>,
        key: &[u8],
        ttl: Option<Duration>,
    ) -> Result<bool> {
        let mut there = false;
        self.changing(key);
        for (far, life) in self.fars.iter().rev() {
            for _ in 0..TRIES {
                let look = far.look(&self.place, key).await;
                if !look.may_write() {
                    return Err(UNSETTLED.error(format!("the tier {} cannot be asked", far.name)));
                }
                let Ok(found) = &look.found else { break };
                let asked = Some(ttl.unwrap_or(Duration::MAX));
                let (value, version) = (found.value.clone(), found.version.clone());
                let (fresh, window) = (self.far_life(key, asked, *life), self.rules.stale);
                let tags = found.tags.clone();
                let draft = far::Draft { value, fresh, window, tags, version };
                if far.fill(&self.place, key, &look, &draft).await? {
                    there |= found.value.is_some();
                    break;
                }
            }
        }
        let generation = self.house.generation();
        let here = self.keyed(key, |key| match there {
            true => self.memory.remove(key, generation),
            false => self.memory.expire(key, ttl, generation),
        });
        self.house.mention(self.name(), key);
        if there || here {
            self.tell_at_once(key, Kind::Set);
        }
        Ok(there || here)
    }
}
