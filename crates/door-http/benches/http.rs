//! How many requests one second of processor time answers, beside a bare hyper
//! server that does nothing else.
//!
//! Both serve from a process of their own with one thread, so that the kernel's
//! count of that thread's time is the whole cost. They take turns, and each
//! pair of rounds gives one ratio; the median is reported.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark that fails should stop there"
)]

#[path = "../tests/door/candidates.rs"]
mod candidates;
#[expect(dead_code, reason = "the plane of the tests, of which a benchmark needs little")]
#[path = "../tests/door/plane/mod.rs"]
mod plane;
#[path = "../tests/door/policy.rs"]
mod policy;

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use door_http::{Config, Door, Listener, State};
use flow::Clock;
use http::{HeaderValue, Response, header};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

const ROUNDS: usize = 11;
const REQUESTS: usize = 30_000;
const CONNECTIONS: usize = 16;

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: bench\r\n\r\n";
const VALUE: &str =
    "GET /v1/cache/n/key HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ann\r\n\r\n";

fn main() {
    let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
    match std::env::var("STOCKADE_BENCH_SERVE").as_deref() {
        Ok("bare") => serve(listener(), bare),
        Ok("door") => serve(listener(), |listener| door(listener, None)),
        Ok("logging") => serve(listener(), |listener| door(listener, Some(sink()))),
        _ => measure(),
    }
}

fn measure() {
    println!(
        "# Requests over HTTP/1.1 keep-alive, {CONNECTIONS} connections, per second of the server's \
         processor time; medians of {ROUNDS} rounds in turn with the peer. The access log goes to /dev/null."
    );
    let servers = ["bare", "door", "logging"].map(Server::start);
    let mut rates = [const { Vec::new() }; 4];
    for _ in 0..=ROUNDS {
        let [bare, door, logging] = &servers;
        let round = [bare.rate(HEALTH), door.rate(HEALTH), door.rate(VALUE), logging.rate(VALUE)];
        for (rates, rate) in rates.iter_mut().zip(round) {
            rates.push(rate);
        }
    }
    // The first round warms up.
    let rates = rates.map(|rates| rates[1..].to_vec());
    let ratios = (0..ROUNDS).map(|n| rates[1][n] / rates[0][n]).collect();
    let [bare, health, value, logging] = rates.map(median);
    println!("GET /healthz\t{health:.0}\trequests/CPU s\t≥ 0.8×\tbare hyper\t{bare:.0}");
    println!("GET /healthz, median of the ratios\t{:.3}\tof bare hyper\t≥ 0.8", median(ratios));
    println!("GET /v1/cache, through the path\t{value:.0}\trequests/CPU s\t");
    println!("GET /v1/cache, with an access log line each\t{logging:.0}\trequests/CPU s\t");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A server in a process of its own.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(kind: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env("STOCKADE_BENCH_SERVE", kind)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().parse().unwrap() }
    }

    /// Requests per second of processor time.
    fn rate(&self, request: &str) -> f64 {
        let mut streams: Vec<_> =
            (0..CONNECTIONS).map(|_| TcpStream::connect(self.address).unwrap()).collect();
        let length = streams.iter_mut().map(|stream| first(stream, request)).last().unwrap();
        let mut answer = vec![0; length];
        let before = self.busy_nanos();
        for _ in 0..REQUESTS / CONNECTIONS {
            for stream in &mut streams {
                stream.write_all(request.as_bytes()).unwrap();
            }
            for stream in &mut streams {
                stream.read_exact(&mut answer).unwrap();
            }
        }
        let nanos = self.busy_nanos() - before;
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        (REQUESTS / CONNECTIONS * CONNECTIONS) as f64 / (nanos * 1e-9)
    }

    /// Processor time so far: the only thread's, so the process's.
    fn busy_nanos(&self) -> f64 {
        let path = format!("/proc/{}/schedstat", self.child.id());
        let text = std::fs::read_to_string(path).unwrap();
        text.split_ascii_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes one request and returns the length of the answer, which all have.
fn first(stream: &mut TcpStream, request: &str) -> usize {
    stream.set_nodelay(true).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    loop {
        let mut piece = [0; 1024];
        let read = stream.read(&mut piece).unwrap();
        answer.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            return answer.len();
        }
    }
}

/// Serves on one thread until the parent goes away.
fn serve<F: Future<Output = ()>>(listener: TcpListener, work: impl FnOnce(TcpListener) -> F) {
    println!("{}", listener.local_addr().unwrap());
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work(listener));
}

async fn bare(listener: TcpListener) {
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let service = service_fn(|_| async {
            let body = Bytes::from_static(br#"{"status":"alive"}"#);
            let mut response = Response::new(Full::new(body));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            Ok::<_, Infallible>(response)
        });
        let http = hyper::server::conn::http1::Builder::new();
        tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
    }
}

async fn door(listener: TcpListener, log: Option<tracing::subscriber::DefaultGuard>) {
    let plane = plane::plane(Clock::system());
    let world = plane.0.clone();
    world.put("key", "value");
    let door = Door::new(Config::default(), plane, &world.registry).unwrap();
    door.listen(vec![Listener::Tcp(listener)]).unwrap();
    door.readiness().set(State::Ready);
    std::future::pending::<()>().await;
    drop((door, log));
}

/// A log as it is written in production, to nowhere.
fn sink() -> tracing::subscriber::DefaultGuard {
    let file = std::fs::OpenOptions::new().write(true).open("/dev/null").unwrap();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::INFO)
        .with_writer(std::sync::Arc::new(file))
        .finish();
    tracing::subscriber::set_default(subscriber)
}
