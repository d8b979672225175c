//! What was loaded last under a key, long after it is no longer kept.

use std::sync::OnceLock;

use flow::Moment;
use parking_lot::Mutex;

/// A place for each of so many keys; who comes later takes the place of another.
const PLACES: usize = 4096;

#[derive(Debug, Clone, Copy, Default)]
struct Loaded {
    key: u64,
    content: u64,
    at: Moment,
}

/// The contents and times of last loads, by the keys' fingerprints. Nothing is allocated before
/// the first.
#[derive(Default)]
pub(super) struct Last(OnceLock<Mutex<Box<[Loaded]>>>);

impl Last {
    /// What was loaded before and when, if that is known. Without a content, it is the
    /// same now.
    pub(super) fn swap(&self, key: u64, content: Option<u64>, at: Moment) -> Option<(u64, Moment)> {
        // Zero is nobody.
        let key = key.max(1);
        let places = || Mutex::new(vec![Loaded::default(); PLACES].into());
        let mut places = self.0.get_or_init(places).lock();
        let place = places.get_mut(key as usize % PLACES)?;
        let before = (place.key == key).then_some((place.content, place.at));
        if let Some(content) = content.or(before.map(|(content, _)| content)) {
            *place = Loaded { key, content, at };
        }
        before
    }

    /// When a key was last loaded.
    pub(super) fn at(&self, key: u64) -> Option<Moment> {
        let key = key.max(1);
        let places = self.0.get()?.lock();
        let loaded = places.get(key as usize % PLACES).filter(|loaded| loaded.key == key);
        loaded.map(|loaded| loaded.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_loaded_before_is_known_until_another_key_takes_its_place() {
        let last = Last::default();
        assert_eq!(last.swap(7, None, Moment(1)), None);
        assert_eq!(last.swap(7, Some(70), Moment(2)), None);
        assert_eq!(last.swap(7, None, Moment(3)), Some((70, Moment(2))));
        assert_eq!(last.swap(7 + PLACES as u64, Some(1), Moment(4)), None);
        assert_eq!(last.swap(7, Some(71), Moment(5)), None);
        assert_eq!(last.swap(7, Some(72), Moment(6)), Some((71, Moment(5))));
    }
}
