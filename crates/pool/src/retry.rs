//! Trying again, without making an outage worse.
//!
//! Three bounds hold at once. A call is tried a few times, each time after a
//! random wait below a doubling ceiling ("full jitter": a crowd that failed
//! together does not come back together). The whole call has a deadline. And all
//! calls together share a *budget*: an ordinary call earns a fraction of a retry,
//! a retry spends a whole one, so that a dead server sees at most that fraction
//! more requests than it would without retries.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use flow::{Clock, Random, signal::Registry};
//! use pool::retry::{Config, Retry};
//!
//! let retry = Retry::new(
//!     "example",
//!     Config::default(),
//!     Clock::system(),
//!     Random::system(),
//!     &Registry::default(),
//! );
//! let answer = retry.run(|_attempt| async { flow::Result::Ok(42) }).await;
//! assert_eq!(answer.unwrap(), 42);
//! # });
//! ```

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use flow::signal::{Counter, Registry};
use flow::unit::Span;
use flow::{Clock, Error, Kind, Moment, Random, Result};
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codes;

/// How often, how fast and how long to try again.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Tries in all, the first included; 1 never tries again.
    pub attempts: u32,
    /// The longest wait before the second try; it doubles with every further one.
    pub first_wait: Span,
    /// No wait is longer than this.
    pub longest_wait: Span,
    /// The whole call, waits included, takes no longer than this.
    pub deadline: Span,
    /// Retries in percent of calls that may be made while everything fails.
    pub budget_percent: u32,
    /// Retries saved up for a burst; also earned back at one per second, so that rare calls may be retried too.
    pub budget_burst: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            attempts: 3,
            first_wait: Span::millis(50),
            longest_wait: Span::secs(2),
            deadline: Span::secs(10),
            budget_percent: 20,
            budget_burst: 10,
        }
    }
}

impl Config {
    /// The ceiling of the wait before try number `attempt + 1`.
    fn ceiling(&self, attempt: u32) -> Duration {
        let doubled = 1u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(0);
        let wait = match doubled {
            0 => self.longest_wait.0,
            times => self.first_wait.0.saturating_mul(times),
        };
        wait.min(self.longest_wait.0)
    }
}

/// Tries again what failed for a moment. One per dependency, shared by its
/// callers: they share its budget.
#[derive(Debug)]
pub struct Retry {
    config: Config,
    clock: Clock,
    random: Random,
    budget: Mutex<Budget>,
    signals: Signals,
}

impl Retry {
    /// For the dependency `name`.
    pub fn new(
        name: &str,
        config: Config,
        clock: Clock,
        random: Random,
        registry: &Registry,
    ) -> Self {
        let budget = Mutex::new(Budget::new(&config, clock.moment()));
        Self { config, clock, random, budget, signals: Signals::new(name, registry) }
    }

    /// Runs `work`, again while it is [`Kind::Busy`]. It is told which try this
    /// is, from 1. What is run again must be safe to run twice.
    pub async fn run<T, F>(&self, work: impl FnMut(u32) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        self.run_if(|error| error.kind() == Kind::Busy, work).await
    }

    /// Runs `work`, again while `passing` says that the failure will pass.
    pub async fn run_if<T, F>(
        &self,
        passing: impl Fn(&Error) -> bool,
        mut work: impl FnMut(u32) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let until = self.clock.moment().after(self.config.deadline.0);
        self.budget.lock().earn();
        let mut attempt = 1;
        loop {
            let left = until.since(self.clock.moment());
            let error = match self.clock.within(left, work(attempt)).await {
                Some(Ok(value)) => return Ok(value),
                Some(Err(error)) => error,
                None => return Err(self.late()),
            };
            if !passing(&error) || attempt >= self.config.attempts {
                return Err(error);
            }
            let now = self.clock.moment();
            let wait = self.wait(attempt);
            if now.after(wait) >= until {
                return Err(error);
            }
            if !self.budget.lock().spend(now) {
                self.signals.over_budget(&error);
                return Err(error);
            }
            self.signals.again(attempt, wait, &error);
            self.clock.sleep(wait).await;
            attempt += 1;
        }
    }

    fn wait(&self, attempt: u32) -> Duration {
        let ceiling = u64::try_from(self.config.ceiling(attempt).as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.random.below(ceiling))
    }

    fn late(&self) -> Error {
        let (name, deadline) = (&self.signals.name, self.config.deadline);
        codes::DEADLINE_PASSED.error(format!("`{name}` did not answer within {deadline}"))
    }
}

/// Retries in stock, in hundredths.
#[derive(Debug)]
struct Budget {
    stock: u64,
    most: u64,
    per_call: u64,
    counted: Moment,
}

/// What one retry costs.
const WHOLE: u64 = 100;

impl Budget {
    fn new(config: &Config, now: Moment) -> Self {
        let most = u64::from(config.budget_burst) * WHOLE;
        Self { stock: most, most, per_call: u64::from(config.budget_percent), counted: now }
    }

    fn earn(&mut self) {
        self.stock = (self.stock + self.per_call).min(self.most);
    }

