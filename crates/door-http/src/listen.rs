//! Sockets: connections are taken, limited, served and ended.

mod wire;

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use door_tls::Acceptor;
use flow::crowd::Member;
use flow::{Plane, Result};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};

use crate::answer::answer;
use crate::codes;
use crate::config::Limits;
use crate::connection::Connection;
use crate::door::{Alive, Phase, Shared};
use crate::limit::Place;
use crate::parting::Parting;
use crate::problem::Problem;
use crate::pulse::{Marked, Pulse, Watcher};
use crate::signal::Shed;
use crate::together::Together;

use wire::{Taken, Wire};

/// A socket somebody bound for us.
#[derive(Debug)]
pub enum Listener {
    /// HTTP/1.1, and HTTP/2 for those who know that we speak it.
    Tcp(std::net::TcpListener),
    /// The same within TLS; needs a certificate in the configuration.
    Tls(std::net::TcpListener),
    /// The same on a Unix socket, where the system says who is there.
    Unix(std::os::unix::net::UnixListener),
}

/// How long to wait when the system has no more descriptors or memory.
const BREATH: Duration = Duration::from_millis(100);
/// How long one that is not taken is given to hear why.
const GOODBYE: Duration = Duration::from_millis(250);

/// The protocols, with their limits.
pub(crate) type Http = auto::Builder<TokioExecutor>;

pub(crate) fn http(limits: &Limits) -> Http {
    let mut http = auto::Builder::new(TokioExecutor::new());
    // The head has to fit into the buffer, which hyper does not make smaller.
    let header_size = limits.header_size.bytes().max(8 << 10);
    http.http1().max_headers(limits.headers_max).max_buf_size(header_size);
    let header_list = u32::try_from(header_size).unwrap_or(u32::MAX);
    http.http2().max_concurrent_streams(limits.streams_max).max_header_list_size(header_list);
    http
}

/// A socket that takes connections.
pub(crate) enum Socket {
    Tcp(TcpListener, Option<Arc<Acceptor>>),
    Unix(UnixListener),
}

/// A connection that was taken, by no thread yet.
struct Arrival {
    taken: Taken,
    tls: Option<Arc<Acceptor>>,
    peer: Option<IpAddr>,
    uid: Option<u32>,
}

impl Socket {
    pub(crate) fn new(listener: Listener, tls: Option<&Arc<Acceptor>>) -> Result<Self> {
        let tcp = |listener: std::net::TcpListener| {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        };
        let socket = match listener {
            Listener::Tcp(listener) => tcp(listener).map(|listener| Self::Tcp(listener, None)),
            Listener::Tls(listener) => {
                let Some(tls) = tls else {
                    let error = codes::CONFIG.error("a listener wants TLS, and `tls` is not set");
                    return Err(error.with_advice("set `tls.certificate` and `tls.key`"));
                };
                tcp(listener).map(|listener| Self::Tcp(listener, Some(tls.clone())))
            }
            Listener::Unix(listener) => listener
                .set_nonblocking(true)
                .and_then(|()| UnixListener::from_std(listener))
                .map(Self::Unix),
        };
        socket.map_err(|error| codes::LISTEN.error("a socket cannot be listened at").because(error))
    }

    async fn accept(&self) -> io::Result<Arrival> {
        match self {
            Socket::Tcp(listener, tls) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let taken = Taken::Tcp(stream.into_std()?);
                let peer = Some(address.ip().to_canonical());
                Ok(Arrival { taken, tls: tls.clone(), peer, uid: None })
            }
            Socket::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let uid = Some(stream.peer_cred()?.uid());
                let taken = Taken::Unix(stream.into_std()?);
                Ok(Arrival { taken, tls: None, peer: None, uid })
            }
        }
    }
}

