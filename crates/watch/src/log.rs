//! The log: for people in a terminal, one JSON object a line for everything else.
//!
//! A line costs its caller a few hundred nanoseconds and never a wait: lines are
//! gathered in memory and written by a thread of their own. When the reader at
//! the other end is slower than the log, lines are dropped, counted, and the gap
//! is said in the log itself.

mod human;
mod json;
mod line;
mod lines;
mod writer;

use std::io::{IsTerminal, Write};
use std::time::Duration;

use flow::signal::Registry;
use flow::unit::Size;
use flow::{Clock, Result};
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::Subscriber;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, reload};

use crate::export::otlp::Collect;
use crate::{codes, level};
use line::Line;
use lines::Lines;
use writer::Writer;

/// How the log is written, to standard error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `auto` is `human` in a terminal and `json` otherwise.
    pub format: Format,
    /// What is worth a line: a level (`off`, `error`, `warn`, `info`, `debug`, `trace`)
    /// and, behind commas, levels of single parts: `info,flow=debug`.
    pub level: String,
    /// Lines waiting to be written, at most; what comes when it is full is lost.
    pub buffer: Size,
}

impl Default for Config {
    fn default() -> Self {
        Self { format: Format::Auto, level: "info".into(), buffer: Size::mib(4) }
    }
}

/// Who reads the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// People in a terminal, programs otherwise.
    Auto,
    /// People.
    Human,
    /// Programs.
    Json,
}

/// At the end, waiting lines get this long to be written.
const FLUSH_MAX: Duration = Duration::from_secs(1);

type Level = reload::Handle<Targets, tracing_subscriber::Registry>;

/// The log being written; dropped, it writes what waits and ends.
#[derive(Debug)]
pub struct Log {
    written: Mutex<String>,
    level: Level,
    writer: Writer,
}

/// Starts the log of this process, once; with `collect`, events and spans go to
/// an OTLP collector too.
pub fn start(
    config: &Config,
    clock: &Clock,
    registry: &Registry,
    collect: Option<Collect>,
) -> Result<Log> {
    let sink = std::io::stderr();
    let terminal = sink.is_terminal();
    let form = match config.format {
        Format::Json => Form::Json,
        Format::Auto if !terminal => Form::Json,
        _ => Form::Human { colours: terminal && std::env::var_os("NO_COLOR").is_none() },
    };
    let (subscriber, log) = build(config, clock, registry, collect, form, Box::new(sink))?;
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|error| codes::LOG_STARTED.error("the log was started before").because(error))?;
    Ok(log)
}

fn build(
    config: &Config,
    clock: &Clock,
    registry: &Registry,
    collect: Option<Collect>,
    form: Form,
    sink: Box<dyn Write + Send>,
) -> Result<(impl Subscriber, Log)> {
    let (level, handle) = reload::Layer::new(level::read(&config.level)?);
    let notice = {
        let clock = clock.clone();
        move |lost: u64| form.write(&Line::about_lost(clock.now(), lost))
    };
    let writer = Writer::start(sink, config.buffer.bytes(), registry, notice)?;
    let lines = Lines::new(clock.clone(), form, writer.clone());
    let subscriber = tracing_subscriber::registry()
        .with(lines.with_filter(level))
        .with(collect.map(Collect::filtered).transpose()?);
    let written = Mutex::new(config.level.clone());
    Ok((subscriber, Log { written, level: handle, writer }))
}

/// How a line looks.
#[derive(Debug, Clone, Copy)]
enum Form {
    Human { colours: bool },
    Json,
}

impl Form {
    fn write(self, line: &Line<'_>) -> String {
        match self {
            Self::Human { colours } => human::write(line, colours),
            Self::Json => json::write(line),
        }
    }
}

impl Log {
    /// The levels as they were written.
    pub fn level(&self) -> String {
        self.written.lock().clone()
    }

    /// Changes the levels from now on.
    pub fn set_level(&self, level: &str) -> Result<()> {
        let ended = |error| codes::LOG_STARTED.error("the log has ended").because(error);
        self.level.reload(level::read(level)?).map_err(ended)?;
        level.clone_into(&mut self.written.lock());
        Ok(())
    }

    /// Waits until everything logged so far is written, a second at most.
    pub fn flush(&self) {
        self.writer.flush(FLUSH_MAX);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.writer.close(FLUSH_MAX);
    }
}

#[cfg(test)]
mod tests;
