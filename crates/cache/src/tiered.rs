//! One namespace through all its tiers.

use std::sync::Arc;
use std::time::Duration;

use flow::feed::Purge;
use flow::question::cache::When;
use flow::{BoxFuture, Result};
use pool::codec::{self, Codec, Compression};

use crate::behind::Write;
use crate::codes::{LOAD_FAILED, OWED, TOO_LARGE, TOO_MANY_TAGS, UNSETTLED};
use crate::depend::{After, Recent};
use crate::event::{About, Kind, Subject, Subscription};
use crate::eye::Eye;
use crate::far::debt::Reach;
use crate::far::place::Place;
use crate::far::{self, Far};
use crate::flight::{Answer, Fault, Flights, Stage, Turn};
use crate::form::Form;
use crate::glob;
use crate::house::{Ear, House};
use crate::load::{Loaded, Previous, WAITS, loader, shorter};
use crate::memory::{self, Age, Arrival, Local, Memory};
use crate::miss::Miss;
use crate::rules::{Life, Order, Resolved};
use crate::signals::{Signals, TIERS};
use crate::tag;
use crate::ttl::jittered;

/// Tags one value may have.
const TAGS_MAX: usize = 128;
/// Values that are loaded anew side by side.
const RELOADED: usize = 8;
/// How often a life is changed again that another node was faster with.
const TRIES: usize = 16;
/// How long whoever purges waits for what it made untrue to be counted.
const COUNTING: Duration = Duration::from_millis(250);

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
    pub(crate) owner: u32,
    /// The tiers it uses behind memory, nearest first, and how long values live there.
    pub(crate) fars: Vec<(Arc<Far>, Life)>,
    pub(crate) form: Form<V>,
    pub(crate) codec: Codec,
    pub(crate) signals: Arc<Signals>,
    pub(crate) eye: Arc<Eye>,
    /// Where values come from that no tier has.
    pub(crate) source: Option<Source<V>>,
    /// What depends on its purges, where something does.
    pub(crate) after: Option<After>,
    /// Keys read lately, where they may be loaded anew.
    pub(crate) recent: Option<Recent>,
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
        match inner.local(key) {
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
        self.0.write_here(key, value, terms, when)
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
        inner.keyed(key, |key| inner.memory.expire(key, ttl, generation))
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
        let generation = inner.house.generation();
        let there = inner.keyed(key, |key| {
            inner.flights.part_from(key);
            inner.memory.remove(key, generation)
        });
        inner.house.mention(inner.name(), key);
        inner.say(Kind::Delete, key, "", "");
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

    /// What memory has of a key, if it may be believed.
    #[inline]
    pub(crate) fn local(&self, key: &[u8]) -> Result<Local<V>, Miss> {
        let begun = self.signals.times_next().then(|| self.house.clock.moment());
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

    pub(crate) fn write_here(
        &self,
        key: &[u8],
        value: V,
        terms: &Terms,
        when: When,
    ) -> Result<bool> {
        if self.memory_life(key, terms.ttl) == Some(Duration::ZERO) {
            return Ok(self.end_here(key, when));
        }
        let draft = self.local_draft(key, Some(value), terms, &[], None);
        let generation = self.house.generation();
        let set = self.keyed(key, |key| self.memory.set(key, draft, when, generation));
        let set = set.ok_or_else(|| too_large(0, self.memory.largest()))?;
        if set {
            self.house.mention(self.name(), key);
            self.say(Kind::Set, key, "", "");
        }
        Ok(set)
    }

    /// A value that is over at once is not kept, and neither is what was there.
    fn end_here(&self, key: &[u8], when: When) -> bool {
        let generation = self.house.generation();
        let there = self.local(key).is_ok();
        let met = match when {
            When::Always => true,
            When::Absent => !there,
            When::Present => there,
        };
        if met {
            self.keyed(key, |key| self.memory.remove(key, generation));
            self.house.mention(self.name(), key);
            self.say(Kind::Delete, key, "", "");
        }
        met
    }

    pub(crate) fn is_behind(&self) -> bool {
        self.rules.write == Order::Behind
    }

    /// Memory at once, the tiers behind it soon, if so the rules say and there is room.
    fn write_behind(self: &Arc<Self>, key: &[u8], value: &V, terms: &Terms) -> Result<bool> {
        if !self.is_behind() || terms.ttl == Some(Duration::ZERO) {
            return Ok(false);
        }
        let generation = self.house.generation();
        let arrival = self.keyed(key, |key| self.memory.depart(key, generation));
        let body = self.written(key, value)?;
        let far = |(far, life): &(Arc<Far>, Life)| {
            (far.clone(), self.far_draft(key, Some(body.clone()), terms, &[], *life))
        };
        let fars = self.fars.iter().filter(|(_, life)| life.keeps()).map(far).collect();
        let name = (self.tenant.clone(), self.name.clone());
        let write = Write { name, fars, generation, at: self.house.clock.moment() };
        if !self.house.write_behind(&self.place, key, write) {
            return Ok(false);
        }
        self.land_written(key, arrival, value, terms, None);
        Ok(true)
    }

    /// A value on its way to the tiers behind memory, which know less than we.
    pub(crate) fn on_its_way(
        &self,
        key: &[u8],
        arrival: Arrival<V>,
    ) -> Result<Answer<V>, Arrival<V>> {
        let waiting = self.is_behind().then(|| {
            let waiting = self.house.behind.waiting(&self.place, key, self.house.generation())?;
            let value = (self.form.read)(&self.codec, &waiting.body, &self.context(key)).ok()?;
            Some((value, waiting.left))
        });
        let Some((value, left)) = waiting.flatten().filter(|_| self.house.coherent()) else {
            return Err(arrival);
        };
        if self.rules.memory.keeps() {
            let source = left.map(|left| (left, left));
            let draft = self.local_draft(key, Some(value.clone()), &Terms::default(), &[], source);
            self.keyed(key, |key| self.memory.land(arrival, key, draft));
        }
        Ok(Answer { value: Some(value), known: true, left })
    }

    /// The farthest tier first: who looks meanwhile may carry what it finds nearer, never
    /// further away.
    async fn write_through(
        self: &Arc<Self>,
        key: &[u8],
        value: V,
        terms: &Terms,
        when: When,
    ) -> Result<bool> {
        if terms.ttl == Some(Duration::ZERO) {
            let there = when != When::Always && self.look_for_any(key).await;
            let met = when == When::Always || there == (when == When::Present);
            if met {
                self.purge(&Purge::Key(key.to_vec())).await?;
            }
            return Ok(met);
        }
        match self.is_behind() {
            true if when == When::Always => {
                self.house.behind.clear(&self.place, &Purge::Key(key.to_vec())).await;
            }
            // What is compared is in the tier.
            true => self.house.write_out().await,
            false => {}
        }
        let arrival = self.depart(key);
        let body = self.written(key, &value)?;
        let mut owed = Vec::new();
        let mut conditional = when != When::Always;
        let mut bound = None;
        for (far, life) in self.fars.iter().rev() {
            if !life.keeps() {
                continue;
            }
            let mut draft = self.far_draft(key, Some(body.clone()), terms, &[], *life);
            draft.fresh = shorter(draft.fresh, bound);
            bound = draft.fresh;
            if std::mem::take(&mut conditional) {
                if !far.write_if(&self.place, key, &draft, when).await? {
                    return Ok(false);
                }
            } else if let Err(error) = far.write(&self.place, key, &draft).await {
                tracing::debug!(tier = far.name, error = %error.story(), "a write is owed");
                far.debts.owe(&self.place, Purge::Key(key.to_vec()), Reach::Tier);
                owed.push(far.name.to_owned());
            }
        }
        self.land_written(key, arrival, &value, terms, bound);
        self.say(Kind::Set, key, "", "");
        match owed.is_empty() {
            true => self.house.mention(self.name(), key),
            false => {
                self.house.pay();
                let what = Purge::Key(key.to_vec());
                // They are told as soon as they can be; the value is set.
                let _ = self.house.tell(self.name(), what, owed).await;
            }
        }
        Ok(true)
    }

    /// Keeps in memory what was written; it does not outlive what the tiers behind hold.
    pub(crate) fn land_written(
        &self,
        key: &[u8],
        arrival: memory::Arrival<V>,
        value: &V,
        terms: &Terms,
        bound: Option<Duration>,
    ) {
        if !self.rules.memory.keeps() {
            return;
        }
        let generation = arrival.generation();
        let source = bound.map(|bound| (bound, bound.saturating_add(self.rules.stale)));
        let draft = || self.local_draft(key, Some(value.clone()), terms, &[], source);
        self.keyed(key, |key| {
            self.flights.part_from(key);
            if self.memory.land(arrival, key, draft()) {
                // Who is on the way with what was read before comes too late now; and who
                // purged meanwhile was not.
                self.memory.set(key, draft(), When::Present, generation);
            } else {
                // Something happened meanwhile, perhaps to all keys: what is here may be
                // what was written before.
                self.memory.remove(key, generation);
            }
        });
    }

    /// Whether any tier has a value.
    async fn look_for_any(self: &Arc<Self>, key: &[u8]) -> bool {
        let here = self.local(key).is_ok_and(|local| local.value.is_some());
        here || self.look_further(key).await.is_ok()
    }

    /// Changes how long a key lives, farthest tier first, and nothing else of it: it is
    /// written again only where it still is what was seen there.
    async fn relive(self: &Arc<Self>, key: &[u8], ttl: Option<Duration>) -> Result<bool> {
        let mut there = false;
        for (far, life) in self.fars.iter().rev() {
            for _ in 0..TRIES {
                let look = far.look(&self.place, key).await;
                if !look.may_write() {
                    return Err(UNSETTLED.error(format!("the tier {} cannot be asked", far.name)));
                }
                let Ok(found) = &look.found else { break };
                let asked = Some(ttl.unwrap_or(Duration::MAX));
                let (value, version) = (found.value.clone(), found.version.clone());
                let (fresh, window) = (self.far_life(key, asked, *life), self.rules.stale);
                let tags = found.tags.clone();
                let draft = far::Draft { value, fresh, window, tags, version };
                if far.fill(&self.place, key, &look, &draft).await? {
                    there |= found.value.is_some();
                    break;
                }
            }
        }
        let generation = self.house.generation();
        let here = self.keyed(key, |key| match there {
            true => self.memory.remove(key, generation),
            false => self.memory.expire(key, ttl, generation),
        });
        self.house.mention(self.name(), key);
        Ok(there || here)
    }

    /// The farthest tier first, this node's memory last, then the others: nothing that was
    /// dropped can be carried back from further away.
    pub(crate) async fn purge(&self, what: &Purge) -> Result<Purged> {
        let mut purged = Purged::default();
        let waited = match self.is_behind() {
            true => self.house.behind.clear(&self.place, what).await,
            false => 0,
        };
        let mut owed = Vec::new();
        for (far, _) in self.fars.iter().rev() {
            match far.purge(&self.place, what).await {
                Ok(there) => purged.tiers.push((far.name, there, true)),
                Err(error) => {
                    tracing::warn!(tier = far.name, error = %error.story(), "a purge is owed");
                    far.debts.owe(&self.place, what.clone(), Reach::Nearer);
                    owed.push(far.name.to_owned());
                }
            }
        }
        purged.memory = self.drop_here(what, true).max(waited);
        self.say_purged(what);
        // Nearest first, as they are looked at.
        purged.tiers.reverse();
        if !owed.is_empty() {
            self.house.pay();
        }
        self.house.tell(self.name(), what.clone(), owed.clone()).await?;
        if let Some(tier) = owed.first() {
            return Err(
                OWED.error(format!("it is done here, but the tier `{tier}` could not be reached"))
            );
        }
        self.count(what, &mut purged).await;
        Ok(purged)
    }

    /// Frees and counts what was purged in the tiers behind memory.
    async fn count(&self, what: &Purge, purged: &mut Purged) {
        if matches!(what, Purge::Key(_) | Purge::Keys(_)) {
            return;
        }
        for (name, count, whole) in &mut purged.tiers {
            let Some((far, _)) = self.fars.iter().find(|(far, _)| far.name == *name) else {
                continue;
            };
            let swept = far.sweep(&self.place, what, COUNTING).await.unwrap_or_default();
            (*count, *whole) = (swept.freed, swept.whole);
            if !swept.whole {
                let (far, place, what) = (far.clone(), self.place.clone(), what.clone());
                tokio::spawn(async move { far.sweep(&place, &what, far::LATE).await });
            }
        }
    }

    /// Drops what a purge names from memory; how many, where they are to be counted.
    pub(crate) fn drop_here(&self, what: &Purge, counted: bool) -> u64 {
        let kept = (&*self.memory, &*self.flights);
        drop_from(kept, &self.prefix, what, self.house.generation(), counted)
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
                Ok(_) => Err(Miss::Absent),
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
            Err(Fault::Load(_, words)) => Err(LOAD_FAILED.error(words.to_string())),
            Err(Fault::Late) => Err(LOAD_FAILED.error("the origin took too long")),
            Err(Fault::Lost) => Err(LOAD_FAILED.error("the origin came to no answer")),
        }
    }

    pub(crate) fn context(&self, key: &[u8]) -> Vec<u8> {
        codec::context(&[self.tenant.as_bytes(), self.name.as_bytes(), key])
    }

    pub(crate) fn written(&self, key: &[u8], value: &V) -> Result<bytes::Bytes> {
        let body = (self.form.write)(&self.codec, value, &self.context(key))?;
        let (plain, codec) = ((self.form.weigh)(value), &self.rules.codec);
        if codec.compression != Compression::None && plain > codec.compress_above.0 {
            self.eye.analytics.compressed(plain as usize, body.len());
        }
        Ok(body)
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
            value,
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

/// Drops what a purge names from memory; how many, where they are to be counted.
pub(crate) fn drop_from<V: Clone + Send + Sync + 'static>(
    (memory, flights): (&Memory<V>, &Flights<V>),
    prefix: &[u8],
    what: &Purge,
    generation: u64,
    counted: bool,
) -> u64 {
    let remove = |key: &[u8]| {
        memory::with_key(prefix, key, |key| {
            flights.part_from(key);
            u64::from(memory.remove(key, generation))
        })
    };
    // Of what is on the way nobody knows the tags yet.
    if !matches!(what, Purge::Key(_) | Purge::Keys(_)) {
        flights.part_from_all(|key| key.starts_with(prefix));
    }
    match what {
        Purge::Key(key) => remove(key),
        Purge::Keys(keys) => keys.iter().map(|key| remove(&key.0)).sum(),
        Purge::All => memory.remove_if(|key| key.starts_with(prefix)),
        Purge::Glob(pattern) => memory.remove_if(|key| {
            key.strip_prefix(prefix).is_some_and(|key| glob::matches(pattern.as_bytes(), key))
        }),
        Purge::Tag(name) => {
            let tag = memory::tag(prefix, tag::hash(name));
            if counted {
                return memory.purge_counted(tag);
            }
            memory.purge(tag);
            0
        }
    }
}

impl<V: Clone + Send + Sync + 'static> Ear for Inner<V> {
    fn hear(&self, tenant: &str, namespace: &str, what: &Purge) {
        if *tenant == *self.tenant && *namespace == *self.name {
            self.drop_here(what, false);
        }
    }
}

pub(crate) fn too_large(size: u64, largest: u64) -> flow::Error {
    TOO_LARGE.error(format!("{size} bytes are more than the {largest} allowed"))
}
