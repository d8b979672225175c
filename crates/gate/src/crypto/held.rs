//! A key as it is held in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use flow::question::crypto::{KeyKind, KeyState, VersionState};
use flow::{Epoch, Result, Time};

use super::material::Material;
use crate::codes::CRYPTO_VERSION;

/// A key that was read from the database, good for as long as its standing holds.
pub(super) struct Held {
    /// Its own, which another key of the same name will not have.
    pub(super) id: String,
    pub(super) state: KeyState,
    /// From the first on, without a gap.
    pub(super) versions: Vec<Arc<Version>>,
    pub(super) epoch: Epoch,
    pub(super) read: Time,
}

/// A version of a key; nothing about it ever changes but the count of its uses.
pub(super) struct Version {
    pub(super) number: u32,
    pub(super) made: Time,
    pub(super) material: Material,
    pub(super) uses: Uses,
}

/// How often a version may still encrypt before more has to be reserved.
#[derive(Default)]
pub(super) struct Uses {
    left: AtomicU64,
    pub(super) reserving: tokio::sync::Mutex<()>,
}

impl Uses {
    /// Takes one, if one is left.
    pub(super) fn take(&self) -> bool {
        self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    pub(super) fn add(&self, more: u64) {
        self.left.fetch_add(more, Relaxed);
    }
}

impl Held {
    /// The version that makes something new: the one that is named, or the newest.
    pub(super) fn making(&self, wanted: Option<u32>) -> Result<&Arc<Version>> {
        let number = wanted.unwrap_or(self.state.latest);
        self.at_least(number, self.state.min_encryption, "min_encryption_version")
    }

    /// The version that made something, if it may still be used for that.
    pub(super) fn made_by(&self, number: u32) -> Result<&Arc<Version>> {
        self.at_least(number, self.state.min_decryption, "min_decryption_version")
    }

    /// Whether it is for encryption.
    pub(super) fn encrypts(&self) -> bool {
        self.state.kind == KeyKind::Aes256Gcm
    }

    /// Whether there is such a version.
    pub(super) fn has(&self, number: u32) -> bool {
        self.version(number).is_some()
    }

    fn version(&self, number: u32) -> Option<&Arc<Version>> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        self.versions.get(index)
    }

    fn at_least(&self, number: u32, least: u32, what: &str) -> Result<&Arc<Version>> {
        let (name, latest) = (&self.state.name, self.state.latest);
        let version = self.version(number).ok_or_else(|| {
            CRYPTO_VERSION.error(format!("`{name}` has versions 1 to {latest}, not {number}"))
        })?;
        if number < least {
            let story = format!("`{name}` has {what} {least}, and {number} is before it");
            return Err(CRYPTO_VERSION.error(story));
        }
        Ok(version)
    }

    /// What anybody may know of the versions.
    pub(super) fn versions(&self) -> Result<Vec<VersionState>> {
        let state = |version: &Arc<Version>| {
            let (number, created) = (version.number, version.made);
            Ok(VersionState { version: number, created, public: version.material.public()? })
        };
        self.versions.iter().map(state).collect()
    }
}

/// After how long, as the database keeps it; zero is never.
pub(super) fn period(nanos: i64) -> Option<Duration> {
    u64::try_from(nanos).ok().filter(|nanos| *nanos > 0).map(Duration::from_nanos)
}
