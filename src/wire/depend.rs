//! What the cache hears of the ledger and of tables, and drops.
//!
//! One node does it for all. What happened to the ledger meanwhile is found at the next start,
//! by the position that was reached; tables tell nobody who does not listen, so whoever begins
//! to listen drops everything that depends on them.

use std::sync::Arc;
use std::time::Duration;

use cache::depend::{Details, trigger};
use cache::rules::Cause;
use cache::{Cache, Tenants};
use flow::identity::MAIN;
use flow::{Clock, Result};
use ledger::query::{Filter, Query};
use ledger::{Codec, Log, Record};
use pool::kv::{Fence, Kv, SqlKv};
use pool::sql::migrate::{Migration, migrate};
use pool::sql::postgres::{Hearing, Postgres};
use pool::sql::{Sql, Statement, Transaction};
use tokio::sync::watch;

const TABLES: &[Migration] = &[Migration::both(
    1,
    "how far the ledger was followed",
    "CREATE TABLE cache_followed (name TEXT PRIMARY KEY, position BIGINT NOT NULL)",
)];

/// Whoever has the turn loses it when nothing was heard of it for so long.
const TURN: Duration = Duration::from_secs(3);
/// How often others ask for it, and how long whoever has it waits for something to do.
const ROUND: Duration = Duration::from_secs(1);
/// Events that are read at once.
const PAGE: u32 = 200;
/// Positions without an event that is wanted are written down when they are so many.
const IN_VAIN: u64 = 1000;
/// Changes of rows that are told one by one; of more at once, everything is dropped.
const TOLD_MAX: usize = 1000;

/// Everybody whose values there may be.
pub(super) fn tenants(keys: Arc<gate::Keys>) -> Tenants {
    Arc::new(move || {
        let keys = keys.clone();
        Box::pin(async move {
            let mut tenants = keys.tenants().await?;
            if !tenants.iter().any(|tenant| tenant == MAIN) {
                tenants.push(MAIN.to_owned());
            }
            Ok(tenants)
        })
    })
}

/// What is needed to follow.
pub(super) struct Follower {
    pub(super) cache: Cache,
    pub(super) log: Log,
    pub(super) sql: Arc<dyn Sql>,
    pub(super) server: Option<Arc<Postgres>>,
    pub(super) tenants: Tenants,
    pub(super) clock: Clock,
}

impl Follower {
    /// Makes sure that tables tell, and of where the ledger is to be followed from.
    pub(super) async fn open(self) -> Result<Following> {
        for (table, trigger) in self.cache.tables() {
            trigger::prepare(&*self.sql, table, &trigger).await?;
        }
        if self.cache.awaited().is_empty() && self.cache.tables().is_empty() {
            return Ok(Following(None));
        }
        let turns = SqlKv::open(self.sql.clone(), "cache-turns", self.clock.clone()).await?;
        if !self.cache.awaited().is_empty() {
            migrate(&*self.sql, &self.clock, "cache-followed", TABLES).await?;
            let text = "INSERT INTO cache_followed VALUES ('events', ?1) ON CONFLICT DO NOTHING";
            let begin = Statement::new(text).bind(signed(self.log.size()));
            self.sql.commit(Transaction::new().run(begin)).await?;
        }
        Ok(Following(Some(Leader { parts: self, turns })))
    }
}

/// Follows what the cache depends on, where it depends on something.
pub(super) struct Following(Option<Leader>);

impl Following {
    /// Follows for as long as it is polled.
    pub(super) async fn run(self) {
        if let Self(Some(leader)) = self {
            tokio::join!(leader.follow_events(), leader.follow_tables());
        }
    }
}

/// Follows, when it is this node's turn.
struct Leader {
    parts: Follower,
    turns: SqlKv,
}

impl Leader {
    async fn follow_events(&self) {
        if self.parts.cache.awaited().is_empty() {
            return;
        }
        let mut end = self.parts.log.end();
        loop {
            let Ok(Some(turn)) = self.turns.lease(b"events", TURN).await else {
                self.parts.clock.sleep(ROUND).await;
                continue;
            };
            let mut seen = None;
            while self.turns.renew(b"events", turn, TURN).await.unwrap_or(false) {
                match self.some_events(&mut end, seen).await {
                    Ok(at) => seen = Some(at),
                    Err(error) => {
                        tracing::warn!(error = %error.story(), "the cache cannot follow the ledger");
                        seen = None;
                        self.parts.clock.sleep(ROUND).await;
                    }
                }
            }
        }
    }

