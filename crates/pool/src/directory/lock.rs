//! One server at a time.

use std::fs;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use flow::{Clock, Error, Result};
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::LOCKED;
use crate::file::codes;

/// How often a successor tries.
const PAUSE: Duration = Duration::from_millis(20);

/// A lock that the kernel lets go of when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "it is the open file that locks")] fs::File);

impl Lock {
    pub(super) fn take(directory: &Path) -> Result<Self> {
        match Self::attempt(directory)? {
            Attempt::Taken(lock) => Ok(lock),
            Attempt::Held(by) => Err(held(directory, &by)),
        }
    }

    pub(super) async fn wait(directory: &Path, clock: &Clock, limit: Duration) -> Result<Self> {
        let since = clock.moment();
        loop {
            match Self::attempt(directory)? {
                Attempt::Taken(lock) => return Ok(lock),
                Attempt::Held(by) if clock.moment().since(since) >= limit => {
                    return Err(held(directory, &by));
                }
                Attempt::Held(_) => clock.sleep(PAUSE).await,
            }
        }
    }

    fn attempt(directory: &Path) -> Result<Attempt> {
        let path = directory.join("lock");
        let failed = |source: std::io::Error| codes::error("lock", &path, source);
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(failed)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut by = String::new();
                file.read_to_string(&mut by).ok();
                return Ok(Attempt::Held(by.trim().to_owned()));
            }
            Err(errno) => return Err(failed(errno.into())),
        }
        let sign = |file: &mut fs::File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        match sign(&mut file) {
            // The number only helps people; a full disk is no reason not to start.
            Err(source) if codes::code_of(&source) != &codes::FULL => Err(failed(source)),
            _ => Ok(Attempt::Taken(Self(file))),
        }
    }
}

enum Attempt {
    Taken(Lock),
    Held(String),
}

fn held(directory: &Path, by: &str) -> Error {
    let path = directory.display();
    match by.parse::<u32>() {
        Ok(pid) => LOCKED.error(format!("the server with process id {pid} uses `{path}`")),
        Err(_) => LOCKED.error(format!("another process uses `{path}`")),
    }
}
