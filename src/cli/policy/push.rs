//! `stockade policy push`: a bundle, or policies one by one, put in force on a server.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::super::Outcome;
use super::super::client::{Client, encoded, read};
use super::super::globals::Globals;
use super::super::input::whole_of;
use super::super::output::Output;
use super::build::{Packing, counted};
use super::{BUILT, LOOSE, loose};

/// Put a bundle in force on the server, in the place of the one with its name, or policies
///
/// With --name it is a bundle: read, compiled and tested first, and in force at once; what was in
/// force stays if anything is wrong. Without, policies are put one by one, each in the place of
/// the one with its id: the name of a file, or its path below the directory; tests (…_test.rego)
/// are passed over. The first that is refused ends it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade policy push authz.tar.gz --name authz
  stockade policy push policies --name authz --root authz --dry-run
  stockade policy push authz.tar.gz --name authz --server https://here:7400
  stockade policy push authz.rego
  stockade policy push policies --dry-run
  stockade policy push new.rego --id authz.rego")]
pub(in crate::cli) struct Push {
    /// A bundle, or a directory one is made of; without --name, files with policies
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// By what the bundle is called there
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The policy one file is for
    #[arg(long, conflicts_with = "name")]
    id: Option<String>,
    /// Only say whether it could be put in force
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    packing: Packing,
}

impl Push {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        match (&self.name, self.paths.as_slice()) {
            (Some(name), [path]) => self.bundle(name, path, globals, output).await,
            (Some(name), _) => {
                Err(LOOSE.error(format!("the bundle `{name}` is one archive or directory")).into())
            }
            (None, _) if !self.packing.is_blank() => {
                let story = "a bundle has a name, and policies have no revision, root or key";
                Err(BUILT.error(story).with_advice("give the bundle a `--name`").into())
            }
            (None, paths) => self.loose(paths, globals, output).await,
        }
    }

    /// Policies one by one.
    async fn loose(&self, paths: &[PathBuf], globals: &Globals, output: &mut Output) -> Outcome {
        let texts = loose::texts(paths, self.id.as_deref())?;
        let mut client = Client::connect(globals).await?;
        let dry_run = if self.dry_run { "?dry_run=true" } else { "" };
        let mut done = Vec::new();
        for (id, text) in texts {
            let path = format!("/v1/policies/{}{dry_run}", encoded(&id));
            let ask = loose::question(&client, "PUT", &path)?;
            client.send(ask.header("content-type", "text/plain")?.body(text)).await?;
            output.note(&match self.dry_run {
                true => format!("`{id}` could be put in force"),
                false => format!("`{id}` is in force"),
            })?;
            done.push(id);
        }
        if output.json {
            output.document(&json!({ "policies": done, "dry_run": self.dry_run }))?;
        }
        Ok(true)
    }

    async fn bundle(
        &self,
        name: &str,
        path: &Path,
        globals: &Globals,
        output: &mut Output,
    ) -> Outcome {
        let archive = match path.is_dir() {
            true => self.packing.pack(path)?,
            false if self.packing.is_blank() => whole_of(path)?,
            false => {
                let story = format!("`{}` is a bundle already", path.display());
                return Err(BUILT.error(story).into());
            }
        };
        let mut client = Client::connect(globals).await?;
        let dry_run = if self.dry_run { "?dry_run=true" } else { "" };
        let path = format!("/v1/bundles/{}{dry_run}", encoded(name));
        let ask = client.question("PUT", &path)?.header("content-type", "application/gzip")?;
        let document: Value = read(&client.send(ask.body(archive)).await?)?;
        for warning in document.get("warnings").and_then(Value::as_array).into_iter().flatten() {
            output.note(warning.as_str().unwrap_or_default())?;
        }
        output.done(&self.said(name, &document), &document)
    }

    fn said(&self, name: &str, document: &Value) -> String {
        let said = |name: &str| document.get(name).unwrap_or(&Value::Null);
        let count = |name: &str| said(name).as_u64().unwrap_or_default() as usize;
        let policies = counted(count("policies"), "policy", "policies");
        let tests = counted(count("tests"), "test", "tests");
        match (self.dry_run, *said("changed") == Value::Bool(true)) {
            (true, _) => format!("`{name}` could be put in force: {policies}, {tests}"),
            (false, true) => format!("`{name}` is in force: {policies}, {tests}"),
            (false, false) => format!("`{name}` was in force already"),
        }
    }
}
