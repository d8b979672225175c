//! The log in a database, where many nodes append to one.
//!
//! Every event is a row of `log_event`: its header and body as they are hashed, and
//! beside them what is asked for, in columns with indexes. Texts are kept as bytes, for
//! those sort as bytes and may hold what PostgreSQL's text may not. `log_tree` has the
//! hashes of every eighth level of the tree, `log_head` one row: where the log ends.
//!
//! A node decides by what it knows of the head: positions, versions, hashes. Its
//! transaction begins by moving the head from there, which locks that row until the
//! commit and does nothing where another node has moved it meanwhile; the rows behind it
//! are written only if it was moved. So a group of appends costs one round trip, positions
//! have no holes and are seen in order, and whoever decided by an old head decides again.
//! So that no node has to do that forever, one that came too late takes the next turn for
//! itself.
//!
//! What waits while a group is written is the next group. A task of its own writes them:
//! an append whose caller has gone is appended once all the same.

mod commit;
mod head;
mod key;
mod plan;
mod queue;
mod read;
mod rows;
mod schema;
mod tree;
mod watch;

use std::sync::Arc;

use flow::{BoxFuture, Clock, Random, Result};
use pool::sql::Sql;
use tokio::sync::watch::Receiver;

use self::commit::Committer;
use self::queue::Queue;
use self::watch::Watch;
use crate::event::{self, Append, Appended};
use crate::keep::{Evidence, Keep};
use crate::proof::{Hash, Signer};
use crate::query::{Page, Query};

/// How many events may wait for the database.
const WAITING: usize = 20_000;

/// A log in a database. What it does on its own ends when it is dropped.
pub struct Log {
    sql: Arc<dyn Sql>,
    queue: Arc<Queue>,
    watch: Arc<Watch>,
    signer: Signer,
}

impl Log {
    /// Opens the log in a database, with its tables made if they are missing.
    ///
    /// # Errors
    /// When the database cannot be reached, or holds something else under these names.
    pub async fn open(sql: Arc<dyn Sql>, clock: Clock, random: Random) -> Result<Self> {
        Self::with_room(sql, clock, random, WAITING).await
    }

    /// Opens it with room for so many events that wait.
    ///
    /// # Errors
    /// When the database cannot be reached, or holds something else under these names.
    pub async fn with_room(
        sql: Arc<dyn Sql>,
        clock: Clock,
        random: Random,
        waiting: usize,
    ) -> Result<Self> {
        schema::make(&*sql, &clock).await?;
        let signer = key::signer(&*sql, &clock, &random).await?;
        let head = head::read(&*sql).await?;
        let queue = Arc::new(Queue::new(waiting));
        let watch = Arc::new(Watch::new(head.size()));
        let committer =
            Committer::new(sql.clone(), clock.clone(), random, queue.clone(), watch.clone());
        tokio::spawn(committer.run());
        tokio::spawn(watch.clone().run(sql.clone(), clock));
        Ok(Self { sql, queue, watch, signer })
    }
}

impl Keep for Log {
    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Vec<Appended>>> {
        let queued = event::check(&batch).and_then(|()| self.queue.push(batch));
        Box::pin(async move { queued?.answer().await })
    }

    fn read(&self, query: Query) -> BoxFuture<'_, Result<Page>> {
        Box::pin(async move { read::page(&*self.sql, &query).await })
    }

    fn version<'a>(&'a self, tenant: &'a str, stream: &'a str) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let streams = [(tenant.to_owned(), stream.to_owned())];
            let versions = rows::versions(&*self.sql, &streams).await?;
            Ok(versions.first().copied().unwrap_or(0))
        })
    }

    fn end(&self) -> Receiver<u64> {
        self.watch.subscribe()
    }

    fn signer(&self) -> &Signer {
        &self.signer
    }

    fn evidence(
        &self,
        from: u64,
        limit: u32,
        bytes: usize,
    ) -> BoxFuture<'_, Result<Vec<Evidence>>> {
        Box::pin(async move { rows::evidence(&*self.sql, from, limit, bytes).await })
    }

    fn root(&self, size: u64) -> BoxFuture<'_, Result<Hash>> {
        Box::pin(async move { tree::root(&*self.sql, size).await })
    }

    fn inclusion(&self, position: u64, size: u64) -> BoxFuture<'_, Result<Vec<Hash>>> {
        Box::pin(async move { tree::inclusion(&*self.sql, position, size).await })
    }

    fn consistency(&self, old: u64, new: u64) -> BoxFuture<'_, Result<Vec<Hash>>> {
        Box::pin(async move { tree::consistency(&*self.sql, old, new).await })
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.queue.close();
        self.watch.close();
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Log")
    }
}
