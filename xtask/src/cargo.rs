//! Cargo, and what it knows about this workspace.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// A cargo command in the root of the workspace, asking nothing of the terminal.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(root()).stdin(Stdio::null());
    command
}

/// Whether cargo has the subcommand.
pub(crate) fn has(subcommand: &str) -> bool {
    let mut command = cargo(&[subcommand, "--version"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// What cargo knows about the workspace, without its dependencies.
pub(crate) fn metadata() -> io::Result<Value> {
    let output =
        cargo(&["metadata", "--no-deps", "--offline", "--format-version", "1"]).output()?;
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout)?),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> io::Result<PathBuf> {
    let metadata = metadata()?;
    let directory = metadata.get("target_directory").and_then(|directory| directory.as_str());
    directory.map(PathBuf::from).ok_or(io::ErrorKind::NotFound.into())
}
