//! Questions about bundles: policies and documents that come together.

use std::sync::Arc;

use super::admin::action;
use crate::clock::Time;
use crate::fact::Class;
use crate::request::{Action, Pace, Question, Resource};
use crate::stage::Origin;

static ACTIVATE: Action = act("bundle.activate", Class::Durable);
static DELETE: Action = act("bundle.delete", Class::Durable);
static LIST: Action = act("bundle.list", Class::Logged);
// Whoever may know how the parts are may know this, and is not counted for it once more.
static STATES: Action = act("status.read", Class::Summed);

const fn act(name: &'static str, class: Class) -> Action {
    Action { pace: Pace::Load, ..action(name, class) }
}

/// A bundle that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleInfo {
    /// By what it is called.
    pub name: String,
    /// Which revision it says it is; may be empty.
    pub revision: String,
    /// SHA-256 of what is in it, in base 16.
    pub digest: String,
    /// The places in the data that are its alone; the empty one is all of it.
    pub roots: Vec<String>,
    /// Since when.
    pub at: Time,
    /// Who put it there.
    pub by: String,
}

/// How it is going with a bundle that is polled, on the node that is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BundlePoll {
    /// When one was last fetched.
    pub downloaded: Option<Time>,
    /// When one was last put in force, or found to be it.
    pub activated: Option<Time>,
    /// The code and the sentence of what went wrong the last time, if it did.
    pub failure: Option<(&'static str, String)>,
}

/// How it is going with a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleState {
    /// By what it is called.
    pub name: String,
    /// What is in force of it, if anything is.
    pub active: Option<BundleInfo>,
    /// How it comes here, where it is polled.
    pub polled: Option<BundlePoll>,
}

/// Puts a bundle in force, in the place of the one with its name.
#[derive(Clone, Copy)]
pub struct PutBundle<'a> {
    /// By what it is called.
    pub name: &'a str,
    /// The archive.
    pub archive: &'a [u8],
    /// Whether it is only looked at, and nothing changed.
    pub dry_run: bool,
}

impl std::fmt::Debug for PutBundle<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PutBundle({}…)", self.name)
    }
}

/// What came of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activated {
    /// What is in force now, or would be.
    pub bundle: BundleInfo,
    /// The revision of policies and data it is in force from.
    pub revision: Arc<str>,
    /// Whether something else was in force before.
    pub changed: bool,
    /// How many policies are in it.
    pub policies: usize,
    /// How many tests in it were run.
    pub tests: usize,
    /// What is passed over, and why.
    pub warnings: Vec<String>,
}

impl Question for PutBundle<'_> {
    type Answer = Activated;

    fn action(&self) -> &'static Action {
        &ACTIVATE
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "bundle", namespace: "", name: self.name.as_bytes() }
    }

    fn bytes(&self) -> u64 {
        self.archive.len() as u64
    }
}

/// Takes a bundle out of force, and everything that came with it.
#[derive(Debug, Clone, Copy)]
pub struct DeleteBundle<'a> {
    /// Which.
    pub name: &'a str,
}

impl Question for DeleteBundle<'_> {
    /// Whether there was one.
    type Answer = bool;

    fn action(&self) -> &'static Action {
        &DELETE
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "bundle", namespace: "", name: self.name.as_bytes() }
    }
}

/// The tenant's bundles, those that are polled and not there yet too.
#[derive(Debug, Clone, Copy)]
pub struct ListBundles<'a> {
    /// Behind this name.
    pub after: &'a str,
    /// At most so many.
    pub limit: u32,
}

impl Question for ListBundles<'_> {
    type Answer = Vec<BundleState>;

    fn action(&self) -> &'static Action {
        &LIST
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "bundle", namespace: "", name: &[] }
    }
}

/// The same, for whoever asks how Stockade is.
#[derive(Debug, Clone, Copy)]
pub struct BundleStates;

impl Question for BundleStates {
    type Answer = Vec<BundleState>;

    fn action(&self) -> &'static Action {
        &STATES
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "status", namespace: "", name: &[] }
    }
}

macro_rules! answers {
    ($($question:ty),*) => {
        /// Whoever answers every question of this part.
        pub trait Answers: $(for<'q> Origin<$question> +)* Send + Sync {}

        impl<T: $(for<'q> Origin<$question> +)* Send + Sync> Answers for T {}
    };
}

answers!(PutBundle<'q>, DeleteBundle<'q>, ListBundles<'q>, BundleStates);
