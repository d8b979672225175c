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
}

fn check_every() -> Span {
    Span::secs(10)
}
