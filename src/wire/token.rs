//! Access tokens, and the keys that sign them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow::feed::Notice;
use flow::question::token::{
    CreateToken, CreatedToken, ListTokenKeys, RevokeToken, RotateTokenKey, TokenKey,
};
use flow::{Answer, Clock, Origin, Permitted, Result, Revisions, Step, Time};
use gate::jwt::{Ended, KeyState, Providers, Subject};
use gate::{Seal, Tokens};
use pool::Http;
use pool::sql::Sql;

use super::{Ground, Plane};

/// How often it is looked whether signing keys are due, or another node made one.
const TENDED: Duration = Duration::from_secs(60);

/// Asking a provider for its keys is done by somebody who waits for an answer.
const PROVIDER_TIMEOUT: flow::unit::Span = flow::unit::Span::secs(5);

/// Opens what makes and recognises tokens. Nodes that share a database without sharing
/// a key to seal with have none: each would have keys that the others cannot open. One that
/// has no such key where others do would refuse whom they let in, and is not started.
pub(super) async fn open(
    config: &gate::Config,
    sql: &Arc<dyn Sql>,
    revisions: &Arc<Revisions>,
    seal: &Option<Arc<Seal>>,
    ground: &Ground,
) -> Result<Option<Arc<Tokens>>> {
    let Some(seal) = seal.clone() else {
        if !config.oidc.is_empty() {
            return Err(
                gate::codes::SEAL_KEY.error("tokens are off, and `gate.oidc` names issuers")
            );
        }
        if Tokens::are_signed(&**sql, &ground.clock).await? {
            let story = "this database has secrets that other nodes sealed, and there is no key";
            return Err(gate::codes::SEAL_KEY.error(story));
        }
        tracing::info!("without `gate.seal_keys` there are no access tokens on a shared database");
        return Ok(None);
    };
    let Ground { clock, random, registry, .. } = ground.clone();
    let timeouts = pool::http::Config {
        connect_timeout: PROVIDER_TIMEOUT,
        answer_timeout: PROVIDER_TIMEOUT,
        timeout: PROVIDER_TIMEOUT,
        largest_answer: flow::unit::Size::mib(1),
        ..pool::http::Config::default()
    };
    let http = Http::new(timeouts, clock.clone(), random.clone(), &registry)?;
    let providers = Providers::new(&config.oidc, &http, &clock)?;
    let (sql, revisions) = (sql.clone(), revisions.clone());
    let tokens = Tokens::open(&config.tokens, sql, seal, revisions, clock, random);
    Ok(Some(Arc::new(tokens.await?.trusting(providers))))
}

/// Looks after signing keys for as long as it is polled.
pub(super) async fn tend(tokens: Option<Arc<Tokens>>, clock: Clock) {
    let Some(tokens) = tokens else { return };
    loop {
        clock.sleep(TENDED).await;
        if let Err(error) = tokens.tend().await {
            tracing::warn!(error = %error.story(), "signing keys are looked after later");
        }
    }
}

impl Plane {
    fn tokens(&self) -> Result<&Tokens> {
        self.tokens.as_deref().ok_or_else(|| {
            gate::codes::SEAL_KEY.error("access tokens need keys that all nodes share")
        })
    }

    /// The document others verify our tokens by.
    pub(super) fn public_keys(&self) -> Bytes {
        let published = self.tokens.as_ref().map(|tokens| tokens.public_keys());
        match published {
            Some(document) => document.to_string().into(),
            None => Bytes::from_static(br#"{"keys":[]}"#),
        }
    }
}

impl<'q> Origin<CreateToken<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, CreateToken<'q>>,
    ) -> Step<'a, Result<Answer<CreatedToken>>> {
        let make = || {
            let CreateToken { principal, kind, roles, life } = *permitted.question();
            let subject = Subject { tenant: permitted.tenant(), name: principal, kind, roles };
            let tokens = self.tokens()?;
            let token = tokens.mint(&subject, "", life)?;
            let claims = tokens.verify(&token)?;
            let until = Time(claims.until.saturating_mul(1_000_000_000));
            Ok(Answer::done(CreatedToken { id: claims.jti, token, until }))
        };
        Step::Now(make())
    }
}

impl<'q> Origin<RevokeToken<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, RevokeToken<'q>>,
    ) -> Step<'a, Result<Answer<()>>> {
        Step::later(async move {
            let tenant = permitted.tenant();
            let fact = permitted.fact(&self.clock, &self.random);
            let ended = Ended::Token(permitted.question().id);
            // Whose it is only the token itself says.
            self.tokens()?.end(tenant, None, ended, Some(fact)).await?;
            self.announcer.announce(Notice::epoch(tenant, None)).await?;
            Ok(Answer::done(()).recorded())
        })
    }
}

impl Origin<ListTokenKeys> for Plane {
    fn answer<'a>(
        &'a self,
        _: &'a Permitted<'a, ListTokenKeys>,
    ) -> Step<'a, Result<Answer<Vec<TokenKey>>>> {
        let key = |state: KeyState| TokenKey {
            kid: state.kid,
            algorithm: state.algorithm.name(),
            created: state.made,
            until: state.until,
        };
        let listed = self.tokens().map(|tokens| tokens.keys().into_iter().map(key).collect());
        Step::Now(listed.map(Answer::done))
    }
}

impl Origin<RotateTokenKey> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, RotateTokenKey>,
    ) -> Step<'a, Result<Answer<String>>> {
        Step::later(async move {
            self.space.is_there()?;
            let fact = permitted.fact(&self.clock, &self.random);
            let kid = self.tokens()?.rotate(Some(fact)).await?;
            Ok(Answer::done(kid).recorded())
        })
    }
}
