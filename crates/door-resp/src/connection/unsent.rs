//! Sending to clients who may not be reading.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::{Client, Workshop};

/// A client that is slow to read is looked after so often.
const LOOK: Duration = Duration::from_secs(1);
/// One that takes nothing for so long is not reading.
const DEAF: Duration = Duration::from_secs(60);
/// While so much is unsent to others, whoever takes nothing for a moment has to go, and with
/// twice as much whoever cannot be sent all of it at once.
const UNSENT_MAX: usize = 128 << 20;

/// How many bytes wait for clients to take them, those of all connections together.
#[derive(Debug, Default)]
pub(crate) struct Unsent(AtomicUsize);

/// The part of one connection.
struct Share<'u> {
    all: &'u Unsent,
    own: usize,
}

impl Share<'_> {
    fn set(&mut self, own: usize) {
        self.all.0.fetch_add(own, Relaxed);
        self.all.0.fetch_sub(std::mem::replace(&mut self.own, own), Relaxed);
    }

    fn exceeds(&self, most: usize) -> bool {
        self.own > 0 && self.all.0.load(Relaxed).saturating_sub(self.own) > most
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl<P: Workshop> Client<P> {
    /// Sends it all, for which so much memory is held. A client that is not reading is given
    /// up.
    pub(super) async fn deliver_to<S: AsyncWrite + Unpin>(
        &self,
        socket: &mut S,
        (mut bytes, held): (&[u8], usize),
    ) -> io::Result<()> {
        let (hub, card, clock) = (&self.session.hub, &self.session.card, self.clock());
        let mut share = Share { all: &hub.unsent, own: 0 };
        let mut waited = Duration::ZERO;
        loop {
            let taken = tokio::select! {
                biased;
                taken = put(socket, bytes) => Some(taken?),
                // What is taken at once needs no timer.
                () = async {
                    share.set(held);
                    match share.exceeds(2 * UNSENT_MAX) {
                        // A socket that was just taken along learns now whether it takes it.
                        true => tokio::task::yield_now().await,
                        false => clock.sleep(LOOK).await,
                    }
                } => None,
            };
            match taken {
                Some(0) if bytes.is_empty() => return Ok(()),
                Some(0) => return Err(io::ErrorKind::WriteZero.into()),
                Some(taken) => {
                    bytes = bytes.get(taken..).unwrap_or_default();
                    waited = Duration::ZERO;
                }
                None => waited += LOOK,
            }
            let ended = card.has_ended() || self.session.outbox.has_overflowed();
            let deaf = waited >= DEAF || share.exceeds(UNSENT_MAX);
            if !waited.is_zero() && (ended || deaf) {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }
}

/// Writes some of it; when nothing is left, sees it off: within TLS it may lie around.
async fn put<S: AsyncWrite + Unpin>(socket: &mut S, bytes: &[u8]) -> io::Result<usize> {
    match bytes.is_empty() {
        true => socket.flush().await.map(|()| 0),
        false => socket.write(bytes).await,
    }
}
