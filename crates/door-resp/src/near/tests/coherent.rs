//! Nobody sees an older state than they have seen or made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use engines::own::RedisServer;
use flow::Clock;

use super::{Door, PATIENCE, Talk};
use crate::dice::Dice;

/// Pairs of keys, of which the first is always written first.
const PAIRS: usize = 4;

#[test]
fn what_is_kept_is_answered_without_redis_and_follows_what_changes() {
    let debug = ["--enable-debug-command", "yes"];
    let Some(redis) = RedisServer::start_with(&debug) else { return };
    let door = Door::open(&redis, PATIENCE);
    let (mut reader, mut writer) = (door.client(), Talk::open(&redis.address()));
    writer.ask("SET k 1");
    assert_eq!(door.warm(&mut reader, "GET k"), "$1\r\n1\r\n");
    let asked = |writer: &mut Talk| writer.ask("INFO commandstats").contains("cmdstat_get:calls=");
    assert!(asked(&mut writer));
    writer.ask("CONFIG RESETSTAT");
    for _ in 0..100 {
        assert_eq!(reader.ask("GET k"), "$1\r\n1\r\n");
    }
    assert!(!asked(&mut writer), "Redis was asked");
    writer.ask("SET k 2");
    while reader.ask("GET k") != "$1\r\n2\r\n" {}
    // What is not there is known as well, and so is what is over.
    writer.ask("DEL k");
    while door.warm(&mut reader, "GET k") != "$-1\r\n" {}
    writer.ask("DEBUG SET-ACTIVE-EXPIRE 0");
    writer.ask("SET k 3 PX 150");
    while door.warm(&mut reader, "GET k") != "$1\r\n3\r\n" {}
    let begun = Clock::system().moment();
    while reader.ask("GET k") != "$-1\r\n" {
        assert!(Clock::system().moment().since(begun) < PATIENCE, "its life is over");
    }
}

#[test]
fn own_writes_are_seen_whatever_wrote_them() {
    let Some(redis) = RedisServer::start() else { return };
    let door = Door::open(&redis, PATIENCE);
    let (mut one, mut other) = (door.client(), door.client());
    for number in 0..300 {
        door.warm(&mut other, "GET k");
        let line = match number % 3 {
            0 => format!("SET k {number}"),
            1 => format!("EVAL return{{redis.call('set','k','{number}')}} 0"),
            _ => format!("MSET j 0 k {number}"),
        };
        one.ask(&line);
        assert_eq!(one.number("GET k"), Some(number), "{line}");
    }
    // What is watched is not answered with what was there before.
    for number in 0..100u64 {
        door.warm(&mut one, "GET k");
        other.ask(&format!("SET k {number}"));
        one.ask("WATCH k");
        assert_eq!(one.number("GET k"), Some(number));
        one.ask("UNWATCH");
    }
}

#[test]
fn readers_at_two_doors_never_go_back() {
    let Some(redis) = RedisServer::start() else { return };
    let doors = Arc::new([Door::open(&redis, PATIENCE), Door::open(&redis, PATIENCE)]);
    let over = Arc::new(AtomicBool::new(false));
    let latest: Arc<[AtomicU64; PAIRS]> = Arc::default();
    let mut direct = Talk::open(&redis.address());
    for pair in 0..PAIRS {
        direct.ask(&format!("MSET a{pair} 0 b{pair} 0"));
    }
    let readers: Vec<_> = (0..6)
        .map(|number| {
            let (doors, over) = (doors.clone(), over.clone());
            thread::spawn(move || read(&doors[number % 2], &over, number as u64))
        })
        .collect();
    let writers: Vec<_> = (0..PAIRS)
        .map(|pair| {
            let (address, doors, latest) = (redis.address(), doors.clone(), latest.clone());
            thread::spawn(move || {
                let mut talk = match pair % 2 {
                    0 => Talk::open(&address),
                    _ => doors[0].client(),
                };
                for version in 1..=1500u64 {
                    talk.ask(&format!("SET a{pair} {version}"));
                    if pair % 2 == 1 {
                        assert_eq!(talk.number(&format!("GET a{pair}")), Some(version));
                    }
                    talk.ask(&format!("SET b{pair} {version}"));
                    latest[pair].store(version, Ordering::Release);
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    over.store(true, Ordering::Release);
    let reads: u64 = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
    assert!(reads > 1000, "{reads}");
    assert!(doors.iter().all(|door| door.near.signals.hits.get() > 100));
    for door in &*doors {
        let mut reader = door.client();
        while reader.number("GET b0") != Some(1500) {}
    }
}

/// Reads until it is over; how often.
fn read(door: &Door, over: &AtomicBool, seed: u64) -> u64 {
    let (mut talk, mut dice) = (door.client(), Dice::new(seed));
    let (mut seen, mut reads) = ([[0; 2]; PAIRS], 0);
    while !over.load(Ordering::Acquire) {
        let pair = dice.below(PAIRS);
        // The second is never newer than the first, whichever way they are read.
        let second = match dice.below(4) {
            0 => talk.number(&format!("GETRANGE b{pair} 0 -1")),
            _ => talk.number(&format!("GET b{pair}")),
        };
        let first = match dice.below(4) {
            0 => talk.number(&format!("EVAL return(redis.call('get','a{pair}')) 0")),
            _ => talk.number(&format!("GET a{pair}")),
        };
        let (first, second) = (first.unwrap(), second.unwrap());
        assert!(first >= second, "a{pair} {first} was read after b{pair} {second}");
        assert!(first >= seen[pair][0] && second >= seen[pair][1], "went back");
        seen[pair] = [first, second];
        reads += 2;
    }
    reads
}

#[test]
fn what_redis_no_longer_remembers_to_tell_of_is_no_longer_kept() {
    let few = ["--tracking-table-max-keys", "5"];
    let Some(redis) = RedisServer::start_with(&few) else { return };
    let door = Door::open(&redis, PATIENCE);
    let (mut reader, mut writer) = (door.client(), Talk::open(&redis.address()));
    for round in 1..4u64 {
        for key in 0..50 {
            writer.ask(&format!("SET k{key} {round}"));
        }
        for key in 0..50 {
            while reader.number(&format!("GET k{key}")) != Some(round) {}
        }
    }
}

#[test]
fn a_client_that_leaves_takes_its_connection_with_it() {
    let Some(redis) = RedisServer::start() else { return };
    let door = Door::open(&redis, PATIENCE);
    let mut direct = Talk::open(&redis.address());
    let mut waits = door.client();
    waits.ask("CLIENT SETNAME waits");
    waits.send(&super::command("BLPOP nothing 0"));
    while !direct.ask("INFO clients").contains("blocked_clients:1") {}
    drop(waits);
    while direct.ask("CLIENT LIST").contains("name=waits") {}
    assert!(direct.ask("INFO clients").contains("blocked_clients:0"));
}
