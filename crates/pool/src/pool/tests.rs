//! What a pool promises, with connections that do as they are told.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use flow::{Kind, Time};
use tokio::sync::Barrier;
use tokio::task::{JoinSet, yield_now};

use super::*;

/// Opens numbered connections, which break on demand.
#[derive(Default)]
struct Fake {
    opened: AtomicUsize,
    checked: AtomicUsize,
    away: AtomicBool,
    /// Connections up to this number are dead, and do not know it.
    dead: AtomicUsize,
    /// Connections up to this number are dead, and know it.
    broken: AtomicUsize,
}

impl Connect for Arc<Fake> {
    type Connection = usize;

    async fn open(&self) -> Result<usize> {
        yield_now().await;
        if self.away.load(Relaxed) {
            return Err(codes::SILENT.error("away"));
        }
        Ok(self.opened.fetch_add(1, Relaxed) + 1)
    }

    async fn check(&self, number: &mut usize) -> Result<()> {
        self.checked.fetch_add(1, Relaxed);
        if *number <= self.dead.load(Relaxed) { Err(codes::SILENT.error("dead")) } else { Ok(()) }
    }

    fn condition(&self, number: &usize) -> Condition {
        if *number <= self.broken.load(Relaxed) { Condition::Dead } else { Condition::Fit }
    }
}

type Fakes = Pool<Arc<Fake>>;

fn pool(config: Config, clock: &Clock) -> (Fakes, Arc<Fake>) {
    let fake = Arc::new(Fake::default());
    let random = Random::seeded(1);
    let pool = Pool::new("test", fake.clone(), config, clock.clone(), random, &Registry::default());
    (pool, fake)
}

fn small(min: usize, max: usize) -> Config {
    Config { min, max, ..Config::default() }
}

/// Lets every task go as far as it can.
async fn settle() {
    for _ in 0..200 {
        yield_now().await;
    }
}

async fn pass(clock: &Clock, time: Duration) {
    let mut left = time;
    while !left.is_zero() {
        let step = left.min(Duration::from_secs(1));
        clock.advance(step);
        settle().await;
        left -= step;
    }
}

#[tokio::test]
async fn it_fills_up_grows_under_load_and_shrinks_after_it() {
    let clock = Clock::manual(Time(0));
    let (pool, _) = pool(Config::default(), &clock);
    settle().await;
    assert_eq!(pool.stats(), Stats { open: 5, idle: 5, ..Stats::default() });
    let mut leases = Vec::new();
    for _ in 0..10 {
        leases.push(pool.acquire("test").await.unwrap());
    }
    pass(&clock, Duration::from_secs(2)).await;
    let busy = pool.stats();
    assert_eq!((busy.open, busy.in_use), (15, 10), "used to two thirds");
    leases.clear();
    pass(&clock, Duration::from_secs(60)).await;
    assert_eq!(pool.stats().open, 5);
}

