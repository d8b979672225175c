//! What a collector receives from a running server, over real HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use server::Server;

/// Takes one request; its path and body.
fn take(collector: &TcpListener) -> (String, Vec<u8>) {
    let (stream, _) = collector.accept().unwrap();
    let mut reader = BufReader::new(stream);
    let (mut path, mut length, mut secret) = (String::new(), 0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(rest) = line.strip_prefix("post ") {
            path = rest.split(' ').next().unwrap().to_owned();
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        secret |= line == "x-collector-token: t0ken";
    }
    assert!(secret, "the header from the environment is sent");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    reader.get_mut().write_all(answer).unwrap();
    (path, body)
}

#[test]
fn a_collector_hears_of_metrics_traces_and_logs() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_with(&place.path().join("data"), |command| {
        command.env("STOCKADE_WATCH__OTLP__ENDPOINT", &endpoint);
        command.env("STOCKADE_WATCH__OTLP__LEVEL", "debug");
        command.env("STOCKADE_WATCH__OTLP__INTERVAL", "200ms");
        command.env("STOCKADE_WATCH__OTLP__LINGER", "100ms");
        let headers = r#"{ x-collector-token = "env:COLLECTOR_TOKEN" }"#;
        command.env("STOCKADE_WATCH__OTLP__HEADERS", headers);
        command.env("COLLECTOR_TOKEN", "t0ken");
    });
    server.http("GET", "/v1/cache/db0/k", b"");
    let mut missing: HashSet<_> = ["/v1/metrics", "/v1/traces", "/v1/logs"].into();
    while !missing.is_empty() {
        let (path, body) = take(&collector);
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains("service.name") && text.contains("stockade"), "{path}");
        if path != "/v1/metrics" || text.contains("stockade_flow_requests_total") {
            missing.remove(path.as_str());
        }
    }
    assert!(server.stop().success());
}
