//! All namespaces of a node.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use flow::feed::{Coherence, Notice, Purge};
use flow::identity::MAIN;
use flow::question::cache::{Stats, StatsPage, Witness};
use flow::signal::Registry;
use flow::{BoxFuture, Clock, Random, Result};
use pool::codec::Codec;
use pool::codec::seal::Keys;
use pool::kv::Kv;
use pool::sql::Sql;
use tokio::sync::broadcast;
use values::Value;

use crate::analytics::{Advice, Figures, advice};
use crate::codes::{RULES, UNSEALED, VIEW};
use crate::config::Config;
use crate::depend::{Dependences, Happening, Recent};
use crate::event::Subscription;
use crate::eye::Eye;
use crate::far::place::Place;
use crate::far::{Far, Options};
use crate::flight::Flights;
use crate::form::Form;
use crate::house::{Ear, House, Tell};
use crate::known::{Known, Ready};
use crate::load::{Loaded, Previous};
use crate::lock::Locks;
use crate::memory::{Memory, prefix, unprefixed};
use crate::owner::Owners;
use crate::rules::{Life, Resolved, Rules, Warmup, cycle};
use crate::sample::{self, Pace, compare_due};
use crate::signals::{Signals, TIERS};
use crate::statistics;
use crate::tiered::{Inner, Source, Tiered, drop_from, purging};
use crate::view;

/// What happened is remembered for those who lag behind, up to so much.
const HAPPENING_MAX: usize = 256;

/// What a cache stands on.
#[derive(Clone)]
pub struct Ground {
    /// Its clock.
    pub clock: Clock,
    /// Its randomness.
    pub random: Random,
    /// Where its numbers are.
    pub registry: Registry,
    /// Redis, one server or several that share the keys; none where there is no such tier.
    pub l2: Vec<Arc<dyn Kv>>,
    /// A table.
    pub l3: Option<Arc<dyn Kv>>,
    /// What it may believe of itself, and how it tells the other nodes, where there are some.
    pub fleet: Option<(Arc<Coherence>, Arc<dyn Tell>)>,
    /// What sealed values are sealed with.
    pub keys: Option<Arc<dyn Keys>>,
    /// Asks the origins of namespaces that have one.
    pub fetch: Option<Arc<dyn Fetch>>,
    /// The database of namespaces whose values are rows.
    pub sql: Option<Arc<dyn Sql>>,
}

/// Asks origins by their addresses.
pub trait Fetch: Send + Sync {
    /// What is at this address, if it is no longer the previous.
    fn fetch(
        &self,
        address: String,
        previous: Option<Previous<Bytes>>,
    ) -> BoxFuture<'static, Result<Loaded<Bytes>>>;
}

impl Default for Ground {
    /// Memory alone.
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            random: Random::system(),
            registry: Registry::default(),
            l2: Vec::new(),
            l3: None,
            fleet: None,
            keys: None,
            fetch: None,
            sql: None,
        }
    }
}

/// The cache of this node: bytes under keys, by tenant and namespace. Clones are the same
/// cache.
#[derive(Clone)]
pub struct Cache(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    own: Weak<Shared>,
    house: Arc<House>,
    memory: Arc<Memory<Value>>,
    /// The memory of namespaces with quotas of their own.
    apart: BTreeMap<Box<str>, Arc<Memory<Value>>>,
    rules: BTreeMap<Box<str>, Arc<Resolved>>,
    others: Arc<Resolved>,
    owners: Arc<Owners>,
    locks: Locks,
    eyes: BTreeMap<Box<str>, Arc<Eye>>,
    other_eye: Arc<Eye>,
    /// When values are compared with their source.
    paces: BTreeMap<Box<str>, Pace>,
    keys: Option<Arc<dyn Keys>>,
    fetch: Option<Arc<dyn Fetch>>,
    sql: Option<Arc<dyn Sql>>,
    pub(crate) happening: broadcast::Sender<Arc<Happening>>,
    pub(crate) dependences: Dependences,
    known: Known,
    flights: Arc<Flights<Value>>,
}

