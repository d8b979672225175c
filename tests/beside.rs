//! Several connections to the Redis door do the same as several connections to a real
//! Redis, and what each of them is sent is compared: replies, and what nobody asked for.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use engines::own::RedisServer;
use server::{KEY, Server};

/// A reply, or what was sent without having been asked for, with its parts.
type Frame = String;

struct Connection {
    socket: TcpStream,
    read: Vec<u8>,
    marks: usize,
    id: String,
}

impl Connection {
    fn open(address: &str, key: Option<&str>) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut open = Self { socket, read: Vec::new(), marks: 0, id: String::new() };
        if let Some(key) = key {
            open.send(&format!("auth {key}"));
            assert_eq!(open.next(), "+OK");
        }
        open.send("client id");
        open.id = open.next().trim_start_matches(':').to_owned();
        open
    }

    /// Says some commands at once.
    fn send(&mut self, commands: &str) {
        let mut sent = String::new();
        for command in commands.split(';') {
            let words: Vec<&str> = command.split_whitespace().collect();
            sent += &format!("*{}\r\n", words.len());
            for word in words {
                sent += &format!("${}\r\n{word}\r\n", word.len());
            }
        }
        self.socket.write_all(sent.as_bytes()).unwrap();
    }

    fn next(&mut self) -> Frame {
        loop {
            if let Some((frame, length)) = parse(&self.read) {
                self.read.drain(..length);
                return frame;
            }
            let mut more = [0; 4096];
            let length = self.socket.read(&mut more).unwrap();
            assert_ne!(length, 0, "hung up");
            self.read.extend_from_slice(&more[..length]);
        }
    }

    /// All it was sent until now: what was there when it asked twice comes before that.
    fn all(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        for _ in 0..2 {
            self.marks += 1;
            let mark = format!("mark-{}", self.marks);
            self.send(&format!("ping {mark}"));
            loop {
                let frame = self.next();
                if frame.contains(&mark) {
                    break;
                }
                frames.push(frame);
            }
        }
        frames
    }
}

/// The first frame of these bytes, and how long it is; none if it is not whole.
fn parse(bytes: &[u8]) -> Option<(Frame, usize)> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let line = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut at = end + 2;
    let count = line[1..].parse::<usize>().ok();
    match (bytes[0], count) {
        (b'$' | b'=', Some(length)) => {
            let body = bytes.get(at..at + length)?;
            bytes.get(at + length + 1)?;
            Some((format!("'{}'", String::from_utf8_lossy(body)), at + length + 2))
        }
        (kind @ (b'*' | b'~' | b'>' | b'%'), Some(count)) => {
            let mut parts = Vec::new();
            for _ in 0..count * if kind == b'%' { 2 } else { 1 } {
                let (part, length) = parse(&bytes[at..])?;
                parts.push(part);
                at += length;
            }
            Some((format!("{}({})", char::from(kind), parts.join(" ")), at))
        }
        _ => Some((line, at)),
    }
}

/// A server, and those who are connected to it, by name.
struct Side {
    address: String,
    key: Option<&'static str>,
    connections: BTreeMap<String, Connection>,
    /// The numbers of all who ever were.
    ids: BTreeMap<String, String>,
}

impl Side {
    /// Does what a line says, `name: command; command`, and what everybody was sent then.
    fn play(&mut self, line: &str) -> Vec<(String, Vec<Frame>)> {
        let (name, commands) = line.split_once(':').unwrap();
        let (address, key) = (&self.address, self.key);
        if commands.trim() == "leaves" {
            self.connections.remove(name).unwrap();
            return self.sent();
        }
        for name in name.split(',') {
            let open = || Connection::open(address, key);
            let one = self.connections.entry(name.to_owned()).or_insert_with(open);
            self.ids.insert(format!("@{name}"), one.id.clone());
        }
        let ids = self.ids.clone();
        let said = ids.iter().fold(commands.to_owned(), |said, (of, id)| said.replace(of, id));
        let connection = self.connections.get_mut(name).unwrap();
        connection.send(&said);
        let own = connection.all();
        let mut sent = vec![(name.to_owned(), own)];
        sent.extend(self.sent());
        for frame in sent.iter_mut().flat_map(|(_, frames)| frames) {
            let version = format!("'stockade' 'version' '{}'", env!("CARGO_PKG_VERSION"));
            *frame = frame.replace(&version, "'redis' 'version' '7.0.15'");
            for (of, id) in &ids {
                *frame = frame.replace(&format!(":{id}"), &format!(":{of}"));
            }
        }
        sent
    }

