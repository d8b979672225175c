//! The engines a configuration names, opened.

use std::sync::Arc;

use flow::feed::MemoryFeed;
use flow::{BoxFuture, Code, Feed, Kind, Result};
use pool::blob::{Blobs, Local, local};
use pool::feed::{PostgresFeed, RedisFeed};
use pool::file::Disk;
use pool::health::{Health, Need, Probe};
use pool::kv::redis::RedisKv;
use pool::secret::Secret;
use pool::sql::postgres::{self, Postgres};
use pool::sql::sqlite::{self, Sqlite};
use pool::sql::{Sql, Statement};

use super::Ground;
use crate::config::{Config, Url};

/// A URL that names no engine of ours.
pub(crate) static NO_ENGINE: Code = Code::new(
    Kind::Invalid,
    "wire-no-such-engine",
    "The URL names no engine Stockade can use",
    "`sql.url` takes `sqlite:PATH` or `postgres://…`; `feed.url` takes `redis://…`, `rediss://…`, \
     `redis-sentinel://…`, `redis+cluster://…` or `postgres://…`",
);

/// An address as written, or read from where it says it is.
fn resolved(url: &Url) -> Result<String> {
    match url.parse::<Secret>() {
        Ok(secret) => Ok(secret.read_text()?.trim().to_owned()),
        Err(_) => Ok(str::to_owned(url)),
    }
}

/// What stands before the colon; the rest may be a secret.
fn scheme(url: &str) -> &str {
    url.split(':').next().unwrap_or_default()
}

/// The database of current state.
pub(super) async fn sql(config: &Config, ground: &Ground) -> Result<Arc<dyn Sql>> {
    let url = config.sql.url.as_ref().map(resolved).transpose()?;
    let path = match url {
        None => config.data.join("stockade.db"),
        Some(url) => match scheme(&url) {
            "sqlite" => url.trim_start_matches("sqlite:").into(),
            "postgres" | "postgresql" => return Ok(postgres(url, ground).await?),
            other => return Err(NO_ENGINE.error(format!("`{other}:` is no database"))),
        },
    };
    let mut options = sqlite::Options::file(path);
    options.clock = ground.clock.clone();
    options.registry = ground.registry.clone();
    Ok(Arc::new(Sqlite::open(options).await?))
}

async fn postgres(url: String, ground: &Ground) -> Result<Arc<Postgres>> {
    let mut options = postgres::Options::url(url);
    options.clock = ground.clock.clone();
    options.registry = ground.registry.clone();
    Ok(Arc::new(Postgres::open(options).await?))
}

/// So many notices are kept for nodes that lag behind.
const FEED_KEPT: u32 = 10_000;
/// And so many for followers within this process.
const NOTICES_KEPT: usize = 1024;

/// What connects this node to others.
pub(super) async fn feed(config: &Config, ground: &Ground) -> Result<Arc<dyn Feed>> {
    let Some(url) = config.feed.url.as_ref().map(resolved).transpose()? else {
        return Ok(Arc::new(MemoryFeed::new(ground.clock.clone(), NOTICES_KEPT)));
    };
    match scheme(&url) {
        "redis" | "rediss" | "redis-sentinel" | "redis+cluster" | "rediss+cluster" => {
            let redis = pool::kv::redis::Config { url, ..Default::default() };
            let kv = RedisKv::new(redis, ground.clock.clone(), &ground.registry)?;
            let feed = pool::feed::redis::Config::default();
            Ok(Arc::new(RedisFeed::new(&kv, &feed, ground.random.clone())))
        }
        "postgres" | "postgresql" => {
            let sql = postgres(url, ground).await?;
            let feed = PostgresFeed::open(sql, ground.clock.clone(), FEED_KEPT);
            Ok(Arc::new(feed.await?))
        }
        other => Err(NO_ENGINE.error(format!("`{other}:` is no feed"))),
    }
}

/// Where objects' bytes are.
pub(super) async fn blobs(config: &Config, ground: &Ground) -> Result<Arc<dyn Blobs>> {
    let Ground { clock, random, registry, .. } = ground.clone();
    let base = config.data.join("objects");
    let open = move || {
        Local::open(Arc::new(Disk), &base, &local::Config::default(), clock, random, &registry)
    };
    let opened = tokio::task::spawn_blocking(open).await;
    match opened {
        Ok(blobs) => Ok(Arc::new(blobs?)),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Looks after the engines.
pub(super) fn watch_over(health: &Health, sql: Arc<dyn Sql>) {
    health.watch(Arc::new(Database(sql)), Need::Essential);
}

struct Database(Arc<dyn Sql>);

impl Probe for Database {
    fn name(&self) -> &str {
        "sql"
    }

    fn probe(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { self.0.query(Statement::new("SELECT 1")).await.map(drop) })
    }
}
