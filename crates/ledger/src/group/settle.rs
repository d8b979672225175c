//! Settling what was taken.

use flow::{Id, Result};
use pool::sql::{Dialect, Rows, Statement, Transaction};

use super::row::{self, LEASED, PARKED, WAITING};
use super::{Groups, REASON_MAX, Receipt, TAKE_MAX};
use crate::codes::{INVALID, RECEIPT_STALE};

/// The doublings of a rest; it has reached its most by then.
const DOUBLINGS: u32 = 20;

impl Groups {
    /// These are done, and never come again. Saying so twice does no harm, and neither does
    /// saying it late, as long as nobody else was given the event.
    ///
    /// # Errors
    /// When there is no such group, and when an event was given to somebody else; the others
    /// are done then.
    pub async fn ack(&self, tenant: &str, name: &str, receipts: &[Receipt]) -> Result<()> {
        let group = self.group_of(tenant, name, receipts).await?;
        for (take, positions) in by_take(receipts) {
            let text = format!(
                "DELETE FROM log_delivery WHERE group_id = ?1 AND receipt = ?2 \
                 AND position IN ({})",
                row::listed(self.sql.dialect(), "?3")
            );
            let done = Statement::new(text).bind(group).bind(take);
            let done = done.bind(row::list(positions));
            let done = self.settled(Transaction::new().run(done)).await?;
            self.signals.acknowledged.add(done.touched());
        }
        self.changed.notify_waiters();
        // What is not there any more was settled; what is there is somebody else's.
        self.none_of_others(group, receipts).await
    }

    /// These are to come again after a rest, or are parked if they were tried as often as may
    /// be. What was settled before stays as it is.
    ///
    /// # Errors
    /// As [`Groups::ack`].
    pub async fn retry(
        &self,
        tenant: &str,
        name: &str,
        receipts: &[Receipt],
        reason: &str,
    ) -> Result<()> {
        let known = self.known(tenant, name).await?;
        few_enough(receipts)?;
        let least = match self.sql.dialect() {
            Dialect::Sqlite => "min",
            Dialect::Postgres => "least",
        };
        let options = known.options;
        for (take, positions) in by_take(receipts) {
            let text = format!(
                "UPDATE log_delivery SET reason = ?4, \
                 state = CASE WHEN attempt >= ?5 THEN {PARKED} ELSE {WAITING} END, \
                 due = ?6 + CASE WHEN attempt >= ?5 THEN 0 ELSE {least}(?7, \
                 ?8 * (1 << CAST({least}(attempt - 1, {DOUBLINGS}) AS INTEGER))) END \
                 WHERE group_id = ?1 AND receipt = ?2 AND state = {LEASED} \
                 AND position IN ({}) RETURNING state",
                row::listed(self.sql.dialect(), "?3")
            );
            let again = Statement::new(text)
                .bind(known.id)
                .bind(take)
                .bind(row::list(positions))
                .bind(shortened(reason))
                .bind(options.tries)
                .bind(row::millis(self.clock.now()))
                .bind(row::number(options.rest_max.0.as_millis() as u64))
                .bind(row::number(options.rest.0.as_millis() as u64));
            self.count(&self.settled(Transaction::new().run(again)).await?)?;
        }
        self.changed.notify_waiters();
        self.none_of_others(known.id, receipts).await
    }

    /// These are parked at once: trying them again would not help.
    ///
    /// # Errors
    /// As [`Groups::ack`].
    pub async fn park(
        &self,
        tenant: &str,
        name: &str,
        receipts: &[Receipt],
        reason: &str,
    ) -> Result<()> {
        let group = self.group_of(tenant, name, receipts).await?;
        for (take, positions) in by_take(receipts) {
            let text = format!(
                "UPDATE log_delivery SET reason = ?4, state = {PARKED}, due = ?5 \
                 WHERE group_id = ?1 AND receipt = ?2 AND state = {LEASED} \
                 AND position IN ({}) RETURNING state",
                row::listed(self.sql.dialect(), "?3")
            );
            let park = Statement::new(text)
                .bind(group)
                .bind(take)
                .bind(row::list(positions))
                .bind(shortened(reason))
                .bind(row::millis(self.clock.now()));
            self.count(&self.settled(Transaction::new().run(park)).await?)?;
        }
        self.changed.notify_waiters();
        self.none_of_others(group, receipts).await
    }

