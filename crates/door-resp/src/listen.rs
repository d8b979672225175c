//! Accepting clients, and sending them away when it is time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use std::time::Duration;

use flow::Clock;
use flow::signal::{Counter, Gauge, Registry};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::config::Config;
use crate::connection::{Client, Workshop, serve};
use crate::hub::Hub;
use crate::near::{self, Dial, Near};
use crate::rooms::Rooms;
use crate::session::Limits;

/// The open door.
pub struct Door {
    drain: watch::Sender<bool>,
    /// Every connection holds a sender; when the last is gone this ends.
    left: mpsc::Receiver<()>,
}

/// Silence is looked for so often.
const LOOK: Duration = Duration::from_secs(1);

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
    /// Accepts clients on these listeners until drained; with a Redis behind, it is theirs
    /// that they see.
    pub fn open<P: Workshop>(
        plane: &Arc<P>,
        listeners: Vec<TcpListener>,
        config: &Config,
        registry: &Registry,
        behind: Option<Arc<dyn Dial>>,
    ) -> Self {
        let drain = watch::Sender::new(false);
        let (here, left) = mpsc::channel(1);
        let config = Arc::new(config.clone());
        let signals = Arc::new(Signals::new(registry));
        let number = Arc::new(AtomicU64::new(0));
        let clock = plane.path().clock();
        let hub = Arc::new(Hub::new(clock.clone()));
        let rooms = Rooms::new();
        tokio::spawn(balance(rooms.clone(), clock.clone(), drain.subscribe()));
        let near = behind.map(|dial| Near::new(dial, clock.clone(), &config.near, registry));
        if let Some(near) = near.clone() {
            // The first client need not wait for it, and clients need wake no other thread.
            rooms.host(async move { drop(near.database(near.dial.database())) });
        }
        tokio::spawn(attend(hub.clone(), config.idle.0, drain.subscribe()));
        plane.tell(hub.clone());
        for listener in listeners {
            let accept = Accept {
                rooms: rooms.clone(),
                plane: plane.clone(),
                config: config.clone(),
                signals: signals.clone(),
                hub: hub.clone(),
                near: near.clone(),
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

/// Has as many threads serve as it takes, until the door closes.
async fn balance(rooms: Rooms, clock: Clock, mut drain: watch::Receiver<bool>) {
    tokio::select! {
        () = rooms.balance(clock) => {}
        _ = drain.wait_for(|drain| *drain) => {}
    }
}

/// Ends who is silent for too long, and lets everybody know when the door closes.
async fn attend(hub: Arc<Hub>, idle: Duration, mut drain: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = hub.clock.sleep(LOOK.min(idle)) => hub.end_silent(idle),
            _ = drain.wait_for(|drain| *drain) => return hub.wake_all(),
        }
    }
}

struct Accept<P> {
    rooms: Rooms,
    plane: Arc<P>,
    config: Arc<Config>,
    signals: Arc<Signals>,
    hub: Arc<Hub>,
    near: Option<Arc<Near>>,
    number: Arc<AtomicU64>,
    here: mpsc::Sender<()>,
}

impl<P: Workshop> Accept<P> {
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
                    let who = (Some(peer), number);
                    let client =
                        Client::new(self.plane.clone(), self.hub.clone(), self.limits(), who);
                    let (config, signals) = (self.config.clone(), self.signals.clone());
                    let near = self.near.clone();
                    let (here, drain) = (self.here.clone(), drain.clone());
                    signals.accepted.add(1);
                    signals.connections.add(1);
                    let served = move |socket| async move {
                        // A client that breaks off is no event; what it asked for
                        // is in the record.
                        let _ = match near {
                            Some(near) => near::serve(client, near, socket, &config, drain).await,
                            None => serve(client, socket, &config, drain).await,
                        };
                        signals.connections.add(-1);
                        drop(here);
                    };
                    self.rooms.seat(number, socket, served);
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

    fn limits(&self) -> Limits {
        let Config { connections_max, value_max, command_max, idle, .. } = &*self.config;
        let (value, command) = (value_max.bytes(), command_max.bytes());
        Limits { connections: *connections_max, value, command, idle: idle.0 }
    }

    fn turn_away(&self, mut socket: tokio::net::TcpStream) {
        self.signals.turned_away(self.config.connections_max);
        tokio::spawn(async move {
            let _ = socket.write_all(b"-ERR max number of clients reached\r\n").await;
        });
    }
}
