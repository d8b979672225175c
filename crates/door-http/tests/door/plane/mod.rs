//! A plane small enough to see through: a gate that knows two keys, a policy
//! that can be told to refuse, a ledger that is a list, and maps behind.

mod account;
mod cache;
mod crypto;
pub(crate) mod guard;
mod ledger;
mod object;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use bytes::Bytes;
use flow::question::account::Begun;
use flow::question::admin::{Exposition, KeyInfo, Metrics, Part, Status};
use flow::question::escalation::EscalationInfo;
use flow::question::guard::{BlockInfo, MeasureInfo};
use flow::question::ledger::Event;
use flow::question::object::Head;
use flow::signal::Registry;
use flow::*;
use parking_lot::Mutex;
use tokio::sync::{Notify, broadcast};

use ledger::event;

static UNKNOWN: Code = Code::new(Kind::Unknown, "test-unknown", "Unknown", "say who you are");
static NO: Code = Code::new(Kind::Refused, "test-no", "No", "stop");
static FAST: Code = Code::new(Kind::Busy, "gate-too-fast", "Too fast", "wait");

const ALLOWANCE: Allowance = Allowance {
    limit: "principal",
    requests: 100,
    within: Duration::from_secs(60),
    left: 18,
    rest: Duration::from_millis(1_200),
};

/// Everything a test turns and reads.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) registry: Registry,
    pub(crate) revisions: Arc<Revisions>,
    path: std::sync::OnceLock<Arc<Path>>,
    pub(crate) facts: Mutex<Vec<Fact>>,
    pub(crate) refuse: AtomicBool,
    pub(crate) too_fast: AtomicBool,
    /// Whether somebody on this machine needs to show nothing.
    pub(crate) trusts_neighbours: AtomicBool,
    pub(crate) recognised: AtomicUsize,
    pub(crate) calls: AtomicUsize,
    pub(crate) values: Mutex<BTreeMap<Vec<u8>, Value>>,
    pub(crate) objects: Mutex<BTreeMap<String, (Head, Bytes)>>,
    pub(crate) keys: Mutex<Vec<KeyInfo>>,
    pub(crate) blocks: Mutex<Vec<BlockInfo>>,
    pub(crate) measures: Mutex<Vec<MeasureInfo>>,
    /// What was asked about requests that proxies hold, and how much of their bodies was seen.
    pub(crate) forwarded: Mutex<Vec<(String, usize)>>,
    pub(crate) policies: Mutex<BTreeMap<String, String>>,
    pub(crate) candidates: Mutex<BTreeMap<String, Option<String>>>,
    pub(crate) escalations: Mutex<Vec<EscalationInfo>>,
    pub(crate) documents: Mutex<BTreeMap<String, String>>,
    pub(crate) bundles: Mutex<std::collections::BTreeSet<String>>,
    pub(crate) log: Mutex<Vec<Event>>,
    pub(crate) live: broadcast::Sender<Event>,
    /// Bytes of bodies taken so far.
    pub(crate) taken: AtomicUsize,
    /// Told when an upload begins, and when it was given up.
    pub(crate) uploads: Notify,
    pub(crate) given_up: AtomicUsize,
    /// Told when a slow question begins; ends it when told to.
    pub(crate) slow: Notify,
    pub(crate) go_on: Notify,
    /// Pieces of the endless object that were read.
    pub(crate) endless: Arc<AtomicUsize>,
}

/// A value, its lifetime and its tags.
type Value = (Bytes, Option<Duration>, Vec<String>);

#[derive(Clone)]
pub(crate) struct Parts(pub(crate) Arc<World>);
pub(crate) type Path = Serve<Parts, Parts, Parts>;

pub(crate) fn plane(clock: Clock) -> Arc<Parts> {
    let revisions = Arc::new(Revisions::default());
    let world = Arc::new(World {
        clock: clock.clone(),
        registry: Registry::default(),
        revisions: revisions.clone(),
        path: std::sync::OnceLock::new(),
        facts: Mutex::default(),
        refuse: AtomicBool::new(false),
        too_fast: AtomicBool::new(false),
        trusts_neighbours: AtomicBool::new(false),
        recognised: AtomicUsize::new(0),
        calls: AtomicUsize::new(0),
        values: Mutex::default(),
        objects: Mutex::default(),
        keys: Mutex::default(),
        blocks: Mutex::default(),
        measures: Mutex::default(),
        forwarded: Mutex::default(),
        policies: Mutex::default(),
        candidates: Mutex::default(),
        escalations: Mutex::default(),
        documents: Mutex::default(),
        bundles: Mutex::default(),
        log: Mutex::default(),
        live: broadcast::Sender::new(1024),
        taken: AtomicUsize::new(0),
        uploads: Notify::new(),
        given_up: AtomicUsize::new(0),
        slow: Notify::new(),
        go_on: Notify::new(),
        endless: Arc::default(),
    });
    let parts = Parts(world.clone());
    let stages = Stages { gate: parts.clone(), policy: parts.clone(), ledger: parts.clone() };
    let (serve, _) = Serve::new(stages, revisions, clock, Random::seeded(1), &world.registry);
    let _ = world.path.set(Arc::new(serve));
    Arc::new(parts)
}

impl World {
    /// What was recorded, as `action outcome actor`.
    pub(crate) fn record(&self) -> Vec<String> {
        let line = |fact: &Fact| format!("{} {} {}", fact.action, fact.outcome.name(), fact.actor);
        self.facts.lock().iter().map(line).collect()
    }

    /// Something happens elsewhere.
    pub(crate) fn happen(&self, action: &'static str) {
        let mut log = self.log.lock();
        let position = log.len() as u64 + 1;
        let event = event(action, position);
        log.push(event.clone());
        let _ = self.live.send(event);
    }

