//! Decisions over HTTP, through the whole path: who asks, whether they may, the policy, the fact.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::bench::figure::{Figure, Peer, Report};
use crate::bench::load::{self, Connection};
use crate::bench::offered::{self, Outcome};
use crate::bench::server::Server;
use crate::bench::spine::{built, figure, median};
use crate::clock;

const KEY: &str = "the-key-of-a-measurement-that-is-long-enough";

const USERS: usize = 1000;
const ROLES: usize = 50;
const GRANTS: usize = 10;
/// Different questions that are asked in turn.
const QUESTIONS: usize = 256;
const BATCH: usize = 100;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
const CONNECTIONS: usize = 8;
/// Threads of clients that wait for many connections at once, and the connections of each.
const ABREAST: (usize, usize) = (2, 16);
/// Clients where each answer waits for a disk.
const MANY: usize = 64;

const ONE: &str = "/v1/data/authzen/allow";
const ANEW: &str = "/v1/data/authzen/anew";
const ACCESS: &str = "/access/v1/evaluation";
const ACCESSES: &str = "/access/v1/evaluations";

const POLICY: &str = "package authzen

default allow := false

allow if {
	some role in data.users[input.subject.id]
	data.keyed[role][input.action.name][input.resource.id]
}

anew := [allow, input.n]
";

/// What is asked, again and again.
struct Questions {
    turn: AtomicUsize,
    plain: Vec<String>,
    access: Vec<String>,
    batch: String,
}

/// Asks one of them; the answer is heard later.
type Say = fn(&Questions, &mut Connection) -> io::Result<()>;

/// What it costs to be asked, and how long it takes.
pub(crate) fn decisions() -> Result<Report, Box<dyn Error>> {
    let release = built(&["stockade", "bare-hyper"])?;
    let stockade = release.join("stockade");
    let questions = Questions::new();
    let place = tempfile::tempdir()?;
    let ours = serve(&stockade, &[], &place.path().join("logged"), &[])?;
    let bare = Server::start(&release.join("bare-hyper"), &[], ONE)?;

    let kinds: [(&Server, Say); 5] = [
        (&bare, Questions::remembered),
        (&ours, Questions::remembered),
        (&ours, Questions::evaluated),
        (&ours, Questions::access),
        (&ours, Questions::batch),
    ];
    let mut rates = kinds.map(|_| Vec::new());
    let mut sleeping = [&bare, &ours].map(|server| (server, Vec::new()));
    for round in 0..ROUNDS {
        // Whoever goes second meets a warmer machine, so they change places.
        for place in 0..kinds.len() {
            let place = (place + round) % kinds.len();
            if let (Some((server, say)), Some(rates)) = (kinds.get(place), rates.get_mut(place)) {
                rates.push(per_cpu_second(server, || {
                    let say = |line: &mut Connection| say(&questions, line);
                    load::abreast(|| connect(server), say, ABREAST, ROUND)
                })?);
            }
        }
        for (server, rates) in &mut sleeping {
            let ask = |line: &mut Connection| questions.ask(line);
            rates.push(per_cpu_second(server, || without_pause(server, ask, CONNECTIONS))?);
        }
    }
    let [http, remembered, evaluated, access, batch] = rates.map(median);
    let [http_alone, alone] = sleeping.map(|(_, rates)| median(rates));
    drop(bare);
    drop(ours);

    let (few, most) = half_load(&stockade, &place.path().join("latency"), &questions)?;
    let (strict, strict_p99) = strict(&stockade, &place.path().join("strict"), &questions)?;

    let about = format!(
        "{USERS} users of two of {ROLES} roles with {GRANTS} keyed grants each; {QUESTIONS} questions in \
         turn with an API key, {ROUNDS} rounds of {} s, per second of the server's processor time, its \
         ledger included. The clients are two threads that wait for 16 connections each, as proxies do, or \
         {CONNECTIONS} threads that sleep on one each, which the server wakes one by one. The bare server \
         reads nothing and says `ok`. \
         Times are from when a question was due, at half of what {CONNECTIONS} connections get done \
         without a pause ({:.0}/s); the clients have one core, the server another. With `audit = \
         \"strict\"` each decision is on disk before it is answered: {MANY} connections.",
        ROUND.as_secs(),
        most / 2.0
    );
    let peer = |name: &str, value| Some(Peer { name: name.to_owned(), value });
    Ok(Report {
        about: vec![about],
        figures: vec![
            Figure {
                peer: peer("bare hyper", http),
                ..figure("remembered, per CPU-second", remembered, "/s", "≥ 80000")
            },
            Figure {
                peer: peer("bare hyper", http_alone),
                ..figure("the same, clients that sleep on each connection", alone, "/s", "")
            },
            figure("evaluated, per CPU-second", evaluated, "/s", "≥ 80000"),
            figure("AuthZEN evaluation, per CPU-second", access, "/s", "≥ 80000"),
            figure(
                "AuthZEN batch of 100, decisions per CPU-second",
                batch * BATCH as f64,
                "/s",
                "≥ 400000",
            ),
            figure("at half load, median", few.percentile(50) * 1e3, "µs", "≤ 50"),
            figure("at half load, p99", few.percentile(99), "ms", "≤ 1"),
            figure("`audit = \"strict\"`", strict, "/s", "≥ 50000"),
            figure("`audit = \"strict\"`, p99", strict_p99, "ms", "≤ 5"),
        ],
        ..Report::default()
    })
}

