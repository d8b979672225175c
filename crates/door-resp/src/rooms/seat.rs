//! A socket that can be taken along from one thread to another.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::HERE;

/// The connection of a client, which tells the thread it is used on when something comes.
pub(crate) struct Seat {
    socket: Option<TcpStream>,
    /// Which thread it tells.
    room: usize,
}

impl Seat {
    pub(super) fn new(socket: TcpStream) -> Self {
        Self { socket: Some(socket), room: HERE.get() }
    }

    #[inline]
    fn here(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        if self.room != HERE.get() {
            self.take_along()?;
        }
        self.socket.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    #[cold]
    fn take_along(&mut self) -> io::Result<()> {
        if let Some(socket) = self.socket.take() {
            self.socket = Some(TcpStream::from_std(socket.into_std()?)?);
        }
        self.room = HERE.get();
        Ok(())
    }
}

impl AsyncRead for Seat {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.here()?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Seat {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.here()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.here()?.poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.here()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.here()?.poll_shutdown(context)
    }
}
