//! Evaluations that take long, aside of what is answered at once.
//!
//! Nearly every evaluation is over in microseconds and is done where it is asked for. One that is
//! not is begun again on a thread where it holds nobody up; there are only as many of these at a
//! time as there are cores, so that a policy that never ends leaves room for those that do.

use std::thread::available_parallelism;
use std::time::Duration;

use flow::Result;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;

use crate::codes::LONG;

/// What takes no longer holds nobody up.
pub(super) const AT_ONCE: Duration = Duration::from_millis(2);

/// Places for evaluations that take long.
#[derive(Debug)]
pub(super) struct Aside {
    places: Semaphore,
}

impl Aside {
    pub(super) fn new() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self { places: Semaphore::new(cores) }
    }

    /// Does what takes long, unless as many others do.
    pub(super) fn work<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let place = self.places.try_acquire();
        let _place = place.map_err(|_| LONG.error("as many as there are cores are under way"))?;
        let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
        match flavor {
            // Others are done by another thread meanwhile.
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
            _ => work(),
        }
    }
}
