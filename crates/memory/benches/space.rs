//! What an entry takes, beside its peers, by counting every byte that is allocated.
#![expect(unsafe_code, reason = "a counting allocator is the only way to see an allocation")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System as Heap};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use foyer_memory::{CacheBuilder, S3FifoConfig};
use memory::{Cache, Tag, Terms};
use support::figure;

struct Counting;

static LIVE: AtomicI64 = AtomicI64::new(0);

// SAFETY: every call is handed to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as i64, Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { Heap.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as i64, Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { Heap.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ENTRIES: u64 = 1_000_000;

fn main() {
    if support::only_tried() {
        return;
    }
    println!(
        "# Bytes allocated and not given back, the cache itself included, by the number of entries: a cache for {ENTRIES}, \
         u64 to u64, when as many were put in, and when as many again were. Ours has a time to live, a weight and a tag \
         on every entry."
    );
    for (when, puts) in [("full", ENTRIES), ("turned over", 2 * ENTRIES)] {
        let peers = [
            ("quick_cache", quick_cache(puts)),
            ("moka", moka(puts)),
            ("foyer s3fifo", foyer(puts)),
        ];
        figure(&format!("an entry, {when}"), ours(puts), "bytes", "≤ 80", &peers);
        figure(&format!("an entry, {when}, nothing on it"), plain(puts), "bytes", "", &[]);
    }
}

/// What `fill` leaves allocated, for each of the entries it counts.
fn per_entry<C>(fill: impl FnOnce() -> C, entries: impl Fn(&C) -> u64) -> f64 {
    let before = LIVE.load(Relaxed);
    let cache = fill();
    let taken = LIVE.load(Relaxed) - before;
    taken as f64 / entries(&cache) as f64
}

fn ours(puts: u64) -> f64 {
    let fill = || {
        let cache: Cache<u64, u64> = Cache::builder().capacity(ENTRIES).build();
        let tags = [Tag::named("bench")];
        for key in 0..puts {
            // Times to live differ, as those of real entries do.
            let ttl = Duration::from_secs(600 + key % 3600);
            cache.put(key, key, Terms::default().ttl(ttl).weight(1).tags(&tags));
        }
        cache
    };
    per_entry(fill, |cache| cache.len() as u64)
}

fn plain(puts: u64) -> f64 {
    let fill = || {
        let cache: Cache<u64, u64> = Cache::builder().capacity(ENTRIES).build();
        (0..puts).for_each(|key| _ = cache.insert(key, key));
        cache
    };
    per_entry(fill, |cache| cache.len() as u64)
}

fn quick_cache(puts: u64) -> f64 {
    let fill = || {
        let cache = quick_cache::sync::Cache::new(ENTRIES as usize);
        (0..puts).for_each(|key| cache.insert(key, key));
        cache
    };
    per_entry(fill, |cache| cache.len() as u64)
}

fn moka(puts: u64) -> f64 {
    let fill = || {
        let cache = moka::sync::Cache::builder()
            .max_capacity(ENTRIES)
            .time_to_live(Duration::from_secs(3600))
            .build();
        (0..puts).for_each(|key| cache.insert(key, key));
        cache.run_pending_tasks();
        cache
    };
    per_entry(fill, |cache| cache.entry_count())
}

fn foyer(puts: u64) -> f64 {
    let fill = || {
        let config = S3FifoConfig::default();
        let builder = CacheBuilder::new(ENTRIES as usize).with_eviction_config(config);
        let cache: foyer_memory::Cache<u64, u64> = builder.build();
        (0..puts).for_each(|key| _ = cache.insert(key, key));
        cache
    };
    per_entry(fill, |cache| cache.entries() as u64)
}
