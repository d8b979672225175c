//! A door on a free port, and clients for it.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use door_http::{Config, Door, Listener, State};
use flow::Clock;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::plane::{Parts, World, plane};

/// How long anything may take before the test has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An open door.
pub(crate) struct Open {
    pub(crate) world: Arc<World>,
    pub(crate) door: Door<Parts>,
    pub(crate) address: SocketAddr,
}

/// A door with the machine's clock.
pub(crate) fn open(config: Config) -> Open {
    open_at(config, Clock::system())
}

pub(crate) fn open_at(config: Config, clock: Clock) -> Open {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let plane = plane(clock);
    let world = plane.0.clone();
    let door = Door::new(config, plane, &world.registry).unwrap();
    door.listen(vec![Listener::Tcp(listener)]).unwrap();
    door.readiness().set(State::Ready);
    Open { world, door, address }
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code of a problem, checked for the shape all problems have.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["instance"], self.header("x-request-id"));
        for part in ["title", "detail", "advice"] {
            assert!(problem[part].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        let kind = problem["type"].as_str().unwrap();
        kind.strip_prefix("urn:stockade:problem:").unwrap().to_owned()
    }
}

impl Answer {
    /// The code of a problem in OPA's words, checked for the shape those have.
    pub(crate) fn opa_problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        let problem = self.json();
        let members = problem.as_object().unwrap().keys();
        let known = |name: &String| ["code", "message", "errors"].contains(&&**name);
        assert!(members.clone().all(known), "{problem}");
        assert!(problem["message"].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        problem["code"].as_str().unwrap().to_owned()
    }
}

/// One request on its own connection, with ann's key unless `headers` say
/// otherwise.
pub(crate) async fn ask(
    address: SocketAddr,
    method: Method,
    target: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request(method, target, headers, body)).await.unwrap();
    let answer = whole(response).await;
    drop(sender);
    let _ = driver.await;
    answer
}

pub(crate) fn request(
    method: Method,
    target: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(target).header("host", "test");
    if !headers.iter().any(|(name, _)| *name == "authorization") {
        request = request.header("authorization", "Bearer ann");
    }
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body.into())).unwrap()
}

/// What a client that wants a WebSocket sends.
pub(crate) const WEBSOCKET: [(&str, &str); 4] = [
    ("connection", "upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// Nobody's key.
pub(crate) const NOBODY: (&str, &str) = ("authorization", "");

pub(crate) async fn get(address: SocketAddr, target: &str) -> Answer {
    ask(address, Method::GET, target, &[], "").await
}

pub(crate) async fn whole(response: Response<Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    let body = tokio::time::timeout(PATIENCE, body.collect()).await.unwrap().unwrap().to_bytes();
    Answer { status: head.status, headers: head.headers, body }
}

pub(crate) type Http2 = hyper::client::conn::http2::SendRequest<Full<Bytes>>;

/// An HTTP/2 connection by prior knowledge.
pub(crate) async fn http2(address: SocketAddr) -> Http2 {
    let stream = TcpStream::connect(address).await.unwrap();
    let executor = TokioExecutor::new();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(executor, TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// A connection without any library, for what libraries do not do.
pub(crate) struct Raw(pub(crate) TcpStream, String);

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap(), String::new())
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Everything until the other end closes.
    pub(crate) async fn rest(&mut self) -> String {
        let mut bytes = std::mem::take(&mut self.1).into_bytes();
        let read = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await;
        // A reset after the answer is an end too.
        let _ = read.expect("the connection should have ended");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Reads until `text` was seen; returns all up to its end.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let reading = tokio::time::timeout(PATIENCE, async {
            while !self.1.contains(text) {
                let mut bytes = [0; 4096];
                let read = self.0.read(&mut bytes).await.unwrap();
                assert_ne!(read, 0, "the connection ended before `{text}`: {}", self.1);
                self.1.push_str(&String::from_utf8_lossy(&bytes[..read]));
            }
        });
        let found = reading.await;
        assert!(found.is_ok(), "`{text}` did not come, only {}", self.1);
        let end = self.1.find(text).map_or(0, |at| at + text.len());
        let rest = self.1.split_off(end);
        std::mem::replace(&mut self.1, rest)
    }

    /// Moves `clock` until the other end closes; returns what it said and how
    /// far the clock had to go.
    pub(crate) async fn closed_by(&mut self, clock: &Clock) -> (String, Duration) {
        let begun = clock.moment();
        let mut bytes = Vec::new();
        for _ in 0..10_000 {
            let mut piece = [0; 4096];
            match tokio::time::timeout(Duration::from_millis(2), self.0.read(&mut piece)).await {
                Ok(Ok(0) | Err(_)) => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    return (text, clock.moment().since(begun));
                }
                Ok(Ok(read)) => bytes.extend_from_slice(&piece[..read]),
                Err(_) => clock.advance(Duration::from_millis(100)),
            }
        }
        panic!("the connection was not closed; it said {}", String::from_utf8_lossy(&bytes));
    }
}

/// Waits until something is so, which happens in another task.
pub(crate) async fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let wait = async {
        while !so() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "{what}");
}
