//! Putting, getting, removing, sweeping.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use flow::question::object::Head;
use flow::{Body, Clock, Fact, Kind, Random, Result};
use futures_util::StreamExt;
use pool::blob::{Blobs, Key};
use pool::sql::Sql;

use crate::catalog::{Catalog, Listed};
use crate::codes::GONE;
use crate::name::Name;

/// Objects: bytes in blobs, names in a catalog.
pub struct Store {
    catalog: Catalog,
    blobs: Arc<dyn Blobs>,
    clock: Clock,
    random: Random,
}

/// A blob nothing refers to is left alone for so long: its put may be under way.
const ORPHAN_AGE: Duration = Duration::from_hours(24);

impl Store {
    /// The store with its catalog in `sql` and its bytes in `blobs`.
    pub async fn open(
        sql: Arc<dyn Sql>,
        blobs: Arc<dyn Blobs>,
        clock: Clock,
        random: Random,
    ) -> Result<Self> {
        let catalog = Catalog::open(sql, &clock).await?;
        Ok(Self { catalog, blobs, clock, random })
    }

    /// Puts an object. When it answers, bytes, name and fact are lasting; when
    /// the body fails, there is nothing of it.
    pub async fn put(
        &self,
        name: Name<'_>,
        media_type: &str,
        mut body: Body,
        fact: Option<Fact>,
    ) -> Result<Head> {
        let at = self.clock.now();
        let blob = self.random.id(at).to_string();
        let mut upload = self.blobs.begin(&Key::new(&blob)?).await?;
        let mut digest = Context::new(&SHA256);
        while let Some(piece) = body.next().await {
            let piece = piece?;
            digest.update(&piece);
            upload.write(piece).await?;
        }
        upload.commit().await?;
        let digest = digest.finish();
        let digest = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let head = Head { size: body.passed(), digest, media_type: media_type.to_owned(), at };
        let fact = fact.map(|mut fact| {
            fact.detail = serde_json::json!({ "size": head.size, "digest": head.digest }).into();
            fact
        });
        let listed = Listed { head, blob };
        let replaced = self.catalog.put(name, &listed, fact).await?;
        self.forget(replaced).await;
        Ok(listed.head)
    }

    /// An object, and its bytes as they are read.
    pub async fn get(&self, name: Name<'_>) -> Result<Option<(Head, Body)>> {
        // Once more when it was replaced between catalog and blob.
        for _ in 0..3 {
            let Some(listed) = self.catalog.find(name).await? else { return Ok(None) };
            match self.blobs.get(&Key::new(&listed.blob)?, None).await {
                Ok(download) => {
                    let size = listed.head.size;
                    return Ok(Some((listed.head, Body::new(download.body, size))));
                }
                Err(error) if error.kind() == Kind::Missing => {}
                Err(error) => return Err(error),
            }
        }
        Err(GONE.error(format!("the bytes of `{}/{}` are gone", name.bucket, name.key)))
    }

    /// Removes an object; whether it was there.
    pub async fn delete(&self, name: Name<'_>, fact: Option<Fact>) -> Result<bool> {
        let blob = self.catalog.delete(name, fact).await?;
        let there = blob.is_some();
        self.forget(blob).await;
        Ok(there)
    }

    /// Removes blobs that nothing refers to; how many.
    pub async fn sweep(&self) -> Result<u64> {
        let mut swept = 0;
        let mut blobs = self.blobs.list("");
        while let Some(head) = blobs.next().await {
            let head = head?;
            let old = self.clock.now().since(head.modified) > ORPHAN_AGE;
            if old && !self.catalog.refers_to(head.key.as_str()).await? {
                swept += u64::from(self.blobs.delete(&head.key).await?);
            }
        }
        Ok(swept)
    }

    /// A blob that is no longer referred to. Failing to remove it harms nobody:
    /// the sweep comes by.
    async fn forget(&self, blob: Option<String>) {
        if let Some(key) = blob.and_then(|blob| Key::new(&blob).ok()) {
            let _ = self.blobs.delete(&key).await;
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}
