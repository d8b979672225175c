//! What somebody is beside their roles, on the command line.

use clap::Args;
use serde_json::{Value, json};

/// What somebody is beside their roles.
#[derive(Debug, Args)]
pub(super) struct Rights {
    /// What they may do, one by one: `cache:get`, `cache:*`, `cache:get:prices`; once for each
    #[arg(long = "permission", value_name = "PERMISSION")]
    permissions: Vec<String>,
    /// Whom they belong to, for policies to read; once for each
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// How much they may know, for policies to read
    #[arg(long, default_value = "public", value_name = "CLEARANCE", value_parser = ["public", "internal", "confidential", "secret", "top_secret"])]
    clearance: String,
}

/// Roles and permissions, as a table has them.
pub(super) fn shown(roles: &[String], rights: &Value) -> String {
    let permissions = rights.get("permissions").and_then(Value::as_array).into_iter().flatten();
    let all = roles.iter().map(String::as_str).chain(permissions.filter_map(Value::as_str));
    all.collect::<Vec<_>>().join(", ")
}

impl Rights {
    /// As the server takes them.
    pub(super) fn document(&self) -> Value {
        let Self { permissions, groups, clearance } = self;
        json!({ "permissions": permissions, "groups": groups, "clearance": clearance })
    }
}
