//! What a decision costs that was made before, and one that was not; for a program that holds
//! Stockade in itself, and as a door asks, from text to text. Beside it regorus and Cedar, asked
//! the same.
//!
//! `cargo xtask bench decide`, which builds Cedar first. One thread; medians of short rounds, in
//! which whoever is compared takes turns.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that fails should stop")]

#[path = "decide/peers.rs"]
mod peers;

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Arc;

use flow::feed::{Announcer, MemoryFeed};
use flow::question::policy::{
    ChangeData, DataChange, Decide, Decided, Freshness, Posed, PutPolicy,
};
use flow::{Clock, Random, Revisions, Step};
use policy::{Book, Config, Decider, Record};
use pool::sql::sqlite::{Options, Sqlite};
use rego::builtin::World;
use rego::value::json;
use rego::{Ask, Value};

use peers::{Act, Cedar};

const ROUNDS: usize = 101;
const USERS: usize = 1000;

const POLICY: &str = "package authzen

default allow := false

allow if {
	some role in data.users[input.subject.id]
	data.keyed[role][input.action.name][input.resource.id]
}
";

fn main() {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(run());
}

async fn run() {
    println!(
        "# {USERS} users, 50 roles of 10 keyed grants, two roles a user; 256 inputs in turn, one thread."
    );
    let tenant: Arc<str> = "main".into();
    let decider = open(&tenant).await;
    let texts: Vec<String> = (0..256).map(asked).collect();
    let inputs: Vec<Value> =
        texts.iter().map(|text| json::read(text.as_bytes()).unwrap()).collect();

    let mut prepared = decider.prepare(&tenant, "authzen/allow").await.unwrap();
    for (number, input) in inputs.iter().enumerate() {
        let known = prepared.decide(input).await.unwrap();
        let expected: &[u8] = if number % 2 == 0 { b"true" } else { b"false" };
        assert_eq!(known.as_deref(), Some(expected), "{number}");
    }
    let prepared = RefCell::new(prepared);
    let remembered = |number: usize| {
        let known = prepared.borrow_mut().remembered(&inputs[number]).unwrap().unwrap();
        known.as_deref() == Some(b"true".as_slice())
    };
    beside(&texts, remembered, &evaluated(&decider, &tenant, &inputs).await);

    let silent = Config { record: Record::Nothing, ..Config::default() };
    let silent = Decider::new(decider.book().clone(), silent, Clock::system(), Random::system());
    let ask_of = |decider: &Decider, text: &str, path: &str, posed: Posed| {
        let text = text.as_bytes();
        let freshness = Freshness::Any;
        now(decider.decide(&tenant, &Decide { path, text, posed, strict: false, freshness }))
    };
    let ask = |text: &str, path: &str, posed: Posed| ask_of(&decider, text, path, posed);
    let hit = per(texts.len(), |number| {
        black_box(ask(&texts[number], "authzen/allow", Posed::Whole));
    });
    println!("remembered, from text\t{hit:.0}\tns\t");
    let unrecorded = per(texts.len(), |number| {
        black_box(ask_of(&silent, &texts[number], "authzen/allow", Posed::Whole));
    });
    println!("what is read of it recorded\t{:.0}\tns\t≤ 300", hit - unrecorded);
    let anew = per(texts.len(), |number| {
        // Two names of one rule: an input that is never remembered makes it be asked anew.
        let text = format!("{{\"n\":{},{}", number as u64 + turn(), &texts[number][1..]);
        black_box(ask(&text, "authzen/anew", Posed::Whole));
    });
    println!("evaluated and remembered, from text\t{anew:.0}\tns\t");

    let each: Vec<&str> = texts.iter().take(100).map(String::as_str).collect();
    let batch = format!("{{\"evaluations\":[{}]}}", each.join(","));
    let hundred = per(16, |_| {
        let decided = ask(&batch, "authzen/allow", Posed::Each);
        assert_eq!(decided.results.len(), 100);
        black_box(decided);
    });
    println!("a batch of 100, from text\t{:.0}\tk/s", 1e6 * 100.0 / hundred);
}

/// Asks everybody the same, in turns, and says what it took.
fn beside(texts: &[String], remembered: impl Fn(usize) -> bool, ours: &Act) {
    let data = data();
    let (interpreted, run) = peers::regorus(POLICY, &data, texts);
    let mut cedar = Cedar::start(&data, texts);
    let acts: [&dyn Fn(usize) -> bool; 4] = [&remembered, ours, &interpreted, &run];
    for number in 0..texts.len() {
        let said = acts.iter().map(|act| act(number));
        let said: Vec<bool> = said.chain(cedar.as_ref().map(|cedar| cedar.said[number])).collect();
        assert!(said.iter().all(|one| *one == number.is_multiple_of(2)), "{number}: {said:?}");
    }
    let mut rounds = [const { Vec::new() }; 5];
    for _ in 0..ROUNDS {
        for (act, rounds) in acts.iter().zip(&mut rounds) {
            rounds.push(round(texts.len(), |number| {
                black_box(act(number));
            }));
        }
        rounds[4].extend(cedar.as_mut().map(Cedar::round));
    }
    let [hit, ours, interpreted, run, cedars] = rounds.map(middle);
    let rate = |nanos: f64| (1e9 / nanos).round();
    let of = |nanos: Option<f64>| rate(nanos.unwrap_or(f64::INFINITY));
    let (hit, ours) = (hit.unwrap_or_default(), ours.unwrap_or_default());
    println!("remembered, one\t{hit:.0}\tns\t≤ 100");
    match (&cedar, cedars) {
        (Some(cedar), Some(cedars)) => {
            let (name, cedars) = (format!("Cedar {}", cedar.version), rate(cedars));
            println!("remembered, embedded\t{}\t/s\t≥ 10000000\t{name}\t{cedars}", rate(hit));
            println!("evaluated, beside Cedar\t{}\t/s\t≥ 600000\t{name}\t{cedars}", rate(ours));
        }
        _ => {
            println!("# Cedar is not beside: `cargo xtask bench decide` builds it.");
            println!("remembered, embedded\t{}\t/s\t≥ 10000000", rate(hit));
        }
    }
    for (name, nanos) in [("VM", run), ("interpreter", interpreted)] {
        let (ours, theirs) = (rate(ours), of(nanos));
        println!(
            "evaluated, beside regorus' {name}\t{ours}\t/s\t≥ 600000\tregorus {name}\t{theirs}"
        );
    }
}

