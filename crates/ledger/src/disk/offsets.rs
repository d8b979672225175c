//! Where each record begins in its segment: four bytes an event, in one file.
//!
//! Derived: made anew from the segments where it is missing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::Result;
use memory::Cache;
use pool::file::{File, Files, Open};

use super::damage;

const WIDTH: u64 = 4;
/// Offsets read and remembered at once.
const BLOCK: u64 = 64;
/// Blocks remembered: of a million events, in some six megabytes.
const BLOCKS: u64 = 16_384;

type Block = Arc<[u32]>;

pub(crate) struct Offsets {
    path: PathBuf,
    file: Arc<dyn File>,
    /// Those of blocks that are full.
    blocks: Cache<u64, Block>,
}

impl Offsets {
    pub(crate) fn open(files: &dyn Files, folder: &Path) -> Result<Self> {
        let path = folder.join("offsets");
        let file = files.open(&path, Open::Create)?;
        Ok(Self { path, file, blocks: Cache::builder().capacity(BLOCKS).build() })
    }

    /// How many there are; what was not synced may be wrong.
    pub(crate) fn len(&self) -> Result<u64> {
        Ok(self.file.size()? / WIDTH)
    }

    /// Writes those of the events behind the first `count`.
    pub(crate) fn write(&self, count: u64, offsets: &[u32]) -> Result<()> {
        let bytes: Vec<u8> = offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect();
        self.file.write_at(&bytes, count * WIDTH)
    }

    /// Of the event at a position, one of the first `seen`.
    pub(crate) fn at(&self, position: u64, seen: u64) -> Result<u32> {
        let (block, place) = ((position - 1) / BLOCK, (position - 1) % BLOCK);
        let known = self.blocks.get_with(&block, |block| block.get(place as usize).copied());
        if let Some(Some(offset)) = known {
            return Ok(offset);
        }
        let missing = || {
            let what = format!("there is none for event {position}");
            damage(&self.path, (position - 1) * WIDTH, &what)
        };
        let mut bytes = [0; (BLOCK * WIDTH) as usize];
        let read = self.file.read_at(&mut bytes, block * BLOCK * WIDTH)?;
        let (words, _) = bytes.get(..read).unwrap_or_default().as_chunks::<4>();
        let offsets: Block = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let offset = offsets.get(place as usize).copied().ok_or_else(missing)?;
        if (block + 1) * BLOCK <= seen {
            self.blocks.insert(block, offsets);
        }
        Ok(offset)
    }

    pub(crate) fn sync(&self) -> Result<()> {
        self.file.sync()
    }
}
