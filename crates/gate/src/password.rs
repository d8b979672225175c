//! Passwords: hashed and compared by few threads at a time.
//!
//! A password hash is slow on purpose and fills memory, so a crowd that logs in at once
//! could stop everything else. Here as many are computed at a time as there are cores,
//! on threads that do nothing else, a bounded number waits, and whoever comes beyond is
//! asked to come again.

mod hash;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use flow::{Clock, Random, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use crate::codes::{HASHES, LOGIN_BUSY, PASSWORD_LENGTH};
pub(crate) use hash::check as check_hash;

/// Shorter passwords are guessed.
pub const PASSWORD_MIN: usize = 8;
/// Longer ones are no passwords.
pub const PASSWORD_MAX: usize = 1024;

/// A password in memory, wiped when it is dropped.
pub(crate) type Clear = Zeroizing<Vec<u8>>;

/// Whoever hashes passwords.
pub(crate) struct Passwords {
    /// Those that wait and those that run.
    places: Arc<Semaphore>,
    /// Those that run.
    turns: Arc<Semaphore>,
    cores: usize,
    waiting: AtomicUsize,
    running: Arc<Running>,
    clock: Clock,
    random: Random,
    /// What is compared where nobody of that name is: it costs as much.
    nobody: Arc<str>,
}

/// What runs, counted where it runs.
#[derive(Debug, Default)]
struct Running {
    now: AtomicUsize,
    most: AtomicUsize,
    /// What one took of late, in nanoseconds.
    took: AtomicU64,
}

/// What comparing a password with a hash said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is another password.
    Wrong,
    /// It is the right one.
    Right,
    /// It is the right one, and here is a better hash of it.
    Upgrade(String),
}

impl Passwords {
    /// Computes `at_once` hashes at a time; as many as `queue` may wait.
    pub(crate) fn new(at_once: usize, queue: usize, clock: Clock, random: Random) -> Result<Self> {
        let cores = at_once.max(1);
        let mut salt = [0; hash::SALT];
        random.fill(&mut salt);
        // Nobody knows this password, not even we.
        let mut password = Zeroizing::new([0; 32]);
        random.fill(&mut *password);
        Ok(Self {
            places: Arc::new(Semaphore::new(cores + queue)),
            turns: Arc::new(Semaphore::new(cores)),
            cores,
            waiting: AtomicUsize::new(0),
            running: Arc::default(),
            nobody: hash::make(&*password, &salt)?.into(),
            clock,
            random,
        })
    }

    /// A place in the queue, held until the hash is computed.
    pub(crate) fn place(&self) -> Result<OwnedSemaphorePermit> {
        self.places.clone().try_acquire_owned().map_err(|_| {
            let took = self.running.took.load(Relaxed).max(1_000_000);
            let ahead = self.waiting.load(Relaxed) as u64 / self.cores as u64 + 1;
            let secs = (took.saturating_mul(ahead)).div_ceil(1_000_000_000);
            LOGIN_BUSY.error(format!("too many are logging in; try again in {secs} s"))
        })
    }

    /// Hashes a new password.
    pub(crate) async fn make(&self, password: Clear) -> Result<String> {
        check_length(&password)?;
        let place = self.place()?;
        let mut salt = [0; hash::SALT];
        self.random.fill(&mut salt);
        self.compute(place, move || hash::make(&password, &salt)).await
    }

    /// Compares a password with a hash, or with nobody's.
    pub(crate) async fn compare(
        &self,
        place: OwnedSemaphorePermit,
        password: Clear,
        hash: Option<String>,
    ) -> Result<Verdict> {
        let nobody = self.nobody.clone();
        let mut salt = [0; hash::SALT];
        self.random.fill(&mut salt);
        let sane = (PASSWORD_MIN..=PASSWORD_MAX).contains(&password.len());
        let work = move || match hash.filter(|_| sane) {
            Some(hash) => hash::compare(&password, &hash, &nobody, &salt),
            None => {
                let end = password.len().min(PASSWORD_MAX);
                hash::compare(password.get(..end).unwrap_or_default(), &nobody, &nobody, &salt)?;
                Ok(Verdict::Wrong)
            }
        };
        self.compute(place, work).await
    }

    /// How many were computed at the same time at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.running.most.load(Relaxed)
    }

    async fn compute<T: Send + 'static>(
        &self,
        place: OwnedSemaphorePermit,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let broken = || HASHES.error("the password cannot be compared");
        let turn = {
            let _waits = Waits::new(&self.waiting);
            self.turns.clone().acquire_owned().await.map_err(|_| broken())?
        };
        let (running, clock) = (self.running.clone(), self.clock.clone());
        let work = move || {
            // Held here, not by the caller: one that goes away leaves the work behind.
            let _held = (place, turn);
            running.run(&clock, work)
        };
        tokio::task::spawn_blocking(work).await.map_err(|panic| broken().because(panic))?
    }
}

