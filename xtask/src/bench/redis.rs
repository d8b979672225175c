//! The Redis door beside a real Redis: what a command costs each server, how many a second
//! there are, how long they take, and what an entry takes beside its key and value.

use std::error::Error;
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use engines::own::RedisServer;

use crate::bench::figure::{Figure, Peer, Report};
use crate::bench::server::{Server, cpu_seconds_of, resident_mib_of};
use crate::bench::spine::{built, figure, median};

const ROUNDS: usize = 5;
const CONNECTIONS: usize = 50;
const KEYS: u64 = 100_000;
const VALUE: usize = 100;
const FILL: u64 = 1_000_000;
const KEY: &str = "a-key-for-the-benchmark-that-nobody-else-has";

/// Somebody who speaks the protocol.
struct Door<'a> {
    address: &'a str,
    pid: u32,
    key: Option<&'a str>,
}

/// What one run of the load generator says.
#[derive(Debug, Default, Clone)]
struct Run {
    rate: f64,
    p99: f64,
    /// Processor time of the server for each command, in microseconds.
    cost: f64,
}

impl Door<'_> {
    fn load(&self, test: &str, pipeline: u32, count: u64, keys: u64) -> io::Result<Run> {
        let (host, port) = self.address.rsplit_once(':').ok_or(io::ErrorKind::InvalidInput)?;
        let before = cpu_seconds_of(self.pid)?;
        let mut command = Command::new("redis-benchmark");
        command.args(["-h", host, "-p", port, "--csv", "-t", test]);
        let numbers = [
            ("-n", count),
            ("-P", pipeline.into()),
            ("-d", VALUE as u64),
            ("-r", keys),
            ("-c", CONNECTIONS as u64),
        ];
        for (flag, number) in numbers {
            command.arg(flag).arg(number.to_string());
        }
        if let Some(key) = self.key {
            command.args(["-a", key]);
        }
        let said = command.output()?;
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let used = cpu_seconds_of(self.pid)? - before;
        let read = || {
            let line = text
                .lines()
                .find(|line| line.starts_with(&format!("\"{}", test.to_uppercase())))?;
            let mut fields = line.split(',').map(|field| field.trim_matches('"'));
            let rate: f64 = fields.nth(1)?.parse().ok()?;
            let p99: f64 = fields.nth(4)?.parse().ok()?;
            Some(Run { rate, p99, cost: used * 1e6 / count as f64 })
        };
        read().ok_or_else(|| io::Error::other(format!("redis-benchmark said `{text}`")))
    }
}

/// Both, in turn.
pub(crate) fn redis() -> Result<Report, Box<dyn Error>> {
    let release = built(&["stockade"])?;
    let about = format!(
        "Server CPU per command, commands a second and p99 as `redis-benchmark` sees them: {CONNECTIONS} \
         connections, values of {VALUE} bytes, {KEYS} keys, medians of {ROUNDS} rounds in turn with the \
         peer; the load generator shares the machine. Ours with authentication, permits, limits and facts \
         as they always are. Memory: what {FILL} keys more add to the resident set, less keys and values."
    );
    let mut figures = Vec::new();
    for pipeline in [16, 1] {
        for test in ["set", "get"] {
            figures.extend(commands(&release, test, pipeline)?);
        }
    }
    figures.push(memory(&release)?);
    Ok(Report { about: vec![about], figures, ..Report::default() })
}

fn commands(release: &Path, test: &str, pipeline: u32) -> Result<Vec<Figure>, Box<dyn Error>> {
    let count = if pipeline == 1 { 200_000 } else { 2_000_000 };
    let (ours, theirs) = (Ours::start(release)?, RedisServer::launch(&["--save", ""])?);
    let address = theirs.address();
    let peer = Door { address: &address, pid: theirs.pid(), key: None };
    let own = ours.door();
    for door in [&own, &peer] {
        door.load("set", 16, KEYS * 4, KEYS)?;
    }
    let (mut our_runs, mut their_runs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Whoever goes second meets a warmer machine, so they change places.
        if round % 2 == 0 {
            our_runs.push(own.load(test, pipeline, count, KEYS)?);
            their_runs.push(peer.load(test, pipeline, count, KEYS)?);
        } else {
            their_runs.push(peer.load(test, pipeline, count, KEYS)?);
            our_runs.push(own.load(test, pipeline, count, KEYS)?);
        }
    }
    let beside = |name: &str, unit: &str, goal: &str, of: fn(&Run) -> f64| {
        let value = |runs: &[Run]| median(runs.iter().map(of).collect());
        let title = format!("{test}, P={pipeline}: {name}");
        let peer = Peer { name: "redis-server".to_owned(), value: value(&their_runs) };
        Figure { peer: Some(peer), ..figure(&title, value(&our_runs), unit, goal) }
    };
    let (cost, rate) = if pipeline == 1 { ("≤ 6", "≥ 1×") } else { ("≤ 1", "≥ 1.2×") };
    Ok(vec![
        beside("CPU of the server", "µs", cost, |run| run.cost),
        beside("rate", "/s", rate, |run| run.rate),
        beside("p99", "ms", "≤ 1×", |run| run.p99),
    ])
}

/// What an entry takes beside its key and value.
fn memory(release: &Path) -> Result<Figure, Box<dyn Error>> {
    let (ours, theirs) = (Ours::start(release)?, RedisServer::launch(&["--save", ""])?);
    let address = theirs.address();
    let peer = Door { address: &address, pid: theirs.pid(), key: None };
    let overhead = |door: &Door<'_>| -> io::Result<f64> {
        // Buffers and threads are there before anything is counted.
        door.load("set", 16, KEYS, KEYS / 100)?;
        let before = resident_mib_of(door.pid)?;
        // Random keys: of three times as many draws as keys, 95 in 100 are hit.
        door.load("set", 16, FILL * 3, FILL)?;
        let kept = FILL as f64 * (1.0 - (-3.0f64).exp());
        let own = kept * (VALUE + "key:000000000000".len()) as f64;
        Ok(((resident_mib_of(door.pid)? - before) * f64::from(1 << 20) - own) / kept)
    };
    let peer = Peer { name: "redis-server".to_owned(), value: overhead(&peer)? };
    let own = overhead(&ours.door())?;
    Ok(Figure { peer: Some(peer), ..figure("an entry beside key and value", own, "B", "≤ 120") })
}

/// Our server, with a key that is known.
struct Ours {
    server: Server,
    address: String,
    _data: tempfile::TempDir,
}

impl Ours {
    fn start(release: &Path) -> io::Result<Self> {
        let data = tempfile::tempdir()?;
        let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let directory = data.path().display().to_string();
        let args =
            ["serve", "--data", &directory, "--http", "127.0.0.1:0", "--resp", &free, "--grpc", ""];
        let set = [("STOCKADE_BOOTSTRAP_KEY", KEY), ("STOCKADE_CACHE__CAPACITY", "1GiB")];
        let server = Server::start_with(&release.join("stockade"), &args, &set, "/healthz")?;
        Ok(Self { server, address: free, _data: data })
    }

    fn door(&self) -> Door<'_> {
        Door { address: &self.address, pid: self.server.pid(), key: Some(KEY) }
    }
}
