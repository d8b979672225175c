//! Values with parts where they are kept for good: what was answered is there after a power
//! cut, and other nodes see it.

use std::path::Path;
use std::time::Duration;

use engines::own::RedisServer;

use crate::server::{Server, until};
use crate::wire::{Frame, Wire};

const SOON: Duration = Duration::from_secs(20);

/// A server with a table behind memory.
fn with_table(place: &Path) -> Server {
    Server::start_with(place, |command| {
        command.env("STOCKADE_CACHE__L3__TABLE", "on");
    })
}

/// Two nodes that share a table.
fn two(place: &Path) -> Option<([Server; 2], engines::Postgres)> {
    let postgres = engines::postgres()?;
    let node = |name: &str| {
        Server::start_with(&place.join(name), |command| {
            command.env("STOCKADE_SQL__URL", postgres.url());
            command.env("STOCKADE_FEED__URL", postgres.url());
            command.env("STOCKADE_CACHE__L3__TABLE", "on");
        })
    };
    Some(([node("here"), node("there")], postgres))
}

/// Lines that make a value of every kind, with ends of keys and of fields.
const MAKING: [&str; 14] = [
    "rpush l a b c",
    "lpush l z",
    "sadd s one two three",
    "sadd n 1 2 3",
    "hset h name ann age 7 gone x",
    "hexpire h 1000 fields 1 age",
    "hdel h gone",
    "zadd z 1 one 2.5 two -inf least",
    "xadd x 1-1 field value other value",
    "xadd x 2-1 field next",
    "xgroup create x readers 0",
    "xreadgroup group readers ann count 1 streams x >",
    "hset brief f v",
    "pexpire brief 100000",
];

/// What is asked of them, in an order that sets and hashes do not decide.
const ASKING: [&str; 14] = [
    "lrange l 0 -1",
    "smembers s",
    "sismember n 2",
    "hgetall h",
    "hexpiretime h fields 2 age name",
    "hlen h",
    "zrange z 0 -1 withscores",
    "zscore z two",
    "xrange x - +",
    "xpending x readers - + 10 ann",
    "xinfo groups x",
    "type x",
    "exists l s n h z x brief",
    "lindex l -1",
];

fn answers(wire: &mut Wire) -> Vec<Frame> {
    let answer = |line: &&str| {
        let answer = wire.say(line);
        // How long something has waited is another number each time.
        match (answer, line.starts_with("xpending")) {
            (Frame::Parts(kind, rows), true) => {
                let whole = |row: &Frame| Frame::Parts('*', row.parts()[..2].to_vec());
                Frame::Parts(kind, rows.iter().map(whole).collect())
            }
            (answer, _) => answer.sorted(line.starts_with("hgetall")),
        }
    };
    ASKING.iter().map(answer).collect()
}

fn make(wire: &mut Wire) {
    for line in MAKING {
        let answer = wire.say(line);
        assert!(!answer.is_error(), "{line}: {answer:?}");
    }
}

/// What the same lines are answered where nothing is kept but in memory.
fn expected() -> Vec<Frame> {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path());
    let mut wire = Wire::to(&server);
    make(&mut wire);
    answers(&mut wire)
}

/// Without the moments, which are others on every run.
fn timeless(answers: &[Frame]) -> Vec<&Frame> {
    let ends = ASKING.iter().position(|line| line.starts_with("hexpiretime"));
    let timed = |(at, answer)| (Some(at) != ends).then_some(answer);
    answers.iter().enumerate().filter_map(timed).collect()
}