/// Takes connections until the door closes.
pub(crate) async fn accept<P: Plane>(door: Arc<Shared<P>>, socket: Socket) {
    let _alive = Alive::new(&door);
    let mut phase = door.phase.subscribe();
    loop {
        let arrival = tokio::select! {
            biased;
            _ = phase.wait_for(|phase| *phase != Phase::Serving) => return,
            arrival = socket.accept() => arrival,
        };
        match arrival {
            Ok(arrival) => take(&door, arrival),
            // Gone before it was taken: no reason to wait.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                door.signals.accept_failed(&error);
                door.clock.sleep(BREATH).await;
            }
        }
    }
}

/// The places a connection has.
struct Seat {
    _place: Place,
    _member: Option<Member>,
}

fn take<P: Plane>(door: &Arc<Shared<P>>, arrival: Arrival) {
    let Some(place) = door.connections.take(1) else {
        return refuse(door, arrival, Shed::Full);
    };
    let member = match arrival.peer {
        None => None,
        Some(peer) => match door.crowd.join(peer) {
            Some(member) => Some(member),
            None => return refuse(door, arrival, Shed::Crowd),
        },
    };
    let seat = Seat { _place: place, _member: member };
    door.lanes.spawn(serve(door.clone(), arrival, seat));
}

/// Says why, if that costs nothing, and closes.
fn refuse<P: Plane>(door: &Arc<Shared<P>>, arrival: Arrival, why: Shed) {
    door.signals.connection_shed(why);
    if arrival.tls.is_some() {
        return;
    }
    let Some(place) = door.refusals.take(1) else { return };
    let door = door.clone();
    tokio::spawn(async move {
        let _place = place;
        let goodbye = async {
            let mut wire = arrival.taken.wire()?;
            let id = door.random.id(door.clock.now());
            wire.write_all(&refusal(id)).await?;
            wire.shutdown().await?;
            // Closing with unread bytes would take the answer back.
            let mut ignored = [0; 1024];
            while wire.read(&mut ignored).await? > 0 {}
            io::Result::Ok(())
        };
        let _ = door.clock.within(GOODBYE, goodbye).await;
    });
}

fn refusal(id: flow::Id) -> Vec<u8> {
    let error = codes::BUSY.error("too many connections are open");
    let problem = Problem::of(&error, id).bytes();
    let mut bytes = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
         content-length: {}\r\nconnection: close\r\nretry-after: 1\r\ncache-control: no-store\r\n\
         x-content-type-options: nosniff\r\nx-request-id: {id}\r\n\r\n",
        problem.len()
    )
    .into_bytes();
    bytes.extend_from_slice(&problem);
    bytes
}

async fn serve<P: Plane>(door: Arc<Shared<P>>, arrival: Arrival, _seat: Seat) {
    let _alive = Alive::new(&door);
    door.signals.connection_opened();
    let pulse = Arc::new(Pulse::default());
    let entrance = match arrival.taken {
        Taken::Unix(_) => flow::Door::Local,
        _ => flow::Door::Http,
    };
    let mut connection = Connection::new(door.clone(), entrance, pulse.clone());
    connection.peer = arrival.peer;
    connection.uid = arrival.uid;
    connection.secure = arrival.tls.is_some();
    connection.strict_transport = arrival.tls.as_ref().and_then(|_| door.strict_transport.clone());
    if let Some(wire) = handshake(&door, arrival).await {
        connection.certificate = wire.certificate(&door.clock);
        let io = TokioIo::new(sheathed(&door, wire, &pulse));
        let connection = Arc::new(connection);
        let service = {
            let connection = connection.clone();
            service_fn(move |request| answer(&connection, request))
        };
        run(&door, door.http.serve_connection_with_upgrades(io, service), &pulse).await;
        let after = connection.after.lock().take();
        if let Some(after) = after {
            let mut phase = door.phase.subscribe();
            tokio::select! {
                () = after => {}
                _ = phase.wait_for(|phase| *phase == Phase::Cut) => {}
            }
        }
    }
    door.signals.connection_closed();
}

