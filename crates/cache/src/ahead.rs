//! Loading what will likely be asked next, before it is.
//!
//! Whoever reads only notes which key it was. One task of the namespace takes these notes
//! together, learns from them, and loads what it expects the way everything is loaded: once
//! for all who want it, with the lease of the fleet, and never past a purge. While the
//! origin fails, or a tier is away, nothing is loaded that nobody asked for.

mod notes;

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use flow::question::cache::Learned;
use flow::{Moment, Result};
use foldhash::fast::FixedState;
use pool::breaker::State;
use tokio::runtime::Handle;

use self::notes::{Note, Notes};
use crate::analytics::fingerprint;
use crate::flight::{Answer, Stage, Turn};
use crate::learn::{self, Learn, Names, Report};
use crate::load::loader;
use crate::tiered::{Inner, Source, Tiered};

/// Keys are remembered up to so many bytes in all.
const NAMES: usize = 4 << 20;
/// Loads at the same time, of one namespace.
const AT_ONCE: usize = 16;
/// So long notes are gathered after some were taken: to begin with each anew would cost whoever
/// reads more than the note.
const LINGER: Duration = Duration::from_millis(1);
/// After a load failed nothing is loaded ahead for so long.
const PAUSE: Duration = Duration::from_secs(5);

/// What is learned of a namespace, of all tenants.
pub(crate) struct Ahead {
    learn: Learn,
    names: Names,
    flying: AtomicUsize,
    /// Until when nothing is loaded ahead.
    paused: AtomicU64,
    /// What was expected and not loaded, because enough was on its way.
    shed: AtomicU64,
    /// Reads that came faster than they were learned from.
    missed: AtomicU64,
}

/// Learns from the reads of one tenant.
pub(crate) struct Following {
    ahead: Arc<Ahead>,
    notes: Notes,
    /// What its keys are told from those of other tenants by.
    tenant: u64,
}

impl Ahead {
    pub(crate) fn new(config: &learn::Config) -> Result<Self> {
        Ok(Self {
            learn: Learn::new(config)?,
            names: Names::new(NAMES),
            flying: AtomicUsize::new(0),
            paused: AtomicU64::new(0),
            shed: AtomicU64::new(0),
            missed: AtomicU64::new(0),
        })
    }

    /// Settles what was expected and not asked; to be called now and then.
    pub(crate) fn turn(&self, now: Moment) {
        self.learn.turn(now);
    }

    /// How well it does.
    pub(crate) fn report(&self) -> Learned {
        let report = self.learn.report();
        let Report { predicted, used, unused, fetched, fetched_bytes, saved, .. } = report;
        Learned {
            expected: predicted,
            came: used,
            in_vain: unused,
            precision: report.precision(),
            loads: fetched,
            bytes: fetched_bytes,
            saved,
            held_back: report.held_back + self.shed.load(Relaxed),
            silent: report.silent_contexts,
            missed: self.missed.load(Relaxed),
        }
    }

    /// A load failed: the origin is left alone by whoever need not ask it.
    fn pause(&self, now: Moment) {
        self.paused.fetch_max(now.after(PAUSE).0, Relaxed);
    }
}

impl Following {
    pub(crate) fn new(ahead: Arc<Ahead>, tenant: &str) -> Self {
        let tenant = fingerprint(tenant.as_bytes());
        Self { ahead, notes: Notes::default(), tenant }
    }

    fn hash(&self, key: &[u8]) -> u64 {
        fingerprint(key) ^ self.tenant
    }
}

impl<V: Clone + Send + Sync + 'static> Tiered<V> {
    /// How well what was loaded before anybody asked did, where that is done.
    pub fn learned(&self) -> Option<Learned> {
        self.0.eye.ahead.as_ref().map(|ahead| ahead.report())
    }
}

