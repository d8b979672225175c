//! `stockade cache tune`: what live traffic says of the configuration.

mod change;

use std::path::PathBuf;

use clap::Args;
use flow::question::cache::Advised;
use flow::question::cache::advice::{Part, Used};
use flow::unit::Span;
use serde::Deserialize;
use serde_json::Value;

use super::simulate::figure::{counted, grouped};
use crate::cli::Outcome;
use crate::cli::client::{Client, Whereabouts, encoded, read};
use crate::cli::failure::Failure;
use crate::cli::globals::{Choice, Globals};
use crate::cli::input;
use crate::cli::output::Output;
use crate::cli::table::Table;
pub(super) use change::UNREADABLE;

/// What live traffic says of the configuration, and what to change in it
///
/// Shows for each namespace how well it does, from 0 to 100 with reasons, which keys are
/// read most and which are written for nobody, who reads, and what that saved. Then what
/// had better be set otherwise, as a diff of the configuration file. Where nothing was
/// seen nothing is said. Keys of confidential namespaces are shown as hashes. Figures are
/// those of one node; sampled ones are about right.
///
/// The diff is of the file a server here would read. For a server elsewhere, or without
/// a file, it is of the sections alone.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade cache tune                    every namespace that was used
  stockade cache tune pages users
  stockade cache tune --diff | patch stockade.toml
  stockade cache tune --json | jq '.namespaces[] | {namespace, score}'")]
pub(in crate::cli) struct Tune {
    /// Only these; `other` for all that have no rules of their own
    #[arg(value_name = "NAMESPACE")]
    namespaces: Vec<String>,
    /// Print the diff and nothing else
    #[arg(long, conflicts_with = "json")]
    diff: bool,
    /// The configuration file [default: stockade.toml here, or in the data directory]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Page {
    namespaces: Vec<Advised>,
}

impl Tune {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let mut client = Client::connect(globals).await?;
        let asked: Vec<_> =
            self.namespaces.iter().map(|name| format!("namespace={}", encoded(name))).collect();
        let path = format!("/v1/cache-advice?{}", asked.join("&"));
        let answer = client.ask("GET", path.trim_end_matches('?')).await?;
        let Page { namespaces } = read(&answer)?;
        let diff = change::diff(self.file(globals)?.as_ref(), &namespaces)?;
        if output.json {
            let mut document: Value = read(&answer)?;
            if let Some(object) = document.as_object_mut() {
                object.insert("diff".to_owned(), diff.into());
            }
            output.document(&document)?;
            return Ok(true);
        }
        if !self.diff {
            let all = !self.namespaces.is_empty();
            show(&namespaces, all, output)?;
            output.note(if diff.is_empty() {
                "\nnothing had better be set otherwise"
            } else {
                ""
            })?;
        }
        diff.lines().try_for_each(|line| output.line(&coloured(line, output)))?;
        Ok(true)
    }

    /// The configuration file with its name, where it is one of a server here.
    fn file(&self, globals: &Globals) -> Result<Option<change::File>, Failure> {
        let path = match &self.config {
            Some(path) => Some(path.clone()),
            None if Whereabouts::is_there(globals) => None,
            None => globals.load(&Choice::default(), Vec::new())?.file,
        };
        let Some(path) = path else { return Ok(None) };
        let text = String::from_utf8_lossy(&input::whole_of(&path)?).into_owned();
        Ok(Some(change::File { name: path.display().to_string(), text }))
    }
}

fn coloured(line: &str, output: &Output) -> String {
    match line.chars().next() {
        Some('+') => output.ink.green(line),
        Some('-') => output.ink.red(line),
        _ => line.to_owned(),
    }
}

