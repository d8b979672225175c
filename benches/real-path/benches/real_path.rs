//! What the path costs with its real stages on a warm lane: an API key, the
//! limits, Stockade's own rules, the fact counters, the cache behind.
#![expect(clippy::unwrap_used, reason = "a benchmark that fails should stop there")]

use flow::rights::NO_RIGHTS;
use std::hint::black_box;
use std::sync::Arc;

use cache::{Cache, Ground, Hit, Terms};
use flow::feed::{Announcer, MemoryFeed};
use flow::identity::MAIN;
use flow::question::cache::{Found, Get, Set, When};
use flow::signal::Registry;
use flow::*;
use gate::limit::{Blocks, Limits};
use gate::{Gate, Keys, NewKey};
use policy::Policies;
use pool::sql::sqlite::{Options, Sqlite};

/// The cache behind the path, as the binary wires it.
struct Values(Cache);

impl<'q> Origin<Get<'q>> for Values {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Get<'q>>,
    ) -> Step<'a, Result<Answer<Option<Found>>>> {
        let Get { namespace, key } = *permitted.question();
        let found = self.0.namespace(permitted.tenant(), namespace).at_hand(key);
        Step::Now(Ok(match found.unwrap() {
            Ok(Hit { value, ttl }) => {
                let found = value.into_text().map(|value| Found { value, ttl });
                Answer::done(found)
            }
            Err(_) => Answer::missing(None),
        }))
    }
}

impl<'q> Origin<Set<'q>> for Values {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Set<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        let Set { namespace, key, value, ttl, when, .. } = permitted.question();
        let terms = Terms { ttl: *ttl, ..Terms::default() };
        let values = self.0.namespace(permitted.tenant(), namespace);
        Step::Now(values.write_now(key, value.clone().into(), &terms, *when).map(Answer::done))
    }
}

const ROUNDS: usize = 9;
const REQUESTS: u64 = 200_000;

type Path = Serve<Gate, Arc<Policies>, ledger::Ledger>;

struct Bench {
    path: Path,
    values: Values,
    secret: String,
}

impl Bench {
    async fn new() -> Self {
        let (clock, random) = (Clock::system(), Random::system());
        let (registry, revisions) = (Registry::default(), Arc::new(Revisions::default()));
        let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
        let keys = Keys::open(sql.clone(), revisions.clone(), clock.clone(), random.clone());
        let keys = Arc::new(keys.await.unwrap());
        let roles = ["writer".to_owned()];
        let new = NewKey {
            principal: "bench",
            kind: Principal::Service,
            roles: &roles,
            rights: &NO_RIGHTS,
        };
        let secret = keys.create(MAIN, new, None).await.unwrap().secret;
        let config = gate::Config::default();
        let feed = Arc::new(MemoryFeed::new(clock.clone(), 64));
        let announcer = Arc::new(Announcer::new(feed, clock.clone()));
        let at = (clock.clone(), random.clone());
        let blocks =
            Blocks::open(config.limits.blocks.clone(), sql.clone(), announcer, at, &registry);
        let blocks = Arc::new(blocks.await.unwrap());
        let limits = Limits::new(config.rates, config.limits, &registry);
        let gate = Gate::new(keys, limits, blocks, revisions.clone(), clock.clone(), 0);
        let policy = Arc::new(Policies::stockade_self().unwrap());
        let config = ledger::Config::default();
        let log = ledger::Log::in_database(sql, clock.clone(), random.clone()).await.unwrap();
        let (ledger, _) =
            ledger::Ledger::new(log, &config, clock.clone(), random.clone(), &registry);
        let values = Cache::new(&cache::Config::default(), Ground::default()).unwrap();
        let stages = Stages { gate, policy, ledger };
        let (path, _) = Serve::new(stages, revisions, clock, random, &registry);
        Self { path, values: Values(values), secret }
    }

    async fn measure(
        &self,
        name: &str,
        goal: &str,
        ask: impl AsyncFn(&Self, &mut Lane, &Request<'_>),
    ) {
        let clock = self.path.clock().clone();
        let mut rounds = Vec::new();
        let mut lane = Lane::default();
        for _ in 0..ROUNDS {
            let begun = clock.moment();
            for n in 0..REQUESTS {
                let request = Request {
                    id: Id(u128::from(n)),
                    at: clock.moment(),
                    door: Door::Resp,
                    credential: Credential::Bearer(&self.secret),
                    peer: None,
                    agent: "",
                };
                ask(self, &mut lane, &request).await;
            }
            rounds.push(clock.moment().since(begun).as_nanos() as f64 / REQUESTS as f64);
        }
        rounds.sort_by(f64::total_cmp);
        println!("{name}\t{:.0}\tns\t{goal}", rounds.get(ROUNDS / 2).unwrap());
    }
}

async fn get(bench: &Bench, lane: &mut Lane, request: &Request<'_>) {
    let question = Get { namespace: "db0", key: b"some-key" };
    black_box(bench.path.once(lane, request, &bench.values, question).await.unwrap());
}

async fn set(bench: &Bench, lane: &mut Lane, request: &Request<'_>) {
    let value = bytes::Bytes::from_static(&[7; 100]);
    let when = When::Always;
    let question = Set { namespace: "db0", key: b"some-key", value, ttl: None, tags: &[], when };
    black_box(bench.path.once(lane, request, &bench.values, question).await.unwrap());
}

fn main() {
    println!("# API key, limits, Stockade's own rules, fact counters and the cache really on");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let bench = Bench::new().await;
        bench.measure("real stages, warm lane, a miss", "", get).await;
        bench.measure("real stages, warm lane, set 100 bytes", "", set).await;
        bench.measure("real stages, warm lane, a hit of 100 bytes", "", get).await;
    });
}
