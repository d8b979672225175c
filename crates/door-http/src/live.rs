//! The ledger as it happens, over a WebSocket: each event is one message of text.
//!
//! The client need say nothing, and what it says means nothing. It is asked now and then
//! whether it is there; one that does not answer, or does not read, is left. The reason
//! for an end goes into the closing frame.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flow::question::ledger::{self, Follow};
use flow::{BoxFuture, Error, Kind, Plane, Result};
use futures_util::{SinkExt, StreamExt};
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderValue, Method, Response, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use crate::call::Call;
use crate::codes;
use crate::door::{Phase, Shared};
use crate::event::Event;
use crate::events::{self, Next, Source};
use crate::limit::Place;
use crate::reply::Payload;

/// What RFC 6455 has hashed with the client's key.
const MAGIC: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Nothing a client may have to say is longer.
const HEARD_MAX: usize = 4 << 10;
/// So many signs of life may go unanswered.
const MISSED_MAX: u32 = 2;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Becomes a WebSocket, once the answer has gone out.
pub(crate) async fn follow<P: Plane>(
    mut call: Call<'_, P>,
    question: Follow,
) -> Result<Response<Payload>> {
    let (accept, upgrade) = handshake(&call)?;
    let (followed, place) = events::ask(&mut call, question).await?;
    let door = call.door.clone();
    *call.after.lock() = Some(Box::pin(async move {
        // One that went away before the answer came needs nothing more.
        let Ok(upgraded) = upgrade.await else { return };
        let io = TokioIo::new(upgraded);
        let config = WebSocketConfig::default()
            .max_message_size(Some(HEARD_MAX))
            .max_frame_size(Some(HEARD_MAX));
        let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        Live::new(door, socket, followed, place).run().await;
    }));
    let mut response = Response::new(Payload::nothing());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response)
}

/// What answers the client's key, and the connection to come.
fn handshake<P: Plane>(call: &Call<'_, P>) -> Result<(HeaderValue, OnUpgrade)> {
    let wanted = call.header(&UPGRADE)?.unwrap_or_default();
    let is_wanted = wanted.split(',').any(|one| one.trim().eq_ignore_ascii_case("websocket"));
    let upgrade = call.head.extensions.get::<OnUpgrade>().cloned();
    let (true, &Method::GET, Some(upgrade)) = (is_wanted, &call.head.method, upgrade) else {
        return Err(codes::UPGRADE.error("this is served as a WebSocket over HTTP/1.1 only"));
    };
    let version = call.header(&SEC_WEBSOCKET_VERSION)?.unwrap_or_default();
    if version != "13" {
        let detail = format!("`sec-websocket-version` is `{version}`, not 13");
        return Err(codes::UPGRADE.error(detail));
    }
    let key = call.header(&SEC_WEBSOCKET_KEY)?.unwrap_or_default();
    if STANDARD.decode(key).map_or(0, |key| key.len()) != 16 {
        return Err(codes::HEADER.error("`sec-websocket-key` is not 16 bytes in base64"));
    }
    Ok((accept(key)?, upgrade))
}

fn accept(key: &str) -> Result<HeaderValue> {
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{MAGIC}").as_bytes());
    let accept = HeaderValue::try_from(STANDARD.encode(digest));
    accept.map_err(|error| codes::BROKEN.error("the handshake has no answer").because(error))
}

struct Live<P: Plane> {
    door: Arc<Shared<P>>,
    socket: Socket,
    next: Next<P>,
    beat: BoxFuture<'static, ()>,
    /// Signs of life asked for since one was seen.
    missed: u32,
    _place: Place,
}

/// What a follower waits for.
#[expect(clippy::large_enum_variant, reason = "it lives for one statement")]
enum Heard<S> {
    Event(Option<Result<ledger::Event>>, S),
    Client(bool),
    Drain,
    Beat,
}

impl<P: Plane> Live<P> {
    fn new(door: Arc<Shared<P>>, socket: Socket, followed: Source<P>, place: Place) -> Self {
        let beat = door.clock.sleep(door.config.events.heartbeat.0);
        Self { door, socket, next: events::next::<P, _>(followed), beat, missed: 0, _place: place }
    }

    async fn run(mut self) {
        let mut phase = self.door.phase.subscribe();
        loop {
            let heard = tokio::select! {
                biased;
                _ = phase.wait_for(|phase| *phase != Phase::Serving) => Heard::Drain,
                heard = self.socket.next() => Heard::Client(is_there(heard)),
                (event, followed) = &mut self.next => Heard::Event(event, followed),
                () = &mut self.beat => Heard::Beat,
            };
            let went_on = match heard {
                Heard::Event(Some(Ok(event)), followed) => {
                    self.next = events::next::<P, _>(followed);
                    self.say(Message::text(Event::of(&event).line())).await
                }
                Heard::Event(Some(Err(error)), _) => self.close(why(&error)).await,
                Heard::Event(None, _) => self.close((CloseCode::Normal, String::new())).await,
                Heard::Client(is_there) => {
                    self.missed = 0;
                    is_there
                }
                Heard::Drain => {
                    let reason = "the server is going away, come back with from".to_owned();
                    self.close((CloseCode::Away, reason)).await
                }
                Heard::Beat => self.beat().await,
            };
            if !went_on {
                return;
            }
        }
    }

    /// Asks whether the client is there.
    async fn beat(&mut self) -> bool {
        let heartbeat = self.door.config.events.heartbeat.0;
        self.beat = self.door.clock.sleep(heartbeat);
        self.missed += 1;
        self.missed <= MISSED_MAX && self.say(Message::Ping(Bytes::new())).await
    }

    /// Whether the client took it, in the time anybody has for that.
    async fn say(&mut self, message: Message) -> bool {
        let stall: Duration = self.door.config.limits.stall_timeout.0;
        let said = self.door.clock.within(stall, self.socket.send(message)).await;
        matches!(said, Some(Ok(())))
    }

    /// Says why it ends. It does end, whatever the client makes of that.
    async fn close(&mut self, (code, reason): (CloseCode, String)) -> bool {
        let frame = CloseFrame { code, reason: reason.into() };
        self.say(Message::Close(Some(frame))).await;
        false
    }
}

/// Whether whoever said this is still there. Pings are answered by the socket itself.
fn is_there<E>(heard: Option<std::result::Result<Message, E>>) -> bool {
    matches!(heard, Some(Ok(message)) if !message.is_close())
}

/// An end by an error, as a closing frame has it.
fn why(error: &Error) -> (CloseCode, String) {
    let code = match error.kind() {
        Kind::Refused | Kind::Unknown => CloseCode::Policy,
        Kind::Busy => CloseCode::Again,
        _ => CloseCode::Error,
    };
    (code, format!("urn:stockade:problem:{}", error.code().name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handshake_is_that_of_the_standard() {
        let answer = accept("dGhlIHNhbXBsZSBub25jZQ==").unwrap();
        assert_eq!(answer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
