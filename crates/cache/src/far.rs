//! A tier further away: Redis, or a table. The same code for both, over
//! [`pool::kv::Kv`].
//!
//! What makes it safe: an entry is judged when it is read, by the purges its writer
//! knew of ([`record::Stamp`]) against those there are ([`ground::Ground`] and the tags'
//! marks); and what was learned of an origin is written only where nothing has happened
//! since it was asked for ([`Look::expect`]). So a purge costs the same whatever the
//! number of entries, and what raced it is not believed afterwards. Ends of lives are
//! the tier's own: no clock of ours is compared with another's.

mod absence;
pub(crate) mod debt;
mod dictionary;
pub(crate) mod ground;
mod lately;
mod many;
mod marks;
pub(crate) mod place;
mod purge;
pub(crate) mod record;
mod sweep;
pub(crate) mod warm;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow::feed::Coherence;
use flow::question::cache::When as Condition;
use flow::signal::Registry;
use flow::{Clock, Moment, Random, Result};
use foldhash::fast::FixedState;
use pool::breaker::{self, Breaker};
use pool::kv::{Entry, Fence, Held, Kv, When};
use std::hash::BuildHasher;

use self::absence::Absence;
use self::debt::Debts;
use self::ground::Ground;
use self::lately::Lately;
use self::place::Place;
use self::record::{Content, Record, Stamp, Token, WINDOW_MAX};
use crate::codes::UNSETTLED;
use crate::miss::Miss;

/// Who learned something longer ago than this does not write it down any more.
pub(crate) const LATE: Duration = Duration::from_secs(60);
/// So long a purged key remembers that it was, for those who learned before.
const TOMBSTONE: Duration = Duration::from_secs(90);
/// The marks of tags that are remembered here.
const TAGS_KNOWN: u64 = 65_536;
/// The grounds that are remembered here.
const GROUNDS_KNOWN: u64 = 4096;
/// Entries that are freed in one go.
const TIDIED: u32 = 10_000;
/// How often something is tried again that another node was faster with.
const TRIES: usize = 16;

/// A tier.
pub(crate) struct Far {
    /// What users call it.
    pub(crate) name: &'static str,
    /// Independent servers; a key is on one of them.
    shards: Vec<Arc<dyn Kv>>,
    /// How long an answer is waited for.
    patience: Duration,
    clock: Clock,
    random: Random,
    /// What was last seen of the ground of a namespace.
    grounds: memory::Cache<(usize, Place), Ground>,
    /// What was last seen of the marks of tags.
    marks: memory::Cache<u64, Mark>,
    pub(crate) debts: Debts,
    /// When something was changed, where replicas may be read.
    lately: Option<Lately>,
    /// Whether it may have come back with what others could not purge.
    absence: Absence,
    /// A tier that fails again and again is left alone for a while.
    pub(crate) breaker: Breaker,
}

/// What a tier is told.
pub(crate) struct Options {
    /// What users call it.
    pub(crate) name: &'static str,
    /// How long an answer is waited for.
    pub(crate) patience: Duration,
    /// When it is left alone.
    pub(crate) breaker: breaker::Config,
}

/// When a tag was last purged, as far as is known.
#[derive(Debug, Clone, Copy)]
struct Mark {
    generation: u64,
    /// The number of the purge.
    purged: u64,
    /// The newest purge there was when this was looked up.
    as_of: u64,
}

impl Mark {
    /// Whether it is no older than this ground, which is of the same generation.
    fn covers(&self, ground: &Ground) -> bool {
        self.generation == ground.generation && self.as_of >= ground.purges
    }
}

/// What somebody saw under a key, and what has to be so still when they write there.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) found: Result<Found, Miss>,
    /// `None` where nothing may be written: nothing was seen.
    expect: Option<Expect>,
    stamp: Stamp,
    at: Moment,
    /// How long from then on it has to be remembered that the key was purged.
    mourned: Duration,
}

#[derive(Debug, Clone)]
enum Expect {
    Absent,
    Token(Token),
    Bytes(Bytes),
}

/// What is in the tier.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The value, or that the origin has none.
    pub(crate) value: Option<Bytes>,
    /// How long it is fresh; `None` without an end.
    pub(crate) fresh: Option<Duration>,
    /// How long it will be there.
    pub(crate) left: Option<Duration>,
    pub(crate) tags: Vec<u64>,
    pub(crate) version: Option<Box<str>>,
}

