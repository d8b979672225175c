//! How to make values smaller, chosen by what it gains on the values there really are.
//!
//! Some of the values that are written are kept aside, small ones apart from large ones. When
//! there are enough, each means is tried on them: the cheapest is taken that saves as much as
//! is asked, and a dearer one only if it makes what that leaves smaller by as much again. A
//! dictionary is trained on one half of the small values and judged by the other. After some
//! thousand values more all of it is done again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use flow::Clock;
use parking_lot::{Mutex, RwLock};

use super::compress::Compression;
use super::dictionary::{Dictionary, VALUE_MAX};

/// Values that are kept aside of either size, ...
const TAKEN: [usize; 2] = [256, 32];
/// ... as long as they have no more bytes than this together.
const BYTES_MAX: [usize; 2] = [256 << 10, 1 << 20];
/// After so many values more it is chosen again.
const AGAIN: u64 = 8192;
/// A smaller value is not worth looking at.
const VALUE_MIN: usize = 32;
const SIZES: [&str; 2] = ["up to 4 KiB", "larger"];

/// By what a value is made smaller.
#[derive(Clone)]
pub(super) enum Means {
    By(Compression),
    With(Arc<Dictionary>),
}

impl Means {
    pub(super) fn compress(&self, plain: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::By(compression) => compression.compress(plain),
            Self::With(dictionary) => dictionary.compress(plain),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::By(Compression::None | Compression::Auto) => "none",
            Self::By(Compression::Gzip) => "gzip",
            Self::By(Compression::Zstd) => "zstd",
            Self::By(Compression::Lz4) => "lz4",
            Self::With(_) => "zstd with a dictionary",
        }
    }
}

/// What was chosen for values of one size, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Of which size.
    pub size: &'static str,
    /// By what they are made smaller.
    pub means: &'static str,
    /// How many values it was tried on, and their bytes.
    pub values: u64,
    /// Their bytes.
    pub plain: u64,
    /// The bytes that were left of them.
    pub left: u64,
    /// How long making one of them smaller took.
    pub took: Duration,
}

/// Chooses.
pub struct Auto {
    saves_percent: u32,
    above: usize,
    /// Whether values may be made smaller with what others have in common with them.
    shares: bool,
    clock: Clock,
    due: AtomicBool,
    sizes: [Class; 2],
}

/// Values of one size.
struct Class {
    means: RwLock<Means>,
    written: AtomicU64,
    taken: Mutex<Taken>,
    choice: Mutex<Option<Choice>>,
}

#[derive(Default)]
struct Taken {
    values: Vec<Box<[u8]>>,
    bytes: usize,
}

/// A dictionary that is worth it, once whoever reads can have it.
pub struct Proposal {
    dictionary: Arc<Dictionary>,
    choice: Choice,
}

impl Proposal {
    /// It.
    pub fn dictionary(&self) -> &Arc<Dictionary> {
        &self.dictionary
    }
}

impl Auto {
    pub(super) fn new(saves_percent: u32, above: usize, shares: bool, clock: Clock) -> Self {
        let class = || Class {
            means: RwLock::new(Means::By(Compression::Zstd)),
            written: AtomicU64::new(0),
            taken: Mutex::default(),
            choice: Mutex::default(),
        };
        Self {
            saves_percent,
            above,
            shares,
            clock,
            due: AtomicBool::new(false),
            sizes: [class(), class()],
        }
    }

    /// One like it, whose values have nothing in common.
    pub(super) fn apart(&self) -> Self {
        Self::new(self.saves_percent, self.above, false, self.clock.clone())
    }

    #[expect(clippy::indexing_slicing, reason = "one of two")]
    fn class(&self, length: usize) -> (usize, &Class) {
        let size = usize::from(length > VALUE_MAX);
        (size, &self.sizes[size])
    }

    /// How this value is to be made smaller.
    pub(super) fn means(&self, plain: &[u8]) -> Option<Means> {
        let means = self.class(plain.len()).1.means.read().clone();
        let least = if matches!(means, Means::With(_)) { VALUE_MIN } else { self.above };
        (plain.len() > least).then_some(means)
    }

    /// Whether it is time to [choose](super::Codec::choose); said once.
    pub fn is_due(&self) -> bool {
        self.due.load(Relaxed) && self.due.swap(false, Relaxed)
    }

