//! The gate as the path sees it.

use std::sync::Arc;

use flow::identity::MAIN;
use flow::network::client;
use flow::request::is_proof;
use flow::stage::{Entered, Noticed, OVERLOADED};
use flow::{
    Allowance, Ask, Clock, Code, Credential, Door, Error, Identity, Kind, Principal, Request,
    Result, Revisions, Step,
};

use crate::behaviour::{Behaviour, SHOW_CODE, Take};
use crate::codes::{
    BLOCKED, NO_CREDENTIAL, NOT_THE_OWNER, QUARANTINED, STEP_UP, TOO_FAST, UNKNOWN_KEY,
    UNKNOWN_SESSION, UNKNOWN_TOKEN, WRONG_CODE, WRONG_PASSWORD,
};
use crate::credential::api_key::Keys;
use crate::credential::jwt::Tokens;
use crate::limit::{Adaptive, Asking, Blocks, Limits, Subject, Verdict};
use crate::login::Logins;

/// The gate.
pub struct Gate {
    keys: Arc<Keys>,
    logins: Option<Arc<Logins>>,
    tokens: Option<Arc<Tokens>>,
    limits: Limits,
    blocks: Arc<Blocks>,
    adaptive: Option<Arc<Adaptive>>,
    behaviour: Option<Arc<Behaviour>>,
    revisions: Arc<Revisions>,
    clock: Clock,
    owner: u32,
}

/// What everybody may do who is kept from everything else.
const LOG_OUT: &str = "session.close";