impl Running {
    fn run<T>(&self, clock: &Clock, work: impl FnOnce() -> T) -> T {
        let now = self.now.fetch_add(1, Relaxed) + 1;
        self.most.fetch_max(now, Relaxed);
        let begun = clock.moment();
        let done = work();
        let took = clock.moment().since(begun).as_nanos() as u64;
        let before = self.took.load(Relaxed);
        let mean = if before == 0 { took } else { (before * 7 + took) / 8 };
        self.took.store(mean, Relaxed);
        self.now.fetch_sub(1, Relaxed);
        done
    }
}

/// Counts somebody who waits, until dropped.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Refuses a new password that is too short or too long.
pub(crate) fn check_length(password: &[u8]) -> Result<()> {
    match password.len() {
        PASSWORD_MIN..=PASSWORD_MAX => Ok(()),
        length => Err(PASSWORD_LENGTH.error(format!("the password has {length} bytes"))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn clear(text: &str) -> Clear {
        Zeroizing::new(text.as_bytes().to_vec())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_crowd_stays_within_its_bound_and_stalls_nobody() {
        let (clock, random) = (Clock::system(), Random::system());
        let passwords = Arc::new(Passwords::new(2, 300, clock.clone(), random).unwrap());
        let hash = passwords.make(clear("the right one")).await.unwrap();
        let crowd: Vec<_> = (0..200)
            .map(|n| {
                let (passwords, hash) = (passwords.clone(), hash.clone());
                tokio::spawn(async move {
                    let place = passwords.place()?;
                    let text = if n % 2 == 0 { "the right one" } else { "a wrong one" };
                    passwords.compare(place, clear(text), Some(hash)).await
                })
            })
            .collect();
        let ticking = tokio::spawn(async move {
            let (mut ticks, mut worst) = (0u32, Duration::ZERO);
            loop {
                let before = clock.moment();
                clock.sleep(Duration::from_millis(5)).await;
                worst = worst.max(clock.moment().since(before));
                ticks += 1;
                if crowd.iter().all(|one| one.is_finished()) {
                    break;
                }
            }
            let mut right = 0;
            for one in crowd {
                right += u32::from(one.await.unwrap().unwrap() == Verdict::Right);
            }
            (ticks, worst, right)
        });
        let (ticks, worst, right) = ticking.await.unwrap();
        println!("at most {} at once, {ticks} ticks, longest {worst:?}", passwords.most_at_once());
        assert_eq!(right, 100);
        assert!(passwords.most_at_once() <= 2, "{}", passwords.most_at_once());
        assert!(ticks > 20 && worst < Duration::from_millis(500), "{ticks} {worst:?}");
    }

    #[tokio::test]
    async fn whoever_finds_the_queue_full_is_told_when_to_come_again() {
        let passwords = Passwords::new(1, 2, Clock::system(), Random::system()).unwrap();
        let held: Vec<_> = (0..3).map(|_| passwords.place().unwrap()).collect();
        let error = passwords.place().err().unwrap();
        assert_eq!(error.code().name, "gate-login-busy");
        assert!(error.detail().contains("try again in 1 s"), "{error}");
        drop(held);
        assert!(passwords.place().is_ok());
    }

    #[tokio::test]
    async fn nobody_costs_what_somebody_costs() {
        let passwords = Passwords::new(1, 2, Clock::system(), Random::system()).unwrap();
        let hash = passwords.make(clear("the right one")).await.unwrap();
        let clock = Clock::system();
        let mut took = [Duration::MAX; 2];
        // The best of several: what else the machine does only adds, and ends some time.
        for round in 0..100 {
            for (which, hash) in [Some(hash.clone()), None].into_iter().enumerate() {
                let begun = clock.moment();
                let place = passwords.place().unwrap();
                let verdict = passwords.compare(place, clear("a wrong one"), hash).await.unwrap();
                assert_eq!(verdict, Verdict::Wrong);
                took[which] = took[which].min(clock.moment().since(begun));
            }
            let ratio = took[0].as_secs_f64() / took[1].as_secs_f64();
            if round > 6 && (0.5..2.0).contains(&ratio) {
                return;
            }
        }
        panic!("{took:?}");
    }

    #[tokio::test]
    async fn passwords_have_a_length() {
        let passwords = Passwords::new(1, 2, Clock::system(), Random::system()).unwrap();
        for (length, allowed) in [(0, false), (7, false), (8, true), (1024, true), (1025, false)] {
            let made = passwords.make(clear(&"x".repeat(length))).await;
            assert_eq!(made.is_ok(), allowed, "{length}");
        }
    }
}
