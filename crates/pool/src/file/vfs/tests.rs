use flow::Random;
use rusqlite::{Connection, OpenFlags, params};

use super::*;
use crate::file::lossy::{Failure, Fault, Lossy, Op, Survival};

const DATABASE: &str = "/stockade.db";
/// Transactions a run tries to commit, and the rows of each.
const TRANSACTIONS: u32 = 12;
const ROWS: u32 = 3;

/// How a database is to be kept, by its pragmas.
#[derive(Debug, Clone, Copy)]
struct Mode {
    journal: &'static str,
    synchronous: &'static str,
}

const WAL: Mode = Mode { journal: "WAL", synchronous: "FULL" };

fn layer(disk: &Lossy) -> Registered {
    register(Arc::new(disk.clone())).unwrap()
}

fn open(layer: &Registered, mode: Mode) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::default();
    let database = Connection::open_with_flags_and_vfs(DATABASE, flags, layer.name())?;
    database.pragma_update(None, "synchronous", mode.synchronous)?;
    database.pragma_update(None, "journal_mode", mode.journal)?;
    // A few pages, so that checkpoints take part.
    database.pragma_update(None, "wal_autocheckpoint", 8)?;
    Ok(database)
}

/// Commits until something fails; how many commits were acknowledged.
fn work(database: &mut Connection) -> (u32, rusqlite::Result<()>) {
    let table = "CREATE TABLE IF NOT EXISTS part (
        number INTEGER, part INTEGER, bytes BLOB, UNIQUE (number, part))";
    let mut acknowledged = 0;
    let mut go = || -> rusqlite::Result<()> {
        database.execute_batch(table)?;
        for number in 0..TRANSACTIONS {
            let transaction = database.transaction()?;
            for part in 0..ROWS {
                let bytes = vec![number as u8; 700 * (part as usize + 1)];
                let row = params![number, part, bytes];
                transaction.execute("INSERT INTO part VALUES (?, ?, ?)", row)?;
            }
            transaction.commit()?;
            acknowledged = number + 1;
        }
        Ok(())
    };
    let result = go();
    (acknowledged, result)
}

/// How many transactions a disk holds; an error when one is there by half or the
/// database is damaged.
fn found(disk: &Lossy, mode: Mode) -> Result<u32, String> {
    let layer = layer(disk);
    let database = open(&layer, mode).map_err(|error| error.to_string())?;
    let check = || -> rusqlite::Result<Result<u32, String>> {
        let verdict: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        if verdict != "ok" {
            return Ok(Err(verdict));
        }
        if !database.table_exists(None, "part")? {
            return Ok(Ok(0));
        }
        let counts = "SELECT count(*) FROM part WHERE length(bytes) = 700 * (part + 1)
            GROUP BY number ORDER BY number";
        let counts: Vec<u32> = database
            .prepare(counts)?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let (last, rows) = database.query_row(
            "SELECT coalesce(max(number) + 1, 0), count(*) FROM part",
            [],
            |row| Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?)),
        )?;
        let whole = counts.iter().all(|count| *count == ROWS);
        let all = counts.len() == last as usize && rows == last * ROWS;
        Ok(if whole && all {
            Ok(last)
        } else {
            Err(format!("half a transaction: {counts:?} up to {last}"))
        })
    };
    check().map_err(|error| error.to_string())?
}

/// What a run with crashes came to.
#[derive(Debug, Default)]
struct Tally {
    crashes: u32,
    lost: u32,
    damaged: u32,
    example: String,
}

/// Cuts the power at every operation of the work, lets part of what was not synced
/// survive in several ways, and looks what is left.
fn crash_everywhere(mode: Mode) -> Tally {
    let mut tally = Tally::default();
    for n in 1.. {
        let disk = Lossy::new(n);
        disk.plan(Fault::nth(Op::Change, n, Failure::PowerOff));
        let layer = layer(&disk);
        let (acknowledged, result) = match open(&layer, mode) {
            Ok(mut database) => work(&mut database),
            Err(error) => (0, Err(error)),
        };
        let seeds = (0..3).map(|seed| Survival::Some(Random::seeded(n * 3 + seed)));
        for fate in [Survival::Nothing, Survival::Everything].into_iter().chain(seeds) {
            tally.crashes += 1;
            match found(&disk.crash(&fate), mode) {
                Ok(number) if number >= acknowledged => continue,
                Ok(_) => tally.lost += 1,
                Err(_) => tally.damaged += 1,
            }
            tally.example = format!("at {n} with {fate:?}: {acknowledged} acknowledged");
        }
        if result.is_ok() {
            break;
        }
    }
    tally
}

