//! Logging in at an identity provider, as a browser does it.

use std::collections::BTreeMap;
use std::sync::Arc;

use flow::identity::MAIN;
use flow::question::account::{ChangeUser, Granted};
use flow::request::Returned;
use flow::{Clock, Result};
use gate::Config;
use gate::jwt::{Algorithm, SigningKey};
use pool::sql::Sql;
use pool::sql::postgres::{Options, Postgres};
use serde_json::{Value, json};

use crate::provider::{CLIENT, Provider, SECRET, form};
use crate::world::{PASSWORD, World, code, empty, start, trusting};

struct Setup {
    provider: Provider,
    world: World,
    sql: Arc<dyn Sql>,
    clock: Clock,
    config: Config,
    _secrets: tempfile::TempDir,
}

async fn setup() -> Setup {
    setup_with(json!({})).await
}

/// With these differences in how people log in.
async fn setup_with(more: Value) -> Setup {
    setup_on(empty().await, more).await
}

async fn setup_on(sql: Arc<dyn Sql>, more: Value) -> Setup {
    let clock = start();
    let provider = Provider::start(clock.now().secs());
    let secrets = tempfile::tempdir().unwrap();
    let file = secrets.path().join("client");
    std::fs::write(&file, SECRET).unwrap();
    let mut login = json!({
        "client_id": CLIENT,
        "client_secret": format!("file:{}", file.display()),
        "redirect_url": "https://stockade.example/v1/auth/oidc/corp/callback",
    });
    for (name, value) in more.as_object().unwrap() {
        login[name] = value.clone();
    }
    let oidc = json!([{
        "name": "corp",
        "issuer": provider.issuer,
        "audience": "stockade",
        "roles": { "everybody": ["reader"], "platform": ["operator"] },
        "login": login,
    }]);
    let config = Config { oidc: serde_json::from_value(oidc).unwrap(), ..Config::default() };
    let world = trusting(sql.clone(), clock.clone(), &config).await.unwrap();
    world.secrets.lock().push(SECRET.to_owned());
    Setup { provider, world, sql, clock, config, _secrets: secrets }
}

/// What a browser has when it was sent back.
struct Back {
    kept: String,
    query: BTreeMap<String, String>,
}

impl Setup {
    async fn there_and_back(&self) -> Back {
        let begun = self.world.logins.begin("corp").await.unwrap();
        assert!(begun.secure);
        let back = self.provider.visit(&begun.location);
        let (place, query) = back.split_once('?').unwrap();
        assert_eq!(place, "https://stockade.example/v1/auth/oidc/corp/callback");
        Back { kept: begun.kept, query: form(query) }
    }

    async fn finish(&self, back: &Back) -> Result<Granted> {
        finish(&self.world, back).await
    }

    async fn log_in(&self) -> Result<Granted> {
        self.finish(&self.there_and_back().await).await
    }
}

async fn finish(world: &World, back: &Back) -> Result<Granted> {
    let of = |name: &str| back.query.get(name).map(String::as_str);
    let returned = Returned {
        provider: "corp",
        kept: &back.kept,
        state: of("state").unwrap_or_default(),
        code: of("code"),
        issuer: of("iss"),
        error: of("error"),
    };
    world.come_back(returned).await
}

#[tokio::test]
async fn somebody_logs_in_there_and_is_a_user_here() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let setup = setup().await;
        setup.provider.now.lock().key = SigningKey::generate(algorithm).unwrap();
        let session = setup.log_in().await.unwrap();
        let who = setup.world.who(&session.token).await.unwrap();
        assert_eq!(who, "human:corp/1234 reader", "never what a token says of itself");
        let users = setup.world.logins.users(MAIN, "", 10).await.unwrap();
        assert_eq!((&*users[0].name, users[0].totp), ("corp/1234", false));
        for secret in ["", PASSWORD, "!"] {
            let guessed = setup.world.log_in("corp/1234", secret).await;
            assert_eq!(code(guessed), "gate-wrong-password");
        }
        let next = setup.world.refresh(&session.refresh).await.unwrap();
        assert!(setup.world.who(&next.token).await.is_ok());
        let record = setup.world.record().await;
        for line in [
            "user.create done unknown user/corp/1234 -",
            "session.open done human:corp/1234 session/corp -",
        ] {
            assert!(record.contains(&line.to_owned()), "{line} in {record:#?}");
        }
    }
}

