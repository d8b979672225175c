//! What a namespace is used for: hot keys, who reads, what was written in vain, what it saved.
//!
//! [`Analytics`] stands beside the reads: one count each, and of one read in sixteen also which
//! key. [`Figures`] are what it has seen; from them come a [`Score`] and [`advice`].
//! How long reads take is measured elsewhere.

mod advice;
mod figures;
mod score;
mod top;

use std::array;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use parking_lot::Mutex;
use twox_hash::XxHash3_64;

pub(crate) use advice::shorter;
pub use advice::{Advice, advice};
pub use figures::{Compressed, Evicted, Figures, Held, Loads, Reads, Unread, Used};
pub use score::{Part, Score};
pub(crate) use top::Top;

/// The number by which a key is counted here and in [`crate::learn`]: the same in every
/// release and on every machine. No secret; whoever chooses keys can make two alike, and
/// gains wrong figures by it, nothing else.
pub fn fingerprint(key: &[u8]) -> u64 {
    XxHash3_64::oneshot(key)
}

/// What a read found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A value in memory.
    Memory,
    /// A value in Redis.
    L2,
    /// A value in the table.
    L3,
    /// A value past its end, answered in need.
    Stale,
    /// That it is known that there is nothing.
    Nothing,
    /// No trace of the key.
    Absent,
    /// A value past its end.
    Expired,
    /// A value that was purged.
    Purged,
    /// Nobody looked: the caller asked for the origin.
    Bypassed,
    /// Nobody could look: a tier was away or not to be believed.
    Unavailable,
}

const KINDS_OF_READS: usize = Found::Unavailable as usize + 1;

/// What a load brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loaded {
    /// A value, and none was known before to compare it with.
    First,
    /// The same value as before.
    Same,
    /// Another value than before.
    Changed,
    /// That there is nothing.
    Nothing,
    /// An error, or no answer in time.
    Failed,
}

const KINDS_OF_LOADS: usize = Loaded::Failed as usize + 1;
/// One read in so many is looked at closely.
pub(crate) const SAMPLED: u64 = 16;
const HOT_KEYS: usize = 64;
const NEVER_READ: usize = 32;
const PRINCIPALS: usize = 32;
/// Longer keys and names are shown up to here.
const SHOWN_MAX: usize = 128;

/// What one namespace is used for.
pub struct Analytics {
    confidential: bool,
    reads: [AtomicU64; KINDS_OF_READS],
    loads: [AtomicU64; KINDS_OF_LOADS],
    load_nanos: AtomicU64,
    written: AtomicU64,
    evicted: [AtomicU64; 2],
    compressed: [AtomicU64; 3],
    ended: [AtomicU64; 2],
    sampled: Mutex<Sampled>,
}

struct Sampled {
    keys: Top<Shown>,
    never_read: Top<Shown>,
    principals: Top<Shown>,
}

/// How a key or a name may be shown.
struct Shown {
    hash: [u8; 8],
    text: Option<Box<str>>,
}

impl Analytics {
    /// Of a confidential namespace keys are shown only as hashes.
    pub fn new(confidential: bool) -> Self {
        Self {
            confidential,
            reads: counts(),
            loads: counts(),
            load_nanos: AtomicU64::new(0),
            written: AtomicU64::new(0),
            evicted: counts(),
            compressed: counts(),
            ended: counts(),
            sampled: Mutex::new(Sampled {
                keys: Top::new(HOT_KEYS),
                never_read: Top::new(NEVER_READ),
                principals: Top::new(PRINCIPALS),
            }),
        }
    }

    /// A key was read; `hash` is its [`fingerprint`].
    pub fn read(&self, key: &[u8], hash: u64, found: Found) {
        let kind = found as usize;
        let Some(count) = self.reads.get(kind) else { return };
        let number = count.fetch_add(1, Relaxed);
        if scattered(number ^ ((kind as u64) << 56)) < u64::MAX / SAMPLED {
            self.look_closely(key, hash);
        }
    }

