//! What goes back: bytes that are there, or bytes on their way.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use flow::{BoxStream, Error, Id, Result};
use http::header::{CONTENT_TYPE, ETAG};
use http::{HeaderValue, Response, StatusCode};
use http_body::{Frame, SizeHint};
use serde::Serialize;

use crate::limit::Place;
use crate::pulse::Open;

/// The body of an answer.
pub(crate) enum Payload {
    /// All of it, perhaps nothing.
    Whole(Bytes),
    /// Piece by piece, as fast as the client takes it.
    Stream(Box<Pieces>),
}

/// Bytes on their way out.
pub(crate) struct Pieces {
    pieces: BoxStream<'static, Result<Bytes>>,
    size: Option<u64>,
    id: Id,
    /// What the request occupies until the last piece has gone.
    _place: Place,
    /// And that it is not over until then.
    open: Option<Open>,
}

impl Payload {
    /// Nothing.
    pub(crate) const fn nothing() -> Self {
        Payload::Whole(Bytes::new())
    }

    /// A stream of `size` bytes, or of an unknown number.
    pub(crate) fn stream(
        pieces: BoxStream<'static, Result<Bytes>>,
        size: Option<u64>,
        id: Id,
        place: Place,
    ) -> Self {
        Payload::Stream(Box::new(Pieces { pieces, size, id, _place: place, open: None }))
    }

    /// Keeps the request open for as long as this takes.
    pub(crate) fn keep_open(&mut self, open: Open) {
        if let Payload::Stream(pieces) = self {
            pieces.open = Some(open);
        }
    }

    /// How long it is, where that is known.
    pub(crate) fn size(&self) -> Option<u64> {
        match self {
            Payload::Whole(bytes) => Some(bytes.len() as u64),
            Payload::Stream(pieces) => pieces.size,
        }
    }
}

impl http_body::Body for Payload {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Payload::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Payload::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Payload::Stream(stream) => {
                let piece = ready!(stream.pieces.as_mut().poll_next(context));
                if let Some(Err(error)) = &piece {
                    // The status has gone out; all that can be done is to break off.
                    tracing::warn!(request = %stream.id, cause = error.story(), "answer broke off");
                }
                if let (Some(Ok(piece)), Some(size)) = (&piece, &mut stream.size) {
                    *size = size.saturating_sub(piece.len() as u64);
                }
                Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Payload::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        self.size().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// An answer short enough to be kept and given again.
#[derive(Debug, Clone)]
pub(crate) struct Short {
    /// Its status.
    pub(crate) status: StatusCode,
    /// What the bytes are; nothing where there are none.
    pub(crate) media_type: Option<&'static str>,
    /// The digest of what was written, where something was.
    pub(crate) etag: Option<HeaderValue>,
    /// The body.
    pub(crate) bytes: Bytes,
}

impl Short {
    /// Done, and nothing to say about it.
    pub(crate) const fn done() -> Self {
        let (media_type, etag) = (None, None);
        Self { status: StatusCode::NO_CONTENT, media_type, etag, bytes: Bytes::new() }
    }

    /// A document.
    pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        // Our own types always have a JSON form.
        let bytes = serde_json::to_vec(value).unwrap_or_default().into();
        Self { status, media_type: Some("application/json"), etag: None, bytes }
    }
}

impl From<Short> for Response<Payload> {
    fn from(short: Short) -> Self {
        let Short { status, media_type, etag, bytes } = short;
        let mut response = Response::new(Payload::Whole(bytes));
        *response.status_mut() = status;
        if let Some(media_type) = media_type {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        if let Some(etag) = etag {
            response.headers_mut().insert(ETAG, etag);
        }
        response
    }
}
