//! Pages of the log.
//!
//! A question leads with what most likely names the fewest events, which an index has in
//! the order of the log. Of those a bounded number is looked at, with what else was asked,
//! before the page ends and says where to go on: a few at first, which is enough for what is
//! common. What lies in no such order, everything below a folder or types that begin alike,
//! is then gathered if it is rare, and otherwise looked for among all events.

use flow::Result;
use pool::sql::{Dialect, Row, Rows, Sql, Statement, Value};

use super::rows::{self, indexed, number};
use super::schema::PATH_INDEXED;
use crate::codes::{DAMAGED, INVALID};
use crate::header;
use crate::query::{Filter, Glob, LOOK_MAX, Page, Query};

/// A page ends behind the event with which it has so many bytes.
const PAGE_BYTES: usize = 16_000_000;
/// How many events a page looks at.
const LOOK: usize = LOOK_MAX as usize;
/// How many it looks at first, for each that is wanted, and at least.
const NEAR: (usize, usize) = (5, 500);
/// The most types that can be asked for at once.
const KINDS_MAX: usize = 100;
/// The most ranges that are gathered.
const GATHERED_MAX: usize = 8;

/// Reads a page.
pub(super) async fn page(sql: &dyn Sql, query: &Query) -> Result<Page> {
    if query.filter.kinds.len() > KINDS_MAX {
        let kinds = query.filter.kinds.len();
        let sentence = format!("{kinds} types at once are more than the {KINDS_MAX} allowed");
        return Err(INVALID.error(sentence));
    }
    if query.limit == 0 {
        return Err(INVALID.error("a page of no events cannot be read: ask for at least one"));
    }
    let limit = query.limit.min(LOOK_MAX) as usize;
    let look = look_far_enough(sql, query, limit).await?;
    let mut matches = look.matches.into_iter();
    let (mut chosen, mut bytes, mut next) = (Vec::new(), 0, None);
    for (position, size) in matches.by_ref() {
        if chosen.len() == limit || bytes >= PAGE_BYTES {
            next = Some(position);
            break;
        }
        bytes += size;
        chosen.push(position);
    }
    let behind = |edge: u64| match query.backward {
        true => edge.checked_sub(1).filter(|position| *position > 0),
        false => Some(edge + 1),
    };
    let next = next.or_else(|| look.edge.and_then(behind));
    let records = rows::at(sql, &chosen).await?.into_iter().map(rows::Stored::record);
    let mut events = records.collect::<Result<Vec<_>>>()?;
    if query.backward {
        events.reverse();
    }
    Ok(Page { events, next })
}

async fn look_far_enough(sql: &dyn Sql, query: &Query, limit: usize) -> Result<Look> {
    let lead = Lead::of(&query.filter);
    let gathers = matches!(lead, Lead::Gathered(_));
    let ordered = if gathers { &Lead::All } else { &lead };
    let near = (NEAR.0 * limit).clamp(NEAR.1, LOOK);
    let found = look(sql, query, ordered, limit, near).await?;
    if found.edge.is_none() || found.matches.len() > limit {
        return Ok(found);
    }
    if gathers {
        let gathered = look(sql, query, &lead, limit, LOOK).await?;
        if gathered.seen <= LOOK {
            return Ok(Look { edge: None, ..gathered });
        }
    }
    look(sql, query, ordered, limit, LOOK).await
}

/// What was seen of the log.
struct Look {
    /// The events that are wanted, in the order of reading: their positions and sizes.
    matches: Vec<(u64, usize)>,
    /// How many were looked at.
    seen: usize,
    /// The last that was looked at, if that was not the last there is.
    edge: Option<u64>,
}

async fn look(
    sql: &dyn Sql,
    query: &Query,
    lead: &Lead,
    limit: usize,
    most: usize,
) -> Result<Look> {
    let filter = &query.filter;
    let by_path = filter.path.as_ref().filter(|path| !is_range(path.root(), path.as_str()));
    let mut words = Words::default();
    let rest = rest(filter, lead, &mut words);
    let gathers = matches!(lead, Lead::Gathered(_));
    let exact = rest.is_empty() && by_path.is_none() && !gathers;
    let most = if exact { limit + 1 } else { most };
    let order = if query.backward { "DESC" } else { "ASC" };
    let bounds = bounds(sql.dialect(), query, &mut words);
    let candidates = lead.candidates(filter, &bounds, order, most, &mut words);
    // What is indexed of a path is mostly all of it; otherwise the header has it.
    let whole = format!("CASE WHEN length(path) < {PATH_INDEXED} THEN path ELSE header END");
    let (path, wanted) = match by_path {
        Some(_) => (whole.as_str(), LOOK),
        None => ("NULL", limit + 1),
    };
    let rest: String = rest.iter().map(|condition| format!(" AND {condition}")).collect();
    let last = if query.backward { "min" } else { "max" };
    let text = format!(
        "WITH candidate AS MATERIALIZED ({candidates}), \
         wanted AS (SELECT position, length(header) + coalesce(length(body), 0) AS size, \
         {path} AS path FROM log_event WHERE position IN (SELECT position FROM candidate)\
         {rest} ORDER BY position {order} LIMIT {}) \
         SELECT 0, position, size, path FROM wanted \
         UNION ALL SELECT 1, {last}(position), count(*), NULL FROM candidate",
        words.bind(wanted as i64),
    );
    let rows = sql.query(words.statement(text)).await?;
    seen(&rows, query, by_path, most)
}

