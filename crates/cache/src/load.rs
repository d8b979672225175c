//! Getting what memory does not have: one look, and one load, for all who ask.
//!
//! A load is a task of its own: whoever asked may go away, or have had enough of waiting
//! and be answered something stale, and it goes on behind and is kept. Before it asks the
//! origin it takes a lease in the nearest tier that nodes share, so that one node loads
//! for the fleet.

mod keep;
mod origin;
mod tiers;

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use flow::BoxFuture;
use flow::feed::Purge;

use self::origin::Leased;
use self::tiers::last_miss;
use crate::far::{Far, Found};
use crate::flight::{Answer, Fault, Lead, Outcome, Seat, Stage, Turn};
use crate::memory::{Age, Arrival, Local};
use crate::miss::Miss;
use crate::tiered::{Inner, Terms};

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
    /// The same, and nobody waits for it.
    Ahead,
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
                Some(Ok(Answer { known: Err(_), .. })) | Some(Err(Fault::Lost))
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
                        Ok(Answer { value, known: Ok(()), left: None })
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
        let fresh = |found: &Found, _, _: &Far| found.fresh != Some(Duration::ZERO);
        let found = self.look_for(key, &mut looks, fresh);
        let answer = match found.await {
            Some((value, found)) => {
                self.note_found(key, &looks, value.is_some());
                self.promote(key, arrival, &looks, value, found).await
            }
            None => {
                let miss = last_miss(&looks);
                self.eye.found_nowhere(key, miss);
                Answer { value: None, known: Err(miss), left: None }
            }
        };
        lead.done(Ok(answer.clone()));
        answer
    }

    /// Gets what nobody has asked for yet.
    pub(crate) async fn fly_ahead(
        self: Arc<Self>,
        key: Box<[u8]>,
        loader: Loader<V>,
        lead: Lead<V>,
    ) {
        self.fly(key, Ask::Ahead, loader, lead).await;
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
        let content = |found: &Found, life, far: &Far| self.contents(ask, found, life, far);
        if let Some((value, found)) = self.look_for(&key, &mut looks, content).await {
            if ask != Ask::Ahead {
                self.note_found(&key, &looks, value.is_some());
            }
            let answer = self.promote(&key, arrival, &looks, value, found).await;
            return lead.done(Ok(answer));
        }
        match forced {
            // It is no read.
            _ if ask == Ask::Ahead => {}
            true => self.eye.bypassed(&key),
            false if self.fars.is_empty() => self.eye.found_nowhere(&key, miss_here),
            false => self.eye.found_nowhere(&key, last_miss(&looks)),
        }
        // What may have been purged is no fallback either.
        let there = self.fars.iter().zip(&looks).filter(|((far, _), _)| !far.is_doubted());
        let mut there = there.map(|(_, look)| look);
        if let Some(far) = there.find_map(|look| self.stale_there(&key, look)) {
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

    pub(crate) fn depart(&self, key: &[u8]) -> Arrival<V> {
        let generation = self.house.generation();
        self.keyed(key, |key| self.memory.depart(key, generation))
    }

    fn answered_stale(&self) {
        self.signals.stale.add(1);
        self.eye.stale();
    }
}

/// The shorter of two lives, of which one may have no end.
pub(crate) fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn answer<V>(local: Local<V>) -> Answer<V> {
    Answer { value: local.value, known: Ok(()), left: local.left }
}
