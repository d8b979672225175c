//! The log, wherever it is kept.

use std::sync::Arc;

use flow::{BoxStream, Clock, Random, Result, Time};
use pool::sql::Sql;
use tokio::sync::watch;

use crate::codes::INVALID;
use crate::disk::{self, Disk};
use crate::event::{Append, Appended, Record};
use crate::follow;
use crate::keep::{Evidence, Keep};
use crate::proof::{Bundle, Checkpoint, Earlier, Hash, Included, Signer, Verifier};
use crate::query::{Filter, Page, Query};
use crate::sql;
use crate::wait::wait;

/// The bytes of the events of one proof, which is made in memory.
const PROOF_BYTES: usize = 16 << 20;

/// A log of events. Clones are the same log.
///
/// ```
/// use ledger::query::{Filter, Query};
/// use ledger::{Append, Event, Expected, Log, disk};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let folder = tempfile::tempdir()?;
/// let log = Log::on_disk(disk::Options::new(folder.path()))?;
/// let placed = Event::json("order.placed", &serde_json::json!({"total": 12}))?;
/// let append = Append::to("orders-7").expecting(Expected::Empty).event(placed);
/// let appended = log.append(append).await?;
/// assert_eq!((appended.first, appended.version), (1, 1));
///
/// let filter = Filter { stream: Some("orders-7".into()), ..Filter::default() };
/// let page = log.read(Query { filter, ..Query::default() }).await?;
/// assert_eq!(page.events[0].kind(), "order.placed");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Log(Arc<dyn Keep>);

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Log")
    }
}

impl Log {
    /// Opens the log in a folder, or makes one. It blocks; and one process at a time may
    /// have it open.
    ///
    /// # Errors
    /// When what was acknowledged is not there as it was written, and when the disk fails.
    pub fn on_disk(options: disk::Options) -> Result<Self> {
        Ok(Self(Arc::new(Disk::open(options)?)))
    }

    /// What the suite is run against.
    #[cfg(any(test, feature = "testing"))]
    pub fn keep(self) -> Arc<dyn crate::conformance::Keep> {
        self.0
    }

