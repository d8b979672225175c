//! Getting what memory does not have: one look, and one load, for all who ask.
//!
//! A load is a task of its own: whoever asked may go away, or have had enough of waiting
//! and be answered something stale, and it goes on behind and is kept. Before it asks the
//! origin it takes a lease in the nearest tier that nodes share, so that one node loads
//! for the fleet.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use flow::BoxFuture;
use flow::feed::Purge;
use futures_util::FutureExt;
use pool::kv::Fence;

use crate::analytics::fingerprint;
use crate::event::Kind;
use crate::eye::Brings;
use crate::far::{Found, LATE, Look};
use crate::flight::{Answer, Fault, Lead, Outcome, Seat, Stage, Turn};
use crate::memory::{Age, Arrival, Local};
use crate::miss::Miss;
use crate::rules::Life;
use crate::signals::TIERS;
use crate::tiered::{Inner, Terms};

/// A lease is renewed while its load goes on, and is over soon after its node is gone.
const LEASE: Duration = Duration::from_secs(3);
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(1);
/// How often whoever waits for another node's load looks whether it is there.
const LOOK: Duration = Duration::from_millis(10);
const LOOK_MAX: Duration = Duration::from_millis(100);
/// How long what is stale is answered after its load failed, before it is tried again.
const RESPITE: Duration = Duration::from_secs(1);
/// How often somebody waits for loads that come to nothing before going alone.
pub(crate) const WAITS: usize = 3;

/// What the origin has.
#[derive(Debug, Clone)]
pub enum Loaded<V> {
    /// A value, to be kept on these terms.
    Value(V, Terms),
    /// Nothing, which is worth knowing.
    Nothing,
    /// What it had before.
    Unchanged,
}

impl<V> From<V> for Loaded<V> {
    fn from(value: V) -> Self {
        Self::Value(value, Terms::default())
    }
}

/// What was known before, for an origin that can say that it is still so.
#[derive(Debug, Clone)]
pub struct Previous<V> {
    /// The value.
    pub value: V,
    /// What the origin called it.
    pub version: Option<Box<str>>,
}

/// Asks the origin.
pub(crate) type Loader<V> =
    Box<dyn FnOnce(Option<Previous<V>>) -> BoxFuture<'static, Result<Loaded<V>, Fault>> + Send>;

/// A loader that may fail with an error of its own.
pub(crate) fn loader<V, E, F, A>(ask: F) -> Loader<V>
where
    V: Send + 'static,
    E: std::fmt::Display + Send + Sync + 'static,
    F: FnOnce(Option<Previous<V>>) -> A + Send + 'static,
    A: Future<Output = Result<Loaded<V>, E>> + Send,
{
    Box::new(|previous| {
        Box::pin(async move {
            ask(previous).await.map_err(|error| {
                let words = error.to_string().into();
                Fault::Load(Arc::new(error) as Arc<dyn Any + Send + Sync>, words)
            })
        })
    })
}

/// How a key is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    /// Anything fresh will do.
    Needed,
    /// Anything that will not be over soon.
    Early,
    /// The origin is to be asked.
    Forced,
}

/// Something stale that may be answered in need.
struct Fallback<V> {
    value: Option<V>,
    version: Option<Box<str>>,
    /// Their hashes.
    tags: Box<[u64]>,
}

