//! What is said of values and of connections when somebody asks.

use engines::own::RedisServer;

use crate::notices::check_notices;
use crate::play::{Connection, check3};
use crate::server::{KEY, Server};

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
