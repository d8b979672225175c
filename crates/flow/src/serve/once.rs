//! One question, one answer.

use super::{Entry, Lane, Serve};
use crate::error::Result;
use crate::request::{Question, Request};
use crate::stage::{Gate, Ledger, Origin, Policy};

impl<G: Gate, P: Policy, L: Ledger> Serve<G, P, L> {
    /// Asks `origin` one question and records what became of it. The request keeps its place
    /// among those under way until the door says that it is [over](Lane::leave).
    pub async fn once<Q: Question, O: Origin<Q> + ?Sized>(
        &self,
        lane: &mut Lane,
        request: &Request<'_>,
        origin: &O,
        question: Q,
    ) -> Result<Q::Answer> {
        self.enter(lane, request, &question)?;
        let (admitted, permits) = self.admit(lane, request, question).await?;
        let (permitted, held) = self.permit(permits, admitted).await?;
        let entry = Entry::new(self, &permitted, held);
        let answer = origin.answer(&permitted).wait().await;
        self.append(entry, answer).await
    }
}
