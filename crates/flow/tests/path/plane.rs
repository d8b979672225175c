//! A plane small enough to see through: a gate that knows two people, a policy
//! that can be told to refuse, a ledger that is a list, and a map behind.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use flow::question::cache::{Found, Get, Set, Work};
use flow::question::ledger::{Event, Follow};
use flow::question::object::{Head, Put};
use flow::signal::Registry;
use flow::stage::Inspector;
use flow::*;
use parking_lot::Mutex;

pub(crate) static UNKNOWN: Code =
    Code::new(Kind::Unknown, "test-unknown", "Unknown", "say who you are");
pub(crate) static FAST: Code = Code::new(Kind::Busy, "test-too-fast", "Too fast", "wait");
pub(crate) static NO: Code = Code::new(Kind::Refused, "test-no", "No", "stop");
pub(crate) static ATTACK: Code = Code::new(Kind::Refused, "test-attack", "An attack", "stop");
pub(crate) static FULL: Code = Code::new(Kind::Busy, "test-full", "Full", "retry");

/// Everything a test turns and reads.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) revisions: Arc<Revisions>,
    pub(crate) facts: Mutex<Vec<(Class, Fact)>>,
    pub(crate) tallies: Mutex<Vec<Arc<Tally>>>,
    pub(crate) scope: Mutex<Scope>,
    pub(crate) refuse: AtomicBool,
    /// Nobody may do anything with what is called so.
    pub(crate) forbidden: Mutex<Vec<u8>>,
    pub(crate) too_fast: AtomicBool,
    pub(crate) full: AtomicBool,
    /// How many requests are under way.
    pub(crate) entered: Arc<AtomicUsize>,
    pub(crate) disk_full: AtomicBool,
    pub(crate) recognised: AtomicUsize,
    pub(crate) decided: AtomicUsize,
    pub(crate) values: Mutex<HashMap<Vec<u8>, Bytes>>,
    pub(crate) objects: Mutex<HashMap<String, Vec<u8>>>,
    pub(crate) live: tokio::sync::broadcast::Sender<Event>,
}

#[derive(Clone)]
pub(crate) struct Part(pub(crate) Arc<World>);
pub(crate) type Path = Serve<Part, Part, Part>;

pub(crate) fn plane() -> (Arc<World>, Arc<Path>, serve::Background, Part) {
    let clock = Clock::manual(Time(1_000_000_000));
    let revisions = Arc::new(Revisions::default());
    let world = Arc::new(World {
        clock: clock.clone(),
        revisions: revisions.clone(),
        facts: Mutex::default(),
        tallies: Mutex::default(),
        scope: Mutex::new(Scope::Namespace),
        refuse: AtomicBool::new(false),
        forbidden: Mutex::default(),
        too_fast: AtomicBool::new(false),
        full: AtomicBool::new(false),
        entered: Arc::default(),
        disk_full: AtomicBool::new(false),
        recognised: AtomicUsize::new(0),
        decided: AtomicUsize::new(0),
        values: Mutex::default(),
        objects: Mutex::default(),
        live: tokio::sync::broadcast::Sender::new(16),
    });
    let part = Part(world.clone());
    let stages = Stages { gate: part.clone(), policy: part.clone(), ledger: part.clone() };
    let random = Random::seeded(1);
    let (serve, background) = Serve::new(stages, revisions, clock, random, &Registry::default());
    (world, Arc::new(serve), background, part)
}

pub(crate) fn request<'a>(world: &World, credential: &'a str) -> Request<'a> {
    Request {
        id: Id(7),
        at: world.clock.moment(),
        door: Door::Http,
        credential: Credential::Bearer(credential),
        peer: None,
        agent: "",
    }
}

pub(crate) fn get(key: &str) -> Get<'_> {
    Get { namespace: "sessions", key: key.as_bytes() }
}

impl World {
    /// What was recorded, as `action outcome actor reason`.
    pub(crate) fn record(&self) -> Vec<String> {
        let line = |(_, fact): &(Class, Fact)| {
            let (outcome, reason) = (fact.outcome.name(), fact.reason.as_deref().unwrap_or("-"));
            format!("{} {outcome} {} {reason}", fact.action, fact.actor)
        };
        self.facts.lock().iter().map(line).collect()
    }

    pub(crate) fn summed(&self) -> Vec<(Outcome, u64)> {
        self.tallies.lock().iter().flat_map(|tally| tally.collect().collect::<Vec<_>>()).collect()
    }
}

