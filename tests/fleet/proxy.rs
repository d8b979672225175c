//! A way to an engine that can be slow, or cut and healed.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;

use crate::server::pause;

/// A way to an engine.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Nothing passes, and nobody is told.
    cut: AtomicBool,
    /// Every answer comes so much later.
    delay_ms: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// A way to the engine on this port of this machine.
    pub(crate) fn to(engine: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::<State>::default();
        let shared = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", engine)) else { continue };
                shared.carry(&client, &server);
            }
        });
        Self { port, state }
    }

    /// Cuts the way: whatever is sent is lost without a word.
    pub(crate) fn cut(&self) {
        self.state.cut.store(true, Relaxed);
    }

    /// Heals it. Connections that lost something are closed.
    pub(crate) fn heal(&self) {
        for stream in self.state.open.lock().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.state.cut.store(false, Relaxed);
    }

    /// Every answer takes so long from now on.
    pub(crate) fn delay(&self, delay: Duration) {
        self.state.delay_ms.store(delay.as_millis() as u64, Relaxed);
    }
}

impl State {
    fn carry(self: &Arc<Self>, client: &TcpStream, server: &TcpStream) {
        let both = [client, server].map(|stream| stream.try_clone().unwrap());
        self.open.lock().extend(both);
        for (from, to, answers) in [(client, server, false), (server, client, true)] {
            let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            let state = self.clone();
            std::thread::spawn(move || {
                let mut buffer = [0; 16 << 10];
                while let Ok(read @ 1..) = from.read(&mut buffer) {
                    if answers {
                        pause(Duration::from_millis(state.delay_ms.load(Relaxed)));
                    }
                    if state.cut.load(Relaxed) {
                        continue;
                    }
                    if to.write_all(&buffer[..read]).is_err() {
                        break;
                    }
                }
                let _ = to.shutdown(Shutdown::Both);
            });
        }
    }
}
