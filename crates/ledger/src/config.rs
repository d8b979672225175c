//! What can be set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The ledger.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the log lies: in the data directory, in the database that `sql.url` names, or
    /// by itself, which is in the database where that is a server and so has other nodes.
    pub place: Place,
    /// Whether all of a log in the data directory is checked in the background after a
    /// start, every hash of it; what is behind the last checkpoint always is.
    pub check: bool,
    /// How many logged facts may wait for the disk; beyond, they are lost and counted.
    pub queue: u32,
    /// Whether what is otherwise queued, decisions among it, is on disk before it is answered.
    pub audit: Audit,
}

/// When what is recorded is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Audit {
    /// Within 100 ms; what cannot be kept is counted.
    Queued,
    /// Before the caller has the answer; what cannot be recorded is not answered.
    Strict,
}

/// Where a log lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// Where the nodes of one database share it, in that; otherwise in the data directory.
    Auto,
    /// In the data directory.
    Data,
    /// In the database.
    Sql,
}

impl Default for Config {
    fn default() -> Self {
        Self { place: Place::Auto, check: true, queue: 65_536, audit: Audit::Queued }
    }
}
