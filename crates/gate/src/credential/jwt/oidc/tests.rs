use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use flow::signal::Registry;
use flow::unit::{Size, Span};
use flow::{Random, Revisions, Time};
use pool::sql::sqlite::{Options, Sqlite};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::super::{Algorithm, Ended, SigningKey, Tokens};
use super::*;
use crate::Seal;

const START: Time = Time(1_800_000_000_000_000_000);

/// A provider on this machine: what it publishes, and how often it was asked.
struct Server {
    address: String,
    documents: Arc<parking_lot::Mutex<BTreeMap<String, String>>>,
    asked: Arc<AtomicU32>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let documents = Arc::new(parking_lot::Mutex::new(BTreeMap::<String, String>::new()));
        let asked = Arc::new(AtomicU32::new(0));
        let (known, count) = (documents.clone(), asked.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut heard = Vec::new();
                while !heard.ends_with(b"\r\n\r\n") {
                    match stream.read_buf(&mut heard).await {
                        Ok(0) | Err(_) => break,
                        Ok(_) => {}
                    }
                }
                count.fetch_add(1, SeqCst);
                let heard = String::from_utf8(heard).unwrap();
                let path = heard.split(' ').nth(1).unwrap_or_default();
                let (status, body) = match known.lock().get(path) {
                    Some(body) => ("200 OK", body.clone()),
                    None => ("404 Not Found", String::new()),
                };
                let length = body.len();
                let said = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                let _ = stream.write_all(said.as_bytes()).await;
            }
        });
        Self { address, documents, asked }
    }

    fn publish(&self, path: &str, body: String) {
        self.documents.lock().insert(path.into(), body);
    }

    fn publish_keys(&self, keys: &[(&str, &SigningKey)]) {
        let keys: Vec<_> =
            keys.iter().map(|(kid, key)| key.public(kid).unwrap().unwrap()).collect();
        self.publish("/keys", serde_json::json!({ "keys": keys }).to_string());
    }

    fn times_asked(&self) -> u32 {
        self.asked.load(SeqCst)
    }
}

fn config(server: &Server) -> Config {
    serde_json::from_value(serde_json::json!({
        "name": "corp",
        "issuer": "https://id.example",
        "audience": "stockade",
        "jwks_url": format!("{}/keys", server.address),
        "roles": { "platform": ["operator"], "everybody": ["reader"] },
    }))
    .unwrap()
}

struct Setup {
    tokens: Tokens,
    clock: Clock,
}

async fn setup(config: Config) -> Setup {
    let clock = Clock::manual(START);
    let outside = pool::http::Config {
        retry: pool::retry::Config { attempts: 1, ..pool::retry::Config::default() },
        largest_answer: Size::mib(1),
        connect_timeout: Span::secs(5),
        ..pool::http::Config::default()
    };
    let registry = Registry::default();
    // The client's own waits are not those under test.
    let http = Http::new(outside, Clock::system(), Random::system(), &registry).unwrap();
    let providers = Providers::new(&[config], &http, &clock).unwrap();
    let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
    let directory = tempfile::tempdir().unwrap();
    let seal = Seal::made(&pool::file::Disk, &directory.path().join("seal")).unwrap();
    let seal = Arc::new(seal);
    let (revisions, random) = (Arc::new(Revisions::default()), Random::system());
    let own = super::super::Config::default();
    let tokens = Tokens::open(&own, sql, seal, revisions, clock.clone(), random).await.unwrap();
    Setup { tokens: tokens.trusting(providers), clock }
}

impl Setup {
    fn token(&self, key: &SigningKey, kid: &str, change: serde_json::Value) -> String {
        let now = self.clock.now().secs();
        let mut claims = serde_json::json!({
            "iss": "https://id.example", "aud": "stockade", "sub": "1234",
            "groups": ["everybody", "unheard-of", "admin"],
            "roles": ["admin"], "tenant": "other", "kind": "system",
            "iat": now, "exp": now + 7200, "nonce": { "a": [1] },
        });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        key.sign(kid, claims.to_string().as_bytes()).unwrap()
    }

    async fn refusal(&self, token: &str) -> String {
        self.tokens.recognise(token).await.unwrap_err().detail().to_owned()
    }
}

