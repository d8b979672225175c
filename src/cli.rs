//! The command line: what can be typed, and where it goes.
//!
//! A command with a server running on its data directory talks to that server, as
//! does one with `--server`; with none, what can work on the directory does.

mod cache;
mod check;
mod client;
mod config;
mod crypto;
mod failure;
mod globals;
mod guard;
mod ink;
mod input;
mod key;
mod ledger;
mod lines;
mod output;
mod password;
mod policy;
mod reference;
mod rights;
mod serve;
mod session;
mod shell;
mod stand_in;
mod store;
mod table;
mod token;
mod user;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use flow::{Code, Kind};
use tokio::runtime::{Builder, Runtime};

use failure::Failure;
use globals::Globals;
use output::Output;

static NO_RUNTIME: Code = Code::new(
    Kind::Internal,
    "cli-no-runtime",
    "The process cannot begin its work",
    "look at the limits of the process: threads, open files",
);

/// Every code of the command line, module by module.
pub(crate) static CODES: &[&[&Code]] = &[
    &[&NO_RUNTIME],
    cache::CODES,
    check::door::CODES,
    check::trip::CODES,
    client::CODES,
    guard::CODES,
    input::CODES,
    ledger::CODES,
    output::CODES,
    password::CODES,
    policy::CODES,
    reference::CODES,
    shell::CODES,
    store::CODES,
    watch::CODES,
];

/// What a command answers: whether all is well.
type Outcome = Result<bool, Failure>;

/// The guarded data plane for services and AI agents
#[derive(Debug, Parser)]
#[command(name = "stockade", version, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[command(disable_help_subcommand = true)]
#[command(after_help = "Examples:
  stockade serve                           start, with nothing configured
  stockade check                           is everything well?
  stockade cache set sessions ann token    ask the server on ./stockade-data")]
struct Line {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Check(check::Check),
    #[command(subcommand)]
    Config(config::Config),
    #[command(subcommand)]
    Key(key::Key),
    #[command(subcommand)]
    User(user::User),
    #[command(subcommand)]
    Session(session::Session),
    #[command(subcommand)]
    Token(token::Token),
    #[command(subcommand)]
    Cache(cache::Cache),
    #[command(subcommand)]
    Crypto(crypto::Crypto),
    #[command(subcommand)]
    Guard(guard::Guard),
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    #[command(subcommand)]
    Policy(policy::Policy),
    #[command(subcommand)]
    Store(store::Store),
    #[command(subcommand)]
    Watch(watch::Watch),
    Reference(reference::Reference),
    Completions(shell::Completions),
    Man(shell::Man),
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
        let output = &mut output;
        let well = match self {
            Self::Serve(serve) => serve.run(globals),
            Self::Check(check) => runtime()?.block_on(check.run(globals, output)),
            Self::Config(config) => config.run(globals, output),
            Self::User(user) => runtime()?.block_on(user.run(globals, output)),
            Self::Session(session) => runtime()?.block_on(session.run(globals, output)),
            Self::Key(key) => runtime()?.block_on(key.run(globals, output)),
            Self::Token(token) => runtime()?.block_on(token.run(globals, output)),
            Self::Cache(cache) => runtime()?.block_on(cache.run(globals, output)),
            Self::Crypto(crypto) => runtime()?.block_on(crypto.run(globals, output)),
            Self::Guard(guard) => runtime()?.block_on(guard.run(globals, output)),
            Self::Ledger(ledger) => runtime()?.block_on(ledger.run(globals, output)),
            Self::Policy(policy) => policy.run(globals, output),
            Self::Store(store) => runtime()?.block_on(store.run(globals, output)),
            Self::Watch(watch) => runtime()?.block_on(watch.run(globals, output)),
            Self::Reference(reference) => runtime()?.block_on(reference.run(output)),
            Self::Completions(completions) => completions.run(output),
            Self::Man(man) => man.run(output),
        }?;
        output.flush()?;
        Ok(well)
    }
}

/// For a command that asks a server something: one thread is enough.
fn runtime() -> Result<Runtime, Failure> {
    ready(Builder::new_current_thread())
}

fn ready(mut builder: Builder) -> Result<Runtime, Failure> {
    let runtime = builder.enable_all().build();
    Ok(runtime
        .map_err(|error| NO_RUNTIME.error("the process cannot begin its work").because(error))?)
}

/// The whole command line, as a tree.
fn command() -> clap::Command {
    Line::command()
}
