//! Requests that proxies hold, taken apart and looked into as a whole.
//!
//! A [`Checkpoint`] knows what is done where: it finds the route of a request, reads every name
//! and value as those behind us would, and weighs what the inspector and the operator's own
//! rules say of them. Evidence says in which field something was found and why; never what the
//! field held.

mod config;
mod field;
mod pattern;
mod read;
mod route;
mod rule;
mod search;
mod signal;
mod word;

use std::sync::Arc;

use arc_swap::ArcSwap;
use flow::question::guard::Forward;
use flow::request::Place;
use flow::signal::Registry;
use flow::{Clock, Result};
use serde_json::Value;

use super::{SUSPICIOUS, Verdict};
use crate::codes::{ATTACK, INSPECT, UNREAD};
pub use config::{Config, Exception, Mode, Route, Rule, Unread};
use route::{Held, Routes};
use search::{Bounds, Hit, Search};
use signal::Signals;

/// What was found in a request that may pass.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The kinds of attack that whoever is behind us is told of, the surest first.
    pub kinds: Vec<&'static str>,
    /// How sure that is, from 0 to 1.
    pub score: f32,
    /// What an auditor should know, without any values; null when nothing was found.
    pub record: Value,
}

/// Decides whether requests may pass.
pub struct Checkpoint {
    plan: ArcSwap<Plan>,
    signals: Signals,
    clock: Clock,
}

/// A configuration as it was understood.
struct Plan {
    routes: Routes,
    rules: Vec<rule::Rule>,
    bounds: Bounds,
    unread: Unread,
}

impl Checkpoint {
    /// Understands the configuration, and counts what it finds.
    pub fn new(config: &Config, registry: &Registry) -> Result<Self> {
        let plan = ArcSwap::from_pointee(Plan::new(config)?);
        Ok(Self { plan, signals: Signals::new(registry), clock: Clock::system() })
    }

    /// From now on other routes and rules hold; those that cannot be understood change nothing.
    pub fn reload(&self, config: &Config) -> Result<()> {
        self.plan.store(Arc::new(Plan::new(config)?));
        Ok(())
    }

    /// Whether whoever shows no credential may pass to a place.
    pub fn opens(&self, place: Place<'_>) -> bool {
        let path = place.path.split(['?', '#']).next().unwrap_or_default();
        self.plan.load().routes.opens(place.host, path)
    }

    /// Lets a request pass, or refuses it.
    pub fn pass(&self, forward: &Forward<'_>) -> Result<Seen> {
        let plan = self.plan.load();
        let held = plan.routes.of(forward.method, forward.host, forward.path());
        if held.mode == Mode::Off {
            return Ok(Seen::default());
        }
        let begun = self.clock.moment();
        let mut search = Search::new(held, &plan.rules, plan.bounds);
        read::read(forward, &mut search);
        let (hits, unread) = search.end();
        self.signals.took.time(self.clock.moment().since(begun));
        let unread = unread.filter(|_| plan.unread != Unread::Pass);
        if hits.is_empty() && unread.is_none() {
            return Ok(Seen::default());
        }
        self.judge(&plan, held, &hits, unread)
    }

    fn judge(
        &self,
        plan: &Plan,
        held: Held<'_>,
        hits: &[Hit],
        unread: Option<&'static str>,
    ) -> Result<Seen> {
        let of = |score: f32| match score >= held.threshold {
            true => Verdict::Threat,
            false => Verdict::Suspicious,
        };
        let mut score = hits.first().map_or(0.0, |hit| hit.score);
        let mut kinds = search::kinds(hits);
        for kind in &kinds {
            let surest = hits.iter().find(|hit| hit.kind == *kind).map_or(0.0, |hit| hit.score);
            self.signals.found(kind, of(surest), held.mode);
        }
        if unread.is_some() {
            score = score.max(SUSPICIOUS);
            let name = super::Kind::Unread.name();
            self.signals.found(name, Verdict::Suspicious, held.mode);
            if !kinds.contains(&name) {
                kinds.push(name);
            }
        }
        let verdict = of(score);
        let record = search::record(held.mode, verdict, hits, unread);
        if held.mode == Mode::Block && !hits.is_empty() && verdict == Verdict::Threat {
            let kinds = kinds.join("`, `");
            let sentence = format!("the request holds what looks like `{kinds}`");
            return Err(ATTACK.error(sentence).with_record(record));
        }
        if let (Mode::Block, Unread::Block, Some(why)) = (held.mode, plan.unread, unread) {
            return Err(UNREAD.error(why).with_record(record));
        }
        match held.mode {
            Mode::Observe => Ok(Seen { record, ..Seen::default() }),
            _ => Ok(Seen { kinds, score, record }),
        }
    }
}

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Checkpoint(…)")
    }
}

impl Config {
    /// Whether all of it can be understood, and every rule passes its own tests.
    pub fn check(&self) -> Result<()> {
        Plan::new(self).map(drop)
    }
}

impl Plan {
    fn new(config: &Config) -> Result<Self> {
        let rules = rule::rules(&config.rules)?;
        let own: Vec<_> = rules.iter().map(|rule| rule.kind).collect();
        let zero = |what: &str| {
            let error = INSPECT.error(format!("`{what}` is `0`"));
            Err(error.with_advice("write how much is read, at least 1; mode `off` reads nothing"))
        };
        match config {
            Config { body_max: flow::unit::Size(0), .. } => return zero("body_max"),
            Config { fields_max: 0, .. } => return zero("fields_max"),
            Config { depth_max: 0, .. } => return zero("depth_max"),
            _ => {}
        }
        route::threshold(config.threshold)?;
        let bounds = Bounds {
            fields_max: config.fields_max,
            depth_max: config.depth_max,
            body_max: usize::try_from(config.body_max.0).unwrap_or(usize::MAX),
        };
        Ok(Self { routes: Routes::new(config, &own)?, rules, bounds, unread: config.unread })
    }
}

#[cfg(test)]
mod tests;
