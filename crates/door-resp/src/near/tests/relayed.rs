//! What passes through is what a Redis says, byte for byte.

use engines::own::RedisServer;

use super::{Door, PATIENCE, Talk, command};
use crate::dice::Dice;

/// A Redis asked directly, and another through a door.
struct Both {
    _servers: [RedisServer; 2],
    door: Door,
    direct: Talk,
    through: Talk,
}

impl Both {
    fn start() -> Option<Self> {
        let start = || RedisServer::start_with(&["--enable-debug-command", "yes"]);
        let (first, second) = (start()?, start()?);
        let door = Door::open(&second, PATIENCE);
        let (direct, through) = (Talk::open(&first.address()), door.client());
        Some(Self { _servers: [first, second], door, direct, through })
    }

    fn same(&mut self, line: &str) -> String {
        let (direct, through) = (self.direct.ask(line), self.through.ask(line));
        assert_eq!(through, direct, "{line}");
        through
    }
}

#[test]
fn a_session_of_everything_is_answered_the_same() {
    let Some(mut both) = Both::start() else { return };
    for line in [
        "SET a 1",
        "GET a",
        "INCR a",
        "GET a",
        "APPEND a x",
        "GET a",
        "STRLEN a",
        "GET none",
        "GET",
        "GET a b",
        "NOSUCH thing",
        "HSET h f 1 g 2",
        "HGETALL h",
        "HGETALL h",
        "HMGET h f x g",
        "HMGET h f x g",
        "GET h",
        "GET h",
        "MGET a h none",
        "MGET a h none",
        "SADD s 1 2 3",
        "SMEMBERS s",
        "SMEMBERS s",
        "ZADD z 1.5 m",
        "ZSCORE z m",
        "ZSCORE z m",
        "ZSCORE z x",
        "TYPE z",
        "TYPE z",
        "SELECT 3",
        "GET a",
        "SET a three",
        "GET a",
        "SELECT 99",
        "GET a",
        "SELECT 0",
        "GET a",
        "MULTI",
        "INCR n",
        "GET n",
        "EXEC",
        "GET n",
        "MULTI",
        "SET n 9",
        "DISCARD",
        "GET n",
        "WATCH n",
        "GET n",
        "MULTI",
        "INCR n",
        "EXEC",
        "MULTI",
        "NOSUCH",
        "EXEC",
        "EVAL return{1,2,{3,'a'}} 0",
        "RPUSH l x y",
        "BLPOP l 1",
        "LRANGE l 0 -1",
        "LRANGE l 0 -1",
        "DEL l",
        "BLPOP l 0.05",
        "OBJECT ENCODING a",
        "SWAPDB 0 3",
        "GET a",
        "SWAPDB 0 3",
        "GET a",
        "EXPIRE a 100",
        "GET a",
        "GET a",
        "FLUSHALL",
        "GET a",
        "EXISTS a",
        "EXISTS a",
        "ECHO hello",
        "CLIENT GETNAME",
        "CLIENT SETNAME me",
        "CLIENT GETNAME",
        "PING",
        "PING x",
    ] {
        both.same(line);
    }
    assert!(both.door.near.signals.fills.get() > 10);
}

#[test]
fn the_third_version_is_relayed_too() {
    let Some(mut both) = Both::start() else { return };
    let hello = both.through.ask("HELLO 3 AUTH default open SETNAME me");
    both.direct.ask("HELLO 3 SETNAME me");
    assert!(hello.starts_with("%7\r\n$6\r\nserver\r\n$5\r\nredis"), "{hello}");
    for line in [
        "CLIENT GETNAME",
        "GET none",
        "HSET h f 1",
        "HGETALL h",
        "HGETALL h",
        "HGETALL none",
        "SADD s 1",
        "SMEMBERS s",
        "SMEMBERS s",
        "ZADD z 1.5 m",
        "ZSCORE z m",
        "ZSCORE z m",
        "ZRANGE z 0 -1 WITHSCORES",
        "MGET a b",
        "MGET a b",
        "DEBUG PROTOCOL attrib",
        "SELECT 2",
        "HELLO 2",
        "HGETALL h",
        "SELECT 0",
        "HGETALL h",
        "HGETALL h",
        "CLIENT TRACKING ON",
        "HELLO 3",
        "CLIENT TRACKING ON",
        "GET watched",
    ] {
        if line.starts_with("HELLO") {
            both.through.ask(line);
            both.direct.ask(line);
        } else {
            both.same(line);
        }
    }
    // What it has Redis track, it is told of.
    for address in [both._servers[0].address(), both._servers[1].address()] {
        Talk::open(&address).ask("SET watched 1");
    }
    assert_eq!(both.through.hear(), both.direct.hear());
}

#[test]
fn channels_and_large_values_pass() {
    let Some(mut both) = Both::start() else { return };
    let large = "x".repeat(3 << 20);
    both.same(&format!("SET large {large}"));
    both.same("GET large");
    both.same("GET large");
    both.same("GET large");
    both.same("SUBSCRIBE one");
    both.same("PSUBSCRIBE t*");
    for address in [both._servers[0].address(), both._servers[1].address()] {
        let mut other = Talk::open(&address);
        other.ask("PUBLISH one hello");
        other.ask("PUBLISH two there");
    }
    for _ in 0..2 {
        assert_eq!(both.through.hear(), both.direct.hear());
    }
    both.same("GET a");
    both.same("PING");
    both.same("UNSUBSCRIBE one");
    both.same("PUNSUBSCRIBE t*");
    both.same("GET a");
    assert_eq!(both.through.ask("RESET"), "+RESET\r\n");
    assert_eq!(both.through.ask("GET a"), "-NOAUTH Authentication required.\r\n");
}

