//! Those who mean it ill, or know no better.

use std::thread;
use std::time::Duration;

use flow::Clock;
use rustix::process::Signal;

use crate::server::{KEY, Server, until};
use crate::wire::{Wire, sent};

const SOON: Duration = Duration::from_secs(20);

fn server() -> (Server, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    (Server::start(place.path()), place)
}

fn with(name: &str, value: &str) -> (Server, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_with(place.path(), |command| {
        command.env(name, value);
    });
    (server, place)
}

/// How many KiB of memory the server has.
pub(crate) fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A key of its own for somebody, and its id.
fn key(server: &Server, body: &str) -> (String, String) {
    let made = server.http("POST", "/v1/auth/keys", body.as_bytes());
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    (made["secret"].as_str().unwrap().into(), made["id"].as_str().unwrap().into())
}

#[test]
fn a_header_takes_no_memory_until_what_it_announces_comes() {
    let (server, _place) = server();
    let before = resident(&server);
    let silent: Vec<_> = (0..100)
        .map(|_| {
            let mut wire = Wire::to(&server);
            wire.raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$67108864\r\nabc").unwrap();
            wire
        })
        .collect();
    let mut wire = Wire::to(&server);
    assert_eq!(wire.say("ping").text(), "+PONG");
    let grown = resident(&server).saturating_sub(before);
    assert!(grown < 20 << 10, "{grown} KiB for {} headers", silent.len());
    wire.raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\n").unwrap();
    assert_eq!(wire.hear().text(), "-ERR Protocol error: invalid bulk length");
    assert!(wire.is_hung_up());
}

