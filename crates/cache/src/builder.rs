//! A namespace of a program's own values.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use flow::signal::Registry;
use flow::unit::{Size, Span};
use flow::{Clock, Feed, Random, Result};
use pool::codec::Format;
use pool::codec::seal::Keys;
use pool::kv::Kv;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cache::{Cache, codec_of, longest, tiers, used};
use crate::codes::{RULES, UNSEALED};
use crate::config::{Config, Policy};
use crate::eye::Eye;
use crate::far::place::Place;
use crate::fleet;
use crate::form::Form;
use crate::house::{Ear, House};
use crate::memory::{Memory, prefix, unprefixed};
use crate::owner::Owners;
use crate::rules::{Resolved, Rules};
use crate::tiered::{Inner, Source, Tiered};

/// What memory holds unless it is told otherwise.
const CAPACITY: Size = Size::mib(50);

/// What a [`Tiered`] can be told before it is made.
pub struct Builder<V> {
    name: String,
    tenant: String,
    rules: Rules,
    config: Config,
    form: Form<V>,
    clock: Clock,
    random: Random,
    registry: Registry,
    l2: Vec<Arc<dyn Kv>>,
    l3: Option<Arc<dyn Kv>>,
    feed: Option<Arc<dyn Feed>>,
    keys: Option<Arc<dyn Keys>>,
    beside: Option<Cache>,
    source: Option<Source<V>>,
}

impl<V: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Tiered<V> {
    /// Values of a type that can be written down, which matters only to tiers behind memory:
    /// there it is MessagePack, unless the rules say otherwise.
    pub fn builder(name: &str) -> Builder<V> {
        let mut builder = Builder::new(name, Form::typed());
        builder.rules.codec.format = Some(Format::Msgpack);
        builder
    }
}

impl Tiered<Bytes> {
    /// Values that are bytes.
    pub fn of_bytes(name: &str) -> Builder<Bytes> {
        Builder::new(name, Form::bytes())
    }
}

