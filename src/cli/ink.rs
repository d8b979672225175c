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

    /// Somebody else's text, without its colours where nobody sees them.
    pub(crate) fn fit(self, text: &str) -> String {
        match self.coloured {
            true => text.to_owned(),
            false => without_colours(text),
        }
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

/// Colours begin with an escape and a bracket and end with an `m`; what else begins
/// so moves the cursor and stays.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        let is_number = |letter: char| letter.is_ascii_digit() || letter == ';';
        let end = after.trim_start_matches(is_number);
        match end.strip_prefix('m') {
            Some(behind) => rest = behind,
            None => {
                plain.push_str("\x1b[");
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_and_everything_else_stays() {
        for (text, plain) in [
            ("plain", "plain"),
            ("\x1b[1mbold\x1b[0m and \x1b[38;5;9mred\x1b[0m", "bold and red"),
            ("\x1b[Hhome\x1b[K\x1b[0m", "\x1b[Hhome\x1b[K"),
            ("cut \x1b[", "cut \x1b["),
        ] {
            assert_eq!(without_colours(text), plain);
        }
    }
}
