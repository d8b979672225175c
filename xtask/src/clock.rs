//! The real clock: chores measure this machine, and nobody replays them.

use std::thread;
use std::time::{Duration, Instant};

/// This moment.
#[expect(
    clippy::disallowed_methods,
    reason = "chores measure the real machine and are not replayed"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Lets real time pass.
#[expect(
    clippy::disallowed_methods,
    reason = "chores watch foreign processes, which send no event"
)]
pub(crate) fn pause(time: Duration) {
    thread::sleep(time);
}
