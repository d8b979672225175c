//! The three ways in: durable, logged, summed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::time::Duration;

use flow::question::ledger as question;
use flow::signal::Registry;
use flow::{
    BoxFuture, BoxStream, Class, Clock, Fact, Kind, Moment, Outcome, Random, Result, Step, Tally,
};
use futures_util::StreamExt;
use parking_lot::Mutex;
use pool::sql::{Sink, outbox};
use tokio::sync::{mpsc, watch};

use crate::codes::INVALID;
use crate::config::{Audit, Config};
use crate::event::{Append, BATCH_MAX};
use crate::log::Log;
use crate::query::{Filter, Query};
use crate::signal::Signals;
use crate::{fact, view};

/// The ledger. Clones are the same ledger.
#[derive(Clone)]
pub struct Ledger(Arc<Shared>);

struct Shared {
    log: Log,
    clock: Clock,
    random: Random,
    queue: mpsc::Sender<Fact>,
    /// How many facts the queue has taken, and how far they have come.
    taken: AtomicU64,
    progress: watch::Sender<Progress>,
    audit: Audit,
    tallies: Mutex<Vec<Arc<Tally>>>,
    refusals: Mutex<HashMap<Refused, (Fact, u64)>>,
    lost: AtomicU64,
    signals: Signals,
}

/// Who was refused what, and why.
#[derive(PartialEq, Eq, Hash)]
struct Refused {
    actor: Arc<str>,
    action: String,
    outcome: Outcome,
    reason: String,
    resource: String,
}

/// How far the facts of the queue have come.
#[derive(Default)]
struct Progress {
    /// So many are dealt with.
    settled: u64,
    /// Whether writing some has failed, and it is waited for the next try.
    stuck: bool,
}

/// Beyond so many different refusals in a second their resources are no longer
/// told apart: whoever makes names up fills no disk.
const REFUSALS_MAX: usize = 256;
/// Facts written in one transaction.
const BATCH: usize = BATCH_MAX;
/// After the first fact, as long is waited for others: a sync of the disk costs the same for all.
const GATHER: Duration = Duration::from_millis(10);
/// How often tallies are collected.
const COLLECT_EVERY: Duration = Duration::from_secs(1);
/// When everything ends, facts that cannot be written are given up after this.
const LAST_TRIES: Duration = Duration::from_secs(3);
/// After a failure the next try waits so long.
const WAIT: Duration = Duration::from_millis(100);

/// What has to run for logged and summed facts to reach the disk.
pub struct Work {
    ledger: Ledger,
    queued: mpsc::Receiver<Fact>,
}

impl Ledger {
    /// The ledger on this log, and the work that has to be run for it.
    pub fn new(
        log: Log,
        config: &Config,
        clock: Clock,
        random: Random,
        registry: &Registry,
    ) -> (Self, Work) {
        let (queue, queued) = mpsc::channel(config.queue.max(1) as usize);
        let ledger = Self(Arc::new(Shared {
            log,
            clock,
            random,
            queue,
            taken: AtomicU64::new(0),
            progress: watch::Sender::default(),
            audit: config.audit,
            tallies: Mutex::default(),
            refusals: Mutex::default(),
            lost: AtomicU64::new(0),
            signals: Signals::new(registry),
        }));
        (ledger.clone(), Work { ledger, queued })
    }

    /// The log it keeps.
    pub fn log(&self) -> &Log {
        &self.0.log
    }

    /// Waits until every fact noted by now is on disk or given up, or until facts cannot be
    /// written. It needs the work to run.
    pub async fn caught_up(&self) {
        let taken = self.0.taken.load(Acquire);
        let mut progress = self.0.progress.subscribe();
        let _ = progress.wait_for(|progress| progress.settled >= taken || progress.stuck).await;
    }

    /// A page of a tenant's events.
    ///
    /// # Errors
    /// When the question is none, or the log cannot be read.
    pub async fn read(&self, tenant: &str, question: &question::Read) -> Result<question::Page> {
        let &question::Read { from, backward, as_of, limit, ref filter } = question;
        let filter = view::filter(filter, tenant)?;
        let page = self.0.log.read(Query { from, backward, as_of, limit, filter }).await?;
        let events = page.events.into_iter().map(view::shown).collect();
        Ok(question::Page { events, next: page.next })
    }

