//! The generic cell rate algorithm: one number per caller, the time by which
//! everything asked so far would have been asked at the allowed rate.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use flow::{Identity, Moment};
use parking_lot::Mutex;

use crate::config::Rates;

const SHARDS: usize = 16;
/// Above this many callers in a shard those that are not being limited are
/// forgotten.
const SWEEP_AT: usize = 8_192;
/// A caller may be this many requests ahead of their rate.
const BURST: u64 = 20;

/// Everybody's rate.
pub(crate) struct Limits {
    rates: Rates,
    shards: [Mutex<HashMap<Caller, Moment>>; SHARDS],
    hasher: RandomState,
}

/// Tenant and actor.
type Caller = (Arc<str>, Arc<str>);

impl Limits {
    pub(crate) fn new(rates: Rates) -> Self {
        Self { rates, shards: Default::default(), hasher: RandomState::new() }
    }

    /// Whether one more request is allowed now; if not, when it will be.
    pub(crate) fn allow(&self, identity: &Identity, now: Moment) -> Result<(), Moment> {
        let rate = u64::from(self.rates.of(&identity.roles)).max(1);
        let interval = 60_000_000_000 / rate;
        let caller = (identity.tenant.clone(), identity.actor.clone());
        let index = self.hasher.hash_one(&caller) as usize % SHARDS;
        let Some(shard) = self.shards.get(index) else { return Ok(()) };
        let mut shard = shard.lock();
        if shard.len() >= SWEEP_AT {
            shard.retain(|_, due| *due > now);
        }
        let due = shard.entry(caller).or_default();
        let earliest = (*due).max(now);
        let ahead = earliest.since(now).as_nanos() as u64;
        if ahead > interval * BURST {
            return Err(Moment(earliest.0 - interval * BURST));
        }
        *due = Moment(earliest.0 + interval);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flow::{Principal, Revisions};

    use super::*;

    fn caller(name: &str, role: &str) -> Identity {
        let (tenant, name): (Arc<str>, Arc<str>) = ("main".into(), name.into());
        let epoch = Revisions::default().observe(&tenant, &name);
        let roles = [role.to_owned()].into();
        Identity::new(Principal::Service, tenant, name, roles, "key:1".into(), epoch)
    }

    #[test]
    fn a_burst_is_taken_then_the_rate_holds() {
        let limits = Limits::new(Rates::default());
        let guest = caller("g", "guest");
        let second = 1_000_000_000;
        let allowed = |limits: &Limits, from: u64, to: u64| {
            // Ten tries a second.
            (from * 10..to * 10)
                .filter(|n| limits.allow(&guest, Moment(n * second / 10)).is_ok())
                .count()
        };
        let first_minute = allowed(&limits, 0, 60);
        assert!((100..=122).contains(&first_minute), "{first_minute}");
        let second_minute = allowed(&limits, 60, 120);
        assert!((99..=101).contains(&second_minute), "{second_minute}");
    }

    #[test]
    fn callers_do_not_share_a_rate_and_roles_differ() {
        let limits = Limits::new(Rates::default());
        let (one, other, admin) =
            (caller("a", "guest"), caller("b", "guest"), caller("c", "admin"));
        while limits.allow(&one, Moment(1)).is_ok() {}
        assert!(limits.allow(&other, Moment(1)).is_ok());
        let refused_until = limits.allow(&one, Moment(1)).unwrap_err();
        assert!(limits.allow(&one, refused_until).is_ok());
        let many = (0..1000).filter(|n| limits.allow(&admin, Moment(n * 6_000_000)).is_ok());
        assert_eq!(many.count(), 1000);
    }
}
