//! Several servers that look for one bundle: on one database, or each on its own, and one of them
//! killed when that hurts most.

use std::path::Path;

use engines::Postgres;
use serde_json::{Value, json};

use crate::server::silence::Silence;
use crate::server::{Server, until};
use crate::{PATIENCE, Shelf, build, limit, listed};

/// A server that looks for the bundle so often.
fn server(data: &Path, url: &str, every: &str, postgres: Option<&Postgres>) -> Server {
    Server::start_with(data, |command| {
        command.env("STOCKADE_POLICY__BUNDLES__SHOP__URL", url);
        command.env("STOCKADE_POLICY__BUNDLES__SHOP__EVERY", every);
        for name in ["STOCKADE_SQL__URL", "STOCKADE_FEED__URL"] {
            command.envs(postgres.map(|postgres| (name, postgres.url())));
        }
    })
}

/// Waits until a server decides by the bundle with this limit, and lists it.
fn becomes(server: &Server, expected: u32) {
    until("the bundle is in force", PATIENCE, || (limit(server) == json!(expected)).then_some(()));
    let revision = listed(server, "shop")["active"]["revision"].clone();
    assert_eq!(revision, json!(expected.to_string()));
}

/// How often each bundle was put in force, as the log has it.
fn activations(server: &Server, revision: u32) -> usize {
    let answer = server.http("GET", "/v1/events?type=bundle.activate&limit=1000", b"");
    assert_eq!(answer.status, 200, "{}", answer.json());
    let all = answer.json();
    let events = all["events"].as_array().unwrap();
    let revision = revision.to_string();
    let of = |event: &&Value| {
        let detail = &event["data"]["detail"];
        // Who found that another had been first says that it changed nothing.
        detail["revision"] == revision && detail["changed"] != false
    };
    events.iter().filter(of).count()
}

#[test]
fn servers_on_one_database_put_a_bundle_in_force_once_and_decide_alike() {
    let Some(postgres) = engines::postgres() else { return };
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    build(place, 10, &[]);
    let url = format!("file://{}", place.join("b.tar.gz").display());
    let servers = ["one", "two", "three"]
        .map(|name| server(&place.join(name), &url, "150ms", Some(&postgres)));
    for expected in [10, 20, 30] {
        if expected > 10 {
            build(place, expected, &[]);
        }
        servers.iter().for_each(|server| becomes(server, expected));
    }
    for (server, revision) in servers.iter().zip([10, 20, 30]) {
        until("it is in the log once", PATIENCE, || {
            (activations(server, revision) == 1).then_some(())
        });
    }
}

#[test]
fn a_server_that_dies_before_it_can_tell_leaves_nobody_behind() {
    let Some(postgres) = engines::postgres() else { return };
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    build(place, 10, &[]);
    let url = format!("file://{}", place.join("b.tar.gz").display());
    let first = server(&place.join("one"), &url, "150ms", Some(&postgres));
    becomes(&first, 10);
    // These look once, when they start.
    let others =
        ["two", "three"].map(|name| server(&place.join(name), &url, "1h", Some(&postgres)));
    others.iter().for_each(|server| becomes(server, 10));

    // It is committed, and the notice of it waits: there it is killed.
    let silence = Silence::begin(&postgres);
    build(place, 20, &[]);
    until("it is committed", PATIENCE, || {
        let revision = postgres.sql("SELECT revision FROM policy_bundle").unwrap();
        revision.contains("20").then_some(())
    });
    first.kill();
    drop(silence);
    others.iter().for_each(|server| becomes(server, 20));

    let again = server(&place.join("one"), &url, "150ms", Some(&postgres));
    becomes(&again, 20);
    build(place, 30, &[]);
    becomes(&again, 30);
    others.iter().for_each(|server| becomes(server, 30));
    for revision in [10, 20, 30] {
        until("each is in the log once", PATIENCE, || {
            (activations(&again, revision) == 1).then_some(())
        });
    }
}

#[test]
fn servers_each_on_their_own_database_follow_one_shelf_however_one_dies() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let shelf = Shelf::open(build(place, 10, &[]));
    let url = format!("http://{}/bundle.tar.gz", shelf.address);
    let start = |name: &str| server(&place.join(name), &url, "150ms", None);
    let others = ["two", "three"].map(start);
    let mut first = start("one");
    becomes(&first, 10);
    for (round, expected) in (2..8).zip([20, 30, 40, 50, 60, 70]) {
        let whole = build(place, expected, &[]);
        // Every time a little later: before it is fetched, while it is tried, when it is in force.
        let before = limit(&first);
        shelf.put(200, &round.to_string(), whole);
        for _ in 2..round {
            limit(&first);
        }
        first.kill();
        first = start("one");
        let now = limit(&first);
        assert!(now == before || now == json!(expected), "{now} is neither, in round {round}");
        becomes(&first, expected);
        others.iter().for_each(|server| becomes(server, expected));
        let known = activations(&first, expected);
        assert!(known <= 1, "put in force {known} times");
    }
}
