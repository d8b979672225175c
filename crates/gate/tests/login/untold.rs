//! What is taken from somebody says so where it is committed, for nodes that nobody tells.

use flow::Principal;
use flow::feed::{Heard, Notice};
use flow::identity::MAIN;
use flow::question::account::{ChangeUser, Proof};
use flow::rights::NO_RIGHTS;
use gate::NewKey;
use gate::jwt::Ended;
use pool::sql::Notices;

use crate::world::{PASSWORD, code, world};

/// What was committed for others to hear since it was asked last.
async fn told(notices: &mut Notices) -> Vec<Notice> {
    let mut all = Vec::new();
    let mut hear = |heard| match heard {
        Heard::Notice(notice) => all.push(notice),
        Heard::Lost => panic!("nothing is lost here"),
    };
    notices.look(&mut hear).await.unwrap();
    all
}

fn of(name: &str) -> Vec<Notice> {
    vec![Notice::epoch(MAIN, Some(name))]
}

#[tokio::test]
async fn whoever_loses_something_is_named_with_the_change() {
    let world = world().await;
    let mut notices = Notices::open(world.sql.clone(), world.clock.clone()).await.unwrap();
    world.user("ann", &["reader"]).await;
    let first = world.log_in("ann", PASSWORD).await.unwrap();
    let (kind, roles, rights) = (Principal::Human, &[String::from("reader")], &NO_RIGHTS);
    let new = NewKey { principal: "ann", kind, roles, rights };
    let key = world.keys.create(MAIN, new, None).await.unwrap();
    assert_eq!(told(&mut notices).await, [], "to get something takes nothing from anybody");

    world.refresh(&first.refresh).await.unwrap();
    assert_eq!(told(&mut notices).await, of("ann"), "the token before");
    assert_eq!(code(world.refresh(&first.refresh).await), "gate-refresh-reused");
    assert_eq!(told(&mut notices).await, of("ann"), "the session");

    assert_eq!(world.logins.end_all(MAIN, "ann", None).await.unwrap(), 0);
    assert_eq!(told(&mut notices).await, [], "there was none");
    let session = world.log_in("ann", PASSWORD).await.unwrap().session;
    assert!(world.logins.end(MAIN, "ann", &session, None).await.unwrap());
    assert_eq!(told(&mut notices).await, of("ann"));
    assert!(!world.logins.end(MAIN, "ann", &session, None).await.unwrap());
    assert_eq!(told(&mut notices).await, []);
    world.log_in("ann", PASSWORD).await.unwrap();
    assert_eq!(world.logins.end_all(MAIN, "ann", None).await.unwrap(), 1);
    assert_eq!(told(&mut notices).await, of("ann"));

    assert!(world.keys.revoke(MAIN, &key.id, None).await.unwrap().is_some());
    assert_eq!(told(&mut notices).await, of("ann"));
    assert!(world.keys.revoke(MAIN, &key.id, None).await.unwrap().is_none());
    world.tokens.end(MAIN, None, Ended::Token("t"), None).await.unwrap();
    assert_eq!(told(&mut notices).await, [Notice::epoch(MAIN, None)], "nobody knows whose");

    for disabled in [None, Some(true)] {
        let roles = disabled.is_none().then_some(&roles[..]);
        let (rights, password) = (None, None);
        let change = ChangeUser { name: "ann", roles, rights, disabled, password };
        assert!(world.logins.change(MAIN, &change, None).await.unwrap());
        assert_eq!(told(&mut notices).await, of("ann"));
    }
    assert!(world.logins.delete(MAIN, "ann", None).await.unwrap());
    assert_eq!(told(&mut notices).await, of("ann"));
    assert!(!world.logins.delete(MAIN, "ann", None).await.unwrap());
    assert_eq!(told(&mut notices).await, []);
}

#[tokio::test]
async fn a_login_tells_of_the_session_it_ends_and_of_no_other() {
    let world = world().await;
    world.user_of("bot", Principal::Agent, &["reader"], Proof::Password(PASSWORD)).await;
    let mut notices = Notices::open(world.sql.clone(), world.clock.clone()).await.unwrap();
    for _ in 0..3 {
        world.log_in("bot", PASSWORD).await.unwrap();
    }
    assert_eq!(told(&mut notices).await, []);
    world.log_in("bot", PASSWORD).await.unwrap();
    assert_eq!(told(&mut notices).await, of("bot"), "the oldest of three");
}
