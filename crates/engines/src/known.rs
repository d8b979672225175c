//! The engines the tests know: what proves that one is here, and who needs it.

use std::env;
use std::fs;
use std::path::PathBuf;

/// A program from outside that some tests need.
#[derive(Debug)]
pub struct Engine {
    /// The binary whose presence proves the engine's.
    pub binary: &'static str,
    /// The Debian package that brings it.
    pub package: &'static str,
    /// What is skipped without it, for people.
    pub needed_by: &'static str,
}

/// Redis, alone, in clusters and under sentinels.
pub static REDIS: Engine = Engine {
    binary: "redis-server",
    package: "redis-server",
    needed_by: "the Redis tests of pool and the feed",
};

/// PostgreSQL. `initdb` stands for the server: `postgres` alone may be a client's remains.
pub static POSTGRES: Engine = Engine {
    binary: "initdb",
    package: "postgresql",
    needed_by: "the PostgreSQL tests of pool, the outbox and the feed",
};

/// Prometheus, which scrapes us; the same package brings `promtool`, which checks what we expose.
pub static PROMETHEUS: Engine = Engine {
    binary: "prometheus",
    package: "prometheus",
    needed_by: "the tests of watch with a real Prometheus",
};

/// curl, as people have it.
pub static CURL: Engine =
    Engine { binary: "curl", package: "curl", needed_by: "the test of the HTTP door with curl" };

/// nginx, which asks before it lets a request pass.
pub static NGINX: Engine =
    Engine { binary: "nginx", package: "nginx", needed_by: "the tests behind nginx" };

/// Caddy, which asks too.
pub static CADDY: Engine =
    Engine { binary: "caddy", package: "caddy", needed_by: "the tests behind Caddy" };

/// Python, with what gives a client a place of its own.
pub static PYTHON: Engine = Engine {
    binary: "python3",
    package: "python3-venv",
    needed_by: "the tests with clients for Python",
};

/// Node's installer, and Node with it.
pub static NPM: Engine =
    Engine { binary: "npm", package: "npm", needed_by: "the tests with clients for Node" };

/// Everything that `cargo xtask test` installs.
pub static ENGINES: &[&Engine] =
    &[&REDIS, &POSTGRES, &PROMETHEUS, &CURL, &NGINX, &CADDY, &PYTHON, &NPM];

impl Engine {
    /// Where the engine is, if it is here: on the path, or where Debian keeps the
    /// server side of PostgreSQL, newest version first.
    pub fn find(&self) -> Option<PathBuf> {
        find(self.binary)
    }

    /// As [`find`](Self::find), saying out loud what its absence skips.
    ///
    /// # Panics
    /// With `CI=true`, when the engine is absent: there nothing may be skipped.
    pub fn find_or_skip(&self) -> Option<PathBuf> {
        let found = self.find();
        if found.is_none() {
            assert!(
                !in_ci(),
                "no {}, and with CI=true no test may be skipped: install the package `{}`",
                self.binary,
                self.package
            );
            eprintln!("skipped: no {}; cargo xtask test installs it", self.binary);
        }
        found
    }
}

/// Whether this is a run in which nothing may be skipped.
pub fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true")
}

/// Where a program is: on the path, in the system's own directories, or where
/// Debian keeps the server side of PostgreSQL, newest version first.
pub fn find(binary: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from))
        .chain(debian_postgres())
        .map(|directory| directory.join(binary))
        .find(|candidate| candidate.is_file())
}

fn debian_postgres() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir("/usr/lib/postgresql") else {
        return Vec::new();
    };
    let mut versions: Vec<_> = entries
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())))
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, path)| path.join("bin")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_found_and_nonsense_is_not() {
        assert!(find("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find("no-such-program-anywhere"), None);
    }

    #[test]
    fn an_absent_engine_is_skipped_here_and_fatal_in_ci() {
        let absent =
            Engine { binary: "no-such-program-anywhere", package: "none", needed_by: "this test" };
        let found = std::panic::catch_unwind(|| absent.find_or_skip());
        match in_ci() {
            true => assert!(found.is_err()),
            false => assert_eq!(found.unwrap(), None),
        }
    }
}
