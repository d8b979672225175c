//! One row as a value.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::Bytes;
use flow::Result;
use pool::sql::{Dialect, Row, Sql, Statement, Value, codes};

use crate::codes::{VIEW, VIEW_ROWS};
use crate::load::Loaded;
use crate::rules::Rows;
use crate::tiered::Source;

/// How PostgreSQL writes bytes where it has only letters.
const HEX: &str = "\\x";

/// Where the values of a namespace come from whose rows these are.
pub(crate) fn source(sql: Arc<dyn Sql>, rows: &Rows, tenant: &str) -> Source<Bytes> {
    let text = match rows {
        Rows::Query(text) => text.to_string(),
        Rows::View(view) => format!("SELECT * FROM {} WHERE {} = ?1", view.name, view.key),
    };
    let reader = Arc::new(Reader::new(sql, text, tenant));
    Arc::new(move |key, _| {
        let (reader, key) = (reader.clone(), key.to_vec());
        Box::pin(async move { reader.read(&key).await })
    })
}

/// Whether a query can be run, before anybody needs it.
pub(super) async fn attempt(sql: &dyn Sql, namespace: &str, query: &str) -> Result<()> {
    let texts = Texts::new(sql.dialect(), query);
    // Keys that are read as whatever a column of keys may be.
    for key in ["0", "00000000-0000-0000-0000-000000000000"] {
        match sql.query(texts.statement(false, key, "")).await {
            Ok(_) => return Ok(()),
            Err(error) if error.code() == &codes::VALUE => {}
            Err(error) => {
                let sentence = format!("`query` of the namespace `{namespace}` cannot be run");
                return Err(VIEW.error(sentence).because(error));
            }
        }
    }
    let sentence = format!("`query` of the namespace `{namespace}` compares keys with no text");
    Err(VIEW.error(sentence).with_advice("cast the key, as in `?1::text::date`"))
}

struct Texts {
    /// As PostgreSQL writes rows, whatever is in them; elsewhere as they are.
    written: String,
    /// As they are.
    plain: String,
    has_tenant: bool,
}

impl Texts {
    fn new(dialect: Dialect, text: &str) -> Self {
        // The lines keep a comment at its end from swallowing what follows.
        let plain = format!("SELECT * FROM (\n{text}\n) AS stockade_row LIMIT 2");
        let written = match dialect {
            Dialect::Sqlite => plain.clone(),
            Dialect::Postgres => format!(
                "SELECT to_json(stockade_row)::text, stockade_column.count, stockade_column.first \
                 FROM (\n{text}\n) AS stockade_row, LATERAL (SELECT count(*) AS count, \
                 min(value) AS first FROM json_each_text(to_json(stockade_row))) \
                 AS stockade_column LIMIT 2"
            ),
        };
        Self { written, plain, has_tenant: text.contains("?2") }
    }

    fn statement(&self, plain: bool, key: &str, tenant: &str) -> Statement {
        let text = if plain { &self.plain } else { &self.written };
        let statement = Statement::new(text.clone()).bind(key);
        if self.has_tenant { statement.bind(tenant) } else { statement }
    }
}

struct Reader {
    sql: Arc<dyn Sql>,
    texts: Texts,
    tenant: Box<str>,
    /// The only column is bytes, which cannot be written.
    plain: AtomicBool,
}

impl Reader {
    fn new(sql: Arc<dyn Sql>, text: String, tenant: &str) -> Self {
        let dialect = sql.dialect();
        let plain = AtomicBool::new(dialect == Dialect::Sqlite);
        Self { sql, texts: Texts::new(dialect, &text), tenant: tenant.into(), plain }
    }

    async fn read(&self, key: &[u8]) -> Result<Loaded<Bytes>> {
        // No column holds such a key.
        let Ok(key) = std::str::from_utf8(key) else { return Ok(Loaded::Nothing) };
        if key.contains('\0') {
            return Ok(Loaded::Nothing);
        }
        if !self.plain.load(Relaxed) {
            match self.ask(key, false).await?.map(|row| written(&row)).transpose()? {
                Some(Some(text)) if text.starts_with(HEX) => {}
                found => return Ok(loaded(found.flatten())),
            }
            let row = self.ask(key, true).await?;
            let bytes = row.as_ref().is_some_and(|row| matches!(row.values(), [Value::Blob(_)]));
            self.plain.store(bytes, Relaxed);
            return Ok(loaded(row.as_ref().and_then(value)));
        }
        Ok(loaded(self.ask(key, true).await?.as_ref().and_then(value)))
    }

    async fn ask(&self, key: &str, plain: bool) -> Result<Option<Row>> {
        let rows = match self.sql.query(self.texts.statement(plain, key, &self.tenant)).await {
            Ok(rows) => rows,
            // The column is of numbers, say, and this is none.
            Err(error) if error.code() == &codes::VALUE => return Ok(None),
            Err(error) => return Err(error),
        };
        match rows.len() {
            0 | 1 => Ok(rows.first().cloned()),
            _ => Err(VIEW_ROWS.error("there is more than one row for a key")),
        }
    }
}

fn loaded(value: Option<impl Into<Bytes>>) -> Loaded<Bytes> {
    value.map_or(Loaded::Nothing, |value| Loaded::from(value.into()))
}

/// What PostgreSQL wrote: of one column its text, of several an object.
fn written(row: &Row) -> Result<Option<String>> {
    let (whole, columns): (String, u64) = (row.at(0)?, row.at(1)?);
    if columns == 1 { row.at(2) } else { Ok(Some(whole)) }
}

/// Of one column what it holds, of several an object.
fn value(row: &Row) -> Option<Vec<u8>> {
    match row.values() {
        [Value::Null] => None,
        [Value::Text(text)] => Some(text.clone().into_bytes()),
        [Value::Blob(bytes)] => Some(bytes.clone()),
        [value] => Some(json(value).into_bytes()),
        values => {
            let members = row.columns().zip(values);
            let members = members.map(|(name, value)| format!("{}:{}", quoted(name), json(value)));
            Some(format!("{{{}}}", members.collect::<Vec<_>>().join(",")).into_bytes())
        }
    }
}

fn json(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => serde_json::json!(number).to_string(),
        Value::Text(text) => quoted(text),
        Value::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            quoted(&format!("{HEX}{digits}"))
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
