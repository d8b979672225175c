//! Where the parts meet: the only place that knows all of them.
//!
//! A [`Plane`] is the path with its real stages, and the origins behind it. Each
//! file below connects one part to the questions it answers; what it answers
//! them with is in the part's own crate.

mod account;
mod admin;
mod advice;
mod backup;
mod bundle;
mod cache;
mod copies;
mod crypto;
mod decision;
mod depend;
mod escalation;
mod first;
mod group;
mod guard;
mod ledger;
mod lock;
mod near;
mod origin;
pub(crate) mod otlp;
mod parts;
mod patient;
mod policy;
mod seal;
mod shadow;
mod space;
mod sparing;
mod store;
mod token;
mod turns;
mod warm;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use ::cache::Views;
use bytes::Bytes;
use flow::feed::{Announcer, Coherence, Heard, Listener, Notice};
use flow::question::account::Begun;
use flow::serve::Background;
use flow::signal::Registry;
use flow::unit::Span;
use flow::{BoxFuture, Clock, Random, Result, Revisions, Serve, Stages};
use pool::directory::Directory;
use pool::health::{Health, Report};
use pool::sql::{Notices, Outbox, Sql};
use tokio::sync::{OnceCell, watch as signal};
use tokio::task::JoinSet;

use crate::config::Config;
pub(crate) use near::behind;
pub(crate) use parts::{Outside, log_is_in_database};
use space::Space;

/// Every code of this room.
pub(crate) static CODES: &[&flow::Code] = &[
    &flow::feed::NOT_TOLD,
    &backup::PLACE,
    &backup::BUSY,
    &backup::OTHERS,
    &origin::ORIGIN,
    &otlp::HEADER,
    &parts::NO_ENGINE,
    &parts::SILENT,
    &space::DISK_FULL,
    &warm::FOREIGN,
];

/// The path, with its real stages.
pub(crate) type Path = Serve<::gate::Gate, Arc<::policy::Policies>, ::ledger::Ledger>;

/// The path, and everybody behind it.
pub(crate) struct Plane {
    path: Arc<Path>,
    cache: ::cache::Cache,
    /// What namespaces are filled from that are filled by a query.
    sql: Arc<dyn Sql>,
    views: Views,
    ledger: ::ledger::Ledger,
    outbox: Arc<Outbox>,
    /// Whose turn it is to make a backup.
    backups: Arc<tokio::sync::Mutex<()>>,
    groups: group::Opening,
    store: ::store::Store,
    keys: Arc<::gate::Keys>,
    blocks: Arc<::gate::limit::Blocks>,
    checkpoint: Arc<::gate::inspect::Checkpoint>,
    decider: ::policy::Decider,
    /// The bundles of policies that are polled.
    polls: Arc<::policy::bundle::Polls>,
    escalations: Arc<::policy::Queue>,
    shadows: Arc<::policy::Shadows>,
    /// How much of a body is looked into.
    inspected_max: AtomicUsize,
    behaviour: Arc<::gate::Behaviour>,
    logins: Arc<::gate::Logins>,
    /// Absent where nodes share a database and no key to seal with.
    tokens: Option<Arc<::gate::Tokens>>,
    /// Absent for the same reason.
    strongbox: Option<Arc<::gate::crypto::Strongbox>>,
    turns: turns::Turns,
    announcer: Arc<Announcer>,
    space: Arc<Space>,
    health: Health,
    exposition: watch::export::prometheus::Prometheus,
    clock: Clock,
    random: Random,
}

impl flow::Plane for Plane {
    type Gate = ::gate::Gate;
    type Policy = Arc<::policy::Policies>;
    type Ledger = ::ledger::Ledger;

    fn path(&self) -> &Arc<Path> {
        &self.path
    }

    fn published_keys(&self) -> Bytes {
        self.public_keys()
    }

    fn inspected_max(&self) -> usize {
        self.inspected_max.load(Relaxed)
    }

    fn begin_login<'a>(&'a self, provider: &'a str) -> BoxFuture<'a, Result<Begun>> {
        Box::pin(self.logins.begin(provider))
    }
}

impl Plane {
    /// Takes over what can change while the server runs.
    pub(crate) fn reload(&self, config: &::gate::Config) {
        self.behaviour.reload(&config.playbooks);
        match self.checkpoint.reload(&config.inspect) {
            Ok(()) => self.inspected_max.store(config.inspect.body_max.bytes(), Relaxed),
            Err(error) => {
                tracing::error!(error = %error.story(), "what is looked into stays as it is");
            }
        }
        let behaviour = self.behaviour.clone();
        tokio::spawn(async move { behaviour.read_files().await });
    }
}

/// The ground the parts stand on.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) registry: Registry,
    pub(crate) process: Arc<watch::export::Numbers>,
}

