//! What can be set, all of it in one tree. Each part owns its own branch.

mod codes;
mod environment;
mod key;
mod kind;
mod known;
mod layers;
mod load;
mod mask;
mod nearest;
mod origin;
mod problem;
mod production;
mod profile;
pub(crate) mod reference;
mod show;
mod url;

use std::path::PathBuf;

use flow::unit::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use codes::CODES;
pub(crate) use environment::{BOOTSTRAP_KEY, Environment, FENCE, KEY, SERVER};
pub(crate) use load::{Loaded, Sources};
pub(crate) use problem::Problems;
pub(crate) use url::Url;

/// Stockade's configuration.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Which defaults hold: `development`, `testing` or `production`.
    pub(crate) profile: Profile,
    /// The data directory. Everything Stockade keeps on this machine is in it.
    pub(crate) data: PathBuf,
    /// Space kept back in it, and when it is running out.
    pub(crate) directory: pool::directory::Config,
    /// Where the doors are.
    pub(crate) listen: Listen,
    /// Starting and stopping.
    pub(crate) serve: Serve,
    /// The log of this process.
    pub(crate) log: watch::log::Config,
    /// What is exported of how it is going.
    pub(crate) watch: watch::Config,
    /// The HTTP door.
    pub(crate) http: door_http::Config,
    /// The Redis door.
    pub(crate) resp: door_resp::Config,
    /// The door for Envoy's questions by gRPC.
    pub(crate) authz: door_authz::Config,
    /// Who is asking, and not too fast.
    pub(crate) gate: gate::Config,
    /// How policies are asked.
    pub(crate) policy: policy::Config,
    /// Values in memory.
    pub(crate) cache: cache::Config,
    /// The log of what happened.
    pub(crate) ledger: ledger::Config,
    /// The database of current state.
    pub(crate) sql: Sql,
    /// What connects several nodes.
    pub(crate) feed: Feed,
}

/// Which defaults hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Profile {
    /// On a laptop.
    #[default]
    Development,
    /// In a test.
    Testing,
    /// Where it counts: nothing open, nothing default, nothing readable by others.
    Production,
}

/// Where the doors are; an empty address closes one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Listen {
    /// HTTP, with TLS where `http.tls` says with which certificate.
    pub(crate) http: String,
    /// The Redis protocol.
    pub(crate) resp: String,
    /// The Redis protocol within TLS; `resp.tls` says with which certificate.
    pub(crate) resp_tls: String,
    /// Envoy's questions by gRPC, within TLS where `authz.tls` says with which certificate.
    pub(crate) grpc: String,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            http: "127.0.0.1:7400".into(),
            resp: "127.0.0.1:7401".into(),
            resp_tls: String::new(),
            grpc: "127.0.0.1:7403".into(),
        }
    }
}

/// Starting and stopping.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Serve {
    /// How long requests under way may take to finish when the server stops.
    pub(crate) drain: Span,
}

impl Default for Serve {
    fn default() -> Self {
        Self { drain: Span::secs(10) }
    }
}

/// The database of current state.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sql {
    /// `sqlite:PATH` or `postgres://…`, or where that is written: `env:NAME`, `file:PATH`. Without it, a file in the data directory.
    pub(crate) url: Option<Url>,
}

/// What connects several nodes.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Feed {
    /// `redis://…`, `postgres://…`, or where that is written: `env:NAME`, `file:PATH`. Without it, this node is alone.
    pub(crate) url: Option<Url>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            profile: Profile::default(),
            data: "./stockade-data".into(),
            directory: pool::directory::Config::default(),
            listen: Listen::default(),
            serve: Serve::default(),
            log: watch::log::Config::default(),
            watch: watch::Config::default(),
            http: door_http::Config::default(),
            resp: door_resp::Config::default(),
            authz: door_authz::Config::default(),
            gate: gate::Config::default(),
            policy: policy::Config::default(),
            cache: cache::Config::default(),
            ledger: ledger::Config::default(),
            sql: Sql::default(),
            feed: Feed::default(),
        }
    }
}
