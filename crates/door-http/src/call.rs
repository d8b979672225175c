//! A request as the routes see it: parsed on demand, asked through the path.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flow::{BoxFuture, Clock, Error, Lane, Origin, Plane, Question, Request, Result};
use futures_util::{Stream, StreamExt};
use http::header::{CONTENT_TYPE, HeaderName};
use http::request::Parts;
use http_body::Body as _;
use hyper::body::Incoming;
use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::codes;
use crate::door::Shared;
use crate::limit::Place;
use crate::query::{self, Query};
use crate::route::Operation;

/// One request to one operation.
pub(crate) struct Call<'a, P: Plane> {
    /// The door it came through.
    pub(crate) door: &'a Arc<Shared<P>>,
    /// What is asked for.
    pub(crate) operation: &'a Operation<P>,
    /// Its method, target and headers.
    pub(crate) head: &'a Parts,
    /// What the stages see of it.
    pub(crate) request: Request<'a>,
    /// What the connection already knows.
    pub(crate) lane: &'a mut Lane,
    pub(crate) parameters: matchit::Params<'a, 'a>,
    pub(crate) body: Option<Incoming>,
    pub(crate) place: Option<Place>,
    pub(crate) buffered: Option<Place>,
    /// Whether nobody between could read along.
    pub(crate) secure: bool,
    /// What is done with the connection when it is no longer one of HTTP.
    pub(crate) after: &'a Mutex<Option<BoxFuture<'static, ()>>>,
}

impl<'a, P: Plane> Call<'a, P> {
    /// Asks the plane one question.
    pub(crate) async fn once<Q: Question>(&mut self, question: Q) -> Result<Q::Answer>
    where
        P: Origin<Q>,
    {
        let plane = &*self.door.plane;
        plane.path().once(self.lane, &self.request, plane, question).await
    }

    /// A part of the path, as text.
    pub(crate) fn text(&self, name: &str) -> Result<Cow<'a, str>> {
        let bytes = self.bytes(name)?;
        let text = match bytes {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
        };
        text.ok_or_else(|| codes::PATH.error(format!("the {name} in the path is not UTF-8")))
    }

    /// A part of the path, as bytes.
    pub(crate) fn bytes(&self, name: &str) -> Result<Cow<'a, [u8]>> {
        let raw = self.parameters.get(name).unwrap_or_default();
        query::percent(raw).ok_or_else(|| {
            codes::PATH.error(format!("the {name} in the path has a `%` without two digits"))
        })
    }

    /// The query, with nothing in it that the operation does not know.
    pub(crate) fn query(&self) -> Result<Query<'a>> {
        Query::parse(self.head.uri.query().unwrap_or_default(), self.operation.query)
    }

    /// A header, where it is there and text.
    pub(crate) fn header(&self, name: &HeaderName) -> Result<Option<&'a str>> {
        let Some(value) = self.head.headers.get(name) else { return Ok(None) };
        let text = value.to_str();
        text.map(Some).map_err(|_| codes::HEADER.error(format!("the header `{name}` is not text")))
    }

    /// The body as it arrives.
    pub(crate) fn arriving(&mut self) -> Arriving {
        Arriving {
            body: self.body.take(),
            clock: self.door.clock.clone(),
            stall: self.door.config.limits.stall_timeout.0,
            sleep: None,
        }
    }

    /// Refuses a body that says it is too large before any of it is read.
    pub(crate) fn check_size(&self, max: u64) -> Result<()> {
        match self.body.as_ref().map_or(0, |body| body.size_hint().lower()) {
            size if size > max => Err(too_large(max)),
            _ => Ok(()),
        }
    }

    /// The whole body, of at most `max` bytes, held until the call has ended.
    pub(crate) async fn whole(&mut self, max: u64) -> Result<Bytes> {
        self.check_size(max)?;
        let busy = || codes::BUSY.error("too many bodies are held at the moment");
        let mut place = self.door.buffered.take(0).ok_or_else(busy)?;
        let mut arriving = self.arriving();
        let mut gathered = Gathered::default();
        while let Some(piece) = arriving.next().await {
            let piece = piece?;
            if (gathered.len() + piece.len()) as u64 > max {
                return Err(too_large(max));
            }
            if !place.grow(piece.len()) {
                return Err(busy());
            }
            gathered.push(piece);
        }
        self.buffered = Some(place);
        Ok(gathered.whole())
    }

    /// The body as JSON, with its bytes.
    pub(crate) async fn json<T: DeserializeOwned>(&mut self) -> Result<(T, Bytes)> {
        self.is_json()?;
        let bytes = self.whole(self.door.config.limits.json_max.0).await?;
        Ok((from_json(&bytes)?, bytes))
    }

    /// Refuses a body that says it is something else than JSON.
    pub(crate) fn is_json(&self) -> Result<()> {
        let Some(media_type) = self.header(&CONTENT_TYPE)? else { return Ok(()) };
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        match essence.eq_ignore_ascii_case("application/json") {
            true => Ok(()),
            false => Err(codes::MEDIA_TYPE.error(format!("the body is said to be `{essence}`"))),
        }
    }
}

/// Reads a body.
pub(crate) fn from_json<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T> {
    // Text that is known to be text is not looked at again string by string.
    let read = std::str::from_utf8(body).ok().map(serde_json::from_str);
    read.unwrap_or_else(|| serde_json::from_slice(body))
        .map_err(|error| codes::JSON.error(format!("the body cannot be used: {error}")))
}

fn too_large(max: u64) -> Error {
    codes::BODY_TOO_LARGE.error(format!("the body is larger than {}", flow::unit::Size(max)))
}

/// Pieces of a body. One that comes in one piece is not copied.
#[derive(Default)]
pub(crate) struct Gathered {
    first: Bytes,
    rest: BytesMut,
}

impl Gathered {
    pub(crate) fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    pub(crate) fn push(&mut self, piece: Bytes) {
        if self.len() == 0 {
            self.first = piece;
        } else {
            self.rest.extend_from_slice(&std::mem::take(&mut self.first));
            self.rest.extend_from_slice(&piece);
        }
    }

    /// All of them as one.
    pub(crate) fn whole(self) -> Bytes {
        if self.rest.is_empty() { self.first } else { self.rest.freeze() }
    }
}

/// A body on its way in, which may pause but not stop.
pub(crate) struct Arriving {
    body: Option<Incoming>,
    clock: Clock,
    stall: Duration,
    sleep: Option<BoxFuture<'static, ()>>,
}

impl Stream for Arriving {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let this = self.get_mut();
        let error = loop {
            let Some(body) = &mut this.body else { return Poll::Ready(None) };
            match Pin::new(body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    this.sleep = None;
                    // Trailers say nothing we read.
                    let Ok(piece) = frame.into_data() else { continue };
                    return Poll::Ready(Some(Ok(piece)));
                }
                Poll::Ready(None) => {
                    this.body = None;
                    return Poll::Ready(None);
                }
                Poll::Ready(Some(Err(error))) => {
                    break codes::BODY_BROKEN.error("the body did not arrive whole").because(error);
                }
                Poll::Pending => {
                    let sleep = this.sleep.get_or_insert_with(|| this.clock.sleep(this.stall));
                    if sleep.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    break codes::BODY_STALLED
                        .error(format!("nothing of the body arrived for {:?}", this.stall));
                }
            }
        };
        // After an error there is nothing more to come.
        this.body = None;
        Poll::Ready(Some(Err(error)))
    }
}
