//! The table of checkpoints.

use flow::{Clock, Result};
use pool::sql::Sql;
use pool::sql::migrate::{Migration, migrate};

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "projections",
    sqlite: "CREATE TABLE log_projection (
        name TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;",
    postgres: "CREATE TABLE log_projection (
        name TEXT PRIMARY KEY,
        version BIGINT NOT NULL,
        position BIGINT NOT NULL
    );",
}];

pub(super) async fn make(sql: &dyn Sql, clock: &Clock) -> Result<()> {
    migrate(sql, clock, "ledger-projection", MIGRATIONS).await.map(|_| ())
}
