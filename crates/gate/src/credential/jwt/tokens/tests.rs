use flow::identity::MAIN;
use flow::{Code, Error, Moment};
use pool::secret::Secret;
use pool::sql::Statement;
use pool::sql::sqlite::{Options, Sqlite};

use super::super::SigningKey;
use super::super::jws::encoded;
use super::*;
use crate::codes::{TOKEN_ENDED, TOKEN_OVER};

const DAY: Duration = Duration::from_secs(24 * 3600);
const START: Time = Time(1_800_000_000_000_000_000);

struct Setup {
    tokens: Tokens,
    revisions: Arc<Revisions>,
    clock: Clock,
    sql: Arc<Sqlite>,
}

impl Setup {
    async fn new() -> Self {
        let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
        let (revisions, clock) = (Arc::new(Revisions::default()), Clock::manual(START));
        let tokens = open(&sql, &revisions, &clock, &Config::default(), 7).await.unwrap();
        Self { tokens, revisions, clock, sql }
    }

    /// Another node on the same database.
    async fn beside(&self) -> Self {
        let revisions = Arc::new(Revisions::default());
        let tokens = open(&self.sql, &revisions, &self.clock, &Config::default(), 7).await.unwrap();
        Self { tokens, revisions, clock: self.clock.clone(), sql: self.sql.clone() }
    }

    fn mint(&self, sid: &str) -> String {
        self.tokens.mint(&ann(&["reader".into()]), sid, DAY).unwrap()
    }

    async fn refused(&self, token: &str) -> &'static Code {
        self.tokens.recognise(token).await.unwrap_err().code()
    }
}

async fn open(
    sql: &Arc<Sqlite>,
    revisions: &Arc<Revisions>,
    clock: &Clock,
    config: &Config,
    seal: u8,
) -> Result<Tokens> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), [seal; 32]).unwrap();
    let seal = Seal::read(&[Secret::File(file.path().to_owned())]).unwrap().unwrap();
    let seal = Arc::new(seal);
    let (sql, revisions, random) = (sql.clone(), revisions.clone(), Random::system());
    Tokens::open(config, sql, seal, revisions, clock.clone(), random).await
}

fn ann(roles: &[String]) -> Subject<'_> {
    Subject { tenant: MAIN, name: "ann", kind: Principal::Human, roles }
}

#[tokio::test]
async fn a_token_says_who_it_is_for() {
    let setup = Setup::new().await;
    let token = setup.mint("s1");
    let claims = setup.tokens.verify(&token).unwrap();
    assert_eq!((&*claims.tenant, &*claims.name, claims.kind), (MAIN, "ann", Principal::Human));
    assert_eq!((&*claims.roles, &*claims.sid), (&["reader".to_owned()][..], "s1"));
    assert_eq!(claims.until - claims.issued, 24 * 3600);
    let identity = setup.tokens.recognise(&token).await.unwrap();
    assert_eq!((&*identity.actor, &*identity.roles), ("human:ann", &["reader".to_owned()][..]));
    assert_eq!(*identity.credential, format!("token:s1/{}", claims.jti));
    assert!(setup.tokens.recognise_now(&token).is_some(), "the second is not verified again");

    let (long, own) = (setup.tokens.mint(&ann(&[]), "", 9 * DAY).unwrap(), "no session");
    let claims = setup.tokens.verify(&long).unwrap();
    assert_eq!(claims.until - claims.issued, 24 * 3600, "no longer than configured");
    assert_eq!(claims.sid, claims.jti, "{own}");
    let system = Subject { kind: Principal::System, ..ann(&[]) };
    assert!(setup.tokens.mint(&system, "", DAY).is_err());
}

