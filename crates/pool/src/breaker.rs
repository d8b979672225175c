//! Not asking what does not answer.
//!
//! A [`Breaker`] stands in front of one dependency. Closed, it lets everything
//! through and counts failures in a row; at the limit it opens and refuses at
//! once, so callers take the next way instead of queueing up. After a while it is
//! half open and lets a few through: the first success closes it and clears the
//! count, a failure opens it again.
//!
//! A failure is an error of [`Kind::Busy`]: no answer, or an answer that says
//! "not now". Every other error is an answer and proves that somebody is there.
//! A dropped [`Pass`] says nothing (its caller went away) and only gives its place
//! back; so timeouts belong *inside* [`Breaker::call`], where they are failures.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use flow::signal::{Counter, Gauge, Registry};
use flow::unit::Span;
use flow::{Clock, Error, Kind, Moment, Result};
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codes;

/// When to open, and for how long.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open before it lets somebody try.
    pub open: Span,
    /// How many may try at once while it is half open.
    pub trials: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { failures: 5, open: Span::secs(30), trials: 3 }
    }
}

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Everything passes.
    Closed,
    /// A few pass, to find out.
    HalfOpen,
    /// Nothing passes.
    Open,
}

/// One dependency's breaker. Clones are the same breaker.
#[derive(Clone)]
pub struct Breaker(Arc<Inner>);

struct Inner {
    config: Config,
    clock: Clock,
    signals: Signals,
    /// The way of a healthy call reads these three and takes no lock.
    closed: AtomicBool,
    failures: AtomicU32,
    /// Grows when the state changes, so that the outcome of a call that began
    /// under another state changes nothing.
    era: AtomicU64,
    machine: Mutex<Machine>,
}

#[derive(Debug, Clone, Copy)]
enum Machine {
    Closed,
    Open { until: Moment },
    HalfOpen { trying: u32 },
}

impl Breaker {
    /// A closed breaker for the dependency `name`.
    pub fn new(name: &str, config: Config, clock: Clock, registry: &Registry) -> Self {
        Self(Arc::new(Inner {
            config,
            clock,
            signals: Signals::new(name, registry),
            closed: AtomicBool::new(true),
            failures: AtomicU32::new(0),
            era: AtomicU64::new(0),
            machine: Mutex::new(Machine::Closed),
        }))
    }

    /// Where it stands. An open breaker whose time has come is half open.
    pub fn state(&self) -> State {
        match *self.0.machine.lock() {
            Machine::Closed => State::Closed,
            Machine::HalfOpen { .. } => State::HalfOpen,
            Machine::Open { until } if self.0.clock.moment() < until => State::Open,
            Machine::Open { .. } => State::HalfOpen,
        }
    }

    /// Failures in a row so far.
    pub fn failures(&self) -> u32 {
        self.0.failures.load(Ordering::Acquire)
    }

    /// Runs `work` if it may pass, and learns from its outcome. Time limits
    /// belong inside `work`.
    pub async fn call<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let pass = self.enter()?;
        let result = work.await;
        pass.settle(&result);
        result
    }

    /// A pass, or [`Kind::Busy`] at once. For work that is not one future.
    pub fn enter(&self) -> Result<Pass<'_>> {
        let era = self.0.era.load(Ordering::Acquire);
        if self.0.closed.load(Ordering::Acquire) {
            return Ok(self.pass(era));
        }
        self.enter_slowly()
    }

    fn enter_slowly(&self) -> Result<Pass<'_>> {
        let mut machine = self.0.machine.lock();
        let now = self.0.clock.moment();
        match &mut *machine {
            Machine::Closed => {}
            Machine::Open { until } if now < *until => {
                let left = until.since(now).as_secs() + 1;
                return Err(self.refusal(&format!("next try in {left}s")));
            }
            Machine::Open { .. } => {
                self.0.turn(&mut machine, Machine::HalfOpen { trying: 1 });
            }
            Machine::HalfOpen { trying } if *trying < self.0.config.trials => *trying += 1,
            Machine::HalfOpen { .. } => return Err(self.refusal("it is being tried right now")),
        }
        Ok(self.pass(self.0.era.load(Ordering::Acquire)))
    }

    fn pass(&self, era: u64) -> Pass<'_> {
        Pass { breaker: &self.0, era, settled: false }
    }

    fn refusal(&self, when: &str) -> Error {
        self.0.signals.refused.add(1);
        let name = &self.0.signals.name;
        codes::BREAKER_OPEN.error(format!("`{name}` does not answer at present; {when}"))
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Breaker({}: {:?})", self.0.signals.name, self.state())
    }
}

