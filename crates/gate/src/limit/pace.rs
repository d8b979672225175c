//! Who is held to which limit.

mod signal;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use flow::network::client;
use flow::request::Pace;
use flow::signal::Registry;
use flow::{Action, Allowance, Clock, Error, Identity, Moment, Result};
use pool::kv::Kv;

use super::block::Subject;
use super::config::{Config, Mode};
use super::shared::Known;
use super::{Adaptive, Gcra, Print, Shared, Table, Window};
use crate::codes::{BATCH, TOO_FAST};
use crate::config::{Batches, Rates};
use signal::{Limit, Signals};

const MINUTE: Duration = Duration::from_secs(60);
/// To whom is throttled, this part of their rate is left.
const THROTTLED: u32 = 10;
/// So often a request borrows what others take before it gives up.
const BORROWS_MAX: usize = 64;

/// Everybody's limits.
pub struct Limits {
    config: Config,
    rates: Rates,
    batches: Batches,
    /// What is let in.
    table: Table,
    /// What is asked, refused or not.
    asked: Table,
    /// Where everybody stands on all nodes.
    shared: Option<Shared>,
    signals: Signals,
}

/// A request, as limits see it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asking<'a> {
    /// Who; nobody where they were not recognised.
    pub(crate) identity: Option<&'a Identity>,
    /// From where.
    pub(crate) address: Option<IpAddr>,
    /// What.
    pub(crate) action: Option<&'static Action>,
    /// Whether only a tenth of their rate is left to them.
    pub(crate) throttled: bool,
}

/// What is to be done with it.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It may come in.
    Admitted,
    /// It may not.
    Refused(Error),
    /// It may not, and whoever asks is to be kept out for a while.
    Blocked(Error, Subject),
}

/// One limit and whom it counts.
#[derive(Debug, Clone, Copy)]
struct Check {
    limit: Limit,
    requests: u32,
    law: Gcra,
    print: Print,
}

/// At most so many limits count one request.
type Checks = [Option<Check>; 4];

impl Limits {
    /// Limits by these rates and this configuration.
    pub fn new(rates: Rates, config: Config, registry: &Registry) -> Self {
        let (table, asked) = (Table::new(config.keys), Table::new(config.keys));
        let (batches, signals) = (Batches::default(), Signals::new(registry));
        Self { config, rates, batches, table, asked, shared: None, signals }
    }

    /// Counts together with other nodes in this store.
    #[must_use]
    pub fn shared_in(mut self, kv: Arc<dyn Kv>, clock: Clock) -> Self {
        self.shared = Some(Shared::new(kv, self.config.keys, clock));
        self
    }

    /// Limits of how many things are asked for at once, too.
    #[must_use]
    pub fn with_batches(self, batches: Batches) -> Self {
        Self { batches, ..self }
    }

    /// Why a caller may not ask for so many things at once.
    pub(crate) fn too_many(&self, identity: &Identity, items: usize) -> Option<Error> {
        let most = self.batches.of(&identity.roles);
        if items <= most as usize || self.exempts_principal(identity) {
            return None;
        }
        if self.config.mode == Mode::Shadow {
            tracing::info!(items, most, "would be refused as too much at once");
            return None;
        }
        Some(BATCH.error(format!("{items} things at once are more than {most}")))
    }

    /// Whether other nodes let this request in too, which was admitted here; `None` when they have
    /// to be asked.
    pub(crate) fn share_now(&self, asking: &Asking<'_>, now: Moment) -> Option<Result<()>> {
        let Some(shared) = &self.shared else { return Some(Ok(())) };
        let checks = self.checks(asking);
        let checks: Vec<&Check> = checks.iter().flatten().collect();
        let prints: Vec<Print> = checks.iter().map(|check| check.print).collect();
        match shared.take(&prints, now) {
            Known::Taken => Some(Ok(())),
            Known::Nothing => None,
            Known::Refused(index, wait) => {
                let check = checks.get(index)?;
                self.signals.refused(check.limit, self.config.mode);
                let refusal = || {
                    let allowance = Allowance { left: 0, rest: wait, ..check.allowance(0, now) };
                    self.told(asking, check, wait, allowance)
                };
                Some(if self.config.mode == Mode::Shadow { Ok(()) } else { Err(refusal()) })
            }
        }
    }

    /// The same, asking.
    pub(crate) async fn share(&self, asking: &Asking<'_>, clock: &Clock) -> Result<()> {
        let Some(shared) = &self.shared else { return Ok(()) };
        // What one borrows another may take meanwhile.
        for _ in 0..BORROWS_MAX {
            for check in self.checks(asking).iter().flatten() {
                shared.borrow(check.print, &asking.name(check.limit), &check.law).await;
            }
            if let Some(known) = self.share_now(asking, clock.moment()) {
                return known;
            }
        }
        Err(TOO_FAST.error("too many ask at the same moment"))
    }

