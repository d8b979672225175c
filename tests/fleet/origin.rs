//! Where values come from: an HTTP server that answers a key with its version.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use crate::server::pause;

/// The truth of every key, which is one number.
pub(crate) struct Origin {
    pub(crate) port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    version: AtomicU64,
    asked: AtomicU64,
    takes_ms: AtomicU64,
}

impl Origin {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::<State>::default();
        let shared = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let state = shared.clone();
                std::thread::spawn(move || state.serve(&client));
            }
        });
        Self { port, state }
    }

    /// Every key has another value from now on; which.
    pub(crate) fn bump(&self) -> u64 {
        self.state.version.fetch_add(1, SeqCst) + 1
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> u64 {
        self.state.asked.load(SeqCst)
    }

    /// How long an answer takes.
    pub(crate) fn takes(&self, time: Duration) {
        self.state.takes_ms.store(time.as_millis() as u64, SeqCst);
    }
}

impl State {
    /// Answers requests without bodies, one after the other.
    fn serve(&self, mut client: &TcpStream) {
        let mut lines = BufReader::new(client).lines();
        while let Some(Ok(line)) = lines.next() {
            if !line.is_empty() {
                continue;
            }
            self.asked.fetch_add(1, SeqCst);
            // What is true when it is asked, not when it is answered.
            let body = self.version.load(SeqCst).to_string();
            pause(Duration::from_millis(self.takes_ms.load(SeqCst)));
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
            if client.write_all(format!("{head}{body}").as_bytes()).is_err() {
                return;
            }
        }
    }
}
