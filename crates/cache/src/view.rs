//! Values that are rows of a database, of a query or of a view that is refreshed.

mod made;
mod refresh;
mod row;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use flow::signal::Registry;
use flow::{BoxFuture, Clock, Result, Time};
use pool::sql::migrate::{Migration, migrate};
use pool::sql::{Sql, Statement};

use crate::cache::Cache;
use crate::codes::NO_VIEW;
use crate::rules::{self, Rows};
use refresh::{Outcomes, Why};
pub(crate) use row::source;

/// One row per view, so that the nodes know of each other when it was refreshed, and whether
/// what came of it before was purged.
const TABLES: &[Migration] = &[Migration::both(
    1,
    "views",
    "CREATE TABLE cache_view (
        name TEXT PRIMARY KEY,
        query TEXT NOT NULL,
        refreshed BIGINT NOT NULL,
        purged BIGINT NOT NULL
    )",
)];

/// Whose values there may be.
pub type Tenants = Arc<dyn Fn() -> BoxFuture<'static, Result<Vec<String>>> + Send + Sync>;

/// The views whose rows are values of a cache. Clones are the same views.
#[derive(Clone)]
pub struct Views(Arc<Shared>);

struct Shared {
    cache: Cache,
    sql: Arc<dyn Sql>,
    tenants: Tenants,
    clock: Clock,
    /// By the name of the view.
    views: BTreeMap<String, Kept>,
}

/// A view, and the namespaces whose values are its rows.
struct Kept {
    view: Arc<rules::View>,
    namespaces: Vec<Box<str>>,
    outcomes: Outcomes,
}

/// What the nodes know of a view.
struct State {
    refreshed: Time,
    purged: Time,
}

/// What a refresh on demand did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refreshed {
    /// Values dropped from the memory of this node.
    pub purged: u64,
}

impl Views {
    /// The views that the rules of a cache name. Their queries are tried, and what a refresh
    /// needs is made where that is wanted.
    ///
    /// # Errors
    /// When a query cannot be run, or a view cannot be refreshed; what to do is said.
    pub async fn open(
        cache: &Cache,
        sql: Arc<dyn Sql>,
        tenants: Tenants,
        clock: Clock,
        registry: &Registry,
    ) -> Result<Self> {
        let mut views = BTreeMap::new();
        for (namespace, rules) in cache.rules() {
            match &rules.rows {
                None => {}
                Some(Rows::Query(query)) => row::attempt(&*sql, namespace, query).await?,
                Some(Rows::View(view)) => {
                    let kept = views.entry(view.name.clone()).or_insert_with(|| Kept {
                        view: view.clone(),
                        namespaces: Vec::new(),
                        outcomes: Outcomes::new(registry, namespace),
                    });
                    kept.namespaces.push(namespace.clone());
                }
            }
        }
        if !views.is_empty() {
            migrate(&*sql, &clock, "cache-view", TABLES).await?;
        }
        for kept in views.values() {
            made::prepare(&*sql, &kept.view).await?;
        }
        let cache = cache.clone();
        Ok(Self(Arc::new(Shared { cache, sql, tenants, clock, views })))
    }

    /// Makes known what views count, without one: for a reference.
    pub fn declare(registry: &Registry) {
        let _ = Outcomes::new(registry, "other");
    }

    /// Refreshes the view of a namespace, and purges what was made from it, everywhere.
    ///
    /// # Errors
    /// When the namespace has none, another node is at it, or it fails: then all is as before.
    pub async fn refresh(&self, namespace: &str) -> Result<Refreshed> {
        let of = |kept: &&Kept| kept.namespaces.iter().any(|name| **name == *namespace);
        let none = || NO_VIEW.error(format!("the values of `{namespace}` come from no view"));
        let kept = self.0.views.values().find(of).ok_or_else(none)?;
        self.0.refresh(kept, Why::Told).await
    }

    /// Refreshes views when they are due, for as long as it is polled.
    pub async fn run(&self) {
        let all = self.0.views.values().map(|kept| self.0.tend(kept));
        futures_util::future::join_all(all).await;
    }
}

impl Shared {
    async fn state(&self, view: &rules::View) -> Result<State> {
        let text = "SELECT refreshed, purged FROM cache_view WHERE name = ?1";
        let rows = self.sql.query(Statement::new(text).bind(&view.name)).await?;
        let row = rows.only()?;
        Ok(State { refreshed: row.at(0)?, purged: row.at(1)? })
    }
}

impl std::fmt::Debug for Views {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.views.keys()).finish()
    }
}
