//! `cargo xtask fuzz`: every reader of outside bytes, tried for a while with bytes nobody thought of.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::Outcome;
use crate::cargo::{self, cargo, root};

const MINUTES: u64 = 5;

/// What to try, and for how long each.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    minutes: u64,
    /// By name; none for all.
    targets: Vec<String>,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Option<Self> {
        let (minutes, targets) = match words {
            ["--minutes", minutes, targets @ ..] => (minutes.parse().ok()?, targets),
            targets => (MINUTES, targets),
        };
        let named = targets.iter().all(|target| !target.starts_with('-'));
        (named && minutes > 0).then(|| Self {
            minutes,
            targets: targets.iter().map(|&target| target.to_owned()).collect(),
        })
    }

    /// Every target, as the long suite tries them.
    pub(crate) fn all() -> Self {
        Self { minutes: MINUTES, targets: Vec::new() }
    }
}

/// Tries one target after the other; one that fails does not keep the others from their turn.
pub(crate) fn run(options: &Options, may_install: bool) -> Outcome {
    let known = targets()?;
    if let Some(unknown) = options.targets.iter().find(|target| !known.contains(target)) {
        return Err(format!("no target `{unknown}`; there are {}", known.join(", ")).into());
    }
    if !cargo::has("fuzz") && !installed(may_install)? {
        eprintln!("no cargo-fuzz: skips what tries bytes nobody thought of");
        return Ok(!engines::known::in_ci());
    }
    same_versions()?;
    let wanted = |target: &&String| options.targets.is_empty() || options.targets.contains(*target);
    let mut failed = Vec::new();
    for target in known.iter().filter(wanted) {
        eprintln!("\n{target}, {} min", options.minutes);
        if !holds(target, options.minutes)? {
            failed.push(target.as_str());
        }
    }
    if !failed.is_empty() {
        eprintln!(
            "\n{} failed, see above; `cargo fuzz tmin` makes the bytes fewer, and in \
             fuzz/corpus/<target>/ every test run tries them again",
            failed.join(", ")
        );
    }
    Ok(failed.is_empty())
}

fn installed(may_install: bool) -> io::Result<bool> {
    if !may_install {
        return Ok(false);
    }
    eprintln!("Installing cargo-fuzz by cargo.");
    Ok(cargo(&["install", "--locked", "cargo-fuzz"]).status()?.success())
}

fn targets() -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("fuzz/targets"))? {
        let path = entry?.path();
        names.extend(path.file_stem().and_then(OsStr::to_str).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// What is tried is built of the same versions as what is shipped.
fn same_versions() -> io::Result<()> {
    let (ours, theirs) = (root().join("Cargo.lock"), root().join("fuzz/Cargo.lock"));
    let changed = |path: &Path| path.metadata().and_then(|held| held.modified()).ok();
    if changed(&theirs) < changed(&ours) {
        fs::copy(ours, theirs)?;
    }
    Ok(())
}

/// Whether a target holds for so long. Only a nightly compiler counts which branches are taken,
/// unless it is told to take this one for nightly.
fn holds(target: &str, minutes: u64) -> io::Result<bool> {
    let place = cargo::target_directory()?.join("fuzz");
    let corpus = begin(target, &place.join("corpus"))?;
    let arguments: [&OsStr; 9] = [
        "fuzz".as_ref(),
        "run".as_ref(),
        // Nothing of ours is unsafe: what the sanitizers look for is not there, and they are slow.
        "--sanitizer=none".as_ref(),
        "--target-dir".as_ref(),
        place.as_os_str(),
        target.as_ref(),
        corpus.as_os_str(),
        "--".as_ref(),
        "-print_final_stats=1".as_ref(),
    ];
    let mut command = cargo(&[]);
    command.args(arguments).current_dir(root().join("fuzz")).env("RUSTC_BOOTSTRAP", "1");
    command.args(["-timeout=10", "-max_len=4096"]);
    command.arg(format!("-max_total_time={}", minutes * 60));
    Ok(command.stdin(Stdio::null()).status()?.success())
}

/// The directory a target begins with and adds to: what was found in runs before, and what is
/// kept in `fuzz/corpus`, a file for each value.
fn begin(target: &str, place: &Path) -> io::Result<PathBuf> {
    let place = place.join(target);
    fs::create_dir_all(&place)?;
    for entry in fs::read_dir(root().join("fuzz/corpus").join(target))? {
        let path = entry?.path();
        let name = path.file_stem().and_then(OsStr::to_str).unwrap_or("kept").to_owned();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            fs::copy(&path, place.join(name))?;
            continue;
        }
        for (number, line) in fs::read_to_string(&path)?.lines().enumerate() {
            let value: String = serde_json::from_str(line)?;
            fs::write(place.join(format!("{name}-{number}")), value)?;
        }
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_come_first_and_targets_after() {
        let check = |words: &[&str], minutes, targets: &[&str]| {
            let targets = targets.iter().map(|&target| target.to_owned()).collect();
            assert_eq!(Options::parse(words), Some(Options { minutes, targets }));
        };
        check(&[], 5, &[]);
        check(&["sql", "url"], 5, &["sql", "url"]);
        check(&["--minutes", "1", "sql"], 1, &["sql"]);
        for wrong in [&["--minutes"][..], &["--minutes", "0"], &["--minutes", "x"], &["sql", "-x"]]
        {
            assert_eq!(Options::parse(wrong), None, "{wrong:?}");
        }
    }
}