impl<V: Clone + Send + Sync + 'static> Builder<V> {
    fn new(name: &str, form: Form<V>) -> Self {
        Self {
            name: name.to_owned(),
            tenant: "main".to_owned(),
            rules: Rules::default(),
            config: Config { capacity: CAPACITY, ..Config::default() },
            form,
            clock: Clock::system(),
            random: Random::system(),
            registry: Registry::default(),
            l2: Vec::new(),
            l3: None,
            feed: None,
            keys: None,
            beside: None,
            source: None,
        }
    }

    /// Whose values these are; `main` otherwise.
    #[must_use]
    pub fn tenant(self, tenant: &str) -> Self {
        Self { tenant: tenant.to_owned(), ..self }
    }

    /// How long values live; zero keeps none. Without it, until they are crowded out.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.rules.ttl = Some(Span(ttl));
        self
    }

    /// How long after its end a value may be answered while it is loaded anew, or its origin
    /// fails.
    #[must_use]
    pub fn stale(mut self, stale: Duration) -> Self {
        self.rules.stale = Some(Span(stale));
        self
    }

    /// All rules at once; what was said before is forgotten, but for the codec's format.
    #[must_use]
    pub fn rules(mut self, rules: Rules) -> Self {
        let format = rules.codec.format.or(self.rules.codec.format);
        self.rules = rules;
        self.rules.codec.format = format;
        self
    }

    /// How many bytes of values memory holds; 50 MiB otherwise.
    #[must_use]
    pub fn capacity(mut self, bytes: u64) -> Self {
        self.config.capacity = Size(bytes);
        self
    }

    /// Who goes when there is no room.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.config.policy = policy;
        self
    }

    /// A Redis behind memory, or several that share the keys when it is called more than once.
    #[must_use]
    pub fn l2(mut self, kv: Arc<dyn Kv>) -> Self {
        self.l2.push(kv);
        self
    }

    /// A table behind both.
    #[must_use]
    pub fn l3(self, kv: Arc<dyn Kv>) -> Self {
        Self { l3: Some(kv), ..self }
    }

    /// What connects the nodes that keep these values, so that none answers what another
    /// made untrue.
    #[must_use]
    pub fn feed(self, feed: Arc<dyn Feed>) -> Self {
        Self { feed: Some(feed), ..self }
    }

    /// What sealed values are sealed with.
    #[must_use]
    pub fn keys(self, keys: Arc<dyn Keys>) -> Self {
        Self { keys: Some(keys), ..self }
    }

    /// Stands on the tiers and the feed of that cache, in memory of its own.
    #[must_use]
    pub fn beside(self, cache: &Cache) -> Self {
        Self { beside: Some(cache.clone()), ..self }
    }

    /// Where values come from that no tier has; then [`Tiered::get`] asks it.
    #[must_use]
    pub fn source(self, source: Source<V>) -> Self {
        Self { source: Some(source), ..self }
    }

    /// Its clock; the machine's otherwise.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Its randomness; the machine's otherwise.
    #[must_use]
    pub fn random(self, random: Random) -> Self {
        Self { random, ..self }
    }

    /// Where its numbers are.
    #[must_use]
    pub fn registry(self, registry: &Registry) -> Self {
        Self { registry: registry.clone(), ..self }
    }

    /// The namespace. With a feed it has to be made within a runtime of tokio, which
    /// follows it.
    ///
    /// # Errors
    /// When the rules contradict each other.
    pub fn build(self) -> Result<Tiered<V>> {
        let rules = Arc::new(self.rules.resolve(&self.name, &Rules::default())?);
        if rules.sealed && self.keys.is_none() {
            return Err(UNSEALED.error(format!("namespace `{}` is to be sealed", self.name)));
        }
        let (form, clock) = (self.form, self.clock.clone());
        let house = match &self.beside {
            Some(cache) => cache.house().clone(),
            None => self.house(),
        };
        if self.source.is_none() {
            needs_no_source(&self.name, &rules)?;
        }
        let keys = self.keys.filter(|_| rules.sealed);
        let fars = used(&house, &rules);
        let eye = Eye::new(&rules, longest(&fars, &rules), self.clock.clone());
        let eye = Arc::new(eye.learning(&rules)?);
        let following = eye.following(&self.tenant);
        let mourner = eye.clone();
        let owners = Owners::only(&self.registry, &self.name, rules.confidential);
        let (owners, events) = (Arc::new(owners), house.events.clone());
        let signals = owners.at(0).signals.clone();
        let memory = Memory::new(&self.config, form.weigh, clock, owners, events);
        memory.mourned_by(move |key, end| {
            mourner.ended(unprefixed(key).map_or(key, |(.., key)| key), end);
        });
        let codec = codec_of(&rules, keys);
        signals.chooses(&codec);
        let inner = Arc::new(Inner {
            memory: Arc::new(memory),
            flights: Arc::default(),
            prefix: prefix(&self.tenant, &self.name),
            place: Place::new(&self.tenant, &self.name),
            fars,
            form,
            codec,
            dictionary_kept: AtomicU64::default(),
            eye,
            owner: 0,
            signals,
            rules,
            tenant: self.tenant.into(),
            name: self.name.into(),
            source: self.source,
            after: None,
            recent: None,
            following,
            house,
        });
        let ear: Weak<dyn Ear> = Arc::<Inner<V>>::downgrade(&inner);
        inner.house.listen(ear);
        if let Some(every) = inner.rules.sample {
            inner.keep_comparing(every);
        }
        Ok(Tiered(inner))
    }

    fn house(&self) -> Arc<House> {
        let behind = (self.l2.clone(), self.l3.clone());
        let stands = (self.clock.clone(), self.random.clone());
        let fars = tiers(&self.config, behind, &stands, &self.registry);
        let fleet = self.feed.as_ref().map(|feed| fleet::join(feed, &self.clock));
        let followed =
            fleet.as_ref().map(|(coherence, _)| coherence.clone()).zip(self.feed.clone());
        let house =
            House::new(fars, fleet, self.clock.clone(), self.random.clone(), &self.registry);
        let house = Arc::new(house);
        if let Some((coherence, feed)) = followed {
            fleet::follow(feed, coherence, &house);
        }
        house
    }
}

/// Only what the namespace itself can load may be loaded while nobody asks.
fn needs_no_source(name: &str, rules: &Resolved) -> Result<()> {
    let needs = [("learn", rules.learn.is_some()), ("sample", rules.sample.is_some())];
    match needs.iter().find(|(_, needed)| *needed) {
        None => Ok(()),
        Some((rule, _)) => {
            let detail = "needs somewhere to load from; give the namespace a source";
            Err(RULES.error(format!("namespace `{name}`: `{rule}` {detail}")))
        }
    }
}
