//! Blobs in memory: for tests, and for what may be lost.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use flow::{BoxFuture, Clock, Result, Time};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use parking_lot::RwLock;

use super::{Blobs, Download, Head, Key, Upload, missing, part_of};

/// Blobs that are gone with the process. Clones are the same place.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    blobs: Arc<RwLock<BTreeMap<Key, (Bytes, Time)>>>,
    clock: Clock,
}

impl Memory {
    /// An empty place that takes its time from `clock`.
    pub fn new(clock: Clock) -> Self {
        let blobs = Arc::default();
        Self { blobs, clock }
    }

    fn find(&self, key: &Key) -> Option<(Head, Bytes)> {
        let blobs = self.blobs.read();
        let (bytes, modified) = blobs.get(key)?;
        Some((head(key, bytes, *modified), bytes.clone()))
    }
}

fn head(key: &Key, bytes: &Bytes, modified: Time) -> Head {
    Head { key: key.clone(), size: bytes.len() as u64, modified }
}

struct Draft {
    place: Memory,
    key: Key,
    bytes: BytesMut,
}

impl Blobs for Memory {
    fn begin(&self, key: &Key) -> BoxFuture<'_, Result<Box<dyn Upload>>> {
        let draft: Box<dyn Upload> =
            Box::new(Draft { place: self.clone(), key: key.clone(), bytes: BytesMut::new() });
        Box::pin(async { Ok(draft) })
    }

    fn get(&self, key: &Key, range: Option<Range<u64>>) -> BoxFuture<'_, Result<Download>> {
        let found = self.find(key).ok_or_else(|| missing(key));
        Box::pin(async {
            let (head, bytes) = found?;
            let range = part_of(&head, range)?;
            // In bounds: the range was cut to the size.
            let part = bytes.slice(range.start as usize..range.end as usize);
            let body = stream::iter([Ok(part)]).boxed();
            Ok(Download { head, range, body })
        })
    }

    fn head(&self, key: &Key) -> BoxFuture<'_, Result<Option<Head>>> {
        let found = self.find(key).map(|(head, _)| head);
        Box::pin(async { Ok(found) })
    }

    fn delete(&self, key: &Key) -> BoxFuture<'_, Result<bool>> {
        let found = self.blobs.write().remove(key).is_some();
        Box::pin(async move { Ok(found) })
    }

    fn list(&self, prefix: &str) -> BoxStream<'static, Result<Head>> {
        let blobs = self.blobs.read();
        let of_prefix = blobs.iter().filter(|(key, _)| key.as_str().starts_with(prefix));
        let heads = of_prefix.map(|(key, (bytes, modified))| Ok(head(key, bytes, *modified)));
        stream::iter(heads.collect::<Vec<_>>()).boxed()
    }
}

impl Upload for Draft {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        self.bytes.extend_from_slice(&bytes);
        Box::pin(async { Ok(()) })
    }

    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<Head>> {
        Box::pin(async move {
            let bytes = self.bytes.freeze();
            let now = self.place.clock.now();
            let head = head(&self.key, &bytes, now);
            self.place.blobs.write().insert(self.key, (bytes, now));
            Ok(head)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_does_what_blobs_must() {
        super::super::conformance::run(&Memory::default()).await;
    }
}
