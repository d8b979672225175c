//! Candidates: what they say is reported exactly, on every node, and never reaches whoever asks.

use std::sync::Arc;
use std::time::Duration;

use flow::feed::Announcer;
use flow::question::policy::{
    DataChange, Decide, Decided, Freshness, ListVersions, Posed, PutPolicy, Tier,
};
use flow::question::shadow::{Compared, Difference, Promoted, PutCandidate, Report};
use flow::signal::Registry;
use flow::{Clock, Id, Random, Result, Revisions};
use policy::{Book, Comparing, Config, Decider, Shadows};
use pool::sql::postgres::{Options, Postgres};
use tokio::task::JoinHandle;

use super::bundles::bundle;
use super::node::{Node, Plane, code, one};

const ADMINS: &str =
    "package authz\n\ndefault allow := false\n\nallow if input.role == \"admin\"\n";
const MORE: &str =
    "package authz\n\ndefault allow := false\n\nallow if input.role in {\"admin\", \"ops\"}\n";

/// A node that compares.
struct Compares {
    node: Node,
    decider: Decider,
    shadows: Arc<Shadows>,
    comparing: Option<Comparing>,
    task: Option<JoinHandle<()>>,
}

impl Compares {
    async fn on(plane: &Plane) -> Self {
        let mut compares = Self::idle(plane, Config::default()).await;
        compares.begin();
        compares
    }

    /// One where nobody compares yet.
    async fn idle(plane: &Plane, config: Config) -> Self {
        let node = plane.node().await;
        let random = Random::seeded(1);
        let around = (&node.clock, &random);
        let (shadows, comparing) =
            Shadows::open("here", &config, around, &Registry::default()).unwrap();
        let decider = node.decider(config).with_shadows(shadows.clone());
        Self { node, decider, shadows, comparing: Some(comparing), task: None }
    }

    fn begin(&mut self) {
        self.task = self.comparing.take().map(|comparing| tokio::spawn(comparing.run()));
    }

    async fn try_out(&self, id: &str, source: Option<&str>) -> Result<Option<(u64, bool)>> {
        let put = PutCandidate { id, source, dry_run: false };
        self.node.book.try_out(&self.node.tenant, &put, "bob", None).await
    }

    async fn decide(&self, path: &str, input: &str) -> Result<Decided> {
        self.ask(path, input, Posed::Whole, None).await
    }

    async fn ask(
        &self,
        path: &str,
        input: &str,
        posed: Posed,
        decision: Option<Id>,
    ) -> Result<Decided> {
        let (text, freshness) = (input.as_bytes(), Freshness::Any);
        let asked = Decide { path, text, posed, strict: false, freshness };
        self.decider.decide_for(&self.node.tenant, &asked, decision).wait().await
    }

    async fn report(&self) -> Report {
        self.shadows.report(&self.node.book, &self.node.tenant).await.unwrap()
    }

    /// Waits until there are candidates here, or none.
    async fn hears(&self, are_there: bool) {
        let mut changes = self.node.revisions.changes();
        let heard = async {
            while self.report().await.since.is_some() != are_there {
                changes.changed().await.unwrap();
            }
        };
        self.node.clock.within(Duration::from_secs(10), heard).await.unwrap();
    }

    async fn promote(&self, changes: Option<u64>) -> Result<Promoted> {
        self.node.book.promote(&self.node.tenant, changes, "bob", None).await
    }
}

fn counts(same: u64, different: u64) -> Compared {
    Compared { same, different, ..Compared::default() }
}

