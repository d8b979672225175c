//! Colour, where somebody sees it.

use std::io::{IsTerminal, stderr, stdout};

/// Colours words, or leaves them as they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ink {
    coloured: bool,
}

impl Ink {
    /// For standard output.
    pub(crate) fn for_output() -> Self {
        Self { coloured: is_wanted(stdout().is_terminal()) }
    }

    /// For standard error.
    pub(crate) fn for_errors() -> Self {
        Self { coloured: is_wanted(stderr().is_terminal()) }
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.dip("32", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.dip("31", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.dip("2", text)
    }

    fn dip(self, colour: &str, text: &str) -> String {
        match self.coloured {
            true => format!("\x1b[{colour}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

fn is_wanted(terminal: bool) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
