//! Refreshing views: by one node, when they are due, and then nothing older is answered.

use std::sync::Arc;
use std::time::Duration;

use flow::feed::Purge;
use flow::signal::{Counter, Histogram, Registry};
use flow::{Code, Kind, Result, Time};
use pool::sql::{Dialect, Statement, Transaction};

use super::{Kept, Refreshed, Shared, State};
use crate::codes::VIEW_BUSY;
use crate::rules::View;

/// How often it is looked what other nodes did.
const LOOK: Duration = Duration::from_secs(60);
/// After a failure the next try waits so long, twice as long each time …
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// … but not longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(900);

/// Another node was faster. Nobody outside ever sees it.
static LATE: Code = Code::new(
    Kind::Conflict,
    "cache-view-late",
    "another node was faster",
    "nothing: it is looked again",
);

/// The lock ends with the transaction, and so with a node that dies.
const LOCK: &str = "SELECT 1 WHERE pg_try_advisory_xact_lock(7400111, hashtext(CAST(?1 AS text)))";

/// Why a view is refreshed.
#[derive(Clone, Copy)]
pub(super) enum Why {
    /// Somebody wants it.
    Told,
    /// It is due, if it was last refreshed then.
    Due(Time),
}

/// How refreshes ended.
pub(super) struct Outcomes {
    done: Arc<Counter>,
    elsewhere: Arc<Counter>,
    failed: Arc<Counter>,
    time: Arc<Histogram>,
}

impl Outcomes {
    pub(super) fn new(registry: &Registry, namespace: &str) -> Self {
        let ended = |result| {
            let labels = [("namespace", namespace), ("result", result)];
            let help = "Refreshes of views by how they ended";
            registry.counter("stockade_cache_view_refreshes_total", help, &labels)
        };
        Self {
            done: ended("done"),
            elsewhere: ended("elsewhere"),
            failed: ended("failed"),
            time: registry.histogram(
                "stockade_cache_view_refresh_seconds",
                "How long views took to be refreshed",
                &[("namespace", namespace)],
            ),
        }
    }
}

impl Shared {
    /// Looks after one view for as long as it is polled.
    pub(super) async fn tend(&self, kept: &Kept) {
        let mut wait = FIRST_WAIT;
        loop {
            match self.look_after(kept).await {
                Ok(rest) => {
                    wait = FIRST_WAIT;
                    self.clock.sleep(rest.min(LOOK)).await;
                }
                Err(_) => {
                    self.clock.sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    /// Does what is due, and says how long nothing is.
    async fn look_after(&self, kept: &Kept) -> Result<Duration> {
        let State { refreshed, purged } = self.state(&kept.view).await?;
        if purged < refreshed {
            // Whoever refreshed it is not done, and may be gone.
            self.purge(kept, refreshed).await?;
        }
        let now = self.clock.now();
        let never = refreshed == Time(0) && kept.view.query.is_some();
        let rest = match &kept.view.schedule {
            _ if never => Duration::ZERO,
            Some(schedule) => schedule.wait(refreshed, now),
            None => LOOK,
        };
        if rest.is_zero() {
            match self.refresh(kept, Why::Due(refreshed)).await {
                Ok(_) => {}
                Err(error) if [&LATE, &VIEW_BUSY].contains(&error.code()) => return Ok(FIRST_WAIT),
                Err(error) => return Err(error),
            }
        }
        Ok(rest)
    }

    /// Refreshes a view, and purges what was made from it.
    pub(super) async fn refresh(&self, kept: &Kept, why: Why) -> Result<Refreshed> {
        let (now, begun) = (self.clock.now(), self.clock.moment());
        let view = &kept.view.name;
        if let Err(error) = self.make_anew(&kept.view, why, now).await {
            if [&LATE, &VIEW_BUSY].contains(&error.code()) {
                kept.outcomes.elsewhere.add(1);
            } else {
                kept.outcomes.failed.add(1);
                tracing::warn!(view, error = %error.story(), "a view was not refreshed, and is as it was");
            }
            return Err(error);
        }
        let took = self.clock.moment().since(begun);
        kept.outcomes.done.add(1);
        kept.outcomes.time.time(took);
        tracing::info!(view, took = ?took, "a view was refreshed");
        let purged = self.purge(kept, now).await?;
        Ok(Refreshed { purged })
    }

    async fn make_anew(&self, view: &View, why: Why, now: Time) -> Result<()> {
        let note = match why {
            Why::Told => "UPDATE cache_view SET refreshed = ?2 WHERE name = ?1",
            Why::Due(_) => {
                "UPDATE cache_view SET refreshed = ?2 WHERE name = ?1 AND refreshed = ?3"
            }
        };
        let mut note = Statement::new(note).bind(&view.name).bind(now);
        if let Why::Due(last) = why {
            note = note.bind(last);
        }
        let mut anew = Transaction::new();
        if self.sql.dialect() == Dialect::Postgres {
            let busy = "another node is refreshing the view";
            anew = anew.run(Statement::new(LOCK).bind(&view.name)).expect_rows(1, &VIEW_BUSY, busy);
        }
        let anew = anew.run(note).expect_rows(1, &LATE, "another node was faster");
        self.sql.commit(anew.script(self.script(view).await?)).await.map(drop)
    }

    async fn script(&self, view: &View) -> Result<String> {
        let View { name, key, query, .. } = view;
        if let (Dialect::Sqlite, Some(query)) = (self.sql.dialect(), query) {
            let index = format!("\"{}_by_key\"", name.trim_matches('"'));
            return Ok(format!(
                "DROP TABLE IF EXISTS {name};\nCREATE TABLE {name} AS {query}\n;\
                 CREATE UNIQUE INDEX {index} ON {name} ({key})"
            ));
        }
        let text = "SELECT relispopulated FROM pg_class WHERE oid = to_regclass(CAST(?1 AS text))";
        let rows = self.sql.query(Statement::new(text).bind(name)).await?;
        let filled = rows.first().map(|row| row.at(0)).transpose()?.unwrap_or(true);
        // One that never had rows is read by nobody.
        let way = if filled { "CONCURRENTLY " } else { "" };
        Ok(format!("REFRESH MATERIALIZED VIEW {way}{name}"))
    }

    /// Purges everything that was made from the view before, and notes that it was done.
    async fn purge(&self, kept: &Kept, refreshed: Time) -> Result<u64> {
        let mut dropped = 0;
        for tenant in (self.tenants)().await? {
            for namespace in &kept.namespaces {
                let values = self.cache.namespace(&tenant, namespace);
                match values.purge(&Purge::All).await {
                    Ok(purged) => dropped += purged.memory,
                    // It is done here, and will be where it is not yet.
                    Err(error) if error.kind() == Kind::Busy => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let text = "UPDATE cache_view SET purged = ?2 WHERE name = ?1 AND purged < ?2";
        let note = Statement::new(text).bind(&kept.view.name).bind(refreshed);
        self.sql.commit(Transaction::new().run(note)).await?;
        Ok(dropped)
    }
}
