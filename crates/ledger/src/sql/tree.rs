//! Roots and proofs, from the hashes that are stored: the leaves, and every eighth level
//! of full subtrees above them.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use flow::Result;
use pool::sql::{Sql, Statement};

use super::head::{self, hash_of};
use crate::codes::{DAMAGED, INVALID};
use crate::proof::hash::{self, Hash};

/// Of the levels above the leaves, every one of so many is stored.
pub(super) const STRIDE: u32 = 8;

/// The root over the first `size` events.
pub(super) async fn root(sql: &dyn Sql, size: u64) -> Result<Hash> {
    within(sql, size).await?;
    if size == 0 {
        return Ok(hash::empty());
    }
    let whole = 0..size;
    let roots = subtrees(sql, std::slice::from_ref(&whole)).await?;
    roots.first().copied().ok_or_else(missing)
}

/// That the event at `position` is among the first `size`.
pub(super) async fn inclusion(sql: &dyn Sql, position: u64, size: u64) -> Result<Vec<Hash>> {
    within(sql, size).await?;
    if position == 0 || position > size {
        let sentence = format!("there is no position {position} among the first {size}");
        return Err(INVALID.error(sentence));
    }
    let mut proof = Vec::new();
    path(position - 1, 0..size, &mut proof);
    subtrees(sql, &proof).await
}

/// That the first `old` events are the beginning of the first `new`.
pub(super) async fn consistency(sql: &dyn Sql, old: u64, new: u64) -> Result<Vec<Hash>> {
    within(sql, new).await?;
    if old > new {
        let sentence = format!("a log of {old} events is no beginning of one of {new}");
        return Err(INVALID.error(sentence));
    }
    let mut proof = Vec::new();
    if old > 0 {
        subproof(old, 0..new, true, &mut proof);
    }
    subtrees(sql, &proof).await
}

async fn within(sql: &dyn Sql, size: u64) -> Result<()> {
    let end = head::read(sql).await?.size();
    if size > end {
        let sentence = format!("the log has {end} events, not {size}");
        return Err(INVALID.error(sentence));
    }
    Ok(())
}

fn missing() -> flow::Error {
    DAMAGED.error("a hash of the tree is missing")
}

/// Where a subtree is cut in two: behind the largest power of two below its size.
fn middle(span: &Range<u64>) -> u64 {
    let size = span.end - span.start;
    span.start + (1 << (size - 1).ilog2())
}

/// The subtrees beside the way to a leaf, lowest first (RFC 6962, 2.1.1).
fn path(index: u64, span: Range<u64>, out: &mut Vec<Range<u64>>) {
    if span.end - span.start == 1 {
        return;
    }
    let middle = middle(&span);
    let (left, right) = (span.start..middle, middle..span.end);
    if index < middle {
        path(index, left, out);
        out.push(right);
    } else {
        path(index, right, out);
        out.push(left);
    }
}

/// The subtrees that show what the first `old` leaves have become (RFC 6962, 2.1.2);
/// `known` while their root is one the reader has.
fn subproof(old: u64, span: Range<u64>, known: bool, out: &mut Vec<Range<u64>>) {
    if old == span.end {
        if !known {
            out.push(span);
        }
        return;
    }
    let middle = middle(&span);
    let (left, right) = (span.start..middle, middle..span.end);
    if old <= middle {
        subproof(old, left, known, out);
        out.push(right);
    } else {
        subproof(old, right, false, out);
        out.push(left);
    }
}

/// A stored hash: its level, and its place there.
type Place = (u32, u64);

/// Where the hash over a span is stored, if it is.
fn stored(span: &Range<u64>) -> Option<Place> {
    let size = span.end - span.start;
    let level = size.ilog2();
    let full = size.is_power_of_two() && level.is_multiple_of(STRIDE);
    full.then(|| (level, span.start >> level))
}

fn needed(span: Range<u64>, out: &mut BTreeSet<Place>) {
    if let Some(place) = stored(&span) {
        out.insert(place);
        return;
    }
    let middle = middle(&span);
    needed(span.start..middle, out);
    needed(middle..span.end, out);
}

