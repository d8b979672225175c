//! What comes behind policies: whom else to ask, and what holds where nobody knows.
//!
//! A decision that policies leave open goes, nearest first, to what somebody decided about this
//! very case, to what an expert said of it a while ago, to what was learned from decisions about
//! others, to experts, and at last to what holds by
//! default; then it is put before people, and nobody waits for them. Only the answer of an expert
//! is remembered, and only with the edition it was given under.
//!
//! Policies may also be those of another server ([`Remote`]), which is asked in their place.

mod behind;
mod case;
mod config;
mod expert;
mod pattern;
mod queue;
mod remote;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use flow::question::policy::{Decide, Tier};
use flow::signal::{Counter, Registry};
use flow::{Clock, Moment, Random, Result};
use pool::sql::Sql;
use rego::Value;

pub(crate) use behind::{Behind, Reviewed, Ways};
pub use case::Case;
pub(crate) use case::shown;
pub use config::{Escalations, Experts, Fallback, Review, Scripted};
pub use expert::Expert;
pub use pattern::Pattern;
pub use queue::Queue;
pub(crate) use remote::Heard;
pub use remote::{Otherwise, Remote};
pub use verdict::Verdict;
pub(crate) use verdict::is_open;

use crate::book::{Book, Edition};
use crate::codes::TIERS;
use crate::data;
use crate::world::Present;
use expert::{Panel, Script};
use pattern::Patterns;
use queue::Filed;
use remote::Server;

/// Everything behind policies.
pub struct Tiers {
    config: crate::Config,
    clock: Clock,
    random: Random,
    queue: Arc<Queue>,
    patterns: Arc<Patterns>,
    panel: Panel,
    servers: BTreeMap<Arc<str>, Server>,
    decided: BTreeMap<Tier, Arc<Counter>>,
}

impl std::fmt::Debug for Tiers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tiers({} reviews)", self.config.review.len())
    }
}

/// A decision that policies left open.
pub(crate) struct Left<'a> {
    pub(crate) tenant: &'a Arc<str>,
    pub(crate) edition: &'a Edition,
    pub(crate) reviewed: &'a Reviewed,
    /// Whether policies would say the same tomorrow.
    pub(crate) steady: bool,
    pub(crate) input: Option<Value>,
    /// Nobody is waited for longer.
    pub(crate) until: Moment,
}

impl Tiers {
    /// What is configured, with the experts that are documents.
    pub fn open(
        config: &crate::Config,
        book: &Arc<Book>,
        (clock, random): (&Clock, &Random),
        registry: &Registry,
    ) -> Result<Self> {
        config.review.iter().try_for_each(|(path, review)| check(path, review))?;
        let sql = book.sql().clone();
        let patterns = Patterns::new(sql.clone(), clock.clone(), config.pattern.clone());
        let patterns = Arc::new(patterns);
        let around = (clock.clone(), random.clone());
        let queue = Queue::new(sql, around, config, patterns.clone());
        let mut panel = Panel::new(config.experts.clone(), clock.clone(), registry.clone());
        for (name, scripted) in &config.experts.scripted {
            panel.seat(Arc::new(Script {
                name: name.clone(),
                document: data::path(&scripted.document)?,
                book: book.clone(),
                config: config.clone(),
                clock: clock.clone(),
                random: random.clone(),
            }));
        }
        let server = |(prefix, remote): (&String, &Remote)| {
            let server = Server::new(prefix, remote, (clock, random), registry)?;
            Ok((Arc::from(prefix.as_str()), server))
        };
        let servers = config.remote.iter().map(server).collect::<Result<_>>()?;
        let counter = |tier: Tier| {
            let (name, labels) =
                ("stockade_policy_reviewed_decisions_total", [("tier", tier.name())]);
            let what =
                "Decisions that have something behind their policies, by who knew the answer";
            (tier, registry.counter(name, what, &labels))
        };
        Ok(Self {
            config: config.clone(),
            clock: clock.clone(),
            random: random.clone(),
            queue: Arc::new(queue),
            patterns,
            panel,
            servers,
            decided: Tier::ALL.into_iter().map(counter).collect(),
        })
    }

    /// With another expert, who is asked behind those before.
    #[must_use]
    pub fn with_expert(mut self, expert: Arc<dyn Expert>) -> Self {
        self.panel.seat(expert);
        self
    }

    /// The cases that wait for people.
    pub fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// What the server behind a prefix makes of an input.
    pub(crate) async fn hear(
        &self,
        prefix: &str,
        asked: &Decide<'_>,
        input: Option<&Value>,
    ) -> Result<Heard> {
        match self.servers.get(prefix) {
            Some(server) => server.ask(asked, input).await,
            None => Ok(Heard::Nothing),
        }
    }

    pub(crate) fn count(&self, tier: Tier) {
        if let Some(counter) = self.decided.get(&tier) {
            counter.add(1);
        }
    }

