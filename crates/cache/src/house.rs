//! What all namespaces of a node share: the tiers behind memory, and the other nodes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use flow::feed::{Coherence, HexKey, Notice, Purge};
use flow::signal::Registry;
use flow::{BoxFuture, Clock, Random, Result};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::behind::Behind;
use crate::event::Events;
use crate::far::Far;
use crate::far::debt::Reach;
use crate::far::place::Place;

/// Between tries to pay what a tier is owed.
const AGAIN: Duration = Duration::from_millis(200);
/// Keys that are told in one notice.
const TOLD_MAX: usize = 256;
/// Keys of one namespace that wait to be told; beyond, all of it is said to be written.
const WAITING_MAX: usize = 10_000;

/// Tells the other nodes.
pub trait Tell: Send + Sync {
    /// Tells them. An error means that they will be told later.
    fn tell(&self, notice: Notice) -> BoxFuture<'_, Result<()>>;
}

/// A tenant and a namespace.
type Name = (Box<str>, Box<str>);

/// Whoever keeps values that other nodes may make untrue.
pub(crate) trait Ear: Send + Sync {
    /// Drops what is no longer true.
    fn hear(&self, tenant: &str, namespace: &str, what: &Purge);
}

pub(crate) struct House {
    /// Nearest first.
    pub(crate) fars: Vec<Arc<Far>>,
    /// What is to be written to them soon.
    pub(crate) behind: Behind,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    /// Where is told what happens to values.
    pub(crate) events: Events,
    /// What this node may believe of its memory, where there are others.
    coherence: Option<Arc<Coherence>>,
    teller: Option<Arc<dyn Tell>>,
    /// This node, to the others.
    node: u64,
    ears: Mutex<Vec<Weak<dyn Ear>>>,
    /// Keys that were written and not told yet.
    waiting: Mutex<HashMap<Name, Vec<HexKey>>>,
    telling: AtomicBool,
    paying: AtomicBool,
    /// Whoever follows the feed for this house stops when it is dropped.
    alive: watch::Sender<()>,
}

impl House {
    pub(crate) fn new(
        fars: Vec<Arc<Far>>,
        fleet: Option<(Arc<Coherence>, Arc<dyn Tell>)>,
        clock: Clock,
        random: Random,
        registry: &Registry,
    ) -> Self {
        let (coherence, teller) = fleet.unzip();
        // Zero is nobody.
        let node = random.number() | 1;
        let behind = Behind::new(clock.clone(), registry);
        if let Some(coherence) = &coherence {
            fars.iter().for_each(|far| far.listen(coherence));
        }
        Self {
            fars,
            behind,
            events: Events::new(clock.clone()),
            clock,
            random,
            coherence,
            teller,
            node,
            ears: Mutex::default(),
            waiting: Mutex::default(),
            telling: AtomicBool::new(false),
            paying: AtomicBool::new(false),
            alive: watch::Sender::new(()),
        }
    }

