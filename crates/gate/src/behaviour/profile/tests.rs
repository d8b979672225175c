use std::sync::Arc;
use std::time::Duration;

use flow::fact::Class;
use flow::request::{Action as Asked, Inspection, Pace, Resource};
use flow::{Ask, Credential, Door, Id, Identity, Moment, Outcome, Random, Request, Revisions};

use super::*;

const DAY: u64 = 86_400;

static READ: Asked = asked("stream.read");
static APPEND: Asked = asked("stream.append");
static LIST: Asked = asked("key.list");

const fn asked(name: &'static str) -> Asked {
    Asked { name, class: Class::Logged, pace: Pace::Rate, inspection: Inspection::Off }
}

fn identity(kind: Principal, name: &str) -> Identity {
    let roles: Arc<[String]> = [].into();
    let epoch = Revisions::default().observe(&"main".into(), &name.into());
    Identity::new(kind, "main".into(), name.into(), roles, "key:1".into(), epoch)
}

/// One request of somebody.
struct One<'a> {
    who: &'a Identity,
    action: &'static Asked,
    bytes: u64,
    took: Duration,
    secs: u64,
}

fn see(profiles: &Profiles, one: &One<'_>) -> Vec<Kind> {
    let request = Request {
        id: Id(1),
        at: Moment(0),
        door: Door::Http,
        credential: Credential::None,
        peer: None,
        agent: "",
    };
    let resource = Resource { kind: "stream", namespace: "", name: &[] };
    let ask = Ask { action: one.action, resource, items: 1 };
    let noticed = Noticed {
        request: &request,
        identity: one.who,
        ask,
        outcome: Outcome::Done,
        code: None,
        took: one.took,
        bytes: one.bytes,
    };
    let now = Time((20_000 * DAY + one.secs) * 1_000_000_000);
    profiles.ended(&noticed, now).into_iter().map(|sign| sign.kind).collect()
}

/// Numbers that scatter around this one by a factor of two or so.
fn around(random: &Random, middle: f64) -> f64 {
    let sum: f64 = (0..12).map(|_| random.fraction()).sum();
    middle * ((sum - 6.0) * 0.7).exp()
}

/// A month of a person at office hours with late evenings, a program around the clock, and one
/// at night; all signs there were.
fn a_month(profiles: &Profiles, random: &Random) -> (usize, Vec<(u64, Kind)>) {
    let ann = identity(Principal::Human, "ann");
    let (sync, nightly) =
        (identity(Principal::Service, "sync"), identity(Principal::Service, "nightly"));
    let (mut requests, mut signs) = (0, Vec::new());
    for day in 0..30 {
        let mut moments: Vec<(u64, &Identity, &'static Asked, f64)> = Vec::new();
        let weekend = day % 7 >= 5;
        for _ in 0..if weekend { 0 } else { 120 } {
            let late = if day == 17 { 3.0 } else { 0.0 };
            let hour = 8.0 + random.fraction() * (9.0 + late);
            let action = if random.below(4) == 0 { &APPEND } else { &READ };
            moments.push(((hour * 3_600.0) as u64, &ann, action, 2_000.0));
        }
        for minute in (0..1_440).step_by(10) {
            moments.push((minute * 60, &sync, &APPEND, 30_000.0));
        }
        for minute in 0..60 {
            moments.push((2 * 3_600 + minute * 60, &nightly, &READ, 0.0));
        }
        moments.sort_by_key(|moment| moment.0);
        for (secs, who, action, bytes) in moments {
            let bytes = around(random, bytes) as u64;
            let took = Duration::from_secs_f64(around(random, 0.02));
            let secs = day * DAY + secs;
            let one = One { who, action, bytes, took, secs };
            signs.extend(see(profiles, &one).into_iter().map(|kind| (secs, kind)));
            requests += 1;
        }
    }
    (requests, signs)
}

#[test]
fn a_month_of_ordinary_work_makes_no_sign_and_what_is_odd_after_it_does() {
    let (mut requests, mut wrong, mut found, mut odd) = (0, Vec::new(), 0, 0);
    for seed in 0..20 {
        let profiles = Profiles::new(&Config::default());
        let (seen, signs) = a_month(&profiles, &Random::seeded(seed));
        requests += seen;
        wrong.extend(signs);
        let (ann, sync) = (identity(Principal::Human, "ann"), identity(Principal::Service, "sync"));
        let (usual, noon) = (Duration::from_millis(20), 31 * DAY + 12 * 3_600);
        for (one, expected) in [
            (
                One { who: &sync, action: &APPEND, bytes: 9_000_000, took: usual, secs: noon },
                Kind::UnusualSize,
            ),
            (
                One { who: &sync, action: &APPEND, bytes: 30_000, took: usual * 500, secs: noon },
                Kind::UnusualLatency,
            ),
            (
                One { who: &ann, action: &READ, bytes: 0, took: usual, secs: 31 * DAY + 3 * 3_600 },
                Kind::UnusualHour,
            ),
            (
                One { who: &sync, action: &LIST, bytes: 0, took: usual, secs: noon },
                Kind::UnusualAction,
            ),
        ] {
            odd += 1;
            found += usize::from(see(&profiles, &one) == [expected]);
        }
    }
    println!("{requests} ordinary requests: {} signs; {odd} odd ones: {found} found", wrong.len());
    assert_eq!((wrong, found), (Vec::new(), odd));
}