#[tokio::test]
async fn what_was_changed_or_made_elsewhere_is_refused() {
    let setup = Setup::new().await;
    let good = setup.mint("s1");
    for place in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(setup.tokens.verify(&changed).is_err(), "byte {place}");
    }
    let other = Setup::new().await;
    assert_eq!(other.refused(&good).await.name, "gate-unknown-token");

    // Another key under the name of ours, and ours with another's claims.
    let kid = setup.tokens.keys()[0].kid.clone();
    let payload = good.split('.').nth(1).unwrap();
    let payload =
        base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, payload);
    let forged = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let forged = forged.sign(&kid, &payload.unwrap()).unwrap();
    assert_eq!(setup.refused(&forged).await.name, "gate-unknown-token");
    let public = setup.tokens.public_keys()["keys"][0]["x"].as_str().unwrap().to_owned();
    let confused = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, public.as_bytes());
    for alg in ["HS256", "none", "EdDSA"] {
        let header = format!(r#"{{"alg":"{alg}","typ":"at+jwt","kid":"{kid}"}}"#);
        let signed = format!("{}.{}", encoded(header), good.split('.').nth(1).unwrap());
        let tag = encoded(aws_lc_rs::hmac::sign(&confused, signed.as_bytes()));
        assert_eq!(setup.refused(&format!("{signed}.{tag}")).await.name, "gate-unknown-token");
        assert_eq!(setup.refused(&format!("{signed}.")).await.name, "gate-unknown-token");
    }
    for wrong in ["", "..", "eyJ..", "a.b.c", &"eyJ".repeat(5000), &format!("{good}.")] {
        assert_eq!(setup.refused(wrong).await.name, "gate-unknown-token");
    }
}

