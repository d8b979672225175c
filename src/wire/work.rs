//! Letting doors work on values in place.

use std::sync::Arc;
use std::time::Duration;

use cache::Tiered;
use cache::codes::UNSETTLED;
use flow::feed::Purge;
use flow::question::cache::{Deed, EachKey, Readies, Tells, Witness, Work};
use flow::{Answer, Origin, Permitted, Result, Step};
use values::{Space, Value};

use super::Plane;
use super::copies::Copies;

/// Who works on values that nodes share has them for so long, and waits so long for them.
const TURN: Duration = Duration::from_secs(10);
/// So often work is done again because others came in between.
const TRIES: usize = 16;

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

impl Readies for Plane {
    fn ready(&self, tenant: &str, namespace: &str, keys: EachKey<'_>) {
        self.cache.within(tenant, namespace, |values| values.ready(keys));
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
        let mut keys = Vec::new();
        (work.keys)(&mut |key| keys.push(key));
        if keys.is_empty() || work.deed == Deed::Purge {
            // It walks over what is here, or drops everything.
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
        let matters = work.alone && work.deed.changes() || work.deed == Deed::Write;
        if !matters {
            return self.on_copies(values, &keys, work).await;
        }
        let (locks, name) = (self.cache.locks(), format!("values:{}", work.namespace));
        let fence = locks.lease_within(tenant, &name, TURN, TURN).await?.ok_or_else(|| {
            UNSETTLED.error(format!("others work in namespace `{}` all the time", work.namespace))
        })?;
        let done = self.on_copies(values, &keys, work).await;
        // It is over soon anyway.
        let _ = locks.release(tenant, &name, fence).await;
        done
    }

    /// Whoever does not ask for a turn, because they do not care what was there, may come in
    /// between: then it is done again, on what they wrote.
    async fn on_copies(
        &self,
        values: &Tiered<Value>,
        keys: &[&[u8]],
        work: &Work<'_, dyn Space>,
    ) -> Result<()> {
        let now = self.clock.now().millis();
        for _ in 0..TRIES {
            let copies = Copies::of(values, keys, ((work.deed, work.alone), now)).await?;
            work.run(&copies.plain);
            if copies.put_back(values).await? {
                return Ok(());
            }
        }
        Err(UNSETTLED.error("others write these keys faster than they can be worked on"))
    }
}
