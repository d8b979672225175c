//! Those who are asked where policies leave something open.
//!
//! Each expert has a breaker and so many questions at once, and all of them together have the
//! budget of the question: whoever is busy, silent or speaks nonsense is passed over, and never
//! waited for longer.

mod scripted;

use std::sync::Arc;

use flow::signal::Registry;
use flow::{BoxFuture, Clock, Moment, Result};
use pool::breaker::Breaker;
use tokio::sync::Semaphore;

pub(super) use scripted::Script;

use super::{Case, Experts, Review, Verdict};

/// Somebody who knows what policies do not.
pub trait Expert: Send + Sync {
    /// By what they are called, in reasons and metrics.
    fn name(&self) -> &str;

    /// What they say of a case; nothing where they have no opinion. Whoever asks gives up when
    /// their time is over, and drops what is returned here.
    fn ask<'a>(&'a self, case: &'a Case) -> BoxFuture<'a, Result<Option<Verdict>>>;
}

/// The experts, in the order they are asked.
pub(super) struct Panel {
    seats: Vec<Seat>,
    config: Experts,
    clock: Clock,
    registry: Registry,
}

struct Seat {
    expert: Arc<dyn Expert>,
    breaker: Breaker,
    places: Semaphore,
}

impl Panel {
    pub(super) fn new(config: Experts, clock: Clock, registry: Registry) -> Self {
        Self { seats: Vec::new(), config, clock, registry }
    }

    pub(super) fn seat(&mut self, expert: Arc<dyn Expert>) {
        let name = format!("expert {}", expert.name());
        let (breaker, clock) = (self.config.breaker.clone(), self.clock.clone());
        let breaker = Breaker::new(&name, breaker, clock, &self.registry);
        let places = Semaphore::new(self.config.at_once as usize);
        self.seats.push(Seat { expert, breaker, places });
    }

    /// What the first of them says who has an opinion.
    pub(super) async fn ask(&self, case: &Case, review: &Review, until: Moment) -> Option<Verdict> {
        for seat in &self.seats {
            let left = until.since(self.clock.moment());
            if left.is_zero() {
                return None;
            }
            // Who is overloaded is not waited for: there is an answer that costs nothing.
            let Ok(_place) = seat.places.try_acquire() else { continue };
            let Ok(pass) = seat.breaker.enter() else { continue };
            let name = seat.expert.name();
            let said = match self.clock.within(left, seat.expert.ask(case)).await {
                None => Err("it did not answer in time".to_owned()),
                Some(Err(error)) => Err(error.story()),
                Some(Ok(said)) => said.map(|said| said.checked(review)).transpose(),
            };
            match said {
                Ok(said) => {
                    pass.succeeded();
                    if said.is_some() {
                        return said;
                    }
                }
                Err(why) => {
                    pass.failed();
                    tracing::warn!(expert = name, why, "an expert gave no answer");
                }
            }
        }
        None
    }
}
