//! How namespaces are doing, from the numbers they keep anyway.

use flow::identity::MAIN;
use flow::question::cache::{
    Compression, Learned, Sampled, Spread, Statistics, Stats, StatsPage, Tier,
};
use flow::signal::Histogram;
use pool::breaker::State;
use pool::codec::auto::Choice;
use std::sync::Arc;
use std::time::Duration;

use crate::far::Far;
use crate::far::place::Place;
use crate::house::House;
use crate::owner::{Owner, Owners};
use crate::signals::{Samples, TIERS};

/// What is known of namespaces by name, beside their numbers.
pub(crate) struct Held<'a> {
    /// What memory may hold.
    pub(crate) capacity: &'a dyn Fn(&str) -> u64,
    /// How well what is asked next is known. It is learned of all tenants together, and shown
    /// to the main one.
    pub(crate) learned: &'a dyn Fn(&str) -> Option<Learned>,
}

/// A page of them.
pub(crate) fn page(
    owners: &Owners,
    house: &House,
    tenant: &str,
    asked: &Stats<'_>,
    held: &Held<'_>,
) -> StatsPage {
    let Stats { namespace, after, limit } = *asked;
    let wanted = |owner: &&Owner| {
        *owner.tenant == *tenant
            && namespace.is_none_or(|only| *owner.name == *only)
            && after.is_none_or(|after| *owner.name > *after)
    };
    let mut found = owners.all().into_iter().filter(wanted);
    let shown = found.by_ref().take(limit as usize);
    let namespaces: Vec<_> = shown.map(|owner| statistics(owner, owners, house, held)).collect();
    let next = found.next().and(namespaces.last()).map(|last| last.namespace.clone());
    StatsPage { namespaces, next }
}

fn statistics(owner: &Owner, owners: &Owners, house: &House, held: &Held<'_>) -> Statistics {
    let signals = &owner.signals;
    let tier = |(index, name): (usize, &'static str)| {
        let far = house.fars.iter().find(|far| far.name == name);
        if index > 0 && far.is_none() {
            return None;
        }
        Some(Tier {
            name,
            hits: signals.hits_of(index),
            misses: signals.misses_of(index),
            time: spread(signals.latency_of(index)),
            breaker: far.map(|far| word(far.breaker.state())),
            debts: far.map_or(0, |far| debts(far, owner, owners)),
        })
    };
    Statistics {
        namespace: owner.name.clone(),
        tiers: TIERS.into_iter().enumerate().filter_map(tier).collect(),
        entries: signals.entries.get().try_into().unwrap_or_default(),
        bytes: signals.bytes.get().try_into().unwrap_or_default(),
        capacity: (held.capacity)(&owner.name),
        gone: signals.gone(),
        promotions: signals.promoted.get(),
        loads: signals.loads.counts(),
        load_time: spread(&signals.load_time),
        coalesced: signals.coalesced.get(),
        stale: signals.stale.get(),
        outrun: signals.outrun.get(),
        sampled: sampled(&signals.samples),
        compression: signals.choices().iter().map(compression).collect(),
        learned: Some(&owner.name)
            .filter(|_| *owner.tenant == *MAIN)
            .and_then(|name| (held.learned)(name)),
    }
}

/// How many purges of a namespace a tier is owed.
fn debts(far: &Arc<Far>, owner: &Owner, owners: &Owners) -> u64 {
    let place = |owner: &Owner| Place::new(&owner.tenant, &owner.name);
    match owners.is_others(owner) {
        true => {
            let known: Vec<Place> = owners.all().into_iter().map(place).collect();
            far.debts.count(|owed| !known.contains(owed))
        }
        false => far.debts.count(|owed| *owed == place(owner)),
    }
}

fn compression(choice: &Choice) -> Compression {
    let Choice { size, means, values, plain, left, took } = *choice;
    Compression { size, means, values, plain, left, took }
}

/// What came of comparing values with their source, where any were.
fn sampled(samples: &Samples) -> Option<Sampled> {
    let sampled = Sampled {
        same: samples.same.get(),
        differed: samples.differ.get(),
        stale: samples.stale.get(),
        overtaken: samples.overtaken.get(),
        failed: samples.failed.get(),
        age: spread(&samples.age),
    };
    let Sampled { same, differed, overtaken, failed, .. } = sampled;
    (same + differed + overtaken + failed > 0).then_some(sampled)
}

fn spread(histogram: &Histogram) -> Spread {
    let reading = histogram.read();
    let at = |quantile| Duration::from_nanos(reading.quantile(quantile));
    Spread { count: reading.count, p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

fn word(state: State) -> &'static str {
    match state {
        State::Closed => "closed",
        State::HalfOpen => "half_open",
        State::Open => "open",
    }
}
