use flow::fact::Class;
use flow::request::Inspection;
use flow::{Principal, Revisions};

use super::*;

const SECOND: u64 = 1_000_000_000;

static RATED: Action = action("key.list", Pace::Rate);
static LOADED: Action = action("cache.get", Pace::Load);

const fn action(name: &'static str, pace: Pace) -> Action {
    Action { name, class: Class::Logged, pace, inspection: Inspection::Off }
}

fn limits(config: Config) -> Limits {
    Limits::new(Rates::default(), config, &Registry::default())
}

fn caller(name: &str, role: &str) -> Identity {
    let (tenant, name): (Arc<str>, Arc<str>) = ("main".into(), name.into());
    let epoch = Revisions::default().observe(&tenant, &name);
    let roles = [role.to_owned()].into();
    Identity::new(Principal::Service, tenant, name, roles, "key:1".into(), epoch)
}

fn by<'a>(identity: &'a Identity, address: &str) -> Asking<'a> {
    let address = Some(address.parse().unwrap());
    Asking { identity: Some(identity), address, action: Some(&RATED), ..Asking::default() }
}

/// How many of so many requests are let in within a minute, evenly.
fn admitted(limits: &Limits, asking: &Asking<'_>, tries: u64) -> usize {
    let at = |n: u64| Moment(n * 60 * SECOND / tries);
    (0..tries).filter(|n| matches!(limits.admit(asking, at(*n)), Verdict::Admitted)).count()
}

#[test]
fn roles_have_their_rates() {
    for (role, rate) in
        [("guest", 100), ("agent", 1_000), ("expert", 2_000), ("system", 5_000), ("admin", 10_000)]
    {
        let caller = caller("a", role);
        let count = admitted(&limits(Config::default()), &by(&caller, "192.0.2.1"), 30_000);
        assert!((rate..=rate + 20).contains(&count), "{role}: {count}");
    }
}

#[test]
fn all_limits_have_to_pass_and_the_tightest_is_told() {
    let config = Config {
        address: 50,
        tenants: [("main".to_owned(), 30)].into(),
        routes: [("key.list".to_owned(), 10)].into(),
        ..Config::default()
    };
    let (limits, caller) = (limits(config), caller("a", "admin"));
    let asking = by(&caller, "192.0.2.1");
    assert!(matches!(limits.admit(&asking, Moment(0)), Verdict::Admitted));
    let told = limits.allowance(&asking, Moment(0)).unwrap();
    assert_eq!((told.left, told.within), (19, MINUTE));
    let count = admitted(&limits, &asking, 6_000);
    assert!((28..=30).contains(&count), "ten a minute and twenty at once: {count}");
    let (Verdict::Refused(error) | Verdict::Blocked(error, _)) =
        limits.admit(&asking, Moment(59 * SECOND))
    else {
        panic!("it is used up");
    };
    let allowance = error.allowance().unwrap();
    assert_eq!((allowance.limit, allowance.left, allowance.requests), ("route", 0, 10));
    assert!(error.retry_after().unwrap() > Duration::ZERO);
}

#[test]
fn what_one_limit_refuses_costs_nothing_of_the_others() {
    let config = Config { address: 1, burst: 1, ..Config::default() };
    let (limits, caller) = (limits(config), caller("a", "guest"));
    let here = by(&caller, "192.0.2.1");
    assert!(matches!(limits.admit(&here, Moment(0)), Verdict::Admitted));
    for _ in 0..50 {
        assert!(!matches!(limits.admit(&here, Moment(SECOND)), Verdict::Admitted));
    }
    let elsewhere = by(&caller, "192.0.2.2");
    assert!(matches!(limits.admit(&elsewhere, Moment(SECOND)), Verdict::Admitted));
}

#[test]
fn addresses_of_one_64_are_one_client() {
    let config = Config { address: 60, ..Config::default() };
    let (limits, caller) = (limits(config), caller("a", "admin"));
    let full = |millis: u64, address: &str| {
        let now = Moment(millis * 1_000_000);
        !matches!(limits.admit(&by(&caller, address), now), Verdict::Admitted)
    };
    // Slowly enough for the caller's own rate.
    let used_up = (0..1_000).step_by(10).find(|millis| full(*millis, "2001:db8::1")).unwrap();
    assert!(full(used_up + 10, "2001:db8::ffff:1"));
    assert!(!full(used_up + 20, "2001:db8:0:1::1"));
}

