//! The token a login answers with, where keys sign it.

use std::time::Duration;

use flow::identity::MAIN;
use flow::question::account::ChangeUser;
use flow::{Lane, Principal};
use gate::Config;
use gate::jwt::{Ended, Subject};

use crate::world::{AGENT, HERE, PASSWORD, World, code, on, opaque, world};

const HOUR: u64 = 3600;

/// Another node on the same database, which is told of nothing.
async fn beside(world: &World) -> World {
    on(world.sql.clone(), world.clock.clone(), &Config::default()).await
}

#[tokio::test]
async fn a_login_answers_with_a_token_of_the_session() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    let session = world.log_in("ann", PASSWORD).await.unwrap();
    let claims = world.tokens.verify(&session.token).unwrap();
    assert_eq!((&*claims.name, &*claims.sid), ("ann", &*session.session));
    assert_eq!(claims.until, session.expires.secs());
    assert_eq!(session.expires.since(world.clock.now()), Duration::from_secs(24 * HOUR));
    let identity = world.identity(&session.token).await.unwrap();
    assert_eq!(*identity.credential, format!("session:{}", session.session));
    assert!(world.tokens.recognise_now(&session.token).is_some(), "the next needs no database");
    assert!(opaque().await.tokens.verify(&session.token).is_err(), "another deployment's");
}

#[tokio::test]
async fn a_token_ends_no_later_than_its_session() {
    let config = Config {
        sessions: gate::Sessions { life: flow::unit::Span::secs(2 * HOUR), ..Default::default() },
        ..Config::default()
    };
    let world = on(world().await.sql.clone(), crate::world::start(), &config).await;
    world.user("ann", &["reader"]).await;
    let first = world.log_in("ann", PASSWORD).await.unwrap();
    world.pass(HOUR);
    let second = world.refresh(&first.refresh).await.unwrap();
    let claims = world.tokens.verify(&second.token).unwrap();
    assert_eq!(claims.until, world.clock.now().secs() + HOUR);
    world.pass(HOUR - 1);
    assert!(world.who(&second.token).await.is_ok());
    world.pass(1);
    assert_eq!(code(world.who(&second.token).await), "gate-token-over");
}

#[tokio::test]
async fn what_a_token_said_of_roles_is_not_believed() {
    let world = world().await;
    world.user("ann", &["reader", "admin"]).await;
    let session = world.log_in("ann", PASSWORD).await.unwrap();
    assert_eq!(world.who(&session.token).await.unwrap(), "human:ann reader+admin");
    let roles = ["reader".to_owned()];
    let change = ChangeUser {
        name: "ann",
        roles: Some(&roles),
        rights: None,
        disabled: None,
        password: None,
    };
    world.logins.change(MAIN, &change, None).await.unwrap();
    assert_eq!(world.tokens.verify(&session.token).unwrap().roles, ["reader", "admin"]);
    assert_eq!(world.who(&session.token).await.unwrap(), "human:ann reader");
    assert_eq!(beside(&world).await.who(&session.token).await.unwrap(), "human:ann reader");
}

#[tokio::test]
async fn whoever_is_disabled_or_deleted_is_nobody_on_the_next_request() {
    for delete in [false, true] {
        let world = world().await;
        world.user("ann", &["reader"]).await;
        let session = world.log_in("ann", PASSWORD).await.unwrap();
        let mut lane = Lane::default();
        world.who_from(&mut lane, &session.token, HERE, AGENT).await.unwrap();
        if delete {
            world.logins.delete(MAIN, "ann", None).await.unwrap();
        } else {
            let change = ChangeUser {
                name: "ann",
                roles: None,
                rights: None,
                disabled: Some(true),
                password: None,
            };
            world.logins.change(MAIN, &change, None).await.unwrap();
        }
        let warm = world.who_from(&mut lane, &session.token, HERE, AGENT).await;
        assert_eq!(code(warm), "gate-unknown-session", "{delete}");
        assert_eq!(code(world.who(&session.token).await), "gate-unknown-session", "{delete}");
        let other = beside(&world).await;
        assert_eq!(code(other.who(&session.token).await), "gate-unknown-session", "{delete}");
        // Somebody new of that name has nothing of it.
        if delete {
            world.user("ann", &["admin"]).await;
            assert_eq!(code(world.who(&session.token).await), "gate-unknown-session");
        }
    }
}

#[tokio::test]
async fn a_session_that_ended_elsewhere_ends_here_when_it_is_heard_of() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    let session = world.log_in("ann", PASSWORD).await.unwrap();
    let other = beside(&world).await;
    for _ in 0..2 {
        other.who(&session.token).await.unwrap();
    }
    world.logins.end(MAIN, "ann", &session.session, None).await.unwrap();
    assert_eq!(code(world.who(&session.token).await), "gate-unknown-session");
    other.hear_of("ann");
    assert_eq!(code(other.who(&session.token).await), "gate-unknown-session");
}

