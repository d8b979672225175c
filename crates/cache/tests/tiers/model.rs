//! What was purged is never answered again, whatever raced the purge.
//!
//! Some nodes with memory of their own, on one feed and one or two shared tiers, the nearer of
//! one to three servers, do random things; the tiers and the feed misbehave. A value is the version its origin had when it
//! was read. After a purge that began when the origin was at some version was acknowledged
//! and heard, no older version may be answered: at once by a node that heard of it, and by
//! all when everything has come to rest. Every run follows from its seed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use cache::rules::Rules;
use cache::{Cache, Config, Ground, Loaded, Previous, Terms, Tiered};
use flow::feed::{Announcer, Coherence, Heard, HexKey, Listener, MemoryFeed, Purge};
use flow::unit::Span;
use flow::{Clock, Moment, Random, Time};
use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use values::Value;

use crate::ears::{Ears, State};
use crate::store::{Store, Way};

const KEYS: usize = 3;
const STEPS: usize = 120;
/// Whoever learned something longer ago does not write it down.
const LATE: Duration = Duration::from_secs(60);
/// Of what is not over.
const NEVER: Moment = Moment(u64::MAX);

/// What is known to be true, and what must not be answered any more.
#[derive(Default)]
struct World {
    step: u64,
    versions: [u64; KEYS],
    /// When the explicit write of a version was over; none while it goes on.
    sets: HashMap<(usize, u64), Option<u64>>,
    purged: Vec<Purged>,
    history: Vec<String>,
    violation: Option<String>,
}

/// A purge of a key.
struct Purged {
    key: usize,
    /// Older ones must not be answered.
    floor: u64,
    begun: u64,
    by: u64,
    /// When it was over, if only the key itself remembers that it was purged.
    alone: Option<Moment>,
    /// The place in the feed by which every node has heard of it; none until it was
    /// acknowledged.
    heard: Option<u64>,
}

struct Plane {
    clock: Clock,
    random: Random,
    feed: MemoryFeed,
    /// Those that share the keys of the nearer tier, and after them the further tier.
    stores: Vec<Arc<Store>>,
    shards: usize,
    config: Config,
    world: Mutex<World>,
    nodes: Mutex<Vec<Arc<Node>>>,
    tasks: Mutex<Vec<(u64, JoinHandle<()>)>>,
}

struct Node {
    number: u64,
    cache: Cache,
    values: Tiered<Value>,
    ways: Vec<Arc<Way>>,
    ears: Arc<State>,
    listening: JoinHandle<()>,
}

fn name(key: usize) -> String {
    format!("k{key}")
}

fn tag(key: usize) -> String {
    format!("t{}", key % 2)
}

/// No version that ends in seven exists.
fn exists(version: u64) -> bool {
    version % 10 != 7
}

fn value(version: u64) -> Value {
    version.to_string().into()
}

fn version(value: &Value) -> u64 {
    std::str::from_utf8(value.as_text().unwrap()).unwrap().parse().unwrap()
}

impl World {
    fn note(&mut self, what: String) -> u64 {
        self.step += 1;
        self.history.push(format!("{:5} {what}", self.step));
        self.step
    }

    /// The purges that a node which has heard so far must respect.
    fn floors(&self, key: usize, node: u64, heard: u64) -> Vec<(u64, u64)> {
        let known = |purged: &&Purged| {
            let far = purged.heard.is_some_and(|place| purged.by == node || place <= heard);
            purged.key == key && far
        };
        self.purged.iter().filter(known).map(|purged| (purged.floor, purged.begun)).collect()
    }

    fn judge(&mut self, node: u64, key: usize, version: u64, floors: &[(u64, u64)], how: &str) {
        let set = self.sets.get(&(key, version)).copied();
        let broken = floors.iter().find(|(floor, begun)| {
            // Whoever writes while it is purged may come later.
            let later = set.is_some_and(|end| end.is_none_or(|end| end > *begun));
            version < *floor && !later
        });
        if let Some((floor, begun)) = broken {
            let what = format!(
                "node {node} answers version {version} of k{key} to {how}, though {floor} was \
                 current at the purge of step {begun}"
            );
            self.note(what.clone());
            self.violation.get_or_insert(what);
        }
    }
}

