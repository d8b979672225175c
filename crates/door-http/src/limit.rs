//! How much is under way at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A number of places, each taken by one thing at a time.
#[derive(Debug)]
pub(crate) struct Places {
    taken: AtomicUsize,
    max: usize,
}

impl Places {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), max })
    }

    /// `n` places, unless too few are left.
    pub(crate) fn take(self: &Arc<Self>, n: usize) -> Option<Place> {
        let before = self.taken.fetch_add(n, Relaxed);
        // Made first, so that a refusal gives back what it took.
        let place = Place { places: self.clone(), n };
        (before.saturating_add(n) <= self.max).then_some(place)
    }

    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }
}

/// Places taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    n: usize,
}

impl Place {
    /// Takes `n` more, unless too few are left.
    pub(crate) fn grow(&mut self, n: usize) -> bool {
        let Some(mut more) = self.places.take(n) else { return false };
        self.n += std::mem::take(&mut more.n);
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(self.n, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_place_takes_nothing() {
        let places = Places::new(3);
        let mut two = places.take(2).unwrap();
        assert!(places.take(2).is_none());
        assert!(two.grow(1) && !two.grow(1));
        assert_eq!(places.taken(), 3);
        drop(two);
        assert_eq!(places.taken(), 0);
    }
}
