//! Sessions that were looked up, and are remembered.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use flow::{Identity, Result};
use pool::sql::{Row, Statement};

use super::Sessions;
use super::live::Live;
use crate::codes::{SESSION_OVER, UNKNOWN_SESSION};
use crate::digest::{Digest, in_hex};
use crate::user::{kind_and_roles, rights_of};

/// As many sessions are remembered; beyond, all are looked up again.
const KNOWN_MAX: usize = 65_536;

/// A session that was looked up.
pub(super) struct Known {
    pub(super) digest: Digest,
    pub(super) identity: Arc<Identity>,
    pub(super) live: Live,
}

impl Sessions {
    pub(super) fn remembered(&self, id: &str) -> Option<Arc<Known>> {
        self.known.lock().get(id).cloned()
    }

    /// Reads once to learn who it is, observes them, and reads again: a change between
    /// the first reading and the observation is seen by the second.
    pub(super) async fn look_up(&self, id: &str, digest: Option<&Digest>) -> Result<Arc<Known>> {
        let first = self.read(id, digest).await?;
        let name: Arc<str> = first.get::<String>("name")?.into();
        let tenant: Arc<str> = first.get::<String>("tenant")?.into();
        let epoch = self.revisions.observe(&tenant, &name);
        let row = self.read(id, digest).await?;
        let (kind, roles) = kind_and_roles(&row)?;
        let credential = format!("session:{id}").into();
        let identity = Identity::new(kind, tenant, name, roles.into(), credential, epoch)
            .with_rights(rights_of(&row)?);
        let kept: String = row.get("digest")?;
        let live = Live::read(&row)?;
        if !live.lasts(self.clock.now(), &self.config) {
            return Err(SESSION_OVER.error("the session was not used for too long"));
        }
        let digest = digest_in(&kept);
        let known = Arc::new(Known { digest, identity: Arc::new(identity), live });
        let mut all = self.known.lock();
        if all.len() >= KNOWN_MAX {
            all.clear();
        }
        all.insert(id.into(), known.clone());
        Ok(known)
    }

    async fn read(&self, id: &str, digest: Option<&Digest>) -> Result<Row> {
        let text = "SELECT s.tenant AS tenant, s.name AS name, s.digest AS digest, \
                    s.created AS created, s.seen AS seen, s.fresh AS fresh, s.ends AS ends, \
                    s.address AS address, s.agent AS agent, s.suspicion AS suspicion, \
                    u.kind AS kind, u.roles AS roles, u.rights AS rights FROM gate_session s \
                    JOIN gate_user u ON u.tenant = s.tenant AND u.name = s.name \
                    WHERE s.id = ?1 AND u.disabled = 0";
        let rows = self.sql.query(Statement::new(text).bind(id)).await?;
        let unknown = || UNKNOWN_SESSION.error("the session is not known");
        let row = rows.into_iter().next().ok_or_else(unknown)?;
        let Some(digest) = digest else { return Ok(row) };
        let kept: String = row.get("digest")?;
        let same = verify_slices_are_equal(kept.as_bytes(), in_hex(digest).as_bytes());
        same.map(|()| row).map_err(|_| unknown())
    }
}

fn digest_in(hex: &str) -> Digest {
    let mut digest = [0; 32];
    let decoded = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap_or_default();
    if decoded.len() == digest.len() {
        digest.copy_from_slice(&decoded);
    }
    digest
}
