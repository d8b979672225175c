//! `docs/benchmarks.md`: one section per benchmark, each written by its latest run.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::bench::figure::{Figure, Report};
use crate::cargo::root;

const OPENING: &str = "\
# Benchmarks

Written by `cargo xtask bench`; do not edit, the notes at the end apart. Each section says on which
machine, when and at which commit it was measured; the peer beside a figure was measured in the
same run. A ratio is our figure divided by the peer's.
";

/// The file, section by section.
#[derive(Debug)]
pub(crate) struct Document {
    path: PathBuf,
    sections: Vec<Section>,
}

#[derive(Debug, PartialEq, Eq)]
struct Section {
    title: String,
    body: String,
}

impl Document {
    pub(crate) fn read() -> io::Result<Self> {
        let path = root().join("docs/benchmarks.md");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { path, sections: sections(&text) })
    }

    /// Replaces a section, or adds it in the order of the titles, and writes the file:
    /// a later benchmark that fails takes nothing away.
    pub(crate) fn put(&mut self, title: &str, report: &Report) -> io::Result<()> {
        let body = body(&origin(), report);
        self.sections.retain(|section| section.title != title);
        self.sections.push(Section { title: title.to_owned(), body });
        self.sort();
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&self.path, self.text())
    }

    /// Benchmarks by title; then what somebody wrote by hand.
    fn sort(&mut self) {
        let is_note = |section: &Section| !section.title.contains(": ");
        self.sections.sort_by_cached_key(|section| (is_note(section), section.title.clone()));
    }

    fn text(&self) -> String {
        let mut text = OPENING.to_owned();
        for section in &self.sections {
            let _ = write!(text, "\n## {}\n\n{}\n", section.title, section.body);
        }
        text
    }
}

fn sections(text: &str) -> Vec<Section> {
    let parts = text.split("\n## ").skip(1);
    parts
        .filter_map(|part| part.split_once('\n'))
        .map(|(title, body)| Section {
            title: title.trim().to_owned(),
            body: body.trim().to_owned(),
        })
        .collect()
}

fn body(origin: &str, report: &Report) -> String {
    let mut body = String::new();
    for sentence in &report.about {
        let _ = writeln!(body, "{sentence}");
    }
    let _ = write!(body, "\n{origin}\n\n");
    for row in &report.table {
        let _ = writeln!(body, "{row}");
    }
    if !report.table.is_empty() {
        body.push('\n');
    }
    body.push_str("| | figure | peer | ratio | goal | |\n|---|---:|---:|---:|---:|---|\n");
    for figure in &report.figures {
        let _ = writeln!(body, "{}", row(figure));
    }
    body.trim().to_owned()
}

fn row(figure: &Figure) -> String {
    let Figure { name, value, unit, goal, peer } = figure;
    let peer = peer.as_ref().map(|peer| format!("{} {unit} ({})", number(peer.value), peer.name));
    let ratio = figure.ratio().map(|ratio| format!("{ratio:.2}×"));
    let goal = match goal.is_empty() || goal.ends_with('×') {
        true => goal.clone(),
        false => format!("{goal} {unit}"),
    };
    let verdict = match figure.reached() {
        Some(true) => "✓",
        Some(false) => "✗",
        None => "",
    };
    let (peer, ratio) = (peer.unwrap_or_default(), ratio.unwrap_or_default());
    format!("| {name} | {} {unit} | {peer} | {ratio} | {goal} | {verdict} |", number(*value))
}

/// Three digits that mean something, and no more than the number has.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 => 0,
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Machine, date and commit in a line.
fn origin() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let date = say("date", &["-u", "+%F"]);
    let mut commit = say("git", &["rev-parse", "--short", "HEAD"]);
    // This file is changed by every section before.
    let others = ["--", ".", ":(exclude)docs/benchmarks.md"];
    let status = [&["status", "--porcelain", "--untracked-files=no"], &others[..]].concat();
    if !say("git", &status).is_empty() {
        commit.push_str(" with changes");
    }
    format!("*{model}, {cores} cores · {date} · {commit}*")
}

/// What a command prints, or nothing.
fn say(program: &str, args: &[&str]) -> String {
    let mut command = Command::new(program);
    let output = command.args(args).current_dir(root()).stdin(Stdio::null()).output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_that_did_not_run_are_kept_word_for_word() {
        let mut document = Document { path: PathBuf::new(), sections: Vec::new() };
        for title in ["b", "a"] {
            let body = format!("*machine*\n\n| {title} |");
            document.sections.push(Section { title: title.to_owned(), body });
        }
        let text = document.text();
        assert_eq!(sections(&text), document.sections);
        assert_eq!(sections(""), []);
    }

    #[test]
    fn notes_come_last() {
        let text = "# Top\n\n## A note\n\nx\n\n## b: c\n\ny\n\n## a: d\n\nz\n";
        let mut document = Document { path: PathBuf::new(), sections: sections(text) };
        document.sort();
        let titles: Vec<_> = document.sections.iter().map(|section| &*section.title).collect();
        assert_eq!(titles, ["a: d", "b: c", "A note"]);
    }

    #[test]
    fn a_row_has_peer_ratio_goal_and_verdict() {
        let check = |line: &str, expected: &str| {
            assert_eq!(row(&Figure::parse(line).unwrap()), expected);
        };
        check(
            "requests\t81234.5\t/s\t≥ 0.8×\tbare hyper\t100000",
            "| requests | 81234 /s | 100000 /s (bare hyper) | 0.81× | ≥ 0.8× | ✓ |",
        );
        check("size\t20.5\tMiB\t≤ 16", "| size | 20.5 MiB |  |  | ≤ 16 MiB | ✗ |");
        check("a\t0.06\tµs", "| a | 0.06 µs |  |  |  |  |");
    }
}
