//! Who is kept out for a while.
//!
//! A block ends by itself. Whoever earns another is kept out for longer, and after a while
//! without one a step less is remembered. Blocks are in memory, where requests are held to
//! them, and in SQL, for a restart and for other nodes.

mod kept;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use flow::feed::{Announcer, Notice};
use flow::identity::MAIN;
use flow::question::guard::BlockInfo;
use flow::signal::{Counter, Registry};
use flow::{Clock, Fact, Outcome, Random, Request, Result, Time};
use parking_lot::RwLock;
use pool::sql::Sql;
use tokio::sync::Notify;

use super::config::Blocking;

/// How often blocks that are over and forgotten are swept out, and what other nodes say is read
/// even if it was not heard.
const TEND_EVERY: Duration = Duration::from_secs(30);

/// Who is kept out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A principal of a tenant, as facts name it.
    Principal(Arc<str>, Arc<str>),
    /// Whoever comes from an address (IPv6: a /64), where rates count.
    Address(IpAddr),
    /// Whoever comes from there and was not recognised before.
    Stranger(IpAddr),
}

/// One that is kept out, or was not long ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its public id.
    pub id: String,
    /// Who.
    pub subject: Subject,
    /// Why: the code of the refusal.
    pub cause: String,
    /// How many blocks are remembered, this one included.
    pub level: u32,
    /// Since when.
    pub begun: Time,
    /// Until when.
    pub until: Time,
}

/// All of them.
pub struct Blocks {
    config: Blocking,
    held: RwLock<HashMap<Subject, Held>>,
    /// Whether there are any, for those who look often.
    any: AtomicBool,
    sql: Arc<dyn Sql>,
    announcer: Arc<Announcer>,
    clock: Clock,
    random: Random,
    doubted: Notify,
    begun: Arc<Counter>,
}

impl Blocks {
    /// The blocks in this database.
    pub async fn open(
        config: Blocking,
        sql: Arc<dyn Sql>,
        announcer: Arc<Announcer>,
        (clock, random): (Clock, Random),
        registry: &Registry,
    ) -> Result<Self> {
        kept::prepare(&*sql, &clock).await?;
        let help = "Callers and addresses that were kept out for a while";
        let blocks = Self {
            config,
            held: RwLock::default(),
            any: AtomicBool::new(false),
            sql,
            announcer,
            clock,
            random,
            doubted: Notify::new(),
            begun: registry.counter("stockade_gate_blocks_total", help, &[]),
        };
        blocks.read().await?;
        Ok(blocks)
    }

    /// How much longer this one is kept out.
    pub fn holds(&self, subject: impl FnOnce() -> Option<Subject>) -> Option<Duration> {
        if !self.any.load(Relaxed) {
            return None;
        }
        let until = self.held.read().get(&subject()?)?.block.until;
        Some(until.since(self.clock.now())).filter(|rest| !rest.is_zero())
    }

    /// Keeps somebody out: at once here, and on disk and on other nodes when this answers.
    /// Whoever is kept out already stays so until the same time.
    pub async fn begin(&self, subject: Subject, cause: &str, request: &Request<'_>) {
        self.begin_for(subject, cause, None, request).await;
    }

    /// The same for at least so long.
    pub(crate) async fn begin_for(
        &self,
        subject: Subject,
        cause: &str,
        least: Option<Duration>,
        request: &Request<'_>,
    ) {
        let Some(block) = self.hold(subject, cause, least) else { return };
        self.begun.add(1);
        let name = block.subject.name();
        tracing::warn!(subject = name, level = block.level, until = %block.until, cause, "kept out");
        let fact = self.fact(&block, request);
        if let Err(error) = kept::write(&*self.sql, &block, fact).await {
            tracing::error!(error = %error.story(), "a block is kept in memory only");
            return;
        }
        if let Some(held) = self.held.write().get_mut(&block.subject) {
            held.written = true;
        }
        if let Err(error) = self.announcer.announce(Notice::Blocks).await {
            tracing::warn!(error = %error.story(), "other nodes hear of a block later");
        }
    }

    /// The tenant's blocks that hold, in the order of their ids, behind `after`.
    pub async fn list(&self, tenant: &str, after: &str, limit: u32) -> Result<Vec<BlockInfo>> {
        kept::list(&*self.sql, tenant, after, limit, self.clock.now()).await
    }

    /// Ends a block, and forgets that it was; `false` when there is none.
    pub async fn lift(&self, tenant: &str, id: &str, fact: Option<Fact>) -> Result<bool> {
        if !kept::lift(&*self.sql, tenant, id, fact).await? {
            return Ok(false);
        }
        self.held.write().retain(|_, held| held.block.id != id);
        self.announcer.announce(Notice::Blocks).await?;
        Ok(true)
    }

