//! Users: made, changed, kept out, deleted.

use flow::identity::MAIN;
use flow::question::account::{ChangeUser, CreateUser, Proof};
use flow::rights::NO_RIGHTS;
use flow::{Kind, Principal};
use gate::NewKey;
use pool::sql::Statement;

use crate::world::{PASSWORD, WRONG, code, world};

fn change(name: &str) -> ChangeUser<'_> {
    ChangeUser { name, roles: None, rights: None, disabled: None, password: None }
}

#[tokio::test]
async fn users_nobody_could_be_are_not_made() {
    let world = world().await;
    let roles = ["reader".to_owned()];
    let user = |name, proof| CreateUser {
        name,
        kind: Principal::Human,
        roles: &roles,
        rights: &NO_RIGHTS,
        proof,
    };
    let password = Proof::Password(PASSWORD);
    let nul = "a\0b";
    for (user, expected) in [
        (user("", password), "gate-no-name"),
        (user("a b", password), "gate-no-name"),
        (user(nul, password), "gate-no-name"),
        (user("ann", Proof::Password("short")), "gate-password-length"),
        (user("ann", Proof::Hash("$1$md5$x")), "gate-foreign-hash"),
        (CreateUser { roles: &[], ..user("ann", password) }, "gate-no-role"),
        (CreateUser { kind: Principal::System, ..user("ann", password) }, "gate-not-a-login"),
        (user("ann", password), "done"),
        (user("ann", password), "gate-name-taken"),
    ] {
        assert_eq!(code(world.logins.create(MAIN, &user, None).await), expected, "{user:?}");
    }
    let listed = world.logins.users(MAIN, "", 10).await.unwrap();
    assert_eq!((listed.len(), &*listed[0].name, listed[0].disabled), (1, "ann", false));
    assert!(world.logins.users("other", "", 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_wrong_password_and_a_name_nobody_has_are_told_alike() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    world.user("gone", &["reader"]).await;
    let disabled = ChangeUser { disabled: Some(true), ..change("gone") };
    world.logins.change(MAIN, &disabled, None).await.unwrap();
    let mut told = Vec::new();
    for (n, (name, secret)) in
        [("ann", WRONG), ("nobody", PASSWORD), ("gone", PASSWORD), ("no such\nname", PASSWORD)]
            .into_iter()
            .enumerate()
    {
        let from = format!("198.51.100.{n}");
        let error = world.log_in_from(name, secret, None, &from).await.unwrap_err();
        told.push((error.kind(), error.code().name, error.detail().to_owned()));
    }
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
    assert_eq!(told[0].0, Kind::Unknown);
}

#[tokio::test]
async fn who_is_kept_out_or_deleted_is_out_at_once() {
    let world = world().await;
    for (name, disable) in [("ann", true), ("bob", false)] {
        world.user(name, &["reader"]).await;
        let session = world.log_in(name, PASSWORD).await.unwrap();
        assert!(world.who(&session.token).await.is_ok());
        match disable {
            true => {
                let disabled = ChangeUser { disabled: Some(true), ..change(name) };
                assert!(world.logins.change(MAIN, &disabled, None).await.unwrap());
            }
            false => assert!(world.logins.delete(MAIN, name, None).await.unwrap()),
        }
        assert_eq!(code(world.who(&session.token).await), "gate-unknown-session");
        assert_eq!(code(world.refresh(&session.refresh).await), "gate-unknown-refresh");
        assert_eq!(code(world.log_in(name, PASSWORD).await), "gate-wrong-password");
    }
    assert!(!world.logins.delete(MAIN, "bob", None).await.unwrap());
    assert!(!world.logins.change(MAIN, &change("bob"), None).await.unwrap());
    let enabled = ChangeUser { disabled: Some(false), ..change("ann") };
    world.logins.change(MAIN, &enabled, None).await.unwrap();
    assert!(world.log_in("ann", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_deleted_user_leaves_no_key_behind() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    let roles = ["reader".to_owned()];
    let key = |kind| NewKey { principal: "ann", kind, roles: &roles, rights: &NO_RIGHTS };
    let hers = world.keys.create(MAIN, key(Principal::Human), None).await.unwrap();
    let program = world.keys.create(MAIN, key(Principal::Service), None).await.unwrap();
    assert!(world.who(&hers.secret).await.is_ok());
    world.logins.delete(MAIN, "ann", None).await.unwrap();
    assert_eq!(code(world.who(&hers.secret).await), "gate-unknown-key");
    assert!(world.who(&program.secret).await.is_ok(), "a program of the same name is another");
}

#[tokio::test]
async fn the_keys_of_who_is_kept_out_are_too_until_they_are_let_in_again() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    let roles = ["reader".to_owned()];
    let new =
        NewKey { principal: "ann", kind: Principal::Human, roles: &roles, rights: &NO_RIGHTS };
    let key = world.keys.create(MAIN, new, None).await.unwrap();
    for disabled in [true, false] {
        let changed = ChangeUser { disabled: Some(disabled), ..change("ann") };
        assert_eq!(world.who(&key.secret).await.is_ok(), disabled, "as before");
        world.logins.change(MAIN, &changed, None).await.unwrap();
        assert_eq!(world.who(&key.secret).await.is_ok(), !disabled);
    }
}

#[tokio::test]
async fn a_new_password_ends_what_the_old_one_opened() {
    let world = world().await;
    world.user("ann", &["reader"]).await;
    let session = world.log_in("ann", PASSWORD).await.unwrap();
    let new = "another good password";
    world.secrets.lock().push(new.into());
    let changed = ChangeUser { password: Some(new), ..change("ann") };
    assert!(world.logins.change(MAIN, &changed, None).await.unwrap());
    assert_eq!(code(world.who(&session.token).await), "gate-unknown-session");
    assert_eq!(code(world.log_in("ann", PASSWORD).await), "gate-wrong-password");
    assert!(world.log_in("ann", new).await.is_ok());
}

#[tokio::test]
async fn a_hash_of_old_is_replaced_at_the_first_login() {
    let world = world().await;
    // bcrypt of cost 12, as other systems keep them.
    let old = bcrypt(PASSWORD);
    world.user_of("ann", Principal::Human, &["reader"], Proof::Hash(&old)).await;
    let kept = async || {
        let select = Statement::new("SELECT hash FROM gate_user WHERE name = 'ann'");
        world.sql.query(select).await.unwrap().only().unwrap().at::<String>(0).unwrap()
    };
    assert_eq!(code(world.log_in("ann", WRONG).await), "gate-wrong-password");
    assert_eq!(kept().await, old, "a wrong password changes nothing");
    let session = world.log_in("ann", PASSWORD).await.unwrap();
    assert!(kept().await.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(world.log_in("ann", PASSWORD).await.is_ok());
    assert!(world.who(&session.token).await.is_ok(), "nobody is thrown out by it");
    let record = world.record().await;
    let upgrades = record.iter().filter(|line| line.starts_with("user.upgrade done"));
    assert_eq!(upgrades.count(), 1, "{record:#?}");
}

fn bcrypt(password: &str) -> String {
    ::bcrypt::hash_with_salt(password, 12, [5; 16]).unwrap().to_string()
}
