//! The same pipelines sent to the binary and to a real Redis, and their replies compared
//! frame by frame.

use engines::own::RedisServer;
use flow::Random;

use crate::server::{Server, random};
use crate::wire::{Frame, Wire, sent};

/// What answers by chance, by the clock, in an encoding of its own (as HyperLogLogs show when
/// they are read as text), about the connection or about scripts, or not at once.
const APART: &str = "\
    acl auth bgrewriteaof bgsave blmove blmpop blpop brpop brpoplpush bzmpop bzpopmax bzpopmin \
    client command config debug discard dump exec expire expireat flushall getex hello \
    hrandfield hscan info lastsave latency memory module monitor multi object pexpire \
    pexpireat psetex psubscribe psync publish pubsub punsubscribe quit randomkey replicaof \
    reset restore role save scan select setex shutdown slaveof slowlog spop srandmember sscan \
    subscribe swapdb sync time unsubscribe unwatch wait watch xautoclaim xclaim xinfo xpending \
    zrandmember zscan pexpiretime pttl ping eval evalsha eval_ro evalsha_ro fcall fcall_ro \
    function script pfadd pfmerge";

/// What walks over all keys, of which a node knows those in its memory where they are kept
/// elsewhere too; and what goes to another database, whose own pipeline takes longer there.
const NEAR: &str = "keys dbsize sort sort_ro move";

/// Whose replies say nothing by their order, and those of pairs.
const UNORDERED: &[&str] = &["hkeys", "hvals", "keys", "sdiff", "sinter", "smembers", "sunion"];
const PAIRED: &[&str] = &["hgetall"];
/// Redis looks at their second word as it gathers them; here it is looked at with the rest.
const IN_TWO_WORDS: &[&str] = &["xgroup"];

const WORDS: &str = "\
    0 1 2 -1 3 10 1.5 -inf +inf (1 [a - + a b c hello nx xx get left right limit withscores \
    count store asc desc alpha by weights aggregate sum before after and or not u8 set incrby \
    rev bylex byscore match replace keepttl ch incr 1-1 2-0 5-* group create mkstream streams \
    > maxlen ~ m km 13.361389 38.115556 9223372036854775807";

/// What lies under the keys of a kind when a row of pipelines begins.
const BEGIN: &[&str] = &[
    "set {s}0 10",
    "set {s}1 hello",
    "rpush {l}0 a b c 1 2 3",
    "sadd {m}0 a b c 1 2",
    "sadd {m}1 b c d",
    "zadd {z}0 1 a 2 b 3 c",
    "zadd {z}1 5 b 7 d",
    "hset {h}0 a 1 b 2 c x",
    "xadd {x}0 1-1 a 1",
    "xadd {x}0 2-0 b 2",
    "xgroup create {x}0 a 0",
];

const KEYS: &[&str] =
    &["{s}0", "{s}1", "{l}0", "{l}1", "{m}0", "{m}1", "{z}0", "{z}1", "{h}0", "{x}0", "{n}0"];

/// A command of the table, as the server tells of it.
#[derive(Debug)]
struct Shape {
    name: String,
    arity: i64,
    keys: (i64, i64, i64),
}

/// Words that commands may take, the numbers first, and an empty one.
fn words() -> Vec<&'static str> {
    WORDS.split(' ').chain([""]).collect()
}

/// One of these.
fn one<'w>(random: &Random, words: &[&'w str]) -> &'w str {
    words[(random.number() % words.len() as u64) as usize]
}

/// All that both know and that can be compared.
fn shapes(ours: &mut Wire, theirs: &mut Wire, more: &str) -> Vec<Shape> {
    let told = ours.say("command");
    let mut shapes = Vec::new();
    for entry in told.parts() {
        let name = entry.parts()[0].text();
        // Redis says what it takes: later versions gave some commands more words.
        let known = theirs.ask("command", &["info", name]).parts()[0].clone();
        let mut apart = APART.split(' ').chain(more.split(' '));
        if apart.any(|apart| apart == name) || known.is_nothing() {
            continue;
        }
        let number = |at: usize| known.parts()[at].number();
        let keys = (number(3), number(4), number(5));
        shapes.push(Shape { name: name.into(), arity: number(1), keys });
    }
    shapes
}

impl Shape {
    /// Words that may make sense to it.
    fn said(&self, random: &Random) -> Vec<String> {
        let least = self.arity.unsigned_abs() as usize;
        let more = if self.arity < 0 { random.number() as usize % 5 } else { 0 };
        let length = least + more;
        let (first, last, step) = self.keys;
        let last = if last < 0 { length as i64 + last } else { last };
        let is_key =
            |at: i64| first > 0 && at >= first && at <= last && (at - first) % step.max(1) == 0;
        // Most keys are of the kind that commands of this letter work on.
        let own = match self.name.chars().next() {
            Some('h') => "{h}",
            Some('l' | 'r') => "{l}",
            Some('z' | 'g') => "{z}",
            Some('x') => "{x}",
            Some('s') if !self.name.starts_with("set") => "{m}",
            _ => "{s}",
        };
        let word = |at: usize| match is_key(at as i64) {
            true if !random.number().is_multiple_of(8) => format!("{own}{}", random.number() % 2),
            true => one(random, KEYS).into(),
            false if random.number().is_multiple_of(6) => one(random, KEYS).into(),
            // A set that is not sorted has no order to compare.
            false if self.name.starts_with("sort") => one(random, &words()[..10]).into(),
            false => one(random, &words()).into(),
        };
        std::iter::once(self.name.clone()).chain((1..length).map(word)).collect()
    }
}

