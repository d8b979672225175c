//! One namespace through all its tiers.

mod brought;
mod purge;
mod write;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use flow::feed::Purge;
use flow::question::cache::{Changed, When};
use flow::signal::Gauge;
use flow::{BoxFuture, Result};
use pool::codec::{self, Codec, Compression};

use crate::ahead::Following;
use crate::analytics::{Figures, Held};
use crate::codes::{LOAD_FAILED, TOO_LARGE, TOO_MANY_TAGS};
use crate::depend::{After, Recent};
use crate::event::{About, Kind, Subject, Subscription};
use crate::eye::Eye;
use crate::far::place::Place;
use crate::far::{self, Far};
use crate::flight::{Answer, Fault, Flights, Stage, Turn};
use crate::form::Form;
use crate::house::House;
use crate::load::{Loaded, Previous, WAITS, loader};
use crate::memory::{self, Age, Local, Memory};
use crate::miss::Miss;
use crate::rules::{Life, Resolved};
use crate::signals::{Signals, TIERS, times_next};
use crate::tag;
use crate::ttl::jittered;
use crate::wiped::wiped;

pub use brought::{Brought, Meanwhile};
pub(crate) use purge::{drop_from, purging};

/// Tags one value may have.
const TAGS_MAX: usize = 128;
/// Values that are loaded anew side by side.
const RELOADED: usize = 8;

/// Values of one namespace, from the nearest tier that has them. Clones are the same.
pub struct Tiered<V>(pub(crate) Arc<Inner<V>>);

impl<V> Clone for Tiered<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

pub(crate) struct Inner<V> {
    pub(crate) house: Arc<House>,
    pub(crate) memory: Arc<Memory<V>>,
    pub(crate) flights: Arc<Flights<V>>,
    pub(crate) tenant: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) prefix: Box<[u8]>,
    pub(crate) place: Place,
    pub(crate) rules: Arc<Resolved>,
    /// Its number among the owners of what is in memory.
    pub(crate) owner: u16,
    /// The tiers it uses behind memory, nearest first, and how long values live there.
    pub(crate) fars: Vec<(Arc<Far>, Life)>,
    pub(crate) form: Form<V>,
    pub(crate) codec: Codec,
    /// When the dictionary it writes with was last kept in the tiers behind memory.
    pub(crate) dictionary_kept: AtomicU64,
    pub(crate) signals: Arc<Signals>,
    pub(crate) eye: Arc<Eye>,
    /// Where values come from that no tier has.
    pub(crate) source: Option<Source<V>>,
    /// What depends on its purges, where something does.
    pub(crate) after: Option<After>,
    /// Keys read lately, where they may be loaded anew.
    pub(crate) recent: Option<Recent>,
    /// What follows its reads, where that is learned.
    pub(crate) following: Option<Following>,
}

/// Where values come from: asked for a key, and told what was known of it.
pub type Source<V> =
    Arc<dyn Fn(&[u8], Option<Previous<V>>) -> BoxFuture<'static, Result<Loaded<V>>> + Send + Sync>;

/// On what terms a value is kept. What is not said follows from the rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// For how long; zero keeps nothing.
    pub ttl: Option<Duration>,
    /// What it can be purged by, beside the tags of the namespace.
    pub tags: Vec<Box<str>>,
    /// How dear it is when room is short, 0 to 10.
    pub priority: Option<u8>,
    /// What the origin calls this version of it.
    pub version: Option<Box<str>>,
}

/// A value that was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit<V> {
    /// The value.
    pub value: V,
    /// How long it will live, if not for ever.
    pub ttl: Option<Duration>,
}

/// What a purge reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Purged {
    /// Values dropped from the memory of this node.
    pub memory: u64,
    /// Values dropped from each tier behind it, and whether all of them are counted.
    pub tiers: Vec<(&'static str, u64, bool)>,
}

