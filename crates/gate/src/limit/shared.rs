//! Limits of several nodes together.
//!
//! Where everybody stands is kept in a store all nodes share, by the same law as here. A node
//! does not ask it for each request: it borrows the next few at once and lets them in from memory.
//! What is borrowed counts as asked when it is borrowed, so all nodes together never let in more
//! than the rate and the burst; what is not used within a second is lost. While the store is
//! away each node holds to the limits alone.
//!
//! The nodes' clocks have to agree: one that is behind the others by more time than a burst is
//! worth at the rate gets nothing while they ask.

use std::array;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use flow::{Clock, Moment, Result, Time};
use parking_lot::Mutex;
use pool::kv::{Entry, Kv, When};

use super::{Gcra, Print};

/// How long what was borrowed can be used, and how long a store that is away is not asked.
const LIFE: Duration = Duration::from_secs(1);
/// As many keys are asked for at a time; of one key only one request asks.
const TURNS: usize = 32;
/// So often it is tried to write where somebody stands while other nodes do the same.
const TRIES: usize = 16;

/// Where everybody stands, on all nodes.
pub struct Shared {
    kv: Arc<dyn Kv>,
    clock: Clock,
    leases: Mutex<HashMap<Print, Lease>>,
    leases_max: usize,
    /// Until when the store is not asked, while it is away.
    away: Mutex<Option<Moment>>,
    turns: [tokio::sync::Mutex<()>; TURNS],
}

/// What this node may let in without asking, and what it was told.
#[derive(Debug, Clone, Copy)]
struct Lease {
    left: u64,
    until: Moment,
    refused_until: Moment,
}

/// What is known without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// All were taken from what is borrowed.
    Taken,
    /// This one of them is refused for so long.
    Refused(usize, Duration),
    /// Too little is borrowed.
    Nothing,
}

impl Shared {
    /// In this store, for as many keys at a time.
    pub fn new(kv: Arc<dyn Kv>, keys: usize, clock: Clock) -> Self {
        let turns = array::from_fn(|_| tokio::sync::Mutex::new(()));
        Self {
            kv,
            clock,
            leases: Mutex::default(),
            leases_max: keys.max(1),
            away: Mutex::default(),
            turns,
        }
    }

    /// Takes one of each, if all are borrowed; otherwise of none.
    pub(crate) fn take(&self, prints: &[Print], now: Moment) -> Known {
        let mut leases = self.leases.lock();
        let mut all = true;
        for (index, print) in prints.iter().enumerate() {
            let Some(lease) = leases.get(print) else {
                all = false;
                continue;
            };
            let wait = lease.refused_until.since(now);
            if !wait.is_zero() {
                return Known::Refused(index, wait);
            }
            all &= lease.left > 0 && lease.until > now;
        }
        if !all {
            return Known::Nothing;
        }
        for print in prints {
            if let Some(lease) = leases.get_mut(print) {
                lease.left -= 1;
            }
        }
        Known::Taken
    }

    /// Borrows for this key, unless enough is there.
    pub(crate) async fn borrow(&self, print: Print, name: &str, law: &Gcra) {
        let Some(turn) = self.turns.get(print.number() as usize % TURNS) else { return };
        let _turn = turn.lock().await;
        let now = self.clock.moment();
        let enough =
            |lease: &Lease| (lease.left > 0 && lease.until > now) || lease.refused_until > now;
        if self.leases.lock().get(&print).is_some_and(enough) {
            return;
        }
        let until = now.after(LIFE);
        let alone = Lease { left: u64::MAX, until, refused_until: Moment(0) };
        let lease = match self.ask_unless_away(name, law, now).await {
            Some(Ok(left)) => Lease { left, ..alone },
            Some(Err(wait)) => {
                Lease { left: 0, refused_until: self.clock.moment().after(wait), ..alone }
            }
            None => alone,
        };
        let mut leases = self.leases.lock();
        if leases.len() >= self.leases_max {
            leases.retain(|_, lease| lease.until > now || lease.refused_until > now);
        }
        if leases.len() >= self.leases_max {
            // Losing what was borrowed lets in fewer, never more.
            leases.clear();
        }
        leases.insert(print, lease);
    }

    /// What the store says; nothing while it is away, which is found out for all keys at once.
    async fn ask_unless_away(
        &self,
        name: &str,
        law: &Gcra,
        now: Moment,
    ) -> Option<Result<u64, Duration>> {
        if self.away.lock().is_some_and(|until| until > now) {
            return None;
        }
        let asked = self.ask(name, law).await;
        let away = asked.as_ref().err().map(|_| self.clock.moment().after(LIFE));
        let before = std::mem::replace(&mut *self.away.lock(), away);
        match (&asked, before) {
            (Err(error), None) => {
                tracing::warn!(error = %error.story(), "limits hold for this node alone");
            }
            (Ok(_), Some(_)) => tracing::info!("limits are shared again"),
            _ => {}
        }
        asked.ok()
    }

    /// The next few, or for how long there are none.
    async fn ask(&self, name: &str, law: &Gcra) -> Result<Result<u64, Duration>> {
        let key = format!("rate:{name}");
        let (key, life) = (key.as_bytes(), Some(law.memory()));
        for _ in 0..TRIES {
            let held = self.kv.get(key).await?;
            let state = held.as_deref().and_then(number).unwrap_or_default();
            let Time(now) = self.clock.now();
            let (next, granted) = match law.grant(state, Moment(now)) {
                Ok(grant) => grant,
                Err(wait) => return Ok(Err(wait)),
            };
            let value = next.to_string();
            let when = held.as_deref().map_or(When::Absent, When::Holds);
            let entry = Entry { key, value: value.as_bytes(), life };
            if self.kv.set_if(entry, when).await? {
                return Ok(Ok(granted));
            }
        }
        // Many nodes at once: rather a moment too late than one too many.
        Ok(Err(Duration::from_millis(1)))
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shared({} leases)", self.leases.lock().len())
    }
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
