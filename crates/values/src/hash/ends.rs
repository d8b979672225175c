//! When fields end, for hashes some of whose fields do.

use std::collections::{BTreeSet, HashMap};

/// What an end takes besides the field's name, which is kept twice.
pub(super) const END: u64 = 112;

#[derive(Debug, Clone, Default)]
pub(super) struct Ends {
    by_name: HashMap<Box<[u8]>, u64, foldhash::fast::RandomState>,
    in_order: BTreeSet<(u64, Box<[u8]>)>,
    weight: u64,
}

fn weight(name: &[u8]) -> u64 {
    2 * name.len() as u64 + END
}

impl Ends {
    pub(super) fn weight(&self) -> u64 {
        self.weight
    }

    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(super) fn of(&self, name: &[u8]) -> Option<u64> {
        self.by_name.get(name).copied()
    }

    pub(super) fn set(&mut self, name: &[u8], end: Option<u64>) {
        if let Some((name, old)) = self.by_name.remove_entry(name) {
            self.weight -= weight(&name);
            self.in_order.remove(&(old, name));
        }
        if let Some(end) = end {
            self.weight += weight(name);
            self.by_name.insert(name.into(), end);
            self.in_order.insert((end, name.into()));
        }
    }

    pub(super) fn first(&self) -> Option<u64> {
        self.in_order.first().map(|(end, _)| *end)
    }

    pub(super) fn last(&self) -> Option<u64> {
        self.in_order.last().map(|(end, _)| *end)
    }

    /// How many have ended.
    pub(super) fn ended(&self, now: u64) -> usize {
        self.in_order.iter().take_while(|(end, _)| *end <= now).count()
    }

    /// Forgets a field that has ended.
    pub(super) fn pop(&mut self, now: u64) -> Option<Box<[u8]>> {
        self.first().filter(|end| *end <= now)?;
        let (_, name) = self.in_order.pop_first()?;
        self.by_name.remove(&name);
        self.weight -= weight(&name);
        Some(name)
    }
}
