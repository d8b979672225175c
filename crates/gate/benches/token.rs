//! What a token costs: making it, verifying it beside the bare primitive and beside
//! `jsonwebtoken`, and recognising one that was seen before.
//!
//! `cargo bench -p stockade-gate --bench token`. Contenders take short turns, so that a busy
//! machine is busy for all of them; medians are printed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that fails should stop")]

mod turns;

use flow::rights::NO_RIGHTS;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flow::feed::{Announcer, MemoryFeed};
use flow::identity::MAIN;
use flow::question::account::{CreateUser, Proof};
use flow::question::admin::Login;
use flow::request::Password;
use flow::signal::Registry;
use flow::{
    Clock, Credential, Door, Gate as _, Id, Principal, Question as _, Random, Request, Revisions,
    Step,
};
use gate::jwt::{Algorithm, Compact, Config, Subject, Tokens};
use gate::limit::{Blocks, Limits};
use gate::{Ground, Keys, Logins, Seal};
use jsonwebtoken::{DecodingKey, Validation, jwk::Jwk};
use pool::file::Disk;
use pool::sql::sqlite::{Options, Sqlite};
use turns::by_turns;

#[derive(serde::Deserialize)]
struct Said {
    #[expect(dead_code, reason = "read for what reading costs")]
    sub: String,
    #[expect(dead_code, reason = "read for what reading costs")]
    roles: Vec<String>,
}

async fn open(algorithm: Algorithm) -> Tokens {
    let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
    let directory = tempfile::tempdir().unwrap();
    let seal = Arc::new(Seal::made(&Disk, &directory.path().join("seal")).unwrap());
    let config = Config { algorithm, ..Config::default() };
    let (clock, random) = (Clock::system(), Random::system());
    Tokens::open(&config, sql, seal, Arc::new(Revisions::default()), clock, random).await.unwrap()
}

fn bare(jwk: &serde_json::Value) -> ParsedPublicKey {
    let part = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    match jwk["alg"].as_str().unwrap() {
        "EdDSA" => ParsedPublicKey::new(&ED25519, part("x")).unwrap(),
        "ES256" => {
            let point = [vec![4], part("x"), part("y")].concat();
            ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).unwrap()
        }
        _ => {
            let parts = aws_lc_rs::rsa::PublicKeyComponents { n: part("n"), e: part("e") };
            parts.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).unwrap()
        }
    }
}

async fn public(algorithm: Algorithm, subject: &Subject<'_>) {
    let tokens = open(algorithm).await;
    let day = Duration::from_secs(24 * 3600);
    let token = tokens.mint(subject, "01J00000000000000000000000", day).unwrap();
    let jwk = tokens.public_keys()["keys"][0].clone();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (key, signature) = (bare(&jwk), URL_SAFE_NO_PAD.decode(signature).unwrap());
    let peer_key: Jwk = serde_json::from_value(jwk).unwrap();
    let peer_key = DecodingKey::from_jwk(&peer_key).unwrap();
    let mut expected = Validation::new(algorithm.name().parse().unwrap());
    expected.set_audience(&["stockade"]);
    expected.set_issuer(&["stockade"]);
    let [primitive, ours, theirs, mint] = by_turns(
        40,
        [
            &mut || key.verify_sig(signed.as_bytes(), &signature).unwrap(),
            &mut || drop(black_box(tokens.verify(&token).unwrap())),
            &mut || {
                drop(black_box(
                    jsonwebtoken::decode::<Said>(&token, &peer_key, &expected).unwrap(),
                ));
            },
            &mut || drop(black_box(tokens.mint(subject, "s", day).unwrap())),
        ],
    );
    let (name, ours) = (algorithm.name(), ours / 1e3);
    println!("{name}, verified\t{ours:.2}\tµs\t\tjsonwebtoken\t{:.2}", theirs / 1e3);
    println!("{name}, verified\t{ours:.2}\tµs\t\tthe bare primitive\t{:.2}", primitive / 1e3);
    println!("{name}, made\t{:.2}\tµs", mint / 1e3);
}

/// A shared secret, without a published key.
async fn shared(subject: &Subject<'_>) {
    let tokens = open(Algorithm::Hs256).await;
    let day = Duration::from_secs(24 * 3600);
    let token = tokens.mint(subject, "s", day).unwrap();
    let (signed, _) = token.rsplit_once('.').unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    let tag = hmac::sign(&key, signed.as_bytes());
    let [primitive, read, ours] = by_turns(
        400,
        [
            &mut || hmac::verify(&key, signed.as_bytes(), tag.as_ref()).unwrap(),
            &mut || drop(black_box(Compact::read(&token, 8192).unwrap())),
            &mut || drop(black_box(tokens.verify(&token).unwrap())),
        ],
    );
    let (ours, primitive) = (ours / 1e3, primitive / 1e3);
    println!("HS256, verified\t{ours:.2}\tµs\t\tthe bare primitive\t{primitive:.2}");
    println!("HS256, reading the form alone\t{:.2}\tµs", read / 1e3);
}