#[test]
fn strangers_may_not_send_much() {
    let (server, _place) = server();
    for (sent, said) in [
        (&b"*11\r\n"[..], "-ERR Protocol error: unauthenticated multibulk length"),
        (b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", "-ERR Protocol error: unauthenticated bulk length"),
    ] {
        let mut wire = Wire::open(&server.resp);
        wire.raw(sent).unwrap();
        assert_eq!(wire.hear().text(), said);
        assert!(wire.is_hung_up());
    }
    let mut wire = Wire::open(&server.resp);
    assert_eq!(wire.say("hello 3 auth any wrong setname me").text().get(..10), Some("-WRONGPASS"));
    assert_eq!(wire.ask("hello", &["3", "auth", "any", KEY, "setname", "me"]).parts().len(), 14);
}

#[test]
fn one_command_has_a_bound_however_it_is_cut() {
    let (server, _place) = with("STOCKADE_RESP__COMMAND_MAX", "16MiB");
    let before = resident(&server);
    let mut wire = Wire::to(&server);
    let part = [&b"$1048576\r\n"[..], &[b'x'; 1 << 20], b"\r\n"].concat();
    let mut sending = wire.raw(b"*60000\r\n$3\r\nDEL\r\n");
    for _ in 0..256 {
        sending = sending.and_then(|()| wire.raw(&part));
    }
    assert!(sending.is_err(), "it was never stopped");
    let grown = resident(&server).saturating_sub(before);
    assert!(grown < 80 << 10, "{grown} KiB");
    // What is gathered counts as one command.
    let (mut wire, value) = (Wire::to(&server), "x".repeat(1 << 20));
    wire.say("multi");
    let said: Vec<_> = (0..20).map(|_| wire.ask("set", &["k", &value])).collect();
    assert_eq!(said.iter().filter(|said| said.text() == "+QUEUED").count(), 15);
    assert!(said[19].text().starts_with("-ERR too much is gathered"), "{said:?}");
    assert!(wire.say("exec").text().starts_with("-EXECABORT"));
    assert_eq!(wire.say("ping").text(), "+PONG");
}

#[test]
fn nonsense_is_answered_and_ends_only_its_own_connection() {
    let (server, _place) = server();
    let mut witness = Wire::to(&server);
    let many = b"*1000000\r\n".to_vec();
    let long = [b'a'; 70_000].to_vec();
    for (bytes, said) in [
        (many, "invalid multibulk length"),
        (b"*2\r\n*1\r\n$1\r\na\r\n".to_vec(), "expected '$'"),
        (long, "too big inline request"),
        (b"GET \"k\r\n".to_vec(), "unbalanced quotes in request"),
        (b"*1\r\n$x\r\n".to_vec(), "invalid bulk length"),
    ] {
        let mut wire = Wire::to(&server);
        let _ = wire.raw(&bytes);
        assert_eq!(wire.hear().text(), format!("-ERR Protocol error: {said}"));
        assert!(wire.is_hung_up(), "{said}");
        assert_eq!(witness.say("ping").text(), "+PONG");
    }
    // Half a frame, and then nobody.
    for end in 1..30 {
        let mut wire = Wire::to(&server);
        wire.raw(&sent(&[b"SET", b"half", b"frame"])[..end]).unwrap();
    }
    assert_eq!(witness.say("exists half").number(), 0);
}

#[test]
fn many_words_in_small_pieces_are_read_once() {
    let (server, _place) = server();
    let mut wire = Wire::to(&server);
    let mut words = vec![&b"DEL"[..]];
    words.resize(65_536, b"k");
    let bytes = sent(&words);
    let clock = Clock::system();
    let begun = clock.moment();
    bytes.chunks(1000).for_each(|piece| wire.raw(piece).unwrap());
    assert_eq!(wire.hear().number(), 0);
    let took = clock.moment().since(begun);
    assert!(took < SOON, "{took:?}");
}

#[test]
fn who_asks_badly_for_everything_to_go_loses_nothing() {
    let (server, _place) = server();
    let mut wire = Wire::to(&server);
    wire.say("set k v");
    for line in ["flushdb nonsense", "flushall nonsense", "flushdb async sync"] {
        assert_eq!(wire.say(line).text(), "-ERR syntax error");
        assert_eq!(wire.say("get k").text(), "v", "{line}");
    }
    wire.say("flushdb async");
    assert!(wire.say("get k").is_nothing());
}

#[test]
fn wrong_keys_tire_nobody_else() {
    let (server, _place) = server();
    let mut witness = Wire::to(&server);
    thread::scope(|scope| {
        for _ in 0..8 {
            let server = &server;
            scope.spawn(move || {
                let mut wire = Wire::open(&server.resp);
                for n in 0..200 {
                    let said = wire.ask("AUTH", &[&format!("stk_wrong_{n:040}")]);
                    let word = said.text().split(' ').next().unwrap().to_owned();
                    assert!(["-WRONGPASS", "-BUSY"].contains(&word.as_str()), "{said:?}");
                    // Whoever tries too often is told to wait, whatever they try.
                    let said = wire.say("get k");
                    let word = said.text().split(' ').next().unwrap();
                    assert!(["-NOAUTH", "-BUSY"].contains(&word), "{said:?}");
                }
            });
        }
        (0..200).for_each(|_| assert_eq!(witness.say("ping").text(), "+PONG"));
    });
    assert!(!witness.say("set k v").is_error());
}

#[test]
fn a_revoked_key_opens_nothing_more() {
    let (server, _place) = server();
    let body = r#"{"principal":"app","kind":"service","roles":["writer"]}"#;
    let (secret, id) = key(&server, body);
    let mut asks = Wire::with(&server, &secret);
    let (mut hears, mut waits) = (Wire::with(&server, &secret), Wire::with(&server, &secret));
    assert_eq!(asks.say("set k v").text(), "+OK");
    hears.say("subscribe news");
    waits.send(&[b"BLPOP", b"l", b"0"]);
    let mut admin = Wire::to(&server);
    assert_eq!(admin.say("publish news before").number(), 1);
    assert_eq!(hears.hear().parts()[2].text(), "before");
    let revoked = server.http("DELETE", &format!("/v1/auth/keys/{id}"), b"");
    assert!((200..300).contains(&revoked.status), "{revoked:?}");
    assert!(asks.say("get k").text().starts_with("-NOAUTH"));
    admin.say("publish news after");
    assert!(hears.is_hung_up(), "it heard what was said after its key was revoked");
    admin.say("rpush l x");
    assert!(waits.hear().is_error(), "it was given what came after its key was revoked");
    assert_eq!(admin.say("llen l").number(), 1);
}

#[test]
fn a_door_that_is_full_says_so() {
    for limit in ["CONNECTIONS_MAX", "CONNECTIONS_PER_ADDRESS_MAX"] {
        let (server, _place) = with(&format!("STOCKADE_RESP__{limit}"), "3");
        let mut here: Vec<_> = (0..3).map(|_| Wire::to(&server)).collect();
        let mut late = Wire::open(&server.resp);
        assert_eq!(late.hear().text(), "-ERR max number of clients reached");
        assert!(late.is_hung_up());
        here.pop();
        until("there is room again", SOON, || {
            let mut wire = Wire::open(&server.resp);
            let said = wire.raw(&sent(&[b"AUTH", KEY.as_bytes()])).and_then(|()| wire.try_hear());
            said.is_ok_and(|said| said.text() == "+OK").then_some(())
        });
    }
}

#[test]
fn whoever_does_not_say_who_they_are_does_not_keep_a_place() {
    let (server, _place) = with("STOCKADE_RESP__LOGIN_TIMEOUT", "300ms");
    let mut known = Wire::to(&server);
    let (mut silent, mut wrong) = (Wire::open(&server.resp), Wire::open(&server.resp));
    assert!(wrong.ask("AUTH", &["no-key"]).is_error());
    assert!(silent.is_hung_up() && wrong.is_hung_up());
    assert_eq!(known.say("ping").text(), "+PONG");
    known.say("reset");
    assert!(known.is_hung_up(), "it has become a stranger");
}

#[test]
fn the_door_closes_whatever_clients_are_doing() {
    let (server, _place) = server();
    let mut busy = Wire::to(&server);
    let large = "x".repeat(1 << 20);
    busy.ask("set", &["large", &large]);
    let waits: Vec<_> = (0..20)
        .map(|n| {
            let mut wire = Wire::to(&server);
            wire.send(&[b"BLPOP", format!("l{n}").as_bytes(), b"0"]);
            wire
        })
        .collect();
    let mut hears = Wire::to(&server);
    hears.say("subscribe news");
    // One that asks for much and reads none of it.
    let mut deaf = Wire::to(&server);
    deaf.raw(&sent(&[b"GET", b"large"]).repeat(64)).unwrap();
    assert_eq!(busy.say("ping").text(), "+PONG");
    let (clock, begun) = (Clock::system(), Clock::system().moment());
    server.signal(Signal::TERM);
    assert!(server.wait().success());
    let took = clock.moment().since(begun);
    assert!(took < Duration::from_secs(20), "{took:?}");
    drop((waits, hears, deaf));
}

#[test]
fn a_few_words_make_no_room_that_the_value_may_not_have() {
    let (server, _place) = server();
    let mut wire = Wire::to(&server);
    for line in
        ["setrange far 536870900 x", "setbit far 4294967295 1", "bitfield far set u8 4294967280 1"]
    {
        assert!(wire.say(line).text().starts_with("-OOM"), "{line}");
    }
    assert_eq!(wire.say("exists far").number(), 0);
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let most: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(most < 300 << 10, "{most} KiB at most");
}
