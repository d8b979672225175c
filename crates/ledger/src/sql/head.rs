//! Where the log ends, and the tree's right edge there.

use flow::{Random, Result, Time};
use pool::sql::{Dialect, Row, Sql, Statement, Transaction};

use super::tree::STRIDE;
use crate::codes::DAMAGED;
use crate::proof::hash::{self, Hash};

/// How long a turn is good for: a node that dies in its turn holds the others up no longer.
const TURN_MILLIS: i64 = 1000;

/// The end of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    size: u64,
    /// Of the newest event.
    pub(super) leaf: Hash,
    /// When the newest event was appended.
    pub(super) time: Time,
    /// The roots of the full subtrees that make up the tree, the largest first: one for
    /// each bit of the size.
    edge: Vec<Hash>,
}

/// A node of the tree that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) level: u32,
    pub(super) place: u64,
    pub(super) hash: Hash,
}

impl Head {
    /// Of a log without events.
    #[cfg(test)]
    pub(super) fn empty() -> Self {
        Self { size: 0, leaf: Hash::NONE, time: Time(0), edge: Vec::new() }
    }

    /// How many events there are.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// One more event; nodes that are to be stored are put into `nodes`.
    pub(super) fn push(&mut self, leaf: Hash, time: Time, nodes: &mut Vec<Node>) {
        let mut hash = leaf;
        // As in adding one to a number: a subtree for each bit that is carried.
        for level in 1..=self.size.trailing_ones() {
            let Some(left) = self.edge.pop() else { break };
            hash = hash::node(&left, &hash);
            if level.is_multiple_of(STRIDE) {
                nodes.push(Node { level, place: self.size >> level, hash });
            }
        }
        self.edge.push(hash);
        self.size += 1;
        (self.leaf, self.time) = (leaf, time);
    }

    fn of(row: &Row) -> Result<Self> {
        let edge: Vec<u8> = row.at(3)?;
        let (hashes, rest) = edge.as_chunks::<32>();
        let edge: Vec<Hash> = hashes.iter().copied().map(Hash::from).collect();
        let size: u64 = row.at(0)?;
        if !rest.is_empty() || edge.len() != size.count_ones() as usize {
            return Err(DAMAGED.error("the row that says where the log ends is damaged"));
        }
        Ok(Self { size, leaf: hash_of(row, 1)?, time: row.at(2)?, edge })
    }
}

/// A hash in a column.
pub(super) fn hash_of(row: &Row, column: usize) -> Result<Hash> {
    let bytes: Vec<u8> = row.at(column)?;
    let bytes: [u8; 32] =
        bytes.try_into().map_err(|_| DAMAGED.error("a hash in the log has not 32 bytes"))?;
    Ok(Hash::from(bytes))
}

/// Where the log ends now.
pub(super) async fn read(sql: &dyn Sql) -> Result<Head> {
    let text = "SELECT size, leaf, time, edge FROM log_head WHERE one = 1";
    Head::of(sql.query(Statement::new(text)).await?.only()?)
}

/// Takes the next turn, and says where the log ends; `None` while another node has it.
pub(super) async fn take_turn(sql: &dyn Sql, node: &str) -> Result<Option<Head>> {
    let now = now(sql.dialect());
    let text = format!(
        "UPDATE log_head SET turn = ?1, until = {now} + ?2 \
         WHERE one = 1 AND (turn = ?1 OR until < {now}) RETURNING size, leaf, time, edge"
    );
    let take = Statement::new(text).bind(node).bind(TURN_MILLIS);
    let answers = sql.commit(Transaction::new().run(take)).await?;
    answers.first().and_then(|rows| rows.first()).map(Head::of).transpose()
}

/// Gives a turn back in which there was nothing to append.
pub(super) async fn leave_turn(sql: &dyn Sql, node: &str) -> Result<()> {
    let text = "UPDATE log_head SET until = 0 WHERE one = 1 AND turn = ?1";
    sql.commit(Transaction::new().run(Statement::new(text).bind(node))).await.map(|_| ())
}

/// Moves the head, if it is where it was thought to be and no other node's turn.
pub(super) fn go_on(dialect: Dialect, old: &Head, new: &Head, node: &str) -> Statement {
    let text = format!(
        "UPDATE log_head SET size = ?2, leaf = ?3, time = ?4, edge = ?5, until = 0 \
         WHERE one = 1 AND leaf = ?1 AND (turn = ?6 OR until < {})",
        now(dialect)
    );
    let edge: Vec<u8> = new.edge.iter().flat_map(|hash| *hash.as_bytes()).collect();
    Statement::new(text)
        .bind(&old.leaf.as_bytes()[..])
        .bind(new.size as i64)
        .bind(&new.leaf.as_bytes()[..])
        .bind(new.time)
        .bind(edge)
        .bind(node)
}

/// A name for a node, for as long as it runs.
pub(super) fn name(random: &Random, now: Time) -> String {
    random.id(now).to_string()
}

/// Milliseconds by the database's clock: turns are not to depend on those of the nodes.
fn now(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
        Dialect::Postgres => "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
    }
}