#[test]
fn what_was_answered_is_there_after_a_power_cut() {
    let place = tempfile::tempdir().unwrap();
    let server = with_table(place.path());
    let mut wire = Wire::to(&server);
    make(&mut wire);
    let before = answers(&mut wire);
    assert_eq!(timeless(&before), timeless(&expected()));
    let mut count = 0;
    for n in 0..20 {
        assert!(!wire.say(&format!("hset late f{n} v")).is_error());
        assert!(!wire.say(&format!("rpush row {n}")).is_error());
        count += 1;
    }
    server.kill();
    let server = with_table(place.path());
    let mut wire = Wire::to(&server);
    assert_eq!(answers(&mut wire), before);
    assert_eq!(wire.say("hlen late").number(), count);
    assert_eq!(wire.say("llen row").number(), count);
    let left = wire.say("pttl brief").number();
    assert!((1..=100_000).contains(&left), "{left}");
    // It goes on from there.
    assert_eq!(wire.say("rpush l d").number(), 5);
    assert_eq!(wire.say("hincrby h age 1").number(), 8);
    assert_eq!(wire.say("httl h fields 1 name").parts()[0].number(), -1);
    assert_eq!(wire.say("xack x readers 1-1").number(), 1);
    assert_eq!(wire.say("lpop l 5").parts().len(), 5);
    assert_eq!(wire.say("exists l").number(), 0);
    server.kill();
    let server = with_table(place.path());
    let mut wire = Wire::to(&server);
    assert_eq!(wire.say("exists l").number(), 0);
    assert_eq!(wire.say("hget h age").text(), "8");
    // By HTTP it is told what there is, as of one in memory.
    let answer = server.http("GET", "/v1/cache/db0/h", b"");
    assert_eq!((answer.status, answer.problem().as_str()), (400, "cache-value-has-parts"));
}

#[test]
fn fields_end_that_were_kept() {
    let place = tempfile::tempdir().unwrap();
    let server = with_table(place.path());
    let mut wire = Wire::to(&server);
    wire.say("hset h brief v lasting v");
    wire.say("hpexpire h 1500 fields 1 brief");
    server.kill();
    let server = with_table(place.path());
    let mut wire = Wire::to(&server);
    until("the field has ended", SOON, || wire.say("hget h brief").is_nothing().then_some(()));
    assert_eq!(wire.say("hlen h").number(), 1);
    assert_eq!(wire.say("hset h brief new").number(), 1);
    assert_eq!(wire.say("httl h fields 1 brief").parts()[0].number(), -1);
}

#[test]
fn nodes_see_what_others_made_and_lose_nothing() {
    let place = tempfile::tempdir().unwrap();
    let Some(([here, there], _postgres)) = two(place.path()) else { return };
    let (mut one, mut other) = (Wire::to(&here), Wire::to(&there));
    make(&mut one);
    until("the other sees it", SOON, || (answers(&mut other) == answers(&mut one)).then_some(()));
    // Both at once.
    std::thread::scope(|scope| {
        for (name, node) in [("h", &here), ("t", &there)] {
            scope.spawn(move || {
                let mut wire = Wire::to(node);
                for n in 0..25 {
                    assert!(!wire.say(&format!("rpush both {name}{n}")).is_error());
                    assert!(!wire.say(&format!("hincrby sum n {n}")).is_error());
                }
            });
        }
    });
    let whole = |wire: &mut Wire| {
        (wire.say("llen both").number(), wire.say("hget sum n").text().to_owned())
    };
    let all = (50, "600".to_owned());
    until("both see all of it", SOON, || {
        (whole(&mut one) == all && whole(&mut other) == all).then_some(())
    });
}

#[test]
fn who_waits_is_served_by_another_node() {
    let place = tempfile::tempdir().unwrap();
    let Some(([here, there], _postgres)) = two(place.path()) else { return };
    let (mut one, mut other) = (Wire::to(&here), Wire::to(&there));
    other.raw(&crate::wire::sent(&[b"BLPOP", b"row", b"20"])).unwrap();
    assert!(other.is_silent(Duration::from_millis(100)), "nothing is there yet");
    one.say("rpush row a");
    assert_eq!(other.hear().parts()[1].text(), "a");
    until("it is gone here too", SOON, || (one.say("llen row").number() == 0).then_some(()));
    // The end of a stream is its end, whether this node has read it before or not.
    one.say("xadd stream 1-1 field old");
    other
        .raw(&crate::wire::sent(&[b"XREAD", b"BLOCK", b"20000", b"STREAMS", b"stream", b"$"]))
        .unwrap();
    assert!(other.is_silent(Duration::from_millis(100)), "nothing new is there yet");
    one.say("xadd stream 2-1 field new");
    let heard = other.hear();
    let entries = heard.parts()[0].parts()[1].parts();
    assert_eq!((entries.len(), entries[0].parts()[0].text()), (1, "2-1"));
    // What is watched there has changed when it is changed here.
    other.say("watch watched");
    one.say("sadd watched a");
    until("the other hears of it", SOON, || {
        (other.say("scard watched").number() == 1).then_some(())
    });
    other.say("multi");
    other.say("sadd watched b");
    assert!(other.say("exec").is_nothing());
}

