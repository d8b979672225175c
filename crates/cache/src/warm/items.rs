//! What a namespace is warmed with.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow::Result;
use pool::sql::{Row, Sql, Statement, Value};
use tokio::sync::mpsc;

use super::{Pace, Warming};
use crate::analytics::fingerprint;
use crate::codes::{WARM_QUERY, WARM_SOURCE};
use crate::simulate::{Format, Trace};
use crate::tiered::Tiered;

/// Keys that go together.
const BATCH: usize = 512;
/// Batches that wait for whoever warms.
const AHEAD: usize = 4;
/// So many keys of a log are told apart; what comes twice beyond is looked at twice.
const APART_MAX: usize = 1 << 20;

/// Something to be warmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<V> {
    /// Its key.
    pub key: Box<[u8]>,
    /// Its value; loaded from the source of the namespace without.
    pub value: Option<V>,
    /// How long it lives; as the rules say without.
    pub ttl: Option<Duration>,
}

impl<V> Item<V> {
    /// A key, of which the source knows the value.
    pub fn key(key: impl AsRef<[u8]>) -> Self {
        Self { key: key.as_ref().into(), value: None, ttl: None }
    }
}

/// Where keys to be warmed come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warm {
    /// A list.
    Keys(Vec<Box<[u8]>>),
    /// A file with a key on each line.
    File(PathBuf),
    /// The log of a web server: the paths that were asked for.
    Log(PathBuf),
    /// A query of the database: the key, and if there are more columns, the value and after
    /// how many seconds it is over.
    Query(String),
}

impl Tiered<Bytes> {
    /// Fills the namespace from there. It goes on when nobody looks at the progress.
    ///
    /// # Errors
    /// When it is a query, and there is no database.
    pub fn warm(&self, from: Warm, sql: Option<Arc<dyn Sql>>, pace: Pace) -> Result<Warming> {
        if matches!(from, Warm::Query(_)) && sql.is_none() {
            return Err(WARM_SOURCE.error("there is no database to ask"));
        }
        Ok(self.warm_from(Arc::new(move || Stream::open(from.clone(), sql.clone())), pace))
    }
}

/// Batches of items, one after the other.
pub(crate) struct Stream<V>(mpsc::Receiver<Result<Vec<Item<V>>>>);

impl<V: Clone + Send + Sync + 'static> Stream<V> {
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Item<V>>>> {
        self.0.recv().await.transpose()
    }

    pub(crate) fn of(items: Arc<Vec<Item<V>>>) -> Self {
        let (sender, receiver) = mpsc::channel(AHEAD);
        tokio::spawn(async move {
            for batch in items.chunks(BATCH) {
                if sender.send(Ok(batch.to_vec())).await.is_err() {
                    return;
                }
            }
        });
        Self(receiver)
    }
}

impl Stream<Bytes> {
    fn open(from: Warm, sql: Option<Arc<dyn Sql>>) -> Self {
        let (sender, receiver) = mpsc::channel(AHEAD);
        match (from, sql) {
            (Warm::Keys(keys), _) => {
                return Self::of(Arc::new(keys.iter().map(Item::key).collect()));
            }
            (Warm::File(path), _) => read_keys(path, Format::Text, sender),
            (Warm::Log(path), _) => read_keys(path, Format::AccessLog, sender),
            (Warm::Query(query), Some(sql)) => {
                tokio::spawn(async move {
                    let sent = ask(&*sql, query, &sender).await;
                    if let Err(error) = sent {
                        let _ = sender.send(Err(error)).await;
                    }
                });
            }
            (Warm::Query(_), None) => {}
        }
        Self(receiver)
    }
}

type Sender = mpsc::Sender<Result<Vec<Item<Bytes>>>>;

/// Reads a file in a thread where that may take its time.
fn read_keys(path: PathBuf, format: Format, sender: Sender) {
    tokio::task::spawn_blocking(move || {
        if let Err(error) = send_keys(&path, format, &sender) {
            let _ = sender.blocking_send(Err(error));
        }
    });
}

fn send_keys(path: &Path, format: Format, sender: &Sender) -> Result<()> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut apart = HashSet::new();
    Trace::keys(path, format, |key| {
        let hash = fingerprint(key);
        if apart.contains(&hash) {
            return true;
        }
        if apart.len() < APART_MAX {
            apart.insert(hash);
        }
        batch.push(Item::key(key));
        let full = batch.len() == BATCH;
        !full || sender.blocking_send(Ok(std::mem::take(&mut batch))).is_ok()
    })?;
    if !batch.is_empty() {
        // Nobody waits for it any more.
        let _ = sender.blocking_send(Ok(batch));
    }
    Ok(())
}

async fn ask(sql: &dyn Sql, query: String, sender: &Sender) -> Result<()> {
    let rows = sql.query(Statement::new(query)).await?;
    let mut batch = Vec::with_capacity(BATCH);
    for row in &rows {
        batch.push(item(row)?);
        if batch.len() == BATCH && sender.send(Ok(std::mem::take(&mut batch))).await.is_err() {
            return Ok(());
        }
    }
    if !batch.is_empty() {
        let _ = sender.send(Ok(batch)).await;
    }
    Ok(())
}

fn item(row: &Row) -> Result<Item<Bytes>> {
    let mut columns = row.values().iter();
    let key = columns.next().and_then(text_of);
    let key = key.ok_or_else(|| WARM_QUERY.error("a row has no key in its first column"))?;
    let value = columns.next().and_then(text_of);
    let ttl = match columns.next() {
        None | Some(Value::Null) => None,
        Some(Value::Integer(secs)) if *secs >= 0 => Some(Duration::from_secs(*secs as u64)),
        Some(_) => return Err(WARM_QUERY.error("the third column of a row is no whole seconds")),
    };
    Ok(Item { key: key.as_ref().into(), value, ttl })
}

fn text_of(value: &Value) -> Option<Bytes> {
    match value {
        Value::Null => None,
        Value::Integer(number) => Some(number.to_string().into()),
        Value::Real(number) => Some(number.to_string().into()),
        Value::Text(text) => Some(text.clone().into()),
        Value::Blob(bytes) => Some(bytes.clone().into()),
    }
}
