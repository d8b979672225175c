//! Commands that wait because somebody wants it, and what is shown of those who say them.

use std::time::Duration;

use flow::Clock;
use rustix::process::Signal;

use crate::server::{Server, until};
use crate::wire::Wire;

const SOON: Duration = Duration::from_secs(20);
/// So long nothing is said by somebody who waits.
const MOMENT: Duration = Duration::from_millis(60);

fn server() -> (Server, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    (Server::start(place.path()), place)
}

#[test]
fn what_changes_values_waits_until_it_may_go_on() {
    let (server, _place) = server();
    let (mut admin, mut reads, mut writes) =
        (Wire::to(&server), Wire::to(&server), Wire::to(&server));
    let mut gathers = Wire::to(&server);
    gathers.say("multi");
    gathers.say("get k");
    admin.say("set k v");
    assert_eq!(admin.say("client pause 60000 write").text(), "+OK");
    // What is shorter, or wants less, changes nothing.
    assert_eq!(admin.say("client pause 1 write").text(), "+OK");
    assert_eq!(reads.say("get k").text(), "v");
    assert_eq!(gathers.say("exec").parts().len(), 1);
    writes.send(&[b"PING"]);
    writes.send(&[b"SET", b"k", b"w"]);
    // What was answered before is not held back.
    assert_eq!(writes.hear().text(), "+PONG");
    assert!(writes.is_silent(MOMENT));
    reads.say("multi");
    reads.send(&[b"SET", b"k", b"x"]);
    assert!(reads.is_silent(MOMENT), "it was gathered");
    assert_eq!(gathers.say("get k").text(), "v");
    assert_eq!(admin.say("client unpause").text(), "+OK");
    assert_eq!(writes.hear().text(), "+OK");
    assert_eq!(reads.hear().text(), "+QUEUED");
    assert_eq!(gathers.say("get k").text(), "w");
}

#[test]
fn a_pause_of_everything_ends_by_itself_and_is_no_slowness() {
    let (server, _place) = server();
    let (clock, mut wire) = (Clock::system(), Wire::to(&server));
    wire.say("config set slowlog-log-slower-than 100000 latency-monitor-threshold 100");
    // Logging in takes a while where much is done besides.
    wire.say("slowlog reset");
    let begun = clock.moment();
    assert_eq!(wire.say("client pause 300").text(), "+OK");
    assert_eq!(wire.say("ping").text(), "+PONG");
    assert!(clock.moment().since(begun) >= Duration::from_millis(300));
    assert_eq!(wire.say("slowlog len").number(), 0);
    assert!(wire.say("latency latest").parts().is_empty());
}

#[test]
fn whoever_may_not_drop_everything_may_not_pause_the_others() {
    let (server, _place) = server();
    let body = br#"{"principal":"ci","kind":"service","roles":["reader"]}"#;
    let made = server.http("POST", "/v1/auth/keys", body);
    let made: serde_json::Value = serde_json::from_slice(&made.body).unwrap();
    let mut wire = Wire::with(&server, made["secret"].as_str().unwrap());
    for line in ["client pause 1000", "client unpause"] {
        assert!(wire.say(line).text().starts_with("-NOPERM"), "{line}");
    }
    assert!(!wire.say("client list").is_error());
}

#[test]
fn a_server_that_stops_waits_for_no_pause() {
    let (server, _place) = server();
    let (mut admin, mut waits) = (Wire::to(&server), Wire::to(&server));
    admin.say("client pause 600000");
    waits.send(&[b"GET", b"k"]);
    assert!(waits.is_silent(MOMENT));
    let mut server = server;
    server.signal(Signal::TERM);
    assert!(waits.hear().is_nothing());
    until("it has ended", SOON, || server.has_ended().then_some(()));
}

#[test]
fn what_takes_long_is_remembered_where_somebody_wants_it() {
    let (server, _place) = server();
    let mut wire = Wire::to(&server);
    assert_eq!(wire.say("config set latency-monitor-threshold 1").text(), "+OK");
    let fill: Vec<String> = (0..30_000).flat_map(|n| [n.to_string(), n.to_string()]).collect();
    let words: Vec<&str> = std::iter::once("z").chain(fill.iter().map(String::as_str)).collect();
    assert_eq!(wire.ask("ZADD", &words).number(), 30_000);
    let latest = until("something took a millisecond", SOON, || {
        wire.say("zunionstore y 2 z z");
        let latest = wire.say("latency latest");
        (!latest.parts().is_empty()).then_some(latest)
    });
    let event = latest.parts()[0].parts();
    assert!(["command", "fast-command"].contains(&event[0].text()), "{event:?}");
    assert!(event[2].number() >= 1 && event[3].number() >= event[2].number(), "{event:?}");
    let name = event[0].text().to_owned();
    let history = wire.say(&format!("latency history {name}"));
    assert_eq!(history.parts()[0].parts().len(), 2);
    assert!(wire.say(&format!("latency graph {name}")).text().contains("all time high"));
    assert!(wire.say("latency doctor").text().contains(&name));
    assert!(wire.say("latency reset").number() >= 1);
}

#[test]
fn the_list_of_connections_says_what_is_so() {
    let (server, _place) = server();
    let (mut wire, mut other) = (Wire::to(&server), Wire::to(&server));
    other.say("client setname other");
    other.say("get k");
    let line = |wire: &mut Wire, name: &str| {
        let list = wire.say("client list").text().to_owned();
        let found = list.lines().find(|line| line.contains(name)).map(str::to_owned);
        found.unwrap_or_else(|| panic!("{name} is not in {list}"))
    };
    let said = line(&mut wire, "name=other");
    assert!(said.contains(&format!(" laddr={} ", server.resp)), "{said}");
    assert!(said.contains(" cmd=get "), "{said}");
    assert!(said.contains(" idle=0 "), "{said}");
    let own = line(&mut wire, "cmd=client|list");
    assert!(own.contains(&format!(" addr={} ", wire.to.local_addr().unwrap())), "{own}");
    assert!(wire.say("client info").text().contains(" cmd=client|info "));
    until("it has been silent for a second", SOON, || {
        let said = line(&mut wire, "name=other");
        (!said.contains(" idle=0 ")).then_some(())
    });
    other.say("ping");
    let said = line(&mut wire, "name=other");
    assert!(said.contains(" idle=0 ") && said.contains(" cmd=ping "), "{said}");
    let kill = format!("client kill laddr {}", server.resp);
    assert_eq!(wire.say(&kill).number(), 1);
    assert!(other.is_hung_up());
}