    /// What is kept in memory from now on is of this generation.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.coherence.as_ref().map_or(0, |coherence| coherence.generation())
    }

    /// Whether memory may be believed at this moment.
    #[inline]
    pub(crate) fn coherent(&self) -> bool {
        let holds = |coherence: &Arc<Coherence>| coherence.holds(self.clock.glance());
        self.coherence.as_ref().is_none_or(holds)
    }

    /// Ends when nobody uses the house any more.
    pub(crate) fn gone(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut alive = self.alive.subscribe();
        async move { while alive.changed().await.is_ok() {} }
    }

    pub(crate) fn listen(&self, ear: Weak<dyn Ear>) {
        let mut ears = self.ears.lock();
        ears.retain(|known| known.strong_count() > 0);
        ears.push(ear);
    }

    /// Does what another node says.
    pub(crate) fn hear(self: &Arc<Self>, notice: &Notice) {
        let Notice::Purge { tenant, namespace, what, by, owed } = notice else { return };
        if *by == self.node {
            return;
        }
        let behind = self.fars.iter().filter(|far| owed.iter().any(|name| name == far.name));
        let place = Place::new(tenant, namespace);
        self.behind.forget(&place, what);
        for far in behind {
            // Whoever says so sees to the nearer ones when it is done.
            far.debts.owe(&place, what.clone(), Reach::Tier);
            self.pay();
        }
        self.drop_here(tenant, namespace, what);
    }

    /// Tells the others what was purged here, and where it could not be.
    pub(crate) async fn tell(
        &self,
        (tenant, namespace): (&str, &str),
        what: Purge,
        owed: Vec<String>,
    ) -> Result<()> {
        let Some(teller) = &self.teller else { return Ok(()) };
        let (tenant, namespace) = (tenant.to_owned(), namespace.to_owned());
        teller.tell(Notice::Purge { tenant, namespace, what, by: self.node, owed }).await
    }

    /// Tells the others soon that a key was written here.
    pub(crate) fn mention(self: &Arc<Self>, (tenant, namespace): (&str, &str), key: &[u8]) {
        if self.teller.is_none() {
            return;
        }
        let mut waiting = self.waiting.lock();
        let keys = waiting.entry((tenant.into(), namespace.into())).or_default();
        if keys.len() <= WAITING_MAX {
            keys.push(HexKey(key.to_vec()));
        }
        drop(waiting);
        if !self.telling.swap(true, Ordering::AcqRel) {
            let house = self.clone();
            tokio::spawn(async move { house.tell_all().await });
        }
    }

    /// One notice at a time: what is written meanwhile goes together in the next.
    async fn tell_all(self: Arc<Self>) {
        loop {
            while let Some(((tenant, namespace), keys)) = self.next_told() {
                let what = if keys.is_empty() { Purge::All } else { Purge::Keys(keys) };
                // Whoever tells tries again by itself.
                let _ = self.tell((&tenant, &namespace), what, Vec::new()).await;
            }
            self.telling.store(false, Ordering::Release);
            // Somebody may have come after the last look and before that.
            if self.waiting.lock().is_empty() || self.telling.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }

    /// What is told next; no keys for all of them.
    fn next_told(&self) -> Option<(Name, Vec<HexKey>)> {
        let mut waiting = self.waiting.lock();
        let name = waiting.keys().next()?.clone();
        let keys = waiting.get_mut(&name)?;
        if keys.len() > WAITING_MAX {
            waiting.remove(&name);
            return Some((name, Vec::new()));
        }
        let rest = keys.split_off(keys.len().min(TOLD_MAX));
        let told = std::mem::replace(keys, rest);
        if keys.is_empty() {
            waiting.remove(&name);
        }
        Some((name, told))
    }

    /// Purges in the tiers behind memory what they are owed, again and again until it is
    /// done.
    pub(crate) fn pay(self: &Arc<Self>) {
        if self.paying.swap(true, Ordering::AcqRel) {
            return;
        }
        let house = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(house) = house.upgrade() {
                if house.pay_some().await {
                    continue;
                }
                house.paying.store(false, Ordering::Release);
                let none = house.fars.iter().all(|far| far.debts.none());
                if none || house.paying.swap(true, Ordering::AcqRel) {
                    return;
                }
            }
        });
    }

    /// Purges again what may have been carried nearer from a tier that was not purged yet.
    async fn purge_nearer(&self, tier: usize, place: &Place, what: &Purge) {
        let mut owed = Vec::new();
        for far in self.fars.iter().take(tier).rev() {
            if far.purge(place, what).await.is_err() {
                far.debts.owe(place, what.clone(), Reach::Nearer);
                owed.push(far.name.to_owned());
            }
        }
        let (tenant, namespace) = place.names();
        self.drop_here(&tenant, &namespace, what);
        // Whoever tells tries again by itself.
        let _ = self.tell((&tenant, &namespace), what.clone(), owed).await;
    }

    fn drop_here(&self, tenant: &str, namespace: &str, what: &Purge) {
        // Before memory: what is read from now on is not what was before this.
        let place = Place::new(tenant, namespace);
        self.fars.iter().for_each(|far| far.changed(&place, what));
        let ears: Vec<_> = self.ears.lock().iter().filter_map(Weak::upgrade).collect();
        ears.iter().for_each(|ear| ear.hear(tenant, namespace, what));
    }

    /// Whether there was something to pay.
    async fn pay_some(&self) -> bool {
        let mut owed = false;
        let mut failed = false;
        for (index, far) in self.fars.iter().enumerate() {
            let Some((place, debt)) = far.debts.next() else { continue };
            owed = true;
            match far.purge(&place, &debt.what).await {
                Ok(_) => {
                    if debt.reach == Reach::Nearer {
                        self.purge_nearer(index, &place, &debt.what).await;
                    }
                    far.debts.paid(&place, &debt);
                }
                Err(error) => {
                    tracing::debug!(tier = far.name, error = %error.story(), "a purge is owed");
                    failed = true;
                }
            }
        }
        if failed {
            self.clock.sleep(AGAIN).await;
        }
        owed
    }
}