/// A plane, and what has to go on in the background for it.
pub(crate) struct Built {
    pub(crate) plane: Arc<Plane>,
    pub(crate) background: Arc<Background>,
    pub(crate) work: Work,
}

/// Builds everything between the doors and the engines.
pub(crate) async fn build(
    config: &Config,
    ground: &Ground,
    outside: Outside,
    directory: Arc<Directory>,
    owner: u32,
) -> Result<Built> {
    let Ground { clock, random, registry, process } = ground;
    let space = Space::new(directory)?;
    let sql = outside.sql(&config.data, &space, ground).await?;
    let (rows, server) = (outside.unhurried(&sql), outside.server());
    // It looks all the time: a database that is slow is not to be taken for one that is gone.
    let notices = match outside.is_shared(&config.data) {
        true => Some(Notices::open(rows.clone(), clock.clone()).await?),
        false => None,
    };
    let feed = outside.feed;
    let revisions = Arc::new(Revisions::default());

    let keys = ::gate::Keys::open(sql.clone(), revisions.clone(), clock.clone(), random.clone());
    let seal = seal::open(&config.gate, &sql, &space, clock).await?;
    let keys = Arc::new(keys.await?.sealed_by(seal.clone()));
    let announcer = Arc::new(Announcer::new(feed.clone(), clock.clone()));
    let blocks = ::gate::limit::Blocks::open(
        config.gate.limits.blocks.clone(),
        sql.clone(),
        announcer.clone(),
        (clock.clone(), random.clone()),
        registry,
    );
    let blocks = Arc::new(blocks.await?);
    let (rates, limits) = (config.gate.rates.clone(), config.gate.limits.clone());
    let mut limits = ::gate::limit::Limits::new(rates, limits, registry)
        .with_batches(config.gate.batches.clone());
    if let Some(kv) = parts::limits(config, ground)? {
        limits = limits.shared_in(kv, clock.clone());
    }
    let gate = ::gate::Gate::new(
        keys.clone(),
        limits,
        blocks.clone(),
        revisions.clone(),
        clock.clone(),
        owner,
    );
    let tokens = token::open(&config.gate, &sql, &revisions, &seal, ground).await?;
    let logins = parts::logins(&config.gate, &sql, &revisions, (&seal, &tokens), ground).await?;
    let gate = gate.with_logins(logins.clone());
    let gate = tokens.iter().fold(gate, |gate, tokens| gate.with_tokens(tokens.clone()));
    let strongbox = crypto::open(&sql, &revisions, &announcer, &seal, ground).await?;
    let behaviour = parts::behaviour(&config.gate, (&sql, &announcer, &blocks), ground).await?;
    let behaviour = Arc::new(behaviour.with_logins(logins.clone(), tokens.clone()));
    let gate = gate.with_behaviour(behaviour.clone());
    let checkpoint = ::gate::inspect::Checkpoint::new(&config.gate.inspect, registry)?;
    let checkpoint = Arc::new(checkpoint);
    let gate = gate.with_checkpoint(checkpoint.clone(), config.gate.strangers.clone());
    let adaptive = gate.adaptive();
    let policy = Arc::new(::policy::Policies::stockade_self()?);
    let standing = (&sql, &revisions, &announcer);
    let policies = policy::open(&config.policy, standing, ground).await?;
    let (polls, fetching) = bundle::open(&config.policy, ground)?;
    let opened = parts::log(&config.ledger, &sql, &space, ground).await?;
    let (ledger, log) =
        ::ledger::Ledger::new(opened, &config.ledger, clock.clone(), random.clone(), registry);
    ::ledger::group::Groups::declare(registry);
    let (own, registered) = (sql.clone(), registry.clone());
    let groups = group::Opening { sql: own, registry: registered, opened: OnceCell::new() };

    // Alone, a node has nobody to miss anything from.
    let shared = parts::is_one_of_many(config).then(Arc::<Coherence>::default);
    let fleet = shared.clone().zip(Some(announcer.clone()));
    let tiers = parts::tiers(config, (&sql, rows.clone()), fleet, ground).await?;
    let cache = ::cache::Cache::new(&config.cache, tiers)?;
    let tenants = depend::tenants(keys.clone());
    let views = Views::open(&cache, rows, tenants.clone(), clock.clone(), registry).await?;
    let depend = depend::Follower {
        cache: cache.clone(),
        log: ledger.log().clone(),
        sql: sql.clone(),
        server,
        tenants,
        clock: clock.clone(),
    };
    let depend = depend.open().await?;
    let blobs = parts::blobs(config, ground).await?;
    let store = ::store::Store::open(sql.clone(), blobs, clock.clone(), random.clone()).await?;

    let health = Health::new(LOOKING_AFTER, clock.clone(), registry);
    let log_of = ledger.log().clone();
    let disk = (space.clone(), parts::disk(&config.ledger, &sql));
    parts::watch_over(&health, sql.clone(), shared.clone(), log_of, disk, clock);
    let stages = Stages { gate, policy, ledger: ledger.clone() };
    let (path, background) =
        Serve::new(stages, revisions.clone(), clock.clone(), random.clone(), registry);
    let background = Arc::new(background);
    let outbox = Arc::new(Outbox::new(sql.clone(), clock.clone(), registry));
    let plane = Arc::new(Plane {
        path: Arc::new(path),
        cache: cache.clone(),
        sql: sql.clone(),
        views: views.clone(),
        ledger: ledger.clone(),
        outbox,
        backups: Arc::default(),
        groups,
        store,
        keys,
        blocks: blocks.clone(),
        checkpoint,
        decider: policies.decider,
        polls,
        escalations: policies.queue,
        shadows: policies.shadows,
        inspected_max: AtomicUsize::new(config.gate.inspect.body_max.bytes()),
        behaviour: behaviour.clone(),
        logins,
        tokens,
        strongbox,
        turns: turns::Turns::default(),
        announcer,
        space: space.clone(),
        health: health.clone(),
        exposition: watch::export::prometheus::Prometheus::new(process.clone()),
        clock: clock.clone(),
        random: random.clone(),
    });
    let listener = Listener { feed, coherence: shared.unwrap_or_default(), clock: clock.clone() };
    let ear = Ear { listener, notices, cache, revisions, blocks, behaviour };
    let sealed = seal.map(|seal| ::gate::Sealed::new(sql.clone(), seal));
    let work = Work {
        sql,
        sealed,
        ledger,
        log,
        ear,
        depend,
        health,
        space,
        adaptive,
        bundles: fetching.map(|http| (http, background.clone())),
        comparing: policies.comparing,
        plane: plane.clone(),
    };
    Ok(Built { plane, background, work })
}