/// The policy by our engine, each time from the beginning.
async fn evaluated(decider: &Decider, tenant: &Arc<str>, inputs: &[Value]) -> Act {
    let edition = decider.book().edition(tenant).await.unwrap();
    let inputs = inputs.to_vec();
    let path = [Value::from("authzen"), Value::from("allow")];
    Box::new(move |number| {
        let ask = Ask {
            input: Some(inputs[number].clone()),
            data: edition.data().clone(),
            world: &Nowhere,
            strict: false,
            steps_max: 1_000_000,
        };
        edition.program().document(&path, &ask).unwrap() == Some(true.into())
    })
}

struct Nowhere;

impl World for Nowhere {
    fn now(&self) -> i64 {
        0
    }

    fn random(&self) -> u64 {
        0
    }
}

fn turn() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static TURN: AtomicU64 = AtomicU64::new(0);
    TURN.fetch_add(1000, Ordering::Relaxed)
}

fn now(step: Step<'_, flow::Result<Decided>>) -> Decided {
    match step {
        Step::Now(decided) => decided.unwrap(),
        Step::Later(_) => panic!("what is known here is answered at once"),
    }
}

/// Nanoseconds for one of so many, the middle of several rounds.
fn per(count: usize, mut act: impl FnMut(usize)) -> f64 {
    middle((0..ROUNDS).map(|_| round(count, &mut act)).collect()).unwrap_or_default()
}

/// The mean of all in turn, after all were asked once: what others did before them is forgotten.
fn round(count: usize, mut act: impl FnMut(usize)) -> f64 {
    (0..count).for_each(&mut act);
    let clock = Clock::system();
    let since = clock.moment();
    (0..count).for_each(act);
    clock.moment().since(since).as_nanos() as f64 / count as f64
}

fn middle(mut rounds: Vec<f64>) -> Option<f64> {
    rounds.sort_by(f64::total_cmp);
    rounds.get(rounds.len() / 2).copied()
}

fn asked(number: usize) -> String {
    let user = number * 37 % USERS;
    let (role, grant) = (user % 50, number % 10);
    let resource = if number.is_multiple_of(2) { role * 10 + grant } else { 100_000 };
    let action = if grant % 2 == 0 { "read" } else { "write" };
    format!(
        "{{\"subject\":{{\"type\":\"user\",\"id\":\"user-{user}\"}},\"action\":{{\"name\":\"{action}\"}},\
         \"resource\":{{\"type\":\"doc\",\"id\":\"doc-{resource}\"}}}}"
    )
}

async fn open(tenant: &Arc<str>) -> Decider {
    let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
    let (clock, random) = (Clock::system(), Random::system());
    let announcer = Announcer::new(Arc::new(MemoryFeed::new(clock.clone(), 64)), clock.clone());
    let revisions = Arc::new(Revisions::default());
    let config = Config::default();
    let book = Book::open(sql, revisions, Arc::new(announcer), clock.clone(), config.clone());
    let book = Arc::new(book.await.unwrap());
    let anew = POLICY.replace("package authzen", "package authzen\n\nanew := [allow, input.n]");
    let put = PutPolicy { id: "rbac.rego", source: &anew, dry_run: false };
    book.put(tenant, &put, "bench", None).await.unwrap();
    let data = data();
    let put = ChangeData { path: "", change: DataChange::Put(data.as_bytes()) };
    book.change(tenant, &put, None).await.unwrap();
    Decider::new(book, config, clock, random)
}

fn data() -> String {
    let users = (0..USERS).map(|user| {
        format!("\"user-{user}\":[\"role-{}\",\"role-{}\"]", user % 50, (user * 7 + 3) % 50)
    });
    let keyed = (0..50).map(|role| {
        let by = |verb: usize| {
            let grants = (0..10).filter(|grant| grant % 2 == verb);
            let grants = grants.map(|grant| format!("\"doc-{}\":true", role * 10 + grant));
            grants.collect::<Vec<_>>().join(",")
        };
        format!("\"role-{role}\":{{\"read\":{{{}}},\"write\":{{{}}}}}", by(0), by(1))
    });
    let (users, keyed): (Vec<_>, Vec<_>) = (users.collect(), keyed.collect());
    format!("{{\"users\":{{{}}},\"keyed\":{{{}}}}}", users.join(","), keyed.join(","))
}
