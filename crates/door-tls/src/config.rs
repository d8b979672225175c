//! What can be set.

use std::path::PathBuf;

use flow::unit::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who we are, to clients that speak TLS.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// A PEM file with the certificate chain, the server's own first.
    pub certificate: PathBuf,
    /// Where its private key is: `file:PATH` or `env:NAME`, in PEM.
    pub key: String,
    /// How often the files are looked at for a change.
    #[serde(default = "check_every")]
    pub check_every: Span,
    /// Clients that show a certificate of their own.
    #[serde(default)]
    pub clients: Option<Clients>,
}

/// Whose clients' certificates are believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clients {
    /// A PEM file with the authorities that sign them.
    pub authorities: PathBuf,
    /// A PEM file with the lists of those that were revoked.
    #[serde(default)]
    pub revoked: Option<PathBuf>,
    /// Whether a client without one is turned away before it can ask anything.
    #[serde(default)]
    pub required: bool,
}

fn check_every() -> Span {
    Span::secs(10)
}
