//! What is kept of users and sessions.

use flow::{Clock, Result};
use pool::sql::Sql;
use pool::sql::migrate::{Migration, migrate};

/// Makes what is not there yet.
pub(crate) async fn bring_forward(sql: &dyn Sql, clock: &Clock) -> Result<()> {
    migrate(sql, clock, "gate_login", TABLES).await.map(drop)
}

const TABLES: &[Migration] = &[
    Migration::both(
        1,
        "users and sessions",
        "CREATE TABLE gate_user (
        tenant TEXT NOT NULL,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        roles TEXT NOT NULL,
        hash TEXT NOT NULL,
        disabled BIGINT NOT NULL,
        created BIGINT NOT NULL,
        PRIMARY KEY (tenant, name)
    );
    CREATE TABLE gate_totp (
        tenant TEXT NOT NULL,
        name TEXT NOT NULL,
        secret TEXT NOT NULL,
        confirmed BIGINT NOT NULL,
        step BIGINT NOT NULL,
        PRIMARY KEY (tenant, name)
    );
    CREATE TABLE gate_recovery (
        tenant TEXT NOT NULL,
        name TEXT NOT NULL,
        digest TEXT NOT NULL,
        PRIMARY KEY (tenant, name, digest)
    );
    CREATE TABLE gate_session (
        id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        name TEXT NOT NULL,
        digest TEXT NOT NULL,
        created BIGINT NOT NULL,
        seen BIGINT NOT NULL,
        fresh BIGINT NOT NULL,
        ends BIGINT NOT NULL,
        address TEXT NOT NULL,
        agent TEXT NOT NULL,
        suspicion TEXT NOT NULL
    );
    CREATE INDEX gate_session_by_name ON gate_session (tenant, name, created);
    CREATE INDEX gate_session_by_end ON gate_session (ends);
    CREATE TABLE gate_refresh (
        digest TEXT PRIMARY KEY,
        session TEXT NOT NULL,
        generation BIGINT NOT NULL,
        expires BIGINT NOT NULL,
        used BIGINT NOT NULL
    );
    CREATE INDEX gate_refresh_by_session ON gate_refresh (session, generation);
    CREATE TABLE gate_failure (
        subject TEXT PRIMARY KEY,
        failures BIGINT NOT NULL,
        since BIGINT NOT NULL,
        locked BIGINT NOT NULL
    );
    CREATE INDEX gate_failure_by_age ON gate_failure (since);",
    ),
    Migration::both(
        2,
        "users of identity providers, and what is good once",
        "ALTER TABLE gate_user ADD COLUMN provider TEXT NOT NULL DEFAULT '';
    ALTER TABLE gate_user ADD COLUMN subject TEXT NOT NULL DEFAULT '';
    CREATE TABLE gate_spent (
        what TEXT PRIMARY KEY,
        until BIGINT NOT NULL
    );
    CREATE INDEX gate_spent_by_end ON gate_spent (until);",
    ),
    Migration::both(
        3,
        "rights",
        "ALTER TABLE gate_user ADD COLUMN rights TEXT NOT NULL DEFAULT '{}'",
    ),
];
