//! Nodes that share a database share what people decide and what is learned of it.

use std::sync::Arc;
use std::time::Duration;

use flow::Clock;
use flow::question::escalation::DecideEscalation;
use flow::question::policy::Tier;
use policy::{Config, Pattern, Review};
use pool::sql::postgres::{Options as Remote, Postgres};
use pool::sql::sqlite::{Options, Sqlite};
use pool::sql::{Sql, Statement};

use super::node::{Node, fact};

const PATH: &str = "agents/verdict";
const POLICY: &str = "package agents\n\nverdict := \"escalate\" if input.tool";

#[tokio::test]
async fn what_is_decided_on_one_node_holds_on_the_next_question_on_another() {
    shared(Arc::new(Sqlite::open(Options::memory()).await.unwrap())).await;
}

#[tokio::test]
async fn postgresql_keeps_cases_as_well() {
    let Some(server) = engines::postgres() else { return };
    shared(Arc::new(Postgres::open(Remote::url(server.url())).await.unwrap())).await;
}

async fn shared(sql: Arc<dyn Sql>) {
    let review = Review { pattern: true, ..Review::default() };
    let mut config = Config {
        review: [(PATH.to_owned(), review)].into(),
        pattern: Pattern { evidence: 20, ..Pattern::default() },
        ..Config::default()
    };
    config.escalations.open_max = 3;
    let clock = Clock::system();
    let here = Node::on(sql.clone(), &config, Vec::new(), clock.clone()).await;
    here.put(POLICY).await;
    let there = Node::on(sql.clone(), &config, Vec::new(), clock.clone()).await;
    let input = r#"{"tool":"dig"}"#;
    let (one, other) = tokio::join!(here.verdict(PATH, input), there.verdict(PATH, input));
    assert_eq!((one.1, other.1), (Tier::Default, Tier::Default));
    let cases = here.cases().await;
    assert_eq!((cases.len(), cases[0].asked), (1, 2), "one case, asked twice");

    let until = Some(clock.now().after(Duration::from_secs(3600)));
    for (until, decision) in [(until, "approve"), (None, "approve"), (None, "block")] {
        let asked = DecideEscalation { id: &cases[0].id, decision, reason: "because", until };
        let tenant = &there.tenant;
        there.queue.decide(tenant, &asked, "human:ann", fact()).await.unwrap().unwrap();
        assert_eq!(here.verdict(PATH, input).await, (decision.to_owned(), Tier::Human));
        let lessons = Statement::new("SELECT decision FROM policy_lesson");
        let lessons = sql.query(lessons).await.unwrap();
        assert_eq!(lessons.iter().count(), usize::from(until.is_none()), "for good or for a while");
    }
    for tool in 0..5 {
        here.verdict(PATH, &format!(r#"{{"tool":"t{tool}"}}"#)).await;
    }
    assert_eq!(there.cases().await.len(), 4, "three that are open, and the one that is not");
    assert!(here.queue.withdraw(&here.tenant, &cases[0].id, fact()).await.unwrap());
    assert_eq!(there.verdict(PATH, input).await.1, Tier::Default);
    let lessons = sql.query(Statement::new("SELECT decision FROM policy_lesson")).await.unwrap();
    assert_eq!(lessons.iter().count(), 0, "what it taught went with it");
}
