//! What the path expects of its stages. Each is plain enough to be written in a
//! few lines for a test, and may be a trait object or a concrete type.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::allowance::Allowance;
use crate::body::Body;
use crate::error::{Code, Kind, Result};
use crate::fact::{Class, Detail, Fact, Outcome, Tally};
use crate::identity::Identity;
use crate::permit::{Grant, Permitted};
use crate::request::{Ask, Question, Request};
use crate::step::Step;

/// Who is asking, is it sane, is it too fast? Fails closed.
pub trait Gate: Send + Sync {
    /// A place among the requests under way, held until the answer; or that there are too
    /// many, before anybody looks who is asking.
    fn enter(&self, _: &Request<'_>, _: Ask<'_>) -> Result<Option<Entered>> {
        Ok(None)
    }

    /// Who is asking. Observes the principal's epoch before it reads anything
    /// about them.
    fn recognise<'a>(&'a self, request: &'a Request<'a>) -> Step<'a, Result<Arc<Identity>>>;

    /// The same caller as they stand now, after their epoch changed: for
    /// subscriptions, which do not keep the credential they were opened with.
    fn renew<'a>(&'a self, identity: &'a Identity) -> Step<'a, Result<Arc<Identity>>>;

    /// Whether this request may enter at this moment. Asked for every request,
    /// also of callers known from the one before.
    fn admit<'a>(
        &'a self,
        request: &'a Request<'a>,
        identity: &'a Identity,
        ask: Ask<'a>,
    ) -> Step<'a, Result<()>>;

    /// What this caller may still ask, of the limit that leaves them the least. Asked
    /// after a request was admitted whose rate counts.
    fn allowance(&self, _: &Request<'_>, _: &Identity, _: Ask<'_>) -> Option<Allowance> {
        None
    }

    /// How a request of a known caller ended whose rate counts, or which came by HTTP and is
    /// recorded by itself.
    fn noticed(&self, _: &Noticed<'_>) {}

    /// Somebody asked a door for a path where nothing is served. Nobody was recognised for
    /// that: `identity` is who was known from requests before.
    fn strayed(&self, _: &Request<'_>, _identity: Option<&Identity>, _path: &str) {}

    /// Somebody to look at a body as it passes, where that is wanted.
    fn inspector(&self, _identity: &Identity, _ask: Ask<'_>) -> Option<Box<dyn Inspector>> {
        None
    }
}

/// A request that ended, as the gate hears of it.
#[derive(Debug, Clone, Copy)]
pub struct Noticed<'a> {
    /// Which.
    pub request: &'a Request<'a>,
    /// Whose.
    pub identity: &'a Identity,
    /// What was asked.
    pub ask: Ask<'a>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, where it was not done.
    pub code: Option<&'static Code>,
    /// After how long.
    pub took: Duration,
    /// How many bytes it brought; 0 where that is not known.
    pub bytes: u64,
}

/// Something that is held while a request is under way.
pub type Entered = Box<dyn std::any::Any + Send + Sync>;

/// More is asked than can be done in good time.
pub static OVERLOADED: Code = Code::new(
    Kind::Busy,
    "flow-overloaded",
    "More is asked than can be done at the moment",
    "ask again in a moment, and less of it; `gate.limits.adaptive` says how it is decided",
);

/// Looks at a body as it passes; its error aborts the request before commit.
pub trait Inspector: Send {
    /// Looks at the next piece.
    fn inspect(&mut self, piece: &Bytes) -> Result<()>;

    /// The body ended.
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

/// May they? Fails closed.
pub trait Policy: Send + Sync {
    /// A grant, or the refusal to answer with.
    fn permit<'a>(
        &'a self,
        request: &'a Request<'a>,
        identity: &'a Identity,
        ask: Ask<'a>,
    ) -> Step<'a, Result<Grant>>;
}

/// What happened? Fails closed for durable facts only.
pub trait Ledger: Send + Sync {
    /// Records a fact as safely as its class says. A fact that is merely logged
    /// is taken at once or counted as lost, unless the ledger is a strict one; a durable
    /// one may take a while, and its failure is the caller's business.
    fn append(&self, class: Class, fact: Fact) -> Step<'_, Result<()>>;

    /// Records a fact that nobody waits for: it is taken at once or counted as lost.
    fn note(&self, fact: Fact) {
        drop(self.append(Class::Logged, fact));
    }