    /// What decides how many requests are let in at a time, where that is wanted.
    pub(crate) fn adaptive(&self, clock: &Clock) -> Option<Arc<Adaptive>> {
        let config = &self.config.adaptive;
        config.enabled.then(|| Adaptive::new(config.clone(), clock.clone()))
    }

    /// Whether requests for this are counted at all.
    pub(crate) fn counts(&self, action: &Action) -> bool {
        action.pace == Pace::Rate || self.config.routes.contains_key(action.name)
    }

    /// Whether this request may come in at this moment. What is refused changes no rate, but
    /// counts as asked.
    pub(crate) fn admit(&self, asking: &Asking<'_>, now: Moment) -> Verdict {
        let checks = self.checks(asking);
        let blocked = self.count(asking, &checks, now);
        // Asked of all before it is taken of any: what one refuses costs nothing of the others.
        let refusing = checks.iter().flatten().filter_map(|check| self.refuses(check, now));
        let refused = refusing.max_by_key(|(check, state)| check.law.wait(*state, now));
        let refused =
            refused.or_else(|| checks.iter().flatten().find_map(|check| self.take(check, now)));
        let Some((check, state)) = refused else { return Verdict::Admitted };
        self.signals.refused(check.limit, self.config.mode);
        if self.config.mode == Mode::Shadow {
            tracing::info!(limit = check.limit.name(), ?blocked, "would be refused as too fast");
            return Verdict::Admitted;
        }
        let error = self.refusal(asking, check, state, now);
        match blocked {
            Some(subject) => Verdict::Blocked(error, subject),
            None => Verdict::Refused(error),
        }
    }

    /// Whether nobody from this address is to be recognised anew for now.
    pub(crate) fn stranger(&self, address: Option<IpAddr>, now: Moment) -> Option<Error> {
        let asking = Asking { address, ..Asking::default() };
        let check = self.checks(&asking).into_iter().flatten().next()?;
        let (check, state) = self.refuses(&check, now)?;
        let error = self.refusal(&asking, check, state, now);
        (self.config.mode == Mode::Enforce).then_some(error)
    }

    /// What the caller may still ask, of the limit that leaves them the least.
    pub(crate) fn allowance(&self, asking: &Asking<'_>, now: Moment) -> Option<Allowance> {
        let checks = self.checks(asking);
        let all = checks
            .iter()
            .flatten()
            .map(|check| check.allowance(self.table.peek(check.print).unwrap_or_default(), now));
        all.min_by_key(|allowance| allowance.left)
    }

    /// Whether this subject is never counted or blocked.
    pub(crate) fn exempts(&self, address: IpAddr) -> bool {
        self.config.exempt.iter().any(|network| network.contains(address))
    }

    /// Whether this principal is.
    pub(crate) fn exempts_principal(&self, identity: &Identity) -> bool {
        self.config.exempt_principals.iter().any(|name| **name == *identity.actor)
    }

    fn checks(&self, asking: &Asking<'_>) -> Checks {
        let Asking { identity, address, action, throttled } = asking;
        let address = address.filter(|address| !self.exempts(*address)).map(client);
        let Some((identity, action)) = identity.zip(*action) else {
            return [
                self.by_address(Limit::Stranger, self.config.stranger, address),
                None,
                None,
                None,
            ];
        };
        if self.exempts_principal(identity) {
            return [None; 4];
        }
        let route = self.by_route(identity, action);
        if action.pace == Pace::Load {
            return [route, None, None, None];
        }
        [
            self.by_principal(identity, *throttled),
            self.by_address(Limit::Address, self.config.address, address),
            self.by_tenant(identity),
            route,
        ]
    }

    fn by_principal(&self, identity: &Identity, throttled: bool) -> Option<Check> {
        let requests = self.rates.of(&identity.roles);
        let requests = if throttled { requests / THROTTLED } else { requests }.max(1);
        let print = self.table.print(&(Limit::Principal, &*identity.tenant, &*identity.actor));
        self.check(Limit::Principal, requests, print)
    }

    fn by_address(&self, limit: Limit, requests: u32, address: Option<IpAddr>) -> Option<Check> {
        self.check(limit, requests, self.table.print(&(limit, address?)))
    }

    fn by_tenant(&self, identity: &Identity) -> Option<Check> {
        let named = self.config.tenants.get(&*identity.tenant);
        let requests = named.copied().unwrap_or(self.config.tenant);
        let print = self.table.print(&(Limit::Tenant, &*identity.tenant));
        self.check(Limit::Tenant, requests, print)
    }

