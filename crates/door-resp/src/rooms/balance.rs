//! How many threads serve.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use flow::{Clock, Moment};

/// So often it is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// A thread that works this part of its time, in thousandths, has none left.
const FULL: u64 = 900;
/// So much of a core must be idle before another thread serves: one that shares it with whoever
/// asks costs them both more than it brings.
const IDLE: u64 = 800;
/// A thread less serves when the others would work at most this part of their time,
const EASY: u64 = 600;
/// for so many looks in a row.
const LULL: u32 = 20;

/// Looks at what is going on.
pub(super) struct Balance<B> {
    clock: Clock,
    /// How long each of the threads has worked so far.
    busy: B,
    at: Moment,
    before: Vec<Duration>,
    machine: Option<Machine>,
    lull: u32,
}

/// What a look has shown, all in thousandths.
#[derive(Debug, Clone, Copy)]
struct Shown {
    /// What the least busy of those that serve worked, and all of them together.
    least: u64,
    sum: u64,
    /// Cores nobody needs, where that is known.
    idle: Option<u64>,
}

impl<B: Fn() -> Vec<Duration>> Balance<B> {
    pub(super) fn new(clock: Clock, busy: B) -> Self {
        let (at, before) = (clock.moment(), busy());
        Self { clock, busy, at, before, machine: None, lull: 0 }
    }

    /// Keeps the number of those that serve right.
    pub(super) async fn keep(mut self, open: &AtomicUsize) {
        loop {
            self.clock.sleep(LOOK).await;
            let now = open.load(Relaxed);
            let shown = self.look(now);
            open.store(self.judge(now, self.before.len(), shown), Relaxed);
        }
    }

    fn look(&mut self, open: usize) -> Shown {
        let (at, busy) = (self.clock.moment(), (self.busy)());
        let passed = at.since(self.at).as_micros().max(1);
        let worked = busy.iter().zip(&self.before).take(open).map(|(busy, before)| {
            let thousandths = busy.saturating_sub(*before).as_micros() * 1000 / passed;
            u64::try_from(thousandths).unwrap_or(u64::MAX).min(1000)
        });
        let (least, sum) = worked.fold((1000, 0), |(least, sum), one| (one.min(least), sum + one));
        (self.at, self.before) = (at, busy);
        // The machine is asked only while that may change something.
        let machine = (least >= FULL).then(Machine::now).flatten();
        let before = std::mem::replace(&mut self.machine, machine);
        let idle = before.zip(machine).map(|(before, now)| now.idle_since(before));
        Shown { least, sum, idle }
    }

    fn judge(&mut self, open: usize, rooms: usize, shown: Shown) -> usize {
        let easy = open > 1 && shown.sum <= EASY * (open as u64 - 1);
        self.lull = if easy { self.lull + 1 } else { 0 };
        if self.lull >= LULL {
            self.lull = 0;
            return open - 1;
        }
        let wanted = shown.least >= FULL && shown.idle.is_some_and(|idle| idle >= IDLE);
        if wanted && open < rooms { open + 1 } else { open }
    }
}

/// What all cores have done since the machine began, in ticks.
#[derive(Debug, Clone, Copy)]
struct Machine {
    idle: u64,
    all: u64,
    cores: u64,
}

impl Machine {
    fn now() -> Option<Self> {
        Self::read(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    /// The first line is of all cores, and each of the next of one of them.
    fn read(text: &str) -> Option<Self> {
        let ticks = text.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> = ticks.split_whitespace().map_while(|n| n.parse().ok()).collect();
        let [_, _, _, idle, waits, ..] = *ticks else { return None };
        let cores = text.lines().skip(1).take_while(|line| line.starts_with("cpu")).count();
        // What guests did is counted among what was done for somebody.
        let all = ticks.iter().take(8).sum();
        Some(Self { idle: idle + waits, all, cores: cores as u64 })
    }

    /// Cores that had nothing to do, in thousandths.
    fn idle_since(self, before: Self) -> u64 {
        let passed = self.all.saturating_sub(before.all).max(1);
        self.idle.saturating_sub(before.idle) * 1000 * self.cores / passed
    }
}

#[cfg(test)]
mod tests {
    use flow::Time;

    use super::*;

    fn balance() -> Balance<impl Fn() -> Vec<Duration>> {
        Balance::new(Clock::manual(Time(0)), || vec![Duration::ZERO; 4])
    }

    #[test]
    fn one_more_serves_when_all_are_full_and_a_core_is_idle() {
        let mut balance = balance();
        let mut judge = |open, least, sum, idle| balance.judge(open, 4, Shown { least, sum, idle });
        assert_eq!(judge(1, 1000, 1000, Some(900)), 2);
        assert_eq!(judge(1, 1000, 1000, Some(700)), 1, "nobody has time");
        assert_eq!(judge(1, 1000, 1000, None), 1, "not known yet");
        assert_eq!(judge(2, 500, 1500, Some(900)), 2, "one of them has time");
        assert_eq!(judge(4, 1000, 4000, Some(900)), 4, "all there are");
    }

    #[test]
    fn one_less_serves_after_a_while_of_little_to_do() {
        let mut balance = balance();
        let easy = Shown { least: 100, sum: 500, idle: None };
        let hard = Shown { sum: 1500, ..easy };
        for _ in 1..LULL {
            assert_eq!(balance.judge(2, 4, easy), 2);
        }
        assert_eq!(balance.judge(2, 4, hard), 2, "and it begins anew");
        for _ in 1..LULL {
            assert_eq!(balance.judge(2, 4, easy), 2);
        }
        assert_eq!(balance.judge(2, 4, easy), 1);
        assert!((0..99).all(|_| balance.judge(1, 4, easy) == 1), "one always serves");
    }

    #[test]
    fn what_the_machine_did_is_read() {
        let read = |first: &str| Machine::read(&format!("{first}\ncpu0 1 2\ncpu1 3\nintr 5\n"));
        let before = read("cpu  100 0 50 800 50 0 0 0 0 0").unwrap();
        let after = read("cpu  150 0 50 840 60 0 0 0 99 0").unwrap();
        assert_eq!(after.idle_since(before), 1000, "half of two");
        for text in ["", "cpu", "cpu 1 2 3", "cpu x", "intr 3"] {
            assert!(Machine::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_threads_worked_is_looked_at() {
        let clock = Clock::manual(Time(0));
        let worked = std::cell::Cell::new(Duration::ZERO);
        let mut balance = Balance::new(clock.clone(), || vec![worked.get(), worked.get() / 2]);
        clock.advance(Duration::from_secs(1));
        worked.set(Duration::from_millis(500));
        let shown = balance.look(2);
        assert_eq!((shown.least, shown.sum), (250, 750));
    }
}
