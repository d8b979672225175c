//! Values on a Redis or Valkey server, Sentinel group or Cluster.
//!
//! Few connections, each pipelined and shared ([`link`]); RESP3, so that the
//! server can tell us of changes ([`follow`]); a time limit on every answer and
//! a breaker around it all. What is not one command is one script on one key, so
//! everything works on a cluster.
//!
//! Under the prefix, values are kept at `v:` and leases at `l:`; `KEYS` and
//! `FLUSHDB` are never sent.

mod address;
mod beside;
mod era;
mod fault;
mod follow;
pub(crate) mod link;
pub mod raw;
mod replica;
mod scan;
mod script;
mod source;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::redis::{Cmd, FromRedisValue, RedisError, Script, Value, cmd, pipe};
use bytes::{BufMut, Bytes, BytesMut};
use flow::signal::Registry;
use flow::unit::Span;
use flow::{BoxFuture, Clock, Moment, Result};
use futures_util::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::link::{Link, Repeat, Wire};
use self::replica::{Reads, Replicas};
use self::scan::{Scan, pattern};
use self::script::{HOLD, INCREMENT, LEASE, SET_IF};
use super::{Beside, Changes, Cursor, Entry, FENCE_KEPT, Fence, Held, Kv, Page, Tracked, When};
use crate::breaker::{self, Breaker};
use crate::codes;
use crate::health::Probe;
use crate::secret::Secret;

/// Which Redis, and how to talk to it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where it is: `redis://host:6379/0`, `rediss://…` with TLS, `redis-sentinel://host:26379,host:26379/master`, `redis+cluster://host:6379,host:6379`.
    pub url: String,
    /// The user to log in as; the default user when absent.
    pub username: Option<String>,
    /// Where the password is.
    pub password: Option<Secret>,
    /// What every key begins with, so that the server may be shared.
    pub prefix: String,
    /// Connections (per node in a cluster); each is shared by many callers.
    pub connections: u32,
    /// How long connecting may take.
    pub connect_timeout: Span,
    /// How long an answer may take.
    pub timeout: Span,
    /// Certificates, for the forms of the URL with TLS.
    pub tls: Tls,
    /// When to stop asking.
    pub breaker: breaker::Config,
    /// How far behind the primary a replica may be that is read from; without it, none is.
    pub replica_reads: Option<Span>,
}

/// Certificates for TLS to Redis.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// The authorities that sign the server's certificate; those of the web when absent.
    pub ca: Option<PathBuf>,
    /// Our own certificate, where the server asks for one.
    pub certificate: Option<PathBuf>,
    /// The key of our own certificate.
    pub key: Option<Secret>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1:6379".into(),
            username: None,
            password: None,
            prefix: "stockade:".into(),
            connections: 5,
            connect_timeout: Span::secs(2),
            timeout: Span::secs(1),
            tls: Tls::default(),
            breaker: breaker::Config::default(),
            replica_reads: None,
        }
    }
}

/// A store on Redis. Clones share their connections.
#[derive(Clone)]
pub struct RedisKv {
    link: Arc<Link>,
    replicas: Option<Arc<Replicas>>,
    prefix: Bytes,
}

impl RedisKv {
    /// Reads addresses, secrets and certificates. Connects when it is first asked,
    /// so that a Redis that is away delays no start.
    pub fn new(config: Config, clock: Clock, registry: &Registry) -> Result<Self> {
        let prefix = Bytes::from(config.prefix.clone());
        let bound = config.replica_reads;
        let link = Arc::new(Link::new(config, clock, registry)?);
        let reads = Reads::new(registry);
        let replicas = bound.map(|bound| Replicas::new(bound, &link, reads)).transpose()?;
        Ok(Self { link, replicas, prefix })
    }

    /// The same connections, the keys behind a further prefix.
    #[must_use]
    pub fn under(&self, prefix: &str) -> Self {
        let (link, replicas) = (self.link.clone(), self.replicas.clone());
        Self { link, replicas, prefix: [&self.prefix, prefix.as_bytes()].concat().into() }
    }

