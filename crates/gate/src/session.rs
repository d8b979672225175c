//! Sessions, kept on our side, so that they can be looked at and ended.
//!
//! A session is opened by a login. Its token is one we sign where there are keys, and else
//! random; only its digest is kept. Whoever shows it is recognised from memory for as long
//! as nothing changed about them, and what they may do is what the table of users says,
//! never what the token does. A refresh token is good once and gives new tokens, and those
//! of before are good no longer.

mod end;
mod known;
mod live;
mod refresh;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use flow::feed::Notice;
use flow::question::account::{Granted, SessionInfo};
use flow::{
    Clock, Fact, Identity, Outcome, Principal, Random, Request, Result, Revisions, Step, Time,
};
use parking_lot::Mutex;
use pool::sql::{Row, Sql, Statement, Transaction};

use crate::codes::{SESSION_OVER, UNKNOWN_SESSION, USER_DISABLED};
use crate::config::Sessions as Config;
use crate::credential::jwt::{Claims, Subject, Tokens};
use crate::digest::{digest_of, hex_of, letters};
use crate::user::with;
pub(crate) use end::forget_all;
use known::Known;
use live::Touch;

/// What tokens of sessions begin with.
const TOKEN: &str = "sts_";
/// And refresh tokens.
const REFRESH: &str = "str_";
/// Letters of a token: two hundred bits.
const LETTERS: usize = 40;
/// What a program says of itself is kept up to here.
const AGENT_MAX: usize = 200;

/// The sessions there are.
pub(crate) struct Sessions {
    sql: Arc<dyn Sql>,
    revisions: Arc<Revisions>,
    clock: Clock,
    random: Random,
    config: Config,
    tokens: Option<Arc<Tokens>>,
    known: Mutex<HashMap<Arc<str>, Arc<Known>>>,
}

/// Who has just logged in, and how.
pub(crate) struct Opening<'a> {
    pub(crate) who: Subject<'a>,
    /// Who vouches for them, where it is not their password.
    pub(crate) provider: Option<&'a str>,
    pub(crate) peer: Option<IpAddr>,
    pub(crate) agent: &'a str,
}

impl Sessions {
    pub(crate) fn new(
        sql: Arc<dyn Sql>,
        revisions: Arc<Revisions>,
        clock: Clock,
        random: Random,
        config: Config,
    ) -> Self {
        let (tokens, known) = (None, Mutex::default());
        Self { sql, revisions, clock, random, config, tokens, known }
    }

    /// The same, with tokens that are signed.
    pub(crate) fn signed_by(&mut self, tokens: Arc<Tokens>) {
        self.tokens = Some(tokens);
    }

