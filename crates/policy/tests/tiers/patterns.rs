//! A classifier learns from what experts and people decide, and takes the place of neither until
//! it has evidence.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use flow::question::escalation::DecideEscalation;
use flow::question::policy::Tier;
use flow::unit::Span;
use flow::{BoxFuture, Clock, Result};
use policy::{Case, Config, Expert, Pattern, Review, Verdict};

use super::node::{Node, fact};

const PATH: &str = "agents/verdict";
const POLICY: &str = "package agents\n\nverdict := \"escalate\" if { input.tool; input.team; input.place }\n\nverdict := \"block\" if input.tool == \"never\"";

/// An expert who lets pass what reads, and is asked no more often than it has to be.
#[derive(Default)]
struct Reader(AtomicUsize);

impl Expert for Reader {
    fn name(&self) -> &str {
        "reader"
    }

    fn ask<'a>(&'a self, case: &'a Case) -> BoxFuture<'a, Result<Option<Verdict>>> {
        self.0.fetch_add(1, SeqCst);
        let shown = rego::value::json::write(&case.shown);
        let decision = if shown.contains("\"tool\":\"read") { "approve" } else { "block" };
        let verdict = Verdict { decision: decision.into(), reason: "r".into(), confidence: 1.0 };
        Box::pin(std::future::ready(Ok(Some(verdict))))
    }
}

async fn node(pattern: bool, expert: &Arc<Reader>) -> Node {
    let remember = Span::secs(0);
    let review = Review { pattern, remember, ..Review::default() };
    let config = Config {
        review: [(PATH.to_owned(), review)].into(),
        pattern: Pattern { evidence: 60, ..Pattern::default() },
        ..Config::default()
    };
    let node = Node::with(&config, vec![expert.clone()], Clock::system()).await;
    node.put(POLICY).await;
    node
}

fn input(n: usize) -> String {
    let tool = ["read", "readall", "write", "delete"][n % 4];
    let (team, place) = (n / 4 % 5, n / 20 % 8);
    format!(r#"{{"tool":"{tool}","team":"team{team}","place":"room{place}"}}"#)
}

/// Asks until the classifier answers what it is asked, or for a while.
async fn learned(node: &Node, input: &str) -> (String, Tier) {
    let asking = async {
        loop {
            let said = node.verdict(PATH, input).await;
            if said.1 == Tier::Pattern {
                return said;
            }
            tokio::task::yield_now().await;
        }
    };
    Clock::system().within(Duration::from_secs(20), asking).await.unwrap()
}

#[tokio::test]
async fn what_experts_decided_is_learned_and_they_are_asked_no_more() {
    let expert = Arc::new(Reader::default());
    let node = node(true, &expert).await;
    for n in (0..160).filter(|n| n % 7 != 0) {
        let (decision, tier) = node.verdict(PATH, &input(n)).await;
        assert!(matches!(tier, Tier::Expert | Tier::Pattern), "{tier:?}");
        assert_eq!(decision == "approve", input(n).contains("\"read"), "{}", input(n));
    }
    // What was left out nobody was asked before.
    for (n, expected) in [(28, "approve"), (42, "block")] {
        assert_eq!(learned(&node, &input(n)).await, (expected.into(), Tier::Pattern));
    }
    let asked = expert.0.load(SeqCst);
    let (said, _) = node.ask(PATH, &input(56)).await.unwrap();
    let reason = said["reason"].as_str().unwrap();
    assert!(reason.contains("read"), "{reason}");
    assert_eq!(expert.0.load(SeqCst), asked);
    // What policies say it never hears of, and what it does not know it leaves to the expert.
    let never = node.ask(PATH, r#"{"tool":"never"}"#).await.unwrap();
    assert_eq!(never, ("block".into(), Tier::Engine));
    let strange = r#"{"tool":"read","team":"team1","place":"cellar"}"#;
    assert_eq!(node.verdict(PATH, strange).await.1, Tier::Expert);
}

#[tokio::test]
async fn it_is_off_unless_it_is_configured() {
    let expert = Arc::new(Reader::default());
    let node = node(false, &expert).await;
    for n in 0..200 {
        assert_eq!(node.verdict(PATH, &input(n)).await.1, Tier::Expert);
    }
}

#[tokio::test]
async fn what_people_decide_is_learned_until_they_think_better_of_it() {
    let review = Review { pattern: true, experts: false, ..Review::default() };
    let config = Config {
        review: [(PATH.to_owned(), review)].into(),
        pattern: Pattern { evidence: 60, ..Pattern::default() },
        ..Config::default()
    };
    let node = Node::with(&config, Vec::new(), Clock::system()).await;
    node.put(POLICY).await;
    // One in four is left to be asked later.
    let (taught, kept): (Vec<_>, Vec<_>) = (0..160).partition(|n| n % 7 != 0);
    for n in &taught {
        assert_eq!(node.verdict(PATH, &input(*n)).await.1, Tier::Default);
    }
    let cases = node.cases().await;
    for case in &cases {
        let reads = case.shown.windows(5).any(|part| part == b"\"read");
        let decision = if reads { "approve" } else { "block" };
        let asked = DecideEscalation { id: &case.id, decision, reason: "r", until: None };
        node.queue.decide(&node.tenant, &asked, "human:ann", fact()).await.unwrap().unwrap();
    }
    let asked = input(kept[1]);
    let expected = if asked.contains("\"read") { "approve" } else { "block" };
    assert_eq!(learned(&node, &asked).await, (expected.into(), Tier::Pattern));
    // Most of it is withdrawn, and with it what it taught: there is too little evidence left.
    for case in cases.iter().skip(50) {
        assert!(node.queue.withdraw(&node.tenant, &case.id, fact()).await.unwrap());
    }
    for _ in 0..50 {
        assert_eq!(node.verdict(PATH, &asked).await.1, Tier::Default);
        tokio::task::yield_now().await;
    }
}
