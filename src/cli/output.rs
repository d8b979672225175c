//! What a command says on standard output.

use std::io::{self, IsTerminal, Stdout, Write};

use flow::{Code, Kind};
use serde::Serialize;

use super::Outcome;
use super::failure::Failure;
use super::globals::Globals;
use super::ink::Ink;
use super::table::Table;

static UNWRITABLE: Code = Code::new(
    Kind::Invalid,
    "cli-output",
    "The output cannot be written",
    "look at where standard output leads: a full disk, a closed pipe",
);

/// Every code of this module.
pub(crate) static CODES: &[&Code] = &[&UNWRITABLE];

/// Standard output, for people or for programs.
#[derive(Debug)]
pub(crate) struct Output {
    to: Stdout,
    /// Whether a program reads it.
    pub(crate) json: bool,
    /// Whether only results are wanted.
    pub(crate) quiet: bool,
    pub(crate) ink: Ink,
    width: Option<usize>,
}

impl Output {
    pub(crate) fn new(globals: &Globals) -> Self {
        let to = io::stdout();
        let width = to.is_terminal().then(width).flatten();
        Self { to, json: globals.json, quiet: globals.quiet, ink: Ink::for_output(), width }
    }

    /// One line.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.bytes(text.as_bytes())?;
        self.bytes(b"\n")
    }

    /// One line that only tells that all went well.
    pub(crate) fn note(&mut self, text: &str) -> Result<(), Failure> {
        if self.quiet || self.json { Ok(()) } else { self.line(text) }
    }

    /// Columns.
    pub(crate) fn table(&mut self, table: &Table) -> Result<(), Failure> {
        table.lines(self.ink, self.width).iter().try_for_each(|line| self.line(line))
    }

    /// One JSON document, indented where a person looks at it.
    pub(crate) fn document(&mut self, document: &impl Serialize) -> Result<(), Failure> {
        let text = match self.width {
            Some(_) => serde_json::to_string_pretty(document),
            None => serde_json::to_string(document),
        };
        let text =
            text.map_err(|error| UNWRITABLE.error("there is no JSON for this").because(error))?;
        self.line(&text)
    }

    /// That something was done: a sentence for people, a document for programs.
    pub(crate) fn done(&mut self, sentence: &str, document: &impl Serialize) -> Outcome {
        match self.json {
            true => self.document(document)?,
            false => self.note(sentence)?,
        }
        Ok(true)
    }

    /// A value as it is; where a person looks at it, its line is ended.
    pub(crate) fn value(&mut self, value: &[u8]) -> Result<(), Failure> {
        self.bytes(value)?;
        match self.width {
            Some(_) if !value.ends_with(b"\n") => self.bytes(b"\n"),
            _ => Ok(()),
        }
    }

    /// Bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.to.write_all(bytes).or_else(closed)
    }

    /// What was said is seen now.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.to.flush().or_else(closed)
    }
}

/// A reader that has seen enough (`| head`) ends the program without a word.
fn closed(error: io::Error) -> Result<(), Failure> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    Err(UNWRITABLE.error(format!("cannot write the output: {error}")).because(error).into())
}

fn width() -> Option<usize> {
    size().map(|(columns, _)| columns)
}

/// Columns and rows of the terminal on standard output.
pub(crate) fn size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    let (columns, rows) = (usize::from(size.ws_col), usize::from(size.ws_row));
    Some((columns, rows)).filter(|(columns, rows)| *columns > 0 && *rows > 0)
}
