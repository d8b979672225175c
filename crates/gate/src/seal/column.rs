//! Columns of the database that hold sealed text.

use std::collections::BTreeSet;

use flow::Result;
use pool::codec::seal::{KeyId, Keys as _};
use pool::sql::{Row, Sql, Statement, Transaction};

use super::{Seal, parts};

/// So many rows are read at a time.
const AT_ONCE: u32 = 100;

/// A column that holds sealed text, and how its rows are found and changed.
pub(crate) struct Column {
    /// What its rows are, for people.
    pub(crate) holds: &'static str,
    pub(crate) loss: Loss,
    /// Where its rows are.
    pub(crate) rows: &'static str,
    /// The sealed text of one.
    pub(crate) sealed: &'static str,
    /// What else is needed to know what one is bound to, and to change it.
    pub(crate) names: &'static str,
    /// What the text of a row is bound to.
    pub(crate) bound: fn(&Row) -> Result<Vec<u8>>,
    /// Puts other text into a row that still has the text before.
    pub(crate) replace: fn(&Row, before: &str, anew: &str) -> Result<Statement>,
}

/// What it means that a secret cannot be opened any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Another one takes its place.
    Replaced,
    /// There is no other.
    Final,
}

/// Rows nobody can open.
pub(super) struct Closed {
    pub(super) keys: BTreeSet<u32>,
    pub(super) rows: i64,
}

impl Column {
    /// Rows that none of these keys has sealed.
    pub(super) async fn closed(&self, sql: &dyn Sql, keys: &[KeyId]) -> Result<Closed> {
        let count = sql.query(self.select("COUNT(*)", keys, "")).await?;
        let rows = count.first().map(|row| row.at(0)).transpose()?.unwrap_or_default();
        let mut closed = Closed { keys: BTreeSet::new(), rows };
        let some = self.select(self.sealed, keys, &format!("LIMIT {AT_ONCE}"));
        for row in sql.query(some).await?.iter() {
            closed.keys.extend(parts(&row.at::<String>(0)?).map(|(id, _)| id.0));
        }
        Ok(closed)
    }

    /// Seals anew, by the key that seals now, what another sealed; some at a time. How many
    /// there were.
    pub(super) async fn reseal(&self, sql: &dyn Sql, seal: &Seal) -> Result<usize> {
        let mut others = seal.given_up.clone();
        others.push(seal.sealing()?.id());
        let columns = format!("{}, {} AS sealed", self.names, self.sealed);
        let some = self.select(&columns, &others, &format!("LIMIT {AT_ONCE}"));
        let mut resealed = 0;
        for row in sql.query(some).await?.iter() {
            match self.anew(row, seal) {
                Ok(update) => {
                    sql.commit(Transaction::new().run(update)).await?;
                    resealed += 1;
                }
                Err(error) => {
                    let (of, error) = (self.holds, error.story());
                    tracing::warn!(of, error, "a secret cannot be sealed anew");
                }
            }
        }
        Ok(resealed)
    }

    fn anew(&self, row: &Row, seal: &Seal) -> Result<Statement> {
        let (bound, before): (_, String) = ((self.bound)(row)?, row.get("sealed")?);
        let anew = seal.text(&bound, &seal.open_text(&bound, &before)?)?;
        (self.replace)(row, &before, &anew)
    }

    /// Asks this of the rows that none of these keys has sealed.
    fn select(&self, columns: &str, keys: &[KeyId], limit: &str) -> Statement {
        let Self { rows, sealed, .. } = self;
        let mut text = format!("SELECT {columns} FROM {rows} WHERE {sealed} IS NOT NULL");
        for number in 1..=keys.len() {
            text.push_str(&format!(" AND {sealed} NOT LIKE ?{number}"));
        }
        let statement = Statement::new(format!("{text} {limit}"));
        keys.iter().fold(statement, |statement, key| statement.bind(format!("{}.%", key.0)))
    }
}