    fn sent(&mut self) -> Vec<(String, Vec<Frame>)> {
        self.connections.iter_mut().map(|(name, one)| (name.clone(), one.all())).collect()
    }
}

/// Plays a script on both sides; nothing where there is no Redis to be found.
fn check(script: &str) {
    check_with(script, |_| ());
}

/// The same, where keys that begin with `user:` are of another namespace.
fn check_led(script: &str) {
    check_with(script, |command| {
        command.env("STOCKADE_RESP__PREFIXES", r#"{ "user:" = "users" }"#);
    });
}

fn check_with(script: &str, more: impl FnOnce(&mut std::process::Command)) {
    let Some(redis) = RedisServer::start() else { return };
    let place = tempfile::tempdir().unwrap();
    let stockade = Server::start_with(&place.path().join("data"), more);
    let side = |address: String, key| Side {
        address,
        key,
        connections: BTreeMap::new(),
        ids: BTreeMap::new(),
    };
    // So that the numbers of those that are compared look like no other numbers.
    for address in [redis.address(), stockade.resp.clone()] {
        (0..200).for_each(|_| drop(TcpStream::connect(&address).unwrap()));
    }
    let mut theirs = side(redis.address(), None);
    let mut ours = side(stockade.resp.clone(), Some(KEY));
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (theirs, ours) = (theirs.play(line), ours.play(line));
        assert_eq!(ours, theirs, "ours, theirs: {line}");
    }
}

/// Everybody speaks the third version of the protocol.
fn check3(script: &str) {
    let names: std::collections::BTreeSet<_> = script
        .lines()
        .filter_map(|line| line.trim().split_once(':'))
        .map(|(name, _)| name)
        .collect();
    let hello: String = names.iter().map(|name| format!("{name}: hello 3\n")).collect();
    check(&(hello + script));
}

#[test]
fn who_keeps_what_they_read_is_told_once_that_it_has_changed() {
    check3(
        "
        a: client trackinginfo; client getredir; client caching yes
        a: client tracking on
        b: set k 0
        a: client trackinginfo; client getredir; client caching yes; client caching no
        a: get k
        b: set k 1
        b: set k 2
        a: get k; set k 3; get k; set k 4
        a: mget x y z
        b: mset y 1 z 1
        b: del y z
        a: hget h f
        b: hset h f 1
        b: hset h f 2
        a: lrange l 0 -1
        b: rpush l 1
        a: type k; ttl k
        b: expire k 100
        a: strlen k
        b: persist k
        a: exists k
        b: rename k kk
        a: get kk
        b: get kk
        a: multi; get kk; set kk 1; get kk; exec
        b: append kk x
        a: multi; get kk; exec
        b: append kk x
        a: incr n
        b: incr n
        a: get n; get m
        b: flushdb
        b: set n 1
        a: get n
        a: flushall
        a: get n; client tracking off
        b: set n 2
        a: client trackinginfo
        ",
    );
}

#[test]
fn some_are_told_of_every_key_that_begins_as_they_wish() {
    // Keys of one client that change in quick succession may be told of together, or not.
    check3(
        "
        a: client tracking on bcast
        b: set k 1
        b: set j 1
        b: set k 1
        b: set i 1
        a: set k 1; set j 1
        a: client tracking on bcast prefix f
        a: client tracking off
        a: client tracking on bcast prefix f prefix g noloop
        a: client trackinginfo
        b: set fb 1
        b: set ga 1
        b: set x 1
        b: set fa 1
        b: del fb
        a: set fa 1
        a: client tracking on bcast prefix foo
        a: client tracking on bcast prefix x prefix xx
        a: client tracking on bcast prefix h
        a: client trackinginfo
        b: set h 1
        b: set f 1
        a: client tracking on
        a: client tracking on bcast optin
        b: flushdb
        a: client tracking off; client tracking on; client tracking on bcast
        ",
    );
}

