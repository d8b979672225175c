//! API keys: long random strings, kept as digests.
//!
//! A digest of a 200-bit random string cannot be turned back, so no slow hash is
//! needed, and the digest is the index: there is nothing to compare byte by byte. The
//! secret of a key that is only proved is needed to look at proofs, and is kept sealed.

use std::collections::HashMap;
use std::sync::Arc;

use flow::feed::Notice;
use flow::question::admin::{CreatedKey, KeyInfo, KeyShown};
use flow::{Clock, Fact, Identity, Moment, Principal, Random, Result, Revisions, Rights, Time};
use parking_lot::Mutex;
use pool::sql::migrate::{Migration, migrate};
use pool::sql::{Row, Sql, Statement, Transaction};

use super::proof::{self, Proof, WINDOW};
use crate::codes::{NO_ROLE, PROOF, PROOF_TIME, PROOF_USED, SEAL_KEY, UNKNOWN_KEY, WEAK_KEY};
use crate::digest::{Digest, digest_of, hex_of, in_hex, letters};
use crate::login::schema;
use crate::seal::{Column, Loss, Seal};
use crate::spent::Spent;
use crate::user::{check_name, check_rights, rights_as_text, rights_of, with};

/// A key chosen by its owner has at least so many characters.
pub const SECRET_MIN: usize = 32;

const MIGRATIONS: &[Migration] = &[
    Migration::both(
        1,
        "api keys",
        "CREATE TABLE api_key (
        id TEXT PRIMARY KEY,
        digest TEXT NOT NULL UNIQUE,
        tenant TEXT NOT NULL,
        principal TEXT NOT NULL,
        kind TEXT NOT NULL,
        roles TEXT NOT NULL,
        created BIGINT NOT NULL
    );
    CREATE INDEX api_key_by_tenant ON api_key (tenant, id);",
    ),
    Migration::both(
        2,
        "client certificates",
        "ALTER TABLE api_key ADD COLUMN certificate TEXT NOT NULL DEFAULT ''",
    ),
    // A secret that proofs are made with is needed to look at them.
    Migration::both(3, "sealed secrets", "ALTER TABLE api_key ADD COLUMN sealed TEXT"),
    Migration::both(
        4,
        "rights",
        "ALTER TABLE api_key ADD COLUMN rights TEXT NOT NULL DEFAULT '{}'",
    ),
];

/// Where secrets lie that are only proved.
pub(crate) const SEALED: Column = Column {
    holds: "secrets of keys that are proved",
    loss: Loss::Final,
    rows: "api_key",
    sealed: "sealed",
    names: "id",
    bound: |row| Ok(bound(&row.get::<String>("id")?).into_bytes()),
    replace: |row, before, anew| {
        let text = "UPDATE api_key SET sealed = ?2 WHERE id = ?1 AND sealed = ?3";
        Ok(Statement::new(text).bind(row.get::<String>("id")?).bind(anew).bind(before))
    },
};

pub(crate) async fn prepare(sql: &dyn Sql, clock: &Clock) -> Result<()> {
    migrate(sql, clock, "gate", MIGRATIONS).await.map(drop)
}

/// What is read of a key.
const COLUMNS: &str = "id, tenant, principal, kind, roles, created, certificate, sealed, rights";

/// Keys of those who are not kept out: of a disabled user none is good.
const STANDING: &str = "NOT EXISTS (SELECT 1 FROM gate_user WHERE gate_user.tenant = api_key.tenant \
     AND gate_user.name = api_key.principal AND gate_user.kind = api_key.kind \
     AND gate_user.disabled <> 0)";

/// As many recognised keys are remembered; beyond, all are forgotten at once.
const KNOWN_MAX: usize = 65_536;

/// The API keys there are.
pub struct Keys {
    sql: Arc<dyn Sql>,
    revisions: Arc<Revisions>,
    clock: Clock,
    random: Random,
    seal: Option<Arc<Seal>>,
    spent: Spent,
    known: Mutex<HashMap<Digest, Arc<Identity>>>,
}

/// A key to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewKey<'a> {
    /// Who may use it.
    pub principal: &'a str,
    /// What they are.
    pub kind: Principal,
    /// What they may act as.
    pub roles: &'a [String],
    /// And what they are beside that.
    pub rights: &'a Rights,
}

