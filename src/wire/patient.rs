//! A database that is not waited for without end.
//!
//! A server that is frozen, or a network that swallows, answers nothing at all.
//! Whoever waits gives up after a few seconds, and after a few of those nobody
//! begins to wait: they are told at once, until the server is found to answer.

use std::sync::Arc;
use std::time::Duration;

use flow::{BoxFuture, Clock, Result};
use pool::breaker::Breaker;
use pool::sql::{Dialect, Rows, Sql, Statement, Transaction, Turn, codes};

/// Longer than anything of ours takes on a database that is well.
const LIMIT: Duration = Duration::from_secs(5);

pub(super) struct Patient {
    pub(super) sql: Arc<dyn Sql>,
    pub(super) clock: Clock,
    pub(super) breaker: Breaker,
}

impl Sql for Patient {
    fn dialect(&self) -> Dialect {
        self.sql.dialect()
    }

    fn query(&self, statement: Statement) -> BoxFuture<'_, Result<Rows>> {
        let asked = async move {
            let answer = self.clock.within(LIMIT, self.sql.query(statement)).await;
            answer.unwrap_or_else(|| Err(codes::SLOW.error("the database does not answer")))
        };
        Box::pin(self.breaker.call(asked))
    }

    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<Vec<Rows>>> {
        let asked = async move {
            let answer = self.clock.within(LIMIT, self.sql.commit(transaction)).await;
            let unsure = "the database does not answer, and may have kept the change or not";
            answer.unwrap_or_else(|| Err(codes::UNSURE.error(unsure)))
        };
        Box::pin(self.breaker.call(asked))
    }

    fn turn(&self) -> BoxFuture<'_, Result<Box<dyn Turn>>> {
        self.sql.turn()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.sql.close()
    }
}
