//! Values in a table of SQLite or PostgreSQL.
//!
//! One row per key, one statement per operation, so each is atomic without a lock
//! held between two round trips. A row whose life has ended is as good as gone: it is
//! never answered, and [`SqlKv::sweep`] deletes it when somebody asks for that.
//!
//! What is absent: an era. A PostgreSQL replica that lagged and became the master is
//! not told from the one before; use synchronous replication where that matters.
//! PostgreSQL keeps keys of up to about 2,600 bytes.

#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow::{BoxFuture, Clock, Result};

use self::text::{MIGRATIONS, ROWS, Texts};
use super::{Beside, Cursor, Entry, FENCE_KEPT, Fence, Held, Kv, Page, When};
use crate::codes;
use crate::sql::migrate::migrate;
use crate::sql::{Dialect, Rows, Sql, Statement, Transaction, Value};

/// Bytes that one statement writes; a value that is larger goes alone.
const BYTES_MAX: usize = 8 << 20;
/// Rows that one step of a sweep deletes, so that nobody waits long for it.
const SWEPT: u32 = 256;

/// A store in a database. Clones share the database and the space.
#[derive(Clone)]
pub struct SqlKv {
    sql: Arc<dyn Sql>,
    texts: &'static Texts,
    space: Arc<str>,
    clock: Clock,
}

impl SqlKv {
    /// The keys and leases of one space, in tables made if they are not there. The
    /// clock counts on SQLite only; PostgreSQL has its own.
    pub async fn open(sql: Arc<dyn Sql>, space: &str, clock: Clock) -> Result<Self> {
        migrate(sql.as_ref(), &clock, "pool-kv", MIGRATIONS).await?;
        let texts = Texts::of(sql.dialect());
        Ok(Self { sql, texts, space: space.into(), clock })
    }

    /// Deletes what has ended, at most so many rows, and says how many there were.
    /// Goes in small steps, so that others get their turn.
    pub async fn sweep(&self, most: u32) -> Result<u64> {
        let mut swept = 0;
        for (text, kept) in
            [(&self.texts.sweep, None), (&self.texts.sweep_leases, Some(FENCE_KEPT))]
        {
            loop {
                let step = u64::from(SWEPT).min(u64::from(most).saturating_sub(swept));
                let mut delete = self.say(text).bind(number(step));
                if let Some(kept) = kept {
                    delete = delete.bind(micros(kept));
                }
                let gone = if step == 0 { 0 } else { self.change(delete).await? };
                swept += gone;
                if gone < step || step == 0 {
                    break;
                }
            }
        }
        Ok(swept)
    }

    /// A statement with the time and the space bound.
    fn say(&self, text: &'static str) -> Statement {
        let now = match self.sql.dialect() {
            Dialect::Sqlite => Value::Integer(number(self.clock.now().0 / 1000)),
            Dialect::Postgres => Value::Null,
        };
        Statement::new(text).bind(now).bind(&*self.space)
    }

    /// Runs one statement and says how many rows it touched.
    async fn change(&self, statement: Statement) -> Result<u64> {
        Ok(self.returned(statement).await?.touched())
    }

    async fn returned(&self, statement: Statement) -> Result<Rows> {
        let answers = self.sql.commit(Transaction::new().run(statement)).await?;
        Ok(answers.into_iter().next().unwrap_or_default())
    }

    async fn read(&self, keys: &[&[u8]]) -> Result<Vec<Option<Held>>> {
        let mut found = HashMap::new();
        for (keys, rows) in chunks(keys) {
            let statement = fill(self.say(pick(&self.texts.read, rows)), keys, rows);
            for row in self.sql.query(statement).await? {
                let life: Option<i64> = row.at(2)?;
                let life = life.map(|life| Duration::from_micros(life.unsigned_abs()));
                let (key, value): (Vec<u8>, Vec<u8>) = (row.at(0)?, row.at(1)?);
                found.insert(key, Held { value: value.into(), life });
            }
        }
        Ok(keys.iter().map(|key| found.get(*key).cloned()).collect())
    }

