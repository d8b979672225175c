//! Namespaces: whose values, and of what.

use std::sync::Arc;
use std::time::Duration;

use flow::feed::{Coherence, Purge};
use flow::question::cache::When;
use flow::signal::{Counter, Registry};
use flow::{Clock, Result};

use crate::codes::TOO_LARGE;
use crate::config::Config;
use crate::glob;
use crate::memory::{Entry, Hit, Memory};

/// The cache of this node. Clones are the same cache.
#[derive(Clone)]
pub struct Cache(Arc<Shared>);

struct Shared {
    memory: Memory,
    clock: Clock,
    coherence: Option<Arc<Coherence>>,
    hits: Arc<Counter>,
    misses: Arc<Counter>,
}

impl Cache {
    /// A cache. With a [`Coherence`] it is one of several nodes' and believes
    /// itself only while it hears the feed.
    pub fn new(
        config: &Config,
        clock: Clock,
        coherence: Option<Arc<Coherence>>,
        registry: &Registry,
    ) -> Self {
        let bytes = registry.gauge("stockade_cache_memory_bytes", "Bytes kept in memory", &[]);
        let evicted = registry.counter(
            "stockade_cache_evictions_total",
            "Entries crowded out",
            &[("tier", "memory")],
        );
        let read = |result| {
            let help = "Reads by what they found";
            registry.counter("stockade_cache_reads_total", help, &[("result", result)])
        };
        let memory = Memory::new(config, clock.clone(), bytes, evicted);
        let (hits, misses) = (read("hit"), read("miss"));
        Self(Arc::new(Shared { memory, clock, coherence, hits, misses }))
    }

    /// The values of one tenant under one name. Nothing is made or kept for it.
    pub fn namespace<'a>(&'a self, tenant: &'a str, name: &'a str) -> Namespace<'a> {
        Namespace { cache: &self.0, tenant, name }
    }

    /// Holds less while memory is short, and more again when it is not; to be called now
    /// and then with how many bytes are in use of how many there are. The bytes it may
    /// hold from now on, if that changes.
    pub fn press(&self, used: u64, limit: u64) -> Option<u64> {
        self.0.memory.press(used, limit)
    }

    /// Frees what has expired; to be called now and then.
    pub fn sweep(&self) {
        self.0.memory.sweep(self.0.generation());
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cache")
    }
}

impl Shared {
    fn generation(&self) -> u64 {
        self.coherence.as_ref().map_or(0, |coherence| coherence.generation())
    }

    /// Whether what is remembered may be believed at this moment.
    fn coherent(&self) -> bool {
        let holds = |coherence: &Arc<Coherence>| coherence.holds(self.clock.moment());
        self.coherence.as_ref().is_none_or(holds)
    }
}

/// The values of one tenant under one name.
#[derive(Clone, Copy)]
pub struct Namespace<'a> {
    cache: &'a Shared,
    tenant: &'a str,
    name: &'a str,
}

impl Namespace<'_> {
    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<Hit> {
        let cache = self.cache;
        let hit = self.with_key(key, |key| cache.memory.get(key, cache.generation()));
        let hit = hit.filter(|_| cache.coherent());
        if hit.is_some() { &cache.hits } else { &cache.misses }.add(1);
        hit
    }

    /// Sets a key, if the condition is met; whether it was.
    pub fn set(&self, key: &[u8], entry: Entry, when: When) -> Result<bool> {
        let cache = self.cache;
        let size = (key.len() + entry.value.len()) as u64;
        let largest = cache.memory.largest();
        let too_large =
            || TOO_LARGE.error(format!("{size} bytes are more than the {largest} allowed"));
        if size > largest {
            return Err(too_large());
        }
        let set = |key: &[u8]| cache.memory.set(key, entry, when, cache.generation());
        self.with_key(key, set).ok_or_else(too_large)
    }

    /// Changes how long a key lives; whether it was there.
    pub fn expire(&self, key: &[u8], ttl: Option<Duration>) -> bool {
        let cache = self.cache;
        self.with_key(key, |key| cache.memory.expire(key, ttl, cache.generation()))
    }

    /// Removes a key; whether it was there.
    pub fn remove(&self, key: &[u8]) -> bool {
        let cache = self.cache;
        self.with_key(key, |key| cache.memory.remove(key, cache.generation()))
    }

    /// Drops what a purge names; how many.
    pub fn purge(&self, what: &Purge) -> u64 {
        let memory = &self.cache.memory;
        let prefix = self.prefix();
        match what {
            Purge::Key(key) => u64::from(self.remove(key)),
            Purge::All => memory.remove_if(|key, _| key.starts_with(&prefix)),
            Purge::Tag(tag) => memory.remove_if(|key, tags| {
                key.starts_with(&prefix) && tags.iter().any(|own| **own == **tag)
            }),
            Purge::Glob(pattern) => memory.remove_if(|key, _| {
                let own = key.strip_prefix(prefix.as_slice());
                own.is_some_and(|key| glob::matches(pattern.as_bytes(), key))
            }),
        }
    }

    /// Tenant and name, each with its length in front: no two namespaces share a
    /// key, whatever they are called.
    fn prefix(&self) -> Vec<u8> {
        let mut prefix = Vec::with_capacity(self.tenant.len() + self.name.len() + 8);
        self.write_prefix(&mut prefix);
        prefix
    }

    fn write_prefix(&self, into: &mut Vec<u8>) {
        for part in [self.tenant, self.name] {
            into.extend_from_slice(&(part.len() as u32).to_be_bytes());
            into.extend_from_slice(part.as_bytes());
        }
    }

    /// Short keys are put together on the stack of a thread-local buffer.
    fn with_key<T>(&self, key: &[u8], work: impl FnOnce(&[u8]) -> T) -> T {
        thread_local! {
            static WHOLE: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
        }
        WHOLE.with_borrow_mut(|whole| {
            whole.clear();
            self.write_prefix(whole);
            whole.extend_from_slice(key);
            work(whole)
        })
    }
}