impl Plane {
    fn new(seed: u64) -> Arc<Self> {
        let (clock, random) = (Clock::manual(Time(1 << 60)), Random::seeded(seed));
        let shards = 1 + random.below(3) as usize;
        let stores = shards + random.below(2) as usize;
        let stores: Vec<_> = (0..stores).map(|_| Store::new(&clock, &random)).collect();
        let secs = |from: u64, most: u64| Some(Span::secs(from + random.below(most)));
        let odds = |one_in: u64| random.below(one_in) == 0;
        let rules = Rules {
            memory_ttl: secs(1, 20),
            l2_ttl: secs(2, 40),
            l3_ttl: secs(4, 80),
            memory: Some(!odds(5)),
            stale: if odds(2) { secs(1, 30) } else { None },
            nothing_ttl: if odds(2) { secs(1, 10) } else { None },
            early_percent: odds(2).then_some(50),
            soft_timeout: if odds(2) { Some(Span::millis(100)) } else { None },
            ..Rules::default()
        };
        let mut config = Config::default();
        config.namespaces.insert("n".into(), rules);
        for breaker in [&mut config.l2.breaker, &mut config.l3.breaker] {
            breaker.open = Span::millis(300);
        }
        let feed = MemoryFeed::new(clock.clone(), 1 << 16);
        let plane = Arc::new(Self {
            clock,
            random,
            feed,
            stores,
            shards,
            config,
            world: Mutex::default(),
            nodes: Mutex::default(),
            tasks: Mutex::default(),
        });
        for number in 0..2 + plane.random.below(2) {
            let node = plane.node(number);
            plane.nodes.lock().push(node);
        }
        plane
    }

    fn node(&self, number: u64) -> Arc<Node> {
        let (clock, random) = (self.clock.clone(), self.random.clone());
        let (feed, ears) = Ears::new(&self.feed, &self.stores[0]);
        let ways: Vec<_> = self.stores.iter().map(Store::way).collect();
        let coherence = Arc::new(Coherence::default());
        let announcer = Announcer::new(feed.clone(), clock.clone());
        let shards = ways.iter().take(self.shards);
        let ground = Ground {
            clock: clock.clone(),
            random,
            l2: shards.map(|way| way.clone() as _).collect(),
            l3: ways.get(self.shards).map(|way| way.clone() as _),
            fleet: Some((coherence.clone(), Arc::new(announcer))),
            ..Ground::default()
        };
        let cache = Cache::new(&self.config, ground).unwrap();
        let values = cache.namespace("main", "n");
        let heard_by = cache.clone();
        let listening = tokio::spawn(async move {
            let listener = Listener { feed, coherence, clock };
            let hear = |heard| {
                if let Heard::Notice(notice) = heard {
                    heard_by.hear(&notice);
                }
            };
            listener.run(hear).await;
        });
        Arc::new(Node { number, cache, values, ways, ears, listening })
    }

    fn note(&self, what: impl Into<String>) -> u64 {
        self.world.lock().note(what.into())
    }

    fn odds(&self, one_in: u64) -> bool {
        self.random.below(one_in) == 0
    }

    fn floors(&self, node: &Node, key: usize) -> Vec<(u64, u64)> {
        self.world.lock().floors(key, node.number, node.ears.heard.load(SeqCst))
    }

    fn do_on(self: &Arc<Self>, node: &Node, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.lock().push((node.number, tokio::spawn(work)));
    }

    async fn turns(&self, most: u64) {
        for _ in 0..self.random.below(most) {
            tokio::task::yield_now().await;
        }
    }