    /// Looks at a value that is written.
    pub(super) fn note(&self, plain: &[u8]) {
        let (size, class) = self.class(plain.len());
        let least = if self.shares { VALUE_MIN } else { self.above };
        if plain.len() <= least {
            return;
        }
        let written = class.written.fetch_add(1, Relaxed) % AGAIN;
        let wanted = TAKEN.get(size).copied().unwrap_or_default();
        if written >= wanted as u64 {
            return;
        }
        let mut taken = class.taken.lock();
        let room = BYTES_MAX.get(size).copied().unwrap_or_default();
        if taken.bytes + plain.len() <= room {
            taken.bytes += plain.len();
            taken.values.push(plain.into());
        }
        if written + 1 == wanted as u64 {
            self.due.store(true, Relaxed);
        }
    }

    /// Chooses anew where there are values enough; a dictionary only proposes itself.
    pub(super) fn choose(&self, known: &[Arc<Dictionary>]) -> Option<Proposal> {
        let mut proposal = None;
        for ((class, size), wanted) in self.sizes.iter().zip(SIZES).zip(TAKEN) {
            let taken = {
                let mut taken = class.taken.lock();
                let enough = class.written.load(Relaxed) % AGAIN >= wanted as u64;
                if enough { std::mem::take(&mut *taken) } else { continue }
            };
            let values: Vec<&[u8]> = taken.values.iter().map(|value| &**value).collect();
            if !values.is_empty() {
                proposal = proposal.or(self.choose_for((class, size), &values, known));
            }
        }
        proposal
    }

    fn choose_for(
        &self,
        (class, size): (&Class, &'static str),
        values: &[&[u8]],
        known: &[Arc<Dictionary>],
    ) -> Option<Proposal> {
        let (trained, judged) = values.split_at(if self.shares { values.len() / 2 } else { 0 });
        let before = class.means.read().clone();
        let small = size == SIZES[0];
        let mut best = self.tried(Means::By(Compression::None), size, judged);
        let mut others: Vec<_> = [Compression::Lz4, Compression::Zstd]
            .map(|compression| self.tried(Means::By(compression), size, judged))
            .into();
        others.sort_by_key(|(_, choice)| choice.took);
        if let Means::With(_) = before {
            others.push(self.tried(before.clone(), size, judged));
        }
        // One that others use already is as good as a new one that gains little more.
        let shares = small && self.shares;
        let new = Some(trained).filter(|_| shares).and_then(Dictionary::trained).map(Arc::new);
        let known = known.iter().filter(|_| shares).cloned();
        let all = known.chain(new).map(|one| self.tried(Means::With(one), size, judged));
        others.extend(all);
        for other in others {
            if self.saves(best.1.left, other.1.left) {
                best = other;
            }
        }
        let (means, choice) = best;
        match (&means, &before) {
            (Means::With(new), Means::With(old)) if new.id() == old.id() => {}
            (Means::With(new), _) => {
                let dictionary = new.clone();
                return Some(Proposal { dictionary, choice });
            }
            _ => {}
        }
        *class.means.write() = means;
        *class.choice.lock() = Some(choice);
        None
    }

    /// Whether the one is smaller enough than the other.
    fn saves(&self, plain: u64, left: u64) -> bool {
        let kept = u128::from(100 - self.saves_percent.min(100));
        u128::from(left) * 100 <= u128::from(plain) * kept && left < plain
    }

    fn tried(&self, means: Means, size: &'static str, values: &[&[u8]]) -> (Means, Choice) {
        let begun = self.clock.moment();
        let (mut plain, mut left) = (0, 0);
        for value in values {
            let least = if matches!(means, Means::With(_)) { VALUE_MIN } else { self.above };
            let smaller = (value.len() > least).then(|| means.compress(value)).flatten();
            let smaller = smaller.map_or(value.len(), |smaller| smaller.len().min(value.len()));
            plain += value.len() as u64;
            left += smaller as u64;
        }
        let took = self.clock.moment().since(begun);
        let took = took.checked_div(values.len() as u32).unwrap_or_default();
        let values = values.len() as u64;
        let choice = Choice { size, means: means.name(), values, plain, left, took };
        (means, choice)
    }

    /// From now on small values are written with the dictionary that proposed itself.
    pub(super) fn adopt(&self, proposal: Proposal) {
        let (_, class) = self.class(0);
        *class.means.write() = Means::With(proposal.dictionary);
        *class.choice.lock() = Some(proposal.choice);
    }

    /// The dictionary small values are written with.
    pub fn dictionary(&self) -> Option<Arc<Dictionary>> {
        match &*self.class(0).1.means.read() {
            Means::With(dictionary) => Some(dictionary.clone()),
            Means::By(_) => None,
        }
    }

    /// What was chosen, for small values and for large ones.
    pub fn choices(&self) -> Vec<Choice> {
        self.sizes.iter().filter_map(|class| *class.choice.lock()).collect()
    }
}

#[cfg(test)]
mod tests;
