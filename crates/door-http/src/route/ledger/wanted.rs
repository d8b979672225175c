//! Which events are wanted, out of a query.

use std::time::Duration;

use flow::Result;
use flow::question::ledger::Filter;

use crate::codes;
use crate::query::{Example, Parameter, Query, encode};

const fn text(name: &'static str, what: &'static str, example: &'static str) -> Parameter {
    Parameter { name, what, example: Example::Text(example) }
}

pub(super) const FROM: Parameter = Parameter {
    name: "from",
    what: "From this position in the ledger on; without it from the end that comes first, or \
           when following from now on",
    example: Example::Number(1),
};
pub(super) const BACKWARD: Parameter =
    Parameter { name: "backward", what: "Newest first", example: Example::Flag(false) };
pub(super) const AS_OF: Parameter =
    text("as_of", "The ledger as it was at this position, or at this time", "2100-01-01T00:00:00Z");
pub(super) const TYPE: Parameter = Parameter {
    name: "type",
    what: "Only events of one of these types; with a `*` at its end, all that begin so",
    example: Example::Many("cache.*"),
};
pub(super) const STREAM: Parameter = text("stream", "Only of this stream", "$facts");
pub(super) const ACTOR: Parameter = text("actor", "Only what this actor did", "human:ann");
pub(super) const COMPONENT: Parameter =
    text("component", "Only within this part of a system", "http");
pub(super) const CORRELATION: Parameter =
    text("correlation", "Only what belongs to this", "00000000000000000000000007");
pub(super) const CAUSATION: Parameter =
    text("causation", "Only what followed from this", "00000000000000000000000003");
pub(super) const PATH: Parameter = text(
    "path",
    "Only about paths like this; `*` is any name, `**` any number of them",
    "cache/sessions/**",
);
pub(super) const SINCE: Parameter =
    text("since", "Only at this time or later", "1970-01-01T00:00:00Z");
pub(super) const BEFORE: Parameter =
    text("before", "Only before this time", "2100-01-01T00:00:00Z");

/// Times are shown to the microsecond and kept more exactly.
const SHOWN: Duration = Duration::from_micros(1);

/// What the query says of single events.
pub(super) fn filter(query: &Query<'_>) -> Result<Filter> {
    let text = |name| query.text(name).map(|text| text.map(str::to_owned));
    query.text("type")?;
    Ok(Filter {
        stream: text("stream")?,
        kinds: query.all("type").map(str::to_owned).collect(),
        actor: text("actor")?,
        component: text("component")?,
        correlation: text("correlation")?,
        causation: text("causation")?,
        path: text("path")?,
        since: query.time("since")?,
        before: query.time("before")?,
    })
}

/// Where to begin.
pub(super) fn from(query: &Query<'_>) -> Result<Option<u64>> {
    query.read("from", "a position, 1 or more")
}

/// Whether the newest come first.
pub(super) fn backward(query: &Query<'_>) -> Result<bool> {
    Ok(query.read("backward", "`true` or `false`")?.unwrap_or(false))
}

/// The position that is to be the last; a time goes into the filter.
pub(super) fn as_of(query: &Query<'_>, filter: &mut Filter) -> Result<Option<u64>> {
    let Some(value) = query.text("as_of")? else { return Ok(None) };
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return query.read("as_of", "a position");
    }
    let until = query.time("as_of")?.map(|time| time.after(SHOWN));
    filter.before = [filter.before, until].into_iter().flatten().min();
    Ok(None)
}

/// Refuses what has a meaning for pages only.
pub(super) fn only_pages(query: &Query<'_>) -> Result<()> {
    let pages = ["backward", "as_of", "limit"];
    match pages.into_iter().find(|name| query.get(name).is_some()) {
        None => Ok(()),
        Some(name) => {
            let error = codes::QUERY.error(format!("`{name}` has no meaning when following"));
            Err(error.with_advice(format!("leave `{name}` away, or ask for a page as JSON")))
        }
    }
}

/// The same question, a page further.
pub(super) fn link(path: &str, from: u64, limit: u32, query: &Query<'_>) -> String {
    let mut link = format!("{path}?from={from}&limit={limit}");
    for (name, value) in query.pairs() {
        if !["from", "limit"].contains(&name) {
            link.push_str(&format!("&{name}={}", encode(value)));
        }
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::Time;

    fn read(raw: &str) -> (Filter, Option<u64>) {
        let query = Query::parse(raw, &[AS_OF, BEFORE]).unwrap();
        let mut filter = filter(&query).unwrap();
        let as_of = as_of(&query, &mut filter).unwrap();
        (filter, as_of)
    }

    #[test]
    fn the_ledger_as_it_was_at_a_position_or_at_a_time() {
        let (filter, as_of) = read("as_of=12");
        assert_eq!((filter.before, as_of), (None, Some(12)));
        // All that is shown with this time was there.
        let (filter, as_of) = read("as_of=1970-01-01T00:00:01.000002Z");
        assert_eq!((filter.before, as_of), (Some(Time(1_000_003_000)), None));
        let both = "as_of=1970-01-01T00:00:09Z&before=1970-01-01T00:00:02Z";
        assert_eq!(read(both).0.before, Some(Time(2_000_000_000)), "the earlier counts");
    }

    #[test]
    fn the_next_page_is_the_same_question() {
        let known = [FROM, BACKWARD, TYPE, crate::query::LIMIT];
        let query = Query::parse("type=a%26b&from=9&backward=true&type=c*", &known).unwrap();
        let expected = "/v1/streams/x%2Fy?from=4&limit=5&type=a%26b&backward=true&type=c*";
        assert_eq!(link("/v1/streams/x%2Fy", 4, 5, &query), expected);
    }
}
