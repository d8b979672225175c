//! A server for one command: nobody is told of it, and it ends with the command.

use std::sync::Arc;
use std::time::Duration;

use flow::Result;

use super::listen::{self, Sockets};
use super::{Server, open_directory};
use crate::config::{Config, Listen};
use crate::wire::{self, Ground, Outside};

/// The plane on a data directory that no server has, behind the socket there and no
/// other door. What it is asked goes the whole path, facts included.
pub(crate) struct Alone {
    server: Server,
    drain: Duration,
}

impl Alone {
    /// Takes the data directory until closed.
    pub(crate) async fn open(config: &Config, ground: &Ground) -> Result<Self> {
        let mut config = config.clone();
        let nowhere = String::new;
        config.listen =
            Listen { http: nowhere(), resp: nowhere(), resp_tls: nowhere(), grpc: nowhere() };
        config.http.tls = None;
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        listen::check_path(&config.data)?;
        let outside = Outside::reach(&config, ground).await?;
        let directory = Arc::new(open_directory(&config, false, ground).await?);
        let sockets = Sockets::default().with_local(&config.data)?;
        let owner = rustix::process::getuid().as_raw();
        let built = wire::build(&config, ground, outside, directory, owner).await?;
        let server = Server::open(&config, built, sockets, ground)?;
        Ok(Self { server, drain: config.serve.drain.0 })
    }

    /// Brings everything to disk and lets go of the directory. Another command may
    /// have found the socket meanwhile; it gets its answer.
    pub(crate) async fn close(self) {
        self.server.http.drain(self.drain).await;
        self.server.running.finish().await;
    }
}
