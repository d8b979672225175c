//! Who is asking.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::revision::Epoch;
use crate::rights::Rights;

/// What kind of principal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Principal {
    /// A person.
    Human,
    /// A program.
    Service,
    /// A program that decides for itself what to do next.
    Agent,
    /// A model asked for its opinion.
    Expert,
    /// A part of Stockade at its own work.
    System,
}

impl Principal {
    /// The word used in facts and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Principal::Human => "human",
            Principal::Service => "service",
            Principal::Agent => "agent",
            Principal::Expert => "expert",
            Principal::System => "system",
        }
    }
}

impl std::str::FromStr for Principal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Human, Self::Service, Self::Agent, Self::Expert, Self::System];
        let found = all.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| {
            format!("`{text}` is not a kind of principal; use human, service, agent or expert")
        })
    }
}

/// A part of Stockade that works in the background, under its own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum System {
    /// Starting up and shutting down.
    Server,
    /// Filling caches ahead of time.
    Warmer,
    /// Removing what nothing refers to.
    Sweeper,
    /// Checking stored bytes against their digests.
    Scrubber,
    /// Moving objects to the tier where they belong.
    Lifecycle,
    /// Looking for bundles of policies where they come from.
    Bundles,
}

impl System {
    /// The name in facts.
    pub const fn name(self) -> &'static str {
        match self {
            System::Server => "server",
            System::Warmer => "warmer",
            System::Sweeper => "sweeper",
            System::Scrubber => "scrubber",
            System::Lifecycle => "lifecycle",
            System::Bundles => "bundles",
        }
    }
}

/// The tenant of everyone who was not given another.
pub const MAIN: &str = "main";

/// Somebody the gate has recognised, whatever credential they showed.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Whose data they may see at all.
    pub tenant: Arc<str>,
    /// Their name within the tenant.
    pub name: Arc<str>,
    /// `kind:name`, as facts have it.
    pub actor: Arc<str>,
    /// What they are.
    pub kind: Principal,
    /// What they may act as; never taken from the caller's own words.
    pub roles: Arc<[String]>,
    /// What they are beside that.
    pub rights: Arc<Rights>,
    /// The credential they showed, by its public id: `key:abcd`.
    pub credential: Arc<str>,
    /// Their standing when they were recognised.
    pub epoch: Epoch,
    /// When the credential is over by itself; most never are.
    pub until: Moment,
    /// How often the credential may be shown.
    pub good: Good,
}

/// How often a credential may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Good {
    /// As often as one likes.
    Always,
    /// Once: a door may not take another request for its owner's because it shows the same.
    Once,
}

impl Identity {
    /// A recognised principal.
    pub fn new(
        kind: Principal,
        tenant: Arc<str>,
        name: Arc<str>,
        roles: Arc<[String]>,
        credential: Arc<str>,
        epoch: Epoch,
    ) -> Self {
        let actor = format!("{}:{name}", kind.name()).into();
        let (until, good, rights) = (Moment::NEVER, Good::Always, Arc::default());
        Self { tenant, name, actor, kind, roles, rights, credential, epoch, until, good }
    }

    /// The same, who is more than their roles.
    #[must_use]
    pub fn with_rights(self, rights: Rights) -> Self {
        Self { rights: Arc::new(rights), ..self }
    }

    /// The same, by a credential that is over at a known moment.
    #[must_use]
    pub fn until(self, until: Moment) -> Self {
        Self { until, ..self }
    }

    /// The same, by a credential that is good once.
    #[must_use]
    pub fn once(self) -> Self {
        Self { good: Good::Once, ..self }
    }

    /// Whether they may still be taken for who they were: nothing changed since, and
    /// the credential is not over.
    pub fn holds(&self, now: Moment) -> bool {
        now < self.until && self.epoch.holds()
    }

    /// A part of Stockade itself.
    pub(crate) fn system(system: System) -> Self {
        Self::new(
            Principal::System,
            MAIN.into(),
            system.name().into(),
            [String::from("system")].into(),
            "none".into(),
            Epoch::eternal(),
        )
    }
}
