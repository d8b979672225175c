//! A trace line by line.

use std::io::{BufRead, Read};

use flow::{Error, Result};

use super::source::Source;
use crate::simulate::codes;

/// Longer than any request a web server takes.
const LINE_MAX: usize = 1 << 16;
/// As much of a line as an error shows.
const SHOWN_MAX: usize = 60;

/// The lines of a source that hold something, without their ends.
pub(super) struct Lines {
    source: Source,
    line: Vec<u8>,
    number: u64,
}

/// What stands on each line, until `take` has enough.
pub(super) fn keys(source: Source, mut take: impl FnMut(&[u8]) -> bool) -> Result<()> {
    let mut lines = Lines::new(source);
    while let Some(line) = lines.next()? {
        if !take(line) {
            break;
        }
    }
    Ok(())
}

impl Lines {
    pub(super) fn new(source: Source) -> Self {
        Self { source, line: Vec::new(), number: 0 }
    }

    /// The next line that is not empty.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>> {
        loop {
            self.line.clear();
            let mut bounded = self.source.bytes.by_ref().take(LINE_MAX as u64 + 1);
            match bounded.read_until(b'\n', &mut self.line) {
                Ok(0) => return Ok(None),
                Ok(_) => self.number += 1,
                Err(error) => return Err(self.source.unreadable(error)),
            }
            if self.line.len() > LINE_MAX {
                return Err(self.wrong(&format!("at most {LINE_MAX} bytes on a line")));
            }
            if self.line.contains(&0) {
                return Err(self.wrong("text"));
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some(self.last()));
            }
        }
    }

    /// How many lines were read, empty ones too.
    pub(super) fn count(&self) -> u64 {
        self.number
    }

    /// The line that was read last.
    pub(super) fn last(&self) -> &[u8] {
        end_cut(&self.line)
    }

    /// The line that was read last is not what it should be.
    pub(super) fn wrong(&self, expected: &str) -> Error {
        let shown = shown(self.last());
        codes::MALFORMED.error(format!(
            "line {} of {}: expected {expected}, found `{shown}`",
            self.number, self.source.name
        ))
    }
}

/// The beginning of a line, and nothing that a terminal would obey.
fn shown(line: &[u8]) -> String {
    let mut shown = String::new();
    for letter in String::from_utf8_lossy(line).chars() {
        if shown.len() >= SHOWN_MAX {
            shown.push('…');
            break;
        }
        match letter {
            '"' | '\'' => shown.push(letter),
            other => shown.extend(other.escape_debug()),
        }
    }
    shown
}

fn end_cut(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A whole number and nothing else.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}
