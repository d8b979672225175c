//! The engines a configuration names, opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::seal::SealKeys;
use cache::{Table, Tell};
use flow::feed::{Announcer, Coherence, MemoryFeed};
use flow::unit::{Size, Span};
use flow::{BoxFuture, Clock, Code, Feed, Kind, Result, Revisions};
use gate::Seal;
use ledger::{Log, Place, disk};
use pool::Http;
use pool::blob::{Blobs, Local, local};
use pool::breaker::{self, Breaker};
use pool::codec::seal::Keys;
use pool::feed::{PostgresFeed, RedisFeed};
use pool::file::Disk;
use pool::health::{Health, Need, Probe};
use pool::kv::{Kv, RedisKv, SqlKv};
use pool::secret::Secret;
use pool::sql::postgres::{self, Postgres};
use pool::sql::sqlite::{self, Sqlite};
use pool::sql::{Dialect, Sql, Statement, codes};

use super::origin::Web;
use super::patient::Patient;
use super::space::{Space, Sparing};
use super::{Ground, sparing};
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

/// Users and sessions.
pub(super) async fn logins(
    config: &gate::Config,
    sql: &Arc<dyn Sql>,
    revisions: &Arc<Revisions>,
    (seal, tokens): (&Option<Arc<Seal>>, &Option<Arc<gate::Tokens>>),
    ground: &Ground,
) -> Result<Arc<gate::Logins>> {
    let ground = gate::Ground {
        sql: sql.clone(),
        revisions: revisions.clone(),
        clock: ground.clock.clone(),
        random: ground.random.clone(),
    };
    let logins = gate::Logins::open(ground, config, seal.clone()).await?;
    Ok(Arc::new(tokens.iter().fold(logins, |logins, tokens| logins.signed_by(tokens.clone()))))
}

/// A larger feed of threats is refused.
const FEED_MAX: Size = Size::mib(64);
/// And one that takes longer.
const FEED_TIMEOUT: Span = Span::secs(120);

/// Noticing what is odd.
pub(super) async fn behaviour(
    config: &gate::Config,
    (sql, announcer, blocks): (&Arc<dyn Sql>, &Arc<Announcer>, &Arc<gate::limit::Blocks>),
    ground: &Ground,
) -> Result<gate::Behaviour> {
    let Ground { clock, random, registry, .. } = ground.clone();
    let (sql, announcer, blocks) = (sql.clone(), announcer.clone(), blocks.clone());
    let limits = pool::http::Config {
        largest_answer: FEED_MAX,
        timeout: FEED_TIMEOUT,
        ..pool::http::Config::default()
    };
    let http = Some(Http::new(limits, clock.clone(), random.clone(), &registry)?);
    let footing = gate::behaviour::Footing { sql, announcer, blocks, http, clock, random };
    let lists = (&*config.playbooks, &*config.feeds);
    gate::Behaviour::open(&config.behaviour, lists, footing, &registry).await
}

/// Other nodes cannot be heard.
pub(crate) static SILENT: Code = Code::new(
    Kind::Busy,
    "wire-feed-silent",
    "The feed is silent",
    "look at the server `feed.url` names; until it is back this node asks the database about \
     everything and answers nothing from memory",
);

/// What stands before the colon; the rest may be a secret.
fn scheme(url: &str) -> &str {
    url.split(':').next().unwrap_or_default()
}

/// The engines outside the data directory, reached. They can be had before the
/// directory is ours, so that a successor knows what it needs is there.
pub(crate) struct Outside {
    database: Database,
    pub(super) feed: Arc<dyn Feed>,
}

enum Database {
    Server(Arc<Postgres>),
    File(PathBuf),
}

impl Outside {
    /// Reaches what the configuration names.
    pub(crate) async fn reach(config: &Config, ground: &Ground) -> Result<Self> {
        let database = database(config, ground).await?;
        Ok(Self { database, feed: feed(config, ground).await? })
    }

    /// The database of current state.
    pub(super) async fn sql(
        &self,
        data: &Path,
        space: &Arc<Space>,
        ground: &Ground,
    ) -> Result<Arc<dyn Sql>> {
        let path = match &self.database {
            Database::Server(server) => return Ok(Arc::new(patient(server.clone(), ground))),
            Database::File(path) => path,
        };
        let here = path.starts_with(data);
        let sql: Arc<dyn Sql> = loop {
            match sqlite(path, ground).await {
                Err(error) if here && error.code() == &codes::FULL && space.give().await => {}
                opened => break opened?,
            }
        };
        match here {
            true => Ok(Arc::new(Sparing { sql, space: space.clone() })),
            // The reserve is on another disk, perhaps.
            false => Ok(sql),
        }
    }
}

impl Outside {
    /// Whether others may change what is there: a database in the data directory is this
    /// node's alone.
    pub(super) fn is_shared(&self, data: &Path) -> bool {
        match &self.database {
            Database::Server(_) => true,
            Database::File(path) => !path.starts_with(data),
        }
    }

