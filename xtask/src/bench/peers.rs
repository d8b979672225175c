//! The gate beside nginx with ModSecurity and the rules of OWASP (CRS): the same labelled values by
//! the same route, who blocks what, and what a request costs whom.

mod forward;
mod nginx;
mod table;
mod value;

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::time::Duration;

use crate::bench::Bench;
use crate::bench::figure::Report;
use crate::bench::load::{self, Connection};
use crate::bench::peers::forward::{Bare, Ours};
use crate::bench::peers::nginx::Nginx;
use crate::bench::peers::table::Row;
use crate::bench::peers::value::{Question, Requests, Value};
use crate::bench::server::cpu_seconds_of;
use crate::bench::spine::{figure, median};

/// The benchmark that says what ours thinks of the values.
pub(crate) const PACKAGE: &str = "stockade-gate";
pub(crate) const NAME: &str = "peers";

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(1500);
const CONNECTIONS: usize = 4;

/// Somebody who lets requests pass, or does not.
trait Guard: Sync {
    fn open(&self) -> io::Result<Connection>;

    /// The status by which a request is answered; 403 is a no.
    fn ask(&self, connection: &mut Connection, question: &Question) -> io::Result<u16>;

    /// Whose processor time it takes.
    fn pid(&self) -> u32;
}

/// Microseconds of processor time for each of the two requests.
#[derive(Default, Clone, Copy)]
struct Cost {
    get: f64,
    post: f64,
}

impl Cost {
    fn less(self, other: Self) -> Self {
        Self { get: self.get - other.get, post: self.post - other.post }
    }
}

/// What the gate's own part of the benchmark says.
struct InProcess {
    /// With our verdicts.
    values: Vec<Value>,
    /// To inspect what is in the two requests.
    cost: Cost,
    about: Vec<String>,
}

/// Everybody, in turn.
pub(crate) fn measure(bench: &Bench) -> Result<Report, Box<dyn Error>> {
    nginx::install()?;
    let InProcess { values, cost: inspected, mut about } = InProcess::of(bench)?;
    let requests = Requests::read()?;
    let (plain, first, second) = (Nginx::plain()?, Nginx::guarded(1)?, Nginx::guarded(2)?);
    let (bare, whole) = (Bare::start()?, Ours::start(&requests)?);

    let mut guards: Vec<&dyn Guard> = vec![&plain, &first, &second, &bare];
    guards.extend(whole.iter().map(|whole| whole as &dyn Guard));
    let mut costs = costs(&guards, &requests)?.into_iter();
    let mut next = || costs.next().unwrap_or_default();
    let (alone, at_first, at_second, http) = (next(), next(), next(), next());

    let rules = nginx::rules_name()?;
    let (at_first, at_second) = (at_first.less(alone), at_second.less(alone));
    let blocked = values.iter().map(|value| value.blocked).collect();
    let mut rows = vec![Row::new("ours, in process", blocked, inspected)];
    let blocked = judged(&first, &values, &mut about)?;
    rows.push(Row::new(&format!("{rules} PL1"), blocked, at_first));
    let blocked = judged(&second, &values, &mut about)?;
    rows.push(Row::new(&format!("{rules} PL2"), blocked, at_second));
    let mut figures = table::figures(&rows, &values);
    figures.push(figure("nginx alone, CPU of that GET", alone.get, "µs", ""));
    figures.push(figure("nginx alone, CPU of that POST", alone.post, "µs", ""));
    if let Some(whole) = &whole {
        let cost = next();
        let added = cost.less(http);
        let blocked = judged(whole, &values, &mut about)?;
        rows.push(Row::new("ours, `/forward-auth`", blocked, cost));
        figures.push(figure("CPU of that GET at `/forward-auth`, HTTP too", cost.get, "µs", ""));
        figures.push(figure("a bare hyper, CPU of that GET", http.get, "µs", ""));
        figures.push(figure("the gate adds to that GET", added.get, "µs", "≤ 20"));
    }
    for (guard, name) in [(&first, "PL1"), (&second, "PL2")] {
        let ask = |question| guard.ask(&mut guard.open()?, question);
        for (question, what) in [(&requests.get, "GET"), (&requests.post, "POST")] {
            if ask(question)? == 403 {
                about.push(format!("{name} blocks the {what} whose processor time is counted."));
            }
        }
    }
    about.insert(0, said(&values, &rules, whole.is_some()));
    Ok(Report { about, table: table::written(&rows, &values), figures })
}

