//! What is notified on a channel.

use std::sync::Arc;
use std::time::Duration;

use flow::{Clock, Result};
use tokio_postgres::Client;

use super::Postgres;
use super::meaning::Problem;
use super::server::Aside;
use crate::sql::codes;

/// How often it is asked whether the server is there, when nothing is heard.
const ROUND: Duration = Duration::from_secs(1);
/// After so long without an answer it is taken for gone.
const SILENCE: Duration = Duration::from_secs(3);

/// What is notified on a channel from the moment this was opened, until the connection is lost.
/// What is notified while nobody listens is heard by nobody.
pub struct Hearing {
    client: Client,
    aside: Arc<Aside>,
    clock: Clock,
}

impl Postgres {
    /// Listens on a channel, on a connection of its own.
    pub async fn hear(&self, channel: &'static str) -> Result<Hearing> {
        let (client, aside) = self.server.session().await?;
        let listening = client.batch_execute(&format!("LISTEN {channel}")).await;
        listening.map_err(|cause| Problem::of(&cause).error)?;
        Ok(Hearing { client, aside, clock: self.clock.clone() })
    }
}

impl Hearing {
    /// What was notified, in order; nothing, once a second, where nothing was.
    ///
    /// # Errors
    /// When something may have been missed: whoever wants to go on listens anew.
    pub async fn next(&mut self) -> Result<Vec<String>> {
        let told = self.clock.within(ROUND, self.aside.told()).await;
        let (words, lost) = self.aside.words();
        if lost {
            return Err(codes::LOST.error("more was notified than could be read"));
        }
        if !words.is_empty() || (told.is_some() && !self.client.is_closed()) {
            return Ok(words);
        }
        match self.clock.within(SILENCE, self.client.check_connection()).await {
            Some(Ok(())) => Ok(words),
            Some(Err(cause)) => Err(Problem::of(&cause).error),
            None => Err(codes::LOST.error("the database does not answer")),
        }
    }
}

impl std::fmt::Debug for Hearing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hearing")
    }
}
