//! Letting doors work on values in place.

use std::sync::Arc;
use std::time::Duration;

use cache::codes::SHAPED;
use cache::{Terms, Tiered, Write};
use flow::feed::Purge;
use flow::question::cache::{Deed, Tells, Witness, Work};
use flow::{Answer, Origin, Permitted, Result, Step};
use values::{Plain, Space, SpaceExt, Value};

use super::Plane;

/// Who works on values that nodes share has them for so long, and waits so long for them.
const TURN: Duration = Duration::from_secs(10);

impl<'q> Origin<Work<'q, dyn Space>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Work<'q, dyn Space>>,
    ) -> Step<'a, Result<Answer<()>>> {
        let work = permitted.question();
        let tenant = permitted.tenant();
        self.cache.within(tenant, work.namespace, |values| {
            if !values.is_local() || values.has_source() {
                let values = Tiered::clone(values);
                return Step::later(async move {
                    self.through(tenant, &values, work).await.map(Answer::done)
                });
            }
            let turn = self.turns.of(tenant, work.namespace);
            let room = values.room();
            match work.alone {
                true => turn.alone(|| work.run(&room)),
                false => turn.among_others(|| work.run(&room)),
            }
            // Whoever did not say it well has dropped nothing.
            if work.deed == Deed::Purge && room.was_cleared() {
                let values = Tiered::clone(values);
                return Step::later(async move {
                    values.purge(&Purge::All).await.map(|_| Answer::done(()))
                });
            }
            Step::Now(Ok(Answer::done(())))
        })
    }
}

impl Tells for Plane {
    fn tell(&self, witness: Arc<dyn Witness>) {
        self.cache.tell(witness);
    }
}

impl Plane {
    /// Works on copies of values that other tiers have too, and writes through what was
    /// changed. Where what was there matters, one works there at a time.
    async fn through(
        &self,
        tenant: &str,
        values: &Tiered<Value>,
        work: &Work<'_, dyn Space>,
    ) -> Result<()> {
        if work.deed == Deed::Purge {
            let cleared = {
                let room = values.room();
                work.run(&room);
                room.was_cleared()
            };
            return match cleared {
                true => values.purge(&Purge::All).await.map(drop),
                false => Ok(()),
            };
        }
        work.begin();
        let mut keys = Vec::new();
        (work.keys)(&mut |key| keys.push(key));
        if keys.is_empty() {
            // It walks over what is here.
            work.run(&values.room());
            return Ok(());
        }
        let matters = work.alone && work.deed.changes() || work.deed == Deed::Write;
        let name = format!("values:{}", work.namespace);
        let held = match matters {
            true => self.cache.locks().lease_within(tenant, &name, TURN, TURN).await?,
            false => None,
        };
        let done = self.on_copies(values, &keys, work).await;
        if let Some(fence) = held {
            self.cache.locks().release(tenant, &name, fence).await?;
        }
        done
    }

    async fn on_copies(
        &self,
        values: &Tiered<Value>,
        keys: &[&[u8]],
        work: &Work<'_, dyn Space>,
    ) -> Result<()> {
        let now = self.clock.now().millis();
        let copies = Plain::default();
        copies.set_now(now);
        // What is written whatever was there need not be brought.
        for key in keys.iter().filter(|_| work.deed != Deed::Put) {
            let Ok(hit) = values.get(key).await else { continue };
            let life = hit.ttl.map(|life| u64::try_from(life.as_millis()).unwrap_or(u64::MAX));
            copies.change(key, |slot| {
                *slot.value = Some(hit.value);
                *slot.ends = life.map(|life| now.saturating_add(life));
            });
        }
        copies.take_changed();
        work.run(&copies);
        for key in copies.take_changed() {
            let held = copies.read(&key, |seen| seen.map(|seen| (seen.value.clone(), seen.ends)));
            let Some((value, ends)) = held else {
                values.remove(&key).await?;
                continue;
            };
            if value.as_text().is_none() {
                let kind = value.kind().name();
                return Err(SHAPED.error(format!(
                    "a {kind} cannot be kept in namespace `{}`, which has tiers behind memory",
                    work.namespace
                )));
            }
            let ttl = ends.map(|ends| Duration::from_millis(ends.saturating_sub(now)));
            let terms = Terms { ttl, ..Terms::default() };
            values.write(&key, value, terms, Write::Always).await?;
        }
        Ok(())
    }
}
