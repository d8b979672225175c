//! What a policy finds outside when it is asked on the command line.

use std::cell::Cell;
use std::time::Duration;

use flow::{Clock, Moment, Random};
use rego::Value;
use rego::builtin::{Failure, World};

const ALONE: &str = "no server is asked from the command line: put what it would answer in its \
                     place with `with http.send as …`";

/// The time, chance, the environment, and nobody to talk to.
#[derive(Debug)]
pub(super) struct Outside {
    clock: Clock,
    random: Random,
    now: i64,
    begun: Moment,
    until: Moment,
    /// Whether it was said that no server is asked.
    said: Cell<bool>,
}

impl Outside {
    /// Policies are asked from now on, for this long in all.
    pub(super) fn new(timeout: Duration) -> Self {
        let (clock, random) = (Clock::system(), Random::system());
        let begun = clock.moment();
        let now = i64::try_from(clock.now().0).unwrap_or(i64::MAX);
        Self { clock, random, now, begun, until: begun.after(timeout), said: Cell::new(false) }
    }

    /// How long it is since it began.
    pub(super) fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.clock.moment().0.saturating_sub(self.begun.0))
    }
}

impl World for Outside {
    fn now(&self) -> i64 {
        self.now
    }

    fn random(&self) -> u64 {
        self.random.number()
    }

    fn over(&self) -> bool {
        self.clock.moment() >= self.until
    }

    fn send(&self, _request: &Value) -> Result<Value, Failure> {
        // Where it is no error to fail, nobody would know why there is no answer.
        if !self.said.replace(true) {
            eprintln!("http.send: {ALONE}");
        }
        Err(Failure::Broken(ALONE.into()))
    }

    fn print(&self, line: &str) {
        eprintln!("{line}");
    }

    fn runtime(&self) -> Value {
        let variable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            (
                name.to_string_lossy().into_owned().into(),
                value.to_string_lossy().into_owned().into(),
            )
        };
        let env = Value::object(std::env::vars_os().map(variable));
        Value::object([("env".into(), env), ("version".into(), env!("CARGO_PKG_VERSION").into())])
    }
}
