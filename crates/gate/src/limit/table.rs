//! Everybody's limiter states, in a place that never grows.
//!
//! A key is kept as its 64-bit keyed hash, its *print*, beside 64 bits of state, eight such
//! slots to a bucket; no text is stored. Two keys share a state when their prints are the same:
//! with a million keys the odds that any two of them do are 1 in 37 million, and as the hash is
//! keyed anew in every process nobody can look for a key that shares another's.
//!
//! A key that is new takes the slot of its bucket that matters least, and begins where that
//! slot stood. So a key that was pushed out and comes back never stands better than it did:
//! however many keys there are, nobody is let in more often than the law says, and what limits
//! somebody now is never pushed out. The cost: in a bucket that is full of keys in use a new one
//! may begin with less than its whole allowance.

use std::array;
use std::hash::{BuildHasher, Hash, RandomState};
use std::hint::spin_loop;
use std::ptr;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};

use flow::Moment;

/// Slots of a bucket: two cache lines, which the processor fetches together.
pub(crate) const SLOTS: usize = 8;
/// Slots for each key a table is made for, so that buckets seldom fill up.
const SPARE: usize = 2;
/// The state is being replaced. States stay below it.
const BUSY: u64 = 1 << 63;
/// So often a state is looked at again before another thread is let run.
const SPINS_MAX: u32 = 64;

/// How requests are counted in 63 bits.
///
/// INVARIANT: a state that is taken is greater than the one it follows. A slot's state therefore
/// never comes back, and that it is unchanged means that nothing happened to the slot.
pub trait Law {
    /// The state after one more request at this moment, or nothing when there may be none.
    fn take(&self, state: u64, now: Moment) -> Option<u64>;

    /// Which slot a new key takes, and the state it begins with: no better than that of any key
    /// which was pushed out of this bucket.
    fn enter(&self, states: &[u64; SLOTS], _now: Moment) -> (usize, u64) {
        least(states)
    }
}

/// The slot with the least state.
pub(crate) fn least(states: &[u64; SLOTS]) -> (usize, u64) {
    let all = states.iter().copied().enumerate();
    all.min_by_key(|(_, state)| *state).unwrap_or_default()
}

/// What stands for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Print(u64);

impl Print {
    pub(crate) const fn number(self) -> u64 {
        self.0
    }
}

/// States of many keys.
pub struct Table {
    buckets: Box<[Bucket]>,
    hasher: RandomState,
}

#[derive(Default)]
#[repr(align(128))]
struct Bucket([Slot; SLOTS]);

#[derive(Default)]
struct Slot {
    print: AtomicU64,
    state: AtomicU64,
}

/// What came of a request: the new state, or the old one that refused it.
pub type Taken = Result<u64, u64>;

impl Table {
    /// A table for about so many keys in use at a time: 32 bytes each, all in, taken at once.
    pub fn new(keys: usize) -> Self {
        let buckets = keys.saturating_mul(SPARE).div_ceil(SLOTS).max(1);
        let buckets = (0..buckets).map(|_| Bucket::default()).collect();
        Self { buckets, hasher: RandomState::new() }
    }

    /// How much memory it has.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    /// What stands for this key.
    #[inline]
    pub fn print<K: Hash + ?Sized>(&self, key: &K) -> Print {
        // Zero is a slot nobody has taken.
        Print(self.hasher.hash_one(key).max(1))
    }

    /// One more request of this key, by this law. A refused one changes nothing.
    #[inline]
    pub fn take(&self, print: Print, law: &impl Law, now: Moment) -> Taken {
        let Some(bucket) = self.bucket(print) else { return Err(0) };
        loop {
            let slot = bucket.find(print);
            if let Some(taken) = slot.and_then(|slot| slot.advance(print, law, now)) {
                return taken;
            }
            if let Some(taken) = bucket.enter(print, law, now) {
                return taken;
            }
        }
    }

    /// The state of this key, if it has one.
    #[inline]
    pub fn peek(&self, print: Print) -> Option<u64> {
        let slot = self.bucket(print)?.find(print)?;
        let state = slot.state.load(Acquire) & !BUSY;
        (slot.print.load(Acquire) == print.0).then_some(state)
    }

