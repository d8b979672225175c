//! Where the doors of a running server are, for people and for commands beside it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::Config;

/// The file in the data directory, there while a server runs.
const FILE: &str = "doors.json";

/// Where the doors are; one that is closed is nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Doors {
    pub(crate) http: Option<String>,
    pub(crate) resp: Option<String>,
    /// The Redis protocol within TLS.
    pub(crate) resp_tls: Option<String>,
    /// Envoy's questions by gRPC.
    pub(crate) grpc: Option<String>,
    /// Whether HTTP is served over TLS.
    pub(crate) tls: bool,
}

impl Doors {
    /// Where a server with this configuration would open them.
    pub(crate) fn wanted(config: &Config) -> Self {
        let open = |address: &str| (!address.is_empty()).then(|| address.to_owned());
        Self {
            http: open(&config.listen.http),
            resp: open(&config.listen.resp),
            resp_tls: open(&config.listen.resp_tls),
            grpc: open(&config.listen.grpc),
            tls: config.http.tls.is_some(),
        }
    }

    /// Where the server says they are that was last started on this data directory.
    /// One that was killed says so still: ask only when a server is there.
    pub(crate) fn posted(data: &Path) -> Option<Self> {
        let text = fs::read(data.join(FILE)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Tells whoever may look into the data directory, until the notice is dropped.
    pub(super) fn post(&self, data: &Path) -> Notice {
        let notice = Notice(data.join(FILE));
        if let Err(error) = self.write(&notice.0) {
            // Nobody needs it but `stockade check`, and a full disk is no reason not
            // to start. What a predecessor left there would be wrong.
            tracing::warn!(%error, "where the doors are could not be written down");
            notice.take_down();
        }
        notice
    }

    /// Whole or not at all.
    fn write(&self, path: &Path) -> io::Result<()> {
        let draft = path.with_extension("draft");
        let written = fs::write(&draft, serde_json::to_vec(self)?);
        written
            .and_then(|()| fs::rename(&draft, path))
            .inspect_err(|_| drop(fs::remove_file(&draft)))
    }
}

/// That the doors are open.
#[must_use]
pub(super) struct Notice(PathBuf);

impl Notice {
    fn take_down(&self) {
        // It may never have been there.
        let _ = fs::remove_file(&self.0);
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        self.take_down();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors_are_known_while_the_notice_is_up() {
        let data = tempfile::tempdir().unwrap();
        let first = Doors { http: Some("127.0.0.1:1".into()), ..Doors::default() };
        let second = Doors { resp: Some("127.0.0.1:2".into()), tls: true, ..Doors::default() };
        assert_eq!(Doors::posted(data.path()), None);
        // What a killed server left is replaced.
        std::mem::forget(first.post(data.path()));
        assert_eq!(Doors::posted(data.path()), Some(first));
        let notice = second.post(data.path());
        assert_eq!(Doors::posted(data.path()), Some(second));
        drop(notice);
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_notice_that_cannot_be_put_up_leaves_no_old_one() {
        let data = tempfile::tempdir().unwrap();
        std::mem::forget(Doors::default().post(data.path()));
        fs::create_dir(data.path().join("doors.draft")).unwrap();
        let _notice = Doors::default().post(data.path());
        assert_eq!(Doors::posted(data.path()), None);
    }
}
