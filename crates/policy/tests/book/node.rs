//! Nodes: a book and a decider each, and an ear for what the others change.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use flow::feed::{Announcer, Coherence, Heard, Listener, MemoryFeed, Notice};
use flow::question::policy::{
    ChangeData, Changed, DataChange, Decide, Decided, Freshness, Posed, PutPolicy, Tier,
};
use flow::{BoxFuture, Clock, Code, Error, Kind, Random, Result, Revisions};
use parking_lot::Mutex;
use policy::{Book, Config, Decider};
use pool::sql::sqlite::{Options, Sqlite};
use pool::sql::{Dialect, Rows, Sql, Statement, Transaction, Turn};
use rego::builtin::World;
use rego::syntax::{self, Edition};
use rego::value::json;
use rego::{Ask, Program, Value};

static AWAY: Code = Code::new(Kind::Busy, "test-away", "The database is away", "ask again");

/// A database that can be away, that counts what it is asked, and in which something can happen
/// between a commit and whoever waits for it.
pub(super) struct Troubled {
    inner: Sqlite,
    pub(super) away: AtomicBool,
    pub(super) queries: AtomicU64,
    pub(super) after_commit: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl Sql for Troubled {
    fn dialect(&self) -> Dialect {
        self.inner.dialect()
    }

    fn query(&self, statement: Statement) -> BoxFuture<'_, Result<Rows>> {
        self.queries.fetch_add(1, Ordering::AcqRel);
        match self.away.load(Ordering::Acquire) {
            true => Box::pin(std::future::ready(Err(AWAY.error("it is away")))),
            false => self.inner.query(statement),
        }
    }

    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<Vec<Rows>>> {
        if self.away.load(Ordering::Acquire) {
            return Box::pin(std::future::ready(Err(AWAY.error("it is away"))));
        }
        Box::pin(async move {
            let done = self.inner.commit(transaction).await;
            let after = self.after_commit.lock().take();
            if let Some(after) = after {
                after.await;
            }
            done
        })
    }

    fn turn(&self) -> BoxFuture<'_, Result<Box<dyn Turn>>> {
        self.inner.turn()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

/// What nodes have in common.
#[derive(Clone)]
pub(super) struct Plane {
    pub(super) sql: Arc<Troubled>,
    pub(super) feed: MemoryFeed,
    pub(super) clock: Clock,
}

/// A node.
pub(super) struct Node {
    pub(super) tenant: Arc<str>,
    pub(super) book: Arc<Book>,
    pub(super) decider: Decider,
    pub(super) revisions: Arc<Revisions>,
    pub(super) clock: Clock,
}

impl Plane {
    pub(super) async fn new() -> Self {
        let clock = Clock::system();
        let inner = Sqlite::open(Options::memory()).await.unwrap();
        let (away, queries, after_commit) = Default::default();
        let sql = Arc::new(Troubled { inner, away, queries, after_commit });
        Self { sql, feed: MemoryFeed::new(clock.clone(), 1024), clock }
    }

    /// A node that hears what the others say.
    pub(super) async fn node(&self) -> Node {
        let node = self.deaf_node().await;
        let listener = Listener {
            feed: Arc::new(self.feed.clone()),
            coherence: Arc::new(Coherence::default()),
            clock: self.clock.clone(),
        };
        let (revisions, mut changes) = (node.revisions.clone(), node.revisions.changes());
        tokio::spawn(listener.run(move |heard| match heard {
            Heard::Notice(Notice::Epoch { tenant, principal }) => {
                revisions.bump(&tenant, principal.as_deref());
            }
            Heard::Notice(_) => {}
            Heard::Lost => revisions.bump_everyone(),
        }));
        changes.changed().await.unwrap();
        node
    }

