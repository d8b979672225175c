//! A connection is left so that the last answer is heard.
//!
//! A socket that is closed while its client still sends takes back what was said last: a body
//! that is refused would break off, and nobody would hear why. So what comes is read and
//! forgotten, until the client has closed as well, or for a moment.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use flow::{BoxFuture, Clock};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::pulse::Pulse;

/// As long is what comes read and forgotten.
const MOMENT: Duration = Duration::from_secs(1);
/// As much at a time, before others have their turn.
const PIECES: usize = 16;

/// A socket that is left in this way.
pub(crate) struct Parting<S> {
    socket: S,
    pulse: Arc<Pulse>,
    clock: Clock,
    /// The end of the moment, once all is said.
    until: Option<BoxFuture<'static, ()>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Parting<S> {
    pub(crate) fn new(socket: S, pulse: Arc<Pulse>, clock: Clock) -> Self {
        Self { socket, pulse, clock, until: None }
    }

    /// Whether the client has no more to say.
    fn forget(&mut self, context: &mut Context<'_>) -> Poll<()> {
        for _ in 0..PIECES {
            let mut bytes = [0; 4096];
            let mut piece = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut self.socket).poll_read(context, &mut piece));
            if read.is_err() || piece.filled().is_empty() {
                return Poll::Ready(());
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Parting<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Parting<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.until.is_none() {
            ready!(Pin::new(&mut this.socket).poll_shutdown(context))?;
            // Between requests there is nothing to take back.
            if this.pulse.is_left() {
                return Poll::Ready(Ok(()));
            }
        }
        if this.forget(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let until = this.until.get_or_insert_with(|| this.clock.sleep(MOMENT));
        until.as_mut().poll(context).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    fn parting(clock: &Clock) -> (Parting<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (near, far) = duplex(64);
        (Parting::new(near, Arc::default(), clock.clone()), far)
    }

    #[tokio::test]
    async fn a_client_that_still_sends_is_heard_to_its_end() {
        let (mut near, mut far) = parting(&Clock::system());
        let sending = async {
            far.write_all(&[1; 1000]).await.unwrap();
            far.shutdown().await.unwrap();
        };
        let (parted, ()) = tokio::join!(near.shutdown(), sending);
        parted.unwrap();
    }

    #[tokio::test]
    async fn one_that_never_closes_is_left_after_a_moment() {
        let clock = Clock::manual(flow::Time(0));
        let (mut near, _far) = parting(&clock);
        let mut parted = async || {
            poll_fn(|context| Poll::Ready(Pin::new(&mut near).poll_shutdown(context))).await
        };
        assert!(parted().await.is_pending());
        clock.advance(MOMENT);
        assert!(parted().await.is_ready());
    }

    #[tokio::test]
    async fn between_requests_nobody_is_waited_for() {
        let (mut near, _far) = parting(&Clock::system());
        near.pulse.leave();
        near.shutdown().await.unwrap();
    }
}