impl Inner {
    fn turn(&self, machine: &mut Machine, to: Machine) {
        *machine = to;
        self.era.fetch_add(1, Ordering::AcqRel);
        self.closed.store(matches!(to, Machine::Closed), Ordering::Release);
        match to {
            Machine::Closed => {
                self.failures.store(0, Ordering::Release);
                self.signals.closed();
            }
            Machine::HalfOpen { .. } => self.signals.half_open(),
            Machine::Open { .. } => self.signals.opened(self.failures.load(Ordering::Acquire)),
        }
    }

    fn succeeded(&self, era: u64) {
        if self.closed.load(Ordering::Acquire) {
            // A plain load first: a healthy call must not dirty a shared line.
            if self.failures.load(Ordering::Relaxed) != 0 && era == self.era.load(Ordering::Acquire)
            {
                self.failures.store(0, Ordering::Release);
            }
            return;
        }
        let mut machine = self.machine.lock();
        if era == self.era.load(Ordering::Acquire) && matches!(*machine, Machine::HalfOpen { .. }) {
            self.turn(&mut machine, Machine::Closed);
        }
    }

    fn failed(&self, era: u64) {
        let mut machine = self.machine.lock();
        if era != self.era.load(Ordering::Acquire) {
            return;
        }
        let failures = self.failures.fetch_add(1, Ordering::AcqRel) + 1;
        let open = match *machine {
            Machine::Closed => failures >= self.config.failures,
            Machine::HalfOpen { .. } => true,
            Machine::Open { .. } => false,
        };
        if open {
            let until = self.clock.moment().after(self.config.open.0);
            self.turn(&mut machine, Machine::Open { until });
        }
    }

    fn left(&self, era: u64) {
        if self.closed.load(Ordering::Acquire) {
            return;
        }
        let mut machine = self.machine.lock();
        if era == self.era.load(Ordering::Acquire)
            && let Machine::HalfOpen { trying } = &mut *machine
        {
            *trying = trying.saturating_sub(1);
        }
    }
}

/// Leave to ask the dependency once. Dropped unsettled, it says nothing.
#[must_use = "settle it, or the breaker learns nothing"]
pub struct Pass<'a> {
    breaker: &'a Inner,
    era: u64,
    settled: bool,
}

impl Pass<'_> {
    /// The dependency answered.
    pub fn succeeded(mut self) {
        self.settled = true;
        self.breaker.succeeded(self.era);
    }

    /// The dependency did not answer.
    pub fn failed(mut self) {
        self.settled = true;
        self.breaker.failed(self.era);
    }

    /// Whichever of the two `result` shows: only [`Kind::Busy`] is a failure.
    pub fn settle<T>(self, result: &Result<T>) {
        match result {
            Err(error) if error.kind() == Kind::Busy => self.failed(),
            _ => self.succeeded(),
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.breaker.left(self.era);
        }
    }
}

struct Signals {
    name: String,
    opened: Arc<Counter>,
    refused: Arc<Counter>,
    state: Arc<Gauge>,
}

impl Signals {
    fn new(name: &str, registry: &Registry) -> Self {
        let labels = [("part", name)];
        Self {
            name: name.to_owned(),
            opened: registry.counter(
                "stockade_pool_breaker_opened_total",
                "Times the breaker opened",
                &labels,
            ),
            refused: registry.counter(
                "stockade_pool_breaker_refused_total",
                "Calls refused at once because the breaker was open",
                &labels,
            ),
            state: registry.gauge(
                "stockade_pool_breaker_state",
                "Where the breaker stands: 0 closed, 1 half open, 2 open",
                &labels,
            ),
        }
    }