#[test]
fn the_next_command_may_be_the_exception() {
    check3(
        "
        a: client tracking on optin optout
        a: client tracking on optin noloop
        a: client trackinginfo; client caching no; client caching maybe; client caching
        a: get k
        b: set k 1
        a: client caching yes; client trackinginfo; get k; get j
        b: set k 1; set j 1
        a: client caching yes; multi; get k; get j; exec; get i
        b: set k 1; set j 1; set i 1
        a: client caching yes; get k; set k 1
        b: set k 2
        a: client tracking on optout
        a: client tracking off; client tracking on optout
        a: client caching yes
        a: client caching no; get k; get j
        b: set k 1; set j 1
        a: client trackinginfo
        a: client tracking on redirect 1 redirect 2; client tracking on foo
        a: client tracking on redirect x; client tracking on prefix x; client tracking maybe
        a: client tracking; client tracking on redirect; client getredir x; client trackinginfo x
        a: client tracking off; client trackinginfo
        ",
    );
}

#[test]
fn another_connection_may_be_told_instead() {
    check(
        "
        c: subscribe __redis__:invalidate
        a: client tracking on redirect @c
        a: client getredir; client trackinginfo
        a: get k
        b: set k 1
        a: get k; get j
        a: set k 2
        b: flushall
        b: client tracking on; get k
        a: set k 3
        a: client tracking off; client tracking on bcast redirect @c
        b: set x 1; set y 1
        a: client tracking off; client tracking on redirect @c
        a: hello 3
        a: get k
        c: leaves
        b: set k 1
        a: client trackinginfo; client getredir
        a: client tracking on redirect 99999
        ",
    );
}

/// As in [`check3`], and one connection hears all that is told of keys.
fn check_notices(script: &str) {
    let head = "a: config get notify-keyspace-events; config set notify-keyspace-events KEAmn\n\
                s: psubscribe __key*\n";
    check(&(head.to_owned() + script));
}

#[test]
fn what_happens_to_keys_is_told_on_channels_by_letters() {
    check(
        "
        a: config get notify-keyspace-events
        a: config set notify-keyspace-events KEA; config get notify-keyspace-events
        a: config set notify-keyspace-events dK; config get notify-keyspace-events
        a: config set notify-keyspace-events AKn; config get notify-keyspace-events
        a: config set notify-keyspace-events nmKEg; config get notify-keyspace-events
        a: config set notify-keyspace-events Kg$lshzxet; config get notify-keyspace-events
        a: config set notify-keyspace-events Kg$lshzxetd; config get notify-keyspace-events
        a: config set notify-keyspace-events q
        s: psubscribe __key*
        a: config set notify-keyspace-events Kg
        a: set a 1; del a
        a: config set notify-keyspace-events E$; set a 1; del a
        a: config set notify-keyspace-events A; set a 1
        a: select 3; config set notify-keyspace-events EKl; lpush l 1; set b 1
        a: config set notify-keyspace-events K; lpush l 1
        ",
    );
}

