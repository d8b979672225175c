//! What one connection of a proxy knows of its many callers.
//!
//! A lane belongs to one credential. Each has its place by a hash that is new for every
//! connection, and whoever comes to a place that is taken has it from then on: a proxy that
//! serves a few hundred callers asks about most of them on a warm lane.

use std::hash::{BuildHasher, RandomState};

use flow::Lane;
use flow::identity::Good;
use parking_lot::Mutex;

/// Places of one connection, taken as they are needed.
const PLACES: usize = 256;

/// The lanes of one connection.
pub(crate) struct Lanes {
    places: Box<[Mutex<Option<Known>>]>,
    hasher: RandomState,
}

/// A lane, and the credential it belongs to.
struct Known {
    shown: Box<str>,
    lane: Box<Lane>,
}

impl Default for Lanes {
    fn default() -> Self {
        let places = (0..PLACES).map(|_| Mutex::new(None)).collect();
        Self { places, hasher: RandomState::new() }
    }
}

impl Lanes {
    /// What is known of whoever shows this. A request takes it, so that of several at a time only
    /// one is on it.
    pub(crate) fn take(&self, shown: &str) -> Box<Lane> {
        let known = self.place(shown).and_then(|place| place.lock().take());
        known.filter(|known| same(&known.shown, shown)).map(|known| known.lane).unwrap_or_default()
    }

    /// Keeps it for their next request, unless what was shown is good once.
    pub(crate) fn keep(&self, shown: &str, lane: Box<Lane>) {
        let known = lane.identity().is_some_and(|known| known.good == Good::Always);
        if let Some(place) = self.place(shown).filter(|_| known) {
            *place.lock() = Some(Known { shown: shown.into(), lane });
        }
    }

    fn place(&self, shown: &str) -> Option<&Mutex<Option<Known>>> {
        let index = self.hasher.hash_one(shown) % PLACES as u64;
        self.places.get(index as usize)
    }
}

/// Whether it is the same credential; how long that takes says nothing about it.
fn same(known: &str, shown: &str) -> bool {
    let same = aws_lc_rs::constant_time::verify_slices_are_equal;
    same(known.as_bytes(), shown.as_bytes()).is_ok()
}