/// What goes on in the background.
pub(crate) struct Work {
    sql: Arc<dyn Sql>,
    /// Absent where nothing can be sealed.
    sealed: Option<::gate::Sealed>,
    ledger: ::ledger::Ledger,
    log: ::ledger::Work,
    ear: Ear,
    depend: depend::Following,
    health: Health,
    space: Arc<Space>,
    adaptive: Option<Arc<::gate::limit::Adaptive>>,
    /// With what bundles are fetched, and in whose name they are put in force; absent where
    /// none is polled.
    bundles: Option<(pool::Http, Arc<Background>)>,
    /// Asks candidates what policies in force were asked.
    comparing: ::policy::Comparing,
    plane: Arc<Plane>,
}

/// What this node hears of others, and does.
struct Ear {
    listener: Listener,
    /// What they could tell nobody; absent where there are no others.
    notices: Option<Notices>,
    cache: ::cache::Cache,
    revisions: Arc<Revisions>,
    blocks: Arc<::gate::limit::Blocks>,
    behaviour: Arc<::gate::Behaviour>,
}

impl Ear {
    async fn run(self) {
        let Self { listener, notices, cache, revisions, blocks, behaviour } = self;
        let act = move |heard| match heard {
            Heard::Notice(notice @ Notice::Purge { .. }) => cache.hear(&notice),
            Heard::Notice(Notice::Epoch { tenant, principal }) => {
                revisions.bump(&tenant, principal.as_deref());
            }
            Heard::Notice(Notice::Revision { of, .. }) => revisions.advance(of),
            Heard::Notice(Notice::Blocks) => {
                blocks.doubt();
                behaviour.doubt();
            }
            Heard::Lost => {
                revisions.bump_everyone();
                blocks.doubt();
                behaviour.doubt();
            }
        };
        match notices {
            Some(notices) => {
                tokio::join!(listener.run(act.clone()), notices.run(act));
            }
            None => listener.run(act).await,
        }
    }
}

/// Whoever sends us requests is to hear soon that they would fail, and that they
/// no longer do.
const LOOKING_AFTER: pool::health::Config =
    pool::health::Config { every: Span::secs(1), timeout: Span::secs(2) };

/// How often what expired is swept out of memory.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// How often it is swept out of tiers that keep it until somebody does.
const TIDY_EVERY: Duration = Duration::from_secs(10);

/// How often sessions and failures that are over are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(300);

/// Whether requests are welcome.
pub(crate) struct Standing {
    /// Whether all parts are well that nothing works without.
    pub(crate) ready: bool,
    /// Whether bundles of policies are fetched that were never in force.
    pub(crate) awaited: bool,
}

/// The work under way, to be brought to its end.
pub(crate) struct Running {
    stop: signal::Sender<bool>,
    log: tokio::task::JoinHandle<()>,
    others: JoinSet<()>,
    sql: Arc<dyn Sql>,
    outbox: Arc<Outbox>,
    ledger: ::ledger::Ledger,
    cache: ::cache::Cache,
    clock: Clock,
}