    /// Does what the next events mean, or waits for some; how far it has come.
    async fn some_events(&self, end: &mut watch::Receiver<u64>, seen: Option<u64>) -> Result<u64> {
        let Follower { cache, log, clock, .. } = &self.parts;
        let kept = self.position().await?;
        let at = seen.unwrap_or(kept).max(kept);
        let size = *end.borrow_and_update();
        if at == size {
            clock.within(ROUND, end.changed()).await;
            return Ok(at);
        }
        if at > size && log.root(at).await.is_err() {
            return self.begin_anew(kept, size).await;
        }
        let kinds = cache.awaited().into_iter().map(str::to_owned).collect();
        let filter = Filter { kinds, ..Filter::default() };
        let (from, as_of) = (Some(at + 1), Some(size));
        let page = log.read(Query { from, as_of, limit: PAGE, filter, ..Query::default() }).await?;
        for event in &page.events {
            let cause = Cause::Event(event.kind().into());
            cache.happened(event.tenant(), &cause, None, &details(event)).await;
        }
        let next = page.next.map_or(size, |next| next - 1);
        if !page.events.is_empty() || next - kept >= IN_VAIN {
            self.reach(kept, next).await?;
        }
        Ok(next)
    }

    /// The log was set back, and what is known of it is of another one.
    async fn begin_anew(&self, kept: u64, size: u64) -> Result<u64> {
        tracing::warn!(kept, size, "the ledger was set back: what depends on it is dropped");
        for event in self.parts.cache.awaited() {
            self.everywhere(&Cause::Event(event.into()), &Details::default()).await?;
        }
        self.reach(kept, size).await?;
        Ok(size)
    }

    async fn position(&self) -> Result<u64> {
        let text = "SELECT position FROM cache_followed WHERE name = 'events'";
        self.parts.sql.query(Statement::new(text)).await?.only()?.at(0)
    }

    /// Notes how far it has come, unless somebody else has come further.
    async fn reach(&self, from: u64, to: u64) -> Result<()> {
        let text =
            "UPDATE cache_followed SET position = ?2 WHERE name = 'events' AND position = ?1";
        let note = Statement::new(text).bind(signed(from)).bind(signed(to));
        self.parts.sql.commit(Transaction::new().run(note)).await.map(drop)
    }

    async fn follow_tables(&self) {
        let Some(server) = &self.parts.server else { return };
        if self.parts.cache.tables().is_empty() {
            return;
        }
        loop {
            let Ok(Some(turn)) = self.turns.lease(b"tables", TURN).await else {
                self.parts.clock.sleep(ROUND).await;
                continue;
            };
            if let Err(error) = self.listen(server, turn).await {
                tracing::warn!(error = %error.story(), "the cache cannot hear of tables");
                self.parts.clock.sleep(ROUND).await;
            }
        }
    }

    /// Hears of tables until the turn or the connection is lost.
    async fn listen(&self, server: &Postgres, turn: Fence) -> Result<()> {
        let mut hearing = server.hear(trigger::CHANNEL).await?;
        self.all_tables().await?;
        while self.turns.renew(b"tables", turn, TURN).await? {
            self.hear(&mut hearing).await?;
        }
        Ok(())
    }

    async fn hear(&self, hearing: &mut Hearing) -> Result<()> {
        let told = hearing.next().await?;
        if told.len() > TOLD_MAX {
            return self.all_tables().await;
        }
        for (table, details) in told.iter().filter_map(|told| trigger::read(told)) {
            self.everywhere(&Cause::Table(table.into()), &details).await?;
        }
        Ok(())
    }

    /// Any row of any table may have changed.
    async fn all_tables(&self) -> Result<()> {
        for (table, _) in self.parts.cache.tables() {
            self.everywhere(&Cause::Table(table.into()), &Details::default()).await?;
        }
        Ok(())
    }

    /// Tables and logs that were set back know of no tenant.
    async fn everywhere(&self, cause: &Cause, details: &Details) -> Result<()> {
        for tenant in (self.parts.tenants)().await? {
            self.parts.cache.happened(&tenant, cause, None, details).await;
        }
        Ok(())
    }
}

/// What is known of an event: what it says, and then what every event says.
fn details(event: &Record) -> Details {
    let document = event.payload.as_ref().filter(|_| event.codec == Codec::Json);
    let document = document.and_then(|bytes| serde_json::from_slice(bytes).ok());
    let details = document.map(|document| Details::of_json(&document)).unwrap_or_default();
    let known = details.with("stream", event.stream()).with("path", event.path());
    known.with("actor", event.actor()).with("correlation", event.correlation())
}

fn signed(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}