    /// A tally for facts that look like `about`, collected once a second until
    /// its last holder is gone.
    fn tally(&self, about: Fact) -> Arc<Tally>;
}

/// Where answers come from. Implementations demand a [`Permitted`] of the very
/// question they answer.
pub trait Origin<Q: Question>: Send + Sync {
    /// Answers the question.
    fn answer<'a>(&'a self, permitted: &'a Permitted<'a, Q>)
    -> Step<'a, Result<Answer<Q::Answer>>>;
}

/// An origin that takes a body.
pub trait Intake<Q: Question>: Send + Sync {
    /// Takes the body to its end, then commits and answers. An error from the
    /// body aborts: nothing of it may be visible afterwards.
    fn take<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Q>,
        body: Body,
    ) -> Step<'a, Result<Answer<Q::Answer>>>;
}

/// An origin's answer, and what is to be said of it in the record.
#[derive(Debug)]
pub struct Answer<T> {
    pub(crate) value: T,
    pub(crate) outcome: Outcome,
    pub(crate) recorded: bool,
    pub(crate) detail: Detail,
}

impl<T> Answer<T> {
    /// It was done.
    pub fn done(value: T) -> Self {
        Self { value, outcome: Outcome::Done, recorded: false, detail: Detail::default() }
    }

    /// There was nothing there, which is an answer too.
    pub fn missing(value: T) -> Self {
        Self { outcome: Outcome::Missing, ..Self::done(value) }
    }

    /// It was allowed and did not work, and how it did not is the answer.
    pub fn failed(value: T) -> Self {
        Self { outcome: Outcome::Failed, ..Self::done(value) }
    }

    /// It was opened, and its end will be recorded too.
    pub(crate) fn opened(mut self) -> Self {
        self.outcome = Outcome::Opened;
        self
    }

    /// The fact was committed in the same transaction as the change itself; the
    /// path need not record it again.
    #[must_use]
    pub fn recorded(mut self) -> Self {
        self.recorded = true;
        self
    }

    /// The same answer, told differently.
    pub fn map<U>(self, tell: impl FnOnce(T) -> U) -> Answer<U> {
        let Self { value, outcome, recorded, detail } = self;
        Answer { value: tell(value), outcome, recorded, detail }
    }

    /// What else an auditor should know.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Detail>) -> Self {
        self.detail = detail.into();
        self
    }
}

macro_rules! stages_can_be_shared {
    ($($pointer:ident),*) => {$(
        impl<G: Gate + ?Sized> Gate for $pointer<G> {
            fn enter(&self, request: &Request<'_>, ask: Ask<'_>) -> Result<Option<Entered>> {
                (**self).enter(request, ask)
            }

            fn recognise<'a>(&'a self, request: &'a Request<'a>) -> Step<'a, Result<Arc<Identity>>> {
                (**self).recognise(request)
            }

            fn renew<'a>(&'a self, identity: &'a Identity) -> Step<'a, Result<Arc<Identity>>> {
                (**self).renew(identity)
            }

            fn admit<'a>(
                &'a self,
                request: &'a Request<'a>,
                identity: &'a Identity,
                ask: Ask<'a>,
            ) -> Step<'a, Result<()>> {
                (**self).admit(request, identity, ask)
            }

            fn allowance(
                &self,
                request: &Request<'_>,
                identity: &Identity,
                ask: Ask<'_>,
            ) -> Option<Allowance> {
                (**self).allowance(request, identity, ask)
            }

            fn inspector(&self, identity: &Identity, ask: Ask<'_>) -> Option<Box<dyn Inspector>> {
                (**self).inspector(identity, ask)
            }
        }

        impl<P: Policy + ?Sized> Policy for $pointer<P> {
            fn permit<'a>(
                &'a self,
                request: &'a Request<'a>,
                identity: &'a Identity,
                ask: Ask<'a>,
            ) -> Step<'a, Result<Grant>> {
                (**self).permit(request, identity, ask)
            }
        }

        impl<L: Ledger + ?Sized> Ledger for $pointer<L> {
            fn append(&self, class: Class, fact: Fact) -> Step<'_, Result<()>> {
                (**self).append(class, fact)
            }

            fn note(&self, fact: Fact) {
                (**self).note(fact);
            }

            fn tally(&self, about: Fact) -> Arc<Tally> {
                (**self).tally(about)
            }
        }
    )*};
}

stages_can_be_shared!(Arc);
