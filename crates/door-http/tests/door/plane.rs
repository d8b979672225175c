//! A plane small enough to see through: a gate that knows two keys, a policy
//! that can be told to refuse, a ledger that is a list, and maps behind.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use flow::question::account::{
    BeginTotp, Begun, ChangeUser, CloseSession, ConfirmTotp, CreateUser, DeleteUser, DropTotp,
    EndSession, EndSessions, Enrolment, Granted, ListSessions, ListUsers, OpenSession,
    RefreshSession, SessionInfo, UserInfo,
};
use flow::question::admin::{
    CreateKey, CreatedKey, Exposition, KeyInfo, ListKeys, Login, Metrics, Part, RevokeKey, Status,
};
use flow::question::cache::event::{self, Heard, Key, Watch};
use flow::question::cache::warm::{Progress, Report, With};
use flow::question::cache::{
    Advise, Advised, Delete, Dropped, Expire, Found, Get, GetMany, Happened, Lock, Purge, Purged,
    Refresh, Renew, Set, SetMany, Statistics, Stats, StatsPage, Tier, Unlock, Warm, Warmed, When,
};
use flow::question::crypto::{
    self, ConfigureCryptoKey, CreateCryptoKey, DataKey, Decrypt, DeleteCryptoKey, Encrypt, Hash,
    Hmac, KeyKind, KeyState, ListCryptoKeys, MakeDataKey, Rewrap, RotateCryptoKey, ShowCryptoKey,
    ShownKey, Sign, Verify, VersionState,
};
use flow::question::escalation::{
    DecideEscalation, EscalationInfo, ListEscalations, Ruling, ShowEscalation, Stand,
    WithdrawEscalation,
};
use flow::question::group;
use flow::question::guard::{
    BlockInfo, FeedInfo, Forward, Forwarded, Inspect, Inspected, LiftBlock, ListBlocks, ListFeeds,
    ListMeasures, MeasureInfo, Sanitize, Sanitized, StepUp, UndoMeasure,
};
use flow::question::ledger::{
    Append, Appended, Backup, Checkpoint, Data, Event, Expected, FACTS, Filter, Follow,
    Head as LogHead, Made, New, Page, Prove, Read,
};
use flow::question::object::{self, Head, Put};
use flow::question::token::{
    CreateToken, CreatedToken, ListTokenKeys, RevokeToken, RotateTokenKey, TokenKey,
};
use flow::signal::Registry;
use flow::*;
use futures_util::{Stream, StreamExt, stream};
use parking_lot::Mutex;
use tokio::sync::{Notify, broadcast};

static UNKNOWN: Code = Code::new(Kind::Unknown, "test-unknown", "Unknown", "say who you are");
static NO: Code = Code::new(Kind::Refused, "test-no", "No", "stop");
static FAST: Code = Code::new(Kind::Busy, "gate-too-fast", "Too fast", "wait");
static CHANGED: Code = Code::new(Kind::Conflict, "test-changed", "Changed", "read again");
static ROTTEN: Code = Code::new(Kind::Corrupt, "test-rotten", "Rotten", "call an operator");

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

