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

/// The name and the role of those on this machine at a door that is open to them.
pub(super) const NEIGHBOUR: &str = "neighbour";

/// What they showed.
const NOTHING: &str = "none";

impl Gate {
    /// Whether whoever shows nothing may go there.
    pub(super) fn is_open(&self, request: &Request<'_>, place: Place<'_>) -> bool {
        let opens = |checkpoint: &Arc<_>| crate::inspect::Checkpoint::opens(checkpoint, place);
        self.is_neighbour(request) || self.checkpoint.as_ref().is_some_and(opens)
    }

    /// Whether this machine's own programs may do without a credential, and it is one of them.
    pub(super) fn is_neighbour(&self, request: &Request<'_>) -> bool {
        self.strangers.loopback && request.peer.is_some_and(|address| address.is_loopback())
    }

    /// Lets a stranger pass, unless strangers from there are kept out.
    pub(super) fn let_pass(&self, request: &Request<'_>) -> Result<Arc<Identity>> {
        match self.turned_away(request) {
            Some(error) => Err(error),
            None => Ok(Arc::new(self.unnamed(ANONYMOUS, "guest"))),
        }
    }

    /// One of those who showed nothing.
    pub(super) fn unnamed(&self, name: &str, role: &str) -> Identity {
        let (tenant, name): (Arc<str>, Arc<str>) = (MAIN.into(), name.into());
        let epoch = self.revisions.observe(&tenant, &name);
        let roles = [String::from(role)].into();
        Identity::new(Principal::Human, tenant, name, roles, NOTHING.into(), epoch)
    }
}

/// Whether this is a stranger who was let pass: one of many, so nothing is theirs.
pub(super) fn is_anonymous(identity: &Identity) -> bool {
    identity.kind == Principal::Human && &*identity.credential == NOTHING
}

/// Whom it is held against what somebody sends: a principal, or strangers from an address. Nobody,
/// where that is an address of this machine: a proxy that does not say for whom it asks would be
/// kept out with everybody behind it.
pub(super) fn whose(request: &Request<'_>, identity: &Identity) -> Option<Subject> {
    if !is_anonymous(identity) {
        return Some(Subject::Principal(identity.tenant.clone(), identity.actor.clone()));
    }
    request.peer.filter(|address| !address.is_loopback()).map(client).map(Subject::Stranger)
}

#[cfg(test)]
mod tests {
    use flow::clock::Moment;
    use flow::{Credential, Door, Id};

    use super::*;

    #[test]
    fn attacks_are_held_against_who_can_be_told_from_others() {
        let revisions = flow::Revisions::default();
        let who = |kind, credential: &str| {
            let (tenant, name): (Arc<str>, Arc<str>) = (MAIN.into(), "one".into());
            let epoch = revisions.observe(&tenant, &name);
            Identity::new(kind, tenant, name, Arc::default(), credential.into(), epoch)
        };
        let known = who(Principal::Service, "key:a");
        let stranger = who(Principal::Human, NOTHING);
        for (peer, identity, expected) in [
            (Some("192.0.2.7"), &known, Some(String::from("principal/service:one"))),
            (Some("127.0.0.1"), &known, Some(String::from("principal/service:one"))),
            (Some("192.0.2.7"), &stranger, Some(String::from("stranger/192.0.2.7"))),
            (Some("127.0.0.1"), &stranger, None),
            (Some("::1"), &stranger, None),
            (None, &stranger, None),
        ] {
            let peer = peer.map(|address| address.parse().unwrap());
            let request = Request {
                id: Id::default(),
                at: Moment::default(),
                door: Door::Http,
                credential: Credential::None,
                peer,
                agent: "",
            };
            let held = whose(&request, identity).map(|subject| subject.name().to_string());
            assert_eq!(held, expected, "{peer:?}");
        }
    }
}
