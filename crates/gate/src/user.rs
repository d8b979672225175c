//! Those who log in with a name and a password.
//!
//! A change and the fact that it was made are one transaction, and whatever a user holds
//! open hears of it: what they could do before, they can no longer do on the next request.

use std::sync::Arc;

use flow::feed::Notice;
use flow::question::account::UserInfo;
use flow::{Clock, Fact, Principal, Result, Revisions, Rights, Time};
use pool::sql::{Row, Sql, Statement, Transaction};

use crate::codes::{
    FOREIGN_ACCOUNT, NAME_TAKEN, NO_NAME, NO_RIGHT, NO_ROLE, NOT_A_LOGIN, USER_DISABLED,
    WRONG_PASSWORD,
};
use crate::credential::jwt::Person;
use crate::lockout::{Lockout, Subject};
use crate::session;
use crate::totp;

/// The users there are.
pub(crate) struct Users {
    sql: Arc<dyn Sql>,
    revisions: Arc<Revisions>,
    clock: Clock,
}

/// A user to be made, with the hash of their password.
pub(crate) struct Made<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: Principal,
    pub(crate) roles: &'a [String],
    pub(crate) rights: &'a Rights,
    pub(crate) hash: String,
}

/// What is different of a user afterwards.
#[derive(Default)]
pub(crate) struct Changed<'a> {
    pub(crate) roles: Option<&'a [String]>,
    pub(crate) rights: Option<&'a Rights>,
    pub(crate) disabled: Option<bool>,
    pub(crate) hash: Option<String>,
}

/// A user as a login needs them.
pub(crate) struct Found {
    pub(crate) kind: Principal,
    pub(crate) roles: Vec<String>,
    pub(crate) hash: String,
    pub(crate) disabled: bool,
}

impl Users {
    pub(crate) fn new(sql: Arc<dyn Sql>, revisions: Arc<Revisions>, clock: Clock) -> Self {
        Self { sql, revisions, clock }
    }

    pub(crate) async fn create(
        &self,
        tenant: &str,
        made: Made<'_>,
        fact: Option<Fact>,
    ) -> Result<()> {
        check_name(made.name)?;
        check_roles(made.roles)?;
        check_rights(made.rights)?;
        if made.kind == Principal::System {
            return Err(NOT_A_LOGIN.error("`system` is Stockade itself and does not log in"));
        }
        let text = "INSERT INTO gate_user (tenant, name, kind, roles, hash, disabled, created, \
                    rights) VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7) ON CONFLICT DO NOTHING";
        let insert = Statement::new(text)
            .bind(tenant)
            .bind(made.name)
            .bind(made.kind.name())
            .bind(serde_json::Value::from(made.roles).to_string())
            .bind(made.hash)
            .bind(self.clock.now())
            .bind(rights_as_text(made.rights));
        let taken = format!("`{}` is taken", made.name);
        let transaction = Transaction::new().run(insert).expect_rows(1, &NAME_TAKEN, taken);
        self.sql.commit(with(transaction, fact)).await?;
        self.revisions.bump(tenant, Some(made.name));
        Ok(())
    }