#[tokio::test]
async fn a_client_shows_its_secret_as_configured_and_a_public_one_has_none() {
    for (more, shown) in [
        (json!({}), "basic"),
        (json!({ "client_auth": "post" }), "post"),
        (json!({ "client_secret": null }), "public"),
    ] {
        let setup = setup_with(more).await;
        setup.log_in().await.unwrap();
        assert_eq!(setup.provider.now.lock().shown, [shown]);
    }
}

#[tokio::test]
async fn any_node_can_finish_and_only_once() {
    let setup = setup().await;
    let other = trusting(setup.sql.clone(), setup.clock.clone(), &setup.config).await.unwrap();
    let back = setup.there_and_back().await;
    assert!(finish(&other, &back).await.is_ok());
    for world in [&setup.world, &other] {
        assert_eq!(code(finish(world, &back).await), "gate-login-replayed");
    }
    assert_eq!(setup.provider.now.lock().exchanged, 1, "a replay asks the provider nothing");
}

#[tokio::test]
async fn nodes_on_postgresql_finish_what_another_began() {
    let Some(server) = engines::postgres() else { return };
    let sql = Arc::new(Postgres::open(Options::url(server.url())).await.unwrap());
    let setup = setup_on(sql, json!({})).await;
    let other = trusting(setup.sql.clone(), setup.clock.clone(), &setup.config).await.unwrap();
    let back = setup.there_and_back().await;
    let session = finish(&other, &back).await.unwrap();
    assert_eq!(setup.world.who(&session.token).await.unwrap(), "human:corp/1234 reader");
    assert_eq!(code(setup.finish(&back).await), "gate-login-replayed");
    setup.provider.now.lock().claims = json!({ "groups": ["platform"] });
    let next = setup.log_in().await.unwrap();
    assert_eq!(setup.world.who(&next.token).await.unwrap(), "human:corp/1234 operator");
    setup.provider.now.lock().claims = json!({ "groups": ["everybody"], "sub": "1234 " });
    assert!(setup.log_in().await.is_ok(), "somebody of another name");
}

#[tokio::test]
async fn a_state_that_is_lost_foreign_touched_or_old_is_none() {
    let setup = setup().await;
    let mine = setup.there_and_back().await;
    let others = setup.there_and_back().await;
    let with = |kept: &str, state: &str| Back {
        kept: kept.to_owned(),
        query: [("state", state), ("code", &*mine.query["code"])]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    };
    let (kept, state) = (&*mine.kept, &*mine.query["state"]);
    let mut touched = kept.to_owned().into_bytes();
    let middle = touched.len() / 2;
    touched[middle] = if touched[middle] == b'A' { b'B' } else { b'A' };
    let touched = String::from_utf8(touched).unwrap();
    for (kept, state, said) in [
        ("", state, "this browser has not begun a login, or lost its cookie"),
        ("rubbish", state, "the cookie of the login was not made here"),
        (&*touched, state, "the cookie of the login was not made here"),
        (&*others.kept, state, "`state` is not that of the login this browser began"),
        (kept, "", "`state` is not that of the login this browser began"),
        (kept, &*others.query["state"], "`state` is not that of the login this browser began"),
    ] {
        let error = setup.finish(&with(kept, state)).await.unwrap_err();
        assert_eq!((error.code().name, error.detail()), ("gate-login-state", said));
    }
    assert_eq!(setup.provider.now.lock().exchanged, 0);
    let huge = with(&"A".repeat(100_000), state);
    assert_eq!(code(setup.finish(&huge).await), "gate-login-state");
    setup.world.pass(600);
    let error = setup.finish(&mine).await.unwrap_err();
    assert_eq!(error.detail(), "the login was begun too long ago");
    let nowhere = setup.world.logins.begin("other").await.err().unwrap();
    assert_eq!(nowhere.code().name, "gate-no-provider");
}

#[tokio::test]
async fn what_the_provider_refuses_is_said_in_its_word() {
    let setup = setup().await;
    setup.provider.now.lock().error = Some("access_denied");
    let error = setup.log_in().await.unwrap_err();
    let said = "the provider says `access_denied`";
    assert_eq!((error.code().name, error.detail()), ("gate-provider-refused", said));
    setup.provider.now.lock().error = Some("%3Cscript%3E");
    assert_eq!(setup.log_in().await.unwrap_err().detail(), "the provider says no");
    setup.provider.now.lock().error = None;
    let mut back = setup.there_and_back().await;
    back.query.insert("code".into(), "another".into());
    let error = setup.finish(&back).await.unwrap_err();
    assert_eq!(error.detail(), "the provider says `invalid_grant`");
    assert!(
        setup.world.record().await.iter().any(|line| {
            line == "session.open refused unknown session/corp gate-provider-refused"
        })
    );
}