async fn seen(subject: &Subject<'_>) {
    let tokens = open(Algorithm::EdDsa).await;
    let day = Duration::from_secs(24 * 3600);
    let mut shown = Vec::new();
    for n in 0..1000 {
        let token = tokens.mint(subject, &format!("s{n}"), day).unwrap();
        tokens.recognise(&token).await.unwrap();
        shown.push(token);
    }
    let mut next = shown.iter().cycle();
    let [one, many] = by_turns(
        2_000,
        [&mut || drop(black_box(tokens.recognise_now(&shown[0]).unwrap())), &mut || {
            drop(black_box(tokens.recognise_now(next.next().unwrap()).unwrap()))
        }],
    );
    println!("seen before, always the same\t{one:.0}\tns\t≤ 300");
    println!("seen before, one of 1,000\t{many:.0}\tns\t≤ 300");
    println!("a token\t{}\tbytes", shown[0].len());
}

/// The token of a session as a request shows it: recognised, and its session looked at.
async fn session() {
    let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
    let directory = tempfile::tempdir().unwrap();
    let seal = Arc::new(Seal::made(&Disk, &directory.path().join("seal")).unwrap());
    let (clock, random) = (Clock::system(), Random::system());
    let (config, registry) = (gate::Config::default(), Registry::default());
    let revisions = Arc::new(Revisions::default());
    let of = (sql.clone(), revisions.clone(), clock.clone(), random.clone());
    let tokens = Tokens::open(&config.tokens, of.0, seal, of.1, of.2, of.3).await.unwrap();
    let of = (sql.clone(), revisions.clone(), clock.clone(), random.clone());
    let keys = Arc::new(Keys::open(of.0, of.1, of.2, of.3).await.unwrap());
    let of = (sql.clone(), revisions.clone(), clock.clone(), random.clone());
    let ground = Ground { sql: of.0, revisions: of.1, clock: of.2, random: of.3 };
    let tokens = Arc::new(tokens);
    let logins = Logins::open(ground, &config, None).await.unwrap().signed_by(tokens.clone());
    let logins = Arc::new(logins);
    let announcer = Announcer::new(Arc::new(MemoryFeed::new(clock.clone(), 64)), clock.clone());
    let (blocking, at) = (config.limits.blocks.clone(), (clock.clone(), random.clone()));
    let blocks = Blocks::open(blocking, sql, Arc::new(announcer), at, &registry).await.unwrap();
    let limits = Limits::new(config.rates, config.limits, &registry);
    let gate = gate::Gate::new(keys, limits, Arc::new(blocks), revisions, clock.clone(), 0);
    let gate = gate.with_logins(logins.clone()).with_tokens(tokens);

    let (roles, proof) = (["reader".to_owned()], Proof::Password("correct horse battery"));
    let user = CreateUser {
        name: "ann",
        kind: Principal::Human,
        roles: &roles,
        rights: &NO_RIGHTS,
        proof,
    };
    logins.create(MAIN, &user, None).await.unwrap();
    let at = |credential| Request {
        id: Id(1),
        at: clock.moment(),
        door: Door::Http,
        credential,
        peer: None,
        agent: "",
    };
    let shown = Password { tenant: MAIN, name: "ann", secret: "correct horse battery", code: None };
    let request = at(Credential::Password(shown));
    let identity = logins.verify(&request, shown).await.unwrap();
    let granted = logins.open_session(&identity, &request, None).await.unwrap().0;
    let request = at(Credential::Bearer(&granted.token));
    let identity = gate.recognise(&request).wait().await.unwrap();
    let [recognised, admitted] = by_turns(
        2_000,
        [
            &mut || match gate.recognise(&request) {
                Step::Now(known) => drop(black_box(known.unwrap())),
                Step::Later(_) => panic!("it was not remembered"),
            },
            &mut || match gate.admit(&request, &identity, Login.ask()) {
                Step::Now(admitted) => admitted.unwrap(),
                // Once a minute it is written down that the session is used.
                Step::Later(_) => {}
            },
        ],
    );
    println!("the token of a session, seen before\t{recognised:.0}\tns\t≤ 300");
    println!("its caller admitted\t{admitted:.0}\tns");
    println!("the token of a session\t{}\tbytes", granted.token.len());
}

/// The median of recognising a token for the first time, the database included.
async fn first(subject: &Subject<'_>) {
    let (tokens, clock) = (open(Algorithm::EdDsa).await, Clock::system());
    let mut took = Vec::new();
    for _ in 0..1000 {
        let token = tokens.mint(subject, "s", Duration::from_secs(3600)).unwrap();
        let since = clock.moment();
        tokens.recognise(&token).await.unwrap();
        took.push(clock.moment().since(since).as_nanos());
    }
    took.sort_unstable();
    println!("seen for the first time, SQLite asked once\t{:.1}\tµs", took[500] as f64 / 1e3);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!(
        "# Tokens made, verified, and recognised again; medians of contenders that take turns."
    );
    let roles = ["reader".to_owned(), "operator".to_owned()];
    let subject = Subject { tenant: MAIN, name: "ann", kind: Principal::Human, roles: &roles };
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        public(algorithm, &subject).await;
    }
    shared(&subject).await;
    seen(&subject).await;
    session().await;
    first(&subject).await;
}
