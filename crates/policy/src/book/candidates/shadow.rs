//! What there would be with candidates in place.

use std::sync::{Arc, OnceLock};

use flow::question::shadow::Candidate;
use flow::{Result, Time};
use foldhash::HashMap;
use parking_lot::Mutex;
use rego::{Program, Value};

use super::{Edition, Parts, Revision, compiled, parts};
use crate::data;

/// As many paths are prepared to be compared; those beyond are prepared each time.
const PATHS_MAX: usize = 10_000;

/// What there would be in the place of an edition. It is compiled when somebody first looks at
/// it, so that no decision waits for it.
pub(crate) struct Shadow {
    /// How often candidates were changed.
    pub(crate) changes: u64,
    /// Since when this node compares with these candidates.
    pub(crate) since: Time,
    pub(crate) candidates: Vec<Candidate>,
    revision: Revision,
    parts: Parts,
    /// What is in force.
    program: Arc<Program>,
    config: crate::Config,
    trial: OnceLock<std::result::Result<Edition, String>>,
    paths: Mutex<HashMap<Box<str>, Arc<Beside>>>,
}

/// A document as it is and as it would be.
#[derive(Debug)]
pub(crate) struct Beside {
    /// The places in the input that either reads.
    pub(crate) reads: Vec<Vec<Value>>,
    /// Whether both answer the same to the same tomorrow.
    pub(crate) steady: bool,
}

impl std::fmt::Debug for Shadow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shadow({} candidates)", self.candidates.len())
    }
}

impl Shadow {
    /// What an edition would be with these candidates.
    pub(super) fn of(
        edition: &Edition,
        (changes, since): (u64, Time),
        candidates: Vec<Candidate>,
        config: &crate::Config,
    ) -> Self {
        Self {
            changes,
            since,
            candidates,
            revision: edition.revision(),
            parts: parts(edition),
            program: edition.program_shared().clone(),
            config: config.clone(),
            trial: OnceLock::new(),
            paths: Mutex::default(),
        }
    }

    /// The edition there would be, or why there cannot be one.
    pub(crate) fn trial(&self) -> std::result::Result<&Edition, &str> {
        let compile = || {
            let parts = self.parts.clone();
            let trial = compiled(parts, &self.candidates, self.revision, &self.config);
            trial.map_err(|error| error.detail().to_owned())
        };
        self.trial.get_or_init(compile).as_ref().map_err(String::as_str)
    }

    /// Whether it was found that there cannot be one.
    pub(crate) fn is_broken(&self) -> bool {
        self.trial.get().is_some_and(std::result::Result::is_err)
    }

    /// The revision of what is in force.
    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    /// What is read for a path, by either.
    pub(crate) fn beside(&self, trial: &Edition, path: &str) -> Result<Arc<Beside>> {
        if let Some(beside) = self.paths.lock().get(path) {
            return Ok(beside.clone());
        }
        let way = data::path(path)?;
        let (is, would) = (self.program.reads(&way), trial.program().reads(&way));
        let steady = is.unsteady.is_empty() && would.unsteady.is_empty();
        let mut reads = is.input;
        reads.extend(would.input);
        let beside = Arc::new(Beside { reads, steady });
        let mut paths = self.paths.lock();
        if paths.len() < PATHS_MAX {
            paths.insert(path.into(), beside.clone());
        }
        Ok(beside)
    }
}
