//! What a login opens, as those see it who come with its tokens.

use std::sync::Arc;

use flow::question::account::{Granted, SessionInfo};
use flow::{Credential, Fact, Identity, Outcome, Request, Result, Step};

use super::Logins;
use super::fact::fact_of;
use crate::codes::NOT_A_LOGIN;
use crate::credential::jwt::Subject;
use crate::session::{Opening, Sessions};

impl Logins {
    /// Opens a session for whoever has just shown their password. Tells how many of their
    /// older ones ended by it.
    pub async fn open_session(
        &self,
        identity: &Identity,
        request: &Request<'_>,
        fact: Option<Fact>,
    ) -> Result<(Granted, u64)> {
        let provider = match identity.credential.split_once(':') {
            Some(("password", _)) => None,
            Some(("vouched", provider)) => Some(provider),
            _ => return Err(NOT_A_LOGIN.error("a session is opened with a name and a password")),
        };
        let opening = Opening {
            who: Subject {
                tenant: &identity.tenant,
                name: &identity.name,
                kind: identity.kind,
                roles: &identity.roles,
            },
            provider,
            peer: request.peer,
            agent: request.agent,
        };
        self.sessions.open(opening, fact).await
    }

    /// Trades the refresh token that was shown in for new tokens.
    pub async fn refresh(
        &self,
        identity: &Identity,
        request: &Request<'_>,
        fact: Option<Fact>,
    ) -> Result<Granted> {
        let Credential::Refresh(token) = request.credential else {
            return Err(NOT_A_LOGIN.error("new tokens are given for a refresh token"));
        };
        let reused = |session: &str| {
            let named = ("session", session);
            let clock = &self.clock;
            let outcome = Outcome::Refused;
            let mut fact = fact_of(
                clock,
                &self.random,
                request,
                Some(identity),
                ("session.reused", named),
                outcome,
            );
            fact.reason = Some(crate::codes::REFRESH_REUSED.name.into());
            fact
        };
        self.sessions.trade(token, fact, reused).await
    }

    /// Ends the session this identity came from.
    pub async fn close(&self, identity: &Identity, fact: Option<Fact>) -> Result<()> {
        let Some(id) = identity.credential.strip_prefix("session:") else {
            return Err(NOT_A_LOGIN.error("only the token of a session can be logged out"));
        };
        self.sessions.end(&identity.tenant, &identity.name, id, fact).await.map(drop)
    }

    /// The sessions of a principal, or of everybody for `*`.
    pub async fn sessions(
        &self,
        tenant: &str,
        of: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<SessionInfo>> {
        self.sessions.list(tenant, of, after, limit).await
    }

    /// Ends a session; whether there was one.
    pub async fn end(&self, tenant: &str, of: &str, id: &str, fact: Option<Fact>) -> Result<bool> {
        self.sessions.end(tenant, of, id, fact).await
    }

    /// Ends all sessions of a principal; how many they were.
    pub async fn end_all(&self, tenant: &str, of: &str, fact: Option<Fact>) -> Result<u64> {
        self.sessions.end_all(tenant, of, fact).await
    }
    /// The sessions, for tokens that say they are of one.
    pub(crate) fn open_sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Whether this is the random token of a session, by its looks.
    pub(crate) fn is_token(text: &str) -> bool {
        Sessions::is_token(text)
    }

    pub(crate) fn recognise<'a>(&'a self, token: &'a str) -> Step<'a, Result<Arc<Identity>>> {
        match self.sessions.recognise_now(token) {
            Some(identity) => Step::Now(Ok(identity)),
            None => Step::later(self.sessions.recognise(token)),
        }
    }

    pub(crate) async fn recognise_refresh(&self, token: &str) -> Result<Arc<Identity>> {
        self.sessions.recognise_refresh(token).await
    }

    pub(crate) async fn renew(&self, id: &str) -> Result<Arc<Identity>> {
        self.sessions.renew(id).await
    }

    pub(crate) fn tend<'a>(
        &'a self,
        id: &'a str,
        request: &'a Request<'a>,
    ) -> Step<'a, Result<()>> {
        self.sessions.tend(id, request)
    }
}
