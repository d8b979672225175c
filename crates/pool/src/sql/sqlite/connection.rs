//! Opening the file the way it has to be.

use std::path::Path;

use flow::Result;
use rusqlite::{Connection, OpenFlags};

use super::Options;
use super::run::error;
use crate::sql::codes;

/// Whether other connections may read while we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shared {
    Yes,
    No,
}

/// What every connection is told. Memory maps are off: an I/O error in a map is
/// a signal that ends the process, in a read it is an error of one statement.
const COMMON: &str = "
    PRAGMA foreign_keys = ON;
    PRAGMA mmap_size = 0;
    PRAGMA temp_store = MEMORY;
    PRAGMA trusted_schema = OFF;
";

/// The write-ahead log is copied back every 16 MiB and given back above 64 MiB.
const WRITING: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA cache_size = -16384;
    PRAGMA wal_autocheckpoint = 4096;
    PRAGMA journal_size_limit = 67108864;
";

const READING: &str = "
    PRAGMA query_only = ON;
    PRAGMA cache_size = -4096;
";

/// Statements kept prepared per connection.
const PREPARED: usize = 256;

/// The connection that writes.
pub(super) fn open(options: &Options) -> Result<(Connection, Shared)> {
    let connection = connect(options)?;
    let mut shared = Shared::Yes;
    if options.path.is_none() {
        shared = Shared::No;
    } else if journal(&connection)? != "wal" {
        // Without shared memory the log needs a file nobody else opens.
        set(&connection, "PRAGMA locking_mode = EXCLUSIVE;")?;
        let mode = journal(&connection)?;
        if mode != "wal" {
            let sentence = format!("the file system offers journal mode `{mode}` only");
            return Err(codes::CONFIG.error(sentence));
        }
        shared = Shared::No;
    }
    set(&connection, WRITING)?;
    Ok((connection, shared))
}

/// A connection that reads.
pub(super) fn open_reader(options: &Options) -> Result<Connection> {
    let connection = connect(options)?;
    set(&connection, READING)?;
    Ok(connection)
}

fn connect(options: &Options) -> Result<Connection> {
    let path = options.path.as_deref().unwrap_or(Path::new(":memory:"));
    if let (Some(folder), None) = (path.parent(), &options.vfs) {
        std::fs::create_dir_all(folder).map_err(|cause| {
            let sentence = format!("cannot make the folder `{}`", folder.display());
            codes::AWAY.error(sentence).because(cause)
        })?;
    }
    // One thread per connection: SQLite need not lock for us.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = match &options.vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs.as_str()),
        None => Connection::open_with_flags(path, flags),
    };
    let connection = opened.map_err(error)?;
    connection.busy_timeout(options.busy).map_err(error)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    set(&connection, COMMON)?;
    Ok(connection)
}

fn set(connection: &Connection, pragmas: &str) -> Result<()> {
    connection.execute_batch(pragmas).map_err(error)
}

/// Asks for the log; the mode there is. SQLite names the mode first and switches
/// to it when the statement ends: only by its end is it known whether that worked.
fn journal(connection: &Connection) -> Result<String> {
    let mut prepared = connection.prepare("PRAGMA journal_mode = WAL").map_err(error)?;
    let modes = prepared.query_map([], |row| row.get(0)).map_err(error)?;
    let modes: rusqlite::Result<Vec<String>> = modes.collect();
    Ok(modes.map_err(error)?.pop().unwrap_or_default())
}
