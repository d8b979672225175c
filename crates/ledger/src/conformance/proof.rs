//! The chain, the tree, and what proves them.

use std::collections::BTreeSet;

use super::{Keep, Place, append, event, everything, open, refused, to};
use crate::codes::INVALID;
use crate::event::{Append, Event, Record};
use crate::header;
use crate::keep::Evidence;
use crate::proof::hash::{self, Hash};

/// Enough for nodes that are stored and for some on top of them.
const EVENTS: u64 = 1100;

async fn fill(keep: &dyn Keep) {
    let mut events = 0;
    while events < EVENTS {
        let size = (events % 61 + 1).min(EVENTS - events);
        let one = |n| Event::new("k", vec![n as u8; n as usize % 300]);
        let batch =
            (events..events + size).map(|n| Append::to(format!("s{}", n % 3)).event(one(n)));
        keep.append(batch.collect()).await.expect("it can be appended");
        events += size;
    }
}

async fn leaves(keep: &dyn Keep) -> Vec<Hash> {
    let mut before = Hash::NONE;
    let mut leaves = Vec::new();
    loop {
        let from = leaves.len() as u64 + 1;
        let part = keep.evidence(from, 100, usize::MAX).await.expect("evidence can be read");
        if part.is_empty() {
            return leaves;
        }
        for evidence in part {
            assert_eq!(evidence.position, leaves.len() as u64 + 1);
            before = leaf(&evidence, &before);
            leaves.push(before);
        }
    }
}

/// Works the whole chain out, and holds the root of the tree to it.
pub async fn chain(keep: &dyn Keep) {
    let leaves = leaves(keep).await;
    assert_eq!(keep.root(leaves.len() as u64).await.expect("there is a root"), root(&leaves));
}

/// The leaf of an event, which says it stands behind the one whose leaf is `before`.
fn leaf(evidence: &Evidence, before: &Hash) -> Hash {
    assert!(evidence.header.ends_with(before.as_bytes()), "each header holds the leaf before");
    if let Some((salt, payload)) = &evidence.body {
        assert_eq!(evidence.content, hash::content(salt, payload));
    }
    hash::leaf(&evidence.header, &evidence.content)
}

/// RFC 6962, 2.1, word for word.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => hash::empty(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            hash::node(&root(left), &root(right))
        }
    }
}

/// 2.1.1.
fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let middle = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(middle);
    let (mut proof, beside) = match index < middle {
        true => (path(index, left), root(right)),
        false => (path(index - middle, right), root(left)),
    };
    proof.push(beside);
    proof
}

/// 2.1.2.
fn subproof(old: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if known { Vec::new() } else { vec![root(leaves)] };
    }
    let middle = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(middle);
    let (mut proof, beside) = match old <= middle {
        true => (subproof(old, left, known), root(right)),
        false => (subproof(old - middle, right, false), root(left)),
    };
    proof.push(beside);
    proof
}

pub(super) async fn every_hash_can_be_worked_out(place: &dyn Place) {
    let keep = open(place).await;
    assert_eq!(keep.root(0).await.unwrap(), hash::empty());
    assert_eq!(keep.evidence(1, 10, 1000).await.unwrap(), []);
    fill(&*keep).await;
    let known = leaves(&*keep).await;
    assert_eq!(known.len() as u64, EVENTS);
    assert_eq!(known.iter().collect::<BTreeSet<_>>().len() as u64, EVENTS);
    for size in [0, 1, 2, 3, 255, 256, 257, 511, 512, 1000, 1023, 1024, 1025, EVENTS] {
        let expected = root(&known[..size as usize]);
        assert_eq!(keep.root(size).await.unwrap(), expected, "the root over {size}");
    }
    let records = everything(&*keep).await;
    let evidence = keep.evidence(1, 1000, usize::MAX).await.unwrap();
    for (evidence, record) in evidence.iter().zip(&records) {
        let header = &evidence.header[..evidence.header.len() - 32];
        let read = header::read(header).expect("a header can be read");
        let payload = evidence.body.as_ref().map(|(_, payload)| payload.clone());
        assert_eq!(&Record { payload, ..read }, record);
    }

    // It goes on from where it was.
    place.close(keep).await;
    let keep = open(place).await;
    append(&*keep, to("s", "after")).await.unwrap();
    let grown = leaves(&*keep).await;
    assert_eq!(grown[..EVENTS as usize], known);
    assert_eq!(keep.root(EVENTS + 1).await.unwrap(), root(&grown));
}

pub(super) async fn proofs_are_those_of_the_standard(place: &dyn Place) {
    let keep = open(place).await;
    fill(&*keep).await;
    let known = leaves(&*keep).await;
    let sizes = [1, 2, 3, 7, 8, 200, 256, 300, 512, 513, 1024, EVENTS];
    for size in sizes {
        for position in sizes.into_iter().filter(|position| *position <= size) {
            let proof = keep.inclusion(position, size).await.unwrap();
            let expected = path(position as usize - 1, &known[..size as usize]);
            assert_eq!(proof, expected, "{position} in {size}");
            let proof = keep.consistency(position, size).await.unwrap();
            let expected = subproof(position as usize, &known[..size as usize], true);
            assert_eq!(proof, expected, "{position} and {size}");
        }
        assert_eq!(keep.consistency(0, size).await.unwrap(), []);
    }
    refused(keep.root(EVENTS + 1).await, &INVALID);
    refused(keep.inclusion(0, 5).await, &INVALID);
    refused(keep.inclusion(6, 5).await, &INVALID);
    refused(keep.inclusion(1, EVENTS + 1).await, &INVALID);
    refused(keep.consistency(6, 5).await, &INVALID);
    refused(keep.consistency(5, EVENTS + 1).await, &INVALID);
}

pub(super) async fn evidence_comes_in_parts(place: &dyn Place) {
    let keep = open(place).await;
    for n in 0..20 {
        let big = Event::new("k", vec![n; 10_000]);
        append(&*keep, Append::to("s").event(big).event(event("small"))).await.unwrap();
    }
    let all = keep.evidence(1, 1000, usize::MAX).await.unwrap();
    assert_eq!(all.len(), 40);
    assert_eq!(keep.evidence(1, 7, usize::MAX).await.unwrap(), all[..7]);
    assert_eq!(keep.evidence(12, 3, usize::MAX).await.unwrap(), all[11..14]);
    assert_eq!(keep.evidence(39, 100, usize::MAX).await.unwrap(), all[38..]);
    assert_eq!(keep.evidence(41, 100, usize::MAX).await.unwrap(), []);
    // At least one, and hardly more than was asked for.
    assert_eq!(keep.evidence(1, 100, 1).await.unwrap().len(), 1);
    let some = keep.evidence(1, 100, 35_000).await.unwrap();
    assert!((4..=9).contains(&some.len()), "{}", some.len());
}
