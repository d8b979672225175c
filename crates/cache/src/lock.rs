//! Locks that nodes share: whoever has one, has it alone, for a while.
//!
//! A lock is a lease in the nearest tier that nodes share; without one it holds within this
//! process. A pause or a slow network can outlast any lease, so whatever a lock protects
//! should look at its fence: whoever has seen a greater one refuses a smaller. So can a server
//! that comes back empty before the lease was over: it gives the lock to whoever asks first.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flow::signal::Registry;
use flow::unit::Span;
use flow::{Clock, Moment, Random, Result};
use pool::breaker;
use pool::kv::memory::{self, MemoryKv};
use pool::kv::{Fence, Kv};
use tokio::sync::watch;

use crate::codes::LOCK_TERMS;
use crate::far::place::Place;
use crate::far::{Far, Options};
use crate::signals::TIERS;

/// How often whoever waits looks whether a lock is free: at first, and at most so rarely.
const LOOK: Duration = Duration::from_millis(5);
const LOOK_MAX: Duration = Duration::from_millis(100);
/// How long a lock may live without being renewed.
const TTL_MIN: Duration = Duration::from_millis(100);
const TTL_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// In so many parts of its time a lock is renewed once.
const RENEWED: u32 = 3;
/// A guard gives up so much earlier than the server: clocks are not equally fast, and servers
/// count in milliseconds.
const EARLIER: Duration = Duration::from_millis(2);
const SLOWER: u32 = 100;
/// How long an answer is waited for where no tier says so.
const PATIENCE: Duration = Duration::from_secs(1);

/// Locks by tenant and name. Clones are the same.
#[derive(Clone)]
pub struct Locks {
    far: Arc<Far>,
    clock: Clock,
    random: Random,
}

impl Locks {
    /// Those of a tier, or of this process.
    pub(crate) fn new(far: Option<&Arc<Far>>, clock: &Clock, random: &Random) -> Self {
        let own = || {
            let kv: Arc<dyn Kv> =
                Arc::new(MemoryKv::new(&memory::Config::default(), clock.clone()));
            let breaker = breaker::Config::default();
            let options = Options { name: TIERS[0], patience: PATIENCE, breaker };
            let stands = (clock.clone(), random.clone());
            // It is in this process and never fails: nobody has to see its breaker.
            Arc::new(Far::new(options, vec![kv], stands, &Registry::default()))
        };
        let far = far.cloned().unwrap_or_else(own);
        Self { far, clock: clock.clone(), random: random.clone() }
    }

    /// A lock, unless somebody else has it. It is held until the guard is dropped, and
    /// renewed meanwhile; when this process dies, it is free after `ttl`.
    ///
    /// # Errors
    /// When the tier cannot be asked.
    pub async fn try_take(&self, tenant: &str, name: &str, ttl: Duration) -> Result<Option<Guard>> {
        let leased = self.ask(tenant, name, ttl).await?;
        match leased {
            Some(leased) => self.settle(tenant, name, leased, ttl).await,
            None => Ok(None),
        }
    }

    /// The same, and waits for it.
    ///
    /// # Errors
    /// When the tier cannot be asked.
    pub async fn take_within(
        &self,
        tenant: &str,
        name: &str,
        ttl: Duration,
        wait: Duration,
    ) -> Result<Option<Guard>> {
        let leased = self.ask_within(tenant, name, ttl, wait).await?;
        match leased {
            Some(leased) => self.settle(tenant, name, leased, ttl).await,
            None => Ok(None),
        }
    }

    /// A lock for so long, for whoever renews it by its fence.
    ///
    /// # Errors
    /// When the tier cannot be asked.
    pub async fn lease(&self, tenant: &str, name: &str, ttl: Duration) -> Result<Option<u64>> {
        let leased = self.ask(tenant, name, ttl).await?;
        Ok(leased.map(|leased| leased.fence))
    }

    /// The same, and waits for it. Whoever waits longest is not sure to be next.
    ///
    /// # Errors
    /// When the tier cannot be asked.
    pub async fn lease_within(
        &self,
        tenant: &str,
        name: &str,
        ttl: Duration,
        wait: Duration,
    ) -> Result<Option<u64>> {
        let leased = self.ask_within(tenant, name, ttl, wait).await?;
        Ok(leased.map(|leased| leased.fence))
    }