#[tokio::test]
async fn claims_of_another_shape_are_refused_though_we_signed_them() {
    let setup = Setup::new().await;
    let (held, index) = setup.tokens.ring.current().unwrap();
    let key = &held[index];
    let now = START.secs();
    let claims = |change: &dyn Fn(&mut serde_json::Map<String, serde_json::Value>)| {
        let mut claims = serde_json::json!({
            "iss": "stockade", "aud": "stockade", "sub": "ann", "tenant": "main",
            "kind": "human", "roles": ["reader"], "jti": "j", "sid": "s",
            "iat": now, "exp": now + 60,
        });
        change(claims.as_object_mut().unwrap());
        key.signing.sign(&key.kid, claims.to_string().as_bytes()).unwrap()
    };
    assert!(setup.tokens.verify(&claims(&|_| {})).is_ok());
    for lacking in ["iss", "aud", "sub", "tenant", "kind", "roles", "jti", "sid", "iat", "exp"] {
        let token = claims(&|claims| drop(claims.remove(lacking)));
        assert!(setup.tokens.verify(&token).is_err(), "{lacking}");
    }
    for (name, value) in [
        ("iss", serde_json::json!("them")),
        ("aud", serde_json::json!("them")),
        ("kind", serde_json::json!("system")),
        ("kind", serde_json::json!("root")),
        ("roles", serde_json::json!([1])),
        ("exp", serde_json::json!(now)),
        ("nbf", serde_json::json!(now + 61)),
        ("iat", serde_json::json!(now + 61)),
    ] {
        let token = claims(&|claims| drop(claims.insert(name.into(), value.clone())));
        assert!(setup.tokens.verify(&token).is_err(), "{name}: {value}");
    }
    let header = encoded(format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{}"}}"#, key.kid));
    let good = claims(&|_| {});
    let signed = format!("{header}.{}", good.split('.').nth(1).unwrap());
    let signature = encoded(key.signing.signature(signed.as_bytes()).unwrap());
    let error = setup.tokens.verify(&format!("{signed}.{signature}")).unwrap_err();
    assert_eq!(error.detail(), "the token is not one for access");
}

#[tokio::test]
async fn a_token_is_over_when_it_says_so_and_on_what_was_opened_with_it() {
    let setup = Setup::new().await;
    let token = setup.mint("s1");
    let identity = setup.tokens.recognise(&token).await.unwrap();
    setup.clock.advance(DAY - Duration::from_secs(1));
    assert!(setup.tokens.recognise_now(&token).is_some());
    assert!(identity.holds(setup.clock.moment()));
    setup.clock.advance(Duration::from_secs(1));
    assert!(setup.tokens.recognise_now(&token).is_none());
    assert!(!identity.holds(setup.clock.moment()));
    assert_eq!(setup.refused(&token).await, &TOKEN_OVER);
    assert_eq!(setup.tokens.renew(&identity).await.unwrap_err().code(), &TOKEN_OVER);
}

#[tokio::test]
async fn what_was_ended_is_refused_on_the_next_request() {
    let setup = Setup::new().await;
    let tokens = &setup.tokens;
    let (one, same, other) = (setup.mint("s1"), setup.mint("s1"), setup.mint("s2"));
    let held = tokens.recognise(&one).await.unwrap();
    for token in [&same, &other] {
        tokens.recognise(token).await.unwrap();
    }
    let jti = tokens.verify(&one).unwrap().jti;
    tokens.end(MAIN, Some("ann"), Ended::Token(&jti), None).await.unwrap();
    assert_eq!(setup.refused(&one).await, &TOKEN_ENDED);
    assert_eq!(tokens.renew(&held).await.unwrap_err().code(), &TOKEN_ENDED);
    let held = tokens.recognise(&same).await.unwrap();
    assert!(tokens.renew(&held).await.is_ok());

    tokens.end(MAIN, Some("ann"), Ended::Session("s1"), None).await.unwrap();
    assert_eq!(setup.refused(&same).await, &TOKEN_ENDED);
    assert_eq!(tokens.renew(&held).await.unwrap_err().code(), &TOKEN_ENDED);
    assert!(tokens.recognise(&other).await.is_ok());

    tokens.end("other", Some("ann"), Ended::Principal("ann"), None).await.unwrap();
    assert!(tokens.recognise(&other).await.is_ok(), "another tenant's ann");
    tokens.end(MAIN, Some("ann"), Ended::Principal("ann"), None).await.unwrap();
    assert_eq!(setup.refused(&other).await, &TOKEN_ENDED);
    setup.clock.advance(Duration::from_millis(1));
    assert!(tokens.recognise(&setup.mint("s3")).await.is_ok(), "who logs in again is in");
}

#[tokio::test]
async fn what_was_ended_on_another_node_is_refused_once_this_one_is_told() {
    let here = Setup::new().await;
    let there = here.beside().await;
    let token = here.mint("s1");
    assert!(there.tokens.recognise(&token).await.is_ok());
    here.tokens.end(MAIN, Some("ann"), Ended::Session("s1"), None).await.unwrap();
    there.revisions.bump(MAIN, Some("ann"));
    assert_eq!(there.refused(&token).await, &TOKEN_ENDED);
    assert!(there.tokens.recognise_now(&token).is_none());
}

#[tokio::test]
async fn a_new_key_takes_over_and_the_old_one_verifies_until_its_tokens_are_over() {
    let here = Setup::new().await;
    let there = here.beside().await;
    let old = here.mint("s1");
    here.clock.advance(Duration::from_secs(3600));
    let kid = here.tokens.rotate(None).await.unwrap();
    let new = here.mint("s1");
    assert!(Compact::read(&new, 8192).unwrap().header().kid.as_ref() == Some(&kid));
    for token in [&old, &new] {
        here.tokens.recognise(token).await.unwrap();
        there.tokens.recognise(token).await.unwrap();
    }
    let published = |setup: &Setup| setup.tokens.public_keys()["keys"].clone();
    assert_eq!(published(&here).as_array().unwrap().len(), 2);
    here.clock.advance(DAY + Duration::from_secs(61));
    assert_eq!(published(&here).as_array().unwrap().len(), 1);
    assert!(here.tokens.ring.find(&kid).is_some());
    here.tokens.rotate(None).await.unwrap();
    assert_eq!(here.tokens.keys().len(), 2, "the first one is forgotten");
}

#[tokio::test]
async fn keys_change_by_themselves_in_time() {
    let setup = Setup::new().await;
    setup.tokens.tend().await.unwrap();
    assert_eq!(setup.tokens.keys().len(), 1);
    setup.clock.advance(30 * DAY);
    setup.tokens.tend().await.unwrap();
    assert_eq!(setup.tokens.keys().len(), 2);
    assert!(setup.tokens.recognise(&setup.mint("s")).await.is_ok());
}

#[tokio::test]
async fn every_algorithm_signs_what_its_published_key_verifies() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256, Algorithm::Hs256] {
        let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
        let (revisions, clock) = (Arc::new(Revisions::default()), Clock::manual(START));
        let config = Config { algorithm, ..Config::default() };
        let tokens = open(&sql, &revisions, &clock, &config, 7).await.unwrap();
        let token = tokens.mint(&ann(&[]), "s", DAY).unwrap();
        assert!(tokens.recognise(&token).await.is_ok(), "{algorithm:?}");
        let again = open(&sql, &revisions, &clock, &config, 7).await.unwrap();
        assert!(again.recognise(&token).await.is_ok(), "after a restart: {algorithm:?}");

        let published = tokens.public_keys().to_string();
        assert!(!published.contains("\"d\"") && !published.contains("\"k\""), "{published}");
        let set = super::super::KeySet::read(published.as_bytes()).unwrap();
        let read = Compact::read(&token, 8192).unwrap();
        match set.find(read.header().kid.as_deref()) {
            Some(key) => assert!(read.verified(key).is_ok(), "{algorithm:?}"),
            None => assert_eq!(algorithm, Algorithm::Hs256, "a shared secret is not published"),
        }
    }
}

