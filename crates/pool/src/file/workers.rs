//! The threads that wait for the disk, so that nobody else does.

use std::sync::Arc;

use flow::Result;
use tokio::sync::Semaphore;

use super::codes;

/// Runs blocking work off the async threads, so many at a time; the rest wait in
/// the order they came.
#[derive(Debug, Clone)]
pub struct Workers(Arc<Semaphore>);

impl Workers {
    /// At most this many at once, and at least one.
    pub fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(limit)))
    }

    /// Does `work` and waits for it. Work that has begun is finished even if the
    /// caller goes away.
    ///
    /// # Panics
    /// When `work` does.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        // Nobody closes the semaphore: without a permit there is no waiting either.
        let permit = self.0.clone().acquire_owned().await.ok();
        let work = move || {
            let _permit = permit;
            work()
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result,
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(stopped) => Err(codes::OTHER
                    .error("the work was given up because the process stops")
                    .because(stopped)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;

    #[tokio::test]
    async fn no_more_work_at_once_than_allowed() {
        let workers = Workers::new(2);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let jobs = (0..20).map(|_| {
            let (now, most) = (now.clone(), most.clone());
            workers.run(move || {
                most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                std::thread::yield_now();
                now.fetch_sub(1, SeqCst);
                Ok(())
            })
        });
        futures_util::future::join_all(jobs).await;
        assert!((1..=2).contains(&most.load(SeqCst)));
    }
}
