//! `stockade ledger`: what happened.

mod append;
mod backup;
mod check;
mod export;
mod filter;
mod group;
mod progress;
mod prove;
mod read;
mod shown;
mod tail;
mod verify;

use clap::Subcommand;
use flow::{Code, Kind};

use super::Outcome;
use super::client::Client;
use super::globals::Globals;
use super::output::Output;
use super::stand_in::with_server;

static NOT_SAVED: Code = Code::new(
    Kind::Invalid,
    "cli-ledger-file",
    "The file cannot be used",
    "name a file in a directory that is there, with room for it",
);

/// Every code of this module.
pub(crate) static CODES: &[&Code] = &[
    &NOT_SAVED,
    &append::NO_JSON,
    &backup::HAS_LOG,
    &backup::UNTIL,
    &check::NO_LOG,
    &check::IN_DATABASE,
];

/// What happened: append, read, follow, export, prove, check, back up
///
/// Works without a server too, for whoever owns the data directory; only what follows
/// needs one.
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(super) enum Ledger {
    Append(append::Append),
    Read(read::Read),
    Tail(tail::Tail),
    Export(export::Export),
    Head(prove::Head),
    Prove(prove::Prove),
    Verify(verify::Verify),
    Backup(backup::Backup),
    Restore(backup::Restore),
    #[command(subcommand)]
    Group(group::Group),
}

impl Ledger {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        match self {
            Self::Tail(tail) => tail.run(&mut Client::connect(globals).await?, output).await,
            Self::Verify(verify) => verify.run(globals, output),
            Self::Restore(restore) => restore.run(globals, output),
            other => {
                with_server(globals, async |client| other.ask(client, globals, output).await).await
            }
        }
    }

    async fn ask(self, client: &mut Client, globals: &Globals, output: &mut Output) -> Outcome {
        match self {
            Self::Append(append) => append.run(client, output).await,
            Self::Read(read) => read.run(client, output).await,
            Self::Export(export) => export.run(client, output).await,
            Self::Head(head) => head.run(client, output).await,
            Self::Prove(prove) => prove.run(client, output).await,
            Self::Tail(tail) => tail.run(client, output).await,
            Self::Backup(backup) => backup.run(client, output).await,
            Self::Group(group) => group.run(client, output).await,
            Self::Verify(verify) => verify.run(globals, output),
            Self::Restore(restore) => restore.run(globals, output),
        }
    }
}
