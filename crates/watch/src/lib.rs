//! How is it going?
//!
//! Every stage keeps its numbers in a [`flow::signal::Registry`] and says what
//! happens by `tracing`. This crate brings both to whoever looks: Prometheus, an
//! OpenTelemetry collector, a person at a terminal. It changes nothing of what it
//! watches, never makes it wait, and names no HTTP client or server: what is
//! scraped is handed over as bytes, what is pushed goes through a small trait.
//!
//! ```
//! use flow::{Clock, signal::Registry};
//! use std::time::Duration;
//! use watch::{Numbers, Process, Prometheus, Scrape};
//!
//! let (registry, clock) = (Registry::default(), Clock::system());
//! let process = Process::new(&registry, &clock);
//! let prometheus = Prometheus::new(Numbers::new(&registry, process, 1_000));
//!
//! let answered = registry.histogram("stockade_cache_answer_seconds", "Answers", &[]);
//! answered.time(Duration::from_micros(30));
//!
//! let exposition = prometheus.expose("text/plain");
//! assert_eq!(exposition.content_type, "text/plain; version=0.0.4; charset=utf-8");
//!
//! let text = String::from_utf8(exposition.body).unwrap();
//! let scrape = Scrape::read(&text)?;
//! let sum = scrape.samples("stockade_cache_answer_seconds_sum").next().unwrap();
//! assert_eq!(sum.value, 30e-6);
//! # Ok::<(), flow::Error>(())
//! ```
//!
//! In reading order: [`export`] has the numbers and the languages they are written
//! in, [`export::prometheus`] to be scraped and [`export::otlp`] to be pushed;
//! [`process`] adds what the process itself uses, and [`memory`] says how much of the
//! machine's is in use; [`log`] writes lines for people and programs; [`scrape`] reads
//! an exposition back, and [`top`] makes a picture of two of them for the terminal.

pub mod codes;
pub mod config;
pub mod export;
pub mod log;
pub mod memory;
pub mod process;
pub mod scrape;
pub mod top;

mod fields;
mod level;
mod protobuf;

pub use codes::CODES;
pub use config::Config;
pub use export::Numbers;
pub use export::otlp::{Collect, Exporter, Post, Reply};
pub use export::prometheus::{Exposition, Prometheus};
pub use log::Log;
pub use memory::InUse;
pub use process::Process;
pub use scrape::Scrape;
pub use top::Top;
