//! The real binary, started for a test and stopped with it, and clients that
//! speak to it over real sockets.
#![allow(dead_code, reason = "each test file uses its part of it")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

pub(crate) mod secrets;
pub(crate) mod silence;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use flow::{Clock, Random};
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};

/// An administrator's key that tests choose, so that two servers can share one.
pub(crate) const KEY: &str = "test-key-of-at-least-thirty-two-characters";

/// Longer than anything a healthy server takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) http: String,
    pub(crate) resp: String,
    pub(crate) resp_tls: String,
    pub(crate) grpc: String,
    pub(crate) data: PathBuf,
    lines: Mutex<Receiver<String>>,
    said: Said,
    log: Option<JoinHandle<Option<String>>>,
}

/// Everything a server printed, on both of its outputs.
type Said = Arc<Mutex<String>>;

/// The binary with everything a test always wants.
pub(crate) fn stockade(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
    command.env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("STOCKADE_BOOTSTRAP_KEY", KEY);
    command.env("STOCKADE_LISTEN__GRPC", "127.0.0.1:0");
    command.args(["--data".as_ref(), data.as_os_str()]);
    command
}

/// The arguments of a server on free ports.
pub(crate) const SERVE: [&str; 5] = ["serve", "--http", "127.0.0.1:0", "--resp", "127.0.0.1:0"];

impl Server {
    /// Starts a server on this directory, on free ports, and waits until it is
    /// ready.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, |_| {})
    }

    /// The same with more arguments or variables.
    pub(crate) fn start_with(data: &Path, more: impl FnOnce(&mut Command)) -> Self {
        let mut command = stockade(data);
        command.args(SERVE);
        more(&mut command);
        match Self::launch(command, data) {
            Ok(server) => server,
            Err((status, log)) => panic!("the server ended with {status}:\n{log}"),
        }
    }

    /// Starts this command; if it ends before it is ready, how and what it said.
    pub(crate) fn launch(mut command: Command, data: &Path) -> Result<Self, (ExitStatus, String)> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = Said::default();
        note(child.stdout.take().unwrap(), said.clone());
        let (lines, log_end) = follow(child.stderr.take().unwrap(), said.clone());
        let mut log = String::new();
        loop {
            let Ok(line) = lines.recv_timeout(PATIENCE) else {
                let _ = child.kill();
                return Err((child.wait().unwrap(), log));
            };
            log.push_str(&line);
            log.push('\n');
            if line.contains("stockade is ready") {
                let address = |name| field(&line, name).unwrap_or_default();
                let (http, resp) = (address("http"), address("resp"));
                let (resp_tls, grpc) = (address("resp_tls"), address("grpc"));
                return Ok(Self {
                    child,
                    http,
                    resp,
                    resp_tls,
                    grpc,
                    data: data.into(),
                    lines: lines.into(),
                    said,
                    log: Some(log_end),
                });
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a log line that contains `text`.
    pub(crate) fn log(&self, text: &str) -> String {
        loop {
            let line = self.lines.lock().recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no line with `{text}` was logged"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Everything it printed so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().clone()
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.child.wait().unwrap()
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// One HTTP request with the administrator's key.
    pub(crate) fn http(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        request(&self.http, Some(KEY), method, path, body)
    }

    /// One HTTP request with another key, or none.
    pub(crate) fn http_as(&self, key: Option<&str>, method: &str, path: &str) -> Answer {
        request(&self.http, key, method, path, b"")
    }

    /// A Redis client that has logged in with this key.
    pub(crate) fn redis(&self, key: &str) -> redis::RedisResult<redis::Connection> {
        let client = redis::Client::open(format!("redis://:{key}@{}/", self.resp))?;
        client.get_connection_with_timeout(PATIENCE)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let leaked = self.log.take().and_then(|log| log.join().ok()).flatten();
        if !std::thread::panicking() {
            assert_eq!(leaked, None, "a secret in the log");
        }
    }
}

/// Reads standard output as it comes, so that nobody waits for a full pipe.
fn note(out: impl Read + Send + 'static, said: Said) {
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            said.lock().extend([line.as_str(), "\n"]);
        }
    });
}

/// Reads the log as it comes; at its end, the first line of it with a secret.
fn follow(log: ChildStderr, said: Said) -> (Receiver<String>, JoinHandle<Option<String>>) {
    let (send, lines) = channel();
    let log = std::thread::spawn(move || {
        let mut leaked = None;
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            // Shown by the test runner when the test fails.
            eprintln!("{line}");
            said.lock().extend([line.as_str(), "\n"]);
            // Nobody may be listening any more; the pipe is read on all the same.
            if secrets::one_in(&line).is_some() {
                leaked.get_or_insert_with(|| line.clone());
            }
            let _ = send.send(line);
        }
        leaked
    });
    (lines, log)
}

