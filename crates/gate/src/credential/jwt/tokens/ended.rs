//! Tokens that end before their time.

use flow::feed::Notice;
use flow::{Fact, Id, Result, Time};
use pool::sql::{Statement, Transaction};

use super::{Claims, Flaw, Tokens};
use crate::codes::USER_DISABLED;
use crate::user::with;

/// What is ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended<'a> {
    /// One token, by its own name.
    Token(&'a str),
    /// All tokens of a session.
    Session(&'a str),
    /// All tokens a principal has until now.
    Principal(&'a str),
}

impl Tokens {
    /// Ends tokens at once, here; `principal` is whose they are, if that is known. Other
    /// nodes are told by whoever calls. The fact is committed with it.
    pub async fn end(
        &self,
        tenant: &str,
        principal: Option<&str>,
        what: Ended<'_>,
        fact: Option<Fact>,
    ) -> Result<()> {
        let forget = "DELETE FROM token_end WHERE until < ?1";
        let forget = Statement::new(forget).bind(self.clock.now());
        let transaction = Transaction::new()
            .run(self.ending(tenant, what))
            .run(forget)
            .tells(Notice::epoch(tenant, principal));
        self.sql.commit(with(transaction, fact)).await?;
        self.revisions.bump(tenant, principal);
        Ok(())
    }

    /// The statement by which tokens end, for whoever ends a session in the same
    /// transaction. The principal's standing is theirs to bump once it is committed.
    pub fn ending(&self, tenant: &str, what: Ended<'_>) -> Statement {
        let (what, name) = what.row();
        let text = "INSERT INTO token_end (tenant, what, name, at, until)
                    VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (tenant, what, name)
                    DO UPDATE SET at = excluded.at, until = excluded.until";
        let now = self.clock.now();
        let until = now.after(self.config.life.0).after(self.config.leeway.0);
        Statement::new(text).bind(tenant).bind(what).bind(name).bind(now).bind(until)
    }

    /// Neither was it ended, nor is its user kept out.
    pub(super) async fn is_good_still(&self, claims: &Claims) -> Result<()> {
        let text = "SELECT what, at FROM token_end WHERE tenant = ?1
                    AND ((what = 'token' AND name = ?2) OR (what = 'session' AND name = ?3)
                    OR (what = 'principal' AND name = ?4))
                    UNION ALL SELECT 'disabled' AS what, created AS at FROM gate_user
                    WHERE tenant = ?1 AND name = ?4 AND kind = ?5 AND disabled <> 0";
        let ends = Statement::new(text)
            .bind(claims.tenant.as_str())
            .bind(claims.jti.as_str())
            .bind(claims.sid.as_str())
            .bind(claims.name.as_str())
            .bind(claims.kind.name());
        let made = made(&claims.jti, claims.issued);
        for row in self.sql.query(ends).await?.iter() {
            let (what, at): (String, Time) = (row.get("what")?, row.get("at")?);
            match &*what {
                "disabled" => {
                    return Err(USER_DISABLED.error("an administrator keeps this user out"));
                }
                "principal" if made > at.millis() => {}
                _ => return Err(Flaw::Ended.into()),
            }
        }
        Ok(())
    }
}

impl Ended<'_> {
    fn row(&self) -> (&'static str, &str) {
        match self {
            Self::Token(name) => ("token", name),
            Self::Session(name) => ("session", name),
            Self::Principal(name) => ("principal", name),
        }
    }
}

/// When a token was made, in milliseconds: our names of tokens begin with it, others'
/// tokens say it in seconds.
fn made(jti: &str, issued: u64) -> u64 {
    match jti.parse::<Id>() {
        Ok(Id(id)) => (id >> 80) as u64,
        Err(_) => issued.saturating_mul(1000),
    }
}
