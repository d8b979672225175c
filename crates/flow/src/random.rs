//! Randomness and ids, from one place, so that any run can be replayed.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::Time;

/// Where randomness comes from. Good enough for keys: a stream cipher seeded by
/// the operating system, or by the seed of a replayed run.
#[derive(Clone, Default)]
pub struct Random(Option<Arc<Mutex<StdRng>>>);

impl Random {
    /// Seeded by the operating system, one generator per thread.
    pub fn system() -> Self {
        Self(None)
    }

    /// The same numbers in every run.
    pub fn seeded(seed: u64) -> Self {
        Self(Some(Arc::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    /// Fills `bytes`.
    #[expect(clippy::disallowed_methods, reason = "this is the one place the ban points to")]
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            None => rand::rng().fill_bytes(bytes),
            Some(seeded) => seeded.lock().fill_bytes(bytes),
        }
    }

    /// Any number.
    #[expect(clippy::disallowed_methods, reason = "this is the one place the ban points to")]
    pub fn number(&self) -> u64 {
        match &self.0 {
            None => rand::rng().next_u64(),
            Some(seeded) => seeded.lock().next_u64(),
        }
    }

    /// A number below `bound`; zero when the bound is zero.
    pub fn below(&self, bound: u64) -> u64 {
        // The high half of a widening product: no division, bias below 2^-64 * bound.
        ((u128::from(self.number()) * u128::from(bound)) >> 64) as u64
    }

    /// A fraction in `0.0..1.0`.
    pub fn fraction(&self) -> f64 {
        (self.number() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A new id that sorts after those of earlier milliseconds.
    pub fn id(&self, now: Time) -> Id {
        let random = (u128::from(self.number()) << 64) | u128::from(self.number());
        Id((u128::from(now.millis()) << 80) | (random >> 48))
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Random(seeded)" } else { "Random(system)" })
    }
}

/// A name nobody else has: 48 bits of time, 80 of randomness. Written as 26
/// characters that sort like the ids themselves (the form known as ULID).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(pub u128);

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl Id {
    /// The id `n` places after this one: a connection numbers its requests so.
    #[must_use]
    pub fn plus(self, n: u64) -> Self {
        Self(self.0.wrapping_add(u128::from(n)))
    }

    /// Its 26 characters, without a place on the heap.
    pub fn text(self) -> [u8; 26] {
        let mut text = [0; 26];
        for (place, letter) in text.iter_mut().rev().enumerate() {
            let digit = (self.0 >> (place * 5)) as usize & 31;
            *letter = ALPHABET.get(digit).copied().unwrap_or_default();
        }
        text
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

/// The text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is 26 characters of 0-9 and A-Z without I, L, O and U")
    }
}

impl std::error::Error for NotAnId {}

impl FromStr for Id {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        // 26 places of 5 bits are 130: the first digit may only be 0 to 7.
        if text.len() != 26 || text.as_bytes().first().is_none_or(|first| *first > b'7') {
            return Err(NotAnId);
        }
        let digit = |byte: u8| ALPHABET.iter().position(|&letter| letter == byte).ok_or(NotAnId);
        text.bytes().try_fold(0u128, |sum, byte| Ok((sum << 5) | digit(byte)? as u128)).map(Id)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_replays_the_same_numbers() {
        let numbers = |seed| {
            let random = Random::seeded(seed);
            (0..4).map(|_| random.number()).collect::<Vec<_>>()
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
    }

    #[test]
    fn ids_sort_by_time_and_survive_their_text() {
        let random = Random::system();
        let early = random.id(Time(1_000_000_000));
        let late = random.id(Time(2_000_000_000));
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse(), Ok(early));
        for wrong in ["", "0", "80000000000000000000000000", "0000000000000000000000000U"] {
            assert_eq!(wrong.parse::<Id>(), Err(NotAnId), "{wrong}");
        }
    }

    #[test]
    fn numbers_below_a_bound_stay_below_it_and_reach_every_value() {
        let random = Random::seeded(1);
        let mut seen = [false; 10];
        for _ in 0..1000 {
            seen[usize::try_from(random.below(10)).unwrap()] = true;
        }
        assert_eq!(seen, [true; 10]);
        assert_eq!(random.below(0), 0);
    }
}
