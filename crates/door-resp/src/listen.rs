//! Accepting clients, and sending them away when it is time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use door_tls::Acceptor;
use flow::crowd::{Crowd, Member};
use flow::signal::Registry;
use flow::{Clock, Result};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use crate::codes;
use crate::config::Config;
use crate::connection::{Client, Workshop, serve};
use crate::hub::{Ends, Hub};
use crate::near::{self, Dial, Near};
use crate::prefix::Prefixes;
use crate::rooms::Rooms;
use crate::session::Limits;
use crate::signal::Signals;
use crate::tls::{self, Shaking};

/// A socket somebody bound for us.
#[derive(Debug)]
pub enum Listener {
    /// Clients speak as they are.
    Tcp(TcpListener),
    /// They do so within TLS; needs a certificate in the configuration.
    Tls(TcpListener),
}

/// The open door.
pub struct Door {
    drain: watch::Sender<bool>,
    tls: Option<Arc<Acceptor>>,
    signals: Arc<Signals>,
    /// Every connection holds a sender; when the last is gone this ends.
    left: mpsc::Receiver<()>,
}

/// Silence is looked for so often.
const LOOK: Duration = Duration::from_secs(1);

impl Door {
    /// Accepts clients on these listeners until drained; with a Redis behind, it is theirs
    /// that they see.
    ///
    /// # Errors
    /// When the certificate cannot be used, or is needed and missing.
    pub fn open<P: Workshop>(
        plane: &Arc<P>,
        listeners: Vec<Listener>,
        config: &Config,
        registry: &Registry,
        behind: Option<Arc<dyn Dial>>,
    ) -> Result<Self> {
        let tls = tls::acceptor(config)?;
        let within = listeners.iter().any(|listener| matches!(listener, Listener::Tls(_)));
        if within && tls.is_none() {
            let error = codes::CONFIG.error("a listener wants TLS, and `resp.tls` is not set");
            return Err(error.with_advice("set `resp.tls.certificate` and `resp.tls.key`"));
        }
        let drain = watch::Sender::new(false);
        let (here, left) = mpsc::channel(1);
        let config = Arc::new(config.clone());
        let signals = Arc::new(Signals::new(registry));
        let number = Arc::new(AtomicU64::new(0));
        let clock = plane.path().clock();
        let hub = Arc::new(Hub::new(clock.clone(), Prefixes::new(&config.prefixes)?));
        let crowd = Crowd::new(config.connections_per_address_max as usize);
        let rooms = Rooms::new();
        tokio::spawn(balance(rooms.clone(), clock.clone(), drain.subscribe()));
        let near = behind.map(|dial| Near::new(dial, clock.clone(), &config.near, registry));
        if let Some(near) = near.clone() {
            // The first client need not wait for it, and clients need wake no other thread.
            rooms.host(async move { drop(near.database(near.dial.database())) });
        }
        tokio::spawn(attend(hub.clone(), config.clone(), drain.subscribe()));
        plane.tell(hub.clone());
        if let Some(acceptor) = tls.clone() {
            let (signals, clock) = (signals.clone(), clock.clone());
            tokio::spawn(tls::attend(acceptor, signals, clock, drain.subscribe()));
        }
        for listener in listeners {
            let (listener, shaking) = match listener {
                Listener::Tcp(listener) => (listener, None),
                Listener::Tls(listener) => {
                    let shaking = tls.clone().map(|acceptor| Shaking {
                        acceptor,
                        limit: config.handshake_timeout.0,
                        clock: clock.clone(),
                        signals: signals.clone(),
                    });
                    (listener, shaking)
                }
            };
            let accept = Accept {
                rooms: rooms.clone(),
                plane: plane.clone(),
                config: config.clone(),
                signals: signals.clone(),
                hub: hub.clone(),
                near: near.clone(),
                number: number.clone(),
                here: here.clone(),
                crowd: crowd.clone(),
                shaking,
            };
            tokio::spawn(accept.run(listener, drain.subscribe()));
        }
        Ok(Self { drain, tls, signals, left })
    }