fn per_cpu_second(server: &Server, ask: impl Fn() -> io::Result<u64>) -> io::Result<f64> {
    let before = server.cpu_seconds()?;
    let answered = ask()?;
    Ok(answered as f64 / (server.cpu_seconds()? - before))
}

/// How often it was asked in a round, each connection the next time when it was answered.
fn without_pause(
    server: &Server,
    ask: impl Fn(&mut Connection) -> io::Result<u16> + Sync,
    connections: usize,
) -> io::Result<u64> {
    let fine = |line: &mut Connection| match ask(line)? {
        200 => Ok(()),
        status => Err(io::Error::other(format!("a decision was answered {status}"))),
    };
    load::repeat(|| connect(server), fine, connections, ROUND)
}

/// How long decisions take at half of what can be done, and what that is.
fn half_load(stockade: &Path, data: &Path, questions: &Questions) -> io::Result<(Outcome, f64)> {
    offered::stay_on_the_first_core()?;
    let server =
        serve(Path::new("taskset"), &["-c", "1", &stockade.display().to_string()], data, &[])?;
    let ask = |line: &mut Connection| questions.ask(line);
    let most = without_pause(&server, ask, CONNECTIONS)? as f64 / ROUND.as_secs_f64();
    let outcome = offered::offer(|| connect(&server), ask, CONNECTIONS, most / 2.0, 2 * ROUND)?;
    Ok((outcome, most))
}

/// How many decisions a second are on disk before they are answered, and how long they take.
fn strict(stockade: &Path, data: &Path, questions: &Questions) -> io::Result<(f64, f64)> {
    let audit = [("STOCKADE_LEDGER__AUDIT", "strict")];
    let server =
        serve(Path::new("taskset"), &["-c", "1", &stockade.display().to_string()], data, &audit)?;
    let end = clock::now() + 2 * ROUND;
    let took = offered::together(MANY, || {
        let (mut line, mut took) = (connect(&server)?, Vec::new());
        loop {
            let since = clock::now();
            if questions.ask(&mut line)? != 200 {
                return Err(io::Error::other("a decision was not answered"));
            }
            took.push(since.elapsed().as_secs_f64() * 1000.0);
            if clock::now() >= end {
                return Ok(took);
            }
        }
    })?;
    let served: Vec<f64> = took.into_iter().flatten().collect();
    let rate = served.len() as f64 / (2 * ROUND).as_secs_f64();
    Ok((rate, Outcome { served, refused: 0 }.percentile(99)))
}

