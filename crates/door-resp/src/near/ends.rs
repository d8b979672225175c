//! Both ends of a connection on which whole replies are heard.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::Wire;
use super::scan::Scan;

const READ_AT_LEAST: usize = 16 * 1024;

/// What is to be sent, and what came.
pub(super) struct Ends {
    reads: ReadHalf<Box<dyn Wire>>,
    writes: WriteHalf<Box<dyn Wire>>,
    pub(super) outbox: BytesMut,
    unflushed: bool,
    inbox: BytesMut,
    /// How much of the inbox was looked at.
    scanned: usize,
    scan: Scan,
}

/// A whole reply, or what was sent without having been asked for.
pub(super) struct Frame {
    pub(super) bytes: Bytes,
    pub(super) is_push: bool,
}

impl Ends {
    pub(super) fn new(wire: Box<dyn Wire>) -> Self {
        let (reads, writes) = tokio::io::split(wire);
        Self {
            reads,
            writes,
            outbox: BytesMut::new(),
            unflushed: false,
            inbox: BytesMut::with_capacity(READ_AT_LEAST),
            scanned: 0,
            scan: Scan::default(),
        }
    }

    /// Whether something is still to be sent.
    pub(super) fn is_busy(&self) -> bool {
        !self.outbox.is_empty() || self.unflushed
    }

    /// Sends or receives something. May be dropped at any point and called again.
    pub(super) async fn go_on(&mut self) -> io::Result<()> {
        self.inbox.reserve(READ_AT_LEAST);
        let busy = self.is_busy();
        tokio::select! {
            biased;
            sent = write(&mut self.writes, &mut self.outbox, &mut self.unflushed), if busy => sent,
            read = self.reads.read_buf(&mut self.inbox) => match read? {
                0 => Err(ended("Redis hung up")),
                _ => Ok(()),
            },
        }
    }

    /// The next whole frame that came.
    pub(super) fn next(&mut self) -> io::Result<Option<Frame>> {
        let rest = self.inbox.get(self.scanned..).unwrap_or_default();
        let piece = self.scan.next(rest).map_err(|_| ended("Redis sent what is no reply"))?;
        self.scanned += piece.length;
        if !piece.ends {
            return Ok(None);
        }
        let bytes = self.inbox.split_to(std::mem::take(&mut self.scanned)).freeze();
        Ok(Some(Frame { bytes, is_push: piece.is_push() }))
    }
}

/// A word about how it ended.
pub(super) fn ended(why: impl Into<String>) -> io::Error {
    io::Error::other(why.into())
}

/// Sends some of what is to be sent. May be dropped at any point and called again.
pub(super) async fn write(
    writes: &mut WriteHalf<impl Wire>,
    outbox: &mut BytesMut,
    unflushed: &mut bool,
) -> io::Result<()> {
    if outbox.has_remaining() {
        *unflushed = true;
        if writes.write_buf(outbox).await? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    if !outbox.has_remaining() {
        writes.flush().await?;
        *unflushed = false;
    }
    Ok(())
}
