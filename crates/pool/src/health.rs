//! Who is well: every part that leaves the process is probed in the background.
//!
//! A part registers a [`Probe`]; `/readyz` and `stockade check` read the
//! [`Report`]s. A probe asks the real thing a small real question, under a time
//! limit, and all of them run at once, so that one hanging part delays nobody.

use std::sync::Arc;
use std::time::Duration;

use flow::signal::{Counter, Gauge, Histogram, Registry};
use flow::unit::Span;
use flow::{BoxFuture, Clock, Error, Result, Time};
use futures_util::future::join_all;
use parking_lot::RwLock;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codes;

/// How often to ask, and how long to wait.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Time from one round of probes to the next.
    pub every: Span,
    /// A probe that takes longer has failed.
    pub timeout: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self { every: Span::secs(10), timeout: Span::secs(3) }
    }
}

/// A part that can be asked how it is.
pub trait Probe: Send + Sync {
    /// What people call it: `postgres`, `redis`, `objects`.
    fn name(&self) -> &str;

    /// Asks it.
    fn probe(&self) -> BoxFuture<'_, Result<()>>;
}

/// What it means when a part is ill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Nothing works without it: not ready.
    Essential,
    /// The rest goes on without it.
    Helpful,
}

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Not asked yet.
    Unknown,
    /// It answered.
    Well,
    /// It did not, or said no.
    Ill,
}

/// What is known of one part.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The part.
    pub name: String,
    /// What its illness means.
    pub need: Need,
    /// How it is.
    pub condition: Condition,
    /// Since when it is so.
    pub since: Time,
    /// When it was last asked.
    pub checked: Time,
    /// How long its last answer took.
    pub latency: Span,
    /// What is wrong, if it is ill.
    pub problem: Option<Problem>,
}

/// What is wrong with a part, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The error's stable name.
    pub code: &'static str,
    /// What the code means: a sentence without any detail, which anybody may read.
    pub title: &'static str,
    /// The sentence.
    pub detail: String,
    /// What to change.
    pub advice: String,
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code().name,
            title: error.code().title,
            detail: error.detail().to_owned(),
            advice: error.advice().to_owned(),
        }
    }
}

/// All parts and how they are. Clones are the same list.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    config: Config,
    clock: Clock,
    registry: Registry,
    parts: RwLock<Vec<Arc<Part>>>,
}

struct Part {
    probe: Arc<dyn Probe>,
    report: RwLock<Report>,
    signals: Signals,
}

impl Health {
    /// An empty list.
    pub fn new(config: Config, clock: Clock, registry: &Registry) -> Self {
        Self(Arc::new(Inner {
            config,
            clock,
            registry: registry.clone(),
            parts: RwLock::default(),
        }))
    }

    /// Takes a part on the list. A part of the same name is replaced.
    pub fn watch(&self, probe: Arc<dyn Probe>, need: Need) {
        let now = self.0.clock.now();
        let report = Report {
            name: probe.name().to_owned(),
            need,
            condition: Condition::Unknown,
            since: now,
            checked: now,
            latency: Span(Duration::ZERO),
            problem: None,
        };
        let part = Part {
            signals: Signals::new(probe.name(), &self.0.registry),
            report: RwLock::new(report),
            probe,
        };
        let mut parts = self.0.parts.write();
        parts.retain(|known| known.probe.name() != part.probe.name());
        parts.push(Arc::new(part));
    }

    /// What was found last, in the order of registration.
    pub fn reports(&self) -> Vec<Report> {
        let parts = self.0.parts.read();
        parts.iter().map(|part| part.report.read().clone()).collect()
    }

    /// Whether everything essential was well when it was last asked.
    pub fn ready(&self) -> bool {
        self.0.parts.read().iter().all(|part| {
            let report = part.report.read();
            report.need == Need::Helpful || report.condition == Condition::Well
        })
    }

    /// Asks all of them now.
    pub async fn check(&self) -> Vec<Report> {
        let parts = self.0.parts.read().clone();
        join_all(parts.iter().map(|part| self.ask(part))).await;
        self.reports()
    }

    /// Asks all of them again and again; the caller spawns it, and stops it by
    /// dropping it.
    pub async fn run(&self) {
        loop {
            self.check().await;
            self.0.clock.sleep(self.0.config.every.0).await;
        }
    }

