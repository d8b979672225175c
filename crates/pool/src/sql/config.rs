//! Which database, and how it is used.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use flow::signal::Registry;
use flow::unit::Span;
use flow::{Clock, Random, Result};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Sql, codes, postgres, sqlite};
use crate::secret::Secret;
use crate::{breaker, pool, retry};

/// Where current state is kept.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The database: `sqlite:PATH`, `postgres://user@host/database?sslmode=require`, or, with a password in it, a reference to the whole URL, `env:NAME` or `file:PATH`.
    pub url: Url,
    /// Statements that take longer are logged, with their text and without their values.
    pub slow_query: Span,
    /// Rows a query may answer with; more are an error, never a surprise for the memory.
    pub rows_max: usize,
    /// Transactions, and queries, that may wait for SQLite; more are refused at once.
    pub queue: usize,
    /// Transactions of SQLite that share one sync to disk at most.
    pub group: usize,
    /// Connections of SQLite that read.
    pub readers: usize,
    /// How long another process may hold the SQLite file.
    pub busy_timeout: Span,
    /// PostgreSQL gives a statement up after this.
    pub statement_timeout: Span,
    /// Connections to PostgreSQL.
    pub pool: pool::Config,
    /// When work on PostgreSQL is done again: after deadlocks and lost connections.
    pub retry: retry::Config,
    /// When a PostgreSQL server that does not answer is left alone.
    pub breaker: breaker::Config,
}

impl Default for Config {
    fn default() -> Self {
        let sqlite = sqlite::Options::memory();
        let postgres = postgres::Options::url("");
        Self {
            url: Url::default(),
            slow_query: Span(sqlite.slow),
            rows_max: sqlite.rows_max,
            queue: sqlite.queue,
            group: sqlite.group,
            readers: sqlite.readers,
            busy_timeout: Span(sqlite.busy),
            statement_timeout: Span(postgres.patience),
            pool: postgres.pool,
            retry: postgres.retry,
            breaker: postgres.breaker,
        }
    }
}

impl Config {
    /// Opens the database. A relative path is one inside `folder`.
    pub async fn open(
        self,
        folder: &Path,
        clock: &Clock,
        random: &Random,
        registry: &Registry,
    ) -> Result<Arc<dyn Sql>> {
        let (clock, random, registry) = (clock.clone(), random.clone(), registry.clone());
        match self.url.resolved()? {
            Target::Sqlite(path) => {
                let options = sqlite::Options {
                    path: path.map(|path| folder.join(path)),
                    vfs: None,
                    readers: self.readers,
                    queue: self.queue,
                    group: self.group,
                    busy: self.busy_timeout.0,
                    slow: self.slow_query.0,
                    rows_max: self.rows_max,
                    clock,
                    registry,
                };
                Ok(Arc::new(sqlite::Sqlite::open(options).await?))
            }
            Target::Postgres(url) => {
                let options = postgres::Options {
                    url,
                    pool: self.pool,
                    retry: self.retry,
                    breaker: self.breaker,
                    patience: self.statement_timeout.0,
                    slow: self.slow_query.0,
                    rows_max: self.rows_max,
                    clock,
                    random,
                    registry,
                };
                Ok(Arc::new(postgres::Postgres::open(options).await?))
            }
        }
    }
}

/// Where a database is, without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Url {
    /// A SQLite file; without a path, a database in memory.
    Sqlite(Option<PathBuf>),
    /// A PostgreSQL server that needs no password.
    Postgres(String),
    /// Written elsewhere, password and all.
    Elsewhere(Secret),
}

/// Where a database is. It may hold a password, so it is never shown.
enum Target {
    Sqlite(Option<PathBuf>),
    Postgres(String),
}

impl Default for Url {
    fn default() -> Self {
        Self::Sqlite(Some("state.db".into()))
    }
}

impl Url {
    fn resolved(&self) -> Result<Target> {
        match self {
            Url::Sqlite(path) => Ok(Target::Sqlite(path.clone())),
            Url::Postgres(url) => Ok(Target::Postgres(url.clone())),
            Url::Elsewhere(secret) => {
                let text = secret.read_text()?;
                target(text.trim()).ok_or_else(|| {
                    let sentence = format!("what `{secret}` holds is not the URL of a database");
                    codes::CONFIG.error(sentence)
                })
            }
        }
    }
}

