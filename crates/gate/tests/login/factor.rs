//! The second factor: codes that are good once.

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use flow::identity::MAIN;
use flow::rights::NO_RIGHTS;

use crate::world::{HERE, PASSWORD, World, code, world};

/// What an authenticator app shows, written down a second time for the test.
pub(crate) fn app(world: &World, secret: &str) -> String {
    let secret = BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret);
    let tag = hmac::sign(&key, &(world.clock.now().secs() / 30).to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[19] & 15);
    let word = u32::from_be_bytes(tag[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

/// Sets it up; the secret and the recovery codes.
pub(crate) async fn enrolled(world: &World) -> (String, Vec<String>) {
    world.user("ann", &["reader"]).await;
    let session = world.log_in("ann", PASSWORD).await.unwrap();
    let identity = world.identity(&session.token).await.unwrap();
    let begun = world.logins.begin_totp(&identity, None).await.unwrap();
    assert!(begun.url.starts_with("otpauth://totp/Stockade:ann?secret="), "{}", begun.url);
    world.secrets.lock().push(begun.secret.clone());
    assert_eq!(code(world.log_in("ann", PASSWORD).await), "done", "not before it is confirmed");
    assert_eq!(
        code(world.logins.confirm_totp(&identity, "000000x", None).await),
        "gate-wrong-code"
    );
    let shown = app(world, &begun.secret);
    let codes = world.logins.confirm_totp(&identity, &shown, None).await.unwrap();
    world.secrets.lock().extend(codes.iter().cloned());
    assert_eq!(
        code(world.logins.begin_totp(&identity, None).await),
        "gate-no-totp",
        "there is one"
    );
    world.pass(30);
    (begun.secret, codes)
}

async fn with(world: &World, shown: &str) -> &'static str {
    code(world.log_in_from("ann", PASSWORD, Some(shown), HERE).await)
}

#[tokio::test]
async fn who_has_one_shows_it_and_each_code_is_good_once() {
    let world = world().await;
    let (secret, _) = enrolled(&world).await;
    assert_eq!(code(world.log_in("ann", PASSWORD).await), "gate-code-needed");
    let shown = app(&world, &secret);
    assert_eq!(with(&world, &shown).await, "done");
    assert_eq!(with(&world, &shown).await, "gate-wrong-code", "it was used");
    world.pass(30);
    let next = app(&world, &secret);
    assert_eq!(with(&world, &next).await, "done");
    assert_eq!(with(&world, &shown).await, "gate-wrong-code", "none from before either");
    assert!(world.logins.users(MAIN, "", 1).await.unwrap()[0].totp);
}

#[tokio::test]
async fn recovery_codes_work_once_each() {
    let world = world().await;
    let (_, codes) = enrolled(&world).await;
    assert_eq!(codes.len(), 10);
    for recovery in &codes[..3] {
        assert_eq!(with(&world, recovery).await, "done");
        assert_eq!(with(&world, recovery).await, "gate-wrong-code");
        world.pass(901);
    }
    let record = world.record().await;
    let used = record.iter().filter(|line| line.starts_with("totp.recover done"));
    assert_eq!(used.count(), 3, "{record:#?}");
}

#[tokio::test]
async fn wrong_codes_lock_the_account_and_needing_one_does_not() {
    let world = world().await;
    let (secret, _) = enrolled(&world).await;
    for _ in 0..10 {
        assert_eq!(code(world.log_in("ann", PASSWORD).await), "gate-code-needed");
    }
    for n in 0..5 {
        let from = format!("198.51.100.{n}");
        let failed = world.log_in_from("ann", PASSWORD, Some("not it"), &from).await;
        assert_eq!(code(failed), "gate-wrong-code");
    }
    let shown = app(&world, &secret);
    assert_eq!(with(&world, &shown).await, "gate-locked");
}

#[tokio::test]
async fn a_key_sets_up_no_second_factor_for_its_owner() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    let (kind, roles) = (flow::Principal::Human, ["reader".to_owned()]);
    let new = gate::NewKey { principal: "ann", kind, roles: &roles, rights: &NO_RIGHTS };
    let key = world.keys.create(MAIN, new, None).await.unwrap();
    world.secrets.lock().push(key.secret.clone());
    let identity = world.identity(&key.secret).await.unwrap();
    assert_eq!(code(world.logins.begin_totp(&identity, None).await), "gate-not-a-login");
    let confirmed = world.logins.confirm_totp(&identity, "000000", None).await;
    assert_eq!(code(confirmed), "gate-not-a-login");
    assert_eq!(code(world.logins.close(&identity, None).await), "gate-not-a-login");
}

#[tokio::test]
async fn an_administrator_takes_a_lost_one_away() {
    let world = world().await;
    enrolled(&world).await;
    assert!(world.logins.drop_totp(MAIN, "ann", None).await.unwrap());
    assert!(!world.logins.drop_totp(MAIN, "ann", None).await.unwrap());
    assert_eq!(code(world.log_in("ann", PASSWORD).await), "done");
}

#[tokio::test]
async fn what_is_kept_of_it_cannot_be_shown() {
    let world = world().await;
    let (secret, codes) = enrolled(&world).await;
    let raw = BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    for text in ["SELECT secret FROM gate_totp", "SELECT digest FROM gate_recovery"] {
        for row in &world.sql.query(pool::sql::Statement::new(text)).await.unwrap() {
            let kept: String = row.at(0).unwrap();
            assert!(!kept.contains(&secret) && !codes.contains(&kept));
            let bytes = data_encoding::BASE64URL_NOPAD.decode(kept.as_bytes());
            let open = bytes.is_ok_and(|bytes| bytes.windows(raw.len()).any(|part| part == raw));
            assert!(!open);
        }
    }
}
