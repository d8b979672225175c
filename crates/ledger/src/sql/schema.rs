//! The tables.

use flow::{Clock, Result};
use pool::sql::Sql;
use pool::sql::migrate::{Migration, migrate};

/// A path is indexed by its first bytes only: what PostgreSQL indexes has to be shorter
/// than a third of a page.
pub(super) const PATH_INDEXED: usize = 512;

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "the log",
    sqlite: "CREATE TABLE log_event (
        position INTEGER PRIMARY KEY,
        time INTEGER NOT NULL,
        version INTEGER NOT NULL,
        tenant BLOB NOT NULL,
        stream BLOB NOT NULL,
        kind BLOB NOT NULL,
        actor BLOB NOT NULL,
        component BLOB NOT NULL,
        path BLOB NOT NULL,
        correlation BLOB NOT NULL,
        causation BLOB NOT NULL,
        key BLOB NOT NULL,
        header BLOB NOT NULL,
        body BLOB,
        content BLOB NOT NULL,
        leaf BLOB NOT NULL,
        ends INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX log_tenant ON log_event (tenant, position);
    CREATE INDEX log_stream ON log_event (tenant, stream, position);
    CREATE INDEX log_kind ON log_event (tenant, kind, position);
    CREATE INDEX log_actor ON log_event (tenant, actor, position) WHERE length(actor) > 0;
    CREATE INDEX log_component ON log_event (tenant, component, position)
        WHERE length(component) > 0;
    CREATE INDEX log_path ON log_event (tenant, path, position) WHERE length(path) > 0;
    CREATE INDEX log_correlation ON log_event (tenant, correlation, position)
        WHERE length(correlation) > 0;
    CREATE INDEX log_causation ON log_event (tenant, causation, position)
        WHERE length(causation) > 0;
    CREATE UNIQUE INDEX log_key ON log_event (key) WHERE length(key) > 0;
    CREATE INDEX log_time ON log_event (time, position);
    CREATE TABLE log_tree (
        level INTEGER NOT NULL,
        place INTEGER NOT NULL,
        hash BLOB NOT NULL,
        PRIMARY KEY (level, place)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE log_head (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        size INTEGER NOT NULL,
        leaf BLOB NOT NULL,
        time INTEGER NOT NULL,
        edge BLOB NOT NULL,
        turn TEXT NOT NULL,
        until INTEGER NOT NULL
    ) STRICT;
    INSERT INTO log_head VALUES (1, 0, zeroblob(32), 0, zeroblob(0), '', 0);
    CREATE TABLE log_signer (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        name TEXT NOT NULL,
        seed BLOB NOT NULL
    ) STRICT;",
    postgres: "CREATE TABLE log_event (
        position BIGINT PRIMARY KEY,
        time BIGINT NOT NULL,
        version BIGINT NOT NULL,
        tenant BYTEA NOT NULL,
        stream BYTEA NOT NULL,
        kind BYTEA NOT NULL,
        actor BYTEA NOT NULL,
        component BYTEA NOT NULL,
        path BYTEA NOT NULL,
        correlation BYTEA NOT NULL,
        causation BYTEA NOT NULL,
        key BYTEA NOT NULL,
        header BYTEA NOT NULL,
        body BYTEA,
        content BYTEA NOT NULL,
        leaf BYTEA NOT NULL,
        ends BIGINT NOT NULL
    );
    CREATE INDEX log_tenant ON log_event (tenant, position);
    CREATE INDEX log_stream ON log_event (tenant, stream, position);
    CREATE INDEX log_kind ON log_event (tenant, kind, position);
    CREATE INDEX log_actor ON log_event (tenant, actor, position) WHERE length(actor) > 0;
    CREATE INDEX log_component ON log_event (tenant, component, position)
        WHERE length(component) > 0;
    CREATE INDEX log_path ON log_event (tenant, path, position) WHERE length(path) > 0;
    CREATE INDEX log_correlation ON log_event (tenant, correlation, position)
        WHERE length(correlation) > 0;
    CREATE INDEX log_causation ON log_event (tenant, causation, position)
        WHERE length(causation) > 0;
    CREATE UNIQUE INDEX log_key ON log_event (key) WHERE length(key) > 0;
    CREATE INDEX log_time ON log_event (time, position);
    CREATE TABLE log_tree (
        level BIGINT NOT NULL,
        place BIGINT NOT NULL,
        hash BYTEA NOT NULL,
        PRIMARY KEY (level, place)
    );
    CREATE TABLE log_head (
        one BIGINT PRIMARY KEY CHECK (one = 1),
        size BIGINT NOT NULL,
        leaf BYTEA NOT NULL,
        time BIGINT NOT NULL,
        edge BYTEA NOT NULL,
        turn TEXT NOT NULL,
        until BIGINT NOT NULL
    ) WITH (fillfactor = 10);
    INSERT INTO log_head
        VALUES (1, 0, decode(repeat('00', 32), 'hex'), 0, decode('', 'hex'), '', 0);
    CREATE TABLE log_signer (
        one BIGINT PRIMARY KEY CHECK (one = 1),
        name TEXT NOT NULL,
        seed BYTEA NOT NULL
    );",
}];

/// Makes the tables that are missing.
pub(super) async fn make(sql: &dyn Sql, clock: &Clock) -> Result<()> {
    migrate(sql, clock, "log", MIGRATIONS).await.map(|_| ())
}
