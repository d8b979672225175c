//! Replies and invalidations, in every order in which they can come.

use std::io;
use std::sync::Arc;

use flow::signal::Registry;
use flow::{BoxFuture, Clock};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;

use super::super::reads::Read;
use super::super::stand::{Look, Stand};
use super::super::{Dial, Near, Wire, serve};
use super::{Anybody, command};
use crate::command::Arguments;
use crate::config::{self, Config};

/// Hands out the other ends of connections that a test speaks on.
struct Scripted(Mutex<Vec<DuplexStream>>);

impl Dial for Scripted {
    fn dial(&self) -> BoxFuture<'_, io::Result<Box<dyn Wire>>> {
        let end = self.0.lock().pop();
        Box::pin(async move {
            match end {
                Some(end) => Ok(Box::new(end) as Box<dyn Wire>),
                None => std::future::pending().await,
            }
        })
    }

    fn database(&self) -> u32 {
        0
    }
}

/// Says what a Redis says when it is asked to track.
async fn greet(redis: &mut DuplexStream, fields: &str) {
    hear(redis, "PING\r\n").await;
    let said = format!("%0\r\n+OK\r\n+OK\r\n+OK\r\n*1\r\n{fields}+PONG\r\n");
    redis.write_all(said.as_bytes()).await.unwrap();
}

async fn hear(redis: &mut DuplexStream, end: &str) {
    let mut heard = Vec::new();
    while !heard.ends_with(end.as_bytes()) {
        heard.push(redis.read_u8().await.unwrap());
    }
}

async fn stand(near: &Arc<Near>) -> Arc<Stand> {
    let database = near.database(0);
    loop {
        if let Some(stand) = database.stand() {
            return stand;
        }
        tokio::task::yield_now().await;
    }
}

/// Whether a read of `k` is kept after this was said to it.
async fn kept(name: &str, said: &str) -> bool {
    let (ours, mut redis) = tokio::io::duplex(1 << 16);
    let dial = Arc::new(Scripted(Mutex::new(vec![ours])));
    let own = config::Near::default();
    let near = Near::new(dial, Clock::system(), &own, &Registry::default());
    near.database(0);
    greet(&mut redis, "_\r\n").await;
    let stand = stand(&near).await;
    let buffer = format!("{name}k");
    let places = [0..name.len(), name.len()..name.len() + 1];
    let arguments = Arguments::new(buffer.as_bytes(), &places);
    let read = Read::of(arguments).unwrap();
    let sent = near.sent();
    let answer = stand.fetch(&near, read, arguments).unwrap();
    hear(&mut redis, "PTTL\r\n$1\r\nk\r\n").await;
    redis.write_all(said.as_bytes()).await.unwrap();
    answer.await.unwrap();
    assert!(stand.knows(sent), "it was answered");
    // What is said after it is heard after it.
    let last = stand.fetch(&near, read, arguments).unwrap();
    hear(&mut redis, "PTTL\r\n$1\r\nk\r\n").await;
    redis.write_all(b"-ERR\r\n:-1\r\n").await.unwrap();
    assert_eq!(last.await.unwrap(), "-ERR\r\n");
    matches!(stand.look(b"k", name.as_bytes()), Look::Hit(_))
}

#[tokio::test]
async fn a_reply_that_an_invalidation_crossed_is_not_kept() {
    const TOLD: &str = ">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\nj\r\n$1\r\nk\r\n";
    const OTHER: &str = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nj\r\n";
    const ALL: &str = ">2\r\n$10\r\ninvalidate\r\n_\r\n";
    for (said, expected) in [
        ("$1\r\nv\r\n:-1\r\n".to_owned(), true),
        ("_\r\n:-2\r\n".to_owned(), true),
        ("$1\r\nv\r\n:60000\r\n".to_owned(), true),
        (format!("{TOLD}$1\r\nv\r\n:-1\r\n"), true),
        (format!("{ALL}$1\r\nv\r\n:-1\r\n"), true),
        (format!("$1\r\nv\r\n{OTHER}:-1\r\n{OTHER}"), true),
        (format!("$1\r\nv\r\n{TOLD}:-1\r\n"), false),
        (format!("$1\r\nv\r\n{ALL}:-1\r\n"), false),
        (format!("$1\r\nv\r\n:-1\r\n{TOLD}"), false),
        (format!("$1\r\nv\r\n:-1\r\n{ALL}"), false),
        ("$1\r\nv\r\n:-2\r\n".to_owned(), false),
        ("$1\r\nv\r\n:0\r\n".to_owned(), false),
        ("$1\r\nv\r\n-NOPERM\r\n".to_owned(), false),
        ("-WRONGTYPE\r\n:-1\r\n".to_owned(), false),
    ] {
        assert_eq!(kept("get", &said).await, expected, "{said:?}");
    }
}

#[tokio::test]
async fn hashes_whose_fields_have_lives_are_not_kept() {
    for (fields, expected) in [("_\r\n", true), ("*1\r\n+hpexpire\r\n", false)] {
        let (ours, mut redis) = tokio::io::duplex(1 << 16);
        let dial = Arc::new(Scripted(Mutex::new(vec![ours])));
        let own = config::Near::default();
        let near = Near::new(dial, Clock::system(), &own, &Registry::default());
        near.database(0);
        greet(&mut redis, fields).await;
        let stand = stand(&near).await;
        let read = |hash| Read { name: "", many: false, hash };
        assert_eq!((stand.serves(read(true)), stand.serves(read(false))), (expected, true));
    }
}

#[tokio::test]
async fn who_was_answered_elsewhere_is_answered_from_memory_only_when_that_is_as_new() {
    let (to_tracked, mut tracked) = tokio::io::duplex(1 << 16);
    let (to_shared, mut shared) = tokio::io::duplex(1 << 16);
    let dial = Arc::new(Scripted(Mutex::new(vec![to_shared, to_tracked])));
    let own = config::Near::default();
    let near = Near::new(dial, Clock::system(), &own, &Registry::default());
    near.database(0);
    greet(&mut tracked, "_\r\n").await;
    stand(&near).await;
    let (mut client, socket) = tokio::io::duplex(1 << 16);
    let (_open, drain) = watch::channel(false);
    let (guest, door) = (Anybody { known: true, narrow: false }, near.clone());
    let served = async move { serve(guest, door, socket, &Config::default(), drain).await };
    tokio::spawn(served);
    // What is read for the first time is asked on the shared connection, and then kept.
    client.write_all(&command("GET k")).await.unwrap();
    hear(&mut shared, "GET\r\n$1\r\nk\r\n").await;
    shared.write_all(b"%0\r\n+OK\r\n$1\r\n1\r\n").await.unwrap();
    hear(&mut client, "$1\r\n1\r\n").await;
    for other in ["i", "j"] {
        // The second time, it is in memory already; and still not believed.
        client.write_all(&command("GET k")).await.unwrap();
        hear(&mut tracked, "PTTL\r\n$1\r\nk\r\n").await;
        tracked.write_all(b"$1\r\n1\r\n:-1\r\n").await.unwrap();
        hear(&mut client, "$1\r\n1\r\n").await;
        client.write_all(&command("GET k")).await.unwrap();
        hear(&mut client, "$1\r\n1\r\n").await;
        client.write_all(&command(&format!("GET {other}"))).await.unwrap();
        hear(&mut shared, &format!("GET\r\n$1\r\n{other}\r\n")).await;
        shared.write_all(b"$1\r\n2\r\n").await.unwrap();
        hear(&mut client, "$1\r\n2\r\n").await;
    }
}
