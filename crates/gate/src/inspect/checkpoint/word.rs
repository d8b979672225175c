//! Words of the configuration that outlive it: kinds and reasons stand in answers by reference.
//!
//! A word is kept for good, once. Reading the configuration again adds the words that are new
//! in it, which is as much as operators write.

use std::collections::BTreeSet;

use parking_lot::Mutex;

static WORDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// The same word, kept.
pub(super) fn word(text: &str) -> &'static str {
    let mut words = WORDS.lock();
    if let Some(held) = words.get(text) {
        return held;
    }
    let kept: &'static str = Box::leak(text.into());
    words.insert(kept);
    kept
}
