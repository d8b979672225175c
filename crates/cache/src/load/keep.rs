//! Keeping what the origin had.

use std::time::Duration;

use super::{Fallback, Loaded, shorter};
use crate::far::Look;
use crate::flight::{Answer, Fault, Outcome};
use crate::memory::Arrival;
use crate::tiered::{Inner, Terms};

/// How long what is stale is answered after its load failed, before it is tried again.
const RESPITE: Duration = Duration::from_secs(1);

impl<V: Clone + Send + Sync + 'static> Inner<V> {
    /// Keeps what the origin had, in every tier, farthest first.
    pub(super) async fn keep(
        &self,
        key: &[u8],
        arrival: Arrival<V>,
        looks: &[Look],
        asked: Result<Loaded<V>, Fault>,
        fallback: Option<Fallback<V>>,
    ) -> Outcome<V> {
        let loads = &self.signals.loads;
        let mut tags = Box::default();
        let (value, terms) = match (asked, fallback) {
            (Ok(Loaded::Value(value, terms)), _) => {
                loads.brought.add(1);
                (Some(self.confided(value)), terms)
            }
            (Ok(Loaded::Unchanged), Some(old)) => {
                loads.unchanged.add(1);
                tags = old.tags;
                (old.value, Terms { version: old.version, ..Terms::default() })
            }
            (Ok(Loaded::Nothing | Loaded::Unchanged), _) => {
                loads.nothing.add(1);
                if !self.rules.nothing.keeps() {
                    return Ok(Answer { value: None, known: Ok(()), left: None });
                }
                (None, Terms::default())
            }
            (Err(fault), fallback) => {
                match fault {
                    Fault::Late => loads.late.add(1),
                    _ => loads.failed.add(1),
                }
                let Some(old) = fallback.filter(|_| !self.rules.stale.is_zero()) else {
                    return Err(fault);
                };
                return Ok(self.respite(key, arrival, old));
            }
        };
        if terms.ttl == Some(Duration::ZERO) {
            return Ok(Answer { value, known: Ok(()), left: Some(Duration::ZERO) });
        }
        if let Err(error) = self.tagged(&terms) {
            tracing::warn!(error = %error.story(), "a value that was loaded is not kept");
            return Ok(Answer { value, known: Ok(()), left: Some(Duration::ZERO) });
        }
        let body = match value.as_ref().map(|value| self.written(key, value)).transpose() {
            Ok(body) => body,
            Err(error) => {
                tracing::warn!(error = %error.story(), "a value cannot leave memory");
                return Ok(self.land(key, arrival, value, (&terms, &tags), None));
            }
        };
        let mut bound = None;
        for ((far, life), look) in self.fars.iter().zip(looks).rev() {
            if !life.keeps() {
                continue;
            }
            let mut draft = self.far_draft(key, body.clone(), &terms, &tags, *life);
            draft.fresh = shorter(draft.fresh, bound);
            bound = draft.fresh;
            match far.fill(&self.place, key, look, &draft).await {
                Ok(true) => {}
                Ok(false) => self.signals.outrun.add(1),
                Err(error) => {
                    tracing::debug!(tier = far.name, error = %error.story(), "not written");
                }
            }
        }
        Ok(self.land(key, arrival, value, (&terms, &tags), bound))
    }

    fn land(
        &self,
        key: &[u8],
        arrival: Arrival<V>,
        value: Option<V>,
        (terms, tags): (&Terms, &[u64]),
        bound: Option<Duration>,
    ) -> Answer<V> {
        if self.rules.memory.keeps() {
            let source = bound.map(|bound| (bound, bound.saturating_add(self.rules.stale)));
            let draft = self.local_draft(key, value.clone(), terms, tags, source);
            let left = draft.fresh;
            if !self.keyed(key, |key| self.memory.land(arrival, key, draft)) {
                self.signals.outrun.add(1);
            }
            return Answer { value, known: Ok(()), left };
        }
        let left = self.memory_life(key, terms.ttl);
        Answer { value, known: Ok(()), left }
    }

    /// The origin failed, and there is something stale: it is good for a moment more, so
    /// that not everybody who asks meanwhile asks the origin.
    fn respite(&self, key: &[u8], arrival: Arrival<V>, old: Fallback<V>) -> Answer<V> {
        self.answered_stale();
        let value = old.value;
        if self.rules.memory.keeps() {
            let terms = Terms { version: old.version, ..Terms::default() };
            let source = Some((RESPITE, RESPITE + self.rules.stale));
            let draft = self.local_draft(key, value.clone(), &terms, &old.tags, source);
            self.keyed(key, |key| self.memory.land(arrival, key, draft));
        }
        Answer { value, known: Ok(()), left: Some(RESPITE) }
    }
}
