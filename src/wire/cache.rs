//! The cache's answers.

use cache::codes::{NO_DEPENDENCE, SHAPED};
use cache::depend::Details;
use cache::rules::Cause;
use cache::{Hit, Miss, Terms, Tiered};
use flow::question::cache::event::{Heard, Watch};
use flow::question::cache::{
    Delete, Dropped, Expire, Found, Get, GetMany, Happened, Purge, Purged, Put, Refresh, Set,
    SetMany, Stats, StatsPage,
};
use flow::{Answer, BoxStream, Origin, Permitted, Result, Step};
use futures_util::stream;
use values::Value;

use super::Plane;

impl Plane {
    pub(super) fn namespace<Q: flow::Question>(
        &self,
        permitted: &Permitted<'_, Q>,
        namespace: &str,
    ) -> Tiered<Value> {
        self.cache.namespace(permitted.tenant(), namespace)
    }

    /// Frees what has expired, compares some of the rest with its source, and holds less while the machine's memory is short.
    pub(super) fn tend_cache(&self) {
        self.cache.sweep();
        self.cache.compare();
        let Some(watch::InUse { used, limit }) = watch::InUse::now() else { return };
        if let Some(capacity) = self.cache.press(used, limit) {
            tracing::warn!(used, limit, capacity, "the cache follows the memory there is");
        }
    }
}

fn found(found: Result<Hit<Value>, Miss>) -> Result<Answer<Option<Found>>> {
    match found {
        Ok(hit) => hit_of(hit).map(|found| Answer::done(Some(found))),
        Err(_) => Ok(Answer::missing(None)),
    }
}

/// What is answered where only bytes can be.
fn hit_of(Hit { value, ttl }: Hit<Value>) -> Result<Found> {
    let kind = value.kind().name();
    let value = value.into_text();
    let value = value.ok_or_else(|| SHAPED.error(format!("there is a {kind} under this key")))?;
    Ok(Found { value, ttl })
}

fn there(was: bool) -> Answer<bool> {
    if was { Answer::done(true) } else { Answer::missing(false) }
}

impl<'q> Origin<Get<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Get<'q>>,
    ) -> Step<'a, Result<Answer<Option<Found>>>> {
        let Get { namespace, key } = *permitted.question();
        let values = self.namespace(permitted, namespace);
        values.note_principal(&permitted.identity().name);
        match values.at_hand(key) {
            Some(here) => Step::Now(found(here)),
            None => Step::later(async move { found(values.further(key).await?) }),
        }
    }
}

impl<'q> Origin<Set<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Set<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        let Set { namespace, key, value, ttl, tags, when } = permitted.question();
        let tags = tags.iter().map(|tag| Box::from(*tag)).collect();
        let terms = Terms { ttl: *ttl, tags, ..Terms::default() };
        let values = self.namespace(permitted, namespace);
        if values.is_local() {
            return Step::Now(
                values.write_now(key, value.clone().into(), &terms, *when).map(Answer::done),
            );
        }
        let value = Value::from(value.clone());
        Step::later(async move { values.write(key, value, terms, *when).await.map(Answer::done) })
    }
}

impl<'q> Origin<Delete<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Delete<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        let Delete { namespace, key } = *permitted.question();
        let values = self.namespace(permitted, namespace);
        if values.is_local() && !values.has_dependents() {
            return Step::Now(Ok(there(values.remove_now(key))));
        }
        Step::later(async move { values.remove(key).await.map(there) })
    }
}

impl<'q> Origin<Expire<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Expire<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        let Expire { namespace, key, ttl } = *permitted.question();
        let values = self.namespace(permitted, namespace);
        if values.is_local() {
            return Step::Now(Ok(there(values.expire_now(key, ttl))));
        }
        Step::later(async move { values.expire(key, ttl).await.map(there) })
    }
}

