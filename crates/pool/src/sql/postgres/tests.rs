//! With a real server, and without one.

use std::sync::Arc;

use super::*;
use crate::sql::conformance;

async fn open(url: &str) -> Arc<Postgres> {
    Arc::new(Postgres::open(Options::url(url)).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    let Some(server) = engines::postgres() else { return };
    let (near, far) = tokio::join!(open(server.url()), open(server.url()));
    conformance::run(near.clone(), far.clone()).await;
    near.close().await;
    far.close().await;
}
