//! The path: admit → permit → answer → append, written once.
//!
//! Four shapes share it. [`Serve::once`] is one question and one answer,
//! [`Serve::stream`] takes a body, [`Serve::follow`] keeps a subscription whose
//! permit is asked again when anything under it changes, and [`Serve::session`]
//! is opened, stepped, and committed or aborted.
//!
//! A [`Lane`] is what one connection already knows: who is at the other end, and
//! which permits it holds. A request on a warm lane is the same path with the
//! same checks; those that cannot have changed are a few atomic loads.

mod follow;
mod lane;
mod once;
mod session;
mod stream;

use std::fmt::Write;
use std::sync::Arc;

use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::fact::{Class, Detail, Fact, Outcome};
use crate::identity::{Good, Identity, System};
use crate::permit::{Admitted, Permit, Permitted, Scope};
use crate::random::Random;
use crate::request::{
    Action, Ask, Credential, Door, Inside, Inspection, Pace, Question, Request, Resource,
};
use crate::revision::Revisions;
use crate::signal::{Counter, Histogram, Registry};
use crate::stage::{Answer, Gate, Ledger, Noticed, Policy};

pub use follow::Followed;
pub use lane::Lane;
pub use session::Session;

use lane::{Held, Permits};

/// The path with its three stages.
#[derive(Debug)]
pub struct Serve<G, P, L> {
    gate: G,
    policy: P,
    ledger: L,
    revisions: Arc<Revisions>,
    clock: Clock,
    random: Random,
    signals: Signals,
}

/// What the path is built from.
#[derive(Debug)]
pub struct Stages<G, P, L> {
    /// Who is asking, is it sane, is it too fast?
    pub gate: G,
    /// May they?
    pub policy: P,
    /// What happened?
    pub ledger: L,
}

/// The right to make requests in the name of Stockade itself. There is one, it
/// is handed to whoever built the path, and doors never see it.
#[derive(Debug)]
pub struct Background {
    clock: Clock,
    random: Random,
}

impl Background {
    /// A request of a part of Stockade at its own work.
    pub fn serve_as(&self, system: System) -> Request<'static> {
        Request {
            id: self.random.id(self.clock.now()),
            at: self.clock.moment(),
            door: Door::Inside,
            credential: Credential::Inside(Inside(system)),
            peer: None,
            agent: "",
        }
    }
}

impl<G: Gate, P: Policy, L: Ledger> Serve<G, P, L> {
    /// A path through these stages.
    pub fn new(
        stages: Stages<G, P, L>,
        revisions: Arc<Revisions>,
        clock: Clock,
        random: Random,
        registry: &Registry,
    ) -> (Self, Background) {
        let Stages { gate, policy, ledger } = stages;
        let background = Background { clock: clock.clone(), random: random.clone() };
        let signals = Signals::new(registry);
        (Self { gate, policy, ledger, revisions, clock, random, signals }, background)
    }

    /// The clock of this path, for doors to stamp requests with.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The randomness of this path, for doors to name requests with.
    pub fn random(&self) -> &Random {
        &self.random
    }

    /// Tells the gate that somebody asked for a path where nothing is served.
    pub fn strayed(&self, lane: &Lane, request: &Request<'_>, path: &str) {
        let identity = lane.known.as_deref().filter(|identity| identity.holds(request.at));
        self.gate.strayed(request, identity, path);
    }

    /// Gives the request a place among those under way, or refuses it before anything else.
    fn enter<Q: Question>(
        &self,
        lane: &mut Lane,
        request: &Request<'_>,
        question: &Q,
    ) -> Result<()> {
        if lane.entered.as_ref().is_some_and(|(id, _)| *id == request.id) {
            return Ok(());
        }
        lane.leave();
        let entered = self.gate.enter(request, question.ask());
        let entered = entered.map_err(|error| self.refuse(request, None, question.ask(), error))?;
        lane.entered = entered.map(|entered| (request.id, entered));
        Ok(())
    }

    /// Finds out who asks, before anything of what they ask is read.
    pub async fn greet(&self, lane: &mut Lane, request: &Request<'_>) -> Result<()> {
        let resource = Resource { kind: "request", namespace: "", name: &[] };
        self.know(lane, request, Ask { action: &BEGIN, resource, items: 1 }).await
    }