impl InProcess {
    fn of(bench: &Bench) -> Result<Self, Box<dyn Error>> {
        let (mut values, mut report) = (Vec::new(), Report::default());
        bench.watch(|line| match serde_json::from_str::<serde_json::Value>(line) {
            Ok(value) if value.is_object() => values.extend(Value::read(&value)),
            _ => report.take(line),
        })?;
        let took: Vec<f64> = report.figures.iter().map(|figure| figure.value).collect();
        match took.as_slice() {
            [get, post] if !values.is_empty() => {
                Ok(Self { values, cost: Cost { get: *get, post: *post }, about: report.about })
            }
            _ => Err("the gate's own part says nothing of values and requests".into()),
        }
    }
}

fn said(values: &[Value], rules: &str, whole: bool) -> String {
    let whole = match whole {
        true => {
            "Ours is asked in process and at `/forward-auth`, as nginx's `auth_request` asks; there its \
                 time is that of the whole answer; what the gate adds is that less a bare hyper's."
        }
        false => "Ours is asked in process; this build does not answer at `/forward-auth`.",
    };
    format!(
        "{} labelled values of requests, each as a parameter of a GET, or from {} KiB on of a form: \
         blocked is 403, for ours the verdict `threat`. {whole} {} and PL2 are the rules of Debian's \
         `modsecurity-crs` in nginx with libmodsecurity as Debian configures it, blocking, answers not \
         inspected, nothing logged. Beside percentages, how many of how many. CPU: medians of {ROUNDS} \
         rounds of {} s in turn, {CONNECTIONS} connections kept alive; for the rules less what nginx takes \
         without them, for ours in process the time to inspect the same values.",
        values.len(),
        Question::LONG >> 10,
        format_args!("{rules} PL1"),
        ROUND.as_secs_f64(),
    )
}

/// Whether each value was blocked; what was neither let pass nor blocked is told.
fn judged(guard: &dyn Guard, values: &[Value], about: &mut Vec<String>) -> io::Result<Vec<bool>> {
    let mut connection = guard.open()?;
    let (mut blocked, mut others) = (Vec::new(), BTreeMap::new());
    for value in values {
        let question = value.question();
        let status = match guard.ask(&mut connection, &question) {
            Ok(status) => status,
            // Some answers end with the connection.
            Err(_) => {
                connection = guard.open()?;
                guard.ask(&mut connection, &question)?
            }
        };
        blocked.push(status == 403);
        if !matches!(status, 200..300 | 403) {
            *others.entry(status).or_insert(0) += 1;
        }
    }
    for (status, count) in others {
        about.push(format!("{count} requests were answered by {status}, which is no block."));
    }
    Ok(blocked)
}

/// Everybody's medians for the two requests, in the order they are given.
fn costs(guards: &[&dyn Guard], requests: &Requests) -> io::Result<Vec<Cost>> {
    let mut rounds: Vec<(Vec<f64>, Vec<f64>)> = vec![Default::default(); guards.len()];
    for round in 0..ROUNDS {
        // Whoever goes second meets a warmer machine, so they change places.
        let mut turn: Vec<_> = guards.iter().zip(&mut rounds).collect();
        if round % 2 == 1 {
            turn.reverse();
        }
        for (guard, (get, post)) in turn {
            get.push(spent(*guard, &requests.get)?);
            post.push(spent(*guard, &requests.post)?);
        }
    }
    let medians = |(get, post)| Cost { get: median(get), post: median(post) };
    Ok(rounds.into_iter().map(medians).collect())
}

/// Microseconds of processor time for one request, whether it passes or is blocked: the rules
/// decide when all of them have been gone through.
fn spent(guard: &dyn Guard, question: &Question) -> io::Result<f64> {
    let before = cpu_seconds_of(guard.pid())?;
    let ask = |connection: &mut Connection| match guard.ask(connection, question)? {
        200..300 | 403 => Ok(()),
        status => Err(io::Error::other(format!("an innocent request was answered by {status}"))),
    };
    let answered = load::repeat(|| guard.open(), ask, CONNECTIONS, ROUND)?;
    Ok((cpu_seconds_of(guard.pid())? - before) * 1e6 / answered as f64)
}
