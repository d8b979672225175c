//! The command line: what can be typed, and where it goes.
//!
//! A command with a server running on its data directory talks to that server, as
//! does one with `--server`; with none, what can work on the directory does.

mod config;
mod failure;
mod globals;
mod ink;
mod output;
mod serve;
mod table;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use failure::Failure;
use globals::Globals;
use output::Output;

/// What a command answers: whether all is well.
type Outcome = Result<bool, Failure>;

/// The guarded data plane for services and AI agents: one cache, one ledger and one store behind one gate and one policy
#[derive(Debug, Parser)]
#[command(name = "stockade", version, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[command(disable_help_subcommand = true)]
#[command(after_help = "Examples:
  stockade serve                 start here, with nothing configured
  stockade config show           what holds, and where it comes from")]
struct Line {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    #[command(subcommand)]
    Config(config::Config),
}

/// Runs what was typed. 0: done; 1: not done, or not well; 2: not understood.
pub(crate) fn run() -> ExitCode {
    let Line { globals, command } = Line::parse();
    match command.run(&globals) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => failure.report(&globals),
    }
}

impl Command {
    fn run(self, globals: &Globals) -> Outcome {
        let mut output = Output::new(globals);
        let well = match self {
            Self::Serve(serve) => serve.run(globals),
            Self::Config(config) => config.run(globals, &mut output),
        }?;
        output.flush()?;
        Ok(well)
    }
}

/// The whole command line, as a tree.
pub(crate) fn command() -> clap::Command {
    Line::command()
}