impl Keys {
    /// The keys in this database.
    pub async fn open(
        sql: Arc<dyn Sql>,
        revisions: Arc<Revisions>,
        clock: Clock,
        random: Random,
    ) -> Result<Self> {
        prepare(&*sql, &clock).await?;
        schema::bring_forward(&*sql, &clock).await?;
        let spent = Spent::new(sql.clone(), clock.clone());
        Ok(Self { sql, revisions, clock, random, seal: None, spent, known: Mutex::default() })
    }

    /// The same, where secrets that proofs are made with can be sealed.
    #[must_use]
    pub fn sealed_by(self, seal: Option<Arc<Seal>>) -> Self {
        Self { seal, ..self }
    }

    /// Whether there is any key at all; if not, this is the very first start.
    pub async fn any(&self) -> Result<bool> {
        let rows = self.sql.query(Statement::new("SELECT id FROM api_key LIMIT 1")).await?;
        Ok(!rows.is_empty())
    }

    /// Every tenant that has a key.
    pub async fn tenants(&self) -> Result<Vec<String>> {
        let rows = self.sql.query(Statement::new("SELECT DISTINCT tenant FROM api_key")).await?;
        rows.iter().map(|row| row.at(0)).collect()
    }

    /// Makes a key; its secret is seen this once. The fact is committed with it.
    pub async fn create(
        &self,
        tenant: &str,
        new: NewKey<'_>,
        fact: Option<Fact>,
    ) -> Result<CreatedKey> {
        let id = self.next_id();
        let secret = format!("stk_{id}_{}", letters(&self.random, 40));
        let kept = Kept::Digest(hex_of(secret.as_bytes()));
        self.keep(tenant, new, &id, kept, fact).await?;
        Ok(CreatedKey { id, secret })
    }

    /// Makes a key whose secret is never sent: its owner [proves](crate::prove) to have it.
    pub async fn create_proved(
        &self,
        tenant: &str,
        new: NewKey<'_>,
        fact: Option<Fact>,
    ) -> Result<CreatedKey> {
        let id = self.next_id();
        let secret = proof::secret_of(&id, &self.random);
        let kept = Kept::Sealed(self.seal()?.text(bound(&id), secret.as_bytes())?);
        self.keep(tenant, new, &id, kept, fact).await?;
        Ok(CreatedKey { id, secret })
    }

    /// Makes a key of a secret somebody chose.
    pub async fn adopt(
        &self,
        tenant: &str,
        new: NewKey<'_>,
        secret: &str,
        fact: Option<Fact>,
    ) -> Result<CreatedKey> {
        let length = secret.chars().count();
        if length < SECRET_MIN {
            return Err(WEAK_KEY.error(format!("{length} characters are easily guessed")));
        }
        let id = self.next_id();
        let kept = Kept::Digest(hex_of(secret.as_bytes()));
        self.keep(tenant, new, &id, kept, fact).await?;
        Ok(CreatedKey { id, secret: secret.to_owned() })
    }

    pub(super) fn next_id(&self) -> String {
        letters(&self.random, 10)
    }

    /// The tenant's keys in the order of their ids, behind `after`.
    pub async fn list(&self, tenant: &str, after: &str, limit: u32) -> Result<Vec<KeyInfo>> {
        let text = format!(
            "SELECT {COLUMNS} FROM api_key WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3"
        );
        let statement = Statement::new(text).bind(tenant).bind(after).bind(i64::from(limit));
        self.sql.query(statement).await?.iter().map(|row| Ok(Found::read(row)?.info)).collect()
    }

