//! A client's certificate, which a door has verified.

use std::sync::Arc;

use crate::clock::Moment;

/// What a client proved to own when it shook hands: a certificate that an authority signed
/// whom the door trusts, that is in its time, and that was not revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// What it can be called by, the most particular first: `sha256:` and its digest in hex,
    /// then its alternative names, as `uri:spiffe://…`, `dns:…`, `email:…`.
    pub names: Arc<[Box<str>]>,
    /// When its time is over.
    pub until: Moment,
}