    pub(crate) fn put(&self, key: &str, value: &'static str) {
        self.values.lock().insert(key.into(), (Bytes::from(value), None, Vec::new()));
    }

    pub(crate) fn counted(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let metrics = self.registry.metrics();
        let same = metrics.iter().filter(|metric| {
            metric.name == name
                && labels
                    .iter()
                    .all(|(key, value)| metric.labels.iter().any(|(k, v)| k == key && v == value))
        });
        same.map(|metric| match &metric.number {
            signal::Number::Counter(counter) => counter.get(),
            signal::Number::Gauge(gauge) => u64::try_from(gauge.get()).unwrap_or(0),
            signal::Number::Histogram(histogram) => histogram.read().count,
        })
        .sum()
    }
}

impl Plane for Parts {
    type Gate = Parts;
    type Policy = Parts;
    type Ledger = Parts;

    fn path(&self) -> &Arc<Path> {
        self.0.path.get().unwrap()
    }

    fn published_keys(&self) -> Bytes {
        Bytes::from_static(br#"{"keys":[]}"#)
    }

    fn begin_login<'a>(&'a self, provider: &'a str) -> BoxFuture<'a, Result<Begun>> {
        let begun = Begun {
            location: format!("https://id.example/authorize?at={provider}"),
            kept: "sealed".into(),
            secure: true,
            life: Duration::from_secs(600),
        };
        Box::pin(async { Ok(begun) })
    }
}

impl Gate for Parts {
    fn recognise<'a>(&'a self, request: &'a Request<'a>) -> Step<'a, Result<Arc<Identity>>> {
        self.0.recognised.fetch_add(1, SeqCst);
        let name: Arc<str> = match request.credential {
            Credential::Bearer(name @ ("ann" | "bob")) => name.into(),
            Credential::Password(shown) => shown.name.into(),
            Credential::Refresh(_) => "ann".into(),
            Credential::Returned(_) => "ann".into(),
            Credential::Local { uid } => format!("uid-{uid}").into(),
            Credential::Neighbour if self.0.trusts_neighbours.load(SeqCst) => "neighbour".into(),
            _ => {
                let cause = std::io::Error::other("the table of keys says no");
                return Step::Now(Err(UNKNOWN.error("nobody of that name").because(cause)));
            }
        };
        let tenant: Arc<str> = "main".into();
        let epoch = self.0.revisions.observe(&tenant, &name);
        let credential = "test".into();
        let identity = Identity::new(Principal::Human, tenant, name, [].into(), credential, epoch);
        Step::Now(Ok(Arc::new(identity)))
    }

    fn renew<'a>(&'a self, identity: &'a Identity) -> Step<'a, Result<Arc<Identity>>> {
        let epoch = self.0.revisions.observe(&identity.tenant, &identity.name);
        Step::Now(Ok(Arc::new(Identity { epoch, ..identity.clone() })))
    }

    fn admit<'a>(
        &'a self,
        _: &'a Request<'a>,
        _: &'a Identity,
        _: Ask<'a>,
    ) -> Step<'a, Result<()>> {
        Step::Now(match self.0.too_fast.load(SeqCst) {
            true => {
                let error = FAST.error("too fast").with_retry_after(Duration::from_millis(2_500));
                Err(error.with_allowance(Some(Allowance { left: 0, ..ALLOWANCE })))
            }
            false => Ok(()),
        })
    }

    fn allowance(&self, _: &Request<'_>, _: &Identity, _: Ask<'_>) -> Option<Allowance> {
        Some(ALLOWANCE)
    }
}

impl Policy for Parts {
    fn permit<'a>(
        &'a self,
        _: &'a Request<'a>,
        identity: &'a Identity,
        _: Ask<'a>,
    ) -> Step<'a, Result<Grant>> {
        Step::Now(match self.0.refuse.load(SeqCst) {
            true => Err(NO.error(format!("`{}` may not", identity.name))),
            false => Ok(Grant {
                scope: Scope::Namespace,
                lifetime: Duration::from_secs(3600),
                reason: "test".into(),
            }),
        })
    }
}

impl Ledger for Parts {
    fn append(&self, _: Class, fact: Fact) -> Step<'_, Result<()>> {
        self.0.facts.lock().push(fact);
        Step::Now(Ok(()))
    }

    fn tally(&self, about: Fact) -> Arc<Tally> {
        Arc::new(Tally::new(about))
    }
}

/// An origin that answers at once, by a closure over world and question.
macro_rules! answers {
    ($question:ty, $answer:ty, $work:expr) => {
        impl<'q> Origin<$question> for Parts {
            fn answer<'a>(
                &'a self,
                permitted: &'a Permitted<'a, $question>,
            ) -> Step<'a, Result<Answer<$answer>>> {
                self.0.calls.fetch_add(1, SeqCst);
                let work: fn(&World, &$question) -> Result<$answer> = $work;
                Step::Now(work(&self.0, permitted.question()).map(Answer::done))
            }
        }
    };
}

use answers;

answers!(Metrics<'q>, Exposition, |_, question| {
    let (media_type, bytes) = match question.accept.contains("protobuf") {
        true => ("application/vnd.google.protobuf", Bytes::from_static(b"\x01\x02")),
        false => ("text/plain; version=0.0.4", Bytes::from("a_total 1\n".repeat(200))),
    };
    Ok(Exposition { media_type, bytes })
});
answers!(Status, Vec<Part>, |_, _| {
    let part = |name: &str, ok, advice: &str| Part {
        name: name.to_owned(),
        ok,
        latency_us: 12,
        advice: advice.to_owned(),
    };
    Ok(vec![part("sql", true, ""), part("redis", false, "start it")])
});
