//! Accepting clients, and sending them away when it is time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use flow::question::Plane;
use flow::signal::{Counter, Gauge, Registry};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::config::Config;
use crate::connection::{Client, serve};

/// The open door.
pub struct Door {
    drain: watch::Sender<bool>,
    /// Every connection holds a sender; when the last is gone this ends.
    left: mpsc::Receiver<()>,
}

struct Signals {
    connections: Arc<Gauge>,
    accepted: Arc<Counter>,
    turned_away: Arc<Counter>,
}

impl Signals {
    fn new(registry: &Registry) -> Self {
        let connections =
            registry.gauge("stockade_resp_connections", "Clients of the Redis door", &[]);
        let counted = |what| {
            let help = "Connections to the Redis door";
            registry.counter("stockade_resp_accepted_total", help, &[("result", what)])
        };
        Self { connections, accepted: counted("served"), turned_away: counted("turned_away") }
    }

    fn turned_away(&self, limit: u32) {
        self.turned_away.add(1);
        tracing::warn!(limit, "a Redis client was turned away: too many connections");
    }

    fn accept_failed(&self, error: &std::io::Error) {
        tracing::warn!(%error, "a Redis client could not be accepted");
    }
}

impl Door {
    /// Accepts clients on these listeners until drained.
    pub fn open<P: Plane>(
        plane: &Arc<P>,
        listeners: Vec<TcpListener>,
        config: &Config,
        registry: &Registry,
    ) -> Self {
        let drain = watch::Sender::new(false);
        let (here, left) = mpsc::channel(1);
        let config = Arc::new(config.clone());
        let signals = Arc::new(Signals::new(registry));
        let number = Arc::new(AtomicU64::new(0));
        for listener in listeners {
            let accept = Accept {
                plane: plane.clone(),
                config: config.clone(),
                signals: signals.clone(),
                number: number.clone(),
                here: here.clone(),
            };
            tokio::spawn(accept.run(listener, drain.subscribe()));
        }
        Self { drain, left }
    }

    /// Stops accepting, lets every client finish the batch it is in, and waits
    /// until all have left.
    pub async fn drain(mut self) {
        let _ = self.drain.send(true);
        let _ = self.left.recv().await;
    }
}

struct Accept<P> {
    plane: Arc<P>,
    config: Arc<Config>,
    signals: Arc<Signals>,
    number: Arc<AtomicU64>,
    here: mpsc::Sender<()>,
}

impl<P: Plane> Accept<P> {
    async fn run(self, listener: TcpListener, mut drain: watch::Receiver<bool>) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = drain.wait_for(|drain| *drain) => return,
            };
            match accepted {
                Ok((socket, peer)) => {
                    let _ = socket.set_nodelay(true);
                    if self.signals.connections.get() >= i64::from(self.config.connections_max) {
                        self.turn_away(socket);
                        continue;
                    }
                    let number = self.number.fetch_add(1, Relaxed) + 1;
                    let client = Client::new(self.plane.clone(), Some(peer.ip()), number);
                    let (config, signals) = (self.config.clone(), self.signals.clone());
                    let (here, drain) = (self.here.clone(), drain.clone());
                    signals.accepted.add(1);
                    signals.connections.add(1);
                    tokio::spawn(async move {
                        // A client that breaks off is no event; what it asked for
                        // is in the record.
                        let _ = serve(client, socket, &config, drain).await;
                        signals.connections.add(-1);
                        drop(here);
                    });
                }
                Err(error) => {
                    // Out of file descriptors, most likely: wait for some to be
                    // given back instead of spinning.
                    self.signals.accept_failed(&error);
                    let pause = std::time::Duration::from_millis(50);
                    self.plane.path().clock().sleep(pause).await;
                }
            }
        }
    }

    fn turn_away(&self, mut socket: tokio::net::TcpStream) {
        self.signals.turned_away(self.config.connections_max);
        tokio::spawn(async move {
            let _ = socket.write_all(b"-ERR max number of clients reached\r\n").await;
        });
    }
}
