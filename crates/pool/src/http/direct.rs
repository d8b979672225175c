//! One connection to one server: at an address, or on a socket of this machine, with
//! bodies streamed both ways.
//!
//! For a program that asks one server a few things and ends, as the command line
//! does. So there are no idle connections, no breaker and no retries: whoever typed
//! the command is the one to try again.

use std::path::Path;
use std::sync::Arc;

use ::http::header::{HOST, HeaderValue};
use ::http::{Request, Uri};
use bytes::Bytes;
use flow::{Body, Clock, Error, Result};
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::{Ask, Config, Limits, Reply, late};
use crate::{codes, tls};

type Outgoing = UnsyncBoxBody<Bytes, Error>;

/// A connection to one server.
pub struct Direct {
    sender: SendRequest<Outgoing>,
    /// What stands before the path in a URL of this server.
    base: String,
    config: Config,
    limits: Limits,
}

impl Direct {
    /// To the server that listens on a socket of this machine.
    pub async fn local(socket: &Path, config: Config, clock: Clock) -> Result<Self> {
        let host: Arc<str> = socket.display().to_string().into();
        let stream =
            UnixStream::connect(socket).await.map_err(|error| unreachable(&host, error))?;
        Self::over(stream, "http://localhost".into(), host, config, clock).await
    }

    /// To the server at a URL; of the URL only scheme, host and port count.
    pub async fn to(url: &str, config: Config, clock: Clock) -> Result<Self> {
        let ask = Ask::get(url)?;
        let (host, base) = (ask.host()?, ask.base());
        let connecting = Self::reach(ask, host.clone(), base, config.clone(), clock.clone());
        match clock.within(config.connect_timeout.0, connecting).await {
            Some(connected) => connected,
            None => Err(late(&host, "take the connection", config.connect_timeout)),
        }
    }

    async fn reach(
        ask: Ask,
        host: Arc<str>,
        base: String,
        config: Config,
        clock: Clock,
    ) -> Result<Self> {
        let secure = ask.url.scheme_str() == Some("https");
        let port = ask.url.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let name = ask.url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let stream = TcpStream::connect((name.as_str(), port)).await;
        let stream = stream.map_err(|error| unreachable(&host, error))?;
        if !secure {
            return Self::over(stream, base, host, config, clock).await;
        }
        let tls = tls::client(config.ca.as_deref())
            .map_err(|why| codes::HTTP_CONFIG.error(why.sentence).because(why.cause))?;
        let name = ServerName::try_from(name)
            .map_err(|_| codes::HTTP_ASK.error(format!("`{host}` is not the name of a server")))?;
        let stream = TlsConnector::from(Arc::new(tls)).connect(name, stream).await;
        let stream = stream.map_err(|error| {
            let detail = format!("`{host}` does not prove that it is who it says");
            codes::HTTP_UNTRUSTED.error(detail).because(error)
        })?;
        Self::over(stream, base, host, config, clock).await
    }

    async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        base: String,
        host: Arc<str>,
        config: Config,
        clock: Clock,
    ) -> Result<Self> {
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|error| broke_off(&host, error))?;
        // It ends with the sender or with the server, whichever goes first.
        tokio::spawn(connection);
        let (pause, largest) = (config.answer_timeout.0, config.largest_answer);
        Ok(Self { sender, base, config, limits: Limits { host, clock, pause, largest } })
    }

    /// A request to this server.
    pub fn ask(&self, method: &str, path: &str) -> Result<Ask> {
        let method = method.parse();
        let method = method.map_err(|_| codes::HTTP_ASK.error("that is not a method"))?;
        Ask::new(method, &format!("{}{path}", self.base))
    }

    /// Asks, and answers as soon as status and headers are there.
    pub async fn open(&mut self, ask: Ask) -> Result<Reply> {
        let request =
            ask.request()?.map(|body| body.map_err(|never| match never {}).boxed_unsync());
        let limit = self.config.answer_timeout;
        let clock = self.limits.clock.clone();
        match clock.within(limit.0, self.exchange(request)).await {
            Some(reply) => reply,
            None => Err(late(&self.limits.host, "answer", limit)),
        }
    }

    /// Asks with a body that is read while it is sent. It may take as long as it
    /// takes.
    pub async fn send(&mut self, ask: Ask, body: Body) -> Result<Reply> {
        let pieces = stream::unfold(body, |mut body| async {
            let piece = body.next().await?;
            Some((piece.map(Frame::data), body))
        });
        let request = ask.request()?.map(|_| BodyExt::boxed_unsync(StreamBody::new(pieces)));
        self.exchange(request).await
    }

    async fn exchange(&mut self, mut request: Request<Outgoing>) -> Result<Reply> {
        to_origin(&mut request);
        let host = self.limits.host.clone();
        self.sender.ready().await.map_err(|error| broke_off(&host, error))?;
        let sent = self.sender.send_request(request).await;
        let (parts, body) = sent.map_err(|error| broke_off(&host, error))?.into_parts();
        let limits = self.limits.clone();
        Ok(Reply { status: parts.status, headers: parts.headers, body, limits })
    }
}

