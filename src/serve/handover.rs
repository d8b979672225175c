//! Restarting without a refused connection: the running server hands its sockets
//! to a successor.
//!
//! The successor asks on a socket in the data directory, gets the listening
//! sockets, checks its configuration, and says it is ready. Only then does the
//! predecessor stop accepting, drain, and let go of the data directory.
//! Connections made meanwhile wait in the sockets' queues and are accepted by the
//! successor. One server at a time owns the data.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flow::{Error, Result};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{UnixListener, UnixStream};

use super::codes::{HANDOVER, NOBODY_TO_SUCCEED};
use super::listen::{Inherited, Sockets, bind_private};

const SOCKET: &str = "handover.sock";
/// The first word tells a successor of another release what it is reading.
const GREETING: &str = "stockade-1";
const READY: &[u8] = b"ready";
/// A successor that says nothing for so long is not waited for.
const PATIENCE: Duration = Duration::from_secs(30);
const DOORS_MAX: usize = 16;

/// The standing offer of a running server.
pub(super) struct Offer {
    path: PathBuf,
    listener: UnixListener,
    doors: Vec<(&'static str, OwnedFd)>,
}

fn failed(what: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |cause| HANDOVER.error(what).because(cause)
}

impl Offer {
    /// Offers these sockets to whoever may open the data directory.
    pub(super) fn open(data: &Path, sockets: &Sockets) -> Result<Self> {
        let path = data.join(SOCKET);
        let listener = bind_private(&path)?;
        let listener = UnixListener::from_std(listener)
            .map_err(failed("the socket for a successor cannot be used"))?;
        let copy = |(name, socket): (&'static str, std::os::fd::BorrowedFd<'_>)| {
            let copy = socket.try_clone_to_owned();
            copy.map(|copy| (name, copy)).map_err(failed("a socket cannot be copied"))
        };
        let doors = sockets.named().into_iter().map(copy).collect::<Result<_>>()?;
        Ok(Self { path, listener, doors })
    }

    /// Waits until a successor has the sockets and is ready.
    pub(super) async fn taken(&self) -> Result<()> {
        let (mut successor, _) =
            self.listener.accept().await.map_err(failed("a successor cannot be heard"))?;
        let owner = rustix::process::getuid().as_raw();
        let peer = successor.peer_cred().map_err(failed("a successor cannot be recognised"))?;
        if peer.uid() != owner && peer.uid() != 0 {
            return Err(HANDOVER.error(format!("user {} asked for the sockets", peer.uid())));
        }
        self.send(&successor).await?;
        let mut word = [0; READY.len()];
        let heard = tokio::time::timeout(PATIENCE, successor.read_exact(&mut word)).await;
        match heard {
            Ok(Ok(_)) if word == *READY => Ok(()),
            _ => Err(HANDOVER.error("the successor went away without being ready")),
        }
    }

    async fn send(&self, successor: &UnixStream) -> Result<()> {
        let names: Vec<&str> = self.doors.iter().map(|(name, _)| *name).collect();
        let text = format!("{GREETING} {}\n", names.join(" "));
        let sockets: Vec<_> = self.doors.iter().map(|(_, socket)| socket.as_fd()).collect();
        let send = || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DOORS_MAX))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            ancillary.push(SendAncillaryMessage::ScmRights(&sockets));
            let bytes = [IoSlice::new(text.as_bytes())];
            sendmsg(successor, &bytes, &mut ancillary, SendFlags::empty())
                .map_err(std::io::Error::from)
        };
        let sent = successor.async_io(Interest::WRITABLE, send).await;
        sent.map(drop).map_err(failed("the sockets could not be sent"))
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        // A successor makes its own; until then nobody is to find a dead one.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A server that is willing to be succeeded.
pub(super) struct Predecessor {
    stream: UnixStream,
    sockets: Option<Inherited>,
}

/// Asks the server on this data directory for its sockets.
pub(super) async fn ask(data: &Path) -> Result<Predecessor> {
    let path = data.join(SOCKET);
    let stream = UnixStream::connect(&path).await.map_err(|cause| {
        NOBODY_TO_SUCCEED.error(format!("no server runs on `{}`", data.display())).because(cause)
    })?;
    let receive = stream.async_io(Interest::READABLE, || receive(&stream));
    let received = tokio::time::timeout(PATIENCE, receive).await;
    let (text, sockets) = received
        .map_err(|_| HANDOVER.error("the running server does not answer"))?
        .map_err(failed("the sockets could not be received"))?;
    let mut words = text.split_whitespace();
    if words.next() != Some(GREETING) {
        return Err(
            HANDOVER.error("the running server is of a release that hands over differently")
        );
    }
    let names: Vec<String> = words.map(str::to_owned).collect();
    if names.len() != sockets.len() {
        return Err(HANDOVER.error("not all sockets came across"));
    }
    Ok(Predecessor { stream, sockets: Some(names.into_iter().zip(sockets).collect()) })
}

fn receive(stream: &UnixStream) -> std::io::Result<(String, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DOORS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut text = [0; 512];
    let received = recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut text)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    if received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(std::io::Error::other("more sockets than expected"));
    }
    let sockets = ancillary
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
            _ => None,
        })
        .flatten()
        .collect();
    let text = text.get(..received.bytes).unwrap_or_default();
    Ok((String::from_utf8_lossy(text).into_owned(), sockets))
}

impl Predecessor {
    /// The sockets it handed over.
    pub(super) fn sockets(&mut self) -> Result<Inherited> {
        self.sockets.take().ok_or_else(|| HANDOVER.error("the sockets were taken before"))
    }

    /// Tells it to go.
    pub(super) async fn ready(mut self) -> Result<()> {
        let told = self.stream.write_all(READY).await;
        told.map_err(failed("the running server cannot be told to go"))
    }
}
