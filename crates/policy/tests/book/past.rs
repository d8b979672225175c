//! What held before, and decisions that are made again by it.

use std::sync::Arc;
use std::time::Duration;

use flow::feed::MemoryFeed;
use flow::question::policy::{DataChange, Decided, Tier};
use flow::question::replay::{Again, Held, Was};
use flow::unit::{Size, Span};
use flow::{Clock, Time};
use policy::{Config, Decision, Record, Recorded, Revision, digest};
use pool::sql::postgres::{Options as Remote, Postgres};
use pool::sql::sqlite::{Options, Sqlite};
use pool::sql::{Sql, Statement, Transaction};

use super::bundles::bundle;
use super::histories::Chance;
use super::node::{Node, Plane, code, one};

/// A decision, as it was made.
pub(super) struct Made {
    pub(super) path: String,
    pub(super) decided: Decided,
}

impl Made {
    /// Makes it again.
    pub(super) async fn again(&self, node: &Node, held: Held) -> Again {
        let seen = &self.decided.seen;
        let input = match &*seen.text {
            _ if !seen.kept => Recorded::Nothing,
            "" if seen.too_large > 0 => Recorded::TooLarge,
            "" => Recorded::Absent,
            text => Recorded::Text(text),
        };
        let was = match &self.decided.results[0] {
            None => Was::Undefined,
            Some(result) if result.len() > 5 => Was::Digest(digest(result)),
            Some(result) => Was::Text(String::from_utf8(result.to_vec()).unwrap()),
        };
        let decision = Decision {
            path: &self.path,
            at: Time(1_700_000_000_000_000_000),
            revision: &self.decided.revision,
            tier: self.decided.tier.name(),
            strict: false,
            input,
            masked: seen.masked > 0,
            was: &was,
        };
        node.decider.again(&node.tenant, held, &decision, false).await.unwrap()
    }

    pub(super) async fn comes_to_the_same(&self, node: &Node) {
        let again = self.again(node, Held::Then).await;
        let of = format!("{} of {:?}", self.path, self.decided);
        assert_eq!((again.same, again.unknown.as_ref()), (Some(true), None), "{of}: {again:?}");
        assert_eq!(again.revision, *self.decided.revision, "{of}");
        assert_eq!(again.result, self.decided.results[0], "{of}");
    }

    /// Why nobody knows whether it is the same.
    async fn unknown(&self, node: &Node, held: Held) -> &'static str {
        let again = self.again(node, held).await;
        assert_eq!(again.same, None, "{again:?}");
        again.unknown.unwrap().why
    }
}

impl Node {
    async fn makes(&self, path: &str, input: &str) -> Made {
        let decided = self.decide(path, input).await.unwrap();
        Made { path: path.to_owned(), decided }
    }
}

async fn sqlite() -> Arc<dyn Sql> {
    Arc::new(Sqlite::open(Options::memory()).await.unwrap())
}

async fn alone(sql: Arc<dyn Sql>, clock: &Clock, config: Config) -> Node {
    Node::on(sql, &MemoryFeed::new(clock.clone(), 64), clock, config).await
}

const OLD: &str = "package old.v\n\nv[x] { x := data.old.v.of[_] }\n\nsays = y { y := input.a }";

/// Bundles whose modules and documents are others each time, and some of them of before 1.0.
fn brought(round: usize, chance: &mut Chance) -> policy::Bundle {
    let document = format!("{{\"of\":[{round},{}]}}", chance.below(3));
    match chance.below(3) {
        0 => {
            let manifest = r#"{"roots":["old/v"],"rego_version":0}"#;
            let files = [
                (".manifest", manifest),
                ("old.rego", OLD),
                ("old/v/data.json", document.as_str()),
            ];
            bundle("old", &["old/v"], &files)
        }
        1 => {
            let rule = format!("package old.v\n\nsays := [input.a, {round}]");
            bundle("old", &["old/v"], &[("new.rego", &rule), ("old/v/data.json", &document)])
        }
        _ => bundle("old", &["old/v"], &[("old/v/data.json", document.as_str())]),
    }
}

