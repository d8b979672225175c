//! The bytes of a file as programs see them, and as the platter has them.

#![expect(
    clippy::indexing_slicing,
    reason = "ranges are cut to the file; a wrong one shall fail the test"
)]

use std::collections::BTreeMap;

use flow::Random;

use super::Survival;

/// What a disk writes in one piece.
pub(super) const SECTOR: usize = 512;

/// One file's bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    /// As every handle reads them.
    pub(super) live: Vec<u8>,
    lasting: Vec<u8>,
    pending: Vec<Change>,
}

/// Something the platter has not heard of, or only perhaps.
#[derive(Debug, Clone)]
enum Change {
    /// A sector as it was after a write; shorter at the end of the file.
    Sector { number: usize, bytes: Vec<u8> },
    /// The size after a write behind the end, or a truncation.
    Size(usize),
}

impl Content {
    pub(super) fn lasting(bytes: Vec<u8>) -> Self {
        Self { live: bytes.clone(), lasting: bytes, pending: Vec::new() }
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: usize) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        if end > self.live.len() {
            self.resize(end);
        }
        self.live[offset..end].copy_from_slice(bytes);
        for number in offset / SECTOR..end.div_ceil(SECTOR) {
            let to = self.live.len().min((number + 1) * SECTOR);
            self.pending
                .push(Change::Sector { number, bytes: self.live[number * SECTOR..to].to_vec() });
        }
    }

    pub(super) fn resize(&mut self, size: usize) {
        if size != self.live.len() {
            self.live.resize(size, 0);
            self.pending.push(Change::Size(size));
        }
    }

    /// Turns one bit over, in memory and on the platter alike.
    pub(super) fn flip(&mut self, bit: usize) {
        for bytes in [&mut self.live, &mut self.lasting] {
            if let Some(byte) = bytes.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }

    pub(super) fn sync(&mut self) {
        self.lasting = self.settle(|_| usize::MAX);
        self.pending.clear();
    }

    /// What Linux does when writing back failed: whatever did not reach the platter
    /// is forgotten, though it can still be read. Only the size will be tried again.
    pub(super) fn fail_to_sync(&mut self, random: &Random) {
        self.lasting = self.after_a_crash(&Survival::Some(random.clone()));
        self.pending.clear();
        if self.lasting.len() != self.live.len() {
            self.pending.push(Change::Size(self.live.len()));
        }
    }

    /// What is on the platter when the power comes back.
    pub(super) fn after_a_crash(&self, survival: &Survival) -> Vec<u8> {
        match survival {
            Survival::Nothing => self.lasting.clone(),
            Survival::Everything => self.settle(|_| usize::MAX),
            Survival::Some(random) => match random.below(4) {
                0 => self.lasting.clone(),
                1 => self.settle(|_| usize::MAX),
                _ => self.settle(|versions| {
                    usize::try_from(random.below(versions as u64 + 1)).unwrap_or(0)
                }),
            },
        }
    }

    /// The platter after some of what is pending got there. Of the versions of a
    /// sector, and of the file's sizes, the first `keep(how many there are)` did:
    /// each place takes its versions in order, and places do not wait for each
    /// other.
    fn settle(&self, keep: impl Fn(usize) -> usize) -> Vec<u8> {
        let mut left: BTreeMap<Option<usize>, usize> = BTreeMap::new();
        for change in &self.pending {
            *left.entry(change.place()).or_default() += 1;
        }
        for count in left.values_mut() {
            *count = keep(*count);
        }
        let mut platter = self.lasting.clone();
        let mut size = platter.len();
        // Where the program believed the end to be, and where the blocks end that
        // the platter already has for what was written later: behind a cut that did
        // not get there, new bytes went to new blocks, which nothing leads to.
        let (mut believed, mut reachable) = (platter.len(), usize::MAX);
        for change in &self.pending {
            let left = left.entry(change.place()).or_default();
            let arrives = *left > 0;
            *left = left.saturating_sub(1);
            match change {
                Change::Size(to) => {
                    if arrives {
                        size = *to;
                        platter.truncate(size);
                    } else if *to < believed {
                        reachable = reachable.min(*to);
                    }
                    believed = *to;
                }
                Change::Sector { number, bytes } => {
                    let from = number * SECTOR;
                    if arrives && from < reachable {
                        let to = from + bytes.len();
                        platter.resize(platter.len().max(to), 0);
                        platter[from..to].copy_from_slice(bytes);
                    }
                }
            }
        }
        platter.resize(size, 0);
        platter
    }
}

