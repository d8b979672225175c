//! An explanation as text, with what was asked within what indented.

use std::fmt::{Display, Formatter, Result};

use super::{Asked, At, Explanation, Stopped, Tried};
use crate::eval::shown;

impl Display for Explanation {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        self.asked.iter().try_for_each(|asked| asked.print(out, 0))?;
        if let Some(stopped) = &self.stopped {
            stopped.print(out, 0)?;
        }
        self.notes.iter().try_for_each(|note| writeln!(out, "note: {note}"))?;
        if self.cut { writeln!(out, "more happened than is shown here") } else { Ok(()) }
    }
}

impl Display for At {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        match self.file.is_empty() {
            true => write!(out, "{}", self.row),
            false => write!(out, "{}:{}", self.file, self.row),
        }
    }
}

/// What a line begins with so deep.
fn indent(depth: usize) -> String {
    "  ".repeat(depth)
}

impl Asked {
    fn print(&self, out: &mut Formatter<'_>, depth: usize) -> Result {
        write!(out, "{}{}", indent(depth), self.rule)?;
        match &self.value {
            Some(value) => write!(out, " = {}", shown(value))?,
            None if self.broken => out.write_str(" was left by an error")?,
            None => out.write_str(" is undefined")?,
        }
        out.write_str(if self.known { " (known from before)\n" } else { "\n" })?;
        self.tried.iter().try_for_each(|tried| tried.print(out, depth + 1))
    }
}

impl Tried {
    fn print(&self, out: &mut Formatter<'_>, depth: usize) -> Result {
        let word = if self.held { "holds" } else { "does not hold" };
        write!(out, "{}{}: `{}` {word}", indent(depth), self.at, self.text)?;
        match &self.value {
            Some(value) => writeln!(out, ": {}", shown(value))?,
            None => out.write_str("\n")?,
        }
        self.asked.iter().try_for_each(|asked| asked.print(out, depth + 1))?;
        match &self.stopped {
            Some(stopped) => stopped.print(out, depth + 1),
            None => Ok(()),
        }
    }
}

impl Stopped {
    fn print(&self, out: &mut Formatter<'_>, depth: usize) -> Result {
        writeln!(out, "{}{self}", indent(depth))?;
        match &self.within {
            Some(within) => within.print(out, depth + 1),
            None => Ok(()),
        }
    }
}

impl Display for Stopped {
    /// One line: where it stopped, at what, why, and with which variables.
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        write!(out, "{}: stopped at `{}`: {}", self.at, self.text, self.why)?;
        for (place, named) in self.names.iter().enumerate() {
            let before = if place == 0 { " (" } else { ", " };
            write!(out, "{before}{} = {}", named.name, shown(&named.value))?;
        }
        out.write_str(if self.names.is_empty() { "" } else { ")" })?;
        match self.times {
            0 | 1 => Ok(()),
            times => write!(out, ", {times} times"),
        }
    }
}
