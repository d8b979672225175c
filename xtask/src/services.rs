//! Redis and PostgreSQL on free ports, shared by everything that is told where they are.

use std::io;
use std::thread;

use engines::known::{Engine, POSTGRES, REDIS};
use engines::own::{PostgresServer, RedisServer};

use crate::Outcome;

/// The variables by which tests find the shared servers.
const REDIS_VARIABLE: &str = "STOCKADE_TEST_REDIS";
const POSTGRES_VARIABLE: &str = "STOCKADE_TEST_POSTGRES";

/// The shared servers; dropping them stops what was started here and nothing else.
#[derive(Default)]
pub(crate) struct Services {
    redis: Option<RedisServer>,
    postgres: Option<PostgresServer>,
}

impl Services {
    /// Starts the engines that are installed, except those already named by a variable.
    pub(crate) fn start() -> io::Result<Self> {
        let wanted = |engine: &Engine, variable| {
            engine.find().is_some() && std::env::var(variable).unwrap_or_default().is_empty()
        };
        // Side by side: PostgreSQL takes a second to create its directory.
        thread::scope(|scope| {
            let redis =
                wanted(&REDIS, REDIS_VARIABLE).then(|| scope.spawn(|| RedisServer::launch(&[])));
            let postgres = wanted(&POSTGRES, POSTGRES_VARIABLE)
                .then(|| scope.spawn(|| PostgresServer::launch(&[])));
            Ok(Self {
                redis: redis.map(join).transpose()?,
                postgres: postgres.map(join).transpose()?,
            })
        })
    }

    /// What to put into the environment of whoever is to use them.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let redis = self.redis.iter().map(|server| (REDIS_VARIABLE, server.url()));
        let postgres = self.postgres.iter().map(|server| (POSTGRES_VARIABLE, server.url()));
        redis.chain(postgres).collect()
    }
}

/// `cargo xtask services`.
pub(crate) fn run() -> Outcome {
    for engine in [&REDIS, &POSTGRES] {
        if engine.find().is_none() {
            eprintln!("no {}; apt-get install {} brings it", engine.binary, engine.package);
        }
    }
    let services = Services::start()?;
    let variables = services.variables();
    if variables.is_empty() {
        return Err("nothing to start".into());
    }
    for (name, value) in variables {
        println!("export {name}={value}");
    }
    eprintln!("Running until Ctrl-C.");
    loop {
        // The servers end with this process, however it ends.
        thread::park();
    }
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, io::Result<T>>) -> io::Result<T> {
    thread
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("the thread that started an engine panicked")))
}
