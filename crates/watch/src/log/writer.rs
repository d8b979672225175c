//! The thread that writes, and the buffer before it.
//!
//! Two buffers take turns: callers append to one under a short lock while the
//! thread writes the other. A channel of lines would allocate each line and
//! bound their number instead of their bytes.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use flow::Result;
use flow::signal::{Counter, Registry};
use parking_lot::{Condvar, Mutex};

use crate::codes;

/// The end of the buffer that callers hold.
#[derive(Clone)]
pub(super) struct Writer(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// There is something to write, or nothing more will come.
    filled: Condvar,
    /// Everything is written.
    drained: Condvar,
    bytes_max: usize,
    lost: Arc<Counter>,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// Lines lost since the last one that was said to be.
    lost: u64,
    writing: bool,
    closed: bool,
}

impl Writer {
    /// Starts the thread; `notice` is the line that says how many were lost.
    pub(super) fn start(
        sink: Box<dyn Write + Send>,
        bytes_max: usize,
        registry: &Registry,
        notice: impl Fn(u64) -> String + Send + 'static,
    ) -> Result<Self> {
        let help = "Log lines lost because nobody read them fast enough";
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
            bytes_max,
            lost: registry.counter("stockade_watch_log_lost_lines_total", help, &[]),
        });
        let writing = shared.clone();
        std::thread::Builder::new()
            .name("log".into())
            .spawn(move || writing.run(sink, notice))
            .map_err(|error| {
                codes::LOG_STARTED.error("no thread to write the log").because(error)
            })?;
        Ok(Self(shared))
    }

    /// Hands a line over, or counts it as lost.
    pub(super) fn write(&self, line: &str) {
        let mut state = self.0.state.lock();
        if state.closed || state.waiting.len() + line.len() > self.0.bytes_max {
            state.lost += 1;
            self.0.lost.add(1);
            return;
        }
        state.waiting.extend_from_slice(line.as_bytes());
        if !state.writing {
            self.0.filled.notify_one();
        }
    }

    /// Waits until everything is written.
    pub(super) fn flush(&self, limit: Duration) {
        let mut state = self.0.state.lock();
        let busy = |state: &mut State| state.writing || !state.waiting.is_empty();
        self.0.drained.wait_while_for(&mut state, busy, limit);
    }

    /// Writes what waits and ends the thread. A reader that does not read keeps
    /// the thread, but not the caller.
    pub(super) fn close(&self, limit: Duration) {
        self.0.state.lock().closed = true;
        self.0.filled.notify_one();
        self.flush(limit);
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Writer({} bytes waiting)", self.0.state.lock().waiting.len())
    }
}

impl Shared {
    fn run(&self, mut sink: Box<dyn Write + Send>, notice: impl Fn(u64) -> String) {
        let mut batch = Vec::new();
        while let Some(lost) = self.take(&mut batch) {
            if lost > 0 {
                batch.extend_from_slice(notice(lost).as_bytes());
            }
            // Where would one complain about a log that cannot be written?
            let _ = sink.write_all(&batch).and_then(|()| sink.flush());
            batch.clear();
        }
    }

    /// The next batch, when there is one, and how many lines were lost after it.
    fn take(&self, batch: &mut Vec<u8>) -> Option<u64> {
        let mut state = self.state.lock();
        state.writing = false;
        if state.waiting.is_empty() {
            self.drained.notify_all();
        }
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            self.filled.wait(&mut state);
        }
        state.writing = true;
        std::mem::swap(&mut state.waiting, batch);
        Some(std::mem::take(&mut state.lost))
    }
}