    /// Ends a key. Whose it was, so that other nodes can be told; `None` when
    /// there was no such key.
    pub async fn revoke(
        &self,
        tenant: &str,
        id: &str,
        fact: Option<Fact>,
    ) -> Result<Option<String>> {
        let text = "SELECT principal FROM api_key WHERE tenant = ?1 AND id = ?2";
        let rows = self.sql.query(Statement::new(text).bind(tenant).bind(id)).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        // Whose a key is never changes.
        let principal: String = row.at(0)?;
        let text = "DELETE FROM api_key WHERE tenant = ?1 AND id = ?2";
        let delete = Statement::new(text).bind(tenant).bind(id);
        let transaction = Transaction::new()
            .run(delete)
            .expect_rows(1, &UNKNOWN_KEY, "there is no such key")
            .tells(Notice::epoch(tenant, Some(&principal)));
        match self.sql.commit(with(transaction, fact)).await {
            Ok(_) => {
                self.revisions.bump(tenant, Some(&principal));
                Ok(Some(principal))
            }
            Err(error) if error.code() == &UNKNOWN_KEY => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whose key this is, if that is known without asking the database.
    pub fn recognise_now(&self, secret: &str) -> Option<Arc<Identity>> {
        self.remembered(&digest_of(secret.as_bytes()))
    }

    pub(super) fn moment(&self) -> Moment {
        self.clock.moment()
    }

    pub(super) fn remembered(&self, digest: &Digest) -> Option<Arc<Identity>> {
        let known = self.known.lock();
        known.get(digest).filter(|identity| identity.epoch.holds()).cloned()
    }

    pub(super) fn remember(&self, digest: Digest, identity: Arc<Identity>) {
        let mut known = self.known.lock();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(digest, identity);
    }

    /// Whose key this is.
    pub async fn recognise(&self, secret: &str) -> Result<Arc<Identity>> {
        if let Some(identity) = self.recognise_now(secret) {
            return Ok(identity);
        }
        let digest = digest_of(secret.as_bytes());
        let identity = self.look_up_digest(&digest).await?;
        self.remember(digest, identity.clone());
        Ok(identity)
    }

    pub(super) async fn look_up_digest(&self, digest: &Digest) -> Result<Arc<Identity>> {
        let (text, hex) = (standing("digest = ?1"), in_hex(digest));
        let by_digest = || Statement::new(text.clone()).bind(hex.clone());
        Ok(Arc::new(self.look_up("key", by_digest).await?))
    }

    /// Whose secret this proof was made with. It is good once, on all nodes, and for
    /// no request but this one.
    pub(crate) async fn believe(&self, shown: &str) -> Result<Arc<Identity>> {
        let proof = Proof::read(shown)?;
        let now = self.clock.now();
        proof.is_timely(now)?;
        let unknown = || PROOF.error("the proof is not one of a key there is");
        let text = "SELECT sealed FROM api_key WHERE id = ?1 AND sealed IS NOT NULL";
        let rows = self.sql.query(Statement::new(text).bind(proof.id)).await?;
        let sealed: String = rows.first().ok_or_else(unknown)?.get("sealed")?;
        let secret = self.seal().and_then(|seal| seal.open_text(bound(proof.id), &sealed));
        let secret = secret.map_err(|cause| unknown().because(cause))?;
        if !proof.is_by(&secret) {
            return Err(unknown());
        }
        let identity = self.by_id("proof", proof.id).await?;
        // A node whose clock is behind must not find it forgotten.
        let forgotten = proof.at().after(2 * WINDOW);
        if !self.spent.spend(&format!("proof/{}/{}", proof.id, proof.nonce), forgotten).await? {
            return Err(PROOF_USED.error("the proof was used before"));
        }
        let left = proof.at().after(WINDOW).since(now);
        Ok(Arc::new(identity.once().until(self.clock.moment().after(left))))
    }

    /// The same caller as they stand now.
    pub async fn renew(&self, id: &str) -> Result<Arc<Identity>> {
        self.by_id("key", id).await.map(Arc::new)
    }

    /// The same of whoever showed a proof, for as long as its time is about now.
    pub(crate) async fn renew_proof(&self, identity: &Identity) -> Result<Arc<Identity>> {
        let id = identity.credential.strip_prefix("proof:").unwrap_or_default();
        if identity.until <= self.clock.moment() {
            return Err(PROOF_TIME.error("the proof is more than five minutes old"));
        }
        let renewed = self.by_id("proof", id).await?;
        Ok(Arc::new(renewed.once().until(identity.until)))
    }

    async fn by_id(&self, way: &str, id: &str) -> Result<Identity> {
        let text = standing("id = ?1");
        self.look_up(way, || Statement::new(text.clone()).bind(id)).await
    }

    fn seal(&self) -> Result<&Seal> {
        let none = || SEAL_KEY.error("secrets of keys need keys that all nodes share");
        self.seal.as_deref().ok_or_else(none)
    }

    /// Reads once to learn who it is, observes them, and reads again: a change
    /// between the first reading and the observation is seen by the second.
    async fn look_up(&self, way: &str, statement: impl Fn() -> Statement) -> Result<Identity> {
        let unknown = || UNKNOWN_KEY.error("the API key is not known");
        let first = self.sql.query(statement()).await?;
        let found = Found::read(first.first().ok_or_else(unknown)?)?;
        let name: Arc<str> = found.info.principal.into();
        let epoch = self.revisions.observe(&found.tenant, &name);
        let again = self.sql.query(statement()).await?;
        let found = Found::read(again.first().ok_or_else(unknown)?)?;
        Ok(Identity::new(
            found.info.kind,
            found.tenant,
            found.info.principal.into(),
            found.info.roles.into(),
            format!("{way}:{}", found.info.id).into(),
            epoch,
        )
        .with_rights(found.info.rights))
    }

    pub(super) async fn keep(
        &self,
        tenant: &str,
        new: NewKey<'_>,
        id: &str,
        kept: Kept,
        fact: Option<Fact>,
    ) -> Result<()> {
        if new.roles.is_empty() && new.rights.permissions.is_empty() {
            return Err(NO_ROLE.error("a key without a role or a permission could do nothing"));
        }
        check_rights(new.rights)?;
        check_name(new.principal)?;
        let roles = serde_json::Value::from(new.roles).to_string();
        // No digest is in words: what is only proved cannot be shown.
        let (digest, certificate, sealed) = match kept {
            Kept::Digest(digest) => (digest, String::new(), None),
            Kept::Certificate(digest, name) => (digest, name, None),
            Kept::Sealed(sealed) => (format!("sealed {id}"), String::new(), Some(sealed)),
        };
        let text = "INSERT INTO api_key
                    (id, digest, tenant, principal, kind, roles, created, certificate, sealed,
                     rights) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let insert = Statement::new(text)
            .bind(id)
            .bind(digest)
            .bind(tenant)
            .bind(new.principal)
            .bind(new.kind.name())
            .bind(roles)
            .bind(self.clock.now())
            .bind(certificate)
            .bind(sealed)
            .bind(rights_as_text(new.rights));
        self.sql.commit(with(Transaction::new().run(insert), fact)).await?;
        Ok(())
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// What is kept of a key.
pub(super) enum Kept {
    Digest(String),
    /// The digest of a certificate's name, and the name.
    Certificate(String, String),
    Sealed(String),
}

/// Reads keys of those who are not kept out, with this about them.
fn standing(about: &str) -> String {
    format!("SELECT {COLUMNS} FROM api_key WHERE {STANDING} AND {about}")
}

/// What a sealed secret is bound to: it opens in its own row only.
fn bound(id: &str) -> String {
    format!("api_key {id}")
}

/// A row of the table.
struct Found {
    tenant: Arc<str>,
    info: KeyInfo,
}

impl Found {
    fn read(row: &Row) -> Result<Self> {
        let (tenant, kind, roles): (String, String, String) =
            (row.get("tenant")?, row.get("kind")?, row.get("roles")?);
        let corrupt = |what: &str| {
            pool::sql::codes::CORRUPT.error(format!("an API key's {what} cannot be read"))
        };
        let info = KeyInfo {
            id: row.get("id")?,
            principal: row.get("principal")?,
            kind: kind.parse().map_err(|_| corrupt("kind"))?,
            roles: serde_json::from_str(&roles).map_err(|_| corrupt("roles"))?,
            created: row.get::<Time>("created")?,
            rights: rights_of(row)?,
            shown: match (row.get::<Option<String>>("sealed")?, row.get::<String>("certificate")?) {
                (Some(_), _) => KeyShown::Proof,
                (None, certificate) if certificate.is_empty() => KeyShown::Itself,
                (None, certificate) => KeyShown::Certificate(certificate),
            },
        };
        Ok(Self { tenant: tenant.into(), info })
    }
}