fn event(action: &'static str, position: u64) -> Event {
    Event {
        position,
        stream: FACTS.to_owned(),
        version: position,
        kind: action.to_owned(),
        schema: 1,
        time: Time(position * 1_000_000_000),
        id: Id(u128::from(position)),
        tenant: "main".to_owned(),
        actor: "human:ann".to_owned(),
        component: "http".to_owned(),
        path: "cache/sessions/k".to_owned(),
        correlation: match action.starts_with("decision.") {
            true => "x".to_owned(),
            false => Id(7).to_string(),
        },
        causation: String::new(),
        data: Data::Json(Bytes::from_static(br#"{"outcome":"done","at":"then"}"#)),
    }
}

/// As much of a filter as these tests need.
fn wants(filter: &Filter, event: &Event) -> bool {
    let same = |wanted: &Option<String>, own: &str| wanted.as_deref().is_none_or(|w| w == own);
    let kind = |wanted: &String| match wanted.strip_suffix('*') {
        Some(beginning) => event.kind.starts_with(beginning),
        None => event.kind == *wanted,
    };
    same(&filter.stream, &event.stream)
        && same(&filter.actor, &event.actor)
        && same(&filter.correlation, &event.correlation)
        && (filter.kinds.is_empty() || filter.kinds.iter().any(kind))
        && filter.since.is_none_or(|since| event.time >= since)
        && filter.before.is_none_or(|before| event.time < before)
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

impl<'q> Origin<Get<'q>> for Parts {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Get<'q>>,
    ) -> Step<'a, Result<Answer<Option<Found>>>> {
        let key = permitted.question().key;
        let value = self.0.values.lock().get(key).cloned();
        let found = value.map(|(value, ttl, _)| Found { value, ttl });
        match key {
            b"rotten" => {
                let cause = std::io::Error::other("checksum of /var/lib/secret");
                Step::Now(Err(ROTTEN.error("the value is damaged").because(cause)))
            }
            b"slow" => Step::later(async move {
                self.0.slow.notify_one();
                self.0.go_on.notified().await;
                Ok(Answer::done(found))
            }),
            _ => Step::Now(Ok(Answer::done(found))),
        }
    }
}

impl<'q> Origin<Set<'q>> for Parts {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Set<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        self.0.calls.fetch_add(1, SeqCst);
        let Set { key, value, ttl, tags, when, .. } = permitted.question();
        let mut values = self.0.values.lock();
        let met = match when {
            When::Always => true,
            When::Absent => !values.contains_key(*key),
            When::Present => values.contains_key(*key),
        };
        if met {
            let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
            values.insert(key.to_vec(), (value.clone(), *ttl, tags));
        }
        match *key {
            b"slow" => Step::later(async move {
                self.0.slow.notify_one();
                self.0.go_on.notified().await;
                Ok(Answer::done(met))
            }),
            _ => Step::Now(Ok(Answer::done(met))),
        }
    }
}