    /// Sees to it that the lane knows who asks.
    async fn know(&self, lane: &mut Lane, request: &Request<'_>, ask: Ask<'_>) -> Result<()> {
        if lane.known.as_ref().is_none_or(|identity| !identity.holds(request.at)) {
            // What was permitted to the caller as they were is not permitted to
            // the caller as they are.
            let before = std::mem::take(lane).known;
            // A credential that is good once cannot be shown again while it lasts.
            let before =
                before.filter(|known| known.good == Good::Once && request.at < known.until);
            let recognised = match before {
                Some(identity) => self.gate.renew(&identity).wait().await,
                None => self.recognise(request).await,
            };
            match recognised {
                Ok(identity) => lane.known = Some(identity),
                Err(error) => return Err(self.refuse(request, None, ask, error)),
            }
        }
        Ok(())
    }

    /// Lets the request in, or refuses it: the gate's part.
    async fn admit<'a, Q: Question>(
        &self,
        lane: &'a mut Lane,
        request: &'a Request<'a>,
        question: Q,
    ) -> Result<(Admitted<'a, Q>, &'a mut Permits)> {
        self.know(lane, request, question.ask()).await?;
        let Some(identity) = lane.known.as_ref() else {
            return Err(NOBODY.error("nobody was recognised"));
        };
        lane.allowance = None;
        match self.gate.admit(request, identity, question.ask()).wait().await {
            Ok(()) => {
                if question.action().pace == Pace::Rate {
                    lane.allowance = self.gate.allowance(request, identity, question.ask());
                }
                Ok((Admitted { request, identity, question }, &mut lane.permits))
            }
            Err(error) => Err(self.refuse(request, Some(identity), question.ask(), error)),
        }
    }

    /// Allows what is asked, or refuses it: the policy's part.
    async fn permit<'a, Q: Question>(
        &self,
        permits: &'a mut Permits,
        admitted: Admitted<'a, Q>,
    ) -> Result<(Permitted<'a, Q>, &'a Held)> {
        let Admitted { request, identity, question } = admitted;
        let held = match permits.find(question.ask(), &self.revisions, request.at) {
            Some(index) => permits.at(index),
            None => match self.decide(request, identity, question.ask()).await {
                Ok(permit) => permits.hold(question.ask(), permit, |permit| {
                    self.tally(request, identity, question.ask(), permit)
                }),
                Err(error) => {
                    return Err(self.deny(request, identity, question.ask(), error).await);
                }
            },
        };
        if held.permit.scope() == Scope::Exact {
            self.permit_further(request, identity, &question).await?;
        }
        Ok((Permitted { request, identity, permit: &held.permit, question }, held))
    }

    /// Allows what is asked of every further resource, or refuses all of it.
    async fn permit_further<Q: Question>(
        &self,
        request: &Request<'_>,
        identity: &Arc<Identity>,
        question: &Q,
    ) -> Result<()> {
        let mut names: Vec<Box<[u8]>> = Vec::new();
        question.further(&mut |name| names.push(name.into()));
        for name in &names {
            let ask = question.ask();
            let ask = Ask { resource: Resource { name, ..ask.resource }, ..ask };
            if let Err(error) = self.decide(request, identity, ask).await {
                return Err(self.deny(request, identity, ask, error).await);
            }
        }
        Ok(())
    }

    /// Records how it ended: the ledger's part.
    async fn append<Q: Question, T>(
        &self,
        entry: Entry<'_, G, P, L, Q>,
        mut answer: Result<Answer<T>>,
    ) -> Result<T> {
        let (permitted, held) = entry.settle();
        let (outcome, code) = match &answer {
            Ok(answer) => (answer.outcome, None),
            Err(error) => (Outcome::of(error.kind()), Some(error.code())),
        };
        if permitted.question.action().pace == Pace::Rate || held.tally.is_none() {
            let how = (outcome, code, permitted.question.bytes());
            self.notice(permitted.request, permitted.identity, permitted.ask(), how);
        }
        if let Some(tally) = &held.tally {
            tally.count(outcome);
            return answer.map(|answer| answer.value);
        }
        self.signals.ended(permitted.request, outcome, &self.clock);
        let (class, recorded, detail) = match &mut answer {
            Ok(answer) => {
                (permitted.ask().action.class, answer.recorded, std::mem::take(&mut answer.detail))
            }
            Err(error) => (Class::Logged, false, Detail::of(error.record())),
        };
        if !recorded {
            let mut fact = self.fact(permitted, outcome);
            fact.reason = code.map(|code| code.name.into());
            fact.detail = detail;
            self.ledger.append(class, fact).wait().await?;
        }
        answer.map(|answer| answer.value)
    }

    async fn recognise(&self, request: &Request<'_>) -> Result<Arc<Identity>> {
        if let Credential::Inside(Inside(system)) = request.credential {
            return Ok(Arc::new(Identity::system(system)));
        }
        let identity = self.gate.recognise(request).wait().await;
        self.signals.recognise.time(self.clock.moment().since(request.at));
        identity
    }

    async fn decide(
        &self,
        request: &Request<'_>,
        identity: &Identity,
        ask: Ask<'_>,
    ) -> Result<Permit> {
        let begun = self.clock.moment();
        let revisions = self.revisions.current();
        let grant = self.policy.permit(request, identity, ask).wait().await;
        self.signals.permit.time(self.clock.moment().since(begun));
        grant.map(|grant| Permit::new(grant, revisions, identity, begun))
    }

    /// The same caller and the same question after something changed.
    async fn renew(
        &self,
        request: &Request<'_>,
        identity: &Arc<Identity>,
        ask: Ask<'_>,
    ) -> Result<(Arc<Identity>, Permit)> {
        let identity = match identity.holds(request.at) {
            true => identity.clone(),
            false => self.gate.renew(identity).wait().await?,
        };
        let permit = self.decide(request, &identity, ask).await?;
        Ok((identity, permit))
    }

    /// Refuses what the policy does not allow, which the gate wants to know. It is a decision
    /// too, and as safely recorded as one; it stands where it cannot be.
    async fn deny(
        &self,
        request: &Request<'_>,
        identity: &Arc<Identity>,
        ask: Ask<'_>,
        error: Error,
    ) -> Error {
        self.notice(request, identity, ask, (Outcome::Refused, Some(error.code()), 0));
        let fact = self.refused(request, Some(identity), ask, &error);
        let _ = self.ledger.append(Class::Logged, fact).wait().await;
        error
    }

    /// Refuses what the gate does not let in.
    fn refuse(
        &self,
        request: &Request<'_>,
        identity: Option<&Arc<Identity>>,
        ask: Ask<'_>,
        error: Error,
    ) -> Error {
        self.ledger.note(self.refused(request, identity, ask, &error));
        error
    }

    fn refused(
        &self,
        request: &Request<'_>,
        identity: Option<&Arc<Identity>>,
        ask: Ask<'_>,
        error: &Error,
    ) -> Fact {
        self.signals.ended(request, Outcome::Refused, &self.clock);
        let mut fact = self.blank_fact(request, identity, ask, Outcome::Refused);
        fact.reason = Some(error.code().name.into());
        fact.detail = Detail::of(error.record());
        fact
    }

    fn notice(
        &self,
        request: &Request<'_>,
        identity: &Identity,
        ask: Ask<'_>,
        (outcome, code, bytes): (Outcome, Option<&'static Code>, u64),
    ) {
        // Doors with long connections count in millions a second.
        let asks_one_by_one = matches!(request.door, Door::Http | Door::Authz);
        if ask.action.pace != Pace::Rate && !asks_one_by_one {
            return;
        }
        let took = self.clock.moment().since(request.at);
        self.gate.noticed(&Noticed { request, identity, ask, outcome, code, took, bytes });
    }

    fn fact<Q: Question>(&self, permitted: &Permitted<'_, Q>, outcome: Outcome) -> Fact {
        self.blank_fact(permitted.request, Some(permitted.identity), permitted.ask(), outcome)
    }

    fn blank_fact(
        &self,
        request: &Request<'_>,
        identity: Option<&Arc<Identity>>,
        ask: Ask<'_>,
        outcome: Outcome,
    ) -> Fact {
        Fact::of(&self.clock, &self.random, request, identity.map(|known| &**known), ask, outcome)
    }

    fn tally(
        &self,
        request: &Request<'_>,
        identity: &Arc<Identity>,
        ask: Ask<'_>,
        permit: &Permit,
    ) -> Option<Arc<crate::fact::Tally>> {
        (ask.action.class == Class::Summed).then(|| {
            let mut ask = ask;
            if permit.scope() == Scope::Namespace {
                ask.resource.name = &[];
            }
            self.ledger.tally(self.blank_fact(request, Some(identity), ask, Outcome::Done))
        })
    }
}

