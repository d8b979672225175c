//! The project's own chores, so that each is one command on any machine.
//!
//! Few dependencies on purpose: whoever runs the tests for the first time waits
//! for this program first.

mod bench;
mod cargo;
mod check;
mod clock;
mod fuzz;
mod install;
#[path = "../../tests/layers.rs"]
mod layers;
mod references;
mod services;
mod test;

use std::env;
use std::process::ExitCode;

const USAGE: &str = "\
The project's own chores.

Usage: cargo xtask <chore>

  check                   formatting, lints, layers, references, dependencies
  references              writes the references that are generated from the code
  test [--no-install] [--long] [-- ARGS]
                          installs missing engines, starts them, runs every test,
                          those that try at random ten times as long if told, and
                          then every fuzz target;
                          ARGS go to the test runner: cargo xtask test -- -p stockade-pool
  fuzz [--minutes N] [TARGET]…
                          tries every reader of outside bytes, or those named, with
                          bytes nobody thought of, 5 minutes each
  services                Redis and PostgreSQL for development, until Ctrl-C
  bench [NAME]…           runs benchmarks and writes docs/benchmarks.md;
                          `spine` measures the release binary itself
";

/// What a chore answers: whether all is well, or why it could not even be tried.
type Outcome = Result<bool, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.as_slice() {
        ["check"] => check::run(),
        ["references"] => references::write(),
        ["test", rest @ ..] => match test::Options::parse(rest) {
            Some(options) => test::run(&options),
            None => return usage(),
        },
        ["fuzz", rest @ ..] => match fuzz::Options::parse(rest) {
            Some(options) => fuzz::run(&options, true),
            None => return usage(),
        },
        ["services"] => services::run(),
        ["bench", names @ ..] if !names.iter().any(|name| name.starts_with('-')) => {
            bench::run(names)
        }
        ["--help" | "-h" | "help"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => return usage(),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprint!("{USAGE}");
    ExitCode::from(2)
}
