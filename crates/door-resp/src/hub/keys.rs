//! Who wants to know when keys change.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Keys somebody is interested in. While nobody is, it costs a glance.
#[derive(Default)]
pub(crate) struct Keys {
    interested: AtomicUsize,
    tickets: AtomicU64,
    by_place: Mutex<Interests>,
}

/// Who is interested in a place, by their numbers, and how.
type Interests = HashMap<Place, Vec<(u64, Interest)>, RandomState>;

/// A tenant, a namespace of it and a key there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) tenant: Box<str>,
    pub(super) namespace: Box<str>,
    pub(super) key: Bytes,
}

impl Place {
    pub(super) fn new(tenant: &str, namespace: &str, key: &[u8]) -> Self {
        let key = Bytes::copy_from_slice(key);
        Self { tenant: tenant.into(), namespace: namespace.into(), key }
    }
}

/// What is done when a key changes.
#[derive(Clone)]
pub(crate) enum Interest {
    /// What somebody wants to do no longer holds.
    Watch(Watch),
    /// Somebody waits for it. Whoever has waited longest looks first, and wakes the next.
    Wait(Turn),
}

/// The place of somebody in the row of those who wait.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pub(crate) ticket: u64,
    pub(crate) come: Arc<Notify>,
    /// Whether it was called and has not looked since.
    called: Arc<AtomicBool>,
}

impl Turn {
    fn call(&self) {
        self.called.store(true, Ordering::Release);
        self.come.notify_one();
    }

    /// It looks now.
    pub(crate) fn looks(&self) {
        self.called.store(false, Ordering::Release);
    }
}

/// Whether something that was watched has changed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch(Arc<AtomicBool>);

impl Watch {
    pub(crate) fn has_changed(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Keys {
    /// Whether anybody is interested in anything.
    #[inline]
    pub(crate) fn matter(&self) -> bool {
        self.interested.load(Ordering::Acquire) > 0
    }

    /// Connection `number` is interested from now on.
    pub(crate) fn add(
        &self,
        (tenant, namespace): (&str, &str),
        key: &[u8],
        number: u64,
        interest: Interest,
    ) {
        let mut by_place = self.by_place.lock();
        let interests = by_place.entry(Place::new(tenant, namespace, key)).or_default();
        interests.push((number, interest));
        self.interested.fetch_add(1, Ordering::AcqRel);
    }

    /// Connection `number` is no longer interested in this way.
    pub(crate) fn remove(
        &self,
        (tenant, namespace): (&str, &str),
        key: &[u8],
        number: u64,
        done: impl Fn(&Interest) -> bool,
    ) {
        let place = Place::new(tenant, namespace, key);
        let mut by_place = self.by_place.lock();
        let Some(interests) = by_place.get_mut(&place) else { return };
        let before = interests.len();
        interests.retain(|(of, interest)| *of != number || !done(interest));
        self.interested.fetch_sub(before - interests.len(), Ordering::AcqRel);
        if interests.is_empty() {
            by_place.remove(&place);
        }
    }

    /// A place at the end of the row.
    pub(crate) fn turn(&self) -> Turn {
        let ticket = self.tickets.fetch_add(1, Ordering::AcqRel);
        Turn { ticket, come: Arc::default(), called: Arc::default() }
    }

    /// A key has changed.
    pub(crate) fn changed(&self, (tenant, namespace): (&str, &str), key: &[u8]) {
        let place = Place::new(tenant, namespace, key);
        if let Some(interests) = self.by_place.lock().get(&place) {
            act(interests);
        }
    }

    /// Everything in a namespace has changed.
    pub(crate) fn all_changed(&self, (tenant, namespace): (&str, &str)) {
        let by_place = self.by_place.lock();
        let there = |place: &Place| *place.tenant == *tenant && *place.namespace == *namespace;
        by_place.iter().filter(|(place, _)| there(place)).for_each(|(_, all)| act(all));
    }

    /// A key is about to change, as far as those are concerned who must not miss it.
    pub(crate) fn changing(&self, (tenant, namespace): (&str, &str), key: &[u8]) {
        let place = Place::new(tenant, namespace, key);
        let by_place = self.by_place.lock();
        by_place.get(&place).into_iter().flatten().for_each(|(_, interest)| interest.warn());
    }

    /// Keys of a namespace are about to change.
    pub(crate) fn all_changing(&self, (tenant, namespace): (&str, &str)) {
        let by_place = self.by_place.lock();
        let there = |place: &Place| *place.tenant == *tenant && *place.namespace == *namespace;
        let there = by_place.iter().filter(|(place, _)| there(place));
        there.flat_map(|(_, all)| all).for_each(|(_, interest)| interest.warn());
    }

    /// Whether somebody who has waited longer for a key was called and has yet to look.
    pub(crate) fn is_for_another(
        &self,
        (tenant, namespace): (&str, &str),
        key: &[u8],
        ticket: u64,
    ) -> bool {
        let place = Place::new(tenant, namespace, key);
        let by_place = self.by_place.lock();
        by_place.get(&place).into_iter().flatten().any(|(_, interest)| match interest {
            Interest::Wait(turn) => turn.ticket < ticket && turn.called.load(Ordering::Acquire),
            _ => false,
        })
    }

    /// Wakes whoever waits for a key next after the holder of this ticket.
    pub(crate) fn pass_on(&self, (tenant, namespace): (&str, &str), key: &[u8], ticket: u64) {
        let place = Place::new(tenant, namespace, key);
        let by_place = self.by_place.lock();
        let waiting = by_place.get(&place).into_iter().flatten();
        let mut later = waiting.filter_map(|(_, interest)| match interest {
            Interest::Wait(turn) if turn.ticket > ticket => Some(turn),
            _ => None,
        });
        if let Some(next) = later.next() {
            next.call();
        }
    }
}

/// Does what is to be done when a key has changed: the first of those who wait looks.
fn act(interests: &[(u64, Interest)]) {
    interests.iter().for_each(|(_, interest)| interest.warn());
    let waits = |(_, interest): &(u64, Interest)| match interest {
        Interest::Wait(turn) => Some(turn.clone()),
        Interest::Watch(_) => None,
    };
    if let Some(first) = interests.iter().find_map(waits) {
        first.call();
    }
}

impl Interest {
    fn warn(&self) {
        if let Self::Watch(watch) = self {
            watch.0.store(true, Ordering::Release);
        }
    }
}
