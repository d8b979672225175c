//! What is known of a connection, whoever is behind the door.

mod queue;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow::question::cache::Deed;
use values::Space;

use crate::command::{Arguments, Command, Wrong};
use crate::hub::{Card, Doing, Hub, Outbox, Parcel, Tracker, Watch};
use crate::prefix::Prefix;
use crate::reply::Replies;

pub(crate) use queue::{Queue, Queued};

/// The state of one connection.
pub(crate) struct Session {
    /// What it will be sent.
    pub(crate) replies: Replies,
    /// The database it selected.
    pub(crate) namespace: Box<str>,
    /// Where it is led to from its database, while it is.
    pub(crate) led: Option<Arc<Prefix>>,
    /// Whose values it sees.
    pub(crate) tenant: Box<str>,
    pub(crate) card: Arc<Card>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) limits: Limits,
    pub(crate) outbox: Arc<Outbox>,
    /// What it wants done all at once, since it said so.
    pub(crate) queue: Option<Queue>,
    pub(crate) watched: Watched,
    /// Whether and how it keeps what it reads.
    pub(crate) keeping: Option<Keeping>,
    /// Which replies it does not want.
    pub(crate) quiet: Quiet,
    pub(crate) channels: BTreeSet<Bytes>,
    pub(crate) patterns: BTreeSet<Bytes>,
    /// Whether it said goodbye.
    pub(crate) leaving: bool,
}

/// What a connection is held to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many connections there may be.
    pub(crate) connections: u32,
    /// How many bytes a word may have.
    pub(crate) value: usize,
    /// And all words of a command, or of all that is gathered.
    pub(crate) command: usize,
    /// How long it may be silent.
    pub(crate) idle: Duration,
}

/// Which replies a connection does not want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quiet {
    /// None.
    Never,
    /// This one and the next.
    Next,
    /// This one.
    Now,
    /// All.
    Always,
}

/// How a connection keeps what it reads.
pub(crate) struct Keeping {
    pub(crate) tracker: Arc<Tracker>,
    pub(crate) choice: Choice,
    /// Whether the next command is the exception it chose to make.
    pub(crate) excepted: bool,
}

/// Of which commands it keeps what they read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Of all.
    All,
    /// Of those it says so before.
    In,
    /// Of all but those it says so before.
    Out,
}

impl Keeping {
    /// Whom to tell of what the next command reads.
    pub(crate) fn reader(&self) -> Option<&Arc<Tracker>> {
        let keeps = match self.choice {
            Choice::All => true,
            Choice::In => self.excepted,
            Choice::Out => !self.excepted,
        };
        Some(&self.tracker).filter(|tracker| keeps && tracker.prefixes.is_none())
    }
}

/// Keys that must not change before what is queued is done.
#[derive(Default)]
pub(crate) struct Watched {
    keys: Vec<(Box<str>, Bytes)>,
    watch: Watch,
    /// When the first of them ends by itself.
    first: Option<u64>,
    /// What those were that others may change unheard.
    marks: Vec<(Box<str>, Bytes, u64)>,
}

impl Watched {
    /// A key of a namespace is this, where that has to be compared.
    pub(crate) fn mark(&mut self, namespace: &str, key: &[u8], mark: u64) {
        self.marks.push((namespace.into(), Bytes::copy_from_slice(key), mark));
    }

    /// The keys of a namespace that have to be compared.
    pub(crate) fn compared(&self, namespace: &str) -> Vec<Bytes> {
        let own = self.marks.iter().filter(|(place, ..)| **place == *namespace);
        own.map(|(_, key, _)| key.clone()).collect()
    }

    /// Whether one of them is not what it was.
    pub(crate) fn differs(&self, namespace: &str, space: &dyn Space) -> bool {
        let own = |place: &str| *place == *namespace;
        self.marks.iter().any(|(place, key, mark)| own(place) && space.mark(key) != Some(*mark))
    }

    /// The first of more keys ends then, if it ends.
    pub(crate) fn ends(&mut self, first: Option<u64>) {
        self.first = self.first.into_iter().chain(first).min();
    }

