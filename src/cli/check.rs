//! `stockade check`: is everything well, and what to do if not.
//!
//! With a server, its own view of its parts, its doors seen from outside, and one
//! round trip through cache and ledger. Without one, what can be seen of the
//! configuration and the data directory.

mod directory;
pub(super) mod door;
pub(super) mod trip;

use std::time::Duration;

use clap::Args;
use flow::{Clock, Moment};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Outcome;
use super::client::{Client, Whereabouts, read};
use super::failure::Failure;
use super::globals::{Choice, Globals};
use super::output::Output;
use super::table::Table;
use crate::config::{Config, Loaded};
use crate::serve::Doors;

/// Is everything well, and what to do if not
///
/// Looks at the configuration, the data directory, and with a server running at every
/// part of it, from inside and from outside. Fails when anything is not well.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade check
  stockade check --profile production --config /etc/stockade.toml
  STOCKADE_KEY=… stockade check --server https://stockade.example.com")]
pub(super) struct Check {
    #[command(flatten)]
    choice: Choice,
    /// Look for the HTTP door here [default: where the server says it is]
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
    /// Look for the Redis door here [default: where the server says it is]
    #[arg(long, value_name = "ADDR")]
    resp: Option<String>,
    /// Look for the gRPC door here [default: where the server says it is]
    #[arg(long, value_name = "ADDR")]
    grpc: Option<String>,
}

/// How one thing is.
#[derive(Debug, Serialize)]
struct Finding {
    name: String,
    /// `None` when it could not be looked at.
    ok: Option<bool>,
    latency_us: Option<u64>,
    /// What is wrong and what to do, or what else there is to know.
    advice: String,
}

impl Finding {
    fn well(name: &str, note: impl Into<String>) -> Self {
        Self { name: name.to_owned(), ok: Some(true), latency_us: None, advice: note.into() }
    }

    fn ill(name: &str, advice: impl Into<String>) -> Self {
        Self { name: name.to_owned(), ok: Some(false), latency_us: None, advice: advice.into() }
    }

    fn unseen(name: &str, why: impl Into<String>) -> Self {
        Self { name: name.to_owned(), ok: None, latency_us: None, advice: why.into() }
    }

    /// Every complaint of a failure, as a finding.
    fn failed(name: &str, failure: &Failure) -> Self {
        let complaints = failure.complaints().iter();
        let sentences =
            complaints.map(|complaint| format!("{}; {}", complaint.detail, complaint.advice));
        Self::ill(name, sentences.collect::<Vec<_>>().join("; "))
    }

    /// What came of something that takes time.
    fn timed(name: &str, took: Duration, result: Result<String, Failure>) -> Self {
        let finding = match result {
            Ok(note) => Self::well(name, note),
            Err(failure) => Self::failed(name, &failure),
        };
        Self { latency_us: u64::try_from(took.as_micros()).ok(), ..finding }
    }
}