/// What is to be written.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) value: Option<Bytes>,
    /// How long it is fresh; `None` without an end.
    pub(crate) fresh: Option<Duration>,
    /// How long it is kept beyond that.
    pub(crate) window: Duration,
    pub(crate) tags: Vec<u64>,
    pub(crate) version: Option<Box<str>>,
}

impl Look {
    /// Of a tier that is not asked.
    pub(crate) fn nowhere() -> Self {
        let (stamp, at) = (Stamp::default(), Moment(0));
        Self { found: Err(Miss::Absent), expect: None, stamp, at, mourned: Duration::ZERO }
    }

    /// What was found, as it is by now.
    pub(crate) fn aged(&self, found: Found, now: Moment) -> Found {
        let by = now.since(self.at);
        let less = |life: Option<Duration>| life.map(|life| life.saturating_sub(by));
        Found { fresh: less(found.fresh), left: less(found.left), ..found }
    }

    /// Another number for each value that is written there, and none where there is none.
    pub(crate) fn mark(&self) -> u64 {
        let there = self.found.as_ref().is_ok_and(|found| found.value.is_some());
        match &self.expect {
            Some(Expect::Token(Token(token))) if there => *token,
            _ => 0,
        }
    }

    /// Whether something may be written where this was seen.
    pub(crate) fn may_write(&self) -> bool {
        self.expect.is_some()
    }
}

impl Draft {
    /// What is written, and how long it lies there: at least as long as is mourned.
    fn record(&self, token: Token, stamp: Stamp, mourned: Duration) -> (Record, Option<Duration>) {
        let content = self.value.clone().map_or(Content::Nothing, Content::Value);
        let window = self.window.min(WINDOW_MAX);
        let life = self.fresh.map(|fresh| fresh.saturating_add(window));
        let grave = life.map(|life| mourned.saturating_sub(life)).unwrap_or_default();
        let (tags, version) = (self.tags.clone(), self.version.clone());
        let record = Record { token, stamp, window, grave, tags, version, content };
        (record, life.map(|life| life.saturating_add(grave)))
    }
}

impl Far {
    /// What other nodes do is heard by this.
    pub(crate) fn listen(&self, coherence: &Arc<Coherence>) {
        self.absence.listen(coherence.clone());
        if let Some(lately) = &self.lately {
            lately.listen(coherence.clone());
        }
    }

    /// Whether it was away together with the feed, and others may not have purged it yet: who has
    /// an origin to ask does so.
    pub(crate) fn is_doubted(&self) -> bool {
        self.absence.is_doubted(self.clock.moment())
    }

    pub(crate) fn new(
        options: Options,
        shards: Vec<Arc<dyn Kv>>,
        (clock, random): (Clock, Random),
        registry: &Registry,
    ) -> Self {
        let Options { name, patience, breaker } = options;
        let absence = Absence::new(breaker.open.0);
        let grounds = memory::Cache::builder().capacity(GROUNDS_KNOWN).clock(clock.clone());
        let marks = memory::Cache::builder().capacity(TAGS_KNOWN).clock(clock.clone());
        let breaker = Breaker::new(&format!("cache-{name}"), breaker, clock.clone(), registry);
        let replicas = shards.iter().any(|kv| kv.asks_replicas());
        Self {
            lately: replicas.then(|| Lately::new(clock.clone())),
            absence,
            name,
            shards,
            patience,
            clock,
            random,
            grounds: grounds.build(),
            marks: marks.build(),
            debts: Debts::default(),
            breaker,
        }
    }

    /// Frees what has expired where the servers do not do so by themselves; how much.
    pub(crate) async fn tidy(&self) -> Result<u64> {
        let mut freed = 0;
        for kv in &self.shards {
            freed += kv.sweep(TIDIED).await?;
        }
        Ok(freed)
    }

    /// What is under a key, judged.
    pub(crate) async fn look(&self, place: &Place, key: &[u8]) -> Look {
        let at = self.clock.moment();
        let unseen = |miss| Look { found: Err(miss), at, ..Look::nowhere() };
        if self.debts.owed(place) {
            return unseen(Miss::Doubted);
        }
        let Ok(pass) = self.breaker.enter() else { return unseen(Miss::Away) };
        let (number, kv) = self.shard(place, key);
        let looking = async {
            let (entry, ground) = (place.entry(key), place.ground());
            let (held, ground) = kv.held_beside(&entry, &ground).await?;
            let ground = self.settle(number, place, ground).await?;
            let mourned = held.as_ref().and_then(mourned).unwrap_or_default();
            let (found, expect) = self.judge(number, place, key, &ground, held).await?;
            Ok(Look { found, expect: Some(expect), stamp: ground.stamp(), at, mourned })
        };
        match self.clock.within(self.patience, looking).await {
            Some(Ok(look)) => {
                pass.succeeded();
                self.absence.answers(self.clock.moment());
                look
            }
            Some(Err(error)) => {
                let error: flow::Error = error;
                tracing::debug!(tier = self.name, error = %error.story(), "a tier is away");
                pass.failed();
                unseen(Miss::Away)
            }
            None => {
                pass.failed();
                unseen(Miss::Slow)
            }
        }
    }