fn seen(rows: &Rows, query: &Query, by_path: Option<&Glob>, most: usize) -> Result<Look> {
    let mut look = Look { matches: Vec::new(), seen: 0, edge: None };
    for row in rows {
        if row.at::<i64>(0)? == 1 {
            look.seen = row.at(2)?;
            look.edge = row.at::<Option<u64>>(1)?.filter(|_| look.seen >= most);
        } else if wants(by_path, row)? {
            look.matches.push((row.at(1)?, row.at(2)?));
        }
    }
    look.matches.sort_unstable();
    if query.backward {
        look.matches.reverse();
    }
    Ok(look)
}

/// Whether the event of a row is about a path that is asked for; the database has looked
/// at everything else.
fn wants(by_path: Option<&Glob>, row: &Row) -> Result<bool> {
    let Some(path) = by_path else { return Ok(true) };
    let bytes: Vec<u8> = row.at(3)?;
    let matches = match bytes.len() < PATH_INDEXED {
        true => std::str::from_utf8(&bytes).ok().map(|text| path.matches(text)),
        false => header::read(&bytes).map(|record| path.matches(record.path())),
    };
    let position: u64 = row.at(1)?;
    matches.ok_or_else(|| DAMAGED.error(format!("the event at {position} cannot be read")))
}

/// The values of a statement while its text is put together.
#[derive(Default)]
struct Words(Vec<Value>);

impl Words {
    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.0.push(value.into());
        format!("?{}", self.0.len())
    }

    fn statement(self, text: String) -> Statement {
        self.0.into_iter().fold(Statement::new(text), Statement::bind)
    }
}

/// The positions and times a page may have, as a condition.
fn bounds(dialect: Dialect, query: &Query, words: &mut Words) -> String {
    let Query { from, backward, as_of, .. } = query;
    let first = from.filter(|_| !backward).unwrap_or(1);
    let last = from.filter(|_| *backward).unwrap_or(u64::MAX).min(as_of.unwrap_or(u64::MAX));
    let (mut first, mut last) = (words.bind(number(first)), words.bind(number(last)));
    let (larger, smaller) = match dialect {
        Dialect::Sqlite => ("max", "min"),
        Dialect::Postgres => ("greatest", "least"),
    };
    // Times never go back: the first event at a time or later bounds positions.
    let mut at = |time| {
        let (time, none) = (words.bind(time), i64::MAX);
        format!(
            "coalesce((SELECT position FROM log_event WHERE time >= {time} \
             ORDER BY time, position LIMIT 1), {none})"
        )
    };
    if let Some(since) = query.filter.since {
        first = format!("{larger}({first}, {})", at(since));
    }
    if let Some(before) = query.filter.before {
        last = format!("{smaller}({last}, {} - 1)", at(before));
    }
    format!("position BETWEEN {first} AND {last}")
}

/// What a column is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Is(Vec<u8>),
    /// From the first to before the second.
    From(Vec<u8>, Vec<u8>),
}

impl Term {
    fn begins(with: &[u8]) -> Self {
        let mut end = with.to_vec();
        // No text of UTF-8 has a byte of 255.
        if let Some(last) = end.last_mut() {
            *last = last.saturating_add(1);
        }
        Self::From(with.to_vec(), end)
    }

    fn condition(&self, column: &str, words: &mut Words) -> String {
        match self {
            Self::Is(text) => format!("{column} = {}", words.bind(text.as_slice())),
            Self::From(from, end) => {
                let (from, end) = (words.bind(from.as_slice()), words.bind(end.as_slice()));
                format!("({column} >= {from} AND {column} < {end})")
            }
        }
    }
}

