//! Sessions: seen, ended, refreshed.

use flow::identity::MAIN;
use flow::question::account::{ChangeUser, Proof};
use flow::request::Password;
use flow::{Credential, Lane, Principal};

use crate::world::{AGENT, HERE, PASSWORD, code, on, opaque, unnoticing, world};

const HOUR: u64 = 3600;

#[tokio::test]
async fn a_session_ends_on_the_next_request_also_of_an_open_connection() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    let (one, two) = (
        world.log_in("ann", PASSWORD).await.unwrap(),
        world.log_in("ann", PASSWORD).await.unwrap(),
    );
    let mut lane = Lane::default();
    let who = world.who_from(&mut lane, &one.token, HERE, AGENT).await.unwrap();
    assert_eq!(who, "human:ann reader");
    let identity = lane.identity().unwrap().clone();
    assert_eq!(&*identity.credential, format!("session:{}", one.session));
    let listed = world.logins.sessions(MAIN, "ann", "", 10).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!((&*listed[0].address, &*listed[0].agent), (HERE, AGENT));

    world.logins.close(&identity, None).await.unwrap();
    let refused = world.who_from(&mut lane, &one.token, HERE, AGENT).await;
    assert_eq!(code(refused), "gate-unknown-session");
    assert_eq!(code(world.refresh(&one.refresh).await), "gate-unknown-refresh");
    assert!(world.who(&two.token).await.is_ok(), "the other one goes on");
    assert!(world.logins.end(MAIN, "ann", &two.session, None).await.unwrap());
    assert!(!world.logins.end(MAIN, "ann", &two.session, None).await.unwrap());
    assert_eq!(code(world.who(&two.token).await), "gate-unknown-session");
}

#[tokio::test]
async fn all_of_a_principal_end_and_nobody_elses() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    world.user("bob", &["reader"]).await;
    let mut anns = Vec::new();
    for _ in 0..3 {
        anns.push(world.log_in("ann", PASSWORD).await.unwrap());
    }
    let bob = world.log_in("bob", PASSWORD).await.unwrap();
    assert!(!world.logins.end(MAIN, "ann", &bob.session, None).await.unwrap(), "it is bob's");
    assert_eq!(world.logins.sessions(MAIN, "*", "", 10).await.unwrap().len(), 4);
    assert_eq!(world.logins.end_all(MAIN, "ann", None).await.unwrap(), 3);
    for session in anns {
        assert_eq!(code(world.who(&session.token).await), "gate-unknown-session");
    }
    assert!(world.who(&bob.token).await.is_ok());
}

#[tokio::test]
async fn an_unused_session_sleeps_and_its_refresh_token_wakes_it() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    let session = world.log_in("ann", PASSWORD).await.unwrap();
    let mut lane = Lane::default();
    for _ in 0..4 {
        world.pass(HOUR - 1);
        assert!(world.who_from(&mut lane, &session.token, HERE, AGENT).await.is_ok());
    }
    world.pass(HOUR);
    let warm = world.who_from(&mut lane, &session.token, HERE, AGENT).await;
    assert_eq!(code(warm), "gate-session-over");
    assert_eq!(code(world.who(&session.token).await), "gate-session-over");
    let next = world.refresh(&session.refresh).await.unwrap();
    assert!(world.who(&next.token).await.is_ok());
    assert_eq!(code(world.who(&session.token).await), "gate-unknown-session", "the old token ends");
    assert_eq!(next.session, session.session);

    // A day is the longest a token lasts, however much it is used.
    for _ in 0..25 {
        world.pass(HOUR - 1);
        let _ = world.who(&next.token).await;
    }
    assert_eq!(code(world.who(&next.token).await), "gate-token-over");
    let last = world.refresh(&next.refresh).await.unwrap();
    world.pass(168 * HOUR);
    assert_eq!(code(world.refresh(&last.refresh).await), "gate-unknown-refresh");
}