#[test]
fn what_is_refused_counts_towards_a_block() {
    let (limits, caller) = (limits(Config::default()), caller("a", "guest"));
    let asking = by(&caller, "192.0.2.1");
    let mut asked = 0;
    let who = loop {
        asked += 1;
        // All at once: no more than twenty are ever let in.
        match limits.admit(&asking, Moment(0)) {
            Verdict::Admitted => assert!(asked <= 20),
            Verdict::Refused(_) => assert!(asked <= 120),
            Verdict::Blocked(_, who) => break who,
        }
    };
    assert_eq!(asked, 121);
    assert_eq!(who, Subject::Principal("main".into(), "service:a".into()));
}

#[test]
fn whoever_stays_just_above_the_rate_is_refused_and_not_blocked() {
    let (limits, caller) = (limits(Config::default()), caller("a", "guest"));
    let asking = by(&caller, "192.0.2.1");
    let mut refused = 0;
    for n in 0..5 * 115 {
        match limits.admit(&asking, Moment(n * 60 * SECOND / 115)) {
            Verdict::Admitted => {}
            Verdict::Refused(_) => refused += 1,
            Verdict::Blocked(..) => panic!("115 of 100 a minute, after {n}"),
        }
    }
    assert!(refused > 0);
}

#[test]
fn strangers_are_counted_by_address() {
    let limits = limits(Config::default());
    let asking = |address: &str| Asking {
        identity: None,
        address: Some(address.parse().unwrap()),
        action: None,
        ..Asking::default()
    };
    let mut asked = 0;
    let who = loop {
        asked += 1;
        if let Verdict::Blocked(_, who) = limits.admit(&asking("192.0.2.1"), Moment(0)) {
            break who;
        }
    };
    assert_eq!((asked, who), (121, Subject::Stranger("192.0.2.1".parse().unwrap())));
    assert!(limits.stranger(asking("192.0.2.1").address, Moment(0)).is_some());
    assert!(limits.stranger(asking("192.0.2.2").address, Moment(0)).is_none());
    assert!(limits.stranger(None, Moment(0)).is_none());
}

#[test]
fn the_exempt_are_not_counted() {
    let config = Config {
        address: 1,
        burst: 1,
        exempt: vec!["10.0.0.0/8".parse().unwrap()],
        exempt_principals: vec!["service:backup".into()],
        ..Config::default()
    };
    let (limits, caller, backup) =
        (limits(config), caller("a", "admin"), caller("backup", "guest"));
    assert_eq!(admitted(&limits, &by(&backup, "192.0.2.1"), 5_000), 5_000);
    let from_inside = admitted(&limits, &by(&caller, "10.1.2.3"), 5_000);
    assert!(from_inside > 1_000, "the principal's own rate alone: {from_inside}");
    assert!(limits.allowance(&by(&backup, "192.0.2.1"), Moment(0)).is_none());
}

#[test]
fn in_shadow_mode_nothing_is_refused_and_all_is_counted() {
    let registry = Registry::default();
    let config = Config { mode: Mode::Shadow, ..Config::default() };
    let limits = Limits::new(Rates::default(), config, &registry);
    let caller = caller("a", "guest");
    for _ in 0..200 {
        let verdict = limits.admit(&by(&caller, "192.0.2.1"), Moment(0));
        assert!(matches!(verdict, Verdict::Admitted));
    }
    let shadow = limits
        .signals
        .0
        .iter()
        .find(|(limit, mode, _)| (*limit, *mode) == (Limit::Principal, Mode::Shadow));
    assert_eq!(shadow.unwrap().2.get(), 180);
}

#[test]
fn what_is_not_counted_by_rate_is_so_only_where_a_route_says() {
    let caller = caller("a", "guest");
    let asking = Asking { action: Some(&LOADED), ..by(&caller, "192.0.2.1") };
    let open = limits(Config::default());
    assert!(!open.counts(&LOADED));
    assert_eq!(admitted(&open, &asking, 5_000), 5_000);
    let routes = [("cache.get".to_owned(), 60)].into();
    let held = limits(Config { routes, ..Config::default() });
    assert!(held.counts(&LOADED));
    let count = admitted(&held, &asking, 5_000);
    assert!((60..=80).contains(&count), "{count}");
}