impl Cache {
    /// A cache with these settings on this ground.
    ///
    /// # Errors
    /// When the rules of a namespace cannot be used.
    pub fn new(config: &Config, ground: Ground) -> Result<Self> {
        let Ground { clock, random, registry, l2, l3, fleet, keys, fetch, sql } = ground;
        let stands = (clock.clone(), random.clone());
        let fars = tiers(config, (l2, l3), &stands, &registry);
        let house = Arc::new(House::new(fars, fleet, clock.clone(), random, &registry));
        let weigh = Form::shaped().weigh;
        let mut eyes = BTreeMap::new();
        let eye = |rules: &Resolved| {
            let longest = longest(&used(&house, rules), rules);
            let eye = Eye::new(rules, longest, clock.clone());
            let eye = if comes_from(rules) { eye.learning(rules) } else { Ok(eye) };
            eye.map(Arc::new)
        };
        let mut paces = BTreeMap::new();
        let mut rules = BTreeMap::<Box<str>, Arc<Resolved>>::new();
        for (name, written) in &config.namespaces {
            let resolved = written.resolve(name, &config.all)?;
            if resolved.sealed && keys.is_none() {
                return Err(UNSEALED.error(format!("namespace `{name}` is to be sealed")));
            }
            if resolved.rows.is_some() && sql.is_none() {
                return Err(VIEW.error(format!("namespace `{name}` has rows and no database")));
            }
            let said = [
                ("learn", written.learn.on == Some(true)),
                ("sample", written.sample.is_some() && resolved.sample.is_some()),
            ];
            let vain = said.iter().find(|(_, said)| *said && !comes_from(&resolved));
            if let Some((rule, _)) = vain {
                let detail = "needs an `origin`, a `query` or a `view`";
                return Err(RULES.error(format!("namespace `{name}`: `{rule}` {detail}")));
            }
            if let Some(every) = resolved.sample.filter(|_| comes_from(&resolved)) {
                paces.insert(name.as_str().into(), Pace::new(every, clock.moment()));
            }
            eyes.insert(name.as_str().into(), eye(&resolved)?);
            rules.insert(name.as_str().into(), Arc::new(resolved));
        }
        let others = Rules::default().resolve("others", &config.all)?;
        if others.sealed && keys.is_none() {
            return Err(UNSEALED.error("values of all namespaces are to be sealed"));
        }
        let other_eye = eye(&others)?;
        let named = rules.iter().map(|(name, rules)| (&**name, rules.confidential));
        let owners = Arc::new(Owners::new(&registry, named, others.confidential));
        let memory = |config: &Config| {
            let (clock, events) = (clock.clone(), house.events.clone());
            Arc::new(Memory::new(config, weigh, clock, owners.clone(), events))
        };
        let mut apart = BTreeMap::new();
        for (name, rules) in &rules {
            if let Some(quota) = quota(config, rules) {
                apart.insert(name.clone(), memory(&quota));
            }
        }
        let locks = Locks::new(house.fars.first(), &clock, &house.random);
        let (memory, others) = (memory(config), Arc::new(others));
        let flights = Arc::default();
        let mut plain = BTreeMap::<String, Resolved>::new();
        for (name, rules) in &rules {
            plain.insert(name.to_string(), (**rules).clone());
        }
        if let Some(circle) = cycle(&plain) {
            let path = circle.join("` → `");
            return Err(RULES.error(format!("`depends_on` goes in a circle: `{path}`")));
        }
        let shared = Arc::new_cyclic(|own| Shared {
            own: own.clone(),
            dependences: Dependences::of(&rules),
            house,
            memory,
            apart,
            rules,
            others,
            owners,
            locks,
            eyes,
            other_eye,
            paces,
            keys,
            fetch,
            sql,
            happening: broadcast::Sender::new(HAPPENING_MAX),
            known: Known::default(),
            flights,
        });
        let ear: Weak<dyn Ear> = Arc::<Shared>::downgrade(&shared);
        shared.house.listen(ear);
        for memory in shared.memories() {
            let mourning = Arc::downgrade(&shared);
            memory.mourned_by(move |key, end| {
                if let Some(shared) = mourning.upgrade() {
                    let (_, name, key) = unprefixed(key).unwrap_or(("", "", key));
                    shared.eye_of(name).ended(key, end);
                }
            });
        }
        Ok(Self(shared))
    }