    /// The same for work that takes as long as it takes, and whose failures say nothing of
    /// the database.
    pub(super) fn unhurried(&self, sql: &Arc<dyn Sql>) -> Arc<dyn Sql> {
        match &self.database {
            Database::Server(server) => server.clone(),
            Database::File(_) => sql.clone(),
        }
    }

    /// The database, where it is one that notifies.
    pub(super) fn server(&self) -> Option<Arc<Postgres>> {
        match &self.database {
            Database::Server(server) => Some(server.clone()),
            Database::File(_) => None,
        }
    }
}

/// A server that restarts is back in a second or two.
const SERVER_REST: Span = Span::secs(1);

fn patient(sql: Arc<Postgres>, ground: &Ground) -> Patient {
    let Ground { clock, registry, .. } = ground;
    let limits = breaker::Config { open: SERVER_REST, ..breaker::Config::default() };
    let breaker = Breaker::new("sql", limits, clock.clone(), registry);
    Patient { sql, clock: clock.clone(), breaker }
}

async fn database(config: &Config, ground: &Ground) -> Result<Database> {
    let Some(url) = config.sql.url.as_ref().map(resolved).transpose()? else {
        return Ok(Database::File(config.data.join("stockade.db")));
    };
    match scheme(&url) {
        "sqlite" => Ok(Database::File(url.trim_start_matches("sqlite:").into())),
        "postgres" | "postgresql" => Ok(Database::Server(postgres(url, ground).await?)),
        other => Err(NO_ENGINE.error(format!("`{other}:` is no database"))),
    }
}

async fn sqlite(path: &Path, ground: &Ground) -> Result<Arc<dyn Sql>> {
    let mut options = sqlite::Options::file(path);
    options.clock = ground.clock.clone();
    options.registry = ground.registry.clone();
    let sqlite = Sqlite::open(options).await?;
    look_over(&sqlite, path).await?;
    Ok(Arc::new(sqlite))
}

/// A larger database is not looked over at every start: it takes 1.6 ms a MiB, and
/// much longer from a cold disk.
const LOOKED_OVER: Size = Size::mib(256);

/// Damage in pages nobody has read yet would otherwise be found by whoever needs
/// them, long after the backup that has them whole was thrown away.
async fn look_over(sqlite: &Sqlite, path: &Path) -> Result<()> {
    let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if size > LOOKED_OVER.0 {
        tracing::info!(size, "the database is too large to be looked over at every start");
        return Ok(());
    }
    let rows = sqlite.query(Statement::new("PRAGMA quick_check(1)")).await?;
    let found: String = rows.only()?.at(0)?;
    match found.as_str() {
        "ok" => Ok(()),
        _ => Err(codes::CORRUPT.error("the database file is damaged").because(found)),
    }
}

async fn postgres(url: String, ground: &Ground) -> Result<Arc<Postgres>> {
    let mut options = postgres::Options::url(url);
    options.clock = ground.clock.clone();
    options.registry = ground.registry.clone();
    Ok(Arc::new(Postgres::open(options).await?))
}

/// So many notices are kept for nodes that lag behind.
const FEED_KEPT: u32 = 10_000;
/// A feed that does not answer is left alone for so long.
const FEED_REST: Span = Span::millis(500);
/// And so many for followers within this process.
const NOTICES_KEPT: usize = 1024;

