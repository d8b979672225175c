//! Events as rows.

use std::sync::LazyLock;

use bytes::Bytes;
use flow::{Result, Time};
use pool::sql::{Dialect, Row, Sql, Statement, Value};

use super::head::{Node, hash_of};
use super::schema::PATH_INDEXED;
use crate::codes::DAMAGED;
use crate::event::{Append, Event, Record};
use crate::header;
use crate::keep::{Ends, Evidence};
use crate::proof::hash::{self, Hash};

/// How many rows one statement writes, or looks for: few numbers, so that a connection
/// has few statements to remember.
const SIZES: [usize; 4] = [64, 16, 4, 1];
/// The most events that are copied out at once.
const EVIDENCE_MAX: u32 = 10_000;
/// How long a salt is.
pub(super) const SALT: usize = 16;

const COLUMNS: usize = 17;
static EVENTS: LazyLock<[String; 4]> = LazyLock::new(|| {
    let columns = "position, time, version, tenant, stream, kind, actor, component, path, \
                   correlation, causation, key, header, body, content, leaf, ends";
    SIZES.map(|rows| insert("log_event", columns, COLUMNS, rows))
});

/// Rows are written only if the head was moved to the leaf that is bound first.
fn insert(table: &str, columns: &str, width: usize, rows: usize) -> String {
    let values = values(rows, width, 2);
    format!(
        "INSERT INTO {table} ({columns}) SELECT * FROM (VALUES {values}) AS new \
         WHERE EXISTS (SELECT 1 FROM log_head WHERE leaf = ?1)"
    )
}

