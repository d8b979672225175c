//! A PostgreSQL server.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::directory;
use crate::known::{self, POSTGRES};
use crate::process::{self, Process, Start, User};
use crate::shared::Postgres;
use crate::wait;

/// How often another port is tried when somebody was faster.
const PORTS_MAX: u32 = 8;

/// Tests lose nothing when the power fails, so by default nothing is synced; a
/// benchmark that compares durable writes turns this on again. The rest keeps a
/// server small and off the file system outside its directory.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("max_connections", "300"),
    ("shared_buffers", "32MB"),
    ("fsync", "off"),
    ("full_page_writes", "off"),
];

/// A PostgreSQL server with a directory and a port of its own.
#[derive(Debug)]
pub struct PostgresServer {
    binaries: PathBuf,
    user: Option<User>,
    settings: Vec<(String, String)>,
    port: u16,
    process: Process,
    directory: TempDir,
}

impl PostgresServer {
    /// A server that syncs nothing.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// A server with settings such as `[("fsync", "on")]`.
    pub fn start_with(settings: &[(&str, &str)]) -> Option<Self> {
        POSTGRES.find_or_skip()?;
        Some(Self::launch(settings).expect("postgresql is installed and starts"))
    }

    /// As [`start_with`](Self::start_with), for programs: absence and failure are errors.
    pub fn launch(settings: &[(&str, &str)]) -> io::Result<Self> {
        let initdb = fs::canonicalize(POSTGRES.find().ok_or(io::ErrorKind::NotFound)?)?;
        let binaries = initdb.parent().ok_or(io::ErrorKind::NotFound)?.to_owned();
        let user = unprivileged()?;
        let directory = directory::fresh("postgres-")?;
        initialize(&binaries, user.as_ref(), directory.path())?;
        let settings: Vec<_> = SETTINGS
            .iter()
            .chain(settings)
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();

        let mut tries = 0;
        loop {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            tries += 1;
            match run(&binaries, user.as_ref(), &settings, port, directory.path()) {
                Ok(process) => {
                    return Ok(Self { binaries, user, settings, port, process, directory });
                }
                Err(error) if tries < PORTS_MAX && error.to_string().contains("in use") => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where clients connect: the database `postgres`, as its owner, without a password.
    pub fn url(&self) -> String {
        url(self.port)
    }

    /// `host:port`, for proxies in between.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The process id, for measuring.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// A fresh database on this server.
    pub fn database(&self) -> Postgres {
        Postgres::create(&self.url()).expect("a running server creates databases")
    }

    /// Kills it and its backends, as a crash would: nothing is flushed.
    pub fn kill(&mut self) {
        self.process.kill().expect("a child of ours can be killed");
    }

    /// Asks it to stop without waiting for its clients, and waits until it has.
    pub fn stop(&mut self) {
        self.process.end(Signal::INT).expect("a child of ours can be stopped");
    }

    /// Freezes it and its backends: connections stay open, answers stay out.
    pub fn pause(&self) {
        self.process.pause().expect("a child of ours can be paused");
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.process.resume().expect("a child of ours can be resumed");
    }

    /// Runs it again on the same port and directory; kills it first if it still runs.
    pub fn restart(&mut self) {
        self.kill();
        let (user, directory) = (self.user.as_ref(), self.directory.path());
        self.process = run(&self.binaries, user, &self.settings, self.port, directory)
            .expect("postgresql starts again");
    }
}

/// Runs SQL through `psql` and answers its rows, columns apart by `|`.
pub(crate) fn psql(url: &str, sql: &str) -> io::Result<String> {
    let psql = known::find("psql").ok_or_else(|| {
        io::Error::new(io::ErrorKind::NotFound, "no psql; install the package `postgresql-client`")
    })?;
    let output = Command::new(psql)
        .args(["--no-psqlrc", "-qtA", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql])
        .env("PGCONNECT_TIMEOUT", "5")
        .current_dir("/")
        .stdin(Stdio::null())
        .output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}

fn initialize(binaries: &Path, user: Option<&User>, directory: &Path) -> io::Result<()> {
    if let Some(user) = user {
        chown(directory, Some(user.uid), Some(user.gid))?;
    }
    let output = process::command_as(user, None, &binaries.join("initdb"))
        .args(["--no-sync", "--auth", "trust", "--username", "postgres"])
        .args(["--encoding", "UTF8", "--locale", "C", "--pgdata"])
        .arg(data(directory))
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(io::Error::other(format!("initdb ended with {}:\n{said}", output.status)))
        }
    }
}

/// Runs the server and waits until it answers.
fn run(
    binaries: &Path,
    user: Option<&User>,
    settings: &[(String, String)],
    port: u16,
    directory: &Path,
) -> io::Result<Process> {
    let mut args = vec!["-D".to_owned(), data(directory).display().to_string()];
    args.extend(["-p".to_owned(), port.to_string()]);
    for (name, value) in settings {
        args.extend(["-c".to_owned(), format!("{name}={value}")]);
    }
    let log = directory.join("log");
    // SIGQUIT ends the backends too, at once; SIGKILL would leave that to them.
    let start = Start { user, dies_by: "QUIT", directory, log: &log };
    let mut process = Process::start(&binaries.join("postgres"), &args, start)?;
    let pid_file = data(directory).join("postmaster.pid");
    wait::until("postgresql answers", || {
        process.still_runs()?;
        // The pid file says when asking is worth it, and that it is *our* server that would answer.
        if !is_ready(&pid_file, process.pid()) {
            return Ok(None);
        }
        Ok(psql(&url(port), "SELECT 1").is_ok().then_some(()))
    })?;
    Ok(process)
}

/// The first line is the process id, the eighth the state.
fn is_ready(pid_file: &Path, pid: u32) -> bool {
    let Ok(text) = fs::read_to_string(pid_file) else {
        return false;
    };
    let mut lines = text.lines().map(str::trim);
    lines.next() == Some(&pid.to_string()) && lines.nth(6) == Some("ready")
}

fn data(directory: &Path) -> PathBuf {
    directory.join("data")
}

fn url(port: u16) -> String {
    format!("postgresql://postgres@127.0.0.1:{port}/postgres")
}

/// Who the server runs as when we are root, as which it refuses to run.
fn unprivileged() -> io::Result<Option<User>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd")?;
    let user = ["postgres", "nobody"].iter().find_map(|name| user(&passwd, name));
    user.map(Some).ok_or_else(|| io::Error::other("neither a user `postgres` nor `nobody`"))
}

fn user(passwd: &str, name: &str) -> Option<User> {
    let line = passwd.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let mut fields = line.split(':').skip(1);
    let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(User { name: name.to_owned(), uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_read_from_the_password_file() {
        let passwd = "root:x:0:0::/root:/bin/sh\npostgres2:x:9:9::/:\npostgres:x:101:104::/:\n";
        let found = user(passwd, "postgres").unwrap();
        assert_eq!((found.uid, found.gid), (101, 104));
        assert!(user(passwd, "nobody").is_none());
    }
}