/// Asks again and again until there is an answer: for what no event tells.
pub(crate) fn until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let clock = Clock::system();
    let begun = clock.moment();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        let waited = clock.moment().since(begun);
        assert!(waited < limit, "not within {limit:?}: {what}");
        pause(Duration::from_millis(5));
    }
}

/// Lets other processes have the machine for a moment.
#[expect(clippy::disallowed_methods, reason = "real processes move by no clock of ours")]
pub(crate) fn pause(moment: Duration) {
    std::thread::sleep(moment);
}

/// Randomness that can be had again: seeded by `STOCKADE_TEST_SEED`, or anew, and
/// said out loud.
pub(crate) fn random() -> Random {
    let seed = std::env::var("STOCKADE_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| Random::system().number());
    eprintln!("STOCKADE_TEST_SEED={seed}");
    Random::seeded(seed)
}

/// A text field of a log line in JSON.
fn field(line: &str, name: &str) -> Option<String> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let found = line.get(name).or_else(|| line.get("fields")?.get(name))?;
    found.as_str().map(str::to_owned)
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The stable name of the problem it tells of.
    pub(crate) fn problem(&self) -> String {
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        kind.rsplit(':').next().unwrap_or_default().to_owned()
    }
}

/// Sends the head of a request and leaves the connection open.
pub(crate) fn open(address: &str, key: Option<&str>, head: &str) -> TcpStream {
    try_open(address, key, head).unwrap()
}

fn try_open(address: &str, key: Option<&str>, head: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let key = key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
    stream.write_all(format!("{head}\r\nhost: test\r\n{key}\r\n").as_bytes())?;
    Ok(stream)
}

/// One request on a connection of its own.
pub(crate) fn request(
    address: &str,
    key: Option<&str>,
    method: &str,
    path: &str,
    body: &[u8],
) -> Answer {
    let length = body.len();
    attempt(address, key, method, path, body)
        .unwrap_or_else(|error| panic!("{method} {path} of {length} bytes: {error}"))
}

/// The same where the server may be gone at any moment.
pub(crate) fn attempt(
    address: &str,
    key: Option<&str>,
    method: &str,
    path: &str,
    body: &[u8],
) -> io::Result<Answer> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}"
    );
    let mut stream = try_open(address, key, &head)?;
    // A server that refuses early may close before it has read everything.
    let _ = stream.write_all(body);
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes);
    match answer(&bytes) {
        Some(answer) => Ok(answer),
        None => Err(ended.err().unwrap_or_else(|| {
            let got = String::from_utf8_lossy(&bytes).into_owned();
            io::Error::new(io::ErrorKind::UnexpectedEof, format!("no whole answer: `{got}`"))
        })),
    }
}

/// The answer in these bytes, if it is all there.
fn answer(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = &bytes[end + 4..];
    let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { unchunked(body) } else { body.to_vec() };
    let length = head.to_lowercase().lines().find_map(|line| {
        line.strip_prefix("content-length: ").and_then(|length| length.parse::<usize>().ok())
    });
    let whole = length.is_none_or(|length| body.len() == length);
    whole.then_some(Answer { status, head, body })
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(line) = body.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&body[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        whole.extend_from_slice(&body[line + 2..line + 2 + size]);
        body = &body[line + 2 + size + 2..];
    }
    whole
}

/// The event stream from a position on, as `(id, data)`.
pub(crate) struct Events(BufReader<TcpStream>);

impl Events {
    pub(crate) fn follow(server: &Server, key: &str, query: &str) -> Self {
        Self::of(server, key, &format!("/v1/events?{query}"))
    }

    /// The events at any other place.
    pub(crate) fn of(server: &Server, key: &str, target: &str) -> Self {
        let head = format!("GET {target} HTTP/1.1\r\naccept: text/event-stream");
        let mut reader = BufReader::new(open(&server.http, Some(key), &head));
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert!(line.contains("200"), "{line}");
        Self(reader)
    }

    /// The next event: its name, id and data. `None` at the end of the stream.
    pub(crate) fn next(&mut self) -> Option<(String, String, serde_json::Value)> {
        let (mut name, mut id) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            let line = line.trim_end();
            if let Some(value) = line.strip_prefix("event: ") {
                name = value.into();
            } else if let Some(value) = line.strip_prefix("id: ") {
                id = value.into();
            } else if let Some(value) = line.strip_prefix("data: ") {
                return Some((name, id, serde_json::from_str(value).unwrap()));
            }
        }
    }

    /// Reads on until an event of this action.
    pub(crate) fn until(&mut self, action: &str) -> serde_json::Value {
        loop {
            let (_, _, data) = self.next().expect("the stream goes on");
            if data["type"] == action {
                return data;
            }
        }
    }
}
