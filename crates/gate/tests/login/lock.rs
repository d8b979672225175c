//! Who failed too often waits, and not for ever.

use std::sync::Arc;
use std::time::Duration;

use flow::identity::MAIN;
use flow::question::account::ChangeUser;
use pool::sql::Statement;

use crate::world::{HERE, PASSWORD, WRONG, code, on, unnoticing, world};

#[tokio::test]
async fn the_fifth_failure_locks_the_account_for_a_quarter_of_an_hour() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    world.user("bob", &["reader"]).await;
    for n in 0..5 {
        let from = format!("198.51.100.{n}");
        let failed = world.log_in_from("ann", WRONG, None, &from).await;
        assert_eq!(code(failed), "gate-wrong-password", "{n}");
    }
    let locked = world.log_in_from("ann", PASSWORD, None, "203.0.113.1").await.unwrap_err();
    assert_eq!(locked.code().name, "gate-locked", "the right password does not help");
    assert!(locked.detail().contains("try again in 901 s"), "{locked}");
    assert_eq!(locked.retry_after(), Some(Duration::from_secs(900)), "the rest of the lock");
    assert!(world.log_in("bob", PASSWORD).await.is_ok(), "another account is free");

    // Trying on does not make it longer.
    for _ in 0..10 {
        world.pass(80);
        assert_eq!(code(world.log_in("ann", WRONG).await), "gate-locked");
    }
    world.pass(100);
    assert_eq!(code(world.log_in("ann", PASSWORD).await), "done", "a lock ends by itself");
    let record = world.record().await;
    let locks = record.iter().filter(|line| line.starts_with("login.lock done unknown user/ann"));
    assert_eq!(locks.count(), 1, "{record:#?}");
}

#[tokio::test]
async fn failures_of_an_address_count_together_whatever_the_account() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    for n in 0..5 {
        // One /64 is one client.
        let from = format!("2001:db8:1:2::{n}");
        let failed = world.log_in_from(&format!("nobody-{n}"), WRONG, None, &from).await;
        assert_eq!(code(failed), "gate-wrong-password");
    }
    let from_there = world.log_in_from("ann", PASSWORD, None, "2001:db8:1:2:ffff::1").await;
    assert_eq!(code(from_there), "gate-locked");
    let beside = world.log_in_from("ann", PASSWORD, None, "2001:db8:1:3::1").await;
    assert_eq!(code(beside), "done");
    // A success of one's own does not buy more guesses.
    for _ in 0..4 {
        assert_eq!(code(world.log_in("nobody", WRONG).await), "gate-wrong-password");
    }
    assert_eq!(code(world.log_in("ann", PASSWORD).await), "done");
    assert_eq!(code(world.log_in("other", WRONG).await), "gate-wrong-password");
    assert_eq!(code(world.log_in("ann", PASSWORD).await), "gate-locked");
}

#[tokio::test]
async fn failures_far_apart_never_add_up_and_a_success_forgets_them() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    for _ in 0..40 {
        world.pass(300);
        assert_eq!(code(world.log_in("ann", WRONG).await), "gate-wrong-password");
    }
    assert_eq!(code(world.log_in("ann", PASSWORD).await), "done");
    for _ in 0..3 {
        for n in 0..4 {
            let from = format!("198.51.100.{n}");
            let failed = world.log_in_from("ann", WRONG, None, &from).await;
            assert_eq!(code(failed), "gate-wrong-password");
        }
        assert_eq!(code(world.log_in("ann", PASSWORD).await), "done");
        world.pass(900);
    }
}

#[tokio::test]
async fn a_restart_and_another_node_remember() {
    let first = world().await;
    first.user("ann", &["reader"]).await;
    for n in 0..5 {
        let from = format!("198.51.100.{n}");
        assert_eq!(code(first.log_in_from("ann", WRONG, None, &from).await), "gate-wrong-password");
    }
    let second = on(first.sql.clone(), first.clock.clone(), &unnoticing()).await;
    assert_eq!(code(second.log_in("ann", PASSWORD).await), "gate-locked");
    let (name, password) = ("ann", Some(PASSWORD));
    let change = ChangeUser { name, roles: None, rights: None, disabled: None, password };
    assert!(second.logins.change(MAIN, &change, None).await.unwrap());
    assert_eq!(code(first.log_in("ann", PASSWORD).await), "done", "a new password unlocks");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_guesses_at_once_are_no_more_than_five() {
    let world = Arc::new(world().await);
    world.user("ann", &["reader"]).await;
    let guesses: Vec<_> = (0..100)
        .map(|n| {
            let world = world.clone();
            let from = format!("198.51.100.{n}");
            tokio::spawn(async move { code(world.log_in_from("ann", WRONG, None, &from).await) })
        })
        .collect();
    let mut compared = 0;
    for guess in guesses {
        compared += u32::from(guess.await.unwrap() == "gate-wrong-password");
    }
    assert_eq!(compared, 5);
}

#[tokio::test]
async fn what_is_counted_is_forgotten_when_it_is_over() {
    let world = world().await;
    for n in 0..20 {
        let from = format!("198.51.100.{n}");
        let _ = world.log_in_from(&format!("nobody-{n}"), WRONG, None, &from).await;
    }
    let rows = || world.sql.query(Statement::new("SELECT subject FROM gate_failure"));
    assert_eq!(rows().await.unwrap().len(), 40);
    let named =
        rows().await.unwrap().iter().any(|row| row.at::<String>(0).unwrap().contains("nobody"));
    assert!(!named, "names are kept as digests");
    world.logins.sweep().await.unwrap();
    assert_eq!(rows().await.unwrap().len(), 40);
    world.pass(900);
    world.logins.sweep().await.unwrap();
    assert_eq!(rows().await.unwrap().len(), 0);
    assert_eq!(code(world.log_in_from("x", WRONG, None, HERE).await), "gate-wrong-password");
}
