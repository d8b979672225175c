//! What is outside of an evaluation.

use flow::{Clock, Moment, Random, Time};
use rego::builtin::World;

/// A world in which nothing happens, for rules that ask for nothing of it.
#[derive(Debug)]
pub(crate) struct Still;

impl World for Still {
    fn now(&self) -> i64 {
        0
    }

    fn random(&self) -> u64 {
        0
    }
}

/// The world as it is, until a moment.
#[derive(Debug)]
pub(crate) struct Present<'a> {
    clock: &'a Clock,
    random: &'a Random,
    /// When the evaluation began, or is said to have, in nanoseconds since 1970.
    now: i64,
    until: Moment,
}

impl<'a> Present<'a> {
    pub(crate) fn until(clock: &'a Clock, random: &'a Random, until: Moment) -> Self {
        Self::as_of(clock, random, until, clock.now())
    }

    /// The same, where another time is told to whoever asks for it.
    pub(crate) fn as_of(clock: &'a Clock, random: &'a Random, until: Moment, now: Time) -> Self {
        let now = i64::try_from(now.0).unwrap_or(i64::MAX);
        Self { clock, random, now, until }
    }
}

impl World for Present<'_> {
    fn now(&self) -> i64 {
        self.now
    }

    fn random(&self) -> u64 {
        self.random.number()
    }

    fn over(&self) -> bool {
        self.clock.moment() >= self.until
    }
}
