//! What the cache's namespaces are used for, and what had better be set otherwise.

use cache::Cache;
use cache::analytics::Figures;
use flow::identity::MAIN;
use flow::question::cache::{Advise, Advised};
use flow::{Answer, Origin, Permitted, Result, Step};

use super::Plane;

/// All that have no rules of their own, together.
const OTHERS: &str = "other";

/// Keys and names shown of each kind.
const SHOWN: usize = 10;

impl<'q> Origin<Advise<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Advise<'q>>,
    ) -> Step<'a, Result<Answer<Result<Vec<Advised>, Box<str>>>>> {
        let cache = &self.cache;
        // All tenants share the figures of a namespace, so others do not see names in them.
        let named = &**permitted.tenant() == MAIN;
        let asked = permitted.question().namespaces;
        let is_known =
            |name: &&&str| **name == OTHERS || cache.ruled().any(|ruled| ruled == **name);
        let answer = match asked.iter().find(|name| !is_known(name)) {
            Some(unknown) => Err(Box::from(*unknown)),
            None if asked.is_empty() => {
                let all = cache.ruled().filter(|name| *name != OTHERS).chain([OTHERS]);
                Ok(all.map(|name| advised(cache, name, named)).collect())
            }
            None => Ok(asked.iter().map(|name| advised(cache, name, named)).collect()),
        };
        Step::Now(Ok(Answer::done(answer)))
    }
}

fn advised(cache: &Cache, name: &str, named: bool) -> Advised {
    let figures = cache.figures(name);
    let (score, saved) = (figures.score(), figures.saved());
    let Figures { reads, unread, written, hot, never_read, principals, .. } = figures;
    let shown = |mut used: Vec<_>| {
        used.truncate(if named { SHOWN } else { 0 });
        used
    };
    Advised {
        namespace: name.to_owned(),
        section: section(cache, name),
        score: score.total,
        parts: score.parts,
        reads: reads.all(),
        hits: reads.hits(),
        saved_ms: u64::try_from(saved.as_millis()).unwrap_or(u64::MAX),
        written,
        ended: unread.settled,
        never_read: unread.unread,
        never_read_keys: shown(never_read),
        hot_keys: shown(hot),
        principals: shown(principals),
        warmed: cache.namespace(MAIN, name).bought(),
        advice: cache.advice(name),
    }
}

/// What has no rules of its own follows those for all.
fn section(cache: &Cache, name: &str) -> String {
    match cache.ruled().any(|ruled| ruled == name) {
        true => format!("cache.namespaces.{name}"),
        false => "cache.all".to_owned(),
    }
}
