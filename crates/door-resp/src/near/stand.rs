//! What is kept of a database while one tracked connection lasts.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flow::{Clock, Moment};
use memory::{Cache, Terms};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::Near;
use super::kept::{Kept, integer, parts};
use super::lately::Lately;
use super::reads::Read;
use crate::command::Arguments;

/// So many keys that were asked for lately are remembered; in tests so few that they are
/// forgotten, and reads go every way.
const LATELY: usize = if cfg!(test) { 4 } else { 1 << 18 };

/// What is kept, and what is on its way.
///
/// INVARIANT: only the task that reads the tracked connection adds to it, in the order
/// of what it hears.
pub(crate) struct Stand {
    pub(super) memory: Cache<Bytes, Kept>,
    pub(super) lately: Lately,
    pub(super) outgoing: Mutex<Outgoing>,
    /// There is something to send.
    pub(super) filled: Notify,
    /// It is to end.
    pub(super) end: Notify,
    /// The newest that was answered, by its number.
    heard: AtomicU64,
    /// When that was sent.
    proven: AtomicU64,
    lost: AtomicBool,
    /// Whether fields of hashes live as long as their key.
    pub(super) hashes: AtomicBool,
    bound: Duration,
    value_max: usize,
    clock: Clock,
}

/// What is to be sent, and what was sent and is not answered.
#[derive(Default)]
pub(super) struct Outgoing {
    pub(super) buffer: BytesMut,
    pub(super) awaited: VecDeque<Awaited>,
}

/// A reply that will come.
pub(super) struct Awaited {
    pub(super) number: u64,
    pub(super) sent: Moment,
    pub(super) what: What,
}

pub(super) enum What {
    /// To one of the first words; whether nothing can be kept if it is an error.
    Greeting {
        needed: bool,
    },
    /// Whether fields of hashes have lives.
    Fields,
    Pong,
    Read {
        landings: Vec<Landing>,
        asked: oneshot::Sender<Bytes>,
    },
    /// How long a key lives that was just read.
    Life,
}

/// A reply that may be kept, if its key does not change before its life is known.
pub(super) struct Landing {
    pub(super) key: Bytes,
    pub(super) form: Box<[u8]>,
    pub(super) reply: Option<Bytes>,
    pub(super) sent: Moment,
}

/// What there is in the memory.
pub(crate) enum Look {
    Hit(Bytes),
    Miss,
    /// It is large, and not worth keeping.
    Large,
}

impl Stand {
    pub(super) fn new(near: &Near) -> Self {
        let weigher = |key: &Bytes, kept: &Kept| (key.len() + kept.weight()) as u64;
        let memory = Cache::builder()
            .capacity(near.config.memory.0)
            .clock(near.clock.clone())
            .weigher(weigher)
            .build();
        Self {
            memory,
            lately: Lately::new(LATELY),
            outgoing: Mutex::default(),
            filled: Notify::new(),
            end: Notify::new(),
            heard: AtomicU64::new(0),
            proven: AtomicU64::new(0),
            lost: AtomicBool::new(false),
            hashes: AtomicBool::new(true),
            bound: near.config.bound.0,
            value_max: near.config.value_max.bytes(),
            clock: near.clock.clone(),
        }
    }

