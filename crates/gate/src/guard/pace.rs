//! The gate and those who ask too much.

use flow::identity::MAIN;
use flow::question::admin::ListKeys;
use flow::{Gate as _, Question};

use super::tests::{Setup, new, recognise, request, setup};
use super::*;
use crate::config::{Config, Rates};
use crate::limit;

fn from<'a>(credential: Credential<'a>, address: &str) -> Request<'a> {
    Request { peer: Some(address.parse().unwrap()), ..request(credential) }
}

async fn code(setup: &Setup, request: &Request<'_>) -> Option<&'static str> {
    let recognised = setup.gate.recognise(request).wait().await;
    recognised.err().map(|error| error.code().name)
}

#[tokio::test]
async fn a_block_can_be_reached_holds_and_can_be_lifted() {
    let rates = Rates([("reader".into(), 60)].into());
    let setup = setup(&Config { rates, ..Config::default() }).await;
    let roles = ["reader".to_owned()];
    let key = setup.keys.create(MAIN, new("ci", &roles), None).await.unwrap();
    let identity = recognise(&setup, Credential::Bearer(&key.secret)).await.unwrap();
    let request = from(Credential::Bearer(&key.secret), "192.0.2.1");
    let ask = ListKeys { after: "", limit: 1 };
    let admit = async || setup.gate.admit(&request, &identity, ask.ask()).wait().await;
    let mut refusals = 0;
    while setup.blocks.list(MAIN, "", 10).await.unwrap().is_empty() {
        refusals += usize::from(admit().await.is_err());
    }
    assert!((50..=54).contains(&refusals), "72 asked, 20 let in: {refusals}");
    let error = admit().await.unwrap_err();
    assert_eq!((error.code().name, error.kind()), ("gate-blocked", Kind::Busy));
    assert!(error.retry_after().unwrap().as_secs() > 290);

    let block = setup.blocks.list(MAIN, "", 10).await.unwrap().remove(0);
    assert_eq!((&*block.subject, &*block.cause), ("service:ci", "gate-too-fast"));
    assert!(setup.blocks.lift(MAIN, &block.id, None).await.unwrap());
    assert_ne!(admit().await.err().map(|error| error.code().name), Some("gate-blocked"));
}

#[tokio::test]
async fn guessing_is_turned_away_and_neighbours_who_are_known_are_not() {
    let setup = setup(&Config::default()).await;
    let roles = ["reader".to_owned()];
    let known = setup.keys.create(MAIN, new("known", &roles), None).await.unwrap();
    let late = setup.keys.create(MAIN, new("late", &roles), None).await.unwrap();
    let here = |secret| from(Credential::Bearer(secret), "2001:db8::1");
    assert_eq!(code(&setup, &here(&known.secret)).await, None);
    let mut said = Vec::new();
    for _ in 0..130 {
        said.extend(code(&setup, &here("a-guess")).await);
    }
    said.dedup();
    assert_eq!(said, ["gate-unknown-key", "gate-too-fast", "gate-blocked"]);
    assert_eq!(code(&setup, &here(&known.secret)).await, None);
    assert_eq!(code(&setup, &here(&late.secret)).await, Some("gate-blocked"));
    let neighbour = from(Credential::None, "2001:db8::2");
    assert_eq!(code(&setup, &neighbour).await, Some("gate-blocked"), "the same /64");
    let elsewhere = from(Credential::Bearer(&late.secret), "2001:db8:0:1::1");
    assert_eq!(code(&setup, &elsewhere).await, None);
}

#[tokio::test]
async fn more_than_can_be_done_is_refused_before_anybody_looks_who_asks() {
    let adaptive = limit::Concurrency {
        enabled: true,
        requests_min: 1,
        requests_max: 1,
        ..limit::Concurrency::default()
    };
    let limits = limit::Config { adaptive, ..limit::Config::default() };
    let setup = setup(&Config { limits, ..Config::default() }).await;
    let request = request(Credential::None);
    let ask = ListKeys { after: "", limit: 1 };
    let first = setup.gate.enter(&request, ask.ask()).unwrap();
    let Err(error) = setup.gate.enter(&request, ask.ask()) else { panic!("there is one place") };
    assert_eq!((error.code().name, error.kind()), ("flow-overloaded", Kind::Busy));
    let local = Request { door: Door::Local, ..request };
    assert!(setup.gate.enter(&local, ask.ask()).unwrap().is_none(), "the owner always gets in");
    drop(first);
    assert!(setup.gate.enter(&request, ask.ask()).unwrap().is_some());
}

#[tokio::test]
async fn nobody_asks_for_more_at_once_than_their_roles_may() {
    use flow::Ask;
    let setup = setup(&Config::default()).await;
    let ask = |items| Ask { items, ..ListKeys { after: "", limit: 1 }.ask() };
    for (roles, most) in [
        (["stranger"].as_slice(), 10),
        (&["agent"], 100),
        (&["expert"], 500),
        (&["agent", "admin"], 1_000),
    ] {
        let roles: Vec<String> = roles.iter().map(|&role| role.into()).collect();
        let key = setup.keys.create(MAIN, new(&roles[0], &roles), None).await.unwrap();
        let request = request(Credential::Bearer(&key.secret));
        let identity = setup.gate.recognise(&request).wait().await.unwrap();
        let admit = async |items| setup.gate.admit(&request, &identity, ask(items)).wait().await;
        assert!(admit(most).await.is_ok(), "{roles:?}");
        let error = admit(most + 1).await.unwrap_err();
        assert_eq!((error.code().name, error.kind()), ("gate-batch-too-large", Kind::Invalid));
    }
}
