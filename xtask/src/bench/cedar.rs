//! Cedar, built for the benchmark that asks it what our decisions are asked.
//!
//! It is in no workspace of ours: built as part of it, its dependencies would turn on features
//! that everything else would then be measured and shipped with.

use std::error::Error;
use std::path::PathBuf;

use crate::cargo::{self, cargo};

/// The benchmark it stands beside.
pub(super) const PACKAGE: &str = "stockade-policy";
pub(super) const NAME: &str = "decide";

/// Where that benchmark looks for it.
pub(super) const VARIABLE: &str = "STOCKADE_BENCH_CEDAR";

const MANIFEST: &str = "benches/cedar/Cargo.toml";

/// Its program; nothing where it cannot be built, and says so.
pub(super) fn built() -> Option<PathBuf> {
    eprintln!("Building Cedar, to stand beside.");
    build()
        .inspect_err(|error| {
            eprintln!(
                "Cedar is not beside: {error}; the first time it is built, its crates have to be \
                 within reach"
            );
        })
        .ok()
}

fn build() -> Result<PathBuf, Box<dyn Error>> {
    let place = cargo::target_directory()?.join("cedar");
    let arguments = ["build", "--quiet", "--release", "--locked", "--manifest-path", MANIFEST];
    let status = cargo(&arguments).arg("--target-dir").arg(&place).status()?;
    match status.success() {
        true => Ok(place.join("release").join("cedar-beside")),
        false => Err(format!("building {MANIFEST} ended with {status}").into()),
    }
}
