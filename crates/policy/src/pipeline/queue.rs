//! Cases that wait for people, and what people decided.
//!
//! A case is in SQL before the question that opened it is answered, so that it is not lost with
//! this process, and every node sees the same ones. What is decided holds for the same case from
//! the next question on, wherever it is asked.

mod store;

use std::sync::Arc;
use std::time::Duration;

use flow::question::escalation::{DecideEscalation, EscalationInfo, ListEscalations, Ruling};
use flow::{Clock, Fact, Moment, Random, Result};
use foldhash::HashMap;
use parking_lot::Mutex;
use pool::sql::Sql;

pub(super) use store::prepare;

use super::pattern::Patterns;
use super::verdict::REASON_MAX;
use super::{Case, Escalations, Review};
use crate::codes::{CASE_DECISION, DECIDED_MEANWHILE};

/// How often a case was asked is written so often.
const COUNTED_EVERY: Duration = Duration::from_secs(1);

/// So many counts are held back at once; those beyond are written.
const COUNTS_MAX: usize = 10_000;

/// The cases of all tenants.
pub struct Queue {
    sql: Arc<dyn Sql>,
    clock: Clock,
    random: Random,
    config: Escalations,
    reviews: std::collections::BTreeMap<String, Review>,
    counts: Mutex<HashMap<(Arc<str>, String), Count>>,
    patterns: Arc<Patterns>,
}

/// How often a case was asked since it was last written.
struct Count {
    asked: u64,
    written: Moment,
}

/// What is known of a case.
pub(super) enum Filed {
    /// It is there, and nobody has decided it.
    Open(String),
    /// Somebody has.
    Decided(Ruling),
    /// Nobody has asked it.
    Absent,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queue")
    }
}

impl Queue {
    pub(super) fn new(
        sql: Arc<dyn Sql>,
        (clock, random): (Clock, Random),
        config: &crate::Config,
        patterns: Arc<Patterns>,
    ) -> Self {
        let (reviews, counts) = (config.review.clone(), Mutex::default());
        let config = config.escalations.clone();
        Self { sql, clock, random, config, reviews, counts, patterns }
    }

    /// What is known of a case. What was decided until some time is open again after it.
    pub(super) async fn find(&self, case: &Case) -> Result<Filed> {
        let Some(info) = store::find(&*self.sql, case).await? else { return Ok(Filed::Absent) };
        let now = self.clock.now();
        let in_force = |ruling: &Ruling| ruling.until.is_none_or(|until| now < until);
        match info.decided {
            Some(ruling) if in_force(&ruling) => Ok(Filed::Decided(ruling)),
            Some(_) => {
                store::open_again(&*self.sql, &case.tenant, &info.id, now).await?;
                Ok(Filed::Open(info.id))
            }
            None => Ok(Filed::Open(info.id)),
        }
    }

    /// Puts a case before people, or counts that it was asked again. That it could not be is
    /// said loudly, and whoever asked has their answer nevertheless.
    pub(super) async fn file(&self, case: &Case, filed: &Filed) {
        let filing = match filed {
            Filed::Open(id) => self.count(&case.tenant, id).await,
            Filed::Absent => self.open(case).await,
            Filed::Decided(_) => Ok(()),
        };
        if let Err(error) = filing {
            let (path, error) = (&*case.path, error.story());
            tracing::error!(path, %error, "a case nobody has a rule for was not put before people");
        }
    }

    async fn open(&self, case: &Case) -> Result<()> {
        let largest = self.config.largest;
        if case.text.len() as u64 > largest.0 {
            let (path, bytes) = (&*case.path, case.text.len());
            tracing::warn!(path, bytes, %largest, "a case is too large to be put before people");
            return Ok(());
        }
        let now = self.clock.now();
        let id = self.random.id(now).to_string();
        let dropped = store::open(&*self.sql, case, &id, now, self.config.open_max).await?;
        if dropped > 0 {
            let (tenant, most) = (&*case.tenant, self.config.open_max);
            tracing::warn!(tenant, dropped, most, "the oldest cases nobody decided were dropped");
        }
        Ok(())
    }