#[tokio::test]
async fn no_refresh_goes_beyond_the_life_of_a_session() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    let mut session = world.log_in("ann", PASSWORD).await.unwrap();
    let mut days = 0;
    let refused = loop {
        world.pass(6 * 24 * HOUR);
        days += 6;
        match world.refresh(&session.refresh).await {
            Ok(next) => session = next,
            Err(error) => break error,
        }
    };
    assert_eq!((days, refused.code().name), (30, "gate-unknown-refresh"));
    world.logins.sweep().await.unwrap();
    let left = pool::sql::Statement::new("SELECT id FROM gate_session");
    assert!(world.sql.query(left).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_refresh_token_that_comes_again_ends_its_family() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    let bystander = world.log_in("ann", PASSWORD).await.unwrap();
    let first = world.log_in("ann", PASSWORD).await.unwrap();
    let second = world.refresh(&first.refresh).await.unwrap();
    let third = world.refresh(&second.refresh).await.unwrap();
    assert!(world.who(&third.token).await.is_ok());
    assert_eq!(code(world.refresh(&first.refresh).await), "gate-refresh-reused");
    assert_eq!(code(world.who(&third.token).await), "gate-unknown-session");
    assert_eq!(code(world.refresh(&third.refresh).await), "gate-unknown-refresh");
    assert!(world.who(&bystander.token).await.is_ok(), "other sessions go on");
    let record = world.record().await;
    let reused =
        format!("session.reused refused human:ann session/{} gate-refresh-reused", first.session);
    assert!(record.contains(&reused), "{record:#?}");
}

#[tokio::test]
async fn of_two_that_refresh_at_once_one_wins_and_then_neither_has_anything() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    let first = world.log_in("ann", PASSWORD).await.unwrap();
    let (one, two) = tokio::join!(world.refresh(&first.refresh), world.refresh(&first.refresh));
    let (won, lost): (Vec<_>, Vec<_>) = [one, two].into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 1));
    for granted in won.into_iter().flatten() {
        assert!(world.who(&granted.token).await.is_err());
    }
}

#[tokio::test]
async fn a_refresh_has_the_roles_of_now() {
    let world = world().await;
    world.user("ann", &["reader", "writer"]).await;
    let session = world.log_in("ann", PASSWORD).await.unwrap();
    assert_eq!(world.who(&session.token).await.unwrap(), "human:ann reader+writer");
    let session = world.refresh(&session.refresh).await.unwrap();
    assert_eq!(
        world.who(&session.token).await.unwrap(),
        "human:ann reader+writer",
        "none is dropped"
    );

    let mut lane = Lane::default();
    world.who_from(&mut lane, &session.token, HERE, AGENT).await.unwrap();
    let roles = ["auditor".to_owned()];
    let change = ChangeUser {
        name: "ann",
        roles: Some(&roles),
        rights: None,
        disabled: None,
        password: None,
    };
    assert!(world.logins.change(MAIN, &change, None).await.unwrap());
    let warm = world.who_from(&mut lane, &session.token, HERE, AGENT).await;
    assert_eq!(warm.unwrap(), "human:ann auditor", "also of an open session");
    let session = world.refresh(&session.refresh).await.unwrap();
    assert_eq!(world.who(&session.token).await.unwrap(), "human:ann auditor", "none is kept");
}

#[tokio::test]
async fn an_agent_has_three_and_its_oldest_ends() {
    let world = world().await;
    world.user_of("bot", Principal::Agent, &["agent"], Proof::Password(PASSWORD)).await;
    let mut sessions = Vec::new();
    for _ in 0..5 {
        world.pass(1);
        sessions.push(world.log_in("bot", PASSWORD).await.unwrap());
        assert!(world.who(&sessions.last().unwrap().token).await.is_ok());
    }
    for (n, session) in sessions.iter().enumerate() {
        assert_eq!(world.who(&session.token).await.is_ok(), n >= 2, "{n}");
    }
    assert_eq!(code(world.refresh(&sessions[0].refresh).await), "gate-unknown-refresh");
    assert_eq!(world.logins.sessions(MAIN, "bot", "", 10).await.unwrap().len(), 3);
}

