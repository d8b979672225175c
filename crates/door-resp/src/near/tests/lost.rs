//! Redis goes away and comes back.

use std::sync::Arc;
use std::time::Duration;

use engines::own::RedisServer;
use flow::Clock;
use flow::signal::Registry;

use super::super::Near;
use super::super::reads::Read;
use super::{Door, PATIENCE, Plain, Talk};
use crate::config;

#[test]
fn a_tracked_connection_that_is_killed_takes_what_is_kept_with_it() {
    let Some(redis) = RedisServer::start() else { return };
    let door = Door::open(&redis, PATIENCE);
    let (mut reader, mut direct) = (door.client(), Talk::open(&redis.address()));
    for round in 0..20 {
        direct.ask(&format!("SET k {round}"));
        while door.warm(&mut reader, "GET k")
            != format!("${}\r\n{round}\r\n", round.to_string().len())
        {}
        // Nobody hears of this change: the one who would is gone before it.
        let list = direct.ask("CLIENT LIST");
        let tracked = list.lines().find(|line| line.contains("name=stockade-near")).unwrap();
        let id = tracked.split(['=', ' ']).nth(1).unwrap();
        let lost = door.near.signals.lost.get();
        direct.send(
            &[super::command(&format!("CLIENT KILL ID {id}")), super::command("SET k changed")]
                .concat(),
        );
        direct.hear();
        direct.hear();
        while door.near.signals.lost.get() == lost {
            std::thread::yield_now();
        }
        assert_eq!(reader.ask("GET k"), "$7\r\nchanged\r\n");
    }
}

#[test]
fn nothing_is_believed_of_a_redis_that_is_silent() {
    let Some(redis) = RedisServer::start() else { return };
    let bound = Duration::from_millis(1500);
    let door = Door::open(&redis, bound);
    let (mut reader, mut direct) = (door.client(), Talk::open(&redis.address()));
    direct.ask("SET k 1");
    door.warm(&mut reader, "GET k");
    let clock = Clock::system();
    redis.pause();
    let begun = clock.moment();
    // It is answered for a while, and then only by Redis.
    reader.stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let (mut last, mut asked) = (begun, begun);
    while reader.try_reply("GET k").is_some() {
        last = std::mem::replace(&mut asked, clock.moment());
        assert!(last.since(begun) < PATIENCE, "it is still believed");
    }
    let believed = last.since(begun);
    // A process that is to be stopped may go on for a little while.
    let margin = Duration::from_millis(100);
    assert!(believed <= bound + margin, "believed for {believed:?}");
    assert!(!believed.is_zero(), "and it was believed until then");
    redis.resume();
    reader.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(reader.hear(), "$1\r\n1\r\n");
    door.warm(&mut reader, "GET k");
}

impl Talk {
    fn try_reply(&mut self, line: &str) -> Option<Vec<u8>> {
        self.send(&super::command(line));
        self.try_hear()
    }
}

#[test]
fn a_redis_that_comes_back_empty_is_believed() {
    let Some(mut redis) = RedisServer::start() else { return };
    let door = Door::open(&redis, PATIENCE);
    let mut reader = door.client();
    Talk::open(&redis.address()).ask("SET k 1");
    assert_eq!(door.warm(&mut reader, "GET k"), "$1\r\n1\r\n");
    redis.restart();
    // A client that was relayed is sent away, as Redis itself would have; others stay.
    let reply = loop {
        match reader.try_reply("GET k") {
            Some(reply) if reply.starts_with(b"-ERR the Redis behind") => {}
            Some(reply) => break reply,
            None => reader = door.client(),
        }
    };
    assert_eq!(reply, b"$-1\r\n");
    assert_eq!(door.warm(&mut reader, "GET k"), "$-1\r\n");
}

#[test]
fn what_nobody_listens_for_any_more_is_not_believed() {
    let Some(redis) = RedisServer::start() else { return };
    let own = config::Near::default();
    let near =
        Near::new(Arc::new(Plain(redis.address())), Clock::system(), &own, &Registry::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stand = runtime.block_on(async {
        loop {
            if let Some(stand) = near.database(0).stand() {
                return stand;
            }
            tokio::task::yield_now().await;
        }
    });
    let read = Read { name: "get", many: false, hash: false };
    assert!(stand.serves(read));
    // The thread that listened ends before those who read.
    drop(runtime);
    assert!(!stand.serves(read) && near.database(0).stand().is_none());
}
