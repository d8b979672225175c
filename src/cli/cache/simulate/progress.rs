//! How far the work is.

use std::io::{IsTerminal, Write, stderr};

use crate::cli::output::Output;

/// A line that is written over, where somebody waits at a terminal.
pub(super) struct Progress {
    seen: bool,
}

impl Progress {
    pub(super) fn new(output: &Output) -> Self {
        Self { seen: stderr().is_terminal() && !output.quiet && !output.json }
    }

    /// Says what is being done as long as it takes.
    pub(super) fn during<T>(&self, what: &str, work: impl FnOnce() -> T) -> T {
        self.write(what);
        let result = work();
        self.write("");
        result
    }

    pub(super) fn show(&self, done: usize, of: usize) {
        self.write(&format!("{done} of {of} caches simulated"));
    }

    fn write(&self, text: &str) {
        if self.seen {
            // Whether anybody sees it is of no matter to the result.
            let _ = write!(stderr(), "\r\x1b[K{text}");
        }
    }
}
