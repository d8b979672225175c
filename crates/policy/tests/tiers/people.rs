//! Cases wait for people, and nobody waits for them.

use std::time::Duration;

use flow::question::escalation::DecideEscalation;
use flow::question::policy::Tier;
use flow::unit::Size;
use flow::{Result, Time};
use policy::{Config, Review};

use super::node::{Node, fact};

const PATH: &str = "agents/verdict";
const POLICY: &str = "package agents\n\nverdict := \"escalate\" if input.tool";

fn config() -> Config {
    let review = [(PATH.to_owned(), Review::default())].into();
    Config { review, ..Config::default() }
}

async fn node(config: Config) -> Node {
    let node = Node::new(&config, Vec::new()).await;
    node.put(POLICY).await;
    node
}

impl Node {
    async fn rule(&self, id: &str, decision: &str, until: Option<Time>) -> Result<bool> {
        let asked = DecideEscalation { id, decision, reason: "because", until };
        let decided = self.queue.decide(&self.tenant, &asked, "human:ann", fact()).await?;
        Ok(decided.is_some())
    }
}

#[tokio::test]
async fn the_same_case_is_one_however_often_and_with_whatever_beside_it() {
    let node = node(config()).await;
    for n in 0..10 {
        let input = format!(r#"{{"tool":"dig","request":{n}}}"#);
        assert_eq!(node.verdict(PATH, &input).await, ("block".into(), Tier::Default));
    }
    // However the path is written.
    node.verdict("agents/%76erdict", r#"{"tool":"dig"}"#).await;
    let cases = node.cases().await;
    assert_eq!(cases.len(), 1);
    assert_eq!((cases[0].asked, &*cases[0].shown), (11, &br#"{"tool":"dig"}"#[..]));
}

#[tokio::test]
async fn what_was_decided_until_a_time_is_open_again_after_it() {
    let node = node(config()).await;
    let ask = async || node.verdict(PATH, r#"{"tool":"dig"}"#).await;
    ask().await;
    let id = node.cases().await[0].id.clone();
    assert!(node.rule(&id, "approve", Some(node.clock.now())).await.is_err(), "it is over already");
    assert!(!node.rule("nobody", "approve", None).await.unwrap());
    let until = node.clock.now().after(Duration::from_secs(60));
    assert!(node.rule(&id, "approve", Some(until)).await.unwrap());
    assert_eq!(ask().await, ("approve".into(), Tier::Human));
    node.clock.advance(Duration::from_secs(60));
    assert_eq!(ask().await, ("block".into(), Tier::Default));
    assert_eq!(node.cases().await[0].decided, None);
    // Another decision takes the place of the one before.
    assert!(node.rule(&id, "approve", None).await.unwrap());
    assert!(node.rule(&id, "block", None).await.unwrap());
    assert_eq!(ask().await, ("block".into(), Tier::Human));
}

#[tokio::test]
async fn the_oldest_that_nobody_decided_goes_first_and_what_was_decided_stays() {
    let mut config = config();
    config.escalations.open_max = 3;
    let node = node(config).await;
    let ask = async |tool: usize| node.verdict(PATH, &format!(r#"{{"tool":"t{tool}"}}"#)).await;
    ask(0).await;
    let id = node.cases().await[0].id.clone();
    node.rule(&id, "approve", None).await.unwrap();
    for tool in 1..=6 {
        node.clock.advance(Duration::from_secs(1));
        ask(tool).await;
    }
    let shown: Vec<_> = node.cases().await.iter().map(|case| case.shown.clone()).collect();
    let tools = [0, 4, 5, 6].map(|tool| format!(r#"{{"tool":"t{tool}"}}"#));
    assert_eq!(shown, tools.map(bytes::Bytes::from));
    assert_eq!(ask(0).await, ("approve".into(), Tier::Human));
}

#[tokio::test]
async fn what_is_too_large_or_shows_nothing_is_put_before_nobody() {
    let mut config = config();
    config.escalations.largest = Size(64);
    let node = node(config).await;
    let large = format!(r#"{{"tool":"{}"}}"#, "x".repeat(100));
    assert_eq!(node.verdict(PATH, &large).await, ("block".into(), Tier::Default));
    // A yes to this would be a yes to everything.
    for input in ["{}", r#"{"other":"secret"}"#] {
        assert_eq!(node.verdict(PATH, input).await, ("block".into(), Tier::Default));
    }
    assert_eq!(node.cases().await, []);
}

#[tokio::test]
async fn a_case_shows_what_is_asked_to_be_shown_beside_what_is_read() {
    let mut config = config();
    let shows = vec!["user.team".to_owned()];
    config.review.insert(PATH.to_owned(), Review { shows, ..Review::default() });
    let node = node(config).await;
    for team in ["a", "b"] {
        let input = format!(r#"{{"tool":"dig","user":{{"team":"{team}","name":"ann"}}}}"#);
        node.verdict(PATH, &input).await;
    }
    let mut shown: Vec<_> = node.cases().await.into_iter().map(|case| case.shown).collect();
    shown.sort();
    let team = |team: &str| format!(r#"{{"tool":"dig","user":{{"team":"{team}"}}}}"#);
    assert_eq!(shown, [team("a"), team("b")].map(bytes::Bytes::from));
}

#[tokio::test]
async fn tenants_do_not_see_each_others_cases() {
    let node = node(config()).await;
    node.verdict(PATH, r#"{"tool":"dig"}"#).await;
    let id = node.cases().await[0].id.clone();
    assert_eq!(node.queue.show("other", &id).await.unwrap(), None);
    assert!(!node.queue.withdraw("other", &id, fact()).await.unwrap());
    let asked = DecideEscalation { id: &id, decision: "approve", reason: "r", until: None };
    assert_eq!(node.queue.decide("other", &asked, "eve", fact()).await.unwrap(), None);
    assert_eq!(node.verdict(PATH, r#"{"tool":"dig"}"#).await.1, Tier::Default);
}

#[tokio::test]
async fn what_leads_nowhere_is_refused_when_it_is_configured() {
    use std::sync::Arc;

    use flow::signal::Registry;
    use flow::{Clock, Random};
    use policy::{Fallback, Tiers};

    let node = node(Config::default()).await;
    let default = |word: &str| {
        let default = Fallback { decision: word.into(), reason: "r".into() };
        Review { default, ..Review::default() }
    };
    let decisions = |words: &[&str]| {
        let decisions = words.iter().map(|word| (*word).to_owned()).collect();
        Review { decisions, ..Review::default() }
    };
    for (path, review, expected) in [
        ("a/b", Review::default(), true),
        ("a/b", default("perhaps"), false),
        ("a/b", default("escalate"), false),
        ("a/b", decisions(&["approve", "block", "escalate"]), false),
        ("a/b", decisions(&[]), false),
        ("a/%", Review::default(), false),
    ] {
        let review = [(path.to_owned(), review)].into();
        let config = Config { review, ..Config::default() };
        let (book, around) = (Arc::clone(&node.book), (&Clock::system(), &Random::seeded(1)));
        let opened = Tiers::open(&config, &book, around, &Registry::default());
        assert_eq!(opened.is_ok(), expected, "{config:?}");
    }
}