fn arranged(name: &str, frame: Frame) -> Frame {
    match () {
        () if UNORDERED.contains(&name) => frame.sorted(false),
        () if PAIRED.contains(&name) => frame.sorted(true),
        () => frame,
    }
}

/// A pipeline of commands, and perhaps all of them together.
fn pipeline(random: &Random, shapes: &[Shape]) -> Vec<Vec<String>> {
    let count = 1 + random.number() as usize % 40;
    let command = |_| shapes[random.number() as usize % shapes.len()].said(random);
    let mut lines: Vec<Vec<String>> = (0..count).map(command).collect();
    if random.number().is_multiple_of(4) {
        // Lists without an order cannot be told apart inside what is done together.
        let apart = [UNORDERED, PAIRED, IN_TWO_WORDS].concat();
        lines.retain(|line| !apart.contains(&&*line[0]));
        lines.insert(0, vec!["multi".into()]);
        lines.push(vec!["exec".into()]);
    }
    lines
}

struct Pair {
    ours: Wire,
    theirs: Wire,
    /// How many replies were the same, and how many of them were no errors.
    same: (u64, u64),
}

impl Pair {
    fn both(&mut self, line: &str) {
        let (ours, theirs) = (self.ours.say(line), self.theirs.say(line));
        assert!(!ours.is_error() && !theirs.is_error(), "{line}: {ours:?} {theirs:?}");
    }

    fn begin(&mut self) {
        self.both("flushdb");
        BEGIN.iter().for_each(|line| self.both(line));
    }

    /// Sends it all to both before it reads any of the replies.
    fn send(&mut self, lines: &[Vec<String>]) {
        let bytes: Vec<u8> = lines
            .iter()
            .flat_map(|line| sent(&line.iter().map(String::as_bytes).collect::<Vec<_>>()))
            .collect();
        self.ours.raw(&bytes).unwrap();
        self.theirs.raw(&bytes).unwrap();
    }

    fn compare(&mut self, lines: &[Vec<String>], differences: &mut Vec<String>) {
        for line in lines {
            let ours = arranged(&line[0], self.ours.hear());
            let theirs = arranged(&line[0], self.theirs.hear());
            if ours != theirs {
                differences.push(format!("{line:?}\n  ours   {ours:?}\n  theirs {theirs:?}"));
                return self.drop_rest(line, lines);
            }
            self.same.0 += 1;
            self.same.1 += u64::from(!ours.is_error());
        }
    }

    /// What follows from a difference is none.
    fn drop_rest(&mut self, at: &[String], lines: &[Vec<String>]) {
        let place = lines.iter().position(|line| std::ptr::eq(line.as_slice(), at)).unwrap();
        for _ in &lines[place + 1..] {
            self.ours.hear();
            self.theirs.hear();
        }
        self.begin();
    }
}

#[test]
fn random_pipelines_are_answered_as_by_redis() {
    let place = tempfile::tempdir().unwrap();
    are_answered_alike(&Server::start(place.path()), 150, "");
}

#[test]
fn they_are_where_values_are_kept_in_a_table_too() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_with(place.path(), |command| {
        command.env("STOCKADE_CACHE__L3__TABLE", "on");
    });
    are_answered_alike(&server, 15, NEAR);
}

fn are_answered_alike(server: &Server, rounds: usize, apart: &str) {
    let Some(redis) = RedisServer::start() else { return };
    let long = std::env::var_os("STOCKADE_TEST_LONG").is_some();
    // What a new seed may find is not found while something else is tested.
    let random = if long { random() } else { Random::seeded(1) };
    let connect = |n: usize| {
        let mut pair =
            Pair { ours: Wire::to(server), theirs: Wire::open(&redis.address()), same: (0, 0) };
        pair.both(&format!("select {n}"));
        if n % 2 == 1 {
            pair.ours.say("hello 3");
            pair.theirs.say("hello 3");
        }
        pair.begin();
        pair
    };
    let mut pairs: Vec<_> = (0..6).map(connect).collect();
    let first = &mut pairs[0];
    let shapes = shapes(&mut first.ours, &mut first.theirs, apart);
    assert!(shapes.len() > 100, "{}", shapes.len());
    let rounds = if long { rounds * 20 } else { rounds };
    let mut differences = Vec::new();
    for round in 0..rounds {
        let lines: Vec<_> = pairs.iter().map(|_| pipeline(&random, &shapes)).collect();
        let all = pairs.iter_mut().zip(&lines);
        all.for_each(|(pair, lines)| pair.send(lines));
        for (pair, lines) in pairs.iter_mut().zip(&lines) {
            pair.compare(lines, &mut differences);
            if round % 16 == 0 {
                pair.begin();
            }
        }
    }
    let (same, done) =
        pairs.iter().fold((0, 0), |sum, pair| (sum.0 + pair.same.0, sum.1 + pair.same.1));
    println!("{same} replies are the same, {done} of them no errors");
    assert!(done * 5 > same, "{done} of {same} commands made sense");
    assert!(differences.is_empty(), "{}:\n{}", differences.len(), differences.join("\n"));
}
