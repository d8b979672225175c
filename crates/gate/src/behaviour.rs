//! What is odd, and what is done about it.
//!
//! The gate tells what happens: who could not show who they are, and how requests ended. What
//! is odd about it becomes a [`Sign`], which is a fact; [`Playbook`]s say what signs lead to.
//! Nothing here refuses a request by itself, and what is remembered of callers is bounded, kept
//! in memory, and forgotten with the process. Measures are not: they end when they were to end.

mod attack;
mod config;
mod failure;
mod feed;
mod geo;
mod marks;
mod measure;
mod playbook;
mod profile;
mod respond;
mod scanning;
mod sign;
mod slots;

use std::net::IpAddr;
use std::sync::Arc;

use flow::feed::Announcer;
use flow::network::client;
use flow::question::guard::{FeedInfo, MeasureInfo};
use flow::signal::{Counter, Registry};
use flow::stage::Noticed;
use flow::{Clock, Fact, Identity, Outcome, Random, Request, Result, Time};
use pool::Http;
use pool::sql::Sql;
use serde_json::json;
use tokio::sync::mpsc;

use crate::credential::jwt::Tokens;
use crate::limit::{Blocks, Subject};
use crate::login::{Logins, WITH_CODE, fact_of};
use attack::Attacks;
use failure::Failures;
use feed::Feeds;
use geo::Geo;
use measure::Measures;
use playbook::{Deed, Playbooks};
use profile::Profiles;
use respond::Origin;
use scanning::Scanning;

pub(crate) use config::playbooks;
pub use config::{Config, Playbook, Take};
pub use feed::{Feed, Format, Shown};
pub use sign::{Kind, Sign};

/// What shows that it is they.
pub(crate) const SHOW_CODE: &str = "totp.step_up";

/// So many deeds wait to be done; more are dropped and counted.
const WAITING_MAX: usize = 1_024;

/// Notices what is odd, and answers it.
pub struct Behaviour {
    enabled: bool,
    failures: Failures,
    scanning: Scanning,
    attacks: Attacks,
    geo: Arc<Geo>,
    profiles: Profiles,
    feeds: Feeds,
    playbooks: Playbooks,
    measures: Measures,
    blocks: Arc<Blocks>,
    logins: Option<Arc<Logins>>,
    tokens: Option<Arc<Tokens>>,
    sql: Arc<dyn Sql>,
    announcer: Arc<Announcer>,
    clock: Clock,
    random: Random,
    signals: Signals,
    waiting: mpsc::Sender<(Deed, Origin)>,
    /// Taken by whoever does the work.
    work: tokio::sync::Mutex<mpsc::Receiver<(Deed, Origin)>>,
}

/// What it stands on.
#[derive(Clone)]
pub struct Footing {
    /// Where measures are kept.
    pub sql: Arc<dyn Sql>,
    /// Who tells other nodes.
    pub announcer: Arc<Announcer>,
    /// Whom it keeps out.
    pub blocks: Arc<Blocks>,
    /// What feeds are read with; without it, only files are.
    pub http: Option<Http>,
    /// Where time comes from.
    pub clock: Clock,
    /// Where randomness comes from.
    pub random: Random,
}

impl std::fmt::Debug for Footing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Footing")
    }
}

impl Behaviour {
    /// Notices by this configuration.
    pub async fn open(
        config: &Config,
        (playbooks, feeds): (&[Playbook], &[Feed]),
        footing: Footing,
        registry: &Registry,
    ) -> Result<Self> {
        let Footing { sql, announcer, blocks, http, clock, random } = footing;
        let feeds = Feeds::open(feeds, http, sql.clone(), clock.clone()).await?;
        let measures = Measures::open(sql.clone(), announcer.clone(), clock.clone()).await?;
        let geo = Geo::open(config)?;
        let (waiting, work) = mpsc::channel(WAITING_MAX);
        Ok(Self {
            enabled: config.enabled,
            failures: Failures::new(config),
            scanning: Scanning::new(config),
            attacks: Attacks::new(config),
            geo: Arc::new(geo),
            profiles: Profiles::new(config),
            feeds,
            playbooks: Playbooks::new(playbooks, config.principals),
            measures,
            blocks,
            logins: None,
            tokens: None,
            sql,
            announcer,
            clock,
            random,
            signals: Signals::new(registry),
            waiting,
            work: tokio::sync::Mutex::new(work),
        })
    }

