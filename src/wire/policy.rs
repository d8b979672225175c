//! Answers of policies, and the policies.

use std::sync::Arc;

use flow::feed::Announcer;
use flow::question::policy::{
    ChangeData, Changed, Compile, Decide, Decided, DeletePolicy, ListPolicies, PolicyInfo,
    PutPolicy, Query, ShowPolicy,
};
use flow::{Answer, Origin, Permitted, Result, Revisions, Step};
use pool::sql::Sql;
use serde_json::json;

use super::{Ground, Plane};

/// Opens the policies of all tenants, and what comes behind them.
pub(super) async fn open(
    config: &::policy::Config,
    (sql, revisions, announcer): (&Arc<dyn Sql>, &Arc<Revisions>, &Arc<Announcer>),
    ground: &Ground,
) -> Result<(::policy::Decider, Arc<::policy::Queue>)> {
    let Ground { clock, random, registry, .. } = ground.clone();
    let (sql, revisions, announcer) = (sql.clone(), revisions.clone(), announcer.clone());
    let book = ::policy::Book::open(sql, revisions, announcer, clock.clone(), config.clone());
    let book = Arc::new(book.await?);
    let tiers = ::policy::Tiers::open(config, &book, (&clock, &random), &registry)?;
    let queue = tiers.queue().clone();
    let decider = ::policy::Decider::new(book, config.clone(), clock, random).with_tiers(tiers);
    Ok((decider, queue))
}

/// What is recorded of a decision: what was decided by what, and of what it was about as much as
/// is needed to decide it again.
fn told(decided: Decided, asked: &Decide<'_>) -> Answer<Decided> {
    let mut detail = json!({ "tier": decided.tier.name(), "revision": &*decided.revision });
    if let Some(object) = detail.as_object_mut() {
        match decided.results.as_slice() {
            // Whoever reads of it later asks why: there is no policy that says it.
            [Some(result)] if decided.tier.is_behind_policies() => {
                let said: serde_json::Value = serde_json::from_slice(result).unwrap_or_default();
                for name in ["decision", "reason", "confidence"] {
                    object.insert(name.into(), said.get(name).cloned().unwrap_or_default());
                }
            }
            [Some(result)] if result.len() <= 5 => {
                object.insert("result".into(), String::from_utf8_lossy(result).into());
            }
            [_] => {}
            several => drop(object.insert("decisions".into(), several.len().into())),
        }
        super::decision::note(&decided, asked, object);
    }
    Answer::done(decided).detail(detail)
}

impl<'q> Origin<Decide<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Decide<'q>>,
    ) -> Step<'a, Result<Answer<Decided>>> {
        let (tenant, asked) = (&permitted.identity().tenant, permitted.question());
        let told = move |decided| told(decided, asked);
        match self.decider.decide(tenant, asked) {
            Step::Now(decided) => Step::Now(decided.map(told)),
            Step::Later(decided) => Step::later(async move { decided.await.map(told) }),
        }
    }
}

impl<'q> Origin<Query<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Query<'q>>,
    ) -> Step<'a, Result<Answer<bytes::Bytes>>> {
        Step::later(async move {
            let tenant = &permitted.identity().tenant;
            Ok(Answer::done(self.decider.query(tenant, permitted.question()).await?))
        })
    }
}

impl<'q> Origin<Compile<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Compile<'q>>,
    ) -> Step<'a, Result<Answer<bytes::Bytes>>> {
        Step::later(async move {
            let tenant = &permitted.identity().tenant;
            Ok(Answer::done(self.decider.compile(tenant, permitted.question()).await?))
        })
    }
}

impl<'q> Origin<ListPolicies<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, ListPolicies<'q>>,
    ) -> Step<'a, Result<Answer<Vec<PolicyInfo>>>> {
        Step::later(async move {
            let ListPolicies { after, limit } = *permitted.question();
            let edition = self.decider.book().edition(&permitted.identity().tenant).await?;
            let behind = edition.policies().filter(|policy| *policy.id > *after);
            Ok(Answer::done(
                behind.take(limit as usize).map(|policy| policy.as_ref().clone()).collect(),
            ))
        })
    }
}

impl<'q> Origin<ShowPolicy<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, ShowPolicy<'q>>,
    ) -> Step<'a, Result<Answer<Option<PolicyInfo>>>> {
        Step::later(async move {
            let ShowPolicy { id, version } = *permitted.question();
            let tenant = &permitted.identity().tenant;
            let book = self.decider.book();
            let found = match version {
                Some(version) => book.version(tenant, id, version).await?,
                None => {
                    book.edition(tenant).await?.policy(id).map(|policy| policy.as_ref().clone())
                }
            };
            Ok(if found.is_some() { Answer::done(found) } else { Answer::missing(found) })
        })
    }
}

impl<'q> Origin<PutPolicy<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, PutPolicy<'q>>,
    ) -> Step<'a, Result<Answer<Arc<str>>>> {
        Step::later(async move {
            let put = permitted.question();
            let fact = permitted.fact(&self.clock, &self.random);
            let who = permitted.identity();
            let (revision, changed) =
                self.decider.book().put(&who.tenant, put, &who.actor, Some(fact)).await?;
            let answer = Answer::done(revision);
            Ok(if changed { answer.recorded() } else { answer })
        })
    }
}

impl<'q> Origin<DeletePolicy<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, DeletePolicy<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        Step::later(async move {
            let fact = permitted.fact(&self.clock, &self.random);
            let who = permitted.identity();
            let id = permitted.question().id;
            let was = self.decider.book().delete(&who.tenant, id, &who.actor, Some(fact)).await?;
            Ok(if was { Answer::done(true).recorded() } else { Answer::missing(false) })
        })
    }
}

impl<'q> Origin<ChangeData<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, ChangeData<'q>>,
    ) -> Step<'a, Result<Answer<Changed>>> {
        Step::later(async move {
            let fact = permitted.fact(&self.clock, &self.random);
            let tenant = &permitted.identity().tenant;
            let changed =
                self.decider.book().change(tenant, permitted.question(), Some(fact)).await?;
            Ok(match changed {
                Changed::Made(_) => Answer::done(changed).recorded(),
                Changed::Kept => Answer::done(changed),
                Changed::Missing => Answer::missing(changed),
            })
        })
    }
}
