//! `stockade serve`.

use clap::Args;
use tokio::runtime::Builder;

use super::Outcome;
use super::globals::{Choice, Globals};

/// Serve until told to stop
///
/// Without any configuration it makes ./stockade-data, an administrator's key that
/// is shown once, and opens its doors to this machine alone. SIGTERM finishes what
/// is under way and stops, SIGHUP reads the configuration again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade serve
  stockade serve --data /var/lib/stockade --profile production
  stockade serve --http 127.0.0.1:8080 --resp ''    one elsewhere, one closed")]
pub(super) struct Serve {
    #[command(flatten)]
    choice: Choice,
    /// Where HTTP is served [default: 127.0.0.1:7400]; '' closes the door
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
    /// Where the Redis protocol is served [default: 127.0.0.1:7401]; '' closes the door
    #[arg(long, value_name = "ADDR")]
    resp: Option<String>,
    /// Where the Redis protocol is served within TLS [default: nowhere]; needs resp.tls
    #[arg(long, value_name = "ADDR")]
    resp_tls: Option<String>,
    /// Where Envoy asks by gRPC [default: 127.0.0.1:7403]; '' closes the door
    #[arg(long, value_name = "ADDR")]
    grpc: Option<String>,
    /// Take over the doors of the server that runs on the data directory; no connection is refused
    #[arg(long)]
    takeover: bool,
}

impl Serve {
    pub(super) fn run(self, globals: &Globals) -> Outcome {
        let mut flags = Vec::new();
        flags.extend(self.http.map(|address| ("listen.http", "--http", address)));
        flags.extend(self.resp.map(|address| ("listen.resp", "--resp", address)));
        flags.extend(self.resp_tls.map(|address| ("listen.resp_tls", "--resp-tls", address)));
        flags.extend(self.grpc.map(|address| ("listen.grpc", "--grpc", address)));
        if globals.verbose {
            flags.push(("log.level", "--verbose", "debug".into()));
        }
        if globals.quiet {
            flags.push(("log.level", "--quiet", "warn".into()));
        }
        let loaded = globals.load(&self.choice, flags)?;
        loaded.vet()?;
        let runtime = super::ready(Builder::new_multi_thread())?;
        runtime.block_on(crate::serve::run(loaded, self.takeover))?;
        Ok(true)
    }
}
