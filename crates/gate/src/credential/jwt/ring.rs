//! The keys we sign with, and how they change.
//!
//! They lie in the database, where every node finds them, their private parts sealed
//! under a key that is not there. One signs; the ones before it verify until the last
//! token they can have signed is over, and are then forgotten.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flow::{Clock, Fact, Random, Result, Time};
use parking_lot::RwLock;
use pool::codec::seal::{KeyId, Keys as _};
use pool::sql::codes::CORRUPT;
use pool::sql::{Row, Sql, Statement, Transaction};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Algorithm, SigningKey, VerifyingKey};
use crate::codes::SEAL_KEY;
use crate::seal::{Column, Loss, Seal, parts};

/// Where private parts lie. Which key opens one is in a column of its own.
pub(crate) const SEALED: Column = Column {
    holds: "signing keys",
    loss: Loss::Replaced,
    rows: "token_key",
    sealed: "CAST(seal AS TEXT) || '.' || token_key.sealed",
    names: "kid, algorithm",
    bound: |row| {
        let (kid, algorithm): (String, String) = (row.get("kid")?, row.get("algorithm")?);
        let algorithm = Algorithm::named(&algorithm).ok_or_else(|| corrupt("algorithm"))?;
        Ok(bound(&kid, algorithm))
    },
    replace: |row, before, anew| {
        let text = "UPDATE token_key SET seal = ?2, sealed = ?3 WHERE kid = ?1 AND sealed = ?4";
        let unreadable = || corrupt("private part");
        let (_, before) = parts(before).ok_or_else(unreadable)?;
        let (seal, anew) = parts(anew).ok_or_else(unreadable)?;
        let kid: String = row.get("kid")?;
        Ok(Statement::new(text).bind(kid).bind(i64::from(seal.0)).bind(anew).bind(before))
    },
};

/// The keys of one deployment.
pub(super) struct Ring {
    sql: Arc<dyn Sql>,
    seal: Arc<Seal>,
    clock: Clock,
    random: Random,
    held: RwLock<Arc<Vec<Held>>>,
    /// When they were last read because somebody named one that was not among them.
    looked: parking_lot::Mutex<Time>,
}

/// A name nobody knows makes the keys be read again this often at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A key in use.
pub(super) struct Held {
    pub(super) kid: String,
    pub(super) signing: SigningKey,
    pub(super) verifying: VerifyingKey,
    public: Option<Value>,
    made: Time,
    until: Option<Time>,
}

/// What is known of a signing key without its private part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyState {
    /// Its name.
    pub kid: String,
    /// How it signs.
    pub algorithm: Algorithm,
    /// Since when.
    pub made: Time,
    /// Until when it verifies; none for the one that signs.
    pub until: Option<Time>,
}

impl Ring {
    /// The keys in this database; a first one is made when there is none.
    pub(super) async fn open(
        sql: Arc<dyn Sql>,
        seal: Arc<Seal>,
        clock: Clock,
        random: Random,
        algorithm: Algorithm,
    ) -> Result<Self> {
        let (held, looked) = (RwLock::default(), parking_lot::Mutex::default());
        let ring = Self { sql, seal, clock, random, held, looked };
        ring.load().await?;
        if ring.current().is_none() {
            ring.rotate(algorithm, Duration::ZERO, None).await?;
        }
        Ok(ring)
    }

    /// The key that signs.
    pub(super) fn current(&self) -> Option<(Arc<Vec<Held>>, usize)> {
        let held = self.held.read().clone();
        let index = held.iter().position(|key| key.until.is_none())?;
        Some((held, index))
    }

    /// The key of this name, if it verifies now.
    pub(super) fn find(&self, kid: &str) -> Option<(Arc<Vec<Held>>, usize)> {
        let (held, now) = (self.held.read().clone(), self.clock.now());
        let index = held.iter().position(|key| key.kid == kid && key.verifies_at(now))?;
        Some((held, index))
    }

    /// Whether the key that signs was made so long ago that another should.
    pub(super) fn is_due(&self, every: Duration) -> bool {
        let made = self.current().and_then(|(held, index)| Some(held.get(index)?.made));
        made.is_none_or(|made| self.clock.now().since(made) >= every)
    }