    /// Writes what was learned after `look`, unless something has happened to the key
    /// since; whether it was written.
    pub(crate) async fn fill(
        &self,
        place: &Place,
        key: &[u8],
        look: &Look,
        draft: &Draft,
    ) -> Result<bool> {
        let late = self.clock.moment().since(look.at) > LATE;
        let Some(expect) = look.expect.as_ref().filter(|_| !late) else { return Ok(false) };
        let (number, kv) = self.shard(place, key);
        let filling = self.bounded(async {
            if !draft.tags.is_empty() {
                self.mark(number, place, look.stamp, &draft.tags).await?;
            }
            let grave = look.mourned.saturating_sub(self.clock.moment().since(look.at));
            let (record, life) = draft.record(self.token(), look.stamp, grave);
            let (at, record) = (place.entry(key), record.write());
            let entry = Entry { key: &at, value: &record, life };
            match expect {
                Expect::Absent => kv.set_if(entry, When::Absent).await,
                Expect::Token(token) => kv.set_if(entry, When::Begins(&token.prefix())).await,
                Expect::Bytes(bytes) => kv.set_if(entry, When::Holds(bytes)).await,
            }
        });
        let filled = filling.await;
        self.wrote(place, key);
        filled
    }

    /// Writes a value, whatever was there.
    pub(crate) async fn write(&self, place: &Place, key: &[u8], draft: &Draft) -> Result<()> {
        let (number, kv) = self.shard(place, key);
        let writing = self.bounded(async {
            let at = place.entry(key);
            let mut ground = match self.grounds.get(&(number, place.clone())) {
                Some(known) => known,
                None => self.ground(number, place).await?,
            };
            // Who writes while others purge has to say which purges it knew of.
            for _ in 0..TRIES {
                let stamp = ground.stamp();
                if !draft.tags.is_empty() {
                    self.mark(number, place, stamp, &draft.tags).await?;
                }
                // What lies there is not known: it may be a key that was just purged.
                let (record, life) = draft.record(self.token(), stamp, TOMBSTONE);
                let record = record.write();
                let entry = Entry { key: &at, value: &record, life };
                let beside = kv.set_beside(entry, &place.ground()).await?;
                ground = self.settle(number, place, beside).await?;
                if ground.stamp() == stamp {
                    return Ok(());
                }
            }
            Err(UNSETTLED.error("other nodes purge this namespace faster than it can be written"))
        });
        let written = writing.await;
        self.wrote(place, key);
        written
    }

    /// Writes a value if the condition is met; whether it was.
    pub(crate) async fn write_if(
        &self,
        place: &Place,
        key: &[u8],
        draft: &Draft,
        condition: Condition,
    ) -> Result<bool> {
        for _ in 0..TRIES {
            let look = self.look(place, key).await;
            if look.expect.is_none() {
                return Err(UNSETTLED.error(format!("the tier {} cannot be asked", self.name)));
            }
            let present = look.found.as_ref().is_ok_and(|found| found.value.is_some());
            if present != (condition == Condition::Present) {
                return Ok(false);
            }
            if self.fill(place, key, &look, draft).await? {
                return Ok(true);
            }
        }
        Err(UNSETTLED.error("other nodes write this key faster than it can be compared"))
    }

    /// The right to load a key for the whole fleet.
    pub(crate) async fn lease(
        &self,
        place: &Place,
        key: &[u8],
        life: Duration,
    ) -> Result<Option<Fence>> {
        let (_, kv) = self.shard(place, key);
        self.bounded(kv.lease(&place.entry(key), life)).await
    }

    /// Holds that right for longer.
    pub(crate) async fn renew(
        &self,
        place: &Place,
        key: &[u8],
        fence: Fence,
        life: Duration,
    ) -> Result<bool> {
        let (_, kv) = self.shard(place, key);
        self.bounded(kv.renew(&place.entry(key), fence, life)).await
    }