    /// A loader: reads the origin in its own time.
    fn loader(
        self: &Arc<Self>,
        key: usize,
    ) -> impl FnOnce(
        Option<Previous<Value>>,
    ) -> futures_util::future::BoxFuture<'static, Result<Loaded<Value>, String>>
    + Send
    + 'static {
        let plane = self.clone();
        move |previous| {
            Box::pin(async move {
                plane.turns(10).await;
                let now = plane.world.lock().versions[key];
                let slow = plane.random.below(12) * plane.random.below(500);
                if plane.odds(3) {
                    plane.clock.sleep(Duration::from_millis(slow)).await;
                }
                plane.turns(40).await;
                if plane.odds(8) {
                    return Err("the origin is away".to_owned());
                }
                if !exists(now) {
                    return Ok(Loaded::Nothing);
                }
                let known = previous.and_then(|previous| previous.version);
                if known.is_some_and(|known| *known == *now.to_string()) {
                    return Ok(Loaded::Unchanged);
                }
                Ok(Loaded::Value(value(now), plane.terms(key, now)))
            })
        }
    }

    fn terms(&self, key: usize, version: u64) -> Terms {
        let ttl = self.odds(4).then(|| Duration::from_secs(1 + self.random.below(5)));
        let version = self.odds(2).then(|| version.to_string().into());
        Terms { ttl, tags: vec![tag(key).into()], version, ..Terms::default() }
    }

    fn read(self: &Arc<Self>, node: Arc<Node>, key: usize) {
        let plane = self.clone();
        let kind = self.random.below(5);
        self.do_on(&node.clone(), async move {
            plane.turns(10).await;
            let floors = plane.floors(&node, key);
            let (how, found) = match kind {
                0 => ("get", node.values.get(name(key)).await.ok().map(|hit| hit.value)),
                1 => {
                    let load = plane.loader(key);
                    ("refresh", node.values.refresh(name(key), load).await.ok().flatten())
                }
                _ => {
                    let load = plane.loader(key);
                    ("load", node.values.find_or_load(name(key), load).await.ok().flatten())
                }
            };
            if let Some(found) = found {
                let version = version(&found);
                let mut world = plane.world.lock();
                world.note(format!("node {} {how} k{key}: {version}", node.number));
                world.judge(node.number, key, version, &floors, how);
            }
        });
    }

    fn write(self: &Arc<Self>, node: Arc<Node>, key: usize) {
        let plane = self.clone();
        self.do_on(&node.clone(), async move {
            let (version, number) = {
                let mut world = plane.world.lock();
                world.versions[key] += if exists(world.versions[key] + 1) { 1 } else { 2 };
                let version = world.versions[key];
                world.sets.insert((key, version), None);
                let number = world.note(format!("node {} sets k{key} to {version}", node.number));
                (version, number)
            };
            let terms = plane.terms(key, version);
            let set = node.values.set(name(key), value(version), terms).await;
            let mut world = plane.world.lock();
            let end = world.note(format!("the set of step {number}: {}", outcome(&set)));
            if set.is_ok() {
                world.sets.insert((key, version), Some(end));
            }
        });
    }

    fn expire(self: &Arc<Self>, node: Arc<Node>, key: usize) {
        let plane = self.clone();
        let ttl = Duration::from_millis(500 + self.random.below(20_000));
        self.do_on(&node.clone(), async move {
            let number = plane.note(format!("node {} gives k{key} {ttl:?}", node.number));
            let done = node.values.expire(name(key).as_bytes(), Some(ttl)).await;
            plane.note(format!("the life of step {number}: {}", outcome(&done)));
        });
    }

    fn purge(self: &Arc<Self>, node: Arc<Node>, key: usize) {
        let plane = self.clone();
        let every = |picked: &dyn Fn(usize) -> bool| (0..KEYS).filter(|key| picked(*key)).collect();
        let (what, keys): (_, Vec<usize>) = match self.random.below(8) {
            0..3 => (Purge::Key(name(key).into()), vec![key]),
            3 => (
                Purge::Keys((0..KEYS).map(|key| HexKey(name(key).into())).collect()),
                every(&|_| true),
            ),
            4 | 5 => (Purge::Tag(tag(key)), every(&|other| tag(other) == tag(key))),
            6 => (Purge::Glob(format!("?{key}")), vec![key]),
            _ => (Purge::All, every(&|_| true)),
        };
        self.do_on(&node.clone(), async move {
            let first = {
                let mut world = plane.world.lock();
                for key in &keys {
                    world.versions[*key] += 1;
                }
                let versions = world.versions;
                let begun =
                    world.note(format!("node {} purges {what:?} {versions:?}", node.number));
                for key in keys {
                    let (floor, by) = (versions[key], node.number);
                    let alone = matches!(what, Purge::Key(_) | Purge::Keys(_)).then_some(NEVER);
                    world.purged.push(Purged { key, floor, begun, by, alone, heard: None });
                }
                begun
            };
            let done = node.values.purge(&what).await;
            let last = node.ears.said.load(SeqCst);
            let mut world = plane.world.lock();
            world.note(format!("the purge of step {first}: {}", outcome(&done)));
            if done.is_ok() {
                let these = world.purged.iter_mut().filter(|purged| purged.begun == first);
                let now = plane.clock.moment();
                these.for_each(|purged| {
                    purged.heard = Some(last);
                    purged.alone = purged.alone.map(|_| now);
                });
            }
        });
    }

    async fn misbehave(self: &Arc<Self>, node: &Arc<Node>) {
        let store = &self.stores[self.random.below(self.stores.len() as u64) as usize];
        let way = &node.ways[self.random.below(node.ways.len() as u64) as usize];
        match self.random.below(14) {
            0 => {
                let away = !store.away.load(SeqCst);
                self.note(format!("a tier is away: {away}"));
                store.away.store(away, SeqCst);
            }
            1 | 2 => {
                let cut = !way.cut.load(SeqCst);
                self.note(format!("node {} is cut off a tier: {cut}", node.number));
                way.cut.store(cut, SeqCst);
            }
            3 => {
                let failing = self.random.below(4) * 80;
                self.note(format!("a tier fails {failing} of 1000"));
                store.failing.store(failing, SeqCst);
            }
            4 => {
                self.note(format!("node {} misses a notice", node.number));
                node.ears.losing.store(true, SeqCst);
            }
            5 => {
                let mute = !node.ears.mute.load(SeqCst);
                self.note(format!("node {} cannot be heard: {mute}", node.number));
                node.ears.mute.store(mute, SeqCst);
            }
            6 => {
                let there = store.evict("main:n#").await;
                self.note(format!("a ground is forgotten: {there}"));
            }
            7 | 8 => {
                let there = store.evict("main:n!").await;
                self.note(format!("a mark is forgotten: {there}"));
            }
            9 => {
                self.note("a tier is saved");
                store.save().await;
            }
            10 => {
                self.note("a tier is rolled back");
                store.roll_back().await;
            }
            11 => {
                let key = self.random.below(KEYS as u64) as usize;
                let there = store.evict(&format!("main:n={}", name(key))).await;
                self.note(format!("k{key} is forgotten: {there}"));
                if there {
                    self.forget_grave(key);
                }
            }
            _ => self.restart(node),
        }
    }

    /// A tombstone may be gone before its time: whoever was loading when the key was purged
    /// may write then. Those who began longer ago may not.
    fn forget_grave(&self, key: usize) {
        let now = self.clock.moment();
        let excused = |purged: &Purged| {
            purged.key == key && purged.alone.is_some_and(|at| now.since(at) <= LATE)
        };
        self.world.lock().purged.retain(|purged| !excused(purged));
    }

    /// A node dies, and what it was at with it; a new one comes in its place.
    fn restart(self: &Arc<Self>, node: &Arc<Node>) {
        let mut nodes = self.nodes.lock();
        let next = nodes.iter().map(|node| node.number).max().unwrap_or(0) + 1;
        let Some(place) = nodes.iter().position(|known| known.number == node.number) else {
            return;
        };
        self.note(format!("node {} dies, and node {next} comes", node.number));
        let of_it = |(number, _): &mut (u64, JoinHandle<()>)| *number == node.number;
        self.tasks.lock().extract_if(.., of_it).for_each(|(_, task)| task.abort());
        node.listening.abort();
        // What it owed, and did not say to be done, nobody knows any more.
        self.world.lock().purged.retain(|purged| purged.heard.is_some());
        nodes[place] = self.node(next);
    }

    async fn step(self: &Arc<Self>) {
        let nodes = self.nodes.lock().clone();
        let node = nodes[self.random.below(nodes.len() as u64) as usize].clone();
        let key = self.random.below(KEYS as u64) as usize;
        match self.random.below(24) {
            0..10 => self.read(node, key),
            10 | 11 => self.write(node, key),
            12 => self.expire(node, key),
            13..17 => self.purge(node, key),
            17 => {
                let mut world = self.world.lock();
                world.versions[key] += 1;
                world.note(format!("k{key} changes"));
            }
            18 => {
                let millis = self.random.below(20) * self.random.below(2000);
                self.note(format!("{millis} ms"));
                self.clock.advance(Duration::from_millis(millis));
            }
            19 if self.random.below(2) == 0 => self.misbehave(&node).await,
            _ => {
                self.clock.advance(Duration::from_millis(self.random.below(30)));
                self.turns(60).await;
            }
        }
        self.turns(12).await;
    }

    /// Does this while time goes on.
    async fn drive<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            for _ in 0..50 {
                if let Some(done) = work.as_mut().now_or_never() {
                    return done;
                }
                tokio::task::yield_now().await;
            }
            self.clock.advance(Duration::from_millis(50));
        }
    }

    /// Everything works again, and everybody comes to the end of what they do.
    async fn rest(self: &Arc<Self>) {
        for store in &self.stores {
            store.away.store(false, SeqCst);
            store.failing.store(0, SeqCst);
        }
        let nodes = self.nodes.lock().clone();
        for node in &nodes {
            node.ways.iter().for_each(|way| way.cut.store(false, SeqCst));
            node.ears.mute.store(false, SeqCst);
            node.ears.losing.store(false, SeqCst);
        }
        for round in 0.. {
            for _ in 0..200 {
                tokio::task::yield_now().await;
            }
            self.clock.advance(Duration::from_millis(100));
            self.tasks.lock().retain(|(_, task)| !task.is_finished());
            let last = nodes.iter().map(|node| node.ears.said.load(SeqCst)).max().unwrap_or(0);
            let heard = nodes.iter().all(|node| node.ears.heard.load(SeqCst) >= last);
            let paid = nodes.iter().all(|node| node.cache.owes_nothing());
            if round > 12 && heard && paid && self.tasks.lock().is_empty() {
                break;
            }
            if round > 2000 {
                let left = self.tasks.lock().len();
                let what = format!("it never rests: {left} tasks, heard {heard}, paid {paid}");
                self.world.lock().violation.get_or_insert(what);
                return;
            }
        }
        self.note("rest");
        self.world.lock().purged.iter_mut().for_each(|purged| purged.heard = Some(0));
        for node in &nodes {
            for key in 0..KEYS {
                for how in ["get", "load"] {
                    let floors = self.floors(node, key);
                    let found = match how {
                        "get" => {
                            self.drive(node.values.get(name(key))).await.ok().map(|hit| hit.value)
                        }
                        _ => {
                            // It may be asked later than this, behind who was answered.
                            let plane = self.clone();
                            let load = move |_| async move {
                                let now = plane.world.lock().versions[key];
                                let terms = plane.terms(key, now);
                                Ok::<_, String>(Loaded::Value(value(now), terms))
                            };
                            let found = node.values.find_or_load(name(key), load);
                            self.drive(found).await.ok().flatten()
                        }
                    };
                    let Some(found) = found else { continue };
                    let how = format!("{how}, at rest");
                    self.world.lock().judge(node.number, key, version(&found), &floors, &how);
                }
            }
        }
        let mut world = self.world.lock();
        let ended = world.note("all may begin again".to_owned());
        world.sets.values_mut().filter(|end| end.is_none()).for_each(|end| *end = Some(ended));
        // Of every key only the last purge says something still.
        let last: HashMap<usize, u64> =
            world.purged.iter().map(|purged| (purged.key, purged.floor)).collect();
        world.purged.retain(|purged| last[&purged.key] == purged.floor);
    }

    async fn run(self: &Arc<Self>) {
        for _ in 0..3 {
            for store in &self.stores {
                store.pauses.store(self.random.below(12), SeqCst);
            }
            for _ in 0..STEPS {
                self.step().await;
                if self.world.lock().violation.is_some() {
                    return;
                }
            }
            self.rest().await;
        }
    }
}

