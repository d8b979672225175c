//! Proof that a request went through gate and policy.
//!
//! An [`Admitted`] exists only when the gate let the request in, a
//! [`Permitted`] only when the policy allowed what it asks. Their constructors
//! are private to this crate, and every origin demands a `Permitted` of exactly
//! the question it answers, so no door can reach an origin around the path:
//!
//! ```
//! use flow::{Origin, Permitted, question::cache::Get};
//! # use bytes::Bytes;
//! async fn behind_the_path<O: Origin<Get<'static>>>(origin: &O, permitted: &Permitted<'_, Get<'static>>) {
//!     let _ = origin.answer(permitted).wait().await;
//! }
//! ```
//!
//! ```compile_fail
//! use flow::{Origin, Permitted, question::cache::Get};
//! # use bytes::Bytes;
//! async fn around_the_path<O: Origin<Get<'static>>>(origin: &O, question: &Get<'static>) {
//!     let _ = origin.answer(question).wait().await;
//! }
//! ```
//!
//! and cannot make one up:
//!
//! ```compile_fail
//! use flow::{Identity, Permit, Permitted, Request, question::cache::Get};
//! fn made_up<'a>(request: &'a Request<'a>, identity: &'a Identity, permit: &'a Permit, question: Get<'static>) -> Permitted<'a, Get<'static>> {
//!     Permitted { request, identity, permit, question }
//! }
//! ```

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;
use crate::identity::Identity;
use crate::request::{Ask, Question, Request};
use crate::revision::{Epoch, Revisions};

/// What a decision depended on, and so for what else it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// This one resource.
    Exact,
    /// Every resource of the namespace: the rules read nothing finer.
    Namespace,
}

/// The policy's yes.
#[derive(Debug, Clone)]
pub struct Grant {
    /// What else it holds for.
    pub scope: Scope,
    /// How long it may be held at most.
    pub lifetime: Duration,
    /// Why, for the record.
    pub reason: Cow<'static, str>,
}

/// A yes that can be held by a connection, and checked by a few atomic loads.
#[derive(Debug, Clone)]
pub struct Permit {
    grant: Grant,
    revisions: (u64, u64),
    epoch: Epoch,
    expires: Moment,
}

impl Permit {
    /// It never outlives the credential it was asked with.
    pub(crate) fn new(
        grant: Grant,
        revisions: (u64, u64),
        identity: &Identity,
        now: Moment,
    ) -> Self {
        let expires = now.after(grant.lifetime).min(identity.until);
        Self { grant, revisions, epoch: identity.epoch.clone(), expires }
    }

    /// Whether it still holds: same rules, same data, same standing, not expired.
    pub fn holds(&self, revisions: &Revisions, now: Moment) -> bool {
        now < self.expires && self.revisions == revisions.current() && self.epoch.holds()
    }

    /// What else it holds for.
    pub fn scope(&self) -> Scope {
        self.grant.scope
    }

    /// Why it was granted.
    pub fn reason(&self) -> &str {
        &self.grant.reason
    }

    /// The revisions of rules and data it was decided under.
    pub fn revisions(&self) -> (u64, u64) {
        self.revisions
    }
}

/// A request the gate let in.
#[derive(Debug)]
pub struct Admitted<'a, Q> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) identity: &'a Arc<Identity>,
    pub(crate) question: Q,
}

/// A request the policy allowed, with the one question it may ask.
#[derive(Debug)]
pub struct Permitted<'a, Q> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) identity: &'a Arc<Identity>,
    pub(crate) permit: &'a Permit,
    pub(crate) question: Q,
}

impl<'a, Q: Question> Permitted<'a, Q> {
    /// The request.
    pub fn request(&self) -> &'a Request<'a> {
        self.request
    }

    /// Who asks.
    pub fn identity(&self) -> &'a Arc<Identity> {
        self.identity
    }

    /// Whose data is meant.
    pub fn tenant(&self) -> &'a Arc<str> {
        &self.identity.tenant
    }

    /// Under which permit.
    pub fn permit(&self) -> &'a Permit {
        self.permit
    }

    /// What is asked.
    pub fn question(&self) -> &Q {
        &self.question
    }

    pub(crate) fn ask(&self) -> Ask<'_> {
        self.question.ask()
    }
}
