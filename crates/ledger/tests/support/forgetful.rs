//! A database whose connection is lost behind a commit now and then.

use std::sync::Arc;

use flow::{BoxFuture, Random, Result};
use parking_lot::Mutex;
use pool::sql::{Dialect, Rows, Sql, Statement, Transaction, Turn, codes};

/// Nobody knows then whether it was kept: it was, it was not, or it will be.
pub(crate) struct Forgetful {
    sql: Arc<dyn Sql>,
    random: Random,
    late: Mutex<Option<Transaction>>,
}

impl Forgetful {
    pub(crate) fn new(sql: Arc<dyn Sql>, seed: u64) -> Self {
        Self { sql, random: Random::seeded(seed), late: Mutex::new(None) }
    }

    /// What becomes of a transaction: whether it is committed, and whether that is told.
    fn fate(&self, transaction: &Transaction) -> (bool, bool) {
        // Tables are to be made in peace.
        if format!("{transaction:?}").contains("Script") {
            return (true, true);
        }
        match self.random.below(8) {
            0 => (true, false),
            1 => (false, false),
            2 => {
                // It has left, and arrives before or behind what comes next.
                *self.late.lock() = Some(transaction.clone());
                (false, false)
            }
            _ => (true, true),
        }
    }
}

impl Sql for Forgetful {
    fn dialect(&self) -> Dialect {
        self.sql.dialect()
    }

    fn query(&self, statement: Statement) -> BoxFuture<'_, Result<Rows>> {
        self.sql.query(statement)
    }

    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<Vec<Rows>>> {
        Box::pin(async move {
            let late = self.late.lock().take();
            let (done, told) = self.fate(&transaction);
            let before = self.random.below(2) == 0;
            // Whatever it says, nobody hears it.
            if let Some(late) = late.clone().filter(|_| before) {
                let _ = self.sql.commit(late).await;
            }
            let answer = if done { self.sql.commit(transaction).await } else { Ok(Vec::new()) };
            if let Some(late) = late.filter(|_| !before) {
                let _ = self.sql.commit(late).await;
            }
            if told { answer } else { Err(codes::UNSURE.error("lost behind the commit")) }
        })
    }

    fn turn(&self) -> BoxFuture<'_, Result<Box<dyn Turn>>> {
        self.sql.turn()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.sql.close()
    }
}