    /// Its breaker, to be read.
    pub fn breaker(&self) -> &Breaker {
        self.link.breaker()
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    pub(crate) fn prefix(&self) -> &Bytes {
        &self.prefix
    }

    fn place(&self, room: &[u8], key: &[u8]) -> Bytes {
        let mut place = BytesMut::with_capacity(self.prefix.len() + room.len() + key.len());
        place.put_slice(&self.prefix);
        place.put_slice(room);
        place.put_slice(key);
        place.freeze()
    }

    fn value(&self, key: &[u8]) -> Bytes {
        self.place(VALUES, key)
    }

    /// One answer per command, in one round trip (per node).
    async fn ask_each<T: FromRedisValue + Send>(&self, commands: &[Cmd]) -> Result<Vec<T>> {
        self.link.ask(Repeat::Fine, |wire| each(wire, commands)).await
    }

    async fn ask_one<T: FromRedisValue>(&self, repeat: Repeat, command: &Cmd) -> Result<T> {
        self.link.ask(repeat, |mut wire| async move { command.query_async(&mut wire).await }).await
    }

    async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        key: &Bytes,
        args: &[&[u8]],
    ) -> Result<T> {
        self.link
            .ask(Repeat::Never, |mut wire| async move {
                let mut call = script.key(key.as_ref());
                for arg in args {
                    call.arg(*arg);
                }
                call.invoke_async(&mut wire).await
            })
            .await
    }
}

const VALUES: &[u8] = b"v:";
const LEASES: &[u8] = b"l:";

/// Sends all commands at once and collects what each was answered.
async fn each<T: FromRedisValue + Send>(
    mut wire: Wire,
    commands: &[Cmd],
) -> Result<Vec<T>, RedisError> {
    match commands {
        [] => Ok(Vec::new()),
        [command] => Ok(vec![command.query_async(&mut wire).await?]),
        _ if matches!(wire, Wire::Cluster(_)) => {
            // A pipeline goes to one node; commands side by side find each its own.
            let answers = commands.iter().map(|command| {
                let mut wire = wire.clone();
                async move { command.query_async(&mut wire).await }
            });
            try_join_all(answers).await
        }
        _ => {
            let mut line = pipe();
            for command in commands {
                line.add_command(command.clone());
            }
            line.query_async(&mut wire).await
        }
    }
}

