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

impl<V: From<Bytes> + Clone + Send + Sync + 'static> Tiered<V> {
    /// Fills the namespace from there. It goes on when nobody looks at the progress.
    ///
    /// # Errors
    /// When it is a query, and there is no database.
    pub fn warm(&self, from: Warm, sql: Option<Arc<dyn Sql>>, pace: Pace) -> Result<Warming> {
        if matches!(from, Warm::Query(_)) && sql.is_none() {
            return Err(WARM_SOURCE.error("there is no database to ask"));
        }
        let open = move |batch| Stream::open(from.clone(), sql.clone(), batch);
        Ok(self.warm_from(Arc::new(open), pace))
    }
}

/// Batches of items, one after the other.
pub(crate) struct Stream<V>(mpsc::Receiver<Result<Vec<Item<V>>>>);

impl<V: Clone + Send + Sync + 'static> Stream<V> {
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Item<V>>>> {
        self.0.recv().await.transpose()
    }

    pub(crate) fn of(items: Arc<Vec<Item<V>>>, batch: usize) -> Self {
        let (sender, receiver) = mpsc::channel(AHEAD);
        tokio::spawn(async move {
            for batch in items.chunks(batch) {
                if sender.send(Ok(batch.to_vec())).await.is_err() {
                    return;
                }
            }
        });
        Self(receiver)
    }
}

impl<V: From<Bytes> + Clone + Send + Sync + 'static> Stream<V> {
    fn open(from: Warm, sql: Option<Arc<dyn Sql>>, batch: usize) -> Self {
        let (sender, receiver) = mpsc::channel(AHEAD);
        match (from, sql) {
            (Warm::Keys(keys), _) => {
                return Self::of(Arc::new(keys.iter().map(Item::key).collect()), batch);
            }
            (Warm::File(path), _) => read_keys(path, Format::Text, batch, sender),
            (Warm::Log(path), _) => read_keys(path, Format::AccessLog, batch, sender),
            (Warm::Query(query), Some(sql)) => {
                tokio::spawn(async move {
                    let sent = ask(&*sql, query, batch, &sender).await;
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

type Sender<V> = mpsc::Sender<Result<Vec<Item<V>>>>;

/// Reads a file in a thread where that may take its time.
fn read_keys<V: Send + 'static>(path: PathBuf, format: Format, size: usize, sender: Sender<V>) {
    tokio::task::spawn_blocking(move || {
        if let Err(error) = send_keys(&path, format, size, &sender) {
            let _ = sender.blocking_send(Err(error));
        }
    });
}

fn send_keys<V>(path: &Path, format: Format, size: usize, sender: &Sender<V>) -> Result<()> {
    let mut batch = Vec::with_capacity(size);
    each_once(path, format, |key| {
        batch.push(Item::key(key));
        let full = batch.len() == size;
        !full || sender.blocking_send(Ok(std::mem::take(&mut batch))).is_ok()
    })?;
    if !batch.is_empty() {
        // Nobody waits for it any more.
        let _ = sender.blocking_send(Ok(batch));
    }
    Ok(())
}

/// Gives each key of a file to `take`, most of them once, until that has enough.
fn each_once(path: &Path, format: Format, mut take: impl FnMut(&[u8]) -> bool) -> Result<()> {
    let mut apart = HashSet::new();
    Trace::keys(path, format, |key| {
        let hash = fingerprint(key);
        if apart.contains(&hash) {
            return true;
        }
        if apart.len() < APART_MAX {
            apart.insert(hash);
        }
        take(key)
    })
}

impl Warm {
    /// Gives the keys it names to `take` until that has enough, where they can be known
    /// without asking a database. Files may be compressed with zstd or gzip, and `-` is
    /// standard input.
    ///
    /// # Errors
    /// When a file cannot be read, and of a query.
    pub fn each(&self, mut take: impl FnMut(&[u8]) -> bool) -> Result<()> {
        match self {
            Self::Keys(keys) => {
                keys.iter().all(|key| take(key));
                Ok(())
            }
            Self::File(path) => each_once(path, Format::Text, take),
            Self::Log(path) => each_once(path, Format::AccessLog, take),
            Self::Query(_) => Err(WARM_SOURCE.error("only a database knows what a query brings")),
        }
    }
}

async fn ask<V: From<Bytes>>(
    sql: &dyn Sql,
    query: String,
    size: usize,
    sender: &Sender<V>,
) -> Result<()> {
    let rows = sql.query(Statement::new(query)).await?;
    let mut batch = Vec::with_capacity(size);
    for row in &rows {
        batch.push(item(row)?);
        if batch.len() == size && sender.send(Ok(std::mem::take(&mut batch))).await.is_err() {
            return Ok(());
        }
    }
    if !batch.is_empty() {
        let _ = sender.send(Ok(batch)).await;
    }
    Ok(())
}

fn item<V: From<Bytes>>(row: &Row) -> Result<Item<V>> {
    let mut columns = row.values().iter();
    let key = columns.next().and_then(text_of);
    let key = key.ok_or_else(|| WARM_QUERY.error("a row has no key in its first column"))?;
    let value = columns.next().and_then(text_of).map(V::from);
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