    /// Whether one of them is no longer what it was.
    pub(crate) fn has_changed(&self, now: u64) -> bool {
        self.watch.has_changed() || self.first.is_some_and(|first| now >= first)
    }
}

impl Session {
    pub(crate) fn new(hub: Arc<Hub>, card: Arc<Card>, limits: Limits) -> Self {
        Self {
            replies: Replies::default(),
            namespace: "db0".into(),
            led: None,
            tenant: Box::default(),
            outbox: card.outbox.clone(),
            card,
            hub,
            limits,
            queue: None,
            watched: Watched::default(),
            keeping: None,
            quiet: Quiet::Never,
            channels: BTreeSet::new(),
            patterns: BTreeSet::new(),
            leaving: false,
        }
    }

    /// Which tenant and namespace it works in.
    pub(crate) fn place(&self) -> (&str, &str) {
        (&self.tenant, &self.namespace)
    }

    /// Goes where keys lead it, if anywhere; the namespace to come back to.
    pub(crate) fn enter(&mut self, led: &Option<Arc<Prefix>>) -> Option<Box<str>> {
        let prefix = led.as_ref()?;
        self.led = Some(prefix.clone());
        self.replies.begin = prefix.begins.clone();
        Some(std::mem::replace(&mut self.namespace, prefix.namespace.clone()))
    }

    /// Comes back.
    pub(crate) fn leave(&mut self, home: Option<Box<str>>) {
        if let Some(home) = home {
            self.namespace = home;
            self.led = None;
            self.replies.begin.clear();
        }
    }

