//! Agents that prove to hold a secret, and never send it.

use flow::rights::NO_RIGHTS;
use std::sync::Arc;

use flow::identity::{Good, MAIN};
use flow::question::account::{ChangeUser, Proof};
use flow::{Clock, Lane, Principal, Random, Time};
use gate::{Config, NewKey, prove};
use pool::sql::Statement;
use pool::sql::postgres::{Options, Postgres};

use crate::world::{AGENT, HERE, PASSWORD, World, code, on, opaque, start, world};

const WINDOW: u64 = 300;

struct Bot {
    id: String,
    secret: String,
}

async fn bot(world: &World, roles: &[&str]) -> Bot {
    let roles: Vec<_> = roles.iter().map(|role| (*role).to_owned()).collect();
    let new =
        NewKey { principal: "bot", kind: Principal::Agent, roles: &roles, rights: &NO_RIGHTS };
    let made = world.keys.create_proved(MAIN, new, None).await.unwrap();
    world.secrets.lock().push(made.secret.clone());
    Bot { id: made.id, secret: made.secret }
}

impl Bot {
    fn proof(&self, world: &World) -> String {
        prove(&self.secret, &world.clock, &Random::system()).unwrap().to_string()
    }

    /// One by a clock that is so many seconds ahead of ours.
    fn proof_at(&self, world: &World, ahead: i64) -> String {
        let secs = world.clock.now().secs().saturating_add_signed(ahead);
        let clock = Clock::manual(Time(secs * 1_000_000_000));
        prove(&self.secret, &clock, &Random::system()).unwrap().to_string()
    }
}

#[tokio::test]
async fn a_proof_is_good_once_on_all_nodes_and_after_a_restart() {
    let world = world().await;
    let bot = bot(&world, &["reader"]).await;
    let other = on(world.sql.clone(), world.clock.clone(), &Config::default()).await;
    let proof = bot.proof(&world);
    assert_eq!(world.who(&proof).await.unwrap(), "agent:bot reader");
    for node in [&world, &other] {
        assert_eq!(code(node.who(&proof).await), "gate-proof-used");
        assert_eq!(node.who(&bot.proof(&world)).await.unwrap(), "agent:bot reader");
    }
    let again = on(world.sql.clone(), world.clock.clone(), &Config::default()).await;
    assert_eq!(code(again.who(&proof).await), "gate-proof-used");
    world.logins.sweep().await.unwrap();
    assert_eq!(code(world.who(&proof).await), "gate-proof-used", "sweeping frees none");
}

#[tokio::test]
async fn of_many_that_show_one_proof_at_once_one_is_let_in() {
    let world = world().await;
    let bot = bot(&world, &["reader"]).await;
    let other = on(world.sql.clone(), world.clock.clone(), &Config::default()).await;
    let proof = bot.proof(&world);
    let (a, b, c, d) =
        tokio::join!(world.who(&proof), other.who(&proof), world.who(&proof), other.who(&proof));
    assert_eq!([a, b, c, d].iter().filter(|who| who.is_ok()).count(), 1);
}

#[tokio::test]
async fn a_proof_is_of_about_now_by_either_clock() {
    let world = world().await;
    let bot = bot(&world, &["reader"]).await;
    for (ahead, said) in [
        (0, "done"),
        (299, "done"),
        (-299, "done"),
        (300, "gate-proof-time"),
        (-300, "gate-proof-time"),
        (86_400, "gate-proof-time"),
    ] {
        assert_eq!(code(world.who(&bot.proof_at(&world, ahead)).await), said, "{ahead}");
    }
    // What was used is forgotten only when its time would be refused by any clock.
    let early = bot.proof_at(&world, 299);
    world.who(&early).await.unwrap();
    for _ in 0..3 {
        world.pass(WINDOW - 1);
        world.logins.sweep().await.unwrap();
        assert!(world.who(&early).await.is_err());
    }
    world.pass(WINDOW);
    world.logins.sweep().await.unwrap();
    let left = world.sql.query(Statement::new("SELECT what FROM gate_spent")).await.unwrap();
    assert!(left.is_empty(), "and then it is");
    assert_eq!(code(world.who(&early).await), "gate-proof-time");
}

#[tokio::test]
async fn nothing_but_a_proof_by_the_secret_speaks_for_an_agent() {
    let world = world().await;
    let one = bot(&world, &["admin"]).await;
    let other = bot(&world, &["reader"]).await;
    let plain = NewKey {
        principal: "ci",
        kind: Principal::Service,
        roles: &["admin".into()],
        rights: &NO_RIGHTS,
    };
    let plain = world.keys.create(MAIN, plain, None).await.unwrap();
    let proof = other.proof(&world);
    let parts: Vec<_> = proof.split('_').collect();
    let (secs, nonce, mac) = (parts[2], parts[3], parts[4]);
    let flipped = mac.replace(&mac[..1], if mac.starts_with('0') { "1" } else { "0" });
    for wrong in [
        // A name is no proof, in whatever form.
        "x:bot:1".to_owned(),
        "x:bot:".to_owned(),
        "sth_x:bot:1".to_owned(),
        format!("x:bot:{proof}"),
        format!("sth_bot_{secs}_{nonce}_{mac}"),
        // Another key's, another time, another nonce, another code, a plain key's.
        format!("sth_{}_{secs}_{nonce}_{mac}", one.id),
        format!("sth_{}_{secs}_{nonce}_{mac}", plain.id),
        format!("sth_{}_{}_{nonce}_{mac}", other.id, secs.parse::<u64>().unwrap() + 1),
        format!("sth_{}_{secs}_{}_{mac}", other.id, nonce.replace(&nonce[..1], "0")),
        format!("sth_{}_{secs}_{nonce}_{flipped}", other.id),
        format!("sth_{}_{secs}_{nonce}_", other.id),
        format!("sth_{}_{secs}_{nonce}_{}", other.id, "0".repeat(64)),
        format!("sth_{}_{secs}_{}_{mac}", other.id, "n".repeat(100_000)),
        // The secret itself, and its digest.
        one.secret.clone(),
        format!("sealed {}", one.id),
    ] {
        assert!(world.who(&wrong).await.is_err(), "{wrong}");
    }
    assert_eq!(world.who(&proof).await.unwrap(), "agent:bot reader", "none of them used it up");
    let by_plain = prove(&plain.secret, &world.clock, &Random::system());
    assert_eq!(code(by_plain), "gate-proof");
}

