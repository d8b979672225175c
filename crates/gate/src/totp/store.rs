//! Who has a second factor, and which codes are spent.

use std::sync::Arc;

use data_encoding::BASE32_NOPAD;
use flow::question::account::Enrolment;
use flow::{Clock, Fact, Random, Result};
use pool::sql::{Sql, Statement, Transaction};
use zeroize::Zeroizing;

use super::{SECRET, step_of, url};
use crate::codes::{NO_TOTP, SEAL_KEY, WRONG_CODE};
use crate::digest::{hex_of, letters};
use crate::seal::{Column, Loss, Seal};

/// Recovery codes each user gets.
const RECOVERY: usize = 10;
/// Letters of one: eighty bits.
const RECOVERY_LETTERS: usize = 16;

/// Where secrets of second factors lie.
pub(crate) const SEALED: Column = Column {
    holds: "second factors",
    loss: Loss::Final,
    rows: "gate_totp",
    sealed: "secret",
    names: "tenant, name",
    bound: |row| {
        let (tenant, name): (String, String) = (row.get("tenant")?, row.get("name")?);
        Ok(bound(&tenant, &name).into_bytes())
    },
    replace: |row, before, anew| {
        let text = "UPDATE gate_totp SET secret = ?3
                    WHERE tenant = ?1 AND name = ?2 AND secret = ?4";
        let (tenant, name): (String, String) = (row.get("tenant")?, row.get("name")?);
        Ok(Statement::new(text).bind(tenant).bind(name).bind(anew).bind(before))
    },
};

/// The second factors there are.
pub(crate) struct Totps {
    sql: Arc<dyn Sql>,
    clock: Clock,
    random: Random,
    seal: Option<Arc<Seal>>,
    issuer: String,
}

/// What somebody's second factor is.
pub(crate) struct Factor {
    secret: Zeroizing<Vec<u8>>,
    step: u64,
}

/// How a code was found to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spent {
    /// The app showed it.
    Code,
    /// It was one of the recovery codes.
    Recovery,
}

impl Totps {
    pub(crate) fn new(
        sql: Arc<dyn Sql>,
        clock: Clock,
        random: Random,
        seal: Option<Arc<Seal>>,
    ) -> Self {
        Self { sql, clock, random, seal, issuer: "Stockade".into() }
    }

    fn seal(&self) -> Result<&Seal> {
        let none = || SEAL_KEY.error("there is nothing to seal second factors with");
        self.seal.as_deref().ok_or_else(none)
    }

    /// Makes a secret, to be confirmed; one that was not confirmed is forgotten.
    pub(crate) async fn begin(
        &self,
        tenant: &str,
        name: &str,
        fact: Option<Fact>,
    ) -> Result<Enrolment> {
        let mut secret = Zeroizing::new([0; SECRET]);
        self.random.fill(&mut *secret);
        let sealed = self.seal()?.text(bound(tenant, name), &*secret)?;
        let text = "INSERT INTO gate_totp (tenant, name, secret, confirmed, step) \
                    VALUES (?1, ?2, ?3, 0, 0) ON CONFLICT (tenant, name) DO UPDATE \
                    SET secret = excluded.secret WHERE gate_totp.confirmed = 0";
        let insert = Statement::new(text).bind(tenant).bind(name).bind(sealed);
        let transaction = Transaction::new().run(insert).expect_rows(
            1,
            &NO_TOTP,
            "there is a second factor already",
        );
        self.sql.commit(with(transaction, fact)).await?;
        let secret = BASE32_NOPAD.encode(&*secret);
        let url = url(&self.issuer, name, &secret);
        Ok(Enrolment { secret, url })
    }