    /// The same, able to end sessions and tokens and to ask for second factors.
    #[must_use]
    pub fn with_logins(mut self, logins: Arc<Logins>, tokens: Option<Arc<Tokens>>) -> Self {
        (self.logins, self.tokens) = (Some(logins), tokens);
        self
    }

    /// From now on these playbooks hold.
    pub fn reload(&self, playbooks: &[Playbook]) {
        self.playbooks.replace(playbooks);
    }

    /// The tenant's measures that hold, in the order of their ids, behind `after`.
    pub async fn measures(
        &self,
        tenant: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<MeasureInfo>> {
        self.measures.list(tenant, after, limit).await
    }

    /// Undoes a measure; `false` when there is none. What was revoked stays so.
    pub async fn undo(&self, tenant: &str, id: &str, fact: Option<Fact>) -> Result<bool> {
        self.measures.undo(tenant, id, fact).await
    }

    /// A caller who was to show a second factor shows it.
    pub async fn step_up(
        &self,
        (request, identity): (&Request<'_>, &Identity),
        code: &str,
        fact: Option<Fact>,
    ) -> Result<()> {
        let nobody = || crate::codes::NO_TOTP.error("nobody logs in here");
        let logins = self.logins.as_ref().ok_or_else(nobody)?;
        logins.show_again(request, identity, code).await?;
        self.measures.satisfied(identity, fact).await
    }

    /// A caller has just logged in with their second factor, which is all that is asked of one
    /// who was to show it again.
    pub(crate) async fn logged_in(&self, request: &Request<'_>, identity: &Identity) -> Result<()> {
        if &*identity.credential != WITH_CODE || self.holds(identity, Take::StepUp).is_none() {
            return Ok(());
        }
        let (what, done) = ((SHOW_CODE, ("totp", &*identity.name)), Outcome::Done);
        let fact = fact_of(&self.clock, &self.random, request, Some(identity), what, done);
        self.measures.satisfied(identity, Some(fact)).await
    }

    /// Measures changed elsewhere, or may have.
    pub fn doubt(&self) {
        self.measures.doubt();
    }

    /// Whether nothing is taken against anybody.
    pub(crate) fn is_at_peace(&self) -> bool {
        !self.measures.any()
    }

    pub(crate) fn holds(&self, identity: &Identity, take: Take) -> Option<std::time::Duration> {
        self.measures.holds(identity, take)
    }

    /// Somebody could not show who they are.
    pub(crate) async fn failed(&self, request: &Request<'_>) {
        if !self.enabled {
            return;
        }
        let now = self.clock.now();
        self.answer(request, self.failures.failed(request, now), now).await;
        self.met(request).await;
    }

    /// Somebody showed who they are.
    pub(crate) async fn succeeded(&self, request: &Request<'_>) {
        if !self.enabled {
            return;
        }
        self.failures.succeeded(request, self.clock.now());
        self.met(request).await;
    }

    /// Somebody came who was not known before.
    async fn met(&self, request: &Request<'_>) {
        let now = self.clock.now();
        let threat = request.peer.and_then(|address| self.threat(address, now));
        self.answer(request, threat.into_iter().collect(), now).await;
    }

    async fn answer(&self, request: &Request<'_>, signs: Vec<Sign>, now: Time) {
        for sign in signs {
            for deed in self.hear(sign, now) {
                self.carry_out(deed, Origin::of(request)).await;
            }
        }
    }

    /// Whether a feed knows this address.
    fn threat(&self, address: IpAddr, now: Time) -> Option<Sign> {
        if !self.feeds.is_on() {
            return None;
        }
        let operator = || self.geo.operator(address, now);
        let known = self.feeds.knows(address, now);
        let feed = known.or_else(|| self.feeds.knows_operator(operator()?, now))?;
        let why = format!("the feed `{feed}` names {address}");
        let (subject, numbers) = (Subject::Address(client(address)), json!({ "feed": feed }));
        Some(Sign { kind: Kind::KnownThreat, subject, why, numbers })
    }

    /// How it is going with each feed, by name, behind `after`.
    pub fn feeds(&self, after: &str, limit: u32) -> Vec<FeedInfo> {
        self.feeds.list(after, limit)
    }

    /// Whether anything is noticed at all.
    pub(crate) fn is_on(&self) -> bool {
        self.enabled
    }

    /// A request ended.
    pub(crate) fn noticed(&self, noticed: &Noticed<'_>) {
        if !self.enabled {
            return;
        }
        let now = self.clock.now();
        let Noticed { request, identity, ask, outcome, .. } = *noticed;
        let mut signs = Vec::new();
        signs.extend(self.scanning.ended(identity, ask, outcome, now));
        if outcome == Outcome::Done {
            signs.extend(self.profiles.ended(noticed, now));
        }
        if let Some(address) = request.peer.filter(|_| self.geo.is_on()) {
            signs.extend(self.geo.came(identity, address, now));
        }
        signs.extend(request.peer.and_then(|address| self.threat(address, now)));
        self.answer_later(request, signs, now);
    }

    /// A request that a proxy held was an attack.
    pub(crate) fn attacked(&self, request: &Request<'_>, whose: Subject) {
        if self.enabled {
            let now = self.clock.now();
            self.answer_later(request, self.attacks.attacked(whose, now), now);
        }
    }

    /// Somebody passed whom nobody had to recognise.
    pub(crate) fn passed(&self, request: &Request<'_>) {
        if self.enabled {
            let now = self.clock.now();
            let threat = request.peer.and_then(|address| self.threat(address, now));
            self.answer_later(request, threat, now);
        }
    }

    /// Somebody asked for a path where nothing is served.
    pub(crate) fn strayed(&self, request: &Request<'_>, identity: Option<&Identity>, path: &str) {
        let now = self.clock.now();
        let sign = match (identity, request.peer) {
            (Some(identity), _) => self.scanning.strayed(identity, path, now),
            (None, Some(address)) => self.scanning.stranger_strayed(client(address), path, now),
            (None, None) => None,
        };
        self.answer_later(request, sign, now);
    }

    /// Lets signs be answered by whoever does the work.
    fn answer_later(
        &self,
        request: &Request<'_>,
        signs: impl IntoIterator<Item = Sign>,
        now: Time,
    ) {
        for sign in signs {
            for deed in self.hear(sign, now) {
                if self.waiting.try_send((deed, Origin::of(request))).is_err() {
                    self.signals.lost.add(1);
                }
            }
        }
    }

    fn hear(&self, sign: Sign, now: Time) -> Vec<Deed> {
        self.signals.sign(sign.kind);
        self.playbooks.hear(sign, now)
    }
}

impl std::fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Behaviour")
    }
}

