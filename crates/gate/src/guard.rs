//! The gate as the path sees it.

mod stranger;

use std::sync::Arc;

use flow::identity::MAIN;
use flow::network::client;
use flow::request::{Inspection, is_proof};
use flow::stage::{Entered, Noticed, OVERLOADED};
use flow::{
    Allowance, Ask, Clock, Code, Credential, Door, Error, Identity, Kind, Principal, Request,
    Result, Revisions, Step,
};

use crate::behaviour::{Behaviour, SHOW_CODE, Take};
use crate::codes::{
    ATTACK, BLOCKED, FORGED_IDENTITY, NO_CREDENTIAL, NOT_THE_OWNER, QUARANTINED, STEP_UP, TOO_FAST,
    UNKNOWN_KEY, UNKNOWN_SESSION, UNKNOWN_TOKEN, WRONG_CODE, WRONG_PASSWORD,
};
use crate::config::Strangers;
use crate::credential::api_key::Keys;
use crate::credential::jwt::Tokens;
use crate::inspect::Checkpoint;
use crate::limit::{Adaptive, Asking, Blocks, Limits, Subject, Verdict};
use crate::login::Logins;
use stranger::{NEIGHBOUR, is_anonymous, whose};

/// The gate.
pub struct Gate {
    keys: Arc<Keys>,
    logins: Option<Arc<Logins>>,
    tokens: Option<Arc<Tokens>>,
    limits: Limits,
    blocks: Arc<Blocks>,
    adaptive: Option<Arc<Adaptive>>,
    behaviour: Option<Arc<Behaviour>>,
    checkpoint: Option<Arc<Checkpoint>>,
    strangers: Strangers,
    revisions: Arc<Revisions>,
    clock: Clock,
    owner: u32,
}

/// What everybody may do who is kept from everything else.
const LOG_OUT: &str = "session.close";

/// How guesses fail. Sessions end in the ordinary course of things, and are not guessed.
static GUESSES: [&Code; 4] = [&WRONG_PASSWORD, &WRONG_CODE, &UNKNOWN_KEY, &UNKNOWN_TOKEN];

/// How requests are refused that others would have suffered.
static ATTACKS: [&Code; 2] = [&ATTACK, &FORGED_IDENTITY];

/// The name of whoever comes in by the local socket.
const LOCAL: &str = "local";

impl Gate {
    /// A gate for these keys with these limits. `owner` is the user id that owns the data
    /// directory, and so may do everything through the socket in it.
    pub fn new(
        keys: Arc<Keys>,
        limits: Limits,
        blocks: Arc<Blocks>,
        revisions: Arc<Revisions>,
        clock: Clock,
        owner: u32,
    ) -> Self {
        let adaptive = limits.adaptive(&clock);
        Self {
            keys,
            logins: None,
            tokens: None,
            limits,
            blocks,
            adaptive,
            behaviour: None,
            checkpoint: None,
            strangers: Strangers::default(),
            revisions,
            clock,
            owner,
        }
    }

    /// The same gate, where users log in too.
    #[must_use]
    pub fn with_logins(mut self, logins: Arc<Logins>) -> Self {
        self.logins = Some(logins);
        self
    }

    /// The same, recognising tokens as well as keys.
    #[must_use]
    pub fn with_tokens(self, tokens: Arc<Tokens>) -> Self {
        Self { tokens: Some(tokens), ..self }
    }

    /// What decides how many requests are under way at a time, where that is wanted.
    pub fn adaptive(&self) -> Option<Arc<Adaptive>> {
        self.adaptive.clone()
    }

    /// The same, noticing what is odd.
    #[must_use]
    pub fn with_behaviour(self, behaviour: Arc<Behaviour>) -> Self {
        Self { behaviour: Some(behaviour), ..self }
    }

    /// The same, letting strangers pass where this checkpoint's routes are open, and where else
    /// the configuration says.
    #[must_use]
    pub fn with_checkpoint(self, checkpoint: Arc<Checkpoint>, strangers: Strangers) -> Self {
        Self { checkpoint: Some(checkpoint), strangers, ..self }
    }

    fn logins(&self) -> Result<&Logins> {
        self.logins.as_deref().ok_or_else(|| UNKNOWN_SESSION.error("nobody logs in here"))
    }

