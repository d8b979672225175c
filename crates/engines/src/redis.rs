//! A Redis server.

pub(crate) mod cluster;
pub(crate) mod sentinel;

use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::directory;
use crate::known::REDIS;
use crate::process::{Process, Start};
use crate::resp::Connection;
use crate::wait;

/// How often another port is tried when somebody was faster.
const PORTS_MAX: u32 = 8;

/// A Redis server with a directory and a port of its own.
#[derive(Debug)]
pub struct RedisServer {
    program: PathBuf,
    args: Vec<String>,
    port: u16,
    process: Process,
    directory: TempDir,
}

impl RedisServer {
    /// A server that keeps nothing on disk.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// A server with further arguments, such as `["--appendonly", "yes"]`.
    pub fn start_with(args: &[&str]) -> Option<Self> {
        REDIS.find_or_skip()?;
        Some(Self::launch(args).expect("redis-server is installed and starts"))
    }

    /// As [`start_with`](Self::start_with), for programs: absence and failure are errors.
    pub fn launch(args: &[&str]) -> io::Result<Self> {
        Self::launch_laid_out(args, |_| Ok(Vec::new()))
    }

    /// As [`launch`](Self::launch), with files laid out in the directory first; what
    /// that answers goes before all other arguments.
    pub(crate) fn launch_laid_out(
        args: &[&str],
        lay_out: impl Fn(&Path) -> io::Result<Vec<String>>,
    ) -> io::Result<Self> {
        let program = REDIS.find().ok_or(io::ErrorKind::NotFound)?;
        let directory = directory::fresh("redis-")?;
        let mut fixed = lay_out(directory.path())?;
        let quiet = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        fixed.extend(quiet.iter().chain(args).map(|&arg| arg.to_owned()));

        let mut tries = 0;
        loop {
            let port = free_port()?;
            tries += 1;
            match run(&program, &fixed, port, directory.path()) {
                Ok(process) => {
                    return Ok(Self { program, args: fixed, port, process, directory });
                }
                Err(error) if tries < PORTS_MAX && error.to_string().contains("in use") => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where clients connect: `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// The same without the scheme.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port alone.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id, for measuring.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// A connection for a few questions.
    pub fn connect(&self) -> io::Result<Connection> {
        Connection::open(&self.address())
    }

    /// Kills it, as a crash would: nothing is flushed.
    pub fn kill(&mut self) {
        self.process.kill().expect("a child of ours can be killed");
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(&mut self) {
        self.process.end(Signal::TERM).expect("a child of ours can be stopped");
    }

    /// Freezes it: connections stay open, answers stay out.
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
        self.process = run(&self.program, &self.args, self.port, self.directory.path())
            .expect("redis-server starts again");
    }
}

/// Runs the server and waits until it answers.
fn run(program: &Path, args: &[String], port: u16, directory: &Path) -> io::Result<Process> {
    let log = directory.join("log");
    let mut args = args.to_vec();
    args.extend(["--port".to_owned(), port.to_string()]);
    let start = Start { user: None, dies_by: "KILL", directory, log: &log };
    let mut process = Process::start(program, &args, start)?;
    wait::until("redis-server answers", || {
        process.still_runs()?;
        Ok(answers(port, process.pid()).then_some(()))
    })?;
    Ok(process)
}

/// Whether it is *our* server that answers on the port, and has loaded its data.
fn answers(port: u16, pid: u32) -> bool {
    let ask = || -> io::Result<bool> {
        let info = Connection::open(&format!("127.0.0.1:{port}"))?.ask(&["INFO"])?;
        let ours = info.field("process_id") == Some(&pid.to_string());
        Ok(ours && info.field("loading").unwrap_or("0") == "0")
    };
    ask().unwrap_or(false)
}

/// A port free at this moment, and so is the one 10,000 above, where a cluster node
/// talks to its peers.
fn free_port() -> io::Result<u16> {
    wait::until("a free port", || {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let bus = port.checked_add(10_000);
        Ok(bus.and_then(|bus| TcpListener::bind(("127.0.0.1", bus)).ok()).map(|_| port))
    })
}
