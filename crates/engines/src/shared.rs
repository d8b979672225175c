//! The shared servers, and a corner of them for each test.

use std::env;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::LazyLock;

use crate::known::{POSTGRES, REDIS};
use crate::postgres::{PostgresServer, psql};
use crate::redis::RedisServer;
use crate::resp::Connection;

/// A key prefix nobody else has, on a Redis server others may be using. Dropping it
/// removes the keys under it.
#[derive(Debug)]
pub struct Redis {
    url: String,
    prefix: String,
}

/// A database nobody else has, on a PostgreSQL server others may be using. Dropping
/// it drops the database, whoever is still connected.
#[derive(Debug)]
pub struct Postgres {
    server: String,
    name: String,
    url: String,
}

/// A fresh prefix on the shared Redis, or `None` where there is none.
pub fn redis() -> Option<Redis> {
    static OWN: LazyLock<Option<RedisServer>> = LazyLock::new(RedisServer::start);
    let url = match env::var("STOCKADE_TEST_REDIS") {
        Ok(url) if !url.is_empty() => url,
        _ => {
            REDIS.find_or_skip()?;
            OWN.as_ref()?.url()
        }
    };
    Some(Redis { url, prefix: format!("{}:", unique()) })
}

/// A fresh database on the shared PostgreSQL, or `None` where there is none.
///
/// # Panics
/// When there is a server and it does not create the database.
pub fn postgres() -> Option<Postgres> {
    static OWN: LazyLock<Option<PostgresServer>> = LazyLock::new(PostgresServer::start);
    let server = match env::var("STOCKADE_TEST_POSTGRES") {
        Ok(url) if !url.is_empty() => url,
        _ => {
            POSTGRES.find_or_skip()?;
            OWN.as_ref()?.url()
        }
    };
    Some(Postgres::create(&server).expect("the shared server creates databases"))
}

impl Redis {
    /// Where the server is: `redis://host:port`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What every key and channel of this test begins with; it ends in a colon.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    fn sweep(&self) -> io::Result<()> {
        // Whatever else the URL carries, a test server is reached by host and port.
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        let address = rest.split('/').next().unwrap_or(rest);
        let mut connection = Connection::open(address)?;
        let pattern = format!("{}*", self.prefix);
        let mut cursor = "0".to_owned();
        loop {
            let reply = connection.ask(&["SCAN", &cursor, "MATCH", &pattern, "COUNT", "1000"])?;
            let [next, keys] = reply.parts() else {
                return Ok(());
            };
            let keys: Vec<_> = keys.parts().iter().map(|key| key.text()).collect();
            if !keys.is_empty() {
                connection.ask(&[&["UNLINK"], &keys[..]].concat())?;
            }
            if next.text() == "0" {
                return Ok(());
            }
            cursor = next.text().to_owned();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // The server may be gone before us; then so are the keys.
        let _ = self.sweep();
    }
}

impl Postgres {
    /// Creates a database on the server that `server` connects to.
    pub(crate) fn create(server: &str) -> io::Result<Self> {
        let name = unique();
        psql(server, &format!("CREATE DATABASE {name}"))?;
        let url = with_database(server, &name);
        Ok(Self { server: server.to_owned(), name, url })
    }

    /// Where the database is: `postgresql://user@host:port/name`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs SQL in the database and answers its rows, columns apart by `|`.
    pub fn sql(&self, sql: &str) -> io::Result<String> {
        psql(&self.url, sql)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The server may be gone before us; then so is the database.
        let _ = psql(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// The same server, another database.
fn with_database(server: &str, name: &str) -> String {
    let (base, query) = match server.split_once('?') {
        Some((base, query)) => (base, format!("?{query}")),
        None => (server, String::new()),
    };
    let authority = base.find("://").map_or(0, |at| at + 3);
    let end = base.get(authority..).and_then(|rest| rest.find('/'));
    let host = end.and_then(|at| base.get(..authority + at)).unwrap_or(base);
    format!("{host}/{name}{query}")
}

/// A name that no other test has, in any process: hashers are seeded by the system,
/// which is all the randomness a name needs.
fn unique() -> String {
    format!("t{}_{:016x}", std::process::id(), RandomState::new().hash_one("stockade"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_replaces_the_one_in_the_url() {
        let cases = [
            ("postgresql://u@h:1/postgres", "postgresql://u@h:1/x"),
            ("postgres://u:p@h:1", "postgres://u:p@h:1/x"),
            ("postgres://h/a?sslmode=disable", "postgres://h/x?sslmode=disable"),
        ];
        for (server, expected) in cases {
            assert_eq!(with_database(server, "x"), expected);
        }
    }
}