#[test]
fn what_happens_to_texts_and_keys_is_called_as_redis_calls_it() {
    check_notices(
        "
        a: set a 1
        a: set a 2 ex 100
        a: set a 2 keepttl
        a: setex a 10 x
        a: setnx n 1
        a: getset a 3
        a: mset a 1 b 2
        a: msetnx c 1 d 2
        a: append a x
        a: setrange a 1 y
        a: incr i
        a: decrby i 3
        a: incrbyfloat i 1.5
        a: setbit bb 1 1
        a: bitop not bd bb
        a: bitop not bd nokey
        a: bitfield bb set u8 0 1
        a: pfadd hll a
        a: getex a ex 5
        a: getex a persist
        a: getdel a
        a: get nokey
        a: exists nokey
        a: ttl nokey
        a: strlen nokey
        a: mget nokey nokey2
        a: del b nokey
        a: expire c 100
        a: expire c -1
        a: persist d
        a: expire d 100
        a: persist d
        a: rename d e
        a: renamenx e f
        a: set over 1
        a: rename f over
        a: copy over g
        a: unlink over g
        a: set q 1
        a: getex q exat 1
        a: set q 1
        a: expireat q 1
        a: set a x
        a: set a b get
        a: multi; set a 1; incr a; del a; exec
        a: flushdb
        a: set a 1
        a: flushall
        ",
    );
}

#[test]
fn what_happens_to_lists_sets_and_hashes_is_called_as_redis_calls_it() {
    check_notices(
        "
        a: lpush l a b c
        a: rpush l d
        a: lpushx l a
        a: lpushx nokey a
        a: lset l 0 z
        a: linsert l before z y
        a: lrem l 1 z
        a: ltrim l 0 2
        a: lpop l
        a: rpop l
        a: lmove l l2 left right
        a: rpoplpush l2 l3
        a: rpoplpush l3 l3
        a: lmpop 1 l3 left
        a: lpop nokey
        a: sadd s a b c
        a: srem s a
        a: smove s s2 b
        a: spop s
        a: sadd s a b
        a: sinterstore s3 s s
        a: sinterstore s3 s nokey
        a: sdiffstore s4 nokey
        a: sunionstore s4 s s
        a: smembers nokey
        a: hset h a 1
        a: hsetnx h b 1
        a: hincrby h a 1
        a: hincrbyfloat h a 1.5
        a: hget nokey f
        a: hdel h a b
        a: hmset h a 1
        a: rpush numbers 3 1 2
        a: sort numbers store sorted
        ",
    );
}

#[test]
fn what_happens_to_sorted_sets_and_streams_is_called_as_redis_calls_it() {
    check_notices(
        "
        a: zadd z 1 a 2 b 3 c 4 d 5 e
        a: zadd z incr 1 a
        a: zincrby z 1 a
        a: zrem z a
        a: zremrangebyscore z 2 2
        a: zremrangebyrank z 0 0
        a: zpopmin z
        a: zpopmax z
        a: zadd z 1 a
        a: zunionstore z2 1 z
        a: zinterstore z2 2 z nokey
        a: zdiffstore z2 1 nokey
        a: zrangestore z3 z 0 -1
        a: zmpop 1 z min
        a: bzpopmin z3 1
        a: geoadd ge 1 1 x
        a: geosearchstore ge2 ge fromlonlat 1 1 byradius 10 km
        a: georadius ge 1 1 10 km store ge3
        a: xadd x 1-1 a b
        a: xadd x 2-1 a b
        a: xgroup create x g1 0
        a: xgroup create y g1 0 mkstream
        a: xgroup createconsumer x g1 c1
        a: xgroup setid x g1 0
        a: xgroup destroy x g1
        a: xsetid x 5-1
        a: xdel x 2-1
        a: xadd x 6-1 a b
        a: xtrim x maxlen 0
        ",
    );
}

/// A server of ours, one who is told of what changes, and what it was told.
fn told(done: impl FnOnce(&Server, &mut Connection) -> Vec<Frame>) -> Vec<Frame> {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let mut reader = Connection::open(&server.resp, Some(KEY));
    reader.send("hello 3;client tracking on");
    reader.all();
    done(&server, &mut reader)
}