#[tokio::test]
async fn a_thousand_at_once_are_served_in_order() {
    let clock = Clock::system();
    let (pool, _) = pool(small(5, 20), &clock);
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for n in 0..1000 {
        let (pool, order) = (pool.clone(), order.clone());
        tasks.spawn(async move {
            let lease = pool.acquire("test").await?;
            order.lock().push(n);
            yield_now().await;
            drop(lease);
            Result::<()>::Ok(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap().unwrap();
    }
    assert_eq!(*order.lock(), (0..1000).collect::<Vec<_>>());
    assert!(pool.stats().open <= 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_favoured_and_nobody_forgotten() {
    let clock = Clock::system();
    let (pool, _) = pool(small(2, 2), &clock);
    let mut tasks = JoinSet::new();
    let stop = Arc::new(AtomicBool::new(false));
    // Who is there alone is served alone.
    let all_there = Arc::new(Barrier::new(32));
    for _ in 0..32 {
        let (pool, stop, all_there) = (pool.clone(), stop.clone(), all_there.clone());
        tasks.spawn(async move {
            all_there.wait().await;
            let mut served = 0u64;
            while !stop.load(Relaxed) {
                let lease = pool.acquire("test").await.unwrap();
                served += 1;
                yield_now().await;
                drop(lease);
            }
            served as f64
        });
    }
    clock.sleep(Duration::from_millis(300)).await;
    stop.store(true, Relaxed);
    let served = tasks.join_all().await;
    let (sum, squares) =
        served.iter().fold((0.0, 0.0), |(sum, squares), n| (sum + n, squares + n * n));
    let fairness = sum * sum / (served.len() as f64 * squares);
    assert!(fairness >= 0.95, "fairness {fairness}: {served:?}");
    assert_eq!(pool.stats().waiting, 0);
}

#[tokio::test]
async fn a_refusal_names_the_holder_and_the_line() {
    let clock = Clock::manual(Time(0));
    let config = Config { waiting_max: 1, ..small(1, 1) };
    let (pool, _) = pool(config, &clock);
    let lease = pool.acquire("the hoarder").await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire("the patient").await.map(drop) }
    });
    settle().await;
    let full = pool.acquire("the third").await.unwrap_err();
    assert_eq!((full.code(), full.kind()), (&codes::BUSY, Kind::Busy));
    clock.advance(Duration::from_secs(30));
    let late = waiter.await.unwrap().unwrap_err();
    assert_eq!(late.code(), &codes::TIMEOUT);
    for part in ["30s", "1 of 1", "`the hoarder` has held one for 30s", "tests.rs"] {
        assert!(late.detail().contains(part), "{late}");
    }
    assert_eq!(pool.stats().waiting, 0, "whoever gave up is not in line");
    drop(lease);
    pool.acquire("the third").await.unwrap();
}

#[tokio::test]
async fn who_stops_waiting_costs_nobody_a_connection() {
    let clock = Clock::manual(Time(0));
    let (pool, _) = pool(small(1, 1), &clock);
    let lease = pool.acquire("test").await.unwrap();
    let wait = || {
        tokio::spawn({
            let pool = pool.clone();
            async move { pool.acquire("test").await.map(drop) }
        })
    };
    let (first, second) = (wait(), wait());
    settle().await;
    // Handed over and dropped before it was looked at.
    drop(lease);
    first.abort();
    second.await.unwrap().unwrap();
    settle().await;
    assert_eq!(pool.stats(), Stats { open: 1, idle: 1, ..Stats::default() });
}

#[tokio::test]
async fn only_what_was_unused_for_a_while_is_asked() {
    let clock = Clock::manual(Time(0));
    let (pool, fake) = pool(small(1, 1), &clock);
    for _ in 0..10 {
        drop(pool.acquire("test").await.unwrap());
        clock.advance(Duration::from_millis(500));
    }
    assert_eq!(fake.checked.load(Relaxed), 0);
    clock.advance(Duration::from_millis(1));
    drop(pool.acquire("test").await.unwrap());
    assert_eq!(fake.checked.load(Relaxed), 1);
}

#[tokio::test]
async fn dead_connections_reach_nobody() {
    let clock = Clock::manual(Time(0));
    let (pool, fake) = pool(small(5, 5), &clock);
    settle().await;
    // Killed, and noticed: not even a ping is needed.
    fake.broken.store(5, Relaxed);
    assert!(*pool.acquire("test").await.unwrap() > 5);
    assert_eq!(fake.checked.load(Relaxed), 0);
    settle().await;
    // Killed and not noticed: the ping tells.
    fake.dead.store(10, Relaxed);
    clock.advance(Duration::from_secs(1));
    let number = *pool.acquire("test").await.unwrap();
    assert!(number > 10, "{number}");
    settle().await;
    assert_eq!(pool.stats().waiting, 0);
}

#[tokio::test]
async fn where_one_is_dead_the_others_are_asked() {
    let clock = Clock::manual(Time(0));
    let (pool, fake) = pool(small(5, 5), &clock);
    settle().await;
    let mut leases = Vec::new();
    for _ in 0..5 {
        leases.push(pool.acquire("test").await.unwrap());
    }
    clock.advance(Duration::from_millis(1));
    // One knows that it is dead, the other four do not.
    fake.dead.store(5, Relaxed);
    fake.broken.store(1, Relaxed);
    drop(leases);
    let numbers: Vec<usize> = {
        let mut leases = Vec::new();
        for _ in 0..5 {
            leases.push(pool.acquire("test").await.unwrap());
        }
        leases.iter().map(|lease| **lease).collect()
    };
    assert!(numbers.iter().all(|number| *number > 5), "{numbers:?}");
}

#[tokio::test]
async fn a_dead_connection_does_not_cost_the_place_in_line() {
    let clock = Clock::manual(Time(0));
    let (pool, fake) = pool(small(1, 1), &clock);
    settle().await;
    fake.dead.store(1, Relaxed);
    clock.advance(Duration::from_millis(501));
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for n in 0..3 {
        let (pool, order) = (pool.clone(), order.clone());
        tasks.spawn(async move {
            let lease = pool.acquire("test").await.unwrap();
            order.lock().push((n, *lease));
        });
    }
    tasks.join_all().await;
    assert_eq!(*order.lock(), [(0, 2), (1, 2), (2, 2)]);
}

#[tokio::test]
async fn while_nothing_opens_callers_are_told_why_at_once() {
    let clock = Clock::manual(Time(0));
    let (pool, fake) = pool(small(1, 4), &clock);
    fake.away.store(true, Relaxed);
    for _ in 0..3 {
        let error = pool.acquire("test").await.unwrap_err();
        assert_eq!((error.code(), error.detail()), (&codes::SILENT, "away"));
    }
    fake.away.store(false, Relaxed);
    pool.acquire("test").await.unwrap();
}

#[tokio::test]
async fn connections_grow_old_and_the_idle_are_closed() {
    let clock = Clock::manual(Time(0));
    let lifetime = flow::unit::Span::secs(100);
    let (pool, fake) = pool(Config { lifetime, ..small(1, 3) }, &clock);
    settle().await;
    pass(&clock, Duration::from_secs(89)).await;
    assert_eq!((pool.stats().open, fake.opened.load(Relaxed)), (1, 1));
    pass(&clock, Duration::from_secs(22)).await;
    assert_eq!((pool.stats().open, fake.opened.load(Relaxed)), (1, 2));
    assert_eq!(*pool.acquire("test").await.unwrap(), 2);
}

#[tokio::test]
async fn an_old_connection_is_not_handed_on() {
    let clock = Clock::manual(Time(0));
    let lifetime = flow::unit::Span::secs(10);
    let (pool, _) = pool(Config { lifetime, ..small(1, 1) }, &clock);
    let lease = pool.acquire("test").await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { *pool.acquire("test").await.unwrap() }
    });
    settle().await;
    clock.advance(Duration::from_secs(12));
    assert_eq!(*lease, 1);
    drop(lease);
    assert_eq!(waiter.await.unwrap(), 2);
}