    fn spend(&mut self, now: Moment) -> bool {
        let hundredths = now.since(self.counted).as_millis() / 10;
        if hundredths > 0 {
            let earned = u64::try_from(hundredths).unwrap_or(self.most);
            self.stock = self.stock.saturating_add(earned).min(self.most);
            self.counted = now;
        }
        let left = self.stock.checked_sub(WHOLE);
        self.stock = left.unwrap_or(self.stock);
        left.is_some()
    }
}

#[derive(Debug)]
struct Signals {
    name: String,
    again: Arc<Counter>,
    over_budget: Arc<Counter>,
}

impl Signals {
    fn new(name: &str, registry: &Registry) -> Self {
        let labels = [("part", name)];
        Self {
            name: name.to_owned(),
            again: registry.counter("stockade_pool_retries_total", "Calls tried again", &labels),
            over_budget: registry.counter(
                "stockade_pool_retries_refused_total",
                "Calls not tried again because the retry budget was spent",
                &labels,
            ),
        }
    }

    fn again(&self, attempt: u32, wait: Duration, error: &Error) {
        self.again.add(1);
        tracing::debug!(part = self.name, attempt, ?wait, ?error, "trying again");
    }

    fn over_budget(&self, error: &Error) {
        self.over_budget.add(1);
        tracing::debug!(part = self.name, ?error, "not tried again: budget spent");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::Time;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    fn retry(config: Config, clock: &Clock) -> Retry {
        Retry::new("test", config, clock.clone(), Random::seeded(1), &Registry::default())
    }

    fn busy() -> Error {
        codes::BREAKER_OPEN.error("not now")
    }

    /// Moves the clock whenever everybody sleeps, until the work is done.
    async fn drive<T>(clock: &Clock, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                value = &mut work => return value,
                () = tokio::task::yield_now() => clock.advance(Duration::from_millis(1)),
            }
        }
    }

    async fn tries(config: Config, fails: u32, error: fn() -> Error) -> (u32, Result<()>) {
        let clock = Clock::manual(Time(0));
        let tried = AtomicU32::new(0);
        let retry = retry(config, &clock);
        let work = retry.run(|_| async {
            let failed = tried.fetch_add(1, Relaxed) < fails;
            if failed { Err(error()) } else { Ok(()) }
        });
        let result = drive(&clock, work).await;
        (tried.load(Relaxed), result)
    }

    #[tokio::test]
    async fn what_is_busy_is_tried_again_and_nothing_else() {
        let (tried, result) = tries(Config::default(), 2, busy).await;
        assert_eq!((tried, result.is_ok()), (3, true));
        let (tried, result) = tries(Config::default(), 9, busy).await;
        assert_eq!((tried, result.is_ok()), (3, false));
        let corrupt = || codes::VALUE_CORRUPT.error("no");
        let (tried, result) = tries(Config::default(), 9, corrupt).await;
        assert_eq!((tried, result.is_ok()), (1, false));
    }

    #[test]
    fn waits_double_up_to_the_longest_and_use_the_whole_range() {
        let config = Config::default();
        for (attempt, ceiling) in [(1, 50), (2, 100), (3, 200), (6, 1600), (7, 2000), (99, 2000)] {
            assert_eq!(config.ceiling(attempt).as_millis(), ceiling, "{attempt}");
        }
        let retry = retry(config, &Clock::manual(Time(0)));
        let waits: Vec<_> = (0..1000).map(|_| retry.wait(1).as_millis()).collect();
        assert!(waits.iter().any(|&wait| wait < 5) && waits.iter().any(|&wait| wait > 45));
        assert!(waits.iter().all(|&wait| wait < 50));
    }

    #[tokio::test]
    async fn an_outage_is_not_multiplied() {
        let clock = Clock::manual(Time(0));
        let retry = retry(Config::default(), &clock);
        let tried = AtomicU32::new(0);
        // Frozen time, so nothing is earned back by waiting: waits are driven by one
        // task that only yields.
        for _ in 0..1000 {
            let work = retry.run_if(
                |error| error.kind() == Kind::Busy,
                |_| async {
                    tried.fetch_add(1, Relaxed);
                    Result::<()>::Err(busy())
                },
            );
            drop(drive(&clock, work).await);
        }
        let elapsed = clock.moment().since(Moment(0)).as_secs() as u32;
        let (tries, allowed) = (tried.load(Relaxed), 1000 + 1000 / 5 + 10 + elapsed + 1);
        assert!(tries <= allowed, "{tries} tries, {allowed} allowed");
        assert!(tries >= 1000 + 1000 / 5, "the budget is there to be spent");
    }

    #[tokio::test]
    async fn the_deadline_bounds_the_whole_call() {
        let clock = Clock::manual(Time(0));
        let retry = retry(Config::default(), &clock);
        let never = retry.run(|_| std::future::pending::<Result<()>>());
        let error = drive(&clock, never).await.unwrap_err();
        assert_eq!(error.code(), &codes::DEADLINE_PASSED);
        assert_eq!(clock.moment().since(Moment(0)).as_secs(), 10);
    }
}
