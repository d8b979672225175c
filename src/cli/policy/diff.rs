//! `stockade policy diff`: what putting files would change, or what was changed.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use similar::TextDiff;

use super::super::Outcome;
use super::super::client::Client;
use super::super::globals::Globals;
use super::super::output::Output;
use super::loose::{self, Texts};
use super::{BUNDLED_ID, LOOSE};

/// Show what putting files in force would change on a server
///
/// A file is compared with the policy of its name, those in a directory with the policies of
/// their paths below it; tests (…_test.rego) are passed over. With --version, two versions of
/// one policy are compared, or one with what is in force. Exits with 1 if there is a difference.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade policy diff authz.rego
  stockade policy diff policies --all
  stockade policy diff policies --name authz
  stockade policy diff --id authz.rego --version 3
  stockade policy diff --id authz.rego --version 3 --version 5
  stockade policy diff policies --json | jq -r '.changed[].id'")]
pub(in crate::cli) struct Diff {
    /// Files or directories with policies
    #[arg(value_name = "PATH", required_unless_present = "versions")]
    paths: Vec<PathBuf>,
    /// The policy one file is for, or whose versions are compared
    #[arg(long)]
    id: Option<String>,
    /// As if the files were all there is: what only the server has is removed
    #[arg(long)]
    all: bool,
    /// The bundle a directory would be
    #[arg(long, value_name = "NAME", conflicts_with_all = ["id", "all", "versions"])]
    name: Option<String>,
    /// A version of the policy; may be given twice
    #[arg(long = "version", value_name = "NUMBER", requires = "id", conflicts_with = "paths")]
    versions: Vec<u64>,
}

/// What there would be another of.
#[derive(Debug, Default, Serialize)]
struct Changes {
    added: Vec<Change>,
    changed: Vec<Change>,
    removed: Vec<Change>,
    same: usize,
}

#[derive(Debug, Serialize)]
struct Change {
    id: String,
    diff: String,
}

impl Diff {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let files = match (&self.name, self.paths.as_slice()) {
            _ if !self.versions.is_empty() => None,
            (None, paths) => Some(loose::texts(paths, self.id.as_deref())?),
            (Some(name), [path]) if path.is_dir() => Some(loose::bundled(path, name)?),
            (Some(name), _) => {
                return Err(LOOSE.error(format!("the bundle `{name}` is one directory")).into());
            }
        };
        let mut client = Client::connect(globals).await?;
        let changes = match (files, &self.id) {
            (Some(files), _) => {
                let there = loose::in_force(&mut client).await?;
                let whole = |id: &str| match &self.name {
                    Some(name) => id.starts_with(&format!("{BUNDLED_ID}{name}/")),
                    // What came with bundles comes and goes with them.
                    None => self.all && !id.starts_with(BUNDLED_ID),
                };
                Changes::between(&there, &files, whole, ("server", "files"))
            }
            (None, Some(id)) => {
                let (from, to) = match *self.versions.as_slice() {
                    [from] => (from, None),
                    [from, to] => (from, Some(to)),
                    _ => return Err(LOOSE.error("there are more than two versions").into()),
                };
                let before = loose::shown(&mut client, id, Some(from)).await?;
                let after = loose::shown(&mut client, id, to).await?;
                let (before, after) = ([(id.clone(), before)].into(), [(id.clone(), after)].into());
                let (from, to) = (
                    format!("version {from}"),
                    to.map_or_else(|| "in force".to_owned(), |to| format!("version {to}")),
                );
                Changes::between(&before, &after, |_| false, (&from, &to))
            }
            (None, None) => return Err(LOOSE.error("`--version` is of no policy").into()),
        };
        changes.tell(output)
    }
}

impl Changes {
    /// What is another. Of what is not there afterwards, that is removed of which it is said.
    fn between(
        before: &Texts,
        after: &Texts,
        goes: impl Fn(&str) -> bool,
        names: (&str, &str),
    ) -> Self {
        let mut changes = Self::default();
        for (id, text) in after {
            let there = before.get(id);
            if there == Some(text) {
                changes.same += 1;
                continue;
            }
            let diff = unified(id, there.map_or("", String::as_str), text, names);
            let list = if there.is_some() { &mut changes.changed } else { &mut changes.added };
            list.push(Change { id: id.clone(), diff });
        }
        for (id, text) in before.iter().filter(|(id, _)| goes(id) && !after.contains_key(*id)) {
            let diff = unified(id, text, "", names);
            changes.removed.push(Change { id: id.clone(), diff });
        }
        changes
    }

    fn tell(&self, output: &mut Output) -> Outcome {
        let Self { added, changed, removed, same } = self;
        let is_same = added.is_empty() && changed.is_empty() && removed.is_empty();
        if output.json {
            output.document(self)?;
            return Ok(is_same);
        }
        for change in added.iter().chain(changed).chain(removed) {
            for line in change.diff.lines() {
                let line = match line.as_bytes() {
                    [b'+', ..] => output.ink.green(line),
                    [b'-', ..] => output.ink.red(line),
                    _ => line.to_owned(),
                };
                output.line(&line)?;
            }
        }
        let (added, changed, removed) = (added.len(), changed.len(), removed.len());
        output.note(&format!(
            "{added} added, {changed} changed, {removed} removed, {same} the same"
        ))?;
        Ok(is_same)
    }
}

fn unified(id: &str, before: &str, after: &str, (from, to): (&str, &str)) -> String {
    let diff = TextDiff::from_lines(before, after);
    let (from, to) = (format!("{id} ({from})"), format!("{id} ({to})"));
    diff.unified_diff().context_radius(3).header(&from, &to).to_string()
}
