//! One process at a time.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use flow::Result;

use crate::codes::{CLOSED, LOCKED};

/// Held for as long as the log is open; the system lets go of it when the process ends,
/// however it ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "it is the open file that locks")] File);

impl Lock {
    /// Locks the log in this folder of the machine's disk.
    pub(crate) fn take(folder: &Path) -> Result<Self> {
        let failed = |cause| {
            let sentence = format!("the log in `{}` cannot be locked", folder.display());
            CLOSED.error(sentence).because(cause)
        };
        fs::create_dir_all(folder).map_err(failed)?;
        let file = File::create(folder.join("lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => {
                let sentence = format!("the log in `{}` is open already", folder.display());
                Err(LOCKED.error(sentence))
            }
            Err(TryLockError::Error(cause)) => Err(failed(cause)),
        }
    }
}