answers!(Delete<'q>, bool, |world, question| {
    Ok(world.values.lock().remove(question.key).is_some())
});
answers!(Expire<'q>, bool, |_, _| Ok(false));
answers!(Purge<'q>, Purged, |world, question| {
    let mut values = world.values.lock();
    let before = values.len();
    values.retain(|key, (_, _, tags)| match &question.what {
        feed::Purge::Key(wanted) => key != wanted,
        feed::Purge::Keys(wanted) => !wanted.iter().any(|one| one.0 == *key),
        feed::Purge::Tag(tag) => !tags.contains(tag),
        feed::Purge::Glob(_) | feed::Purge::All => false,
    });
    let tiers = vec![Dropped { tier: "l2", count: 3, complete: false }];
    Ok(Purged { memory: (before - values.len()) as u64, tiers })
});
answers!(GetMany<'q>, Vec<Result<Found, &'static str>>, |world, question| {
    let values = world.values.lock();
    let found = |key: &&[u8]| {
        let (value, ttl, _) = values.get(*key).cloned().ok_or("absent")?;
        Ok(Found { value, ttl })
    };
    Ok(question.keys.iter().map(found).collect())
});
answers!(SetMany<'q>, u64, |world, question| {
    let mut values = world.values.lock();
    for put in &question.values {
        let tags = put.tags.iter().map(|tag| (*tag).to_owned()).collect();
        values.insert(put.key.to_vec(), (put.value.clone(), put.ttl, tags));
    }
    Ok(question.values.len() as u64)
});
answers!(Stats<'q>, StatsPage, |_, question| {
    let all = ["a", "b", "x"].into_iter();
    let wanted = all.filter(|name| {
        question.namespace.is_none_or(|only| only == *name)
            && question.after.is_none_or(|after| *name > after)
    });
    let statistics = |name: &str| {
        let misses = vec![("absent", 1)];
        let tiers = vec![Tier { name: "memory", hits: 3, misses, ..Tier::default() }];
        Statistics { namespace: name.into(), tiers, ..Statistics::default() }
    };
    let mut namespaces: Vec<_> = wanted.map(statistics).collect();
    let more = namespaces.len() > question.limit as usize;
    namespaces.truncate(question.limit as usize);
    let next = namespaces.last().filter(|_| more).map(|last| last.namespace.clone());
    Ok(StatsPage { namespaces, next })
});
// Whoever holds the lock `held` is not asked here.
answers!(Lock<'q>, Option<u64>, |_, question| Ok((question.name != "held").then_some(1)));
answers!(Renew<'q>, bool, |_, question| Ok(question.fence == 1));
answers!(Unlock<'q>, bool, |_, question| Ok(question.fence == 1));
answers!(Watch<'q>, BoxStream<'static, Result<Heard>>, |_, question| {
    let happened = event::Event {
        kind: event::Kind::Miss,
        time: Time(0),
        tenant: "main".into(),
        namespace: question.namespace.into(),
        key: Key::Plain(Bytes::from_static(b"ann")),
        tier: "l2",
        reason: "absent",
    };
    Ok(Box::pin(stream::iter([Ok(Heard::Event(happened)), Ok(Heard::Lost(7))])))
});
answers!(Advise<'q>, Result<Vec<Advised>, Box<str>>, |_, question| {
    let advised = |name: &&str| match *name {
        "nothing" => Err(Box::from(*name)),
        name => Ok(Advised { namespace: name.to_owned(), ..Advised::default() }),
    };
    Ok(question.namespaces.iter().map(advised).collect())
});
answers!(Warm<'q>, BoxStream<'static, Result<Progress>>, |_, question| {
    let keys = match &question.with {
        With::Keys(keys) => keys.len() as u64,
        With::Ruled | With::Query(_) => 0,
    };
    let step = |seen, done| Ok(Progress { seen, done, ..Progress::default() });
    Ok(Box::pin(stream::iter([step(0, false), step(keys, true)])))
});
answers!(Warmed<'q>, Report, |_, _| Ok(Report::default()));
answers!(Refresh<'q>, u64, |_, _| Ok(0));
answers!(Happened<'q>, u64, |_, _| Ok(0));
answers!(Read, Page, |world, question| {
    let mut log = world.log.lock().clone();
    log.retain(|event| question.as_of.is_none_or(|last| event.position <= last));
    if question.backward {
        log.reverse();
    }
    let from = |event: &Event| match (question.from, question.backward) {
        (None, _) => true,
        (Some(from), false) => event.position >= from,
        (Some(from), true) => event.position <= from,
    };
    let mut wanted = log.into_iter().filter(|event| from(event) && wants(&question.filter, event));
    let events: Vec<_> = wanted.by_ref().take(question.limit as usize).collect();
    Ok(Page { events, next: wanted.next().map(|event| event.position) })
});
answers!(Follow, BoxStream<'static, Result<Event>>, |world, question| {
    let log = world.log.lock();
    let from = question.from.unwrap_or(u64::MAX);
    let old: Vec<_> = log.iter().filter(|event| event.position >= from).cloned().collect();
    let live = world.live.subscribe();
    let filter = question.filter.clone();
    let live = stream::unfold(live, |mut live| async { Some((live.recv().await.ok()?, live)) });
    let all = stream::iter(old).chain(live);
    let wanted = all.filter(move |event| std::future::ready(wants(&filter, event)));
    Ok(wanted.map(Ok).boxed())
});
answers!(Append<'q>, Appended, |world, question| {
    let mut log = world.log.lock();
    let mut version = log.iter().filter(|event| event.stream == question.stream).count() as u64;
    let keyed = |event: &&Event| !question.key.is_empty() && event.causation == question.key;
    if let Some(event) = log.iter().rfind(keyed) {
        let last = event.position;
        let first = last + 1 - question.events.len() as u64;
        return Ok(Appended { first, last, version: event.version, replayed: true });
    }
    let met = match question.expected {
        Expected::Any => true,
        Expected::Empty => version == 0,
        Expected::Exists => version > 0,
        Expected::Version(expected) => version == expected,
    };
    if !met {
        return Err(CHANGED.error(format!("stream `{}` is at version {version}", question.stream)));
    }
    let first = log.len() as u64 + 1;
    for new in question.events.clone() {
        let New { kind, schema, component, path, correlation, mut causation, data } = new;
        if causation.is_empty() {
            question.key.clone_into(&mut causation);
        }
        let position = log.len() as u64 + 1;
        version += 1;
        let (id, time) = (Id(u128::from(position)), Time(position * 1_000_000_000));
        let (stream, tenant) = (question.stream.to_owned(), "main".to_owned());
        let actor = "human:ann".to_owned();
        let event = Event {
            position,
            stream,
            version,
            kind,
            schema,
            time,
            id,
            tenant,
            actor,
            component,
            path,
            correlation,
            causation,
            data,
        };
        log.push(event.clone());
        let _ = world.live.send(event);
    }
    Ok(Appended { first, last: log.len() as u64, version, replayed: false })
});
answers!(LogHead, Checkpoint, |world, _| {
    let size = world.log.lock().len() as u64;
    let (root, time) = ("0f".repeat(32), world.clock.now());
    let note = format!("test/log\n{size}\n");
    Ok(Checkpoint { size, root, time, note, key: "test/log+00+key".to_owned() })
});
answers!(Prove, String, |_, question| {
    Ok(serde_json::json!({ "of": question.positions, "since": question.since }).to_string())
});
answers!(Backup<'q>, Made, |world, question| {
    let (size, bytes) = (world.log.lock().len() as u64, question.directory.len() as u64);
    Ok(Made { size, root: "0".repeat(64), time: Time(0), before: 0, bytes })
});
answers!(group::Put<'q>, group::Group, |_, question| Ok(made(question.group, &question.filter)));
answers!(group::Show<'q>, group::Group, |_, question| {
    Ok(made(question.group, &Filter::default()))
});
answers!(group::List, Vec<group::Group>, |_, _| Ok(vec![made("x", &Filter::default())]));
answers!(group::Remove<'q>, (), |_, _| Ok(()));
answers!(group::Settle<'q>, (), |_, _| Ok(()));
answers!(group::Unpark<'q>, u64, |_, question| {
    Ok(question.positions.as_ref().map_or(0, Vec::len) as u64)
});
answers!(group::Take<'q>, Vec<group::Delivery>, |world, question| {
    let log = world.log.lock();
    let taken = log.iter().take(question.most as usize).cloned();
    let receipt = |event: &Event| format!("{}-{}", event.position, Id(7));
    Ok(taken.map(|event| group::Delivery { attempt: 1, receipt: receipt(&event), event }).collect())
});
answers!(group::ListParked<'q>, group::ParkedPage, |world, question| {
    let (since, reason) = (Time(0), "test".to_owned());
    let log = world.log.lock();
    let parked = log.iter().take(question.limit as usize).cloned();
    let parked = parked.map(|event| {
        let reason = reason.clone();
        group::Parked { event, attempts: 3, reason, since }
    });
    Ok(group::ParkedPage { parked: parked.collect(), next: Some(9) })
});

fn made(name: &str, filter: &Filter) -> group::Group {
    group::Group {
        name: name.to_owned(),
        filter: filter.clone(),
        options: group::Options::default(),
        created: Time(0),
        position: 0,
        lag: 0,
        in_flight: 0,
        waiting: 0,
        parked: 0,
    }
}
answers!(object::Get<'q>, Option<(Head, Body)>, |world, question| {
    if question.key == "endless" {
        let size = 1 << 40;
        let (digest, media_type) = ("e".repeat(64), "application/x-endless".to_owned());
        let head = Head { size, digest, media_type, at: Time(0) };
        return Ok(Some((head, Body::new(Box::pin(Endless(world.endless.clone())), u64::MAX))));
    }
    let found = world.objects.lock().get(&format!("{}/{}", question.bucket, question.key)).cloned();
    Ok(found.map(|(head, bytes)| {
        let pieces: Vec<_> =
            bytes.chunks(7).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        (head, Body::new(Box::pin(stream::iter(pieces)), u64::MAX))
    }))
});
answers!(object::Delete<'q>, bool, |world, question| {
    let key = format!("{}/{}", question.bucket, question.key);
    Ok(world.objects.lock().remove(&key).is_some())
});
answers!(Login, String, |_, _| Ok("ann".into()));
fn granted() -> Granted {
    Granted {
        session: "s1".into(),
        token: "a token".into(),
        expires: Time(1),
        refresh: "another".into(),
        refresh_expires: Time(2),
    }
}

