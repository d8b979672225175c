//! The numbers of the groups.

use std::sync::Arc;

use flow::signal::{Counter, Registry};

pub(super) struct Signals {
    pub(super) delivered: Arc<Counter>,
    pub(super) acknowledged: Arc<Counter>,
    pub(super) again: Arc<Counter>,
    pub(super) parked: Arc<Counter>,
}

impl Signals {
    pub(super) fn new(registry: &Registry) -> Self {
        let counter = |what| {
            let help = "Events of consumer groups, by what became of them";
            registry.counter("stockade_ledger_group_events_total", help, &[("what", what)])
        };
        Self {
            delivered: counter("delivered"),
            acknowledged: counter("acknowledged"),
            again: counter("again"),
            parked: counter("parked"),
        }
    }
}