fn none() -> serde_json::Value {
    serde_json::json!({})
}

#[tokio::test]
async fn a_token_of_a_provider_is_somebody_with_the_roles_configured_for_them() {
    let server = Server::start().await;
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let key = SigningKey::generate(algorithm).unwrap();
        server.publish_keys(&[("k1", &key)]);
        let setup = setup(config(&server)).await;
        let token = setup.token(&key, "k1", none());
        let identity = setup.tokens.recognise(&token).await.unwrap();
        assert_eq!((&*identity.actor, &*identity.tenant), ("human:corp/1234", "main"));
        assert_eq!(&*identity.roles, ["reader"], "never what a token says of itself");
        assert_eq!(&*identity.credential, "oidc:corp");
        assert!(setup.tokens.recognise_now(&token).is_some());

        setup
            .tokens
            .end("main", Some("corp/1234"), Ended::Principal("corp/1234"), None)
            .await
            .unwrap();
        assert_eq!(setup.refusal(&token).await, "the token was ended");
    }
}

#[tokio::test]
async fn what_is_not_meant_for_us_or_not_valid_is_refused() {
    let server = Server::start().await;
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    server.publish_keys(&[("k1", &key)]);
    let setup = setup(config(&server)).await;
    let now = START.secs();
    for (change, said) in [
        (serde_json::json!({ "aud": "another" }), "the token is meant for somebody else"),
        (serde_json::json!({ "exp": now }), "the token's time is over"),
        (serde_json::json!({ "exp": null }), "the token's claims cannot be read"),
        (serde_json::json!({ "nbf": now + 61 }), "the token is not valid yet"),
        (serde_json::json!({ "sub": "" }), "the token's claims cannot be read"),
        (serde_json::json!({ "sub": "a\nb" }), "the token's claims cannot be read"),
        (
            serde_json::json!({ "iss": "https://else.example" }),
            "the token is signed by a key that is not known",
        ),
        (
            serde_json::json!({ "iss": "stockade" }),
            "the token is signed by a key that is not known",
        ),
    ] {
        let token = setup.token(&key, "k1", change.clone());
        assert_eq!(setup.refusal(&token).await, said, "{change}");
    }
    let forger = SigningKey::generate(Algorithm::Es256).unwrap();
    let forged = setup.token(&forger, "k1", none());
    assert_eq!(setup.refusal(&forged).await, "the token's signature is wrong");
    let other = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let other = setup.token(&other, "k1", none());
    assert_eq!(setup.refusal(&other).await, "the token is not signed by the algorithm of its key");
    let skewed = setup.token(&key, "k1", serde_json::json!({ "nbf": now + 60, "iat": now + 60 }));
    assert!(setup.tokens.recognise(&skewed).await.is_ok());
}

#[tokio::test]
async fn keys_nobody_knows_are_asked_for_once_a_minute() {
    let server = Server::start().await;
    let (old, new) = (
        SigningKey::generate(Algorithm::EdDsa).unwrap(),
        SigningKey::generate(Algorithm::EdDsa).unwrap(),
    );
    server.publish_keys(&[("old", &old)]);
    let setup = setup(config(&server)).await;
    setup.tokens.recognise(&setup.token(&old, "old", none())).await.unwrap();
    assert_eq!(server.times_asked(), 1);
    server.publish_keys(&[("old", &old), ("new", &new)]);
    for n in 0..20 {
        let token = setup.token(&new, &format!("made-up-{n}"), none());
        assert_eq!(setup.refusal(&token).await, "the token is signed by a key that is not known");
    }
    assert_eq!(server.times_asked(), 1, "a minute has not passed");
    setup.clock.advance(PAUSE);
    for n in 0..20 {
        setup.refusal(&setup.token(&new, &format!("made-up-{n}"), none())).await;
    }
    assert_eq!(server.times_asked(), 2);
    let token = setup.token(&new, "new", none());
    assert!(setup.tokens.recognise(&token).await.is_ok());
    assert_eq!(server.times_asked(), 2, "what was read then is known");
}

