//! The gate as the path sees it.

use std::sync::Arc;

use flow::identity::MAIN;
use flow::request::Pace;
use flow::{Ask, Clock, Credential, Identity, Principal, Request, Result, Revisions, Step};

use crate::codes::{NO_CREDENTIAL, NOT_THE_OWNER, TOO_FAST, UNKNOWN_KEY};
use crate::config::Config;
use crate::credential::api_key::Keys;
use crate::credential::jwt::Tokens;
use crate::limit::Limits;

/// The gate.
pub struct Gate {
    keys: Arc<Keys>,
    tokens: Option<Arc<Tokens>>,
    limits: Limits,
    revisions: Arc<Revisions>,
    clock: Clock,
    owner: u32,
}

/// The name of whoever comes in by the local socket.
const LOCAL: &str = "local";

impl Gate {
    /// A gate for these keys. `owner` is the user id that owns the data
    /// directory, and so may do everything through the socket in it.
    pub fn new(
        config: &Config,
        keys: Arc<Keys>,
        revisions: Arc<Revisions>,
        clock: Clock,
        owner: u32,
    ) -> Self {
        let limits = Limits::new(config.rates.clone());
        Self { keys, tokens: None, limits, revisions, clock, owner }
    }

    /// The same, recognising tokens as well as keys.
    #[must_use]
    pub fn with_tokens(self, tokens: Arc<Tokens>) -> Self {
        Self { tokens: Some(tokens), ..self }
    }

    fn bearer<'a>(&'a self, shown: &'a str) -> Step<'a, Result<Arc<Identity>>> {
        if let Some(tokens) = self.tokens.as_ref().filter(|_| looks_like_a_token(shown)) {
            return match tokens.recognise_now(shown) {
                Some(identity) => Step::Now(Ok(identity)),
                None => Step::later(tokens.recognise(shown)),
            };
        }
        match self.keys.recognise_now(shown) {
            Some(identity) => Step::Now(Ok(identity)),
            None => Step::later(self.keys.recognise(shown)),
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
    fn recognise<'a>(&'a self, request: &'a Request<'a>) -> Step<'a, Result<Arc<Identity>>> {
        match request.credential {
            Credential::Bearer(shown) | Credential::Named(_, shown) => self.bearer(shown),
            Credential::Local { uid } => Step::Now(self.local(uid)),
            Credential::None => Step::Now(Err(NO_CREDENTIAL.error("no credential was presented"))),
            // The path answers for itself and never asks.
            Credential::Inside(_) => Step::Now(Err(UNKNOWN_KEY.error("that is no credential"))),
        }
    }

    fn renew<'a>(&'a self, identity: &'a Identity) -> Step<'a, Result<Arc<Identity>>> {
        match identity.credential.split_once(':') {
            Some(("key", id)) => Step::later(self.keys.renew(id)),
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
        let local = matches!(request.credential, Credential::Local { .. });
        if ask.action.pace == Pace::Load || local || identity.kind == Principal::System {
            return Step::Now(Ok(()));
        }
        let now = self.clock.moment();
        Step::Now(self.limits.allow(identity, now).map_err(|until| {
            let wait = until.since(now).as_millis().max(1);
            TOO_FAST.error(format!("`{}` may ask again in {wait} ms", identity.name))
        }))
    }
}

/// Whether it begins like the header of a token and has three parts. Keys we make do
/// not, and one that somebody chose would have to mean it.
fn looks_like_a_token(shown: &str) -> bool {
    shown.starts_with("eyJ") && shown.bytes().filter(|&byte| byte == b'.').count() == 2
}

#[cfg(test)]
mod tests {
    use flow::question::admin::ListKeys;
    use flow::question::cache::Get;
    use flow::{Door, Gate as _, Id, Kind, Moment, Question, Random};
    use pool::file::Disk;
    use pool::sql::sqlite::{Options, Sqlite};

    use std::time::Duration;

    use super::*;
    use crate::jwt::Subject;
    use crate::{NewKey, Rates, Seal};

    struct Setup {
        gate: Gate,
        keys: Arc<Keys>,
        revisions: Arc<Revisions>,
    }

    async fn setup(config: &Config) -> Setup {
        let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
        let revisions = Arc::new(Revisions::default());
        let (clock, random) = (Clock::system(), Random::system());
        let keys = Keys::open(sql, revisions.clone(), clock.clone(), random).await.unwrap();
        let keys = Arc::new(keys);
        let gate = Gate::new(config, keys.clone(), revisions.clone(), clock, 1000);
        Setup { gate, keys, revisions }
    }

    fn request(credential: Credential<'_>) -> Request<'_> {
        Request { id: Id(1), at: Moment(0), door: Door::Http, credential, peer: None }
    }

    async fn recognise(setup: &Setup, credential: Credential<'_>) -> Result<Arc<Identity>> {
        setup.gate.recognise(&request(credential)).wait().await
    }

    fn new<'a>(principal: &'a str, roles: &'a [String]) -> NewKey<'a> {
        NewKey { principal, kind: Principal::Service, roles }
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
        let seal = Seal::kept(&Disk, &directory.path().join("seal")).unwrap();
        let (clock, random) = (Clock::system(), Random::system());
        let config = crate::jwt::Config::default();
        let revisions = setup.revisions.clone();
        let tokens = Tokens::open(&config, sql, Arc::new(seal), revisions, clock, random).await;
        let tokens = Arc::new(tokens.unwrap());
        let kind = Principal::Agent;
        let subject = Subject { tenant: "other", name: "bot", kind, roles: &roles };
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
        let config = Config { rates: Rates([("reader".into(), 60)].into()), ..Config::default() };
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