fn outcome<T: std::fmt::Debug>(result: &flow::Result<T>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.story(),
    }
}

/// What went wrong in the run of this seed, and what had happened.
fn violation(seed: u64) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let plane = runtime.block_on(async {
        let plane = Plane::new(seed);
        plane.run().await;
        plane
    });
    let world = plane.world.lock();
    let violation = world.violation.as_ref()?;
    let history = world.history.join("\n");
    let (shards, stores) = (plane.shards, plane.stores.len());
    Some(format!("seed {seed}, {shards} of {stores} stores are near:\n{history}\n{violation}"))
}

#[test]
fn what_was_purged_is_never_answered_again() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let long = std::env::var_os("STOCKADE_TEST_LONG").is_some();
    let first = number("STOCKADE_TEST_SEED");
    let count = number("STOCKADE_TEST_SEEDS").unwrap_or(if long { 20_000 } else { 120 });
    let from = first.unwrap_or(0);
    for seed in from..from + first.map_or(count, |_| number("STOCKADE_TEST_SEEDS").unwrap_or(1)) {
        if let Some(violation) = violation(seed) {
            panic!("{violation}");
        }
    }
}

#[test]
fn a_run_follows_from_its_seed() {
    let history = |seed| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let plane = Plane::new(seed);
            plane.run().await;
            plane.world.lock().history.clone()
        })
    };
    assert_eq!(history(3), history(3));
}