#[tokio::test]
async fn after_a_refresh_the_token_of_before_is_refused_on_every_node() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    let first = world.log_in("ann", PASSWORD).await.unwrap();
    let other = beside(&world).await;
    other.who(&first.token).await.unwrap();
    let second = world.refresh(&first.refresh).await.unwrap();
    assert_eq!(code(world.who(&first.token).await), "gate-unknown-session");
    other.hear_of("ann");
    assert_eq!(code(other.who(&first.token).await), "gate-unknown-session");
    for node in [&world, &other] {
        assert_eq!(node.who(&second.token).await.unwrap(), "human:ann reader");
        assert_eq!(code(node.who(&first.token).await), "gate-unknown-session");
        assert!(node.who(&second.token).await.is_ok());
    }
}

#[tokio::test]
async fn a_token_that_was_touched_or_is_not_of_this_session_is_nobody() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    world.user("bob", &["reader"]).await;
    let session = world.log_in("ann", PASSWORD).await.unwrap();
    let token = &session.token;
    let parts: Vec<_> = token.split('.').collect();
    for wrong in [
        format!("{token}x"),
        token[..token.len() - 1].to_owned(),
        format!("{}.{}.", parts[0], parts[1]),
        format!("eyJhbGciOiJub25lIn0.{}.{}", parts[1], parts[2]),
        format!("{}.e30.{}", parts[0], parts[2]),
        format!("{}{}", token, "A".repeat(9000)),
    ] {
        assert_eq!(code(world.who(&wrong).await), "gate-unknown-token", "{wrong}");
    }
    // Signed by us, and not what the session gave last.
    let roles = ["admin".to_owned()];
    let kind = Principal::Human;
    for name in ["ann", "bob"] {
        let subject = Subject { tenant: MAIN, name, kind, roles: &roles };
        let minted = world.tokens.mint(&subject, &session.session, Duration::from_secs(60));
        let minted = minted.unwrap();
        assert_eq!(code(world.who(&minted).await), "gate-unknown-session", "{name}");
    }
    assert!(world.who(token).await.is_ok());
}

#[tokio::test]
async fn one_token_of_a_session_can_be_ended_by_its_own_name() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    let session = world.log_in("ann", PASSWORD).await.unwrap();
    world.who(&session.token).await.unwrap();
    let jti = world.tokens.verify(&session.token).unwrap().jti;
    world.tokens.end(MAIN, None, Ended::Token(&jti), None).await.unwrap();
    assert_eq!(code(world.who(&session.token).await), "gate-token-ended");
    let next = world.refresh(&session.refresh).await.unwrap();
    assert!(world.who(&next.token).await.is_ok());
}

#[tokio::test]
async fn a_session_outlives_a_restart_and_a_new_signing_key() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    let session = world.log_in("ann", PASSWORD).await.unwrap();
    let again = beside(&world).await;
    assert!(again.who(&session.token).await.is_ok());
    again.tokens.rotate(None).await.unwrap();
    assert!(again.who(&session.token).await.is_ok());
    let next = again.refresh(&session.refresh).await.unwrap();
    world.pass(2);
    assert!(world.who(&next.token).await.is_ok(), "by the key another node made");
}

#[tokio::test]
async fn without_keys_a_token_is_random_and_ends_with_its_session() {
    let world = opaque().await;
    world.user("ann", &["reader"]).await;
    let session = world.log_in("ann", PASSWORD).await.unwrap();
    assert!(session.token.starts_with("sts_"));
    assert_eq!(world.who(&session.token).await.unwrap(), "human:ann reader");
    let next = world.refresh(&session.refresh).await.unwrap();
    assert_eq!(code(world.who(&session.token).await), "gate-unknown-session");
    world.logins.end(MAIN, "ann", &session.session, None).await.unwrap();
    assert_eq!(code(world.who(&next.token).await), "gate-unknown-session");
}

#[tokio::test]
async fn of_a_user_who_is_kept_out_or_gone_no_token_is_good() {
    let world = world().await;
    let there = beside(&world).await;
    world.user("ann", &["reader"]).await;
    let roles = ["reader".to_owned()];
    let minted = |kind| {
        let subject = Subject { tenant: MAIN, name: "ann", kind, roles: &roles };
        world.tokens.mint(&subject, "", Duration::from_secs(HOUR)).unwrap()
    };
    let (theirs, program) = (minted(Principal::Human), minted(Principal::Service));
    let disable = async |disabled| {
        let user = ChangeUser {
            name: "ann",
            roles: None,
            rights: None,
            disabled: Some(disabled),
            password: None,
        };
        assert!(world.logins.change(MAIN, &user, None).await.unwrap());
        there.hear_of("ann");
    };
    let check = async |token: &str, expected: &str| {
        for node in [&world, &there] {
            assert_eq!(code(node.who(token).await), expected);
        }
    };
    check(&theirs, "done").await;
    disable(true).await;
    check(&theirs, "gate-user-disabled").await;
    check(&program, "done").await;
    disable(false).await;
    check(&theirs, "done").await;

    assert!(world.logins.delete(MAIN, "ann", None).await.unwrap());
    there.hear_of("ann");
    check(&theirs, "gate-token-ended").await;
    world.user("ann", &["reader"]).await;
    check(&theirs, "gate-token-ended").await;
    world.pass(1);
    check(&minted(Principal::Human), "done").await;
}
