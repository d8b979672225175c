//! What connections have to do with each other: who waits for which keys, who listens to
//! which channels, who is there.

mod channels;
mod keys;
mod latency;
mod notices;
mod noticing;
mod outbox;
mod pauses;
mod slow;
mod tracking;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use flow::question::cache::event::Kind;
use flow::question::cache::{Changed, Witness};
use flow::stripe::Stripes;
use flow::{Clock, Moment};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::command::{Arguments, Command, events};
use crate::connection::Unsent;
use crate::prefix::Prefixes;

pub(crate) use channels::Channels;
pub(crate) use keys::{Interest, Keys, Turn, Watch};
pub(crate) use latency::{Event, Latency};
pub(crate) use notices::{Class, Notices};
pub(crate) use noticing::{Change, Noticed, Noticing};
pub(crate) use outbox::{Outbox, Parcel};
pub(crate) use pauses::{Pause, Pauses};
pub(crate) use slow::{Slow, SlowLog};
pub(crate) use tracking::{Tracker, Tracking};

/// What all connections of a door share.
pub(crate) struct Hub {
    pub(crate) keys: Keys,
    pub(crate) tracking: Tracking,
    pub(crate) notices: Notices,
    pub(crate) channels: Channels,
    pub(crate) slow: SlowLog,
    pub(crate) latency: Latency,
    pub(crate) pauses: Pauses,
    pub(crate) clock: Clock,
    pub(crate) begun: Moment,
    /// Commands carried out, by all.
    pub(crate) commands: Stripes<AtomicU64>,
    pub(crate) unsent: Unsent,
    pub(crate) prefixes: Arc<Prefixes>,
    cards: Mutex<BTreeMap<u64, Arc<Card>>>,
}

/// What is known of a connection to the others.
pub(crate) struct Card {
    pub(crate) number: u64,
    pub(crate) peer: Option<SocketAddr>,
    /// Where it came to.
    pub(crate) own: Option<SocketAddr>,
    pub(crate) since: Moment,
    pub(crate) said: Mutex<Said>,
    /// What it is to be sent without having asked; told too when somebody wants it to end.
    pub(crate) outbox: Arc<Outbox>,
    ended: AtomicBool,
    gone: AtomicBool,
    /// When it last said something, in milliseconds since the door was opened.
    spoke: AtomicU64,
    /// The place of the command it said last, among all.
    pub(crate) last: AtomicU32,
    /// Whether the gate has recognised it.
    pub(crate) known: AtomicBool,
    /// Whether it listens, and need not speak.
    pub(crate) listens: AtomicBool,
    /// Whether it waits for a key, and how others want that to end.
    pub(crate) waits: AtomicBool,
    pub(crate) unblock: Notify,
    pub(crate) unblocked_badly: AtomicBool,
}

/// Where a connection comes from, and where it came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) peer: SocketAddr,
    pub(crate) own: Option<SocketAddr>,
}

/// What a connection says of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    pub(crate) name: Box<[u8]>,
    pub(crate) namespace: Box<str>,
    pub(crate) user: Box<str>,
    pub(crate) library: (Box<str>, Box<str>),
    pub(crate) resp3: bool,
    pub(crate) doing: Doing,
}

impl Witness for Hub {
    fn listens(&self) -> bool {
        self.matters()
    }

    fn changing(&self, place: (&str, &str), what: Changed<'_>) {
        match what {
            Changed::Key(key) => self.keys.changing(place, key),
            Changed::Some | Changed::All => self.keys.all_changing(place),
        }
    }

    fn changed(&self, place: (&str, &str), what: Changed<'_>, how: Kind) {
        let key = match what {
            Changed::Key(key) => key,
            Changed::Some => return self.some_changed(place),
            Changed::All => return self.all_changed(place),
        };
        self.has_changed(place, key, None);
        let event = match how {
            Kind::Set => (Class::STRING, "set"),
            Kind::Expire => (Class::EXPIRED, "expired"),
            Kind::Evict => (Class::EVICTED, "evicted"),
            _ => (Class::GENERIC, "del"),
        };
        if let Some(wanted) = self.notices.wanted(place.0) {
            self.notify(wanted, place, event, &Bytes::copy_from_slice(key));
        }
    }
}

/// What a connection is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Doing {
    pub(crate) channels: usize,
    pub(crate) patterns: usize,
    /// How many commands it has gathered, if it gathers any.
    pub(crate) gathered: Option<usize>,
    pub(crate) keeps: bool,
    pub(crate) broadcasts: bool,
    /// Who is told instead; 0 is nobody, and −1 that it keeps nothing.
    pub(crate) instead: i64,
}

impl Default for Doing {
    fn default() -> Self {
        let (channels, patterns, gathered) = (0, 0, None);
        Self { channels, patterns, gathered, keeps: false, broadcasts: false, instead: -1 }
    }
}

impl Hub {
    pub(crate) fn new(clock: Clock, prefixes: Prefixes) -> Self {
        let prefixes = Arc::new(prefixes);
        let begun = clock.moment();
        Self {
            keys: Keys::default(),
            tracking: Tracking::new(prefixes.clone()),
            notices: Notices::default(),
            channels: Channels::default(),
            slow: SlowLog::default(),
            latency: Latency::default(),
            pauses: Pauses::default(),
            clock,
            begun,
            commands: Stripes::default(),
            unsent: Unsent::default(),
            prefixes,
            cards: Mutex::default(),
        }
    }

