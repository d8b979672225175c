//! Many at once: nothing is counted twice, lost, or given to two.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use crate::server::{Server, until};
use crate::wire::{Frame, Wire, sent};

const SOON: Duration = Duration::from_secs(20);

fn server() -> (Server, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    (Server::start(place.path()), place)
}

/// Runs this on so many connections at once.
fn at_once<T: Send>(
    server: &Server,
    many: usize,
    each: impl Fn(usize, Wire) -> T + Sync,
) -> Vec<T> {
    thread::scope(|scope| {
        let begin = |n| {
            let each = &each;
            scope.spawn(move || each(n, Wire::to(server)))
        };
        let threads: Vec<_> = (0..many).map(begin).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// A connection that waits, known to be in the row: the server tells how many wait.
fn waits(server: &Server, line: &str) -> Wire {
    let mut wire = Wire::to(server);
    wire.raw(&sent(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())).unwrap();
    // Nothing tells that it waits; a command behind it is not answered meanwhile.
    assert!(wire.is_silent(Duration::from_millis(40)), "{line}");
    wire
}

#[test]
fn what_all_count_is_the_sum() {
    let (server, _place) = server();
    at_once(&server, 16, |_, mut wire| {
        for _ in 0..20 {
            wire.raw(&sent(&[b"INCR", b"n"]).repeat(25)).unwrap();
            (0..25).for_each(|_| assert!(wire.hear().number() > 0));
        }
    });
    assert_eq!(Wire::to(&server).say("get n").number(), 16 * 20 * 25);
}

#[test]
fn no_watched_update_is_lost() {
    let (server, _place) = server();
    let tries = at_once(&server, 8, |_, mut wire| {
        let (mut done, mut tries) = (0, 0);
        while done < 50 {
            tries += 1;
            wire.say("watch balance");
            let held = wire.say("get balance");
            let next = if held.is_nothing() { 1 } else { held.number() + 1 };
            wire.say("multi");
            wire.say(&format!("set balance {next}"));
            wire.say("rpush steps x");
            done += i64::from(!wire.say("exec").is_nothing());
        }
        tries
    });
    let mut wire = Wire::to(&server);
    assert_eq!(wire.say("get balance").number(), 8 * 50);
    assert_eq!(wire.say("llen steps").number(), 8 * 50);
    assert!(tries.iter().sum::<i64>() > 8 * 50, "nobody was ever in another's way");
}

#[test]
fn who_has_waited_longest_is_served_first() {
    let (server, _place) = server();
    let mut row: Vec<_> = (0..12).map(|_| waits(&server, "blpop l 30")).collect();
    let mut wire = Wire::to(&server);
    let elements: Vec<_> = (0..12).map(|n| n.to_string()).collect();
    let (one, many) = elements.split_at(4);
    for element in one {
        wire.ask("RPUSH", &["l", element]);
    }
    // Several at once wake several.
    let words: Vec<&str> = ["l"].into_iter().chain(many.iter().map(String::as_str)).collect();
    wire.ask("RPUSH", &words);
    for (waiting, element) in row.iter_mut().zip(&elements) {
        assert_eq!(waiting.hear().parts()[1].text(), element);
    }
    assert_eq!(wire.say("llen l").number(), 0);
}

#[test]
fn who_dies_waiting_takes_nothing_along() {
    let (server, _place) = server();
    let mut wire = Wire::to(&server);
    for round in 0..10 {
        let mut row: Vec<_> = (0..6).map(|_| waits(&server, "blpop l 30")).collect();
        // Every second is killed, in the middle of the row.
        let mut alive = Vec::new();
        for (n, waiting) in row.drain(..).enumerate() {
            if n % 2 == round % 2 { drop(waiting) } else { alive.push(waiting) }
        }
        until("the dead are forgotten", SOON, || {
            let here = wire.say("client list").text().lines().count();
            (here == 1 + alive.len()).then_some(())
        });
        for element in ["a", "b", "c"] {
            wire.ask("RPUSH", &["l", element]);
        }
        for (waiting, element) in alive.iter_mut().zip(["a", "b", "c"]) {
            assert_eq!(waiting.hear().parts()[1].text(), element);
        }
        assert_eq!(wire.say("llen l").number(), 0);
    }
}

#[test]
fn what_comes_as_a_waiter_leaves_goes_to_the_next() {
    let (server, _place) = server();
    let mut wire = Wire::to(&server);
    let mut lost = 0;
    for _ in 0..40 {
        let (leaving, mut staying) = (waits(&server, "blpop l 30"), waits(&server, "blpop l 30"));
        // It is gone before anybody pushes; the server may hear of both at once.
        leaving.to.shutdown(std::net::Shutdown::Both).unwrap();
        drop(leaving);
        wire.say("rpush l x");
        lost += i32::from(staying.is_silent(Duration::from_millis(500)));
        wire.say("del l");
    }
    assert_eq!(lost, 0, "elements were given to who had left");
}

#[test]
fn who_waits_is_given_what_comes_by_any_way_and_of_its_kind() {
    let (server, _place) = server();
    let mut wire = Wire::to(&server);
    let mut row = waits(&server, "blpop l 30");
    wire.say("set l text");
    wire.say("del l");
    wire.say("zadd l 1 m");
    wire.say("del l");
    // What is there only while nobody may come in between is never there for others.
    ["multi", "rpush l a", "del l", "exec"].iter().for_each(|line| drop(wire.say(line)));
    assert!(row.is_silent(Duration::from_millis(40)), "it was woken for what is not its own");
    wire.say("rpush other a");
    wire.say("rename other l");
    assert_eq!(row.hear().parts()[1].text(), "a");
    let mut row = waits(&server, "blpop l 30");
    wire.say("rpush other b");
    wire.say("copy other l");
    assert_eq!(row.hear().parts()[1].text(), "b");
    let mut row = waits(&server, "blpop l 30");
    wire.say("sort other alpha store l");
    assert_eq!(row.hear().parts()[1].text(), "b");
    let mut row = waits(&server, "blmove l l left right 30");
    wire.say("lmove other l left right");
    assert_eq!(row.hear().text(), "b");
    let mut row = waits(&server, "bzpopmin z 30");
    wire.say("zadd y 1 m");
    wire.say("zunionstore z 1 y");
    assert_eq!(row.hear().parts()[1].text(), "m");
}

#[test]
fn consumers_of_a_group_share_without_doubles() {
    let (server, _place) = server();
    let mut wire = Wire::to(&server);
    wire.say("xgroup create x g 0 mkstream");
    let taken = thread::scope(|scope| {
        let server = &server;
        let readers: Vec<_> = (0..6)
            .map(|n| {
                scope.spawn(move || {
                    let (mut wire, mut taken) = (Wire::to(server), Vec::new());
                    loop {
                        let read = wire.say(&format!(
                            "xreadgroup group g c{n} count 3 block 20000 streams x >"
                        ));
                        for entry in read.parts()[0].parts()[1].parts() {
                            let (id, fields) = (entry.parts()[0].text(), entry.parts()[1].parts());
                            if fields[1].text() == "end" {
                                return taken;
                            }
                            taken.push(id.to_owned());
                        }
                    }
                })
            })
            .collect();
        let mut added = BTreeSet::new();
        for n in 0..600 {
            added.insert(wire.say(&format!("xadd x * n {n}")).text().to_owned());
        }
        // Who takes the end takes one; the others read on.
        until("all is taken", SOON, || {
            let groups = wire.say("xinfo groups x");
            let fields = groups.parts()[0].parts();
            let lag = fields.iter().position(|field| field.text() == "lag").unwrap();
            (fields[lag + 1].number() == 0).then_some(())
        });
        let mut wires: Vec<_> = readers.into_iter().collect();
        while let Some(at) = (!wires.is_empty()).then_some(0) {
            wire.say("xadd x * n end");
            let done = until("a reader ends", SOON, || {
                wires.iter().position(|reader| reader.is_finished())
            });
            added.extend(wires.remove(done.max(at)).join().unwrap().into_iter().map(|id| id + "!"));
        }
        added
    });
    let (read, added): (Vec<_>, Vec<_>) = taken.into_iter().partition(|id| id.ends_with('!'));
    let read: Vec<_> = read.iter().map(|id| id.trim_end_matches('!').to_owned()).collect();
    assert_eq!(read, added, "what was read, each once, is what was added");
}

#[test]
fn chains_of_lists_lose_nothing() {
    let (server, _place) = server();
    const MANY: i64 = 300;
    thread::scope(|scope| {
        for (from, to) in [("a", "b"), ("b", "c"), ("c", "d"), ("a", "b"), ("b", "c"), ("c", "d")] {
            let server = &server;
            scope.spawn(move || {
                let mut wire = Wire::to(server);
                let ask = match from {
                    "b" => format!("blmove {from} {to} left right 1"),
                    _ => format!("brpoplpush {from} {to} 1"),
                };
                // Nothing for a second, after all was pushed: all has passed.
                while !wire.say(&ask).is_nothing() {}
            });
        }
        let mut wire = Wire::to(&server);
        (0..MANY).for_each(|n| assert!(!wire.say(&format!("lpush a {n}")).is_error()));
    });
    let mut wire = Wire::to(&server);
    let end = wire.say("lrange d 0 -1");
    let there: BTreeSet<i64> = end.parts().iter().map(Frame::number).collect();
    assert_eq!((end.parts().len() as i64, there), (MANY, (0..MANY).collect()));
}

#[test]
fn messages_come_in_order() {
    let (server, _place) = server();
    let mut ears: Vec<_> = (0..4).map(|_| Wire::to(&server)).collect();
    for ear in &mut ears {
        ear.say("subscribe news");
        ear.say("psubscribe ne?s");
    }
    at_once(&server, 3, |who, mut wire| {
        for n in 0..200 {
            wire.say(&format!("publish news {}", who * 1000 + n));
        }
    });
    for ear in &mut ears {
        let mut last = [[None; 3]; 2];
        for _ in 0..2 * 3 * 200 {
            let told = ear.hear();
            let parts = told.parts();
            let by_pattern = usize::from(parts[0].text() == "pmessage");
            let number = parts[parts.len() - 1].number() as usize;
            let before = &mut last[by_pattern][number / 1000];
            assert_eq!(before.map_or(0, |before| before + 1), number % 1000);
            *before = Some(number % 1000);
        }
    }
}
