//! The same door within TLS.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use door_http::config::Tls;
use door_http::{Config, Door, Listener};
use flow::unit::Span;
use flow::{Clock, Time};
use http::{Method, Version};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;

use crate::client::{Answer, eventually, request, whole};
use crate::plane::{Parts, World, plane};

/// A certificate for `localhost`, written where the door reads it.
fn certify(directory: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(directory.join("cert.pem"), made.cert.pem()).unwrap();
    made.cert.der().clone()
}

fn config(directory: &Path) -> Config {
    let tls = Tls {
        certificate: directory.join("cert.pem"),
        key: format!("file:{}", directory.join("key.pem").display()),
        check_every: Span::secs(10),
        strict_transport: Span::secs(60),
        clients: None,
    };
    Config { tls: Some(tls), ..Config::default() }
}

fn open(directory: &Path, clock: Clock) -> (Door<Parts>, SocketAddr, Arc<World>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let plane = plane(clock);
    let world = plane.0.clone();
    let door = Door::new(config(directory), plane, &world.registry).unwrap();
    door.listen(vec![Listener::Tls(listener)]).unwrap();
    (door, address, world)
}

type Stream = tokio_rustls::client::TlsStream<TcpStream>;

async fn connect(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    protocol: &[u8],
) -> std::io::Result<Stream> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

async fn http1(stream: Stream) -> hyper::client::conn::http1::SendRequest<Full<Bytes>> {
    let (sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn health(sender: &mut hyper::client::conn::http1::SendRequest<Full<Bytes>>) -> Answer {
    whole(sender.send_request(request(Method::GET, "/healthz", &[], "")).await.unwrap()).await
}

#[tokio::test]
async fn both_versions_are_agreed_on_within_tls() {
    let directory = tempfile::tempdir().unwrap();
    let certificate = certify(directory.path());
    let (_door, address, _) = open(directory.path(), Clock::system());

    let one = connect(address, &certificate, b"http/1.1").await.unwrap();
    assert_eq!(one.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let answer = health(&mut http1(one).await).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("strict-transport-security")),
        (200, "max-age=60")
    );

    let two = connect(address, &certificate, b"h2").await.unwrap();
    assert_eq!(two.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(two))
            .await
            .unwrap();
    tokio::spawn(connection);
    let request = request(Method::GET, "https://localhost/healthz", &[], "");
    let response = sender.send_request(request).await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
}

#[tokio::test]
async fn a_new_certificate_is_taken_and_open_connections_keep_theirs() {
    let directory = tempfile::tempdir().unwrap();
    let old = certify(directory.path());
    let (door, address, world) = open(directory.path(), Clock::system());
    let mut before = http1(connect(address, &old, b"http/1.1").await.unwrap()).await;
    let new = certify(directory.path());
    assert!(connect(address, &new, b"http/1.1").await.is_err(), "not before it was reloaded");
    door.reload().unwrap();
    assert!(connect(address, &old, b"http/1.1").await.is_err());
    assert_eq!(
        health(&mut http1(connect(address, &new, b"http/1.1").await.unwrap()).await).await.status,
        200
    );
    assert_eq!(health(&mut before).await.status, 200);

    // One that cannot be used changes nothing, whatever is wrong with it.
    let broken = ["", "not PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"];
    for text in broken {
        std::fs::write(directory.path().join("cert.pem"), text).unwrap();
        let error = door.reload().unwrap_err();
        assert_eq!(error.code().name, "door-tls-certificate");
        assert!(connect(address, &new, b"http/1.1").await.is_ok(), "{text:?}");
    }
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(directory.path().join("cert.pem"), other.cert.pem()).unwrap();
    let error = door.reload().unwrap_err();
    assert!(error.detail().contains("does not belong"), "{error}");
    let counted =
        |result| world.counted("stockade_http_certificate_reloads_total", &[("result", result)]);
    assert_eq!((counted("taken"), counted("refused")), (1, 4));
}

#[tokio::test]
async fn a_changed_file_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    certify(directory.path());
    let clock = Clock::manual(Time(0));
    let (_door, address, world) = open(directory.path(), clock.clone());
    let new = certify(directory.path());
    // Two files written within one tick of the file system's clock look the same
    // by time, so the size is made another, too.
    let key = directory.path().join("key.pem");
    let text = std::fs::read_to_string(&key).unwrap();
    std::fs::write(&key, format!("{text}\n")).unwrap();
    eventually("it is reloaded", || {
        clock.advance(Duration::from_secs(1));
        world.counted("stockade_http_certificate_reloads_total", &[("result", "taken")]) == 1
    })
    .await;
    assert!(connect(address, &new, b"http/1.1").await.is_ok());
}

#[tokio::test]
async fn plain_text_and_silence_at_a_tls_socket_cost_one_connection() {
    let directory = tempfile::tempdir().unwrap();
    let certificate = certify(directory.path());
    let clock = Clock::manual(Time(0));
    let (_door, address, world) = open(directory.path(), clock.clone());
    let mut plain = crate::client::Raw::connect(address).await;
    plain.send("GET /healthz HTTP/1.1\r\nhost: t\r\n\r\n").await;
    plain.rest().await;
    // Whoever is served by another thread counts when its client already knows.
    eventually("it is counted", || {
        world.counted("stockade_http_handshakes_failed_total", &[]) == 1
    })
    .await;
    let mut silent = crate::client::Raw::connect(address).await;
    let (said, after) = silent.closed_by(&clock).await;
    assert!(said.is_empty() && after >= Duration::from_secs(10), "{after:?}");
    assert!(connect(address, &certificate, b"h2").await.is_ok());
}

#[tokio::test]
async fn what_is_wrong_with_the_files_is_said_at_the_start_without_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let refused = |config: Config| {
        let plane = plane(Clock::system());
        let registry = plane.0.registry.clone();
        Door::new(config, plane, &registry).unwrap_err()
    };
    assert!(refused(config(path)).detail().contains("cannot be read"));
    certify(path);
    std::fs::write(path.join("key.pem"), "hunter2").unwrap();
    let error = refused(config(path));
    assert!(error.detail().contains("cannot be used"), "{error}");
    assert!(!error.story().contains("hunter2"), "{error:?}");
    let mut literal = config(path);
    literal.tls.as_mut().unwrap().key = "-----BEGIN PRIVATE KEY-----".to_owned();
    let error = refused(literal);
    assert!(!error.story().contains("BEGIN"), "{error:?}");
    let plane = plane(Clock::system());
    let registry = plane.0.registry.clone();
    let door = Door::new(Config::default(), plane, &registry).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let error = door.listen(vec![Listener::Tls(listener)]).unwrap_err();
    assert!(error.advice().contains("tls.certificate"), "{error}");
}
