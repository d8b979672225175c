//! The tables, and what is said to them.
//!
//! Every text begins its parameters with the time (`?1`) and the space (`?2`). Time
//! is counted in microseconds. PostgreSQL uses its own clock, so that nodes whose
//! clocks differ agree on what has ended; SQLite has no clock as fine, and uses that
//! of the process.

use std::sync::LazyLock;

use crate::sql::Dialect;
use crate::sql::migrate::Migration;

/// Values are large and often compressed already, so PostgreSQL is told not to try.
pub(super) const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "keys and values, and leases",
    sqlite: "CREATE TABLE kv_entry (
        space TEXT NOT NULL,
        key BLOB NOT NULL,
        value BLOB NOT NULL,
        ends INTEGER,
        PRIMARY KEY (space, key)
    ) STRICT;
    CREATE INDEX kv_entry_ends ON kv_entry (space, ends) WHERE ends IS NOT NULL;
    CREATE TABLE kv_lease (
        space TEXT NOT NULL,
        name BLOB NOT NULL,
        fence INTEGER NOT NULL,
        ends INTEGER NOT NULL,
        PRIMARY KEY (space, name)
    ) STRICT, WITHOUT ROWID;",
    postgres: "CREATE TABLE kv_entry (
        space TEXT NOT NULL,
        key BYTEA NOT NULL,
        value BYTEA NOT NULL,
        ends BIGINT,
        PRIMARY KEY (space, key)
    );
    ALTER TABLE kv_entry ALTER COLUMN value SET STORAGE EXTERNAL;
    CREATE INDEX kv_entry_ends ON kv_entry (space, ends) WHERE ends IS NOT NULL;
    CREATE TABLE kv_lease (
        space TEXT NOT NULL,
        name BYTEA NOT NULL,
        fence BIGINT NOT NULL,
        ends BIGINT NOT NULL,
        PRIMARY KEY (space, name)
    );",
}];

/// Rows that one statement reads, deletes or writes. Few sizes, so that few texts
/// are kept prepared.
pub(super) const ROWS: [usize; 4] = [512, 64, 8, 1];

/// The texts for one database.
pub(super) struct Texts {
    pub(super) read: [String; ROWS.len()],
    pub(super) write: [String; ROWS.len()],
    pub(super) delete: [String; ROWS.len()],
    pub(super) if_absent: String,
    pub(super) if_holds: String,
    pub(super) if_begins: String,
    pub(super) expire: String,
    pub(super) increment: String,
    pub(super) scan: String,
    pub(super) scan_open: String,
    pub(super) lease: String,
    pub(super) hold: String,
    pub(super) sweep: String,
    pub(super) sweep_leases: String,
}

/// Counted once per statement: `clock_timestamp()` goes on while it runs.
const NOW_POSTGRES: &str = "(SELECT COALESCE(CAST(?1 AS BIGINT), CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)))";
const NOW_SQLITE: &str = "?1";

/// A counter is decimal text, as an integer is written; anything else is none.
const IS_COUNTER_POSTGRES: &str = "CASE WHEN octet_length(kv_entry.value) > 20 THEN false \
     WHEN encode(kv_entry.value, 'escape') !~ '^(0|-?[1-9][0-9]*)$' THEN false \
     ELSE CAST(encode(kv_entry.value, 'escape') AS NUMERIC) BETWEEN -9223372036854775808 AND 9223372036854775807 \
     AND CAST(encode(kv_entry.value, 'escape') AS NUMERIC) + ?5 BETWEEN -9223372036854775808 AND 9223372036854775807 END";
const SUM_POSTGRES: &str =
    "convert_to(CAST(CAST(encode(kv_entry.value, 'escape') AS NUMERIC) + ?5 AS TEXT), 'UTF8')";
const IS_COUNTER_SQLITE: &str = "CASE WHEN length(kv_entry.value) > 20 THEN 0 \
     WHEN CAST(CAST(CAST(kv_entry.value AS TEXT) AS INTEGER) AS TEXT) <> CAST(kv_entry.value AS TEXT) THEN 0 \
     ELSE typeof(CAST(CAST(kv_entry.value AS TEXT) AS INTEGER) + ?5) = 'integer' END";
const SUM_SQLITE: &str =
    "CAST(CAST(CAST(CAST(kv_entry.value AS TEXT) AS INTEGER) + ?5 AS TEXT) AS BLOB)";

const LIVES: &str = "(ends IS NULL OR ends > {now})";

static SQLITE: LazyLock<Texts> = LazyLock::new(|| Texts::new(Dialect::Sqlite));
static POSTGRES: LazyLock<Texts> = LazyLock::new(|| Texts::new(Dialect::Postgres));