/// What is asked of one column: any of these.
type Asked = (&'static str, Vec<Term>);

/// Everything that is asked, what names the fewest events first.
fn asked(filter: &Filter) -> Vec<Asked> {
    let one = |column, text: &Option<String>| {
        text.as_ref().map(|text| (column, vec![Term::Is(text.as_bytes().to_vec())]))
    };
    let path = filter.path.as_ref().map(|path| below(path.root(), path.as_str()));
    let kinds = kinds(&filter.kinds);
    [
        one("stream", &filter.stream),
        one("correlation", &filter.correlation),
        one("causation", &filter.causation),
        path.filter(|terms| !terms.is_empty()).map(|terms| ("path", terms)),
        one("actor", &filter.actor),
        kinds.filter(|terms| !terms.is_empty()).map(|terms| ("kind", terms)),
        one("component", &filter.component),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The paths a pattern may match: its root, and all below.
fn below(root: &str, pattern: &str) -> Vec<Term> {
    let exact = Term::Is(indexed(root).to_vec());
    if root.is_empty() && !pattern.is_empty() {
        return Vec::new();
    }
    if root == pattern || root.len() >= PATH_INDEXED {
        return vec![exact];
    }
    vec![exact, Term::begins(format!("{root}/").as_bytes())]
}

/// Whether those paths are all that a pattern matches, and indexed as a whole.
fn is_range(root: &str, pattern: &str) -> bool {
    let rest = pattern.strip_prefix(root);
    let all = rest.is_some_and(|rest| rest.is_empty() || rest == "/**" && !root.is_empty());
    pattern == "**" || all && root.len() < PATH_INDEXED
}

/// `None` where any type will do.
fn kinds(kinds: &[String]) -> Option<Vec<Term>> {
    let term = |kind: &String| match kind.strip_suffix('*') {
        Some("") => None,
        Some(beginning) => Some(Term::begins(beginning.as_bytes())),
        None => Some(Term::Is(kind.as_bytes().to_vec())),
    };
    kinds.iter().map(term).collect()
}

/// What leads to the events that are looked at. Every index begins with the tenant.
enum Lead {
    /// One value of one column.
    One(&'static str, Term),
    /// Several values, or ranges: in no order.
    Gathered(Asked),
    /// All events, of the tenant if one is given.
    All,
}

impl Lead {
    fn of(filter: &Filter) -> Self {
        // Indexes leave out what is empty.
        let some = |(_, terms): &Asked| terms.iter().all(|term| *term != Term::Is(Vec::new()));
        let few = |(_, terms): &Asked| terms.len() <= GATHERED_MAX;
        let leads = asked(filter).into_iter().filter(|asked| some(asked) && few(asked));
        match leads.into_iter().next() {
            _ if filter.tenant.is_none() => Self::All,
            Some((column, terms)) => match terms.as_slice() {
                [term @ Term::Is(_)] => Self::One(column, term.clone()),
                _ => Self::Gathered((column, terms)),
            },
            None => Self::All,
        }
    }

    /// Selects the positions that are looked at.
    fn candidates(
        &self,
        filter: &Filter,
        bounds: &str,
        order: &str,
        most: usize,
        words: &mut Words,
    ) -> String {
        let tenant = match &filter.tenant {
            Some(tenant) => format!("tenant = {} AND ", words.bind(tenant.as_bytes())),
            None => String::new(),
        };
        let ordered = |condition: String, words: &mut Words| {
            let most = words.bind(most as i64);
            format!(
                "SELECT position FROM log_event WHERE {tenant}{condition}{bounds} \
                 ORDER BY position {order} LIMIT {most}"
            )
        };
        match self {
            Self::All => ordered(String::new(), words),
            Self::One(column, term) => {
                ordered(format!("{} AND ", leading(column, term, words)), words)
            }
            Self::Gathered((column, terms)) => {
                let most = words.bind(LOOK as i64 + 1);
                let part = |term| {
                    let condition = leading(column, term, words);
                    format!(
                        "SELECT position FROM (SELECT position FROM log_event \
                         WHERE {tenant}{condition} AND {bounds} LIMIT {most}) AS part"
                    )
                };
                terms.iter().map(part).collect::<Vec<_>>().join(" UNION ALL ")
            }
        }
    }
}

/// A condition an index can be used for, which leaves out what is empty.
fn leading(column: &str, term: &Term, words: &mut Words) -> String {
    let condition = term.condition(column, words);
    match column {
        "stream" | "kind" => condition,
        column => format!("{condition} AND length({column}) > 0"),
    }
}

/// What is asked besides what leads.
fn rest(filter: &Filter, lead: &Lead, words: &mut Words) -> Vec<String> {
    let leads = |column| match lead {
        Lead::One(leading, _) | Lead::Gathered((leading, _)) => *leading == column,
        Lead::All => false,
    };
    let asked = asked(filter).into_iter().filter(|(column, _)| !leads(*column));
    let any = |(column, terms): Asked| {
        let conditions: Vec<_> = terms.iter().map(|term| term.condition(column, words)).collect();
        format!("({})", conditions.join(" OR "))
    };
    asked.map(any).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What the database is asked finds every path, and no other where it decides.
        #[test]
        fn ranges_hold_what_patterns_match(
            pattern in "(a|b|\\*|\\*\\*|a\\?)?(/(a|b|\\*|\\*\\*|)){0,4}",
            path in "(a|b|ab|)(/(a|b|ab|)){0,5}",
        ) {
            let glob = Glob::parse(&pattern).unwrap();
            let column = indexed(&path);
            let terms = below(glob.root(), glob.as_str());
            let found = terms.is_empty() || terms.iter().any(|term| match term {
                Term::Is(text) => text == column,
                Term::From(from, end) => **from <= *column && *column < **end,
            });
            prop_assert!(found || !glob.matches(&path));
            if is_range(glob.root(), glob.as_str()) {
                prop_assert_eq!(found, glob.matches(&path));
            }
        }
    }
}
