//! What was tried in vain.

use flow::{Result, Time};
use pool::sql::{Statement, Transaction};

use super::row::{self, PARKED, WAITING};
use super::{Groups, TAKE_MAX};
use crate::codes::INVALID;
use crate::event::Record;

/// An event that is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The event.
    pub event: Record,
    /// How often it was delivered.
    pub attempts: u32,
    /// Why it was tried in vain the last time.
    pub reason: String,
    /// Since when it is parked.
    pub since: Time,
}

/// Which of the parked events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// All that are parked by now.
    All,
    /// Those at these positions.
    At(&'a [u64]),
}

impl Groups {
    /// Parked events from a position on, at most so many, and where the next page begins if
    /// there is more.
    ///
    /// # Errors
    /// When there is no such group, or the log or the database cannot be read.
    pub async fn parked(
        &self,
        tenant: &str,
        name: &str,
        from: u64,
        limit: u32,
    ) -> Result<(Vec<Parked>, Option<u64>)> {
        if !(1..=TAKE_MAX).contains(&limit) {
            let sentence = format!("a page of {limit} is not possible: ask for 1 to {TAKE_MAX}");
            return Err(INVALID.error(sentence));
        }
        let known = self.known(tenant, name).await?;
        let text = format!(
            "SELECT position, attempt, reason, due FROM log_delivery \
             WHERE group_id = ?1 AND state = {PARKED} AND position >= ?2 \
             ORDER BY position LIMIT ?3"
        );
        let select = Statement::new(text).bind(known.id).bind(row::number(from)).bind(limit);
        let rows = self.sql.query(select).await?;
        let positions = rows.iter().map(|row| row.get("position"));
        let positions = positions.collect::<Result<Vec<u64>>>()?;
        let (events, left) = self.events(&known.filter, &positions).await?;
        let mut parked = Vec::with_capacity(events.len());
        let mut rows = rows.iter().zip(&positions);
        for event in events {
            let Some((row, _)) = rows.find(|(_, position)| **position == event.position) else {
                break;
            };
            parked.push(Parked {
                event,
                attempts: row.get("attempt")?,
                reason: row.get("reason")?,
                since: Time(row.get::<u64>("due")?.saturating_mul(1_000_000)),
            });
        }
        // A page of large events ends early.
        let full = positions.last().filter(|_| positions.len() == limit as usize);
        Ok((parked, left.first().copied().or(full.map(|last| last + 1))))
    }

    /// Has parked events delivered again, as if for the first time; how many.
    ///
    /// # Errors
    /// When there is no such group.
    pub async fn replay(&self, tenant: &str, name: &str, which: Which<'_>) -> Result<u64> {
        let known = self.known(tenant, name).await?;
        let text = format!(
            "UPDATE log_delivery SET state = {WAITING}, due = ?2, attempt = 0, receipt = '', \
             reason = '' WHERE {}",
            self.these(which, "?3")
        );
        let replay = Statement::new(text).bind(known.id).bind(row::millis(self.clock.now()));
        self.change_parked(replay, which).await
    }

    /// Gives parked events up for good; how many.
    ///
    /// # Errors
    /// When there is no such group.
    pub async fn drop_parked(&self, tenant: &str, name: &str, which: Which<'_>) -> Result<u64> {
        let known = self.known(tenant, name).await?;
        let text = format!("DELETE FROM log_delivery WHERE {}", self.these(which, "?2"));
        self.change_parked(Statement::new(text).bind(known.id), which).await
    }

    fn these(&self, which: Which<'_>, parameter: &str) -> String {
        let parked = format!("group_id = ?1 AND state = {PARKED}");
        match which {
            Which::All => parked,
            Which::At(_) => {
                let positions = row::listed(self.sql.dialect(), parameter);
                format!("{parked} AND position IN ({positions})")
            }
        }
    }

    async fn change_parked(&self, change: Statement, which: Which<'_>) -> Result<u64> {
        let change = match which {
            Which::All => change,
            Which::At(positions) => change.bind(row::list(positions.iter().copied())),
        };
        let changed = self.settled(Transaction::new().run(change)).await?;
        // There is something to be taken, or room for what is new.
        self.changed.notify_waiters();
        Ok(changed.touched())
    }
}
