//! The one task that asks candidates what policies in force were asked.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use flow::Result;
use flow::question::shadow::Difference;
use rego::Value;
use rego::value::json;
use tokio::sync::mpsc;

use super::tally::Outcome;
use super::{Answered, Asked, Shadows, mask};
use crate::book::Edition;
use crate::decide::{Input, Inputs};
use crate::memory::{self, Known};
use crate::pipeline::shown;
use crate::secret;
use crate::told;
use crate::world::Present;

/// So many decisions are compared at a time, before others are.
const AT_ONCE: usize = 64;

/// What a failure says is told up to here.
const FAILURE_MAX: usize = 300;

/// The work of comparing.
pub struct Comparing {
    shadows: Arc<Shadows>,
    waiting: mpsc::Receiver<Answered>,
}

impl std::fmt::Debug for Comparing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Comparing")
    }
}

/// Whoever stops a server does not wait for what a candidate makes of the last questions.
impl Drop for Comparing {
    fn drop(&mut self) {
        self.shadows.over.store(true, Ordering::Release);
    }
}

impl Comparing {
    pub(super) fn new(shadows: Arc<Shadows>, waiting: mpsc::Receiver<Answered>) -> Self {
        Self { shadows, waiting }
    }

    /// Compares whatever is left to be compared, on a thread where nobody else is held up.
    pub async fn run(mut self) {
        let mut some = Vec::with_capacity(AT_ONCE);
        while self.waiting.recv_many(&mut some, AT_ONCE).await > 0 {
            let (shadows, answered) = (self.shadows.clone(), std::mem::take(&mut some));
            let count = answered.len() as u64;
            let bytes = answered.iter().map(|answered| answered.bytes).sum();
            let compare = move || answered.iter().for_each(|answered| shadows.compare(answered));
            if let Err(error) = tokio::task::spawn_blocking(compare).await {
                tracing::error!(%error, "decisions could not be compared with candidates");
            }
            self.shadows.held.fetch_sub(bytes, Ordering::Relaxed);
            self.shadows.done.send_modify(|done| *done += count);
        }
    }
}

impl Shadows {
    fn compare(&self, answered: &Answered) {
        // What does not go with the policies in force says nothing, and the report says why.
        let Ok(trial) = answered.shadow.trial() else { return };
        match &answered.asked {
            Asked::Value(value) => self.each(answered, trial, [Input::Value(value)].into_iter()),
            Asked::Text(text, posed) => {
                let text = String::from_utf8_lossy(text);
                // It was read once already, or there would be no answer to it.
                let Ok(inputs) = Inputs::read(&text, *posed) else { return };
                self.each(answered, trial, inputs.iter());
            }
        }
    }

    fn each<'i>(
        &self,
        answered: &Answered,
        trial: &Edition,
        inputs: impl Iterator<Item = Input<'i>>,
    ) {
        for (input, said) in inputs.zip(&answered.results) {
            if self.over.load(Ordering::Acquire) {
                return;
            }
            let would_say = self.ask(answered, trial, &input);
            if let Err(error) = self.note(answered, trial, &input, said, would_say) {
                let error = error.story();
                tracing::warn!(%error, "a decision could not be compared with candidates");
            }
        }
    }

    /// What candidates say. It is remembered with them, as decisions are.
    fn ask(&self, answered: &Answered, trial: &Edition, input: &Input<'_>) -> Result<Known> {
        let entry = trial.entry(&answered.path)?;
        let mut key = Vec::new();
        let remembered = memory::key(&entry, answered.strict, |path| input.at(path), &mut key);
        if remembered && let Some(known) = trial.memory.find(&key) {
            return Ok(known);
        }
        let until = self.clock.moment().after(self.config.timeout.0);
        let world = Present::until(&self.clock, &self.random, until);
        let (input, data, strict) = (input.whole(), trial.data().clone(), answered.strict);
        let steps_max = self.config.steps_max;
        let ask = rego::Ask { input, data, world: &world, strict, steps_max };
        let value = trial.program().document(&entry.path, &ask);
        let known = value.map_err(|error| told::failed(&error))?.as_ref().map(memory::written);
        if remembered {
            trial.memory.keep(&key, known.clone());
        }
        Ok(known)
    }

    fn note(
        &self,
        answered: &Answered,
        trial: &Edition,
        input: &Input<'_>,
        said: &Known,
        would_say: Result<Known>,
    ) -> Result<()> {
        let Answered { tenant, shadow, path, decision, .. } = answered;
        let about = (tenant, shadow.changes, shadow.since);
        if would_say.as_ref().is_ok_and(|would_say| would_say == said) {
            self.tallies.count(about, path, Outcome::Same, 1);
            return Ok(());
        }
        let beside = shadow.beside(trial, path)?;
        if would_say.is_ok() && !beside.steady {
            self.tallies.count(about, path, Outcome::Incomparable, 1);
            return Ok(());
        }
        let outcome = if would_say.is_ok() { Outcome::Different } else { Outcome::Failed };
        let places: Vec<&[Value]> = beside.reads.iter().map(Vec::as_slice).collect();
        let read = input.whole().and_then(|input| shown(&input, &places));
        let (would_say, failure) = match would_say {
            Ok(would_say) => (would_say, None),
            Err(error) => {
                let failure = secret::words(error.detail()).chars().take(FAILURE_MAX).collect();
                (None, Some(failure))
            }
        };
        let masks = trial.masks();
        let masked = |known: &Known| {
            let value = known.as_ref().map(|known| json::read(known).unwrap_or(Value::Null));
            value.map(|value| mask::shown(&value, masks).into())
        };
        let difference = Difference {
            path: path.to_string(),
            input: mask::shown(&read.unwrap_or_else(|| Value::object([])), masks).into(),
            said: masked(said),
            would_say: masked(&would_say),
            failure,
            revision: shadow.revision().to_string().into(),
            decision: *decision,
            at: self.clock.now(),
            times: 1,
        };
        self.tallies.keep(about, outcome, difference);
        Ok(())
    }
}