/// A server that has the policy and what it reads.
fn serve(
    program: &Path,
    before: &[&str],
    data: &Path,
    more: &[(&str, &str)],
) -> io::Result<Server> {
    let data = data.display().to_string();
    let free = "127.0.0.1:0";
    let arguments = ["serve", "--data", &data, "--http", free, "--resp", free, "--grpc", ""];
    let arguments = [before, &arguments].concat();
    let known = [("STOCKADE_BOOTSTRAP_KEY", KEY), ("STOCKADE_LOG__LEVEL", "error")];
    let server = Server::start_with(program, &arguments, &[&known, more].concat(), "/healthz")?;
    let mut line = connect(&server)?;
    for (path, body) in [("/v1/policies/authzen.rego", POLICY), ("/v1/data", &*documents())] {
        match line.put(path, body)? {
            200 | 204 => {}
            status => return Err(io::Error::other(format!("{path} is answered by {status}"))),
        }
    }
    Ok(server)
}

fn connect(server: &Server) -> io::Result<Connection> {
    Ok(Connection::open(server.address())?.with_key(KEY))
}

/// Who has which roles, and what those may.
fn documents() -> String {
    let role = |number: usize| format!("role-{}", number % ROLES);
    let roles = |user: usize| json!([role(user), role(user * 7 + 3)]);
    let users: Map<_, _> = (0..USERS).map(|user| (format!("user-{user}"), roles(user))).collect();
    let grants = |role: usize, verb: usize| -> Map<String, Value> {
        let own = (0..GRANTS).filter(|grant| grant % 2 == verb);
        own.map(|grant| (format!("doc-{}", role * GRANTS + grant), true.into())).collect()
    };
    let granted = |number| json!({ "read": grants(number, 0), "write": grants(number, 1) });
    let keyed: Map<_, _> = (0..ROLES).map(|number| (role(number), granted(number))).collect();
    json!({ "users": users, "keyed": keyed }).to_string()
}

impl Questions {
    fn new() -> Self {
        let access: Vec<String> = (0..QUESTIONS).map(|number| asked(number).to_string()).collect();
        let plain = access.iter().map(|input| format!("{{\"input\":{input}}}")).collect();
        let batch: Vec<&str> = access.iter().take(BATCH).map(String::as_str).collect();
        let batch = format!("{{\"evaluations\":[{}]}}", batch.join(","));
        Self { turn: AtomicUsize::new(0), plain, access, batch }
    }

    fn next<'q>(&self, questions: &'q [String]) -> (usize, &'q str) {
        let turn = self.turn.fetch_add(1, Relaxed);
        (turn, questions.get(turn % QUESTIONS).map_or("", String::as_str))
    }

    /// One that was asked before, and its answer.
    fn ask(&self, line: &mut Connection) -> io::Result<u16> {
        self.remembered(line)?;
        line.hear()
    }

    fn remembered(&self, line: &mut Connection) -> io::Result<()> {
        line.say_json(ONE, self.next(&self.plain).1)
    }

    /// One that was never asked before.
    fn evaluated(&self, line: &mut Connection) -> io::Result<()> {
        let (turn, input) = self.next(&self.access);
        let rest = input.get(1..).unwrap_or_default();
        line.say_json(ANEW, &format!("{{\"input\":{{\"n\":{turn},{rest}}}"))
    }

    fn access(&self, line: &mut Connection) -> io::Result<()> {
        line.say_json(ACCESS, self.next(&self.access).1)
    }

    fn batch(&self, line: &mut Connection) -> io::Result<()> {
        line.say_json(ACCESSES, &self.batch)
    }
}

/// Every other question is about what one may.
fn asked(number: usize) -> Value {
    let user = number * 37 % USERS;
    let (role, grant) = (user % ROLES, number % GRANTS);
    let resource = if number.is_multiple_of(2) { role * GRANTS + grant } else { USERS * ROLES };
    json!({
        "subject": { "type": "user", "id": format!("user-{user}") },
        "action": { "name": if grant % 2 == 0 { "read" } else { "write" } },
        "resource": { "type": "doc", "id": format!("doc-{resource}") },
    })
}
