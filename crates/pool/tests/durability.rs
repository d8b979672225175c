//! What `pool::sql` acknowledged is kept, whatever the disk does.
//!
//! The database runs on a disk in memory that forgets what was not synced. Commits
//! come many at a time, so that they share syncs.

use std::collections::BTreeSet;
use std::sync::Arc;

use flow::{Random, Result};
use futures_util::future::join_all;
use pool::file::lossy::{Failure, Fault, Lossy, Op, Survival};
use pool::file::vfs::{self, Registered};
use pool::sql::sqlite::{Options, Sqlite};
use pool::sql::{Sql, Statement, Transaction, codes};
use rusqlite::{Connection, OpenFlags};

const DATABASE: &str = "/state.db";
/// Rounds of commits at once, how many each, and the rows of one commit.
const ROUNDS: i64 = 3;
const AT_ONCE: i64 = 5;
const ROWS: i64 = 2;

fn layer(disk: &Lossy) -> Registered {
    vfs::register(Arc::new(disk.clone())).expect("SQLite takes the layer")
}

async fn open(layer: &Registered) -> Result<Sqlite> {
    let mut options = Options::file(DATABASE);
    options.vfs = Some(layer.name().into());
    options.readers = 1;
    Sqlite::open(options).await
}

fn raw(layer: &Registered) -> rusqlite::Result<Connection> {
    Connection::open_with_flags_and_vfs(DATABASE, OpenFlags::default(), layer.name())
}

fn transaction(number: i64) -> Transaction {
    (0..ROWS).fold(Transaction::new(), |transaction, part| {
        let insert = Statement::new("INSERT INTO part VALUES (?1, ?2, ?3)");
        let bytes = vec![1_u8; 600 * (part as usize + 1)];
        transaction.run(insert.bind(number).bind(part).bind(bytes))
    })
}

async fn make_table(sql: &Sqlite) -> Result<()> {
    let table = "CREATE TABLE IF NOT EXISTS part
        (number INTEGER, part INTEGER, bytes BLOB, UNIQUE (number, part))";
    sql.commit(Transaction::new().script(table)).await.map(drop)
}

/// One round of commits at once; the numbers of those acknowledged.
async fn round(sql: &Sqlite, round: i64) -> (BTreeSet<i64>, Vec<flow::Error>) {
    let numbers: Vec<i64> = (round * AT_ONCE..(round + 1) * AT_ONCE).collect();
    let answers = join_all(numbers.iter().map(|number| sql.commit(transaction(*number)))).await;
    let (mut acknowledged, mut errors) = (BTreeSet::new(), Vec::new());
    for (number, answer) in numbers.into_iter().zip(answers) {
        match answer {
            Ok(_) => drop(acknowledged.insert(number)),
            Err(error) => errors.push(error),
        }
    }
    (acknowledged, errors)
}

/// Every round, with a checkpoint half way; whatever fails does not stop the rest.
async fn work(layer: &Registered, sql: &Sqlite) -> (BTreeSet<i64>, Vec<flow::Error>) {
    let (mut acknowledged, mut errors) = (BTreeSet::new(), Vec::new());
    errors.extend(make_table(sql).await.err());
    for n in 0..ROUNDS {
        let (some, failed) = round(sql, n).await;
        acknowledged.extend(some);
        errors.extend(failed);
        if n == ROUNDS / 2
            && let Ok(database) = raw(layer)
        {
            // Copies the log back and empties it; failing is its right.
            database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).ok();
        }
    }
    (acknowledged, errors)
}

/// The transactions that a disk holds. An error when the database is damaged or
/// holds half of one.
fn found(disk: &Lossy) -> Result<BTreeSet<i64>, String> {
    let layer = layer(disk);
    let read = || -> rusqlite::Result<Result<BTreeSet<i64>, String>> {
        let database = raw(&layer)?;
        let verdict: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        if verdict != "ok" {
            return Ok(Err(verdict));
        }
        if !database.table_exists(None, "part")? {
            return Ok(Ok(BTreeSet::new()));
        }
        let count = "SELECT number, count(*), sum(length(bytes) = 600 * (part + 1))
            FROM part GROUP BY number";
        let mut prepared = database.prepare(count)?;
        let rows = prepared.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let rows = rows.collect::<rusqlite::Result<Vec<(i64, i64, i64)>>>()?;
        let half = rows.iter().find(|(_, count, good)| (*count, *good) != (ROWS, ROWS));
        Ok(match half {
            Some(half) => Err(format!("half a transaction: {half:?}")),
            None => Ok(rows.into_iter().map(|(number, ..)| number).collect()),
        })
    };
    read().map_err(|error| error.to_string())?
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Kept,
    Lost(BTreeSet<i64>),
    Damaged(String),
}

/// What would be left of the acknowledged transactions, were the power to go off
/// now; told by its circumstances unless all is kept.
fn judge(disk: &Lossy, seed: u64, acknowledged: &BTreeSet<i64>) -> Vec<Outcome> {
    let mixed = Survival::Some(Random::seeded(seed));
    let fates = [Survival::Nothing, Survival::Everything, mixed].into_iter();
    let outcome = |fate| match found(&disk.left_by_a_crash(&fate)) {
        Ok(kept) if kept.is_superset(acknowledged) => Outcome::Kept,
        Ok(kept) => Outcome::Lost(acknowledged.difference(&kept).copied().collect()),
        Err(damage) => Outcome::Damaged(damage),
    };
    fates.map(outcome).collect()
}