answers!(CreateUser<'q>, (), |_, _| Ok(()));
answers!(ListUsers<'q>, Vec<UserInfo>, |_, _| {
    let (name, kind, roles) = ("ann".into(), Principal::Human, vec!["reader".into()]);
    let rights = Rights::default();
    Ok(vec![UserInfo { name, kind, roles, rights, disabled: false, totp: true, created: Time(1) }])
});
answers!(ChangeUser<'q>, bool, |_, _| Ok(true));
answers!(DeleteUser<'q>, bool, |_, _| Ok(true));
answers!(OpenSession<'q>, Granted, |_, _| Ok(granted()));
answers!(RefreshSession, Granted, |_, _| Ok(granted()));
answers!(CloseSession, (), |_, _| Ok(()));
answers!(ListSessions<'q>, Vec<SessionInfo>, |_, question| {
    Ok(vec![SessionInfo {
        id: "s1".into(),
        principal: question.of.into(),
        created: Time(1),
        seen: Time(1),
        ends: Time(1),
        address: "192.0.2.1".into(),
        agent: "curl/8".into(),
        suspicion: vec!["agent".into()],
    }])
});
answers!(EndSession<'q>, bool, |_, question| Ok(question.id == "x"));
answers!(EndSessions<'q>, u64, |_, _| Ok(3));
answers!(BeginTotp, Enrolment, |_, _| Ok(Enrolment { secret: "A".into(), url: "otpauth:".into() }));
answers!(ConfirmTotp<'q>, Vec<String>, |_, _| Ok(vec!["one".into()]));
answers!(DropTotp<'q>, bool, |_, _| Ok(true));
answers!(CreateKey<'q>, CreatedKey, |world, question| {
    let mut keys = world.keys.lock();
    let id = format!("k{}", keys.len() + 1);
    keys.push(KeyInfo {
        id: id.clone(),
        principal: question.principal.to_owned(),
        kind: question.kind,
        roles: question.roles.to_vec(),
        rights: question.rights.clone(),
        created: world.clock.now(),
        shown: question.shown.clone(),
    });
    Ok(CreatedKey { secret: format!("secret-of-{id}"), id })
});
answers!(ListKeys<'q>, Vec<KeyInfo>, |world, question| {
    let keys = world.keys.lock();
    let behind = keys.iter().filter(|key| *key.id > *question.after);
    Ok(behind.take(question.limit as usize).cloned().collect())
});
answers!(ListBlocks<'q>, Vec<BlockInfo>, |world, question| {
    let blocks = world.blocks.lock();
    let behind = blocks.iter().filter(|block| *block.id > *question.after).cloned();
    Ok(behind.take(question.limit as usize).collect())
});
answers!(LiftBlock<'q>, bool, |world, question| {
    let mut blocks = world.blocks.lock();
    let before = blocks.len();
    blocks.retain(|block| block.id != question.id);
    Ok(blocks.len() < before)
});
answers!(ListEscalations<'q>, Vec<EscalationInfo>, |world, question| {
    let cases = world.escalations.lock();
    let stands = |case: &&EscalationInfo| match question.stand {
        None => true,
        Some(Stand::Open) => case.decided.is_none(),
        Some(Stand::Decided) => case.decided.is_some(),
    };
    let behind = cases.iter().filter(|case| *case.id > *question.after).filter(stands);
    Ok(behind.take(question.limit as usize).cloned().collect())
});
answers!(ShowEscalation<'q>, Option<EscalationInfo>, |world, question| {
    Ok(world.escalations.lock().iter().find(|case| case.id == question.id).cloned())
});
answers!(DecideEscalation<'q>, Option<EscalationInfo>, |world, question| {
    let mut cases = world.escalations.lock();
    let Some(case) = cases.iter_mut().find(|case| case.id == question.id) else { return Ok(None) };
    let (decision, reason) = (question.decision.to_owned(), question.reason.to_owned());
    let (by, at, until) = ("human:ann".to_owned(), Time(2), question.until);
    case.decided = Some(Ruling { decision, reason, by, at, until });
    Ok(Some(case.clone()))
});
answers!(WithdrawEscalation<'q>, bool, |world, question| {
    let mut cases = world.escalations.lock();
    let before = cases.len();
    cases.retain(|case| case.id != question.id);
    Ok(cases.len() < before)
});
answers!(ListMeasures<'q>, Vec<MeasureInfo>, |world, question| {
    let measures = world.measures.lock();
    let behind = measures.iter().filter(|measure| *measure.id > *question.after).cloned();
    Ok(behind.take(question.limit as usize).collect())
});
answers!(UndoMeasure<'q>, bool, |world, question| {
    let mut measures = world.measures.lock();
    let before = measures.len();
    measures.retain(|measure| measure.id != question.id);
    Ok(measures.len() < before)
});
answers!(ListFeeds<'q>, Vec<FeedInfo>, |_world, question| {
    let feed = |name: &str| FeedInfo {
        name: name.into(),
        entries: 3,
        passed_over: 1,
        fetched: Some(Time(1)),
        error: String::new(),
    };
    let behind = ["drop", "own"].into_iter().filter(|name| **name > *question.after).map(feed);
    Ok(behind.take(question.limit as usize).collect())
});
answers!(Inspect<'q>, Inspected, |_world, question| {
    let verdict = if question.text.contains('<') { "threat" } else { "clean" };
    Ok(Inspected { verdict, score: 0.0, kinds: Vec::new(), evidence: Vec::new() })
});

