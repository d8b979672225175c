//! Clients as their users install them, unmodified.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use engines::known::{self, REDIS};
use redis::AsyncTypedCommands;

use crate::server::{KEY, Server, pause, stockade};

/// Runs scenes to where the server is to be another, starts that, and hears them out.
fn play(mut scenes: Command, expected: &[&str]) {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path());
    let port = server.resp.rsplit(':').next().unwrap().to_owned();
    scenes.env("PORT", &port).env("KEY", KEY);
    scenes.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut scenes = scenes.spawn().unwrap();
    let mut lines = BufReader::new(scenes.stdout.take().unwrap()).lines();
    let mut said: Vec<String> =
        lines.by_ref().map(Result::unwrap).take_while(|line| line != "restart").collect();
    assert!(server.stop().success());
    let again = start_at(place.path(), &port);
    let _ = scenes.stdin.take().unwrap().write_all(b"go on\n");
    said.extend(lines.map(Result::unwrap));
    end(scenes, &said);
    for scene in expected {
        assert!(said.iter().any(|line| line.starts_with(scene)), "{scene} is not in {said:?}");
    }
    drop(again);
}

/// A server at a port that another had a moment ago.
fn start_at(data: &Path, port: &str) -> Server {
    let resp = format!("127.0.0.1:{port}");
    for _ in 0..50 {
        let mut command = stockade(data);
        command.args(["serve", "--http", "127.0.0.1:0", "--resp", &resp]);
        match Server::launch(command, data) {
            Ok(server) => return server,
            Err(_) => pause(std::time::Duration::from_millis(100)),
        }
    }
    panic!("no server could be started at {resp}");
}

fn end(mut scenes: Child, said: &[String]) {
    let mut wrong = String::new();
    scenes.stderr.take().unwrap().read_to_string(&mut wrong).unwrap();
    assert!(scenes.wait().unwrap().success(), "after {said:?}:\n{wrong}");
}

fn scenes(name: &str) -> String {
    format!("{}/tests/resp/clients/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn redis_py_does_all_an_application_asks() {
    let Some(python) = engines::clients::REDIS_PY.find_or_skip() else { return };
    let mut command = Command::new(python);
    command.arg(scenes("scenes.py"));
    play(command, &["streams 3", "locks 3", "pools 3", "asynchronous 3", "restarting"]);
}

#[test]
fn ioredis_does_all_an_application_asks() {
    let Some(modules) = engines::clients::IOREDIS.find_or_skip() else { return };
    let mut command = Command::new("node");
    command.arg(scenes("scenes.mjs")).env("MODULES", modules);
    play(command, &["streams", "transactions", "scripts", "restarting"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_rs_does_all_an_application_asks() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path());
    for protocol in ["", "?protocol=resp3"] {
        let address = format!("redis://:{KEY}@{}/1{protocol}", server.resp);
        let client = redis::Client::open(address).unwrap();
        let mut one = client.get_multiplexed_async_connection().unwrap_async().await;
        values(&mut one).await;
        together(&mut one).await;
        channels(&client, &mut one).await;
        let _: () = redis::cmd("FLUSHDB").query_async(&mut one).await.unwrap();
    }
}

/// `unwrap` for what is to come.
trait UnwrapAsync {
    type Value;
    async fn unwrap_async(self) -> Self::Value;
}

impl<T, F: Future<Output = redis::RedisResult<T>>> UnwrapAsync for F {
    type Value = T;

    async fn unwrap_async(self) -> T {
        self.await.unwrap()
    }
}

async fn values(one: &mut redis::aio::MultiplexedConnection) {
    one.set_ex("s", "hello", 100).await.unwrap();
    assert_eq!(one.get("s").await.unwrap().as_deref(), Some("hello"));
    one.hset_multiple("h", &[("a", 1), ("b", 2)]).await.unwrap();
    assert_eq!(one.hgetall("h").await.unwrap().get("b").map(String::as_str), Some("2"));
    assert_eq!(one.rpush("l", &["a", "b", "c"]).await.unwrap(), 3);
    assert_eq!(one.lrange("l", 0, -1).await.unwrap(), ["a", "b", "c"]);
    assert_eq!(one.zadd("z", "m", 1.5).await.unwrap(), 1);
    assert_eq!(one.zscore("z", "m").await.unwrap(), Some(1.5));
    one.xgroup_create_mkstream("x", "g", "0").await.unwrap();
    one.xadd("x", "1-1", &[("n", "1")]).await.unwrap();
    let read = one.xrange_all("x").await.unwrap();
    assert_eq!(read.ids[0].id, "1-1");
    let wrong = one.lpush("h", 1).await.unwrap_err();
    assert_eq!(wrong.code(), Some("WRONGTYPE"));
    let mut found = Vec::new();
    let mut keys = one.scan::<String>().await.unwrap();
    while let Some(key) = keys.next_item().await {
        found.push(key.unwrap());
    }
    drop(keys);
    found.sort();
    assert_eq!(found, ["h", "l", "s", "x", "z"]);
}

async fn together(one: &mut redis::aio::MultiplexedConnection) {
    let mut all = redis::pipe();
    all.atomic().set("n", 1).ignore().incr("n", 41).get("n");
    let done: (i64, String) = all.query_async(one).await.unwrap();
    assert_eq!(done, (42, "42".to_owned()));
}

async fn channels(client: &redis::Client, one: &mut redis::aio::MultiplexedConnection) {
    use futures_util::StreamExt;
    let mut heard = client.get_async_pubsub().await.unwrap();
    heard.subscribe("news").await.unwrap();
    assert_eq!(one.publish("news", "hello").await.unwrap(), 1);
    let told = heard.on_message().next().await.unwrap();
    assert_eq!(told.get_payload::<String>().unwrap(), "hello");
}

fn tool(name: &str, server: &Server, arguments: &[&str]) -> Option<Output> {
    REDIS.find_or_skip()?;
    let tool = known::find(name)?;
    let port = server.resp.rsplit(':').next().unwrap();
    let mut command = Command::new(tool);
    command.args(["-p", port, "-a", KEY]).args(arguments);
    Some(command.stdin(Stdio::null()).output().unwrap())
}

#[test]
fn redis_cli_talks_to_it() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path());
    let cli = |arguments: &[&str]| {
        let output = tool("redis-cli", &server, arguments)?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let Some(said) = cli(&["set", "k", "v"]) else { return };
    assert_eq!(said, "OK\n");
    assert_eq!(cli(&["-3", "get", "k"]).unwrap(), "v\n");
    assert_eq!(cli(&["--scan"]).unwrap(), "k\n");
    assert!(cli(&["--bigkeys"]).unwrap().contains("1 strings with 1 bytes"));
    assert!(cli(&["info", "server"]).unwrap().contains("redis_version"));
    assert!(cli(&["eval", "return 1", "0"]).unwrap().contains("there are no scripts here"));
}

#[test]
fn redis_benchmark_ends_well() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path());
    let most =
        ["-n", "2000", "-q", "-P", "16", "-t", "ping,set,get,incr,lpush,lpop,sadd,hset,zadd,mset"];
    let Some(output) = tool("redis-benchmark", &server, &most) else { return };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !said.contains("rror"), "{output:?}");
    assert_eq!(said.matches("requests per second").count(), 11, "{said}");
}
