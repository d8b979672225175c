//! Strangers, on their way to places of others that are open to all.

use std::sync::Arc;

use flow::identity::MAIN;
use flow::network::client;
use flow::request::Place;
use flow::{Identity, Principal, Request, Result};

use super::Gate;
use crate::limit::Subject;

/// The name all of them have.
const ANONYMOUS: &str = "anonymous";

/// What they showed.
const NOTHING: &str = "none";

impl Gate {
    /// Whether whoever shows nothing may go there.
    pub(super) fn is_open(&self, request: &Request<'_>, place: Place<'_>) -> bool {
        let neighbour = || request.peer.is_some_and(|address| address.is_loopback());
        let opens = |checkpoint: &Arc<_>| crate::inspect::Checkpoint::opens(checkpoint, place);
        (self.strangers.loopback && neighbour()) || self.checkpoint.as_ref().is_some_and(opens)
    }

    /// Lets a stranger pass, unless strangers from there are kept out.
    pub(super) fn let_pass(&self, request: &Request<'_>) -> Result<Arc<Identity>> {
        match self.turned_away(request) {
            Some(error) => Err(error),
            None => Ok(Arc::new(self.anonymous())),
        }
    }

    fn anonymous(&self) -> Identity {
        let (tenant, name): (Arc<str>, Arc<str>) = (MAIN.into(), ANONYMOUS.into());
        let epoch = self.revisions.observe(&tenant, &name);
        let roles = [String::from("guest")].into();
        Identity::new(Principal::Human, tenant, name, roles, NOTHING.into(), epoch)
    }
}

/// Whether this is a stranger who was let pass: one of many, so nothing is theirs.
pub(super) fn is_anonymous(identity: &Identity) -> bool {
    identity.kind == Principal::Human && &*identity.credential == NOTHING
}

/// Whom it is held against what somebody sends: a principal, or strangers from an address.
pub(super) fn whose(request: &Request<'_>, identity: &Identity) -> Subject {
    let principal = || Subject::Principal(identity.tenant.clone(), identity.actor.clone());
    let address = request.peer.filter(|_| is_anonymous(identity)).map(client);
    address.map_or_else(principal, Subject::Stranger)
}
