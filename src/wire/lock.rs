//! Locks that all nodes share.

use cache::codes::LOCK_TERMS;
use flow::question::cache::{Lock, Renew, Unlock};
use flow::unit::Span;
use flow::{Answer, Origin, Permitted, Result, Step};

use super::Plane;

/// Nobody waits longer: who may have the lock was decided when the waiting began.
const WAIT_MAX: Span = Span::secs(30);

fn held(was: bool) -> Answer<bool> {
    if was { Answer::done(true) } else { Answer::missing(false) }
}

impl<'q> Origin<Lock<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Lock<'q>>,
    ) -> Step<'a, Result<Answer<Option<u64>>>> {
        Step::later(async {
            let Lock { name, ttl, wait } = *permitted.question();
            if wait > WAIT_MAX.0 {
                let sentence =
                    format!("a wait of {} is more than the {WAIT_MAX} allowed", Span(wait));
                return Err(LOCK_TERMS.error(sentence).with_advice("ask again when it is over"));
            }
            let locks = self.cache.locks();
            match locks.lease_within(permitted.tenant(), name, ttl, wait).await? {
                Some(fence) => {
                    let detail = serde_json::json!({ "fence": fence });
                    Ok(Answer::done(Some(fence)).detail(detail))
                }
                None => Ok(Answer::missing(None)),
            }
        })
    }
}

impl<'q> Origin<Renew<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Renew<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        Step::later(async {
            let Renew { name, fence, ttl } = *permitted.question();
            self.cache.locks().renew(permitted.tenant(), name, fence, ttl).await.map(held)
        })
    }
}

impl<'q> Origin<Unlock<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Unlock<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        Step::later(async {
            let Unlock { name, fence } = *permitted.question();
            self.cache.locks().release(permitted.tenant(), name, fence).await.map(held)
        })
    }
}
