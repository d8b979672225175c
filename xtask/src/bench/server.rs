//! A server under measurement: started, found, weighed, ended.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::bench::load;
use crate::clock;

/// Longer than any start that is worth measuring.
const PATIENCE: Duration = Duration::from_secs(30);

/// Linux counts processor time for `/proc` in hundredths of a second on every machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running server; dropping it kills it.
pub(crate) struct Server {
    child: Child,
    address: String,
    /// From the start of the process to its first good answer.
    pub(crate) started_in: Duration,
}

impl Server {
    /// Starts `program` and asks for `path` at every loopback address it prints until
    /// one answers.
    pub(crate) fn start(program: &Path, args: &[&str], path: &str) -> io::Result<Self> {
        Self::start_with(program, args, &[], path)
    }

    /// The same, with these variables set.
    pub(crate) fn start_with(
        program: &Path,
        args: &[&str],
        variables: &[(&str, &str)],
        path: &str,
    ) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(args).envs(variables.iter().copied());
        Self::spawn(command, Vec::new(), path)
    }

    /// Starts a program that was told where to listen and does not say so again.
    pub(crate) fn start_at(
        program: &Path,
        args: &[&str],
        address: &str,
        path: &str,
    ) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(args);
        Self::spawn(command, vec![address.to_owned()], path)
    }

    fn spawn(mut command: Command, mut tried: Vec<String>, path: &str) -> io::Result<Self> {
        let start = clock::now();
        let name = command.get_program().display().to_string();
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (found, addresses) = mpsc::channel();
        watch(child.stdout.take(), found.clone());
        watch(child.stderr.take(), found);
        while start.elapsed() < PATIENCE {
            tried.extend(addresses.try_iter());
            if let Some(address) = tried.iter().find(|address| load::answers(address, path)) {
                let address = address.clone();
                return Ok(Self { child, address, started_in: start.elapsed() });
            }
            if let Some(status) = child.try_wait()? {
                return Err(io::Error::other(format!("{name} ended with {status}")));
            }
            clock::pause(Duration::from_millis(1));
        }
        child.kill()?;
        Err(io::Error::new(io::ErrorKind::TimedOut, format!("{name} does not answer")))
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Processor time used so far, in seconds, its own and the kernel's on its behalf.
    pub(crate) fn cpu_seconds(&self) -> io::Result<f64> {
        cpu_seconds_of(self.pid())
    }

    /// Memory held at this moment, in MiB.
    pub(crate) fn resident_mib(&self) -> io::Result<f64> {
        resident_mib_of(self.pid())
    }
}

/// Processor time a process used so far, in seconds, its own and the kernel's on its behalf.
pub(crate) fn cpu_seconds_of(pid: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    ticks(&stat).map(|ticks| ticks / TICKS_PER_SECOND).ok_or(io::ErrorKind::InvalidData.into())
}

/// Memory a process holds at this moment, in MiB.
pub(crate) fn resident_mib_of(pid: u32) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kib.map(|kib| kib / 1024.0).ok_or(io::ErrorKind::InvalidData.into())
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads what a server prints to its end, so that it never blocks, and passes on
/// every loopback address in it.
fn watch(output: Option<impl Read + Send + 'static>, found: mpsc::Sender<String>) {
    let Some(output) = output else { return };
    thread::spawn(move || {
        let mut wanted = true;
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Once an address has answered, nobody listens and the rest is only read away.
            wanted = wanted && addresses(&line).all(|address| found.send(address).is_ok());
        }
    });
}

fn addresses(line: &str) -> impl Iterator<Item = String> {
    line.split("127.0.0.1:").skip(1).filter_map(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let port: u16 = digits.parse().ok()?;
        (port != 0).then(|| format!("127.0.0.1:{port}"))
    })
}

/// User and system time from `/proc/PID/stat`: fields 14 and 15. The name before them
/// may hold anything, so it is cut off first, and with it two fields.
fn ticks(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_any_kind_of_line() {
        let line =
            r#"{"http":"http://127.0.0.1:4100/","resp":"127.0.0.1:4200","s3":"127.0.0.1:0"}"#;
        assert_eq!(addresses(line).collect::<Vec<_>>(), ["127.0.0.1:4100", "127.0.0.1:4200"]);
    }

    #[test]
    fn time_is_read_behind_a_name_that_looks_like_fields() {
        let stat = "7 (a) 1 (b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0";
        assert_eq!(ticks(stat), Some(300.0));
    }
}
