//! The engines themselves: they answer, keep apart, die and come back.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use engines::own::{PostgresServer, RedisCluster, RedisSentinel, RedisServer};
use engines::resp::{Connection, Reply};

fn text(text: &str) -> Reply {
    Reply::Text(text.to_owned())
}

#[test]
fn two_redis_corners_share_a_server_and_nothing_else() {
    let (Some(one), Some(two)) = (engines::redis(), engines::redis()) else {
        return;
    };
    assert_eq!(one.url(), two.url());
    assert_ne!(one.prefix(), two.prefix());
}

#[test]
fn keys_are_swept_with_their_corner() {
    let (Some(kept), Some(swept)) = (engines::redis(), engines::redis()) else {
        return;
    };
    let mut redis = Connection::open(kept.url().trim_start_matches("redis://")).unwrap();
    let (kept_key, swept_key) = (format!("{}a", kept.prefix()), format!("{}a", swept.prefix()));
    redis.ask(&["SET", &kept_key, "1"]).unwrap();
    redis.ask(&["SET", &swept_key, "1"]).unwrap();
    drop(swept);
    assert_eq!(redis.ask(&["EXISTS", &swept_key]).unwrap(), text("0"));
    assert_eq!(redis.ask(&["EXISTS", &kept_key]).unwrap(), text("1"));
}

#[test]
fn a_database_is_fresh_and_goes_with_its_handle() {
    let (Some(one), Some(two)) = (engines::postgres(), engines::postgres()) else {
        return;
    };
    one.sql("CREATE TABLE a (b int)").unwrap();
    assert!(two.sql("SELECT * FROM a").unwrap_err().to_string().contains("does not exist"));
    let find = format!("SELECT count(*) FROM pg_database WHERE datname = '{}'", one.name());
    assert_eq!(two.sql(&find).unwrap(), "1");
    drop(one);
    assert_eq!(two.sql(&find).unwrap(), "0");
}

#[test]
fn a_killed_redis_comes_back_on_its_port_with_what_it_had_on_disk() {
    let Some(mut server) =
        RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"])
    else {
        return;
    };
    server.connect().unwrap().ask(&["SET", "a", "1"]).unwrap();
    let url = server.url();
    server.kill();
    assert!(server.connect().is_err());
    server.restart();
    assert_eq!(server.url(), url);
    assert_eq!(server.connect().unwrap().ask(&["GET", "a"]).unwrap(), text("1"));
}

#[test]
fn a_paused_redis_is_silent_until_resumed() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    server.pause();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    stream.write_all(b"PING\r\n").unwrap();
    let mut answer = [0; 7];
    assert!(stream.read_exact(&mut answer).is_err());
    server.resume();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+PONG\r\n");
}

#[test]
fn a_killed_postgres_comes_back_with_what_it_committed() {
    let Some(mut server) = PostgresServer::start() else {
        return;
    };
    let database = server.database();
    database.sql("CREATE TABLE a AS SELECT 1 AS b").unwrap();
    server.kill();
    assert!(database.sql("SELECT b FROM a").is_err());
    server.restart();
    assert_eq!(database.sql("SELECT b FROM a").unwrap(), "1");
    server.stop();
    server.restart();
    assert_eq!(database.sql("SELECT b FROM a").unwrap(), "1");
}

#[test]
fn a_paused_postgres_freezes_its_backends_too() {
    const MAY_WE_ENCRYPT: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    const START_AS_POSTGRES: &[u8; 23] = b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0";

    let Some(server) = PostgresServer::start() else {
        return;
    };
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let mut answer = [0; 1];
    stream.write_all(&MAY_WE_ENCRYPT).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"N", "a backend of our own is now waiting for us");

    server.pause();
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    stream.write_all(START_AS_POSTGRES).unwrap();
    assert!(stream.read_exact(&mut answer).is_err());
    server.resume();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"R", "authentication has been answered");
}

#[test]
fn settings_reach_the_server() {
    let Some(server) = PostgresServer::start_with(&[("fsync", "on"), ("max_connections", "20")])
    else {
        return;
    };
    let database = server.database();
    assert_eq!(database.sql("SHOW fsync").unwrap(), "on");
    assert_eq!(database.sql("SHOW max_connections").unwrap(), "20");
}

#[test]
fn a_cluster_moves_who_asks_the_wrong_node() {
    let Some(mut cluster) = RedisCluster::start() else {
        return;
    };
    let answers: Vec<_> = cluster
        .nodes()
        .iter()
        .map(|node| node.connect().unwrap().ask(&["SET", "a", "1"]))
        .collect();
    let moved = |answer: &Result<Reply, std::io::Error>| {
        answer.as_ref().is_err_and(|error| error.to_string().starts_with("MOVED 15495"))
    };
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(answers.iter().filter(|answer| moved(answer)).count(), 2);
}

#[test]
fn a_cluster_promotes_the_replica_of_a_killed_master() {
    let Some(mut cluster) = RedisCluster::start_replicated() else {
        return;
    };
    assert_eq!(cluster.urls().len(), 6);
    // The key's slot is the third master's.
    let key = ["SET", "a", "1"];
    assert_eq!(cluster.nodes()[2].connect().unwrap().ask(&key).unwrap(), text("OK"));
    cluster.nodes()[2].connect().unwrap().ask(&["WAIT", "1", "5000"]).unwrap();
    cluster.nodes()[2].kill();
    cluster.await_promotion(2);
    cluster.nodes()[2].restart();
    let port = cluster.nodes()[2].port().to_string();
    let info = cluster.nodes()[0].connect().unwrap().ask(&["CLUSTER", "NODES"]).unwrap();
    assert!(info.text().contains(&port), "it is still one of them");
}

#[test]
fn sentinels_promote_the_replica_of_a_killed_master() {
    let Some(mut set) = RedisSentinel::start(3) else {
        return;
    };
    set.master().connect().unwrap().ask(&["SET", "a", "1"]).unwrap();
    set.master().connect().unwrap().ask(&["WAIT", "1", "5000"]).unwrap();
    set.master().kill();
    set.await_promotion();
    assert_eq!(set.replica().connect().unwrap().ask(&["GET", "a"]).unwrap(), text("1"));
    assert_eq!(set.replica().connect().unwrap().ask(&["SET", "a", "2"]).unwrap(), text("OK"));
}