fn shown(difference: &Difference) -> (&str, Option<&str>, Option<&str>, u64) {
    let text =
        |bytes: &'_ bytes::Bytes| std::str::from_utf8(bytes).unwrap().to_owned().leak() as &str;
    let Difference { input, said, would_say, times, .. } = difference;
    (text(input), said.as_ref().map(text), would_say.as_ref().map(text), *times)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_another_is_reported_exactly() {
    let plane = Plane::new().await;
    let here = Compares::on(&plane).await;
    here.node.put("authz", ADMINS).await.unwrap();
    assert_eq!(here.try_out("authz", Some(MORE)).await.unwrap(), Some((1, true)));
    // The same again is no change.
    assert_eq!(here.try_out("authz", Some(MORE)).await.unwrap(), Some((1, false)));
    for (role, expected, tier) in [
        ("admin", "true", Tier::Engine),
        ("admin", "true", Tier::Memory),
        ("ops", "false", Tier::Engine),
        ("ops", "false", Tier::Memory),
        ("dev", "false", Tier::Engine),
    ] {
        let input = format!(r#"{{"role":"{role}","password":"p","trace":{}}}"#, role.len());
        let decided = here.ask("authz/allow", &input, Posed::Whole, Some(Id(7))).await.unwrap();
        assert_eq!(one(&decided), (Some(expected), tier), "{role}");
    }
    let report = here.report().await;
    assert_eq!((&*report.node, report.changes, report.waiting), ("here", 1, 0));
    assert_eq!(report.candidates.len(), 1);
    assert_eq!((&*report.candidates[0].id, report.candidates[0].base), ("authz", 1));
    assert_eq!((report.total, report.documents.len()), (counts(3, 2), 1));
    assert_eq!(report.documents[0], ("authz/allow".to_owned(), counts(3, 2)));
    let [difference] = &*report.differences else { panic!("{:?}", report.differences) };
    assert_eq!(shown(difference), (r#"{"role":"ops"}"#, Some("false"), Some("true"), 2));
    assert_eq!((&*difference.revision, difference.decision), ("1.0", Some(Id(7))));

    // Other candidates, and what was counted before says nothing of them.
    here.try_out("authz", None).await.unwrap();
    here.decide("authz/allow", r#"{"role":"dev"}"#).await.unwrap();
    let report = here.report().await;
    assert_eq!((report.changes, report.total), (2, counts(0, 1)));
    assert_eq!(shown(&report.differences[0]), ("{\"role\":\"dev\"}", Some("false"), None, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_several_is_compared_as_far_as_it_was_decided() {
    let plane = Plane::new().await;
    let here = Compares::on(&plane).await;
    here.node.put("authz", ADMINS).await.unwrap();
    here.try_out("authz", Some(MORE)).await.unwrap();
    let several = r#"{"evaluations":[{"role":"admin"},{"role":"ops"},{"role":"ops","n":1}],
        "options":{"evaluations_semantic":"deny_on_first_deny"}}"#;
    let decided = here.ask("authz/allow", several, Posed::Each, None).await.unwrap();
    assert_eq!(decided.results.len(), 2);
    assert_eq!(here.report().await.total, counts(1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_another_each_time_is_incomparable_and_what_fails_says_why() {
    let plane = Plane::new().await;
    let here = Compares::on(&plane).await;
    here.node.put("a", "package a\n\nnow := 1\n\nsum := 1\n").await.unwrap();
    let candidate = "package a\n\nnow := time.now_ns()\n\nsum := x if some x in input.of\n";
    here.try_out("a", Some(candidate)).await.unwrap();
    here.decide("a/now", "{}").await.unwrap();
    here.decide("a/sum", r#"{"of":[1,1]}"#).await.unwrap();
    here.decide("a/sum", r#"{"of":[1,2]}"#).await.unwrap();
    let report = here.report().await;
    let (now, sum) = (report.documents[0].1, report.documents[1].1);
    assert_eq!(now, Compared { incomparable: 1, ..Compared::default() });
    assert_eq!(sum, Compared { same: 1, failed: 1, ..Compared::default() });
    let [difference] = &*report.differences else { panic!("{:?}", report.differences) };
    let failure = difference.failure.as_ref().unwrap();
    assert!(failure.contains("complete rules must not produce multiple outputs"), "{failure}");
    assert_eq!((&difference.would_say, &*difference.path), (&None, "a/sum"));
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_change_change_for_both() {
    let plane = Plane::new().await;
    let here = Compares::on(&plane).await;
    here.node.put("a", "package a\n\nallow if input.user in data.users\n").await.unwrap();
    here.try_out("a", Some("package a\n\nallow if input.user in data.users\n\n# The same.\n"))
        .await
        .unwrap();
    for users in [r#"["ann"]"#, r#"["bob"]"#] {
        here.node.change("users", DataChange::Put(users.as_bytes())).await.unwrap();
        here.decide("a/allow", r#"{"user":"ann"}"#).await.unwrap();
    }
    assert_eq!(here.report().await.total, counts(2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_full_drops_and_counts_and_holds_nobody_up() {
    let plane = Plane::new().await;
    let config = Config { shadow_queue: 4, ..Config::default() };
    let mut here = Compares::idle(&plane, config).await;
    here.node.put("authz", ADMINS).await.unwrap();
    here.try_out("authz", Some(MORE)).await.unwrap();
    for n in 0..10 {
        let decided = here.decide("authz/allow", &format!(r#"{{"role":"ops","n":{n}}}"#)).await;
        assert_eq!(one(&decided.unwrap()).0, Some("false"));
    }
    here.begin();
    let report = here.report().await;
    assert_eq!(report.total, Compared { different: 4, dropped: 6, ..Compared::default() });
    here.decide("authz/allow", r#"{"role":"ops"}"#).await.unwrap();
    assert_eq!(here.report().await.total.different, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_bounded_by_its_size_too() {
    let plane = Plane::new().await;
    let mut here = Compares::idle(&plane, Config::default()).await;
    here.node.put("authz", ADMINS).await.unwrap();
    here.try_out("authz", Some(MORE)).await.unwrap();
    let input = format!(r#"{{"role":"ops","body":"{}"}}"#, "x".repeat(1 << 20));
    let value = rego::value::json::read(input.as_bytes()).unwrap();
    {
        let mut prepared = here.decider.prepare(&here.node.tenant, "authz/allow").await.unwrap();
        for _ in 0..10 {
            prepared.decide(&value).await.unwrap();
        }
    }
    for _ in 0..30 {
        here.decide("authz/allow", &input).await.unwrap();
    }
    here.begin();
    let total = here.report().await.total;
    assert_eq!((total.different, total.dropped), (31, 9));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_share_of_decisions_a_share_is_compared() {
    let plane = Plane::new().await;
    let config = Config { shadow_share: 0.25, ..Config::default() };
    let mut here = Compares::idle(&plane, config).await;
    here.begin();
    here.node.put("authz", ADMINS).await.unwrap();
    here.try_out("authz", Some(MORE)).await.unwrap();
    for _ in 0..1000 {
        here.decide("authz/allow", r#"{"role":"ops"}"#).await.unwrap();
    }
    let report = here.report().await;
    assert!((150..350).contains(&report.total.all()), "{:?}", report.total);
    for share in [-0.1, 1.1, f64::NAN] {
        let config = Config { shadow_share: share, ..Config::default() };
        let (clock, random) = (Clock::system(), Random::seeded(1));
        let refused = Shadows::open("here", &config, (&clock, &random), &Registry::default());
        assert_eq!(code(&refused.unwrap_err()), "policy-shadow-share");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_tries_what_was_put_at_one() {
    let plane = Plane::new().await;
    let nodes =
        [Compares::on(&plane).await, Compares::on(&plane).await, Compares::on(&plane).await];
    let (revision, _) = nodes[0].node.put("authz", ADMINS).await.unwrap();
    for node in &nodes {
        node.node.hears(&revision).await;
        let decided = node.decide("authz/allow", r#"{"role":"ops"}"#).await.unwrap();
        assert_eq!(one(&decided), (Some("false"), Tier::Engine));
    }
    nodes[1].try_out("authz", Some(MORE)).await.unwrap();
    for node in &nodes {
        node.hears(true).await;
        // What was remembered is still remembered, and compared.
        let decided = node.decide("authz/allow", r#"{"role":"ops"}"#).await.unwrap();
        assert_eq!(one(&decided), (Some("false"), Tier::Memory));
        assert_eq!(node.report().await.total, counts(0, 1));
    }
    // And one that comes later reads it.
    let late = Compares::on(&plane).await;
    late.decide("authz/allow", r#"{"role":"ops"}"#).await.unwrap();
    assert_eq!(late.report().await.total, counts(0, 1));
    let promoted = late.promote(Some(1)).await.unwrap();
    assert_eq!((&*promoted.revision, promoted.put.len()), ("2.0", 1));
    for node in &nodes {
        node.hears(false).await;
        let decided = node.decide("authz/allow", r#"{"role":"ops"}"#).await.unwrap();
        assert_eq!(one(&decided), (Some("true"), Tier::Engine));
        assert!(node.report().await.candidates.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_meanwhile_is_not_promoted_over() {
    let plane = Plane::new().await;
    let (here, there) = (Compares::on(&plane).await, Compares::on(&plane).await);
    assert_eq!(code(&here.promote(None).await.unwrap_err()), "policy-candidate-none");
    here.node.put("authz", ADMINS).await.unwrap();
    here.try_out("authz", Some(MORE)).await.unwrap();
    here.try_out("new", Some("package new\n\nx := 1\n")).await.unwrap();
    assert_eq!(code(&here.promote(Some(1)).await.unwrap_err()), "policy-candidates-other");

    // Others that are no candidate's do not matter.
    there.node.put("other", "package other\n\nx := 1\n").await.unwrap();
    there.node.put("authz", "package authz\n\nallow := false\n").await.unwrap();
    let refused = here.promote(Some(2)).await.unwrap_err();
    assert_eq!(code(&refused), "policy-candidate-behind");
    assert_eq!(refused.detail(), "`authz` was version 1 and is version 2");
    let decided = here.node.decide_at("authz/allow", r#"{"role":"ops"}"#, Freshness::Full).await;
    assert_eq!(one(&decided.unwrap()).0, Some("false"));

    // Put again, it is a change of what is there now.
    assert_eq!(here.try_out("authz", Some(MORE)).await.unwrap(), Some((3, true)));
    let promoted = here.promote(Some(3)).await.unwrap();
    assert_eq!((promoted.put, promoted.gone.len()), (vec!["authz".into(), "new".into()], 0));
    let decided = there.node.decide_at("authz/allow", r#"{"role":"ops"}"#, Freshness::Full).await;
    assert_eq!(one(&decided.unwrap()).0, Some("true"));
    let shown = there.node.book.version("main", "authz", 3).await.unwrap().unwrap();
    assert_eq!((&*shown.source, &*shown.by), (MORE, "bob"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_promotion_and_a_change_at_once_one_comes_first_and_neither_is_lost() {
    let plane = Plane::new().await;
    let (here, there) = (Compares::on(&plane).await, Compares::on(&plane).await);
    here.node.put("authz", "package authz\n\nx := 0\n").await.unwrap();
    let (mut promoted, mut refused) = (0, 0);
    for n in 1..40 {
        here.try_out("authz", Some(&format!("package authz\n\nx := \"candidate {n}\"\n")))
            .await
            .unwrap();
        let text = format!("package authz\n\nx := {n}\n");
        let (done, put) = tokio::join!(here.promote(None), there.node.put("authz", &text));
        put.unwrap();
        let now = here.node.decide_at("authz/x", "{}", Freshness::Full).await.unwrap();
        // Whatever came first, the change by hand knew of no candidate and is in force.
        assert_eq!(one(&now).0, Some(n.to_string().as_str()));
        match done {
            Ok(_) => promoted += 1,
            Err(error) => {
                assert_eq!(code(&error), "policy-candidate-behind");
                refused += 1;
            }
        }
        here.node.book.forget(&here.node.tenant, None, None).await.unwrap();
    }
    eprintln!("{promoted} promoted, {refused} refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_has_no_rule_where_none_may_be() {
    let plane = Plane::new().await;
    let here = Compares::on(&plane).await;
    let put = |text: &'static [u8]| here.node.change("authz/allow", DataChange::Put(text));
    put(b"9").await.unwrap();
    for candidate in [MORE, "package stockade.self\nallow := true"] {
        let error = here.try_out("authz", Some(candidate)).await.unwrap_err();
        assert_eq!(code(&error), "policy-invalid", "{candidate}");
    }
    // A document that comes later is found out when it is about to count.
    here.node.change("authz", DataChange::Delete).await.unwrap();
    here.try_out("authz", Some(MORE)).await.unwrap();
    put(b"9").await.unwrap();
    let error = here.promote(None).await.unwrap_err();
    assert_eq!(code(&error), "policy-invalid");
    here.node.change("authz", DataChange::Delete).await.unwrap();
    assert_eq!(here.promote(None).await.unwrap().put, ["authz"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn candidates_that_do_not_go_with_what_is_in_force_stop_nobody() {
    let plane = Plane::new().await;
    let here = Compares::on(&plane).await;
    here.node.put("authz", ADMINS).await.unwrap();
    let refused = here.try_out("authz", Some("package authz\n\nallow if {")).await.unwrap_err();
    assert_eq!(code(&refused), "policy-invalid");
    here.try_out("more", Some("package more\n\ndefault x := 1\n")).await.unwrap();
    here.node.put("less", "package more\n\ndefault x := 2\n").await.unwrap();
    let decided = here.decide("more/x", "{}").await.unwrap();
    assert_eq!(one(&decided).0, Some("2"));
    let report = here.report().await;
    assert_eq!(report.total, Compared::default());
    let broken = report.broken.unwrap();
    assert!(broken.contains("multiple default rules"), "{broken}");
    assert_eq!(code(&here.promote(None).await.unwrap_err()), "policy-invalid");
    here.node.book.delete(&here.node.tenant, "less", "ann", None).await.unwrap();
    here.decide("more/x", "{}").await.unwrap();
    let report = here.report().await;
    assert_eq!((report.broken, report.total), (None, counts(0, 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_would_be_gone_is_there_until_it_is_promoted() {
    let plane = Plane::new().await;
    let here = Compares::on(&plane).await;
    assert_eq!(here.try_out("authz", None).await.unwrap(), None);
    here.node.put("authz", ADMINS).await.unwrap();
    here.try_out("authz", None).await.unwrap();
    let decided = here.decide("authz/allow", r#"{"role":"admin"}"#).await.unwrap();
    assert_eq!(one(&decided).0, Some("true"));
    assert_eq!(here.report().await.total, counts(0, 1));
    let tenant = &here.node.tenant;
    assert_eq!(here.node.book.forget(tenant, Some("other"), None).await.unwrap(), 0);
    assert_eq!(here.node.book.forget(tenant, Some("authz"), None).await.unwrap(), 1);
    here.decide("authz/allow", r#"{"role":"admin"}"#).await.unwrap();
    assert_eq!(here.report().await.total, Compared::default());
    here.try_out("authz", None).await.unwrap();
    assert_eq!(here.promote(None).await.unwrap().gone, ["authz"]);
    let decided = here.decide("authz/allow", r#"{"role":"admin"}"#).await.unwrap();
    assert_eq!(one(&decided).0, None);
}

/// Two nodes with the same long random history: at one, candidates come and go.
#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_the_same_with_and_without_candidates() {
    let (with, without) = (Plane::new().await, Plane::new().await);
    let (with, without) = (Compares::on(&with).await, Compares::on(&without).await);
    let seed = Random::system().number();
    eprintln!("seed {seed}");
    let random = Random::seeded(seed);
    let policy = |random: &Random| {
        let (a, b, c) = (random.below(3), random.below(3), random.below(4));
        match c {
            0 => format!("package p\n\nx := {a} if input.n == {b}\n"),
            1 => format!("package p\n\nx := y if some y in input.of\n\nz := {a}\n"),
            2 => format!("package p\n\nx := data.d + {a}\n"),
            _ => format!("package p\n\nx := time.now_ns() > 0 if input.n > {b}\n"),
        }
    };
    for round in 0..600 {
        match random.below(12) {
            0 => {
                let text = policy(&random);
                let (one, other) =
                    tokio::join!(with.node.put("p", &text), without.node.put("p", &text));
                assert_eq!(one.unwrap(), other.unwrap());
            }
            1 => {
                let data = random.below(3).to_string();
                for node in [&with, &without] {
                    node.node.change("d", DataChange::Put(data.as_bytes())).await.unwrap();
                }
            }
            2 => drop(with.try_out("p", Some(&policy(&random))).await.unwrap()),
            3 => drop(with.try_out("p", None).await.unwrap()),
            4 => drop(with.node.book.forget(&with.node.tenant, None, None).await.unwrap()),
            _ => {}
        }
        let (n, of) = (random.below(3), random.below(3));
        let input = format!(r#"{{"n":{n},"of":[{n},{of}]}}"#);
        let path = ["p/x", "p/z", "p"][random.below(3) as usize];
        let (one, other) = (with.decide(path, &input).await, without.decide(path, &input).await);
        match (one, other) {
            (Ok(one), Ok(other)) => assert_eq!(
                (one.results, one.tier, one.revision),
                (other.results, other.tier, other.revision),
                "round {round}: {path} {input}"
            ),
            (Err(one), Err(other)) => assert_eq!(one.story(), other.story(), "round {round}"),
            (one, other) => panic!("round {round}: {one:?} and {other:?}"),
        }
    }
    eprintln!("{:?}", with.report().await.total);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_listed_the_newest_first() {
    let plane = Plane::new().await;
    let node = plane.node().await;
    node.put("a", "package a\n\nx := 1\n").await.unwrap();
    node.put("a", "package a\n\nx := 2\n").await.unwrap();
    node.book.delete(&node.tenant, "a", "bob", None).await.unwrap();
    let list = async |before, limit| {
        let asked = ListVersions { id: "a", before, limit };
        let versions = node.book.versions("main", &asked).await.unwrap();
        versions.into_iter().map(|it| (it.version, it.live, it.by)).collect::<Vec<_>>()
    };
    let all = [(3, false, "bob".to_owned()), (2, true, "ann".into()), (1, true, "ann".into())];
    assert_eq!(list(None, 10).await, all);
    assert_eq!(list(Some(3), 1).await, all[1..2]);
    assert_eq!(list(Some(1), 10).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_keeps_candidates_as_well() {
    let Some(server) = engines::postgres() else { return };
    let clock = Clock::system();
    let feed = flow::feed::MemoryFeed::new(clock.clone(), 16);
    let tenant: Arc<str> = "main".into();
    let book = async || {
        let sql = Arc::new(Postgres::open(Options::url(server.url())).await.unwrap());
        let announcer = Arc::new(Announcer::new(Arc::new(feed.clone()), clock.clone()));
        let revisions = Arc::new(Revisions::default());
        Book::open(sql, revisions, announcer, clock.clone(), Config::default()).await.unwrap()
    };
    let (here, there) = (book().await, book().await);
    for (id, source) in [("authz", ADMINS), ("old", "package old\n\nx := 1\n")] {
        let put = PutPolicy { id, source, dry_run: false };
        here.put(&tenant, &put, "ann", None).await.unwrap();
    }
    for (n, (id, source)) in
        [("authz", Some(MORE)), ("old", None), ("new", Some(""))].iter().enumerate()
    {
        let put = PutCandidate { id, source: *source, dry_run: false };
        let tried = here.try_out(&tenant, &put, "ann", None).await;
        match n {
            2 => assert_eq!(code(&tried.unwrap_err()), "policy-invalid"),
            n => assert_eq!(tried.unwrap(), Some((n as u64 + 1, true))),
        }
    }
    let (changes, candidates) = there.candidates("main").await.unwrap();
    let gone: Vec<_> =
        candidates.iter().map(|it| (&*it.id, it.source.is_none(), it.base)).collect();
    assert_eq!((changes, gone), (2, vec![("authz", false, 1), ("old", true, 1)]));
    let promoted = there.promote(&tenant, Some(2), "bob", None).await.unwrap();
    assert_eq!((promoted.put, promoted.gone), (vec!["authz".into()], vec!["old".into()]));
    assert_eq!(here.forget(&tenant, None, None).await.unwrap(), 0);
    let asked = ListVersions { id: "old", before: None, limit: 9 };
    let versions = here.versions("main", &asked).await.unwrap();
    assert_eq!(versions.iter().map(|it| it.live).collect::<Vec<_>>(), [false, true]);
    assert_eq!(&*here.newest(&tenant).await.unwrap().policy("authz").unwrap().source, MORE);
}

/// What a remembered decision takes at the least, of several that take turns.
async fn least<const N: usize>(deciders: [&Decider; N], clock: &Clock) -> [Duration; N] {
    const ROUNDS: usize = 60;
    const EACH: u32 = 1000;
    let tenant: Arc<str> = "main".into();
    let (path, text, posed) = ("authz/allow", b"{\"role\":\"ops\"}", Posed::Whole);
    let asked = Decide { path, text, posed, strict: false, freshness: Freshness::Any };
    let mut least = [Duration::MAX; N];
    for _ in 0..ROUNDS {
        for (decider, least) in deciders.iter().zip(&mut least) {
            let begun = clock.moment();
            for _ in 0..EACH {
                let decided = decider.decide(&tenant, &asked).wait().await.unwrap();
                assert_eq!(decided.tier, Tier::Memory);
            }
            *least = (*least).min(clock.moment().since(begun) / EACH);
        }
    }
    least
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_are_no_candidates_nothing_is_paid_for_them() {
    let plane = Plane::new().await;
    let here = Compares::on(&plane).await;
    here.node.put("authz", ADMINS).await.unwrap();
    here.decide("authz/allow", r#"{"role":"ops"}"#).await.unwrap();
    let alone = here.node.decider(Config::default());
    let [without, with] = least([&alone, &here.decider], &here.node.clock).await;
    eprintln!(
        "a remembered decision: {without:?} by one that never compares, {with:?} by one that may"
    );
    assert!(with.as_nanos() * 10 <= without.as_nanos() * 13, "{with:?} instead of {without:?}");
    here.try_out("authz", Some(MORE)).await.unwrap();
    here.decide("authz/allow", r#"{"role":"ops"}"#).await.unwrap();
    let [without, with] = least([&alone, &here.decider], &here.node.clock).await;
    eprintln!(
        "with a candidate: {without:?} by one that does not compare, {with:?} by one that does"
    );
    let total = here.report().await.total;
    assert_eq!((total.same, total.different + total.dropped), (0, 60_001));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_a_bundle_is_tried_and_put_in_force_with_it_only() {
    let plane = Plane::new().await;
    let here = Compares::on(&plane).await;
    let (tenant, book) = (&here.node.tenant, &here.node.book);
    let one = bundle("one", &["authz"], &[("authz.rego", ADMINS)]);
    book.activate(tenant, &one, "ann", false, None).await.unwrap();
    let id = "bundle/one/authz.rego";
    here.try_out(id, Some(MORE)).await.unwrap();
    here.decide("authz/allow", r#"{"role":"ops"}"#).await.unwrap();
    assert_eq!(here.report().await.total, counts(0, 1));
    assert_eq!(code(&here.promote(None).await.unwrap_err()), "policy-bundled");
    here.try_out(id, None).await.unwrap();
    assert_eq!(code(&here.promote(None).await.unwrap_err()), "policy-bundled");
    here.try_out(id, Some(MORE)).await.unwrap();
    let two = bundle("one", &["authz"], &[("authz.rego", MORE)]);
    book.activate(tenant, &two, "ann", false, None).await.unwrap();
    here.decide("authz/allow", r#"{"role":"ops"}"#).await.unwrap();
    assert_eq!(here.report().await.total, counts(1, 0));
}
