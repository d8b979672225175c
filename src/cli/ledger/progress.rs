//! How far a long work is, where somebody waits at a terminal.

use std::io::{IsTerminal, Write, stderr};

/// How wide a bar is.
const WIDTH: u64 = 30;

/// How far the work is, on standard error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    seen: bool,
    /// How many events there will be, where that is known.
    of: Option<u64>,
}

impl Progress {
    /// Of work that is worth showing.
    pub(super) fn new(wanted: bool, of: Option<u64>) -> Self {
        Self { seen: wanted && stderr().is_terminal(), of }
    }

    /// Shows that so many events are done.
    pub(super) fn show(&self, count: u64) {
        if self.seen {
            // Whether anybody sees it is of no matter to the result.
            let _ = write!(stderr(), "\r\x1b[K{}", line(count, self.of));
        }
    }

    /// Takes the line away.
    pub(super) fn end(&self) {
        if self.seen {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

fn line(count: u64, of: Option<u64>) -> String {
    let Some(whole) = of.filter(|whole| *whole > 0) else { return format!("{count} events") };
    let done = count.min(whole);
    let (full, percent) = (part(done, WIDTH, whole), part(done, 100, whole));
    let (full, empty) = ("#".repeat(full as usize), ".".repeat((WIDTH - full) as usize));
    format!("[{full}{empty}] {percent:>3}%  {count} of {whole} events")
}

/// `done` of `whole`, as so many of `parts`.
fn part(done: u64, parts: u64, whole: u64) -> u64 {
    (u128::from(done) * u128::from(parts) / u128::from(whole)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_full_as_the_work_is_done() {
        assert_eq!(line(7, None), "7 events");
        assert_eq!(line(7, Some(0)), "7 events");
        let half = line(50, Some(100));
        assert!(half.starts_with("[###############...............]  50%"), "{half}");
        // More may have been appended meanwhile.
        assert!(line(u64::MAX, Some(9)).starts_with("[##############################] 100%"));
    }
}