impl<V: Clone + Send + Sync + 'static> Inner<V> {
    /// Somebody read a key, and memory had it or not.
    #[inline]
    pub(crate) fn note_read(self: &Arc<Self>, key: &[u8], hit: bool) {
        if let Some(following) = &self.following {
            self.follow(following, key, hit);
        }
    }

    /// A load that somebody waited for failed.
    pub(crate) fn note_failure(&self) {
        if let Some(following) = &self.following {
            following.ahead.pause(self.house.clock.moment());
        }
    }

    #[inline(never)]
    fn follow(self: &Arc<Self>, following: &Following, key: &[u8], hit: bool) {
        let sequence = sequence() ^ following.tenant;
        match following.notes.push(key, Note { sequence, hit }) {
            notes::Pushed::Later => {}
            notes::Pushed::Full => {
                following.ahead.missed.fetch_add(1, Relaxed);
            }
            notes::Pushed::First => match Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn(self.clone().learn_all())),
                // Outside of a runtime nothing could be loaded.
                Err(_) => following.notes.drop_all(),
            },
        }
    }

    async fn learn_all(self: Arc<Self>) {
        let Some(following) = &self.following else { return };
        while let Some(batch) = following.notes.take() {
            for (key, note) in batch.iter() {
                self.learn_from(following, key, note);
            }
            self.house.clock.sleep(LINGER).await;
        }
    }

    fn learn_from(self: &Arc<Self>, following: &Following, key: &[u8], note: Note) {
        let Following { ahead, .. } = following;
        let (hash, now) = (following.hash(key), self.house.clock.glance());
        ahead.names.note(hash, key);
        ahead.learn.observe_found(note.sequence, hash, note.hit, now);
        let Some(source) = self.source.as_ref().filter(|_| self.may_load_ahead(ahead, now)) else {
            return;
        };
        let lacking = |hash| ahead.names.get(hash).is_some_and(|key| !self.fresh_here(&key));
        for expected in ahead.learn.predict_wanted(hash, now, lacking) {
            if let Some(key) = ahead.names.get(expected.key) {
                self.load_ahead(ahead, expected.key, key, source);
            }
        }
    }

    /// Whether nothing speaks against loads that nobody asked for.
    fn may_load_ahead(&self, ahead: &Ahead, now: Moment) -> bool {
        let reached = self.fars.iter().all(|(far, _)| far.breaker.state() == State::Closed);
        reached && ahead.paused.load(Relaxed) <= now.0
    }

    fn load_ahead(
        self: &Arc<Self>,
        ahead: &Arc<Ahead>,
        hash: u64,
        key: Box<[u8]>,
        source: &Source<V>,
    ) {
        if ahead.flying.fetch_add(1, Relaxed) >= AT_ONCE {
            ahead.flying.fetch_sub(1, Relaxed);
            ahead.shed.fetch_add(1, Relaxed);
            return;
        }
        let Turn::Lead(lead, seat) = self.turn(&key, false) else {
            // Somebody is just loading it.
            ahead.flying.fetch_sub(1, Relaxed);
            return;
        };
        let (values, ahead, source) = (self.clone(), ahead.clone(), source.clone());
        tokio::spawn(async move {
            let origin = Arc::new(Origin::default());
            let (asked, named) = (origin.clone(), key.clone());
            let load = loader(move |previous| async move {
                asked.asked.store(true, Relaxed);
                let loaded = source(&named, previous).await;
                asked.failed.store(loaded.is_err(), Relaxed);
                loaded
            });
            values.clone().fly_ahead(key, load, lead).await;
            let done = seat.wait_for(|stage| matches!(stage, Stage::Done(_))).await;
            ahead.flying.fetch_sub(1, Relaxed);
            values.settle_ahead(&ahead, hash, &origin, done);
        });
    }

    fn settle_ahead(&self, ahead: &Ahead, hash: u64, origin: &Origin, done: Option<Stage<V>>) {
        let now = self.house.clock.moment();
        match done {
            Some(Stage::Done(Ok(Answer { value, .. }))) if !origin.failed.load(Relaxed) => {
                let bytes = value.as_ref().map_or(0, self.form.weigh);
                // What another tier had saved no load.
                if origin.asked.load(Relaxed) {
                    ahead.learn.fetched(hash, bytes, now);
                }
            }
            _ => ahead.pause(now),
        }
    }
}

/// What became of asking the origin.
#[derive(Default)]
struct Origin {
    asked: AtomicBool,
    failed: AtomicBool,
}

tokio::task_local! {
    static SEQUENCE: u64;
}

/// What this future reads is one sequence of reads: that of a visitor, say. Without it, what a
/// task reads is one.
pub(crate) async fn in_sequence<F: Future>(who: &str, work: F) -> F::Output {
    SEQUENCE.scope(fingerprint(who.as_bytes()), work).await
}

/// To which sequence of reads this one belongs.
fn sequence() -> u64 {
    let own = || match tokio::task::try_id() {
        Some(task) => FixedState::default().hash_one(task),
        None => FixedState::default().hash_one(std::thread::current().id()),
    };
    SEQUENCE.try_with(|sequence| *sequence).unwrap_or_else(|_| own())
}
