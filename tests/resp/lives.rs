//! Short lives, and two who watch them end.

use std::thread;
use std::time::Duration;

use flow::{Clock, Moment};

use crate::server::{Server, random};
use crate::wire::Wire;

/// Dates are whole milliseconds, and a key may end anywhere in the first and the last.
const GRAIN: Duration = Duration::from_millis(2);

/// One key: when it was said to live and for how long.
struct Life {
    key: String,
    /// Before it was said, and after that was answered.
    said: (Moment, Moment),
    long: Duration,
}

impl Life {
    fn begin(wire: &mut Wire, clock: &Clock, key: String, long: u64) -> Self {
        let before = clock.moment();
        assert_eq!(wire.ask("SET", &[&key, "v", "PX", &long.to_string()]).text(), "+OK");
        Self { key, said: (before, clock.moment()), long: Duration::from_millis(long) }
    }

    /// Asks until it has ended. Whoever hears that it is there has asked before its end;
    /// whoever hears that it is not was answered after it.
    fn watch(&self, wire: &mut Wire, clock: &Clock, ask: &str) {
        loop {
            let asked = clock.moment();
            let there = match ask {
                "GET" => !wire.ask("GET", &[&self.key]).is_nothing(),
                _ => wire.ask("EXISTS", &[&self.key]).number() == 1,
            };
            let answered = clock.moment();
            if !there {
                let least = self.said.0.after(self.long);
                assert!(answered.after(GRAIN) >= least, "{} {:?}: gone too soon", ask, self.long);
                return;
            }
            let most = self.said.1.after(self.long).after(GRAIN);
            assert!(asked <= most, "{} {:?}: seen after its end", ask, self.long);
        }
    }
}

#[test]
fn a_key_is_neither_seen_after_its_end_nor_gone_before() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path());
    let (random, clock) = (random(), Clock::system());
    let mut wire = Wire::to(&server);
    for n in 0..150 {
        let life = Life::begin(&mut wire, &clock, format!("k{n}"), 1 + random.number() % 50);
        thread::scope(|scope| {
            for ask in ["GET", "EXISTS"] {
                let (server, life, clock) = (&server, &life, &clock);
                scope.spawn(move || life.watch(&mut Wire::to(server), clock, ask));
            }
        });
    }
}

#[test]
fn a_watched_key_that_ends_by_itself_has_changed() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path());
    let (mut wire, mut other) = (Wire::to(&server), Wire::to(&server));
    wire.say("set k v px 20");
    wire.say("watch k");
    while !other.say("get k").is_nothing() {}
    wire.say("multi");
    wire.say("set k changed");
    assert!(wire.say("exec").is_nothing(), "it was there when it was watched");
}
