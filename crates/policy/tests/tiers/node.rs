//! A node with what comes behind its policies, and a clock that moves when told to.

use std::sync::Arc;

use flow::fact::Outcome;
use flow::feed::{Announcer, MemoryFeed};
use flow::question::escalation::{EscalationInfo, ListEscalations};
use flow::question::policy::{Decide, Freshness, Posed, PutPolicy, Tier};
use flow::signal::Registry;
use flow::{Clock, Fact, Id, Random, Result, Revisions, Time};
use policy::{Book, Config, Decider, Expert, Queue, Tiers};
use pool::sql::Sql;
use pool::sql::sqlite::{Options, Sqlite};
use serde_json::Value;

pub(super) struct Node {
    pub(super) tenant: Arc<str>,
    pub(super) book: Arc<Book>,
    pub(super) decider: Decider,
    pub(super) queue: Arc<Queue>,
    pub(super) clock: Clock,
}

impl Node {
    /// By a clock that stands still.
    pub(super) async fn new(config: &Config, experts: Vec<Arc<dyn Expert>>) -> Self {
        Self::with(config, experts, Clock::manual(Time(1_000_000_000))).await
    }

    pub(super) async fn with(config: &Config, experts: Vec<Arc<dyn Expert>>, clock: Clock) -> Self {
        let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
        Self::on(sql, config, experts, clock).await
    }

    /// On a database others may have as well.
    pub(super) async fn on(
        sql: Arc<dyn Sql>,
        config: &Config,
        experts: Vec<Arc<dyn Expert>>,
        clock: Clock,
    ) -> Self {
        let feed = Arc::new(MemoryFeed::new(clock.clone(), 16));
        let announcer = Arc::new(Announcer::new(feed, clock.clone()));
        let revisions = Arc::new(Revisions::default());
        let book = Book::open(sql, revisions, announcer, clock.clone(), config.clone());
        let book = Arc::new(book.await.unwrap());
        let random = Random::system();
        let tiers = Tiers::open(config, &book, (&clock, &random), &Registry::default()).unwrap();
        let tiers = experts.into_iter().fold(tiers, Tiers::with_expert);
        let queue = tiers.queue().clone();
        let decider = Decider::new(book.clone(), config.clone(), clock.clone(), random);
        let decider = decider.with_tiers(tiers);
        Self { tenant: "main".into(), book, decider, queue, clock }
    }

    pub(super) async fn put(&self, source: &str) {
        let put = PutPolicy { id: "p", source, dry_run: false };
        self.book.put(&self.tenant, &put, "ann", None).await.unwrap();
    }

    /// The answer to a whole input, and who knew it.
    pub(super) async fn ask(&self, path: &str, input: &str) -> Result<(Value, Tier)> {
        let (text, freshness) = (input.as_bytes(), Freshness::Any);
        let asked = Decide { path, text, posed: Posed::Whole, strict: false, freshness };
        let decided = self.decider.decide(&self.tenant, &asked).wait().await?;
        let result = decided.results.first().and_then(Option::as_ref);
        let value = result.map(|text| serde_json::from_slice(text).unwrap());
        Ok((value.unwrap_or_default(), decided.tier))
    }

    /// The decision and who made it.
    pub(super) async fn verdict(&self, path: &str, input: &str) -> (String, Tier) {
        let (said, tier) = self.ask(path, input).await.unwrap();
        (said["decision"].as_str().unwrap().to_owned(), tier)
    }

    pub(super) async fn cases(&self) -> Vec<EscalationInfo> {
        let asked = ListEscalations { stand: None, after: "", limit: 10_000 };
        self.queue.list(&self.tenant, &asked).await.unwrap()
    }
}

/// What is committed with what people do.
pub(super) fn fact() -> Fact {
    Fact {
        id: Random::system().id(Time(1)),
        at: Time(1),
        request: Id(1),
        tenant: "main".into(),
        actor: "human:ann".into(),
        door: "http".into(),
        action: "escalation.decide".into(),
        resource: "escalation".into(),
        outcome: Outcome::Done,
        reason: None,
        count: 1,
        detail: flow::Detail::default(),
    }
}