#[test]
fn a_redis_behind_memory_keeps_them_too() {
    let Some(redis) = RedisServer::start() else { return };
    let place = tempfile::tempdir().unwrap();
    let start = || {
        Server::start_with(place.path(), |command| {
            command.env("STOCKADE_CACHE__L2__URL", redis.url());
        })
    };
    let server = start();
    let mut wire = Wire::to(&server);
    make(&mut wire);
    let before = answers(&mut wire);
    server.kill();
    let server = start();
    let mut wire = Wire::to(&server);
    until("it believes itself", SOON, || (answers(&mut wire) == before).then_some(()));
    for line in ["multi", "lpush l y", "hset h more v", "del s", "exec"] {
        assert!(!wire.say(line).is_error(), "{line}");
    }
    assert_eq!(wire.say("lrange l 0 0").parts()[0].text(), "y");
    assert_eq!((wire.say("hlen h").number(), wire.say("exists s").number()), (3, 0));
    assert_eq!(wire.say("sadd tagged one").number(), 1);
    assert_eq!(wire.say("stockade.tag tagged team").number(), 1);
    assert_eq!(wire.say("sadd tagged more").number(), 1);
    assert_eq!(wire.say("stockade.tag nothing team").number(), 0);
    assert!(!wire.say("stockade.purge tag team").is_error());
    assert_eq!((wire.say("exists tagged").number(), wire.say("exists h").number()), (0, 1));
    for line in ["multi", "rpush after a", "flushdb", "rpush after b", "exec"] {
        assert!(!wire.say(line).is_error(), "{line}");
    }
    assert_eq!((wire.say("llen after").number(), wire.say("exists h l z").number()), (1, 0));
    ["multi", "flushdb", "exec"].iter().for_each(|line| drop(wire.say(line)));
    assert_eq!(wire.say("llen after").number(), 0);
    // What nobody can know is not made up.
    drop(redis);
    let answer = wire.say("lpush l x");
    assert!(answer.is_error(), "{answer:?}");
}

#[test]
fn what_is_too_large_to_be_kept_is_refused_and_the_rest_stays() {
    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("config.toml");
    std::fs::write(&config, "[cache]\ncapacity = '1MiB'\n[cache.all.codec]\nlargest = '256KiB'\n")
        .unwrap();
    let server = Server::start_with(&place.path().join("data"), |command| {
        command.arg("--config").arg(&config).env("STOCKADE_CACHE__L3__TABLE", "on");
    });
    let mut wire = Wire::to(&server);
    let part = "x".repeat(10_000);
    let refused = (0..100).find_map(|n| {
        let answer = wire.ask("RPUSH", &["l", &part]);
        answer.is_error().then(|| (n, answer.text().to_owned()))
    });
    let (held, words) = refused.expect("there is a limit");
    assert!(words.contains("allowed") || words.contains("larger than"), "{words}");
    assert_eq!(wire.say("llen l").number(), held);
    assert!(held >= 20, "{held}");
}

/// Counts up what is watched, until it was done so often.
fn count_up(wire: &mut Wire, key: &str, times: usize) -> usize {
    let (mut done, mut tries) = (0, 0);
    while done < times {
        tries += 1;
        wire.ask("WATCH", &[key]);
        let held = wire.ask("HGET", &[key, "n"]);
        let next = if held.is_nothing() { 1 } else { held.number() + 1 };
        wire.say("multi");
        wire.ask("HSET", &[key, "n", &next.to_string()]);
        done += usize::from(!wire.say("exec").is_nothing());
    }
    tries
}

#[test]
fn no_watched_update_is_lost_between_nodes() {
    let place = tempfile::tempdir().unwrap();
    let Some((nodes, _postgres)) = two(place.path()) else { return };
    let tries: usize = std::thread::scope(|scope| {
        let count = |node| scope.spawn(move || count_up(&mut Wire::to(node), "balance", 30));
        let threads: Vec<_> = nodes.iter().map(count).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(tries > 60, "nobody was ever in another's way");
    let mut wire = Wire::to(&nodes[0]);
    until("all is seen", SOON, || (wire.say("hget balance n").number() == 60).then_some(()));
}