impl std::fmt::Debug for Direct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Direct({})", self.limits.host)
    }
}

impl Ask {
    /// Scheme, host and port.
    fn base(&self) -> String {
        let authority = self.url.authority().map_or("", |authority| authority.as_str());
        format!("{}://{authority}", self.url.scheme_str().unwrap_or("http"))
    }
}

/// To a server itself only the path is said; its name is a header.
fn to_origin(request: &mut Request<Outgoing>) {
    let host = request.uri().authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    if let Some(host) = host {
        request.headers_mut().insert(HOST, host);
    }
    let path = request.uri().path_and_query().cloned();
    if let Some(path) = path {
        *request.uri_mut() = Uri::from(path);
    }
}

fn unreachable(host: &str, error: std::io::Error) -> Error {
    codes::HTTP_AWAY.error(format!("`{host}` cannot be reached")).because(error)
}

/// A body of ours that failed on the way is the better story.
fn broke_off(host: &str, error: hyper::Error) -> Error {
    let own = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<Error>());
    match own.map(|own| (own.code(), own.detail().to_owned())) {
        Some((code, detail)) => code.error(detail).because(error),
        None => codes::HTTP_AWAY.error(format!("`{host}` broke off")).because(error),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::Ordering::Relaxed;

    use ::http::Response;
    use http_body_util::Full;
    use hyper::body::Incoming;
    use hyper::server::conn::http1 as server;
    use hyper::service::service_fn;
    use tokio::net::{TcpListener, UnixListener};

    use super::*;

    /// Answers one connection with what it was asked: method, path, host, body.
    async fn echo(stream: impl AsyncRead + AsyncWrite + Unpin) {
        let service = service_fn(|request: Request<Incoming>| async {
            let host = request.headers().get(HOST).unwrap().to_str().unwrap().to_owned();
            let mut said = format!("{} {} {host} ", request.method(), request.uri()).into_bytes();
            said.extend_from_slice(&request.into_body().collect().await.unwrap().to_bytes());
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(said))))
        });
        let _ = server::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn check(direct: &mut Direct, host: &str) {
        let ask = direct.ask("GET", "/a?b=c").unwrap();
        let answer = direct.open(ask).await.unwrap().whole().await.unwrap();
        assert_eq!(answer.body, format!("GET /a?b=c {host} "));

        let pieces = stream::iter([Ok(Bytes::from("one ")), Ok(Bytes::from("two"))]);
        let ask = direct.ask("PUT", "/x").unwrap();
        let reply = direct.send(ask, Body::new(Box::pin(pieces), 100)).await.unwrap();
        assert_eq!(reply.whole().await.unwrap().body, format!("PUT /x {host} one two"));
    }

    #[tokio::test]
    async fn one_connection_carries_several_requests_over_a_socket() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sock");
        let listener = UnixListener::bind(&path).unwrap();
        tokio::spawn(async move { echo(listener.accept().await.unwrap().0).await });
        let mut direct = Direct::local(&path, Config::default(), Clock::system()).await.unwrap();
        check(&mut direct, "localhost").await;
    }

    #[tokio::test]
    async fn one_connection_carries_several_requests_to_an_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { echo(listener.accept().await.unwrap().0).await });
        let url = format!("http://{host}/ignored");
        let mut direct = Direct::to(&url, Config::default(), Clock::system()).await.unwrap();
        check(&mut direct, &host).await;
    }

    #[tokio::test]
    async fn who_is_not_there_or_leaves_is_said_to_be_away() {
        let nowhere = Path::new("/nowhere.sock");
        let error = Direct::local(nowhere, Config::default(), Clock::system()).await.unwrap_err();
        assert_eq!(error.code(), &codes::HTTP_AWAY);

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { drop(listener.accept().await) });
        let mut direct = Direct::to(&url, Config::default(), Clock::system()).await.unwrap();
        let ask = direct.ask("GET", "/").unwrap();
        let error = direct.open(ask).await.unwrap_err();
        assert_eq!(error.code(), &codes::HTTP_AWAY);
    }

    #[tokio::test]
    async fn a_body_that_fails_on_the_way_is_not_taken_for_a_whole_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = tokio::spawn(async move {
            let whole = std::sync::atomic::AtomicBool::new(false);
            let service = service_fn(|request: Request<Incoming>| async {
                let body = request.into_body().collect().await;
                whole.store(body.is_ok(), Relaxed);
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
            });
            let stream = TokioIo::new(listener.accept().await.unwrap().0);
            let _ = server::Builder::new().serve_connection(stream, service).await;
            whole.load(Relaxed)
        });
        let mut direct = Direct::to(&url, Config::default(), Clock::system()).await.unwrap();
        let broken = codes::HTTP_ASK.error("the file went away");
        let pieces = stream::iter([Ok(Bytes::from("one ")), Err(broken)]);
        let ask = direct.ask("PUT", "/x").unwrap();
        let sent = direct.send(ask, Body::new(Box::pin(pieces), 100)).await;
        assert_eq!(sent.unwrap_err().detail(), "the file went away");
        assert!(!seen.await.unwrap(), "half a body looked whole");
    }
}
