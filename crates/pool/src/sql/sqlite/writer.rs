//! The threads that write and read.

use std::sync::Arc;
use std::thread::JoinHandle;

use flow::{Clock, Error, Result};
use rusqlite::Connection;
use tokio::sync::{Notify, oneshot};

use super::queue::Queue;
use super::run;
use crate::sql::signals::Signals;
use crate::sql::{Rows, Statement, Transaction, codes};

/// Work for the writer. It reads too when it is the only connection.
pub(super) enum Job {
    Read(Read),
    Write(Write),
}

pub(super) struct Read {
    pub(super) statement: Statement,
    pub(super) reply: oneshot::Sender<Result<Rows>>,
}

pub(super) struct Write {
    pub(super) transaction: Transaction,
    /// Its facts, as they go into the outbox.
    pub(super) facts: Vec<String>,
    pub(super) reply: oneshot::Sender<Result<Vec<Rows>>>,
}

pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) queue: Arc<Queue<Job>>,
    pub(super) facts: Arc<Notify>,
    pub(super) signals: Arc<Signals>,
    pub(super) clock: Clock,
    pub(super) rows_max: usize,
    pub(super) group: usize,
    /// A sync failed, and none has succeeded since.
    pub(super) doubt: bool,
}

/// Why a group was not kept.
enum Lost {
    /// For a reason that concerns them all.
    All(Error),
    /// Perhaps because of one of them: each deserves a transaction of its own.
    Apart,
}

impl Writer {
    /// Works until the queue is closed and empty. SQLite copies its log back into the
    /// database with the last connection that closes, and of two that close at once
    /// none may be the last: so the readers go first.
    pub(super) fn run(mut self, readers: Vec<JoinHandle<()>>) {
        self.work();
        for reader in readers {
            // A thread that panicked has said so.
            let _ = reader.join();
        }
    }

    fn work(&mut self) {
        loop {
            let jobs = self.queue.take(self.group);
            if jobs.is_empty() {
                return;
            }
            self.signals.waiting(self.queue.len());
            let mut writes = Vec::with_capacity(jobs.len());
            for job in jobs {
                match job {
                    // Before the group opens, so that nobody reads what is not kept.
                    Job::Read(read) => {
                        read.answer(&self.connection, &self.signals, &self.clock, self.rows_max)
                    }
                    // Whoever gave up before it began wants nothing done.
                    Job::Write(write) if write.reply.is_closed() => {}
                    Job::Write(write) => writes.push(write),
                }
            }
            if !writes.is_empty() {
                self.commit(writes);
            }
        }
    }

    fn commit(&mut self, writes: Vec<Write>) {
        match self.attempt(&writes) {
            Ok(answers) => {
                if writes.iter().any(|write| !write.facts.is_empty()) {
                    self.facts.notify_one();
                }
                for (write, answer) in writes.into_iter().zip(answers) {
                    // Nobody may be waiting any more; it is kept all the same.
                    let _ = write.reply.send(answer);
                }
            }
            Err(Lost::Apart) => {
                self.roll_back();
                for write in writes {
                    self.commit(vec![write]);
                }
            }
            Err(Lost::All(error)) => {
                self.roll_back();
                for write in writes {
                    let _ = write.reply.send(Err(again(&error)));
                }
            }
        }
    }

    /// Runs the group in one transaction and syncs it.
    fn attempt(&mut self, writes: &[Write]) -> Result<Vec<Result<Vec<Rows>>>, Lost> {
        self.trust_the_disk().map_err(Lost::All)?;
        self.execute("BEGIN IMMEDIATE").map_err(Lost::All)?;
        let mut answers = Vec::with_capacity(writes.len());
        for write in writes {
            answers.push(self.within_savepoint(write, writes.len() == 1)?);
        }
        let kept = answers.iter().filter(|answer| answer.is_ok()).count();
        if kept == 0 {
            self.roll_back();
            return Ok(answers);
        }
        match self.execute("COMMIT") {
            Ok(()) => {
                self.signals.synced(kept);
                Ok(answers)
            }
            Err(error) => Err(self.lost(error, writes.len())),
        }
    }