fn target(text: &str) -> Option<Target> {
    if let Some(path) = text.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        let memory = path.is_empty() || path == ":memory:";
        return Some(Target::Sqlite((!memory).then(|| path.into())));
    }
    let postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
    postgres.then(|| Target::Postgres(text.to_owned()))
}

/// Whether there is a password in it.
fn tells_a_secret(url: &str) -> bool {
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    let (authority, query) = behind.split_once('?').unwrap_or((behind, ""));
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    user.contains(':') || query.split('&').any(|pair| pair.starts_with("password="))
}

impl FromStr for Url {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(secret) = text.parse() {
            return Ok(Url::Elsewhere(secret));
        }
        // What was written may hold a password: it must not be repeated.
        match target(text) {
            Some(Target::Sqlite(path)) => Ok(Url::Sqlite(path)),
            Some(Target::Postgres(url)) if tells_a_secret(&url) => Err(
                "the URL holds a password: put the whole URL into an environment variable or a \
                 file, and write `env:NAME` or `file:PATH`",
            ),
            Some(Target::Postgres(url)) => Ok(Url::Postgres(url)),
            None => Err("a database is written `sqlite:PATH`, `postgres://user@host/database`, \
                         `env:NAME` or `file:PATH`"),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Url::Sqlite(None) => f.write_str("sqlite::memory:"),
            Url::Sqlite(Some(path)) => write!(f, "sqlite:{}", path.display()),
            Url::Postgres(url) => f.write_str(url),
            Url::Elsewhere(secret) => secret.fmt(f),
        }
    }
}

impl Serialize for Url {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Url {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Url".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["sqlite:state.db", "env:DATABASE_URL"] })
    }

    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str, expected: Result<&str, &str>) {
        match (written.parse::<Url>(), expected) {
            (Ok(url), Ok(expected)) => assert_eq!(url.to_string(), expected),
            (Err(message), Err(part)) => assert!(message.contains(part), "{message}"),
            (got, _) => panic!("`{written}` gave {got:?}"),
        }
    }

    #[test]
    fn a_url_is_read_and_a_password_in_it_refused() {
        check("sqlite:state.db", Ok("sqlite:state.db"));
        check("sqlite:///var/lib/state.db", Ok("sqlite:/var/lib/state.db"));
        check("sqlite::memory:", Ok("sqlite::memory:"));
        check("postgres://u@h:5/d?sslmode=require", Ok("postgres://u@h:5/d?sslmode=require"));
        check("postgresql:///d?host=/run", Ok("postgresql:///d?host=/run"));
        check("env:DATABASE_URL", Ok("env:DATABASE_URL"));
        check("file:/run/secrets/url", Ok("file:/run/secrets/url"));
        for secret in ["postgres://u:hush@h/d", "postgres://h/d?user=u&password=hush"] {
            check(secret, Err("`env:NAME`"));
            assert!(!secret.parse::<Url>().unwrap_err().contains("hush"));
        }
        check("mysql://h/d", Err("`postgres://user@host/database`"));
        check("state.db", Err("`sqlite:PATH`"));
    }

    #[tokio::test]
    async fn a_reference_leads_to_the_url() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("url");
        std::fs::write(&place, "sqlite:deep/state.db\n").unwrap();
        let text = format!("{{\"url\": \"file:{}\"}}", place.display());
        let config: Config = serde_json::from_str(&text).unwrap();
        let (clock, random, registry) = (Clock::system(), Random::system(), Registry::default());
        let sql = config.open(folder.path(), &clock, &random, &registry).await.unwrap();
        assert_eq!(sql.dialect(), super::super::Dialect::Sqlite);
        assert!(folder.path().join("deep/state.db").exists());
        std::fs::write(&place, "mysql://u:hush@h/d").unwrap();
        let config: Config = serde_json::from_str(&text).unwrap();
        let refused = config.open(folder.path(), &clock, &random, &registry).await.err().unwrap();
        assert!(!format!("{refused:?}").contains("hush"), "{refused:?}");
    }
}