impl Change {
    /// Changes of one place happen in order.
    fn place(&self) -> Option<usize> {
        match self {
            Change::Sector { number, .. } => Some(*number),
            Change::Size(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some(seed: u64) -> Survival {
        Survival::Some(Random::seeded(seed))
    }

    #[test]
    fn synced_bytes_survive_and_others_may_in_any_part() {
        let mut content = Content::default();
        content.write(&[1; 4 * SECTOR], 0);
        content.sync();
        content.write(&[2; 4 * SECTOR], 0);
        assert_eq!(content.after_a_crash(&Survival::Nothing), [1; 4 * SECTOR]);
        assert_eq!(content.after_a_crash(&Survival::Everything), [2; 4 * SECTOR]);
        let mut torn = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let bytes = content.after_a_crash(&some(seed));
            let sectors: Vec<u8> = bytes.chunks(SECTOR).map(|sector| sector[0]).collect();
            assert!(bytes.chunks(SECTOR).all(|sector| sector == [sector[0]; SECTOR]));
            torn.insert(sectors);
        }
        assert_eq!(torn.len(), 16, "each of four sectors is old or new: {torn:?}");
    }

    #[test]
    fn a_cut_that_got_lost_does_not_leak_later_bytes() {
        let mut content = Content::default();
        content.write(&[1; 2 * SECTOR], 0);
        content.sync();
        content.resize(0);
        content.write(&[2; 2 * SECTOR], 0);
        for seed in 0..200 {
            let bytes = content.after_a_crash(&some(seed));
            let allowed = |byte: &u8| *byte < 3;
            assert!(bytes.iter().all(allowed) && bytes.len() <= 2 * SECTOR);
            if bytes.contains(&1) {
                assert_eq!(bytes, [1; 2 * SECTOR], "old and new bytes never mix");
            }
        }
    }

    #[test]
    fn after_a_failed_sync_a_good_one_changes_nothing() {
        for seed in 0..50 {
            let mut content = Content::default();
            content.write(&[1; 3 * SECTOR], 0);
            content.sync();
            content.write(&[2; 3 * SECTOR], 0);
            content.fail_to_sync(&Random::seeded(seed));
            assert_eq!(content.live, [2; 3 * SECTOR], "it can still be read");
            let platter = content.after_a_crash(&Survival::Everything);
            content.sync();
            assert_eq!(content.after_a_crash(&Survival::Nothing), platter);
        }
        let lost = (0..50).filter(|seed| {
            let mut content = Content::default();
            content.write(b"lost", 0);
            content.fail_to_sync(&Random::seeded(*seed));
            content.sync();
            content.after_a_crash(&Survival::Everything) == b"\0\0\0\0"
        });
        assert!(lost.count() > 10);
    }

    proptest! {
        #[test]
        fn a_sync_keeps_exactly_what_was_read(
            steps in prop::collection::vec((0..5u8, 0..3000usize, 0..2000usize), 0..40),
            seed in any::<u64>(),
        ) {
            let mut content = Content::default();
            let mut synced = Vec::new();
            for (n, (step, a, b)) in steps.into_iter().enumerate() {
                match step {
                    0 => { content.sync(); synced = content.live.clone(); }
                    1 => content.resize(a),
                    _ => content.write(&vec![n as u8 + 1; b], a),
                }
            }
            prop_assert_eq!(&content.after_a_crash(&Survival::Everything), &content.live);
            prop_assert_eq!(&content.after_a_crash(&Survival::Nothing), &synced);
            let mut after = Content::lasting(content.after_a_crash(&some(seed)));
            content.sync();
            after.sync();
            prop_assert_eq!(content.after_a_crash(&Survival::Nothing), content.live);
        }
    }
}
