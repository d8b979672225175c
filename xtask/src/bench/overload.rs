//! Three times what the server can do is asked of it: once while it lets everybody in, once
//! while it lets in what it can do in good time.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::bench::figure::{Figure, Report};
use crate::bench::load::Connection;
use crate::bench::offered::{self, Outcome};
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

/// What it is like to be served while three times as much is asked as can be done.
pub(crate) fn overload() -> Result<Report, Box<dyn Error>> {
    let stockade = built(&["stockade"])?.join("stockade");
    let place = tempfile::tempdir()?;
    offered::stay_on_the_first_core()?;
    let (mut alone, mut without, mut with) = (Vec::new(), Vec::new(), Vec::new());
    let (mut served, mut capacity) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        for adaptive in [false, true] {
            let server =
                serve(&stockade, &place.path().join(format!("{round}{adaptive}")), adaptive)?;
            fill(&server)?;
            let few = ask_at(&server, A_FEW)?;
            let most = most(&server)?;
            if !adaptive {
                capacity.push(most);
                alone.push(few.percentile(99));
            }
            // What can be done is known from whoever lets everybody in.
            let most = capacity.last().copied().unwrap_or(most);
            // Some time to learn, before it counts.
            ask_at(&server, 3.0 * most)?;
            let outcome = ask_at(&server, 3.0 * most)?;
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
    offered::together(8, ask)?;
    Ok(answered.into_inner() as f64 / time.as_secs_f64())
}

/// Asks for the page so many times a second.
fn ask_at(server: &Server, rate: f64) -> io::Result<Outcome> {
    offered::offer(|| connect(server), |line| line.status(PAGE), CLIENTS, rate, ROUND)
}
