//! The gate and those who are somebody.

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

pub(super) async fn recognise(setup: &Setup, credential: Credential<'_>) -> Result<Arc<Identity>> {
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
