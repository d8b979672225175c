//! `stockade cache warm`: values that are there before anybody asks.

mod progress;

use std::path::PathBuf;

use cache::Warm as From;
use clap::Args;
use flow::question::cache::warm::{Bought, Planned, Progress, Report};
use flow::{Code, Kind};
use serde_json::{Value, json};

use super::simulate::figure::{counted, grouped};
use crate::cli::Outcome;
use crate::cli::client::{Client, encoded, read};
use crate::cli::failure::Failure;
use crate::cli::lines::Lines;
use crate::cli::output::Output;

pub(super) static ENDED: Code = Code::new(
    Kind::Busy,
    "cli-cache-warm-ended",
    "Warming ended before its end",
    "mend what is said to be wrong and warm again: what is there already is skipped",
);

/// Keys that are sent together.
const TOGETHER: usize = 10_000;
/// And their bytes, about.
const BYTES_TOGETHER: usize = 4 << 20;

/// Load values before anybody asks for them
///
/// Keys are loaded from where the namespace's values come from, its `origin` or `query`.
/// Those that are there already are skipped, and what was purged a moment ago is not
/// brought back. Without any keys, file, log or query, the namespace is filled with what
/// `warm` of its rules says. Ctrl-C ends it after the keys under way.
///
/// Files are read here, and sent; they may be compressed with zstd or gzip. A query is
/// asked by the server, in its database, and only for administrators: it selects the key,
/// and after it, if wanted, the value and for how many seconds it lives.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade cache warm pages                        what its rules say
  stockade cache warm pages / /about /prices
  stockade cache warm pages --access-log access.log.gz --rate 200
  stockade cache warm users --access-log access.log --prefix /users/
  cut -f1 top.tsv | stockade cache warm users --file -
  stockade cache warm users --query 'SELECT id FROM users WHERE active'
  stockade cache warm pages --report               what warming was good for")]
pub(in crate::cli) struct Warm {
    /// Whose values
    namespace: String,
    /// The keys
    #[arg(value_name = "KEY")]
    keys: Vec<String>,
    /// Also the keys in this file, one in each line; `-` is standard input
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Also the paths in this log of a web server
    #[arg(long, value_name = "FILE")]
    access_log: Vec<PathBuf>,
    /// Of files and logs only what begins so, and of that what comes after it
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Also what this query of the database brings
    #[arg(long, value_name = "SQL")]
    query: Vec<String>,
    /// At most so many keys in a second [default: as many as possible]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// So many keys go together [default: as the rate has it, at most 512]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    batch: Option<u32>,
    /// So many keys are loaded at the same time [default: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    at_once: Option<u32>,
    /// Load nothing; say what its rules plan, and what warming was good for so far
    #[arg(long, conflicts_with_all = ["keys", "file", "access_log", "query"])]
    report: bool,
}