fn hash_over(span: Range<u64>, known: &HashMap<Place, Hash>) -> Option<Hash> {
    if let Some(place) = stored(&span) {
        return known.get(&place).copied();
    }
    let middle = middle(&span);
    let left = hash_over(span.start..middle, known)?;
    Some(hash::node(&left, &hash_over(middle..span.end, known)?))
}

/// The hash over each of these spans, with one question to the database.
async fn subtrees(sql: &dyn Sql, spans: &[Range<u64>]) -> Result<Vec<Hash>> {
    let mut places = BTreeSet::new();
    spans.iter().for_each(|span| needed(span.clone(), &mut places));
    let known = fetch(sql, &runs(places)).await?;
    spans.iter().map(|span| hash_over(span.clone(), &known).ok_or_else(missing)).collect()
}

/// Places side by side: a level, the first and the last.
type Run = (u32, u64, u64);

fn runs(places: BTreeSet<Place>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (level, place) in places {
        match runs.last_mut() {
            Some((same, _, last)) if *same == level && *last + 1 == place => *last = place,
            _ => runs.push((level, place, place)),
        }
    }
    runs
}

async fn fetch(sql: &dyn Sql, runs: &[Run]) -> Result<HashMap<Place, Hash>> {
    let mut known = HashMap::new();
    if runs.is_empty() {
        return Ok(known);
    }
    let part = |(number, (level, _, _)): (usize, &Run)| {
        let first = number * 3 + 1;
        let (level_of, from, to) = (first, first + 1, first + 2);
        match level {
            0 => format!(
                "SELECT CAST(?{level_of} AS BIGINT), position - 1, leaf FROM log_event \
                 WHERE position BETWEEN ?{from} + 1 AND ?{to} + 1"
            ),
            _ => format!(
                "SELECT level, place, hash FROM log_tree \
                 WHERE level = ?{level_of} AND place BETWEEN ?{from} AND ?{to}"
            ),
        }
    };
    let parts: Vec<_> = runs.iter().enumerate().map(part).collect();
    let mut statement = Statement::new(parts.join(" UNION ALL "));
    for (level, from, to) in runs {
        statement = statement.bind(*level).bind(*from as i64).bind(*to as i64);
    }
    for row in &sql.query(statement).await? {
        known.insert((row.at(0)?, row.at(1)?), hash_of(row, 2)?);
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use flow::Time;
    use proptest::prelude::*;

    use super::*;
    use crate::sql::head::Head;

    fn leaf(n: u64) -> Hash {
        hash::leaf(&n.to_le_bytes(), &Hash::NONE)
    }

    fn slow(leaves: &[Hash]) -> Hash {
        match leaves {
            [leaf] => *leaf,
            leaves => {
                let middle = leaves.len().next_power_of_two() / 2;
                hash::node(&slow(&leaves[..middle]), &slow(&leaves[middle..]))
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn what_is_stored_makes_every_root(
            size in 1u64..2000,
            first in any::<u64>(),
            last in any::<u64>(),
        ) {
            let mut head = Head::empty();
            let mut nodes = Vec::new();
            for n in 0..size {
                head.push(leaf(n), Time(n), &mut nodes);
            }
            let leaves: Vec<_> = (0..size).map(leaf).collect();
            let mut known: HashMap<_, _> = (0..size).map(|n| ((0, n), leaf(n))).collect();
            known.extend(nodes.iter().map(|node| ((node.level, node.place), node.hash)));
            prop_assert_eq!(hash_over(0..size, &known), Some(slow(&leaves)));
            let end = first % size + 1;
            prop_assert_eq!(hash_over(0..end, &known), Some(slow(&leaves[..end as usize])));
            // However large the log, a proof looks at few of them.
            let mut proof = Vec::new();
            path(last % size, 0..size, &mut proof);
            let mut places = BTreeSet::new();
            proof.iter().for_each(|span| needed(span.clone(), &mut places));
            prop_assert!(places.len() < 600, "{}", places.len());
            prop_assert!(runs(places).len() <= 12);
        }
    }
}
