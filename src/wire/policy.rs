//! Answers of policies, and the policies.

use std::sync::Arc;

use flow::feed::Announcer;
use flow::question::filter::{Filter, Filtered};
use flow::question::policy::{
    ChangeData, Changed, Compile, Decide, Decided, DeletePolicy, ListPolicies, ListVersions,
    PolicyShown, PutPolicy, Query, ShowPolicy, VersionInfo,
};
use flow::{Answer, Clock, Origin, Permitted, Random, Result, Revisions, Step};
use pool::sql::Sql;

use super::{Ground, Plane, decision};

/// The policies of all tenants, and what belongs to them.
pub(super) struct Opened {
    pub(super) decider: ::policy::Decider,
    pub(super) queue: Arc<::policy::Queue>,
    pub(super) shadows: Arc<::policy::Shadows>,
    pub(super) comparing: ::policy::Comparing,
}

/// Opens the policies of all tenants, and what comes behind them.
pub(super) async fn open(
    config: &::policy::Config,
    (sql, revisions, announcer): (&Arc<dyn Sql>, &Arc<Revisions>, &Arc<Announcer>),
    ground: &Ground,
) -> Result<Opened> {
    let Ground { clock, random, registry, .. } = ground.clone();
    let (sql, revisions, announcer) = (sql.clone(), revisions.clone(), announcer.clone());
    let book = ::policy::Book::open(sql, revisions, announcer, clock.clone(), config.clone());
    let book = Arc::new(book.await?);
    let tiers = ::policy::Tiers::open(config, &book, (&clock, &random), &registry)?;
    let queue = tiers.queue().clone();
    let around = (&clock, &random);
    let (shadows, comparing) = ::policy::Shadows::open(node(around), config, around, &registry)?;
    let decider = ::policy::Decider::new(book, config.clone(), clock, random)
        .with_tiers(tiers)
        .with_shadows(shadows.clone());
    Ok(Opened { decider, queue, shadows, comparing })
}

/// By what this node is told from others: the machine it runs on, and this run of it.
fn node((clock, random): (&Clock, &Random)) -> String {
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{machine}/{}", random.id(clock.now()))
}

impl<'q> Origin<Decide<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Decide<'q>>,
    ) -> Step<'a, Result<Answer<Decided>>> {
        let (tenant, asked) = (&permitted.identity().tenant, permitted.question());
        let told = move |decided: Decided| {
            let detail = decision::told(&decided, asked);
            Answer::done(decided).detail(detail)
        };
        match self.decider.decide_for(tenant, asked, Some(permitted.request().id)) {
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

impl<'q> Origin<Filter<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Filter<'q>>,
    ) -> Step<'a, Result<Answer<Filtered>>> {
        Step::later(async move {
            let tenant = &permitted.identity().tenant;
            Ok(Answer::done(self.decider.filter(tenant, permitted.question()).await?))
        })
    }
}

impl<'q> Origin<ListPolicies<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, ListPolicies<'q>>,
    ) -> Step<'a, Result<Answer<Vec<PolicyShown>>>> {
        Step::later(async move {
            let ListPolicies { after, limit } = *permitted.question();
            let edition = self.decider.book().edition(&permitted.identity().tenant).await?;
            Ok(Answer::done(edition.shown(after).take(limit as usize).collect()))
        })
    }
}

impl<'q> Origin<ShowPolicy<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, ShowPolicy<'q>>,
    ) -> Step<'a, Result<Answer<Option<PolicyShown>>>> {
        Step::later(async move {
            let ShowPolicy { id, version } = *permitted.question();
            let tenant = &permitted.identity().tenant;
            let book = self.decider.book();
            let found = match version {
                Some(version) => {
                    let info = book.version(tenant, id, version).await?;
                    info.map(|info| PolicyShown { info, tree: None })
                }
                None => book.edition(tenant).await?.show(id),
            };
            Ok(if found.is_some() { Answer::done(found) } else { Answer::missing(found) })
        })
    }
}

impl<'q> Origin<ListVersions<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, ListVersions<'q>>,
    ) -> Step<'a, Result<Answer<Vec<VersionInfo>>>> {
        Step::later(async move {
            let book = self.decider.book();
            Ok(Answer::done(book.versions(permitted.tenant(), permitted.question()).await?))
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
