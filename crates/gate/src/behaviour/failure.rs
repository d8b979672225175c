//! Guessing: failures to show who one is, by address, network and account.
//!
//! Each wrong password counts; of wrong keys and tokens only different ones do, since a program
//! with an old key tries it again and again. Whoever gets in after all has mistyped: what failed
//! for that account is forgiven.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use flow::network::client;
use flow::{Credential, Request, Time};
use serde_json::json;

use super::config::Config;
use super::marks::{Marks, Same};
use super::sign::{Kind, Sign};
use super::slots::Slots;
use crate::limit::Subject;

const HOUR: Duration = Duration::from_secs(3_600);

/// Failures of the last hour.
pub(super) struct Failures {
    failures: u32,
    accounts: u32,
    sources: u32,
    by_address: Slots<Marks<16>>,
    by_network: Slots<Marks<32>>,
    by_account: Slots<Marks<16>>,
}

impl Failures {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            failures: config.failures.clamp(2, 16),
            accounts: config.accounts.clamp(2, 32),
            sources: config.sources.clamp(2, 16),
            by_address: Slots::new(config.addresses),
            by_network: Slots::new(config.addresses / 2),
            by_account: Slots::new(config.addresses / 2),
        }
    }

    /// Somebody could not show who they are; what that is a sign of.
    pub(super) fn failed(&self, request: &Request<'_>, now: Time) -> Vec<Sign> {
        let Some(address) = request.peer.map(client) else { return Vec::new() };
        let (about, same) = self.about(request.credential);
        let note = |marks: &mut Marks<16>| marks.note(about, now, HOUR, same);
        let failures = self.by_address.with(&address, now, note);
        let mut signs = Vec::new();
        if failures >= self.failures {
            let why = format!("{failures} failures to log in from {address} within an hour");
            signs.push(sign(Kind::BruteForce, address, why, json!({ "failures": failures })));
        }
        if matches!(request.credential, Credential::Password(_)) {
            signs.extend(self.many_accounts(address, about, now));
            signs.extend(self.many_sources(address, about, now));
        }
        signs
    }

    /// Somebody showed who they are.
    pub(super) fn succeeded(&self, request: &Request<'_>, now: Time) {
        let Some(address) = request.peer.map(client) else { return };
        let (about, _) = self.about(request.credential);
        self.by_address.with(&address, now, |marks| marks.forgive(about));
        self.by_network.with(&network(address), now, |marks| marks.forgive(about));
        let source = self.by_account.print(&address);
        self.by_account.with(&about, now, |marks| marks.forgive(source));
    }

    fn many_accounts(&self, address: IpAddr, account: u64, now: Time) -> Option<Sign> {
        let network = network(address);
        let note = |marks: &mut Marks<32>| marks.note(account, now, HOUR, Same::Once);
        let accounts = self.by_network.with(&network, now, note);
        (accounts >= self.accounts).then(|| {
            let why = format!("{accounts} accounts were tried from the network of {address}");
            sign(Kind::Stuffing, address, why, json!({ "accounts": accounts }))
        })
    }

    fn many_sources(&self, address: IpAddr, account: u64, now: Time) -> Option<Sign> {
        let source = self.by_account.print(&address);
        let note = |marks: &mut Marks<16>| marks.note(source, now, HOUR, Same::Once);
        let sources = self.by_account.with(&account, now, note);
        (sources >= self.sources).then(|| {
            let why = format!("one account was tried from {sources} addresses, {address} the last");
            sign(Kind::Stuffing, address, why, json!({ "addresses": sources }))
        })
    }

    /// What stands for the account, or for the secret where no account is named.
    fn about(&self, credential: Credential<'_>) -> (u64, Same) {
        match credential {
            Credential::Password(shown) => {
                (self.by_address.print(&(shown.tenant, shown.name)), Same::Again)
            }
            Credential::Bearer(secret)
            | Credential::Named(_, secret)
            | Credential::Refresh(secret) => (self.by_address.print(secret), Same::Once),
            _ => (0, Same::Once),
        }
    }
}

/// Known callers from that address are not held to it.
fn sign(kind: Kind, address: IpAddr, why: String, numbers: serde_json::Value) -> Sign {
    Sign { kind, subject: Subject::Stranger(address), why, numbers }
}

/// What one owner usually has: an IPv4 /24, an IPv6 /48.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & !0xff)),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 80 << 80)),
    }
}

#[cfg(test)]
#[path = "failure/tests.rs"]
mod tests;
