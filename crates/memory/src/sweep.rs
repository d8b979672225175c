//! One thread that sweeps every cache that asked for it.
//!
//! It sleeps until the next of them is due, holds none of them alive, and ends with
//! the last one.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use flow::{Clock, Moment};
use parking_lot::{Condvar, Mutex};

/// Sweeps a cache; `false` when there is none any more.
type Sweep = Box<dyn Fn() -> bool + Send>;

struct Round {
    due: Moment,
    every: Duration,
    sweep: Sweep,
}

struct Sweeper {
    /// Whether the thread runs, and what it is to do.
    rounds: Mutex<(bool, Vec<Round>)>,
    more: Condvar,
}

static SWEEPER: Sweeper = Sweeper { rounds: Mutex::new((false, Vec::new())), more: Condvar::new() };

/// Calls `sweep` from now on, until it answers `false`.
pub(crate) fn every(every: Duration, sweep: Sweep) -> io::Result<()> {
    let mut rounds = SWEEPER.rounds.lock();
    if !rounds.0 {
        thread::Builder::new().name("memory-sweep".into()).spawn(|| SWEEPER.run())?;
        rounds.0 = true;
    }
    rounds.1.push(Round { due: Clock::system().moment().after(every), every, sweep });
    SWEEPER.more.notify_one();
    Ok(())
}

impl Sweeper {
    fn run(&self) {
        let clock = Clock::system();
        loop {
            let mut rounds = self.rounds.lock();
            let Some(soonest) = rounds.1.iter().map(|round| round.due).min() else {
                rounds.0 = false;
                return;
            };
            let now = clock.moment();
            if soonest > now {
                self.more.wait_for(&mut rounds, soonest.since(now));
                continue;
            }
            let mut due: Vec<Round> = rounds.1.extract_if(.., |round| round.due <= now).collect();
            drop(rounds);
            due.retain_mut(|round| {
                round.due = now.after(round.every);
                // A value whose drop panics has said so; the others are still to be swept.
                catch_unwind(AssertUnwindSafe(&round.sweep)).unwrap_or(true)
            });
            self.rounds.lock().1.append(&mut due);
        }
    }
}
