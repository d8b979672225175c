//! Namespaces that are filled before anybody asks, when their rules say so.

use std::sync::Arc;

use cache::Cache;
use cache::rules::{At, Warmup};
use flow::Clock;
use pool::sql::Sql;
use tokio::task::JoinSet;

/// Fills them when it is time, until dropped.
pub(super) async fn keep_warm(cache: Cache, sql: Arc<dyn Sql>, clock: Clock) {
    let mut all = JoinSet::new();
    for (namespace, warmup) in cache.warmups() {
        all.spawn(follow(cache.clone(), namespace, warmup, sql.clone(), clock.clone()));
    }
    while all.join_next().await.is_some() {}
}

async fn follow(cache: Cache, namespace: String, warmup: Warmup, sql: Arc<dyn Sql>, clock: Clock) {
    let mut happening = cache.happening();
    loop {
        if let At::Event(_) = &warmup.at {
            match happening.recv().await {
                Ok(happening) if happening.begins(&namespace, &warmup) => {}
                // What was missed may have been this one.
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Ok(_) => continue,
                Err(_) => return,
            }
        }
        warm(&cache, &namespace, &warmup, &sql).await;
        match warmup.at {
            At::Startup => return,
            At::Every(span) => clock.sleep(span).await,
            At::Event(_) => {}
        }
    }
}

async fn warm(cache: &Cache, namespace: &str, warmup: &Warmup, sql: &Arc<dyn Sql>) {
    let values = cache.namespace(&warmup.tenant, namespace);
    let (from, pace) = (warmup.from.clone(), warmup.pace.clone());
    match values.warm(from, Some(sql.clone()), pace) {
        Ok(warming) => {
            let done = warming.finished().await;
            let (loaded, skipped, failed) = (done.loaded, done.skipped, done.failed);
            tracing::info!(namespace, loaded, skipped, failed, "a namespace is warm");
        }
        Err(error) => {
            tracing::warn!(namespace, error = %error.story(), "a namespace cannot be warmed");
        }
    }
}
