//! The tables.

use flow::{Clock, Result};
use pool::sql::Sql;
use pool::sql::migrate::{Migration, migrate};

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "consumer groups",
        sqlite: "CREATE TABLE log_group (
        id TEXT PRIMARY KEY,
        tenant BLOB NOT NULL,
        name TEXT NOT NULL,
        filter TEXT NOT NULL,
        options TEXT NOT NULL,
        next INTEGER NOT NULL,
        turn TEXT NOT NULL,
        created INTEGER NOT NULL,
        UNIQUE (tenant, name)
    ) STRICT;
    CREATE TABLE log_delivery (
        group_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        state INTEGER NOT NULL,
        due INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        receipt TEXT NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (group_id, position)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX log_delivery_due ON log_delivery (group_id, state, due);",
        postgres: "CREATE TABLE log_group (
        id TEXT PRIMARY KEY,
        tenant BYTEA NOT NULL,
        name TEXT NOT NULL,
        filter TEXT NOT NULL,
        options TEXT NOT NULL,
        next BIGINT NOT NULL,
        turn TEXT NOT NULL,
        created BIGINT NOT NULL,
        UNIQUE (tenant, name)
    );
    CREATE TABLE log_delivery (
        group_id TEXT NOT NULL,
        position BIGINT NOT NULL,
        state BIGINT NOT NULL,
        due BIGINT NOT NULL,
        attempt BIGINT NOT NULL,
        receipt TEXT NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (group_id, position)
    );
    CREATE INDEX log_delivery_due ON log_delivery (group_id, state, due);",
    },
    Migration {
        version: 2,
        name: "the event that a group has come to",
        sqlite: "ALTER TABLE log_group ADD COLUMN mark TEXT NOT NULL DEFAULT '';",
        postgres: "ALTER TABLE log_group ADD COLUMN mark TEXT NOT NULL DEFAULT '';",
    },
];

pub(super) async fn make(sql: &dyn Sql, clock: &Clock) -> Result<()> {
    migrate(sql, clock, "ledger-group", MIGRATIONS).await.map(|_| ())
}
