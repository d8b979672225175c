//! Very many clients, very large values, and those who do not read what they asked for.

use std::thread;
use std::time::Duration;

use flow::{Clock, Moment};

use crate::hostile::resident;
use crate::server::{Server, until};
use crate::wire::{Wire, sent};

const SOON: Duration = Duration::from_secs(30);

fn long() -> bool {
    std::env::var_os("STOCKADE_TEST_LONG").is_some()
}

fn server() -> (Server, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_with(place.path(), |command| {
        command.env("STOCKADE_CACHE__CAPACITY", "2GiB");
    });
    (server, place)
}

#[test]
fn who_says_nothing_costs_little() {
    let (server, _place) = server();
    let many = if long() { 9_900 } else { 1_500 };
    Wire::to(&server);
    let before = resident(&server);
    let mut idle: Vec<_> = (0..many).map(|_| Wire::to(&server)).collect();
    let each = resident(&server).saturating_sub(before) as f64 / f64::from(many);
    println!("{each:.1} KiB for each of {many} idle connections");
    assert!(each < 32.0, "{each:.1} KiB for each of {many} connections");
    for wire in idle.iter_mut().step_by(100) {
        assert_eq!(wire.say("ping").text(), "+PONG");
    }
}

#[test]
fn a_subscriber_who_does_not_read_is_cut_off() {
    let (server, _place) = server();
    let (mut deaf, mut hears) = (Wire::to(&server), Wire::to(&server));
    deaf.say("subscribe news");
    hears.say("subscribe news");
    let mut wire = Wire::to(&server);
    let before = resident(&server);
    let message = "x".repeat(1 << 20);
    for _ in 0..128 {
        wire.ask("PUBLISH", &["news", &message]);
        assert_eq!(hears.hear().parts()[2].text().len(), 1 << 20);
    }
    let grown = resident(&server).saturating_sub(before);
    assert!(grown < 160 << 10, "{grown} KiB");
    until("who does not read is gone", SOON, || {
        let listening = wire.say("pubsub numsub news");
        (listening.parts()[1].number() == 1).then_some(())
    });
    wire.say("publish news last");
    assert_eq!(hears.hear().parts()[2].text(), "last");
}

#[test]
fn replies_nobody_reads_have_a_bound() {
    let (server, _place) = server();
    let mut wire = Wire::to(&server);
    let value = "x".repeat(4 << 20);
    wire.ask("SET", &["large", &value]);
    let before = resident(&server);
    let many = if long() { 1000 } else { 200 };
    let deaf: Vec<_> = (0..many)
        .map(|_| {
            let mut wire = Wire::to(&server);
            wire.raw(&sent(&[b"GET", b"large"]).repeat(10)).unwrap();
            wire
        })
        .collect();
    let mut most = 0;
    until("they are sent away, or wait at little cost", SOON, || {
        let grown = resident(&server).saturating_sub(before);
        most = most.max(grown);
        assert_eq!(wire.say("ping").text(), "+PONG");
        let here = wire.say("client list").text().lines().count();
        (here < many || here == many + 1).then_some(())
    });
    println!("{most} KiB for {many} who do not read 40 MiB each");
    assert!(most < 1 << 20, "{most} KiB");
    drop(deaf);
}

#[test]
fn who_reads_slowly_is_waited_for() {
    let (server, _place) = server();
    let (mut slow, mut witness) = (Wire::to(&server), Wire::to(&server));
    slow.ask("SET", &["large", &"x".repeat(4 << 20)]);
    let words: Vec<&[u8]> = std::iter::once(&b"MGET"[..]).chain([&b"large"[..]; 60]).collect();
    slow.send(&words);
    // Longer than it takes until those who take nothing are looked after.
    crate::server::pause(Duration::from_millis(2500));
    assert_eq!(witness.say("ping").text(), "+PONG");
    let parts = slow.hear();
    assert!(parts.parts().iter().all(|part| part.text().len() == 4 << 20));
    assert_eq!((parts.parts().len(), slow.say("ping").text()), (60, "+PONG"));
}

#[test]
fn a_reply_has_a_bound_however_it_grows() {
    let (server, _place) = server();
    let (mut wire, mut witness) = (Wire::to(&server), Wire::to(&server));
    let value = "x".repeat(4 << 20);
    wire.ask("SET", &["large", &value]);
    let before = resident(&server);
    let mut words = vec!["large"; 1000];
    let too_long = "-ERR what was asked is done, but the reply is too long to be sent";
    assert_eq!(wire.ask("MGET", &words).text(), too_long);
    wire.say("multi");
    (0..1000).for_each(|_| assert_eq!(wire.say("get large").text(), "+QUEUED"));
    assert_eq!(wire.say("exec").text(), too_long);
    words.truncate(3);
    assert_eq!(wire.ask("MGET", &words).parts().len(), 3);
    assert_eq!(witness.say("ping").text(), "+PONG");
    let grown = resident(&server).saturating_sub(before);
    assert!(grown < 256 << 10, "{grown} KiB are kept");
}

/// How long `get` takes until it is told to stop, the slowest of a hundred in milliseconds,
/// and the slowest of all.
fn meanwhile(server: &Server, work: impl FnOnce(&mut Wire)) -> (f64, f64, usize) {
    let (clock, done) = (Clock::system(), std::sync::atomic::AtomicBool::new(false));
    let millis = |from: Moment| clock.moment().since(from).as_secs_f64() * 1e3;
    let begin = std::sync::Barrier::new(5);
    thread::scope(|scope| {
        let others: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let (mut wire, mut took) = (Wire::to(server), Vec::new());
                    begin.wait();
                    loop {
                        let begun = clock.moment();
                        wire.say("get k:7");
                        took.push(millis(begun));
                        if done.load(std::sync::atomic::Ordering::Relaxed) {
                            return took;
                        }
                    }
                })
            })
            .collect();
        let mut wire = Wire::to(server);
        begin.wait();
        work(&mut wire);
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        let mut took: Vec<f64> =
            others.into_iter().flat_map(|other| other.join().unwrap()).collect();
        took.sort_by(f64::total_cmp);
        (took[took.len() * 99 / 100], took[took.len() - 1], took.len())
    })
}

#[test]
fn others_are_served_while_everything_is_named() {
    let (server, _place) = server();
    let mut wire = Wire::to(&server);
    let many: usize = if long() { 1_000_000 } else { 50_000 };
    for page in 0..many / 1000 {
        let keys: Vec<_> = (0..1000).map(|n| format!("k:{}", page * 1000 + n)).collect();
        let words: Vec<&str> = keys.iter().flat_map(|key| [key.as_str(), "v"]).collect();
        assert_eq!(wire.ask("MSET", &words).text(), "+OK");
        wire.ask("RPUSH", &[&["list"], &words[..]].concat());
        wire.ask("HSET", &[&["hash"], &words[..]].concat());
    }
    let clock = Clock::system();
    for (line, length) in [
        ("keys *", many + 2),
        ("keys *", many + 2),
        ("keys absent*", 0),
        ("lrange list 0 -1", many * 2),
        ("hgetall hash", many * 2),
    ] {
        let mut took = 0.0;
        let (p99, most, asked) = meanwhile(&server, |wire| {
            let begun = clock.moment();
            assert_eq!(wire.say(line).parts().len(), length, "{line}");
            took = clock.moment().since(begun).as_secs_f64();
        });
        println!("{line}: {took:.2} s; meanwhile {asked} GET, p99 {p99:.2} ms, most {most:.1} ms");
        assert!(p99 < 1000.0, "{line}: others wait {p99} ms");
    }
}
