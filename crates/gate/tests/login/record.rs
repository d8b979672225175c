//! Everything that matters is on record, and no secret is.

use flow::rights::NO_RIGHTS;
use std::sync::Arc;
use std::time::Duration;

use flow::Clock;
use flow::Principal;
use flow::question::account::Proof;
use pool::sql::postgres::{Options, Postgres};

use crate::world::{PASSWORD, WRONG, code, logged, on, start, unnoticing, world};

#[tokio::test]
async fn logins_refusals_and_locks_are_facts() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    let session = world.log_in("ann", PASSWORD).await.unwrap();
    world.refresh(&session.refresh).await.unwrap();
    for _ in 0..5 {
        assert_eq!(code(world.log_in("ann", WRONG).await), "gate-wrong-password");
    }
    assert_eq!(code(world.log_in("ann", PASSWORD).await), "gate-locked");
    assert_eq!(code(world.who("sts_nobody_x").await), "gate-unknown-session");
    let record = world.record().await;
    for (line, times) in [
        ("session.open done human:ann session/ann -", 1),
        ("session.refresh done human:ann session -", 1),
        ("session.open refused unknown session/ann gate-wrong-password", 5),
        ("session.open refused unknown session/ann gate-locked", 1),
        // The account and the address.
        ("login.lock done unknown user/ann -", 2),
        ("login refused unknown login gate-unknown-session", 1),
    ] {
        let found = record.iter().filter(|one| *one == line).count();
        assert_eq!(found, times, "{line}\n{record:#?}");
    }
    assert!(logged() > 0, "the logs were listened to");
}

#[tokio::test]
async fn a_password_typed_as_a_name_is_not_kept() {
    let world = world().await;
    for _ in 0..6 {
        let _ = world.log_in(PASSWORD, PASSWORD).await.unwrap_err();
    }
    let record = world.record().await;
    assert!(record.contains(&"login.lock done unknown user/ -".to_owned()), "{record:#?}");
    let rows = world.sql.query(pool::sql::Statement::new("SELECT subject FROM gate_failure")).await;
    let kept = |row: &pool::sql::Row| row.at::<String>(0).unwrap().contains(PASSWORD);
    assert!(!rows.unwrap().iter().any(kept));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_once_stay_within_the_bound_while_others_go_on() {
    let config = unnoticing();
    let sql = pool::sql::sqlite::Sqlite::open(pool::sql::sqlite::Options::memory()).await.unwrap();
    let world = Arc::new(on(Arc::new(sql), Clock::system(), &config).await);
    for n in 0..4 {
        world.user(&format!("user-{n}"), &["reader"]).await;
    }
    let key = world.log_in("user-0", PASSWORD).await.unwrap();
    let crowd: Vec<_> = (0..200)
        .map(|n| {
            let world = world.clone();
            tokio::spawn(async move {
                let name = format!("user-{}", n % 4);
                code(world.log_in(&name, PASSWORD).await)
            })
        })
        .collect();
    let (mut asked, mut worst) = (0, Duration::ZERO);
    while !crowd.iter().all(|one| one.is_finished()) {
        let begun = world.clock.moment();
        // The sessions of the crowd push this one out in the end, which is an answer too.
        let _ = world.who(&key.token).await;
        worst = worst.max(world.clock.moment().since(begun));
        asked += 1;
        world.clock.sleep(Duration::from_millis(2)).await;
    }
    let mut done = 0;
    for one in crowd {
        done += u32::from(one.await.unwrap() == "done");
    }
    let cores = std::thread::available_parallelism().unwrap().get();
    println!(
        "{done} of 200 logged in, {asked} others asked meanwhile, longest {worst:?}, {} at once",
        world.logins.most_at_once()
    );
    assert_eq!(done, 200);
    assert!(world.logins.most_at_once() <= cores, "{}", world.logins.most_at_once());
    assert!(asked > 20 && worst < Duration::from_secs(1), "{asked} {worst:?}");
}

#[tokio::test]
async fn postgresql_keeps_users_as_well() {
    let Some(server) = engines::postgres() else { return };
    let sql = Arc::new(Postgres::open(Options::url(server.url())).await.unwrap());
    let world = on(sql, start(), &unnoticing()).await;
    world.user_of("bot", Principal::Agent, &["agent"], Proof::Password(PASSWORD)).await;
    for _ in 0..4 {
        world.pass(1);
        world.log_in("bot", PASSWORD).await.unwrap();
    }
    let session = world.log_in("bot", PASSWORD).await.unwrap();
    assert_eq!(world.logins.sessions("main", "bot", "", 10).await.unwrap().len(), 3);
    world.pass(61);
    assert_eq!(world.who(&session.token).await.unwrap(), "agent:bot agent");
    let identity = world.identity(&session.token).await.unwrap();
    world.logins.begin_totp(&identity, None).await.unwrap();
    let next = world.refresh(&session.refresh).await.unwrap();
    assert_eq!(code(world.refresh(&session.refresh).await), "gate-refresh-reused");
    assert!(world.who(&next.token).await.is_err());
    for _ in 0..5 {
        assert_eq!(code(world.log_in("bot", WRONG).await), "gate-wrong-password");
    }
    assert_eq!(code(world.log_in("bot", PASSWORD).await), "gate-locked");
    world.pass(900);
    let session = world.log_in("bot", PASSWORD).await.unwrap();
    let roles = ["reader".to_owned()];
    let new = gate::NewKey {
        principal: "bot",
        kind: Principal::Agent,
        roles: &roles,
        rights: &NO_RIGHTS,
    };
    let key = world.keys.create("main", new, None).await.unwrap();
    assert_eq!(world.who(&key.secret).await.unwrap(), "agent:bot reader");
    let change = flow::question::account::ChangeUser {
        name: "bot",
        rights: None,
        roles: Some(&roles),
        disabled: None,
        password: None,
    };
    assert!(world.logins.change("main", &change, None).await.unwrap());
    assert_eq!(world.who(&session.token).await.unwrap(), "agent:bot reader");
    world.logins.sweep().await.unwrap();
    assert!(world.logins.delete("main", "bot", None).await.unwrap());
    assert!(world.who(&session.token).await.is_err());
    assert!(world.who(&key.secret).await.is_err());
}