    /// How many channels and patterns it listens to.
    pub(crate) fn listening(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// Whether all it may say now is about what it listens to: RESP2 could not tell the
    /// reply to anything else from a message.
    pub(crate) fn only_listens(&self) -> bool {
        !self.replies.resp3 && self.listening() > 0
    }

    /// Writes an error; what is queued will not be done after it.
    pub(crate) fn refuse(&mut self, Wrong(text): &Wrong) {
        self.replies.error(text);
    }

    /// Watches a key of the selected database.
    pub(crate) fn watch(&mut self, key: &[u8]) {
        let watch = self.watched.watch.clone();
        let interest = crate::hub::Interest::Watch(watch);
        self.hub.keys.add(self.place(), key, self.card.number, interest);
        self.watched.keys.push((self.namespace.clone(), Bytes::copy_from_slice(key)));
    }

    /// Watches nothing any more.
    pub(crate) fn unwatch(&mut self) {
        for (namespace, key) in std::mem::take(&mut self.watched).keys {
            let place = (&*self.tenant, &*namespace);
            let watches = |interest: &_| matches!(interest, crate::hub::Interest::Watch(_));
            self.hub.keys.remove(place, &key, self.card.number, watches);
        }
    }

    /// Writes what it is to be sent without having asked; whether it may stay.
    pub(crate) fn deliver(&mut self) -> bool {
        let Some(parcels) = self.outbox.take() else { return false };
        let mut among = BTreeMap::new();
        for parcel in parcels {
            match parcel {
                Parcel::Among { prefix, key, instead } => {
                    among.entry((prefix, instead)).or_insert_with(BTreeSet::new).insert(key);
                }
                parcel => self.write(parcel),
            }
        }
        for ((_, instead), keys) in among {
            self.write(Parcel::Invalid { keys: Some(keys.into_iter().collect()), instead });
        }
        true
    }

    /// The same between two commands, for one who keeps what it reads: an answer that
    /// follows may be newer.
    pub(crate) fn deliver_between(&mut self) -> bool {
        let keeps = |keeping: &Keeping| keeping.tracker.prefixes.is_none();
        !self.keeping.as_ref().is_some_and(keeps) || self.deliver()
    }

    fn write(&mut self, parcel: Parcel) {
        let (listens, replies) = (self.listening() > 0, &mut self.replies);
        match parcel {
            Parcel::Message(channel, text) => {
                replies.push(3);
                [&b"message"[..], &channel, &text].iter().for_each(|part| replies.bulk(part));
            }
            Parcel::Matched(pattern, channel, text) => {
                replies.push(4);
                let parts = [&b"pmessage"[..], &pattern, &channel, &text];
                parts.iter().for_each(|part| replies.bulk(part));
            }
            Parcel::Invalid { keys, instead } => {
                match (replies.resp3, instead && listens) {
                    (true, _) => {
                        replies.push(2);
                        replies.bulk(b"invalidate");
                    }
                    (false, true) => {
                        replies.array(3);
                        replies.bulk(b"message");
                        replies.bulk(b"__redis__:invalidate");
                    }
                    // There are no words for it.
                    (false, false) => return,
                }
                match keys {
                    None => replies.null(),
                    Some(keys) => {
                        replies.array(keys.len());
                        keys.iter().for_each(|key| replies.bulk(key));
                    }
                }
            }
            Parcel::Astray(number) if replies.resp3 => {
                replies.push(2);
                replies.bulk(b"tracking-redir-broken");
                replies.integer(number.cast_signed());
            }
            Parcel::Among { .. } | Parcel::Astray(_) => {}
        }
    }

    /// If it keeps what this command reads, it is told of changes from now on.
    pub(crate) fn keeps_what_is_read_by(&self, command: &Command, arguments: Arguments<'_>) {
        let tracker = self.keeping.as_ref().and_then(Keeping::reader);
        if let Some(tracker) = tracker.filter(|_| command.deed == Some(Deed::Read)) {
            let keep = &mut |key: &[u8]| self.hub.tracking.reads(tracker, &self.namespace, key);
            command.each_key(arguments, keep);
        }
    }

    /// The next command was the exception, unless more is gathered or it was about that.
    #[inline]
    pub(crate) fn forget_exception(&mut self, arguments: Arguments<'_>) {
        if let Some(keeping) = &mut self.keeping
            && self.queue.is_none()
            && !arguments.is(0, "client")
        {
            keeping.excepted = false;
        }
    }

    /// Lets others know what it is at.
    pub(crate) fn note_doing(&self) {
        let tracker = self.keeping.as_ref().map(|keeping| &keeping.tracker);
        let instead = |tracker: &Arc<Tracker>| {
            tracker.instead.as_ref().map_or(0, |(number, _)| number.cast_signed())
        };
        self.card.said.lock().doing = Doing {
            channels: self.channels.len(),
            patterns: self.patterns.len(),
            gathered: self.queue.as_ref().map(|queue| queue.commands.len()),
            keeps: tracker.is_some(),
            broadcasts: tracker.is_some_and(|tracker| tracker.prefixes.is_some()),
            instead: tracker.map_or(-1, instead),
        };
    }

    /// Takes back a reply that is not wanted.
    pub(crate) fn keep_quiet(&mut self, written: usize) {
        let quiet = match self.quiet {
            Quiet::Never => return,
            Quiet::Always => Quiet::Always,
            Quiet::Next => Quiet::Now,
            Quiet::Now => Quiet::Never,
        };
        self.replies.out.truncate(written);
        self.quiet = quiet;
    }

    /// Keeps nothing of what it reads any more.
    pub(crate) fn keep_nothing(&mut self) {
        if self.keeping.take().is_some() {
            self.hub.tracking.end(self.card.number);
        }
    }

    /// Begins anew, as if it had just come.
    pub(crate) fn reset(&mut self) {
        self.forget();
        self.queue = None;
        self.quiet = Quiet::Never;
        self.namespace = "db0".into();
        self.replies.resp3 = false;
        *self.card.said.lock() = crate::hub::Said::default();
    }

    /// Is interested in nothing any more.
    fn forget(&mut self) {
        self.unwatch();
        self.keep_nothing();
        let (hub, number) = (self.hub.clone(), self.card.number);
        for channel in std::mem::take(&mut self.channels) {
            hub.channels.part(&self.tenant, &channel, number);
        }
        for pattern in std::mem::take(&mut self.patterns) {
            hub.channels.part_matching(&self.tenant, &pattern, number);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.forget();
        self.hub.leave(self.card.number);
    }
}
