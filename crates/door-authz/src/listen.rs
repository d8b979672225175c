//! Taking proxies' connections, and letting them go when it is time.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use door_tls::Acceptor;
use flow::signal::Registry;
use flow::{Clock, Plane, Random, Result};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::answer::{Connection, answer};
use crate::codes;
use crate::config::Config;
use crate::lanes::Lanes;
use crate::signal::Signals;

/// A socket somebody bound for us.
pub type Listener = TcpListener;

/// The open door.
pub struct Door {
    drain: watch::Sender<bool>,
    tls: Option<Arc<Acceptor>>,
    /// Every connection holds a sender; when the last is gone this ends.
    left: mpsc::Receiver<()>,
}

/// What all connections share.
pub(crate) struct Shared<P> {
    pub(crate) plane: Arc<P>,
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) signals: Signals,
    pub(crate) requests: Semaphore,
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) drain: watch::Receiver<bool>,
    tls: Option<Arc<Acceptor>>,
}

/// A proxy that says nothing for so long is asked whether it is there, and given as long again.
const SILENCE: Duration = Duration::from_secs(60);

/// How long to wait when the system has no more descriptors or memory.
const BREATH: Duration = Duration::from_millis(100);

/// The head of a call; what is asked about is in its message.
const HEAD_MAX: u32 = 16 << 10;

/// Reads certificate and key, if there are to be any.
pub(crate) fn acceptor(config: &Config) -> Result<Option<Arc<Acceptor>>> {
    let acceptor = config.tls.clone().map(|tls| Acceptor::new(tls, &[b"h2"])).transpose();
    acceptor.map(|acceptor| acceptor.map(Arc::new))
}

impl Door {
    /// Takes proxies at this listener until drained; without one, nobody comes.
    ///
    /// # Errors
    /// When the certificate cannot be used, or a number is none that can be held to.
    pub fn open<P: Plane>(
        plane: &Arc<P>,
        listener: Option<Listener>,
        config: &Config,
        registry: &Registry,
    ) -> Result<Self> {
        let tls = acceptor(config)?;
        let (requests, connections) = (config.requests_max, config.connections_max);
        if requests == 0 || connections == 0 {
            let error = codes::CONFIG.error("`authz.requests_max` or `connections_max` is 0");
            return Err(error.with_advice("to close the door, set `listen.grpc = \"\"`"));
        }
        let drain = watch::Sender::new(false);
        let (here, left) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            clock: plane.path().clock().clone(),
            random: plane.path().random().clone(),
            signals: Signals::new(registry),
            requests: Semaphore::new(requests as usize),
            connections: Arc::new(Semaphore::new(connections as usize)),
            drain: drain.subscribe(),
            tls: tls.clone(),
            plane: plane.clone(),
            config: config.clone(),
        });
        if let Some(acceptor) = tls.clone() {
            tokio::spawn(follow(acceptor, shared.clock.clone(), drain.subscribe()));
        }
        if let Some(listener) = listener {
            tokio::spawn(accept(shared, listener, here));
        }
        Ok(Self { drain, tls, left })
    }

    /// Reads the certificate again. Open connections keep theirs.
    ///
    /// # Errors
    /// When it cannot be used; the old one stays then.
    pub fn reload(&self) -> Result<()> {
        self.tls.as_ref().map_or(Ok(()), |acceptor| acceptor.reload())
    }

    /// Stops taking connections, answers what is asked, and waits until all have left.
    pub async fn drain(mut self) {
        let _ = self.drain.send(true);
        let _ = self.left.recv().await;
    }
}

/// Reloads the certificate when its files change, until the door closes.
async fn follow(acceptor: Arc<Acceptor>, clock: Clock, mut drain: watch::Receiver<bool>) {
    let told = |reloaded: Result<()>| match reloaded {
        Ok(()) => tracing::info!("the certificate for proxies was read again"),
        Err(error) => tracing::error!(error = %error.story(), "the certificate stays as it is"),
    };
    tokio::select! {
        _ = drain.wait_for(|drain| *drain) => {}
        () = acceptor.follow(&clock, told) => {}
    }
}

async fn accept<P: Plane>(door: Arc<Shared<P>>, listener: TcpListener, here: mpsc::Sender<()>) {
    let mut drain = door.drain.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = drain.wait_for(|drain| *drain) => return,
        };
        match accepted {
            Ok((socket, peer)) => {
                let _ = socket.set_nodelay(true);
                let Ok(place) = door.connections.clone().try_acquire_owned() else {
                    door.signals.turned_away();
                    continue;
                };
                let (door, here, proxy) = (door.clone(), here.clone(), peer.ip().to_canonical());
                tokio::spawn(async move {
                    door.signals.taken.add(1);
                    door.signals.open.add(1);
                    attend(&door, socket, proxy).await;
                    door.signals.open.add(-1);
                    drop((place, here));
                });
            }
            Err(error) => {
                door.signals.accept_failed(&error);
                door.clock.sleep(BREATH).await;
            }
        }
    }
}

/// Serves one proxy to the end, after it shook hands if that is the custom here.
async fn attend<P: Plane>(door: &Arc<Shared<P>>, socket: TcpStream, proxy: IpAddr) {
    let Some(acceptor) = &door.tls else { return serve(door, socket, proxy).await };
    let limit = door.config.handshake_timeout.0;
    let mut drain = door.drain.clone();
    let shaken = tokio::select! {
        shaken = door.clock.within(limit, acceptor.accept(socket)) => shaken,
        _ = drain.wait_for(|drain| *drain) => return,
    };
    match shaken {
        Some(Ok(stream)) => serve(door, stream, proxy).await,
        Some(Err(error)) => door.signals.handshake_failed(&error),
        None => door.signals.handshake_failed(&"it took too long"),
    }
}

async fn serve<P: Plane, S>(door: &Arc<Shared<P>>, socket: S, proxy: IpAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let lanes = Lanes::default();
    let connection = Arc::new(Connection { door: door.clone(), proxy, lanes });
    let service = service_fn(move |request| answer(connection.clone(), request));
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .keep_alive_interval(SILENCE)
        .keep_alive_timeout(SILENCE)
        .max_header_list_size(HEAD_MAX)
        .max_concurrent_streams(door.config.streams_max);
    let mut served = std::pin::pin!(http.serve_connection(TokioIo::new(socket), service));
    let mut drain = door.drain.clone();
    let ended = tokio::select! {
        ended = served.as_mut() => Some(ended),
        _ = drain.wait_for(|drain| *drain) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a proxy broke off");
    }
}
