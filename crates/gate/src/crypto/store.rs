//! Keys in SQL: one row for each, and one for each of its versions.

use std::sync::Arc;
use std::time::Duration;

use flow::question::crypto::{Change, KeyKind, KeyState};
use flow::{Clock, Epoch, Fact, Result, Time};
use pool::sql::codes::CORRUPT;
use pool::sql::migrate::{Migration, migrate};
use pool::sql::{Row, Rows, Sql, Statement, Transaction};
use zeroize::Zeroizing;

use super::held::{Held, Uses, Version, period};
use super::material::Material;
use crate::codes::{CRYPTO_CHANGED, CRYPTO_KEPT, CRYPTO_NO_KEY, CRYPTO_TAKEN};
use crate::seal::{Column, Loss, Seal};

const MIGRATIONS: &[Migration] = &[Migration::both(
    1,
    "keys that encrypt and sign",
    "CREATE TABLE crypto_key (
        id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        derived BIGINT NOT NULL,
        latest BIGINT NOT NULL,
        min_decryption BIGINT NOT NULL,
        min_encryption BIGINT NOT NULL,
        deletable BIGINT NOT NULL,
        rotate_every BIGINT NOT NULL,
        created BIGINT NOT NULL,
        UNIQUE (tenant, name)
    );
    CREATE TABLE crypto_version (
        key TEXT NOT NULL,
        version BIGINT NOT NULL,
        sealed TEXT NOT NULL,
        made BIGINT NOT NULL,
        uses BIGINT NOT NULL,
        PRIMARY KEY (key, version)
    );",
)];

const KEY: &str = "k.id, k.name, k.kind, k.derived, k.latest, k.min_decryption, k.min_encryption,
                   k.deletable, k.rotate_every, k.created";

/// Where secrets of versions lie.
pub(crate) const SEALED: Column = Column {
    holds: "versions of crypto keys",
    loss: Loss::Final,
    rows: "crypto_version v JOIN crypto_key k ON k.id = v.key",
    sealed: "v.sealed",
    names: "v.key, v.version, k.tenant, k.name",
    bound: |row| {
        let (key, tenant, name): (String, String, String) =
            (row.get("key")?, row.get("tenant")?, row.get("name")?);
        let version = row.get("version")?;
        let kept = Kept { key: &key, tenant: &tenant, name: &name, version };
        Ok(kept.bound().into_bytes())
    },
    replace: |row, before, anew| {
        let text = "UPDATE crypto_version SET sealed = ?3
                    WHERE key = ?1 AND version = ?2 AND sealed = ?4";
        let (key, version): (String, u32) = (row.get("key")?, row.get("version")?);
        Ok(Statement::new(text).bind(key).bind(version).bind(anew).bind(before))
    },
};

pub(crate) async fn prepare(sql: &dyn Sql, clock: &Clock) -> Result<()> {
    migrate(sql, clock, "gate-crypto", MIGRATIONS).await.map(drop)
}

/// What is kept of a version, but for its secret.
pub(super) struct Kept<'a> {
    pub(super) key: &'a str,
    pub(super) tenant: &'a str,
    pub(super) name: &'a str,
    pub(super) version: u32,
}

impl Kept<'_> {
    /// What its secret is bound to. Names have no colon, so the parts cannot be divided
    /// differently.
    fn bound(&self) -> String {
        let Self { key, tenant, name, version } = self;
        format!("crypto_key:{key}:{name}:{version}:{tenant}")
    }

    fn insert(&self, seal: &Seal, secret: &[u8], now: Time) -> Result<Statement> {
        let text = "INSERT INTO crypto_version (key, version, sealed, made, uses)
                    VALUES (?1, ?2, ?3, ?4, 0)";
        Ok(Statement::new(text)
            .bind(self.key)
            .bind(self.version)
            .bind(seal.text(self.bound(), secret)?)
            .bind(now))
    }

    fn open(&self, seal: &Seal, sealed: &str) -> Result<Zeroizing<Vec<u8>>> {
        seal.open_text(self.bound(), sealed)
    }
}