impl<V: Clone + Send + Sync + 'static> Tiered<V> {
    /// What there is to say of a key without waiting: memory knows, or nobody else does.
    pub fn at_hand(&self, key: &[u8]) -> Option<Result<Hit<V>, Miss>> {
        let inner = &self.0;
        if let Some(recent) = &inner.recent {
            recent.note(key);
        }
        let alone = inner.fars.is_empty() && inner.source.is_none();
        let local = inner.local(key);
        inner.note_read(key, local.is_ok());
        match local {
            Ok(Local { age: Age::Early, .. }) if inner.source.is_some() => None,
            Ok(Local { value, left, age: Age::Fresh | Age::Early, .. }) => {
                Some(value.map(|value| Hit { value, ttl: left }).ok_or(Miss::Absent))
            }
            missed if alone => {
                let miss = missed.err().unwrap_or(Miss::Expired);
                inner.eye.missed(key, miss);
                Some(Err(miss))
            }
            _ => None,
        }
    }

    /// What further tiers, and where the namespace has a source its source, have of a key
    /// that is not [at hand](Self::at_hand).
    ///
    /// # Errors
    /// Why there is no value; of a source, when it failed.
    pub async fn further(&self, key: &[u8]) -> Result<Result<Hit<V>, Miss>> {
        match &self.0.source {
            None => Ok(self.0.look_further(key).await),
            Some(source) => self.0.from_source(key, source.clone()).await,
        }
    }

    /// The value of a key, from whichever tier has it, or from the source where the
    /// namespace has one.
    ///
    /// # Errors
    /// Why the last tier that was asked did not answer.
    pub async fn get(&self, key: impl AsRef<[u8]>) -> Result<Hit<V>, Miss> {
        let key = key.as_ref();
        match self.at_hand(key) {
            Some(found) => found,
            None => self.further(key).await.unwrap_or(Err(Miss::Away)),
        }
    }

    /// Lets the figures know who reads; one time in sixteen it is looked at.
    #[inline]
    pub fn note_principal(&self, who: &str) {
        self.0.eye.principal(who);
    }

    /// What it is used for; in a cache of many namespaces, what all of its rules are.
    pub fn figures(&self) -> Figures {
        let whole = |gauge: &Gauge| u64::try_from(gauge.get()).unwrap_or_default();
        let Signals { bytes, entries, .. } = &*self.0.signals;
        self.0.eye.analytics.figures(Held { bytes: whole(bytes), entries: whole(entries) })
    }

    /// Sets a key in every tier.
    ///
    /// # Errors
    /// When the value is too large.
    pub async fn set(&self, key: impl AsRef<[u8]>, value: V, terms: Terms) -> Result<()> {
        self.write(key.as_ref(), value, terms, When::Always).await.map(drop)
    }

    /// Sets a key if the condition is met; whether it was. Where several nodes share a
    /// tier, they agree on it there.
    ///
    /// # Errors
    /// When the value is too large, or a condition cannot be looked at.
    pub async fn write(&self, key: &[u8], value: V, terms: Terms, when: When) -> Result<bool> {
        if self.is_local() {
            return self.write_now(key, value, &terms, when);
        }
        self.0.fits(key, &value, &terms)?;
        self.0.changing(key);
        let value = self.0.confided(value);
        if when == When::Always && self.0.write_behind(key, &value, &terms)? {
            return Ok(true);
        }
        self.0.write_through(key, value, &terms, when).await
    }

    /// Whether there is no tier behind memory, so that nothing has to be waited for.
    pub fn is_local(&self) -> bool {
        self.0.fars.is_empty()
    }

    /// The same in memory alone.
    ///
    /// # Errors
    /// When the value is too large.
    pub fn write_now(&self, key: &[u8], value: V, terms: &Terms, when: When) -> Result<bool> {
        self.0.fits(key, &value, terms)?;
        self.0.changing(key);
        self.0.write_here(key, self.0.confided(value), terms, when)
    }

    /// Changes how long a key lives; whether it was there.
    ///
    /// # Errors
    /// When the tiers behind memory cannot be asked.
    pub async fn expire(&self, key: &[u8], ttl: Option<Duration>) -> Result<bool> {
        if self.is_local() {
            return Ok(self.expire_now(key, ttl));
        }
        self.0.relive(key, ttl).await
    }

    /// The same in memory alone.
    pub fn expire_now(&self, key: &[u8], ttl: Option<Duration>) -> bool {
        let inner = &self.0;
        let generation = inner.house.generation();
        inner.changing(key);
        let there = inner.keyed(key, |key| inner.memory.expire(key, ttl, generation));
        if there {
            inner.tell_at_once(key, Kind::Set);
        }
        there
    }

    /// Removes a key from every tier; whether it was there.
    ///
    /// # Errors
    /// When other nodes, or a tier, could not be told yet.
    pub async fn remove(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        let key = key.as_ref();
        if self.is_local() && !self.has_dependents() {
            return Ok(self.remove_now(key));
        }
        let purged = self.purge(&Purge::Key(key.to_vec())).await?;
        Ok(purged.memory + purged.tiers.iter().map(|(_, count, _)| count).sum::<u64>() > 0)
    }

    /// Whether other namespaces depend on what is purged here.
    pub fn has_dependents(&self) -> bool {
        self.0.after.is_some()
    }

    /// The same in memory alone. Other nodes hear of it soon, and what depends on it does not.
    pub fn remove_now(&self, key: &[u8]) -> bool {
        let inner = &self.0;
        inner.changing(key);
        let generation = inner.house.generation();
        let there = inner.keyed(key, |key| {
            inner.flights.part_from(key);
            inner.memory.remove(key, generation)
        });
        inner.house.mention(inner.name(), key);
        inner.changed(Kind::Delete, key);
        there
    }

    /// What happens to these values on this node, from now on.
    pub fn events(&self) -> Subscription {
        let (tenant, namespace) = self.0.name();
        self.0.house.events.subscribe().of(tenant, namespace)
    }

    /// Drops what a purge names, in every tier, on every node.
    ///
    /// # Errors
    /// When other nodes, or a tier, could not be told yet. It is done here, and will be
    /// done there as soon as they can be reached.
    pub async fn purge(&self, what: &Purge) -> Result<Purged> {
        let purged = self.0.purge(what).await;
        if let Some(after) = &self.0.after {
            after(what.clone()).await;
        }
        purged
    }

    /// Loads anew what was read lately of what a purge reached, behind everybody's back.
    pub(crate) fn reload(&self, what: &Purge) {
        let keys = self.0.recent.as_ref().map(|recent| recent.reached(what)).unwrap_or_default();
        let values = self.clone();
        tokio::spawn(async move {
            for some in keys.chunks(RELOADED) {
                futures_util::future::join_all(some.iter().map(|key| values.further(key))).await;
            }
        });
    }
}