    /// The values of one tenant under one name. Nothing is made or kept for it that matters.
    #[inline]
    pub fn namespace(&self, tenant: &str, name: &str) -> Tiered<Value> {
        self.within(tenant, name, |ready| Tiered::clone(ready))
    }

    /// What `work` does with them.
    #[inline]
    pub fn within<T>(&self, tenant: &str, name: &str, work: impl FnOnce(&Ready) -> T) -> T {
        self.0.known.with((tenant, name), || self.0.tiered(tenant, name), work)
    }

    /// Does what another node says.
    pub fn hear(&self, notice: &Notice) {
        self.0.house.hear(notice);
    }

    /// Whether every tier behind memory was told of every purge.
    pub fn owes_nothing(&self) -> bool {
        self.0.house.fars.iter().all(|far| far.debts.none())
    }

    /// Holds less while memory is short, and more again when it is not; to be called now
    /// and then with how many bytes are in use of how many there are. The bytes it may
    /// hold from now on, if that changes.
    pub fn press(&self, used: u64, limit: u64) -> Option<u64> {
        self.0.memory.press(used, limit)
    }

    /// Compares with their source the values for which that is due; to be called now and
    /// then, within a runtime of tokio.
    pub fn compare(&self) {
        let stands = (&self.0.house.clock, &self.0.house.random);
        for (name, pace) in &self.0.paces {
            let values = |tenant: &str| self.namespace(tenant, name);
            compare_due((pace, name), self.0.memory_of(name), stands, values);
        }
    }

    /// Frees what has expired; to be called now and then.
    pub fn sweep(&self) {
        let generation = self.0.house.generation();
        self.0.memories().for_each(|memory| memory.sweep(generation));
        let now = self.0.house.clock.moment();
        self.0.eyes.values().chain([&self.0.other_eye]).for_each(|eye| eye.turn(now));
    }

    /// Frees what has expired in tiers that do not do so by themselves; to be called now and
    /// then.
    ///
    /// # Errors
    /// When a tier cannot be reached.
    pub async fn tidy(&self) -> Result<u64> {
        let mut freed = 0;
        for far in &self.0.house.fars {
            freed += far.tidy().await?;
        }
        Ok(freed)
    }

    /// What a namespace is used for; one without rules of its own, together with all like it.
    pub fn figures(&self, namespace: &str) -> Figures {
        self.namespace(MAIN, namespace).figures()
    }

    /// The namespaces that have rules of their own, by name.
    pub fn ruled(&self) -> impl Iterator<Item = &str> {
        self.0.rules.keys().map(|name| &**name)
    }

    fn signals(&self, namespace: &str) -> &Arc<Signals> {
        let rules = self.0.rules.get(namespace).unwrap_or(&self.0.others);
        let owner = self.0.owners.number(MAIN, namespace, rules.confidential);
        &self.0.owners.at(owner).signals
    }

    /// What had better be set otherwise for a namespace.
    pub fn advice(&self, namespace: &str) -> Vec<Advice> {
        let mut rules = Resolved::clone(self.0.rules.get(namespace).unwrap_or(&self.0.others));
        // A tier there is not is not one that is never hit.
        let has = |tier: &str| self.0.house.fars.iter().any(|far| far.name == tier);
        let [_, redis, table] = TIERS;
        if !has(redis) {
            rules.l2 = Life::NotKept;
        }
        if !has(table) {
            rules.l3 = Life::NotKept;
        }
        let mut advice = advice(&rules, &self.figures(namespace));
        let compared = sample::advice(&rules, &self.signals(namespace).samples);
        if let Some(compared) = compared {
            // A value that was seen to be untrue says more than a load that brought another.
            advice.retain(|other| other.setting != compared.setting);
            advice.insert(0, compared);
        }
        advice
    }

    /// With what namespaces are to be filled, and when.
    pub fn warmups(&self) -> Vec<(String, Warmup)> {
        self.0.warmups().map(|(name, warmup)| (name.to_owned(), warmup.clone())).collect()
    }

    /// Hears what happens from now on that namespaces are filled for.
    pub fn happening(&self) -> broadcast::Receiver<Arc<Happening>> {
        self.0.happening.subscribe()
    }