impl<'q> Origin<Forward<'q>> for Parts {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Forward<'q>>,
    ) -> Step<'a, Result<Answer<Forwarded>>> {
        self.0.calls.fetch_add(1, SeqCst);
        let forward = permitted.question();
        if forward.query().contains('<') {
            return Step::Now(Err(FAST.error("that is too much")));
        }
        let identity = permitted.identity().clone();
        let seen = format!("{forward:?} {} {}", forward.target, forward.whole);
        self.0.forwarded.lock().push((seen, forward.body.len()));
        Step::Now(Ok(Answer::done(Forwarded {
            identity,
            kinds: Vec::new(),
            score: 0.0,
            headers: Vec::new(),
        })))
    }
}

answers!(Sanitize<'q>, Sanitized, |_world, question| {
    let text = question.text.replace('<', "");
    let changed = text != question.text;
    Ok(Sanitized { text, changed, kinds: Vec::new() })
});
answers!(StepUp<'q>, (), |_world, question| {
    match question.code {
        "123456" => Ok(()),
        _ => Err(flow::stage::OVERLOADED.error("that is not the code")),
    }
});
answers!(RevokeKey<'q>, bool, |world, question| {
    let mut keys = world.keys.lock();
    let before = keys.len();
    keys.retain(|key| key.id != question.id);
    Ok(keys.len() < before)
});
answers!(CreateToken<'q>, CreatedToken, |world, question| {
    let until = world.clock.now().after(question.life);
    let token = format!("token-of-{}", question.principal);
    Ok(CreatedToken { id: "t1".into(), token, until })
});
answers!(RevokeToken<'q>, (), |_, _| Ok(()));
answers!(ListTokenKeys, Vec<TokenKey>, |world, _| {
    let (kid, created) = ("key-1".to_owned(), world.clock.now());
    Ok(vec![TokenKey { kid, algorithm: "EdDSA", created, until: None }])
});
answers!(RotateTokenKey, String, |_, _| Ok("key-2".into()));
/// The reverse of each, which is nobody's cipher.
fn reversed<'i>(items: impl Iterator<Item = &'i [u8]>) -> Vec<Result<crypto::Made>> {
    let made = |item: &[u8]| {
        let bytes = item.iter().rev().copied().collect();
        Ok(crypto::Made { bytes, version: 1 })
    };
    items.map(made).collect()
}

