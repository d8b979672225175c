//! What many threads write at once, each in a place of its own.
//!
//! A number that two cores add to travels between them with every addition, which costs
//! more than most of what is counted. Here each thread adds to its own part, and whoever
//! wants the whole asks all of them.

use std::array;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// So many parts there are; of more threads some share one.
pub const STRIPES: usize = 8;

/// One value for each stripe, on cache lines of their own.
#[derive(Debug)]
pub struct Stripes<T>([Line<T>; STRIPES]);

#[derive(Debug)]
#[repr(align(64))]
struct Line<T>(T);

impl<T: Default> Default for Stripes<T> {
    fn default() -> Self {
        Self::of(T::default)
    }
}

impl<T> Stripes<T> {
    /// Each of them made so.
    pub fn of(mut made: impl FnMut() -> T) -> Self {
        Self(array::from_fn(|_| Line(made())))
    }

    /// The one of this thread.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "the place is less than their number")]
    pub fn own(&self) -> &T {
        &self.0[place() % STRIPES].0
    }

    /// All of them, always in the same order.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|line| &line.0)
    }
}

impl Stripes<AtomicU64> {
    /// Adds to the whole.
    #[inline]
    pub fn add(&self, n: u64) {
        self.own().fetch_add(n, Relaxed);
    }

    /// The whole.
    pub fn sum(&self) -> u64 {
        self.all().map(|part| part.load(Relaxed)).fold(0, u64::wrapping_add)
    }

    /// Takes the whole away.
    pub fn take(&self) -> u64 {
        self.all().map(|part| part.swap(0, Relaxed)).fold(0, u64::wrapping_add)
    }
}

/// Threads are numbered as they first ask.
#[inline]
fn place() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static PLACE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    PLACE.with(|place| {
        if place.get() == usize::MAX {
            place.set(NEXT.fetch_add(1, Relaxed) % STRIPES);
        }
        place.get()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_threads_add_is_all_there() {
        let count = Stripes::<AtomicU64>::default();
        std::thread::scope(|threads| {
            for _ in 0..2 * STRIPES {
                threads.spawn(|| (0..1000).for_each(|_| count.add(3)));
            }
        });
        assert_eq!(count.sum(), 2 * STRIPES as u64 * 3000);
        assert_eq!((count.take(), count.sum()), (2 * STRIPES as u64 * 3000, 0));
    }

    #[test]
    fn a_thread_stays_in_its_place() {
        let stripes = Stripes::<AtomicU64>::default();
        assert!(std::ptr::eq(stripes.own(), stripes.own()));
    }
}