    /// Opens one. Of too many the oldest end.
    pub(crate) async fn open(
        &self,
        opening: Opening<'_>,
        fact: Option<Fact>,
    ) -> Result<(Granted, u64)> {
        let Opening { who, provider, peer, agent } = opening;
        let Subject { tenant, name, kind, .. } = who;
        let granted = self.grant(&who, &letters(&self.random, 10), self.ends())?;
        let now = self.clock.now();
        let kept = match kind {
            Principal::Agent => self.config.per_agent_max,
            _ => self.config.per_user_max,
        };
        let kept = i64::from(kept.max(1)) - 1;
        let rest = "IN (SELECT id FROM gate_session WHERE tenant = ?1 AND name = ?2 \
                    ORDER BY created DESC, id DESC LIMIT 1000000 OFFSET ?3)";
        let oldest = |text: String| Statement::new(text).bind(tenant).bind(name).bind(kept);
        let text = "INSERT INTO gate_session \
                    (id, tenant, name, digest, created, seen, fresh, ends, address, agent, suspicion) \
                    VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9, '')";
        let insert = Statement::new(text)
            .bind(&granted.session)
            .bind(tenant)
            .bind(name)
            .bind(hex_of(granted.token.as_bytes()))
            .bind(now)
            .bind(granted.expires)
            .bind(self.ends())
            .bind(peer.map(live::network).unwrap_or_default())
            .bind(cut(agent));
        // Whoever changes or deletes them meanwhile, or opens another, waits for this or is
        // waited for: nobody is let in by what was true before.
        let text = "UPDATE gate_user SET disabled = 0 WHERE tenant = ?1 AND name = ?2 \
                    AND disabled = 0";
        let stands = Statement::new(text).bind(tenant).bind(name);
        let transaction = Transaction::new()
            .run(stands)
            .expect_rows(1, &USER_DISABLED, "an administrator keeps this user out")
            .run(oldest(format!("DELETE FROM gate_refresh WHERE session {rest}")))
            .run(oldest(format!("DELETE FROM gate_session WHERE id {rest}")))
            .tells_if_touched(Notice::epoch(tenant, Some(name)))
            .run(insert)
            .run(self.insert_refresh(&granted, 1));
        let fact = fact.map(|mut fact| {
            let session = &granted.session;
            let mut detail = serde_json::json!({ "session": session, "agent": cut(agent) });
            if let (Some(provider), Some(detail)) = (provider, detail.as_object_mut()) {
                detail.insert("provider".into(), provider.into());
            }
            fact.detail = detail.into();
            fact
        });
        let rows = self.sql.commit(with(transaction, fact)).await?;
        let ended = rows.get(2).map_or(0, pool::sql::Rows::touched);
        if ended > 0 {
            self.revisions.bump(tenant, Some(name));
        }
        Ok((granted, ended))
    }

    fn ends(&self) -> Time {
        self.clock.now().after(self.config.life.0)
    }

    /// New tokens for a session that ends then.
    fn grant(&self, who: &Subject<'_>, id: &str, ends: Time) -> Result<Granted> {
        let now = self.clock.now();
        let mut expires = now.after(self.config.token_life.0).min(ends);
        let token = match &self.tokens {
            Some(tokens) => {
                expires = expires.min(now.after(tokens.life()));
                // Tokens say their end in whole seconds.
                expires = Time(expires.secs() * 1_000_000_000);
                tokens.sign(who, id, expires.since(now))?
            }
            None => format!("{TOKEN}{id}_{}", letters(&self.random, LETTERS)),
        };
        Ok(Granted {
            session: id.to_owned(),
            token,
            expires,
            refresh: format!("{REFRESH}{id}_{}", letters(&self.random, LETTERS)),
            refresh_expires: now.after(self.config.refresh_life.0).min(ends),
        })
    }

    /// Whether this is the token of a session, by its looks.
    pub(crate) fn is_token(text: &str) -> bool {
        text.starts_with(TOKEN)
    }

    /// Whose session this is, if that is known without asking the database.
    pub(crate) fn recognise_now(&self, token: &str) -> Option<Arc<Identity>> {
        let known = self.remembered(id_in(token, TOKEN)?)?;
        let same = verify_slices_are_equal(&known.digest, &digest_of(token.as_bytes())).is_ok();
        (same && known.identity.epoch.holds()).then(|| known.identity.clone())
    }

    /// Whose session this is.
    pub(crate) async fn recognise(&self, token: &str) -> Result<Arc<Identity>> {
        if let Some(identity) = self.recognise_now(token) {
            return Ok(identity);
        }
        let unknown = || UNKNOWN_SESSION.error("the session is not known");
        let id = id_in(token, TOKEN).ok_or_else(unknown)?;
        let known = self.look_up(id, Some(&digest_of(token.as_bytes()))).await?;
        Ok(known.identity.clone())
    }

    /// Whose session a token is of that we signed: it has to be the one given last.
    pub(crate) async fn claimed(&self, claims: &Claims, token: &str) -> Result<Arc<Identity>> {
        let known = self.look_up(&claims.sid, Some(&digest_of(token.as_bytes()))).await?;
        let identity = &known.identity;
        match *identity.tenant == claims.tenant && *identity.name == claims.name {
            true => Ok(identity.clone()),
            false => Err(UNKNOWN_SESSION.error("the session is somebody else's")),
        }
    }