#[tokio::test]
async fn keys_in_the_database_open_with_the_key_that_sealed_them_only() {
    let setup = Setup::new().await;
    let error: Error =
        open(&setup.sql, &setup.revisions, &setup.clock, &Config::default(), 8).await.unwrap_err();
    assert_eq!(error.code().name, "gate-seal-key");
    let rows = setup.sql.query(Statement::new("SELECT sealed FROM token_key")).await.unwrap();
    let sealed: String = rows.only().unwrap().get("sealed").unwrap();
    // A private key in the clear would begin like this.
    assert!(!sealed.starts_with("MFMC") && !sealed.starts_with("MC4C"), "{sealed}");
}

#[tokio::test]
async fn a_key_sealed_by_a_file_that_is_lost_is_replaced() {
    let setup = Setup::new().await;
    let token = setup.mint("s1");
    let directory = tempfile::tempdir().unwrap();
    let seal = Seal::made(&pool::file::Disk, &directory.path().join("seal")).unwrap();
    let (sql, revisions) = (setup.sql.clone(), setup.revisions.clone());
    let (clock, random) = (setup.clock.clone(), Random::system());
    let tokens =
        Tokens::open(&Config::default(), sql, Arc::new(seal), revisions, clock, random).await;
    let tokens = tokens.unwrap();
    assert!(tokens.recognise(&token).await.is_err());
    let token = tokens.mint(&ann(&[]), "s", DAY).unwrap();
    assert!(tokens.recognise(&token).await.is_ok());
    assert_eq!(tokens.keys().len(), 1);
}

#[tokio::test]
async fn many_tokens_of_one_caller_do_not_push_out_those_in_use() {
    let setup = Setup::new().await;
    let config = Config { remembered: Size::kib(256), ..Config::default() };
    let tokens = open(&setup.sql, &setup.revisions, &setup.clock, &config, 7).await.unwrap();
    let used: Vec<_> = (0..20).map(|n| setup.mint(&format!("used{n}"))).collect();
    for _ in 0..3 {
        for token in &used {
            tokens.recognise(token).await.unwrap();
        }
    }
    for n in 0..2000 {
        tokens.recognise(&setup.mint(&format!("flood{n}"))).await.unwrap();
        if n % 50 == 0 {
            used.iter().for_each(|token| drop(tokens.recognise_now(token)));
        }
    }
    assert!(tokens.remembered() <= 256 << 10, "{}", tokens.remembered());
    let left = used.iter().filter(|token| tokens.recognise_now(token).is_some()).count();
    assert!(left >= 18, "{left} of 20 are still remembered");
    let refused = "eyJ".repeat(40) + ".a.b";
    let before = tokens.remembered();
    assert!(tokens.recognise(&refused).await.is_err());
    assert_eq!(tokens.remembered(), before, "strangers leave nothing behind");
}

#[tokio::test]
async fn nothing_secret_is_shown_by_accident() {
    let setup = Setup::new().await;
    let token = setup.mint("s1");
    let read = Compact::read(&token, 8192).unwrap();
    let shown = format!("{read:?} {:?} {:?}", setup.tokens, setup.tokens.keys());
    for part in token.split('.').skip(1) {
        assert!(!shown.contains(part), "{shown}");
    }
    let error = setup.tokens.recognise(&format!("{token}x")).await.unwrap_err();
    assert!(!error.story().contains(&token[10..]));
    assert_eq!(setup.clock.moment(), Moment(0));
}
