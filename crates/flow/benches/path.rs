//! What the path itself costs: no-op stages on a warm lane, with spans off, and
//! how often it allocates. Prints `name<TAB>value<TAB>unit<TAB>goal` lines.
#![expect(unsafe_code, reason = "a counting allocator is the only way to see an allocation")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark that fails should stop there"
)]

use std::alloc::{GlobalAlloc, Layout, System as Heap};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use flow::question::cache::{Found, Get};
use flow::signal::{Counter, Registry};
use flow::*;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is handed to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { Heap.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { Heap.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Noop {
    revisions: Arc<Revisions>,
    scope: Scope,
    requests: Counter,
}

impl Gate for Noop {
    fn recognise<'a>(&'a self, _: &'a Request<'a>) -> Step<'a, Result<Arc<Identity>>> {
        let (tenant, name): (Arc<str>, Arc<str>) = ("main".into(), "ann".into());
        let epoch = self.revisions.observe(&tenant, &name);
        let (roles, credential) = ([].into(), "key:1".into());
        let identity = Identity::new(Principal::Service, tenant, name, roles, credential, epoch);
        Step::Now(Ok(Arc::new(identity)))
    }

    fn renew<'a>(&'a self, identity: &'a Identity) -> Step<'a, Result<Arc<Identity>>> {
        Step::Now(Ok(Arc::new(identity.clone())))
    }

    fn admit<'a>(
        &'a self,
        _: &'a Request<'a>,
        _: &'a Identity,
        _: Ask<'a>,
    ) -> Step<'a, Result<()>> {
        self.requests.add(1);
        Step::Now(Ok(()))
    }
}

impl Policy for Noop {
    fn permit<'a>(
        &'a self,
        _: &'a Request<'a>,
        _: &'a Identity,
        _: Ask<'a>,
    ) -> Step<'a, Result<Grant>> {
        let lifetime = Duration::from_secs(3600);
        Step::Now(Ok(Grant { scope: self.scope, lifetime, reason: "no-op".into() }))
    }
}

impl Ledger for Noop {
    fn append(&self, _: Class, _: Fact) -> Step<'_, Result<()>> {
        Step::Now(Ok(()))
    }

    fn tally(&self, about: Fact) -> Arc<Tally> {
        Arc::new(Tally::new(about))
    }
}

struct Nothing;

impl<'q> Origin<Get<'q>> for Nothing {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Get<'q>>,
    ) -> Step<'a, Result<Answer<Option<Found>>>> {
        black_box(permitted);
        Step::Now(Ok(Answer::missing(None)))
    }
}

const ROUNDS: usize = 9;
const REQUESTS: u64 = 200_000;

/// Median nanoseconds and allocations per request.
async fn measure(stages: impl Fn() -> Noop, warm: bool) -> (f64, f64) {
    let (clock, random) = (Clock::system(), Random::system());
    let revisions = stages().revisions;
    let part = || Noop { revisions: revisions.clone(), ..stages() };
    let stages = Stages { gate: part(), policy: part(), ledger: part() };
    let registry = Registry::default();
    let (serve, _) = Serve::new(stages, revisions.clone(), clock.clone(), random, &registry);
    let mut rounds = Vec::new();
    let mut lane = Lane::default();
    for _ in 0..ROUNDS {
        let allocations = ALLOCATIONS.load(Relaxed);
        let begun = clock.moment();
        for n in 0..REQUESTS {
            if !warm {
                lane = Lane::default();
            }
            let request = Request {
                id: Id(u128::from(n)),
                at: clock.moment(),
                door: Door::Resp,
                credential: Credential::Bearer("key"),
                peer: None,
                agent: "",
            };
            let question = Get { namespace: "sessions", key: b"some-key" };
            black_box(serve.once(&mut lane, &request, &Nothing, question).await.unwrap());
        }
        let nanos = clock.moment().since(begun).as_nanos() as f64 / REQUESTS as f64;
        let allocations = (ALLOCATIONS.load(Relaxed) - allocations) as f64 / REQUESTS as f64;
        rounds.push((nanos, allocations));
    }
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    rounds[ROUNDS / 2]
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let noop =
            |scope| move || Noop { revisions: Arc::default(), scope, requests: Counter::default() };
        let (nanos, allocations) = measure(noop(Scope::Namespace), true).await;
        println!("path, warm lane, clock read per request\t{nanos:.0}\tns\t≤ 300");
        println!("path, warm lane, allocations\t{allocations:.2}\tper request\t≤ 0");
        let (nanos, allocations) = measure(noop(Scope::Exact), true).await;
        println!("path, known caller, decided anew\t{nanos:.0}\tns\t");
        println!("path, known caller, allocations\t{allocations:.2}\tper request\t");
        let (nanos, allocations) = measure(noop(Scope::Namespace), false).await;
        println!("path, cold lane\t{nanos:.0}\tns\t");
        println!("path, cold lane, allocations\t{allocations:.2}\tper request\t");
    });
}
