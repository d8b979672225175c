//! The limits there are, and how often each of them refused.

use std::sync::Arc;

use flow::signal::{Counter, Registry};

use crate::limit::Mode;

/// The limits there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Limit {
    Principal,
    Address,
    Stranger,
    Route,
    Tenant,
}

impl Limit {
    pub(super) const ALL: [Limit; 5] =
        [Limit::Principal, Limit::Address, Limit::Stranger, Limit::Route, Limit::Tenant];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Limit::Principal => "principal",
            Limit::Address => "address",
            Limit::Stranger => "stranger",
            Limit::Route => "route",
            Limit::Tenant => "tenant",
        }
    }
}

/// Refusals by limit, and those there would have been.
pub(super) struct Signals(pub(super) Vec<(Limit, Mode, Arc<Counter>)>);

impl Signals {
    pub(super) fn new(registry: &Registry) -> Self {
        let counter = |limit: Limit, mode: Mode| {
            let help = "Requests that were too fast, by limit; let in all the same in shadow mode";
            let mode = if mode == Mode::Shadow { "shadow" } else { "enforce" };
            let labels = [("limit", limit.name()), ("mode", mode)];
            registry.counter("stockade_gate_too_fast_total", help, &labels)
        };
        let all = Limit::ALL.into_iter().flat_map(|limit| {
            [Mode::Enforce, Mode::Shadow].map(|mode| (limit, mode, counter(limit, mode)))
        });
        Self(all.collect())
    }

    pub(super) fn refused(&self, limit: Limit, mode: Mode) {
        if let Some((_, _, counter)) =
            self.0.iter().find(|(of, under, _)| (*of, *under) == (limit, mode))
        {
            counter.add(1);
        }
    }
}
