//! Refresh tokens: good once, for new tokens.
//!
//! One that comes a second time has been in two hands, and nobody can tell whose came
//! first: the whole session ends.

use std::sync::Arc;

use flow::feed::Notice;
use flow::question::account::Granted;
use flow::{Fact, Identity, Result, Time};
use pool::sql::{Row, Statement, Transaction};

use super::{REFRESH, Sessions, id_in};
use crate::codes::{REFRESH_REUSED, UNKNOWN_REFRESH, UNKNOWN_SESSION};
use crate::credential::jwt::Subject;
use crate::digest::hex_of;
use crate::user::{kind_and_roles, with};

/// As many used tokens of a session are kept, to be known when they come again.
const USED_MAX: i64 = 100;

impl Sessions {
    pub(super) fn insert_refresh(&self, granted: &Granted, generation: i64) -> Statement {
        let text = "INSERT INTO gate_refresh (digest, session, generation, expires, used) \
                    VALUES (?1, ?2, ?3, ?4, 0)";
        Statement::new(text)
            .bind(hex_of(granted.refresh.as_bytes()))
            .bind(&granted.session)
            .bind(generation)
            .bind(granted.refresh_expires)
    }

    /// Whose refresh token this is. It may be a used one: what follows from that is
    /// decided when it is traded in.
    pub(crate) async fn recognise_refresh(&self, token: &str) -> Result<Arc<Identity>> {
        let first = self.read_refresh(token).await?;
        let name: Arc<str> = first.get::<String>("name")?.into();
        let tenant: Arc<str> = first.get::<String>("tenant")?.into();
        let epoch = self.revisions.observe(&tenant, &name);
        let row = self.read_refresh(token).await?;
        let (kind, roles) = kind_and_roles(&row)?;
        let id: String = row.get("session")?;
        let credential = format!("refresh:{id}").into();
        Ok(Arc::new(Identity::new(kind, tenant, name, roles.into(), credential, epoch)))
    }

    /// New tokens for an old one, once. `reused` is what to record of one that came again.
    pub(crate) async fn trade(
        &self,
        token: &str,
        fact: Option<Fact>,
        reused: impl FnOnce(&str) -> Fact,
    ) -> Result<Granted> {
        let row = self.read_refresh(token).await?;
        let (session, generation): (String, i64) = (row.get("session")?, row.get("generation")?);
        let (tenant, name): (String, String) = (row.get("tenant")?, row.get("name")?);
        if row.get::<i64>("used")? == 0 {
            let (kind, roles) = kind_and_roles(&row)?;
            let who = Subject { tenant: &tenant, name: &name, kind, roles: &roles };
            let granted = self.grant(&who, &session, row.get::<Time>("ends")?)?;
            match self.rotate(token, &who, (&granted, generation), fact).await {
                Err(error) if error.code() == &REFRESH_REUSED => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    self.revisions.bump(&tenant, Some(&name));
                    return Ok(granted);
                }
            }
        }
        match self.end(&tenant, &name, &session, Some(reused(&session))).await {
            Ok(_) => {
                Err(REFRESH_REUSED
                    .error("the refresh token was used before; its session has ended"))
            }
            Err(error) => Err(error),
        }
    }

    async fn rotate(
        &self,
        token: &str,
        who: &Subject<'_>,
        (granted, generation): (&Granted, i64),
        fact: Option<Fact>,
    ) -> Result<()> {
        let now = self.clock.now();
        let text = "UPDATE gate_refresh SET used = ?2 WHERE digest = ?1 AND used = 0";
        let used = Statement::new(text).bind(hex_of(token.as_bytes())).bind(now);
        let text = "UPDATE gate_session SET digest = ?2, fresh = ?3, seen = ?4 WHERE id = ?1";
        let session = Statement::new(text)
            .bind(&granted.session)
            .bind(hex_of(granted.token.as_bytes()))
            .bind(granted.expires)
            .bind(now);
        let old = "DELETE FROM gate_refresh WHERE session = ?1 AND generation <= ?2";
        let old = Statement::new(old).bind(&granted.session).bind(generation - USED_MAX);
        let transaction = Transaction::new()
            .run(used)
            .expect_rows(1, &REFRESH_REUSED, "the refresh token was used before")
            .run(session)
            .expect_rows(1, &UNKNOWN_SESSION, "the session has ended")
            .run(self.insert_refresh(granted, generation + 1))
            .run(old)
            .tells(Notice::epoch(who.tenant, Some(who.name)));
        self.sql.commit(with(transaction, fact)).await?;
        Ok(())
    }

    async fn read_refresh(&self, token: &str) -> Result<Row> {
        let unknown = || UNKNOWN_REFRESH.error("the refresh token is not known");
        id_in(token, REFRESH).ok_or_else(unknown)?;
        let text = "SELECT r.session AS session, r.generation AS generation, r.used AS used, \
                    s.tenant AS tenant, s.name AS name, s.ends AS ends, \
                    u.kind AS kind, u.roles AS roles FROM gate_refresh r \
                    JOIN gate_session s ON s.id = r.session \
                    JOIN gate_user u ON u.tenant = s.tenant AND u.name = s.name \
                    WHERE r.digest = ?1 AND (r.expires > ?2 OR r.used > 0) AND s.ends > ?2 \
                    AND u.disabled = 0";
        let select = Statement::new(text).bind(hex_of(token.as_bytes())).bind(self.clock.now());
        let rows = self.sql.query(select).await?;
        rows.into_iter().next().ok_or_else(unknown)
    }
}
