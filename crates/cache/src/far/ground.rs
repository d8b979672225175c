//! What entries of a namespace in a far tier are judged by: which of them were purged.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::record::{Stamp, Token};

const VERSION: u8 = 1;
/// Patterns remembered; beyond, what is older than the oldest of them counts as purged.
const GLOBS_MAX: usize = 32;
/// The length of a pattern that is remembered, which every read pays for; a longer one
/// purges everything.
const LENGTH_MAX: usize = 1024;

/// The purges of a namespace in one far tier. It lies beside the entries and shares
/// their fate: where it is lost, so is the belief in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ground {
    pub(crate) token: Token,
    /// Entries of other generations are not believed.
    pub(crate) generation: u64,
    /// The run of the server it was laid in: another may have brought old data back.
    pub(crate) run: u64,
    /// How many purges there were; the number of the newest.
    pub(crate) purges: u64,
    /// Whoever learned a value before this purge learned it too early.
    floor: u64,
    globs: Vec<(Box<[u8]>, u64)>,
}

impl Ground {
    pub(crate) fn new(generation: u64, run: u64) -> Self {
        Self { token: Token(generation), generation, run, purges: 0, floor: 0, globs: Vec::new() }
    }

    /// What is learned from now on.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { generation: self.generation, seen: self.purges }
    }

    /// Whether an entry with this key and stamp outlived all purges but those by tag.
    pub(crate) fn bears(&self, key: &[u8], stamp: Stamp) -> bool {
        let purged = |(pattern, number): &(Box<[u8]>, u64)| {
            *number > stamp.seen && values::glob::matches(pattern, key)
        };
        stamp.generation == self.generation
            && stamp.seen >= self.floor
            && !self.globs.iter().any(purged)
    }

    /// The ground after one more purge of no matter what.
    pub(crate) fn purged(&self, token: Token) -> Self {
        Self { token, purges: self.purges + 1, ..self.clone() }
    }

    /// The ground after everything was purged.
    pub(crate) fn cleared(&self, token: Token) -> Self {
        let next = self.purged(token);
        Self { floor: next.purges, globs: Vec::new(), ..next }
    }

    /// The ground after every key that `pattern` matches was purged.
    pub(crate) fn without(&self, pattern: &[u8], token: Token) -> Self {
        if pattern.len() > LENGTH_MAX {
            return self.cleared(token);
        }
        let mut next = self.purged(token);
        next.globs.retain(|(known, _)| **known != *pattern);
        if next.globs.len() >= GLOBS_MAX {
            let (_, forgotten) = next.globs.remove(0);
            next.floor = next.floor.max(forgotten);
        }
        next.globs.push((pattern.into(), next.purges));
        next
    }

    pub(crate) fn write(&self) -> Bytes {
        let mut written = BytesMut::with_capacity(64);
        written.put_u8(VERSION);
        for number in [self.token.0, self.generation, self.run, self.purges, self.floor] {
            written.put_u64(number);
        }
        for (pattern, number) in &self.globs {
            written.put_u64(*number);
            written.put_u32(pattern.len() as u32);
            written.put_slice(pattern);
        }
        written.freeze()
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut bytes = bytes;
        if bytes.try_get_u8().ok()? != VERSION {
            return None;
        }
        let mut next = || bytes.try_get_u64().ok();
        let (token, generation) = (Token(next()?), next()?);
        let (run, purges, floor) = (next()?, next()?, next()?);
        let mut globs = Vec::new();
        while !bytes.is_empty() && globs.len() < GLOBS_MAX {
            let number = bytes.try_get_u64().ok()?;
            let length = bytes.try_get_u32().ok()? as usize;
            let (pattern, rest) = bytes.split_at_checked(length)?;
            globs.push((pattern.into(), number));
            bytes = rest;
        }
        bytes.is_empty().then_some(Self { token, generation, run, purges, floor, globs })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stamp(seen: u64) -> Stamp {
        Stamp { generation: 7, seen }
    }

    #[test]
    fn a_purge_reaches_what_was_learned_before_it() {
        let fresh = Ground::new(7, 1);
        assert!(fresh.bears(b"a", stamp(0)));
        assert!(!fresh.bears(b"a", Stamp { generation: 8, seen: 0 }));
        let cleared = fresh.cleared(Token(2));
        assert!(!cleared.bears(b"a", stamp(0)) && cleared.bears(b"a", stamp(1)));
        let glob = cleared.without(b"user:*", Token(3));
        assert!(!glob.bears(b"user:1", stamp(1)) && glob.bears(b"user:1", stamp(2)));
        assert!(glob.bears(b"team:1", stamp(1)));
    }

    #[test]
    fn what_is_forgotten_counts_as_purged() {
        let mut ground = Ground::new(7, 1);
        for number in 0..=GLOBS_MAX as u64 {
            ground = ground.without(format!("k{number}:*").as_bytes(), Token(number));
        }
        assert!(!ground.bears(b"k0:a", stamp(0)));
        assert!(ground.bears(b"other", stamp(1)) && !ground.bears(b"other", stamp(0)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(patterns in prop::collection::vec("[a-z*]{0,9}", 0..40)) {
            let mut ground = Ground::new(7, 9);
            for pattern in patterns {
                ground = ground.without(pattern.as_bytes(), Token(3));
                prop_assert_eq!(Ground::read(&ground.write()), Some(ground.clone()));
            }
        }

        #[test]
        fn whatever_lies_there_nobody_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..90)) {
            if let Some(first) = bytes.first_mut() {
                *first = VERSION;
            }
            let _ = Ground::read(&bytes);
        }
    }
}
