//! A subscription.

use std::future::poll_fn;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Entry, Lane, Serve};
use crate::body::BoxStream;
use crate::error::{Error, Result};
use crate::fact::{Detail, Fact, Outcome};
use crate::identity::Identity;
use crate::permit::Permit;
use crate::request::{Action, Ask, Credential, Question, Request, Resource};
use crate::stage::{Answer, Gate, Ledger, Origin, Policy};

/// An open subscription. It ends by itself when its items do, with an error
/// when its caller may no longer have them, and is recorded at both ends.
pub struct Followed<G: Gate, P: Policy, L: Ledger, T> {
    serve: Arc<Serve<G, P, L>>,
    items: BoxStream<'static, Result<T>>,
    request: Request<'static>,
    identity: Arc<Identity>,
    permit: Permit,
    subject: Subject,
    changes: watch::Receiver<u64>,
    passed: u64,
    ended: Option<Error>,
}

/// What is followed, kept for as long as it is.
struct Subject {
    action: &'static Action,
    kind: &'static str,
    namespace: Box<str>,
    name: Box<[u8]>,
}

impl Subject {
    fn of(ask: Ask<'_>) -> Self {
        let Resource { kind, namespace, name } = ask.resource;
        Self { action: ask.action, kind, namespace: namespace.into(), name: name.into() }
    }

    fn ask(&self) -> Ask<'_> {
        let resource = Resource { kind: self.kind, namespace: &self.namespace, name: &self.name };
        Ask { action: self.action, resource, items: 1 }
    }
}

impl<G: Gate, P: Policy, L: Ledger> Serve<G, P, L> {
    /// Opens a subscription.
    pub async fn follow<T, Q, O>(
        self: &Arc<Self>,
        lane: &mut Lane,
        request: &Request<'_>,
        origin: &O,
        question: Q,
    ) -> Result<Followed<G, P, L, T>>
    where
        T: 'static,
        Q: Question<Answer = BoxStream<'static, Result<T>>>,
        O: Origin<Q> + ?Sized,
    {
        // Before the decision, so that a change during it is seen afterwards.
        let changes = self.revisions.changes();
        let (admitted, permits) = self.admit(lane, request, question).await?;
        let (permitted, held) = self.permit(permits, admitted).await?;
        let entry = Entry::new(self, &permitted, held);
        let answer = origin.answer(&permitted).wait().await;
        let subject = Subject::of(permitted.ask());
        let (identity, permit) = (permitted.identity.clone(), permitted.permit.clone());
        let items = self.append(entry, answer.map(Answer::opened)).await?;
        let (serve, request) = (self.clone(), forgetful(request));
        Ok(Followed {
            serve,
            items,
            request,
            identity,
            permit,
            subject,
            changes,
            passed: 0,
            ended: None,
        })
    }
}

/// The request without its credential, which is not kept: when the caller's
/// standing changes the gate is asked.
fn forgetful(request: &Request<'_>) -> Request<'static> {
    let Request { id, at, door, peer, .. } = *request;
    Request { id, at, door, peer, credential: Credential::None, agent: "" }
}

impl<G: Gate, P: Policy, L: Ledger, T> Followed<G, P, L, T> {
    /// The next item; `None` when there will be no more.
    pub async fn next(&mut self) -> Option<Result<T>> {
        if self.ended.is_some() {
            return None;
        }
        loop {
            let item = tokio::select! {
                biased;
                // The sender lives in `serve`, so this never reports its end.
                _ = self.changes.changed() => None,
                item = poll_fn(|context| self.items.as_mut().poll_next(context)) => Some(item),
            };
            if let Err(error) = self.recheck().await {
                let said = error.code().error(error.detail().to_owned());
                self.ended = Some(error);
                return Some(Err(said));
            }
            match item {
                None => {}
                Some(None) => return None,
                Some(Some(item)) => {
                    self.passed += 1;
                    return Some(item);
                }
            }
        }
    }

    /// Whether the caller may still have what they once were given.
    async fn recheck(&mut self) -> Result<()> {
        let now = self.serve.clock.moment();
        if self.permit.holds(&self.serve.revisions, now) {
            return Ok(());
        }
        let request = Request { at: now, ..self.request };
        let renewed = self.serve.renew(&request, &self.identity, self.subject.ask()).await?;
        (self.identity, self.permit) = renewed;
        Ok(())
    }
}

impl<G: Gate, P: Policy, L: Ledger, T> Drop for Followed<G, P, L, T> {
    fn drop(&mut self) {
        let outcome = match self.ended {
            Some(_) => Outcome::Refused,
            None => Outcome::Closed,
        };
        let (clock, random) = (&self.serve.clock, &self.serve.random);
        let ask = self.subject.ask();
        let mut fact = Fact::of(clock, random, &self.request, Some(&self.identity), ask, outcome);
        fact.reason = self.ended.as_ref().map(|error| error.code().name.into());
        fact.detail = Detail::of(&serde_json::json!({ "items": self.passed }));
        self.serve.ledger.note(fact);
    }
}
