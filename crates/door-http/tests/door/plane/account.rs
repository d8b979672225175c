//! Users, sessions, keys and tokens.

use std::sync::atomic::Ordering::SeqCst;

use flow::question::account::{
    BeginTotp, ChangeUser, CloseSession, ConfirmTotp, CreateUser, DeleteUser, DropTotp, EndSession,
    EndSessions, Enrolment, Granted, ListSessions, ListUsers, OpenSession, RefreshSession,
    SessionInfo, UserInfo,
};
use flow::question::admin::{CreateKey, CreatedKey, KeyInfo, ListKeys, Login, RevokeKey};
use flow::question::token::{
    CreateToken, CreatedToken, ListTokenKeys, RevokeToken, RotateTokenKey, TokenKey,
};
use flow::*;

use super::{Parts, World, answers};

answers!(Login, String, |_, _| Ok("ann".into()));
fn granted() -> Granted {
    Granted {
        session: "s1".into(),
        token: "a token".into(),
        expires: Time(1),
        refresh: "another".into(),
        refresh_expires: Time(2),
    }
}

answers!(CreateUser<'q>, (), |_, _| Ok(()));
answers!(ListUsers<'q>, Vec<UserInfo>, |_, _| {
    let (name, kind, roles) = ("ann".into(), Principal::Human, vec!["reader".into()]);
    let rights = Rights::default();
    Ok(vec![UserInfo { name, kind, roles, rights, disabled: false, totp: true, created: Time(1) }])
});
answers!(ChangeUser<'q>, bool, |_, _| Ok(true));
answers!(DeleteUser<'q>, bool, |_, _| Ok(true));
answers!(OpenSession<'q>, Granted, |_, _| Ok(granted()));
answers!(RefreshSession, Granted, |_, _| Ok(granted()));
answers!(CloseSession, (), |_, _| Ok(()));
answers!(ListSessions<'q>, Vec<SessionInfo>, |_, question| {
    Ok(vec![SessionInfo {
        id: "s1".into(),
        principal: question.of.into(),
        created: Time(1),
        seen: Time(1),
        ends: Time(1),
        address: "192.0.2.1".into(),
        agent: "curl/8".into(),
        suspicion: vec!["agent".into()],
    }])
});
answers!(EndSession<'q>, bool, |_, question| Ok(question.id == "x"));
answers!(EndSessions<'q>, u64, |_, _| Ok(3));
answers!(BeginTotp, Enrolment, |_, _| Ok(Enrolment { secret: "A".into(), url: "otpauth:".into() }));
answers!(ConfirmTotp<'q>, Vec<String>, |_, _| Ok(vec!["one".into()]));
answers!(DropTotp<'q>, bool, |_, _| Ok(true));
answers!(CreateKey<'q>, CreatedKey, |world, question| {
    let mut keys = world.keys.lock();
    let id = format!("k{}", keys.len() + 1);
    keys.push(KeyInfo {
        id: id.clone(),
        principal: question.principal.to_owned(),
        kind: question.kind,
        roles: question.roles.to_vec(),
        rights: question.rights.clone(),
        created: world.clock.now(),
        shown: question.shown.clone(),
    });
    Ok(CreatedKey { secret: format!("secret-of-{id}"), id })
});
answers!(ListKeys<'q>, Vec<KeyInfo>, |world, question| {
    let keys = world.keys.lock();
    let behind = keys.iter().filter(|key| *key.id > *question.after);
    Ok(behind.take(question.limit as usize).cloned().collect())
});

answers!(RevokeKey<'q>, bool, |world, question| {
    let mut keys = world.keys.lock();
    let before = keys.len();
    keys.retain(|key| key.id != question.id);
    Ok(keys.len() < before)
});
answers!(CreateToken<'q>, CreatedToken, |world, question| {
    let until = world.clock.now().after(question.life);
    let token = format!("token-of-{}", question.principal);
    Ok(CreatedToken { id: "t1".into(), token, until })
});
answers!(RevokeToken<'q>, (), |_, _| Ok(()));
answers!(ListTokenKeys, Vec<TokenKey>, |world, _| {
    let (kid, created) = ("key-1".to_owned(), world.clock.now());
    Ok(vec![TokenKey { kid, algorithm: "EdDSA", created, until: None }])
});
answers!(RotateTokenKey, String, |_, _| Ok("key-2".into()));
