//! Which key a fingerprint is of.

use parking_lot::Mutex;

/// So many keys are remembered, ...
const PLACES: usize = 65_536;
/// ... none longer than this, in bytes, ...
const LENGTH_MAX: usize = 256;
/// ... and behind so many locks.
const SHARDS: usize = 16;

/// Keys by fingerprint, bounded: a key may displace another. Keys of confidential namespaces do not
/// belong here, for what is displaced is not overwritten.
pub struct Names {
    shards: Box<[Mutex<Shard>]>,
    bytes_max: usize,
}

/// A fingerprint and its key.
type Named = (u64, Box<[u8]>);

struct Shard {
    places: Box<[Option<Named>]>,
    bytes: usize,
}

impl Names {
    /// Takes as many bytes of keys as this at most, beside 24 for each of 65,536 places.
    pub fn new(bytes_max: usize) -> Self {
        let shard = |_| {
            let places = vec![None; PLACES / SHARDS].into();
            Mutex::new(Shard { places, bytes: 0 })
        };
        Self { shards: (0..SHARDS).map(shard).collect(), bytes_max: bytes_max / SHARDS }
    }

    /// Remembers a key, if there is room for it.
    pub fn note(&self, fingerprint: u64, key: &[u8]) {
        let Some(mut shard) = self.shard(fingerprint) else { return };
        let Shard { places, bytes } = &mut *shard;
        let Some(place) = places.get_mut(place(fingerprint)) else { return };
        if place.as_ref().is_some_and(|(known, _)| *known == fingerprint) {
            return;
        }
        let rest = *bytes - place.as_ref().map_or(0, |(_, old)| old.len());
        if key.len() <= LENGTH_MAX && rest + key.len() <= self.bytes_max {
            *bytes = rest + key.len();
            *place = Some((fingerprint, key.into()));
        }
    }

    /// The key, if it is still remembered.
    pub fn get(&self, fingerprint: u64) -> Option<Box<[u8]>> {
        let shard = self.shard(fingerprint)?;
        let (known, key) = shard.places.get(place(fingerprint))?.as_ref()?;
        (*known == fingerprint).then(|| key.clone())
    }

    fn shard(&self, fingerprint: u64) -> Option<parking_lot::MutexGuard<'_, Shard>> {
        self.shards.get((fingerprint >> 60) as usize).map(Mutex::lock)
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}

fn place(fingerprint: u64) -> usize {
    fingerprint as usize % (PLACES / SHARDS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analytics::fingerprint;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_key_is_the_right_one_or_none_and_the_bound_holds(
            keys in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..300),
            bytes_max in 0usize..100_000,
        ) {
            let names = Names::new(bytes_max);
            for key in &keys {
                names.note(fingerprint(key), key);
                let known = names.get(fingerprint(key));
                prop_assert!(known.is_none_or(|known| *known == **key));
            }
            let held: usize = names.shards.iter().map(|shard| {
                let shard = shard.lock();
                let sum = shard.places.iter().flatten().map(|(_, key)| key.len()).sum::<usize>();
                assert_eq!(sum, shard.bytes);
                sum
            }).sum();
            prop_assert!(held <= bytes_max);
        }
    }

    #[test]
    fn keys_come_back_where_there_is_room() {
        let names = Names::new(1 << 20);
        let keys: Vec<String> = (0..1000).map(|n| format!("user:{n}")).collect();
        keys.iter().for_each(|key| names.note(fingerprint(key.as_bytes()), key.as_bytes()));
        let known = keys.iter().filter(|key| names.get(fingerprint(key.as_bytes())).is_some());
        assert!(known.count() > 950);
    }
}
