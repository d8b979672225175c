//! What watches how a namespace is used, and what follows from it: lives that adapt,
//! figures, and whether warming was worth it.
//!
//! A hit in memory costs tens of nanoseconds, so of these one in sixteen is looked at and
//! counts for sixteen. Whatever waits for a tier or the origin is looked at each time.

mod last;
mod marked;
mod unread;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use flow::{Clock, Moment, Result};

use self::last::Last;
pub(crate) use self::marked::{Marked, Marks};
use self::unread::{Unread, Until};
use crate::ahead::{Ahead, Following};
use crate::analytics::{self, Analytics, Found, SAMPLED, fingerprint};
use crate::memory::End;
use crate::miss::Miss;
use crate::rules::{Life, Resolved};
use crate::ttl::{Adaptive, Brought};

/// Watches one namespace, or all that have no rules of their own.
pub(crate) struct Eye {
    pub(crate) analytics: Analytics,
    adaptive: Option<Adaptive>,
    last: Last,
    pub(crate) warmed: Marked,
    unread: Unread,
    /// What is learned of its reads.
    pub(crate) ahead: Option<Arc<Ahead>>,
    clock: Clock,
    /// When what is long past last came to count less.
    faded: AtomicU64,
}

/// So often does what is long past come to count half.
const FADING: Duration = Duration::from_secs(600);

/// What a load brought.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Brings {
    /// A value, by a number for its content or version.
    Value(u64),
    /// What there was before.
    Unchanged,
    Nothing,
    Failed,
}

impl Eye {
    /// For values of these rules, which live longest for so long.
    pub(crate) fn new(rules: &Resolved, longest: Life, clock: Clock) -> Self {
        let start = longest.limit().filter(|_| longest.keeps());
        let adaptive = rules.adaptive.zip(start);
        Self {
            analytics: Analytics::new(rules.confidential),
            adaptive: adaptive.map(|(bounds, start)| Adaptive::new(bounds, start)),
            last: Last::default(),
            warmed: Marked::default(),
            unread: Unread::default(),
            ahead: None,
            faded: AtomicU64::new(clock.moment().0),
            clock,
        }
    }

    /// The same, and learns what is read.
    pub(crate) fn learning(self, rules: &Resolved) -> Result<Self> {
        let ahead = rules.learn.as_ref().map(Ahead::new).transpose()?;
        Ok(Self { ahead: ahead.map(Arc::new), ..self })
    }

    /// Follows the reads of a tenant, where they are learned from.
    pub(crate) fn following(&self, tenant: &str) -> Option<Following> {
        self.ahead.clone().map(|ahead| Following::new(ahead, tenant))
    }

    /// How long a value lives in a tier whose rules say `ruled`.
    pub(crate) fn life(&self, key: &[u8], ruled: Duration) -> Duration {
        let kept = |_: &&Adaptive| !ruled.is_zero();
        self.adaptive.as_ref().filter(kept).map_or(ruled, |adaptive| adaptive.scaled(key, ruled))
    }

    /// Memory answered.
    #[inline]
    pub(crate) fn hit(&self, key: &[u8], value: bool) {
        let drawn = drawn();
        if drawn || self.warmed.watched() {
            self.look_closely(key, drawn, if value { Found::Memory } else { Found::Nothing });
        }
    }

    /// There is nothing in memory, and nowhere else to look.
    #[inline]
    pub(crate) fn missed(&self, key: &[u8], miss: Miss) {
        if drawn() {
            self.look_closely(key, true, found_of(miss));
        }
    }

    #[cold]
    fn look_closely(&self, key: &[u8], drawn: bool, found: Found) {
        let hash = fingerprint(key);
        let hit = matches!(found, Found::Memory | Found::Nothing);
        if hit {
            self.warmed.read(hash);
        }
        if !drawn {
            return;
        }
        self.analytics.read_sampled(key, hash, found);
        if let Some(adaptive) = &self.adaptive {
            adaptive.read(key, hit, SAMPLED);
        }
    }

    /// A tier behind memory answered, the nearest of them being 1.
    pub(crate) fn found(&self, key: &[u8], tier: usize, value: bool) {
        let found = match (value, tier) {
            (false, _) => Found::Nothing,
            (true, 1) => Found::L2,
            (true, _) => Found::L3,
        };
        let hash = fingerprint(key);
        if self.unread.has(hash) {
            return;
        }
        self.warmed.read(hash);
        self.analytics.read(key, hash, found);
        self.adapt(key, true);
    }

