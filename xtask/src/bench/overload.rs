//! Three times what the server can do is asked of it: once while it lets everybody in, once
//! while it lets in what it can do in good time.

use std::error::Error;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use crate::bench::figure::{Figure, Report};
use crate::bench::load::Connection;
use crate::bench::server::Server;
use crate::bench::spine::{built, figure, median};
use crate::clock;

/// The administrator's key in these measurements.
const KEY: &str = "the-key-of-a-measurement-that-is-long-enough";

/// A page of events: work for a processor, a millisecond or two of it.
const PAGE: &str = "/v1/streams/load?limit=1000";

const EVENTS: usize = 1_000;
const CLIENTS: usize = 512;
/// Asked a second, when little is asked.
const A_FEW: f64 = 100.0;
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(5);

/// What became of the requests of one round.
#[derive(Default)]
struct Outcome {
    /// How long those took that were served, from when they were due, in milliseconds.
    served: Vec<f64>,
    refused: u64,
}

/// What it is like to be served while three times as much is asked as can be done.
pub(crate) fn overload() -> Result<Report, Box<dyn Error>> {
    let stockade = built(&["stockade"])?.join("stockade");
    let place = tempfile::tempdir()?;
    stay_on_the_first_core()?;
    let (mut alone, mut without, mut with) = (Vec::new(), Vec::new(), Vec::new());
    let (mut served, mut capacity) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        for adaptive in [false, true] {
            let server =
                serve(&stockade, &place.path().join(format!("{round}{adaptive}")), adaptive)?;
            fill(&server)?;
            let few = offer(&server, A_FEW)?;
            let most = most(&server)?;
            if !adaptive {
                capacity.push(most);
                alone.push(few.percentile(99));
            }
            // What can be done is known from whoever lets everybody in.
            let most = capacity.last().copied().unwrap_or(most);
            // Some time to learn, before it counts.
            offer(&server, 3.0 * most)?;
            let outcome = offer(&server, 3.0 * most)?;
            eprintln!(
                "adaptive {adaptive}: of {:.0}/s offered {} were served, p50 {:.1} ms, p99 {:.1} ms; {} were refused",
                3.0 * most,
                outcome.served.len(),
                outcome.percentile(50),
                outcome.percentile(99),
                outcome.refused
            );
            match adaptive {
                true => {
                    served.push(outcome.served.len() as f64 / ROUND.as_secs_f64() / most);
                    with.push(outcome.percentile(99));
                }
                false => without.push(outcome.percentile(99)),
            }
        }
    }
    let (alone, with) = (median(alone), median(with));
    let about = format!(
        "`GET {PAGE}` from {CLIENTS} connections, at moments that do not wait for answers; a request \
         takes from when it was due. What can be done is what 8 connections get done without a \
         pause; {A_FEW} are asked, then twice three times as much as can be done, {} s each, of which \
         the second is told; medians of {ROUNDS}. \
         The clients have one core, the server another.",
        ROUND.as_secs()
    );
    let ratio = Figure {
        goal: "≤ 2".to_owned(),
        ..figure("p99 at three times, beside a few", with / alone, "×", "")
    };
    Ok(Report {
        about: vec![about],
        figures: vec![
            figure("what can be done", median(capacity), "/s", ""),
            figure("p99 of a few", alone, "ms", ""),
            figure("p99 at three times as much, everybody let in", median(without), "ms", ""),
            figure("p99 at three times as much, adaptive", with, "ms", ""),
            ratio,
            figure("served meanwhile, of what can be done", 100.0 * median(served), "%", ""),
        ],
        ..Report::default()
    })
}

impl Outcome {
    fn percentile(&self, percent: usize) -> f64 {
        let mut served = self.served.clone();
        served.sort_by(f64::total_cmp);
        let index = (served.len() * percent / 100).min(served.len().saturating_sub(1));
        served.get(index).copied().unwrap_or_default()
    }
}