#[tokio::test]
async fn a_provider_that_is_away_stops_no_known_key() {
    let server = Server::start().await;
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    server.publish_keys(&[("k1", &key)]);
    let setup = setup(config(&server)).await;
    setup.tokens.recognise(&setup.token(&key, "k1", none())).await.unwrap();
    server.documents.lock().clear();
    for _ in 0..5 {
        setup.clock.advance(FRESH);
        let token = setup.token(&key, "k1", none());
        assert!(setup.tokens.recognise(&token).await.is_ok());
    }
    assert_eq!(server.times_asked(), 6, "it is asked again each time the keys are old");
    // One that is taken back is no longer believed.
    let next = SigningKey::generate(Algorithm::EdDsa).unwrap();
    server.publish_keys(&[("k2", &next)]);
    setup.clock.advance(FRESH);
    assert!(setup.tokens.recognise(&setup.token(&key, "k1", none())).await.is_err());
}

#[tokio::test]
async fn before_its_keys_are_known_a_provider_that_is_away_is_busy() {
    let server = Server::start().await;
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let setup = setup(config(&server)).await;
    let token = setup.token(&key, "k1", none());
    for _ in 0..3 {
        let error = setup.tokens.recognise(&token).await.unwrap_err();
        assert_eq!(error.code(), &PROVIDER_AWAY);
    }
    assert_eq!(server.times_asked(), 1);
    server.publish_keys(&[("k1", &key)]);
    setup.clock.advance(FIRST_PAUSE);
    assert!(setup.tokens.recognise(&token).await.is_ok());
    // What it publishes may not be secrets, nor rubbish.
    for wrong in ["", "[]", r#"{"keys":[]}"#] {
        server.publish("/keys", wrong.into());
        setup.clock.advance(FRESH);
        assert!(setup.tokens.recognise(&setup.token(&key, "k1", none())).await.is_ok());
    }
}

#[tokio::test]
async fn keys_are_found_below_the_issuer() {
    let server = Server::start().await;
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    server.publish_keys(&[("k1", &key)]);
    let place = "/.well-known/openid-configuration";
    let describe = |issuer: &str, keys: &str| {
        serde_json::json!({ "issuer": issuer, "jwks_uri": keys }).to_string()
    };
    let (issuer, keys) = (server.address.clone(), format!("{}/keys", server.address));
    let found = Config { issuer: issuer.clone(), jwks_url: None, ..config(&server) };
    for (description, accepted) in [
        (describe(&issuer, &keys), true),
        (describe("https://id.example", &keys), false),
        (describe(&issuer, "http://id.example/keys"), false),
        ("{}".into(), false),
    ] {
        server.publish(place, description.clone());
        let setup = setup(found.clone()).await;
        let token = setup.token(&key, "k1", serde_json::json!({ "iss": issuer }));
        assert_eq!(setup.tokens.recognise(&token).await.is_ok(), accepted, "{description}");
    }
}

#[tokio::test]
async fn providers_that_could_not_be_trusted_are_not_configured() {
    let server = Server::start().await;
    let registry = Registry::default();
    let http = pool::http::Config::default();
    let http = Http::new(http, Clock::system(), Random::system(), &registry).unwrap();
    let clock = Clock::system();
    let good = config(&server);
    assert!(Providers::new(std::slice::from_ref(&good), &http, &clock).is_ok());
    let at = |url: &str| Config { jwks_url: Some(url.into()), ..good.clone() };
    for wrong in [
        at("http://id.example/keys"),
        at("http://127.0.0.1.example/keys"),
        at("http://127.0.0.1@id.example/keys"),
        at("file:///keys"),
        at(""),
        Config { audience: String::new(), ..good.clone() },
        Config { kind: "system".into(), ..good.clone() },
        Config { kind: "root".into(), ..good.clone() },
        Config { name: "a/b".into(), ..good.clone() },
    ] {
        let error = Providers::new(std::slice::from_ref(&wrong), &http, &clock).unwrap_err();
        assert_eq!(error.code(), &PROVIDER, "{wrong:?}");
    }
    assert!(Providers::new(&[good.clone(), good.clone()], &http, &clock).is_err());
    for near in ["http://127.0.0.1:1/k", "http://[::1]:1/k", "http://localhost/k"] {
        assert!(Providers::new(&[at(near)], &http, &clock).is_ok(), "{near}");
    }
}