/// Signs by kind.
struct Signals {
    signs: Vec<(Kind, Arc<Counter>)>,
    lost: Arc<Counter>,
}

impl Signals {
    fn new(registry: &Registry) -> Self {
        let counter = |kind: Kind| {
            let help = "Signs that somebody is not who they seem, by kind";
            registry.counter("stockade_gate_signs_total", help, &[("kind", kind.name())])
        };
        let help = "Signs nothing was done about, since too many came at once";
        let lost = registry.counter("stockade_gate_signs_lost_total", help, &[]);
        Self { signs: Kind::ALL.map(|kind| (kind, counter(kind))).into(), lost }
    }

    fn sign(&self, kind: Kind) {
        if let Some((_, counter)) = self.signs.iter().find(|(of, _)| *of == kind) {
            counter.add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::marks::Marks;
    use super::slots::Slots;
    use super::*;

    #[test]
    fn callers_take_as_much_memory_as_the_configuration_says() {
        let (journey, place) = Geo::bytes_each();
        let scanning = Slots::<Marks<64>>::bytes_each();
        let playbooks = Slots::<Marks<16>>::bytes_each() + Slots::<Option<Time>>::bytes_each();
        let attacks = Slots::<Marks<16>>::bytes_each();
        let principal = Profiles::bytes_each() + journey + scanning + playbooks + attacks;
        let networks = Slots::<Marks<32>>::bytes_each() / 2;
        let accounts = Slots::<Marks<16>>::bytes_each() / 2;
        let strays = Slots::<Marks<32>>::bytes_each() / 4;
        let address = Slots::<Marks<16>>::bytes_each() + networks + accounts + place + strays;
        println!("{principal} bytes for a principal, {address} for an address");
        assert!(principal <= 1_500 && address <= 500, "{principal} {address}");
    }
}
