//! Up to where appends were acknowledged.
//!
//! Written after every commit and synced with checkpoints: after a killed process it is
//! exact, after a power cut it may be a moment old, and it is never ahead.

use std::path::Path;
use std::sync::Arc;

use flow::Result;
use pool::file::{File, Files, Open};

#[derive(Debug)]
pub(crate) struct Mark {
    file: Arc<dyn File>,
}

impl Mark {
    pub(crate) fn open(files: &dyn Files, folder: &Path) -> Result<Self> {
        Ok(Self { file: files.open(&folder.join("mark"), Open::Create)? })
    }

    /// How many events were acknowledged at least.
    pub(crate) fn read(&self) -> Result<u64> {
        let mut bytes = [0; 12];
        let read = self.file.read_at(&mut bytes, 0)?;
        let count = u64::from_le_bytes(*bytes.first_chunk().unwrap_or(&[0; 8]));
        // Half of a mark says nothing, and neither does a changed one: the checkpoint
        // is the next best.
        let whole = read == bytes.len() && bytes == written(count);
        Ok(if whole { count } else { 0 })
    }

    /// So many are.
    pub(crate) fn write(&self, count: u64) -> Result<()> {
        self.file.write_at(&written(count), 0)
    }

    pub(crate) fn sync(&self) -> Result<()> {
        self.file.sync()
    }
}

fn written(count: u64) -> [u8; 12] {
    let [a, b, c, d, e, f, g, h] = count.to_le_bytes();
    let [i, j, k, l] = crc32c::crc32c(&count.to_le_bytes()).to_le_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l]
}