/// A history of changes of all kinds, with decisions between.
async fn run(sql: Arc<dyn Sql>, seed: u64) {
    eprintln!("seed {seed:#x}");
    let clock = Clock::system();
    let node = alone(sql.clone(), &clock, Config::default()).await;
    let mut chance = Chance(seed);
    let mut made = Vec::new();
    for round in 0..150 {
        match chance.below(8) {
            0 => drop(node.activate(&brought(round, &mut chance)).await.unwrap()),
            1 => {
                node.book.deactivate(&node.tenant, "old", "ann", None).await.unwrap();
            }
            2 | 3 => {
                let source = chance.one(&[
                    "package hand\n\nv := data.d.x",
                    "package hand\n\nv := [data.d, input.a]",
                    "package hand\n\nv := count(data.old.v.of)",
                    "package hand\n\nv if data.d.y == input.b",
                ]);
                node.put("hand", source).await.unwrap();
            }
            4 => drop(node.book.delete(&node.tenant, "hand", "ann", None).await.unwrap()),
            5 => drop(node.change("d", DataChange::Delete).await.unwrap()),
            _ => {
                let value = round.to_string();
                let path = chance.one(&["d/x", "d/y", "e"]);
                node.change(path, DataChange::Put(value.as_bytes())).await.unwrap();
            }
        }
        for _ in 0..3 {
            let path = chance.one(&["hand/v", "hand", "old/v/says", "old/v/v", "old", "d", "e"]);
            let input = chance.one(&[r#"{"a":1}"#, r#"{"a":[1.50],"b":7}"#, "{}"]);
            made.push(node.makes(path, input).await);
        }
    }
    for one in &made {
        one.comes_to_the_same(&node).await;
    }
    // Another node, which has seen nothing of it.
    let other = alone(sql, &clock, Config::default()).await;
    while !made.is_empty() {
        made.swap_remove(chance.below(made.len())).comes_to_the_same(&other).await;
        made.truncate(made.len().saturating_sub(4));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_between_changes_of_all_kinds_come_to_the_same_later() {
    for seed in [0x5eed_0011, 0x5eed_0012, 0x5eed_0013] {
        run(sqlite().await, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_keeps_what_was_as_well() {
    let Some(server) = engines::postgres() else { return };
    run(Arc::new(Postgres::open(Remote::url(server.url())).await.unwrap()), 0x5eed_0014).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edition_of_then_has_the_policies_and_documents_of_then() {
    let node = Plane::new().await.node().await;
    node.put("k", "package k\nv := data.n").await.unwrap();
    node.change("n", DataChange::Put(b"1")).await.unwrap();
    let old = bundle(
        "old",
        &["old/v"],
        &[(".manifest", r#"{"roots":["old/v"],"rego_version":0}"#), ("old.rego", OLD)],
    );
    node.activate(&old).await.unwrap();
    node.change("n", DataChange::Delete).await.unwrap();
    node.put("k", "package k\nv := 7").await.unwrap();
    node.book.delete(&node.tenant, "k", "ann", None).await.unwrap();
    for (revision, data, policies) in [
        ("0.0", "{}", &[][..]),
        ("1.0", "{}", &[("k", 1)]),
        ("1.1", r#"{"n": 1}"#, &[("k", 1)]),
        ("2.1", r#"{"n": 1}"#, &[("bundle/old/old.rego", 1), ("k", 1)]),
        ("2.2", "{}", &[("bundle/old/old.rego", 1), ("k", 1)]),
        ("3.2", "{}", &[("bundle/old/old.rego", 1), ("k", 2)]),
        ("4.2", "{}", &[("bundle/old/old.rego", 1)]),
    ] {
        let wanted = Revision::parse(revision).unwrap();
        let edition = node.book.at(&node.tenant, wanted).await.unwrap();
        assert_eq!(edition.data().to_string(), data, "{revision}");
        let held: Vec<_> =
            edition.policies().map(|policy| (policy.id.as_str(), policy.version)).collect();
        assert_eq!(held, policies, "{revision}");
    }
    let there = node.book.at(&node.tenant, Revision::parse("5.2").unwrap()).await;
    assert_eq!(code(&there.unwrap_err()), "policy-revision");
}

#[tokio::test]
async fn what_was_is_kept_for_so_long_and_as_much_as_is_configured() {
    let clock = Clock::manual(Time(1_700_000_000_000_000_000));
    let hour = Duration::from_secs(3600);
    let config = |history, history_max| {
        let (history, history_max) = (Span(history), Size(history_max));
        Config { history, history_max, ..Config::default() }
    };
    for (config, gone) in [(config(hour * 2, 1 << 20), "0.3"), (config(hour * 99, 330), "0.3")] {
        let node = alone(sqlite().await, &clock, config).await;
        let large = format!("\"{}\"", "x".repeat(100));
        for round in 0..7 {
            let value = if round % 2 == 0 { large.as_str() } else { "1" };
            let value = format!("[{round},{value},{value}]");
            node.change("d", DataChange::Put(value.as_bytes())).await.unwrap();
            clock.advance(Duration::from_secs(1800));
        }
        let mut kept = Vec::new();
        for change in 0..=7 {
            let revision = Revision::parse(&format!("0.{change}")).unwrap();
            match node.book.at(&node.tenant, revision).await {
                Ok(edition) => kept.push((change, edition.data().to_string())),
                Err(error) => assert_eq!(code(&error), "policy-history", "{change}"),
            }
        }
        let first = kept.first().unwrap().0;
        assert!((2..6).contains(&first), "{gone}: {kept:?}");
        assert_eq!(kept.len(), 8 - first, "{kept:?}");
        for (change, data) in kept {
            assert!(data.contains(&format!("[{},", change - 1)), "{change}: {data}");
        }
        let made = Made {
            path: "d".into(),
            decided: Decided {
                results: vec![None],
                several: false,
                revision: "0.1".into(),
                tier: Tier::Engine,
                seen: node.makes("d", "{}").await.decided.seen,
            },
        };
        assert_eq!(made.unknown(&node, Held::Then).await, "policy-history");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_known_is_said_to_be_unknown() {
    let node = Plane::new().await.node().await;
    let policy = "package k\n\nv if input.user == \"ann\"\n\nt := input.token\n\n\
                  n if time.now_ns() > 5\n\nr := rand.intn(\"x\", 1000000)\n\nw := input.x";
    node.put("k", policy).await.unwrap();
    let large = format!("{{\"x\":\"{}\"}}", "y".repeat(5000));
    for (path, input, expected) in [
        ("k/t", r#"{"token":"abc"}"#, "masked"),
        ("k/n", "{}", "unsteady"),
        ("k/r", "{}", "unsteady"),
        ("k/w", large.as_str(), "too-large"),
    ] {
        let made = node.makes(path, input).await;
        assert_eq!(made.unknown(&node, Held::Then).await, expected, "{path}");
    }
    let mut made = node.makes("k/v", r#"{"user":"ann"}"#).await;
    for tier in Tier::ALL.into_iter().filter(|tier| *tier >= Tier::Remote) {
        made.decided.tier = tier;
        assert_eq!(made.unknown(&node, Held::Then).await, "tier", "{tier:?}");
        let is_asked = made.again(&node, Held::Then).await.asked;
        assert_eq!(is_asked, tier.is_behind_policies(), "{tier:?}");
    }
    let silent = node.decider(Config { record: Record::Nothing, ..Config::default() });
    let any = flow::question::policy::Freshness::Any;
    let decided = super::node::ask(&silent, &node.tenant, "k/v", r#"{"user":"ann"}"#, any).await;
    let made = Made { path: "k/v".into(), decided: decided.unwrap() };
    assert_eq!(made.unknown(&node, Held::Then).await, "not-recorded");

    // By what holds now it may be another; and what was not read then is not known.
    let made = node.makes("k/v", r#"{"user":"ann","ip":"::1"}"#).await;
    assert_eq!(made.again(&node, Held::Now).await.same, Some(true));
    node.put("k", "package k\n\nv if input.user == \"bob\"").await.unwrap();
    let again = made.again(&node, Held::Now).await;
    assert_eq!((again.same, &*again.revision, again.result), (Some(false), "2.0", None));
    made.comes_to_the_same(&node).await;
    node.put("k", "package k\n\nv if input.ip == \"::1\"").await.unwrap();
    assert_eq!(made.unknown(&node, Held::Now).await, "not-read-then");
    let without = node.makes("k/v", r#"{"user":"ann"}"#).await;
    node.put("k", "package k\n\ndefault v := false\n\nv if input.ip == \"::2\"").await.unwrap();
    let again = without.again(&node, Held::Now).await;
    assert_eq!(again.same, Some(false), "that it was not there is known: {again:?}");
}

/// Tables as they were before history was kept, with what they held.
const BEFORE: &str = "
    DROP TABLE policy_document_past;
    ALTER TABLE policy_version DROP COLUMN since;
    ALTER TABLE policy_version DROP COLUMN v0;
    ALTER TABLE policy_revision DROP COLUMN history_from;
    ALTER TABLE policy_revision DROP COLUMN history_bytes;
    DROP TABLE policy_shadow;
    DROP TABLE policy_shadow_change;
    DELETE FROM sql_migration WHERE component = 'policy' AND version >= 3";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_from_before_has_a_history_from_now_on() {
    migrated(sqlite().await).await;
    let Some(server) = engines::postgres() else { return };
    migrated(Arc::new(Postgres::open(Remote::url(server.url())).await.unwrap())).await;
}

async fn migrated(sql: Arc<dyn Sql>) {
    let clock = Clock::system();
    let node = alone(sql.clone(), &clock, Config::default()).await;
    node.put("k", "package k\nv := 1").await.unwrap();
    node.put("k", "package k\nv := data.n").await.unwrap();
    node.change("n", DataChange::Put(b"5")).await.unwrap();
    let manifest = r#"{"roots":["old/v"],"rego_version":0}"#;
    let old = bundle("old", &["old/v"], &[(".manifest", manifest), ("old.rego", OLD)]);
    node.activate(&old).await.unwrap();
    sql.commit(Transaction::new().script(BEFORE)).await.unwrap();

    let node = alone(sql.clone(), &clock, Config::default()).await;
    let rows = sql.query(Statement::new("SELECT v0 FROM policy_version ORDER BY id")).await;
    let v0: Vec<u64> = rows.unwrap().iter().map(|row| row.get("v0").unwrap()).collect();
    assert_eq!(v0, [1, 0, 0]);
    let made = [
        node.makes("k/v", "{}").await,
        node.makes("old/v/says", r#"{"a":[1]}"#).await,
        node.makes("old/v", r#"{"a":2}"#).await,
    ];
    assert_eq!(one(&made[0].decided).0, Some("5"));
    node.change("n", DataChange::Put(b"6")).await.unwrap();
    node.book.deactivate(&node.tenant, "old", "ann", None).await.unwrap();
    for made in &made {
        made.comes_to_the_same(&node).await;
    }
    for gone in ["0.0", "1.0", "2.0", "2.1"] {
        let before = node.book.at(&node.tenant, Revision::parse(gone).unwrap()).await;
        assert_eq!(code(&before.unwrap_err()), "policy-history", "{gone}");
    }
}
