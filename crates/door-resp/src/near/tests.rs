//! The door in front of a real Redis.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod coherent;
mod crossed;
mod lost;
mod relayed;

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use engines::own::RedisServer;
use flow::question::cache::Deed;
use flow::signal::Registry;
use flow::{BoxFuture, Clock};
use tokio::sync::watch;

use super::guest::Guest;
use super::scan::Scan;
use super::{Dial, Near, Wire, serve};
use crate::command::{Arguments, Done, Wrong};
use crate::config::{self, Config};

/// Longer than anything takes that goes well.
const PATIENCE: Duration = Duration::from_secs(20);

struct Plain(String);

impl Dial for Plain {
    fn dial(&self) -> BoxFuture<'_, io::Result<Box<dyn Wire>>> {
        Box::pin(async move {
            let stream = tokio::net::TcpStream::connect(&self.0).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Wire>)
        })
    }

    fn database(&self) -> u32 {
        0
    }
}

/// Anybody with a password; what is secret is kept from them, and one database from some.
#[derive(Default)]
struct Anybody {
    known: bool,
    narrow: bool,
}

impl Guest for Anybody {
    fn tick(&mut self) {}

    fn is_known(&self) -> bool {
        self.known
    }

    async fn may(&mut self, database: u32, deed: Deed, key: &[u8]) -> Done {
        let barred = self.narrow && database == 9 || deed == Deed::Put && key == b"fixed";
        match key.starts_with(b"secret") || barred {
            true => Err(Wrong::said("NOPERM this may not be")),
            false => Ok(()),
        }
    }

    async fn greets(&mut self, arguments: Arguments<'_>) -> Done {
        let said = |word| (1..arguments.len()).any(|at| arguments.is(at, word));
        self.narrow = said("narrow");
        self.known |= said("open") || self.narrow;
        match self.known {
            true => Ok(()),
            false => Err(Wrong::said("WRONGPASS")),
        }
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

/// A door in a thread of its own.
struct Door {
    address: String,
    near: Arc<Near>,
}

impl Door {
    fn open(redis: &RedisServer, bound: Duration) -> Self {
        let clock = Clock::system();
        let own = config::Near { bound: flow::unit::Span(bound), ..config::Near::default() };
        let dial = Arc::new(Plain(redis.address()));
        let near = Near::new(dial, clock, &own, &Registry::default());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = near.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(accept(listener, shared));
        });
        Self { address, near }
    }

    /// One of whom the door knows who it is.
    fn client(&self) -> Talk {
        let mut talk = Talk::open(&self.address);
        assert_eq!(talk.ask("AUTH open"), "+OK\r\n");
        talk
    }

    /// Asks until the reply comes from memory.
    fn warm(&self, talk: &mut Talk, line: &str) -> String {
        loop {
            let before = self.near.signals.hits.get();
            let reply = talk.ask(line);
            if self.near.signals.hits.get() > before {
                return reply;
            }
        }
    }
}

async fn accept(listener: std::net::TcpListener, near: Arc<Near>) {
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let (_open, drain) = watch::channel(false);
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        let (near, drain) = (near.clone(), drain.clone());
        tokio::spawn(async move {
            let _ = serve(Anybody::default(), near, socket, &Config::default(), drain).await;
        });
    }
}

/// A connection to a door or a Redis.
struct Talk {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Talk {
    fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, read: Vec::new() }
    }

    fn ask(&mut self, line: &str) -> String {
        self.send(&command(line));
        self.hear()
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next frame.
    fn hear(&mut self) -> String {
        String::from_utf8_lossy(&self.try_hear().expect("a reply")).into_owned()
    }

    fn try_hear(&mut self) -> Option<Vec<u8>> {
        let (mut scan, mut at) = (Scan::default(), 0);
        loop {
            while at < self.read.len() {
                let piece = scan.next(&self.read[at..]).unwrap();
                at += piece.length;
                if piece.ends {
                    return Some(self.read.drain(..at).collect());
                }
            }
            let mut more = [0; 65_536];
            match self.stream.read(&mut more) {
                Ok(0) | Err(_) => return None,
                Ok(length) => self.read.extend_from_slice(&more[..length]),
            }
        }
    }

    /// The number it was answered as text; nothing is none.
    fn number(&mut self, line: &str) -> Option<u64> {
        self.ask(line).split("\r\n").nth(1)?.parse().ok()
    }
}

/// A command as a client sends it.
fn command(line: &str) -> Vec<u8> {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.iter().fold(format!("*{}\r\n", words.len()).into_bytes(), |mut bytes, word| {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
        bytes
    })
}