    /// Writes what was answered and is not yet in the tiers behind memory, for at most so
    /// long; how many writes are lost because it could not be. For the end of a node.
    pub async fn flush(&self, limit: Duration) -> u64 {
        let house = &self.0.house;
        match house.clock.within(limit, house.write_out()).await {
            Some(()) => 0,
            None => house.behind.give_up(),
        }
    }

    /// Locks that all nodes share which share a tier behind memory; without one, those of
    /// this process.
    pub fn locks(&self) -> &Locks {
        &self.0.locks
    }

    /// What happens to values on this node, of all tenants and namespaces, from now on.
    pub fn events(&self) -> Subscription {
        self.0.house.events.subscribe()
    }

    /// From now on `witness` is told at once of what changes, but for what is changed in a
    /// [room](Tiered::room).
    pub fn tell(&self, witness: Arc<dyn Witness>) {
        self.0.house.events.tell_at_once(witness);
    }

    /// How namespaces of a tenant are doing on this node: one, or all whose names come after
    /// this one, by name and at most so many.
    pub fn statistics(&self, tenant: &str, asked: &Stats<'_>) -> StatsPage {
        let capacity = |name: &str| self.0.memory_of(name).capacity();
        let ahead = |name: &str| self.0.eye_of(name).ahead.as_ref().map(|ahead| ahead.report());
        let held = statistics::Held { capacity: &capacity, learned: &ahead };
        statistics::page(&self.0.owners, &self.0.house, tenant, asked, &held)
    }

    /// What is said of each namespace.
    pub(crate) fn rules(&self) -> impl Iterator<Item = (&Box<str>, &Arc<Resolved>)> {
        self.0.rules.iter()
    }

    pub(crate) fn house(&self) -> &Arc<House> {
        &self.0.house
    }
}

/// Independent servers that share the keys.
type Servers = Vec<Arc<dyn Kv>>;

/// The tiers behind memory, nearest first.
pub(crate) fn tiers(
    config: &Config,
    (l2, l3): (Servers, Option<Arc<dyn Kv>>),
    stands: &(Clock, Random),
    registry: &Registry,
) -> Vec<Arc<Far>> {
    let [_, redis, table] = TIERS;
    let breaker = config.l2.breaker.clone();
    let l2_options = Options { name: redis, patience: config.l2.timeout.0, breaker };
    let breaker = config.l3.breaker.clone();
    let l3_options = Options { name: table, patience: config.l3.timeout.0, breaker };
    let both = [(l2_options, l2), (l3_options, l3.into_iter().collect())];
    let some = both.into_iter().filter(|(_, shards)| !shards.is_empty());
    let far = |(options, shards)| Arc::new(Far::new(options, shards, stands.clone(), registry));
    some.map(far).collect()
}

/// How values of these rules are written.
pub(crate) fn codec_of(rules: &Resolved, keys: Option<Arc<dyn Keys>>) -> Codec {
    let codec = Codec::new(rules.codec.clone(), keys);
    if rules.confidential { codec.apart() } else { codec }
}

/// Whether values of these rules can be loaded.
fn comes_from(rules: &Resolved) -> bool {
    rules.origin.is_some() || rules.rows.is_some()
}

/// What a namespace may hold by itself.
fn quota(config: &Config, rules: &Resolved) -> Option<Config> {
    let (bytes, entries) = (rules.quota_bytes, rules.quota_entries);
    if bytes.is_none() && entries.is_none() {
        return None;
    }
    let capacity = bytes.map_or(config.capacity, flow::unit::Size);
    Some(Config {
        capacity,
        entries: entries.unwrap_or(0),
        policy: config.policy,
        ..Config::default()
    })
}

/// What a source of bytes says, as values.
fn as_values(source: Source<Bytes>) -> Source<Value> {
    Arc::new(move |key, previous| {
        // Of a value that is no bytes any more nothing is known there.
        let previous = previous.and_then(|previous: Previous<Value>| {
            let value = previous.value.as_text()?.clone();
            Some(Previous { value, version: previous.version })
        });
        let asking = source(key, previous);
        Box::pin(async move {
            Ok(match asking.await? {
                Loaded::Value(value, terms) => Loaded::Value(Value::Text(value), terms),
                Loaded::Unchanged => Loaded::Unchanged,
                Loaded::Nothing => Loaded::Nothing,
            })
        })
    })
}