    /// The last of several entries of one key counts. They are written in the order
    /// of their keys, so that two writers wait for each other and not in a circle.
    async fn write(&self, entries: &[Entry<'_>]) -> Result<()> {
        let sorted: BTreeMap<&[u8], &Entry<'_>> =
            entries.iter().map(|entry| (entry.key, entry)).collect();
        let mut left: Vec<&Entry<'_>> = sorted.into_values().collect();
        left.reverse();
        while !left.is_empty() {
            let rows = ROWS.into_iter().find(|rows| fits(&left, *rows)).unwrap_or(1);
            let mut statement = self.say(pick(&self.texts.write, rows));
            for entry in left.split_off(left.len() - rows).into_iter().rev() {
                statement = bound(statement, entry);
            }
            self.change(statement).await?;
        }
        Ok(())
    }

    async fn write_if(&self, entry: Entry<'_>, when: When<'_>) -> Result<bool> {
        let say = |text: &'static str| bound(self.say(text), &entry);
        let statement = match when {
            When::Absent => say(&self.texts.if_absent),
            When::Holds(expected) => say(&self.texts.if_holds).bind(expected),
            When::Begins(with) => {
                say(&self.texts.if_begins).bind(with).bind(number(with.len() as u64))
            }
        };
        Ok(self.change(statement).await? == 1)
    }

    async fn remove(&self, keys: &[&[u8]]) -> Result<u64> {
        let mut gone = 0;
        for (keys, rows) in chunks(keys) {
            gone += self.change(fill(self.say(pick(&self.texts.delete, rows)), keys, rows)).await?;
        }
        Ok(gone)
    }

    async fn add(&self, key: &[u8], by: i64, life: Option<Duration>) -> Result<i64> {
        let statement = self.say(&self.texts.increment).bind(key);
        let statement = statement.bind(by.to_string().into_bytes()).bind(by).bind(lasting(life));
        let rows = self.returned(statement).await?;
        let sum: Option<Vec<u8>> = rows.first().map(|row| row.at(0)).transpose()?;
        sum.and_then(|sum| std::str::from_utf8(&sum).ok()?.parse().ok())
            .ok_or_else(|| codes::KV_NOT_A_NUMBER.error("the value under the key is not a counter"))
    }

    async fn page(&self, prefix: &[u8], from: Option<Cursor>, limit: usize) -> Result<Page> {
        let limit = limit.clamp(1, 10_000);
        let start = from.map_or_else(|| prefix.to_vec(), |cursor| cursor.0.to_vec());
        let scan = |text: &'static str| self.say(text).bind(start).bind(number(limit as u64));
        let statement = match behind(prefix) {
            Some(end) => scan(&self.texts.scan).bind(end),
            None => scan(&self.texts.scan_open),
        };
        let rows = self.sql.query(statement).await?;
        let keys = rows.into_iter().map(|row| Ok(Bytes::from(row.at::<Vec<u8>>(0)?)));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        // The least key behind the last one is itself with a zero at its end.
        let last = keys.last().filter(|_| keys.len() == limit);
        let next = last.map(|last| Cursor([last, &[0][..]].concat().into()));
        Ok(Page { keys, next })
    }

    async fn take(&self, name: &[u8], life: Duration) -> Result<Option<Fence>> {
        let statement = self.say(&self.texts.lease).bind(name).bind(micros(life));
        let rows = self.returned(statement).await?;
        rows.first().map(|row| Ok(Fence(row.at(0)?))).transpose()
    }

    async fn hold(&self, name: &[u8], fence: Fence, life: Duration) -> Result<bool> {
        let statement = self.say(&self.texts.hold).bind(name).bind(micros(life));
        Ok(self.change(statement.bind(number(fence.0))).await? == 1)
    }
}

/// The text for so many rows.
fn pick(texts: &'static [String; ROWS.len()], rows: usize) -> &'static str {
    let sized = ROWS.iter().zip(texts).find(|(size, _)| **size == rows);
    sized.map_or("", |(_, text)| text)
}

/// Keys by the statement, and for how many rows that is.
fn chunks<'a>(keys: &'a [&'a [u8]]) -> impl Iterator<Item = (&'a [&'a [u8]], usize)> {
    let [most, ..] = ROWS;
    keys.chunks(most).map(move |keys| {
        let rows = ROWS.into_iter().rev().find(|rows| *rows >= keys.len());
        (keys, rows.unwrap_or(most))
    })
}

/// Binds the keys, the last one again and again where the statement has room for
/// more.
fn fill(mut statement: Statement, keys: &[&[u8]], rows: usize) -> Statement {
    let again = keys.last().copied().unwrap_or_default();
    for place in 0..rows {
        statement = statement.bind(keys.get(place).copied().unwrap_or(again));
    }
    statement
}

/// Whether one statement may write the last so many of these.
fn fits(entries: &[&Entry<'_>], rows: usize) -> bool {
    let last = entries.len().checked_sub(rows).and_then(|first| entries.get(first..));
    let bytes = |entries: &[&Entry<'_>]| -> usize {
        entries.iter().map(|entry| entry.key.len() + entry.value.len()).sum()
    };
    last.is_some_and(|last| rows == 1 || bytes(last) <= BYTES_MAX)
}

/// Binds the key, the value and the life. What is over at once need not be sent.
fn bound(statement: Statement, entry: &Entry<'_>) -> Statement {
    let over = entry.life == Some(Duration::ZERO);
    let value = if over { &[] } else { entry.value };
    statement.bind(entry.key).bind(value).bind(lasting(entry.life))
}

/// A life as a statement takes it.
fn lasting(life: Option<Duration>) -> i64 {
    life.map_or(-1, micros)
}

fn micros(life: Duration) -> i64 {
    // The present time is added to it.
    let most = i64::MAX as u128 / 4;
    i64::try_from(life.as_nanos().div_ceil(1000).min(most)).unwrap_or(i64::MAX)
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The least key behind all that begin with `prefix`; none, when nothing is behind.
fn behind(prefix: &[u8]) -> Option<Vec<u8>> {
    let end = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut key = prefix.get(..=end)?.to_vec();
    *key.last_mut()? += 1;
    Some(key)
}

impl Kv for SqlKv {
    fn get_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Vec<Option<Bytes>>>> {
        Box::pin(async move {
            let held = self.read(keys).await?;
            Ok(held.into_iter().map(|held| Some(held?.value)).collect())
        })
    }

    fn held_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Vec<Option<Held>>>> {
        Box::pin(self.read(keys))
    }

    fn set_many<'a>(&'a self, entries: &'a [Entry<'a>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.write(entries))
    }

    fn sweep(&self, most: u32) -> BoxFuture<'_, Result<u64>> {
        Box::pin(SqlKv::sweep(self, most))
    }

    fn set_if<'a>(&'a self, entry: Entry<'a>, when: When<'a>) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.write_if(entry, when))
    }

    fn delete_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.remove(keys))
    }

    fn expire<'a>(&'a self, key: &'a [u8], life: Option<Duration>) -> BoxFuture<'a, Result<bool>> {
        let statement = self.say(&self.texts.expire).bind(key).bind(lasting(life));
        Box::pin(async move { Ok(self.change(statement).await? == 1) })
    }

    fn increment<'a>(
        &'a self,
        key: &'a [u8],
        by: i64,
        life: Option<Duration>,
    ) -> BoxFuture<'a, Result<i64>> {
        Box::pin(self.add(key, by, life))
    }

    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        from: Option<Cursor>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page>> {
        Box::pin(self.page(prefix, from, limit))
    }

    fn lease<'a>(&'a self, name: &'a [u8], life: Duration) -> BoxFuture<'a, Result<Option<Fence>>> {
        Box::pin(self.take(name, life))
    }

    fn renew<'a>(
        &'a self,
        name: &'a [u8],
        fence: Fence,
        life: Duration,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.hold(name, fence, life))
    }

    fn release<'a>(&'a self, name: &'a [u8], fence: Fence) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.hold(name, fence, Duration::ZERO))
    }

    fn held_beside<'a>(&'a self, key: &'a [u8], beside: &'a [u8]) -> BoxFuture<'a, Result<Beside>> {
        Box::pin(async move {
            let mut both = self.read(&[key, beside]).await?.into_iter();
            let (held, beside) = (both.next().flatten(), both.next().flatten());
            Ok((held, beside.map(|beside| beside.value)))
        })
    }

    fn ping(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.sql.query(Statement::new("SELECT 1")).await.map(drop) })
    }
}
