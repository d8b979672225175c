//! What one connection already knows.

use std::sync::Arc;

use crate::allowance::Allowance;
use crate::clock::Moment;
use crate::fact::Tally;
use crate::identity::Identity;
use crate::permit::{Permit, Scope};
use crate::random::Id;
use crate::request::{Action, Ask};
use crate::revision::Revisions;
use crate::stage::Entered;

/// A connection's memory: who is at the other end and which permits they hold.
/// It belongs to one credential; a door that hears another begins a new lane.
#[derive(Debug, Default)]
pub struct Lane {
    pub(super) known: Option<Arc<Identity>>,
    pub(super) permits: Permits,
    pub(super) allowance: Option<Allowance>,
    /// The place of the request under way.
    pub(super) entered: Option<(Id, Entered)>,
}

impl Lane {
    /// The request is over: its answer is made, and somebody else may have its place.
    pub fn leave(&mut self) {
        self.entered = None;
    }

    /// What the caller may still ask after the last request, where that was counted.
    pub fn allowance(&self) -> Option<Allowance> {
        self.allowance
    }

    /// Who is at the other end, once they were recognised.
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        self.known.as_ref()
    }
}

/// A permit with what it is for.
#[derive(Debug)]
pub(super) struct Held {
    action: &'static Action,
    namespace: Box<str>,
    pub(super) permit: Permit,
    pub(super) tally: Option<Arc<Tally>>,
}

/// As many namespaces and actions as one connection plausibly alternates
/// between; a search through them is shorter than a hash.
const HELD_MAX: usize = 16;

/// The permits of one lane. One for an exact resource is kept only until the
/// next request.
#[derive(Debug, Default)]
pub(super) struct Permits {
    held: Vec<Held>,
    next: usize,
}

impl Permits {
    pub(super) fn find(&self, ask: Ask<'_>, revisions: &Revisions, now: Moment) -> Option<usize> {
        self.held.iter().position(|held| {
            std::ptr::eq(held.action, ask.action)
                && *held.namespace == *ask.resource.namespace
                && held.permit.scope() == Scope::Namespace
                && held.permit.holds(revisions, now)
        })
    }

    #[expect(clippy::indexing_slicing, reason = "`find` and `hold` give places that exist")]
    pub(super) fn at(&self, index: usize) -> &Held {
        &self.held[index]
    }

    pub(super) fn hold(
        &mut self,
        ask: Ask<'_>,
        permit: Permit,
        tally: impl FnOnce(&Permit) -> Option<Arc<Tally>>,
    ) -> &Held {
        let same = |held: &Held| {
            std::ptr::eq(held.action, ask.action) && *held.namespace == *ask.resource.namespace
        };
        let tally = tally(&permit);
        let namespace = ask.resource.namespace.into();
        let new = Held { action: ask.action, namespace, permit, tally };
        let index = match self.held.iter().position(same) {
            Some(index) => index,
            None if self.held.len() < HELD_MAX => self.held.len(),
            None => {
                self.next = (self.next + 1) % HELD_MAX;
                self.next
            }
        };
        match self.held.get_mut(index) {
            Some(place) => *place = new,
            None => self.held.push(new),
        }
        self.at(index)
    }
}
