//! How a cache is made.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::time::Duration;

use flow::Clock;
use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState;

use crate::cache::Cache;
use crate::cause::Cause;
use crate::evict::Policy;

/// Told of every entry that leaves the cache, after it left.
pub(crate) type Listener<K, V> = Arc<dyn Fn(&K, &V, Cause) + Send + Sync>;
/// Says what an entry weighs.
pub(crate) type Weigher<K, V> = Arc<dyn Fn(&K, &V) -> u64 + Send + Sync>;

/// What a cache is to be; see [`Cache::builder`].
pub struct Builder<K, V, S = SeedableRandomState> {
    pub(crate) capacity: u64,
    pub(crate) entries: Option<u64>,
    pub(crate) policy: Policy,
    pub(crate) shards: Option<usize>,
    pub(crate) clock: Clock,
    pub(crate) patience: Duration,
    pub(crate) hasher: S,
    pub(crate) weigher: Option<Weigher<K, V>>,
    pub(crate) listener: Option<Listener<K, V>>,
}

impl<K, V> Default for Builder<K, V> {
    /// Ten thousand entries of weight one, adaptive.
    fn default() -> Self {
        Self {
            capacity: 10_000,
            entries: None,
            policy: Policy::default(),
            shards: None,
            clock: Clock::system(),
            patience: Duration::from_secs(30),
            hasher: SeedableRandomState::random(),
            weigher: None,
            listener: None,
        }
    }
}

impl<K, V> Builder<K, V> {
    /// Hashes the same in every run, so that the same calls have the same outcome.
    /// For tests and simulations: whoever knows the seed can choose keys that collide.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.hasher = SeedableRandomState::with_seed(seed, SharedSeed::global_fixed());
        self
    }
}

impl<K, V, S> Builder<K, V, S> {
    /// What all entries may weigh together. Without a weigher an entry weighs one.
    #[must_use]
    pub fn capacity(mut self, capacity: u64) -> Self {
        self.capacity = capacity;
        self
    }

    /// How many entries there may be, whatever they weigh.
    #[must_use]
    pub fn entries(mut self, most: u64) -> Self {
        self.entries = Some(most);
        self
    }

    /// Who goes when there is no room; [`Policy::Adaptive`] finds out by itself.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Into how many parts, each with a lock, the cache is divided: by default as
    /// many as the processors warrant and the capacity allows.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards);
        self
    }

    /// The clock that entries end by.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// How long a thread waits for another's load before it loads for itself.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// What an entry weighs; zero counts as one.
    #[must_use]
    pub fn weigher(mut self, weigher: impl Fn(&K, &V) -> u64 + Send + Sync + 'static) -> Self {
        self.weigher = Some(Arc::new(weigher));
        self
    }

    /// Is told of every entry that goes, and why, after it went. No lock is held
    /// meanwhile, so it may use the cache.
    #[must_use]
    pub fn listener(mut self, listener: impl Fn(&K, &V, Cause) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// How keys are hashed.
    #[must_use]
    pub fn hasher<T: BuildHasher>(self, hasher: T) -> Builder<K, V, T> {
        let Self { capacity, entries, policy, shards, .. } = self;
        let (clock, patience) = (self.clock, self.patience);
        let (weigher, listener) = (self.weigher, self.listener);
        Builder { capacity, entries, policy, shards, clock, patience, hasher, weigher, listener }
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Builder<K, V, S> {
    /// Makes the cache. A capacity of zero keeps nothing.
    pub fn build(self) -> Cache<K, V, S> {
        Cache::new(self)
    }
}