    /// A node that is told nothing.
    pub(super) async fn deaf_node(&self) -> Node {
        Node::on(self.sql.clone(), &self.feed, &self.clock, Config::default()).await
    }
}

impl Node {
    /// A node on a database, which tells what it does there and is told nothing.
    pub(super) async fn on(
        sql: Arc<dyn Sql>,
        feed: &MemoryFeed,
        clock: &Clock,
        config: Config,
    ) -> Self {
        let revisions = Arc::new(Revisions::default());
        let announcer = Arc::new(Announcer::new(Arc::new(feed.clone()), clock.clone()));
        let book = Book::open(sql, revisions.clone(), announcer, clock.clone(), config.clone());
        let book = Arc::new(book.await.unwrap());
        let decider = Decider::new(book.clone(), config, clock.clone(), Random::system());
        Self { tenant: "main".into(), book, decider, revisions, clock: clock.clone() }
    }

    pub(super) async fn put(&self, id: &str, source: &str) -> Result<(Arc<str>, bool)> {
        let put = PutPolicy { id, source, dry_run: false };
        self.book.put(&self.tenant, &put, "ann", None).await
    }

    pub(super) async fn change(&self, path: &str, change: DataChange<'_>) -> Result<Changed> {
        self.book.change(&self.tenant, &ChangeData { path, change }, None).await
    }

    /// Another decider by the same book.
    pub(super) fn decider(&self, config: Config) -> Decider {
        Decider::new(self.book.clone(), config, self.clock.clone(), Random::system())
    }

    pub(super) async fn decide(&self, path: &str, input: &str) -> Result<Decided> {
        self.decide_at(path, input, Freshness::Any).await
    }

    pub(super) async fn decide_at(
        &self,
        path: &str,
        input: &str,
        freshness: Freshness<'_>,
    ) -> Result<Decided> {
        ask(&self.decider, &self.tenant, path, input, freshness).await
    }

    /// Waits until there is nothing known here that is older than a revision.
    pub(super) async fn hears(&self, revision: &str) {
        let wanted = policy::Revision::parse(revision).unwrap();
        let mut changes = self.revisions.changes();
        let heard = async {
            while self
                .book
                .known(&self.tenant)
                .is_some_and(|edition| !edition.revision().covers(wanted))
            {
                changes.changed().await.unwrap();
            }
        };
        self.clock.within(Duration::from_secs(10), heard).await.unwrap();
    }
}

pub(super) async fn ask(
    decider: &Decider,
    tenant: &Arc<str>,
    path: &str,
    input: &str,
    freshness: Freshness<'_>,
) -> Result<Decided> {
    let text = input.as_bytes();
    let asked = Decide { path, text, posed: Posed::Whole, strict: false, freshness };
    decider.decide(tenant, &asked).wait().await
}

/// The one answer, and who knew it.
pub(super) fn one(decided: &Decided) -> (Option<&str>, Tier) {
    assert_eq!(decided.results.len(), 1);
    let result = decided.results[0].as_deref();
    (result.map(|bytes| std::str::from_utf8(bytes).unwrap()), decided.tier)
}

/// Policies and documents, as whoever changes them knows them.
#[derive(Clone, Default)]
pub(super) struct Known {
    pub(super) policies: BTreeMap<String, String>,
    pub(super) data: String,
}

struct Nothing;

impl World for Nothing {
    fn now(&self) -> i64 {
        0
    }

    fn random(&self) -> u64 {
        0
    }
}

impl Known {
    /// What a program compiled for this one question comes to.
    pub(super) fn fresh(
        &self,
        path: &str,
        input: &str,
    ) -> std::result::Result<Option<String>, String> {
        let module = |(id, source): (&String, &String)| {
            Arc::new(syntax::module(id, source, Edition::V1).unwrap())
        };
        let options = rego::Options { open: true, ..rego::Options::default() };
        let program =
            Program::compile(self.policies.iter().map(module).collect(), options).unwrap();
        let path: Vec<Value> = path.split('/').map(Value::from).collect();
        let input = Some(json::read(input.as_bytes()).unwrap());
        let data = json::read(self.data.as_bytes()).unwrap();
        let ask = Ask { input, data, world: &Nothing, strict: false, steps_max: 1_000_000 };
        let value = program.document(&path, &ask).map_err(|error| error.to_string())?;
        Ok(value.map(|value| json::write(&value)))
    }
}

/// Why something was refused.
pub(super) fn code(error: &Error) -> &'static str {
    error.code().name
}
