//! What it costs to notice what is odd, beside the bare lookup of an address: `cargo bench -p
//! stockade-gate --bench behaviour`, with the databases of `../shared/suites/mmdb`.
//!
//! Each request is noticed on one thread, as the path tells the gate of it: the clock is read, the
//! caller's profile and their last place are found by a hash, and addresses are drawn at random.
#![allow(clippy::unwrap_used, reason = "a bench that fails should stop there")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flow::fact::Class;
use flow::feed::{Announcer, MemoryFeed};
use flow::request::{Action, Inspection, Pace, Resource};
use flow::signal::Registry;
use flow::stage::Noticed;
use flow::unit::Span;
use flow::{
    Ask, Clock, Credential, Door, Gate as _, Id, Identity, Moment, Outcome, Principal, Random,
    Request, Revisions,
};
use gate::behaviour::{Config, Feed, Footing, Format};
use gate::limit::{Blocks, Limits};
use gate::{Behaviour, Gate, Keys};
use maxminddb::Reader;
use pool::sql::sqlite::{Options, Sqlite};
use rustix::time::{ClockId, clock_gettime};

const REQUESTS: usize = 1_000_000;
const ROUNDS: usize = 5;
const PEOPLE: usize = 1_000;
static READ: Action = Action {
    name: "key.list",
    class: Class::Logged,
    pace: Pace::Rate,
    inspection: Inspection::Off,
};

