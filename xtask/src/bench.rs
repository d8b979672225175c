//! `cargo xtask bench`: runs benchmarks beside their peers and keeps what they say.
//!
//! A benchmark is a `[[bench]]` with `harness = false` that prints one line per
//! figure, its fields apart by tabs:
//!
//! ```text
//! name <TAB> value <TAB> unit <TAB> goal [<TAB> peer <TAB> value of the peer]
//! ```
//!
//! The goal is empty, or `≤ 300` or `≥ 58000` in the same unit, or `≥ 0.8×` of the
//! peer. A line that begins with `# ` says in a sentence what is measured; one that begins
//! with `|` is a row of a table of its own. All other lines are for whoever watches.

mod cedar;
mod decisions;
mod document;
mod figure;
mod load;
mod offered;
mod overload;
mod peers;
mod redis;
mod server;
mod spine;

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::Outcome;
use crate::bench::document::Document;
use crate::bench::figure::Report;
use crate::cargo::{self, cargo};

/// A `[[bench]]` of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bench {
    package: String,
    name: String,
}

/// Runs the benchmarks named, by target or by package, or all of them.
pub(crate) fn run(names: &[&str]) -> Outcome {
    let benches = benches(&cargo::metadata()?);
    if let Some(unknown) =
        names.iter().find(|name| !benches.iter().any(|bench| bench.answers_to(name)))
    {
        let known: Vec<_> = benches.iter().map(Bench::title).collect();
        return Err(format!("no benchmark `{unknown}`; there are {}", known.join(", ")).into());
    }
    let mut document = Document::read()?;
    let mut all_fine = true;
    let wanted =
        |bench: &&Bench| names.is_empty() || names.iter().any(|name| bench.answers_to(name));
    for bench in benches.iter().filter(wanted) {
        eprintln!("\n{}", bench.title());
        match bench.measure() {
            Ok(report) if report.figures.is_empty() => {
                eprintln!("{}: no figures; what is written about it stays", bench.title());
            }
            Ok(report) => document.put(&bench.title(), &report)?,
            Err(error) => {
                all_fine = false;
                eprintln!("{}: {error}; what is written about it stays", bench.title());
            }
        }
    }
    Ok(all_fine)
}

impl Bench {
    fn short(&self) -> &str {
        self.package.strip_prefix("stockade-").unwrap_or(&self.package)
    }

    fn title(&self) -> String {
        format!("{}: {}", self.short(), self.name)
    }

    fn answers_to(&self, name: &str) -> bool {
        [self.name.as_str(), self.short()].contains(&name)
    }

    fn measure(&self) -> Result<Report, Box<dyn Error>> {
        let own = spine::ALL
            .iter()
            .find(|(name, _)| self.package == spine::PACKAGE && self.name == *name);
        match own {
            Some((_, measure)) => measure().inspect(|report| print!("{report}")),
            None if self.package == peers::PACKAGE && self.name == peers::NAME => {
                peers::measure(self).inspect(|report| print!("{report}"))
            }
            None => self.run(),
        }
    }

    /// Runs a target; what it prints is seen as it comes.
    fn run(&self) -> Result<Report, Box<dyn Error>> {
        let mut report = Report::default();
        self.watch(|line| {
            println!("{line}");
            report.take(line);
        })?;
        Ok(report)
    }

    /// Runs a target, line by line of what it prints.
    fn watch(&self, mut take: impl FnMut(&str)) -> Result<(), Box<dyn Error>> {
        let mut command = cargo(&["bench", "--quiet", "-p", &self.package, "--bench", &self.name]);
        if self.package == cedar::PACKAGE && self.name == cedar::NAME {
            command.envs(cedar::built().map(|program| (cedar::VARIABLE, program)));
        }
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("its output is not ours to read")?;
        for line in BufReader::new(output).lines() {
            take(&line?);
        }
        let status = child.wait()?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("ended with {status}").into()),
        }
    }
}

/// Those of the binary itself, and every `[[bench]]` of the workspace.
fn benches(metadata: &Value) -> Vec<Bench> {
    let list = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let text = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let own = |&(name, _): &(&str, _)| Bench {
        package: spine::PACKAGE.to_owned(),
        name: name.to_owned(),
    };
    let mut benches: Vec<_> = spine::ALL.iter().map(own).collect();
    for package in list(metadata, "packages") {
        for target in list(&package, "targets") {
            if list(&target, "kind").iter().any(|kind| kind == "bench") {
                benches
                    .push(Bench { package: text(&package, "name"), name: text(&target, "name") });
            }
        }
    }
    benches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn benches_are_found_among_the_targets() {
        let metadata = serde_json::json!({ "packages": [{ "name": "stockade-pool", "targets": [
            { "name": "pool", "kind": ["lib"] },
            { "name": "acquire", "kind": ["bench"] },
        ] }] });
        let expected = Bench { package: "stockade-pool".into(), name: "acquire".into() };
        assert_eq!(benches(&metadata).last(), Some(&expected));
        assert_eq!(expected.title(), "pool: acquire");
    }
}