    /// Gives events back that were not tried: they come again at once, and it does not count.
    ///
    /// # Errors
    /// When there is no such group. What was given to somebody else stays there.
    pub async fn release(&self, tenant: &str, name: &str, receipts: &[Receipt]) -> Result<()> {
        let group = self.group_of(tenant, name, receipts).await?;
        self.give_back(group, receipts).await
    }

    pub(super) async fn give_back(&self, group: Id, receipts: &[Receipt]) -> Result<()> {
        for (take, positions) in by_take(receipts) {
            // Without its receipt, so that it is done once.
            let text = format!(
                "UPDATE log_delivery SET state = {WAITING}, due = ?4, attempt = attempt - 1, \
                 receipt = '' WHERE group_id = ?1 AND receipt = ?2 AND state = {LEASED} \
                 AND position IN ({})",
                row::listed(self.sql.dialect(), "?3")
            );
            let back = Statement::new(text).bind(group).bind(take).bind(row::list(positions));
            let back = back.bind(row::millis(self.clock.now()));
            self.settled(Transaction::new().run(back)).await?;
            self.changed.notify_waiters();
        }
        Ok(())
    }

    /// The group that receipts are sent to.
    async fn group_of(&self, tenant: &str, name: &str, receipts: &[Receipt]) -> Result<Id> {
        few_enough(receipts)?;
        super::check_name(name)?;
        let text = "SELECT id FROM log_group WHERE tenant = ?1 AND name = ?2";
        let select = Statement::new(text).bind(tenant.as_bytes()).bind(name);
        let rows = self.sql.query(select).await?;
        rows.first().map_or_else(|| Err(super::missing(name)), |row| row.at(0))
    }

    /// An error when one of these is with somebody else by now.
    async fn none_of_others(&self, group: Id, receipts: &[Receipt]) -> Result<()> {
        let text = format!(
            "SELECT position, receipt FROM log_delivery WHERE group_id = ?1 \
             AND position IN ({}) ORDER BY position",
            row::listed(self.sql.dialect(), "?2")
        );
        let positions = row::list(receipts.iter().map(|receipt| receipt.position));
        let rows = self.sql.query(Statement::new(text).bind(group).bind(positions)).await?;
        let mut stale = Vec::new();
        for row in &rows {
            let (position, take): (u64, String) = (row.at(0)?, row.at(1)?);
            let ours = |own: &&Receipt| own.position == position && own.take.to_string() == take;
            if !receipts.iter().any(|receipt| ours(&receipt)) {
                stale.push(position);
            }
        }
        let Some(first) = stale.first() else { return Ok(()) };
        let more = match stale.len() - 1 {
            0 => String::new(),
            more => format!("; {more} more likewise"),
        };
        let sentence = format!(
            "the receipt of the event at {first} holds no more: its lease ran out, or it was \
             given back{more}"
        );
        Err(RECEIPT_STALE.error(sentence))
    }

    fn count(&self, settled: &Rows) -> Result<()> {
        for row in settled {
            match row.at::<i64>(0)? {
                PARKED => self.signals.parked.add(1),
                _ => self.signals.again.add(1),
            }
        }
        Ok(())
    }
}

fn few_enough(receipts: &[Receipt]) -> Result<()> {
    if receipts.len() > TAKE_MAX as usize {
        let sentence =
            format!("{} receipts at once are more than the {TAKE_MAX} allowed", receipts.len());
        return Err(INVALID.error(sentence));
    }
    Ok(())
}

/// The positions of each take.
fn by_take(receipts: &[Receipt]) -> impl Iterator<Item = (Id, impl Iterator<Item = u64>)> {
    let mut receipts = receipts.to_vec();
    receipts.sort_unstable_by_key(|receipt| (receipt.take, receipt.position));
    let takes: Vec<Vec<Receipt>> =
        receipts.chunk_by(|one, other| one.take == other.take).map(<[_]>::to_vec).collect();
    takes.into_iter().filter_map(|receipts| {
        let take = receipts.first()?.take;
        Some((take, receipts.into_iter().map(|receipt| receipt.position)))
    })
}

/// As much of a reason as is kept, as every database takes it.
fn shortened(reason: &str) -> String {
    let end = reason.floor_char_boundary(REASON_MAX);
    reason.get(..end).unwrap_or_default().replace('\0', "\u{fffd}")
}