    /// A tenant's events, and what comes later as it comes.
    ///
    /// # Errors
    /// When the question is none.
    pub fn follow(
        &self,
        tenant: &str,
        question: &question::Follow,
    ) -> Result<BoxStream<'static, Result<question::Event>>> {
        let filter: Filter = view::filter(&question.filter, tenant)?;
        let records = self.0.log.follow(question.from, filter, &self.0.clock);
        Ok(Box::pin(records.map(|record| record.map(view::shown))))
    }

    /// Appends to a tenant's stream, by this actor.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub async fn append_events(
        &self,
        tenant: &str,
        actor: &str,
        question: &question::Append<'_>,
    ) -> Result<question::Appended> {
        if question.stream.starts_with('$') {
            let sentence = format!("streams like `{}` are Stockade's own", question.stream);
            return Err(INVALID.error(sentence).with_advice("choose a name without `$` in front"));
        }
        let events = question.events.iter().cloned();
        let append = Append {
            tenant: tenant.to_owned(),
            stream: question.stream.to_owned(),
            expected: question.expected,
            key: question.key.to_owned(),
            events: events.map(|new| view::taken(new, actor)).collect(),
        };
        let begun = self.0.clock.moment();
        let appended = self.0.log.append(append).await?;
        self.0.signals.commit.time(self.0.clock.moment().since(begun));
        if !appended.replayed {
            self.0.signals.appended((appended.last - appended.first + 1) as usize);
        }
        Ok(appended)
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ledger")
    }
}

impl flow::Ledger for Ledger {
    fn append(&self, class: Class, fact: Fact) -> Step<'_, Result<()>> {
        match (class, self.0.audit) {
            (Class::Durable, _) => Step::later(self.0.keep(fact::once(&fact))),
            (Class::Logged, Audit::Strict) if self.0.is_told(&fact) => {
                // Nobody tries a second time, so it needs no key to be known by.
                Step::later(self.0.keep(fact::plain(&fact)))
            }
            (Class::Logged, Audit::Strict) => Step::Now(Ok(())),
            (Class::Logged, Audit::Queued) | (Class::Summed, _) => {
                self.note(fact);
                Step::Now(Ok(()))
            }
        }
    }

    fn note(&self, fact: Fact) {
        if self.0.is_told(&fact) {
            self.0.enqueue(fact);
        }
    }

    fn tally(&self, about: Fact) -> Arc<Tally> {
        let tally = Arc::new(Tally::new(about));
        self.0.tallies.lock().push(tally.clone());
        tally
    }
}

impl Sink for Ledger {
    fn take<'a>(&'a self, batch: &'a [outbox::Entry]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            // Each on its own: what was taken before is known by its key. They are asked
            // in their order, and are written together.
            let appends = batch.iter().map(|entry| fact::once(&entry.fact));
            let appends: Vec<Append> = appends.collect::<Result<_>>()?;
            let asked = appends.into_iter().map(|append| self.0.log.append(append));
            let appended = futures_util::future::try_join_all(asked).await?;
            self.0.signals.appended(appended.iter().filter(|one| !one.replayed).count());
            Ok(())
        })
    }
}

impl Shared {
    /// Whether a fact is told by itself: whoever tries again and again in vain fills no disk
    /// either.
    fn is_told(&self, fact: &Fact) -> bool {
        let repeats = matches!(fact.outcome, Outcome::Refused | Outcome::Failed);
        !repeats || self.is_news(fact)
    }

    /// On disk when it is done.
    async fn keep(&self, append: Result<Append>) -> Result<()> {
        let begun = self.clock.moment();
        self.log.append(append?).await?;
        self.signals.commit.time(self.clock.moment().since(begun));
        self.signals.appended(1);
        Ok(())
    }

    fn enqueue(&self, fact: Fact) {
        let count = fact.count;
        match self.queue.try_send(fact) {
            Ok(()) => {
                self.taken.fetch_add(1, Release);
            }
            Err(_) => {
                self.lost.fetch_add(count, Relaxed);
                self.signals.lost(count);
            }
        }
    }

    /// Whether this refusal or failure is the first of its kind in this second; the others
    /// are counted.
    fn is_news(&self, fact: &Fact) -> bool {
        let reason = fact.reason.as_deref().unwrap_or_default().to_owned();
        let mut refused = Refused {
            actor: fact.actor.clone(),
            action: fact.action.clone().into_owned(),
            outcome: fact.outcome,
            reason,
            resource: fact.resource.clone(),
        };
        let mut refusals = self.refusals.lock();
        if let Some((_, count)) = refusals.get_mut(&refused) {
            *count += 1;
            return false;
        }
        if refusals.len() < REFUSALS_MAX {
            refusals.insert(refused, (fact.clone(), 0));
            return true;
        }
        refused.resource = String::new();
        let mut about = fact.clone();
        about.resource = "(many)".into();
        refusals.entry(refused).or_insert((about, 0)).1 += 1;
        false
    }

    /// What was counted since the last time, as facts.
    fn collect(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        let now = self.clock.now();
        let counted = |about: &Fact, outcome, count| {
            let id = self.random.id(now);
            Fact { id, at: now, outcome, count, ..about.clone() }
        };
        self.tallies.lock().retain(|tally| {
            // Asked before collecting: what is counted after the last holder left
            // cannot be.
            let held = Arc::strong_count(tally) > 1;
            for (outcome, count) in tally.collect() {
                self.signals.summed(outcome, count);
                facts.push(counted(&tally.about, outcome, count));
            }
            held
        });
        for (about, count) in std::mem::take(&mut *self.refusals.lock()).into_values() {
            if count > 0 {
                facts.push(counted(&about, about.outcome, count));
            }
        }
        let lost = self.lost.swap(0, Relaxed);
        if lost > 0 {
            self.signals.told_of_loss(lost);
            facts.push(self.loss(lost));
        }
        facts
    }