fn show(namespaces: &[Advised], all: bool, output: &mut Output) -> Result<(), Failure> {
    let used = |one: &&Advised| all || one.reads > 0 || one.written > 0;
    let (used, unused): (Vec<&Advised>, Vec<_>) = namespaces.iter().partition(used);
    for (index, one) in used.iter().enumerate() {
        if index > 0 {
            output.line("")?;
        }
        show_one(one, output)?;
    }
    match (used.len(), unused.len()) {
        (0, _) => output.line("nothing was read or written yet"),
        (_, 0) => Ok(()),
        (_, count) => {
            output.note(&format!("\n{} more not used yet", counted(count as u64, "namespace")))
        }
    }
}

fn show_one(one: &Advised, output: &mut Output) -> Result<(), Failure> {
    let score = match one.score {
        Some(score) => format!("{score} of 100"),
        None => "too little was seen to tell".to_owned(),
    };
    output.line(&format!("{}  {score}", one.namespace))?;
    let mut table = Table::new(&["  JUDGED", "POINTS", "WHY"]);
    for Part { name, points, most, why } in &one.parts {
        if let Some(points) = points {
            table.row([format!("  {name}"), format!("{points} of {most}"), why.clone()]);
        }
    }
    if one.score.is_some() {
        output.table(&table)?;
    }
    let facts = facts(one);
    let widest = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, fact) in facts {
        output.line(&format!("  {name:<widest$}  {fact}"))?;
    }
    for advice in &one.advice {
        output.line(&format!("  → {}: {} → {}", advice.setting, advice.from, advice.to))?;
        output.line(&format!("    {}", advice.why))?;
    }
    Ok(())
}

/// What there is to say of a namespace, each with its name.
fn facts(one: &Advised) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    // What is judged says so itself.
    if one.reads > 0 && one.score.is_none() {
        let saved = Span(std::time::Duration::from_millis(one.saved_ms));
        let hits = format!("{} of {}", grouped(one.hits), counted(one.reads, "read"));
        facts.push(("answered", format!("{hits}, which saved the origin {saved}")));
    }
    if one.ended > 0 {
        let never = format!("{} of {}", grouped(one.never_read), counted(one.ended, "value"));
        let such = list(&one.never_read_keys, 3);
        let such = if such.is_empty() { such } else { format!(": {such}") };
        facts.push(("never read", format!("{never} that came to their end{such}")));
    }
    for (name, used) in [("hot keys", &one.hot_keys), ("who reads", &one.principals)] {
        if !used.is_empty() {
            facts.push((name, list(used, 5)));
        }
    }
    if one.warmed.watched > 0 {
        facts.push(("warmed", super::warm::bought(&one.warmed)));
    }
    facts
}

/// `ann 1,200, bob 300`; of what may not be shown, the hash.
fn list(used: &[Used], most: usize) -> String {
    let words = used.iter().take(most).map(|one| {
        let hash = || format!("sha256:{}", one.hash);
        format!("{} {}", one.text.clone().unwrap_or_else(hash), grouped(one.times))
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use flow::question::cache::warm::Bought;

    use super::*;

    #[test]
    fn what_was_not_seen_is_not_said() {
        assert!(facts(&Advised::default()).is_empty());
        let used = |text: Option<&str>, times| Used {
            hash: "2bb80d537b1da3e3".into(),
            text: text.map(Into::into),
            times,
        };
        let one = Advised {
            reads: 2000,
            hits: 1500,
            saved_ms: 2500,
            ended: 10,
            never_read: 4,
            hot_keys: vec![used(None, 1600)],
            principals: vec![used(Some("ann"), 320), used(Some("bob"), 16)],
            warmed: Bought { watched: 5, used: 3, hits: 90 },
            ..Advised::default()
        };
        let expected = [
            ("answered", "1,500 of 2,000 reads, which saved the origin 2s 500ms"),
            ("never read", "4 of 10 values that came to their end"),
            ("hot keys", "sha256:2bb80d537b1da3e3 1,600"),
            ("who reads", "ann 320, bob 16"),
            ("warmed", "3 of 5 keys were read, 90 times"),
        ];
        let expected = expected.map(|(name, fact)| (name, fact.to_owned()));
        assert_eq!(facts(&one), expected);
    }
}