    fn opened(&self, failures: u32) {
        self.opened.add(1);
        self.state.set(2);
        tracing::warn!(part = self.name, failures, "breaker opened");
    }

    fn half_open(&self) {
        self.state.set(1);
        tracing::info!(part = self.name, "breaker half open");
    }

    fn closed(&self) {
        self.state.set(0);
        tracing::info!(part = self.name, "breaker closed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::Time;
    use std::time::Duration;

    fn breaker() -> (Breaker, Clock, Registry) {
        let (clock, registry) = (Clock::manual(Time(0)), Registry::default());
        let breaker = Breaker::new("test", Config::default(), clock.clone(), &registry);
        (breaker, clock, registry)
    }

    fn fail(breaker: &Breaker, times: u32) {
        for _ in 0..times {
            breaker.enter().unwrap().failed();
        }
    }

    #[tokio::test]
    async fn five_failures_in_a_row_open_it_and_a_success_between_clears_the_count() {
        let (breaker, _, registry) = breaker();
        fail(&breaker, 4);
        breaker.call(async { Ok(()) }).await.unwrap();
        assert_eq!(breaker.failures(), 0);
        fail(&breaker, 4);
        assert_eq!(breaker.state(), State::Closed);
        fail(&breaker, 1);
        assert_eq!(breaker.state(), State::Open);
        let never = breaker.call(async { panic!("it was asked") as Result<()> });
        let error = never.await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Busy, &codes::BREAKER_OPEN));
        let opened =
            registry.counter("stockade_pool_breaker_opened_total", "", &[("part", "test")]);
        assert_eq!(opened.get(), 1);
    }

    #[test]
    fn half_open_admits_a_bounded_number_and_one_success_closes_it() {
        let (breaker, clock, _) = breaker();
        fail(&breaker, 5);
        clock.advance(Duration::from_secs(29));
        assert_eq!(breaker.state(), State::Open);
        assert!(breaker.enter().is_err());
        clock.advance(Duration::from_secs(1));
        assert_eq!(breaker.state(), State::HalfOpen);
        let mut trials: Vec<_> = (0..3).map(|_| breaker.enter().unwrap()).collect();
        assert!(breaker.enter().is_err());
        // One gives up: its place is free again, nothing else changed.
        drop(trials.pop());
        trials.push(breaker.enter().unwrap());
        trials.pop().unwrap().succeeded();
        assert_eq!((breaker.state(), breaker.failures()), (State::Closed, 0));
        // The other trials end later and badly: that was another era.
        trials.into_iter().for_each(Pass::failed);
        assert_eq!((breaker.state(), breaker.failures()), (State::Closed, 0));
        fail(&breaker, 4);
        assert_eq!(breaker.state(), State::Closed, "the count was cleared");
    }

    #[test]
    fn a_failed_trial_opens_it_for_the_whole_time_again() {
        let (breaker, clock, _) = breaker();
        fail(&breaker, 5);
        clock.advance(Duration::from_secs(30));
        fail(&breaker, 1);
        clock.advance(Duration::from_secs(29));
        assert_eq!(breaker.state(), State::Open);
    }

    #[tokio::test]
    async fn an_error_that_is_an_answer_is_no_failure() {
        let (breaker, _, _) = breaker();
        for _ in 0..9 {
            let answer = async { Result::<()>::Err(codes::VALUE_CORRUPT.error("no")) };
            assert!(breaker.call(answer).await.is_err());
        }
        assert_eq!((breaker.state(), breaker.failures()), (State::Closed, 0));
    }

    #[test]
    fn callers_that_go_away_prove_nothing() {
        let (breaker, _, _) = breaker();
        fail(&breaker, 3);
        for _ in 0..9 {
            drop(breaker.enter().unwrap());
        }
        assert_eq!((breaker.state(), breaker.failures()), (State::Closed, 3));
    }
}
