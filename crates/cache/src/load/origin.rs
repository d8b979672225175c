//! Asking the origin, with a lease for the whole fleet.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use pool::kv::Fence;

use super::{Ask, Fallback, Loaded, Loader, Previous};
use crate::analytics::fingerprint;
use crate::eye::Brings;
use crate::far::{Far, Found, LATE, Look};
use crate::flight::Fault;
use crate::tiered::{Inner, Terms};

/// A lease is renewed while its load goes on, and is over soon after its node is gone.
const LEASE: Duration = Duration::from_secs(3);
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(1);
/// How often whoever waits for another node's load looks whether it is there.
const LOOK: Duration = Duration::from_millis(10);
const LOOK_MAX: Duration = Duration::from_millis(100);

impl<V: Clone + Send + Sync + 'static> Inner<V> {
    /// The right to load for all nodes; or what another node loaded meanwhile.
    pub(super) async fn lease(&self, key: &[u8], ask: Ask, looks: &mut Vec<Look>) -> Leased<V> {
        let usable = |(index, look): (usize, &Look)| look.may_write().then_some(index);
        let Some(place) = looks.iter().enumerate().find_map(usable) else {
            return Leased::Nobodys;
        };
        let Some((far, _)) = self.fars.get(place) else { return Leased::Nobodys };
        let clock = &self.house.clock;
        let begun = clock.moment();
        let mut pause = LOOK;
        loop {
            let fence = match far.lease(&self.place, key, LEASE).await {
                Ok(fence) => fence,
                Err(error) => {
                    tracing::debug!(tier = far.name, error = %error.story(), "no lease");
                    return Leased::Nobodys;
                }
            };
            if fence.is_none() {
                clock.sleep(pause).await;
                pause = (pause * 2).min(LOOK_MAX);
            }
            // Whoever had it before may have brought the value.
            let mut again = Vec::with_capacity(looks.len());
            let content = |found: &Found, life, far: &Far| self.contents(ask, found, life, far);
            if let Some((value, found)) = self.look_for(key, &mut again, content).await {
                *looks = again;
                if let Some(fence) = fence {
                    let _ = far.release(&self.place, key, fence).await;
                }
                return Leased::Found(value, Box::new(found));
            }
            *looks = again;
            if let Some(fence) = fence {
                return Leased::Mine(place, fence);
            }
            if clock.moment().since(begun) > self.rules.hard_timeout {
                return Leased::Nobodys;
            }
        }
    }

    /// Asks the origin, for so long, and holds the lease meanwhile.
    pub(super) async fn ask(
        &self,
        key: &[u8],
        loader: Loader<V>,
        previous: Option<&Fallback<V>>,
        lease: Option<(usize, Fence)>,
    ) -> Result<Loaded<V>, Fault> {
        let clock = &self.house.clock;
        let known = previous.and_then(|fallback| {
            let (value, version) = (fallback.value.clone()?, fallback.version.clone());
            Some(Previous { value, version })
        });
        let begun = clock.moment();
        // A loader that panics is one that failed: the lease is given back, and others go on.
        let asking = AssertUnwindSafe(async { loader(known).await }).catch_unwind();
        let mut asking = std::pin::pin!(asking);
        // Who waits has had enough after the hard timeout; what comes later is kept still.
        let asked = clock.within(LATE, async {
            loop {
                match clock.within(RENEW, &mut asking).await {
                    Some(loaded) => return loaded.unwrap_or(Err(Fault::Lost)),
                    None => self.renew(key, lease).await,
                }
            }
        });
        let loaded = asked.await.unwrap_or(Err(Fault::Late));
        let took = clock.moment().since(begun);
        self.signals.load_time.time(took);
        self.eye.loaded(key, took, self.brings(&loaded, previous));
        loaded
    }

    fn brings(&self, loaded: &Result<Loaded<V>, Fault>, previous: Option<&Fallback<V>>) -> Brings {
        match loaded {
            Ok(Loaded::Value(_, Terms { version: Some(version), .. })) => {
                Brings::Value(fingerprint(version.as_bytes()))
            }
            Ok(Loaded::Value(value, _)) => Brings::Value((self.form.number)(value)),
            Ok(Loaded::Unchanged) if previous.is_some() => Brings::Unchanged,
            Ok(Loaded::Nothing | Loaded::Unchanged) => Brings::Nothing,
            Err(_) => Brings::Failed,
        }
    }

    async fn renew(&self, key: &[u8], lease: Option<(usize, Fence)>) {
        if let Some((place, fence)) = lease
            && let Some((far, _)) = self.fars.get(place)
        {
            // Without it another node loads as well, which is not wrong.
            let _ = far.renew(&self.place, key, fence, LEASE).await;
        }
    }
}

/// Whose it is to load.
pub(super) enum Leased<V> {
    /// Ours.
    Mine(usize, Fence),
    /// No tier can say.
    Nobodys,
    /// It was loaded by another node.
    Found(Option<V>, Box<Found>),
}