    /// Who knows what policies do not, and what they say. What people decided is read each time:
    /// where that cannot be, nothing is decided, because it may be the opposite.
    pub(crate) async fn review(&self, left: &Left<'_>) -> Result<(Bytes, Tier)> {
        let Left { tenant, edition, reviewed, .. } = left;
        let (path, places, masks) = (&reviewed.path, &reviewed.shown, edition.masks());
        let case = Case::new(tenant, path, left.input.as_ref(), places, masks);
        let filed = match case.is_empty() {
            true => None,
            false => Some(self.queue.find(&case).await?),
        };
        // A word that is no decision any more is none: somebody has to decide anew.
        let ruled = match &filed {
            Some(Filed::Decided(ruling)) => {
                let said = Verdict::sure(&ruling.decision, ruling.reason.as_str());
                said.checked(&reviewed.review).ok()
            }
            _ => None,
        };
        let (verdict, tier) = match ruled {
            Some(verdict) => (verdict, Tier::Human),
            None => self.guess(left, &case).await,
        };
        match &filed {
            Some(filed) if tier == Tier::Default => self.queue.file(&case, filed).await,
            None => tracing::debug!(path = &*case.path, "a case shows nothing, so nobody sees it"),
            Some(_) => {}
        }
        Ok((verdict.written(tier, edition.name()), tier))
    }

    /// What those say who can be mistaken, or what holds where they say nothing.
    async fn guess(&self, left: &Left<'_>, case: &Case) -> (Verdict, Tier) {
        let review = &left.reviewed.review;
        let said = review.experts.then(|| left.edition.ways.said(&case.key, self.clock.moment()));
        if let Some(verdict) = said.flatten() {
            return (verdict, Tier::Expert);
        }
        let learned = (review.pattern && !case.is_empty()).then(|| self.patterns.ask(case));
        if let Some(Ok(verdict)) = learned.flatten().map(|verdict| verdict.checked(review)) {
            return (verdict, Tier::Pattern);
        }
        match self.ask_experts(left, case).await {
            Some(verdict) => (verdict, Tier::Expert),
            None => (self.fall_back(left), Tier::Default),
        }
    }

    async fn ask_experts(&self, left: &Left<'_>, case: &Case) -> Option<Verdict> {
        let review = &left.reviewed.review;
        if !review.experts {
            return None;
        }
        let verdict = self.panel.ask(case, review, left.until).await?;
        if review.pattern && !case.is_empty() {
            self.patterns.record(case, &verdict.decision).await;
        }
        // One answer for everything that shows nothing would be a rule nobody wrote.
        if left.steady && !review.remember.0.is_zero() && !case.is_empty() {
            let until = self.clock.moment().after(review.remember.0);
            left.edition.ways.say(&case.key, verdict.clone(), until);
        }
        Some(verdict)
    }

    /// What holds where nobody knows.
    fn fall_back(&self, left: &Left<'_>) -> Verdict {
        let review = &left.reviewed.review;
        if let Some((path, pass)) = left.reviewed.safe_when.as_ref().zip(review.decisions.first()) {
            let around = (&self.config, &self.clock, &self.random);
            match evaluate(around, left.edition, path, left.input.clone()) {
                Ok(Some(Value::Bool(true))) => {
                    let reason =
                        format!("nobody knows, and `{}` says it is safe", review.safe_when);
                    return Verdict::sure(pass, reason);
                }
                Ok(_) => {}
                Err(error) => {
                    let (path, error) = (&*review.safe_when, error.story());
                    tracing::warn!(path, %error, "whether it is safe was not found out");
                }
            }
        }
        Verdict {
            confidence: 0.0,
            ..Verdict::sure(&review.default.decision, &*review.default.reason)
        }
    }
}

/// Makes the tables of all that is kept here.
pub(crate) async fn prepare(sql: &dyn Sql, clock: &Clock) -> Result<()> {
    queue::prepare(sql, clock).await?;
    pattern::prepare(sql, clock).await
}

/// What a review says has to be understood where it goes, and lead somewhere.
fn check(path: &str, review: &Review) -> Result<()> {
    data::path(path)?;
    data::path(&review.safe_when)?;
    let known = &review.decisions;
    let wrong = |story: String| Err(TIERS.error(format!("`policy.review.{path}`: {story}")));
    if let Some(open) = known.iter().find(|word| matches!(&***word, "escalate" | "review" | "")) {
        return wrong(format!("`{open}` decides nothing"));
    }
    match known.contains(&review.default.decision) {
        true => Ok(()),
        false => {
            let known = known.join("`, `");
            wrong(format!("the default `{}` is none of `{known}`", review.default.decision))
        }
    }
}

/// What a document is, for an input, by an edition.
fn evaluate(
    (config, clock, random): (&crate::Config, &Clock, &Random),
    edition: &Edition,
    path: &[Value],
    input: Option<Value>,
) -> Result<Option<Value>> {
    let world = Present::until(clock, random, clock.moment().after(config.timeout.0));
    let (data, steps_max) = (edition.data().clone(), config.steps_max);
    let ask = rego::Ask { input, data, world: &world, strict: false, steps_max };
    edition.program().document(path, &ask).map_err(|error| crate::told::failed(&error))
}