    async fn ask(&self, tenant: &str, name: &str, ttl: Duration) -> Result<Option<Leased>> {
        bearable(ttl)?;
        let (place, asked) = (Place::of_locks(tenant), self.clock.moment());
        let fence = self.far.lease(&place, name.as_bytes(), ttl).await?;
        Ok(fence.map(|Fence(fence)| Leased { fence, asked }))
    }

    async fn ask_within(
        &self,
        tenant: &str,
        name: &str,
        ttl: Duration,
        wait: Duration,
    ) -> Result<Option<Leased>> {
        let until = self.clock.moment().after(wait);
        let mut pause = LOOK;
        loop {
            if let Some(leased) = self.ask(tenant, name, ttl).await? {
                return Ok(Some(leased));
            }
            let left = until.since(self.clock.moment());
            if left.is_zero() {
                return Ok(None);
            }
            // Not all who wait come at the same moment.
            let pause_now = pause.mul_f64(0.5 + self.random.fraction() / 2.0);
            self.clock.sleep(pause_now.min(left)).await;
            pause = (pause * 2).min(LOOK_MAX);
        }
    }

    /// Holds a lock for so long from now; whether it was still held.
    ///
    /// # Errors
    /// When the tier cannot be asked.
    pub async fn renew(&self, tenant: &str, name: &str, fence: u64, ttl: Duration) -> Result<bool> {
        bearable(ttl)?;
        self.far.renew(&Place::of_locks(tenant), name.as_bytes(), Fence(fence), ttl).await
    }

    /// Gives a lock back; whether it was still held.
    ///
    /// # Errors
    /// When the tier cannot be asked.
    pub async fn release(&self, tenant: &str, name: &str, fence: u64) -> Result<bool> {
        self.far.release(&Place::of_locks(tenant), name.as_bytes(), Fence(fence)).await
    }

    /// An answer that was on its way as long as a lock lives says nothing of this moment.
    async fn settle(
        &self,
        tenant: &str,
        name: &str,
        leased: Leased,
        ttl: Duration,
    ) -> Result<Option<Guard>> {
        let Leased { fence, asked } = leased;
        let now = self.clock.moment();
        if now < safe_end(asked, ttl) {
            return Ok(Some(self.guard(tenant, name, leased, ttl)));
        }
        let held = self.renew(tenant, name, fence, ttl).await?;
        Ok(held.then(|| self.guard(tenant, name, Leased { fence, asked: now }, ttl)))
    }

    fn guard(&self, tenant: &str, name: &str, leased: Leased, ttl: Duration) -> Guard {
        let Leased { fence, asked } = leased;
        let (dropped, gone) = watch::channel(());
        let until = Arc::new(AtomicU64::new(safe_end(asked, ttl).0));
        let holder = Holder {
            locks: self.clone(),
            tenant: tenant.into(),
            name: name.into(),
            fence,
            ttl,
            until: until.clone(),
        };
        tokio::spawn(holder.hold(gone));
        Guard { fence, until, clock: self.clock.clone(), _dropped: dropped }
    }
}

/// What was given, and when it was asked for: from then on it lasts at least its time.
struct Leased {
    fence: u64,
    asked: Moment,
}

/// Until when a lock is surely held that was asked for then.
fn safe_end(asked: Moment, ttl: Duration) -> Moment {
    asked.after(ttl.saturating_sub(ttl / SLOWER + EARLIER))
}

/// A lock that is over before it can be renewed guards nothing, and one nobody outlives
/// guards too much.
fn bearable(ttl: Duration) -> Result<()> {
    match (TTL_MIN..=TTL_MAX).contains(&ttl) {
        true => Ok(()),
        false => {
            let detail = format!("a lock cannot live for {}", Span(ttl));
            Err(LOCK_TERMS.error(detail))
        }
    }
}

/// A lock that is held until this is dropped.
pub struct Guard {
    fence: u64,
    /// Until this moment it is held.
    until: Arc<AtomicU64>,
    clock: Clock,
    /// Whoever renews it hears when this is gone.
    _dropped: watch::Sender<()>,
}

impl Guard {
    /// A number greater than that of everybody who had the lock before.
    pub fn fence(&self) -> u64 {
        self.fence
    }

    /// Whether it is held, as far as is known. One that was not renewed in time is lost, even
    /// while the server still owes an answer or this process stood still.
    pub fn is_held(&self) -> bool {
        self.clock.moment() < Moment(self.until.load(Ordering::Acquire))
    }
}