/// Longer names are cut in the record: a key may be megabytes.
const NAME_MAX: usize = 256;

/// What somebody does of whom nobody knows yet what they ask.
static BEGIN: Action = Action {
    name: "request.begin",
    class: Class::Logged,
    pace: Pace::Load,
    inspection: Inspection::Off,
};

impl Fact {
    /// The fact that a request ended so.
    pub fn of(
        clock: &Clock,
        random: &Random,
        request: &Request<'_>,
        identity: Option<&Identity>,
        ask: Ask<'_>,
        outcome: Outcome,
    ) -> Self {
        let at = clock.now();
        let mut resource = ask.resource;
        let cut = resource.name.get(..NAME_MAX);
        resource.name = cut.unwrap_or(resource.name);
        let mut text = resource.to_string();
        if cut.is_some() {
            let _ = write!(text, "…({} bytes)", ask.resource.name.len());
        }
        Self {
            id: random.id(at),
            at,
            request: request.id,
            tenant: identity.map_or_else(|| "main".into(), |known| known.tenant.clone()),
            actor: identity.map_or_else(|| "unknown".into(), |known| known.actor.clone()),
            door: request.door.name().into(),
            action: ask.action.name.into(),
            resource: text,
            outcome,
            reason: None,
            count: 1,
            detail: Detail::default(),
        }
    }
}