    fn bearer<'a>(
        &'a self,
        request: &'a Request<'a>,
        shown: &'a str,
    ) -> Step<'a, Result<Arc<Identity>>> {
        if let Some(tokens) = self.tokens.as_ref().filter(|_| looks_like_a_token(shown)) {
            return match tokens.recognise_now(shown) {
                Some(identity) => Step::Now(Ok(identity)),
                None => {
                    let sessions = self.logins.as_ref().map(|logins| logins.open_sessions());
                    let anew = tokens.recognise_in(sessions, shown);
                    Step::later(self.recognise_anew(request, anew))
                }
            };
        }
        if let Some(logins) = self.logins.as_ref().filter(|_| Logins::is_token(shown)) {
            return match logins.recognise(shown) {
                Step::Now(known) => Step::Now(known),
                Step::Later(anew) => Step::later(self.recognise_anew(request, anew)),
            };
        }
        if is_proof(shown) {
            return Step::later(self.recognise_anew(request, self.keys.believe(shown)));
        }
        match self.keys.recognise_now(shown) {
            Some(identity) => Step::Now(Ok(identity)),
            None => Step::later(self.recognise_anew(request, self.keys.recognise(shown))),
        }
    }

    /// Looks up who that is, for those who did not try too often.
    async fn recognise_anew(
        &self,
        request: &Request<'_>,
        anew: impl Future<Output = Result<Arc<Identity>>>,
    ) -> Result<Arc<Identity>> {
        let recognised = match self.turned_away(request) {
            Some(error) => Err(error),
            None => anew.await,
        };
        if recognised
            .as_ref()
            .is_err_and(|error| matches!(error.kind(), Kind::Unknown | Kind::Busy))
        {
            self.count_stranger(request).await;
        }
        self.notice_who(request, &recognised).await;
        recognised
    }

    /// Tells whoever notices what is odd how somebody tried to be recognised.
    async fn notice_who(&self, request: &Request<'_>, recognised: &Result<Arc<Identity>>) {
        let Some(behaviour) = &self.behaviour else { return };
        if request.peer.is_some_and(|address| self.limits.exempts(address)) {
            return;
        }
        match recognised {
            Ok(_) => behaviour.succeeded(request).await,
            Err(error) if GUESSES.contains(&error.code()) => behaviour.failed(request).await,
            Err(_) => {}
        }
    }

    /// Whose key or token this is, if that is known without asking the database.
    fn known_bearer(&self, request: &Request<'_>) -> Option<Arc<Identity>> {
        let Credential::Bearer(shown) = request.credential else { return None };
        match self.tokens.as_ref().filter(|_| looks_like_a_token(shown)) {
            Some(tokens) => tokens.recognise_now(shown),
            None => self.keys.recognise_now(shown),
        }
    }

    /// What was taken against this caller and keeps them from asking this.
    fn held_back(&self, identity: &Identity, ask: Ask<'_>) -> Result<()> {
        let Some(behaviour) = &self.behaviour else { return Ok(()) };
        let action = ask.action.name;
        if behaviour.is_at_peace() || action == LOG_OUT {
            return Ok(());
        }
        if let Some(rest) = behaviour.holds(identity, Take::Quarantine) {
            let sentence = format!("nothing but logging out for another {} s", rest.as_secs() + 1);
            return Err(QUARANTINED.error(sentence).with_retry_after(rest));
        }
        if action != SHOW_CODE && behaviour.holds(identity, Take::StepUp).is_some() {
            return Err(STEP_UP.error("something was odd about this caller"));
        }
        Ok(())
    }

    fn is_throttled(&self, identity: &Identity) -> bool {
        let behaviour = self.behaviour.as_ref();
        behaviour.is_some_and(|behaviour| behaviour.holds(identity, Take::Throttle).is_some())
    }

    /// Whether the session still lasts, where it is one.
    fn lasts<'a>(
        &'a self,
        request: &'a Request<'a>,
        identity: &'a Identity,
    ) -> Step<'a, Result<()>> {
        match (&self.logins, identity.credential.strip_prefix("session:")) {
            (Some(logins), Some(id)) => logins.tend(id, request),
            _ => Step::Now(Ok(())),
        }
    }

    async fn refuse_nobody(&self, request: &Request<'_>) -> Result<Arc<Identity>> {
        let turned_away = self.turned_away(request);
        self.count_stranger(request).await;
        let nobody = || NO_CREDENTIAL.error("no credential was presented");
        Err(turned_away.unwrap_or_else(nobody))
    }

    /// Why nobody is to be recognised anew from there, if so. Whoever is known already is not
    /// held to what their neighbours do.
    fn turned_away(&self, request: &Request<'_>) -> Option<Error> {
        let stranger = || request.peer.map(client).map(Subject::Stranger);
        self.kept_out("whoever is unknown here", stranger)
            .or_else(|| self.limits.stranger(request.peer, self.clock.moment()))
    }

    async fn count_stranger(&self, request: &Request<'_>) {
        let asking = Asking { address: request.peer, ..Asking::default() };
        if let Verdict::Blocked(_, who) = self.limits.admit(&asking, self.clock.moment()) {
            self.blocks.begin(who, TOO_FAST.name, request).await;
        }
    }

    fn kept_out(&self, whom: &str, who: impl FnOnce() -> Option<Subject>) -> Option<Error> {
        let rest = self.blocks.holds(who)?;
        let secs = rest.as_secs() + 1;
        let sentence = format!("{whom} is kept out for another {secs} s");
        Some(BLOCKED.error(sentence).with_retry_after(rest))
    }

    fn is_counted(&self, request: &Request<'_>, identity: &Identity, ask: Ask<'_>) -> bool {
        !self.is_ours(request, identity) && self.limits.counts(ask.action)
    }

    /// The owner of the data directory and the plane itself are never held to anything.
    fn is_ours(&self, request: &Request<'_>, identity: &Identity) -> bool {
        matches!(request.credential, Credential::Local { .. }) || identity.kind == Principal::System
    }

    /// Whether the limits let it in, where it counts.
    fn limited<'a>(
        &'a self,
        request: &'a Request<'a>,
        identity: &'a Identity,
        ask: Ask<'a>,
    ) -> Step<'a, Result<()>> {
        if self.is_ours(request, identity) {
            return Step::Now(Ok(()));
        }
        if let Err(error) = self.held_back(identity, ask) {
            return Step::Now(Err(error));
        }
        let counts = self.limits.counts(ask.action);
        // What is on its way to others passes us in any number, but by nobody who is kept out.
        if !counts && ask.action.inspection == Inspection::Off {
            return Step::Now(Ok(()));
        }
        if let Some(error) = self.limits.too_many(identity, ask.items) {
            return Step::Now(Err(error));
        }
        let principal = || Subject::Principal(identity.tenant.clone(), identity.actor.clone());
        let address = || request.peer.map(client).map(Subject::Address);
        let kept_out = self
            .kept_out("this caller", || Some(principal()))
            .or_else(|| self.kept_out("this address", address));
        if let Some(error) = kept_out {
            return Step::Now(Err(error));
        }
        if !counts {
            return Step::Now(Ok(()));
        }
        let asking = self.asking(request, identity, ask);
        match self.limits.admit(&asking, self.clock.moment()) {
            Verdict::Admitted => match self.limits.share_now(&asking, self.clock.moment()) {
                Some(known) => Step::Now(known),
                None => Step::later(async move { self.limits.share(&asking, &self.clock).await }),
            },
            Verdict::Refused(error) => Step::Now(Err(error)),
            Verdict::Blocked(error, who) => Step::later(async move {
                self.blocks.begin(who, TOO_FAST.name, request).await;
                Err(error)
            }),
        }
    }

    fn asking<'a>(
        &self,
        request: &Request<'_>,
        identity: &'a Identity,
        ask: Ask<'_>,
    ) -> Asking<'a> {
        Asking {
            identity: Some(identity),
            address: request.peer,
            action: Some(ask.action),
            throttled: self.is_throttled(identity),
        }
    }

    fn local(&self, uid: u32) -> Result<Arc<Identity>> {
        if uid != self.owner && uid != 0 {
            let owner = self.owner;
            return Err(NOT_THE_OWNER.error(format!("user {uid} is not user {owner}")));
        }
        let (tenant, name): (Arc<str>, Arc<str>) = (MAIN.into(), LOCAL.into());
        let epoch = self.revisions.observe(&tenant, &name);
        let (roles, credential) = ([String::from("admin")].into(), format!("uid:{uid}").into());
        Ok(Arc::new(Identity::new(Principal::Human, tenant, name, roles, credential, epoch)))
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gate")
    }
}