#[test]
fn what_may_not_be_is_refused_in_its_turn_and_spoils_a_transaction() {
    let Some(mut both) = Both::start() else { return };
    both.through.ask("AUTH narrow");
    let said = ["SET a 1", "GET secret", "GET a", "SET fixed 1", "INCR a", "GET a"];
    both.through.send(&said.map(command).concat());
    let heard: Vec<_> = said.iter().map(|_| both.through.hear()).collect();
    let no = "-NOPERM this may not be\r\n";
    assert_eq!(heard, ["+OK\r\n", no, "$1\r\n1\r\n", no, ":2\r\n", "$1\r\n2\r\n"]);
    let said = ["MULTI", "SET a 5", "GET secret", "SET a 6", "EXEC", "GET a", "FLUSHALL"];
    both.through.send(&said.map(command).concat());
    let heard: Vec<_> = said.iter().map(|_| both.through.hear()).collect();
    assert_eq!(heard[2], no);
    assert!(heard[4].starts_with("-EXECABORT"), "{heard:?}");
    assert_eq!(heard[5], "$1\r\n2\r\n");
    assert_eq!(heard[6], no, "one of the databases may not be written");
    for line in ["MULTI", "SELECT 9", "EXEC"] {
        assert!(!both.through.ask(line).starts_with('-'), "{line}");
    }
    assert_eq!(both.through.ask("GET a"), no, "that database may be the one that is selected");
    assert_eq!(both.through.ask("SELECT 0"), "+OK\r\n");
    assert_eq!(both.through.ask("GET a"), "$1\r\n2\r\n");
}

#[test]
fn random_pipelines_are_answered_the_same() {
    let Some(mut both) = Both::start() else { return };
    const LINES: &[&str] = &[
        "SET K V",
        "GET K",
        "GET K",
        "GET K",
        "MGET K K K",
        "INCR K",
        "APPEND K V",
        "DEL K",
        "HSET H F V",
        "HGET H F",
        "HMGET H F F",
        "HGETALL H",
        "HDEL H F",
        "SADD S 1",
        "SADD S 2",
        "SMEMBERS S",
        "SREM S 1",
        "RPUSH L V",
        "LRANGE L 0 -1",
        "LPOP L",
        "BLPOP L 0.01",
        "ZADD Z 1 F",
        "ZRANGE Z 0 -1",
        "ZSCORE Z F",
        "EXISTS K",
        "TYPE H",
        "RENAME K K",
        "GETSET K V",
        "MULTI",
        "EXEC",
        "WATCH K",
        "SELECT 0",
        "SELECT 1",
        "EVAL return{redis.call('get','k1')} 0",
        "NOSUCH",
        "GET",
        "FLUSHDB",
        "PX K",
        "STRLEN K",
        "LLEN L",
        "SCARD S",
        "PING",
        "SETRANGE K 3 V",
        "GET H",
        "HGETALL K",
    ];
    // Batches of nothing else may be answered from memory, where no transaction is open: what
    // is begun among two batches of everything ends before several of these.
    const READS: &[&str] =
        &["GET K", "HGET H F", "MGET K K", "HGETALL H", "SMEMBERS S", "TYPE Z", "LLEN L"];
    // Not before what is kept may be believed.
    both.door.warm(&mut both.through, "GET none");
    let signals = &both.door.near.signals;
    let (hits, fills) = (signals.hits.get(), signals.fills.get());
    let mut dice = Dice::new(7);
    for round in 0..600 {
        let lines = if round % 6 < 2 { LINES } else { READS };
        let mut stream = Vec::new();
        let mut count = 1 + dice.below(12);
        for _ in 0..count {
            let mut line = String::new();
            for word in lines[dice.below(lines.len())].split(' ') {
                let number = dice.below(3);
                line += &match word {
                    "K" | "H" | "S" | "L" | "Z" => format!("{}{number} ", word.to_lowercase()),
                    "F" | "V" => format!("{}{number} ", word.to_lowercase()),
                    "PX" => "PEXPIRE ".into(),
                    word => format!("{word} "),
                };
                if word == "PX" {
                    line += &format!("k{number} 100000");
                    break;
                }
            }
            stream.extend(command(&line));
        }
        if round % 6 == 1 {
            stream.extend(command("EXEC"));
            count += 1;
        }
        both.direct.send(&stream);
        // Cut anywhere, as a network does.
        let cut = dice.below(stream.len());
        both.through.send(&stream[..cut]);
        both.through.send(&stream[cut..]);
        for at in 0..count {
            let (through, direct) = (both.through.hear(), both.direct.hear());
            let said = String::from_utf8_lossy(&stream);
            assert_eq!(through, direct, "round {round}, reply {at} of\n{said}");
        }
    }
    assert!(signals.hits.get() > hits && signals.fills.get() > fills);
}

#[test]
fn a_pipeline_longer_than_all_buffers_is_answered() {
    let Some(mut both) = Both::start() else { return };
    let value = "v".repeat(1000);
    both.same(&format!("SET k {value}"));
    let count = 40_000;
    both.through.send(&command("GET k").repeat(count));
    for _ in 0..count {
        assert_eq!(both.through.try_hear().unwrap().len(), 1009);
    }
}