fn main() {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites/mmdb");
    if !suite.is_dir() {
        println!("skipped: there are no databases in ../shared/suites/mmdb");
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    println!(
        "# One request noticed on one thread, as the path tells the gate; the best of {ROUNDS}."
    );
    let path = suite.join("GeoIP2-City-Test.mmdb");
    let reader = Reader::open_readfile(&path).unwrap();
    let addresses = addresses(4_096);
    row("maxminddb: lookup alone", || {
        each(&addresses, |address| {
            black_box(reader.lookup(address).unwrap().has_data());
        })
    });
    row("maxminddb: lookup, country and place decoded", || {
        each(&addresses, |address| {
            let found = reader.lookup(address).unwrap();
            black_box(found.decode::<maxminddb::geoip2::City<'_>>().unwrap().is_some());
        })
    });
    let off = runtime.block_on(gate(&Config { enabled: false, ..Config::default() }, &[]));
    let plain = runtime.block_on(gate(&Config::default(), &[]));
    let placed = runtime.block_on(gate(&databases(&suite), &[]));
    let place = tempfile::tempdir().unwrap();
    let fed = runtime.block_on(gate(&Config::default(), &[feed(place.path())]));
    let few = self::addresses(1);
    let random = Random::seeded(5);
    let v4 = (0..4_096).map(|_| IpAddr::V4(Ipv4Addr::from_bits(random.number() as u32)));
    let v4: Vec<IpAddr> = v4.collect();
    row("noticed, switched off", || notice(&off, &few));
    row("a stranger strays, switched off", || stray(&off, &addresses));
    row("a stranger strays: others every time", || stray(&plain, &addresses));
    row("a stranger strays: always the same one", || stray(&plain, &few));
    row("noticed: profile and scanning, no databases", || notice(&plain, &few));
    row("the same, with a feed of 100,000 networks", || notice(&fed, &v4));
    row("profile, scanning and databases, each from where they were", || notice(&placed, &few));
    row("the same, each from another of 4,096 addresses every time", || {
        notice(&placed, &addresses)
    });
    let many = self::addresses(1_000_000);
    row("the same, of a million addresses, so that none is remembered", || notice(&placed, &many));
}

fn row(what: &str, measure: impl Fn() -> f64) {
    let best = (0..ROUNDS).map(|_| measure()).fold(f64::MAX, f64::min);
    println!("{what}\t{best:.1}\tns");
}

fn each(addresses: &[IpAddr], work: impl Fn(IpAddr)) -> f64 {
    timed(|| addresses.iter().cycle().take(REQUESTS).for_each(|address| work(*address)))
}

fn stray(gate: &Gate, addresses: &[IpAddr]) -> f64 {
    let paths = ["/.env", "/wp-login.php", "/backup/site.zip", "/favicon.ico"];
    let mut each = paths.iter().cycle().zip(addresses.iter().cycle());
    timed(|| {
        for (path, address) in each.by_ref().take(REQUESTS) {
            let request = Request {
                id: Id(1),
                at: Moment(0),
                door: Door::Http,
                credential: Credential::None,
                peer: Some(*address),
                agent: "",
            };
            gate.strayed(&request, None, path);
        }
    })
}

fn notice(gate: &Gate, addresses: &[IpAddr]) -> f64 {
    let people: Vec<Identity> = (0..PEOPLE).map(identity).collect();
    let resource = Resource { kind: "key", namespace: "", name: &[] };
    let mut each = people.iter().cycle().zip(addresses.iter().cycle());
    timed(|| {
        for (identity, address) in each.by_ref().take(REQUESTS) {
            let request = Request {
                id: Id(1),
                at: Moment(0),
                door: Door::Http,
                credential: Credential::None,
                peer: Some(*address),
                agent: "",
            };
            let ask = Ask { action: &READ, resource, items: 1 };
            gate.noticed(&Noticed {
                request: &request,
                identity,
                ask,
                outcome: Outcome::Done,
                code: None,
                took: Duration::from_millis(3),
                bytes: 300,
            });
        }
    })
}

/// Nanoseconds of this thread: what else the machine does is not counted.
fn timed(work: impl FnOnce()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec * 1_000_000_000 + time.tv_nsec
    };
    let begun = now();
    work();
    (now() - begun) as f64 / REQUESTS as f64
}

/// Somewhere in what the test database knows: every network of 2a02:d000::/20.
fn addresses(count: usize) -> Vec<IpAddr> {
    let random = Random::seeded(7);
    let base = u128::from("2a02:d000::".parse::<Ipv6Addr>().unwrap());
    let address = |_| IpAddr::V6(Ipv6Addr::from(base | u128::from(random.number()) << 44));
    (0..count).map(address).collect()
}

/// Networks no address of the bench is in, but by chance.
fn feed(place: &Path) -> Feed {
    let random = Random::seeded(3);
    let line = |_| format!("{}/30\n", Ipv4Addr::from_bits(random.number() as u32 & !3));
    let path = place.join("list.csv");
    std::fs::write(&path, (0..100_000).map(line).collect::<String>()).unwrap();
    let (every, expires) = (Span::secs(3_600), Span::secs(86_400));
    let url = format!("file:{}", path.display());
    Feed { name: "known".into(), url, format: Format::Csv, every, expires, shown: None }
}

fn databases(suite: &Path) -> Config {
    let path = |name: &str| -> Option<PathBuf> { Some(suite.join(name)) };
    Config {
        city: path("GeoIP2-City-Test.mmdb"),
        anonymous: path("GeoIP2-Anonymous-IP-Test.mmdb"),
        asn: path("GeoLite2-ASN-Test.mmdb"),
        // Travel is what is measured, not what becomes of it.
        speed_max: u32::MAX,
        ..Config::default()
    }
}

fn identity(number: usize) -> Identity {
    let (tenant, name): (Arc<str>, Arc<str>) = ("main".into(), format!("user-{number}").into());
    let epoch = Revisions::default().observe(&tenant, &name);
    Identity::new(Principal::Human, tenant, name, [].into(), "session:1".into(), epoch)
}

async fn gate(config: &Config, feeds: &[Feed]) -> Gate {
    let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
    let (clock, random, registry) = (Clock::system(), Random::system(), Registry::default());
    let revisions = Arc::new(Revisions::default());
    let keys = Keys::open(sql.clone(), revisions.clone(), clock.clone(), random.clone());
    let keys = Arc::new(keys.await.unwrap());
    let feed = Arc::new(MemoryFeed::new(clock.clone(), 64));
    let announcer = Arc::new(Announcer::new(feed, clock.clone()));
    let whole = gate::Config::default();
    let (blocking, at) = (whole.limits.blocks.clone(), (clock.clone(), random.clone()));
    let blocks = Blocks::open(blocking, sql.clone(), announcer.clone(), at, &registry);
    let blocks = Arc::new(blocks.await.unwrap());
    let limits = Limits::new(whole.rates, whole.limits, &registry);
    let footing = Footing {
        sql,
        announcer,
        blocks: blocks.clone(),
        http: None,
        clock: clock.clone(),
        random,
    };
    let behaviour = Behaviour::open(config, (&[], feeds), footing, &registry).await.unwrap();
    behaviour.catch_up().await.unwrap();
    let gate = Gate::new(keys, limits, blocks, revisions, clock, 1000);
    gate.with_behaviour(Arc::new(behaviour))
}
