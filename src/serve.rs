//! Running the server: load, build, serve, drain.

mod alone;
mod banner;
pub(crate) mod codes;
mod doors;
mod handover;
mod listen;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use flow::question::admin::CreatedKey;
use flow::signal::Registry;
use flow::{Clock, Plane as _, Random, Result};
use pool::directory::Directory;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use crate::config::{BOOTSTRAP_KEY, Config, Loaded, Profile};
use crate::wire::{self, Built, Ground, Outside, Plane, Running};
pub(crate) use alone::Alone;
pub(crate) use doors::Doors;
use handover::Offer;
use listen::{Listeners, Sockets};

/// Serves until told to stop. With `takeover`, in place of a server that runs on
/// the same data directory, with its sockets.
pub(crate) async fn run(loaded: Loaded, takeover: bool) -> Result<()> {
    let config = loaded.config.clone();
    let ground = ground(config.watch.series_max);
    // Whatever is made from now on is for this user alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let collect = wire::otlp::collect(&config.watch.otlp, &ground);
    let exporter = wire::otlp::exporter(&config.watch.otlp, collect.as_ref(), &ground)?;
    let log = watch::log::start(&config.log, &ground.clock, &ground.registry, collect)?;
    let mut signals = Signals::new()?;
    listen::check_path(&config.data)?;

    let mut predecessor = match takeover {
        true => Some(handover::ask(&config.data).await?),
        false => None,
    };
    let inherited = predecessor.as_mut().map(|predecessor| predecessor.sockets()).transpose()?;
    let sockets = Sockets::open(&config, inherited.unwrap_or_default())?;
    config.http.check()?;
    config.resp.check()?;
    config.authz.check()?;
    let outside = Outside::reach(&config, &ground).await?;
    // Everything that can be wrong with the configuration is known by now; the
    // predecessor may go.
    if let Some(predecessor) = predecessor {
        predecessor.ready().await?;
    }
    let directory = Arc::new(open_directory(&config, takeover, &ground).await?);
    let sockets = sockets.with_local(&config.data)?;

    let owner = rustix::process::getuid().as_raw();
    let built = wire::build(&config, &ground, outside, directory, owner).await?;
    let first = first_key(&loaded, &built).await?;
    let offer = Offer::open(&config.data, &sockets)?;
    let doors = sockets.doors();
    let notice = doors.post(&config.data);
    let server = Server::open(&config, built, sockets, &ground)?;
    banner::print(&config, &doors, first.as_ref())?;
    tracing::info!(
        http = doors.http.as_deref(),
        resp = doors.resp.as_deref(),
        resp_tls = doors.resp_tls.as_deref(),
        grpc = doors.grpc.as_deref(),
        pid = std::process::id(),
        "stockade is ready"
    );

    let stop = Arc::new(Notify::new());
    let exporting = exporter.map(|exporter| {
        let stop = stop.clone();
        tokio::spawn(async move { exporter.run(stop.notified()).await })
    });

    let why = loop {
        tokio::select! {
            _ = signals.terminate.recv() => break "told to stop",
            _ = signals.interrupt.recv() => break "interrupted",
            _ = signals.hangup.recv() => server.reload(&loaded, &log),
            taken = offer.taken() => match taken {
                Ok(()) => break "a successor has taken over",
                Err(error) => tracing::warn!(error = %error.story(), "a takeover came to nothing"),
            },
        }
    };
    // Taken back while the directory is ours: a successor puts up its own.
    drop((offer, notice));
    server.drain(why, config.serve.drain.0, &mut signals).await;
    stop.notify_one();
    if let Some(exporting) = exporting {
        let _ = exporting.await;
    }
    drop(log);
    Ok(())
}

/// What everything else stands on.
pub(crate) fn ground(series_max: usize) -> Ground {
    let (clock, random, registry) = (Clock::system(), Random::system(), Registry::default());
    let process = watch::process::Process::new(&registry, &clock);
    let process = watch::export::Numbers::new(&registry, process, series_max);
    Ground { clock, random, registry, process }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                codes::SIGNALS.error("the system's signals cannot be heard").because(error)
            })
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }
}

/// A predecessor gets this much longer than its own drain to let go.
const LETTING_GO: Duration = Duration::from_secs(10);

