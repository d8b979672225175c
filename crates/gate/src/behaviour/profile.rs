//! What is usual of a principal: how large and how slow requests are, what they ask and when.
//!
//! Of each principal the sixteen actions they ask most are remembered, with how large and how
//! slow requests usually are; on a logarithmic scale, so that one slow request does not spoil
//! what is usual. Nothing is odd before enough is known, and a profile that was pushed out, or
//! forgotten with the process, begins anew.

mod usual;

use flow::stage::Noticed;
use flow::{Principal, Time};
use serde_json::json;

use super::config::Config;
use super::sign::{Kind, Sign};
use super::slots::Slots;
use crate::limit::Subject;
use usual::{Unusual, Usual};

/// So many actions are told apart.
const ACTIONS: usize = 16;
/// What a program does that is new is odd after it was watched for so long…
const WATCHED_DAYS: u16 = 7;
/// …and an hour after so many days on which they were seen.
const SEEN_DAYS: u16 = 20;
/// An hour is odd if they were never seen within so many of it.
const NEAR_HOURS: usize = 3;
/// Smaller requests are never called large.
const LARGE_MIN: f32 = 65_536.0;

/// What is usual, by principal.
pub(super) struct Profiles {
    after: u32,
    factor: f32,
    slow_min: f32,
    all: Slots<Profile>,
}

/// What is usual of one.
#[derive(Debug, Clone, Copy, Default)]
struct Profile {
    requests: u32,
    /// The day on which they were first seen, since 1970, and the last.
    first_day: u16,
    last_day: u16,
    /// On how many days they were seen.
    days: u16,
    /// At which hours of the day, in UTC, bit by bit.
    hours: u32,
    actions: [Action; ACTIONS],
}

#[derive(Debug, Clone, Copy, Default)]
struct Action {
    print: u32,
    times: u32,
    bytes: Usual,
    micros: Usual,
}

/// What was odd about a request.
#[derive(Debug, Default)]
struct Odd {
    bytes: Option<Unusual>,
    micros: Option<Unusual>,
    hour: Option<u16>,
    action: Option<u32>,
}

impl Profiles {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            after: config.usual_after.max(20),
            factor: config.unusual_factor.max(2) as f32,
            slow_min: config.slow_min.0.as_micros() as f32,
            all: Slots::new(config.principals),
        }
    }

    /// How much memory each takes at most.
    #[cfg(test)]
    pub(super) const fn bytes_each() -> usize {
        Slots::<Profile>::bytes_each()
    }

    /// A request ended; what is odd about it.
    pub(super) fn ended(&self, noticed: &Noticed<'_>, now: Time) -> Vec<Sign> {
        let Noticed { identity, ask, took, bytes, .. } = *noticed;
        let print = self.all.print(ask.action.name) as u32;
        let seen = Seen {
            action: print.max(1),
            bytes: bytes as f32,
            micros: took.as_micros() as f32,
            is_program: identity.kind != Principal::Human,
            now,
        };
        let who = (&*identity.tenant, &*identity.actor);
        let odd = self.all.with(&who, now, |profile| profile.see(&seen, self));
        self.signs(noticed, odd)
    }

    fn signs(&self, noticed: &Noticed<'_>, odd: Odd) -> Vec<Sign> {
        let Noticed { identity, ask, .. } = *noticed;
        let (actor, action) = (&identity.actor, ask.action.name);
        let sign = |kind, why, numbers| {
            let subject = Subject::Principal(identity.tenant.clone(), actor.clone());
            Sign { kind, subject, why, numbers }
        };
        let numbers = |unusual: &Unusual| {
            json!({
                "action": action, "value": unusual.value, "usual": unusual.usual,
                "known": unusual.known,
            })
        };
        let mut signs = Vec::new();
        if let Some(unusual) = &odd.bytes {
            let Unusual { value, usual, known } = unusual;
            let why = format!(
                "a `{action}` of `{actor}` brought {value} bytes; {usual} are usual, of {known} seen"
            );
            signs.push(sign(Kind::UnusualSize, why, numbers(unusual)));
        }
        if let Some(unusual) = &odd.micros {
            let Unusual { value, usual, known } = unusual;
            let why = format!(
                "a `{action}` of `{actor}` took {} ms; {} are usual, of {known} seen",
                value / 1_000,
                usual.div_ceil(1_000)
            );
            signs.push(sign(Kind::UnusualLatency, why, numbers(unusual)));
        }
        if let Some(days) = odd.hour {
            let why = format!("`{actor}` was not seen near this hour on any of {days} days");
            signs.push(sign(Kind::UnusualHour, why, json!({ "days": days })));
        }
        if let Some(requests) = odd.action {
            let why = format!("`{actor}` never asked for `{action}` in {requests} requests");
            let numbers = json!({ "action": action, "requests": requests });
            signs.push(sign(Kind::UnusualAction, why, numbers));
        }
        signs
    }
}

/// A request, as a profile sees it.
struct Seen {
    action: u32,
    bytes: f32,
    micros: f32,
    is_program: bool,
    now: Time,
}

impl Profile {
    fn see(&mut self, seen: &Seen, limits: &Profiles) -> Odd {
        let hour = self.look_at_hour(seen.now);
        self.requests = self.requests.saturating_add(1);
        let mut odd = Odd { hour: hour.filter(|_| !seen.is_program), ..Odd::default() };
        let watched = self.last_day - self.first_day >= WATCHED_DAYS;
        let settled = watched && self.requests > limits.after * 10;
        let Some((action, is_new)) = self.action(seen.action) else { return odd };
        action.times = action.times.saturating_add(1);
        let (after, factor) = (limits.after, limits.factor);
        odd.bytes = action.bytes.see(seen.bytes, after, factor, LARGE_MIN);
        odd.micros = action.micros.see(seen.micros, after, factor, limits.slow_min);
        odd.action = (is_new && settled && seen.is_program).then_some(self.requests);
        odd
    }

    /// Notes the hour; if it is odd, on how many days they were seen before.
    fn look_at_hour(&mut self, now: Time) -> Option<u16> {
        let (day, hour) = ((now.secs() / 86_400) as u16, (now.secs() / 3_600 % 24) as usize);
        if self.requests == 0 {
            (self.first_day, self.last_day, self.days) = (day, day, 1);
        } else if day > self.last_day {
            (self.last_day, self.days) = (day, self.days.saturating_add(1));
        }
        let near = (24 - NEAR_HOURS..=24 + NEAR_HOURS).map(|off| 1 << ((hour + off) % 24));
        let known = near.fold(0, |bits, bit| bits | bit) & self.hours != 0;
        self.hours |= 1 << hour;
        (!known && self.days >= SEEN_DAYS).then_some(self.days)
    }

    /// What is known of an action, and whether it is new. The one asked least makes room, and
    /// an action that comes back to a full profile is not called new.
    fn action(&mut self, print: u32) -> Option<(&mut Action, bool)> {
        let known = self.actions.iter().position(|action| action.print == print);
        if let Some(known) = known {
            return self.actions.get_mut(known).map(|action| (action, false));
        }
        let is_full = self.actions.iter().all(|action| action.print != 0);
        let least = self.actions.iter_mut().min_by_key(|action| action.times)?;
        *least = Action { print, ..Action::default() };
        Some((least, !is_full))
    }
}

#[cfg(test)]
mod tests;