impl Warm {
    pub(super) async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let path = format!("/v1/cache/{}/-/warm", encoded(&self.namespace));
        let before = client.ask("GET", &path).await?;
        if self.report {
            return self.tell(&read(&before)?, &read(&before)?, output);
        }
        let before: Report = read(&before)?;
        let keys = self.all_keys()?;
        let of = self.query.is_empty().then_some(keys.len() as u64).filter(|count| *count > 0);
        let mut shown = progress::Shown::new(output, of);
        let mut all = Progress::default();
        for body in self.bodies(keys) {
            let done = send(client, &path, &body, |now| shown.show(&now.after(&all))).await;
            all = done.inspect_err(|_| shown.end())?.after(&all);
            if let Some(error) = &all.error {
                shown.end();
                return Err(ENDED.error(error.clone()).into());
            }
        }
        shown.end();
        self.finish(&all, &before.warmed, output)
    }

    /// That it is over. It went wrong when nothing of what was wanted is there.
    fn finish(&self, all: &Progress, before: &Bought, output: &mut Output) -> Outcome {
        let well = all.failed == 0 || all.loaded + all.skipped > 0;
        if output.json {
            output.document(&json!({ "warming": all, "warmed_before": before }))?;
            return Ok(well && !all.cancelled);
        }
        output.note(&format!("{}: {}", self.namespace, came_of(all)))?;
        if before.watched > 0 {
            output.note(&format!("warmed before: {}", bought(before)))?;
        }
        Ok(well && !all.cancelled)
    }

    fn tell(&self, document: &Value, report: &Report, output: &mut Output) -> Outcome {
        if output.json {
            output.document(document)?;
            return Ok(true);
        }
        for Planned { with, at } in &report.planned {
            output.line(&format!("{at}  {with}"))?;
        }
        if report.planned.is_empty() {
            output.line(&format!("the rules of `{}` plan nothing", self.namespace))?;
        }
        output.line(&match report.warmed.watched {
            0 => "nothing was warmed that is still watched".to_owned(),
            _ => bought(&report.warmed),
        })?;
        Ok(true)
    }

    /// The keys of everything but queries.
    fn all_keys(&self) -> Result<Vec<String>, Failure> {
        let files = self.file.iter().cloned().map(From::File);
        let logs = self.access_log.iter().cloned().map(From::Log);
        let prefix = self.prefix.as_deref().unwrap_or_default();
        let (mut keys, mut strange) = (self.keys.clone(), 0);
        for from in files.chain(logs) {
            from.each(|key| {
                match std::str::from_utf8(key).map(|key| key.strip_prefix(prefix)) {
                    Ok(Some(key)) if !key.is_empty() => keys.push(key.to_owned()),
                    Ok(_) => {}
                    Err(_) => strange += 1,
                }
                true
            })?;
        }
        if strange > 0 {
            eprintln!("left out, because they are no text: {}", counted(strange, "key"));
        }
        Ok(keys)
    }

    /// What is asked of the server, one after the other.
    fn bodies(&self, keys: Vec<String>) -> Vec<Value> {
        let named = !(self.file.is_empty() && self.access_log.is_empty());
        let mut with: Vec<Value> =
            together(keys).into_iter().map(|keys| json!({ "keys": keys })).collect();
        with.extend(self.query.iter().map(|query| json!({ "query": query })));
        if with.is_empty() && !named {
            with.push(json!({}));
        }
        for body in &mut with {
            let Some(body) = body.as_object_mut() else { continue };
            for (name, number) in
                [("rate", self.rate), ("batch", self.batch), ("at_once", self.at_once)]
            {
                body.extend(number.map(|number| (name.to_owned(), number.into())));
            }
        }
        with
    }
}

/// Keys in parts that are not too large to be sent.
fn together(keys: Vec<String>) -> Vec<Vec<String>> {
    let (mut parts, mut part, mut size) = (Vec::new(), Vec::new(), 0);
    for key in keys {
        size += key.len();
        part.push(key);
        if part.len() >= TOGETHER || size >= BYTES_TOGETHER {
            parts.push(std::mem::take(&mut part));
            size = 0;
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// Has the server warm this, and tells of its progress until it is over.
async fn send(
    client: &mut Client,
    path: &str,
    body: &Value,
    mut tell: impl FnMut(&Progress),
) -> Result<Progress, Failure> {
    let ask = client.question("POST", path)?.header("content-type", "application/json")?;
    let mut reply = client.open(ask.body(body.to_string())).await?;
    let (mut lines, mut last) = (Lines::default(), Progress::default());
    while let Some(piece) = reply.piece().await? {
        lines.add(&piece);
        while let Some(line) = lines.next() {
            last = serde_json::from_str(&line).unwrap_or(last);
            tell(&last);
        }
    }
    match last.done {
        true => Ok(last),
        false => Err(ENDED.error("the server ended it").into()),
    }
}

/// `900 loaded, 300 there already, 5 not to be had`
fn came_of(progress: &Progress) -> String {
    let Progress { skipped, loaded, failed, .. } = progress;
    let mut words = format!("{} loaded, {} there already", grouped(*loaded), grouped(*skipped));
    if *failed > 0 {
        words.push_str(&format!(", {} not to be had", grouped(*failed)));
    }
    words
}

/// What warming was good for, in a sentence.
pub(super) fn bought(of: &Bought) -> String {
    let Bought { watched, used, hits } = of;
    let (keys, times) = (counted(*watched, "key"), counted(*hits, "time"));
    format!("{} of {keys} were read, {times}", grouped(*used))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_request_is_too_large() {
        let keys = |count: usize, length| vec!["k".repeat(length); count];
        let sizes = |keys| together(keys).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(keys(25_000, 3)), [10_000, 10_000, 5_000]);
        assert_eq!(sizes(keys(3, 3 << 20)), [2, 1]);
        assert!(sizes(Vec::new()).is_empty());
    }

    #[test]
    fn the_report_is_a_sentence() {
        let progress = Progress { loaded: 1200, skipped: 3, ..Progress::default() };
        assert_eq!(came_of(&progress), "1,200 loaded, 3 there already");
        let some = Progress { failed: 2, ..progress };
        assert_eq!(came_of(&some), "1,200 loaded, 3 there already, 2 not to be had");
        let one = Bought { watched: 1, used: 1, hits: 1 };
        assert_eq!(bought(&one), "1 of 1 key were read, 1 time");
    }
}
