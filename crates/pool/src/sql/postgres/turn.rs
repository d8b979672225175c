//! Who drains the outbox: whoever holds a lock of the server's.

use std::sync::Arc;
use std::time::Duration;

use flow::{BoxFuture, Clock, Result};
use tokio_postgres::Client;

use super::meaning::Problem;
use super::server::{Aside, Server};
use crate::sql::{Turn, codes};

/// The lock ends with the session that holds it, so a node that dies gives it up.
const LOCK: &str = "SELECT pg_try_advisory_lock(7400101)";

/// How often to ask for the turn, and, with the turn, to look without being told.
const ROUND: Duration = Duration::from_secs(1);

/// After so long without an answer the session, and the lock, are taken for lost.
const SILENCE: Duration = Duration::from_secs(3);

/// Waits until nobody else drains.
pub(super) async fn wait_for(server: &Server, clock: &Clock) -> Result<Box<dyn Turn>> {
    let (client, aside) = server.session().await?;
    while !take(&client).await? {
        clock.sleep(ROUND).await;
    }
    let listening = client.batch_execute("LISTEN stockade_outbox").await;
    listening.map_err(|cause| Problem::of(&cause).error)?;
    Ok(Box::new(Held { client, aside, clock: clock.clone() }))
}

async fn take(client: &Client) -> Result<bool> {
    let row = client.query_one(LOCK, &[]).await.map_err(|cause| Problem::of(&cause).error)?;
    row.try_get(0).map_err(|cause| Problem::of(&cause).error)
}

struct Held {
    client: Client,
    aside: Arc<Aside>,
    clock: Clock,
}

impl Turn for Held {
    fn wait(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            if self.clock.within(ROUND, self.aside.told()).await.is_some()
                && !self.client.is_closed()
            {
                return Ok(());
            }
            match self.clock.within(SILENCE, self.client.check_connection()).await {
                Some(Ok(())) => Ok(()),
                Some(Err(cause)) => Err(Problem::of(&cause).error),
                None => Err(codes::LOST.error("the database does not answer")),
            }
        })
    }
}