    /// Somebody comes.
    pub(crate) fn enter(&self, number: u64, ends: Option<Ends>) -> Arc<Card> {
        let card = Arc::new(Card {
            number,
            peer: ends.map(|ends| ends.peer),
            own: ends.and_then(|ends| ends.own),
            since: self.clock.moment(),
            said: Mutex::default(),
            known: AtomicBool::new(false),
            outbox: Arc::default(),
            ended: AtomicBool::default(),
            gone: AtomicBool::default(),
            spoke: AtomicU64::new(self.age(self.clock.moment())),
            last: AtomicU32::new(u32::MAX),
            listens: AtomicBool::default(),
            waits: AtomicBool::default(),
            unblock: Notify::new(),
            unblocked_badly: AtomicBool::default(),
        });
        self.cards.lock().insert(number, card.clone());
        card
    }

    /// Somebody goes.
    pub(crate) fn leave(&self, number: u64) {
        if let Some(card) = self.cards.lock().remove(&number) {
            card.gone.store(true, Relaxed);
        }
    }

    /// Whether anybody wants to know of changes.
    #[inline]
    pub(crate) fn matters(&self) -> bool {
        self.keys.matter() || self.tracking.matters() || self.notices.matter()
    }

    /// A key has changed, by the hand of connection `by` if by any.
    pub(crate) fn has_changed(&self, place: (&str, &str), key: &[u8], by: Option<u64>) {
        self.keys.changed(place, key);
        if self.tracking.matters() {
            self.tracking.changed(place, key, by);
        }
    }

    /// A command of connection `by` has done this.
    pub(crate) fn noticed(
        &self,
        noticed: &Noticed,
        place: (&str, &str),
        (command, arguments): (&Command, Arguments<'_>),
        by: u64,
    ) {
        if noticed.cleared {
            self.all_changed(place);
        }
        noticed.changes.iter().for_each(|change| self.has_changed(place, &change.key, Some(by)));
        if let Some(wanted) = self.notices.wanted(place.0) {
            events(noticed, command, arguments, &mut |class, event, key| {
                self.notify(wanted, place, (class, event), key);
            });
        }
    }

    /// Says on its channels what happened to a key, if it is wanted.
    pub(crate) fn notify(
        &self,
        wanted: u32,
        (tenant, namespace): (&str, &str),
        (class, event): (Class, &'static str),
        key: &Bytes,
    ) {
        if wanted & class.bit() == 0 {
            return;
        }
        // What keys lead to is in every database, and told of in the first.
        let led = self.prefixes.of(namespace).map(|_| "0");
        let Some(number) = led.or_else(|| namespace.strip_prefix("db")) else { return };
        let key = &self.prefixes.whole(namespace, key);
        let channel = |kind: &str, name: &[u8]| {
            Bytes::from([format!("__{kind}@{number}__:").as_bytes(), name].concat())
        };
        let event = Bytes::from_static(event.as_bytes());
        if wanted & Class::KEYSPACE != 0 {
            self.channels.say(tenant, &channel("keyspace", key), &event);
        }
        if wanted & Class::KEYEVENT != 0 {
            self.channels.say(tenant, &channel("keyevent", &event), key);
        }
    }

    /// Everything in a namespace is gone.
    pub(crate) fn all_changed(&self, place: (&str, &str)) {
        self.keys.all_changed(place);
        self.tracking.all_changed(place.0);
    }

    /// Some keys of a namespace have changed, nobody knows which.
    pub(crate) fn some_changed(&self, place: (&str, &str)) {
        self.keys.all_changed(place);
        self.tracking.some_changed(place);
    }

    /// How old the door is, in milliseconds.
    fn age(&self, now: Moment) -> u64 {
        u64::try_from(now.since(self.begun).as_millis()).unwrap_or(u64::MAX)
    }

    /// A connection says something.
    #[inline]
    pub(crate) fn heard(&self, card: &Card, now: Moment) {
        card.spoke.store(self.age(now), Relaxed);
    }

    /// How long a connection has said nothing.
    pub(crate) fn silence(&self, card: &Card, now: Moment) -> Duration {
        Duration::from_millis(self.age(now).saturating_sub(card.spoke.load(Relaxed)))
    }

    /// Ends the connections that have been silent for `idle`, and those of whom after `login`
    /// it is not known who they are.
    pub(crate) fn end_silent(&self, idle: Duration, login: Duration) {
        let idle = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        let moment = self.clock.moment();
        let now = self.age(moment);
        for card in self.cards() {
            let silent = now.saturating_sub(card.spoke.load(Relaxed)) >= idle;
            let stranger = !card.known.load(Relaxed) && moment.since(card.since) >= login;
            if stranger || (silent && !card.listens.load(Relaxed)) {
                card.end();
            }
        }
    }

    /// Lets every connection look whether it is to go.
    pub(crate) fn wake_all(&self) {
        self.pauses.end_all();
        self.cards().iter().for_each(|card| card.outbox.filled.notify_one());
    }

    /// Who is there, the oldest first.
    pub(crate) fn cards(&self) -> Vec<Arc<Card>> {
        self.cards.lock().values().cloned().collect()
    }
}

impl Card {
    /// Whether the connection is no more.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Relaxed)
    }

    /// Ends the connection at the next opportunity.
    pub(crate) fn end(&self) {
        self.ended.store(true, Relaxed);
        self.outbox.filled.notify_one();
    }

    /// Whether it is to end.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }
}
