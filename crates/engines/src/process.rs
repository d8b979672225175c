//! A server as a process: started so that it dies with us, killed and paused as a whole.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{self, Sender};

use rustix::process::{Pid, Signal, kill_process};

use crate::known;
use crate::wait;

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

/// Who a server runs as; PostgreSQL refuses to run as root.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Process {
    /// Starts `program`; its output goes to `log`.
    pub(crate) fn start(program: &Path, args: &[String], start: Start<'_>) -> io::Result<Self> {
        let log = File::options().create(true).append(true).open(start.log)?;
        let mut command = command_as(start.user, Some(start.dies_by), program);
        command
            .args(args)
            .current_dir(start.directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        let child = spawn(command)?;
        let log = start.log.to_owned();
        Ok(Self { child, log })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An error that quotes the end of the log, when the server has ended.
    pub(crate) fn still_runs(&mut self) -> io::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.ended(status)),
        }
    }

    /// Sends `signal` to the server and waits for its end.
    pub(crate) fn end(&mut self, signal: Signal) -> io::Result<()> {
        if self.child.try_wait()?.is_none() {
            send(self.child.id(), signal)?;
            self.child.wait()?;
        }
        Ok(())
    }

    /// Kills the server and its children, as a power cut would, and waits until all are gone.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        // Stopped first, so that no child is born between counting and killing.
        send(self.child.id(), Signal::STOP)?;
        let children = children(self.child.id());
        self.child.kill()?;
        self.child.wait()?;
        for &pid in &children {
            // It may have noticed by itself that its parent is gone.
            let _gone = send(pid, Signal::KILL);
        }
        wait::until("the children of a killed server are gone", || {
            Ok(children.iter().all(|&pid| is_gone(pid)).then_some(()))
        })
    }

    /// Stops the server and its children where they stand; connections stay open and silent.
    pub(crate) fn pause(&self) -> io::Result<()> {
        send(self.child.id(), Signal::STOP)?;
        for pid in children(self.child.id()) {
            let _gone = send(pid, Signal::STOP);
        }
        Ok(())
    }

    /// Lets a paused server go on.
    pub(crate) fn resume(&self) -> io::Result<()> {
        for pid in children(self.child.id()) {
            let _gone = send(pid, Signal::CONT);
        }
        send(self.child.id(), Signal::CONT)
    }

    fn ended(&self, status: ExitStatus) -> io::Error {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(12)..).unwrap_or_default();
        io::Error::other(format!("ended with {status}:\n{}", tail.join("\n")))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing is left to do when even this fails.
        let _ = self.kill();
    }
}

/// The circumstances of a start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start<'a> {
    pub(crate) user: Option<&'a User>,
    /// The signal sent to the server when this process dies first.
    pub(crate) dies_by: &'static str,
    pub(crate) directory: &'a Path,
    pub(crate) log: &'a Path,
}

/// A command that runs as `user` and is sent `dies_by` when we die, both by way of
/// `setpriv`, which becomes the program itself: the process id stays the same.
pub(crate) fn command_as(user: Option<&User>, dies_by: Option<&str>, program: &Path) -> Command {
    let Some(setpriv) = known::find("setpriv") else {
        let mut command = Command::new(program);
        if let Some(user) = user {
            command.uid(user.uid).gid(user.gid);
        }
        return command;
    };
    let mut command = Command::new(setpriv);
    if let Some(user) = user {
        command.args(["--reuid", &user.name, "--regid", &user.gid.to_string(), "--clear-groups"]);
    }
    if let Some(signal) = dies_by {
        command.args(["--pdeathsig", signal]);
    }
    command.arg(program);
    command
}

/// Spawns from one thread that lives as long as the process: the kernel takes the
/// end of the *thread* that spawned for the death of the parent, and tests come
/// and go on threads.
fn spawn(command: Command) -> io::Result<Child> {
    type Order = (Command, Sender<io::Result<Child>>);
    static SPAWNER: LazyLock<Sender<Order>> = LazyLock::new(|| {
        let (orders, incoming) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in incoming {
                let _ = answer.send(command.spawn());
            }
        });
        orders
    });
    let (answer, outcome) = mpsc::channel();
    SPAWNER.send((command, answer)).map_err(io::Error::other)?;
    outcome.recv().map_err(io::Error::other)?
}

fn send(pid: u32, signal: Signal) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(kill_process(pid, signal)?)
}

/// The direct children of a process. PostgreSQL gives each its own process group,
/// so asking `/proc` is the only way to know them.
fn children(parent: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid| status(pid).is_some_and(|(_, of)| of == parent))
        .collect()
}

fn is_gone(pid: u32) -> bool {
    status(pid).is_none_or(|(state, _)| state == 'Z')
}

/// State and parent from `/proc/PID/stat`; the name before them may hold anything, so
/// it is read from behind.
fn status(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