    /// A key was read, of which nothing more is to be known.
    pub fn count(&self, found: Found) {
        if let Some(count) = self.reads.get(found as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// A key was read, and sixteen reads like this: whoever calls has drawn one of them.
    pub fn read_sampled(&self, key: &[u8], hash: u64, found: Found) {
        let Some(count) = self.reads.get(found as usize) else { return };
        count.fetch_add(SAMPLED, Relaxed);
        self.look_closely(key, hash);
    }

    /// If another thread is just at it, this read is left out: no read waits for a figure.
    #[cold]
    fn look_closely(&self, key: &[u8], hash: u64) {
        let Some(mut sampled) = self.sampled.try_lock() else { return };
        let show = !self.confidential;
        sampled.keys.seen(hash, || Shown::new(key, show));
    }

    /// Who made one of sixteen reads.
    pub fn principal(&self, principal: &str) {
        let Some(mut sampled) = self.sampled.try_lock() else { return };
        let who = fingerprint(principal.as_bytes());
        sampled.principals.seen(who, || Shown::new(principal.as_bytes(), true));
    }

    /// One of sixteen values that came to their end and had never been read.
    pub fn never_read(&self, key: &[u8]) {
        let Some(mut sampled) = self.sampled.try_lock() else { return };
        let show = !self.confidential;
        sampled.never_read.seen(fingerprint(key), || Shown::new(key, show));
    }

    /// A value was written.
    pub fn written(&self) {
        self.written.fetch_add(1, Relaxed);
    }

    /// A value came to its end; whether it had ever been read.
    pub fn ended(&self, was_read: bool) {
        let [unread, read] = &self.ended;
        if was_read { read } else { unread }.fetch_add(1, Relaxed);
    }

    /// A value large enough to be made smaller was, from so many bytes to so many.
    pub fn compressed(&self, plain: usize, stored: usize) {
        let [values, plains, storeds] = &self.compressed;
        values.fetch_add(1, Relaxed);
        plains.fetch_add(plain as u64, Relaxed);
        storeds.fetch_add(stored as u64, Relaxed);
    }

    /// A value was crowded out; whether it had ever been read.
    pub fn evicted(&self, was_read: bool) {
        let [unread, read] = &self.evicted;
        if was_read { read } else { unread }.fetch_add(1, Relaxed);
    }

    /// The origin was asked.
    pub fn loaded(&self, took: Duration, what: Loaded) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.load_nanos.fetch_add(nanos, Relaxed);
        if let Some(count) = self.loads.get(what as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// Lets what is long past count less; to be called regularly.
    pub fn turn(&self) {
        let mut sampled = self.sampled.lock();
        sampled.keys.halve();
        sampled.never_read.halve();
        sampled.principals.halve();
    }

    /// What was seen so far. What it holds now, somebody else counts.
    pub fn figures(&self, held: Held) -> Figures {
        let reads = |found: Found| self.reads.get(found as usize).map_or(0, read);
        let loads = |what: Loaded| self.loads.get(what as usize).map_or(0, read);
        let ([crowded, was_read], [values, plain, stored]) = (&self.evicted, &self.compressed);
        let [ended_unread, ended_read] = &self.ended;
        let unread = read(ended_unread) + read(crowded);
        let settled = unread + read(ended_read) + read(was_read);
        let sampled = self.sampled.lock();
        Figures {
            reads: Reads {
                memory: reads(Found::Memory),
                l2: reads(Found::L2),
                l3: reads(Found::L3),
                stale: reads(Found::Stale),
                nothing: reads(Found::Nothing),
                absent: reads(Found::Absent),
                expired: reads(Found::Expired),
                purged: reads(Found::Purged),
                bypassed: reads(Found::Bypassed),
                unavailable: reads(Found::Unavailable),
            },
            loads: Loads {
                first: loads(Loaded::First),
                same: loads(Loaded::Same),
                changed: loads(Loaded::Changed),
                nothing: loads(Loaded::Nothing),
                failed: loads(Loaded::Failed),
                nanos: read(&self.load_nanos),
            },
            written: read(&self.written),
            evicted: Evicted { read: read(was_read), unread: read(crowded) },
            compressed: Compressed {
                values: read(values),
                plain: read(plain),
                stored: read(stored),
            },
            unread: Unread { settled, unread },
            held,
            never_read: used(&sampled.never_read),
            hot: used(&sampled.keys),
            principals: used(&sampled.principals),
        }
    }
}

impl std::fmt::Debug for Analytics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Analytics")
    }
}

fn counts<const N: usize>() -> [AtomicU64; N] {
    array::from_fn(|_| AtomicU64::new(0))
}

fn read(count: &AtomicU64) -> u64 {
    count.load(Relaxed)
}

/// A number of which every bit depends on every bit of this one: reads in a rhythm would
/// otherwise be sampled in that rhythm, and always the same key be seen.
fn scattered(number: u64) -> u64 {
    let mixed = (number ^ (number >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

impl Shown {
    fn new(bytes: &[u8], with_text: bool) -> Self {
        let whole = digest(&SHA256, bytes);
        let hash = whole.as_ref().first_chunk().copied().unwrap_or_default();
        let shown = bytes.get(..SHOWN_MAX).unwrap_or(bytes);
        let text = with_text.then(|| String::from_utf8_lossy(shown).into());
        Self { hash, text }
    }
}

fn used(top: &Top<Shown>) -> Vec<Used> {
    let used = top.ranked().into_iter().map(|(count, shown)| Used {
        hash: shown.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        text: shown.text.as_deref().map(str::to_owned),
        times: count * SAMPLED,
    });
    used.collect()
}

#[cfg(test)]
mod tests;
