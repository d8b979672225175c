//! The task that appends what waits.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use flow::{Clock, Error, Random, Result};
use pool::sql::{Sql, Transaction, codes};

use super::head::{self, Head};
use super::plan::{self, Known, Plan, Replay, Stream};
use super::queue::{Job, Queue};
use super::rows;
use super::watch::Watch;
use crate::codes::FULL;
use crate::event::{Append, Appended};
use crate::proof::hash::Hash;

/// The streams whose versions are remembered; beyond it all are forgotten.
const REMEMBERED: usize = 50_000;
/// How often a group is tried when other nodes are faster.
const TRIES: usize = 50;
/// How often a turn is asked for, and how long it is waited between at most.
const TURNS: usize = 300;
const BETWEEN_MILLIS: u64 = 20;

type Answers = Vec<Result<Vec<Appended>>>;

pub(super) struct Committer {
    sql: Arc<dyn Sql>,
    clock: Clock,
    random: Random,
    queue: Arc<Queue>,
    watch: Arc<Watch>,
    /// What this node is called while it runs.
    node: String,
    /// Whether it may be its turn, with nothing appended in it yet.
    in_turn: bool,
    memory: Option<Memory>,
}

/// What is remembered of the log. It holds for as long as the head is where it was: no
/// other node has appended then.
struct Memory {
    head: Head,
    versions: HashMap<Stream, u64>,
    /// Whether it was looked up just now.
    fresh: bool,
}

/// What became of an attempt to write.
enum Outcome {
    Kept,
    /// Another node was faster, or it is its turn.
    Late,
    /// The connection was lost behind the commit.
    Unsure,
}

impl Committer {
    pub(super) fn new(
        sql: Arc<dyn Sql>,
        clock: Clock,
        random: Random,
        queue: Arc<Queue>,
        watch: Arc<Watch>,
    ) -> Self {
        let node = head::name(&random, clock.now());
        Self { sql, clock, random, queue, watch, node, in_turn: false, memory: None }
    }

    /// Appends group after group until the queue is closed.
    pub(super) async fn run(mut self) {
        loop {
            let group = self.queue.group().await;
            if group.is_empty() {
                return;
            }
            match self.append(&group).await {
                Ok(answers) => {
                    group.into_iter().zip(answers).for_each(|(job, answer)| job.answer(answer));
                }
                Err(error) => {
                    tracing::warn!(error = %error.story(), "a group of events was not appended");
                    group.into_iter().for_each(|job| job.answer(Err(again(&error))));
                }
            }
        }
    }

    async fn append(&mut self, group: &[Job]) -> Result<Answers> {
        let mut doubtful = Vec::new();
        let answers = self.append_or_doubt(group, &mut doubtful).await;
        if std::mem::take(&mut self.in_turn) {
            // Where this fails, the others wait until the turn is over.
            let _ = head::leave_turn(&*self.sql, &self.node).await;
        }
        match answers {
            Err(error) if !doubtful.is_empty() => {
                self.memory = None;
                let sentence = "it is not known whether the events were appended";
                Err(codes::UNSURE.error(sentence).because(error.story()))
            }
            answers => answers.inspect_err(|_| self.memory = None),
        }
    }

    /// Decides and writes until nobody came in between. Attempts nobody knows the outcome
    /// of are `doubtful`: each began at the head that was known then, so that at most one
    /// of all is ever kept, and its last leaf says which.
    async fn append_or_doubt(
        &mut self,
        group: &[Job],
        doubtful: &mut Vec<(u64, Hash, Answers)>,
    ) -> Result<Answers> {
        let mut late = false;
        for _ in 0..TRIES {
            let mut memory = self.remember(late).await?;
            if let Some(answers) = self.kept_after_all(doubtful).await? {
                return Ok(answers);
            }
            let plan = self.plan(group, &mut memory).await?;
            if plan.events.is_empty() {
                // A refusal has to be true now, and not only when the head was last seen.
                if memory.fresh || plan.answers.iter().all(Result::is_ok) {
                    self.memory = Some(Memory { fresh: false, ..memory });
                    return Ok(plan.answers);
                }
                continue;
            }
            let Plan { head, versions, events, nodes, answers } = plan;
            let go_on = head::go_on(self.sql.dialect(), &memory.head, &head, &self.node);
            let mut transaction = Transaction::new().run(go_on);
            let rows = rows::write(events, &head.leaf);
            for statement in rows.into_iter().chain(rows::write_nodes(&nodes, &head.leaf)) {
                transaction = transaction.run(statement);
            }
            match self.write(transaction).await? {
                Outcome::Kept => {
                    self.in_turn = false;
                    self.watch.grown(head.size());
                    memory.versions.extend(versions);
                    self.memory = Some(Memory { head, fresh: false, ..memory });
                    return Ok(answers);
                }
                Outcome::Late => late = true,
                Outcome::Unsure => doubtful.push((head.size(), head.leaf, answers)),
            }
        }
        Err(FULL.error("other nodes append all the time, and this one has no turn"))
    }

