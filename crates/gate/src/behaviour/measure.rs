//! Measures: what was taken against a principal for a while.
//!
//! As with blocks, they are held to from memory, and are in SQL for a restart and for other
//! nodes. Blocks themselves are kept where all blocks are.

mod kept;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use flow::feed::{Announcer, Notice};
use flow::question::guard::MeasureInfo;
use flow::{Clock, Fact, Identity, Result, Time};
use parking_lot::RwLock;
use pool::sql::Sql;
use tokio::sync::Notify;

use super::config::Take;

/// How often those that are over are swept out, and what other nodes say is read even if it
/// was not heard.
const TEND_EVERY: Duration = Duration::from_secs(30);
/// So many are held to at a time; beyond, those that end last stay.
const MEASURES_MAX: u32 = 10_000;

/// One measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Measure {
    pub(super) id: String,
    pub(super) tenant: Arc<str>,
    /// Against whom, as facts name them.
    pub(super) actor: Arc<str>,
    pub(super) take: Take,
    /// The playbook that says so.
    pub(super) playbook: String,
    pub(super) why: String,
    pub(super) begun: Time,
    pub(super) until: Time,
}

/// All of them.
pub(crate) struct Measures {
    held: RwLock<HashMap<Arc<str>, Vec<Measure>>>,
    /// Whether there are any, for those who look often.
    any: AtomicBool,
    sql: Arc<dyn Sql>,
    announcer: Arc<Announcer>,
    clock: Clock,
    doubted: Notify,
}

impl Measures {
    /// The measures in this database.
    pub(super) async fn open(
        sql: Arc<dyn Sql>,
        announcer: Arc<Announcer>,
        clock: Clock,
    ) -> Result<Self> {
        kept::prepare(&*sql, &clock).await?;
        let (held, any) = (RwLock::default(), AtomicBool::new(false));
        let measures = Self { held, any, sql, announcer, clock, doubted: Notify::new() };
        measures.read().await?;
        Ok(measures)
    }

    /// Whether there are any.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Relaxed)
    }

    /// Whether this was taken against them, and how much longer it holds.
    pub(crate) fn holds(&self, identity: &Identity, take: Take) -> Option<Duration> {
        if !self.any() {
            return None;
        }
        let held = self.held.read();
        let theirs = held.get(&*identity.actor)?;
        let now = self.clock.now();
        let same = |measure: &&Measure| measure.take == take && measure.tenant == identity.tenant;
        let until = theirs.iter().filter(same).map(|measure| measure.until).max()?;
        Some(until.since(now)).filter(|rest| !rest.is_zero())
    }

    /// Takes one, unless it is taken already; whether it was. It holds here at once, and is on
    /// disk and told to other nodes when this answers.
    pub(super) async fn take(&self, measure: Measure, fact: Fact) -> Result<bool> {
        let now = self.clock.now();
        let same = |known: &Measure| {
            known.take == measure.take && known.tenant == measure.tenant && known.until > now
        };
        {
            let mut held = self.held.write();
            let theirs = held.entry(measure.actor.clone()).or_default();
            if theirs.iter().any(same) {
                return Ok(false);
            }
            theirs.push(measure.clone());
            self.any.store(true, Relaxed);
        }
        kept::write(&*self.sql, &measure, fact).await?;
        self.announcer.announce(Notice::Blocks).await?;
        Ok(true)
    }

    /// The tenant's measures that hold, in the order of their ids, behind `after`.
    pub(super) async fn list(
        &self,
        tenant: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<MeasureInfo>> {
        kept::list(&*self.sql, tenant, after, limit, self.clock.now()).await
    }

    /// Undoes one; `false` when there is none.
    pub(super) async fn undo(&self, tenant: &str, id: &str, fact: Option<Fact>) -> Result<bool> {
        if !kept::undo(&*self.sql, tenant, id, fact).await? {
            return Ok(false);
        }
        self.forget(|measure| measure.id == id).await?;
        Ok(true)
    }

    /// They showed what was asked of them.
    pub(super) async fn satisfied(&self, identity: &Identity, fact: Option<Fact>) -> Result<()> {
        let (tenant, actor) = (&identity.tenant, &identity.actor);
        kept::satisfied(&*self.sql, tenant, actor, fact).await?;
        let theirs = |measure: &Measure| {
            measure.take == Take::StepUp && measure.actor == *actor && measure.tenant == *tenant
        };
        self.forget(theirs).await
    }

    async fn forget(&self, which: impl Fn(&Measure) -> bool) -> Result<()> {
        {
            let mut held = self.held.write();
            held.values_mut().for_each(|theirs| theirs.retain(|measure| !which(measure)));
            held.retain(|_, theirs| !theirs.is_empty());
            self.any.store(!held.is_empty(), Relaxed);
        }
        self.announcer.announce(Notice::Blocks).await
    }

    /// Measures changed elsewhere, or may have.
    pub(super) fn doubt(&self) {
        self.doubted.notify_one();
    }

    /// Hears of other nodes' measures and forgets what is over, for as long as it is polled.
    pub(super) async fn tend(&self) {
        loop {
            self.clock.within(TEND_EVERY, self.doubted.notified()).await;
            if let Err(error) = self.read().await {
                tracing::warn!(error = %error.story(), "measures of other nodes are not known");
            }
        }
    }

    /// Takes what is kept for what there is.
    pub(super) async fn read(&self) -> Result<()> {
        kept::sweep(&*self.sql, self.clock.now()).await?;
        let rows = kept::read(&*self.sql, MEASURES_MAX).await?;
        let mut all: HashMap<Arc<str>, Vec<Measure>> = HashMap::new();
        for measure in rows {
            all.entry(measure.actor.clone()).or_default().push(measure);
        }
        let mut held = self.held.write();
        *held = all;
        self.any.store(!held.is_empty(), Relaxed);
        Ok(())
    }
}

impl std::fmt::Debug for Measures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Measures({})", self.held.read().len())
    }
}