fn crypto_key(name: &str) -> KeyState {
    KeyState {
        name: name.to_owned(),
        kind: KeyKind::Ed25519,
        derived: false,
        latest: 1,
        min_decryption: 1,
        min_encryption: 1,
        deletable: false,
        rotate_every: Some(Duration::from_secs(3600)),
        created: Time(1),
    }
}

answers!(Encrypt<'q>, Vec<Result<crypto::Made>>, |_, question| {
    Ok(reversed(question.items.iter().map(|item| item.text)))
});
answers!(Decrypt<'q>, Vec<Result<Vec<u8>>>, |_, question| {
    let made = reversed(question.items.iter().map(|item| item.ciphertext));
    Ok(made.into_iter().map(|made| made.map(|made| made.bytes)).collect())
});
answers!(Rewrap<'q>, Vec<Result<crypto::Made>>, |_, question| {
    Ok(reversed(question.items.iter().map(|item| item.ciphertext)))
});
answers!(Sign<'q>, Vec<Result<crypto::Made>>, |_, question| Ok(reversed(
    question.items.iter().copied()
)));
answers!(Hmac<'q>, Vec<Result<crypto::Made>>, |_, question| Ok(reversed(
    question.items.iter().copied()
)));
answers!(Verify<'q>, Vec<Result<bool>>, |_, question| {
    Ok(question.items.iter().map(|item| Ok(item.signature.starts_with("stockade:v1:"))).collect())
});
answers!(Hash<'q>, Vec<u8>, |_, _| Ok(vec![0xab; 32]));
answers!(MakeDataKey<'q>, DataKey, |_, question| {
    let sealed = crypto::Made { bytes: b"stockade:v1:AAAA".into(), version: 1 };
    Ok(DataKey { plain: vec![7; question.bits as usize / 8], sealed })
});
answers!(CreateCryptoKey<'q>, (), |_, _| Ok(()));
answers!(ListCryptoKeys<'q>, Vec<KeyState>, |_, question| {
    let keys = ["orders", "people"].map(crypto_key);
    Ok(keys.into_iter().take(question.limit as usize).collect())
});
answers!(ShowCryptoKey<'q>, ShownKey, |_, question| {
    let public = Some("-----BEGIN PUBLIC KEY-----".into());
    let versions = vec![VersionState { version: 1, created: Time(1), public }];
    Ok(ShownKey { state: crypto_key(question.name), versions })
});
answers!(RotateCryptoKey<'q>, u32, |_, _| Ok(2));
answers!(ConfigureCryptoKey<'q>, (), |_, _| Ok(()));
answers!(DeleteCryptoKey<'q>, (), |_, _| Ok(()));
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

/// An object that never ends, and counts how much of it was wanted.
struct Endless(Arc<AtomicUsize>);

impl Stream for Endless {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        self.0.fetch_add(1, SeqCst);
        Poll::Ready(Some(Ok(Bytes::from_static(&[7; 16 << 10]))))
    }
}

/// Counts an upload that was not finished.
struct Upload<'a>(&'a World, bool);

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.given_up.fetch_add(1, SeqCst);
            self.0.uploads.notify_one();
        }
    }
}

