//! The vocabulary of Stockade, and the one path every request takes.
//!
//! ```text
//! door ─▶ Request ─▶ gate.admit ─▶ Admitted ─▶ policy.permit ─▶ Permitted ─▶ origin
//!                     every outcome, refusals too ─▶ Fact ─▶ ledger
//! ```
//!
//! This crate says *what* a request, an identity, a permit, an answer and a fact
//! are, and in which order the stages see them. It deliberately does no I/O,
//! knows no protocol, and imports none of its siblings; they meet in the binary.
//!
//! ```
//! # use flow::*; use flow::{fact::*, identity::*, request::*, question::cache::*, stage::*};
//! # use std::{sync::Arc, time::Duration};
//! # struct Open(Arc<Revisions>); struct Quiet; struct Map;
//! # impl Gate for Open {
//! #   fn recognise<'a>(&'a self, _: &'a Request<'a>) -> Step<'a, Result<Arc<Identity>>> {
//! #     let (tenant, name): (Arc<str>, Arc<str>) = (MAIN.into(), "ann".into());
//! #     let epoch = self.0.observe(&tenant, &name);
//! #     Step::Now(Ok(Arc::new(Identity::new(Principal::Human, tenant, name, [].into(), "key:1".into(), epoch))))
//! #   }
//! #   fn renew<'a>(&'a self, _: &'a Identity) -> Step<'a, Result<Arc<Identity>>> { unimplemented!() }
//! #   fn admit<'a>(&'a self, _: &'a Request<'a>, _: &'a Identity, _: Ask<'a>) -> Step<'a, Result<()>> { Step::Now(Ok(())) }
//! # }
//! # impl Policy for Quiet {
//! #   fn permit<'a>(&'a self, _: &'a Request<'a>, _: &'a Identity, _: Ask<'a>) -> Step<'a, Result<Grant>> {
//! #     Step::Now(Ok(Grant { scope: Scope::Namespace, lifetime: Duration::from_secs(60), reason: "open".into() }))
//! #   }
//! # }
//! # impl Ledger for Quiet {
//! #   fn append(&self, _: Class, _: Fact) -> Step<'_, Result<()>> { Step::Now(Ok(())) }
//! #   fn tally(&self, about: Fact) -> Arc<Tally> { Arc::new(Tally::new(about)) }
//! # }
//! # impl<'q> Origin<Get<'q>> for Map {
//! #   fn answer<'a>(&'a self, _: &'a Permitted<'a, Get<'q>>) -> Step<'a, Result<Answer<Option<Found>>>> {
//! #     Step::Now(Ok(Answer::missing(None)))
//! #   }
//! # }
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! # let (clock, random, revisions) = (Clock::system(), Random::system(), Arc::new(Revisions::default()));
//! let stages = Stages { gate: Open(revisions.clone()), policy: Quiet, ledger: Quiet };
//! let (serve, _) = Serve::new(stages, revisions, clock.clone(), random.clone(), &Default::default());
//!
//! let request = Request {
//!     id: random.id(clock.now()),
//!     at: clock.moment(),
//!     door: Door::Http,
//!     credential: Credential::Bearer("…"),
//!     peer: None,
//!     agent: "",
//! };
//! let question = Get { namespace: "sessions", key: b"ann" };
//! let answer = serve.once(&mut Lane::default(), &request, &Map, question).await.unwrap();
//! assert_eq!(answer, None);
//! # });
//! ```
//!
//! In reading order: [`request`] and [`question`] say what can be asked,
//! [`identity`] by whom, [`serve`] is the path through the [`stage`]s, [`permit`]
//! the proof of having gone it, [`revision`] what can end a permit, [`fact`] what
//! is recorded. [`feed`] connects nodes; [`clock`], [`random`], [`signal`],
//! [`error`] and [`unit`] are the ground all crates stand on.

pub mod allowance;
pub mod body;
pub mod certificate;
pub mod clock;
pub mod crowd;
pub mod error;
pub mod fact;
pub mod feed;
pub mod identity;
pub mod network;
pub mod permit;
pub mod question;
pub mod random;
pub mod request;
pub mod revision;
pub mod rights;
pub mod serve;
pub mod signal;
pub mod stage;
pub mod step;
pub mod stripe;
pub mod unit;

pub use allowance::Allowance;
pub use body::{Body, BoxStream};
pub use certificate::Certificate;
pub use clock::{Clock, Moment, Time};
pub use error::{Code, Error, Kind, Result};
pub use fact::{Class, Detail, Fact, Outcome, Tally};
pub use feed::{Feed, Revised};
pub use identity::{Identity, Principal, System};
pub use network::Network;
pub use permit::{Grant, Permit, Permitted, Scope};
pub use question::Plane;
pub use random::{Id, Random};
pub use request::{Action, Ask, Credential, Door, Question, Request, Resource};
pub use revision::{Epoch, Revisions};
pub use rights::{Clearance, Rights};
pub use serve::Stages;
pub use serve::{Lane, Serve};
pub use stage::{Answer, Gate, Inspector, Intake, Ledger, Origin, Policy};
pub use step::{BoxFuture, Step};