#[tokio::test]
async fn what_is_odd_is_marked_once_and_recorded() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    let session = world.log_in("ann", PASSWORD).await.unwrap();
    let suspicion = async || {
        let listed = world.logins.sessions(MAIN, "ann", "", 10).await.unwrap();
        listed[0].suspicion.join(" ")
    };
    for _ in 0..3 {
        world.who(&session.token).await.unwrap();
    }
    assert_eq!(suspicion().await, "");
    let mut lane = Lane::default();
    for _ in 0..3 {
        world.who_from(&mut lane, &session.token, "203.0.113.9", AGENT).await.unwrap();
    }
    assert_eq!(suspicion().await, "address");
    world.who_from(&mut lane, &session.token, HERE, "curl/8").await.unwrap();
    assert_eq!(suspicion().await, "address agent");
    for _ in 0..101 {
        world.who(&session.token).await.unwrap();
    }
    assert_eq!(suspicion().await, "address agent busy");
    for _ in 0..9 {
        world.pass(HOUR - 1);
        world.who(&session.token).await.unwrap();
    }
    assert_eq!(suspicion().await, "address agent long busy");
    let record = world.record().await;
    let marked = record.iter().filter(|line| line.starts_with("session.suspect done human:ann"));
    assert_eq!(marked.count(), 4, "{record:#?}");
}

#[tokio::test]
async fn when_it_was_used_is_written_once_a_minute_at_most() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    let session = world.log_in("ann", PASSWORD).await.unwrap();
    let seen = async || world.logins.sessions(MAIN, "ann", "", 10).await.unwrap()[0].seen;
    let opened = seen().await;
    for _ in 0..59 {
        world.pass(1);
        world.who(&session.token).await.unwrap();
    }
    assert_eq!(seen().await, opened);
    world.pass(1);
    world.who(&session.token).await.unwrap();
    assert_eq!(seen().await, world.clock.now());

    // Another node that knew it from before does not think it unused.
    let other = on(world.sql.clone(), world.clock.clone(), &unnoticing()).await;
    other.who(&session.token).await.unwrap();
    for _ in 0..3 {
        world.pass(HOUR / 2);
        world.who(&session.token).await.unwrap();
    }
    assert!(other.who(&session.token).await.is_ok());
}

#[tokio::test]
async fn what_is_no_token_is_nobody() {
    let world = opaque().await;
    world.user("ann", &["reader"]).await;
    let session = world.log_in("ann", PASSWORD).await.unwrap();
    let (token, refresh) = (&session.token, &session.refresh);
    let other = world.log_in("ann", PASSWORD).await.unwrap();
    let mixed = format!("sts_{}_{}", session.session, other.token.rsplit('_').next().unwrap());
    for wrong in [
        "sts_",
        "sts__",
        &token[..token.len() - 1],
        &format!("{token}x"),
        &mixed,
        refresh,
        &format!("sts_{}_", session.session),
        &format!("session:{}", session.session),
    ] {
        assert!(world.who(wrong).await.is_err(), "{wrong}");
        assert!(world.who(token).await.is_ok());
        assert!(world.who(wrong).await.is_err(), "{wrong}, once the session is remembered");
        assert!(wrong == refresh || world.refresh(wrong).await.is_err(), "{wrong}");
    }
    assert_eq!(code(world.refresh(token).await), "gate-unknown-refresh");
}

#[tokio::test]
async fn whoever_is_kept_out_while_they_log_in_gets_no_session() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    let shown = Password { tenant: MAIN, name: "ann", secret: PASSWORD, code: None };
    let request = world.request(Credential::Password(shown), HERE, AGENT);
    let identity = world.logins.verify(&request, shown).await.unwrap();
    let disable = async |disabled| {
        let user = ChangeUser {
            name: "ann",
            roles: None,
            rights: None,
            disabled: Some(disabled),
            password: None,
        };
        assert!(world.logins.change(MAIN, &user, None).await.unwrap());
    };
    disable(true).await;
    let opened = world.logins.open_session(&identity, &request, None).await;
    assert_eq!(code(opened), "gate-user-disabled");
    assert!(world.logins.delete(MAIN, "ann", None).await.unwrap());
    let opened = world.logins.open_session(&identity, &request, None).await;
    assert_eq!(code(opened), "gate-user-disabled");
    world.user("ann", &["admin"]).await;
    let open = world.logins.sessions(MAIN, "ann", "", 10).await.unwrap();
    assert!(open.is_empty(), "nobody inherits one");
}
