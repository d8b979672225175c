//! Long histories of changes and decisions on three nodes: each decision is what a program
//! compiled for it alone, of the policies and documents of its revision, comes to; and made again
//! at the end it is the same.

use std::collections::BTreeMap;

use flow::question::policy::{Changed, DataChange, Freshness, Tier};
use policy::Revision;

use super::node::{Known, Node, Plane, one};
use super::past::Made;

const STEPS: usize = 1500;

/// So many decisions of each history are made again.
const REPLAYS: usize = 150;

/// A row of numbers that follows from its seed.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }

    pub(super) fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }
}

const VALUES: [&str; 13] = [
    "1",
    "1.0",
    "\"1\"",
    "null",
    "\"\"",
    "true",
    "false",
    "[1]",
    "{\"a\":1}",
    "\"ann\"",
    "[\"ann\",1]",
    "{\"a\":{\"b\":1}}",
    "2",
];

const MODULES: [(&str, &[&str]); 5] = [
    (
        "p",
        &[
            "package p\nv := input.a\n",
            "package p\nv := {\"is\": input.a.b, \"of\": data.d.x}\n",
            "package p\ndefault v := false\nv if input.a == data.d.x\n",
            "package p\nv contains x if some x in data.d\n",
        ],
    ),
    (
        "q",
        &[
            "package q\nv := data.p.v\nf(x) := [x, data.d.y]\n",
            "package q\nv if not data.p.v\nf(x) := x if x != data.d.y\n",
            "package q\nv[k] := x if some k, x in data.d\nf(x) := data.d[x]\n",
        ],
    ),
    (
        "r",
        &[
            "package r\nv := data.q.f(input.b)\n",
            "package r\nv := x if { x := data.q.f(1) with input.a as 2 }\n",
            "package r\nv := [x | walk(input, [_, x])]\n",
            "package r\nv := x if { x := data.p.v with input.a as input.b }\n",
            "package r\nv := data.q.v[input.b]\n",
        ],
    ),
    ("s", &["package s\nv := data.d\n", "package s\nv := json.marshal([input.a, input.b])\n"]),
    ("t", &["package t.u\nv := count(data.d)\nw := object.get(data.d, input.a, \"none\")\n"]),
];

const PATHS: [&str; 12] =
    ["p/v", "q/v", "r/v", "s/v", "t/u/w", "p", "q", "d", "d/x", "t", "q/v/x", "no/such"];

/// What changes a history makes, and what was so at each revision.
struct History {
    chance: Chance,
    now: Known,
    documents: BTreeMap<&'static str, &'static str>,
    newest: Revision,
    name: String,
    past: BTreeMap<String, Known>,
    made: Vec<Made>,
    tiers: BTreeMap<&'static str, usize>,
}

impl History {
    fn new(seed: u64) -> Self {
        let now = Known { data: "{}".into(), ..Known::default() };
        let past = [("0.0".to_owned(), now.clone())].into();
        let (documents, made, tiers) = Default::default();
        let (chance, newest, name) = (Chance(seed), Revision::default(), "0.0".into());
        Self { chance, now, documents, newest, name, past, made, tiers }
    }

    fn is_now(&mut self, revision: &str) {
        let members: Vec<_> =
            self.documents.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        self.now.data = match members.is_empty() && revision.ends_with(".0") {
            true => "{}".into(),
            false => format!("{{\"d\":{{{}}}}}", members.join(",")),
        };
        self.newest = Revision::parse(revision).unwrap();
        self.name = revision.to_owned();
        self.past.insert(self.name.clone(), self.now.clone());
    }

    async fn change_policy(&mut self, node: &Node) {
        let (id, sources) = MODULES[self.chance.below(MODULES.len())];
        if self.chance.below(4) == 0 {
            let there = node.book.delete(&node.tenant, id, "ann", None).await.unwrap();
            assert_eq!(there, self.now.policies.remove(id).is_some());
            if there {
                let revision = node.book.newest(&node.tenant).await.unwrap().name().to_string();
                self.is_now(&revision);
            }
            return;
        }
        let source = self.chance.one(sources);
        let (revision, made) = node.put(id, source).await.unwrap();
        let before = self.now.policies.insert(id.to_owned(), source.to_owned());
        assert_eq!(made, before.as_deref() != Some(source));
        if made {
            self.is_now(&revision);
        }
    }