    /// From now on a code is needed. The recovery codes are seen this once.
    pub(crate) async fn confirm(
        &self,
        tenant: &str,
        name: &str,
        code: &str,
        fact: Option<Fact>,
    ) -> Result<Vec<String>> {
        let missing = || NO_TOTP.error("no second factor is being set up");
        let factor = self.find(tenant, name, 0).await?.ok_or_else(missing)?;
        let wrong = || WRONG_CODE.error("that is not the code the app should show now");
        let step = step_of(&factor.secret, self.clock.now(), code).ok_or_else(wrong)?;
        let text = "UPDATE gate_totp SET confirmed = 1, step = ?3 \
                    WHERE tenant = ?1 AND name = ?2 AND confirmed = 0";
        let update = Statement::new(text).bind(tenant).bind(name).bind(step as i64);
        let mut transaction =
            Transaction::new().run(update).expect_rows(1, &NO_TOTP, "it is confirmed already");
        let forget = "DELETE FROM gate_recovery WHERE tenant = ?1 AND name = ?2";
        transaction = transaction.run(Statement::new(forget).bind(tenant).bind(name));
        let codes: Vec<_> =
            (0..RECOVERY).map(|_| letters(&self.random, RECOVERY_LETTERS)).collect();
        for code in &codes {
            let text = "INSERT INTO gate_recovery (tenant, name, digest) VALUES (?1, ?2, ?3)";
            let insert = Statement::new(text).bind(tenant).bind(name);
            transaction = transaction.run(insert.bind(hex_of(code.as_bytes())));
        }
        self.sql.commit(with(transaction, fact)).await?;
        Ok(codes)
    }

    /// The second factor this user has to show, if any.
    pub(crate) async fn needed(&self, tenant: &str, name: &str) -> Result<Option<Factor>> {
        self.find(tenant, name, 1).await
    }

    /// Spends a code; `None` when it is not one, or was spent before.
    pub(crate) async fn spend(
        &self,
        tenant: &str,
        name: &str,
        factor: &Factor,
        code: &str,
        fact: impl FnOnce() -> Fact,
    ) -> Result<Option<Spent>> {
        if let Some(step) = step_of(&factor.secret, self.clock.now(), code) {
            if step <= factor.step {
                return Ok(None);
            }
            let text = "UPDATE gate_totp SET step = ?3 \
                        WHERE tenant = ?1 AND name = ?2 AND step < ?3 AND confirmed = 1";
            let update = Statement::new(text).bind(tenant).bind(name).bind(step as i64);
            let rows = self.sql.commit(Transaction::new().run(update)).await?;
            let spent = rows.first().is_some_and(|rows| rows.touched() == 1);
            return Ok(spent.then_some(Spent::Code));
        }
        if code.len() != RECOVERY_LETTERS {
            return Ok(None);
        }
        let text = "DELETE FROM gate_recovery WHERE tenant = ?1 AND name = ?2 AND digest = ?3";
        let delete = Statement::new(text).bind(tenant).bind(name).bind(hex_of(code.as_bytes()));
        let transaction =
            Transaction::new().run(delete).expect_rows(1, &WRONG_CODE, "that is no recovery code");
        match self.sql.commit(transaction.fact(fact())).await {
            Ok(_) => Ok(Some(Spent::Recovery)),
            Err(error) if error.code() == &WRONG_CODE => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes the second factor away; whether there was one.
    pub(crate) async fn drop(&self, tenant: &str, name: &str, fact: Option<Fact>) -> Result<bool> {
        let [factor, recovery] = forget(tenant, name);
        let transaction = Transaction::new()
            .run(factor)
            .expect_rows(1, &NO_TOTP, "there is no second factor")
            .run(recovery);
        match self.sql.commit(with(transaction, fact)).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == &NO_TOTP => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn find(&self, tenant: &str, name: &str, confirmed: i64) -> Result<Option<Factor>> {
        let text = "SELECT secret, step FROM gate_totp \
                    WHERE tenant = ?1 AND name = ?2 AND confirmed = ?3";
        let select = Statement::new(text).bind(tenant).bind(name).bind(confirmed);
        let rows = self.sql.query(select).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let sealed: String = row.at(0)?;
        let secret = self.seal()?.open_text(bound(tenant, name), &sealed)?;
        Ok(Some(Factor { secret, step: row.at(1)? }))
    }
}

/// What forgets somebody's second factor.
pub(crate) fn forget(tenant: &str, name: &str) -> [Statement; 2] {
    [
        "DELETE FROM gate_totp WHERE tenant = ?1 AND name = ?2",
        "DELETE FROM gate_recovery WHERE tenant = ?1 AND name = ?2",
    ]
    .map(|text| Statement::new(text).bind(tenant).bind(name))
}

/// A secret opens only where it was sealed for.
fn bound(tenant: &str, name: &str) -> String {
    format!("totp:{tenant}/{name}")
}

fn with(transaction: Transaction, fact: Option<Fact>) -> Transaction {
    match fact {
        Some(fact) => transaction.fact(fact),
        None => transaction,
    }
}