impl<Q: Question> Permitted<'_, Q> {
    /// The fact that this was done, for an origin that commits it together with
    /// the change itself and then says so by [`Answer::recorded`].
    pub fn fact(&self, clock: &Clock, random: &Random) -> Fact {
        Fact::of(clock, random, self.request, Some(self.identity), self.ask(), Outcome::Done)
    }
}

/// A request on its way from permit to append. Dropped in between, it was
/// abandoned by its caller, which is recorded too.
struct Entry<'a, G: Gate, P: Policy, L: Ledger, Q: Question> {
    serve: &'a Serve<G, P, L>,
    permitted: &'a Permitted<'a, Q>,
    held: &'a Held,
    settled: bool,
}

impl<'a, G: Gate, P: Policy, L: Ledger, Q: Question> Entry<'a, G, P, L, Q> {
    fn new(serve: &'a Serve<G, P, L>, permitted: &'a Permitted<'a, Q>, held: &'a Held) -> Self {
        Self { serve, permitted, held, settled: false }
    }

    fn settle(mut self) -> (&'a Permitted<'a, Q>, &'a Held) {
        self.settled = true;
        (self.permitted, self.held)
    }
}

impl<G: Gate, P: Policy, L: Ledger, Q: Question> Drop for Entry<'_, G, P, L, Q> {
    fn drop(&mut self) {
        if !self.settled {
            self.serve.signals.ended(self.permitted.request, Outcome::Abandoned, &self.serve.clock);
            let fact = self.serve.fact(self.permitted, Outcome::Abandoned);
            self.serve.ledger.note(fact);
        }
    }
}

/// A stage was reached without a caller.
pub static NOBODY: crate::Code = crate::Code::new(
    crate::Kind::Unknown,
    "flow-nobody",
    "Nobody was recognised",
    "present a credential",
);

/// The path's own numbers. Summed requests are not counted here one by one: the
/// ledger counts them when it collects their tallies.
#[derive(Debug)]
struct Signals {
    ended: Vec<(&'static str, Outcome, Arc<Counter>)>,
    recognise: Arc<Histogram>,
    permit: Arc<Histogram>,
    whole: Arc<Histogram>,
}

impl Signals {
    fn new(registry: &Registry) -> Self {
        let doors = [Door::Http, Door::Local, Door::Resp, Door::Authz, Door::Inside];
        let counter = |door: Door, outcome: Outcome| {
            let labels = [("door", door.name()), ("outcome", outcome.name())];
            registry.counter("stockade_flow_requests_total", "Requests by how they ended", &labels)
        };
        let ended = doors
            .iter()
            .flat_map(|door| {
                Outcome::ALL.map(|outcome| (door.name(), outcome, counter(*door, outcome)))
            })
            .collect();
        let stage = |stage| {
            let help = "Time spent in a stage of the path";
            registry.histogram("stockade_flow_stage_seconds", help, &[("stage", stage)])
        };
        Self {
            ended,
            recognise: stage("recognise"),
            permit: stage("permit"),
            whole: stage("whole"),
        }
    }

    fn ended(&self, request: &Request<'_>, outcome: Outcome, clock: &Clock) {
        let door = request.door.name();
        let same = |(at, ended, _): &&(&str, Outcome, _)| *at == door && *ended == outcome;
        if let Some((_, _, counter)) = self.ended.iter().find(same) {
            counter.add(1);
        }
        let took = clock.moment().since(request.at);
        self.whole.time(took);
        tracing::debug!(request = %request.id, door, outcome = outcome.name(), ?took, "request ended");
    }
}
