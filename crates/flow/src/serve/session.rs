//! Something opened, stepped, and committed or aborted: a transaction, an upload
//! in parts, a blocking read, a file handle.

use std::sync::Arc;

use super::{Lane, Serve};
use crate::error::Result;
use crate::fact::{Fact, Outcome};
use crate::random::Id;
use crate::request::{Question, Request};
use crate::stage::{Gate, Ledger, Origin, Policy};

/// An open session. Every step goes the whole path on the session's own lane,
/// and is answered by the session's state. Dropped before its commit it is
/// aborted: the state is dropped, which undoes it, and that is recorded.
pub struct Session<G: Gate, P: Policy, L: Ledger, S> {
    serve: Arc<Serve<G, P, L>>,
    lane: Lane,
    state: S,
    abandoned: Option<Fact>,
}

impl<G: Gate, P: Policy, L: Ledger> Serve<G, P, L> {
    /// Opens a session whose state `origin` answers with.
    pub async fn session<Q: Question + Clone, O: Origin<Q> + ?Sized>(
        self: &Arc<Self>,
        mut lane: Lane,
        request: &Request<'_>,
        origin: &O,
        question: Q,
    ) -> Result<Session<G, P, L, Q::Answer>> {
        let state = self.once(&mut lane, request, origin, question.clone()).await?;
        lane.leave();
        let identity = lane.known.as_deref();
        let (clock, random) = (&self.clock, &self.random);
        let fact = Fact::of(clock, random, request, identity, question.ask(), Outcome::Abandoned);
        Ok(Session { serve: self.clone(), lane, state, abandoned: Some(fact) })
    }
}

impl<G: Gate, P: Policy, L: Ledger, S> Session<G, P, L, S> {
    /// One step.
    pub async fn step<Q: Question>(
        &mut self,
        request: &Request<'_>,
        question: Q,
    ) -> Result<Q::Answer>
    where
        S: Origin<Q>,
    {
        let answer = self.serve.once(&mut self.lane, request, &self.state, question).await;
        self.lane.leave();
        answer
    }

    /// The last step, which makes all of it count.
    pub async fn commit<Q: Question>(
        mut self,
        request: &Request<'_>,
        question: Q,
    ) -> Result<Q::Answer>
    where
        S: Origin<Q>,
    {
        let answer = self.serve.once(&mut self.lane, request, &self.state, question).await?;
        self.close(Outcome::Closed);
        Ok(answer)
    }

    /// Which request opened it.
    pub fn id(&self) -> Option<Id> {
        self.abandoned.as_ref().map(|fact| fact.request)
    }

    fn close(&mut self, outcome: Outcome) {
        if let Some(mut fact) = self.abandoned.take() {
            fact.at = self.serve.clock.now();
            fact.outcome = outcome;
            self.serve.ledger.note(fact);
        }
    }
}

impl<G: Gate, P: Policy, L: Ledger, S> Drop for Session<G, P, L, S> {
    fn drop(&mut self) {
        self.close(Outcome::Abandoned);
    }
}
