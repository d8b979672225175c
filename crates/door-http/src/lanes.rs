//! Threads that serve connections.
//!
//! A connection stays on the thread it was given to, with all that is done for it: nothing is
//! handed from one core to another, and nobody is woken to look whether there is something to
//! take over. What takes long still holds up nobody else there, if it says so.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::runtime::{Builder, Runtime};

/// Threads, and how many connections each has.
#[derive(Debug)]
pub(crate) struct Lanes(Vec<Lane>);

#[derive(Debug)]
struct Lane {
    /// Until the end.
    runtime: Option<Runtime>,
    open: Arc<AtomicUsize>,
}

/// A place on a thread.
struct Seated(Arc<AtomicUsize>);

impl Drop for Seated {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Lanes {
    /// As many threads; with none, connections are served where they are taken.
    pub(crate) fn open(count: usize) -> io::Result<Self> {
        let lane = |number| {
            let mut builder = Builder::new_multi_thread();
            // One that works, and others for what is said to take long.
            builder.worker_threads(1).enable_all().thread_name(format!("http-{number}"));
            Ok(Lane { runtime: Some(builder.build()?), open: Arc::default() })
        };
        (0..count).map(lane).collect::<io::Result<_>>().map(Self)
    }

    /// Serves a connection on the thread that has the fewest.
    pub(crate) fn spawn<F>(&self, serve: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let lane = self.0.iter().min_by_key(|lane| lane.open.load(Relaxed));
        let Some((lane, runtime)) = lane.and_then(|lane| Some((lane, lane.runtime.as_ref()?)))
        else {
            drop(tokio::spawn(serve));
            return;
        };
        lane.open.fetch_add(1, Relaxed);
        let seated = Seated(lane.open.clone());
        drop(runtime.spawn(async move {
            let _seated = seated;
            serve.await;
        }));
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Nobody is served any more; what is left of them needs no waiting for.
            runtime.shutdown_background();
        }
    }
}
