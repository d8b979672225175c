//! Namespaces that are filled before anybody asks: when their rules say so, and when
//! somebody says so now.

use std::collections::VecDeque;
use std::sync::Arc;

use cache::codes::WARM_SOURCE;
use cache::rules::{At, Warmup};
use cache::{Cache, Pace, Progress, Tiered, Warm, Warming};
use flow::identity::MAIN;
use flow::question::cache::warm::{Planned, Report, With};
use flow::question::cache::{self as asked, Warmed};
use flow::unit::Span;
use flow::{Answer, BoxStream, Clock, Code, Kind, Origin, Permitted, Result, Step};
use futures_util::stream;
use pool::sql::Sql;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Plane;

/// Tenants share a database that knows nothing of them.
pub(crate) static FOREIGN: Code = Code::new(
    Kind::Refused,
    "wire-warm-query",
    "A query is asked only for the main tenant",
    "name the keys instead, or put the query into `warm` of the namespace",
);

/// Fills them when it is time, until dropped.
pub(super) async fn keep_warm(cache: Cache, sql: Arc<dyn Sql>, clock: Clock) {
    let mut all = JoinSet::new();
    for (namespace, warmup) in cache.warmups() {
        all.spawn(follow(cache.clone(), namespace, warmup, sql.clone(), clock.clone()));
    }
    while all.join_next().await.is_some() {}
}

async fn follow(cache: Cache, namespace: String, warmup: Warmup, sql: Arc<dyn Sql>, clock: Clock) {
    let mut happening = cache.happening();
    loop {
        if let At::Event(_) = &warmup.at {
            match happening.recv().await {
                Ok(happening) if happening.begins(&namespace, &warmup) => {}
                // What was missed may have been this one.
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Ok(_) => continue,
                Err(_) => return,
            }
        }
        warm(&cache, &namespace, &warmup, &sql).await;
        match warmup.at {
            At::Startup => return,
            At::Every(span) => clock.sleep(span).await,
            At::Event(_) => {}
        }
    }
}

async fn warm(cache: &Cache, namespace: &str, warmup: &Warmup, sql: &Arc<dyn Sql>) {
    let values = cache.namespace(&warmup.tenant, namespace);
    let (from, pace) = (warmup.from.clone(), warmup.pace.clone());
    match values.warm(from, Some(sql.clone()), pace) {
        Ok(warming) => {
            let done = warming.finished().await;
            let (loaded, skipped, failed) = (done.loaded, done.skipped, done.failed);
            tracing::info!(namespace, loaded, skipped, failed, "a namespace is warm");
        }
        Err(error) => {
            tracing::warn!(namespace, error = %error.story(), "a namespace cannot be warmed");
        }
    }
}

impl<'q> Origin<asked::Warm<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, asked::Warm<'q>>,
    ) -> Step<'a, Result<Answer<BoxStream<'static, Result<Progress>>>>> {
        Step::Now(self.begin(permitted).map(|run| {
            let progress = stream::unfold(run, |mut run| async move {
                let progress = run.next().await?;
                Some((progress, run))
            });
            Answer::done(Box::pin(progress) as BoxStream<'static, _>)
        }))
    }
}

impl<'q> Origin<Warmed<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Warmed<'q>>,
    ) -> Step<'a, Result<Answer<Report>>> {
        let (tenant, namespace) = (permitted.tenant(), permitted.question().namespace);
        let planned = self.ruled(tenant, namespace).iter().map(planned).collect();
        let warmed = self.cache.namespace(tenant, namespace).bought();
        Step::Now(Ok(Answer::done(Report { planned, warmed })))
    }
}

