//! `stockade watch`: how is it going, now.

mod screen;

use std::convert::Infallible;
use std::io::{IsTerminal, Read, stdin, stdout};
use std::time::Duration;

use clap::{Args, Subcommand};
use flow::{Clock, Code, Kind};
use serde_json::{Map, Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use watch::scrape::{Family, Sample, Scrape};
use watch::top::{Seen, Top, frame};

use super::Outcome;
use super::client::Client;
use super::failure::Failure;
use super::globals::Globals;
use super::ink::Ink;
use super::output::{Output, size};
use crate::serve::codes::SIGNALS;
use screen::Screen;

static TERMINAL: Code = Code::new(
    Kind::Invalid,
    "cli-terminal",
    "The terminal cannot be painted on",
    "write to a pipe, which gets one picture of one second: `stockade watch top | cat`",
);

/// Every code of this module.
pub(crate) static CODES: &[&Code] = &[&TERMINAL];

/// How the server is doing, from its own numbers
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(super) enum Watch {
    Top(TopArgs),
}

/// Requests, latencies and trouble, each second; q quits
///
/// Where nobody looks, in a pipe, it prints one picture of one second and ends.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade watch top
  stockade watch top --server https://stockade.example.com
  stockade watch top --json | jq '.stockade_process_memory_bytes'")]
pub(super) struct TopArgs {}

/// Between two readings.
const EVERY: Duration = Duration::from_secs(1);
/// The size of a picture nobody looks at.
const ON_PAPER: (usize, usize) = (100, 60);

impl Watch {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let Self::Top(_) = self;
        let mut client = Client::connect(globals).await?;
        if output.json {
            let text = numbers(&mut client).await?;
            output.document(&document(&Scrape::read(&text)?))?;
        } else if stdin().is_terminal() && stdout().is_terminal() {
            live(&mut client, output.ink).await?;
        } else {
            let picture = still(&mut client).await?;
            output.line(&output.ink.fit(&picture))?;
        }
        Ok(true)
    }
}

async fn numbers(client: &mut Client) -> Result<String, Failure> {
    let ask = client.question("GET", "/metrics")?.header("accept", "text/plain")?;
    let answer = client.send(ask).await?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

/// One picture of one second.
async fn still(client: &mut Client) -> Result<String, Failure> {
    let clock = Clock::system();
    let mut seen = async || {
        let text = numbers(client).await?;
        Ok::<_, Failure>(Seen { at: clock.moment(), scrape: Scrape::read(&text)? })
    };
    let first = seen().await?;
    clock.sleep(EVERY).await;
    let second = seen().await?;
    Ok(frame(&first, &second, ON_PAPER.0, ON_PAPER.1))
}

/// A picture each second, until somebody has seen enough or tells us to go.
async fn live(client: &mut Client, ink: Ink) -> Result<(), Failure> {
    // Heard before the terminal is ours, so that nothing ends us that leaves it so.
    let mut terminate = told(SignalKind::terminate())?;
    let mut interrupt = told(SignalKind::interrupt())?;
    let mut hangup = told(SignalKind::hangup())?;
    let screen = Screen::take(stdin(), stdout())
        .map_err(|error| TERMINAL.error("this terminal cannot be painted on").because(error))?;
    tokio::select! {
        never = pictures(client, &screen, ink) => never.map(|never| match never {}),
        () = enough() => Ok(()),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        _ = hangup.recv() => Ok(()),
    }
}

async fn pictures(client: &mut Client, screen: &Screen, ink: Ink) -> Result<Infallible, Failure> {
    let clock = Clock::system();
    let mut resized = told(SignalKind::window_change())?;
    let mut top = Top::default();
    loop {
        let text = numbers(client).await?;
        top.see(clock.moment(), &text)?;
        let next = clock.sleep(EVERY);
        tokio::pin!(next);
        loop {
            let (width, height) = size().unwrap_or(ON_PAPER);
            screen.show(&ink.fit(&top.render(width, height)));
            tokio::select! {
                () = &mut next => break,
                _ = resized.recv() => {}
            }
        }
    }
}

fn told(kind: SignalKind) -> Result<Signal, Failure> {
    let heard = signal(kind);
    Ok(heard
        .map_err(|error| SIGNALS.error("the system's signals cannot be heard").because(error))?)
}

/// Until a key says so, or no key can follow. Keys are read on a thread of their own,
/// which waits for one more until the process ends.
async fn enough() {
    let (enough, heard) = oneshot::channel();
    std::thread::spawn(move || {
        let mut keys = [0; 64];
        let mut goes_on = || match stdin().read(&mut keys) {
            Ok(0) | Err(_) => false,
            Ok(count) => !keys.iter().take(count).any(|key| QUIT.contains(key)),
        };
        while goes_on() {}
        let _ = enough.send(());
    });
    let _ = heard.await;
}

/// q, Q, Ctrl-C, Ctrl-D.
const QUIT: [u8; 4] = [b'q', b'Q', 3, 4];

/// The numbers, by their names.
fn document(scrape: &Scrape) -> Value {
    let labels = |sample: &Sample| -> Map<String, Value> {
        sample.labels.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect()
    };
    let sample = |sample: &Sample| json!({ "name": sample.name, "labels": labels(sample), "value": sample.value });
    let family = |family: &Family| -> (String, Value) {
        (family.name.clone(), family.samples.iter().map(sample).collect())
    };
    Value::Object(scrape.families.iter().map(family).collect())
}
