//! `cargo xtask check`: everything that can be known without running a test.

use std::fs;
use std::io::{self, IsTerminal};
use std::process::Command;

use crate::cargo::{self, cargo};
use crate::{Outcome, clock, layers, references};

/// What a step answers: nothing, or what it found.
enum Finding {
    Fine,
    Wrong(String),
    /// Not done, and why.
    Skipped(&'static str),
}

pub(crate) fn run() -> Outcome {
    type Step = fn() -> io::Result<Finding>;
    let steps: [(&str, Step); 5] = [
        ("formatting", formatting),
        ("lints", lints),
        ("layers", arrows),
        ("references", fresh),
        ("dependencies", dependencies),
    ];
    let mut all_fine = true;
    for (name, step) in steps {
        let start = clock::now();
        let finding = step().unwrap_or_else(|error| Finding::Wrong(error.to_string()));
        let seconds = start.elapsed().as_secs_f64();
        match finding {
            Finding::Fine => println!("✓ {name:<13}{seconds:>7.1} s"),
            Finding::Skipped(why) => println!("- {name:<13}{seconds:>7.1} s  skipped: {why}"),
            Finding::Wrong(what) => {
                all_fine = false;
                println!("✗ {name:<13}{seconds:>7.1} s\n{}\n", what.trim_end());
            }
        }
    }
    Ok(all_fine)
}

fn formatting() -> io::Result<Finding> {
    let colour = if io::stdout().is_terminal() { "always" } else { "never" };
    quietly(cargo(&["fmt", "--all", "--check", "--", "--color", colour]))
}

fn lints() -> io::Result<Finding> {
    quietly(cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn arrows() -> io::Result<Finding> {
    Ok(sentences(layers::broken()?))
}

fn fresh() -> io::Result<Finding> {
    Ok(sentences(references::stale()?))
}

fn dependencies() -> io::Result<Finding> {
    if !cargo::has("deny") {
        return Ok(Finding::Skipped("no cargo-deny; cargo install cargo-deny brings it"));
    }
    // Advisories need the network and change without us; a change is not to blame for them.
    quietly(cargo(&["deny", "--workspace", "check", "bans", "licenses", "sources"]))
}

fn sentences(lines: Vec<String>) -> Finding {
    match lines.is_empty() {
        true => Finding::Fine,
        false => Finding::Wrong(lines.join("\n")),
    }
}

/// Runs a command and keeps what it says, in the order it says it, for the case of failure.
fn quietly(mut command: Command) -> io::Result<Finding> {
    let said = tempfile::NamedTempFile::new()?;
    if io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let status = command.stdout(said.reopen()?).stderr(appending(&said)?).status()?;
    match status.success() {
        true => Ok(Finding::Fine),
        false => Ok(Finding::Wrong(fs::read_to_string(said.path())?)),
    }
}

fn appending(file: &tempfile::NamedTempFile) -> io::Result<fs::File> {
    fs::File::options().append(true).open(file.path())
}