    /// A case that is asked all the time costs one write a second.
    async fn count(&self, tenant: &Arc<str>, id: &str) -> Result<()> {
        let now = self.clock.moment();
        let due = {
            let mut counts = self.counts.lock();
            let is_full = counts.len() >= COUNTS_MAX;
            let key = (tenant.clone(), id.to_owned());
            let count = counts.entry(key.clone()).or_insert(Count { asked: 0, written: Moment(0) });
            count.asked += 1;
            let is_due = count.written == Moment(0) || now.since(count.written) >= COUNTED_EVERY;
            match is_due || is_full {
                true => {
                    let asked = std::mem::take(&mut count.asked);
                    count.written = Moment(now.0.max(1));
                    if is_full {
                        counts.remove(&key);
                    }
                    asked
                }
                false => 0,
            }
        };
        match due {
            0 => Ok(()),
            asked => store::count(&*self.sql, tenant, id, asked, self.clock.now()).await,
        }
    }

    /// Writes what was counted here of a tenant's cases.
    async fn settle(&self, tenant: &str) -> Result<()> {
        let due: Vec<(Arc<str>, String, u64)> = {
            let mut counts = self.counts.lock();
            let theirs = counts.iter_mut().filter(|((whose, _), _)| **whose == *tenant);
            theirs
                .map(|((whose, id), count)| {
                    (whose.clone(), id.clone(), std::mem::take(&mut count.asked))
                })
                .filter(|(_, _, asked)| *asked > 0)
                .collect()
        };
        for (tenant, id, asked) in due {
            store::count(&*self.sql, &tenant, &id, asked, self.clock.now()).await?;
        }
        Ok(())
    }

    /// A tenant's cases, the oldest first.
    pub async fn list(
        &self,
        tenant: &str,
        asked: &ListEscalations<'_>,
    ) -> Result<Vec<EscalationInfo>> {
        self.settle(tenant).await?;
        store::list(&*self.sql, tenant, asked).await
    }

    /// One case.
    pub async fn show(&self, tenant: &str, id: &str) -> Result<Option<EscalationInfo>> {
        self.settle(tenant).await?;
        store::show(&*self.sql, tenant, id).await
    }

    /// Decides a case, whether somebody did before or not. The fact is committed with it, and
    /// says what was decided.
    pub async fn decide(
        &self,
        tenant: &str,
        asked: &DecideEscalation<'_>,
        by: &str,
        fact: Fact,
    ) -> Result<Option<EscalationInfo>> {
        let Some(case) = self.show(tenant, asked.id).await? else { return Ok(None) };
        self.check(&case.path, asked)?;
        let now = self.clock.now();
        if asked.until.is_some_and(|until| until <= now) {
            return Err(CASE_DECISION.error("`until` is over already"));
        }
        let ruling = Ruling {
            decision: asked.decision.to_owned(),
            reason: asked.reason.to_owned(),
            by: by.to_owned(),
            at: now,
            until: asked.until,
        };
        match store::decide(&*self.sql, tenant, &case, &ruling, fact).await {
            Ok(()) => {
                // Who decides anew thought better of what was decided before.
                match case.decided.is_some() || ruling.until.is_some() {
                    true => self.patterns.doubt(tenant),
                    false => self.patterns.hear(tenant, &case.path),
                }
                Ok(Some(EscalationInfo { decided: Some(ruling), ..case }))
            }
            Err(error) if error.code() == &DECIDED_MEANWHILE => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Only what is understood where it goes is decided.
    fn check(&self, path: &str, asked: &DecideEscalation<'_>) -> Result<()> {
        let review = self
            .reviews
            .iter()
            .find(|(known, _)| crate::data::path(known).ok() == crate::data::path(path).ok());
        let default = Review::default().decisions;
        let known = review.map_or(&default, |(_, review)| &review.decisions);
        match known.iter().any(|word| word == asked.decision) {
            true if asked.reason.trim().is_empty() => {
                let error = CASE_DECISION.error("`reason` is empty");
                Err(error.with_advice("say why; whoever asks, and whoever audits it, reads it"))
            }
            true if asked.reason.len() > REASON_MAX => {
                let story = format!("`reason` is longer than {REASON_MAX} bytes");
                Err(CASE_DECISION.error(story).with_advice("say it shorter"))
            }
            true => Ok(()),
            false => {
                let story = format!("`{}` is no decision for `{path}`", asked.decision);
                let advice = format!("decide one of `{}`", known.join("`, `"));
                Err(CASE_DECISION.error(story).with_advice(advice))
            }
        }
    }

    /// Withdraws a case and what was decided about it; false when there was none.
    pub async fn withdraw(&self, tenant: &str, id: &str, fact: Fact) -> Result<bool> {
        match store::withdraw(&*self.sql, tenant, id, fact).await {
            Ok(()) => {
                self.patterns.doubt(tenant);
                Ok(true)
            }
            Err(error) if error.code() == &DECIDED_MEANWHILE => Ok(false),
            Err(error) => Err(error),
        }
    }
}