/// Threads begun from now on stay there too.
fn stay_on_the_first_core() -> io::Result<()> {
    let own = std::process::id().to_string();
    let status =
        Command::new("taskset").args(["-c", "-p", "0", &own]).stdout(Stdio::null()).status()?;
    match status.success() {
        true => Ok(()),
        false => Err(io::Error::other("`taskset` cannot give the clients a core of their own")),
    }
}

fn serve(stockade: &Path, data: &Path, adaptive: bool) -> io::Result<Server> {
    let (program, data) = (stockade.display().to_string(), data.display().to_string());
    let free = "127.0.0.1:0";
    let arguments = [
        "-c", "1", &program, "serve", "--data", &data, "--http", free, "--resp", free, "--grpc", "",
    ];
    let adaptive = if adaptive { "true" } else { "false" };
    let variables = [
        ("STOCKADE_BOOTSTRAP_KEY", KEY),
        ("STOCKADE_GATE__LIMITS__ADAPTIVE__ENABLED", adaptive),
        ("STOCKADE_GATE__LIMITS__MODE", "shadow"),
        ("STOCKADE_LOG__LEVEL", "error"),
    ];
    Server::start_with(Path::new("taskset"), &arguments, &variables, "/healthz")
}

fn connect(server: &Server) -> io::Result<Connection> {
    Ok(Connection::open(server.address())?.with_key(KEY))
}

/// Appends what is read afterwards.
fn fill(server: &Server) -> io::Result<()> {
    let event = r#"{"type":"order.placed","data":{"order":4711,"customer":"ann","total":129.5,"currency":"EUR"}}"#;
    let events = vec![event; EVENTS].join(",");
    let body = format!(r#"{{"events":[{events}]}}"#);
    match connect(server)?.post("/v1/streams/load", &body)? {
        201 => Ok(()),
        status => Err(io::Error::other(format!("appending was answered {status}"))),
    }
}

/// How many requests a second are answered to a few who do not pause.
fn most(server: &Server) -> io::Result<f64> {
    let (time, answered) = (Duration::from_secs(4), AtomicU64::new(0));
    let end = clock::now() + time;
    let ask = || -> io::Result<()> {
        let mut connection = connect(server)?;
        while clock::now() < end {
            if connection.status(PAGE)? == 200 {
                answered.fetch_add(1, Relaxed);
            }
        }
        Ok(())
    };
    together(8, ask)?;
    Ok(answered.into_inner() as f64 / time.as_secs_f64())
}

/// Asks so many times a second, whether or not it was answered before.
fn offer(server: &Server, rate: f64) -> io::Result<Outcome> {
    let next = AtomicU64::new(0);
    let begin = clock::now() + Duration::from_millis(200);
    let ask = || -> io::Result<Outcome> {
        let mut connection = connect(server)?;
        let mut outcome = Outcome::default();
        loop {
            let after = Duration::from_secs_f64(next.fetch_add(1, Relaxed) as f64 / rate);
            if after >= ROUND {
                return Ok(outcome);
            }
            let due = begin + after;
            clock::pause(due.saturating_duration_since(clock::now()));
            match connection.status(PAGE)? {
                200 => outcome.served.push(due.elapsed().as_secs_f64() * 1000.0),
                429 | 503 => outcome.refused += 1,
                status => return Err(io::Error::other(format!("answered {status}"))),
            }
            // What is due when nobody can send it any more was not asked in this round.
            if begin.elapsed() >= ROUND {
                return Ok(outcome);
            }
        }
    };
    let mut all = Outcome::default();
    for outcome in together(CLIENTS, ask)? {
        all.served.extend(outcome.served);
        all.refused += outcome.refused;
    }
    Ok(all)
}

/// What so many threads bring back.
fn together<T: Send>(
    threads: usize,
    work: impl Fn() -> io::Result<T> + Sync,
) -> io::Result<Vec<T>> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
        let panicked = |_| Err(io::Error::other("a client panicked"));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).collect()
    })
}
