//! The sockets of the doors: bound, or inherited from a predecessor.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use flow::{Error, Result};

use super::codes::{ADDRESS, PORT_TAKEN, SOCKET};
use super::doors::Doors;
use crate::config::Config;

/// The name of the socket for whoever owns the data directory.
pub(crate) const LOCAL: &str = "stockade.sock";

/// Connections that may wait to be accepted, while a successor gets ready too.
const BACKLOG: i32 = 1024;

/// The sockets a predecessor handed over, by the names of their doors.
pub(super) type Inherited = Vec<(String, OwnedFd)>;

/// The open sockets.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    http: Option<TcpListener>,
    resp: Option<TcpListener>,
    resp_tls: Option<TcpListener>,
    grpc: Option<TcpListener>,
    local: Option<UnixListener>,
    tls: bool,
}

/// The same, as the doors want them.
pub(super) struct Listeners {
    pub(super) http: Vec<door_http::Listener>,
    pub(super) resp: Vec<door_resp::Listener>,
    pub(super) grpc: Option<door_authz::Listener>,
}

impl Sockets {
    /// Binds what the configuration names; an inherited socket at the same
    /// address is used instead, so that no connection is refused in between.
    pub(super) fn open(config: &Config, inherited: Inherited) -> Result<Self> {
        let mut sockets = Self { tls: config.http.tls.is_some(), ..Self::default() };
        let (mut http, mut resp, mut resp_tls, mut grpc) = (None, None, None, None);
        for (door, socket) in inherited {
            match door.as_str() {
                "http" => http = Some(TcpListener::from(socket)),
                "resp" => resp = Some(TcpListener::from(socket)),
                "resp-tls" => resp_tls = Some(TcpListener::from(socket)),
                "grpc" => grpc = Some(TcpListener::from(socket)),
                "local" => sockets.local = Some(UnixListener::from(socket)),
                // A door this release does not know closes with its socket.
                _ => {}
            }
        }
        sockets.http = open(&config.listen.http, "--http", http)?;
        sockets.resp = open(&config.listen.resp, "--resp", resp)?;
        sockets.resp_tls = open(&config.listen.resp_tls, "--resp-tls", resp_tls)?;
        sockets.grpc = open(&config.listen.grpc, "--grpc", grpc)?;
        Ok(sockets)
    }

    /// Adds the socket in the data directory, which must be ours by now.
    pub(super) fn with_local(mut self, data: &Path) -> Result<Self> {
        if self.local.is_none() {
            self.local = Some(local(data)?);
        }
        Ok(self)
    }

    /// Every socket with the name of its door.
    pub(super) fn named(&self) -> Vec<(&'static str, BorrowedFd<'_>)> {
        let tcp = [
            ("http", &self.http),
            ("resp", &self.resp),
            ("resp-tls", &self.resp_tls),
            ("grpc", &self.grpc),
        ];
        let tcp =
            tcp.into_iter().filter_map(|(name, socket)| Some((name, socket.as_ref()?.as_fd())));
        let local = self.local.iter().map(|socket| ("local", socket.as_fd()));
        tcp.chain(local).collect()
    }

    /// Where they are.
    pub(super) fn doors(&self) -> Doors {
        let address = |socket: &Option<TcpListener>| {
            let address = socket.as_ref()?.local_addr().ok()?;
            Some(address.to_string())
        };
        Doors {
            http: address(&self.http),
            resp: address(&self.resp),
            resp_tls: address(&self.resp_tls),
            grpc: address(&self.grpc),
            tls: self.tls,
        }
    }

    /// The sockets as the doors want them.
    pub(super) fn into_listeners(self, config: &Config) -> Result<Listeners> {
        let tls = config.http.tls.is_some();
        let wrap = if tls { door_http::Listener::Tls } else { door_http::Listener::Tcp };
        let mut http: Vec<_> = self.http.into_iter().map(wrap).collect();
        http.extend(self.local.map(door_http::Listener::Unix));
        let used = |socket| {
            tokio::net::TcpListener::from_std(socket)
                .map_err(|error| ADDRESS.error("the socket cannot be used").because(error))
        };
        let plain = self.resp.map(used).transpose()?.map(door_resp::Listener::Tcp);
        let within = self.resp_tls.map(used).transpose()?.map(door_resp::Listener::Tls);
        let grpc = self.grpc.map(used).transpose()?;
        Ok(Listeners { http, resp: plain.into_iter().chain(within).collect(), grpc })
    }
}

fn open(wanted: &str, flag: &str, inherited: Option<TcpListener>) -> Result<Option<TcpListener>> {
    if wanted.is_empty() {
        return Ok(None);
    }
    let wrong = |cause: Option<std::io::Error>| {
        let error = ADDRESS.error(format!("`{wanted}` is no address to listen at"));
        match cause {
            Some(cause) => error.because(cause),
            None => error,
        }
    };
    let address = wanted.to_socket_addrs().map_err(|cause| wrong(Some(cause)))?.next();
    let address = address.ok_or_else(|| wrong(None))?;
    let same = |socket: &TcpListener| {
        socket
            .local_addr()
            .is_ok_and(|own| own == address || (own.ip(), 0) == (address.ip(), address.port()))
    };
    let socket = match inherited.filter(same) {
        Some(socket) => socket,
        None => TcpListener::bind(address).map_err(|cause| unbindable(address, flag, cause))?,
    };
    let prepared = rustix::net::listen(&socket, BACKLOG)
        .map_err(std::io::Error::from)
        .and_then(|()| socket.set_nonblocking(true));
    prepared.map_err(|cause| wrong(Some(cause)))?;
    Ok(Some(socket))
}

fn unbindable(address: SocketAddr, flag: &str, cause: std::io::Error) -> Error {
    let error = match cause.kind() {
        ErrorKind::AddrInUse => PORT_TAKEN
            .error(format!("another program listens at `{address}`"))
            .with_advice(format!("stop it, or choose another address with {flag} ADDR")),
        ErrorKind::PermissionDenied => ADDRESS
            .error(format!("this user may not listen at `{address}`"))
            .with_advice(format!("choose a port above 1023 with {flag} ADDR")),
        _ => ADDRESS.error(format!("nothing can listen at `{address}`")),
    };
    error.because(cause)
}

/// Whether there can be sockets in this directory: their paths are short.
pub(super) fn check_path(data: &Path) -> Result<()> {
    let path = local_path(data);
    match std::os::unix::net::SocketAddr::from_pathname(&path) {
        Ok(_) => Ok(()),
        Err(cause) => {
            let sentence = format!("`{}` is too long a path for a socket", path.display());
            Err(SOCKET.error(sentence).because(cause))
        }
    }
}

/// The path of the local socket.
pub(crate) fn local_path(data: &Path) -> PathBuf {
    data.join(LOCAL)
}

/// Binds a Unix socket only its owner can reach. One that is left there belonged
/// to a server that is gone: the directory's lock is ours.
pub(super) fn bind_private(path: &Path) -> Result<UnixListener> {
    let failed = |cause: std::io::Error| {
        SOCKET.error(format!("`{}` cannot be made", path.display())).because(cause)
    };
    match std::fs::remove_file(path) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => return Err(failed(cause)),
        _ => {}
    }
    let socket = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    Ok(socket)
}

fn local(data: &Path) -> Result<UnixListener> {
    bind_private(&local_path(data))
}
