//! What is said on channels of what happens to keys.

use crate::play::{Connection, check};
use crate::server::KEY;
use crate::tracking::told;

/// As in `check3`, and one connection hears all that is told of keys.
pub(crate) fn check_notices(script: &str) {
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