#[tokio::test]
async fn on_a_connection_it_holds_until_its_window_ends() {
    let world = world().await;
    let bot = bot(&world, &["reader"]).await;
    let proof = bot.proof(&world);
    let mut lane = Lane::default();
    world.who_from(&mut lane, &proof, HERE, AGENT).await.unwrap();
    let identity = lane.identity().unwrap().clone();
    assert_eq!(identity.good, Good::Once, "for doors whose requests come one by one");
    assert_eq!(*identity.credential, format!("proof:{}", bot.id));
    world.pass(WINDOW - 1);
    assert!(world.who_from(&mut lane, &proof, HERE, AGENT).await.is_ok());
    // Somebody's standing may change meanwhile, which asks for no other proof.
    world.hear_of("bot");
    assert!(world.who_from(&mut lane, &proof, HERE, AGENT).await.is_ok());
    world.pass(1);
    let over = world.who_from(&mut lane, &proof, HERE, AGENT).await;
    assert_eq!(code(over), "gate-proof-time");
    let next = bot.proof(&world);
    assert!(world.who_from(&mut lane, &next, HERE, AGENT).await.is_ok());
}

#[tokio::test]
async fn a_revoked_secret_and_a_disabled_agent_prove_nothing() {
    let world = world().await;
    let bot = bot(&world, &["reader"]).await;
    let mut lane = Lane::default();
    let proof = bot.proof(&world);
    world.who_from(&mut lane, &proof, HERE, AGENT).await.unwrap();
    assert_eq!(world.keys.revoke(MAIN, &bot.id, None).await.unwrap().unwrap(), "bot");
    assert!(world.who_from(&mut lane, &proof, HERE, AGENT).await.is_err(), "open connections too");
    assert_eq!(code(world.who(&bot.proof(&world)).await), "gate-proof");

    let bot = self::bot(&world, &["reader"]).await;
    world.user_of("bot", Principal::Agent, &["reader"], Proof::Password(PASSWORD)).await;
    assert!(world.who(&bot.proof(&world)).await.is_ok());
    let change =
        ChangeUser { name: "bot", roles: None, rights: None, disabled: Some(true), password: None };
    world.logins.change(MAIN, &change, None).await.unwrap();
    assert!(world.who(&bot.proof(&world)).await.is_err());
}

#[tokio::test]
async fn secrets_of_keys_are_kept_sealed() {
    let world = world().await;
    let bot = bot(&world, &["reader"]).await;
    let rows = world.sql.query(Statement::new("SELECT digest, sealed FROM api_key")).await.unwrap();
    let row = rows.first().unwrap();
    let (digest, sealed): (String, String) = (row.at(0).unwrap(), row.at(1).unwrap());
    assert!(!sealed.contains(&bot.secret) && !digest.contains(&bot.secret));
    let listed = world.keys.list(MAIN, "", 10).await.unwrap();
    assert_eq!(listed[0].shown, flow::question::admin::KeyShown::Proof);
    // Without keys to seal with, nobody makes one.
    let roles = ["reader".to_owned()];
    let new =
        NewKey { principal: "bot", kind: Principal::Agent, roles: &roles, rights: &NO_RIGHTS };
    let made = opaque().await.keys.create_proved(MAIN, new, None).await;
    assert_eq!(code(made), "gate-seal-key");
}

#[tokio::test]
async fn nodes_on_postgresql_take_a_proof_once_together() {
    let Some(server) = engines::postgres() else { return };
    let sql = Arc::new(Postgres::open(Options::url(server.url())).await.unwrap());
    let world = on(sql.clone(), start(), &Config::default()).await;
    let other = on(sql, world.clock.clone(), &Config::default()).await;
    let bot = bot(&world, &["reader"]).await;
    for _ in 0..5 {
        let proof = bot.proof(&world);
        let (one, two) = tokio::join!(world.who(&proof), other.who(&proof));
        assert_eq!([&one, &two].iter().filter(|who| who.is_ok()).count(), 1, "{one:?} {two:?}");
        assert!(world.who(&proof).await.is_err() && other.who(&proof).await.is_err());
    }
    world.logins.sweep().await.unwrap();
    let listed = world.keys.list(MAIN, "", 10).await.unwrap();
    assert_eq!(listed[0].shown, flow::question::admin::KeyShown::Proof);
}
