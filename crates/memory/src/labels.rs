//! The tags of each slot: one lies in place, more of them lie aside.
#![expect(
    clippy::indexing_slicing,
    reason = "a slot is asked only for what was set for it; the model tests run over it"
)]

use crate::mark::Slot;
use crate::purge::Purges;
use crate::terms::Tag;

/// Set in the word of a slot that has several tags: the rest is their place. No tag has
/// this bit.
const ASIDE: u64 = 1 << 63;

/// Of one slot: a tag, or where several are.
#[derive(Debug, Default, Clone, Copy)]
struct Label {
    /// Two halves, since a whole word would take four bytes more.
    word: [u32; 2],
    /// The purge up to which they were found well.
    checked: u32,
}

impl Label {
    fn word(self) -> u64 {
        let [high, low] = self.word;
        u64::from(high) << 32 | u64::from(low)
    }
}

fn halves(word: u64) -> [u32; 2] {
    [(word >> 32) as u32, word as u32]
}

#[derive(Debug, Default)]
pub(crate) struct Labels {
    /// As long as the highest slot that ever had a tag.
    slots: Vec<Label>,
    aside: Vec<Box<[Tag]>>,
    free: Vec<usize>,
}

impl Labels {
    /// Writes the tags of a slot that has none, of which there is at least one, and the
    /// purge up to which they are well.
    pub(crate) fn set(&mut self, slot: Slot, tags: &[Tag], checked: u32) {
        if self.slots.len() <= slot as usize {
            let more = slot as usize + 1 - self.slots.len();
            if self.slots.capacity() < slot as usize + 1 {
                self.slots.reserve_exact((self.slots.len() / 16).max(more));
            }
            self.slots.resize(slot as usize + 1, Label::default());
        }
        let word = match tags {
            [tag] => tag.0,
            tags => {
                let place = self.free.pop().unwrap_or_else(|| {
                    self.aside.push(Box::default());
                    self.aside.len() - 1
                });
                self.aside[place] = tags.into();
                ASIDE | place as u64
            }
        };
        self.slots[slot as usize] = Label { word: halves(word), checked };
    }

    /// Whether a slot's tags were not purged since it was written.
    #[inline]
    pub(crate) fn check(&mut self, slot: Slot, purges: &Purges) -> bool {
        let checked = self.slots[slot as usize].checked;
        if checked == purges.newest() {
            return true;
        }
        let word = self.slots[slot as usize].word();
        let well = match word & ASIDE {
            0 => purges.check(&[Tag(word)], checked),
            _ => purges.check(&self.aside[(word & !ASIDE) as usize], checked),
        };
        if let Some(checked) = well {
            self.slots[slot as usize].checked = checked;
        }
        well.is_some()
    }

    /// A slot that had some has none.
    pub(crate) fn clear(&mut self, slot: Slot) {
        let word = self.slots[slot as usize].word();
        if word & ASIDE != 0 {
            let place = (word & !ASIDE) as usize;
            self.aside[place] = Box::default();
            self.free.push(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_slot_has_its_own(
            steps in prop::collection::vec((0u32..16, 0usize..5, any::<bool>()), 1..200)
        ) {
            let (mut labels, mut model) = (Labels::default(), BTreeMap::new());
            let purges = Purges::default();
            for (step, (slot, count, purge)) in steps.into_iter().enumerate() {
                if model.remove(&slot).is_some() {
                    labels.clear(slot);
                }
                let tags: Vec<_> = (0..count).map(|n| Tag::of(&(step, n))).collect();
                if count > 0 {
                    labels.set(slot, &tags, purges.newest());
                    model.insert(slot, (tags, true));
                }
                if purge {
                    let doomed = Tag::of(&(step, 0));
                    purges.purge(doomed);
                    model.values_mut().for_each(|(tags, well)| *well &= !tags.contains(&doomed));
                }
                for (slot, (_, well)) in &model {
                    prop_assert_eq!(labels.check(*slot, &purges), *well);
                }
                prop_assert!(labels.aside.len() <= 16);
            }
        }
    }
}