    pub(crate) async fn list(
        &self,
        tenant: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<UserInfo>> {
        let text = "SELECT u.name AS name, u.kind AS kind, u.roles AS roles, \
                    u.rights AS rights, u.disabled AS disabled, u.created AS created, t.confirmed AS confirmed \
                    FROM gate_user u \
                    LEFT JOIN gate_totp t ON t.tenant = u.tenant AND t.name = u.name \
                    WHERE u.tenant = ?1 AND u.name > ?2 ORDER BY u.name LIMIT ?3";
        let select = Statement::new(text).bind(tenant).bind(after).bind(i64::from(limit));
        let rows = self.sql.query(select).await?;
        let info = |row: &Row| {
            let (kind, roles) = kind_and_roles(row)?;
            Ok(UserInfo {
                name: row.get("name")?,
                kind,
                roles,
                rights: rights_of(row)?,
                disabled: row.get("disabled")?,
                totp: row.get::<Option<bool>>("confirmed")?.unwrap_or(false),
                created: row.get::<Time>("created")?,
            })
        };
        rows.iter().map(info).collect()
    }

    pub(crate) async fn find(&self, tenant: &str, name: &str) -> Result<Option<Found>> {
        let text = "SELECT kind, roles, hash, disabled FROM gate_user \
                    WHERE tenant = ?1 AND name = ?2";
        let rows = self.sql.query(Statement::new(text).bind(tenant).bind(name)).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (kind, roles) = kind_and_roles(row)?;
        Ok(Some(Found { kind, roles, hash: row.get("hash")?, disabled: row.get("disabled")? }))
    }

    /// Changes a user; whether there is one. Who is kept out or has a new password loses
    /// every session, and a new password ends a lock.
    pub(crate) async fn change(
        &self,
        tenant: &str,
        name: &str,
        changed: Changed<'_>,
        fact: Option<Fact>,
    ) -> Result<bool> {
        let Changed { roles, rights, disabled, hash } = changed;
        if let Some(roles) = roles {
            check_roles(roles)?;
        }
        if let Some(rights) = rights {
            check_rights(rights)?;
        }
        let (ends, unlocks) = (disabled == Some(true) || hash.is_some(), hash.is_some());
        let text = "UPDATE gate_user SET roles = COALESCE(?3, roles), \
                    disabled = COALESCE(?4, disabled), hash = COALESCE(?5, hash), \
                    rights = COALESCE(?6, rights) WHERE tenant = ?1 AND name = ?2";
        let update = Statement::new(text)
            .bind(tenant)
            .bind(name)
            .bind(roles.map(|roles| serde_json::Value::from(roles).to_string()))
            .bind(disabled.map(i64::from))
            .bind(hash)
            .bind(rights.map(rights_as_text));
        let mut transaction = Transaction::new().run(update).expect_rows(1, &WRONG_PASSWORD, "");
        if ends {
            transaction =
                session::forget_all(tenant, name).into_iter().fold(transaction, Transaction::run);
        }
        if unlocks {
            transaction = transaction.run(Lockout::forget(&Subject::account(tenant, name)));
        }
        self.finish(tenant, name, transaction, fact).await
    }

    /// Makes a user of somebody a provider vouches for, or brings them up to date. A user
    /// of that name who is anybody else stays who they are.
    pub(crate) async fn adopt(
        &self,
        person: &Person,
        fact: impl Fn(&'static str) -> Fact,
    ) -> Result<()> {
        let Person { provider, subject, tenant, name, kind, roles } = person;
        let (of, roles) = (kind.name(), serde_json::Value::from(roles.as_slice()).to_string());
        let text = "SELECT kind, roles FROM gate_user WHERE tenant = ?1 AND name = ?2";
        let rows = self.sql.query(Statement::new(text).bind(tenant).bind(name)).await?;
        let (text, action) = match rows.first() {
            Some(row)
                if row.get::<String>("kind")? == of && row.get::<String>("roles")? == roles =>
            {
                return Ok(());
            }
            Some(_) => (
                "UPDATE gate_user SET kind = ?3, roles = ?4 WHERE tenant = ?1 AND name = ?2 \
                 AND provider = ?5 AND subject = ?6",
                "user.change",
            ),
            None => (
                "INSERT INTO gate_user \
                 (tenant, name, kind, roles, hash, disabled, created, provider, subject) \
                 VALUES (?1, ?2, ?3, ?4, '', 0, ?7, ?5, ?6) ON CONFLICT DO NOTHING",
                "user.create",
            ),
        };
        let mut change =
            Statement::new(text).bind(tenant).bind(name).bind(of).bind(roles).bind(provider);
        change = change.bind(subject);
        if action == "user.create" {
            change = change.bind(self.clock.now());
        }
        let transaction = Transaction::new()
            .run(change)
            .expect_rows(1, &FOREIGN_ACCOUNT, "")
            .tells(Notice::epoch(tenant, Some(name)));
        match self.sql.commit(transaction.fact(fact(action))).await {
            // Who that is, is asked next.
            Err(error) if error.code() == &FOREIGN_ACCOUNT => Ok(()),
            done => {
                self.revisions.bump(tenant, Some(name));
                done.map(drop)
            }
        }
    }

    /// Kind and roles of the user a provider vouches for.
    pub(crate) async fn vouched(&self, person: &Person) -> Result<(Principal, Vec<String>)> {
        let text = "SELECT kind, roles, disabled, provider, subject FROM gate_user \
                    WHERE tenant = ?1 AND name = ?2";
        let select = Statement::new(text).bind(&person.tenant).bind(&person.name);
        let foreign = || {
            let name = person.name.escape_debug();
            FOREIGN_ACCOUNT.error(format!("`{name}` is not whom the provider vouches for"))
        };
        let rows = self.sql.query(select).await?;
        let row = rows.first().ok_or_else(foreign)?;
        let (provider, subject): (String, String) = (row.get("provider")?, row.get("subject")?);
        if provider != person.provider || subject != person.subject {
            return Err(foreign());
        }
        match row.get("disabled")? {
            true => Err(USER_DISABLED.error("an administrator keeps this user out")),
            false => kind_and_roles(row),
        }
    }

    /// Replaces a hash by a better one of the same password.
    pub(crate) async fn upgrade(
        &self,
        tenant: &str,
        name: &str,
        (old, new): (&str, String),
        fact: Fact,
    ) -> Result<()> {
        let text = "UPDATE gate_user SET hash = ?4 WHERE tenant = ?1 AND name = ?2 AND hash = ?3";
        let update = Statement::new(text).bind(tenant).bind(name).bind(old).bind(new);
        let transaction =
            Transaction::new().run(update).expect_rows(1, &WRONG_PASSWORD, "").fact(fact);
        match self.sql.commit(transaction).await {
            // Another login was faster, or the password has just been changed.
            Err(error) if error.code() == &WRONG_PASSWORD => Ok(()),
            done => done.map(drop),
        }
    }

    /// Deletes a user with all that is theirs, their keys too, and by `tokens` their tokens;
    /// whether there was one.
    pub(crate) async fn delete(
        &self,
        tenant: &str,
        name: &str,
        tokens: Option<Statement>,
        fact: Option<Fact>,
    ) -> Result<bool> {
        let by_name = |text: &'static str| Statement::new(text).bind(tenant).bind(name);
        let keys = by_name(
            "DELETE FROM api_key WHERE tenant = ?1 AND principal = ?2 AND kind = \
             (SELECT kind FROM gate_user WHERE tenant = ?1 AND name = ?2)",
        );
        let user = by_name("DELETE FROM gate_user WHERE tenant = ?1 AND name = ?2");
        let transaction =
            Transaction::new().run(keys).run(user).expect_rows(1, &WRONG_PASSWORD, "");
        let rest = session::forget_all(tenant, name).into_iter().chain(totp::forget(tenant, name));
        let rest = rest.chain(tokens);
        self.finish(tenant, name, rest.fold(transaction, Transaction::run), fact).await
    }

    async fn finish(
        &self,
        tenant: &str,
        name: &str,
        transaction: Transaction,
        fact: Option<Fact>,
    ) -> Result<bool> {
        let transaction = transaction.tells(Notice::epoch(tenant, Some(name)));
        match self.sql.commit(with(transaction, fact)).await {
            Ok(_) => {
                self.revisions.bump(tenant, Some(name));
                Ok(true)
            }
            Err(error) if error.code() == &WRONG_PASSWORD => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Kind and roles of a row that has them.
pub(crate) fn kind_and_roles(row: &Row) -> Result<(Principal, Vec<String>)> {
    let corrupt =
        |what: &str| pool::sql::codes::CORRUPT.error(format!("a user's {what} cannot be read"));
    let (kind, roles): (String, String) = (row.get("kind")?, row.get("roles")?);
    let kind = kind.parse().map_err(|_| corrupt("kind"))?;
    Ok((kind, serde_json::from_str(&roles).map_err(|_| corrupt("roles"))?))
}

/// What a row's owner is beside their roles.
pub(crate) fn rights_of(row: &Row) -> Result<Rights> {
    let text: String = row.get("rights")?;
    let corrupt = |_| pool::sql::codes::CORRUPT.error("rights cannot be read");
    serde_json::from_str(&text).map_err(corrupt)
}

/// Rights as a row has them.
pub(crate) fn rights_as_text(rights: &Rights) -> String {
    serde_json::to_string(rights).unwrap_or_default()
}

pub(crate) fn check_rights(rights: &Rights) -> Result<()> {
    rights.wrong().map_or(Ok(()), |wrong| Err(NO_RIGHT.error(wrong)))
}

pub(crate) fn check_name(name: &str) -> Result<()> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.@".contains(letter);
    // A path with nothing but dots in it leads elsewhere.
    let is_dots = name.chars().all(|letter| letter == '.');
    match (1..=128).contains(&name.len()) && name.chars().all(allowed) && !is_dots {
        true => Ok(()),
        false => Err(NO_NAME.error(format!("`{}` is not a name", name.escape_debug()))),
    }
}

fn check_roles(roles: &[String]) -> Result<()> {
    match roles.is_empty() || roles.iter().any(String::is_empty) {
        true => Err(NO_ROLE.error("a user without a role could do nothing")),
        false => Ok(()),
    }
}

pub(crate) fn with(transaction: Transaction, fact: Option<Fact>) -> Transaction {
    match fact {
        Some(fact) => transaction.fact(fact),
        None => transaction,
    }
}
