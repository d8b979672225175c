//! What can be set.

use flow::Network;
use flow::unit::{Size, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The door for Envoy's questions by gRPC.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Certificate and key; with them the door is within TLS.
    pub tls: Option<door_tls::Config>,
    /// How long a proxy may take for the TLS handshake.
    pub handshake_timeout: Span,
    /// The networks of proxies that are believed where their clients come from; of others every
    /// request is their own.
    pub trusted: Vec<Network>,
    /// Open connections; more are closed.
    pub connections_max: u32,
    /// Questions at a time on one connection.
    pub streams_max: u32,
    /// Questions at a time, all connections together; more are answered 503.
    pub requests_max: u32,
    /// The largest question, with the body in it: more than Envoy's `max_request_bytes`.
    pub message_max: Size,
}

impl Config {
    /// Whether a door can be opened with this: reads the certificate, opens nothing.
    ///
    /// # Errors
    /// What opening the door would say.
    pub fn check(&self) -> flow::Result<()> {
        crate::listen::acceptor(self).map(drop)
    }
}

impl Default for Config {
    fn default() -> Self {
        let loopback = ["127.0.0.0/8", "::1/128"].into_iter();
        Self {
            tls: None,
            handshake_timeout: Span::secs(10),
            trusted: loopback.filter_map(|network| network.parse().ok()).collect(),
            connections_max: 1_024,
            streams_max: 256,
            requests_max: 1_024,
            message_max: Size::mib(4),
        }
    }
}