    #[inline]
    fn bucket(&self, print: Print) -> Option<&Bucket> {
        // The high half of a widening product: the upper bits choose, without a division.
        let index = (u128::from(print.0) * self.buckets.len() as u128) >> 64;
        self.buckets.get(index as usize)
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Table({} slots)", self.buckets.len() * SLOTS)
    }
}

impl Bucket {
    #[inline]
    fn find(&self, print: Print) -> Option<&Slot> {
        self.in_order(print).find(|slot| slot.print.load(Acquire) == print.0)
    }

    /// The slots in the order this key prefers them: half of the keys begin with the second
    /// cache line, so that most are found in the first they look at.
    #[inline]
    fn in_order(&self, print: Print) -> impl Iterator<Item = &Slot> {
        let (low, high) = self.0.split_at(SLOTS / 2);
        let (home, other) = if print.0 & 1 == 0 { (low, high) } else { (high, low) };
        home.iter().chain(other)
    }

    /// Gives a new key a slot, one key at a time: the busy mark of the first slot says that
    /// somebody is at it. `None` when something changed meanwhile and all has to be looked at
    /// again.
    #[cold]
    fn enter(&self, print: Print, law: &impl Law, now: Moment) -> Option<Taken> {
        let [first, ..] = &self.0;
        let alone = first.claim_whatever();
        if self.find(print).is_some() {
            return None;
        }
        let mut slots = self.in_order(print);
        let states: [u64; SLOTS] = array::from_fn(|_| match slots.next() {
            Some(slot) if ptr::eq(slot, first) => alone.state,
            Some(slot) => slot.state.load(Acquire),
            None => u64::MAX,
        });
        let (index, begins) = law.enter(&states, now);
        let Some(next) = law.take(begins, now) else { return Some(Err(begins)) };
        let (slot, state) = (self.in_order(print).nth(index)?, *states.get(index)?);
        if ptr::eq(slot, first) {
            slot.print.store(print.0, Release);
            alone.leave(next);
        } else {
            let claim = slot.state.compare_exchange(state, state | BUSY, AcqRel, Acquire);
            claim.ok()?;
            slot.print.store(print.0, Release);
            slot.state.store(next, Release);
        }
        Some(Ok(next))
    }
}

impl Slot {
    /// Counts a request of the key that has this slot; `None` when it no longer has.
    #[inline]
    fn advance(&self, print: Print, law: &impl Law, now: Moment) -> Option<Taken> {
        let mut state = self.state.load(Acquire);
        loop {
            if state & BUSY != 0 {
                state = self.wait();
            }
            // The print is read after the state and the state is changed only if it is still
            // that one: in between the slot had no other owner, as states never come back.
            if self.print.load(Acquire) != print.0 {
                return None;
            }
            let Some(next) = law.take(state, now) else { return Some(Err(state)) };
            match self.state.compare_exchange_weak(state, next, AcqRel, Acquire) {
                Ok(_) => return Some(Ok(next)),
                Err(seen) => state = seen,
            }
        }
    }

    /// Waits until the state is not being replaced.
    #[cold]
    fn wait(&self) -> u64 {
        let mut spins = 0;
        loop {
            let state = self.state.load(Acquire);
            if state & BUSY == 0 {
                return state;
            }
            pause(&mut spins);
        }
    }

    /// Marks the state busy, whatever it is.
    fn claim_whatever(&self) -> Claim<'_> {
        let mut spins = 0;
        loop {
            let state = self.state.fetch_or(BUSY, AcqRel);
            if state & BUSY == 0 {
                return Claim { slot: self, state };
            }
            pause(&mut spins);
        }
    }
}

/// The busy mark of a slot, until this is dropped.
struct Claim<'a> {
    slot: &'a Slot,
    state: u64,
}

impl Claim<'_> {
    /// Drops it with this state in place of the one that was there.
    fn leave(mut self, state: u64) {
        self.state = state;
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.slot.state.store(self.state, Release);
    }
}

fn pause(spins: &mut u32) {
    *spins += 1;
    if *spins < SPINS_MAX {
        spin_loop();
    } else {
        *spins = 0;
        std::thread::yield_now();
    }
}

#[cfg(test)]
#[path = "table/tests.rs"]
mod tests;