/// A request under way.
struct Entered(Arc<AtomicUsize>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Gate for Part {
    fn enter(&self, _: &Request<'_>, _: Ask<'_>) -> Result<Option<stage::Entered>> {
        if self.0.full.load(SeqCst) {
            return Err(stage::OVERLOADED.error("enough are under way"));
        }
        self.0.entered.fetch_add(1, SeqCst);
        Ok(Some(Box::new(Entered(self.0.entered.clone()))))
    }

    fn recognise<'a>(&'a self, request: &'a Request<'a>) -> Step<'a, Result<Arc<Identity>>> {
        self.0.recognised.fetch_add(1, SeqCst);
        let Credential::Bearer(name @ ("ann" | "bob" | "brief")) = request.credential else {
            return Step::Now(Err(UNKNOWN.error("nobody of that name")));
        };
        let (tenant, name): (Arc<str>, Arc<str>) = ("main".into(), name.into());
        let epoch = self.0.revisions.observe(&tenant, &name);
        let credential = "test".into();
        let is_brief = &*name == "brief";
        let identity = Identity::new(Principal::Human, tenant, name, [].into(), credential, epoch);
        let until = match is_brief {
            true => self.0.clock.moment().after(Duration::from_secs(10)),
            false => Moment::NEVER,
        };
        Step::Now(Ok(Arc::new(identity.until(until))))
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
            true => Err(FAST.error("too fast")),
            false => Ok(()),
        })
    }

    fn inspector(&self, _: &Identity, _: Ask<'_>) -> Option<Box<dyn Inspector>> {
        struct NoScripts;
        impl Inspector for NoScripts {
            fn inspect(&mut self, piece: &Bytes) -> Result<()> {
                match piece.windows(7).any(|window| window == b"<script") {
                    true => Err(ATTACK.error("a script")),
                    false => Ok(()),
                }
            }
        }
        Some(Box::new(NoScripts))
    }
}

impl Policy for Part {
    fn permit<'a>(
        &'a self,
        _: &'a Request<'a>,
        identity: &'a Identity,
        ask: Ask<'a>,
    ) -> Step<'a, Result<Grant>> {
        // The slow way, so that the path is tried with real waits.
        Step::later(async move {
            tokio::task::yield_now().await;
            self.0.decided.fetch_add(1, SeqCst);
            let name = ask.resource.name;
            let forbidden = !name.is_empty() && *self.0.forbidden.lock() == name;
            match forbidden || self.0.refuse.load(SeqCst) {
                true => Err(NO.error(format!("`{}` may not", identity.name))),
                false => Ok(Grant {
                    scope: *self.0.scope.lock(),
                    lifetime: Duration::from_secs(60),
                    reason: "test".into(),
                }),
            }
        })
    }
}

impl Ledger for Part {
    fn append(&self, class: Class, fact: Fact) -> Step<'_, Result<()>> {
        if class == Class::Durable && self.0.disk_full.load(SeqCst) {
            return Step::Now(Err(FULL.error("the disk is full")));
        }
        self.0.facts.lock().push((class, fact));
        Step::Now(Ok(()))
    }

    fn tally(&self, about: Fact) -> Arc<Tally> {
        let tally = Arc::new(Tally::new(about));
        self.0.tallies.lock().push(tally.clone());
        tally
    }
}

impl<'q> Origin<Get<'q>> for Part {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Get<'q>>,
    ) -> Step<'a, Result<Answer<Option<Found>>>> {
        if permitted.question().key == b"never" {
            return Step::later(std::future::pending());
        }
        let value = self.0.values.lock().get(permitted.question().key).cloned();
        Step::Now(Ok(match value {
            Some(value) => Answer::done(Some(Found { value, ttl: None })),
            None => Answer::missing(None),
        }))
    }
}

impl<'q> Origin<Work<'q, World>> for Part {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Work<'q, World>>,
    ) -> Step<'a, Result<Answer<()>>> {
        permitted.question().run(&self.0);
        Step::Now(Ok(Answer::done(())))
    }
}

impl<'q> Origin<Set<'q>> for Part {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Set<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        let Set { key, value, .. } = permitted.question();
        self.0.values.lock().insert(key.to_vec(), value.clone());
        Step::Now(Ok(Answer::done(true)))
    }
}

impl<'q> Intake<Put<'q>> for Part {
    fn take<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Put<'q>>,
        mut body: Body,
    ) -> Step<'a, Result<Answer<Head>>> {
        Step::later(async move {
            let mut bytes = Vec::new();
            while let Some(piece) = body.next().await {
                bytes.extend_from_slice(&piece?);
            }
            let size = bytes.len() as u64;
            self.0.objects.lock().insert(permitted.question().key.to_owned(), bytes);
            let head = Head {
                size,
                digest: String::new(),
                media_type: String::new(),
                at: self.0.clock.now(),
            };
            // `recorded` stands for a change whose fact is in its own transaction.
            let answer = Answer::done(head);
            Ok(if permitted.question().key == "recorded" { answer.recorded() } else { answer })
        })
    }
}

impl Origin<Follow> for Part {
    fn answer<'a>(
        &'a self,
        _: &'a Permitted<'a, Follow>,
    ) -> Step<'a, Result<Answer<BoxStream<'static, Result<Event>>>>> {
        let live = self.0.live.subscribe();
        let items = futures_util::stream::unfold(live, |mut live| async {
            let event = live.recv().await.ok()?;
            Some((Ok(event), live))
        });
        Step::Now(Ok(Answer::done(Box::pin(items))))
    }
}