impl Check {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let mut findings = Vec::new();
        match Whereabouts::is_there(globals) {
            true => self.there(globals, &mut findings).await,
            false => self.here(globals, &mut findings).await,
        }
        let ok = findings.iter().all(|finding| finding.ok != Some(false));
        if output.json {
            output.document(&json!({ "ok": ok, "parts": findings }))?;
            return Ok(ok);
        }
        let mut table = Table::new(&["", "PART", "LATENCY", "ADVICE"]);
        for finding in findings {
            let sign = match finding.ok {
                Some(true) => "✓",
                Some(false) => "✗",
                None => "-",
            };
            let latency = finding.latency_us.map(in_words).unwrap_or_default();
            table.row([sign.into(), finding.name, latency, finding.advice]);
        }
        output.table(&table)?;
        Ok(ok)
    }

    /// The server on the data directory of this machine.
    async fn here(&self, globals: &Globals, findings: &mut Vec<Finding>) {
        let loaded = match self.load(globals) {
            Ok(loaded) => loaded,
            Err(failure) => return findings.push(Finding::failed("configuration", &failure)),
        };
        findings.push(configuration(&loaded));
        findings.extend(directory::look(&loaded.config));
        let server = Whereabouts::Here(loaded.config.data.clone());
        match Client::connect_to(&server).await {
            Ok(client) => {
                self::server(client, &server, findings).await;
                findings.extend(door::reach(&self.doors(&loaded.config)).await);
            }
            Err(_) => {
                let why = "none is running on the data directory; `stockade serve` starts one";
                findings.push(Finding::unseen("server", why));
                findings.extend(door::free(&Doors::wanted(&loaded.config)));
            }
        }
    }

    /// A server somewhere else, of which only the doors are seen.
    async fn there(&self, globals: &Globals, findings: &mut Vec<Finding>) {
        let clock = Clock::system();
        let begun = clock.moment();
        let connected = match Whereabouts::find(globals) {
            Ok(server) => Client::connect_to(&server).await.map(|client| (client, server)),
            Err(failure) => Err(failure),
        };
        match connected {
            Ok((client, server)) => {
                let took = clock.moment().since(begun);
                findings.push(Finding::timed("connection", took, Ok(String::new())));
                self::server(client, &server, findings).await;
            }
            Err(failure) => findings.push(Finding::failed("connection", &failure)),
        }
    }

    /// Where the doors of the running server should be: what is typed counts first,
    /// then what the server says.
    fn doors(&self, config: &Config) -> Doors {
        let wanted = Doors::wanted(config);
        let Some(posted) = Doors::posted(&config.data) else { return wanted };
        Doors {
            http: if self.http.is_some() { wanted.http } else { posted.http },
            resp: if self.resp.is_some() { wanted.resp } else { posted.resp },
            resp_tls: posted.resp_tls,
            grpc: if self.grpc.is_some() { wanted.grpc } else { posted.grpc },
            tls: posted.tls,
        }
    }

    fn load(&self, globals: &Globals) -> Result<Loaded, Failure> {
        let mut flags = Vec::new();
        flags.extend(self.http.clone().map(|address| ("listen.http", "--http", address)));
        flags.extend(self.resp.clone().map(|address| ("listen.resp", "--resp", address)));
        flags.extend(self.grpc.clone().map(|address| ("listen.grpc", "--grpc", address)));
        globals.load(&self.choice, flags)
    }
}

fn configuration(loaded: &Loaded) -> Finding {
    match loaded.vet() {
        Ok(()) => {
            let file = loaded.file.as_ref().map(|file| format!(", {}", file.display()));
            let profile = loaded.config.profile;
            Finding::well("configuration", format!("profile {profile}{}", file.unwrap_or_default()))
        }
        Err(problems) => Finding::failed("configuration", &problems.into()),
    }
}

/// How the parts are, as the server itself sees them.
#[derive(Debug, Deserialize)]
struct Status {
    parts: Vec<Part>,
}

#[derive(Debug, Deserialize)]
struct Part {
    name: String,
    ok: bool,
    latency_us: u64,
    advice: String,
}

async fn server(mut client: Client, server: &Whereabouts, findings: &mut Vec<Finding>) {
    let clock = Clock::system();
    let begun = clock.moment();
    let status = status(&mut client).await;
    match status {
        Ok(status) => {
            let took = since(&clock, begun);
            findings.push(Finding::timed("server", took, Ok(String::new())));
            findings.extend(status.parts.into_iter().map(|part| Finding {
                name: part.name,
                ok: Some(part.ok),
                latency_us: Some(part.latency_us),
                advice: part.advice,
            }));
        }
        Err(failure) => findings.push(Finding::failed("server", &failure)),
    }
    let begun = clock.moment();
    let cache = trip::cache(&mut client, &clock).await;
    let took = since(&clock, begun);
    findings.push(Finding::timed("cache round trip", took, cache.map(|()| String::new())));
    let begun = clock.moment();
    let event = trip::ledger(&mut client, server, &clock).await;
    let took = since(&clock, begun);
    let skew = event.as_ref().ok().map(|event| trip::skew(event, &clock));
    findings.push(Finding::timed("ledger round trip", took, event.map(|_| String::new())));
    findings.extend(skew);
}

async fn status(client: &mut Client) -> Result<Status, Failure> {
    read(&client.ask("GET", "/v1/status").await?)
}

fn since(clock: &Clock, begun: Moment) -> Duration {
    clock.moment().since(begun)
}

fn in_words(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", micros as f64 / 1e3),
        _ => format!("{:.1} s", micros as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_read_well() {
        for (micros, expected) in
            [(0, "0 µs"), (999, "999 µs"), (1_500, "1.5 ms"), (2_340_000, "2.3 s")]
        {
            assert_eq!(in_words(micros), expected);
        }
    }
}
