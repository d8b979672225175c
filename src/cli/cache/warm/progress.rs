//! How far warming has come: a line that is written over at a terminal, a line now and
//! then elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

use flow::question::cache::warm::Progress;
use flow::{Clock, Moment};

use super::{came_of, grouped};
use crate::cli::output::Output;

/// Between two lines where nobody sees one written over.
const BETWEEN: Duration = Duration::from_secs(1);

/// Progress, on standard error.
pub(super) struct Shown {
    wanted: bool,
    terminal: bool,
    /// How many keys there will be, where that is known.
    of: Option<u64>,
    clock: Clock,
    last: Moment,
}

impl Shown {
    pub(super) fn new(output: &Output, of: Option<u64>) -> Self {
        let (wanted, clock) = (!output.json && !output.quiet, Clock::system());
        let last = clock.moment();
        Self { wanted, terminal: stderr().is_terminal(), of, clock, last }
    }

    pub(super) fn show(&mut self, progress: &Progress) {
        let now = self.clock.moment();
        // Whether anybody sees it is of no matter to the result.
        if self.wanted && self.terminal {
            let _ = write!(stderr(), "\r\x1b[K{}", line(progress, self.of));
        } else if self.wanted && now.since(self.last) >= BETWEEN {
            self.last = now;
            let _ = writeln!(stderr(), "{}", line(progress, self.of));
        }
    }

    /// Takes the line away.
    pub(super) fn end(&self) {
        if self.wanted && self.terminal {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

fn line(progress: &Progress, of: Option<u64>) -> String {
    let seen = match of {
        Some(of) => format!("{} of {} keys", grouped(progress.seen), grouped(of)),
        None => format!("{} keys", grouped(progress.seen)),
    };
    format!("{seen}, {:.0} a second: {}", progress.rate, came_of(progress))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is() {
        let progress =
            Progress { seen: 1200, skipped: 200, loaded: 1000, rate: 99.7, ..Progress::default() };
        let came = "1,000 loaded, 200 there already";
        assert_eq!(
            line(&progress, Some(5000)),
            format!("1,200 of 5,000 keys, 100 a second: {came}")
        );
        assert_eq!(line(&progress, None), format!("1,200 keys, 100 a second: {came}"));
    }
}
