//! All that lies sealed in the database.

use std::collections::BTreeSet;
use std::sync::Arc;

use flow::{Clock, Result};
use pool::codec::seal::KeyId;
use pool::sql::Sql;

use super::{Column, Loss, Seal};
use crate::codes::SEAL_LOST;
use crate::credential::{api_key, jwt};
use crate::login::schema;
use crate::{crypto, totp};

const COLUMNS: [&Column; 4] = [&jwt::SEALED, &crypto::SEALED, &totp::SEALED, &api_key::SEALED];

/// All that lies sealed in a database, and what seals it.
pub struct Sealed {
    sql: Arc<dyn Sql>,
    seal: Arc<Seal>,
}

impl Sealed {
    /// What lies there, sealed by these keys.
    pub fn new(sql: Arc<dyn Sql>, seal: Arc<Seal>) -> Self {
        Self { sql, seal }
    }

    /// Whether everything can be opened that cannot be made anew, but for what was sealed by
    /// keys that are given up.
    ///
    /// # Errors
    /// When it cannot, with the numbers of the keys that are missing.
    pub async fn check(
        sql: &dyn Sql,
        clock: &Clock,
        seal: Option<&Seal>,
        given_up: &[u32],
    ) -> Result<()> {
        prepare(sql, clock).await?;
        let own = seal.into_iter().flat_map(|seal| &seal.keys).map(|key| key.id());
        let keys: Vec<_> = own.chain(given_up.iter().copied().map(KeyId)).collect();
        let (mut missing, mut lost) = (BTreeSet::new(), Vec::new());
        for column in COLUMNS.iter().filter(|column| column.loss == Loss::Final) {
            let closed = column.closed(sql, &keys).await?;
            missing.extend(closed.keys);
            if closed.rows > 0 {
                lost.push(format!("{} {}", closed.rows, column.holds));
            }
        }
        if lost.is_empty() {
            return Ok(());
        }
        let missing: Vec<_> = missing.iter().map(u32::to_string).collect();
        let (missing, lost) = (missing.join("`, `"), lost.join(", "));
        Err(SEAL_LOST.error(format!("seal key `{missing}` is not there, and sealed {lost}")))
    }

    /// Seals anew, by the first seal key, what another sealed; some at a time. How many
    /// there were.
    pub async fn tend(&self) -> Result<usize> {
        let mut resealed = 0;
        for column in COLUMNS {
            resealed += column.reseal(&*self.sql, &self.seal).await?;
        }
        if resealed > 0 {
            tracing::info!(secrets = resealed, "secrets are sealed anew, by the first seal key");
        }
        Ok(resealed)
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealed")
    }
}

/// Makes the tables that are not there yet.
async fn prepare(sql: &dyn Sql, clock: &Clock) -> Result<()> {
    api_key::prepare(sql, clock).await?;
    jwt::prepare(sql, clock).await?;
    schema::bring_forward(sql, clock).await?;
    crypto::prepare(sql, clock).await
}

#[cfg(test)]
mod tests;
