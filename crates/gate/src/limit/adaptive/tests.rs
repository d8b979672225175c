use std::cmp::Reverse;
use std::collections::BinaryHeap;

use std::time::Duration;

use flow::Time;

use super::*;

const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLI;

/// A few servers with one queue, and requests that take 5 to 15 ms each.
struct Simulation {
    servers: usize,
    dice: u64,
    clock: Clock,
    now: u64,
    free: BinaryHeap<Reverse<u64>>,
    /// When it ends, and its slot.
    ends: BinaryHeap<Reverse<(u64, usize)>>,
    slots: Vec<Option<Slot>>,
    adaptive: Option<Arc<Adaptive>>,
}

struct Seen {
    took: Vec<u64>,
    shed: usize,
}

impl Seen {
    fn p99(&mut self) -> f64 {
        self.took.sort_unstable();
        self.took[self.took.len() * 99 / 100] as f64 / MILLI as f64
    }
}

impl Simulation {
    fn new(servers: usize, adapts: bool) -> Self {
        let clock = Clock::manual(Time(0));
        let config = Concurrency { enabled: true, ..Concurrency::default() };
        let adaptive = adapts.then(|| Adaptive::new(config, clock.clone()));
        let free = (0..servers).map(|_| Reverse(0)).collect();
        let (ends, slots) = (BinaryHeap::new(), Vec::new());
        Self { servers, dice: 88_172_645_463_325_252, clock, now: 0, free, ends, slots, adaptive }
    }

    fn roll(&mut self) -> f64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn go_to(&mut self, then: u64) {
        self.clock.advance(Duration::from_nanos(then - self.now));
        self.now = then;
    }

    /// So many seconds at this part of what can be done.
    fn run(&mut self, load: f64, secs: u64) -> Seen {
        let until = self.now + secs * SECOND;
        let between = 10.0 * MILLI as f64 / (self.servers as f64 * load);
        let mut seen = Seen { took: Vec::new(), shed: 0 };
        let mut next = self.now;
        while next < until {
            while self.ends.peek().is_some_and(|Reverse((end, _))| *end <= next) {
                let Reverse((end, index)) = self.ends.pop().unwrap();
                self.go_to(end);
                self.slots[index] = None;
            }
            self.go_to(next);
            let slot = self.adaptive.as_ref().map(Adaptive::enter);
            match slot {
                Some(None) => seen.shed += 1,
                slot => seen.took.push(self.serve(slot.flatten())),
            }
            let gap = -(1.0 - self.roll()).ln() * between;
            next += gap as u64;
        }
        seen
    }

    fn serve(&mut self, slot: Option<Slot>) -> u64 {
        let Reverse(free) = self.free.pop().unwrap();
        let end = free.max(self.now) + 5 * MILLI + (self.roll() * 10.0 * MILLI as f64) as u64;
        self.free.push(Reverse(end));
        self.ends.push(Reverse((end, self.slots.len())));
        self.slots.push(slot);
        end - self.now
    }
}

/// At three times of what can be done, for half a minute: those who are let in hardly notice, and
/// as much is done as without.
#[test]
fn under_three_times_the_load_latency_holds() {
    for servers in [4, 8, 32] {
        let mut with = Simulation::new(servers, true);
        let unloaded = with.run(0.3, 20).p99();
        with.run(3.0, 5);
        let mut under_load = with.run(3.0, 30);
        let done = under_load.took.len() as f64 / (30.0 * servers as f64 * 100.0);
        let p99 = under_load.p99();

        let mut without = Simulation::new(servers, false);
        without.run(0.3, 20);
        without.run(3.0, 5);
        let p99_without = without.run(3.0, 30).p99();
        println!(
            "{servers} servers: p99 {unloaded:.1} ms unloaded; at 3x {p99:.1} ms with, \
             {p99_without:.0} ms without; {:.0} % of capacity done, {} shed",
            done * 100.0,
            under_load.shed,
        );
        assert!(p99 <= 2.0 * unloaded, "{servers}: {p99} of {unloaded}");
        assert!(done >= 0.9, "{servers}: {done}");
        assert!(p99_without > 10.0 * unloaded);
    }
}

#[test]
fn nobody_is_shed_while_there_is_room() {
    let mut simulation = Simulation::new(8, true);
    let mut shed = 0;
    let mut seen = 0;
    for _ in 0..10 {
        let part = simulation.run(0.5, 10);
        shed += part.shed;
        seen += part.took.len();
    }
    // But for the moments of learning.
    assert!((shed as f64) < 0.01 * seen as f64, "{shed} of {seen}");
}

#[test]
fn a_slow_spell_passes() {
    let mut simulation = Simulation::new(8, true);
    simulation.run(0.3, 10);
    simulation.run(5.0, 30);
    simulation.run(0.5, 20);
    let after = simulation.run(0.5, 9);
    assert!(after.shed <= after.took.len() / 50, "{} of {}", after.shed, after.took.len());
}

#[tokio::test]
async fn nobody_is_let_in_while_turns_take_long() {
    let clock = Clock::manual(Time(1_700_000_000_000_000_000));
    let config = Concurrency { enabled: true, ..Concurrency::default() };
    let adaptive = Adaptive::new(config, clock.clone());
    clock.advance(Duration::from_secs(1));
    let turn = Arc::new(tokio::sync::Notify::new());
    assert!(adaptive.enter().is_some());
    let standing = {
        let (adaptive, turn) = (adaptive.clone(), turn.clone());
        tokio::spawn(async move { adaptive.stand_in_line(turn.notified()).await })
    };
    tokio::task::yield_now().await;
    assert!(adaptive.enter().is_some(), "it has only just begun");
    clock.advance(TURN + Duration::from_nanos(1));
    assert!(adaptive.enter().is_none(), "and is still waiting");
    turn.notify_one();
    standing.await.unwrap();
    assert!(adaptive.enter().is_none(), "so long it took");
    adaptive.stand_in_line(std::future::ready(())).await;
    assert!(adaptive.enter().is_some(), "now it is short again");
}
