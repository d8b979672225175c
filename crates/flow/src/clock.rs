//! Time, from one place, so that any run can be replayed.
//!
//! [`Time`] is what a calendar says and goes into facts; [`Moment`] only ever
//! grows and measures durations and expiry. A [`Clock::manual`] moves when told
//! to and wakes its sleepers in order.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::step::BoxFuture;

/// A point on the calendar: nanoseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub u64);

impl Time {
    /// Whole milliseconds since 1970.
    pub fn millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Whole seconds since 1970.
    pub fn secs(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// This much later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// How long after `earlier` this is; zero when it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Time {
    /// RFC 3339 with microseconds, which is what people and tools read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = UNIX_EPOCH + Duration::from_nanos(self.0);
        humantime::format_rfc3339_micros(time).fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = humantime::parse_rfc3339(&text).map_err(serde::de::Error::custom)?;
        let since = time.duration_since(UNIX_EPOCH).map_err(serde::de::Error::custom)?;
        Ok(Self(nanos(since)))
    }
}

/// A point on a clock that never goes back: nanoseconds since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub u64);

impl Moment {
    /// Later than every moment there will be.
    pub const NEVER: Self = Self(u64::MAX);

    /// This much later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// How long after `earlier` this is; zero when it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Where time comes from.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<Manual>>);

struct Manual {
    start: Time,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    elapsed: u64,
    sleepers: Vec<(u64, Waker)>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until [`Clock::advance`] moves it.
    pub fn manual(start: Time) -> Self {
        Self(Some(Arc::new(Manual { start, state: Mutex::default() })))
    }

    /// What the calendar says.
    #[expect(clippy::disallowed_methods, reason = "this is the one place the ban points to")]
    pub fn now(&self) -> Time {
        match &self.0 {
            None => Time(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, nanos)),
            Some(manual) => Time(manual.start.0 + manual.state.lock().elapsed),
        }
    }

    /// A moment to measure from.
    #[expect(clippy::disallowed_methods, reason = "this is the one place the ban points to")]
    pub fn moment(&self) -> Moment {
        static ANCHOR: OnceLock<Instant> = OnceLock::new();
        match &self.0 {
            None => Moment(nanos(ANCHOR.get_or_init(Instant::now).elapsed())),
            Some(manual) => Moment(manual.state.lock().elapsed),
        }
    }

    /// A moment for a quarter of the price, up to some milliseconds (one tick of the
    /// system) late: what a hot path can afford to compare an expiry with.
    pub fn glance(&self) -> Moment {
        match &self.0 {
            None => coarse().unwrap_or_else(|| self.moment()),
            Some(_) => self.moment(),
        }
    }

    /// Moves a manual clock and wakes whoever slept until then.
    ///
    /// # Panics
    /// On the machine's clock, which nobody moves: a bug in the test.
    pub fn advance(&self, duration: Duration) {
        let Some(manual) = &self.0 else { panic!("only a manual clock can be moved") };
        let mut due: Vec<_> = {
            let mut state = manual.state.lock();
            state.elapsed += nanos(duration);
            let now = state.elapsed;
            state.sleepers.extract_if(.., |(at, _)| *at <= now).collect()
        };
        due.sort_by_key(|(at, _)| *at);
        for (_, waker) in due {
            waker.wake();
        }
    }

    /// Waits until `duration` has passed on this clock.
    #[expect(clippy::disallowed_methods, reason = "this is the one place the ban points to")]
    pub fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        match &self.0 {
            None => Box::pin(tokio::time::sleep(duration)),
            Some(manual) => {
                let until = manual.state.lock().elapsed.saturating_add(nanos(duration));
                Box::pin(Sleep { manual: manual.clone(), until })
            }
        }
    }

    /// Waits for `work`, at most `limit` long; `None` when time ran out.
    pub async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        let mut sleep = self.sleep(limit);
        std::future::poll_fn(|context| {
            if let Poll::Ready(value) = work.as_mut().poll(context) {
                return Poll::Ready(Some(value));
            }
            sleep.as_mut().poll(context).map(|()| None)
        })
        .await
    }
}

/// What the system noted at its last tick, on the scale of [`Clock::moment`].
#[cfg(target_os = "linux")]
fn coarse() -> Option<Moment> {
    use rustix::time::{ClockId, Timespec, clock_gettime};

    static ANCHOR: OnceLock<u64> = OnceLock::new();
    let nanos = |time: Timespec| time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64;
    let anchor = *ANCHOR.get_or_init(|| {
        let moment = Clock::system().moment();
        nanos(clock_gettime(ClockId::Monotonic)) - moment.0
    });
    Some(Moment(nanos(clock_gettime(ClockId::MonotonicCoarse)).saturating_sub(anchor)))
}

#[cfg(not(target_os = "linux"))]
fn coarse() -> Option<Moment> {
    None
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Clock(manual)" } else { "Clock(system)" })
    }
}

struct Sleep {
    manual: Arc<Manual>,
    until: u64,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.manual.state.lock();
        if state.elapsed >= self.until {
            return Poll::Ready(());
        }
        state.sleepers.push((self.until, context.waker().clone()));
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(Time(5));
        assert_eq!(clock.now(), Time(5));
        clock.advance(Duration::from_nanos(7));
        assert_eq!((clock.now(), clock.moment()), (Time(12), Moment(7)));
    }

    #[test]
    fn a_glance_is_never_early_and_hardly_late() {
        let clock = Clock::system();
        for _ in 0..100 {
            let (before, glance, after) = (clock.moment(), clock.glance(), clock.moment());
            assert!(glance <= after, "{glance:?} {after:?}");
            assert!(before.since(glance) <= Duration::from_millis(20), "{before:?} {glance:?}");
        }
    }

    #[tokio::test]
    async fn sleepers_wake_when_their_time_has_come() {
        let clock = Clock::manual(Time(0));
        let sleeper = tokio::spawn(clock.sleep(Duration::from_secs(3)));
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(2));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(1));
        sleeper.await.unwrap();
    }

    #[tokio::test]
    async fn work_over_its_limit_is_given_up() {
        let clock = Clock::system();
        assert_eq!(clock.within(Duration::from_secs(60), async { 1 }).await, Some(1));
        let never = std::future::pending::<()>();
        assert_eq!(clock.within(Duration::from_millis(1), never).await, None);
    }

    #[test]
    fn time_reads_and_writes_as_rfc_3339() {
        let time = Time(1_700_000_000_123_456_000);
        let text = serde_json::to_string(&time).unwrap();
        assert_eq!(text, "\"2023-11-14T22:13:20.123456Z\"");
        assert_eq!(serde_json::from_str::<Time>(&text).unwrap(), time);
    }
}
