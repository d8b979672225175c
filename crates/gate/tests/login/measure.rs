//! What playbooks take against principals, and how it ends.

use std::sync::Arc;

use flow::identity::MAIN;
use flow::question::account::CloseSession;
use flow::question::guard::{LiftBlock, StepUp};
use flow::unit::Span;
use gate::Config;
use gate::behaviour::{Kind, Playbook, Take};

use crate::factor::{app, enrolled};
use crate::world::{PASSWORD, WRONG, World, code, empty, on, start};

/// Whoever scans has this taken against them.
fn against_scanning(take: Take, otherwise: Take) -> Config {
    let playbook = Playbook {
        name: "curious".into(),
        when: vec![Kind::Scanning],
        at_least: 1,
        within: Span::secs(3_600),
        take,
        otherwise,
        length: Span::secs(600),
        dry_run: false,
    };
    let mut config = Config { playbooks: vec![playbook], ..Config::default() };
    config.limits.burst = 1_000;
    config
}

async fn world(take: Take, otherwise: Take) -> World {
    on(empty().await, start(), &against_scanning(take, otherwise)).await
}

/// Asks for thirty things that are not there.
async fn scan(world: &World, token: &str) {
    for n in 0..30 {
        let id = format!("nothing-{n}");
        world.ask(token, LiftBlock { id: &id }).await.unwrap();
    }
    world.behaviour.catch_up().await.unwrap();
}

async fn taken(world: &World) -> Vec<(String, &'static str)> {
    let all = world.behaviour.measures(MAIN, "", 10).await.unwrap();
    all.into_iter().map(|measure| (measure.subject, measure.take)).collect()
}

#[tokio::test]
async fn who_has_a_second_factor_shows_it_and_goes_on() {
    let world = world(Take::StepUp, Take::Block).await;
    let (secret, _) = enrolled(&world).await;
    let shown = app(&world, &secret);
    let granted = world.log_in_from("ann", PASSWORD, Some(&shown), crate::world::HERE).await;
    let token = granted.unwrap().token;
    scan(&world, &token).await;
    assert_eq!(taken(&world).await, [("human:ann".to_owned(), "step_up")]);
    assert_eq!(code(world.who(&token).await), "gate-step-up");
    assert_eq!(code(world.ask(&token, StepUp { code: "000000" }).await), "gate-wrong-code");
    assert_eq!(code(world.ask(&token, StepUp { code: &shown }).await), "gate-wrong-code", "used");
    assert_eq!(code(world.who(&token).await), "gate-step-up");
    world.pass(30);
    let next = app(&world, &secret);
    assert_eq!(code(world.ask(&token, StepUp { code: &next }).await), "done");
    assert_eq!(code(world.who(&token).await), "done");
    assert!(taken(&world).await.is_empty());
    let record = world.record().await;
    for line in [
        "guard.sign done system:gate sign/scanning/principal/human:ann scanning",
        "measure.begin done system:gate measure/principal/human:ann scanning",
        "totp.step_up done human:ann totp -",
    ] {
        assert_eq!(record.iter().filter(|known| *known == line).count(), 1, "{line}: {record:#?}");
    }
}

#[tokio::test]
async fn who_has_no_session_any_more_shows_it_by_logging_in() {
    let world = world(Take::StepUp, Take::Block).await;
    let (secret, _) = enrolled(&world).await;
    let log_in = async |code: Option<String>| {
        let code = code.as_deref();
        let granted = world.log_in_from("ann", PASSWORD, code, crate::world::HERE).await;
        granted.map(|granted| granted.token)
    };
    let token = log_in(Some(app(&world, &secret).to_string())).await.unwrap();
    scan(&world, &token).await;
    assert_eq!(code(world.ask(&token, CloseSession).await), "done");
    world.pass(30);
    assert_eq!(code(log_in(None).await), "gate-code-needed");
    assert_eq!(code(log_in(Some("000000".to_owned())).await), "gate-wrong-code");
    assert_eq!(taken(&world).await.len(), 1, "guessing shows nothing");
    let token = log_in(Some(app(&world, &secret).to_string())).await.unwrap();
    assert_eq!(code(world.who(&token).await), "done");
    assert!(taken(&world).await.is_empty());
    let record = world.record().await;
    let line = "totp.step_up done human:ann totp/ann -";
    assert!(record.iter().any(|known| known == line), "{record:#?}");
}

