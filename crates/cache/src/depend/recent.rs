//! Keys that were read lately.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use flow::feed::Purge;
use parking_lot::Mutex;

/// So many are remembered.
const KEPT: usize = 256;

/// Keys that were read lately, each once; the first to come is the first to go.
#[derive(Default)]
pub(crate) struct Recent(Mutex<Ring>);

#[derive(Default)]
struct Ring {
    known: HashSet<Arc<[u8]>>,
    order: VecDeque<Arc<[u8]>>,
}

impl Recent {
    pub(crate) fn note(&self, key: &[u8]) {
        let Ring { known, order } = &mut *self.0.lock();
        if known.contains(key) {
            return;
        }
        if order.len() == KEPT
            && let Some(first) = order.pop_front()
        {
            known.remove(&first);
        }
        let key: Arc<[u8]> = key.into();
        known.insert(key.clone());
        order.push_back(key);
    }

    /// Those that a purge may have reached.
    pub(crate) fn reached(&self, what: &Purge) -> Vec<Arc<[u8]>> {
        let reached = |key: &&Arc<[u8]>| match what {
            Purge::Key(one) => **one == ***key,
            Purge::Keys(keys) => keys.iter().any(|one| *one.0 == ***key),
            Purge::Glob(pattern) => values::glob::matches(pattern.as_bytes(), key),
            Purge::Tag(_) | Purge::All => true,
        };
        self.0.lock().order.iter().filter(reached).cloned().collect()
    }
}
