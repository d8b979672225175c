//! Looking for what may be there: many things asked for that are missing or refused.

use std::time::Duration;

use flow::request::Pace;
use flow::{Ask, Identity, Outcome, Time};
use serde_json::json;

use super::config::Config;
use super::marks::{Marks, Same};
use super::sign::{Kind, Sign};
use super::slots::Slots;
use crate::limit::Subject;

const MINUTE: Duration = Duration::from_secs(60);

/// What each caller did not find within the last minute.
pub(super) struct Scanning {
    most: u32,
    callers: Slots<Marks<64>>,
}

impl Scanning {
    pub(super) fn new(config: &Config) -> Self {
        let callers = Slots::new(config.principals);
        Self { most: config.scanning.clamp(2, 64), callers }
    }

    /// A request of theirs ended so.
    pub(super) fn ended(
        &self,
        identity: &Identity,
        ask: Ask<'_>,
        outcome: Outcome,
        now: Time,
    ) -> Option<Sign> {
        let Ask { action, resource, .. } = ask;
        // Asking a store whether it has something is what programs do all day.
        let counts = action.pace == Pace::Rate;
        if !counts || !matches!(outcome, Outcome::Missing | Outcome::Refused) {
            return None;
        }
        let what = (action.name, resource.namespace, resource.name);
        let what = self.callers.print(&what);
        let note = |marks: &mut Marks<64>| marks.note(what, now, MINUTE, Same::Once);
        let caller = (&*identity.tenant, &*identity.actor);
        let missed = self.callers.with(&caller, now, note);
        (missed >= self.most).then(|| {
            let actor = &identity.actor;
            let why =
                format!("{missed} things `{actor}` asked for in a minute were missing or refused");
            let subject = Subject::Principal(identity.tenant.clone(), actor.clone());
            Sign { kind: Kind::Scanning, subject, why, numbers: json!({ "missed": missed }) }
        })
    }
}