    /// Nothing of it is believed any more.
    pub(super) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
        // Who waits for a reply is told that there will be none.
        self.outgoing.lock().awaited.clear();
        self.end.notify_one();
    }

    /// Whether it is as the database was within the bound, and could answer this.
    pub(crate) fn serves(&self, read: Read) -> bool {
        let proven = Moment(self.proven.load(Ordering::Acquire));
        !self.lost.load(Ordering::Acquire)
            && self.clock.moment().since(proven) <= self.bound
            && (!read.hash || self.hashes.load(Ordering::Acquire))
    }

    /// Whether it knows all that anybody could know when so much had been sent.
    pub(crate) fn knows(&self, sent: u64) -> bool {
        self.heard.load(Ordering::Acquire) > sent
    }

    /// What is kept of one key.
    pub(crate) fn look(&self, key: &[u8], form: &[u8]) -> Look {
        let seen = self.memory.get_with(key, |kept| (kept.large, kept.find(form)));
        match seen {
            Some((true, _)) => Look::Large,
            Some((false, Some(reply))) => Look::Hit(reply),
            _ => Look::Miss,
        }
    }

    /// Sends a read; its reply will come, unless the connection is lost before.
    pub(crate) fn fetch(
        &self,
        near: &Near,
        read: Read,
        arguments: Arguments<'_>,
    ) -> Option<oneshot::Receiver<Bytes>> {
        let sent = self.clock.moment();
        let keys = if read.many { arguments.len() - 1 } else { 1 };
        let landing = |key: &[u8]| {
            let mut form = Vec::new();
            read.form(arguments, &mut form);
            Landing { key: Bytes::copy_from_slice(key), form: form.into(), reply: None, sent }
        };
        let landings = arguments.from(1).take(keys).map(landing).collect();
        let (asked, answer) = oneshot::channel();
        let mut outgoing = self.outgoing.lock();
        if self.lost.load(Ordering::Acquire) {
            return None;
        }
        outgoing.send(near, sent, What::Read { landings, asked }, arguments.from(0));
        for key in arguments.from(1).take(keys) {
            outgoing.send(near, sent, What::Life, [&b"PTTL"[..], key].into_iter());
        }
        drop(outgoing);
        self.filled.notify_one();
        Some(answer)
    }

    /// Something was answered: everything Redis said before it has been heard.
    pub(super) fn heard(&self, awaited: &Awaited) {
        self.proven.store(awaited.sent.0, Ordering::Release);
        self.heard.store(awaited.number, Ordering::Release);
    }

    /// Keeps what has landed, now that its life is known.
    pub(super) fn keep(&self, landing: Landing, life: &[u8]) {
        let Landing { key, form, reply: Some(reply), sent } = landing else { return };
        let ttl = match integer(life) {
            Some(-1) => None,
            // There is nothing; an end in between would be told, but later.
            Some(-2) if is_nothing(&reply) => None,
            Some(life @ 1..) => {
                let life = Duration::from_millis(life.unsigned_abs());
                let left = life.saturating_sub(self.clock.moment().since(sent));
                if left.is_zero() {
                    return;
                }
                Some(left)
            }
            _ => return,
        };
        let mut kept = self.memory.get(&key).unwrap_or_default();
        match reply.len() > self.value_max {
            true => kept = Kept::large(),
            // It came with others, which need not stay for its sake.
            false => kept.add(&form, Bytes::copy_from_slice(&reply)),
        }
        let terms = Terms::default();
        let terms = match ttl {
            Some(ttl) => terms.ttl(ttl),
            None => terms,
        };
        self.memory.put(key, kept, terms);
    }
}

impl Outgoing {
    pub(super) fn send<'w>(
        &mut self,
        near: &Near,
        sent: Moment,
        what: What,
        words: impl ExactSizeIterator<Item = &'w [u8]>,
    ) {
        let number = near.sent.fetch_add(1, Ordering::AcqRel) + 1;
        self.awaited.push_back(Awaited { number, sent, what });
        write_command(words, &mut self.buffer);
    }
}

/// Writes a command as a server reads it.
pub(crate) fn write_command<'w>(
    words: impl ExactSizeIterator<Item = &'w [u8]>,
    out: &mut BytesMut,
) {
    let _ = write!(out, "*{}\r\n", words.len());
    for word in words {
        let _ = write!(out, "${}\r\n", word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// Whether a reply is what is said of a key that is not there.
fn is_nothing(reply: &[u8]) -> bool {
    let nothing: [&[u8]; 5] = [b"_\r\n", b":0\r\n", b"*0\r\n", b"%0\r\n", b"~0\r\n"];
    nothing.contains(&reply)
        || reply.starts_with(b"*") && parts(reply).iter().all(|part| *part == b"_\r\n")
}

/// Which replies are kept of what a read was answered: one of each key.
pub(super) fn landed(mut landings: Vec<Landing>, reply: &Bytes) -> Vec<Landing> {
    if reply.starts_with(b"-") {
        return landings;
    }
    match landings.first().is_some_and(|landing| *landing.form == *b"mget") {
        false => landings.iter_mut().for_each(|landing| landing.reply = Some(reply.clone())),
        true => {
            for (landing, part) in landings.iter_mut().zip(parts(reply)) {
                // Of what is no text it says that there is nothing.
                if part.starts_with(b"$") {
                    landing.form = (*b"get").into();
                }
                landing.reply = Some(reply.slice_ref(part));
            }
        }
    }
    landings
}

pub(crate) type Answer = oneshot::Receiver<Bytes>;

/// What a read of many keys is answered, if all of them are kept.
pub(crate) fn look_many(stand: &Arc<Stand>, arguments: Arguments<'_>) -> Look {
    let mut reply = BytesMut::new();
    let _ = write!(reply, "*{}\r\n", arguments.len() - 1);
    for key in arguments.from(1) {
        let found = match stand.look(key, b"get") {
            Look::Miss => stand.look(key, b"mget"),
            found => found,
        };
        match found {
            Look::Hit(part) if part.starts_with(b"$") || part.starts_with(b"_") => {
                reply.extend_from_slice(&part);
            }
            Look::Large => return Look::Large,
            Look::Hit(_) | Look::Miss => return Look::Miss,
        }
    }
    Look::Hit(reply.freeze())
}
