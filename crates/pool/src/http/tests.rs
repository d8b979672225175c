//! The client against real servers, good and bad ones.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use ::http::{Request, Response, Version};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::breaker::State;

type Said = Response<Full<Bytes>>;

fn said(status: u16, body: &str) -> Said {
    Response::builder().status(status).body(Full::new(body.to_owned().into())).unwrap()
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Serves until the test ends; every request is answered by `answer`.
async fn serve(
    tls: Option<TlsAcceptor>,
    answer: impl Fn(Request<Incoming>) -> Said + Clone + Send + Sync + 'static,
) -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (tls, answer) = (tls.clone(), answer.clone());
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let said = answer(request);
                    async move { Ok::<_, Infallible>(said) }
                });
                let server = auto::Builder::new(TokioExecutor::new());
                // A client that goes away is no error of the test.
                let _ = match tls {
                    None => server.serve_connection(TokioIo::new(stream), service).await,
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => server.serve_connection(TokioIo::new(stream), service).await,
                        Err(_) => return,
                    },
                };
            });
        }
    });
    address
}

/// A server that does with a connection whatever the test wants.
async fn raw<F>(act: fn(TcpStream) -> F) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(act(stream));
        }
    });
    address
}

fn hasty() -> Config {
    let mut config = Config {
        connect_timeout: Span::millis(300),
        answer_timeout: Span::millis(300),
        timeout: Span::millis(600),
        largest_answer: Size(1000),
        ..Config::default()
    };
    config.retry.first_wait = Span::millis(1);
    config
}

fn http(config: Config) -> Http {
    Http::new(config, Clock::system(), Random::system(), &Registry::default()).unwrap()
}

#[tokio::test]
async fn what_is_asked_arrives_and_what_is_answered_comes_back() {
    let address = serve(None, |request| {
        let agent = request.headers()["user-agent"].to_str().unwrap();
        let mark = request.headers()["x-mark"].to_str().unwrap();
        let text = format!("{} {} {agent} {mark}", request.method(), request.uri());
        said(201, &text)
    })
    .await;
    let ask = Ask::post(&format!("http://{address}/a?b=c"), "body").unwrap();
    let answer = http(hasty()).send(ask.header("x-mark", "1").unwrap()).await.unwrap();
    assert_eq!(answer.status, 201);
    let text = format!("POST /a?b=c stockade/{} 1", env!("CARGO_PKG_VERSION"));
    assert_eq!(answer.body, text);
}

/// A certificate for `localhost`, and a file with the authority that signed it.
fn certified(alpn: &[&[u8]]) -> (TlsAcceptor, tempfile::NamedTempFile) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), made.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    (TlsAcceptor::from(Arc::new(config)), file)
}

#[tokio::test]
async fn over_tls_it_speaks_http_2_where_offered_and_checks_who_answers() {
    for (alpn, version) in
        [(&[&b"h2"[..], b"http/1.1"][..], Version::HTTP_2), (&[b"http/1.1"], Version::HTTP_11)]
    {
        let (tls, ca) = certified(alpn);
        let spoken = move |request: Request<Incoming>| {
            said(if request.version() == version { 200 } else { 400 }, "")
        };
        let port = serve(Some(tls), spoken).await.port();
        let trusting = http(Config { ca: Some(ca.path().into()), ..hasty() });
        let ask = |host: &str| Ask::get(&format!("https://{host}:{port}/")).unwrap();
        assert_eq!(trusting.send(ask("localhost")).await.unwrap().status, 200);
        // Not for this name; and not by anybody the web knows.
        for (http, host) in [(&trusting, "127.0.0.1"), (&http(hasty()), "localhost")] {
            let error = http.send(ask(host)).await.unwrap_err();
            assert_eq!(error.code(), &codes::HTTP_UNTRUSTED, "{error:?}");
        }
    }
}

#[tokio::test]
async fn what_may_be_repeated_is_and_nothing_else() {
    for (ask, times, expected) in [
        (Ask::get as fn(&str) -> Result<Ask>, 2, (200, 3)),
        (Ask::get, 9, (503, 3)),
        (|url| Ask::post(url, ""), 2, (503, 1)),
        (|url| Ok(Ask::post(url, "")?.repeatable()), 1, (200, 2)),
    ] {
        let asked = Arc::new(AtomicU32::new(0));
        let counted = asked.clone();
        let busy = move |_| said(if counted.fetch_add(1, Relaxed) < times { 503 } else { 200 }, "");
        let address = serve(None, busy).await;
        let answer = http(hasty()).send(ask(&format!("http://{address}")).unwrap()).await.unwrap();
        assert_eq!((answer.status.as_u16(), asked.load(Relaxed)), expected);
    }
}