    fn by_route(&self, identity: &Identity, action: &Action) -> Option<Check> {
        if self.config.routes.is_empty() {
            return None;
        }
        let requests = *self.config.routes.get(action.name)?;
        let print = self.table.print(&(Limit::Route, &*identity.tenant, action.name));
        self.check(Limit::Route, requests, print)
    }

    fn check(&self, limit: Limit, requests: u32, print: Print) -> Option<Check> {
        // Whoever is unknown may try for a minute's worth at once: a fleet behind one address
        // that starts with an old key is not an attack.
        let burst = match limit {
            Limit::Stranger => requests,
            Limit::Principal => self.config.burst,
            // Many share these: a second's worth may come at once.
            _ => self.config.burst.max(requests / 60),
        };
        let law = Gcra::per_minute(requests, burst);
        (requests > 0).then_some(Check { limit, requests, law, print })
    }

    /// The limit that would refuse one more, with its state.
    fn refuses<'c>(&self, check: &'c Check, now: Moment) -> Option<(&'c Check, u64)> {
        let state = self.table.peek(check.print)?;
        (check.law.left(state, now) == 0).then_some((check, state))
    }

    fn take<'c>(&self, check: &'c Check, now: Moment) -> Option<(&'c Check, u64)> {
        self.table.take(check.print, &check.law, now).err().map(|state| (check, state))
    }

    /// Counts what is asked, and says who asks so much more than they may that they are to be
    /// kept out. Routes and tenants are many callers: nobody is kept out for the others.
    fn count(&self, asking: &Asking<'_>, checks: &Checks, now: Moment) -> Option<Subject> {
        let percent = u64::from(self.config.blocks.percent);
        let law = Window::counting(MINUTE);
        let mut blocked = None;
        for check in checks.iter().flatten() {
            let single = matches!(check.limit, Limit::Principal | Limit::Address | Limit::Stranger);
            if !single || percent == 0 {
                continue;
            }
            let (Ok(state) | Err(state)) = self.asked.take(check.print, &law, now);
            if law.count(state, now) * 100 > u64::from(check.requests) * percent {
                blocked = blocked.or_else(|| asking.subject(check.limit));
            }
        }
        blocked
    }

    fn refusal(&self, asking: &Asking<'_>, check: &Check, state: u64, now: Moment) -> Error {
        let wait = check.law.wait(state, now).max(Duration::from_millis(1));
        self.told(asking, check, wait, check.allowance(state, now))
    }

    fn told(
        &self,
        asking: &Asking<'_>,
        check: &Check,
        wait: Duration,
        allowance: Allowance,
    ) -> Error {
        let millis = wait.as_millis();
        let sentence = match check.limit {
            Limit::Principal => {
                let name = asking.identity.map(|identity| &*identity.name).unwrap_or_default();
                format!("`{name}` may ask again in {millis} ms")
            }
            Limit::Address | Limit::Stranger => {
                format!("this address may ask again in {millis} ms")
            }
            Limit::Route => format!("this may be asked for again in {millis} ms"),
            Limit::Tenant => format!("the tenant may ask again in {millis} ms"),
        };
        TOO_FAST.error(sentence).with_retry_after(wait).with_allowance(Some(allowance))
    }
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Limits({:?})", self.config.mode)
    }
}

impl Asking<'_> {
    /// What a limit counts, as all nodes call it.
    fn name(&self, limit: Limit) -> String {
        let (tenant, actor) =
            self.identity.map_or(("", ""), |identity| (&*identity.tenant, &*identity.actor));
        let name = limit.name();
        match limit {
            Limit::Principal => format!("{name}/{tenant}/{actor}"),
            Limit::Tenant => format!("{name}/{tenant}"),
            Limit::Route => {
                format!("{name}/{tenant}/{}", self.action.map_or("", |action| action.name))
            }
            Limit::Address | Limit::Stranger => {
                let address = self.address.map(client).map(|address| address.to_string());
                format!("{name}/{}", address.unwrap_or_default())
            }
        }
    }

    /// Who would be kept out for asking too much of this limit.
    fn subject(&self, limit: Limit) -> Option<Subject> {
        match (limit, self.identity) {
            (Limit::Principal, Some(identity)) => {
                Some(Subject::Principal(identity.tenant.clone(), identity.actor.clone()))
            }
            (Limit::Address, _) => self.address.map(|address| Subject::Address(client(address))),
            (Limit::Stranger, _) => self.address.map(|address| Subject::Stranger(client(address))),
            _ => None,
        }
    }
}

impl Check {
    fn allowance(&self, state: u64, now: Moment) -> Allowance {
        Allowance {
            limit: self.limit.name(),
            requests: self.requests,
            within: MINUTE,
            left: self.law.left(state, now),
            rest: self.law.rest(state, now),
        }
    }
}

#[cfg(test)]
#[path = "pace/tests.rs"]
mod tests;