impl Plane {
    fn begin(&self, permitted: &Permitted<'_, asked::Warm<'_>>) -> Result<Run> {
        let asked::Warm { namespace, with, rate, batch, at_once } = permitted.question();
        let tenant = permitted.tenant();
        let values = self.cache.namespace(tenant, namespace);
        let at_once = at_once.unwrap_or(Pace::default().at_once);
        let pace = Pace { keys_per_second: *rate, batch: *batch, at_once, ..Pace::default() };
        let ahead = match with {
            With::Ruled => self.ruled_ahead(tenant, namespace)?,
            With::Keys(_) if !values.has_source() => {
                return Err(sourceless(namespace));
            }
            With::Keys(keys) => [(Warm::Keys(keys.clone()), pace)].into(),
            With::Query(_) if **tenant != *MAIN => {
                return Err(FOREIGN.error(format!("`{tenant}` is not the main tenant")));
            }
            With::Query(query) => [(Warm::Query(query.clone()), pace)].into(),
        };
        Ok(Run {
            values,
            sql: self.sql.clone(),
            ahead,
            under_way: None,
            before: Progress::default(),
        })
    }

    fn ruled(&self, tenant: &str, namespace: &str) -> Vec<Warmup> {
        let own =
            |(name, warmup): &(String, Warmup)| name == namespace && *warmup.tenant == *tenant;
        self.cache.warmups().into_iter().filter(own).map(|(_, warmup)| warmup).collect()
    }

    fn ruled_ahead(&self, tenant: &str, namespace: &str) -> Result<VecDeque<(Warm, Pace)>> {
        let ruled = self.ruled(tenant, namespace);
        if ruled.is_empty() {
            let error =
                WARM_SOURCE.error(format!("the rules of `{namespace}` do not say with what"));
            return Err(error.with_advice("name keys, or say it in `warm` of the namespace"));
        }
        Ok(ruled.into_iter().map(|Warmup { from, pace, .. }| (from, pace)).collect())
    }
}

fn sourceless(namespace: &str) -> flow::Error {
    let error = WARM_SOURCE.error(format!("`{namespace}` has nowhere to load its values from"));
    error.with_advice("say `origin` or `query` in the rules of the namespace, or set the values")
}

fn planned(warmup: &Warmup) -> Planned {
    let with = match &warmup.from {
        Warm::Keys(keys) => format!("{} keys", keys.len()),
        Warm::File(path) => format!("the keys of {}", path.display()),
        Warm::Log(path) => format!("the paths in {}", path.display()),
        Warm::Query(query) => query.clone(),
    };
    let at = match &warmup.at {
        At::Startup => "startup".to_owned(),
        At::Every(span) => format!("every {}", Span(*span)),
        At::Event(name) => format!("event {name}"),
    };
    Planned { with, at }
}

/// One warming after the other, for as long as somebody looks.
struct Run {
    values: Tiered<values::Value>,
    sql: Arc<dyn Sql>,
    ahead: VecDeque<(Warm, Pace)>,
    under_way: Option<(Warming, watch::Receiver<Progress>)>,
    /// What came of those that are over.
    before: Progress,
}

impl Run {
    /// How far all of it has come, when it has come further.
    async fn next(&mut self) -> Option<Result<Progress>> {
        if self.under_way.is_none() {
            let (from, pace) = self.ahead.pop_front()?;
            match self.values.warm(from, Some(self.sql.clone()), pace) {
                Ok(warming) => {
                    let progress = warming.progress();
                    self.under_way = Some((warming, progress));
                }
                Err(error) => return Some(Err(error)),
            }
        }
        let (_, progress) = self.under_way.as_mut()?;
        let gone = progress.changed().await.is_err();
        let mut now = progress.borrow_and_update().clone();
        // Who goes without a word of the end has not come to it.
        now.cancelled |= gone && !now.done;
        now.done |= gone;
        let mut all = now.after(&self.before);
        if now.done {
            self.under_way = None;
            all.done = self.ahead.is_empty();
            self.before = all.clone();
        }
        Some(Ok(all))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some((warming, _)) = &self.under_way {
            warming.cancel();
        }
    }
}