#[tokio::test]
async fn every_wait_has_a_limit() {
    let silent = raw(|stream| async {
        let _open = stream;
        std::future::pending().await
    });
    let pauses = raw(|mut stream| async move {
        let _ = stream.read(&mut [0; 1000]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await;
        std::future::pending().await
    });
    let drips = raw(|mut stream| async move {
        let _ = stream.read(&mut [0; 1000]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n").await;
        while stream.write_all(b".").await.is_ok() {
            Clock::system().sleep(Duration::from_millis(50)).await;
        }
    });
    for (address, code, part) in [
        (silent.await, &codes::HTTP_LATE, "answer within"),
        (pauses.await, &codes::HTTP_LATE, "go on within"),
        (drips.await, &codes::HTTP_LATE, "finish within"),
    ] {
        let ask = Ask::post(&format!("http://{address}"), "").unwrap();
        let error = http(hasty()).send(ask).await.unwrap_err();
        assert_eq!(error.code(), code, "{error:?}");
        assert!(error.detail().contains(part), "{error}");
    }
    // Connected, and the handshake never comes to an end.
    let silent = raw(|stream| async {
        let _open = stream;
        std::future::pending().await
    });
    let ask = Ask::post(&format!("https://{}", silent.await), "").unwrap();
    let config = Config { answer_timeout: Span::secs(60), timeout: Span::secs(60), ..hasty() };
    let error = http(config).send(ask).await.unwrap_err();
    assert!(error.detail().contains("cannot be reached"), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_refused_with_and_without_a_length() {
    let claims = serve(None, |_| said(200, &"x".repeat(1001)));
    let endless = raw(|mut stream| async move {
        let _ = stream.read(&mut [0; 1000]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 100]).await.is_ok() {}
    });
    for address in [claims.await, endless.await] {
        let ask = Ask::get(&format!("http://{address}")).unwrap();
        let error = http(hasty()).send(ask).await.unwrap_err();
        assert_eq!(error.code(), &codes::HTTP_TOO_LARGE, "{error:?}");
    }
    let fits = serve(None, |_| said(200, &"x".repeat(1000))).await;
    let ask = Ask::get(&format!("http://{fits}")).unwrap();
    assert_eq!(http(hasty()).send(ask).await.unwrap().body.len(), 1000);
}

#[tokio::test]
async fn a_host_that_is_away_is_not_asked_for_a_while_and_others_are() {
    let (listener, away) = listen().await;
    drop(listener);
    let here = serve(None, |_| said(200, "")).await;
    let http = http(hasty());
    let ask = |address| Ask::post(&format!("http://{address}"), "").unwrap();
    for _ in 0..5 {
        let error = http.send(ask(away)).await.unwrap_err();
        assert_eq!(error.code(), &codes::HTTP_AWAY, "{error:?}");
    }
    let peer = http.0.peers.of(&away.to_string().into());
    assert_eq!(peer.breaker.state(), State::Open);
    let error = http.send(ask(away)).await.unwrap_err();
    assert_eq!(error.code(), &codes::BREAKER_OPEN);
    assert_eq!(http.send(ask(here)).await.unwrap().status, 200);
}

#[tokio::test]
async fn redirects_are_followed_when_asked_for_and_not_for_ever() {
    let address = serve(None, |request| {
        let path = request.uri().path().to_owned();
        let mut said = said(302, "");
        let next = if path == "/loop" { "/loop" } else { "/end" };
        if path == "/end" {
            *said.status_mut() = StatusCode::OK;
        }
        said.headers_mut().insert("location", next.parse().unwrap());
        said
    })
    .await;
    let http = http(hasty());
    let ask = |path: &str| Ask::get(&format!("http://{address}{path}")).unwrap();
    assert_eq!(http.send(ask("/start")).await.unwrap().status, 302);
    assert_eq!(http.send(ask("/start").following(1)).await.unwrap().status, 200);
    assert_eq!(http.send(ask("/loop").following(5)).await.unwrap().status, 302);
}

#[tokio::test]
async fn an_answer_is_read_piece_by_piece_as_it_comes() {
    let address = raw(|mut stream| async move {
        let _ = stream.read(&mut [0; 1000]).await;
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n";
        let _ = stream.write_all(head).await;
        // The second piece follows only when the client has read the first.
        let _ = stream.read(&mut [0; 1]).await;
    });
    let mut reply =
        http(hasty()).open(Ask::get(&format!("http://{}", address.await)).unwrap()).await.unwrap();
    assert_eq!(reply.piece().await.unwrap().unwrap(), "one");
    let error = reply.piece().await.unwrap_err();
    assert_eq!(error.code(), &codes::HTTP_LATE, "{error:?}");
}
