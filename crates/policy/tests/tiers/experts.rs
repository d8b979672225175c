//! Experts answer, or are passed over; nobody waits longer than their budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use flow::question::policy::Tier;
use flow::unit::Span;
use flow::{BoxFuture, Code, Kind, Result};
use parking_lot::Mutex;
use policy::{Case, Config, Expert, Review, Verdict};
use tokio::sync::Notify;

use super::node::Node;

static AWAY: Code = Code::new(Kind::Busy, "test-away", "The expert is away", "ask again");

const PATH: &str = "agents/verdict";
const POLICY: &str = "package agents\n\nverdict := \"escalate\" if input.tool != \"known\"\n\nverdict := \"block\" if input.tool == \"known\"";

/// How an expert behaves.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Says(&'static str, f64),
    Knows,
    Fails,
    Hangs,
}

/// An expert that is told how to behave, and counts what it is asked.
struct Told {
    manner: Mutex<Manner>,
    asked: AtomicUsize,
    begun: Notify,
}

impl Told {
    fn new(manner: Manner) -> Arc<Self> {
        let (asked, begun) = Default::default();
        Arc::new(Self { manner: manner.into(), asked, begun })
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}

impl Expert for Told {
    fn name(&self) -> &str {
        "told"
    }

    fn ask<'a>(&'a self, case: &'a Case) -> BoxFuture<'a, Result<Option<Verdict>>> {
        self.asked.fetch_add(1, SeqCst);
        self.begun.notify_one();
        let manner = *self.manner.lock();
        let shown = rego::value::json::write(&case.shown);
        assert!(!shown.contains("secret"), "{shown}");
        Box::pin(async move {
            let verdict = |decision: &str, confidence| {
                let (decision, reason) = (decision.to_owned(), format!("because of {shown}"));
                Verdict { decision, reason, confidence }
            };
            match manner {
                Manner::Says(decision, confidence) => Ok(Some(verdict(decision, confidence))),
                Manner::Knows => Ok(None),
                Manner::Fails => Err(AWAY.error("it is away")),
                Manner::Hangs => std::future::pending().await,
            }
        })
    }
}

fn config(review: Review) -> Config {
    let review = [(PATH.to_owned(), review)].into();
    Config { review, ..Config::default() }
}

async fn node(review: Review, experts: &[&Arc<Told>]) -> Arc<Node> {
    let experts = experts.iter().map(|expert| (*expert).clone() as Arc<dyn Expert>).collect();
    let node = Node::new(&config(review), experts).await;
    node.put(POLICY).await;
    Arc::new(node)
}

#[tokio::test]
async fn the_first_that_has_an_opinion_is_heard_and_one_that_errs_is_passed_over() {
    for (first, expected) in [
        (Manner::Says("approve", 0.7), ("approve", Tier::Expert, 0)),
        (Manner::Knows, ("block", Tier::Expert, 1)),
        (Manner::Says("escalate", 1.0), ("block", Tier::Expert, 1)),
        (Manner::Says("aprove", 1.0), ("block", Tier::Expert, 1)),
        (Manner::Says("approve", 1.5), ("block", Tier::Expert, 1)),
        (Manner::Says("approve", f64::NAN), ("block", Tier::Expert, 1)),
        (Manner::Fails, ("block", Tier::Expert, 1)),
    ] {
        let (one, two) = (Told::new(first), Told::new(Manner::Says("block", 1.0)));
        let node = node(Review::default(), &[&one, &two]).await;
        let (decision, tier) = node.verdict(PATH, r#"{"tool":"x","token":"secret"}"#).await;
        assert_eq!((&*decision, tier, two.asked()), expected);
        assert_eq!(node.cases().await, [], "somebody knew");
    }
}

#[tokio::test]
async fn what_policies_say_no_expert_is_asked_about() {
    let expert = Told::new(Manner::Says("approve", 1.0));
    let node = node(Review::default(), &[&expert]).await;
    for tier in [Tier::Engine, Tier::Memory] {
        assert_eq!(node.ask(PATH, r#"{"tool":"known"}"#).await.unwrap(), ("block".into(), tier));
    }
    assert_eq!(expert.asked(), 0);
}

#[tokio::test]
async fn an_answer_is_remembered_for_what_was_read_and_as_long_as_is_said() {
    let expert = Told::new(Manner::Says("approve", 1.0));
    let review = Review { remember: Span::secs(60), ..Review::default() };
    let node = node(review, &[&expert]).await;
    let ask = async |tool: &str| {
        node.verdict(PATH, &format!(r#"{{"tool":"{tool}","more":{}}}"#, expert.asked())).await
    };
    let yes = ("approve".to_owned(), Tier::Expert);
    assert_eq!((ask("x").await, ask("x").await, expert.asked()), (yes.clone(), yes.clone(), 1));
    assert_eq!((ask("y").await, expert.asked()), (yes.clone(), 2));
    node.clock.advance(Duration::from_secs(61));
    assert_eq!((ask("x").await, expert.asked()), (yes.clone(), 3));
    // Other policies are another question.
    node.put(&format!("{POLICY}\n\nmore := 1")).await;
    assert_eq!((ask("x").await, expert.asked()), (yes, 4));
}

#[tokio::test]
async fn a_failure_and_what_holds_by_default_are_never_remembered() {
    let expert = Told::new(Manner::Fails);
    let node = node(Review::default(), &[&expert]).await;
    let ask = async || node.verdict(PATH, r#"{"tool":"x"}"#).await;
    for _ in 0..2 {
        assert_eq!(ask().await, ("block".into(), Tier::Default));
    }
    *expert.manner.lock() = Manner::Says("approve", 1.0);
    assert_eq!(ask().await, ("approve".into(), Tier::Expert));
}

#[tokio::test]
async fn who_hangs_costs_the_budget_once_and_then_nothing() {
    let expert = Told::new(Manner::Hangs);
    let review = Review { budget: Span::secs(5), ..Review::default() };
    let node = node(review, &[&expert]).await;
    for round in 1..=5 {
        let asking = {
            let node = node.clone();
            tokio::spawn(async move { node.verdict(PATH, r#"{"tool":"x"}"#).await })
        };
        expert.begun.notified().await;
        assert!(!asking.is_finished());
        node.clock.advance(Duration::from_secs(5));
        assert_eq!(asking.await.unwrap(), ("block".into(), Tier::Default), "{round}");
    }
    // The breaker is open: nobody waits, and nobody is asked.
    assert_eq!(node.verdict(PATH, r#"{"tool":"x"}"#).await.1, Tier::Default);
    assert_eq!(expert.asked(), 5);
    node.clock.advance(Duration::from_secs(31));
    *expert.manner.lock() = Manner::Says("approve", 1.0);
    assert_eq!(node.verdict(PATH, r#"{"tool":"x"}"#).await.1, Tier::Expert);
}

#[tokio::test]
async fn one_too_many_gets_what_holds_by_default_at_once() {
    let expert = Told::new(Manner::Hangs);
    let mut config = config(Review::default());
    config.experts.at_once = 1;
    let node = Arc::new(Node::new(&config, vec![expert.clone()]).await);
    node.put(POLICY).await;
    let first = {
        let node = node.clone();
        tokio::spawn(async move { node.verdict(PATH, r#"{"tool":"x"}"#).await })
    };
    expert.begun.notified().await;
    assert_eq!(node.verdict(PATH, r#"{"tool":"y"}"#).await.1, Tier::Default);
    assert_eq!(expert.asked(), 1);
    // One that was given up gives its place back, and nothing of it is remembered.
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    *expert.manner.lock() = Manner::Says("approve", 1.0);
    assert_eq!(node.verdict(PATH, r#"{"tool":"x"}"#).await, ("approve".into(), Tier::Expert));
}

#[tokio::test]
async fn many_questions_at_once_have_one_budget() {
    use flow::question::policy::{Decide, Freshness, Posed};

    let expert = Told::new(Manner::Hangs);
    let node = node(Review::default(), &[&expert]).await;
    let asking = {
        let node = node.clone();
        tokio::spawn(async move {
            let text = br#"{"evaluations":[{"tool":"a"},{"tool":"b"},{"tool":"c"}]}"#;
            let (posed, freshness) = (Posed::Each, Freshness::Any);
            let asked = Decide { path: PATH, text, posed, strict: false, freshness };
            node.decider.decide(&node.tenant, &asked).wait().await.unwrap()
        })
    };
    expert.begun.notified().await;
    node.clock.advance(Duration::from_secs(30));
    let decided = asking.await.unwrap();
    assert_eq!((decided.results.len(), decided.tier, expert.asked()), (3, Tier::Default, 1));
}

#[tokio::test]
async fn what_depends_on_time_is_asked_each_time() {
    let expert = Told::new(Manner::Says("approve", 1.0));
    let node = node(Review::default(), &[&expert]).await;
    node.put("package agents\n\nverdict := \"escalate\" if time.now_ns() > count(input.tool)")
        .await;
    for asked in 1..=2 {
        assert_eq!(node.verdict(PATH, r#"{"tool":"x"}"#).await.1, Tier::Expert);
        assert_eq!(expert.asked(), asked);
    }
}
