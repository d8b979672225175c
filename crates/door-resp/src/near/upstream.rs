//! A client's own connection to the Redis behind.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, ReadHalf, WriteHalf};

use super::relay::Relay;
use super::stand::write_command;
use super::{Near, Wire, ends};

const READ_AT_LEAST: usize = 16 * 1024;

/// The connection; what is said to it does not wait for it.
pub(crate) struct Upstream {
    reads: ReadHalf<Box<dyn Wire>>,
    writes: WriteHalf<Box<dyn Wire>>,
    pub(crate) outbox: BytesMut,
    pub(crate) inbox: BytesMut,
    unflushed: bool,
    pub(crate) relay: Relay,
}

impl Upstream {
    /// Connects, and brings the connection to where the client is.
    pub(crate) async fn open(near: &Near, database: u32, resp3: bool) -> io::Result<Self> {
        let limit = near.config.connect_timeout.0;
        let wire = near.clock.within(limit, near.dial.dial()).await;
        let wire = wire.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))?;
        let (reads, writes) = tokio::io::split(wire);
        let mut upstream = Self {
            reads,
            writes,
            outbox: BytesMut::new(),
            inbox: BytesMut::with_capacity(READ_AT_LEAST),
            unflushed: false,
            relay: Relay::default(),
        };
        if resp3 {
            upstream.prepare(&["HELLO", "3"]);
        }
        if database != 0 {
            upstream.prepare(&["SELECT", &database.to_string()]);
        }
        Ok(upstream)
    }

    /// Says something whose reply the client is not told.
    fn prepare(&mut self, words: &[&str]) {
        write_command(words.iter().map(|word| word.as_bytes()), &mut self.outbox);
        self.relay.expect_instead(b"");
    }

    /// Sends or receives something; what was received is in the inbox. May be dropped at
    /// any point and called again.
    pub(crate) async fn go_on(&mut self, room: bool) -> io::Result<()> {
        self.inbox.reserve(READ_AT_LEAST);
        let busy = !self.outbox.is_empty() || self.unflushed;
        tokio::select! {
            biased;
            sent = ends::write(&mut self.writes, &mut self.outbox, &mut self.unflushed), if busy => sent,
            read = self.reads.read_buf(&mut self.inbox), if room => match read? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                _ => Ok(()),
            },
            else => std::future::pending().await,
        }
    }
}
