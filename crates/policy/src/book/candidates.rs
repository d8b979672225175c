//! Candidates: policies beside those in force, which decide nothing.
//!
//! They are kept in SQL, so that every node tries the same ones and a restart forgets none. What
//! they would make of the policies in force is a [`Shadow`] of an edition: all of it compiled
//! once more, with the same documents.

mod shadow;
mod store;

use std::collections::BTreeMap;
use std::sync::Arc;

use flow::question::policy::PolicyInfo;
use flow::question::shadow::{Candidate, Promoted, PutCandidate};
use flow::{Fact, Result};
use rego::Value;
use rego::syntax::Edition as Language;

use super::edition::{Bundles, Policy};
use super::{ATTEMPTS, Book, Edition, Revision, bundles, notice, store as policies};
use crate::codes::{BUSY, CANDIDATE_BEHIND, NO_CANDIDATE, OTHER_CANDIDATES};
pub(crate) use shadow::Shadow;

/// There are as many candidates at most.
const CANDIDATES_MAX: usize = 10_000;

/// What an edition is made of.
type Parts = (BTreeMap<String, Policy>, Bundles, Value);

fn parts(edition: &Edition) -> Parts {
    (edition.parsed().clone(), edition.bundles().clone(), edition.data().clone())
}

/// The edition there would be with candidates in place. What belongs to a bundle may be tried.
fn compiled(
    (mut policies, bundles, data): Parts,
    candidates: &[Candidate],
    revision: Revision,
    config: &crate::Config,
) -> Result<Edition> {
    for candidate in candidates {
        match &candidate.source {
            Some(source) => {
                let there = policies.get(&candidate.id);
                let language = there.map_or(Language::V1, |there| there.module.edition);
                let policy = Policy::parse(version(candidate, source.clone()), language)?;
                policies.insert(candidate.id.clone(), policy);
            }
            None => drop(policies.remove(&candidate.id)),
        }
    }
    Edition::compile(revision, policies, bundles, data, config)
}

/// Refuses candidates that only a bundle could put in force.
fn check_own(next: &Edition, candidates: &[Candidate]) -> Result<()> {
    candidates.iter().try_for_each(|Candidate { id, source, .. }| match source {
        Some(_) => bundles::check_id(id).and_then(|()| next.check_put(id)),
        None => next.check_delete(id),
    })
}

/// The version of its policy that a candidate would be.
fn version(candidate: &Candidate, source: Arc<str>) -> PolicyInfo {
    let Candidate { id, base, at, by, .. } = candidate.clone();
    PolicyInfo { id, source, version: base + 1, at, by }
}

impl Book {
    /// Sees to it that an edition has the shadow it should have. That it cannot be read is said
    /// loudly and tried again with the next change, and fails no decision.
    pub(super) async fn cast(
        &self,
        tenant: &Arc<str>,
        edition: &Edition,
        before: Option<&Edition>,
        changes: u64,
    ) {
        if edition.shadow_changes() == changes {
            return;
        }
        let known = before.and_then(Edition::shadow).filter(|known| known.changes == changes);
        let (state, candidates) = match known {
            Some(known) => ((changes, known.since), known.candidates.clone()),
            None => match store::read(&*self.sql, tenant).await {
                Ok((changes, candidates)) => ((changes, self.clock.now()), candidates),
                Err(error) => {
                    let error = error.story();
                    tracing::error!(%error, "candidates cannot be read, and are not tried");
                    return;
                }
            },
        };
        let shadow = (!candidates.is_empty())
            .then(|| Arc::new(Shadow::of(edition, state, candidates, &self.config)));
        edition.cast(state.0, shadow);
    }

    /// Puts a candidate beside what is in force, in the place of the one for the same policy.
    /// How often candidates were changed since, and whether this changed them; nothing where
    /// there is no policy that could go.
    pub async fn try_out(
        &self,
        tenant: &Arc<str>,
        put: &PutCandidate<'_>,
        by: &str,
        fact: Option<Fact>,
    ) -> Result<Option<(u64, bool)>> {
        let _alone = self.writing.lock().await;
        for _ in 0..ATTEMPTS {
            let edition = self.read(tenant).await?;
            if put.source.is_none() && edition.policy(put.id).is_none() {
                return Ok(None);
            }
            let (changes, mut candidates) = store::read(&*self.sql, tenant).await?;
            let candidate = Candidate {
                id: put.id.to_owned(),
                source: put.source.map(Arc::from),
                base: policies::version(&*self.sql, tenant, put.id).await?,
                at: self.clock.now(),
                by: by.to_owned(),
            };
            let is_same = |there: &Candidate| {
                (&there.id, &there.source, there.base)
                    == (&candidate.id, &candidate.source, candidate.base)
            };
            if candidates.iter().any(is_same) {
                return Ok(Some((changes, false)));
            }
            candidates.retain(|there| there.id != candidate.id);
            candidates.push(candidate.clone());
            if candidates.len() > CANDIDATES_MAX {
                return Err(BUSY.error(format!("there are {CANDIDATES_MAX} candidates already")));
            }
            compiled(parts(&edition), &candidates, edition.revision(), &self.config)?
                .check_rules(&edition)?;
            if put.dry_run {
                return Ok(Some((changes, false)));
            }
            let change = store::put(tenant, changes, &candidate, fact.clone());
            if self.committed(tenant, change).await? {
                return Ok(Some((changes + 1, true)));
            }
        }
        Err(BUSY.error("others change candidates all the time"))
    }