    /// No tier answered; the last of them said why.
    pub(crate) fn found_nowhere(&self, key: &[u8], miss: Miss) {
        let hash = fingerprint(key);
        if self.unread.has(hash) {
            return;
        }
        self.analytics.read(key, hash, found_of(miss));
        self.adapt(key, false);
    }

    /// A key is loaded that nobody asked for; until that is done it is not read.
    pub(crate) fn unread(&self, hash: u64) -> Until<'_> {
        self.unread.begin(hash)
    }

    /// Whoever asks wants the origin.
    pub(crate) fn bypassed(&self, key: &[u8]) {
        self.analytics.read(key, fingerprint(key), Found::Bypassed);
    }

    /// Something past its end was answered.
    pub(crate) fn stale(&self) {
        self.analytics.count(Found::Stale);
    }

    fn adapt(&self, key: &[u8], hit: bool) {
        if let Some(adaptive) = &self.adaptive {
            adaptive.read(key, hit, 1);
        }
    }

    /// Somebody read.
    #[inline]
    pub(crate) fn principal(&self, who: &str) {
        if drawn() {
            self.analytics.principal(who);
        }
    }

    /// A value was written.
    pub(crate) fn written(&self) {
        self.analytics.written();
    }

    /// A value in memory came to its end.
    pub(crate) fn ended(&self, key: &[u8], end: End) {
        if !end.was_read && drawn() {
            self.analytics.never_read(key);
        }
        match end.crowded {
            true => self.analytics.evicted(end.was_read),
            false => self.analytics.ended(end.was_read),
        }
    }

    /// The origin was asked.
    pub(crate) fn loaded(&self, key: &[u8], took: Duration, brings: Brings) {
        let content = match brings {
            Brings::Value(content) => Some(content),
            Brings::Unchanged => None,
            Brings::Nothing => return self.analytics.loaded(took, analytics::Loaded::Nothing),
            Brings::Failed => return self.analytics.loaded(took, analytics::Loaded::Failed),
        };
        let now = self.clock.moment();
        let before = self.last.swap(fingerprint(key), content, now);
        let same = match (before, content) {
            (_, None) => Some(true),
            (Some((before, _)), Some(content)) => Some(before == content),
            (None, Some(_)) => None,
        };
        self.analytics.loaded(
            took,
            match same {
                None => analytics::Loaded::First,
                Some(true) => analytics::Loaded::Same,
                Some(false) => analytics::Loaded::Changed,
            },
        );
        if let (Some(adaptive), Some((_, since)), Some(same)) = (&self.adaptive, before, same) {
            let brought = if same { Brought::Same } else { Brought::Changed };
            adaptive.loaded(key, now.since(since), brought);
        }
        self.turn(now);
    }

    /// When the origin was last asked for a key, if that is still known.
    pub(crate) fn loaded_at(&self, key: &[u8]) -> Option<Moment> {
        self.last.at(fingerprint(key))
    }

    /// Lets lives follow what was seen; to be called now and then.
    pub(crate) fn turn(&self, now: Moment) {
        if let Some(adaptive) = &self.adaptive {
            adaptive.turn(now);
        }
        self.warmed.turn(now);
        if let Some(ahead) = &self.ahead {
            ahead.turn(now);
        }
        if now.since(Moment(self.faded.load(Relaxed))) >= FADING {
            self.faded.store(now.0, Relaxed);
            self.analytics.turn();
        }
    }
}

fn found_of(miss: Miss) -> Found {
    match miss {
        Miss::Absent => Found::Absent,
        Miss::Expired => Found::Expired,
        Miss::Purged => Found::Purged,
        Miss::Doubted | Miss::Corrupt | Miss::Slow | Miss::Away => Found::Unavailable,
    }
}

/// True one time in sixteen, by lot: who reads in a rhythm is not sampled in that rhythm.
#[inline]
fn drawn() -> bool {
    thread_local! {
        static LOT: Cell<u64> = const { Cell::new(0x9e37_79b9_7f4a_7c15) };
    }
    LOT.with(|lot| {
        let next = lot.get().wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
        lot.set(next);
        next >> 60 == 0
    })
}

impl std::fmt::Debug for Eye {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Eye")
    }
}
