//! How sessions end.

use flow::feed::Notice;
use flow::{Fact, Result};
use pool::sql::{Statement, Transaction};

use super::Sessions;
use crate::codes::UNKNOWN_SESSION;
use crate::user::with;

impl Sessions {
    /// Ends one; whether there was such a session.
    pub(crate) async fn end(
        &self,
        tenant: &str,
        name: &str,
        id: &str,
        fact: Option<Fact>,
    ) -> Result<bool> {
        let text = "DELETE FROM gate_session WHERE tenant = ?1 AND name = ?2 AND id = ?3";
        let delete = Statement::new(text).bind(tenant).bind(name).bind(id);
        // In the order of a refresh: two at once would wait for each other.
        let transaction = Transaction::new()
            .run(forget_refresh(id))
            .run(delete)
            .expect_rows(1, &UNKNOWN_SESSION, "there is no such session")
            .tells(Notice::epoch(tenant, Some(name)));
        match self.sql.commit(with(transaction, fact)).await {
            Ok(_) => {
                self.revisions.bump(tenant, Some(name));
                self.known.lock().remove(id);
                Ok(true)
            }
            Err(error) if error.code() == &UNKNOWN_SESSION => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Ends all of a principal; how many they were.
    pub(crate) async fn end_all(
        &self,
        tenant: &str,
        name: &str,
        fact: Option<Fact>,
    ) -> Result<u64> {
        let [refresh, sessions] = forget_all(tenant, name);
        let transaction = Transaction::new()
            .run(refresh)
            .run(sessions)
            .tells_if_touched(Notice::epoch(tenant, Some(name)));
        let rows = self.sql.commit(with(transaction, fact)).await?;
        self.revisions.bump(tenant, Some(name));
        Ok(rows.get(1).map_or(0, pool::sql::Rows::touched))
    }

    /// Forgets what is over.
    pub(crate) async fn sweep(&self) -> Result<()> {
        let now = self.clock.now();
        let over = |text: &'static str| Statement::new(text).bind(now);
        let transaction = Transaction::new()
            .run(over(
                "DELETE FROM gate_refresh WHERE session IN \
                       (SELECT id FROM gate_session WHERE ends <= ?1)",
            ))
            .run(over("DELETE FROM gate_session WHERE ends <= ?1"));
        self.sql.commit(transaction).await?;
        self.known.lock().retain(|_, known| known.live.lasts(now, &self.config));
        Ok(())
    }
}

/// What ends all sessions of a principal.
pub(crate) fn forget_all(tenant: &str, name: &str) -> [Statement; 2] {
    [
        "DELETE FROM gate_refresh WHERE session IN \
      (SELECT id FROM gate_session WHERE tenant = ?1 AND name = ?2)",
        "DELETE FROM gate_session WHERE tenant = ?1 AND name = ?2",
    ]
    .map(|text| Statement::new(text).bind(tenant).bind(name))
}

fn forget_refresh(id: &str) -> Statement {
    Statement::new("DELETE FROM gate_refresh WHERE session = ?1").bind(id)
}