    /// Blocks changed elsewhere, or may have.
    pub fn doubt(&self) {
        self.doubted.notify_one();
    }

    /// Hears of other nodes' blocks and forgets what is over, for as long as it is polled.
    pub async fn tend(&self) {
        loop {
            self.clock.within(TEND_EVERY, self.doubted.notified()).await;
            if let Err(error) = self.read().await {
                tracing::warn!(error = %error.story(), "blocks of other nodes are not known");
            }
        }
    }

    /// Takes what is kept for what there is.
    async fn read(&self) -> Result<()> {
        let now = self.clock.now();
        kept::sweep(&*self.sql, self.forgotten(now)).await?;
        let rows = kept::read(&*self.sql, self.config.blocks_max).await?;
        let mut held = self.held.write();
        // What could not be written is known here alone.
        held.retain(|_, held| !held.written && held.block.until > now);
        for block in rows {
            held.insert(block.subject.clone(), Held { block, written: true });
        }
        self.any.store(!held.is_empty(), Relaxed);
        Ok(())
    }

    /// Keeps somebody out here, unless they are already.
    fn hold(&self, subject: Subject, cause: &str, least: Option<Duration>) -> Option<Block> {
        let now = self.clock.now();
        let mut held = self.held.write();
        let before = held.get(&subject).map(|held| &held.block);
        if before.is_some_and(|block| block.until > now) {
            return None;
        }
        let level = 1 + before.map_or(0, |block| self.remembered(block, now));
        let length = self.length(level).max(least)?;
        if held.len() >= self.config.blocks_max {
            let first = held.values().min_by_key(|held| held.block.until);
            let first = first.map(|held| held.block.subject.clone())?;
            held.remove(&first);
        }
        let (id, cause) = (self.random.id(now).to_string(), cause.to_owned());
        let until = now.after(length);
        let block = Block { id, subject: subject.clone(), cause, level, begun: now, until };
        held.insert(subject, Held { block: block.clone(), written: false });
        self.any.store(true, Relaxed);
        Some(block)
    }

    fn length(&self, level: u32) -> Option<Duration> {
        let lengths = &self.config.lengths;
        lengths.get(level as usize - 1).or(lengths.last()).map(|length| length.0)
    }

    /// How many blocks are remembered of one that is over.
    fn remembered(&self, block: &Block, now: Time) -> u32 {
        let good = now.since(block.until).as_nanos() / self.config.forget_after.0.as_nanos().max(1);
        block.level.saturating_sub(u32::try_from(good).unwrap_or(u32::MAX))
    }

    /// What was over before this is not remembered, whatever its level.
    fn forgotten(&self, now: Time) -> Time {
        let steps = u32::try_from(self.config.lengths.len()).unwrap_or(u32::MAX);
        let kept = self.config.forget_after.0.saturating_mul(steps);
        Time(now.0.saturating_sub(u64::try_from(kept.as_nanos()).unwrap_or(u64::MAX)))
    }

    fn fact(&self, block: &Block, request: &Request<'_>) -> Fact {
        Fact {
            id: self.random.id(block.begun),
            at: block.begun,
            request: request.id,
            tenant: block.subject.tenant().into(),
            actor: "system:gate".into(),
            door: request.door.name().into(),
            action: "block.begin".into(),
            resource: format!("block/{}", block.subject.name()),
            outcome: Outcome::Done,
            reason: Some(block.cause.clone().into()),
            count: 1,
            detail: serde_json::json!({
                "block": block.id, "level": block.level, "until": block.until,
            })
            .into(),
        }
    }
}

/// A block, and whether it is on disk.
#[derive(Debug)]
struct Held {
    block: Block,
    written: bool,
}

impl Subject {
    /// Whose administrators see and lift the block: addresses are those of the main tenant.
    pub(crate) fn tenant(&self) -> &str {
        match self {
            Subject::Principal(tenant, _) => tenant,
            Subject::Address(_) | Subject::Stranger(_) => MAIN,
        }
    }

    /// What it is.
    const fn kind(&self) -> &'static str {
        match self {
            Subject::Principal(..) => "principal",
            Subject::Address(_) => "address",
            Subject::Stranger(_) => "stranger",
        }
    }

    /// What it is and which.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.kind(), self.which())
    }

    fn which(&self) -> String {
        match self {
            Subject::Principal(_, actor) => actor.to_string(),
            Subject::Address(address) | Subject::Stranger(address) => address.to_string(),
        }
    }
}

impl std::fmt::Debug for Blocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blocks({})", self.held.read().len())
    }
}

#[cfg(test)]
#[path = "block/tests.rs"]
mod tests;