#[tokio::test]
async fn a_code_cannot_be_guessed_there_either() {
    let world = world(Take::StepUp, Take::Block).await;
    let (secret, _) = enrolled(&world).await;
    let shown = app(&world, &secret);
    let granted = world.log_in_from("ann", PASSWORD, Some(&shown), crate::world::HERE).await;
    let token = granted.unwrap().token;
    scan(&world, &token).await;
    for _ in 0..5 {
        assert_eq!(code(world.ask(&token, StepUp { code: "000000" }).await), "gate-wrong-code");
    }
    world.pass(30);
    let right = app(&world, &secret);
    assert_eq!(code(world.ask(&token, StepUp { code: &right }).await), "gate-locked");
}

#[tokio::test]
async fn who_has_none_gets_what_the_playbook_says_otherwise() {
    let world = world(Take::StepUp, Take::Quarantine).await;
    world.user("ann", &["reader"]).await;
    let token = world.log_in("ann", PASSWORD).await.unwrap().token;
    scan(&world, &token).await;
    assert_eq!(taken(&world).await, [("human:ann".to_owned(), "quarantine")]);
    assert_eq!(code(world.who(&token).await), "gate-quarantined");
    assert_eq!(code(world.ask(&token, CloseSession).await), "done", "but they may leave");
}

#[tokio::test]
async fn what_is_revoked_has_ended() {
    let world = world(Take::Revoke, Take::Block).await;
    world.user("ann", &["reader"]).await;
    let token = world.log_in("ann", PASSWORD).await.unwrap().token;
    scan(&world, &token).await;
    assert_eq!(code(world.who(&token).await), "gate-unknown-session");
    assert_eq!(taken(&world).await, [("human:ann".to_owned(), "revoke")]);
    assert_eq!(code(world.log_in("ann", PASSWORD).await), "done", "they may log in again");
}

#[tokio::test]
async fn a_measure_holds_on_every_node_until_it_ends_or_is_undone() {
    let (sql, clock) = (empty().await, start());
    let config = against_scanning(Take::Quarantine, Take::Block);
    let (one, other) =
        (on(sql.clone(), clock.clone(), &config).await, on(sql.clone(), clock, &config).await);
    one.user("ann", &["reader"]).await;
    let token = one.log_in("ann", PASSWORD).await.unwrap().token;
    scan(&one, &token).await;
    assert_eq!(code(other.who(&token).await), "done", "it was not told yet");
    other.behaviour.catch_up().await.unwrap();
    assert_eq!(code(other.who(&token).await), "gate-quarantined");

    let id = one.behaviour.measures(MAIN, "", 10).await.unwrap().remove(0).id;
    assert!(!other.behaviour.undo("elsewhere", &id, None).await.unwrap(), "not one's own");
    assert!(other.behaviour.undo(MAIN, &id, None).await.unwrap());
    assert!(!other.behaviour.undo(MAIN, &id, None).await.unwrap());
    assert_eq!(code(other.who(&token).await), "done");
    one.behaviour.catch_up().await.unwrap();
    assert_eq!(code(one.who(&token).await), "done");

    one.pass(61);
    scan(&one, &token).await;
    assert_eq!(code(one.who(&token).await), "gate-quarantined", "it is said again after a minute");
    one.pass(600);
    assert_eq!(code(one.who(&token).await), "done", "it ended by itself");
    let again = on(sql, one.clock.clone(), &config).await;
    assert!(taken(&again).await.is_empty());
}

#[tokio::test]
async fn guessing_blocks_the_address_for_those_who_are_not_known() {
    let world = on(empty().await, start(), &Config::default()).await;
    world.user("ann", &["reader"]).await;
    let token = world.log_in("ann", PASSWORD).await.unwrap().token;
    assert_eq!(code(world.who(&token).await), "done");
    for name in ["a", "b", "c", "d", "e"] {
        assert_eq!(code(world.log_in(name, WRONG).await), "gate-wrong-password");
    }
    assert_eq!(code(world.log_in("ann", PASSWORD).await), "gate-blocked");
    assert_eq!(code(world.who(&token).await), "done", "who is known goes on");
    world.pass(300);
    let names = Arc::new(world.record().await);
    assert!(names.iter().any(|line| line.starts_with("block.begin done system:gate")), "{names:?}");
    assert_ne!(code(world.log_in("ann", PASSWORD).await), "gate-blocked");
}