impl<V: Clone + Send + Sync + 'static> Inner<V> {
    /// The value of a key; loaded where no tier has it.
    pub(crate) async fn load(
        self: &Arc<Self>,
        key: &[u8],
        first: Option<Result<Local<V>, Miss>>,
        forced: bool,
        loader: Loader<V>,
    ) -> Outcome<V> {
        let (mut loader, mut first) = (Some(loader), first);
        let mut forced = forced;
        for _ in 0..WAITS {
            let local = first.take().unwrap_or_else(|| self.local(key));
            let stale = match local {
                Ok(local) if !forced => match local.age {
                    Age::Fresh => return Ok(answer(local)),
                    Age::Early => {
                        self.refresh(key, loader.take());
                        return Ok(answer(local));
                    }
                    Age::Stale(_) => Some(local),
                },
                _ => None,
            };
            let receiver = match self.turn(key, forced) {
                Turn::Follow(receiver) => {
                    self.signals.coalesced.add(1);
                    receiver
                }
                Turn::Lead(lead, receiver) => {
                    let Some(loader) = loader.take() else { break };
                    let ask = if forced { Ask::Forced } else { Ask::Needed };
                    let task = self.clone().fly(key.into(), ask, loader, lead);
                    tokio::spawn(task);
                    receiver
                }
            };
            forced = false;
            match self.wait(receiver, stale).await {
                Some(Ok(Answer { known: false, .. })) | Some(Err(Fault::Lost))
                    if loader.is_some() => {}
                Some(outcome) => return outcome,
                None => return Err(Fault::Late),
            }
        }
        Err(Fault::Lost)
    }

    pub(crate) fn turn(&self, key: &[u8], forced: bool) -> Turn<V> {
        let generation = self.house.generation();
        self.keyed(key, |key| self.flights.turn(key, generation, forced))
    }

    /// Loads behind the back of whoever was answered already.
    fn refresh(self: &Arc<Self>, key: &[u8], loader: Option<Loader<V>>) {
        let Some(loader) = loader else { return };
        if let Turn::Lead(lead, _) = self.turn(key, false) {
            tokio::spawn(self.clone().fly(key.into(), Ask::Early, loader, lead));
        }
    }

    /// Waits for a flight; with something stale at hand, not for long.
    async fn wait(&self, receiver: Seat<V>, stale: Option<Local<V>>) -> Option<Outcome<V>> {
        let clock = &self.house.clock;
        let soft = self.rules.soft_timeout.unwrap_or_default();
        let at_hand = stale.is_some();
        if at_hand && soft.is_zero() {
            self.answered_stale();
            return stale.map(|local| Ok(answer(local)));
        }
        let done = |stage: &Stage<V>| matches!(stage, Stage::Done(_));
        let settled = |stage: &Stage<V>| !matches!(stage, Stage::Under);
        let hard = self.rules.hard_timeout;
        let first = if at_hand { soft } else { hard };
        let seen = clock.within(first, receiver.wait_for(settled)).await;
        let stage = match seen {
            Some(Some(stage)) => stage,
            Some(None) => return Some(Err(Fault::Lost)),
            None => {
                if at_hand {
                    self.answered_stale();
                }
                return stale.map(|local| Ok(answer(local)));
            }
        };
        let outcome = match stage {
            Stage::Done(outcome) => outcome,
            Stage::Under => Err(Fault::Lost),
            // Another tier had something stale, and now it is being loaded.
            Stage::Stale(value) => {
                let waited = match soft.is_zero() {
                    true => None,
                    false => clock.within(soft, receiver.wait_for(done)).await,
                };
                match waited {
                    Some(Some(Stage::Done(outcome))) => outcome,
                    _ => {
                        self.answered_stale();
                        Ok(Answer { value, known: true, left: None })
                    }
                }
            }
        };
        match (outcome, stale) {
            (Err(_), Some(local)) => {
                self.answered_stale();
                Some(Ok(answer(local)))
            }
            (outcome, _) => Some(outcome),
        }
    }

    /// Asks the tiers behind memory, and nobody else.
    pub(crate) async fn look_all(&self, key: &[u8], lead: Lead<V>) -> Answer<V> {
        let arrival = match self.on_its_way(key, self.depart(key)) {
            Ok(answer) => {
                lead.done(Ok(answer.clone()));
                return answer;
            }
            Err(arrival) => arrival,
        };
        let mut looks = Vec::with_capacity(self.fars.len());
        let fresh = |found: &Found, _| found.fresh != Some(Duration::ZERO);
        let found = self.look_for(key, &mut looks, fresh);
        let answer = match found.await {
            Some((value, found)) => {
                self.note_found(key, &looks, value.is_some());
                self.promote(key, arrival, &looks, value, found).await
            }
            None => {
                self.eye.found_nowhere(key, last_miss(&looks));
                Answer { value: None, known: false, left: None }
            }
        };
        lead.done(Ok(answer.clone()));
        answer
    }

    /// Asks the tiers behind memory and then the origin.
    async fn fly(self: Arc<Self>, key: Box<[u8]>, ask: Ask, loader: Loader<V>, lead: Lead<V>) {
        let forced = ask == Ask::Forced;
        if forced {
            // What the origin says is newer than what is on its way.
            self.house.behind.clear(&self.place, &Purge::Key(key.to_vec())).await;
        }
        let arrival = self.depart(&key);
        let on_its_way = if forced { Err(arrival) } else { self.on_its_way(&key, arrival) };
        let arrival = match on_its_way {
            Ok(answer) => return lead.done(Ok(answer)),
            Err(arrival) => arrival,
        };
        let here = self.stale_here(&key);
        let miss_here = here.as_ref().err().copied().unwrap_or(Miss::Expired);
        let mut fallback = here.ok();
        let mut looks = Vec::with_capacity(self.fars.len());
        let content = |found: &Found, life: Life| self.contents(ask, found, life);
        if let Some((value, found)) = self.look_for(&key, &mut looks, content).await {
            self.note_found(&key, &looks, value.is_some());
            let answer = self.promote(&key, arrival, &looks, value, found).await;
            return lead.done(Ok(answer));
        }
        match forced {
            true => self.eye.bypassed(&key),
            false if self.fars.is_empty() => self.eye.found_nowhere(&key, miss_here),
            false => self.eye.found_nowhere(&key, last_miss(&looks)),
        }
        if let Some(far) = looks.iter().find_map(|look| self.stale_there(&key, look)) {
            // Who wants it anew is not content with what there was.
            if ask != Ask::Forced {
                lead.stale(far.value.clone());
            }
            fallback = Some(far);
        }
        let lease = match ask {
            Ask::Forced => None,
            _ => match self.lease(&key, ask, &mut looks).await {
                Leased::Found(value, found) => {
                    let answer = self.promote(&key, arrival, &looks, value, *found).await;
                    return lead.done(Ok(answer));
                }
                Leased::Mine(place, fence) => Some((place, fence)),
                Leased::Nobodys => None,
            },
        };
        let asked = self.ask(&key, loader, fallback.as_ref(), lease).await;
        let outcome = self.keep(&key, arrival, &looks, asked, fallback).await;
        if let Some((place, fence)) = lease
            && let Some((far, _)) = self.fars.get(place)
        {
            // It is over soon anyway.
            let _ = far.release(&self.place, &key, fence).await;
        }
        lead.done(outcome);
    }

    fn promoted(&self, tier: &'static str, key: &[u8]) {
        self.signals.promoted.add(1);
        self.say(Kind::Promote, key, tier, "");
    }

    pub(crate) fn depart(&self, key: &[u8]) -> Arrival<V> {
        let generation = self.house.generation();
        self.keyed(key, |key| self.memory.depart(key, generation))
    }

    /// Looks at one tier after the other until one has what is wanted, and notes what was
    /// seen in each.
    async fn look_for(
        &self,
        key: &[u8],
        looks: &mut Vec<Look>,
        wanted: impl Fn(&Found, Life) -> bool,
    ) -> Option<(Option<V>, Found)> {
        for (index, (far, life)) in self.fars.iter().enumerate() {
            if !life.keeps() {
                looks.push(Look::nowhere());
                continue;
            }
            let begun = self.house.clock.moment();
            let lately = far.look_lately(&self.place, key, |found| wanted(found, *life)).await;
            let mut look = match lately {
                Some(look) => look,
                None => far.look(&self.place, key).await,
            };
            self.signals.took(index + 1, self.house.clock.moment().since(begun));
            let seen = self.seen(index + 1, key, &mut look, |found| wanted(found, *life));
            looks.push(look);
            if seen.is_some() {
                return seen;
            }
        }
        None
    }

    /// What was seen in a tier behind memory, if it is what is wanted.
    pub(crate) fn seen(
        &self,
        tier: usize,
        key: &[u8],
        look: &mut Look,
        wanted: impl Fn(&Found) -> bool,
    ) -> Option<(Option<V>, Found)> {
        if let Ok(found) = &look.found {
            match self.read(key, found) {
                Ok(value) if wanted(found) => {
                    self.hit(tier, key);
                    return Some((value, found.clone()));
                }
                Ok(_) => {}
                Err(error) => {
                    let tier = TIERS.get(tier).copied();
                    tracing::warn!(tier, error = %error.story(), "a value is damaged");
                    look.found = Err(Miss::Corrupt);
                }
            }
        }
        self.missed(tier, key, look.found.as_ref().err().copied().unwrap_or(Miss::Expired));
        None
    }

    /// Whether whoever asks so is content with what a tier has where values live so long.
    fn contents(&self, ask: Ask, found: &Found, life: Life) -> bool {
        let early = match (ask, self.rules.early_percent, life.limit(), found.fresh) {
            (Ask::Early, Some(percent), Some(life), Some(fresh)) => {
                fresh <= life.mul_f64(f64::from(100 - percent.min(100)) / 100.0)
            }
            _ => false,
        };
        ask != Ask::Forced && !early && found.fresh != Some(Duration::ZERO)
    }

    fn read(&self, key: &[u8], found: &Found) -> flow::Result<Option<V>> {
        let Some(body) = &found.value else { return Ok(None) };
        let value = (self.form.read)(&self.codec, body, &self.context(key))?;
        Ok(Some(self.confided(value)))
    }

    /// Carries what the last of the tiers looked at had to the nearer ones.
    pub(crate) async fn promote(
        &self,
        key: &[u8],
        arrival: Arrival<V>,
        looks: &[Look],
        value: Option<V>,
        found: Found,
    ) -> Answer<V> {
        let nearer = looks.len().saturating_sub(1);
        let now = || self.house.clock.moment();
        let aged = |found| looks.last().map(|look| look.aged(found, now()));
        let found = aged(found.clone()).unwrap_or(found);
        for ((far, life), look) in self.fars.iter().zip(looks).take(nearer).rev() {
            if !life.keeps() {
                continue;
            }
            let fresh = shorter(life.limit(), found.fresh);
            let kept = found.left.unwrap_or(Duration::MAX);
            let window = self.rules.stale.min(kept.saturating_sub(fresh.unwrap_or_default()));
            let (value, tags) = (found.value.clone(), found.tags.clone());
            let version = found.version.clone();
            let draft = crate::far::Draft { value, fresh, window, tags, version };
            match far.fill(&self.place, key, look, &draft).await {
                Ok(true) => self.promoted(far.name, key),
                Ok(false) => {}
                Err(error) => {
                    tracing::debug!(tier = far.name, error = %error.story(), "not promoted");
                }
            }
        }
        let found = aged(found.clone()).unwrap_or(found);
        self.land_found(key, arrival, value, &found)
    }

    /// Keeps in memory what a further tier had.
    fn land_found(
        &self,
        key: &[u8],
        arrival: Arrival<V>,
        value: Option<V>,
        found: &Found,
    ) -> Answer<V> {
        let left = found.fresh;
        if self.rules.memory.keeps() && left != Some(Duration::ZERO) {
            let source = found.fresh.zip(found.left);
            let terms = Terms { version: found.version.clone(), ..Terms::default() };
            let draft = self.local_draft(key, value.clone(), &terms, &found.tags, source);
            match self.keyed(key, |key| self.memory.land(arrival, key, draft)) {
                true => self.promoted(TIERS[0], key),
                false => self.signals.outrun.add(1),
            }
        }
        Answer { value, known: true, left }
    }

    /// What memory has beyond its end.
    fn stale_here(&self, key: &[u8]) -> Result<Fallback<V>, Miss> {
        let generation = self.house.generation();
        let found = self.keyed(key, |key| self.memory.get_tagged(key, generation));
        let Some((local, tags)) = found else {
            let missed = self.keyed(key, |key| self.memory.get(key, generation));
            return Err(missed.err().unwrap_or(Miss::Absent));
        };
        if !self.house.coherent() {
            return Err(Miss::Doubted);
        }
        Ok(Fallback { value: local.value, version: local.version, tags })
    }

    /// What a tier behind it has beyond its end.
    fn stale_there(&self, key: &[u8], look: &Look) -> Option<Fallback<V>> {
        let found = look.found.as_ref().ok()?;
        let value = self.read(key, found).ok()?;
        Some(Fallback { value, version: found.version.clone(), tags: found.tags.as_slice().into() })
    }

    /// The right to load for all nodes; or what another node loaded meanwhile.
    async fn lease(&self, key: &[u8], ask: Ask, looks: &mut Vec<Look>) -> Leased<V> {
        let usable = |(index, look): (usize, &Look)| look.may_write().then_some(index);
        let Some(place) = looks.iter().enumerate().find_map(usable) else {
            return Leased::Nobodys;
        };
        let Some((far, _)) = self.fars.get(place) else { return Leased::Nobodys };
        let clock = &self.house.clock;
        let begun = clock.moment();
        let mut pause = LOOK;
        loop {
            let fence = match far.lease(&self.place, key, LEASE).await {
                Ok(fence) => fence,
                Err(error) => {
                    tracing::debug!(tier = far.name, error = %error.story(), "no lease");
                    return Leased::Nobodys;
                }
            };
            if fence.is_none() {
                clock.sleep(pause).await;
                pause = (pause * 2).min(LOOK_MAX);
            }
            // Whoever had it before may have brought the value.
            let mut again = Vec::with_capacity(looks.len());
            let content = |found: &Found, life: Life| self.contents(ask, found, life);
            if let Some((value, found)) = self.look_for(key, &mut again, content).await {
                *looks = again;
                if let Some(fence) = fence {
                    let _ = far.release(&self.place, key, fence).await;
                }
                return Leased::Found(value, Box::new(found));
            }
            *looks = again;
            if let Some(fence) = fence {
                return Leased::Mine(place, fence);
            }
            if clock.moment().since(begun) > self.rules.hard_timeout {
                return Leased::Nobodys;
            }
        }
    }

    /// Asks the origin, for so long, and holds the lease meanwhile.
    async fn ask(
        &self,
        key: &[u8],
        loader: Loader<V>,
        previous: Option<&Fallback<V>>,
        lease: Option<(usize, Fence)>,
    ) -> Result<Loaded<V>, Fault> {
        let clock = &self.house.clock;
        let known = previous.and_then(|fallback| {
            let (value, version) = (fallback.value.clone()?, fallback.version.clone());
            Some(Previous { value, version })
        });
        let begun = clock.moment();
        // A loader that panics is one that failed: the lease is given back, and others go on.
        let asking = AssertUnwindSafe(async { loader(known).await }).catch_unwind();
        let mut asking = std::pin::pin!(asking);
        // Who waits has had enough after the hard timeout; what comes later is kept still.
        let asked = clock.within(LATE, async {
            loop {
                match clock.within(RENEW, &mut asking).await {
                    Some(loaded) => return loaded.unwrap_or(Err(Fault::Lost)),
                    None => self.renew(key, lease).await,
                }
            }
        });
        let loaded = asked.await.unwrap_or(Err(Fault::Late));
        let took = clock.moment().since(begun);
        self.signals.load_time.time(took);
        self.eye.loaded(key, took, self.brings(&loaded, previous));
        loaded
    }

    fn brings(&self, loaded: &Result<Loaded<V>, Fault>, previous: Option<&Fallback<V>>) -> Brings {
        match loaded {
            Ok(Loaded::Value(_, Terms { version: Some(version), .. })) => {
                Brings::Value(fingerprint(version.as_bytes()))
            }
            Ok(Loaded::Value(value, _)) => Brings::Value((self.form.number)(value)),
            Ok(Loaded::Unchanged) if previous.is_some() => Brings::Unchanged,
            Ok(Loaded::Nothing | Loaded::Unchanged) => Brings::Nothing,
            Err(_) => Brings::Failed,
        }
    }

    /// The last of the tiers looked at has it.
    pub(crate) fn note_found(&self, key: &[u8], looks: &[Look], value: bool) {
        let far = looks.len().checked_sub(1).and_then(|last| self.fars.get(last));
        let tier = far.and_then(|(far, _)| TIERS.iter().position(|name| *name == far.name));
        self.eye.found(key, tier.unwrap_or(1), value);
    }

    fn answered_stale(&self) {
        self.signals.stale.add(1);
        self.eye.stale();
    }

    async fn renew(&self, key: &[u8], lease: Option<(usize, Fence)>) {
        if let Some((place, fence)) = lease
            && let Some((far, _)) = self.fars.get(place)
        {
            // Without it another node loads as well, which is not wrong.
            let _ = far.renew(&self.place, key, fence, LEASE).await;
        }
    }

    /// Keeps what the origin had, in every tier, farthest first.
    async fn keep(
        &self,
        key: &[u8],
        arrival: Arrival<V>,
        looks: &[Look],
        asked: Result<Loaded<V>, Fault>,
        fallback: Option<Fallback<V>>,
    ) -> Outcome<V> {
        let loads = &self.signals.loads;
        let mut tags = Box::default();
        let (value, terms) = match (asked, fallback) {
            (Ok(Loaded::Value(value, terms)), _) => {
                loads.brought.add(1);
                (Some(self.confided(value)), terms)
            }
            (Ok(Loaded::Unchanged), Some(old)) => {
                loads.unchanged.add(1);
                tags = old.tags;
                (old.value, Terms { version: old.version, ..Terms::default() })
            }
            (Ok(Loaded::Nothing | Loaded::Unchanged), _) => {
                loads.nothing.add(1);
                if !self.rules.nothing.keeps() {
                    return Ok(Answer { value: None, known: true, left: None });
                }
                (None, Terms::default())
            }
            (Err(fault), fallback) => {
                match fault {
                    Fault::Late => loads.late.add(1),
                    _ => loads.failed.add(1),
                }
                let Some(old) = fallback.filter(|_| !self.rules.stale.is_zero()) else {
                    return Err(fault);
                };
                return Ok(self.respite(key, arrival, old));
            }
        };
        if terms.ttl == Some(Duration::ZERO) {
            return Ok(Answer { value, known: true, left: Some(Duration::ZERO) });
        }
        if let Err(error) = self.tagged(&terms) {
            tracing::warn!(error = %error.story(), "a value that was loaded is not kept");
            return Ok(Answer { value, known: true, left: Some(Duration::ZERO) });
        }
        let body = match value.as_ref().map(|value| self.written(key, value)).transpose() {
            Ok(body) => body,
            Err(error) => {
                tracing::warn!(error = %error.story(), "a value cannot leave memory");
                return Ok(self.land(key, arrival, value, (&terms, &tags), None));
            }
        };
        let mut bound = None;
        for ((far, life), look) in self.fars.iter().zip(looks).rev() {
            if !life.keeps() {
                continue;
            }
            let mut draft = self.far_draft(key, body.clone(), &terms, &tags, *life);
            draft.fresh = shorter(draft.fresh, bound);
            bound = draft.fresh;
            match far.fill(&self.place, key, look, &draft).await {
                Ok(true) => {}
                Ok(false) => self.signals.outrun.add(1),
                Err(error) => {
                    tracing::debug!(tier = far.name, error = %error.story(), "not written");
                }
            }
        }
        Ok(self.land(key, arrival, value, (&terms, &tags), bound))
    }

    fn land(
        &self,
        key: &[u8],
        arrival: Arrival<V>,
        value: Option<V>,
        (terms, tags): (&Terms, &[u64]),
        bound: Option<Duration>,
    ) -> Answer<V> {
        if self.rules.memory.keeps() {
            let source = bound.map(|bound| (bound, bound.saturating_add(self.rules.stale)));
            let draft = self.local_draft(key, value.clone(), terms, tags, source);
            let left = draft.fresh;
            if !self.keyed(key, |key| self.memory.land(arrival, key, draft)) {
                self.signals.outrun.add(1);
            }
            return Answer { value, known: true, left };
        }
        let left = self.memory_life(key, terms.ttl);
        Answer { value, known: true, left }
    }

    /// The origin failed, and there is something stale: it is good for a moment more, so
    /// that not everybody who asks meanwhile asks the origin.
    fn respite(&self, key: &[u8], arrival: Arrival<V>, old: Fallback<V>) -> Answer<V> {
        self.answered_stale();
        let value = old.value;
        if self.rules.memory.keeps() {
            let terms = Terms { version: old.version, ..Terms::default() };
            let source = Some((RESPITE, RESPITE + self.rules.stale));
            let draft = self.local_draft(key, value.clone(), &terms, &old.tags, source);
            self.keyed(key, |key| self.memory.land(arrival, key, draft));
        }
        Answer { value, known: true, left: Some(RESPITE) }
    }
}

/// Why the last of the tiers looked at did not answer.
fn last_miss(looks: &[Look]) -> Miss {
    let last = looks.last().and_then(|look| look.found.as_ref().err().copied());
    last.unwrap_or(if looks.is_empty() { Miss::Absent } else { Miss::Expired })
}

/// Whose it is to load.
enum Leased<V> {
    /// Ours.
    Mine(usize, Fence),
    /// No tier can say.
    Nobodys,
    /// It was loaded by another node.
    Found(Option<V>, Box<Found>),
}

/// The shorter of two lives, of which one may have no end.
pub(crate) fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn answer<V>(local: Local<V>) -> Answer<V> {
    Answer { value: local.value, known: true, left: local.left }
}