/// `(?1, ?2), (?3, ?4)`
fn values(rows: usize, width: usize, first: usize) -> String {
    let row = |row: usize| {
        let start = first + row * width;
        let names: Vec<_> = (start..start + width).map(|place| format!("?{place}")).collect();
        format!("({})", names.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// An event that is to be written.
pub(super) struct New {
    pub(super) position: u64,
    pub(super) time: Time,
    pub(super) version: u64,
    pub(super) header: Vec<u8>,
    pub(super) body: Vec<u8>,
    pub(super) content: Hash,
    pub(super) leaf: Hash,
    pub(super) ends: Ends,
    /// The digest of its idempotency key; empty without one.
    pub(super) key: Vec<u8>,
}

impl New {
    /// As readers will get it.
    pub(super) fn record(&self) -> Option<Record> {
        let payload = self.body.get(SALT..).map(Bytes::copy_from_slice);
        Some(Record { payload, ..header::read(&self.header)? })
    }

    fn bind(self, append: &Append, event: &Event, mut statement: Statement) -> Statement {
        let Self { position, time, version, header, body, content, leaf, ends, key } = self;
        statement = statement.bind(position as i64).bind(time).bind(version as i64);
        let texts = [
            append.tenant.as_bytes(),
            append.stream.as_bytes(),
            event.kind.as_bytes(),
            event.actor.as_bytes(),
            event.component.as_bytes(),
            indexed(&event.path),
            event.correlation.as_bytes(),
            event.causation.as_bytes(),
        ];
        statement = texts.into_iter().fold(statement, Statement::bind);
        let hashes = [content, leaf].map(|hash| hash.as_bytes().to_vec());
        let blobs = [key, header, body].into_iter().chain(hashes);
        blobs.fold(statement, Statement::bind).bind(flags(ends))
    }
}

/// What is indexed of a path.
pub(super) fn indexed(path: &str) -> &[u8] {
    path.as_bytes().get(..PATH_INDEXED).unwrap_or(path.as_bytes())
}

/// A row, and what it was made from.
pub(super) type Made<'a> = (New, &'a Append, &'a Event);

/// Writes events, behind the head that was moved to `leaf`.
pub(super) fn write(events: Vec<Made<'_>>, leaf: &Hash) -> Vec<Statement> {
    let mut events = events.into_iter();
    let mut statements = Vec::new();
    for (size, text) in SIZES.iter().zip(EVENTS.iter()) {
        while events.len() >= *size {
            let statement = Statement::new(text.as_str()).bind(&leaf.as_bytes()[..]);
            let rows = events.by_ref().take(*size);
            let bind =
                |statement, (new, append, event): Made<'_>| new.bind(append, event, statement);
            statements.push(rows.fold(statement, bind));
        }
    }
    statements
}

/// Writes nodes of the tree, likewise.
pub(super) fn write_nodes(nodes: &[Node], leaf: &Hash) -> Vec<Statement> {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| insert("log_tree", "level, place, hash", 3, 1));
    let write = |node: &Node| {
        Statement::new(TEXT.as_str())
            .bind(&leaf.as_bytes()[..])
            .bind(node.level)
            .bind(node.place as i64)
            .bind(&node.hash.as_bytes()[..])
    };
    nodes.iter().map(write).collect()
}

const APPEND_END: i64 = 1;
const BATCH_END: i64 = 2;

fn flags(ends: Ends) -> i64 {
    let append = if ends.append { APPEND_END } else { 0 };
    append | if ends.batch { BATCH_END } else { 0 }
}

/// The versions of streams; 0 of one that is empty.
pub(super) async fn versions(sql: &dyn Sql, streams: &[(String, String)]) -> Result<Vec<u64>> {
    let bind = |statement: Statement, (tenant, stream): &(String, String)| {
        statement.bind(tenant.as_bytes()).bind(stream.as_bytes())
    };
    let found = "SELECT version FROM log_event WHERE tenant = a AND stream = b \
                 ORDER BY position DESC LIMIT 1";
    let found = look_up(sql, streams, found, 2, bind).await?;
    Ok(found.into_iter().map(Option::unwrap_or_default).collect())
}

/// Where events lie that were appended under a key, by its digest.
pub(super) async fn keys(sql: &dyn Sql, keys: &[Hash]) -> Result<Vec<Option<u64>>> {
    let bind = |statement: Statement, key: &Hash| statement.bind(&key.as_bytes()[..]);
    let found = "SELECT position FROM log_event WHERE key = a AND length(key) > 0";
    look_up(sql, keys, found, 1, bind).await
}

/// Asks one thing for each of many.
async fn look_up<T>(
    sql: &dyn Sql,
    mut wanted: &[T],
    found: &str,
    width: usize,
    bind: impl Fn(Statement, &T) -> Statement,
) -> Result<Vec<Option<u64>>> {
    let mut answers = Vec::with_capacity(wanted.len());
    while let Some(last) = wanted.last() {
        let most = wanted.len().min(64);
        // The next larger size; what is missing there repeats the last.
        let size = SIZES.into_iter().rev().find(|size| *size >= most).unwrap_or(64);
        let (now, later) = wanted.split_at(most);
        let names: Vec<_> = (0..size)
            .map(|row| match width {
                1 => format!("({row}, ?{})", row + 1),
                _ => format!("({row}, ?{}, ?{})", row * 2 + 1, row * 2 + 2),
            })
            .collect();
        let columns = if width == 1 { "n, a" } else { "n, a, b" };
        let text = format!(
            "WITH wanted ({columns}) AS (VALUES {}) SELECT ({found}) FROM wanted ORDER BY n",
            names.join(", ")
        );
        let padding = std::iter::repeat_n(last, size - most);
        let statement = now.iter().chain(padding).fold(Statement::new(text), &bind);
        let rows = sql.query(statement).await?;
        for row in rows.iter().take(most) {
            answers.push(row.at(0)?);
        }
        wanted = later;
    }
    Ok(answers)
}

/// An event as it lies there.
pub(super) struct Stored {
    pub(super) position: u64,
    pub(super) header: Vec<u8>,
    pub(super) body: Option<Bytes>,
    pub(super) content: Hash,
    pub(super) leaf: Hash,
    pub(super) ends: Ends,
}

const STORED: &str = "SELECT position, header, body, content, leaf, ends FROM log_event";

impl Stored {
    fn of(row: &Row) -> Result<Self> {
        let flags: i64 = row.at(5)?;
        let body: Option<Vec<u8>> = row.at(2)?;
        Ok(Self {
            position: row.at(0)?,
            header: row.at(1)?,
            body: body.map(Bytes::from),
            content: hash_of(row, 3)?,
            leaf: hash_of(row, 4)?,
            ends: Ends { append: flags & APPEND_END != 0, batch: flags & BATCH_END != 0 },
        })
    }

    /// As readers get it.
    pub(super) fn record(self) -> Result<Record> {
        let payload = match self.body {
            Some(body) if body.len() >= SALT => Some(body.slice(SALT..)),
            None => None,
            Some(_) => return Err(damaged(self.position)),
        };
        let record = header::read(&self.header).ok_or_else(|| damaged(self.position))?;
        Ok(Record { payload, ..record })
    }

    fn evidence(self, before: &Hash) -> Result<Evidence> {
        let Self { position, mut header, body, content, ends, .. } = self;
        header.extend_from_slice(before.as_bytes());
        let body = match &body {
            Some(body) => {
                let parts = body.split_first_chunk::<SALT>();
                let (salt, _) = parts.ok_or_else(|| damaged(position))?;
                Some((*salt, body.slice(SALT..)))
            }
            None => None,
        };
        Ok(Evidence { position, header: header.into(), body, content, ends })
    }
}

fn damaged(position: u64) -> flow::Error {
    DAMAGED.error(format!("the event at {position} cannot be read"))
}

/// The events of these positions, in their order in the log.
pub(super) async fn at(sql: &dyn Sql, positions: &[u64]) -> Result<Vec<Stored>> {
    if positions.is_empty() {
        return Ok(Vec::new());
    }
    let list: Vec<_> = positions.iter().map(u64::to_string).collect();
    let these = match sql.dialect() {
        Dialect::Sqlite => "SELECT value FROM json_each(?1)",
        Dialect::Postgres => {
            "SELECT CAST(value AS BIGINT) \
             FROM json_array_elements_text(CAST(?1 AS json)) AS list (value)"
        }
    };
    let text = format!("{STORED} WHERE position IN ({these}) ORDER BY position");
    let rows = sql.query(Statement::new(text).bind(format!("[{}]", list.join(",")))).await?;
    rows.iter().map(Stored::of).collect()
}

/// The events from one position to another.
pub(super) async fn between(sql: &dyn Sql, from: u64, to: u64) -> Result<Vec<Stored>> {
    let text = format!("{STORED} WHERE position BETWEEN ?1 AND ?2 ORDER BY position");
    let rows = sql.query(Statement::new(text).bind(number(from)).bind(number(to))).await?;
    rows.iter().map(Stored::of).collect()
}

/// A number as the database has it.
pub(super) fn number(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The leaf at a position.
pub(super) async fn leaf(sql: &dyn Sql, position: u64) -> Result<Option<Hash>> {
    let text = "SELECT leaf FROM log_event WHERE position = ?1";
    let rows = sql.query(Statement::new(text).bind(number(position))).await?;
    rows.first().map(|row| hash_of(row, 0)).transpose()
}

/// Events from a position on, as they are hashed.
pub(super) async fn evidence(
    sql: &dyn Sql,
    from: u64,
    limit: u32,
    bytes: usize,
) -> Result<Vec<Evidence>> {
    let from = from.max(1);
    let text = "SELECT position, length(header) + coalesce(length(body), 0) FROM log_event \
                WHERE position >= ?1 ORDER BY position LIMIT ?2";
    let sizes = Statement::new(text).bind(number(from)).bind(limit.min(EVIDENCE_MAX));
    let (mut last, mut taken) = (None, 0);
    for row in &sql.query(sizes).await? {
        last = Some(row.at(0)?);
        taken += row.at::<usize>(1)?;
        if taken >= bytes {
            break;
        }
    }
    let Some(last) = last else { return Ok(Vec::new()) };
    let mut before = Hash::NONE;
    let mut found = Vec::new();
    for stored in between(sql, from - 1, last).await? {
        let (position, leaf) = (stored.position, stored.leaf);
        if position >= from {
            found.push(stored.evidence(&before)?);
        }
        before = leaf;
    }
    Ok(found)
}

/// The digest of an append's idempotency key; `None` without one.
pub(super) fn key(append: &Append) -> Option<Hash> {
    let Append { tenant, stream, key, .. } = append;
    let whose = format!("{} {} {tenant}{stream}", tenant.len(), stream.len());
    (!key.is_empty()).then(|| hash::content(whose.as_bytes(), key.as_bytes()))
}
