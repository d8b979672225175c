use engines::own::RedisServer;
use flow::request::{Inspection, Pace};
use flow::signal::Registry;
use flow::unit::Span;
use flow::{Action, Identity, Principal, Revisions};
use pool::kv::{MemoryKv, RedisKv, memory, redis};

use super::*;
use crate::config::Rates;
use crate::limit::{Asking, Config, Limits, Verdict};

static ACTION: Action = Action {
    name: "key.list",
    class: flow::Class::Logged,
    pace: Pace::Rate,
    inspection: Inspection::Off,
};

/// Requests a second, and at once.
const RATE: u32 = 2_000;
const BURST: u32 = 100;

fn node(kv: Arc<dyn Kv>) -> Limits {
    let rates = Rates([("reader".into(), RATE * 60)].into());
    let config = Config { burst: BURST, address: 0, ..Config::default() };
    Limits::new(rates, config, &Registry::default()).shared_in(kv, Clock::system())
}

fn ann() -> Identity {
    let (tenant, name): (Arc<str>, Arc<str>) = ("main".into(), "ann".into());
    let epoch = Revisions::default().observe(&tenant, &name);
    let roles = ["reader".to_owned()].into();
    Identity::new(Principal::Service, tenant, name, roles, "key:1".into(), epoch)
}

async fn is_let_in(node: &Limits, identity: &Identity, clock: &Clock) -> bool {
    let asking = Asking { identity: Some(identity), action: Some(&ACTION), ..Asking::default() };
    if !matches!(node.admit(&asking, clock.moment()), Verdict::Admitted) {
        return false;
    }
    match node.share_now(&asking, clock.moment()) {
        Some(known) => known.is_ok(),
        None => node.share(&asking, clock).await.is_ok(),
    }
}

/// How many of as many as can be asked from several tasks are let in within this time, and how
/// many could be.
async fn flood(nodes: &[Arc<Limits>], length: Duration) -> (f64, f64) {
    let clock = Clock::system();
    let begun = clock.moment();
    let mut tasks = tokio::task::JoinSet::new();
    for node in nodes.iter().cycle().take(2 * nodes.len()) {
        let (node, clock) = (node.clone(), clock.clone());
        tasks.spawn(async move {
            let (identity, mut admitted) = (ann(), 0_u32);
            while clock.moment().since(begun) < length {
                admitted += u32::from(is_let_in(&node, &identity, &clock).await);
                tokio::task::yield_now().await;
            }
            admitted
        });
    }
    let admitted: u32 = tasks.join_all().await.into_iter().sum();
    let took = clock.moment().since(begun).as_secs_f64();
    (f64::from(admitted), f64::from(RATE) * took + f64::from(BURST))
}

fn redis(server: &RedisServer) -> Arc<dyn Kv> {
    let mut config = redis::Config { url: server.url(), ..redis::Config::default() };
    config.timeout = Span::millis(500);
    Arc::new(RedisKv::new(config, Clock::system(), &Registry::default()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_on_one_redis_let_in_no_more_than_one_would() {
    let Some(server) = RedisServer::start() else { return };
    let nodes = [redis(&server), redis(&server)].map(|kv| Arc::new(node(kv)));
    let (admitted, allowed) = flood(&nodes, Duration::from_secs(3)).await;
    println!("{admitted} let in of {allowed:.0}: {:.2} %", admitted / allowed * 100.0);
    assert!(admitted <= allowed * 1.01, "{admitted} of {allowed}");
    assert!(admitted >= allowed * 0.5, "{admitted} of {allowed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_away_each_node_holds_to_the_limits_alone() {
    let mut config =
        redis::Config { url: "redis://127.0.0.1:1".into(), ..redis::Config::default() };
    config.connect_timeout = Span::millis(100);
    config.timeout = Span::millis(100);
    let kv = RedisKv::new(config, Clock::system(), &Registry::default()).unwrap();
    let nodes = [Arc::new(node(Arc::new(kv)))];
    let (admitted, allowed) = flood(&nodes, Duration::from_secs(1)).await;
    assert!(admitted > f64::from(BURST), "{admitted}");
    assert!(admitted <= allowed, "{admitted} of {allowed}");
}

#[tokio::test]
async fn what_is_borrowed_is_taken_from_all_or_from_none() {
    let clock = Clock::system();
    let shared = Shared::new(
        Arc::new(MemoryKv::new(&memory::Config::default(), clock.clone())),
        10,
        clock.clone(),
    );
    let table = crate::limit::Table::new(1);
    let (one, other) = (table.print("one"), table.print("other"));
    let (wide, narrow) = (Gcra::per_minute(60_000, 10), Gcra::per_minute(60, 1));
    let now = clock.moment();
    assert_eq!(shared.take(&[one, other], now), Known::Nothing);
    shared.borrow(one, "one", &wide).await;
    assert_eq!(shared.take(&[one, other], now), Known::Nothing);
    shared.borrow(other, "other", &narrow).await;
    assert_eq!(shared.take(&[one, other], now), Known::Taken);
    let left = |print| shared.leases.lock().get(&print).unwrap().left;
    assert_eq!((left(one), left(other)), (4, 0));
    shared.borrow(other, "other", &narrow).await;
    let Known::Refused(1, wait) = shared.take(&[one, other], now) else { panic!("one a second") };
    assert!(wait <= Duration::from_millis(1_100), "{wait:?}");
    assert_eq!(left(one), 4);
}
