//! A blob being written to a file.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use flow::{BoxFuture, Result};

use super::header::Header;
use super::{Local, about};
use crate::blob::{Head, Upload};
use crate::file::File;

/// Gathers what is written until it is worth a trip to a worker.
pub(super) struct Draft {
    local: Local,
    path: PathBuf,
    file: Arc<dyn File>,
    header: Header,
    /// Where the gathered bytes go.
    at: u64,
    gathered: BytesMut,
}

impl Draft {
    pub(super) fn new(local: Local, path: PathBuf, file: Arc<dyn File>, header: Header) -> Self {
        let at = header.size();
        Self { local, path, file, header, at, gathered: BytesMut::new() }
    }

    async fn flush(&mut self) -> Result<()> {
        let (file, bytes, at) = (self.file.clone(), self.gathered.split().freeze(), self.at);
        if bytes.is_empty() {
            return Ok(());
        }
        self.at += bytes.len() as u64;
        let written = self.local.run(move |_| file.write_at(&bytes, at)).await;
        written.map_err(about(&self.header.key))
    }
}

impl Upload for Draft {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let chunk = self.local.0.chunk;
            for part in bytes.chunks(chunk) {
                self.gathered.extend_from_slice(part);
                if self.gathered.len() >= chunk {
                    self.flush().await?;
                }
            }
            Ok(())
        })
    }

    fn commit(mut self: Box<Self>) -> BoxFuture<'static, Result<Head>> {
        Box::pin(async move {
            self.flush().await?;
            let (file, path) = (self.file.clone(), self.path.clone());
            let header = Header { key: self.header.key.clone(), ..self.header };
            let committed = self.local.run(move |inner| inner.commit(&path, &*file, header)).await;
            committed.map_err(about(&self.header.key))
        })
    }
}

impl Drop for Draft {
    /// After a commit there is nothing of that name any more. Otherwise this takes
    /// one call on the caller's thread; whatever it misses is swept at the next start.
    fn drop(&mut self) {
        self.local.0.files.remove(&self.path).ok();
    }
}
