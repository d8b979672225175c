//! Whether a connection still moves.
//!
//! The socket and the requests leave a few marks as they go, which cost an
//! atomic store each; a slow timer reads them. So a connection that dawdles is
//! found within one and a half times its limit, and one that does not pays for
//! no timer per request.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use flow::Moment;
use http::Version;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::config::Limits;
use crate::signal::Shed;

/// The marks of one connection.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// Reads that brought something.
    heard: AtomicU32,
    /// `heard` when the last request began or ended.
    understood: AtomicU32,
    /// Requests begun.
    begun: AtomicU32,
    /// Requests not ended.
    open: AtomicU32,
    /// Whether the socket takes no more.
    stuck: AtomicBool,
    /// Writes that were taken.
    told: AtomicU32,
    /// Whether many requests share the connection, and frames that are none.
    shared: AtomicBool,
    /// Whether it is we who end it.
    left: AtomicBool,
}

/// A request that has not ended.
pub(crate) struct Open(Arc<Pulse>);

impl Pulse {
    /// A request came and was answered at once.
    pub(crate) fn answered(&self, version: Version) {
        if version == Version::HTTP_2 {
            self.shared.store(true, Relaxed);
        }
        self.understood.store(self.heard.load(Relaxed), Relaxed);
        self.begun.fetch_add(1, Relaxed);
    }

    /// A request begins.
    pub(crate) fn begin(self: &Arc<Self>, version: Version) -> Open {
        self.answered(version);
        self.open.fetch_add(1, Relaxed);
        Open(self.clone())
    }

    /// Whether nothing was ever asked.
    pub(crate) fn is_silent(&self) -> bool {
        self.begun.load(Relaxed) == 0
    }

    /// Whether a request is under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.open.load(Relaxed) > 0
    }

    /// We end it, with nothing left to say.
    pub(crate) fn leave(&self) {
        self.left.store(true, Relaxed);
    }

    /// Whether it is we who end it.
    pub(crate) fn is_left(&self) -> bool {
        self.left.load(Relaxed)
    }

    fn state(&self) -> State {
        let begun = self.begun.load(Relaxed);
        if self.stuck.load(Relaxed) {
            return State::Stuck(self.told.load(Relaxed));
        }
        if self.is_busy() {
            return State::Busy;
        }
        let unread = self.heard.load(Relaxed) != self.understood.load(Relaxed);
        match begun == 0 || (unread && !self.shared.load(Relaxed)) {
            true => State::Head(begun),
            false => State::Idle(begun),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.understood.store(self.0.heard.load(Relaxed), Relaxed);
        self.0.open.fetch_sub(1, Relaxed);
    }
}

/// What a connection is doing, with a number that changes when it gets on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Busy,
    Head(u32),
    Idle(u32),
    Stuck(u32),
}

/// Reads the marks now and then.
#[derive(Debug)]
pub(crate) struct Watcher {
    state: State,
    since: Moment,
}

impl Watcher {
    pub(crate) fn new(now: Moment) -> Self {
        Self { state: State::Head(0), since: now }
    }

    /// Why the connection is to end, if it is.
    pub(crate) fn look(&mut self, pulse: &Pulse, limits: &Limits, now: Moment) -> Option<Shed> {
        let state = pulse.state();
        if state != self.state {
            (self.state, self.since) = (state, now);
        }
        let (limit, why) = match state {
            State::Busy => return None,
            State::Head(_) => (limits.header_timeout, Shed::Slow),
            State::Idle(_) => (limits.idle_timeout, Shed::Idle),
            State::Stuck(_) => (limits.stall_timeout, Shed::Stalled),
        };
        (now.since(self.since) >= limit.0).then_some(why)
    }

    /// How often to look.
    pub(crate) fn every(limits: &Limits) -> Duration {
        let shortest = [limits.header_timeout, limits.idle_timeout, limits.stall_timeout];
        shortest.into_iter().map(|span| span.0 / 2).min().unwrap_or_default()
    }
}

/// A socket that leaves the marks.
#[derive(Debug)]
pub(crate) struct Marked<S> {
    socket: S,
    pulse: Arc<Pulse>,
}

impl<S> Marked<S> {
    pub(crate) fn new(socket: S, pulse: Arc<Pulse>) -> Self {
        Self { socket, pulse }
    }

    fn wrote<T>(&self, poll: Poll<T>) -> Poll<T> {
        if poll.is_ready() {
            self.pulse.told.fetch_add(1, Relaxed);
        }
        self.pulse.stuck.store(poll.is_pending(), Relaxed);
        poll
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Marked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.socket).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.pulse.heard.fetch_add(1, Relaxed);
        }
        poll
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Marked<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.wrote(poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.wrote(poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::unit::Span;

    fn limits() -> Limits {
        Limits {
            header_timeout: Span::secs(10),
            idle_timeout: Span::secs(60),
            stall_timeout: Span::secs(20),
            ..Limits::default()
        }
    }

    fn at(secs: u64) -> Moment {
        Moment(secs * 1_000_000_000)
    }

    #[test]
    fn one_that_says_nothing_is_slow_and_one_that_was_served_is_idle() {
        let (pulse, limits) = (Arc::new(Pulse::default()), limits());
        let mut watcher = Watcher::new(at(0));
        let mut look = |secs| watcher.look(&pulse, &limits, at(secs));
        assert_eq!((look(9), look(10)), (None, Some(Shed::Slow)));
        pulse.heard.fetch_add(1, Relaxed);
        let open = pulse.begin(Version::HTTP_11);
        assert_eq!((look(11), look(1000)), (None, None), "a request takes as long as it takes");
        drop(open);
        assert_eq!((look(1001), look(1060), look(1061)), (None, None, Some(Shed::Idle)));
    }

    #[test]
    fn half_a_head_is_slow_however_busy_it_was_before() {
        let (pulse, limits) = (Arc::new(Pulse::default()), limits());
        let mut watcher = Watcher::new(at(0));
        drop(pulse.begin(Version::HTTP_11));
        assert_eq!(watcher.look(&pulse, &limits, at(0)), None);
        pulse.heard.fetch_add(1, Relaxed);
        assert_eq!(watcher.look(&pulse, &limits, at(5)), None);
        pulse.heard.fetch_add(1, Relaxed);
        assert_eq!(watcher.look(&pulse, &limits, at(15)), Some(Shed::Slow), "a byte is no request");
        pulse.shared.store(true, Relaxed);
        assert_eq!(watcher.look(&pulse, &limits, at(16)), None, "frames may be anything");
    }

    #[test]
    fn one_that_stops_reading_is_stalled_even_in_a_request() {
        let (pulse, limits) = (Arc::new(Pulse::default()), limits());
        let mut watcher = Watcher::new(at(0));
        let _open = pulse.begin(Version::HTTP_11);
        pulse.stuck.store(true, Relaxed);
        assert_eq!(watcher.look(&pulse, &limits, at(1)), None);
        pulse.told.fetch_add(1, Relaxed);
        assert_eq!(watcher.look(&pulse, &limits, at(20)), None, "it took a little");
        assert_eq!(watcher.look(&pulse, &limits, at(40)), Some(Shed::Stalled));
    }
}
