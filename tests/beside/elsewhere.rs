//! Keys that lead to other namespaces, and what else reaches beyond a database.

use crate::play::{check, check_with, check3};

/// Where keys that begin with `user:` are of another namespace.
fn check_led(script: &str) {
    check_with(script, |command| {
        command.env("STOCKADE_RESP__PREFIXES", r#"{ "user:" = "users" }"#);
    });
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