async fn handshake<P: Plane>(door: &Shared<P>, arrival: Arrival) -> Option<Wire> {
    // A socket that no thread can listen to is as good as closed.
    let (stream, tls) = match (arrival.taken.wire().ok()?, arrival.tls) {
        (Wire::Tcp(stream), Some(tls)) => (stream, tls),
        (wire, _) => return Some(wire),
    };
    let mut phase = door.phase.subscribe();
    let limit = door.config.limits.header_timeout.0;
    let shaken = tokio::select! {
        shaken = door.clock.within(limit, tls.accept(stream)) => shaken,
        _ = phase.wait_for(|phase| *phase == Phase::Cut) => None,
    };
    match shaken {
        Some(Ok(stream)) => Some(Wire::Tls(Box::new(stream))),
        Some(Err(error)) => {
            door.signals.handshake_failed(&error);
            None
        }
        None => {
            door.signals.connection_shed(Shed::Slow);
            None
        }
    }
}

/// A socket as it is served.
type Sheathed = Together<Parting<Marked<Wire>>>;

fn sheathed<P: Plane>(door: &Shared<P>, wire: Wire, pulse: &Arc<Pulse>) -> Sheathed {
    let marked = Marked::new(wire, pulse.clone());
    Together::new(Parting::new(marked, pulse.clone(), door.clock.clone()))
}

type Served<'a, S> = auto::UpgradeableConnection<'a, TokioIo<Sheathed>, S, TokioExecutor>;

/// Drives a connection to its end, whoever ends it.
async fn run<P, S, F>(door: &Shared<P>, served: Served<'_, S>, pulse: &Pulse)
where
    P: Plane,
    S: hyper::service::Service<
            http::Request<hyper::body::Incoming>,
            Response = http::Response<crate::reply::Payload>,
            Error = std::convert::Infallible,
            Future = F,
        >,
    F: Future<Output = std::result::Result<S::Response, S::Error>> + Send + 'static,
{
    let limits = &door.config.limits;
    let every = Watcher::every(limits);
    let mut watcher = Watcher::new(door.clock.moment());
    let mut look = door.clock.sleep(every);
    let mut phase = door.phase.subscribe();
    let mut served = pin!(served);
    let mut ending = Ending::No;
    if *phase.borrow() != Phase::Serving {
        phase.mark_changed();
    }
    loop {
        tokio::select! {
            biased;
            result = served.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(%error, "connection broke off");
                }
                return;
            }
            _ = phase.changed() => match *phase.borrow_and_update() {
                Phase::Serving => {}
                // It may be about to ask: it was taken, so it is answered.
                Phase::Draining if pulse.is_silent() => {
                    ending = Ending::Soon;
                    look = door.clock.sleep(door.patience());
                }
                Phase::Draining => {
                    ending = Ending::Begun;
                    pulse.leave();
                    served.as_mut().graceful_shutdown();
                }
                Phase::Cut => {
                    if pulse.is_busy() {
                        door.cut.fetch_add(1, Relaxed);
                        door.signals.connection_shed(Shed::Cut);
                    }
                    return;
                }
            },
            () = &mut look => {
                look = door.clock.sleep(every);
                let why = watcher.look(pulse, limits, door.clock.moment());
                match (ending, why) {
                    (Ending::Soon, _) => {
                        ending = Ending::Begun;
                        pulse.leave();
                        served.as_mut().graceful_shutdown();
                    }
                    (_, None) => {}
                    // Said politely first, so that HTTP/2 clients know what was
                    // not begun.
                    (Ending::No, Some(Shed::Idle)) => {
                        ending = Ending::Begun;
                        door.signals.connection_shed(Shed::Idle);
                        pulse.leave();
                        served.as_mut().graceful_shutdown();
                    }
                    (_, Some(why)) => {
                        door.signals.connection_shed(why);
                        return;
                    }
                }
            }
        }
    }
}

/// Whether a connection is being ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    No,
    Soon,
    Begun,
}