async fn open_directory(config: &Config, takeover: bool, ground: &Ground) -> Result<Directory> {
    let (data, options) = (config.data.clone(), config.directory.clone());
    let Ground { clock, registry, .. } = ground.clone();
    if takeover {
        let limit = config.serve.drain.0 + LETTING_GO;
        return Directory::open_waiting(&data, &options, &registry, &clock, limit).await;
    }
    let open = move || Directory::open(&data, &options, &registry);
    match tokio::task::spawn_blocking(open).await {
        Ok(opened) => opened,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// The first start makes an administrator's key: the one the operator chose, or
/// one that is shown. In production nothing secret is ever printed.
async fn first_key(loaded: &Loaded, built: &Built) -> Result<Option<CreatedKey>> {
    let chosen = loaded.environment().get(BOOTSTRAP_KEY);
    if chosen.is_none() && loaded.config.profile == Profile::Production {
        return Ok(None);
    }
    let key = built.plane.first_key(&built.background, chosen).await?;
    Ok(key.filter(|_| chosen.is_none()))
}

/// Settings that change while the server runs.
const LIVE: [&str; 3] = ["log.level", "gate.playbooks", "gate.inspect"];

fn is_live(key: &str) -> bool {
    let within = |rest: &str| rest.is_empty() || rest.starts_with('.');
    LIVE.iter().any(|live| key.strip_prefix(live).is_some_and(within))
}

/// The open doors, and what goes on behind them.
struct Server {
    http: door_http::Door<Plane>,
    resp: door_resp::Door,
    authz: door_authz::Door,
    running: Running,
    plane: Arc<Plane>,
    clock: Clock,
}

impl Server {
    fn open(config: &Config, built: Built, sockets: Sockets, ground: &Ground) -> Result<Self> {
        let Built { plane, work, background: _ } = built;
        let http = door_http::Door::new(config.http.clone(), plane.clone(), &ground.registry)?;
        let Listeners { http: listeners, resp, grpc } = sockets.into_listeners(config)?;
        http.listen(listeners)?;
        let readiness = http.readiness().clone();
        readiness.await_bundles(plane.awaits_bundles());
        readiness.set(door_http::State::Ready);
        let running = work.start(move |standing, reports| {
            for report in reports {
                readiness.part(&report.name, report.problem.as_ref().map(|problem| problem.title));
            }
            readiness.await_bundles(standing.awaited);
            let ready = standing.ready;
            readiness.set(if ready { door_http::State::Ready } else { door_http::State::Waiting });
        });
        let behind = crate::wire::behind(&config.resp)?;
        let resp = door_resp::Door::open(&plane, resp, &config.resp, &ground.registry, behind)?;
        let authz = door_authz::Door::open(&plane, grpc, &config.authz, &ground.registry)?;
        let clock = plane.path().clock().clone();
        Ok(Self { http, resp, authz, running, plane, clock })
    }

    /// Reads the configuration again. What can change while running does; what
    /// cannot is named.
    fn reload(&self, loaded: &Loaded, log: &watch::log::Log) {
        let new = match loaded.again().and_then(|new| new.vet().map(|()| new)) {
            Ok(new) => new,
            Err(problems) => {
                tracing::error!(%problems, "the new configuration is not used");
                return;
            }
        };
        if let Err(error) = log.set_level(&new.config.log.level) {
            tracing::error!(error = %error.story(), "the log level stays as it is");
        }
        if let Err(error) = self.http.reload() {
            tracing::error!(error = %error.story(), "the certificate stays as it is");
        }
        if let Err(error) = self.resp.reload() {
            tracing::error!(error = %error.story(), "the Redis door's certificate stays as it is");
        }
        if let Err(error) = self.authz.reload() {
            tracing::error!(error = %error.story(), "the gRPC door's certificate stays as it is");
        }
        self.plane.reload(&new.config.gate);
        let keys: BTreeSet<_> = loaded.values.keys().chain(new.values.keys()).collect();
        let value = |from: &Loaded, key| from.values.get(key).map(|(value, _)| value.clone());
        let waiting: Vec<String> = keys
            .into_iter()
            .filter(|key| value(loaded, key) != value(&new, key))
            .map(ToString::to_string)
            .filter(|key| !is_live(key))
            .collect();
        tracing::info!(restart_needed_for = waiting.join(" "), "configuration read again");
    }

    /// Closes the doors, finishes what is under way within `limit`, and brings
    /// everything to disk. A second signal cuts the waiting short.
    async fn drain(self, why: &str, limit: Duration, signals: &mut Signals) {
        let begun = self.clock.moment();
        tracing::info!(why, limit_secs = limit.as_secs_f64(), "draining");
        let closing = async {
            let resp = self.clock.within(limit, self.resp.drain());
            let authz = self.clock.within(limit, self.authz.drain());
            let (cut, resp, authz) = tokio::join!(self.http.drain(limit), resp, authz);
            (cut, resp.is_none(), authz.is_none())
        };
        tokio::select! {
            (cut, resp_cut, grpc) = closing => if cut > 0 || resp_cut || grpc {
                tracing::warn!(
                    http = cut,
                    resp = resp_cut,
                    grpc,
                    "connections were cut: time was up"
                );
            },
            _ = signals.terminate.recv() => tracing::warn!("told again: not waiting any longer"),
            _ = signals.interrupt.recv() => tracing::warn!("told again: not waiting any longer"),
        }
        self.running.finish().await;
        tracing::info!(took_ms = self.clock.moment().since(begun).as_millis(), "stopped");
    }
}
