//! What happens beside the commits: checkpoints, and an index that does not grow in memory.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use flow::Result;
use parking_lot::{Condvar, Mutex};

use super::Shared;
use super::commit::Committer;
use super::open::Tip;
use super::verify::{Checking, verify};
use crate::codes::{CLOSED, DAMAGED};
use crate::proof::Checkpoint;

/// A checkpoint is signed so often while there are appends.
const EVERY: Duration = Duration::from_secs(1);

/// Ends with this: the commits, and then the keeping.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    stop: Arc<Stop>,
    commits: Option<JoinHandle<()>>,
    keeps: Option<JoinHandle<()>>,
    checks: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Keeper {
    pub(crate) fn start(shared: Arc<Shared>, tip: Tip) -> Result<Self> {
        let stop = Arc::<Stop>::default();
        let committer = Committer::new(shared.clone(), tip);
        let commits = spawn("ledger-commit", move || committer.run())?;
        let (own, until) = (shared.clone(), stop.clone());
        let keeps = spawn("ledger-keep", move || run(&own, &until))?;
        let (own, until) = (shared.clone(), stop.clone());
        let checks = match shared.options.check {
            true => Some(spawn("ledger-check", move || check(&own, &until))?),
            false => None,
        };
        Ok(Self { shared, stop, commits: Some(commits), keeps: Some(keeps), checks })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.queue.close();
        join(&mut self.commits);
        *self.stop.stopped.lock() = true;
        self.stop.changed.notify_all();
        join(&mut self.keeps);
        join(&mut self.checks);
    }
}

fn join(thread: &mut Option<JoinHandle<()>>) {
    if let Some(thread) = thread.take() {
        let _ = thread.join();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let spawned = thread::Builder::new().name(name.into()).spawn(work);
    spawned.map_err(|cause| CLOSED.error("the system gives no thread").because(cause))
}

fn run(shared: &Shared, stop: &Stop) {
    let mut failing = false;
    loop {
        let mut stopped = stop.stopped.lock();
        if !*stopped {
            stop.changed.wait_for(&mut stopped, EVERY);
        }
        let last = *stopped;
        drop(stopped);
        // What is derived can be derived again: whoever appends is not told.
        let kept = tidy(shared).and_then(|()| checkpoint(shared));
        match &kept {
            Err(error) if !failing => {
                tracing::warn!(error = %error.story(), "no checkpoint was written");
            }
            _ => {}
        }
        failing = kept.is_err();
        if last {
            return;
        }
    }
}

/// Looks at all that was there when the log was opened.
fn check(shared: &Shared, stop: &Stop) {
    let options = &shared.options;
    let told = |_| !*stop.stopped.lock();
    let checking = Checking { threads: 1, told: &told, ..Checking::default() };
    match verify(&options.files, &options.folder, checking) {
        Ok(report) => {
            for damage in &report.damages {
                tracing::error!(%damage, "the log is damaged and takes no more events");
            }
            if let Some(damage) = report.damages.first() {
                shared.queue.refuse(&DAMAGED.error(damage.to_string()));
            }
        }
        Err(error) if *stop.stopped.lock() => drop(error),
        Err(error) => tracing::warn!(error = %error.story(), "the log could not be checked"),
    }
}

/// Takes what the index has in memory to the disk, and merges what is there.
fn tidy(shared: &Shared) -> Result<()> {
    while let Some(due) = shared.index.due() {
        shared.index.tidy(due)?;
    }
    Ok(())
}

/// Makes what is derived lasting, and signs it.
pub(crate) fn checkpoint(shared: &Shared) -> Result<()> {
    let size = shared.seen();
    if size == shared.seal.newest().size {
        return Ok(());
    }
    shared.tree.sync()?;
    shared.offsets.sync()?;
    shared.mark.sync()?;
    let checkpoint = Checkpoint {
        origin: shared.seal.signer().name().to_owned(),
        size,
        root: shared.tree.root(size)?,
        time: shared.options.clock.now(),
    };
    shared.seal.sign(checkpoint)
}
