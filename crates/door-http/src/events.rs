//! What happens, as it happens, as server-sent events.
//!
//! The stream is pulled by the client: one that reads slowly slows down its own
//! stream and nothing else. Of the ledger it resumes by `last-event-id`; it shows a
//! sign of life when nothing happens, and ends with an `error` event when the right
//! to see it is withdrawn.

use std::fmt::Write;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use flow::question::ledger;
use flow::serve::Followed;
use flow::{BoxFuture, BoxStream, Clock, Id, Origin, Plane, Question, Result};
use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use tokio::sync::watch;

use crate::call::Call;
use crate::codes;
use crate::door::Phase;
use crate::event::Event;
use crate::limit::Place;
use crate::problem::Problem;
use crate::reply::Payload;

pub(crate) const MEDIA_TYPE: &str = "text/event-stream";

/// Events that are there already go out together, up to this many bytes.
const TOGETHER: usize = 32 << 10;

/// How long a client is to wait before it comes back, and a first sign of life.
const HELLO: &str = "retry: 1000\n: following\n\n";

/// Asks for events as they happen. What comes stays for hours, so it has a place of its
/// own and holds none among requests.
pub(crate) async fn ask<P, Q, T>(
    call: &mut Call<'_, P>,
    question: Q,
) -> Result<(Source<P, T>, Place)>
where
    P: Plane + Origin<Q>,
    Q: Question<Answer = BoxStream<'static, Result<T>>>,
    T: Shown,
{
    let door = call.door;
    let full = || codes::BUSY.error("too many event streams are open");
    let place = door.followers.take(1).ok_or_else(full)?;
    let plane = &*door.plane;
    let followed = plane.path().follow(call.lane, &call.request, plane, question).await?;
    Ok((followed, place))
}

/// Opens a stream.
pub(crate) async fn follow<P, Q, T>(mut call: Call<'_, P>, question: Q) -> Result<Response<Payload>>
where
    P: Plane + Origin<Q>,
    Q: Question<Answer = BoxStream<'static, Result<T>>>,
    T: Shown,
{
    let (followed, place) = ask(&mut call, question).await?;
    let door = call.door;
    let heartbeat = door.config.events.heartbeat.0;
    let follower: Follower<P, T> = Follower {
        next: next::<P, T>(followed),
        beat: door.clock.sleep(heartbeat),
        heartbeat,
        clock: door.clock.clone(),
        phase: door.phase.subscribe(),
        id: call.request.id,
        state: State::Opened,
    };
    let pieces = stream::unfold(follower, Follower::piece);
    let payload = Payload::stream(Box::pin(pieces), None, call.request.id, place);
    let mut response = Response::new(payload);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    Ok(response)
}

/// Something that can be shown as a server-sent event.
pub(crate) trait Shown: Send + 'static {
    /// Adds it to a stream.
    fn show(&self, text: &mut String);
}

/// Events, as long as there is the right to see them.
pub(crate) type Source<P, T = ledger::Event> =
    Followed<<P as Plane>::Gate, <P as Plane>::Policy, <P as Plane>::Ledger, T>;
/// The next of them.
pub(crate) type Next<P, T = ledger::Event> = BoxFuture<'static, (Option<Result<T>>, Source<P, T>)>;

/// The next event. It owns its source, so that it is never dropped half-way: an
/// event already taken would be lost with it.
pub(crate) fn next<P: Plane, T: Send + 'static>(mut followed: Source<P, T>) -> Next<P, T> {
    Box::pin(async move {
        let event = followed.next().await;
        (event, followed)
    })
}

struct Follower<P: Plane, T> {
    next: Next<P, T>,
    beat: BoxFuture<'static, ()>,
    heartbeat: Duration,
    clock: Clock,
    phase: watch::Receiver<Phase>,
    id: Id,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Opened,
    Following,
    Ended,
}

/// What a follower waits for.
enum Heard<T, S> {
    Event(Option<Result<T>>, S),
    Drain,
    Beat,
}

impl<P: Plane, T: Shown> Follower<P, T> {
    /// The next piece of the stream.
    async fn piece(mut self) -> Option<(Result<Bytes>, Self)> {
        let text = match self.state {
            State::Ended => return None,
            State::Opened => {
                self.state = State::Following;
                HELLO.to_owned()
            }
            State::Following => self.text().await?,
        };
        Some((Ok(text.into()), self))
    }

    async fn text(&mut self) -> Option<String> {
        let heard = tokio::select! {
            biased;
            (event, followed) = &mut self.next => Heard::Event(event, followed),
            _ = self.phase.wait_for(|phase| *phase != Phase::Serving) => Heard::Drain,
            () = &mut self.beat => Heard::Beat,
        };
        match heard {
            Heard::Event(event, followed) => self.events(event, followed),
            Heard::Drain => {
                self.state = State::Ended;
                Some(": the server is going away, come back with last-event-id\n\n".to_owned())
            }
            Heard::Beat => {
                self.beat = self.clock.sleep(self.heartbeat);
                Some(": still here\n\n".to_owned())
            }
        }
    }

    /// This event, and those behind it that are there already.
    fn events(
        &mut self,
        mut event: Option<Result<T>>,
        mut followed: Source<P, T>,
    ) -> Option<String> {
        let mut text = String::new();
        loop {
            match event {
                Some(Ok(event)) => event.show(&mut text),
                Some(Err(error)) => {
                    self.state = State::Ended;
                    let problem = Problem::of(&error, self.id).bytes();
                    let problem = String::from_utf8_lossy(&problem);
                    let _ = write!(text, "event: error\ndata: {problem}\n\n");
                    return Some(text);
                }
                None => {
                    self.state = State::Ended;
                    return (!text.is_empty()).then_some(text);
                }
            }
            self.next = next::<P, T>(followed);
            if text.len() >= TOGETHER {
                break;
            }
            // Nobody needs to be woken by this look: the next piece polls again.
            let mut context = Context::from_waker(Waker::noop());
            match Pin::new(&mut self.next).poll(&mut context) {
                Poll::Ready((more, source)) => (event, followed) = (more, source),
                Poll::Pending => break,
            }
        }
        self.beat = self.clock.sleep(self.heartbeat);
        Some(text)
    }
}

impl Shown for ledger::Event {
    fn show(&self, text: &mut String) {
        let line = Event::of(self).line();
        let _ = write!(text, "id: {}\ndata: {line}\n\n", self.position);
    }
}