    async fn change_data(&mut self, node: &Node) {
        let (name, value) = (self.chance.one(&["x", "y", "1"]), self.chance.one(&VALUES));
        let path = format!("d/{name}");
        let there = self.documents.contains_key(name);
        let patch = format!("[{{\"op\":\"add\",\"path\":\"/{name}\",\"value\":{value}}}]");
        let changed = match self.chance.below(4) {
            0 => node.change(&path, DataChange::Put(value.as_bytes())).await.unwrap(),
            1 => node.change(&path, DataChange::PutNew(value.as_bytes())).await.unwrap(),
            2 if !self.now.data.contains("\"d\"") => return,
            2 => node.change("d", DataChange::Patch(patch.as_bytes())).await.unwrap(),
            _ => {
                let changed = node.change(&path, DataChange::Delete).await.unwrap();
                assert_eq!(changed == Changed::Missing, !there, "{path}");
                if let Changed::Made(revision) = changed {
                    self.documents.remove(name);
                    self.is_now(&revision);
                }
                return;
            }
        };
        match changed {
            Changed::Made(revision) => {
                self.documents.insert(name, value);
                self.is_now(&revision);
            }
            Changed::Kept => assert!(there, "{path}"),
            Changed::Missing => panic!("{path} is put where it is not"),
        }
    }

    async fn decide(&mut self, node: &Node, heard: bool) {
        let path = self.chance.one(&PATHS);
        let members: Vec<_> = ["a", "b", "c"]
            .into_iter()
            .filter_map(|name| {
                let value = self.chance.one(&VALUES);
                (self.chance.below(4) > 0).then(|| format!("\"{name}\":{value}"))
            })
            .collect();
        let input = format!("{{{}}}", members.join(","));
        let least = self.name.clone();
        let freshness = match self.chance.below(8) {
            0 => Freshness::AtLeast(&least),
            1 => Freshness::Full,
            _ => Freshness::Any,
        };
        let of = format!("{path} of {input}, {freshness:?}");
        let decided = node.decide_at(path, &input, freshness).await;
        let revision = match &decided {
            Ok(decided) => decided.revision.to_string(),
            Err(_) => self.name.clone(),
        };
        if heard || freshness != Freshness::Any {
            assert_eq!(revision, self.name, "{of} is decided by what was");
        }
        let fresh = self.past[&revision].fresh(path, &input);
        match (decided, fresh) {
            (Ok(decided), Ok(fresh)) => {
                let (answer, tier) = one(&decided);
                assert_eq!(answer, fresh.as_deref(), "{of} at {revision}, by {tier:?}");
                *self.tiers.entry(tier.name()).or_default() += 1;
                assert!(matches!(tier, Tier::Memory | Tier::Engine));
                self.made.push(Made { path: path.to_owned(), decided });
            }
            (Err(_), Err(_)) => *self.tiers.entry("failed").or_default() += 1,
            (decided, fresh) => panic!("{of} at {revision}: {decided:?}, and fresh {fresh:?}"),
        }
    }
}

async fn run(seed: u64) {
    eprintln!("seed {seed:#x}");
    let plane = Plane::new().await;
    let nodes = [plane.node().await, plane.node().await, plane.node().await];
    let mut history = History::new(seed);
    for _ in 0..STEPS {
        let node = &nodes[history.chance.below(3)];
        match history.chance.below(20) {
            0 => history.change_policy(node).await,
            1 => history.change_data(node).await,
            2 => {
                // Whatever was changed is heard by all, sooner or later.
                for node in &nodes {
                    node.hears(&history.name).await;
                    history.decide(node, true).await;
                }
            }
            _ => {
                let before = history.chance.below(3);
                for _ in 0..=before {
                    history.decide(node, false).await;
                }
            }
        }
    }
    eprintln!("{} revisions, decided: {:?}", history.past.len(), history.tiers);
    // Each is made again when much has happened since, in an order in which none is at hand.
    let step = history.made.len() / REPLAYS;
    for made in history.made.iter().step_by(step.max(1)) {
        made.comes_to_the_same(&nodes[history.chance.below(3)]).await;
    }
    assert!(history.tiers["memory"] > STEPS / 10, "hardly anything was remembered");
    assert!(history.newest.covers(Revision::parse("10.10").unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_is_what_it_would_be_without_memory() {
    for seed in [0x5eed_0001, 0x5eed_0002, 0x5eed_0003, 0x5eed_0004] {
        run(seed).await;
    }
}
