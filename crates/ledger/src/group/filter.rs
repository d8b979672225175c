//! Filters as they are kept.

use flow::{Result, Time};
use serde::{Deserialize, Serialize};

use crate::codes::{INVALID, UNREADABLE};
use crate::query::{Filter, Glob};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    tenant: Option<String>,
    stream: Option<String>,
    kinds: Vec<String>,
    actor: Option<String>,
    component: Option<String>,
    correlation: Option<String>,
    causation: Option<String>,
    path: Option<String>,
    /// Nanoseconds since 1970.
    since: Option<u64>,
    before: Option<u64>,
}

pub(super) fn written(filter: &Filter) -> Result<String> {
    let filter = filter.clone();
    let kept = Kept {
        tenant: filter.tenant,
        stream: filter.stream,
        kinds: filter.kinds,
        actor: filter.actor,
        component: filter.component,
        correlation: filter.correlation,
        causation: filter.causation,
        path: filter.path.map(|path| path.as_str().to_owned()),
        since: filter.since.map(|time| time.0),
        before: filter.before.map(|time| time.0),
    };
    serde_json::to_string(&kept)
        .map_err(|cause| INVALID.error("the filter cannot be written down").because(cause))
}

pub(super) fn read(text: &str, group: &str) -> Result<Filter> {
    let kept: Kept = serde_json::from_str(text).map_err(|cause| {
        UNREADABLE.error(format!("the filter of group `{group}` cannot be read")).because(cause)
    })?;
    Ok(Filter {
        tenant: kept.tenant,
        stream: kept.stream,
        kinds: kept.kinds,
        actor: kept.actor,
        component: kept.component,
        correlation: kept.correlation,
        causation: kept.causation,
        path: kept.path.as_deref().map(Glob::parse).transpose()?,
        since: kept.since.map(Time),
        before: kept.before.map(Time),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let text = |text: &str| Some(text.to_owned());
        let filter = Filter {
            tenant: text("main"),
            stream: text("\0 s"),
            kinds: vec!["a".into(), "b*".into()],
            actor: text(""),
            component: text("c"),
            correlation: text("d"),
            causation: text("e"),
            path: Some(Glob::parse("a/**").unwrap()),
            since: Some(Time(u64::MAX)),
            before: Some(Time(1)),
        };
        for filter in [filter, Filter::default()] {
            assert_eq!(read(&written(&filter).unwrap(), "g").unwrap(), filter);
        }
    }
}
