//! One temporary directory per process, removed when the process is gone, however it went.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use tempfile::TempDir;

/// A fresh directory for one server.
///
/// Others may pass through it, because a server that runs as another user must
/// reach its own data; what lies within is that server's to protect.
pub(crate) fn fresh(name: &str) -> io::Result<TempDir> {
    let root = ROOT.as_ref().map_err(|error| io::Error::other(error.to_string()))?;
    let directory = tempfile::Builder::new().prefix(name).tempdir_in(root)?;
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755))?;
    Ok(directory)
}

static ROOT: LazyLock<io::Result<PathBuf>> = LazyLock::new(root);

/// Statics are never dropped and a killed process drops nothing, so a small shell
/// stays behind: it holds the far end of a pipe whose near end dies with this
/// process, and then sweeps. Servers are dying at the same moment and may still
/// write, hence the repetition.
fn root() -> io::Result<PathBuf> {
    const SWEEP: &str = r#"read -r _
        for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" 2>/dev/null && exit; sleep 0.1; done"#;

    let root = tempfile::Builder::new().prefix("stockade-engines-").tempdir()?.keep();
    fs::set_permissions(&root, Permissions::from_mode(0o755))?;
    let mut sweeper = Command::new("sh")
        .args(["-c", SWEEP, "sweeper"])
        .arg(&root)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Its own group: what interrupts the tests must not interrupt the sweeping.
        .process_group(0)
        .spawn()?;
    // The pipe lives, unread and unwritten, as long as this process.
    std::mem::forget(sweeper.stdin.take());
    Ok(root)
}