#[tokio::test]
async fn an_id_token_that_is_not_for_this_login_is_refused() {
    let setup = setup().await;
    let now = setup.clock.now().secs();
    for (claims, said) in [
        (json!({ "nonce": "another" }), "nonce"),
        (json!({ "nonce": null }), "nonce"),
        (json!({ "exp": now }), "time is over"),
        (json!({ "exp": null }), "claims cannot be read"),
        (json!({ "iat": now + 61 }), "not valid yet"),
        (json!({ "aud": "stockade" }), "meant for somebody else"),
        (json!({ "aud": [CLIENT, "another"] }), "made for somebody else"),
        (json!({ "azp": "another" }), "made for somebody else"),
        (json!({ "iss": "https://else.example" }), "issuer is not known"),
        (json!({ "at_hash": "AAAA" }), "another access token"),
        (json!({ "sub": "" }), "claims cannot be read"),
        (json!({ "sub": "a\nb" }), "claims cannot be read"),
    ] {
        setup.provider.now.lock().claims = claims.clone();
        let error = setup.log_in().await.unwrap_err();
        assert_eq!(error.code().name, "gate-id-token", "{claims}");
        assert!(error.detail().contains(said), "{claims}: {error}");
    }
    setup.provider.now.lock().claims = json!({ "aud": [CLIENT, "another"], "azp": CLIENT });
    assert!(setup.log_in().await.is_ok());
    setup.provider.now.lock().typ = "at+jwt";
    assert!(setup.log_in().await.unwrap_err().detail().contains("not one for access"));
    setup.provider.now.lock().typ = "JWT";
    for (algorithm, said) in [
        (Algorithm::Es256, "signature is wrong"),
        (Algorithm::Hs256, "by the algorithm of its key"),
    ] {
        setup.provider.now.lock().forger = Some(SigningKey::generate(algorithm).unwrap());
        let error = setup.log_in().await.unwrap_err();
        assert!(error.detail().contains(said), "{error}");
    }
    let users = setup.world.logins.users(MAIN, "", 10).await.unwrap();
    assert_eq!(users.len(), 1, "nobody else was made");
}

#[tokio::test]
async fn an_answer_of_another_provider_is_not_taken() {
    let setup = setup().await;
    setup.provider.now.lock().issuer_said = Some("https://attacker.example".into());
    assert_eq!(setup.log_in().await.unwrap_err().detail(), "the answer is another provider's");
    setup.provider.now.lock().issuer_said = Some(setup.provider.issuer.clone());
    assert!(setup.log_in().await.is_ok());
    // A node that knows the provider says whose its answers are misses it.
    let other = trusting(setup.sql.clone(), setup.clock.clone(), &setup.config).await.unwrap();
    let mut back = setup.there_and_back().await;
    back.query.remove("iss");
    let error = finish(&other, &back).await.unwrap_err();
    assert_eq!(error.detail(), "the provider does not say that the answer is its own");
}

#[tokio::test]
async fn a_provider_that_is_away_is_busy_and_breaks_nothing() {
    let setup = setup().await;
    let back = setup.there_and_back().await;
    setup.provider.now.lock().away = true;
    assert_eq!(code(setup.finish(&back).await), "gate-provider-away");
    assert!(setup.world.logins.begin("corp").await.is_ok(), "where its doors are is known");
    setup.provider.now.lock().away = false;
    for (status, said) in [(500, "{}"), (200, "rubbish"), (200, "{}"), (400, "<html>")] {
        setup.provider.now.lock().broken = Some((status, said));
        let refused = code(setup.log_in().await);
        assert!(["gate-provider-away", "gate-id-token"].contains(&refused), "{status} {said}");
    }
    setup.provider.now.lock().broken = None;
    assert!(setup.log_in().await.is_ok());

    let fresh = trusting(empty().await, setup.clock.clone(), &setup.config).await.unwrap();
    setup.provider.now.lock().away = true;
    for _ in 0..3 {
        assert_eq!(code(fresh.logins.begin("corp").await), "gate-provider-away");
    }
    setup.provider.now.lock().away = false;
    assert_eq!(code(fresh.logins.begin("corp").await), "gate-provider-away", "not at once");
    setup.world.pass(5);
    assert!(fresh.logins.begin("corp").await.is_ok());
}

