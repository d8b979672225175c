//! What is said to many goes out together.
//!
//! A write to a socket wakes whoever reads there, which costs more than the write itself. So
//! answers wait until all requests that have come are answered, and then go out one after the
//! other: a client on this machine that was woken by the first finds the others there, and does
//! not go back to sleep in between.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::yield_now;

/// What is larger goes out at once.
const LARGE: usize = 16 << 10;
/// As much room is kept by a connection that says nothing.
const ROOM: usize = 4 << 10;

/// A socket that keeps what is said until others have been heard.
#[derive(Debug)]
pub(crate) struct Together<S> {
    socket: S,
    said: Vec<u8>,
    /// How much of it is out.
    sent: usize,
    /// Whether the others have been waited for.
    waited: bool,
}

impl<S: AsyncWrite + Unpin> Together<S> {
    pub(crate) fn new(socket: S) -> Self {
        Self { socket, said: Vec::new(), sent: 0, waited: false }
    }

    fn send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.said.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.socket).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.sent += count,
            }
        }
        self.said.clear();
        self.said.shrink_to(ROOM);
        (self.sent, self.waited) = (0, false);
        Poll::Ready(Ok(()))
    }

    /// Takes note of what is small; nothing where it has to go out itself.
    fn keep(&mut self, slices: &[IoSlice<'_>]) -> Option<usize> {
        let size = slices.iter().map(|slice| slice.len()).sum();
        (self.said.len() + size <= LARGE).then(|| {
            slices.iter().for_each(|slice| self.said.extend_from_slice(slice));
            size
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Together<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Whoever listens without a word more has said what there is to say.
        if self.waited
            && let Poll::Ready(Err(error)) = self.send(context)
        {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Together<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(size) = self.keep(slices) {
            return Poll::Ready(Ok(size));
        }
        ready!(self.send(context))?;
        match self.keep(slices) {
            Some(size) => Poll::Ready(Ok(size)),
            None => Pin::new(&mut self.socket).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.said.is_empty() && !self.waited {
            self.waited = true;
            // Wakes us when everybody else had their turn.
            if pin!(yield_now()).poll(context).is_pending() {
                return Poll::Pending;
            }
        }
        ready!(self.send(context))?;
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.send(context))?;
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_is_said_goes_out_once_all_had_their_turn() {
        let (near, mut far) = duplex(1 << 20);
        let mut near = Together::new(near);
        near.write_all(b"one ").await.unwrap();
        near.write_all(b"two").await.unwrap();
        let first = poll_fn(|context| Poll::Ready(Pin::new(&mut near).poll_flush(context))).await;
        assert!(first.is_pending(), "others may have something to say");
        let mut heard = [0; 7];
        let nothing = poll_fn(|context| {
            Poll::Ready(Pin::new(&mut far).poll_read(context, &mut ReadBuf::new(&mut heard)))
        });
        assert!(nothing.await.is_pending());
        near.flush().await.unwrap();
        far.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"one two");
    }

    #[tokio::test]
    async fn whoever_listens_has_said_it() {
        let (near, mut far) = duplex(64);
        let mut near = Together::new(near);
        near.write_all(b"hello").await.unwrap();
        let pending = poll_fn(|context| Poll::Ready(Pin::new(&mut near).poll_flush(context))).await;
        assert!(pending.is_pending());
        let talk = async {
            let mut heard = [0; 5];
            far.read_exact(&mut heard).await.unwrap();
            far.write_all(&heard).await.unwrap();
        };
        let mut echo = [0; 5];
        let (heard, ()) = tokio::join!(near.read_exact(&mut echo), talk);
        heard.unwrap();
        assert_eq!(&echo, b"hello");
    }

    #[tokio::test]
    async fn bytes_keep_their_order_whatever_their_size() {
        let (near, mut far) = duplex(1000);
        let mut near = Together::new(near);
        let sizes = [1, 5000, 16 << 10, 3, (16 << 10) + 1, 40_000, 7];
        let said: Vec<u8> =
            (0..sizes.iter().sum()).map(|at: usize| at as u8 ^ (at >> 8) as u8).collect();
        let talk = async {
            let mut rest = &said[..];
            for size in sizes {
                let (piece, after) = rest.split_at(size);
                near.write_all(piece).await.unwrap();
                rest = after;
            }
            near.shutdown().await.unwrap();
        };
        let mut heard = Vec::new();
        let (read, ()) = tokio::join!(far.read_to_end(&mut heard), talk);
        read.unwrap();
        assert_eq!(heard, said);
    }
}
