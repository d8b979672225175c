//! `stockade watch`: how is it going, now.

use std::io::{IsTerminal, Write, stdin, stdout};
use std::time::Duration;

use clap::{Args, Subcommand};
use flow::Clock;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;
use watch::scrape::{Family, Sample, Scrape};
use watch::top::{Seen, Top, frame};

use super::Outcome;
use super::client::Client;
use super::failure::Failure;
use super::globals::Globals;
use super::ink::Ink;
use super::output::{Output, size};

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
    pub(super) fn run(self, globals: &Globals, output: &mut Output, runtime: &Runtime) -> Outcome {
        let Self::Top(_) = self;
        let mut client = runtime.block_on(Client::connect(globals))?;
        if output.json {
            let text = runtime.block_on(numbers(&mut client))?;
            output.document(&document(&Scrape::read(&text)?))?;
        } else if stdin().is_terminal() && stdout().is_terminal() {
            live(&mut client, runtime, output.ink)?;
        } else {
            let picture = runtime.block_on(still(&mut client))?;
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

/// A picture each second, until somebody has seen enough.
fn live(client: &mut Client, runtime: &Runtime, ink: Ink) -> Result<(), Failure> {
    let clock = Clock::system();
    let screen = Screen::take();
    let mut top = Top::default();
    loop {
        let text = runtime.block_on(numbers(client))?;
        top.see(clock.moment(), &text)?;
        let (width, height) = size().unwrap_or(ON_PAPER);
        screen.show(&ink.fit(&top.render(width, height)));
        if is_enough(EVERY) {
            return Ok(());
        }
    }
}

/// Waits, and says whether somebody wanted to go meanwhile.
fn is_enough(wait: Duration) -> bool {
    let stdin = stdin();
    let clock = Clock::system();
    let begun = clock.moment();
    loop {
        let left = wait.saturating_sub(clock.moment().since(begun));
        let timeout = left.try_into().ok();
        let mut waiting = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut waiting, timeout.as_ref()) {
            Ok(0) => return false,
            // The window changed its size: look again.
            Err(rustix::io::Errno::INTR) => return false,
            Err(_) => return true,
            Ok(_) => {}
        }
        let mut keys = [0; 64];
        match rustix::io::read(&stdin, &mut keys) {
            Ok(0) | Err(_) => return true,
            Ok(count) if keys.iter().take(count).any(|key| QUIT.contains(key)) => return true,
            Ok(_) => {}
        }
    }
}

/// q, Q, Ctrl-C, Ctrl-D.
const QUIT: [u8; 4] = [b'q', b'Q', 3, 4];

/// The terminal while it is ours; given back as it was.
struct Screen {
    before: Option<Termios>,
}

impl Screen {
    fn take() -> Self {
        let before = tcgetattr(stdin()).ok();
        if let Some(mut raw) = before.clone() {
            raw.make_raw();
            let _ = tcsetattr(stdin(), OptionalActions::Now, &raw);
        }
        let screen = Self { before };
        // Another page, without a cursor.
        screen.show("\x1b[?1049h\x1b[?25l");
        screen
    }

    /// A terminal that is gone shows nothing; the next key read says so.
    fn show(&self, text: &str) {
        let mut out = stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.show("\x1b[?25h\x1b[?1049l");
        if let Some(before) = &self.before {
            let _ = tcsetattr(stdin(), OptionalActions::Now, before);
        }
    }
}

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
