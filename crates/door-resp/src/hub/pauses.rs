//! That commands wait for a while, as somebody wants it of all who see the same values.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use flow::{Clock, Moment};
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Who waits until when. While nobody does, it costs a glance.
#[derive(Default)]
pub(crate) struct Pauses {
    any: AtomicBool,
    /// Nobody waits any more: the door closes.
    over: AtomicBool,
    by_tenant: Mutex<HashMap<Box<str>, Pause, RandomState>>,
    ended: Notify,
}

/// Until when commands wait, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pause {
    pub(crate) until: Moment,
    /// Whether those wait, too, that change nothing.
    pub(crate) all: bool,
}

impl Pauses {
    /// Whether anybody waits.
    #[inline]
    pub(crate) fn matter(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// The commands of a tenant wait, as long as the longest of these wants.
    pub(crate) fn begin(&self, tenant: &str, pause: Pause) {
        let mut by_tenant = self.by_tenant.lock();
        let own = by_tenant.entry(tenant.into()).or_insert(pause);
        own.until = own.until.max(pause.until);
        own.all |= pause.all;
        self.any.store(true, Ordering::Release);
    }

    /// They wait no longer.
    pub(crate) fn end(&self, tenant: &str) {
        self.by_tenant.lock().remove(tenant);
        self.ended.notify_waiters();
    }

    /// Nobody waits any more, nor ever will.
    pub(crate) fn end_all(&self) {
        self.over.store(true, Ordering::Release);
        self.ended.notify_waiters();
    }

    /// Until when a command waits, if it does.
    fn until(&self, tenant: &str, changes: bool, now: Moment) -> Option<Moment> {
        let mut by_tenant = self.by_tenant.lock();
        by_tenant.retain(|_, pause| pause.until > now);
        self.any.store(!by_tenant.is_empty(), Ordering::Release);
        let pause = by_tenant.get(tenant).filter(|pause| pause.all || changes)?;
        Some(pause.until).filter(|_| !self.over.load(Ordering::Acquire))
    }

    /// Waits as long as somebody wants it of a command.
    pub(crate) async fn pass(&self, clock: &Clock, tenant: &str, changes: bool) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // Heard from now on: no end is missed.
            ended.as_mut().enable();
            let now = clock.moment();
            let Some(until) = self.until(tenant, changes, now) else { return };
            tokio::select! {
                () = ended => {}
                () = clock.sleep(until.since(now)) => {}
            }
        }
    }
}
