//! The tests of a bundle, run before it is in force.

use std::sync::Arc;
use std::time::Duration;

use flow::{Clock, Random, Result};
use rego::syntax::Module;
use rego::test::{Cover, Suite, Verdict, With};
use rego::{Options, Value};

use crate::codes::BUNDLE_UNTESTED;
use crate::told;
use crate::world::Present;

/// All tests of a bundle take no longer: whoever pushed it waits for them.
const TIME_MAX: Duration = Duration::from_secs(20);

/// What there will be, to be tried.
pub(crate) struct Trial {
    /// All policies there will be.
    pub(crate) modules: Vec<Arc<Module>>,
    /// All documents there will be.
    pub(crate) data: Value,
    /// What the names of the policies that are tried begin with: `bundle/authz/`.
    pub(crate) of: String,
    pub(crate) config: crate::Config,
    pub(crate) clock: Clock,
}

impl Trial {
    /// Runs the tests in policies of the bundle, or says which of them do not hold. How many
    /// there were.
    pub(crate) async fn run(self) -> Result<usize> {
        if !self.modules.iter().any(|module| self.is_tried(module)) {
            return Ok(0);
        }
        // Tests are work of seconds, and others are to be answered meanwhile.
        match tokio::task::spawn_blocking(move || self.run_here()).await {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// Whether there may be tests in it: those that are none are found out by running them.
    fn is_tried(&self, module: &Module) -> bool {
        module.source.name.starts_with(&self.of) && module.source.text.contains("test_")
    }

    fn run_here(self) -> Result<usize> {
        let options = Options { open: true, ..Options::default() };
        let suite = Suite::with(self.modules, options);
        let suite = suite.map_err(|problems| told::uncompiled(&problems))?;
        let random = Random::system();
        let begun = self.clock.moment();
        let world = Present::until(&self.clock, &random, begun.after(TIME_MAX));
        let elapsed = || self.clock.moment().since(begun);
        let with = With {
            data: self.data,
            world: &world,
            clock: &elapsed,
            steps_max: self.config.steps_max,
            time_max: self.config.timeout.0,
            only: None,
        };
        let (mut count, mut broken) = (0, Vec::new());
        suite.run(&with, &mut Cover::default(), |tested| {
            if !tested.location.file.starts_with(&self.of) {
                return;
            }
            count += 1;
            if matches!(tested.verdict, Verdict::Fail | Verdict::Error) {
                let why = tested.error.map(|why| format!(" ({why})")).unwrap_or_default();
                broken.push(format!("`{}.{}`{why}", tested.package, tested.name));
            }
        });
        match broken.first() {
            None => Ok(count),
            Some(first) => {
                let story = format!("{} of its {count} tests fail: {first}", broken.len());
                Err(BUNDLE_UNTESTED.error(story))
            }
        }
    }
}
