//! The key that all nodes sign checkpoints with.

use flow::{Clock, Random, Result};
use pool::sql::{Sql, Statement, Transaction};
use zeroize::Zeroizing;

use crate::codes::DAMAGED;
use crate::proof::Signer;

/// How often it is tried to keep a key whose fate nobody knows.
const TRIES: usize = 5;

/// The key of the log, made by whoever opens it first.
pub(super) async fn signer(sql: &dyn Sql, clock: &Clock, random: &Random) -> Result<Signer> {
    let origin = format!("stockade.local/log/{}", random.id(clock.now()));
    let made = Signer::generate(&origin, random)?;
    let text = "INSERT INTO log_signer (one, name, seed) VALUES (1, ?1, ?2) ON CONFLICT DO NOTHING";
    let keep = Statement::new(text).bind(origin).bind(&made.seed()[..]);
    let mut lost = None;
    for _ in 0..TRIES {
        // Another node may have been first, and an answer may be lost that was good.
        if let Some(signer) = read(sql).await? {
            return Ok(signer);
        }
        lost = sql.commit(Transaction::new().run(keep.clone())).await.err();
    }
    match read(sql).await? {
        Some(signer) => Ok(signer),
        None => Err(lost.unwrap_or_else(|| DAMAGED.error("the log has no key"))),
    }
}

async fn read(sql: &dyn Sql) -> Result<Option<Signer>> {
    let rows = sql.query(Statement::new("SELECT name, seed FROM log_signer")).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (name, seed): (String, Vec<u8>) = (row.at(0)?, row.at(1)?);
    let seed = Zeroizing::new(seed);
    let seed = seed.as_slice().try_into().map(Zeroizing::new);
    let seed = seed.map_err(|_| DAMAGED.error("the key of the log has not 32 bytes"))?;
    Signer::from_seed(&name, seed).map(Some)
}