/// Milliseconds, as Redis counts lives; a life shorter than one is not none.
fn millis(life: Duration) -> u64 {
    let millis = u64::try_from(life.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    // Redis adds the present time and refuses an overflow.
    millis.min(i64::MAX as u64 / 4)
}

fn write(key: Bytes, entry: &Entry<'_>) -> Cmd {
    if entry.life == Some(Duration::ZERO) {
        return delete([key]);
    }
    let mut command = cmd("SET");
    command.arg(key.as_ref()).arg(entry.value);
    if let Some(life) = entry.life {
        command.arg("PX").arg(millis(life));
    }
    command
}

fn delete(keys: impl IntoIterator<Item = Bytes>) -> Cmd {
    let mut command = cmd("UNLINK");
    for key in keys {
        command.arg(key.as_ref());
    }
    command
}

fn bytes(value: Value) -> Option<Bytes> {
    match value {
        Value::BulkString(bytes) => Some(bytes.into()),
        Value::SimpleString(text) => Some(text.into()),
        _ => None,
    }
}

/// What `GET` and, after it, `PTTL` answered of one key.
fn held_as(value: Value, life: Value) -> Option<Held> {
    let value = bytes(value)?;
    match life {
        Value::Int(-1) => Some(Held { value, life: None }),
        Value::Int(millis @ 1..) => {
            Some(Held { value, life: Some(Duration::from_millis(millis.unsigned_abs())) })
        }
        _ => None,
    }
}

fn text(number: impl ToString) -> String {
    number.to_string()
}

impl RedisKv {
    async fn held(&self, keys: &[&[u8]]) -> Result<Vec<Option<Held>>> {
        // Asked in this order, a value that dies in between has no life and is
        // taken for dead; the other way round it would seem to live for ever.
        let commands: Vec<Cmd> = keys
            .iter()
            .map(|key| self.value(key))
            .flat_map(|key| {
                let mut get = cmd("GET");
                get.arg(key.as_ref());
                let mut life = cmd("PTTL");
                life.arg(key.as_ref());
                [get, life]
            })
            .collect();
        let answers: Vec<Value> = self.ask_each(&commands).await?;
        let mut answers = answers.into_iter();
        let mut held = Vec::with_capacity(keys.len());
        while let (Some(value), Some(life)) = (answers.next(), answers.next()) {
            held.push(held_as(value, life));
        }
        Ok(held)
    }

    async fn write_if(&self, entry: Entry<'_>, when: When<'_>) -> Result<bool> {
        let key = self.value(entry.key);
        match when {
            When::Absent if entry.life == Some(Duration::ZERO) => {
                Ok(self.get_many(&[entry.key]).await?.iter().all(Option::is_none))
            }
            When::Absent => {
                let mut command = write(key, &entry);
                command.arg("NX");
                let answer: Value = self.ask_one(Repeat::Never, &command).await?;
                Ok(answer != Value::Nil)
            }
            When::Holds(expected) => self.write_over(&key, entry, b"whole", expected).await,
            When::Begins(with) => self.write_over(&key, entry, b"begins", with).await,
        }
    }

    /// Writes over what is as `expected`: the whole of it, or what it begins with.
    async fn write_over(
        &self,
        key: &Bytes,
        entry: Entry<'_>,
        how: &[u8],
        expected: &[u8],
    ) -> Result<bool> {
        let life = entry.life.map_or_else(|| text(-1), |life| text(millis(life)));
        let args = [how, expected, entry.value, life.as_bytes()];
        self.run(&SET_IF, key, &args).await
    }

    async fn hold(&self, name: &[u8], fence: Fence, life: Duration) -> Result<bool> {
        let (fence, life, kept) = (text(fence.0), text(millis(life)), text(millis(FENCE_KEPT)));
        let args = [fence.as_bytes(), life.as_bytes(), kept.as_bytes()];
        self.run(&HOLD, &self.place(LEASES, name), &args).await
    }

    async fn page(&self, prefix: &[u8], from: Option<Cursor>, limit: usize) -> Result<Page> {
        let start = self.value(prefix);
        let mut scan = Scan::new(self.link.is_cluster(), from);
        if scan.node.is_some() && !scan.settle(self.nodes().await?) {
            return Ok(Page::default());
        }
        let mut command = cmd("SCAN");
        command.arg(scan.cursor.as_ref()).arg("MATCH").arg(pattern(&start).as_slice());
        command.arg("COUNT").arg(limit.clamp(10, 10_000));
        let (cursor, keys) = self.scan_at(&scan, &command).await?;
        let hidden = self.prefix.len() + VALUES.len();
        let keys = keys
            .into_iter()
            .filter_map(bytes)
            .filter(|key| key.starts_with(&start))
            .map(|key| key.slice(hidden..));
        Ok(Page { keys: keys.collect(), next: scan.next(cursor.into()) })
    }

    async fn scan_at(&self, scan: &Scan, command: &Cmd) -> Result<(Vec<u8>, Vec<Value>)> {
        self.link
            .ask(Repeat::Fine, |mut wire| async move {
                match (&mut wire, &scan.node) {
                    (Wire::Cluster(cluster), Some((host, port))) => {
                        let node = follow::node(host, *port);
                        let answer = cluster.route_command(command.clone(), node).await?;
                        Ok(::redis::from_redis_value(answer)?)
                    }
                    _ => command.query_async(&mut wire).await,
                }
            })
            .await
    }

    /// The masters of the cluster, in an order of their own.
    pub(crate) async fn nodes(&self) -> Result<Vec<(String, u16)>> {
        let command = {
            let mut command = cmd("CLUSTER");
            command.arg("SLOTS");
            command
        };
        let answer: Value = self.ask_one(Repeat::Fine, &command).await?;
        Ok(follow::masters(&answer))
    }
}

impl Kv for RedisKv {
    fn get_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Vec<Option<Bytes>>>> {
        Box::pin(async move {
            if keys.is_empty() {
                return Ok(Vec::new());
            }
            // In a cluster the client splits it by node and puts the answers in order.
            let mut command = cmd("MGET");
            for key in keys {
                command.arg(self.value(key).as_ref());
            }
            let values: Vec<Value> = self.ask_one(Repeat::Fine, &command).await?;
            if values.len() != keys.len() {
                let detail = format!("Redis answered {} of {} keys", values.len(), keys.len());
                return Err(codes::KV_UNEXPECTED.error(detail));
            }
            Ok(values.into_iter().map(bytes).collect())
        })
    }

    fn held_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Vec<Option<Held>>>> {
        Box::pin(self.held(keys))
    }

    fn set_many<'a>(&'a self, entries: &'a [Entry<'a>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let commands: Vec<Cmd> =
                entries.iter().map(|entry| write(self.value(entry.key), entry)).collect();
            self.ask_each::<Value>(&commands).await.map(drop)
        })
    }

    fn add_many<'a>(&'a self, entries: &'a [Entry<'a>]) -> BoxFuture<'a, Result<Vec<bool>>> {
        Box::pin(async move {
            if entries.iter().any(|entry| entry.life == Some(Duration::ZERO)) {
                // Nothing is written for these, so that they cannot go with the others.
                let mut added = Vec::with_capacity(entries.len());
                for entry in entries {
                    added.push(self.write_if(*entry, When::Absent).await?);
                }
                return Ok(added);
            }
            let add = |entry: &Entry<'_>| {
                let mut command = write(self.value(entry.key), entry);
                command.arg("NX");
                command
            };
            let commands: Vec<Cmd> = entries.iter().map(add).collect();
            let asked = self.link.ask(Repeat::Never, |wire| each(wire, &commands)).await;
            let answers: Vec<Value> = asked?;
            Ok(answers.into_iter().map(|answer| answer != Value::Nil).collect())
        })
    }

    fn set_if<'a>(&'a self, entry: Entry<'a>, when: When<'a>) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.write_if(entry, when))
    }

    fn delete_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            if keys.is_empty() {
                return Ok(0);
            }
            let command = delete(keys.iter().map(|key| self.value(key)));
            self.ask_one(Repeat::Fine, &command).await
        })
    }

    fn expire<'a>(&'a self, key: &'a [u8], life: Option<Duration>) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let place = self.value(key);
            let Some(life) = life else {
                // Nothing to take away is answered like nothing there: look as well.
                let (mut persist, mut exists) = (cmd("PERSIST"), cmd("EXISTS"));
                persist.arg(place.as_ref());
                exists.arg(place.as_ref());
                let answers: Vec<i64> = self.ask_each(&[persist, exists]).await?;
                return Ok(answers.last() == Some(&1));
            };
            let mut command = cmd("PEXPIRE");
            command.arg(place.as_ref()).arg(millis(life));
            self.ask_one(Repeat::Fine, &command).await
        })
    }

    fn increment<'a>(
        &'a self,
        key: &'a [u8],
        by: i64,
        life: Option<Duration>,
    ) -> BoxFuture<'a, Result<i64>> {
        Box::pin(async move {
            let life = life.map_or_else(|| text(-1), |life| text(millis(life)));
            let by = text(by);
            let args = [by.as_bytes(), life.as_bytes()];
            self.run(&INCREMENT, &self.value(key), &args).await
        })
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
        Box::pin(async move {
            let (life, kept) = (text(millis(life)), text(millis(FENCE_KEPT)));
            let args = [life.as_bytes(), kept.as_bytes()];
            let fence: u64 = self.run(&LEASE, &self.place(LEASES, name), &args).await?;
            Ok((fence != 0).then_some(Fence(fence)))
        })
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
        Box::pin(self.read_beside(key, beside))
    }

    fn held_lately<'a>(
        &'a self,
        key: &'a [u8],
        beside: &'a [u8],
        since: Moment,
    ) -> BoxFuture<'a, Option<Beside>> {
        Box::pin(async move {
            let replicas = self.replicas.as_ref()?;
            let line = beside::both(&self.value(key), &self.value(beside));
            replicas.read(&self.link, &line, since).await
        })
    }

    fn asks_replicas(&self) -> bool {
        self.replicas.is_some()
    }

    fn set_beside<'a>(
        &'a self,
        entry: Entry<'a>,
        beside: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Bytes>>> {
        Box::pin(self.write_beside(entry, beside))
    }

    fn era(&self) -> u64 {
        self.link.era()
    }

    fn ping(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.ask_one(Repeat::Fine, &cmd("PING")).await })
    }
}

impl Tracked for RedisKv {
    fn follow<'a>(&'a self, prefix: &'a [u8]) -> BoxFuture<'a, Result<Box<dyn Changes>>> {
        Box::pin(async move {
            let ear = follow::Ear::open(self.clone(), self.value(prefix), VALUES.len()).await?;
            Ok(Box::new(ear) as _)
        })
    }
}

impl Probe for RedisKv {
    fn name(&self) -> &str {
        "redis"
    }

    fn probe(&self) -> BoxFuture<'_, Result<()>> {
        self.ping()
    }
}
