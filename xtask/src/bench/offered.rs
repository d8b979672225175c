//! Requests at moments that do not wait for answers, as those come who do not know of each other.

use std::io;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use crate::bench::load::Connection;
use crate::clock;

/// What became of the requests of one round.
#[derive(Default)]
pub(crate) struct Outcome {
    /// How long those took that were served, from when they were due, in milliseconds.
    pub(crate) served: Vec<f64>,
    pub(crate) refused: u64,
}

impl Outcome {
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let mut served = self.served.clone();
        served.sort_by(f64::total_cmp);
        let index = (served.len() * percent / 100).min(served.len().saturating_sub(1));
        served.get(index).copied().unwrap_or_default()
    }
}

/// Asks so many times a second for so long, whether or not it was answered before.
pub(crate) fn offer(
    open: impl Fn() -> io::Result<Connection> + Sync,
    ask: impl Fn(&mut Connection) -> io::Result<u16> + Sync,
    clients: usize,
    rate: f64,
    time: Duration,
) -> io::Result<Outcome> {
    let next = AtomicU64::new(0);
    let begin = clock::now() + Duration::from_millis(200);
    let client = || -> io::Result<Outcome> {
        let mut connection = open()?;
        let mut outcome = Outcome::default();
        loop {
            let after = Duration::from_secs_f64(next.fetch_add(1, Relaxed) as f64 / rate);
            if after >= time {
                return Ok(outcome);
            }
            let due = begin + after;
            clock::pause(due.saturating_duration_since(clock::now()));
            match ask(&mut connection)? {
                200 => outcome.served.push(due.elapsed().as_secs_f64() * 1000.0),
                429 | 503 => outcome.refused += 1,
                status => return Err(io::Error::other(format!("answered {status}"))),
            }
            // What is due when nobody can send it any more was not asked in this round.
            if begin.elapsed() >= time {
                return Ok(outcome);
            }
        }
    };
    let mut all = Outcome::default();
    for outcome in together(clients, client)? {
        all.served.extend(outcome.served);
        all.refused += outcome.refused;
    }
    Ok(all)
}

/// What so many threads bring back.
pub(crate) fn together<T: Send>(
    threads: usize,
    work: impl Fn() -> io::Result<T> + Sync,
) -> io::Result<Vec<T>> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
        let panicked = |_| Err(io::Error::other("a client panicked"));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).collect()
    })
}

/// Threads begun from now on stay there too.
pub(crate) fn stay_on_the_first_core() -> io::Result<()> {
    let own = std::process::id().to_string();
    let status =
        Command::new("taskset").args(["-c", "-p", "0", &own]).stdout(Stdio::null()).status()?;
    match status.success() {
        true => Ok(()),
        false => Err(io::Error::other("`taskset` cannot give the clients a core of their own")),
    }
}
