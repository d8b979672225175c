//! What a cache costs, beside its peers in the same run, and what it finds meanwhile.
#![expect(clippy::unwrap_used, reason = "a benchmark that fails should stop there")]

mod support;

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use flow::Clock;
use foyer_memory::{CacheBuilder, S3FifoConfig};
use memory::{Cache, Tag, Terms};
use support::{figure, median, used, zipf};

const KEYS: u32 = 1_000_000;
const CAPACITY: usize = 100_000;
const EXPONENT: f64 = 0.99;
const ROUNDS: usize = 11;
/// Requests until a cache is full and its policy at home.
const WARM: usize = 2_000_000;
/// Requests of one round.
const ROUND: usize = 400_000;

fn main() {
    if support::only_tried() {
        return;
    }
    println!(
        "# Zipf {EXPONENT} over {KEYS} keys, capacity {CAPACITY}, u64 to u64; processor time of one thread, medians \
         of {ROUNDS} rounds of {ROUND} requests in turn with the peers. Ours has a time to live, a weight and a tag on \
         every entry. Two threads: by the clock on the wall, against one thread in the same round."
    );
    let requests = zipf(KEYS, EXPONENT, WARM + ROUNDS * ROUND, 7);
    let (warm, rounds) = requests.split_at(WARM);
    let subjects = subjects();
    for subject in &subjects {
        (subject.load)(warm);
    }
    loads(&subjects, rounds);
    hits(&subjects, rounds);
    threads(&subjects, warm, rounds);
}

/// Asks for keys; how many of them were there.
type Run = Box<dyn Fn(&[u32]) -> usize + Send + Sync>;

/// A cache under test. Whole rounds are behind the pointers, so that calls are not.
struct Subject {
    name: &'static str,
    /// Gets every key, and puts in what is not there; how many were.
    load: Run,
    /// Gets every key; how many were there.
    get: Run,
}

impl Subject {
    fn new<C: Clone + Send + Sync + 'static>(
        name: &'static str,
        cache: &C,
        load: impl Fn(&C, u64) -> bool + Send + Sync + 'static,
        get: impl Fn(&C, u64) -> bool + Send + Sync + 'static,
    ) -> Self {
        let (loads, gets) = (cache.clone(), cache.clone());
        Self {
            name,
            load: Box::new(move |keys| count(keys, |key| load(&loads, key))),
            get: Box::new(move |keys| count(keys, |key| get(&gets, key))),
        }
    }
}

fn count(keys: &[u32], found: impl Fn(u64) -> bool) -> usize {
    keys.iter().filter(|key| found(u64::from(**key))).count()
}

/// Ours first, then the peers, then ours without anything on its entries.
fn subjects() -> Vec<Subject> {
    vec![ours(), quick_cache(), moka(), foyer(), plain()]
}

fn ours() -> Subject {
    let cache: Cache<u64, u64> = Cache::builder().capacity(CAPACITY as u64).build();
    let load = |cache: &Cache<u64, u64>, key| {
        let found = cache.get(&key).is_some();
        if !found {
            let tags = [Tag::named("bench")];
            let terms = Terms::default().ttl(Duration::from_secs(3600)).weight(1).tags(&tags);
            cache.put(key, key, terms);
        }
        found
    };
    Subject::new("ours", &cache, load, |cache, key| black_box(cache.get(&key)).is_some())
}

fn plain() -> Subject {
    let cache: Cache<u64, u64> = Cache::builder().capacity(CAPACITY as u64).build();
    let load = |cache: &Cache<u64, u64>, key| {
        let found = cache.get(&key).is_some();
        if !found {
            cache.insert(key, key);
        }
        found
    };
    Subject::new("plain", &cache, load, |cache, key| black_box(cache.get(&key)).is_some())
}

fn quick_cache() -> Subject {
    type Quick = std::sync::Arc<quick_cache::sync::Cache<u64, u64>>;
    let cache = Quick::new(quick_cache::sync::Cache::new(CAPACITY));
    let load = |cache: &Quick, key| {
        let mut found = true;
        let value = cache.get_or_insert_with(&key, || {
            found = false;
            Ok::<_, Infallible>(key)
        });
        _ = black_box(value);
        found
    };
    Subject::new("quick_cache", &cache, load, |cache, key| black_box(cache.get(&key)).is_some())
}

fn moka() -> Subject {
    type Moka = moka::sync::Cache<u64, u64>;
    let cache = Moka::builder()
        .max_capacity(CAPACITY as u64)
        .time_to_live(Duration::from_secs(3600))
        .build();
    let load = |cache: &Moka, key| {
        let mut found = true;
        let value = cache.get_with(key, || {
            found = false;
            key
        });
        _ = black_box(value);
        found
    };
    Subject::new("moka", &cache, load, |cache, key| black_box(cache.get(&key)).is_some())
}

fn foyer() -> Subject {
    type Foyer = foyer_memory::Cache<u64, u64>;
    let config = S3FifoConfig::default();
    let cache: Foyer = CacheBuilder::new(CAPACITY).with_eviction_config(config).build();
    let load = |cache: &Foyer, key| {
        let found = cache.get(&key).is_some();
        if !found {
            _ = black_box(cache.insert(key, key));
        }
        found
    };
    Subject::new("foyer s3fifo", &cache, load, |cache, key| black_box(cache.get(&key)).is_some())
}