#[tokio::test]
async fn a_leak_is_told_once() {
    let clock = Clock::manual(Time(0));
    let fake = Arc::new(Fake::default());
    let registry = Registry::default();
    let config = small(1, 2);
    let pool = Pool::new("test", fake, config, clock.clone(), Random::seeded(1), &registry);
    let leak = pool.acquire("the forgetful").await.unwrap();
    pass(&clock, Duration::from_secs(70)).await;
    let leaks = registry.counter("stockade_pool_leaks_total", "", &[("pool", "test")]);
    assert_eq!(leaks.get(), 1);
    drop(leak);
}

#[tokio::test]
async fn closing_drains() {
    let clock = Clock::manual(Time(0));
    let (pool, _) = pool(small(2, 2), &clock);
    let one = pool.acquire("test").await.unwrap();
    let two = pool.acquire("test").await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire("test").await.map(drop) }
    });
    settle().await;
    let closing = tokio::spawn({
        let pool = pool.clone();
        async move { pool.close(Duration::from_secs(10)).await }
    });
    assert_eq!(waiter.await.unwrap().unwrap_err().code(), &codes::CLOSED);
    drop(one);
    settle().await;
    assert!(!closing.is_finished());
    clock.advance(Duration::from_secs(10));
    assert_eq!(closing.await.unwrap(), 1, "one was not given back");
    assert_eq!(pool.acquire("late").await.unwrap_err().code(), &codes::CLOSED);
    drop(two);
    assert_eq!(pool.stats().open, 0);
}