impl flow::Gate for Gate {
    fn enter(&self, request: &Request<'_>, _: Ask<'_>) -> Result<Option<Entered>> {
        // Long connections of other doors take turns already, and the owner and the plane's own
        // work are never kept waiting.
        let waits = matches!(request.door, Door::Http | Door::Authz);
        let Some(adaptive) = self.adaptive.as_ref().filter(|_| waits) else {
            return Ok(None);
        };
        let full = || {
            let limit = adaptive.limit();
            OVERLOADED.error(format!("{limit} requests are under way, and more would only wait"))
        };
        adaptive.enter().map(|slot| Some(Box::new(slot) as Entered)).ok_or_else(full)
    }

    fn recognise<'a>(&'a self, request: &'a Request<'a>) -> Step<'a, Result<Arc<Identity>>> {
        match request.credential {
            Credential::Bearer(key) | Credential::Named(_, key) => self.bearer(request, key),
            Credential::Password(shown) => {
                let verified = async move {
                    let identity = self.logins()?.verify(request, shown).await?;
                    if let Some(behaviour) = &self.behaviour {
                        behaviour.logged_in(request, &identity).await?;
                    }
                    Ok(identity)
                };
                Step::later(self.recognise_anew(request, verified))
            }
            Credential::Returned(returned) => {
                let vouched = async move { self.logins()?.come_back(request, returned).await };
                Step::later(self.recognise_anew(request, vouched))
            }
            Credential::Refresh(token) => {
                let refreshed = async move { self.logins()?.recognise_refresh(token).await };
                Step::later(self.recognise_anew(request, refreshed))
            }
            Credential::Certificate(shown) => match self.keys.recognise_certificate_now(shown) {
                Some(identity) => Step::Now(Ok(identity)),
                None => {
                    let anew = self.keys.recognise_certificate(shown);
                    Step::later(self.recognise_anew(request, anew))
                }
            },
            Credential::Local { uid } => Step::Now(self.local(uid)),
            Credential::Stranger(place) if self.is_open(request, place) => {
                Step::Now(self.let_pass(request))
            }
            Credential::Neighbour if self.is_neighbour(request) => {
                Step::Now(Ok(Arc::new(self.unnamed(NEIGHBOUR, NEIGHBOUR))))
            }
            Credential::None | Credential::Stranger(_) | Credential::Neighbour => {
                Step::later(self.refuse_nobody(request))
            }
            // The path answers for itself and never asks.
            Credential::Inside(_) => Step::Now(Err(UNKNOWN_KEY.error("that is no credential"))),
        }
    }

    fn renew<'a>(&'a self, identity: &'a Identity) -> Step<'a, Result<Arc<Identity>>> {
        match identity.credential.split_once(':') {
            Some(("key", id)) => Step::later(async move {
                let renewed = self.keys.renew(id).await?;
                Ok(Arc::new(Identity::clone(&renewed).until(identity.until)))
            }),
            Some(("proof", _)) => Step::later(self.keys.renew_proof(identity)),
            Some(("session", id)) => Step::later(async move { self.logins()?.renew(id).await }),
            Some(("token", _)) if let Some(tokens) = &self.tokens => {
                Step::later(tokens.renew(identity))
            }
            Some(("uid", uid)) => Step::Now(self.local(uid.parse().unwrap_or(u32::MAX))),
            _ => Step::Now(Err(UNKNOWN_KEY.error("the credential is no longer known"))),
        }
    }

    fn admit<'a>(
        &'a self,
        request: &'a Request<'a>,
        identity: &'a Identity,
        ask: Ask<'a>,
    ) -> Step<'a, Result<()>> {
        match self.lasts(request, identity) {
            Step::Now(Ok(())) => self.limited(request, identity, ask),
            Step::Now(Err(error)) => Step::Now(Err(error)),
            Step::Later(lasts) => Step::later(async move {
                lasts.await?;
                self.limited(request, identity, ask).wait().await
            }),
        }
    }

    fn allowance(
        &self,
        request: &Request<'_>,
        identity: &Identity,
        ask: Ask<'_>,
    ) -> Option<Allowance> {
        if !self.is_counted(request, identity, ask) {
            return None;
        }
        let asking = self.asking(request, identity, ask);
        self.limits.allowance(&asking, self.clock.moment())
    }

    fn noticed(&self, noticed: &Noticed<'_>) {
        let Noticed { request, identity, .. } = *noticed;
        let Some(behaviour) = &self.behaviour else { return };
        let exempt = request.peer.is_some_and(|address| self.limits.exempts(address))
            || self.limits.exempts_principal(identity);
        if exempt || self.is_ours(request, identity) {
            return;
        }
        let is_attack = noticed.code.is_some_and(|code| ATTACKS.contains(&code));
        if let Some(whose) = whose(request, identity).filter(|_| is_attack) {
            behaviour.attacked(request, whose);
        }
        match is_anonymous(identity) {
            true => behaviour.passed(request),
            false => behaviour.noticed(noticed),
        }
    }

    fn strayed(&self, request: &Request<'_>, identity: Option<&Identity>, path: &str) {
        let Some(behaviour) = self.behaviour.as_ref().filter(|behaviour| behaviour.is_on()) else {
            return;
        };
        let recognised = || self.known_bearer(request);
        let known = identity.is_none().then(recognised).flatten();
        let identity = identity.or(known.as_deref());
        let exempt = request.peer.is_some_and(|address| self.limits.exempts(address))
            || matches!(request.credential, Credential::Local { .. })
            || identity.is_some_and(|identity| self.limits.exempts_principal(identity));
        if !exempt {
            behaviour.strayed(request, identity, path);
        }
    }
}

/// Whether it begins like the header of a token and has three parts. Keys we make do
/// not, and one that somebody chose would have to mean it.
fn looks_like_a_token(shown: &str) -> bool {
    shown.starts_with("eyJ") && shown.bytes().filter(|&byte| byte == b'.').count() == 2
}

#[cfg(test)]
mod pace;

#[cfg(test)]
mod tests;