    async fn write(&self, transaction: Transaction) -> Result<Outcome> {
        match self.sql.commit(transaction).await {
            Ok(answers) => match answers.first().map_or(0, |moved| moved.touched()) {
                0 => Ok(Outcome::Late),
                _ => Ok(Outcome::Kept),
            },
            Err(error) if error.code() == &codes::UNSURE => Ok(Outcome::Unsure),
            Err(error) => Err(error),
        }
    }

    async fn kept_after_all(
        &self,
        doubtful: &mut Vec<(u64, Hash, Answers)>,
    ) -> Result<Option<Answers>> {
        for (place, (position, leaf, _)) in doubtful.iter().enumerate() {
            if rows::leaf(&*self.sql, *position).await? == Some(*leaf) {
                self.watch.grown(*position);
                return Ok(Some(doubtful.swap_remove(place).2));
            }
        }
        Ok(None)
    }

    /// What is known of the log. Who came too late looks in a turn of its own.
    async fn remember(&mut self, late: bool) -> Result<Memory> {
        if let Some(memory) = self.memory.take()
            && memory.versions.len() < REMEMBERED
        {
            return Ok(memory);
        }
        let head = if late { self.turn().await? } else { head::read(&*self.sql).await? };
        self.watch.grown(head.size());
        Ok(Memory { head, versions: HashMap::new(), fresh: true })
    }

    async fn turn(&mut self) -> Result<Head> {
        for _ in 0..TURNS {
            self.in_turn = true;
            match head::take_turn(&*self.sql, &self.node).await {
                Ok(Some(head)) => return Ok(head),
                // Whether it was taken is said by asking again.
                Err(error) if error.code() != &codes::UNSURE => return Err(error),
                Ok(None) | Err(_) => {}
            }
            let wait = Duration::from_millis(1 + self.random.below(BETWEEN_MILLIS));
            self.clock.sleep(wait).await;
        }
        Err(FULL.error("other nodes append, and this one has no turn"))
    }

    async fn plan<'a>(&self, group: &'a [Job], memory: &mut Memory) -> Result<Plan<'a>> {
        let appends = || group.iter().flat_map(|job| &job.batch);
        let mut versions = HashMap::new();
        let mut unknown = HashSet::new();
        for append in appends() {
            let stream = plan::stream(append);
            match memory.versions.get(&stream) {
                Some(version) => drop(versions.insert(stream, *version)),
                None => drop(unknown.insert(stream)),
            }
        }
        let unknown: Vec<_> = unknown.into_iter().collect();
        let found = rows::versions(&*self.sql, &unknown).await?;
        versions.extend(unknown.into_iter().zip(found));
        let keys = self.keys(appends()).await?;
        let known = Known { head: memory.head.clone(), versions, keys };
        let batches = group.iter().map(|job| job.batch.as_slice());
        Ok(plan::plan(batches, known, self.clock.now(), &self.random))
    }

    /// What was appended before under the keys of these.
    async fn keys(&self, appends: impl Iterator<Item = &Append>) -> Result<HashMap<Hash, Replay>> {
        let keyed = appends.filter_map(|append| Some((rows::key(append)?, append.events.len())));
        let mut most: HashMap<Hash, usize> = HashMap::new();
        for (key, events) in keyed {
            let most = most.entry(key).or_default();
            *most = events.max(*most);
        }
        let (keys, events): (Vec<_>, Vec<_>) = most.into_iter().unzip();
        let found = rows::keys(&*self.sql, &keys).await?;
        let mut known = HashMap::new();
        for ((key, events), first) in keys.into_iter().zip(events).zip(found) {
            if let Some(first) = first {
                known.insert(key, self.replay(first, events as u64).await?);
            }
        }
        Ok(known)
    }

    /// The append that begins at a position, if it has at most so many events.
    async fn replay(&self, first: u64, events: u64) -> Result<Replay> {
        let mut found = rows::between(&*self.sql, first, first + events.max(1) - 1).await?;
        let end = found.iter().position(|stored| stored.ends.append);
        found.truncate(end.map_or(found.len(), |end| end + 1));
        let whole = end.is_some();
        let events: Result<_> = found.into_iter().map(rows::Stored::record).collect();
        Ok(Replay { first, events: events?, whole })
    }
}

impl Drop for Committer {
    /// It ends when the log is closed, or with the runtime, or by a bug.
    fn drop(&mut self) {
        self.queue.abandon();
    }
}

/// The same error for somebody else; its cause was logged.
fn again(error: &Error) -> Error {
    error.code().error(error.detail().to_owned()).with_advice(error.advice().to_owned())
}