    /// Reads the certificate again. Open connections keep theirs.
    ///
    /// # Errors
    /// When it cannot be used; the old one stays then.
    pub fn reload(&self) -> Result<()> {
        self.tls.as_ref().map_or(Ok(()), |acceptor| tls::reload(acceptor, &self.signals))
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

/// Ends who is silent for too long or does not say who they are, and lets everybody know when
/// the door closes.
async fn attend(hub: Arc<Hub>, config: Arc<Config>, mut drain: watch::Receiver<bool>) {
    let (idle, login) = (config.idle.0, config.login_timeout.0);
    loop {
        tokio::select! {
            () = hub.clock.sleep(LOOK.min(idle).min(login)) => hub.end_silent(idle, login),
            _ = drain.wait_for(|drain| *drain) => return hub.wake_all(),
        }
    }
}

/// Serves a client to the end.
async fn attended<P: Workshop, S: AsyncRead + AsyncWrite + Unpin + Send>(
    client: Client<P>,
    near: Option<Arc<Near>>,
    socket: S,
    config: &Config,
    drain: watch::Receiver<bool>,
) {
    // A client that breaks off is no event; what it asked for is in the record.
    let _ = match near {
        Some(near) => near::serve(client, near, socket, config, drain).await,
        None => serve(client, socket, config, drain).await,
    };
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
    crowd: Arc<Crowd>,
    shaking: Option<Shaking>,
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
                    let room = i64::from(self.config.connections_max);
                    let member = (self.signals.connections.get() < room)
                        .then(|| self.crowd.join(peer.ip()))
                        .flatten();
                    match member {
                        Some(member) => self.seat(socket, (peer, member), drain.clone()),
                        None => self.turn_away(socket),
                    }
                }
                Err(error) => {
                    // Out of file descriptors, most likely: wait for some to be
                    // given back instead of spinning.
                    self.signals.accept_failed(&error);
                    let pause = Duration::from_millis(50);
                    self.plane.path().clock().sleep(pause).await;
                }
            }
        }
    }

    /// Gives a client a place, where it shakes hands first if that is the custom here.
    fn seat(
        &self,
        socket: TcpStream,
        (peer, member): (SocketAddr, Member),
        mut drain: watch::Receiver<bool>,
    ) {
        let number = self.number.fetch_add(1, Relaxed) + 1;
        let ends = Ends { peer, own: socket.local_addr().ok() };
        let (plane, hub, limits) = (self.plane.clone(), self.hub.clone(), self.limits());
        let client = move || Client::new(plane, hub, limits, (Some(ends), number));
        let (config, signals) = (self.config.clone(), self.signals.clone());
        let (near, here, shaking) = (self.near.clone(), self.here.clone(), self.shaking.clone());
        signals.accepted.add(1);
        signals.connections.add(1);
        let served = move |socket| async move {
            match shaking {
                None => attended(client(), near, socket, &config, drain).await,
                Some(shaking) => {
                    if let Some(socket) = shaking.hands(socket, &mut drain).await {
                        let client = shaking.presented(client(), &socket).await;
                        attended(client, near, socket, &config, drain).await;
                    }
                }
            }
            signals.connections.add(-1);
            drop((here, member));
        };
        self.rooms.seat(number, socket, served);
    }

    fn limits(&self) -> Limits {
        let Config { connections_max, value_max, command_max, idle, .. } = &*self.config;
        let (value, command) = (value_max.bytes(), command_max.bytes());
        Limits { connections: *connections_max, value, command, idle: idle.0 }
    }

    fn turn_away(&self, mut socket: tokio::net::TcpStream) {
        self.signals.turned_away();
        if self.shaking.is_some() {
            // It would not understand.
            return;
        }
        tokio::spawn(async move {
            let _ = socket.write_all(b"-ERR max number of clients reached\r\n").await;
        });
    }
}