impl<'q> Intake<Put<'q>> for Parts {
    fn take<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Put<'q>>,
        mut body: Body,
    ) -> Step<'a, Result<Answer<Head>>> {
        Step::later(async move {
            let world = &*self.0;
            world.calls.fetch_add(1, SeqCst);
            let mut upload = Upload(world, false);
            let Put { bucket, key, media_type } = *permitted.question();
            if key == "unread" {
                std::future::pending::<()>().await;
            }
            let mut bytes = Vec::new();
            while let Some(piece) = body.next().await {
                let piece = piece?;
                if world.taken.fetch_add(piece.len(), SeqCst) == 0 {
                    world.uploads.notify_one();
                }
                if key != "discarded" {
                    bytes.extend_from_slice(&piece);
                }
            }
            upload.1 = true;
            let (size, digest) = (body.passed(), format!("{:064x}", bytes.len()));
            let (media_type, at) = (media_type.to_owned(), world.clock.now());
            let head = Head { size, digest, media_type, at };
            let place = format!("{bucket}/{key}");
            world.objects.lock().insert(place, (head.clone(), bytes.into()));
            Ok(Answer::done(head))
        })
    }
}

/// Somebody who is kept out.
pub(crate) fn escalation(id: &str) -> EscalationInfo {
    EscalationInfo {
        id: id.to_owned(),
        path: "agents/verdict".into(),
        shown: Bytes::from_static(br#"{"tool":"rm"}"#),
        asked: 3,
        first: Time(1),
        last: Time(2),
        decided: None,
    }
}

pub(crate) fn measure(id: &str) -> MeasureInfo {
    MeasureInfo {
        id: id.into(),
        subject: "human:ann".into(),
        take: "throttle",
        playbook: "scanning".into(),
        why: "30 things were not for them".into(),
        begun: Time(1),
        until: Time(2),
    }
}

pub(crate) fn block(id: &str) -> BlockInfo {
    BlockInfo {
        id: id.to_owned(),
        kind: "address",
        subject: "192.0.2.1".to_owned(),
        cause: "gate-too-fast".to_owned(),
        level: 1,
        begun: Time(1_800_000_000_000_000_000),
        until: Time(1_800_000_300_000_000_000),
    }
}
