//! What happened somewhere makes values untrue here.
//!
//! Every effect is a purge like any other, so it reaches all tiers and nodes, and whatever
//! depends on what it purged in turn.

mod details;
mod recent;
#[cfg(test)]
mod tests;
pub mod trigger;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};

use flow::BoxFuture;
use flow::feed::Purge;

use crate::cache::{Cache, Shared};
use crate::rules::{At, Cause, Dependence, Resolved, Warmup};

pub use details::Details;
pub(crate) use recent::Recent;

/// Does what depends on a purge.
pub(crate) type After = Arc<dyn Fn(Purge) -> BoxFuture<'static, ()> + Send + Sync>;

/// What something that happened led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effect {
    /// How many purges.
    pub purges: u64,
    /// Values dropped from the memory of this node.
    pub dropped: u64,
    /// How many times a namespace is to be filled.
    pub warmups: u64,
}

/// An event that namespaces may be filled for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// To whom it happened.
    pub tenant: Box<str>,
    /// What happened.
    pub event: Box<str>,
    /// The one namespace that is to know, or all.
    pub only: Option<Box<str>>,
}

impl Happening {
    /// Whether a namespace is to be filled so now.
    pub fn begins(&self, namespace: &str, warmup: &Warmup) -> bool {
        let here = self.only.as_ref().is_none_or(|only| **only == *namespace);
        let now = matches!(&warmup.at, At::Event(event) if *event == self.event);
        here && now && warmup.tenant == self.tenant
    }
}

/// What each namespace depends on.
#[derive(Default)]
pub(crate) struct Dependences(Vec<(Box<str>, Dependence)>);

impl Dependences {
    pub(crate) fn of(rules: &BTreeMap<Box<str>, Arc<Resolved>>) -> Self {
        let each = rules.iter().flat_map(|(name, rules)| {
            let own = rules.depends_on.to_vec();
            own.into_iter().map(|one| (name.clone(), one))
        });
        Self(each.collect())
    }

    fn on(&self, cause: &Cause) -> impl Iterator<Item = &(Box<str>, Dependence)> {
        self.0.iter().filter(move |(_, one)| one.on == *cause)
    }

    /// What is done after a purge in a namespace, if anything depends on it.
    pub(crate) fn after(&self, cache: &Weak<Shared>, tenant: &str, name: &str) -> Option<After> {
        let cause = Cause::Namespace(name.into());
        self.on(&cause).next()?;
        let (cache, tenant): (_, Box<str>) = (cache.clone(), tenant.into());
        Some(Arc::new(move |what| {
            let (cache, tenant, cause) = (cache.clone(), tenant.clone(), cause.clone());
            Box::pin(async move {
                let Some(cache) = cache.upgrade().map(Cache) else { return };
                for details in Details::of_purge(what) {
                    cache.happened(&tenant, &cause, None, &details).await;
                }
            })
        }))
    }
}

impl Cache {
    /// Purges what depends on something that happened to a tenant, in one namespace or in all,
    /// and then has filled what is to be filled when it happens. What cannot be purged
    /// everywhere at once is owed, and will be.
    pub async fn happened(
        &self,
        tenant: &str,
        cause: &Cause,
        only: Option<&str>,
        details: &Details,
    ) -> Effect {
        let mut effect = Effect::default();
        for (name, one) in self.0.dependences.on(cause) {
            if only.is_some_and(|only| *only != **name) {
                continue;
            }
            let what = one.drops.purge(|place| details.get(place));
            let values = self.namespace(tenant, name);
            effect.purges += 1;
            match values.purge(&what).await {
                Ok(purged) => effect.dropped += purged.memory,
                Err(error) => {
                    tracing::debug!(namespace = %name, error = %error.story(), "a purge is owed");
                }
            }
            if one.refresh {
                values.reload(&what);
            }
        }
        if let Some(event) = cause.event() {
            // What is filled before it is purged would be lost.
            effect.warmups = self.begin(tenant, event, only);
        }
        effect
    }

    /// Has filled what is to be filled when this happens; how many times.
    fn begin(&self, tenant: &str, event: &str, only: Option<&str>) -> u64 {
        let (tenant, event, only) = (tenant.into(), event.into(), only.map(Box::from));
        let happening = Happening { tenant, event, only };
        let all = self.0.warmups();
        let count = all.filter(|(name, warmup)| happening.begins(name, warmup)).count();
        if count > 0 {
            // Where nobody waits for it, nobody hears it.
            let _ = self.0.happening.send(Arc::new(happening));
        }
        count as u64
    }

    /// The events that something depends on, or is filled at.
    pub fn awaited(&self) -> BTreeSet<&str> {
        let filled = self.0.warmups().filter_map(|(_, warmup)| warmup.at.event());
        self.0.dependences.0.iter().filter_map(|(_, one)| one.on.event()).chain(filled).collect()
    }

    /// The tables that something depends on, the columns that are told of their rows, and
    /// whether the triggers that do it are to be made.
    pub fn tables(&self) -> BTreeMap<&str, trigger::Trigger> {
        let mut tables = BTreeMap::<&str, trigger::Trigger>::new();
        for (_, one) in &self.0.dependences.0 {
            let Cause::Table(name) = &one.on else { continue };
            let trigger = tables.entry(name).or_default();
            trigger.install |= one.install;
            let columns = one.drops.places().into_iter();
            let column = |place: &str| place.split('.').next().map(str::to_owned);
            trigger.columns.extend(columns.filter_map(column));
        }
        tables
    }
}
