//! The cache's answers.

use cache::{Entry, Hit};
use flow::feed::Notice;
use flow::question::cache::{Delete, Expire, Found, Get, Purge, Set};
use flow::{Answer, Origin, Permitted, Result, Step};

use super::Plane;

impl<'q> Origin<Get<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Get<'q>>,
    ) -> Step<'a, Result<Answer<Option<Found>>>> {
        let Get { namespace, key } = *permitted.question();
        let hit = self.cache.namespace(permitted.tenant(), namespace).get(key);
        Step::Now(Ok(match hit {
            Some(Hit { value, ttl }) => Answer::done(Some(Found { value, ttl })),
            None => Answer::missing(None),
        }))
    }
}

impl<'q> Origin<Set<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Set<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        let Set { namespace, key, value, ttl, tags, when } = permitted.question();
        let tags = tags.iter().map(|tag| Box::from(*tag)).collect();
        let entry = Entry { value: value.clone(), ttl: *ttl, tags };
        let set = self.cache.namespace(permitted.tenant(), namespace).set(key, entry, *when);
        Step::Now(set.map(Answer::done))
    }
}

impl<'q> Origin<Delete<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Delete<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        let Delete { namespace, key } = *permitted.question();
        let there = self.cache.namespace(permitted.tenant(), namespace).remove(key);
        Step::Now(Ok(if there { Answer::done(true) } else { Answer::missing(false) }))
    }
}

impl<'q> Origin<Expire<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Expire<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        let Expire { namespace, key, ttl } = *permitted.question();
        let there = self.cache.namespace(permitted.tenant(), namespace).expire(key, ttl);
        Step::Now(Ok(if there { Answer::done(true) } else { Answer::missing(false) }))
    }
}

impl<'q> Origin<Purge<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Purge<'q>>,
    ) -> Step<'a, Result<Answer<u64>>> {
        let Purge { namespace, what } = permitted.question();
        Step::later(async move {
            // Here before anyone is told, so that whoever hears of it finds it
            // done; everywhere before it is answered.
            let dropped = self.cache.namespace(permitted.tenant(), namespace).purge(what);
            self.announcer
                .announce(Notice::Purge {
                    tenant: permitted.tenant().to_string(),
                    namespace: (*namespace).to_owned(),
                    what: what.clone(),
                })
                .await?;
            Ok(Answer::done(dropped).detail(serde_json::json!({ "dropped": dropped })))
        })
    }
}

impl Plane {
    /// Frees what has expired, and holds less while the machine's memory is short.
    pub(super) fn tend_cache(&self) {
        self.cache.sweep();
        let Some(watch::InUse { used, limit }) = watch::InUse::now() else { return };
        if let Some(capacity) = self.cache.press(used, limit) {
            tracing::warn!(used, limit, capacity, "the cache follows the memory there is");
        }
    }
}
