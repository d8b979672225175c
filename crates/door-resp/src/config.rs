//! What can be set.

use std::collections::BTreeMap;

use flow::unit::{Size, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The Redis door.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether values are Stockade's own, or those of a Redis that the door is in front of.
    pub mode: Mode,
    /// The Redis, and what is kept of it; only for the mode `near`.
    pub near: Near,
    /// Keys that begin so are kept in a namespace of their own, under the rest of their name:
    /// with `"user:" = "users"` the key `user:7` is `7` in `users`. Not for the mode `near`.
    pub prefixes: BTreeMap<String, String>,
    /// Certificate and key; needed to listen within TLS.
    pub tls: Option<door_tls::Config>,
    /// How long a client may take for the TLS handshake.
    pub handshake_timeout: Span,
    /// How long a client may take to say who it is.
    pub login_timeout: Span,
    /// How many clients may be connected at once.
    pub connections_max: u32,
    /// How many of one address (IPv6: of one /64).
    pub connections_per_address_max: u32,
    /// The largest value or key a client may send.
    pub value_max: Size,
    /// The largest command a client may send, all its arguments together; what it gathers
    /// after MULTI is one.
    pub command_max: Size,
    /// How many arguments one command may have.
    pub arguments_max: u32,
    /// A connection that says nothing for so long is closed.
    pub idle: Span,
}

impl Config {
    /// Whether a door can be opened with this: reads the certificate, opens nothing.
    ///
    /// # Errors
    /// What opening the door would say.
    pub fn check(&self) -> flow::Result<()> {
        if self.mode == Mode::Near && !self.prefixes.is_empty() {
            let error =
                crate::codes::CONFIG.error("`resp.prefixes` is set, and `resp.mode` is near");
            return Err(error.with_advice("the keys of another Redis stay where they are"));
        }
        crate::prefix::Prefixes::new(&self.prefixes)?;
        crate::tls::acceptor(self).map(drop)
    }
}

/// Whose values the door shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Stockade's own.
    #[default]
    Own,
    /// Those of a Redis: hot reads are answered from memory, everything else is relayed.
    Near,
}

/// The Redis that the door is in front of.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Near {
    /// Where it is: `redis://host:6379/0`, or `rediss://…` with TLS; the number is that of the database clients see first.
    pub url: String,
    /// The user to log in as; the default user when absent.
    pub username: Option<String>,
    /// Where the password is: `env:NAME` or `file:PATH`.
    pub password: Option<String>,
    /// The authorities that sign the certificate of a `rediss://` server; those of the web when absent.
    pub ca: Option<std::path::PathBuf>,
    /// How much is kept in memory, of each database in use.
    pub memory: Size,
    /// Larger replies are not kept.
    pub value_max: Size,
    /// When Redis has not been heard for so long, nothing that is kept is believed.
    pub bound: Span,
    /// How long connecting may take.
    pub connect_timeout: Span,
}

impl Default for Near {
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1:6379".into(),
            username: None,
            password: None,
            ca: None,
            memory: Size::mib(64),
            value_max: Size::mib(1),
            bound: Span::secs(3),
            connect_timeout: Span::secs(2),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            near: Near::default(),
            prefixes: BTreeMap::new(),
            tls: None,
            handshake_timeout: Span::secs(10),
            login_timeout: Span::secs(60),
            connections_max: 10_000,
            connections_per_address_max: 4_096,
            value_max: Size::mib(64),
            command_max: Size::mib(256),
            arguments_max: 65_536,
            idle: Span::secs(3600),
        }
    }
}