    /// Lets a new key sign. The one before verifies for `overlap` longer; those whose
    /// time is over are forgotten.
    pub(super) async fn rotate(
        &self,
        algorithm: Algorithm,
        overlap: Duration,
        fact: Option<Fact>,
    ) -> Result<String> {
        let (now, kid) = (self.clock.now(), self.random.id(self.clock.now()).to_string());
        let (seal, sealed) = self.sealed(&kid, &SigningKey::generate(algorithm)?)?;
        let retire = Statement::new("UPDATE token_key SET until = ?1 WHERE until IS NULL")
            .bind(now.after(overlap));
        let forget = Statement::new("DELETE FROM token_key WHERE until <= ?1").bind(now);
        let text = "INSERT INTO token_key (kid, algorithm, seal, sealed, made)
                    VALUES (?1, ?2, ?3, ?4, ?5)";
        let insert = Statement::new(text)
            .bind(kid.as_str())
            .bind(algorithm.name())
            .bind(i64::from(seal.0))
            .bind(sealed)
            .bind(now);
        let mut transaction = Transaction::new().run(retire).run(forget).run(insert);
        if let Some(fact) = fact {
            transaction = transaction.fact(fact);
        }
        self.sql.commit(transaction).await?;
        self.load().await?;
        Ok(kid)
    }

    /// Reads the keys again, unless that was done a moment ago; whether it was done.
    pub(super) async fn look_again(&self) -> Result<bool> {
        {
            let (mut looked, now) = (self.looked.lock(), self.clock.now());
            if now.since(*looked) < LOOK_EVERY {
                return Ok(false);
            }
            *looked = now;
        }
        self.load().await?;
        Ok(true)
    }

    /// What is known of the keys, the one that signs first.
    pub(super) fn states(&self) -> Vec<KeyState> {
        let state = |held: &Held| KeyState {
            kid: held.kid.clone(),
            algorithm: held.signing.algorithm(),
            made: held.made,
            until: held.until,
        };
        self.held.read().iter().map(state).collect()
    }

    /// The document others verify our tokens by.
    pub(super) fn public(&self) -> Value {
        let (held, now) = (self.held.read().clone(), self.clock.now());
        let verifying = held.iter().filter(|key| key.verifies_at(now));
        let public: Vec<_> = verifying.filter_map(|key| key.public.clone()).collect();
        json!({ "keys": public })
    }

    async fn load(&self) -> Result<()> {
        let text = "SELECT kid, algorithm, seal, sealed, made, until FROM token_key
                    ORDER BY made DESC, kid DESC";
        let rows = self.sql.query(Statement::new(text)).await?;
        let mut held = Vec::new();
        for row in rows.iter() {
            match self.read(row) {
                Ok(key) => held.push(key),
                Err(error) if self.seal.may_stay_closed(KeyId(row.get("seal")?)) => {
                    let error = error.story();
                    tracing::warn!(error, "a signing key is passed over; its tokens are refused");
                }
                Err(error) => return Err(error),
            }
        }
        *self.held.write() = Arc::new(held);
        Ok(())
    }

    fn read(&self, row: &Row) -> Result<Held> {
        let (kid, algorithm, seal, sealed): (String, String, u32, String) =
            (row.get("kid")?, row.get("algorithm")?, row.get("seal")?, row.get("sealed")?);
        let algorithm = Algorithm::named(&algorithm).ok_or_else(|| corrupt("algorithm"))?;
        let sealed = STANDARD.decode(sealed).map_err(|_| corrupt("private part"))?;
        let key = self.seal.opening(KeyId(seal))?;
        let private = key
            .open(&bound(&kid, algorithm), &sealed)
            .map_err(|cause| SEAL_KEY.error("a signing key does not open").because(cause))?;
        let signing = SigningKey::read(algorithm, &private)?;
        let verifying = signing.verifying()?;
        let public = signing.public(&kid)?;
        let (made, until) = (row.get("made")?, row.get("until")?);
        Ok(Held { kid, signing, verifying, public, made, until })
    }

    fn sealed(&self, kid: &str, key: &SigningKey) -> Result<(KeyId, String)> {
        let seal = self.seal.sealing()?;
        let mut sealed = Vec::new();
        seal.seal(&bound(kid, key.algorithm()), &key.write()?, &mut sealed)?;
        Ok((seal.id(), STANDARD.encode(sealed)))
    }
}

impl Held {
    fn verifies_at(&self, now: Time) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

fn corrupt(what: &str) -> flow::Error {
    CORRUPT.error(format!("a signing key's {what} cannot be read"))
}

/// What a sealed key is bound to: it opens in its own row only.
fn bound(kid: &str, algorithm: Algorithm) -> Vec<u8> {
    pool::codec::context(&[b"token_key", kid.as_bytes(), algorithm.name().as_bytes()])
}