/// A new key with its first version.
pub(super) fn create(
    (kept, state): (&Kept<'_>, &KeyState),
    (seal, secret): (&Seal, &[u8]),
    fact: Option<Fact>,
) -> Result<Transaction> {
    let text = "INSERT INTO crypto_key (id, tenant, name, kind, derived, latest, min_decryption,
                min_encryption, deletable, rotate_every, created)
                VALUES (?1, ?2, ?3, ?4, ?5, 1, 1, 1, 0, ?6, ?7) ON CONFLICT DO NOTHING";
    let insert = Statement::new(text)
        .bind(kept.key)
        .bind(kept.tenant)
        .bind(kept.name)
        .bind(state.kind.name())
        .bind(state.derived)
        .bind(nanos(state.rotate_every))
        .bind(state.created);
    let taken = format!("there is a key `{}` already", kept.name);
    let transaction = Transaction::new().run(insert).expect_rows(1, &CRYPTO_TAKEN, taken);
    Ok(with(transaction.run(kept.insert(seal, secret, state.created)?), fact))
}

/// One more version, if nobody else made it meanwhile.
pub(super) fn rotate(
    kept: &Kept<'_>,
    (seal, secret): (&Seal, &[u8]),
    now: Time,
    fact: Option<Fact>,
) -> Result<Transaction> {
    let text = "UPDATE crypto_key SET latest = ?2 WHERE id = ?1 AND latest = ?2 - 1";
    let update = Statement::new(text).bind(kept.key).bind(kept.version);
    let meanwhile = format!("`{}` was rotated or deleted meanwhile", kept.name);
    let transaction = Transaction::new().run(update).expect_rows(1, &CRYPTO_CHANGED, meanwhile);
    Ok(with(transaction.run(kept.insert(seal, secret, now)?), fact))
}

/// Other terms. To raise the one minimum raises the other with it.
pub(super) fn configure(key: &Held, change: &Change, fact: Option<Fact>) -> Transaction {
    let text = "UPDATE crypto_key SET
                min_decryption = COALESCE(?2, min_decryption),
                min_encryption = CASE
                    WHEN COALESCE(?3, min_encryption) < COALESCE(?2, min_decryption)
                    THEN COALESCE(?2, min_decryption) ELSE COALESCE(?3, min_encryption) END,
                deletable = COALESCE(?4, deletable),
                rotate_every = COALESCE(?5, rotate_every)
                WHERE id = ?1";
    let update = Statement::new(text)
        .bind(&key.id)
        .bind(change.min_decryption)
        .bind(change.min_encryption)
        .bind(change.deletable)
        .bind(change.rotate_every.map(|every| nanos(Some(every))));
    let gone = format!("there is no key `{}` any more", key.state.name);
    with(Transaction::new().run(update).expect_rows(1, &CRYPTO_NO_KEY, gone), fact)
}

/// No such key, nor any version of it.
pub(super) fn delete(key: &Held, fact: Option<Fact>) -> Transaction {
    let text = "DELETE FROM crypto_key WHERE id = ?1 AND deletable = 1";
    let first = Statement::new(text).bind(&key.id);
    let versions = Statement::new("DELETE FROM crypto_version WHERE key = ?1").bind(&key.id);
    let kept = format!("`{}` may not be deleted", key.state.name);
    let transaction = Transaction::new().run(first).expect_rows(1, &CRYPTO_KEPT, kept);
    with(transaction.run(versions), fact)
}

fn with(transaction: Transaction, fact: Option<Fact>) -> Transaction {
    match fact {
        Some(fact) => transaction.fact(fact),
        None => transaction,
    }
}

/// Counts so many uses of a version before they happen; answers no row when it would be
/// more than `most`.
pub(super) fn reserve(key: &str, version: u32, uses: u64, most: u64) -> Statement {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let text = "UPDATE crypto_version SET uses = uses + ?3
                WHERE key = ?1 AND version = ?2 AND uses + ?3 <= ?4";
    Statement::new(text).bind(key).bind(version).bind(number(uses)).bind(number(most))
}