    /// Forgets one candidate, or all; how many there were.
    pub async fn forget(
        &self,
        tenant: &Arc<str>,
        id: Option<&str>,
        fact: Option<Fact>,
    ) -> Result<usize> {
        let _alone = self.writing.lock().await;
        for _ in 0..ATTEMPTS {
            let (changes, candidates) = store::read(&*self.sql, tenant).await?;
            let meant = candidates.iter().filter(|there| id.is_none_or(|id| there.id == id));
            let count = meant.count();
            if count == 0 {
                return Ok(0);
            }
            let change = store::forget(tenant, changes, id, fact.clone());
            if self.committed(tenant, change).await? {
                return Ok(count);
            }
        }
        Err(BUSY.error("others change candidates all the time"))
    }

    /// Commits a change of candidates, and tells of it; false where others were faster.
    async fn committed(&self, tenant: &Arc<str>, change: pool::sql::Transaction) -> Result<bool> {
        let committed = self.unless_meanwhile(change).await?;
        if committed {
            self.bumped(tenant, None).await?;
        }
        Ok(committed)
    }

    /// Puts all candidates in force at once, unless a policy of theirs was changed since they
    /// were put beside it.
    pub async fn promote(
        &self,
        tenant: &Arc<str>,
        wanted: Option<u64>,
        by: &str,
        fact: Option<Fact>,
    ) -> Result<Promoted> {
        let _alone = self.writing.lock().await;
        for _ in 0..ATTEMPTS {
            let edition = self.read(tenant).await?;
            let (changes, candidates) = store::read(&*self.sql, tenant).await?;
            if let Some(wanted) = wanted.filter(|wanted| *wanted != changes) {
                let story = format!("candidates were changed {changes} times, and not {wanted}");
                return Err(OTHER_CANDIDATES.error(story));
            }
            if candidates.is_empty() {
                return Err(NO_CANDIDATE.error("there is no candidate"));
            }
            let versions = policies::versions(&*self.sql, tenant).await?;
            check_current(&candidates, &versions)?;
            let next =
                compiled(parts(&edition), &candidates, edition.policies_changed(), &self.config)?;
            check_own(&next, &candidates)?;
            next.check_rules(&edition)?;
            let (mut put, mut gone) = (Vec::new(), Vec::new());
            for candidate in &candidates {
                let there = edition.policy(&candidate.id);
                let info = |source| PolicyInfo {
                    at: self.clock.now(),
                    by: by.to_owned(),
                    ..version(candidate, source)
                };
                match &candidate.source {
                    Some(source) if there.is_some_and(|there| there.source == *source) => {}
                    Some(source) => put.push(info(source.clone())),
                    None => gone.push(info("".into())),
                }
            }
            let names = |infos: &[PolicyInfo]| infos.iter().map(|info| info.id.clone()).collect();
            let (names_put, names_gone) = (names(&put), names(&gone));
            let fact = fact.clone().map(|fact| Fact {
                detail: serde_json::json!({ "put": &names_put, "gone": &names_gone }).into(),
                ..fact
            });
            let from = (edition.revision(), changes);
            let change = store::promote(tenant, from, (&put, &gone), fact);
            if self.unless_meanwhile(change).await? {
                let revision = self.changed(tenant, next).await?;
                return Ok(Promoted { revision, put: names_put, gone: names_gone });
            }
        }
        Err(BUSY.error("others change policies all the time"))
    }

    /// The candidates, and how often they were changed.
    pub async fn candidates(&self, tenant: &str) -> Result<(u64, Vec<Candidate>)> {
        store::read(&*self.sql, tenant).await
    }
}

/// Refuses candidates that were put beside other versions than are there now.
fn check_current(candidates: &[Candidate], versions: &BTreeMap<String, u64>) -> Result<()> {
    let changed = candidates.iter().filter_map(|Candidate { id, base, .. }| {
        let now = versions.get(id).copied().unwrap_or_default();
        (now != *base).then(|| format!("`{id}` was version {base} and is version {now}"))
    });
    let changed: Vec<String> = changed.collect();
    match changed.is_empty() {
        true => Ok(()),
        false => Err(CANDIDATE_BEHIND.error(changed.join(", "))),
    }
}