    async fn ask(&self, part: &Part) {
        let (clock, limit) = (&self.0.clock, self.0.config.timeout);
        let begun = clock.moment();
        let result = match clock.within(limit.0, part.probe.probe()).await {
            Some(result) => result,
            None => Err(codes::PROBE_LATE
                .error(format!("`{}` did not answer within {limit}", part.probe.name()))),
        };
        part.note(result, clock.moment().since(begun), clock.now());
    }
}

impl Part {
    fn note(&self, result: Result<()>, latency: Duration, now: Time) {
        let condition = match &result {
            Ok(()) => Condition::Well,
            Err(_) => Condition::Ill,
        };
        let mut report = self.report.write();
        let changed = report.condition != condition;
        if changed {
            report.since = now;
        }
        report.condition = condition;
        report.checked = now;
        report.latency = Span(latency);
        report.problem = result.as_ref().err().map(Problem::from);
        self.signals.probed(&report, changed, result.err());
    }
}

struct Signals {
    well: Arc<Gauge>,
    failures: Arc<Counter>,
    latency: Arc<Histogram>,
}

impl Signals {
    fn new(name: &str, registry: &Registry) -> Self {
        let labels = [("part", name)];
        Self {
            well: registry.gauge(
                "stockade_pool_health_well",
                "Whether the part answered its last probe",
                &labels,
            ),
            failures: registry.counter(
                "stockade_pool_health_failures_total",
                "Probes that failed",
                &labels,
            ),
            latency: registry.histogram(
                "stockade_pool_health_latency_seconds",
                "How long a probe took",
                &labels,
            ),
        }
    }

    fn probed(&self, report: &Report, changed: bool, error: Option<Error>) {
        self.well.set(i64::from(error.is_none()));
        self.latency.time(report.latency.0);
        let part = &report.name;
        match error {
            None if changed => tracing::info!(part, "is well"),
            None => {}
            Some(error) => {
                self.failures.add(1);
                if changed {
                    tracing::warn!(part, ?error, "is ill");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    struct Switch(&'static str, AtomicBool);

    impl Probe for Switch {
        fn name(&self) -> &str {
            self.0
        }

        fn probe(&self) -> BoxFuture<'_, Result<()>> {
            let well = self.1.load(Relaxed);
            Box::pin(async move {
                well.then_some(()).ok_or_else(|| codes::BREAKER_OPEN.error("switched off"))
            })
        }
    }

    struct Hangs;

    impl Probe for Hangs {
        fn name(&self) -> &str {
            "hangs"
        }

        fn probe(&self) -> BoxFuture<'_, Result<()>> {
            Box::pin(std::future::pending())
        }
    }

    fn health() -> (Health, Clock) {
        let clock = Clock::manual(Time(0));
        let health = Health::new(Config::default(), clock.clone(), &Registry::default());
        (health, clock)
    }

    #[tokio::test]
    async fn a_part_is_well_or_ill_since_it_changed() {
        let (health, clock) = health();
        let switch = Arc::new(Switch("db", AtomicBool::new(true)));
        health.watch(switch.clone(), Need::Essential);
        assert!(!health.ready(), "nobody was asked yet");
        clock.advance(Duration::from_secs(1));
        health.check().await;
        clock.advance(Duration::from_secs(1));
        let report = health.check().await.remove(0);
        assert_eq!(report.condition, Condition::Well);
        assert_eq!((report.since.secs(), report.checked.secs()), (1, 2));
        assert!(health.ready());
        switch.1.store(false, Relaxed);
        clock.advance(Duration::from_secs(1));
        let report = health.check().await.remove(0);
        assert_eq!((report.condition, report.since.secs()), (Condition::Ill, 3));
        assert_eq!(report.problem.unwrap().detail, "switched off");
        assert!(!health.ready());
    }

    #[tokio::test]
    async fn one_that_hangs_is_ill_delays_nobody_and_is_not_always_needed() {
        let (health, clock) = health();
        health.watch(Arc::new(Hangs), Need::Helpful);
        health.watch(Arc::new(Switch("db", AtomicBool::new(true))), Need::Essential);
        let checking = tokio::spawn({
            let health = health.clone();
            async move { health.check().await }
        });
        tokio::task::yield_now().await;
        assert_eq!(health.reports()[1].condition, Condition::Well);
        clock.advance(Duration::from_secs(3));
        let report = checking.await.unwrap().remove(0);
        assert_eq!(report.condition, Condition::Ill);
        assert_eq!(report.problem.unwrap().code, codes::PROBE_LATE.name);
        assert!(health.ready());
    }
}