#[test]
fn changes_by_other_doors_are_told_too() {
    let told = told(|server, reader| {
        let put = |path: &str| {
            let put = server.http("PUT", &format!("/v1/cache/db0/{path}"), b"by http");
            assert!((200..300).contains(&put.status), "{put:?}");
        };
        let deleted = |path: &str| {
            let deleted = server.http("DELETE", &format!("/v1/cache/{path}"), b"");
            assert!((200..300).contains(&deleted.status), "{deleted:?}");
        };
        reader.send("get k");
        reader.all();
        put("k");
        let mut told = reader.all();
        reader.send("get k");
        reader.all();
        deleted("db0/k");
        told.extend(reader.all());
        put("k?tag=t");
        reader.send("get k;get other");
        reader.all();
        let mut other = Connection::open(&server.resp, Some(KEY));
        other.send("stockade.purge tag t");
        other.all();
        told.extend(reader.all());
        told
    });
    let k = ">('invalidate' *('k'))";
    assert_eq!(told.iter().filter(|frame| *frame == k).count(), 3, "{told:?}");
}

#[test]
fn what_is_watched_is_not_changed_behind_the_back_of_who_watches() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let mut one = Connection::open(&server.resp, Some(KEY));
    let mut check = |change: &dyn Fn()| {
        one.send("set k 1 px 1000000;watch k");
        one.all();
        change();
        one.send("multi;set k 2;exec");
        assert_eq!(one.all(), ["+OK", "+QUEUED", "*-1"]);
    };
    let http = |method, path, body: &[u8]| {
        let answer = server.http(method, path, body);
        assert!((200..300).contains(&answer.status), "{answer:?}");
    };
    check(&|| http("PUT", "/v1/cache/db0/k", b"3"));
    check(&|| http("DELETE", "/v1/cache/db0/k", b""));
    check(&|| {
        let mut other = Connection::open(&server.resp, Some(KEY));
        other.send("stockade.purge glob k*");
        assert_eq!(other.all(), [":1"]);
    });
}

#[test]
fn what_is_said_of_values_is_what_redis_says() {
    check3(
        "
        a: set number 12; set text abc; object encoding number; object encoding text
        a: object encoding nokey; object freq nokey; object idletime nokey; object refcount nokey
        a: object freq text; object refcount text; object foo; object encoding; object
        a: set long 0123456789012345678901234567890123456789abcdefghijk; object encoding long
        a: rpush list 1; object encoding list
        a: sadd whole 1 2 3; object encoding whole; sadd whole x; object encoding whole
        a: hset hash f v; object encoding hash; zadd sorted 1 a; object encoding sorted
        a: xadd stream 1-1 a b; object encoding stream
        a: memory usage nokey; memory usage; memory usage text samples; memory foo
        a: memory usage text samples -1
        a: wait 0 0; wait x 0; wait 0 x; wait 0 -1
        a: move text 0; move text x; move text 99; move nokey 1; move text 1; get text
        a: select 1; get text; move text 0; get text; select 0; get text
        a: select 1; set text there; select 0; move text 1; get text
        ",
    );
    check_notices("a: set a 1 ex 100\na: move a 1\na: ttl a\na: set a 1\na: move a 1");
}

#[test]
fn connections_are_told_apart_ended_and_let_go_as_by_redis() {
    check3(
        "
        a: client unblock x; client unblock 99999; client unblock; client unblock 1 foo
        a: client reply x; client reply
        a: client reply skip; set k 1; get k
        a: client reply skip; client reply on
        b: client reply off; set k 2; client reply skip; client reply on; get k
        a: client kill foo bar; client kill 1:1; client kill id 0; client kill
        a: client list type foo; client list id; client list id x; client list foo
        a: client list type master; client list type replica
        a: client info x; client getname x; client setname; client id 3; client foo; client
        a: client no-evict; client no-evict x
        a: config get; config set a; config foo; config resetstat x; slowlog get x y; slowlog foo
        a: slowlog len x; pubsub numpat x; pubsub foo; pubsub channels x y; command count x
        a: command foo; command getkeys; command getkeys get; command getkeys get k
        a: command getkeys sort a by b store c; command getkeys zunionstore d 2 a b
        a: command getkeys xread streams a b 0 0; command getkeys object encoding k
        ",
    );
}