#[cfg(test)]
mod tests {
    use flow::feed::{Arrival, Place, SILENCE};
    use flow::{Kind, Time};

    use super::*;

    fn cache(coherence: Option<Arc<Coherence>>, clock: &Clock) -> Cache {
        Cache::new(&Config::default(), clock.clone(), coherence, &Registry::default())
    }

    #[test]
    fn namespaces_share_nothing() {
        let cache = cache(None, &Clock::system());
        let places = [("a", "bc"), ("ab", "c"), ("", "abc"), ("abc", "")];
        for (tenant, name) in places {
            let value = Entry::new(format!("{tenant}/{name}"));
            cache.namespace(tenant, name).set(b"k", value, When::Always).unwrap();
        }
        for (tenant, name) in places {
            let hit = cache.namespace(tenant, name).get(b"k").unwrap();
            assert_eq!(hit.value, format!("{tenant}/{name}"));
        }
        assert_eq!(cache.namespace("a", "bc").purge(&Purge::All), 1);
        assert!(cache.namespace("ab", "c").get(b"k").is_some());
    }

    #[test]
    fn purges_drop_what_they_name() {
        let cache = cache(None, &Clock::system());
        let namespace = cache.namespace("main", "n");
        let tagged = Entry { tags: [Box::from("red")].into(), ..Entry::new("v") };
        for key in ["user:1", "user:2", "team:1"] {
            namespace.set(key.as_bytes(), Entry::new("v"), When::Always).unwrap();
        }
        namespace.set(b"tagged", tagged, When::Always).unwrap();
        assert_eq!(namespace.purge(&Purge::Tag("blue".into())), 0);
        assert_eq!(namespace.purge(&Purge::Tag("red".into())), 1);
        assert_eq!(namespace.purge(&Purge::Glob("user:*".into())), 2);
        assert_eq!(namespace.purge(&Purge::Key(b"team:1".to_vec())), 1);
        assert_eq!(namespace.purge(&Purge::All), 0);
    }

    #[test]
    fn a_value_over_a_tenth_is_refused_and_nothing_is_lost() {
        let cache = cache(None, &Clock::system());
        let namespace = cache.namespace("main", "n");
        namespace.set(b"k", Entry::new("old"), When::Always).unwrap();
        let large = Entry::new(vec![0; 21 << 20]);
        let error = namespace.set(b"k", large, When::Always).err().unwrap();
        assert_eq!(error.kind(), Kind::Invalid);
        assert_eq!(namespace.get(b"k").unwrap().value, "old");
    }

    #[test]
    fn a_node_that_hears_nothing_does_not_believe_itself() {
        let clock = Clock::manual(Time(0));
        let coherence = Arc::new(Coherence::default());
        let cache = cache(Some(coherence.clone()), &clock);
        let namespace = cache.namespace("main", "n");
        let hear = |arrival| coherence.hear(&arrival, clock.moment());
        namespace.set(b"k", Entry::new("v"), When::Always).unwrap();
        assert!(namespace.get(b"k").is_none(), "nothing heard yet");
        hear(Arrival::Heartbeat { place: Place(0) });
        assert!(namespace.get(b"k").is_some());
        clock.advance(SILENCE + Duration::from_nanos(2));
        assert!(namespace.get(b"k").is_none(), "silence");
        hear(Arrival::Heartbeat { place: Place(0) });
        assert!(namespace.get(b"k").is_some(), "nothing was missed");
        hear(Arrival::Gap { after: Place(0), resumed: Place(2) });
        assert!(namespace.get(b"k").is_none(), "something was");
    }
}
