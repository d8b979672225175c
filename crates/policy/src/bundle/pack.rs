//! Bundles made: the same bytes of the same files.

use std::io::Write;

use flate2::{Compression, GzBuilder};
use flow::Result;
use tar::{Builder, EntryType, Header};

use super::archive::Files;
use super::{Key, MANIFEST, SIGNATURES};
use crate::codes::BUNDLE_INVALID;

/// What is said of the files that are packed.
#[derive(Debug, Default)]
pub struct Signing {
    /// What this state of them is called.
    pub revision: Option<String>,
    /// The places in the data that are the bundle's alone; what the manifest among the files
    /// says when empty, or else everything.
    pub roots: Vec<String>,
    /// Whose they are.
    pub key: Option<Key>,
}

/// The archive of files by their names. Nothing in it tells when and by whom it was made.
pub fn pack(mut files: Files, signing: &Signing) -> Result<Vec<u8>> {
    describe(&mut files, signing)?;
    files.remove(SIGNATURES);
    if let Some(key) = &signing.key {
        let signatures = key.sign(&files)?;
        files.insert(SIGNATURES.to_owned(), signatures);
    }
    let broken = |error: std::io::Error| {
        BUNDLE_INVALID.error(format!("it cannot be packed: {error}")).because(error)
    };
    let gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    let mut archive = Builder::new(gzip);
    for (name, bytes) in &files {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        archive.append_data(&mut header, name, bytes.as_slice()).map_err(broken)?;
    }
    let mut gzip = archive.into_inner().map_err(broken)?;
    gzip.flush().map_err(broken)?;
    gzip.finish().map_err(broken)
}

/// Writes into the manifest what is said of the files.
fn describe(files: &mut Files, signing: &Signing) -> Result<()> {
    if signing.revision.is_none() && signing.roots.is_empty() {
        return Ok(());
    }
    let bad = |why: String| BUNDLE_INVALID.error(format!("`{MANIFEST}` cannot be used: {why}"));
    let before = files.get(MANIFEST).map_or(b"{}".as_slice(), Vec::as_slice);
    let mut manifest: serde_json::Value =
        serde_json::from_slice(before).map_err(|error| bad(error.to_string()))?;
    let object = manifest.as_object_mut().ok_or_else(|| bad("it is no object".to_owned()))?;
    if let Some(revision) = &signing.revision {
        object.insert("revision".to_owned(), revision.as_str().into());
    }
    if !signing.roots.is_empty() {
        object.insert("roots".to_owned(), signing.roots.clone().into());
    }
    files.insert(MANIFEST.to_owned(), manifest.to_string().into_bytes());
    Ok(())
}