#[test]
fn who_waits_is_let_go_by_others() {
    let Some(redis) = RedisServer::start() else { return };
    let place = tempfile::tempdir().unwrap();
    let stockade = Server::start(&place.path().join("data"));
    for (address, key) in [(redis.address(), None), (stockade.resp.clone(), Some(KEY))] {
        let mut one = Connection::open(&address, key);
        let mut other = Connection::open(&address, key);
        for (how, reply) in [
            ("", "*-1"),
            (" timeout", "*-1"),
            (" error", "-UNBLOCKED client unblocked via CLIENT UNBLOCK"),
        ] {
            one.send("blpop nothing 0");
            loop {
                other.send(&format!("client unblock {}{how}", one.id));
                if other.next() == ":1" {
                    break;
                }
            }
            assert_eq!(one.next(), reply, "{address}");
        }
    }
}

#[test]
fn values_are_given_tags_and_purged_by_them() {
    let told = told(|server, reader| {
        let mut other = Connection::open(&server.resp, Some(KEY));
        other.send("rpush list 1;set text 1 px 1000000;set untouched 1");
        other.all();
        other.send("stockade.tag list t u;stockade.tag text t;stockade.tag nokey t");
        assert_eq!(other.all(), [":1", ":1", ":0"]);
        other.send("rpush list 2;lrange list 0 -1;persist text");
        assert_eq!(other.all(), [":2", "*('1' '2')", ":1"]);
        reader.send("get text;get untouched");
        reader.all();
        other.send("stockade.purge tag t;exists list text untouched");
        assert_eq!(other.all(), [":2", ":1"]);
        reader.all()
    });
    assert!(told.contains(&">('invalidate' *('text'))".to_owned()), "{told:?}");
}

#[test]
fn what_ends_by_itself_is_told() {
    let told = told(|server, reader| {
        let mut other = Connection::open(&server.resp, Some(KEY));
        other.send("config set notify-keyspace-events Ex;set short 1 px 300");
        other.all();
        let mut listener = Connection::open(&server.resp, Some(KEY));
        listener.send("subscribe __keyevent@0__:expired");
        listener.all();
        reader.send("get short");
        assert_eq!(reader.all(), ["'1'"]);
        let expired = "*('message' '__keyevent@0__:expired' 'short')";
        assert_eq!(listener.next(), expired);
        reader.all()
    });
    assert_eq!(told, [">('invalidate' *('short'))"]);
}

#[test]
fn of_too_many_keys_some_are_told_untrue_and_forgotten() {
    let told = told(|server, reader| {
        let mut other = Connection::open(&server.resp, Some(KEY));
        other.send("config set tracking-table-max-keys 2");
        other.all();
        reader.send("get a;get b;get c;get d");
        let mut told = reader.all();
        other.send("mset a 1 b 1 c 1 d 1");
        other.all();
        told.extend(reader.all());
        told
    });
    // Two of them at once, the other two when they changed.
    let untrue = told.iter().filter(|frame| frame.contains("invalidate"));
    assert_eq!(untrue.collect::<std::collections::BTreeSet<_>>().len(), 4, "{told:?}");
}

#[test]
fn what_ended_while_it_was_watched_has_changed() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let mut one = Connection::open(&server.resp, Some(KEY));
    let mut other = Connection::open(&server.resp, Some(KEY));
    one.send("set k 1 px 100;watch k;set later 1 px 110");
    one.all();
    loop {
        other.send("pttl later");
        if other.next() == ":-2" {
            break;
        }
    }
    one.send("multi;set k 2;exec");
    assert_eq!(one.all(), ["+OK", "+QUEUED", "*-1"]);
}

