//! The schema, brought forward one step at a time.
//!
//! Every crate brings the list of its migrations under its own name. A migration
//! runs once, in a transaction together with the row that says so, and never
//! changes again: its checksum is kept. There is no way back; that is what
//! backups are for.
//!
//! Two nodes that start at once both begin a migration by inserting its row. The
//! second waits for the first, finds the row taken, and goes on to the next.

use flow::{Clock, Code, Kind, Result};

use super::{Dialect, Sql, Statement, Transaction, codes};

/// One step of a schema. The texts are scripts: statements separated by `;`.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its number; they are applied in ascending order.
    pub version: u32,
    /// What it does, for people.
    pub name: &'static str,
    /// What SQLite runs.
    pub sqlite: &'static str,
    /// What PostgreSQL runs.
    pub postgres: &'static str,
}

impl Migration {
    /// One text for both databases.
    pub const fn both(version: u32, name: &'static str, text: &'static str) -> Self {
        Self { version, name, sqlite: text, postgres: text }
    }

    fn text(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }

    fn checksum(&self, dialect: Dialect) -> String {
        let text = self.text(dialect).as_bytes();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text);
        let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
        digits.collect()
    }
}

/// Another node was faster. Nobody outside ever sees it.
static FASTER: Code = Code::new(
    Kind::Conflict,
    "sql-migration-taken",
    "another node runs this migration",
    "nothing: it is waited for",
);

/// Two nodes making this table at once would trip over PostgreSQL's catalog,
/// which `IF NOT EXISTS` does not guard; so they queue for a lock.
const TABLE_SQLITE: &str = "CREATE TABLE IF NOT EXISTS sql_migration (component TEXT NOT NULL, version INTEGER NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (component, version)) STRICT, WITHOUT ROWID";
const TABLE_POSTGRES: &str = "SELECT pg_advisory_xact_lock(7400100); CREATE TABLE IF NOT EXISTS sql_migration (component TEXT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (component, version))";

/// Brings the tables of `component` up to the last of `migrations`, and says how
/// many had to be applied.
pub async fn migrate(
    sql: &dyn Sql,
    clock: &Clock,
    component: &'static str,
    migrations: &[Migration],
) -> Result<u32> {
    let table = match sql.dialect() {
        Dialect::Sqlite => TABLE_SQLITE,
        Dialect::Postgres => TABLE_POSTGRES,
    };
    sql.commit(Transaction::new().script(table)).await?;
    let mut applied = 0;
    loop {
        let done = check(sql, component, migrations).await?;
        let Some(next) = migrations.get(done) else {
            return Ok(applied);
        };
        match apply(sql, clock, component, next).await {
            Ok(()) => applied += 1,
            Err(error) if error.code() == &FASTER => {}
            Err(error) => return Err(error),
        }
    }
}

/// Compares what has been applied with what this release knows; the number of
/// migrations done.
async fn check(sql: &dyn Sql, component: &str, migrations: &[Migration]) -> Result<usize> {
    let text = "SELECT version, checksum FROM sql_migration WHERE component = ?1 ORDER BY version";
    let done = sql.query(Statement::new(text).bind(component)).await?;
    for (index, row) in done.iter().enumerate() {
        let (version, checksum): (u32, String) = (row.at(0)?, row.at(1)?);
        let Some(known) = migrations.get(index) else {
            let sentence = format!(
                "`{component}` is at version {version}, this release knows {}",
                migrations.last().map_or(0, |last| last.version)
            );
            return Err(codes::NEWER.error(sentence));
        };
        if known.version != version || known.checksum(sql.dialect()) != checksum {
            let sentence = format!(
                "migration {version} of `{component}` is not the `{}` of this release",
                known.name
            );
            return Err(codes::MIGRATION_CHANGED.error(sentence));
        }
    }
    Ok(done.len())
}

async fn apply(
    sql: &dyn Sql,
    clock: &Clock,
    component: &'static str,
    migration: &Migration,
) -> Result<()> {
    let dialect = sql.dialect();
    let row = Statement::new(
        "INSERT INTO sql_migration (component, version, name, checksum, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
    )
    .bind(component)
    .bind(migration.version)
    .bind(migration.name)
    .bind(migration.checksum(dialect))
    .bind(clock.now());
    let transaction = Transaction::new()
        .run(row)
        .expect_rows(1, &FASTER, "another node was faster")
        .script(migration.text(dialect));
    sql.commit(transaction).await?;
    let (version, name) = (migration.version, migration.name);
    tracing::info!(component, version, name, "schema migrated");
    Ok(())
}

/// Brings up what every database has: the outbox, the markers and the notices.
pub(super) async fn own_tables(sql: &dyn Sql, clock: &Clock) -> Result<()> {
    let first = Migration {
        version: 1,
        name: "outbox and markers",
        sqlite: super::outbox::tables(Dialect::Sqlite),
        postgres: super::outbox::tables(Dialect::Postgres),
    };
    migrate(sql, clock, "sql", &[first, super::notices::TABLES]).await.map(|_| ())
}