impl Texts {
    pub(super) fn of(dialect: Dialect) -> &'static Self {
        match dialect {
            Dialect::Sqlite => &SQLITE,
            Dialect::Postgres => &POSTGRES,
        }
    }

    fn new(dialect: Dialect) -> Self {
        let text = |text: &str| written(text, dialect);
        let (is_counter, sum, skip) = match dialect {
            Dialect::Sqlite => (IS_COUNTER_SQLITE, SUM_SQLITE, ""),
            // What somebody else is writing at this moment is swept another time.
            Dialect::Postgres => (IS_COUNTER_POSTGRES, SUM_POSTGRES, " FOR UPDATE SKIP LOCKED"),
        };
        let ends = ends(6);
        Self {
            read: ROWS.map(|rows| {
                let keys = parameters(3, rows);
                text(&format!("SELECT key, value, ends - {{now}} AS life FROM kv_entry WHERE space = ?2 AND key IN ({keys}) AND {LIVES}"))
            }),
            write: ROWS.map(|rows| {
                let values: Vec<_> = (0..rows).map(|row| row_of(3 + row * 3)).collect();
                text(&format!("INSERT INTO kv_entry (space, key, value, ends) VALUES {} ON CONFLICT (space, key) DO UPDATE SET value = excluded.value, ends = excluded.ends", values.join(", ")))
            }),
            delete: ROWS.map(|rows| {
                let keys = parameters(3, rows);
                text(&format!("DELETE FROM kv_entry WHERE space = ?2 AND key IN ({keys}) AND {LIVES}"))
            }),
            if_absent: text(&format!("INSERT INTO kv_entry (space, key, value, ends) VALUES {} ON CONFLICT (space, key) DO UPDATE SET value = excluded.value, ends = excluded.ends WHERE kv_entry.ends <= {{now}}", row_of(3))),
            if_holds: text(&format!("UPDATE kv_entry SET value = ?4, ends = {} WHERE space = ?2 AND key = ?3 AND {LIVES} AND value = ?6", self::ends(5))),
            if_begins: text(&format!("UPDATE kv_entry SET value = ?4, ends = {} WHERE space = ?2 AND key = ?3 AND {LIVES} AND (?7 = 0 OR substr(value, 1, CAST(?7 AS INTEGER)) = ?6)", self::ends(5))),
            expire: text(&format!("UPDATE kv_entry SET ends = {} WHERE space = ?2 AND key = ?3 AND {LIVES}", self::ends(4))),
            increment: text(&format!("INSERT INTO kv_entry (space, key, value, ends) VALUES (?2, ?3, ?4, {ends}) ON CONFLICT (space, key) DO UPDATE SET \
                 value = CASE WHEN kv_entry.ends <= {{now}} THEN excluded.value ELSE {sum} END, \
                 ends = CASE WHEN kv_entry.ends <= {{now}} THEN excluded.ends ELSE kv_entry.ends END \
                 WHERE kv_entry.ends <= {{now}} OR {is_counter} RETURNING value")),
            scan: text(&format!("SELECT key FROM kv_entry WHERE space = ?2 AND key >= ?3 AND key < ?5 AND {LIVES} ORDER BY key LIMIT ?4")),
            scan_open: text(&format!("SELECT key FROM kv_entry WHERE space = ?2 AND key >= ?3 AND {LIVES} ORDER BY key LIMIT ?4")),
            lease: text("INSERT INTO kv_lease (space, name, fence, ends) VALUES (?2, ?3, {now}, {now} + ?4) ON CONFLICT (space, name) DO UPDATE SET \
                 fence = CASE WHEN excluded.fence > kv_lease.fence THEN excluded.fence ELSE kv_lease.fence + 1 END, ends = excluded.ends \
                 WHERE kv_lease.ends <= {now} RETURNING fence"),
            hold: text("UPDATE kv_lease SET ends = {now} + ?4 WHERE space = ?2 AND name = ?3 AND fence = ?5 AND ends > {now}"),
            sweep: text(&format!("DELETE FROM kv_entry WHERE space = ?2 AND ends <= {{now}} AND key IN (SELECT key FROM kv_entry WHERE space = ?2 AND ends <= {{now}} ORDER BY ends LIMIT ?3{skip})")),
            sweep_leases: text(&format!("DELETE FROM kv_lease WHERE space = ?2 AND ends <= {{now}} - ?4 AND name IN (SELECT name FROM kv_lease WHERE space = ?2 AND ends <= {{now}} - ?4 LIMIT ?3{skip})")),
        }
    }
}

fn written(text: &str, dialect: Dialect) -> String {
    text.replace(
        "{now}",
        match dialect {
            Dialect::Sqlite => NOW_SQLITE,
            Dialect::Postgres => NOW_POSTGRES,
        },
    )
}

/// When a life ends that is bound as this parameter; one below zero never does.
fn ends(life: usize) -> String {
    format!("CASE WHEN ?{life} < 0 THEN NULL ELSE {{now}} + ?{life} END")
}

fn row_of(first: usize) -> String {
    format!("(?2, ?{first}, ?{}, {})", first + 1, ends(first + 2))
}

fn parameters(first: usize, many: usize) -> String {
    let all: Vec<_> = (first..first + many).map(|number| format!("?{number}")).collect();
    all.join(", ")
}