#[test]
fn keys_that_lead_elsewhere_are_answered_as_any() {
    check_led(
        "
        a: set user:a 1; incr user:a; getex user:a ex 100; copy user:a user:b; rename user:b user:c
        a: mset user:1 x user:2 y; mget user:1 user:2 user:3; del user:1 user:3; exists user:2
        a: rpush user:l 3 1 2; lmpop 2 user:none user:l left; sort user:l; sort user:l by user:w_* get user:a
        a: sort user:l store user:d; lrange user:d 0 -1; lmove user:l user:d left right
        a: zadd user:z 1 a 2 b; zunionstore user:y 2 user:z user:none; zmpop 1 user:y max; bzpopmin user:z 0
        a: sadd user:s a b; sadd user:t b; sinter user:s user:t; smove user:s user:t a; sintercard 2 user:s user:t
        a: xadd user:x 1-1 f v; xgroup create user:x g 0; xreadgroup group g c streams user:x >; xinfo stream user:x
        a: xreadgroup group no c streams user:x >; xpending user:x no; xinfo consumers user:x no; xgroup setid user:x no 0; xclaim user:x no c 0 1-1
        a: pfadd user:p a; pfmerge user:q user:p; pfcount user:q user:p; type user:q; object encoding user:a
        a: geoadd user:g 13 38 a; geosearchstore user:h user:g fromlonlat 13 38 byradius 1 km; zcard user:h
        a: multi; incr user:a; get user:a; lpop user:l; exec
        a: watch user:a
        b: set user:a 9
        a: multi; get user:a; exec
        a: get user:a extra; getx user:a; lpush user:a v
        a: command getkeys mset user:a 1 user:b 2
        a: config set notify-keyspace-events KEA
        l: psubscribe __key*
        b: set user:n 1; expire user:n 100; del user:n; rename user:c user:e; rpoplpush user:d user:e
        b: rpoplpush user:d user:f; bitop not user:o user:a
        ",
    );
}

#[test]
fn who_keeps_keys_that_lead_elsewhere_is_told_the_same() {
    let script = "
        a: client tracking on
        b: set user:k 0
        a: get user:k; mget user:k user:l
        b: set user:k 1; set user:l 1
        c: client tracking on bcast prefix user:
        b: set user:k 2; set other 1
        b: del user:l
        c: client trackinginfo
        ";
    let hello: String = ["a", "b", "c"].map(|name| format!("{name}: hello 3\n")).concat();
    check_led(&(hello + script));
}

#[test]
fn a_copy_in_another_database_is_answered_and_told_of_the_same() {
    check(
        "
        a: set k v ex 100; copy k j db 1; copy k j db 1; copy k j replace db 1; copy k k db 2
        a: copy k k; copy k k db 0; copy none j db 1; copy k j db 16; copy k j db x; copy k j db
        a: copy k j db -1; copy k j nx; copy k j db 1 replace; copy k j db 3 db 2
        a: select 1; get j; ttl j; rpush l a b; copy l l db 0; dbsize
        a: select 0; lrange l 0 -1; rpush l c; lrange l 0 -1
        a: multi; copy l m db 1; copy l n; get k; exec; select 1; lrange m 0 -1; lrange l 0 -1; dbsize; select 0; dbsize
        b: select 1; watch w
        a: copy k w db 1
        b: multi; get w; exec
        a: config set notify-keyspace-events KEAnm
        c: psubscribe __key*
        a: copy k new db 1; copy k new db 1; copy k new db 1 replace; copy none new db 1; copy k k2; copy k k2 replace
        ",
    );
    check3(
        "
        a: client tracking on; select 1; get j
        b: set k v; copy k j db 1
        ",
    );
}

#[test]
fn pauses_latency_and_rights_are_misunderstood_the_same() {
    check(
        "
        a: client pause; client pause x; client pause -1; client pause 1 some; client pause 1 all x
        a: client unpause; client unpause x; client pause 0 write; client pause 0; ping
        a: latency; latency bad; latency history; latency history none; latency latest; latency reset
        a: latency reset none; latency graph none; latency graph; latency latest x; latency histogram none
        a: config get latency-monitor-threshold; config set latency-monitor-threshold 5
        a: config get latency-monitor-threshold
        a: acl; acl bad; acl whoami x; acl getuser; acl setuser; acl dryrun a
        ",
    );
}