/// At the end the outbox is drained for so long: what stays in it is safe, and
/// another node may be at it anyway.
const DRAINING: Duration = Duration::from_secs(2);

/// And connections to engines that do not answer are waited for so long.
const CLOSING: Duration = Duration::from_secs(2);

impl Work {
    /// Starts it. `tell` hears, again and again, how the parts are, and where that
    /// leaves whoever asks.
    pub(crate) fn start(self, tell: impl Fn(Standing, &[Report]) + Send + 'static) -> Running {
        let Self { sql, sealed, ledger, log, ear, depend, health, space, .. } = self;
        let Self { adaptive, bundles, comparing, plane, .. } = self;
        let stop = signal::Sender::new(false);
        let mut others = JoinSet::new();
        let outbox = plane.outbox.clone();
        let (drained, sink) = (outbox.clone(), ledger.clone());
        others.spawn(async move {
            let never = drained.drain(&sink).await;
            match never {}
        });
        others.spawn(ear.run());
        others.spawn(comparing.run());
        others.spawn(depend.run());
        let views = plane.views.clone();
        others.spawn(async move { views.run().await });
        let blocks = plane.blocks.clone();
        others.spawn(async move { blocks.tend().await });
        let behaviour = plane.behaviour.clone();
        others.spawn(async move { behaviour.run().await });
        let (clock, cache) = (plane.clock.clone(), plane.cache.clone());
        others.spawn(tidy(cache.clone(), clock.clone()));
        others.spawn(token::tend(plane.tokens.clone(), clock.clone()));
        others.spawn(seal::tend(sealed, clock.clone()));
        if let Some((http, background)) = bundles {
            others.spawn(bundle::poll(plane.clone(), http, background));
        }
        others.spawn(crypto::tend(plane.strongbox.clone(), clock.clone()));
        others.spawn({
            let (clock, polls) = (clock.clone(), plane.polls.clone());
            async move {
                loop {
                    let reports = health.check().await;
                    tell(Standing { ready: health.ready(), awaited: polls.awaited() }, &reports);
                    clock.sleep(LOOKING_AFTER.every.0).await;
                }
            }
        });
        others.spawn(warm::keep_warm(cache.clone(), sql.clone(), clock.clone()));
        others.spawn(space.run(clock.clone()));
        others.spawn(forget(plane.logins.clone(), clock.clone()));
        if let Some(adaptive) = adaptive {
            others.spawn(stand_in_line(adaptive, clock.clone()));
        }
        others.spawn(async move {
            loop {
                plane.clock.sleep(SWEEP_EVERY).await;
                plane.tend_cache();
            }
        });
        let log = tokio::spawn(log.run(stop.subscribe()));
        Running { stop, log, others, sql, outbox, ledger, cache, clock }
    }
}

/// How often somebody stands in line to see how long that takes.
const STANDING_IN_LINE: Duration = Duration::from_millis(2);

/// Finds out again and again how long it takes until it is one's turn on a thread of ours.
async fn stand_in_line(adaptive: Arc<::gate::limit::Adaptive>, clock: Clock) {
    loop {
        clock.sleep(STANDING_IN_LINE).await;
        adaptive.stand_in_line(tokio::task::yield_now()).await;
    }
}

/// Keeps tables from growing with what is over.
async fn tidy(cache: ::cache::Cache, clock: Clock) {
    loop {
        clock.sleep(TIDY_EVERY).await;
        if let Err(error) = cache.tidy().await {
            tracing::debug!(error = %error.story(), "what has expired is freed later");
        }
    }
}

/// Keeps tables from growing with sessions and failures that are over.
async fn forget(logins: Arc<::gate::Logins>, clock: Clock) {
    loop {
        clock.sleep(FORGET_EVERY).await;
        if let Err(error) = logins.sweep().await {
            tracing::debug!(error = %error.story(), "sessions that are over are forgotten later");
        }
    }
}

impl Running {
    /// Brings the work to its end: what was taken is on disk when this returns, or
    /// is said to be lost.
    pub(crate) async fn finish(mut self) {
        self.others.shutdown().await;
        let lost = self.cache.flush(DRAINING).await;
        if lost > 0 {
            tracing::warn!(lost, "answered writes could not reach the tiers behind memory");
        }
        let drained = self.clock.within(DRAINING, self.outbox.flush(&self.ledger)).await;
        if let Some(Err(error)) = drained {
            // Nothing is lost: what stays in the outbox is drained at the next
            // start.
            tracing::warn!(error = %error.story(), "the outbox could not be drained at the end");
        }
        self.stop.send_replace(true);
        let _ = self.log.await;
        self.clock.within(CLOSING, self.sql.close()).await;
    }
}
