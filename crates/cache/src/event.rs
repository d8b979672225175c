//! What happens to values, told as it happens to whoever wants to hear it.
//!
//! While nobody listens, telling costs one atomic load. Nobody who listens slowly slows
//! the cache down: what is not read in time is lost to that listener, and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use flow::Clock;
use parking_lot::RwLock;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::far::place::hex;

use flow::question::cache::Witness;

pub use flow::question::cache::event::{Event, Heard, Key, Kind};

/// Events a listener may be behind.
const BEHIND_MAX: usize = 4096;

/// How much of the hash of a confidential key is shown: enough to tell keys apart.
const SHOWN: usize = 16;

/// Where events are told.
#[derive(Clone)]
pub(crate) struct Events(Arc<Shared>);

struct Shared {
    listeners: Arc<AtomicUsize>,
    sender: broadcast::Sender<Event>,
    witnesses: RwLock<Vec<Arc<dyn Witness>>>,
    clock: Clock,
}

/// What an event is about, before anybody is known to listen.
#[derive(Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) confidential: bool,
}

/// What one event is about.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'a> {
    Key(&'a [u8]),
    Named(&'a str),
}

impl Events {
    pub(crate) fn new(clock: Clock) -> Self {
        let sender = broadcast::Sender::new(BEHIND_MAX);
        let (listeners, witnesses) = (Arc::default(), RwLock::default());
        Self(Arc::new(Shared { listeners, sender, witnesses, clock }))
    }

    /// From now on this one is told of changes as they happen.
    pub(crate) fn tell_at_once(&self, witness: Arc<dyn Witness>) {
        self.0.witnesses.write().push(witness);
    }

    /// Those who want to know of changes as they happen say what they do about one.
    #[inline]
    pub(crate) fn at_once(&self, say: impl Fn(&dyn Witness)) {
        let witnesses = self.0.witnesses.read();
        witnesses.iter().filter(|one| one.listens()).for_each(|one| say(&**one));
    }

    /// Whether anybody listens.
    #[inline]
    pub(crate) fn heard(&self) -> bool {
        self.0.listeners.load(Relaxed) > 0
    }

    #[cold]
    pub(crate) fn tell(
        &self,
        about: About<'_>,
        kind: Kind,
        subject: Subject<'_>,
        tier: &'static str,
        reason: &'static str,
    ) {
        let key = match subject {
            Subject::Named(name) => Key::Named(name.into()),
            Subject::Key(key) if about.confidential => Key::Hashed(hashed(key)),
            Subject::Key(key) => Key::Plain(Bytes::copy_from_slice(key)),
        };
        let (tenant, namespace) = (about.tenant.into(), about.namespace.into());
        let time = self.0.clock.now();
        // The last listener may have gone meanwhile.
        let _ = self.0.sender.send(Event { kind, time, tenant, namespace, key, tier, reason });
    }

    pub(crate) fn subscribe(&self) -> Subscription {
        let receiver = self.0.sender.subscribe();
        self.0.listeners.fetch_add(1, Relaxed);
        Subscription { listeners: self.0.listeners.clone(), receiver, only: None }
    }
}

/// A key nobody may see, so that it can still be told from others.
pub(crate) fn hashed(key: &[u8]) -> Box<str> {
    let hash = digest(&SHA256, key);
    hex(hash.as_ref().get(..SHOWN).unwrap_or_default()).into()
}

/// What happens to values of a cache, from the subscription on.
pub struct Subscription {
    listeners: Arc<AtomicUsize>,
    receiver: broadcast::Receiver<Event>,
    /// Only of this tenant and namespace.
    only: Option<(Box<str>, Box<str>)>,
}

impl Subscription {
    /// Only of one namespace of a tenant.
    #[must_use]
    pub fn of(mut self, tenant: &str, namespace: &str) -> Self {
        self.only = Some((tenant.into(), namespace.into()));
        self
    }

    /// The next event, or how many came too fast and are lost; nothing when the cache is
    /// gone.
    pub async fn next(&mut self) -> Option<Heard> {
        loop {
            match self.receiver.recv().await {
                Ok(event) if self.wants(&event) => return Some(Heard::Event(event)),
                Ok(_) => {}
                Err(RecvError::Lagged(lost)) => return Some(Heard::Lost(lost)),
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn wants(&self, event: &Event) -> bool {
        let same = |(tenant, namespace): &(Box<str>, Box<str>)| {
            *tenant == event.tenant && *namespace == event.namespace
        };
        self.only.as_ref().is_none_or(same)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.listeners.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: About<'_> = About { tenant: "main", namespace: "n", confidential: false };

    #[tokio::test]
    async fn nobody_listens_until_somebody_subscribes_and_after_they_are_gone() {
        let events = Events::new(Clock::system());
        assert!(!events.heard());
        let subscription = events.subscribe();
        assert!(events.heard());
        drop(subscription);
        assert!(!events.heard());
    }

    #[tokio::test]
    async fn what_is_not_read_in_time_is_counted() {
        let events = Events::new(Clock::system());
        let mut all = events.subscribe();
        let mut own = events.subscribe().of("main", "n");
        let elsewhere = About { namespace: "m", ..OPEN };
        events.tell(elsewhere, Kind::Hit, Subject::Key(b"a"), "memory", "");
        events.tell(OPEN, Kind::Set, Subject::Key(b"a"), "", "");
        let Some(Heard::Event(event)) = own.next().await else { panic!() };
        assert_eq!((event.kind, event.key), (Kind::Set, Key::Plain("a".into())));
        for _ in 0..BEHIND_MAX {
            events.tell(OPEN, Kind::Hit, Subject::Key(b"a"), "memory", "");
        }
        assert_eq!(all.next().await, Some(Heard::Lost(2)));
        assert!(matches!(all.next().await, Some(Heard::Event(_))));
    }

    #[tokio::test]
    async fn keys_of_confidential_namespaces_are_not_told() {
        let events = Events::new(Clock::system());
        let mut all = events.subscribe();
        let secret = About { confidential: true, ..OPEN };
        events.tell(secret, Kind::Hit, Subject::Key(b"abc"), "memory", "");
        let Some(Heard::Event(event)) = all.next().await else { panic!() };
        assert_eq!(event.key, Key::Hashed("ba7816bf8f01cfea414140de5dae2223".into()));
    }
}
