//! A log in a database has the same backups.

use std::sync::Arc;

use flow::{Clock, Random};
use ledger::Log;
use ledger::backup::Until;
use ledger::query::Query;
use pool::file::lossy::Lossy;
use pool::sql::sqlite::{Options, Sqlite};
use pool::sql::{Sql, Statement, Transaction};

use super::model::{BACKUP, again, check, create, restore};
use crate::support::{append, batch};

#[tokio::test]
async fn a_log_in_a_database_comes_back_on_a_disk() {
    let (sql, lossy) = (Arc::new(Sqlite::open(Options::memory()).await.unwrap()), Lossy::new(1));
    let log = Log::in_database(sql.clone(), Clock::system(), Random::seeded(1)).await.unwrap();
    for n in 0..10 {
        log.append_all(batch(3 * n, 3)).await.unwrap();
        if n % 3 == 0 {
            create(&log, &lossy).await.unwrap();
        }
    }
    // Something is erased, and only its hash is left.
    let erase = Statement::new("UPDATE log_event SET body = NULL WHERE position = 29");
    sql.commit(Transaction::new().run(erase)).await.unwrap();
    let made = create(&log, &lossy).await.unwrap();
    assert_eq!((made.before, made.checkpoint.size), (30, 30));
    log.append_all(batch(30, 3)).await.unwrap();
    let erase = Statement::new("UPDATE log_event SET body = NULL WHERE position = 31");
    sql.commit(Transaction::new().run(erase)).await.unwrap();
    create(&log, &lossy).await.unwrap();
    let report = check(&lossy, BACKUP).unwrap();
    assert_eq!((report.events, report.erased, report.damages), (33, 1, vec![]));
    let restored = restore(&lossy, Until::End).unwrap();
    assert_eq!((restored.checkpoint.size, restored.erased), (33, 1));
    let copy = again(&lossy);
    assert_eq!(copy.root(33).await.unwrap(), log.root(33).await.unwrap());
    let page = copy.read(Query { from: Some(31), ..Query::default() }).await.unwrap();
    assert_eq!((page.events[0].payload.as_ref(), page.events[0].kind()), (None, "counted"));
    assert_eq!(append(&copy, "s1", 33).await, 34);
}
