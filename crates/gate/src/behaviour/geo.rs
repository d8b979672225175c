//! Where callers are, and whether anybody travels that fast.
//!
//! What an address is, is looked up once and remembered. Of a principal the last place and the
//! countries they were in are remembered. Who comes through a VPN or a hosting provider is
//! nowhere in particular: that is a weak sign of its own, and no travel.

mod base;
mod place;

use std::net::IpAddr;

use arc_swap::ArcSwap;
use flow::network::client;
use flow::{Identity, Result, Time};
use serde_json::json;

use super::config::Config;
use super::sign::{Kind, Sign};
use super::slots::Slots;
use crate::limit::Subject;
use base::Bases;
use place::{Country, Place, Spot};

/// So many countries are remembered of a principal; of one who was in all of them, no
/// further one is a sign.
const COUNTRIES: usize = 8;
/// Databases are this wrong about where a network ends: nearer places are the same place.
const NEAR_KM: f64 = 50.0;

/// Where everybody is.
pub(super) struct Geo {
    config: Config,
    bases: ArcSwap<Bases>,
    known: Slots<Known>,
    journeys: Slots<Journey>,
}

/// What was looked up of an address, in which edition of the databases.
#[derive(Debug, Default)]
struct Known {
    edition: u64,
    place: Place,
}

/// Where a principal was.
#[derive(Debug, Default)]
struct Journey {
    /// The last address they came from, by its print.
    from: u64,
    spot: Option<Spot>,
    /// When they were last seen there.
    at: Time,
    countries: [Country; COUNTRIES],
}

/// What is odd about where somebody is now.
#[derive(Debug, Default)]
struct Odd {
    hidden: bool,
    new_country: Option<Country>,
    travel: Option<Travel>,
}

#[derive(Debug)]
struct Travel {
    from: Spot,
    to: Spot,
    km: f64,
    secs: u64,
}

impl Geo {
    /// With the databases the configuration names; one that is broken is refused.
    pub(super) fn open(config: &Config) -> Result<Self> {
        let bases = Bases::read(config)?;
        Ok(Self {
            config: config.clone(),
            bases: ArcSwap::from_pointee(bases),
            known: Slots::new(config.addresses),
            journeys: Slots::new(config.principals),
        })
    }

    /// How much memory each principal and each address takes at most.
    #[cfg(test)]
    pub(super) const fn bytes_each() -> (usize, usize) {
        (Slots::<Journey>::bytes_each(), Slots::<Known>::bytes_each())
    }

    /// Whether there are databases at all.
    pub(super) fn is_on(&self) -> bool {
        self.config.city.is_some() || self.config.anonymous.is_some()
    }

    /// Reads the databases again where their files have changed. What is broken is refused, and
    /// the old ones stay. Whether there are new ones.
    pub(super) fn refresh(&self) -> Result<bool> {
        let old = self.bases.load();
        if !old.are_old(&self.config) {
            return Ok(false);
        }
        self.bases.store(Bases::read(&self.config)?.after(&old).into());
        Ok(true)
    }

    /// Where this address is.
    pub(super) fn place(&self, address: IpAddr, now: Time) -> Place {
        let bases = self.bases.load();
        self.known.with(&address, now, |known| {
            if known.edition != bases.edition {
                *known = Known { edition: bases.edition, place: bases.place(address) };
            }
            known.place
        })
    }

    /// The number of whoever operates its network.
    pub(super) fn operator(&self, address: IpAddr, now: Time) -> Option<u32> {
        self.config.asn.as_ref()?;
        Some(self.place(client(address), now).operator).filter(|number| *number > 0)
    }

    /// A principal came from there; what is odd about it.
    pub(super) fn came(&self, identity: &Identity, address: IpAddr, now: Time) -> Vec<Sign> {
        let client = client(address);
        let from = self.journeys.print(&client);
        let who = (&*identity.tenant, &*identity.actor);
        let speed_max = f64::from(self.config.speed_max.max(1));
        let odd = self.journeys.with(&who, now, |journey| {
            if journey.from == from {
                journey.at = now;
                return Odd::default();
            }
            journey.from = from;
            journey.come(self.place(client, now), now, speed_max)
        });
        self.signs(identity, client, odd)
    }

    fn signs(&self, identity: &Identity, address: IpAddr, odd: Odd) -> Vec<Sign> {
        let actor = &identity.actor;
        let subject = || Subject::Principal(identity.tenant.clone(), actor.clone());
        let mut signs = Vec::new();
        if odd.hidden {
            let bases = self.bases.load();
            let what = bases.hidden_by(address).unwrap_or("something that hides them");
            let operator = bases.operator(address).unwrap_or_default();
            let why = format!("`{actor}` comes from {address}, {what}{operator}");
            let numbers = json!({ "address": address, "by": what });
            signs.push(Sign { kind: Kind::AnonymousAddress, subject: subject(), why, numbers });
        }
        if let Some(country) = odd.new_country {
            let why = format!("`{actor}` comes from {country} for the first time");
            let numbers = json!({ "address": address, "country": country.to_string() });
            signs.push(Sign { kind: Kind::NewCountry, subject: subject(), why, numbers });
        }
        if let Some(Travel { from, to, km, secs }) = odd.travel {
            let minutes = secs / 60;
            let (there, here) = (from.country, to.country);
            let why = format!(
                "`{actor}` was in {there} {minutes} min ago and is in {here}, at least {km:.0} km away"
            );
            let numbers = json!({
                "address": address, "km": km.round(), "secs": secs,
                "from": there.to_string(), "to": here.to_string(),
            });
            signs.push(Sign { kind: Kind::ImpossibleTravel, subject: subject(), why, numbers });
        }
        signs
    }
}

impl Journey {
    fn come(&mut self, place: Place, now: Time, speed_max: f64) -> Odd {
        if place.hidden {
            return Odd { hidden: true, ..Odd::default() };
        }
        let Some(spot) = place.spot else { return Odd::default() };
        let (before, at) = (self.spot.replace(spot), self.at);
        self.at = now;
        let travel = before.and_then(|from| {
            let (km, since) = (from.km_to(&spot), now.since(at));
            let hours = since.as_secs_f64() / 3_600.0;
            let secs = since.as_secs();
            (km > NEAR_KM + speed_max * hours).then_some(Travel { from, to: spot, km, secs })
        });
        Odd { hidden: false, new_country: self.enter(spot.country), travel }
    }

    /// The country, if it is new and not the first.
    fn enter(&mut self, country: Country) -> Option<Country> {
        if country.is_nowhere() || self.countries.contains(&country) {
            return None;
        }
        let free = self.countries.iter().position(|known| known.is_nowhere())?;
        *self.countries.get_mut(free)? = country;
        (free > 0).then_some(country)
    }
}

#[cfg(test)]
mod tests;