#[tokio::test]
async fn a_name_that_is_somebody_elses_is_not_taken_over() {
    let setup = setup().await;
    setup.log_in().await.unwrap();
    // Somebody else over there, who is called the same.
    let mut config = setup.config.clone();
    config.oidc[0].name_claim = "nick".into();
    let by_nick = trusting(setup.sql.clone(), setup.clock.clone(), &config).await.unwrap();
    setup.provider.now.lock().claims = json!({ "sub": "9999", "nick": "1234" });
    let error = finish(&by_nick, &setup.there_and_back().await).await.unwrap_err();
    assert_eq!(error.code().name, "gate-foreign-account");
    // One that was a user here before any provider vouched for them.
    let text = "INSERT INTO gate_user (tenant, name, kind, roles, hash, disabled, created) \
                VALUES ('main', 'corp/local', 'human', '[\"admin\"]', 'x', 0, 0)";
    let insert = pool::sql::Transaction::new().run(pool::sql::Statement::new(text));
    setup.sql.commit(insert).await.unwrap();
    setup.provider.now.lock().claims = json!({ "sub": "local" });
    assert_eq!(code(setup.log_in().await), "gate-foreign-account");
    let users = setup.world.logins.users(MAIN, "", 10).await.unwrap();
    assert_eq!(users[1].roles, ["admin"], "and is as before");
}

#[tokio::test]
async fn roles_follow_the_provider_and_whoever_is_kept_out_stays_out() {
    let setup = setup().await;
    let first = setup.log_in().await.unwrap();
    setup.provider.now.lock().claims = json!({ "groups": ["platform"] });
    let second = setup.log_in().await.unwrap();
    for session in [&first, &second] {
        let who = setup.world.who(&session.token).await.unwrap();
        assert_eq!(who, "human:corp/1234 operator", "also of sessions that are open");
    }
    let change = ChangeUser {
        name: "corp/1234",
        roles: None,
        rights: None,
        disabled: Some(true),
        password: None,
    };
    setup.world.logins.change(MAIN, &change, None).await.unwrap();
    assert_eq!(code(setup.world.who(&second.token).await), "gate-unknown-session");
    assert_eq!(code(setup.log_in().await), "gate-user-disabled");
    setup.world.logins.delete(MAIN, "corp/1234", None).await.unwrap();
    assert!(setup.log_in().await.is_ok(), "made anew");
}

#[tokio::test]
async fn whoever_is_kept_out_is_refused_with_tokens_of_the_provider_too() {
    let setup = setup().await;
    setup.log_in().await.unwrap();
    let token = {
        let state = setup.provider.now.lock();
        let claims = json!({
            "iss": setup.provider.issuer, "aud": "stockade", "sub": "1234",
            "iat": state.clock, "exp": state.clock + 300, "groups": ["everybody"],
        });
        state.key.sign_as("at+jwt", "k1", claims.to_string().as_bytes()).unwrap()
    };
    let other = trusting(setup.sql.clone(), setup.clock.clone(), &setup.config).await.unwrap();
    for node in [&setup.world, &other] {
        assert_eq!(node.who(&token).await.unwrap(), "human:corp/1234 reader");
    }
    let change = |disabled| ChangeUser {
        name: "corp/1234",
        roles: None,
        rights: None,
        disabled: Some(disabled),
        password: None,
    };
    setup.world.logins.change(MAIN, &change(true), None).await.unwrap();
    other.hear_of("corp/1234");
    for node in [&setup.world, &other] {
        assert_eq!(code(node.who(&token).await), "gate-user-disabled");
    }
    setup.world.logins.change(MAIN, &change(false), None).await.unwrap();
    other.hear_of("corp/1234");
    for node in [&setup.world, &other] {
        assert_eq!(node.who(&token).await.unwrap(), "human:corp/1234 reader");
    }
}

#[tokio::test]
async fn a_login_that_could_not_be_trusted_is_not_configured() {
    let setup = setup().await;
    let there = "https://stockade.example/v1/auth/oidc";
    for (field, wrong) in [
        ("client_id", json!("")),
        ("client_secret", json!("env:STOCKADE_TEST_NOWHERE")),
        ("redirect_url", json!("http://stockade.example/v1/auth/oidc/corp/callback")),
        ("redirect_url", json!(format!("{there}/other/callback"))),
    ] {
        let mut config = serde_json::to_value(&setup.config).unwrap();
        config["oidc"][0]["login"][field] = wrong;
        let config: Config = serde_json::from_value(config).unwrap();
        let error = trusting(empty().await, start(), &config).await.err().unwrap();
        assert_eq!(error.code().name, "gate-provider", "{field}");
    }
}