/// Renews a lock as long as its guard lives, and then gives it back.
struct Holder {
    locks: Locks,
    tenant: Box<str>,
    name: Box<str>,
    fence: u64,
    ttl: Duration,
    until: Arc<AtomicU64>,
}

impl Holder {
    async fn hold(self, mut gone: watch::Receiver<()>) {
        let Self { locks, tenant, name, fence, ttl, until } = &self;
        loop {
            let dropped = async { while gone.changed().await.is_ok() {} };
            if locks.clock.within(*ttl / RENEWED, dropped).await.is_some() {
                break;
            }
            let asked = locks.clock.moment();
            // Who has once said that it is lost does not take that back.
            if asked.0 >= until.load(Ordering::Acquire) {
                break;
            }
            match locks.renew(tenant, name, *fence, *ttl).await {
                Ok(true) if locks.clock.moment().0 < until.load(Ordering::Acquire) => {
                    until.store(safe_end(asked, *ttl).0, Ordering::Release);
                }
                Ok(true) => break,
                Ok(false) => {
                    until.store(0, Ordering::Release);
                    return;
                }
                Err(error) => {
                    tracing::debug!(error = %error.story(), "a lock is not renewed");
                }
            }
        }
        // It is over soon anyway.
        let _ = locks.release(tenant, name, *fence).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cache, Config, Ground};

    const TTL: Duration = Duration::from_secs(3);

    fn locks() -> (Locks, Clock) {
        let clock = Clock::manual(flow::Time(1_000_000_000));
        let ground = Ground { clock: clock.clone(), ..Ground::default() };
        (Cache::new(&Config::default(), ground).unwrap().locks().clone(), clock)
    }

    #[tokio::test]
    async fn a_lock_is_had_by_one_and_its_fence_grows() {
        let (locks, clock) = locks();
        let first = locks.lease("main", "job", TTL).await.unwrap().unwrap();
        assert_eq!(locks.lease("main", "job", TTL).await.unwrap(), None);
        assert!(locks.lease("other", "job", TTL).await.unwrap().is_some(), "of another tenant");
        assert!(locks.renew("main", "job", first, TTL * 2).await.unwrap());
        clock.advance(TTL);
        assert_eq!(locks.lease("main", "job", TTL).await.unwrap(), None);
        clock.advance(TTL);
        let second = locks.lease("main", "job", TTL).await.unwrap().unwrap();
        assert!(second > first, "{second} after {first}");
        assert!(!locks.renew("main", "job", first, TTL).await.unwrap());
        assert!(!locks.release("main", "job", first).await.unwrap());
        assert!(locks.release("main", "job", second).await.unwrap());
        assert!(locks.lease("main", "job", TTL).await.unwrap() > Some(second));
    }

    #[tokio::test]
    async fn a_guard_holds_for_longer_than_its_time_and_gives_back() {
        let (locks, clock) = locks();
        let guard = locks.try_take("main", "job", TTL).await.unwrap().unwrap();
        for _ in 0..10 {
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            clock.advance(TTL / 2);
        }
        assert!(guard.is_held() && guard.fence() > 0);
        assert!(locks.try_take("main", "job", TTL).await.unwrap().is_none());
        drop(guard);
        let waited = async {
            loop {
                if let Some(fence) = locks.lease("main", "job", TTL).await.unwrap() {
                    return fence;
                }
                tokio::task::yield_now().await;
            }
        };
        assert!(waited.await > 0);
    }

    #[tokio::test]
    async fn whoever_waits_gets_it_when_it_is_free() {
        let (locks, clock) = locks();
        let fence = locks.lease("main", "job", TTL).await.unwrap().unwrap();
        let waiting = tokio::spawn({
            let locks = locks.clone();
            async move { locks.lease_within("main", "job", TTL, TTL * 9).await }
        });
        while !waiting.is_finished() {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_millis(10));
        }
        assert!(waiting.await.unwrap().unwrap() > Some(fence));
        let waiting = tokio::spawn({
            let locks = locks.clone();
            async move { locks.lease_within("main", "job", TTL, TTL / 3).await }
        });
        while !waiting.is_finished() {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_millis(10));
        }
        assert_eq!(waiting.await.unwrap().unwrap(), None);
    }
}