/// How guesses fail. Sessions end in the ordinary course of things, and are not guessed.
static GUESSES: [&Code; 4] = [&WRONG_PASSWORD, &WRONG_CODE, &UNKNOWN_KEY, &UNKNOWN_TOKEN];

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
        let (logins, tokens, behaviour) = (None, None, None);
        Self { keys, logins, tokens, limits, blocks, adaptive, behaviour, revisions, clock, owner }
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
        if !self.limits.counts(ask.action) {
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
        let Some(adaptive) = self.adaptive.as_ref().filter(|_| request.door == Door::Http) else {
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
            Credential::None => Step::later(self.refuse_nobody(request)),
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
        if !exempt && !self.is_ours(request, identity) {
            behaviour.noticed(noticed);
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
mod tests {
    use flow::feed::{Announcer, MemoryFeed};
    use flow::question::admin::ListKeys;
    use flow::question::cache::Get;
    use flow::rights::NO_RIGHTS;
    use flow::signal::Registry;
    use flow::{Gate as _, Id, Kind, Moment, Question, Random};
    use pool::file::Disk;
    use pool::sql::sqlite::{Options, Sqlite};

    use std::time::Duration;

    use super::*;
    use crate::jwt::Subject as Holder;
    use crate::{Config, NewKey, Rates, Seal};

    pub(super) struct Setup {
        pub(super) gate: Gate,
        pub(super) keys: Arc<Keys>,
        pub(super) blocks: Arc<Blocks>,
        revisions: Arc<Revisions>,
    }

    pub(super) async fn setup(config: &Config) -> Setup {
        let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
        let revisions = Arc::new(Revisions::default());
        let (clock, random) = (Clock::system(), Random::system());
        let keys = Keys::open(sql.clone(), revisions.clone(), clock.clone(), random).await.unwrap();
        let keys = Arc::new(keys);
        let registry = Registry::default();
        let announcer = Announcer::new(Arc::new(MemoryFeed::new(clock.clone(), 64)), clock.clone());
        let (config, random) = (config.clone(), Random::system());
        let at = (clock.clone(), random);
        let blocking = config.limits.blocks.clone();
        let blocks = Blocks::open(blocking, sql, Arc::new(announcer), at, &registry);
        let blocks = Arc::new(blocks.await.unwrap());
        let limits = Limits::new(config.rates, config.limits, &registry);
        let gate = Gate::new(keys.clone(), limits, blocks.clone(), revisions.clone(), clock, 1000);
        Setup { gate, keys, blocks, revisions }
    }

    pub(super) fn request(credential: Credential<'_>) -> Request<'_> {
        Request { id: Id(1), at: Moment(0), door: Door::Http, credential, peer: None, agent: "" }
    }

    pub(super) async fn recognise(
        setup: &Setup,
        credential: Credential<'_>,
    ) -> Result<Arc<Identity>> {
        setup.gate.recognise(&request(credential)).wait().await
    }

    pub(super) fn new<'a>(principal: &'a str, roles: &'a [String]) -> NewKey<'a> {
        NewKey { principal, kind: Principal::Service, roles, rights: &NO_RIGHTS }
    }

    #[tokio::test]
    async fn a_key_is_recognised_until_it_is_revoked() {
        let setup = setup(&Config::default()).await;
        let roles = ["reader".to_owned()];
        let key = setup.keys.create(MAIN, new("ci", &roles), None).await.unwrap();
        let other = setup.keys.create(MAIN, new("ci", &roles), None).await.unwrap();
        for _ in 0..2 {
            let identity = recognise(&setup, Credential::Bearer(&key.secret)).await.unwrap();
            assert_eq!((&*identity.actor, &*identity.roles), ("service:ci", &roles[..]));
        }
        assert!(setup.keys.recognise_now(&key.secret).is_some(), "the second needs no database");

        let identity = recognise(&setup, Credential::Bearer(&key.secret)).await.unwrap();
        assert_eq!(setup.keys.revoke(MAIN, &key.id, None).await.unwrap().unwrap(), "ci");
        assert!(!identity.epoch.holds(), "whoever holds the identity is told");
        let error = recognise(&setup, Credential::Bearer(&key.secret)).await.err().unwrap();
        assert_eq!(error.kind(), Kind::Unknown);
        assert!(setup.gate.renew(&identity).wait().await.is_err());
        assert!(recognise(&setup, Credential::Bearer(&other.secret)).await.is_ok());
        assert_eq!(setup.keys.revoke(MAIN, &key.id, None).await.unwrap(), None);
    }

    #[tokio::test]
    async fn tokens_are_recognised_beside_keys() {
        let setup = setup(&Config::default()).await;
        let dotted = "eyJ-a-chosen-key.with-many-dots.and-letters.in-it";
        let roles = ["reader".to_owned()];
        setup.keys.adopt(MAIN, new("ci", &roles), dotted, None).await.unwrap();
        let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
        let directory = tempfile::tempdir().unwrap();
        let seal = Seal::made(&Disk, &directory.path().join("seal")).unwrap();
        let (clock, random) = (Clock::system(), Random::system());
        let config = crate::jwt::Config::default();
        let revisions = setup.revisions.clone();
        let tokens = Tokens::open(&config, sql, Arc::new(seal), revisions, clock, random).await;
        let tokens = Arc::new(tokens.unwrap());
        let kind = Principal::Agent;
        let subject = Holder { tenant: "other", name: "bot", kind, roles: &roles };
        let token = tokens.mint(&subject, "s1", Duration::from_secs(60)).unwrap();
        let without = recognise(&setup, Credential::Bearer(&token)).await.unwrap_err();
        assert_eq!(without.code(), &UNKNOWN_KEY);

        let setup = Setup { gate: setup.gate.with_tokens(tokens.clone()), ..setup };
        for credential in [Credential::Bearer(&token), Credential::Named("anybody", &token)] {
            let identity = recognise(&setup, credential).await.unwrap();
            assert_eq!((&*identity.actor, &*identity.tenant), ("agent:bot", "other"));
            assert!(setup.gate.renew(&identity).wait().await.is_ok());
        }
        let key = recognise(&setup, Credential::Bearer(dotted)).await.unwrap();
        assert_eq!(&*key.actor, "service:ci");
        for wrong in [&*format!("{token}x"), "eyJ..", "eyJhbGciOiJub25lIn0.e30."] {
            assert!(recognise(&setup, Credential::Bearer(wrong)).await.is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_change_elsewhere_is_looked_up_again() {
        let setup = setup(&Config::default()).await;
        let key = setup.keys.create(MAIN, new("ci", &["reader".into()]), None).await.unwrap();
        recognise(&setup, Credential::Bearer(&key.secret)).await.unwrap();
        setup.revisions.bump(MAIN, Some("ci"));
        assert!(setup.keys.recognise_now(&key.secret).is_none());
        assert!(recognise(&setup, Credential::Bearer(&key.secret)).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_no_key_is_nobody() {
        let setup = setup(&Config::default()).await;
        let key = setup.keys.create(MAIN, new("ci", &["reader".into()]), None).await.unwrap();
        for wrong in ["", "x", "' OR 1=1 --", &key.secret[1..], &format!("{} ", key.secret)] {
            let error = recognise(&setup, Credential::Bearer(wrong)).await.err().unwrap();
            assert_eq!(error.kind(), Kind::Unknown, "{wrong}");
            assert!(!error.story().contains(&key.secret[4..]));
        }
        assert_eq!(recognise(&setup, Credential::None).await.err().unwrap().kind(), Kind::Unknown);
    }

    #[tokio::test]
    async fn keys_nobody_could_use_are_not_made() {
        let setup = setup(&Config::default()).await;
        let roles = ["reader".to_owned()];
        for (wrong, code) in [
            (setup.keys.create(MAIN, new("ci", &[]), None).await, "gate-no-role"),
            (setup.keys.create(MAIN, new("", &roles), None).await, "gate-no-name"),
            (setup.keys.create(MAIN, new("a b", &roles), None).await, "gate-no-name"),
            (setup.keys.adopt(MAIN, new("ci", &roles), "short", None).await, "gate-weak-key"),
        ] {
            assert_eq!(wrong.err().unwrap().code().name, code);
        }
        let chosen = "a-secret-that-is-long-enough-to-keep";
        setup.keys.adopt(MAIN, new("ci", &roles), chosen, None).await.unwrap();
        assert!(recognise(&setup, Credential::Bearer(chosen)).await.is_ok());
        assert!(setup.keys.adopt(MAIN, new("ci", &roles), chosen, None).await.is_err());
        let listed = setup.keys.list(MAIN, "", 10).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert!(setup.keys.list("other", "", 10).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn only_the_owner_comes_in_by_the_local_socket() {
        let setup = setup(&Config::default()).await;
        for uid in [1000, 0] {
            let identity = recognise(&setup, Credential::Local { uid }).await.unwrap();
            assert_eq!(&*identity.roles, ["admin"]);
        }
        assert!(recognise(&setup, Credential::Local { uid: 1001 }).await.is_err());
    }

    #[tokio::test]
    async fn rates_count_where_the_action_says_so() {
        let rates = Rates([("reader".into(), 60)].into());
        let config = Config { rates, ..Config::default() };
        let setup = setup(&config).await;
        let key = setup.keys.create(MAIN, new("ci", &["reader".into()]), None).await.unwrap();
        let request = request(Credential::Bearer(&key.secret));
        let identity = setup.gate.recognise(&request).wait().await.unwrap();
        let mut admitted = 0;
        let error = loop {
            let ask = ListKeys { after: "", limit: 1 };
            match setup.gate.admit(&request, &identity, ask.ask()).wait().await {
                Ok(()) => admitted += 1,
                Err(error) => break error,
            }
        };
        assert_eq!((error.kind(), error.code().name), (Kind::Busy, "gate-too-fast"));
        assert!((20..25).contains(&admitted), "{admitted}");
        let get = Get { namespace: "n", key: b"k" };
        assert!(setup.gate.admit(&request, &identity, get.ask()).wait().await.is_ok());
        let ask = ListKeys { after: "", limit: 1 };
        assert!(setup.gate.admit(&request, &identity, ask.ask()).wait().await.is_err());
    }
}