/// The tenant's keys by name, behind `after`.
pub(super) async fn list(
    sql: &dyn Sql,
    tenant: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<KeyState>> {
    let text = format!(
        "SELECT {KEY} FROM crypto_key k WHERE k.tenant = ?1 AND k.name > ?2
         ORDER BY k.name LIMIT ?3"
    );
    let statement = Statement::new(text).bind(tenant).bind(after).bind(limit);
    sql.query(statement).await?.iter().map(state).collect()
}

/// Tenants and names of keys whose newest version is so old that they want another, or
/// was used more than `worn` times.
pub(super) async fn due(sql: &dyn Sql, now: Time, worn: u64) -> Result<Vec<(String, String)>> {
    let text = "SELECT k.tenant, k.name FROM crypto_key k
                JOIN crypto_version v ON v.key = k.id AND v.version = k.latest
                WHERE v.uses > ?2 OR (k.rotate_every > 0 AND v.made + k.rotate_every <= ?1)
                ORDER BY v.made LIMIT 100";
    let worn = i64::try_from(worn).unwrap_or(i64::MAX);
    let rows = sql.query(Statement::new(text).bind(now).bind(worn)).await?;
    rows.iter().map(|row| Ok((row.at(0)?, row.at(1)?))).collect()
}

/// A key with its versions, in one look. Versions that are in `before` are not opened
/// again, and go on counting where they were.
pub(super) async fn read(
    sql: &dyn Sql,
    seal: &Seal,
    (tenant, name): (&str, &str),
    (epoch, before, now): (Epoch, Option<Arc<Held>>, Time),
) -> Result<Held> {
    let text = format!(
        "SELECT {KEY}, v.version, v.sealed, v.made FROM crypto_key k
         JOIN crypto_version v ON v.key = k.id
         WHERE k.tenant = ?1 AND k.name = ?2 ORDER BY v.version"
    );
    let rows = sql.query(Statement::new(text).bind(tenant).bind(name)).await?;
    let first = rows
        .first()
        .ok_or_else(|| CRYPTO_NO_KEY.error(format!("there is no key `{}`", name.escape_debug())))?;
    let (id, state): (String, _) = (first.get("id")?, state(first)?);
    let before = before.filter(|before| before.id == id);
    let opened = |row: &Row| {
        let version = row.get("version")?;
        let kept = Kept { key: &id, tenant, name, version };
        match before.as_ref().and_then(|before| before.versions.get(version as usize - 1)) {
            Some(known) => Ok(known.clone()),
            None => opened(&kept, seal, &state, row).map(Arc::new),
        }
    };
    let versions = in_order(&rows)?.map(opened).collect::<Result<_>>()?;
    Ok(Held { id, state, versions, epoch, read: now })
}

/// Versions are numbered from one without a gap, or somebody was at the table.
fn in_order(rows: &Rows) -> Result<impl Iterator<Item = &Row>> {
    for (index, row) in rows.iter().enumerate() {
        if row.get::<u32>("version")? as usize != index + 1 {
            return Err(corrupt("versions"));
        }
    }
    Ok(rows.iter())
}

fn opened(kept: &Kept<'_>, seal: &Seal, state: &KeyState, row: &Row) -> Result<Version> {
    let secret = kept.open(seal, &row.get::<String>("sealed")?)?;
    let material = Material::read(state.kind, state.derived, secret)?;
    Ok(Version { number: kept.version, made: row.get("made")?, material, uses: Uses::default() })
}

fn state(row: &Row) -> Result<KeyState> {
    let kind: String = row.get("kind")?;
    Ok(KeyState {
        name: row.get("name")?,
        kind: kind.parse::<KeyKind>().map_err(|_| corrupt("type"))?,
        derived: row.get("derived")?,
        latest: row.get("latest")?,
        min_decryption: row.get("min_decryption")?,
        min_encryption: row.get("min_encryption")?,
        deletable: row.get("deletable")?,
        rotate_every: period(row.get("rotate_every")?),
        created: row.get("created")?,
    })
}

fn corrupt(what: &str) -> flow::Error {
    CORRUPT.error(format!("a key's {what} cannot be read"))
}

fn nanos(every: Option<Duration>) -> i64 {
    let every = every.unwrap_or_default();
    i64::try_from(every.as_nanos()).unwrap_or(i64::MAX)
}
