//! What was decided of others like it.
//!
//! Experts and people decide cases, and a classifier learns of them in the background: one for
//! each path, which answers where it is sure, where everything about the case is known to it, and
//! where it was right of cases it had not seen. What it says itself it does not learn from.
//!
//! It is for cases that are made of values from a small world. Whoever may write what they like
//! into a case can make it look like another.

mod features;
mod learned;
mod model;
mod store;

use std::sync::Arc;
use std::time::Duration;

use flow::{Clock, Moment, Result};
use foldhash::HashMap;
use parking_lot::Mutex;
use pool::sql::Sql;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) use store::{forget, prepare, record};

use super::{Case, Verdict};
use learned::{Learned, Terms};

/// So many classifiers are kept; what is beyond them has none.
const SHELVES_MAX: usize = 256;

/// What others learned meanwhile is learned here after so long.
const STALE: Duration = Duration::from_secs(600);

/// When a classifier answers, and how it learns.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pattern {
    /// How sure it has to be, from 0 to 1.
    pub threshold: f64,
    /// How many decisions it has to have learned from; a quarter of them has to be of those it would have answered.
    pub evidence: u32,
    /// How often it has to have been right, of what it said of cases it had not seen, from 0 to 1.
    pub precision: f64,
    /// After so many new decisions it learns anew.
    pub every: u32,
    /// From so many of the newest it learns.
    pub lessons_max: u32,
}

impl Default for Pattern {
    fn default() -> Self {
        Self { threshold: 0.95, evidence: 200, precision: 0.99, every: 50, lessons_max: 5000 }
    }
}

/// Whose decisions about what.
type Place = (Arc<str>, Arc<str>);

/// The classifiers of all tenants.
pub(super) struct Patterns {
    sql: Arc<dyn Sql>,
    clock: Clock,
    config: Pattern,
    shelves: Arc<Mutex<HashMap<Place, Shelf>>>,
}

#[derive(Default)]
struct Shelf {
    learned: Option<Arc<Learned>>,
    /// Decisions since it was learned from them.
    new: u32,
    /// Grows when what was learned must not be used any more.
    doubts: u64,
    is_learning: bool,
    since: Option<Moment>,
}

impl Patterns {
    pub(super) fn new(sql: Arc<dyn Sql>, clock: Clock, config: Pattern) -> Self {
        Self { sql, clock, config, shelves: Arc::default() }
    }

    /// What was decided of others like it; nothing while that is not known well.
    pub(super) fn ask(&self, case: &Case) -> Option<Verdict> {
        let place = (case.tenant.clone(), case.path.clone());
        let learned = {
            let mut shelves = self.shelves.lock();
            if shelves.len() >= SHELVES_MAX && !shelves.contains_key(&place) {
                return None;
            }
            let shelf = shelves.entry(place.clone()).or_default();
            let now = self.clock.moment();
            let is_stale = shelf.since.is_none_or(|since| now.since(since) >= STALE);
            if (is_stale || shelf.new >= self.config.every) && !shelf.is_learning {
                self.learn(place, shelf);
            }
            shelf.learned.clone()?
        };
        learned.ask(&case.shown, self.terms())
    }

    fn terms(&self) -> Terms {
        let Pattern { threshold, evidence, precision, .. } = self.config;
        Terms { threshold, evidence: evidence as usize, precision }
    }

    /// Somebody decided something: it is learned with the next ones.
    pub(super) fn hear(&self, tenant: &str, path: &str) {
        let mut shelves = self.shelves.lock();
        if let Some(shelf) = shelves.get_mut(&(tenant.into(), path.into())) {
            shelf.new += 1;
        }
    }

    /// Somebody thought better of what was decided: what was learned from it is not used again.
    pub(super) fn doubt(&self, tenant: &str) {
        let mut shelves = self.shelves.lock();
        for (_, shelf) in shelves.iter_mut().filter(|((whose, _), _)| **whose == *tenant) {
            let doubts = shelf.doubts + 1;
            *shelf = Shelf { doubts, is_learning: shelf.is_learning, ..Shelf::default() };
        }
    }

    /// An expert decided a case; what a person decided of it stays what is learned.
    pub(super) async fn record(&self, case: &Case, decision: &str) {
        let lesson = store::lesson(case, decision, self.clock.now());
        match self.sql.commit(lesson).await {
            Ok(_) => self.hear(&case.tenant, &case.path),
            Err(error) => {
                tracing::warn!(error = %error.story(), "what an expert decided is not learned");
            }
        }
    }

    /// Learns in the background; what was learned before is used until then.
    fn learn(&self, place: Place, shelf: &mut Shelf) {
        (shelf.is_learning, shelf.new) = (true, 0);
        let (doubts, terms, most) = (shelf.doubts, self.terms(), self.config.lessons_max);
        let (sql, clock, shelves) = (self.sql.clone(), self.clock.clone(), self.shelves.clone());
        tokio::spawn(async move {
            let learned = learned_of(&*sql, &place, (terms, most)).await;
            if let Err(error) = &learned {
                tracing::warn!(error = %error.story(), "nothing was learned from decisions");
            }
            let mut shelves = shelves.lock();
            let Some(shelf) = shelves.get_mut(&place) else { return };
            shelf.is_learning = false;
            shelf.since = (shelf.doubts == doubts).then(|| clock.moment());
            if let (Ok(Some(learned)), true) = (learned, shelf.doubts == doubts) {
                shelf.learned = Some(Arc::new(learned));
            }
        });
    }
}

/// What is learned now; nothing if that came to no end.
async fn learned_of(
    sql: &dyn Sql,
    (tenant, path): &Place,
    (terms, most): (Terms, u32),
) -> Result<Option<Learned>> {
    let lessons = store::lessons(sql, tenant, path, most).await?;
    let learned = tokio::task::spawn_blocking(move || Learned::of(&lessons, terms)).await.ok();
    if let Some(learned) = &learned {
        let (path, lessons) = (&**path, learned.lessons);
        tracing::info!(path, lessons, "what was decided before was learned");
    }
    Ok(learned)
}