/// Runs the work once for every operation of this kind, with faults that meet that
/// operation; what would be left of each run, before and after it closed.
async fn runs(op: Op, faults: impl Fn(u64) -> Vec<Fault>) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for n in 1.. {
        let disk = Lossy::new(n);
        faults(n).into_iter().for_each(|fault| disk.plan(fault));
        let (mut acknowledged, mut errors) = (BTreeSet::new(), Vec::new());
        let layer = layer(&disk);
        match open(&layer).await {
            Err(error) => errors.push(error),
            Ok(sql) => {
                (acknowledged, errors) = work(&layer, &sql).await;
                outcomes.extend(judge(&disk, n, &acknowledged));
                sql.close().await;
            }
        }
        outcomes.extend(judge(&disk, n, &acknowledged));
        if disk.operations(op) < n {
            assert!(errors.is_empty(), "no fault, and yet: {errors:?}");
            break;
        }
    }
    outcomes
}

fn all_kept(outcomes: &[Outcome]) {
    let bad: Vec<_> = outcomes.iter().filter(|outcome| **outcome != Outcome::Kept).collect();
    assert!(bad.is_empty(), "{} of {}: {:?}", bad.len(), outcomes.len(), bad.first());
}

#[tokio::test]
async fn the_power_may_go_off_at_any_operation() {
    let cut = |n| vec![Fault::nth(Op::Change, n, Failure::PowerOff)];
    let outcomes = runs(Op::Change, cut).await;
    assert!(outcomes.len() > 400, "{}", outcomes.len());
    all_kept(&outcomes);
}

#[tokio::test]
async fn any_sync_may_fail_once() {
    let fail = |n| vec![Fault::nth(Op::Sync, n, Failure::Io)];
    let outcomes = runs(Op::Sync, fail).await;
    assert!(outcomes.len() > 40, "{}", outcomes.len());
    all_kept(&outcomes);
}

#[tokio::test]
async fn any_two_syncs_in_a_row_may_fail() {
    let fail = |n| [n, n + 1].map(|n| Fault::nth(Op::Sync, n, Failure::Io)).into();
    all_kept(&runs(Op::Sync, fail).await);
}

#[tokio::test]
async fn any_write_may_fail() {
    for failure in [Failure::Io, Failure::Short] {
        let fail = |n| vec![Fault::nth(Op::Write, n, failure)];
        all_kept(&runs(Op::Write, fail).await);
    }
}

#[tokio::test]
async fn a_disk_that_lies_about_syncs_is_seen_to_lose() {
    let lie = |n| {
        let lies = Fault::since(Op::Sync, 1, Failure::Lie);
        vec![Fault::nth(Op::Change, n, Failure::PowerOff), lies]
    };
    let outcomes = runs(Op::Change, lie).await;
    let lost = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Lost(_))).count();
    assert!(lost > outcomes.len() / 10, "{lost} of {}", outcomes.len());
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_acknowledged_before_one_succeeds() {
    let disk = Lossy::new(1);
    let layer = layer(&disk);
    let sql = open(&layer).await.unwrap();
    make_table(&sql).await.unwrap();
    let (mut acknowledged, errors) = round(&sql, 0).await;
    assert!(errors.is_empty());
    disk.plan(Fault::since(Op::Sync, 1, Failure::Io));
    for n in 1..4 {
        let (some, errors) = round(&sql, n).await;
        assert!(some.is_empty());
        let doubtful = [&codes::UNSURE, &codes::DISK];
        assert!(errors.iter().all(|error| doubtful.contains(&error.code())), "{errors:?}");
    }
    disk.forgive();
    let (some, errors) = round(&sql, 4).await;
    assert!(errors.is_empty(), "{errors:?}");
    acknowledged.extend(some);
    let outcomes = judge(&disk, 1, &acknowledged);
    all_kept(&outcomes);
    sql.close().await;
}

#[tokio::test]
async fn on_a_full_disk_writes_are_refused_reads_go_on_and_space_heals() {
    let disk = Lossy::new(1);
    let layer = layer(&disk);
    let sql = open(&layer).await.unwrap();
    make_table(&sql).await.unwrap();
    let (mut acknowledged, _) = round(&sql, 0).await;
    disk.make_room(Some(5_000));
    let (some, errors) = round(&sql, 1).await;
    acknowledged.extend(some);
    assert!(!errors.is_empty(), "they cannot all fit");
    assert!(errors.iter().all(|error| error.code() == &codes::FULL), "{errors:?}");
    let rows = sql.query(Statement::new("SELECT count(*) AS n FROM part")).await.unwrap();
    let count = i64::try_from(acknowledged.len()).unwrap() * ROWS;
    assert_eq!(rows.only().unwrap().get::<i64>("n").unwrap(), count);
    all_kept(&judge(&disk, 1, &acknowledged));
    disk.make_room(None);
    let (some, errors) = round(&sql, 2).await;
    assert!(errors.is_empty(), "{errors:?}");
    acknowledged.extend(some);
    all_kept(&judge(&disk, 2, &acknowledged));
    sql.close().await;
}
