//! Waiting for another process, which sends no event: ask, pause, ask again.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take to come up. Generous: machines under load are slow,
/// and a healthy start returns within milliseconds whatever the limit.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(5);

/// Asks until the answer is `Some`, for at most [`PATIENCE`]; an error ends it at once.
pub(crate) fn until<T>(what: &str, ask: impl FnMut() -> io::Result<Option<T>>) -> io::Result<T> {
    within(PATIENCE, what, ask)
}

/// The same, for at most `limit`.
#[expect(
    clippy::disallowed_methods,
    reason = "the other side is a foreign process on the real clock: it sends no event to await"
)]
pub(crate) fn within<T>(
    limit: Duration,
    what: &str,
    mut ask: impl FnMut() -> io::Result<Option<T>>,
) -> io::Result<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if start.elapsed() > limit {
            let sentence = format!("{what}: still not so after {} s", limit.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, sentence));
        }
        thread::sleep(PAUSE);
    }
}