/// What connects this node to others: what is named, or the Redis they share values in.
async fn feed(config: &Config, ground: &Ground) -> Result<Arc<dyn Feed>> {
    let named = config.feed.url.as_ref().map(resolved).transpose()?;
    let shared = config.cache.l2.url.as_deref();
    let Some(url) = named.or_else(|| shared.map(str::to_owned)) else {
        return Ok(Arc::new(MemoryFeed::new(ground.clock.clone(), NOTICES_KEPT)));
    };
    let same = shared == Some(url.as_str());
    match scheme(&url) {
        "redis" | "rediss" | "redis-sentinel" | "rediss-sentinel" | "redis+cluster"
        | "rediss+cluster" => {
            let mut redis = match same {
                // There it is known how to log in.
                true => config.cache.l2.redis(url),
                false => pool::kv::redis::Config { url, ..Default::default() },
            };
            // Who hears the feed again believes itself again: what could not be
            // said meanwhile has to follow at once.
            redis.breaker.open = FEED_REST;
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

/// Whether this node has others beside it.
pub(super) fn is_one_of_many(config: &Config) -> bool {
    config.feed.url.is_some() || config.cache.l2.url.is_some()
}

/// Where nodes count together how much is asked, if they do.
pub(super) fn limits(config: &Config, ground: &Ground) -> Result<Option<Arc<dyn Kv>>> {
    let Some(url) = &config.gate.limits.redis else { return Ok(None) };
    let redis = config.cache.l2.redis(url.clone());
    let kv = RedisKv::new(redis, ground.clock.clone(), &ground.registry)?;
    Ok(Some(Arc::new(kv)))
}

/// What the cache stands on.
pub(super) async fn tiers(
    config: &Config,
    (sql, rows): (&Arc<dyn Sql>, Arc<dyn Sql>),
    fleet: Option<(Arc<Coherence>, Arc<Announcer>)>,
    ground: &Ground,
) -> Result<cache::Ground> {
    let Ground { clock, random, registry, .. } = ground.clone();
    let servers = config.cache.l2.url.iter().chain(&config.cache.l2.servers);
    let mut l2: Vec<Arc<dyn Kv>> = Vec::new();
    for url in servers {
        let redis = config.cache.l2.redis(url.clone());
        l2.push(Arc::new(RedisKv::new(redis, clock.clone(), &registry)?));
    }
    let shared = sql.dialect() == Dialect::Postgres && l2.is_empty();
    let l3: Option<Arc<dyn Kv>> = match config.cache.l3.table {
        Table::Off => None,
        Table::Auto if !shared => None,
        Table::Auto | Table::On => {
            Some(Arc::new(SqlKv::open(sql.clone(), "cache", clock.clone()).await?))
        }
    };
    let keys = SealKeys::read(&config.cache.seal_keys)?;
    let http = Http::new(pool::http::Config::default(), clock.clone(), random.clone(), &registry)?;
    Ok(cache::Ground {
        clock,
        random,
        registry,
        l2,
        l3,
        fleet: fleet.map(|(coherence, announcer)| (coherence, announcer as Arc<dyn Tell>)),
        keys: keys.map(|keys| Arc::new(keys) as Arc<dyn Keys>),
        fetch: Some(Arc::new(Web(http))),
        sql: Some(rows),
    })
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

/// Whether this configuration has the log in a database, not in the data directory.
pub(crate) fn log_is_in_database(config: &Config) -> Result<bool> {
    let url = config.sql.url.as_ref().map(resolved).transpose()?;
    let shared = url.is_some_and(|url| scheme(&url) != "sqlite");
    Ok(is_in_database(config.ledger.place, shared))
}

/// The same of a database that other nodes may share, or not.
fn is_in_database(place: Place, shared: bool) -> bool {
    place == Place::Sql || place == Place::Auto && shared
}

/// The log of what happened.
pub(super) async fn log(
    config: &ledger::Config,
    sql: &Arc<dyn Sql>,
    space: &Arc<Space>,
    ground: &Ground,
) -> Result<Log> {
    let Ground { clock, random, .. } = ground.clone();
    let shared = sql.dialect() == Dialect::Postgres;
    if is_in_database(config.place, shared) {
        return Log::in_database(sql.clone(), clock, random).await;
    }
    let (files, space) = (space.directory().files(), space.clone());
    let folder = space.directory().path().join("ledger");
    let files = Arc::new(sparing::Sparing { files, space });
    let check = config.check;
    let options = disk::Options { clock, random, files, check, ..disk::Options::new(folder) };
    match tokio::task::spawn_blocking(move || Log::on_disk(options)).await {
        Ok(log) => log,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Looks after what the plane stands on: the database always, the feed where there are other
/// nodes, the disk. Without `disk` nothing would be answered.
pub(super) fn watch_over(
    health: &Health,
    sql: Arc<dyn Sql>,
    feed: Option<Arc<Coherence>>,
    log: Log,
    (space, disk): (Arc<Space>, Need),
    clock: &Clock,
) {
    health.watch(Arc::new(Asked(sql)), Need::Essential);
    health.watch(Arc::new(Taking(log)), Need::Essential);
    if let Some(coherence) = feed {
        health.watch(Arc::new(Heard { coherence, clock: clock.clone() }), Need::Helpful);
    }
    health.watch(Arc::new(Roomy(space)), disk);
}

/// What becomes of requests while the disk is full: where each is recorded there before it is
/// answered, none is.
pub(super) fn disk(config: &ledger::Config, sql: &Arc<dyn Sql>) -> Need {
    let shared = sql.dialect() == Dialect::Postgres;
    match config.audit {
        ledger::Audit::Strict if !is_in_database(config.place, shared) => Need::Essential,
        _ => Need::Helpful,
    }
}

struct Asked(Arc<dyn Sql>);

impl Probe for Asked {
    fn name(&self) -> &str {
        "sql"
    }

    fn probe(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { self.0.query(Statement::new("SELECT 1")).await.map(drop) })
    }
}

/// What cannot be recorded is not done.
struct Taking(Log);

impl Probe for Taking {
    fn name(&self) -> &str {
        "ledger"
    }

    fn probe(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(std::future::ready(self.0.takes()))
    }
}

struct Heard {
    coherence: Arc<Coherence>,
    clock: Clock,
}

impl Probe for Heard {
    fn name(&self) -> &str {
        "feed"
    }

    fn probe(&self) -> BoxFuture<'_, Result<()>> {
        let heard = match self.coherence.is_silent(self.clock.moment()) {
            false => Ok(()),
            true => Err(SILENT.error("nothing was heard of the feed for three seconds")),
        };
        Box::pin(std::future::ready(heard))
    }
}

struct Roomy(Arc<Space>);

impl Probe for Roomy {
    fn name(&self) -> &str {
        "disk"
    }

    fn probe(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(std::future::ready(self.0.is_there()))
    }
}
