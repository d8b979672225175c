//! `cargo xtask test`: everything the tests need, then the tests.

use std::io;
use std::process::Command;

use crate::cargo::{self, cargo};
use crate::clock;
use crate::services::Services;
use crate::{Outcome, fuzz, install};

/// How to run the tests.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    may_install: bool,
    /// The long suite: what is random runs ten times as long.
    long: bool,
    /// For the test runner.
    args: Vec<String>,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Option<Self> {
        let mut before = words.split(|word| *word == "--");
        let ours = before.next()?;
        let args: Vec<_> = words.iter().skip(ours.len() + 1).map(|&word| word.to_owned()).collect();
        let known = |word: &&str| ["--no-install", "--long"].contains(word);
        ours.iter().all(known).then(|| Self {
            may_install: !ours.contains(&"--no-install"),
            long: ours.contains(&"--long"),
            args,
        })
    }

    /// A cargo command over the packages asked for, by default all.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = cargo(words);
        let narrowed = |arg: &String| arg.starts_with("-p") || arg.starts_with("--package");
        if !self.args.iter().any(narrowed) {
            command.arg("--workspace");
        }
        command.args(&self.args);
        command
    }
}

/// The runner's summary is the last thing said, so everything else comes before it.
pub(crate) fn run(options: &Options) -> Outcome {
    if !install::ensure(options.may_install)? {
        return Ok(false);
    }
    let services = Services::start()?;
    let run = |mut command: Command| -> io::Result<bool> {
        if options.long {
            command.env("STOCKADE_TEST_LONG", "1").env("NEXTEST_PROFILE", "long");
        }
        Ok(command.envs(services.variables()).status()?.success())
    };
    if !cargo::has("nextest") {
        eprintln!("no cargo-nextest: cargo test runs the tests, more slowly");
        return Ok(run(options.command(&["test", "--no-fail-fast"]))?);
    }
    let start = clock::now();
    if !run(options.command(&["nextest", "run", "--no-run"]))? {
        return Ok(false);
    }
    eprintln!("The tests are built after {:.0} s.", start.elapsed().as_secs_f64());
    // Whoever narrows the run down does not wait for the examples in the docs.
    let examples =
        !options.args.is_empty() || run(cargo(&["test", "--quiet", "--doc", "--workspace"]))?;
    if !examples {
        eprintln!("\nAn example in the documentation fails, see above; the other tests follow.\n");
    }
    let tests = run(options.command(&["nextest", "run", "--no-fail-fast"]))? && examples;
    let everything = options.long && options.args.is_empty();
    Ok((!everything || fuzz::run(&fuzz::Options::all(), options.may_install)?) && tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_after_two_dashes_are_the_runners() {
        let check = |words: &[&str], may_install, long, args: &[&str]| {
            let args = args.iter().map(|&arg| arg.to_owned()).collect();
            assert_eq!(Options::parse(words), Some(Options { may_install, long, args }));
        };
        check(&[], true, false, &[]);
        check(&["--no-install"], false, false, &[]);
        check(&["--", "-p", "a", "--", "x"], true, false, &["-p", "a", "--", "x"]);
        check(&["--long", "--no-install", "--", "x"], false, true, &["x"]);
        assert_eq!(Options::parse(&["x"]), None);
    }
}
