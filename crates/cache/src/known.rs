//! The namespaces that were asked for lately: looked up with every request, so nothing that
//! several threads write is touched by that.

use std::hash::BuildHasher;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;
use flow::question::cache::EachKey;
use flow::stripe::Stripes;
use foldhash::fast::RandomState;
use values::Value;

use crate::room::Room;
use crate::tiered::Tiered;

/// So many parts there are, and so many namespaces are remembered in each: one more or less
/// costs microseconds, not values.
const PARTS: usize = 64;
const KNOWN: usize = 64;

/// Namespaces by tenant and name.
pub(crate) struct Known {
    parts: [ArcSwap<Vec<Arc<Ready>>>; PARTS],
    hasher: RandomState,
}

/// A namespace, ready to be worked on.
pub struct Ready {
    values: Tiered<Value>,
    /// The same: threads that work there count their holds on it apart.
    held: Stripes<Arc<Tiered<Value>>>,
}

impl Ready {
    fn new(values: Tiered<Value>) -> Arc<Self> {
        let held = Stripes::of(|| Arc::new(values.clone()));
        Arc::new(Self { values, held })
    }

    /// Lets somebody in to work on the values in memory. What is kept in other tiers does not
    /// follow: it is for namespaces that are [local](Tiered::is_local).
    #[inline]
    pub fn room(&self) -> Room {
        Room::of(self.held.own().clone())
    }

    /// Gets ready for work on these keys.
    pub fn ready(&self, keys: EachKey<'_>) {
        let inner = &self.values.0;
        let wholes = |each: &mut dyn FnMut(&[u8])| keys(&mut |key| inner.keyed(key, &mut *each));
        inner.memory.ready(wholes, |value| match value {
            Value::Text(text) => memory::fetch(&text[..]),
            Value::Shaped(shaped) => memory::fetch(&**shaped),
        });
    }
}

impl Deref for Ready {
    type Target = Tiered<Value>;

    fn deref(&self) -> &Tiered<Value> {
        &self.values
    }
}

impl Default for Known {
    fn default() -> Self {
        let parts = std::array::from_fn(|_| ArcSwap::default());
        Self { parts, hasher: RandomState::default() }
    }
}

impl Known {
    /// What `work` does with a namespace, which is made if nobody asked for it lately.
    #[inline]
    pub(crate) fn with<T>(
        &self,
        (tenant, name): (&str, &str),
        made: impl FnOnce() -> Tiered<Value>,
        work: impl FnOnce(&Ready) -> T,
    ) -> T {
        let place = self.hasher.hash_one((tenant, name)) as usize % PARTS;
        let part = self.parts.get(place).unwrap_or(&self.parts[0]);
        let is_it = |ready: &&Arc<Ready>| ready.values.0.name() == (tenant, name);
        if let Some(ready) = part.load().iter().find(is_it) {
            return work(ready);
        }
        let ready = Ready::new(made());
        part.rcu(|known| {
            let kept = known.iter().filter(|other| !is_it(other)).take(KNOWN - 1);
            [&ready].into_iter().chain(kept).cloned().collect::<Vec<_>>()
        });
        work(&ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::cache::{Cache, Ground};
    use crate::config::Config;

    use super::*;

    #[test]
    fn what_was_asked_for_lately_is_the_same_and_the_rest_is_made_anew() {
        let cache = Cache::new(&Config::default(), Ground::default()).unwrap();
        let known = Known::default();
        let made = |name: &str| {
            known.with(
                ("main", name),
                || cache.namespace("main", name),
                |ready| ready.values.clone(),
            )
        };
        let same = |one: &Tiered<Value>, other: &Tiered<Value>| Arc::ptr_eq(&one.0, &other.0);
        let first = made("first");
        let asked = || panic!("it is known");
        assert!(known.with(("main", "first"), asked, |ready| same(ready, &first)));
        for number in 0..2 * PARTS * KNOWN {
            made(&number.to_string());
        }
        let kept: usize = known.parts.iter().map(|part| part.load().len()).sum();
        assert!(kept <= PARTS * KNOWN, "{kept}");
        assert_eq!(made("first").0.name(), ("main", "first"));
    }
}
