//! Bytes on their way: a bounded stream that can be watched as it passes.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;

use bytes::Bytes;
use futures_core::Stream;

use crate::error::{Code, Kind, Result};
use crate::stage::Inspector;

/// A stream on the heap.
pub type BoxStream<'a, T> = Pin<Box<dyn Stream<Item = T> + Send + 'a>>;

/// A body larger than the route takes.
pub static TOO_LARGE: Code = Code::new(
    Kind::Invalid,
    "flow-body-too-large",
    "The body is too large",
    "send less at a time, or raise the limit of this route",
);

/// A body: read piece by piece, never beyond its limit.
pub struct Body {
    pieces: BoxStream<'static, Result<Bytes>>,
    limit: u64,
    passed: u64,
    inspector: Option<Box<dyn Inspector>>,
}

impl Body {
    /// A body of at most `limit` bytes.
    pub fn new(pieces: BoxStream<'static, Result<Bytes>>, limit: u64) -> Self {
        Self { pieces, limit, passed: 0, inspector: None }
    }

    /// Has every piece looked at before anyone else sees it.
    pub(crate) fn inspected(mut self, inspector: Option<Box<dyn Inspector>>) -> Self {
        self.inspector = inspector;
        self
    }

    /// How many bytes have passed so far.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// The next piece; `None` at the end; an error means that the whole body is
    /// not to be used.
    pub async fn next(&mut self) -> Option<Result<Bytes>> {
        let piece = poll_fn(|context| self.pieces.as_mut().poll_next(context)).await;
        let inspector = self.inspector.as_deref_mut();
        match piece {
            Some(Ok(piece)) => {
                self.passed += piece.len() as u64;
                if self.passed > self.limit {
                    let detail = format!("the body is larger than {} bytes", self.limit);
                    return Some(Err(TOO_LARGE.error(detail)));
                }
                Some(
                    inspector.map_or(Ok(()), |inspector| inspector.inspect(&piece)).map(|()| piece),
                )
            }
            Some(Err(error)) => Some(Err(error)),
            None => inspector.and_then(|inspector| inspector.finish().err()).map(Err),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} of at most {} bytes passed)", self.passed, self.limit)
    }
}