    /// Gives it back.
    pub(crate) async fn release(&self, place: &Place, key: &[u8], fence: Fence) -> Result<bool> {
        let (_, kv) = self.shard(place, key);
        self.bounded(kv.release(&place.entry(key), fence)).await
    }

    async fn bounded<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let pass = self.breaker.enter()?;
        // Writes are a few round trips, and worth waiting for.
        let result = match self.clock.within(self.patience * 2, work).await {
            Some(result) => result,
            None => Err(UNSETTLED.error(format!("the tier {} took too long", self.name))),
        };
        pass.settle(&result);
        result
    }

    fn token(&self) -> Token {
        Token(self.random.number())
    }

    /// The server a key is on: of all, the one that hashes highest with it, so that one
    /// server more or less moves no other keys than its own.
    fn shard(&self, place: &Place, key: &[u8]) -> (usize, &dyn Kv) {
        let score = |number: &usize| {
            let seed = FixedState::with_seed(*number as u64);
            seed.hash_one((place.name(), key))
        };
        let number = (0..self.shards.len()).max_by_key(score).unwrap_or_default();
        (number, self.kv(number))
    }

    #[expect(clippy::indexing_slicing, reason = "numbers come from the list itself, which has one")]
    fn kv(&self, number: usize) -> &dyn Kv {
        &*self.shards[number]
    }

    /// The ground of a namespace, as it is now.
    async fn ground(&self, number: usize, place: &Place) -> Result<Ground> {
        let read = self.kv(number).get(&place.ground()).await?;
        self.settle(number, place, read).await
    }

    /// The ground that was read; a new one where there is none, or one of another run of
    /// the server, which may have brought back what was purged.
    async fn settle(&self, number: usize, place: &Place, read: Option<Bytes>) -> Result<Ground> {
        let kv = self.kv(number);
        let at = place.ground();
        let mut read = read;
        for _ in 0..TRIES {
            let run = kv.era();
            let known = read.as_deref().and_then(Ground::read);
            if let Some(ground) = known.filter(|ground| ground.run == run) {
                self.grounds.insert((number, place.clone()), ground.clone());
                return Ok(ground);
            }
            let new = Ground::new(self.random.number(), run);
            let written = new.write();
            let entry = Entry { key: &at, value: &written, life: None };
            let when = read.as_deref().map_or(When::Absent, When::Holds);
            if kv.set_if(entry, when).await? {
                self.grounds.insert((number, place.clone()), new.clone());
                return Ok(new);
            }
            read = kv.get(&at).await?;
        }
        Err(UNSETTLED.error("nodes disagree on which run of the server this is"))
    }

    async fn judge(
        &self,
        number: usize,
        place: &Place,
        key: &[u8],
        ground: &Ground,
        held: Option<Held>,
    ) -> Result<(Result<Found, Miss>, Expect)> {
        let Some(Held { value, life: left }) = held else {
            return Ok((Err(Miss::Absent), Expect::Absent));
        };
        let Some(record) = Record::read(value.clone()) else {
            return Ok((Err(Miss::Corrupt), Expect::Bytes(value)));
        };
        let (expect, seen) = (Expect::Token(record.token), record.stamp.seen);
        let found = match found(key, ground, record, left) {
            Ok(found) => found,
            Err(miss) => return Ok((Err(miss), expect)),
        };
        match self.tags_bear(number, place, ground, &found.tags, seen).await? {
            true => Ok((Ok(found), expect)),
            false => Ok((Err(Miss::Purged), expect)),
        }
    }
}

/// What an entry says, if no purge but perhaps one by tag made it untrue.
fn found(
    key: &[u8],
    ground: &Ground,
    record: Record,
    life: Option<Duration>,
) -> Result<Found, Miss> {
    let left = life.map(|left| left.saturating_sub(record.grave));
    if left == Some(Duration::ZERO) {
        return Err(Miss::Expired);
    }
    if record.stamp.generation != ground.generation {
        return Err(Miss::Doubted);
    }
    let bears = ground.bears(key, record.stamp);
    let value = match record.content {
        Content::Purged => return Err(Miss::Purged),
        _ if !bears => return Err(Miss::Purged),
        Content::Value(value) => Some(value),
        Content::Nothing => None,
    };
    let fresh = left.map(|left| left.saturating_sub(record.window));
    Ok(Found { value, fresh, left, tags: record.tags, version: record.version })
}

/// How long it still has to be remembered that something was purged here.
fn mourned(held: &Held) -> Option<Duration> {
    let record = Record::read(held.value.clone())?;
    let mourned = record.content == Content::Purged || !record.grave.is_zero();
    held.life.filter(|_| mourned)
}