    /// The same caller as they stand now.
    pub(crate) async fn renew(&self, id: &str) -> Result<Arc<Identity>> {
        Ok(self.look_up(id, None).await?.identity.clone())
    }

    /// Whether the session still lasts, asked for each of its requests, and what there is
    /// to be noted of this one.
    pub(crate) fn tend<'a>(
        &'a self,
        id: &'a str,
        request: &'a Request<'a>,
    ) -> Step<'a, Result<()>> {
        let now = self.clock.now();
        if let Some(known) = self.remembered(id)
            && known.live.touch(now, request, &self.config) == Touch::Fine
        {
            return Step::Now(Ok(()));
        }
        Step::later(self.tend_slowly(id, request))
    }

    async fn tend_slowly(&self, id: &str, request: &Request<'_>) -> Result<()> {
        let now = self.clock.now();
        let known = match self.remembered(id) {
            Some(known) if known.live.lasts(now, &self.config) => known,
            // Another node may have seen it since.
            _ => self.look_up(id, None).await?,
        };
        let touch = known.live.touch(now, request, &self.config);
        if touch == Touch::Over {
            return Err(SESSION_OVER.error("the session was not used for too long"));
        }
        if let Err(error) = self.note(id, &known, now, request).await {
            // It is noted with one of the next requests.
            tracing::warn!(error = %error.story(), "when a session was used could not be noted");
        }
        Ok(())
    }

    async fn note(&self, id: &str, known: &Known, now: Time, request: &Request<'_>) -> Result<()> {
        let (suspicion, is_new) = known.live.suspicion();
        let text = "UPDATE gate_session SET seen = ?2, suspicion = ?3 WHERE id = ?1";
        let update = Statement::new(text).bind(id).bind(now).bind(suspicion.clone());
        let mut transaction = Transaction::new().run(update);
        if is_new {
            let mut fact =
                self.fact(request, Some(&known.identity), "session.suspect", id, Outcome::Done);
            fact.detail = serde_json::json!({ "suspicion": suspicion }).into();
            transaction = transaction.fact(fact);
        }
        self.sql.commit(transaction).await?;
        known.live.noted(now, &suspicion);
        Ok(())
    }

    /// The sessions of one principal, or of all for `*`, behind the id `after`.
    pub(crate) async fn list(
        &self,
        tenant: &str,
        of: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<SessionInfo>> {
        let text = "SELECT id, name, created, seen, ends, address, agent, suspicion \
                    FROM gate_session WHERE tenant = ?1 AND (name = ?2 OR ?2 = '*') \
                    AND id > ?3 AND ends > ?4 ORDER BY id LIMIT ?5";
        let select = Statement::new(text)
            .bind(tenant)
            .bind(of)
            .bind(after)
            .bind(self.clock.now())
            .bind(i64::from(limit));
        let info = |row: &Row| {
            let suspicion: String = row.get("suspicion")?;
            Ok(SessionInfo {
                id: row.get("id")?,
                principal: row.get("name")?,
                created: row.get("created")?,
                seen: row.get("seen")?,
                ends: row.get("ends")?,
                address: row.get("address")?,
                agent: row.get("agent")?,
                suspicion: suspicion.split_whitespace().map(str::to_owned).collect(),
            })
        };
        self.sql.query(select).await?.iter().map(info).collect()
    }

    fn fact(
        &self,
        request: &Request<'_>,
        identity: Option<&Identity>,
        action: &'static str,
        id: &str,
        outcome: Outcome,
    ) -> Fact {
        let what = (action, ("session", id));
        crate::login::fact_of(&self.clock, &self.random, request, identity, what, outcome)
    }
}

/// The session a token is of.
fn id_in<'t>(token: &'t str, prefix: &str) -> Option<&'t str> {
    Some(token.strip_prefix(prefix)?.split_once('_')?.0)
}

fn cut(agent: &str) -> &str {
    let mut end = agent.len().min(AGENT_MAX);
    while !agent.is_char_boundary(end) {
        end -= 1;
    }
    agent.get(..end).unwrap_or_default()
}
