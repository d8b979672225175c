//! A question with a body.

use super::{Entry, Lane, Serve};
use crate::body::Body;
use crate::error::Result;
use crate::request::{Question, Request};
use crate::stage::{Gate, Intake, Ledger, Policy};

impl<G: Gate, P: Policy, L: Ledger> Serve<G, P, L> {
    /// Decides on what the headers say, then has `origin` take the body while
    /// the gate's inspector watches; whatever ends the body early aborts before
    /// anything is committed.
    pub async fn stream<Q: Question, O: Intake<Q> + ?Sized>(
        &self,
        lane: &mut Lane,
        request: &Request<'_>,
        origin: &O,
        question: Q,
        body: Body,
    ) -> Result<Q::Answer> {
        let (admitted, permits) = self.admit(lane, request, question).await?;
        let (permitted, held) = self.permit(permits, admitted).await?;
        let entry = Entry::new(self, &permitted, held);
        let body = body.inspected(self.gate.inspector(permitted.identity, permitted.ask()));
        let answer = origin.take(&permitted, body).wait().await;
        self.append(entry, answer).await
    }
}
