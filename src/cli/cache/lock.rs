//! Running a command while holding a lock.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use clap::Args;
use flow::unit::Span;
use flow::{Clock, Code, Kind, Moment};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Outcome;
use crate::cli::client::{Client, encoded, read};
use crate::cli::failure::Failure;
use crate::cli::globals::Globals;
use crate::cli::output::Output;
use crate::config::FENCE;

pub(super) static COMMAND: Code = Code::new(
    Kind::Invalid,
    "cli-lock-command",
    "The command cannot be run",
    "write it as the shell has it, behind `--`",
);

/// Somebody else has the lock, as the server says it.
const HELD: &str = "door-http-lock-held";
/// It is not held any more, as the server says it.
const LOST: &str = "door-http-lock-lost";
/// A server has nobody wait longer at a time.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// In so many parts of its time a lock is renewed once.
const RENEWED: u32 = 3;

/// Run a command while holding a lock that all nodes share
///
/// The lock is renewed as long as the command runs, and free again when it ends; when this machine
/// dies, after --ttl. The command finds its fence in STOCKADE_FENCE. When the lock is lost, the
/// command is told to end. The exit code is the command's own; 1 when the lock was not to be had.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade cache lock nightly-report -- ./report.sh
  stockade cache lock deploy --ttl 1m --wait 10m -- make deploy")]
pub(in crate::cli) struct Lock {
    /// Its name
    name: String,
    /// How long it outlives this command, should it die
    #[arg(long, value_name = "SPAN", default_value = "30s")]
    ttl: Span,
    /// How long to wait for it [default: not at all]
    #[arg(long, value_name = "SPAN")]
    wait: Option<Span>,
    /// What to run
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Lock {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let clock = Clock::system();
        let (fence, until) = self.take(globals, &clock).await?;
        output.flush()?;
        let ended = self.guard(globals, &clock, fence, until).await;
        self.release(globals, fence).await;
        // What the command says of itself is what is asked for.
        let ended = ended?;
        match ended.code().or(ended.signal().map(|signal| 128 + signal)) {
            Some(0) | None => Ok(true),
            Some(code) => std::process::exit(code),
        }
    }

    fn path(&self) -> String {
        format!("/v1/locks/{}", encoded(&self.name))
    }

    /// The fence, and until when the lock is held.
    async fn take(&self, globals: &Globals, clock: &Clock) -> Result<(u64, Moment), Failure> {
        let begun = clock.moment();
        let wait = self.wait.map(|wait| wait.0).unwrap_or_default();
        loop {
            let asked = clock.moment();
            let left = wait.saturating_sub(asked.since(begun));
            let wait = Span(left.min(WAIT_MAX)).to_string();
            let wanted = json!({ "ttl": self.ttl.to_string(), "wait": wait });
            let mut client = Client::connect(globals).await?;
            match client.post(&self.path(), &wanted).await {
                Ok(answer) => {
                    let answer: Value = read(&answer)?;
                    let fence = answer.get("fence").and_then(Value::as_u64).unwrap_or_default();
                    return Ok((fence, clock.moment().after(self.ttl.0)));
                }
                Err(failure) if says(&failure, HELD) && left > WAIT_MAX => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Runs the command, and renews the lock meanwhile.
    async fn guard(
        &self,
        globals: &Globals,
        clock: &Clock,
        fence: u64,
        until: Moment,
    ) -> Result<ExitStatus, Failure> {
        let mut until = until;
        let wrong = |error: std::io::Error| {
            let shown = self.command.first().map(|program| program.to_string_lossy());
            let shown = shown.unwrap_or_default();
            COMMAND.error(format!("`{shown}` cannot be run: {error}")).because(error)
        };
        let mut interrupt = signal(SignalKind::interrupt()).map_err(wrong)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(wrong)?;
        let mut command = self.command.iter();
        let mut child = Command::new(command.next().cloned().unwrap_or_default())
            .args(command)
            .env(FENCE, fence.to_string())
            .spawn()
            .map_err(wrong)?;
        let mut held = true;
        loop {
            tokio::select! {
                ended = child.wait() => return Ok(ended.map_err(wrong)?),
                // A terminal interrupts the command as well, and it decides.
                _ = interrupt.recv() => {}
                _ = terminate.recv() => tell_to_end(&child),
                () = clock.sleep(self.ttl.0 / RENEWED), if held => {
                    let asked = clock.moment();
                    match self.renew(globals, fence).await {
                        Ok(()) => until = asked.after(self.ttl.0),
                        Err(failure) if says(&failure, LOST) || clock.moment() >= until => {
                            held = false;
                            eprintln!("the lock `{}` is lost, the command is told to end", self.name);
                            tell_to_end(&child);
                        }
                        // The server may be back in time.
                        Err(_) => {}
                    }
                }
            }
        }
    }

    async fn renew(&self, globals: &Globals, fence: u64) -> Result<(), Failure> {
        let mut client = Client::connect(globals).await?;
        let ask =
            client.question("PUT", &self.path())?.header("content-type", "application/json")?;
        let body = json!({ "fence": fence, "ttl": self.ttl.to_string() });
        client.send(ask.body(body.to_string())).await.map(drop)
    }

    /// It is over soon anyway, so what keeps it from being given back is of no matter.
    async fn release(&self, globals: &Globals, fence: u64) {
        if let Ok(mut client) = Client::connect(globals).await {
            let _ = client.ask("DELETE", &format!("{}?fence={fence}", self.path())).await;
        }
    }
}

fn says(failure: &Failure, code: &str) -> bool {
    failure.complaints().iter().any(|complaint| complaint.code == code)
}

fn tell_to_end(child: &Child) {
    let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
    if let Some(pid) = pid {
        // It may have ended at this moment.
        let _ = kill_process(pid, Signal::TERM);
    }
}