#[test]
fn with_full_sync_nothing_acknowledged_is_lost_wherever_the_power_goes_off() {
    let tally = crash_everywhere(WAL);
    assert!(tally.crashes > 300, "{tally:?}");
    assert_eq!((tally.lost, tally.damaged), (0, 0), "{tally:?}");
}

#[test]
fn without_sync_the_loss_is_seen() {
    let off = Mode { synchronous: "OFF", ..WAL };
    let tally = crash_everywhere(off);
    assert!(tally.lost > 50, "{tally:?}");
}

#[test]
fn a_journal_deleted_without_a_directory_sync_comes_back() {
    let delete = |synchronous| Mode { journal: "DELETE", synchronous };
    let extra = crash_everywhere(delete("EXTRA"));
    assert_eq!((extra.lost, extra.damaged), (0, 0), "{extra:?}");
    let full = crash_everywhere(delete("FULL"));
    assert!(full.lost > 0, "SQLite's manual says so: {full:?}");
    assert_eq!(full.damaged, 0, "{full:?}");
}

#[test]
fn several_connections_read_what_one_commits() {
    let disk = Lossy::new(1);
    let layer = layer(&disk);
    let mut writer = open(&layer, WAL).unwrap();
    let reader = open(&layer, WAL).unwrap();
    work(&mut writer).1.unwrap();
    let count = |database: &Connection| -> u32 {
        let count = "SELECT count(*) FROM part";
        database.query_row(count, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count(&reader), TRANSACTIONS * ROWS);
    let before = reader.unchecked_transaction().unwrap();
    assert_eq!(count(&before), TRANSACTIONS * ROWS);
    writer.execute("DELETE FROM part", []).unwrap();
    assert_eq!(count(&before), TRANSACTIONS * ROWS, "a snapshot stands still");
    before.commit().unwrap();
    assert_eq!(count(&reader), 0);
    let busy = writer.unchecked_transaction().unwrap();
    busy.execute("DELETE FROM part", []).unwrap();
    reader.busy_timeout(std::time::Duration::ZERO).unwrap();
    let refused = reader.execute("DELETE FROM part", []).unwrap_err();
    assert_eq!(refused.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseBusy));
}

#[test]
fn a_full_disk_refuses_writes_and_lets_reads_go_on() {
    let disk = Lossy::new(1);
    let layer = layer(&disk);
    let mut database = open(&layer, WAL).unwrap();
    disk.make_room(Some(60_000));
    let (acknowledged, result) = work(&mut database);
    let refused = result.unwrap_err();
    assert_eq!(refused.sqlite_error_code(), Some(rusqlite::ErrorCode::DiskFull));
    let count = "SELECT count(*) FROM part";
    let rows: u32 = database.query_row(count, [], |row| row.get(0)).unwrap();
    assert!(acknowledged > 0 && rows == acknowledged * ROWS);
    disk.make_room(None);
    database.execute("DELETE FROM part", []).unwrap();
    assert_eq!(work(&mut database).0, TRANSACTIONS);
    drop(database);
    assert_eq!(found(&disk.crash(&Survival::Nothing), WAL), Ok(TRANSACTIONS));
}

#[test]
fn a_connection_outlives_its_name_and_finds_no_other_files() {
    let disk = Lossy::new(1);
    let layer = layer(&disk);
    let mut database = open(&layer, WAL).unwrap();
    work(&mut database).1.unwrap();
    let name = layer.name().to_owned();
    drop(layer);
    let again = Connection::open_with_flags_and_vfs(DATABASE, OpenFlags::default(), &*name);
    assert!(again.is_err());
    database.execute("DELETE FROM part WHERE number > 0", []).unwrap();
    drop(database);
    assert_eq!(found(&disk.crash(&Survival::Nothing), WAL), Ok(1));
}
