//! A session as this node sees it: when it was used, and what is odd about it.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use flow::{Request, Result, Time};
use pool::sql::Row;

use super::cut;
use crate::config::Sessions as Config;

/// When a session was used is written down so often at most.
const NOTED_EVERY: Duration = Duration::from_secs(60);
/// Longer ones are odd.
const LONG: Duration = Duration::from_secs(8 * 3600);
/// More requests a minute are odd.
const BUSY: u64 = 100;

/// What can be odd about a session, bit by bit.
const SUSPICIONS: [&str; 4] = ["address", "agent", "long", "busy"];

/// What is noted of a session while it is used.
pub(super) struct Live {
    created: Time,
    fresh: Time,
    address: String,
    agent: String,
    seen: AtomicU64,
    noted: AtomicU64,
    odd: AtomicU8,
    odd_noted: AtomicU8,
    /// Which minute is counted.
    minute: AtomicU64,
    requests: AtomicU64,
}

/// What one more request means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touch {
    /// Nothing is to be done.
    Fine,
    /// Something is to be written down.
    Note,
    /// The session is over, as far as this node knows.
    Over,
}

impl Live {
    pub(super) fn read(row: &Row) -> Result<Self> {
        let (seen, suspicion): (Time, String) = (row.get("seen")?, row.get("suspicion")?);
        let odd = SUSPICIONS.iter().enumerate();
        let odd = odd.filter(|(_, name)| suspicion.split(' ').any(|word| word == **name));
        let odd = odd.fold(0, |bits, (bit, _)| bits | 1 << bit);
        let fresh: Time = row.get("fresh")?;
        Ok(Self {
            created: row.get("created")?,
            fresh: fresh.min(row.get("ends")?),
            address: row.get("address")?,
            agent: row.get("agent")?,
            seen: AtomicU64::new(seen.0),
            noted: AtomicU64::new(seen.0),
            odd: AtomicU8::new(odd),
            odd_noted: AtomicU8::new(odd),
            minute: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        })
    }

    /// Whether it is neither forgotten nor too old.
    pub(super) fn lasts(&self, now: Time, config: &Config) -> bool {
        let seen = Time(self.seen.load(Relaxed));
        now < self.fresh && now.since(seen) < config.idle.0
    }

    /// It is used once more.
    pub(super) fn touch(&self, now: Time, request: &Request<'_>, config: &Config) -> Touch {
        if !self.lasts(now, config) {
            return Touch::Over;
        }
        self.seen.fetch_max(now.0, Relaxed);
        let odd = self.look_at(now, request);
        let due = now.since(Time(self.noted.load(Relaxed))) >= NOTED_EVERY;
        match due || odd != self.odd_noted.load(Relaxed) {
            true => Touch::Note,
            false => Touch::Fine,
        }
    }

    fn look_at(&self, now: Time, request: &Request<'_>) -> u8 {
        let minute = now.secs() / 60;
        if self.minute.swap(minute, Relaxed) != minute {
            self.requests.store(0, Relaxed);
        }
        let elsewhere = |peer| !self.address.is_empty() && !is_network(&self.address, peer);
        let signs = [
            request.peer.is_some_and(elsewhere),
            !request.agent.is_empty() && cut(request.agent) != self.agent,
            now.since(self.created) > LONG,
            self.requests.fetch_add(1, Relaxed) + 1 > BUSY,
        ];
        let odd = signs.iter().enumerate().fold(0, |bits, (bit, odd)| bits | u8::from(*odd) << bit);
        self.odd.fetch_or(odd, Relaxed) | odd
    }

    /// What is odd about it, in words, and whether that was not written down yet.
    pub(super) fn suspicion(&self) -> (String, bool) {
        let odd = self.odd.load(Relaxed);
        let words = SUSPICIONS.iter().enumerate();
        let words: Vec<_> =
            words.filter(|(bit, _)| odd >> bit & 1 == 1).map(|(_, word)| *word).collect();
        (words.join(" "), odd != self.odd_noted.load(Relaxed))
    }

    /// This much of it was written down.
    pub(super) fn noted(&self, now: Time, suspicion: &str) {
        self.noted.fetch_max(now.0, Relaxed);
        let odd = SUSPICIONS.iter().enumerate();
        let odd = odd.filter(|(_, name)| suspicion.split(' ').any(|word| word == **name));
        self.odd_noted.fetch_or(odd.fold(0, |bits, (bit, _)| bits | 1 << bit), Relaxed);
    }
}

/// Where somebody is, as networks hand addresses out: of IPv6 a whole /64.
pub(super) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) >> 64 << 64).to_string(),
    }
}

fn is_network(network: &str, address: IpAddr) -> bool {
    let Ok(network) = network.parse::<IpAddr>() else { return false };
    match (network, address.to_canonical()) {
        (IpAddr::V4(network), IpAddr::V4(address)) => network == address,
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            u128::from(network) >> 64 == u128::from(address) >> 64
        }
        _ => false,
    }
}