/// How long values of these rules live where they live longest.
pub(crate) fn longest(fars: &[(Arc<Far>, Life)], rules: &Resolved) -> Life {
    fars.iter().map(|(_, life)| *life).fold(rules.memory, Life::max)
}

/// The tiers that hold values of these rules, nearest first.
pub(crate) fn used(house: &House, rules: &Resolved) -> Vec<(Arc<Far>, Life)> {
    let life = |far: &Arc<Far>| if far.name == TIERS[1] { rules.l2 } else { rules.l3 };
    let with_life = |far: &Arc<Far>| (far.clone(), life(far));
    house.fars.iter().map(with_life).filter(|(_, life)| life.keeps()).collect()
}

impl Shared {
    fn tiered(&self, tenant: &str, name: &str) -> Tiered<Value> {
        let rules = self.rules.get(name).unwrap_or(&self.others).clone();
        let keys = self.keys.clone().filter(|_| rules.sealed);
        let owner = self.owners.number(tenant, name, rules.confidential);
        let (codec, signals) = (codec_of(&rules, keys), self.owners.at(owner).signals.clone());
        // Those without numbers of their own have nothing of their own to show either.
        if owner > 0 {
            signals.chooses(&codec);
        }
        Tiered(Arc::new(Inner {
            house: self.house.clone(),
            memory: self.memory_of(name).clone(),
            flights: self.flights.clone(),
            tenant: tenant.into(),
            name: name.into(),
            prefix: prefix(tenant, name),
            place: Place::new(tenant, name),
            fars: used(&self.house, &rules),
            form: Form::shaped(),
            codec,
            dictionary_kept: AtomicU64::default(),
            eye: self.eye_of(name).clone(),
            owner,
            signals,
            source: self.source(tenant, name, &rules),
            after: self.dependences.after(&self.own, tenant, name),
            following: self.eye_of(name).following(tenant),
            recent: rules.depends_on.iter().any(|one| one.refresh).then(Recent::default),
            rules,
        }))
    }

    /// Where the values of a namespace come from, if its rules say so.
    fn source(&self, tenant: &str, namespace: &str, rules: &Resolved) -> Option<Source<Value>> {
        self.bytes(tenant, namespace, rules).map(as_values)
    }

    fn bytes(&self, tenant: &str, namespace: &str, rules: &Resolved) -> Option<Source<Bytes>> {
        if let (Some(rows), Some(sql)) = (&rules.rows, &self.sql) {
            return Some(view::source(sql.clone(), rows, tenant));
        }
        let (template, fetch) = (rules.origin.clone()?, self.fetch.clone()?);
        let (tenant, namespace): (Box<str>, Box<str>) = (tenant.into(), namespace.into());
        Some(Arc::new(move |key, previous| {
            let filled = template.fill_address(|name| match name {
                "key" => Some(key),
                "tenant" => Some(tenant.as_bytes()),
                "namespace" => Some(namespace.as_bytes()),
                _ => None,
            });
            match filled {
                Some(address) => fetch.fetch(address, previous),
                // A key that would lead elsewhere has nothing there.
                None => Box::pin(std::future::ready(Ok(Loaded::Nothing))),
            }
        }))
    }

    pub(crate) fn warmups(&self) -> impl Iterator<Item = (&str, &Warmup)> {
        self.rules
            .iter()
            .flat_map(|(name, rules)| rules.warm.iter().map(move |warmup| (&**name, warmup)))
    }

    fn eye_of(&self, name: &str) -> &Arc<Eye> {
        self.eyes.get(name).unwrap_or(&self.other_eye)
    }

    fn memories(&self) -> impl Iterator<Item = &Arc<Memory<Value>>> {
        self.apart.values().chain([&self.memory])
    }

    fn memory_of(&self, name: &str) -> &Arc<Memory<Value>> {
        self.apart.get(name).unwrap_or(&self.memory)
    }
}

impl Ear for Shared {
    fn hear(&self, tenant: &str, namespace: &str, what: &Purge) {
        let kept = (&**self.memory_of(namespace), &*self.flights);
        purging(&self.house.events, (tenant, namespace), what, || {
            drop_from(kept, &prefix(tenant, namespace), what, self.house.generation(), false);
        });
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cache")
    }
}
