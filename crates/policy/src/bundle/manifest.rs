//! What a bundle says about itself.

use std::collections::BTreeMap;

use flow::Result;
use rego::Value;
use rego::builtin::{self, Surroundings};
use rego::syntax::Edition as Language;
use serde::Deserialize;

use super::MANIFEST;
use crate::codes::BUNDLE_INVALID;
use crate::world::Still;

/// The manifest. What else stands in it, such as entry points of WebAssembly, is for others.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Manifest {
    /// What whoever made it calls this state of it.
    pub(super) revision: Option<String>,
    /// The places in the data that are the bundle's alone; all of it when absent.
    pub(super) roots: Option<Vec<String>>,
    rego_version: Option<u8>,
    /// By the name of a file, or a pattern of names.
    file_rego_versions: Option<BTreeMap<String, u8>>,
}

impl Manifest {
    pub(super) fn read(text: &[u8]) -> Result<Self> {
        let bad = |why: String| BUNDLE_INVALID.error(format!("`{MANIFEST}` cannot be used: {why}"));
        // A list would do for an object with fields in an order, and there is none.
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(text).map_err(|error| bad(error.to_string()))?;
        let manifest: Self =
            serde_json::from_value(object.into()).map_err(|error| bad(error.to_string()))?;
        let files = manifest.file_rego_versions.iter().flat_map(BTreeMap::values);
        let versions = manifest.rego_version.iter().chain(files);
        match versions.into_iter().find(|version| **version > 1) {
            Some(version) => Err(bad(format!("there is no `rego_version` {version}"))),
            None => Ok(manifest),
        }
    }

    /// Which Rego a file is written in.
    pub(super) fn language(&self, path: &str) -> Result<Language> {
        let whole = format!("/{path}");
        let mut found = self.rego_version;
        for (pattern, version) in self.file_rego_versions.iter().flatten() {
            if pattern.trim_start_matches('/') == path {
                found = Some(*version);
                break;
            }
            if fits(pattern, &whole)? {
                found = Some(*version);
            }
        }
        Ok(if found == Some(0) { Language::V0 } else { Language::V1 })
    }
}

fn fits(pattern: &str, path: &str) -> Result<bool> {
    let bad = || BUNDLE_INVALID.error(format!("`{MANIFEST}`: `{pattern}` is no pattern of files"));
    let glob = builtin::find("glob.match").ok_or_else(bad)?;
    let args = [pattern.into(), Value::Null, path.into()];
    let fits = glob.call(&mut Surroundings::new(&Still), &args).map_err(|_| bad())?;
    Ok(fits == Value::Bool(true))
}