    fn within_savepoint(&self, write: &Write, alone: bool) -> Result<Result<Vec<Rows>>, Lost> {
        let title = write.transaction.title();
        let since = self.clock.moment();
        if !alone {
            self.execute("SAVEPOINT one").map_err(Lost::All)?;
        }
        let now = self.clock.now();
        let answer = run::transaction(&self.connection, write, now, self.rows_max);
        self.signals.ran(title, self.clock.moment().since(since));
        if let Err(error) = &answer {
            self.signals.failed(title, error);
            // A full disk ends the outer transaction too, and takes the others along.
            if self.connection.is_autocommit() && !alone {
                return Err(Lost::Apart);
            }
            if !alone {
                self.execute("ROLLBACK TO one").map_err(Lost::All)?;
            }
        }
        if !alone {
            self.execute("RELEASE one").map_err(Lost::All)?;
        }
        Ok(answer)
    }

    /// What a failed COMMIT means.
    fn lost(&mut self, error: Error, writes: usize) -> Lost {
        self.roll_back();
        if error.code() == &codes::FULL && writes > 1 {
            return Lost::Apart;
        }
        if error.code() != &codes::DISK {
            return Lost::All(error);
        }
        self.doubt = true;
        self.signals.disk_failed(&error);
        Lost::All(
            codes::UNSURE.error("the disk failed while the change was being kept").because(error),
        )
    }

    /// After a failed sync: a commit that changes one number in the header, so
    /// that it overwrites the frames in doubt, and has to be synced itself.
    fn trust_the_disk(&mut self) -> Result<()> {
        if !self.doubt {
            return Ok(());
        }
        let version = |row: &rusqlite::Row<'_>| row.get::<_, i32>(0);
        let read = self.connection.query_row("PRAGMA user_version", [], version);
        let next = read.map_err(run::error)?.wrapping_add(1);
        let proof = format!("BEGIN IMMEDIATE; PRAGMA user_version = {next}; COMMIT");
        if let Err(error) = self.execute(&proof) {
            self.roll_back();
            return Err(codes::DISK
                .error("the disk failed and has not synced anything since")
                .because(error));
        }
        self.doubt = false;
        self.signals.disk_recovered();
        Ok(())
    }

    fn execute(&self, text: &str) -> Result<()> {
        self.connection.execute_batch(text).map_err(run::error)
    }

    fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            // It fails only where SQLite has rolled back by itself.
            let _ = self.execute("ROLLBACK");
        }
    }
}

/// The same error for one more of those it concerns.
fn again(error: &Error) -> Error {
    error.code().error(error.detail().to_owned()).because(error.story())
}

/// A connection that only reads.
pub(super) struct Reader {
    pub(super) connection: Connection,
    pub(super) queue: Arc<Queue<Read>>,
    pub(super) signals: Arc<Signals>,
    pub(super) clock: Clock,
    pub(super) rows_max: usize,
}

impl Reader {
    pub(super) fn run(self) {
        loop {
            let Some(read) = self.queue.take(1).pop() else {
                return;
            };
            read.answer(&self.connection, &self.signals, &self.clock, self.rows_max);
        }
    }
}

impl Read {
    fn answer(self, connection: &Connection, signals: &Signals, clock: &Clock, rows_max: usize) {
        if self.reply.is_closed() {
            return;
        }
        let since = clock.moment();
        let answer = run::query(connection, &self.statement, rows_max);
        signals.queried(&self.statement.text, clock.moment().since(since));
        if let Err(error) = &answer {
            signals.failed(&self.statement.text, error);
        }
        // Nobody may be waiting any more.
        let _ = self.reply.send(answer);
    }
}
