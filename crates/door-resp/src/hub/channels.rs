//! Who listens to which channels.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use foldhash::fast::RandomState;
use parking_lot::RwLock;
use values::glob;

use super::outbox::{Parcel, Reach};

/// Channels and patterns of channels, and who is reached by what is said there. Each tenant
/// has its own.
#[derive(Default)]
pub(crate) struct Channels(RwLock<Listening>);

type Listeners = BTreeMap<u64, Reach>;
type Named = HashMap<Channel, Listeners, RandomState>;

/// A channel, or a pattern of channels, of a tenant.
type Channel = (Box<str>, Bytes);

#[derive(Default)]
struct Listening {
    channels: Named,
    patterns: BTreeMap<Channel, Listeners>,
}

impl Channels {
    /// Somebody listens from now on.
    pub(crate) fn join(&self, tenant: &str, channel: &Bytes, number: u64, reach: Reach) {
        let channel = (tenant.into(), channel.clone());
        self.0.write().channels.entry(channel).or_default().insert(number, reach);
    }

    /// Somebody listens to all channels of a pattern from now on.
    pub(crate) fn join_matching(&self, tenant: &str, pattern: &Bytes, number: u64, reach: Reach) {
        let pattern = (tenant.into(), pattern.clone());
        self.0.write().patterns.entry(pattern).or_default().insert(number, reach);
    }

    /// Somebody no longer listens.
    pub(crate) fn part(&self, tenant: &str, channel: &Bytes, number: u64) {
        let (channel, mut listening) = ((tenant.into(), channel.clone()), self.0.write());
        if let Some(listeners) = listening.channels.get_mut(&channel) {
            listeners.remove(&number);
            if listeners.is_empty() {
                listening.channels.remove(&channel);
            }
        }
    }

    /// Somebody no longer listens to channels of a pattern.
    pub(crate) fn part_matching(&self, tenant: &str, pattern: &Bytes, number: u64) {
        let (pattern, mut listening) = ((tenant.into(), pattern.clone()), self.0.write());
        if let Some(listeners) = listening.patterns.get_mut(&pattern) {
            listeners.remove(&number);
            if listeners.is_empty() {
                listening.patterns.remove(&pattern);
            }
        }
    }

    /// Says something on a channel; how many heard it.
    pub(crate) fn say(&self, tenant: &str, channel: &Bytes, text: &Bytes) -> usize {
        let listening = self.0.read();
        let mut heard = 0;
        let own = (Box::<str>::from(tenant), channel.clone());
        for reach in listening.channels.get(&own).into_iter().flat_map(BTreeMap::values) {
            reach.put(Parcel::Message(channel.clone(), text.clone()));
            heard += 1;
        }
        for ((of, pattern), listeners) in &listening.patterns {
            if **of != *tenant || !glob::matches(pattern, channel) {
                continue;
            }
            for reach in listeners.values() {
                reach.put(Parcel::Matched(pattern.clone(), channel.clone(), text.clone()));
                heard += 1;
            }
        }
        heard
    }

    /// The channels of a tenant that somebody listens to.
    pub(crate) fn names(&self, tenant: &str) -> Vec<Bytes> {
        let listening = self.0.read();
        let own = listening.channels.keys().filter(|(of, _)| **of == *tenant);
        own.map(|(_, channel)| channel.clone()).collect()
    }

    /// How many listen to a channel.
    pub(crate) fn listeners(&self, tenant: &str, channel: &Bytes) -> usize {
        let own = (Box::<str>::from(tenant), channel.clone());
        self.0.read().channels.get(&own).map_or(0, BTreeMap::len)
    }

    /// How many patterns of a tenant are listened to.
    pub(crate) fn patterns(&self, tenant: &str) -> usize {
        self.0.read().patterns.keys().filter(|(of, _)| **of == *tenant).count()
    }
}
