//! Which events about keys are told on channels, as each tenant wants.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::fast::RandomState;
use parking_lot::RwLock;

/// A kind of events, by the letter Redis has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class(u8);

/// What is wanted, letter by letter. While nobody wants anything, it costs a glance.
#[derive(Default)]
pub(crate) struct Notices {
    any: AtomicBool,
    wanted: RwLock<HashMap<Box<str>, u32, RandomState>>,
}

/// The letters of classes, in the order in which they are shown.
const LETTERS: &[u8; 11] = b"g$lshzxetdn";
/// How many of them `A` stands for.
const ALL: u32 = (1 << 10) - 1;
const MISSES: u32 = 1 << 13;

impl Class {
    pub(crate) const GENERIC: Self = Self(b'g');
    pub(crate) const STRING: Self = Self(b'$');
    pub(crate) const LIST: Self = Self(b'l');
    pub(crate) const SET: Self = Self(b's');
    pub(crate) const HASH: Self = Self(b'h');
    pub(crate) const SORTED: Self = Self(b'z');
    pub(crate) const STREAM: Self = Self(b't');
    pub(crate) const EXPIRED: Self = Self(b'x');
    pub(crate) const EVICTED: Self = Self(b'e');
    pub(crate) const NEW: Self = Self(b'n');
    pub(crate) const MISSED: Self = Self(b'm');

    /// What happens is told on the channel of its key.
    pub(crate) const KEYSPACE: u32 = 1 << 11;
    /// The same on the channel of its event.
    pub(crate) const KEYEVENT: u32 = 1 << 12;

    /// Its place among those that are wanted.
    pub(crate) fn bit(self) -> u32 {
        match LETTERS.iter().position(|letter| *letter == self.0) {
            Some(at) => 1 << at,
            None => MISSES,
        }
    }
}

impl Notices {
    /// Whether anybody wants anything.
    #[inline]
    pub(crate) fn matter(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// What a tenant wants, if anything.
    pub(crate) fn wanted(&self, tenant: &str) -> Option<u32> {
        if !self.matter() {
            return None;
        }
        self.wanted.read().get(tenant).copied()
    }

    /// A tenant wants this from now on; whether the letters made sense.
    pub(crate) fn want(&self, tenant: &str, letters: &[u8]) -> bool {
        let bits: Option<Vec<u32>> = letters.iter().map(|letter| bits_of(*letter)).collect();
        let Some(bits) = bits else { return false };
        let mut wanted = self.wanted.write();
        match bits.into_iter().fold(0, |all, bit| all | bit) {
            0 => wanted.remove(tenant),
            all => wanted.insert(tenant.into(), all),
        };
        self.any.store(!wanted.is_empty(), Ordering::Release);
        true
    }

    /// What a tenant wants, in letters.
    pub(crate) fn letters(&self, tenant: &str) -> String {
        let wanted = self.wanted(tenant).unwrap_or_default();
        let mut text = String::new();
        let mut show = |letters: &[u8]| {
            let set = |letter: &&u8| bits_of(**letter).is_some_and(|bits| wanted & bits == bits);
            text.extend(letters.iter().filter(set).map(|letter| char::from(*letter)));
        };
        match wanted & ALL == ALL {
            true => show(b"A"),
            false => show(b"g$lshzxetd"),
        }
        // Redis shows `n` only where it does not show `A`.
        if wanted & ALL != ALL {
            show(b"n");
        }
        show(b"KEm");
        text
    }
}

fn bits_of(letter: u8) -> Option<u32> {
    match letter {
        b'A' => Some(ALL),
        b'K' => Some(Class::KEYSPACE),
        b'E' => Some(Class::KEYEVENT),
        b'm' => Some(MISSES),
        _ => LETTERS.iter().position(|known| *known == letter).map(|at| 1 << at),
    }
}
