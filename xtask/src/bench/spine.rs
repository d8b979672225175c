//! The release binary itself: how long a newcomer waits for it, what it weighs, and
//! what it adds to a bare HTTP server.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bench::figure::{Figure, Peer, Report};
use crate::bench::server::Server;
use crate::bench::{decisions, load, overload, redis};
use crate::cargo::{self, cargo};
use crate::clock;

/// The package these benchmarks would belong to, if they belonged to one.
pub(crate) const PACKAGE: &str = "spine";

type Measurement = fn() -> Result<Report, Box<dyn Error>>;

/// Every measurement by name.
pub(crate) const ALL: [(&str, Measurement); 5] = [
    ("build", build),
    ("run", run),
    ("redis", redis::redis),
    ("decisions", decisions::decisions),
    ("overload", overload::overload),
];

/// Answered by every server without a credential and without touching anything.
const NO_OP: &str = "/healthz";

const ROUNDS: usize = 5;
const CONNECTIONS: usize = 16;
const ROUND: Duration = Duration::from_secs(3);

/// How long a clean release build takes, and what comes out.
fn build() -> Result<Report, Box<dyn Error>> {
    // What is downloaded is not our doing.
    succeed(&["fetch", "--locked"])?;
    let target = tempfile::tempdir()?;
    let directory = target.path().display().to_string();
    let start = clock::now();
    succeed(&["build", "--release", "--locked", "--bin", "stockade", "--target-dir", &directory])?;
    let minutes = start.elapsed().as_secs_f64() / 60.0;
    let size = target.path().join("release/stockade").metadata()?.len();
    let about = "`cargo build --release` into an empty directory, everything downloaded before.";
    Ok(Report {
        about: vec![about.to_owned()],
        figures: vec![
            figure("clean release build", minutes, "min", "≤ 8"),
            figure("size of the binary", size as f64 / f64::from(1 << 20), "MiB", ""),
        ],
        ..Report::default()
    })
}

/// Start, memory and the cost of a request, on the release build.
fn run() -> Result<Report, Box<dyn Error>> {
    let release = built(&["stockade", "bare-hyper"])?;
    let stockade = release.join("stockade");
    let (first, again, resident) = starts(&stockade)?;
    let (ours, bare) = requests_per_cpu_second(&stockade, &release.join("bare-hyper"))?;
    let about = format!(
        "A start ends with the first answer of `{NO_OP}`; memory is read after 5 s idle; medians of \
         {ROUNDS}. Requests: `GET {NO_OP}` over HTTP/1.1 keep-alive, {CONNECTIONS} connections, \
         {ROUNDS} rounds of {} s each in turn with the peer, per second of the server's processor time.",
        ROUND.as_secs()
    );
    let peer = Peer { name: "bare hyper".to_owned(), value: bare };
    let requests = figure("requests per CPU-second", ours, "/s", "≥ 0.8×");
    Ok(Report {
        about: vec![about],
        figures: vec![
            figure("first start, creating everything", first, "ms", "≤ 1000"),
            figure("start on an existing directory", again, "ms", "≤ 1000"),
            figure("memory when idle", resident, "MiB", "≤ 40"),
            Figure { peer: Some(peer), ..requests },
        ],
        ..Report::default()
    })
}

/// First start, second start, and the memory held after a while of nothing.
fn starts(stockade: &Path) -> io::Result<(f64, f64, f64)> {
    let milliseconds = |server: &Server| server.started_in.as_secs_f64() * 1000.0;
    let (mut first, mut again, mut resident) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let data = tempfile::tempdir()?;
        first.push(milliseconds(&serve(stockade, data.path())?));
        let server = serve(stockade, data.path())?;
        again.push(milliseconds(&server));
        clock::pause(Duration::from_secs(5));
        resident.push(server.resident_mib()?);
    }
    Ok((median(first), median(again), median(resident)))
}

/// Ours and the bare server's, in turn, so that the machine's moods strike both.
fn requests_per_cpu_second(stockade: &Path, bare: &Path) -> io::Result<(f64, f64)> {
    let data = tempfile::tempdir()?;
    let ours = serve(stockade, data.path())?;
    let bare = Server::start(bare, &[], NO_OP)?;
    let rate = |server: &Server| -> io::Result<f64> {
        let before = server.cpu_seconds()?;
        let answered = load::run(server.address(), NO_OP, CONNECTIONS, ROUND)?;
        Ok(answered as f64 / (server.cpu_seconds()? - before))
    };
    let (mut our_rates, mut bare_rates) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Whoever goes second meets a warmer machine, so they change places.
        if round % 2 == 0 {
            our_rates.push(rate(&ours)?);
            bare_rates.push(rate(&bare)?);
        } else {
            bare_rates.push(rate(&bare)?);
            our_rates.push(rate(&ours)?);
        }
    }
    Ok((median(our_rates), median(bare_rates)))
}

fn serve(stockade: &Path, data: &Path) -> io::Result<Server> {
    let data = data.display().to_string();
    let free = "127.0.0.1:0";
    Server::start(
        stockade,
        &["serve", "--data", &data, "--http", free, "--resp", free, "--grpc", ""],
        NO_OP,
    )
}

/// Where the release builds of these packages are.
pub(crate) fn built(packages: &[&str]) -> Result<PathBuf, Box<dyn Error>> {
    let mut args = vec!["build", "--release", "--locked", "--bins"];
    args.extend(packages.iter().flat_map(|package| ["-p", package]));
    succeed(&args)?;
    Ok(cargo::target_directory()?.join("release"))
}

pub(crate) fn figure(name: &str, value: f64, unit: &str, goal: &str) -> Figure {
    let (name, unit, goal) = (name.to_owned(), unit.to_owned(), goal.to_owned());
    Figure { name, value, unit, goal, peer: None }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn succeed(args: &[&str]) -> Result<(), Box<dyn Error>> {
    let status = cargo(args).status()?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("cargo {} ended with {status}", args.join(" ")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median(vec![9.0, 1.0, 5.0, 2.0, 100.0]), 5.0);
        assert_eq!(median(Vec::new()), 0.0);
    }
}