impl<'q> Origin<Purge<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Purge<'q>>,
    ) -> Step<'a, Result<Answer<Purged>>> {
        let Purge { namespace, what } = permitted.question();
        let values = self.namespace(permitted, namespace);
        Step::later(async move {
            let purged = values.purge(what).await?;
            let dropped = |&(tier, count, complete): &(_, _, _)| Dropped { tier, count, complete };
            let tiers = purged.tiers.iter().map(dropped).collect();
            let detail = serde_json::json!({ "dropped": purged.memory });
            Ok(Answer::done(Purged { memory: purged.memory, tiers }).detail(detail))
        })
    }
}

impl<'q> Origin<Refresh<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Refresh<'q>>,
    ) -> Step<'a, Result<Answer<u64>>> {
        let (views, namespace) = (self.views.clone(), permitted.question().namespace.to_owned());
        // It goes on where nobody waits for it any more.
        let refreshed = tokio::spawn(async move { views.refresh(&namespace).await });
        Step::later(async move {
            let refreshed = match refreshed.await {
                Ok(refreshed) => refreshed?,
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            };
            let dropped = refreshed.purged;
            Ok(Answer::done(dropped).detail(serde_json::json!({ "dropped": dropped })))
        })
    }
}

impl<'q> Origin<GetMany<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, GetMany<'q>>,
    ) -> Step<'a, Result<Answer<Vec<Result<Found, &'static str>>>>> {
        let GetMany { namespace, keys } = *permitted.question();
        let values = self.namespace(permitted, namespace);
        keys.iter().for_each(|_| values.note_principal(&permitted.identity().name));
        Step::later(async move {
            let found = |found: Result<Hit<Value>, Miss>| match found {
                Ok(hit) => hit_of(hit).map_err(|_| "not bytes"),
                Err(miss) => Err(miss.as_str()),
            };
            Ok(Answer::done(values.get_many(keys).await.into_iter().map(found).collect()))
        })
    }
}

impl<'q> Origin<Happened<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Happened<'q>>,
    ) -> Step<'a, Result<Answer<u64>>> {
        let Happened { namespace, event, data } = permitted.question();
        Step::later(async move {
            let (cause, details) = (Cause::Event((*event).into()), Details::of_json(data));
            let tenant = permitted.tenant();
            let effect = self.cache.happened(tenant, &cause, Some(namespace), &details).await;
            if effect.purges == 0 && effect.warmups == 0 {
                let sentence = format!("nothing in `{namespace}` depends on `{event}`");
                return Err(NO_DEPENDENCE.error(sentence));
            }
            let dropped = effect.dropped;
            Ok(Answer::done(dropped).detail(serde_json::json!({ "dropped": dropped })))
        })
    }
}

impl<'q> Origin<SetMany<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, SetMany<'q>>,
    ) -> Step<'a, Result<Answer<u64>>> {
        let SetMany { namespace, values } = permitted.question();
        let place = self.namespace(permitted, namespace);
        let put = |put: &Put<'q>| {
            let tags = put.tags.iter().map(|tag| Box::from(*tag)).collect();
            (
                put.key,
                Value::from(put.value.clone()),
                Terms { ttl: put.ttl, tags, ..Terms::default() },
            )
        };
        let values: Vec<_> = values.iter().map(put).collect();
        let count = values.len() as u64;
        Step::later(async move { place.set_many(values).await.map(|()| Answer::done(count)) })
    }
}

impl<'q> Origin<Stats<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Stats<'q>>,
    ) -> Step<'a, Result<Answer<StatsPage>>> {
        Step::Now(Ok(Answer::done(self.cache.statistics(permitted.tenant(), permitted.question()))))
    }
}

impl<'q> Origin<Watch<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Watch<'q>>,
    ) -> Step<'a, Result<Answer<BoxStream<'static, Result<Heard>>>>> {
        let Watch { namespace } = *permitted.question();
        let events = self.namespace(permitted, namespace).events();
        let heard = stream::unfold(events, |mut events| async move {
            let heard = events.next().await?;
            Some((Ok(heard), events))
        });
        Step::Now(Ok(Answer::done(Box::pin(heard))))
    }
}