    fn loss(&self, count: u64) -> Fact {
        let at = self.clock.now();
        Fact {
            id: self.random.id(at),
            at,
            request: flow::Id::default(),
            tenant: flow::identity::MAIN.into(),
            actor: "system:server".into(),
            door: "inside".into(),
            action: "ledger.lost".into(),
            resource: "ledger".into(),
            outcome: Outcome::Failed,
            reason: None,
            count,
            detail: flow::Detail::default(),
        }
    }

    /// Writes facts, however long it takes, or until it is too late.
    async fn write(&self, facts: &[Fact], patience: &mut Patience) {
        for batch in facts.chunks(BATCH) {
            let begun = self.clock.moment();
            let mut tries = 0;
            loop {
                tries += 1;
                let tried = tokio::select! {
                    biased;
                    tried = self.attempt(batch, tries) => tried,
                    () = patience.is_over(&self.clock) => Tried::InVain,
                };
                match tried {
                    Tried::Kept => {
                        self.signals.commit.time(self.clock.moment().since(begun));
                        self.signals.appended(batch.len());
                        break;
                    }
                    Tried::InVain => {
                        self.signals.given_up(batch.iter().map(|fact| fact.count).sum());
                        break;
                    }
                    Tried::Failed => {}
                }
            }
        }
    }

    /// Whether the facts are kept; where they are not, a moment later.
    async fn attempt(&self, batch: &[Fact], tries: u64) -> Tried {
        let appended = match fact::appends(batch) {
            Ok(appends) => self.log.append_all(appends).await,
            Err(error) => Err(error),
        };
        let Err(error) = appended else { return Tried::Kept };
        self.signals.failed(&error, batch.len(), tries);
        // What the log does not take it will not take later.
        if error.kind() == Kind::Invalid {
            return Tried::InVain;
        }
        self.progress.send_modify(|progress| progress.stuck = true);
        self.clock.sleep(WAIT).await;
        self.progress.send_modify(|progress| progress.stuck = false);
        Tried::Failed
    }
}

/// What became of a try to write facts.
enum Tried {
    Kept,
    Failed,
    InVain,
}

/// Endless, until everything ends.
struct Patience {
    stop: watch::Receiver<bool>,
    until: Option<Moment>,
}

impl Patience {
    async fn is_over(&mut self, clock: &Clock) {
        let until = match self.until {
            Some(until) => until,
            None => {
                let _ = self.stop.wait_for(|stop| *stop).await;
                *self.until.insert(clock.moment().after(LAST_TRIES))
            }
        };
        clock.sleep(until.since(clock.moment())).await;
    }
}

/// Why there is something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    Queued,
    Due,
    Stopped,
}

impl Work {
    /// Runs until told to stop, and then until everything taken is on disk.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let shared = self.ledger.0.clone();
        let mut collected = shared.clock.moment();
        let mut facts = Vec::with_capacity(BATCH);
        let mut patience = Patience { stop: stop.clone(), until: None };
        loop {
            let until = collected.after(COLLECT_EVERY).since(shared.clock.moment());
            let woken = tokio::select! {
                _ = self.queued.recv_many(&mut facts, BATCH) => Woken::Queued,
                () = shared.clock.sleep(until) => Woken::Due,
                _ = stop.wait_for(|stop| *stop) => Woken::Stopped,
            };
            match woken {
                Woken::Queued => self.gather(&mut facts, &mut stop).await,
                Woken::Due => collected = shared.clock.moment(),
                Woken::Stopped => {
                    self.queued.close();
                    while self.queued.recv_many(&mut facts, BATCH).await > 0 {}
                }
            }
            let queued = facts.len() as u64;
            if woken != Woken::Queued {
                facts.extend(shared.collect());
            }
            shared.write(&facts, &mut patience).await;
            shared.progress.send_modify(|progress| progress.settled += queued);
            facts.clear();
            if woken == Woken::Stopped {
                return;
            }
        }
    }

    /// Takes what comes in the next moment, unless that is enough already or all is to end.
    async fn gather(&mut self, facts: &mut Vec<Fact>, stop: &mut watch::Receiver<bool>) {
        if facts.len() >= BATCH {
            return;
        }
        tokio::select! {
            () = self.ledger.0.clock.sleep(GATHER) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        while let (true, Ok(fact)) = (facts.len() < BATCH, self.queued.try_recv()) {
            facts.push(fact);
        }
    }
}