    /// Opens the log in a database, or makes one. Many may have it open, on many machines:
    /// on PostgreSQL, or in one process on SQLite.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn in_database(sql: Arc<dyn Sql>, clock: Clock, random: Random) -> Result<Self> {
        Ok(Self(Arc::new(sql::Log::open(sql, clock, random).await?)))
    }

    /// Appends events to a stream. When it is answered, they are there to stay.
    ///
    /// # Errors
    /// When the stream is not as expected, the events are not as the log takes them, too
    /// many wait, or the disk fails. Nothing was appended then, unless the error says that
    /// the log was closed meanwhile.
    pub async fn append(&self, append: Append) -> Result<Appended> {
        let appended = self.append_all(vec![append]).await?;
        let missing = || crate::codes::CLOSED.error("the log gave no answer");
        appended.first().copied().ok_or_else(missing)
    }

    /// Appends to several streams, all or nothing; an answer for each.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub async fn append_all(&self, batch: Vec<Append>) -> Result<Vec<Appended>> {
        self.0.append(batch).await
    }

    /// Reads a page.
    ///
    /// # Errors
    /// When the log is damaged where it is read, or the disk fails.
    pub async fn read(&self, query: Query) -> Result<Page> {
        self.0.read(query).await
    }

    /// As [`Log::append_all`], for programs that do not await: this thread waits. Not to be
    /// called from async code.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub fn append_now(&self, batch: Vec<Append>) -> Result<Vec<Appended>> {
        wait(self.0.append(batch))
    }

    /// As [`Log::read`], for programs that do not await: this thread reads. Not to be called
    /// from async code.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub fn read_now(&self, query: &Query) -> Result<Page> {
        self.0.read_now(query)
    }

    /// Events from a position on, and what comes later as it comes; without a position, only
    /// what comes.
    ///
    /// It reads as fast as it is polled: a slow follower holds up nobody. After an error it
    /// goes on where it was, a moment later by the clock. It never ends, and keeps no position.
    pub fn follow(
        &self,
        from: Option<u64>,
        filter: Filter,
        clock: &Clock,
    ) -> BoxStream<'static, Result<Record>> {
        follow::follow(self.clone(), clock.clone(), from, filter)
    }

    /// The version of a stream's newest event; 0 when there is none.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub async fn version(&self, tenant: &str, stream: &str) -> Result<u64> {
        self.0.version(tenant, stream).await
    }

    /// Whether it takes events at all.
    ///
    /// # Errors
    /// Why not: it is damaged, or the disk failed it.
    pub fn takes(&self) -> Result<()> {
        self.0.takes()
    }

    /// How many events there are.
    pub fn size(&self) -> u64 {
        *self.0.end().borrow()
    }

    /// How many events there are, and whenever there are more.
    pub fn end(&self) -> watch::Receiver<u64> {
        self.0.end()
    }

    /// Events from a position on, as they are hashed: at most so many, and not many more
    /// than so many bytes.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub async fn evidence(&self, from: u64, limit: u32, bytes: usize) -> Result<Vec<Evidence>> {
        self.0.evidence(from, limit, bytes).await
    }

    /// The root of the tree over the first `size` events.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub async fn root(&self, size: u64) -> Result<Hash> {
        self.0.root(size).await
    }

    /// That the event at a position is among the first `size`: the way from its leaf to the
    /// root.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub async fn inclusion(&self, position: u64, size: u64) -> Result<Vec<Hash>> {
        self.0.inclusion(position, size).await
    }

    /// That the first `old` events are the beginning of the first `new`.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub async fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>> {
        self.0.consistency(old, new).await
    }

    /// What checks the log's signatures: its public key.
    pub fn verifier(&self) -> &Verifier {
        self.0.signer().verifier()
    }

    /// What signs for it.
    pub(crate) fn signer(&self) -> &Signer {
        self.0.signer()
    }

    /// Signs what the log is now, and how that is written.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub async fn checkpoint(&self, now: Time) -> Result<(Checkpoint, String)> {
        let size = self.size();
        let (signer, root) = (self.0.signer(), self.root(size).await?);
        let checkpoint = Checkpoint { origin: signer.name().to_owned(), size, root, time: now };
        let note = signer.sign(&checkpoint)?;
        Ok((checkpoint, note))
    }

    /// Proves the events at some positions, and that the log has only grown since an
    /// earlier checkpoint, to somebody who has nothing but the public key.
    ///
    /// # Errors
    /// When there is no such event, they have more than 16 MiB together, the checkpoint is not
    /// one of this log, or the log cannot be read.
    pub async fn prove(&self, positions: &[u64], since: Option<&str>, now: Time) -> Result<Bundle> {
        let (newest, checkpoint) = self.checkpoint(now).await?;
        let (mut events, mut bytes) = (Vec::with_capacity(positions.len()), 0);
        for position in positions {
            let evidence = self.evidence(*position, 1, 1).await?.pop();
            let evidence = evidence.filter(|evidence| evidence.position == *position);
            let missing = || INVALID.error(format!("there is no event at position {position}"));
            let evidence = evidence.ok_or_else(missing)?;
            bytes += weight(&evidence);
            if bytes > PROOF_BYTES {
                let (proved, wanted) = (events.len(), positions.len());
                let sentence = format!(
                    "the {wanted} events are more than a proof may hold: the first {proved} have \
                     nearly {} MiB together",
                    PROOF_BYTES >> 20
                );
                let advice = "ask for fewer events at once; each proof stands for itself";
                return Err(INVALID.error(sentence).with_advice(advice));
            }
            let inclusion = self.inclusion(*position, newest.size);
            events.push(Included::new(evidence, inclusion.await?));
        }
        let earlier = match since {
            Some(note) => {
                let old = self.verifier().open(note)?;
                let consistency = self.consistency(old.size, newest.size).await?;
                Some(Earlier { checkpoint: note.to_owned(), consistency })
            }
            None => None,
        };
        Ok(Bundle { checkpoint, earlier, events })
    }
}

/// The bytes an event brings into a proof, before they are written down.
fn weight(evidence: &Evidence) -> usize {
    evidence.header.len() + evidence.body.as_ref().map_or(0, |(_, payload)| payload.len())
}