impl<V: Clone + Send + Sync + 'static> Inner<V> {
    pub(crate) fn name(&self) -> (&str, &str) {
        (&self.tenant, &self.name)
    }

    pub(crate) fn keyed<T>(&self, key: &[u8], work: impl FnOnce(&[u8]) -> T) -> T {
        memory::with_key(&self.prefix, key, work)
    }

    /// Whether memory has a key that will do for whoever reads it.
    pub(crate) fn fresh_here(&self, key: &[u8]) -> bool {
        let generation = self.house.generation();
        self.house.coherent() && self.keyed(key, |key| self.memory.is_fresh(key, generation))
    }

    /// What memory has of a key, if it may be believed.
    #[inline]
    pub(crate) fn local(&self, key: &[u8]) -> Result<Local<V>, Miss> {
        let begun = times_next().then(|| self.house.clock.moment());
        let found = self.keyed(key, |key| self.memory.get(key, self.house.generation()));
        let found = match found {
            Ok(_) if !self.house.coherent() => Err(Miss::Doubted),
            found => found,
        };
        if let Some(begun) = begun {
            self.signals.took(0, self.house.clock.moment().since(begun));
        }
        match &found {
            Ok(local) => {
                self.hit(0, key);
                if !matches!(local.age, Age::Stale(_)) {
                    self.eye.hit(key, local.value.is_some());
                }
            }
            Err(miss) => self.missed(0, key, *miss),
        }
        found
    }

    /// A tier had a key.
    #[inline]
    pub(crate) fn hit(&self, tier: usize, key: &[u8]) {
        self.signals.hit(tier);
        self.say(Kind::Hit, key, TIERS.get(tier).copied().unwrap_or_default(), "");
    }

    /// A tier did not have it.
    #[inline]
    pub(crate) fn missed(&self, tier: usize, key: &[u8], miss: Miss) {
        self.signals.miss(tier, miss);
        self.say(Kind::Miss, key, TIERS.get(tier).copied().unwrap_or_default(), miss.as_str());
    }

    /// Tells whoever listens what happened to a key.
    #[inline]
    pub(crate) fn say(&self, kind: Kind, key: &[u8], tier: &'static str, reason: &'static str) {
        if self.house.events.heard() {
            self.house.events.tell(self.about(), kind, Subject::Key(key), tier, reason);
        }
    }

    /// Tells whoever has to know at once that a key may change from now on.
    #[inline]
    pub(crate) fn changing(&self, key: &[u8]) {
        self.house.events.at_once(|witness| witness.changing(self.name(), Changed::Key(key)));
    }

    /// Tells whoever listens that a key has changed, and at once who has to know at once.
    pub(crate) fn changed(&self, kind: Kind, key: &[u8]) {
        self.tell_at_once(key, kind);
        self.say(kind, key, "", "");
    }

    /// Tells whoever has to know at once that a key has changed.
    pub(crate) fn tell_at_once(&self, key: &[u8], kind: Kind) {
        self.house.events.at_once(|witness| witness.changed(self.name(), Changed::Key(key), kind));
    }

    fn about(&self) -> About<'_> {
        let confidential = self.rules.confidential;
        About { tenant: &self.tenant, namespace: &self.name, confidential }
    }

    /// Tells whoever listens what was purged.
    fn say_purged(&self, what: &Purge) {
        let events = &self.house.events;
        if !events.heard() {
            return;
        }
        let tell = |subject, by| events.tell(self.about(), Kind::Delete, subject, "", by);
        match what {
            Purge::Key(key) => tell(Subject::Key(key), ""),
            Purge::Keys(keys) => keys.iter().for_each(|key| tell(Subject::Key(&key.0), "")),
            Purge::Tag(tag) => tell(Subject::Named(tag), "tag"),
            Purge::Glob(pattern) => tell(Subject::Named(pattern), "glob"),
            Purge::All => tell(Subject::Named(""), "all"),
        }
    }

    pub(crate) fn tagged(&self, terms: &Terms) -> Result<()> {
        let count = terms.tags.len() + self.rules.tags.len();
        if count > TAGS_MAX {
            let detail = format!("{count} tags are more than the {TAGS_MAX} a value may have");
            return Err(TOO_MANY_TAGS.error(detail));
        }
        Ok(())
    }

    pub(crate) fn fits(&self, key: &[u8], value: &V, terms: &Terms) -> Result<()> {
        self.tagged(terms)?;
        let size = key.len() as u64 + (self.form.weigh)(value);
        let largest = self.memory.largest();
        match size > largest && (self.fars.is_empty() || size > self.rules.codec.largest.0) {
            true => Err(too_large(size, largest)),
            false => Ok(()),
        }
    }

    /// A look at the tiers behind memory, one for all who ask. Whoever comes first looks; when
    /// they go away, the next.
    async fn look_further(self: &Arc<Self>, key: &[u8]) -> Result<Hit<V>, Miss> {
        for _ in 0..WAITS {
            let outcome = match self.turn(key, false) {
                Turn::Lead(lead, _) => Ok(self.look_all(key, lead).await),
                Turn::Follow(receiver) => {
                    match receiver.wait_for(|stage| matches!(stage, Stage::Done(_))).await {
                        Some(Stage::Done(outcome)) => outcome,
                        _ => continue,
                    }
                }
            };
            return match outcome {
                Ok(Answer { value: Some(value), left, .. }) => Ok(Hit { value, ttl: left }),
                Ok(Answer { known, .. }) => Err(known.err().unwrap_or(Miss::Absent)),
                Err(Fault::Late) => Err(Miss::Slow),
                Err(Fault::Lost | Fault::Load(..)) => Err(Miss::Away),
            };
        }
        Err(Miss::Away)
    }

    /// What the source says of a key, one call for all who ask.
    pub(crate) async fn from_source(
        self: &Arc<Self>,
        key: &[u8],
        source: Source<V>,
    ) -> Result<Result<Hit<V>, Miss>> {
        let asked: Box<[u8]> = key.into();
        let load = loader(move |previous| source(&asked, previous));
        match self.load(key, None, false, load).await {
            Ok(Answer { value: Some(value), left, .. }) => Ok(Ok(Hit { value, ttl: left })),
            Ok(_) => Ok(Err(Miss::Absent)),
            Err(fault) => {
                self.note_failure();
                Err(told(fault))
            }
        }
    }

    pub(crate) fn context(&self, key: &[u8]) -> Vec<u8> {
        codec::context(&[self.tenant.as_bytes(), self.name.as_bytes(), key])
    }

    pub(crate) fn written(&self, key: &[u8], value: &V) -> Result<bytes::Bytes> {
        let body = (self.form.write)(&self.codec, value, &self.context(key))?;
        self.note_written();
        let (plain, codec) = (Codec::plain_length(&body).unwrap_or_default(), &self.rules.codec);
        if codec.compression != Compression::None && plain > codec.compress_above.0 {
            self.eye.analytics.compressed(plain as usize, body.len());
        }
        Ok(match self.rules.confidential {
            true => wiped(body),
            false => body,
        })
    }

    /// The value as it is held here: of a confidential namespace, wiped in the end.
    pub(crate) fn confided(&self, value: V) -> V {
        match self.rules.confidential {
            true => (self.form.confide)(value),
            false => value,
        }
    }

    /// How long the rules, and what was seen, let a value live.
    fn ruled(&self, key: &[u8], life: Life) -> Option<Duration> {
        life.limit().map(|limit| self.eye.life(key, limit))
    }

    /// How long a value is fresh in memory: what was asked for, and where there are tiers
    /// behind, no longer than the rules say.
    pub(crate) fn memory_life(&self, key: &[u8], asked: Option<Duration>) -> Option<Duration> {
        let ruled = self.ruled(key, self.rules.memory);
        match asked {
            Some(Duration::MAX) if self.fars.is_empty() => None,
            Some(asked) if self.fars.is_empty() => Some(asked),
            Some(asked) => Some(ruled.map_or(asked, |ruled| ruled.min(asked))),
            None => ruled.map(|ruled| self.jittered(ruled)),
        }
        .filter(|life| *life != Duration::MAX)
    }

    fn far_life(&self, key: &[u8], asked: Option<Duration>, life: Life) -> Option<Duration> {
        let ruled = || self.ruled(key, life).map(|limit| self.jittered(limit));
        let fresh = asked.or_else(ruled);
        fresh.filter(|fresh| *fresh != Duration::MAX)
    }

    fn jittered(&self, life: Duration) -> Duration {
        jittered(life, self.rules.jitter_percent, &self.house.random)
    }

    /// A value for memory, with these tags beside those of its terms; it does not outlive
    /// what it was copied from.
    pub(crate) fn local_draft(
        &self,
        key: &[u8],
        value: Option<V>,
        terms: &Terms,
        tags: &[u64],
        source: Option<(Duration, Duration)>,
    ) -> memory::Draft<V> {
        let asked = match &value {
            Some(_) => terms.ttl,
            None => terms.ttl.or(self.rules.nothing.limit()),
        };
        if value.is_some() {
            self.eye.written();
        }
        let mut fresh = self.memory_life(key, asked);
        let mut window = self.rules.stale;
        if let Some((left, kept)) = source {
            fresh = Some(fresh.map_or(left, |fresh| fresh.min(left)));
            window = window.min(kept.saturating_sub(fresh.unwrap_or_default()));
        }
        let early = self.rules.early_percent.filter(|percent| *percent < 100);
        let early =
            early.zip(fresh).map(|(percent, fresh)| fresh.mul_f64(f64::from(percent) / 100.0));
        let ruled: Vec<u64> = self.rules.tags.iter().map(|tag| tag::hash(tag)).collect();
        let own = terms.tags.iter().map(|tag| tag::hash(tag)).chain(tags.iter().copied());
        let own_tags: Box<[u64]> = own.filter(|tag| !ruled.contains(tag)).collect();
        let all = own_tags.iter().chain(&ruled);
        let tags = all.map(|tag| memory::tag(&self.prefix, *tag)).collect();
        let priority = terms.priority.unwrap_or(self.rules.priority);
        memory::Draft {
            owner: self.owner,
            // Whatever way it came: what memory holds is its own, and wiped.
            value: value.map(|value| self.confided(value)),
            fresh,
            window,
            early,
            priority,
            tags,
            own_tags,
            version: terms.version.clone(),
        }
    }

    pub(crate) fn far_draft(
        &self,
        key: &[u8],
        value: Option<bytes::Bytes>,
        terms: &Terms,
        tags: &[u64],
        life: Life,
    ) -> far::Draft {
        let asked = match &value {
            Some(_) => terms.ttl,
            None => terms.ttl.or(self.rules.nothing.limit()),
        };
        let fresh = self.far_life(key, asked, life);
        let named = terms.tags.iter().chain(&self.rules.tags).map(|tag| tag::hash(tag));
        let mut tags: Vec<u64> = named.chain(tags.iter().copied()).collect();
        tags.sort_unstable();
        tags.dedup();
        let (window, version) = (self.rules.stale, terms.version.clone());
        far::Draft { value, fresh, window, tags, version }
    }
}

pub(crate) fn too_large(size: u64, largest: u64) -> flow::Error {
    TOO_LARGE.error(format!("{size} bytes are more than the {largest} allowed"))
}

/// Why a source brought nothing, for whoever waited for it.
fn told(fault: Fault) -> flow::Error {
    match fault {
        Fault::Load(_, words) => LOAD_FAILED.error(words.to_string()),
        Fault::Late => LOAD_FAILED.error("the origin took too long"),
        Fault::Lost => LOAD_FAILED.error("the origin came to no answer"),
    }
}
