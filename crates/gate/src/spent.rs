//! What is good once, on all nodes: whoever writes it down first has used it.

use std::sync::Arc;

use flow::{Clock, Result, Time};
use pool::sql::{Sql, Statement, Transaction};

/// What was used and must not come again.
pub(crate) struct Spent {
    sql: Arc<dyn Sql>,
    clock: Clock,
}

impl Spent {
    pub(crate) fn new(sql: Arc<dyn Sql>, clock: Clock) -> Self {
        Self { sql, clock }
    }

    /// Uses this; whether it was not used before. It is remembered until then, and has to be
    /// refused for another reason afterwards.
    pub(crate) async fn spend(&self, what: &str, until: Time) -> Result<bool> {
        let text = "INSERT INTO gate_spent (what, until) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        let insert = Statement::new(text).bind(what).bind(until);
        let rows = self.sql.commit(Transaction::new().run(insert)).await?;
        Ok(rows.first().is_some_and(|rows| rows.touched() == 1))
    }

    /// Forgets what is over.
    pub(crate) async fn sweep(&self) -> Result<()> {
        let over = Statement::new("DELETE FROM gate_spent WHERE until < ?1").bind(self.clock.now());
        self.sql.commit(Transaction::new().run(over)).await.map(drop)
    }
}