/// Gets or inserts: what it costs and what was there.
fn loads(subjects: &[Subject], rounds: &[u32]) {
    let mut costs = vec![Vec::new(); subjects.len()];
    let mut found = vec![0; subjects.len()];
    for keys in rounds.chunks(ROUND) {
        for ((subject, costs), found) in subjects.iter().zip(&mut costs).zip(&mut found) {
            let begun = used();
            *found += (subject.load)(keys);
            costs.push((used() - begun) / keys.len() as f64);
        }
    }
    let costs: Vec<f64> = costs.iter().map(|costs| median(costs)).collect();
    say("get or insert", &costs, subjects, "ns", "≤ 90");
    let part = |found: &usize| *found as f64 * 100.0 / rounds.len() as f64;
    let ratios: Vec<f64> = found.iter().map(part).collect();
    say("hits meanwhile", &ratios, subjects, "%", "");
}

/// Gets of what is there, each cache asked for what it has.
fn hits(subjects: &[Subject], rounds: &[u32]) {
    let mut costs = vec![Vec::new(); subjects.len()];
    for keys in rounds.chunks(ROUND) {
        // All look first, so that nobody's entries are nearer than the others'.
        let there: Vec<Vec<u32>> = subjects.iter().map(|subject| there(subject, keys)).collect();
        for ((subject, there), costs) in subjects.iter().zip(&there).zip(&mut costs) {
            let begun = used();
            let found = (subject.get)(there);
            costs.push((used() - begun) / there.len() as f64);
            assert_eq!(found, there.len(), "{} lost what it had", subject.name);
        }
    }
    let costs: Vec<f64> = costs.iter().map(|costs| median(costs)).collect();
    say("hit", &costs, subjects, "ns", "≤ 40");
}

fn there(subject: &Subject, keys: &[u32]) -> Vec<u32> {
    keys.iter().copied().filter(|key| (subject.get)(&[*key]) == 1).collect()
}

/// How much more two threads do than one.
fn threads(subjects: &[Subject], warm: &[u32], rounds: &[u32]) {
    let works: [(&str, Work); 2] = [
        ("two threads, get", |subject, keys| (subject.get)(keys)),
        ("two threads, get or insert", |subject, keys| (subject.load)(keys)),
    ];
    for (name, work) in works {
        let gains: Vec<Took> =
            subjects.iter().map(|subject| gain([subject, subject], rounds, work)).collect();
        let walls: Vec<f64> = gains.iter().map(|gain| gain.wall).collect();
        let processors: Vec<f64> = gains.iter().map(|gain| gain.processor).collect();
        say(name, &walls, subjects, "times one thread", "≥ 1.8");
        let name = format!("{name}, by processor time");
        say(&name, &processors, subjects, "times one thread", "");
    }
    // What this machine gives to two who have nothing to do with each other.
    let [one, other] = [ours(), ours()];
    [&one, &other].iter().for_each(|subject| _ = (subject.load)(warm));
    let apart = gain([&one, &other], rounds, |subject, keys| (subject.load)(keys));
    let name = "two threads, get or insert, a cache each";
    figure(name, apart.wall, "times one thread", "", &[]);
    let name = format!("{name}, by processor time");
    figure(&name, apart.processor, "times one thread", "", &[]);
}

type Work = fn(&Subject, &[u32]) -> usize;

/// Seconds, or how many times as many.
struct Took {
    wall: f64,
    /// Of the thread that used most: it counts no waiting but spinning, and is what is
    /// left of a gain when others have the machine.
    processor: f64,
}

/// The same work by one thread and by two, who goes first changing with the round.
fn gain(subjects: [&Subject; 2], rounds: &[u32], work: Work) -> Took {
    let [one, other] = subjects;
    let (mut walls, mut processors) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS - 1 {
        let keys = rounds.get(round * ROUND..(round + 2) * ROUND).unwrap();
        let (first, second) = keys.split_at(ROUND);
        // What is asked for is near for both.
        subjects.iter().for_each(|subject| _ = work(subject, keys));
        let alone = || together(&[(one, keys)], work);
        let both = || together(&[(one, first), (other, second)], work);
        let (alone, both) = match round % 2 {
            0 => (alone(), both()),
            _ => {
                let both = both();
                (alone(), both)
            }
        };
        walls.push(alone.wall / both.wall);
        processors.push(alone.processor / both.processor);
    }
    Took { wall: median(&walls), processor: median(&processors) }
}

/// How long it takes until all is done, each part on its own thread.
fn together(parts: &[(&Subject, &[u32])], work: Work) -> Took {
    let clock = Clock::system();
    let barrier = Barrier::new(parts.len() + 1);
    let part = |subject: &Subject, keys: &[u32]| {
        barrier.wait();
        let begun = used();
        black_box(work(subject, keys));
        (used() - begun) / 1e9
    };
    thread::scope(|scope| {
        let part = &part;
        let threads = parts.iter().map(|(subject, keys)| scope.spawn(move || part(subject, keys)));
        let threads: Vec<_> = threads.collect();
        barrier.wait();
        let begun = clock.moment();
        let used = threads.into_iter().map(|thread| thread.join().unwrap());
        let processor = used.fold(0.0, f64::max);
        Took { wall: clock.moment().since(begun).as_secs_f64(), processor }
    })
}

/// Ours beside the peers'; the one without anything by itself.
fn say(name: &str, values: &[f64], subjects: &[Subject], unit: &str, goal: &str) {
    let named = subjects.iter().zip(values).map(|(subject, value)| (subject.name, *value));
    let named: Vec<(&str, f64)> = named.collect();
    if let [(_, ours), peers @ .., (_, plain)] = named.as_slice() {
        figure(name, *ours, unit, goal, peers);
        figure(&format!("{name}, nothing on entries"), *plain, unit, "", &[]);
    }
}
