//! Whose values memory holds: the namespaces that have numbers of their own.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use flow::identity::MAIN;
use flow::signal::Registry;
use parking_lot::Mutex;

use crate::signals::Signals;

/// Namespaces nobody configured that get numbers of their own, first come first served:
/// each costs about 75 KiB.
const UNNAMED_MAX: usize = 64;

/// The numbers of all namespaces beyond those.
const OTHERS: &str = "other";

/// A tenant, and a name.
type Named = (Box<str>, Box<str>);

/// A namespace of a tenant.
pub(crate) struct Owner {
    pub(crate) tenant: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) confidential: bool,
    pub(crate) signals: Arc<Signals>,
}

impl Owner {
    fn new(registry: &Registry, tenant: &str, name: &str, confidential: bool) -> Self {
        let signals = Arc::new(Signals::new(registry, tenant, name));
        Self { tenant: tenant.into(), name: name.into(), confidential, signals }
    }
}

/// All of them. What memory keeps names its owner by number, so that nothing is looked up
/// when it goes.
pub(crate) struct Owners {
    registry: Registry,
    /// The one with number 0: everybody without a number of their own.
    others: Owner,
    slots: Box<[OnceLock<Owner>]>,
    numbers: Mutex<HashMap<Named, u16>>,
}

impl Owners {
    /// The only one there is.
    pub(crate) fn only(registry: &Registry, name: &str, confidential: bool) -> Self {
        Self {
            registry: registry.clone(),
            others: Owner::new(registry, MAIN, name, confidential),
            slots: Box::default(),
            numbers: Mutex::default(),
        }
    }

    /// These of the main tenant, and room for others, which are confidential or not.
    pub(crate) fn new<'a>(
        registry: &Registry,
        configured: impl ExactSizeIterator<Item = (&'a str, bool)>,
        confidential: bool,
    ) -> Self {
        let room = (configured.len() + UNNAMED_MAX).min(usize::from(u16::MAX));
        let slots = (0..room).map(|_| OnceLock::new()).collect();
        let owners = Self { slots, ..Self::only(registry, OTHERS, confidential) };
        for (name, confidential) in configured {
            owners.number(MAIN, name, confidential);
        }
        owners
    }

    /// The number of a namespace; that of all others once there is no room.
    pub(crate) fn number(&self, tenant: &str, name: &str, confidential: bool) -> u16 {
        let mut numbers = self.numbers.lock();
        let known = (tenant.into(), name.into());
        if let Some(number) = numbers.get(&known) {
            return *number;
        }
        let Some(slot) = self.slots.get(numbers.len()).filter(|_| name != OTHERS) else { return 0 };
        slot.get_or_init(|| Owner::new(&self.registry, tenant, name, confidential));
        let number = numbers.len() as u16 + 1;
        numbers.insert(known, number);
        number
    }

    /// The owner of this number.
    pub(crate) fn at(&self, number: u16) -> &Owner {
        let slot = usize::from(number).checked_sub(1).and_then(|index| self.slots.get(index));
        slot.and_then(OnceLock::get).unwrap_or(&self.others)
    }

    /// Whether this is all of those without a number of their own.
    pub(crate) fn is_others(&self, owner: &Owner) -> bool {
        std::ptr::eq(owner, &raw const self.others)
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<&Owner> {
        let own = self.slots.iter().filter_map(OnceLock::get);
        let mut all: Vec<_> = own.chain([&self.others]).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_have_numbers_of_their_own_and_the_rest_share() {
        let registry = Registry::default();
        let owners = Owners::new(&registry, [("users", true)].into_iter(), false);
        let number = |name: &str| owners.number(MAIN, name, false);
        assert_eq!((number("users"), number("a")), (1, 2));
        assert_eq!(owners.number("b", "users", true), 3, "of another tenant");
        for n in 2..UNNAMED_MAX {
            assert_eq!(number(&format!("n{n}")) as usize, n + 2);
        }
        assert_eq!((number("late"), number("a"), number("other")), (0, 2, 0));
        let of = |number| (&*owners.at(number).name, owners.at(number).confidential);
        assert_eq!((of(0), of(1), of(2)), (("other", false), ("users", true), ("a", false)));
        assert_eq!((of(3), of(9999)), (("users", true), ("other", false)));
        assert!(owners.is_others(owners.at(0)) && !owners.is_others(owners.at(1)));
        assert_eq!(owners.all().len(), 2 + UNNAMED_MAX);
        for owner in [1, 3] {
            owners.at(owner).signals.came(u64::from(owner));
        }
        assert_eq!(owners.at(1).signals.bytes.get(), 1, "tenants do not share numbers");
    }
}
