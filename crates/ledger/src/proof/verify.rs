//! Whether a proof holds.
//!
//! A proof is a list of hashes, lowest level first. Below the place where the way from
//! a leaf to the root meets the right edge of the tree, the bits of its index say on
//! which side each hash belongs; above, all of them belong on the left.
//!
//! A root is that of one size. A proof alone does not say which: take both from one
//! checkpoint, whose signature ties them together.

use super::hash::{self, Hash};

/// Whether `leaf` is the one of this index among the first `size`, whose root is `root`.
pub fn inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    let Some(last) = size.checked_sub(1).filter(|last| index <= *last) else { return false };
    let Some((below, above)) = parts(index, last, 0, proof) else { return false };
    let met = below.iter().enumerate().fold(*leaf, |own, (height, other)| {
        if index >> height & 1 == 0 { hash::node(&own, other) } else { hash::node(other, &own) }
    });
    up_the_edge(met, above) == *root
}

/// Whether the first `old` leaves, whose root is `old_root`, are the beginning of the
/// first `new`, whose root is `new_root`. An empty log is the beginning of all.
pub fn consistency(
    (old, old_root): (u64, &Hash),
    (new, new_root): (u64, &Hash),
    proof: &[Hash],
) -> bool {
    if old > new {
        return false;
    }
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    let Some(last) = old.checked_sub(1) else {
        return proof.is_empty() && *old_root == hash::empty();
    };
    // The way begins at the last full subtree of the old tree. When that is all of the
    // old tree, its root is known; otherwise it is the first of the proof.
    let height = old.trailing_zeros();
    let (start, proof) = match proof.split_first() {
        _ if old.is_power_of_two() => (old_root, proof),
        Some((start, rest)) => (start, rest),
        None => return false,
    };
    let Some((below, above)) = parts(last, new - 1, height, proof) else { return false };
    let index = last >> height;
    let (mut in_old, mut in_new) = (*start, *start);
    for (height, other) in below.iter().enumerate() {
        if index >> height & 1 == 0 {
            in_new = hash::node(&in_new, other);
        } else {
            in_old = hash::node(other, &in_old);
            in_new = hash::node(other, &in_new);
        }
    }
    up_the_edge(in_old, above) == *old_root && up_the_edge(in_new, above) == *new_root
}

/// A proof's hashes below the right edge and along it, for a way that begins at
/// `height`; `None` when it has more or fewer than that way has steps.
fn parts(index: u64, last: u64, height: u32, proof: &[Hash]) -> Option<(&[Hash], &[Hash])> {
    let meets = u64::BITS - (index ^ last).leading_zeros();
    let along = index.checked_shr(meets).unwrap_or(0).count_ones();
    let (below, above) = proof.split_at_checked(meets.checked_sub(height)? as usize)?;
    (above.len() == along as usize).then_some((below, above))
}

fn up_the_edge(met: Hash, above: &[Hash]) -> Hash {
    above.iter().fold(met, |own, left| hash::node(left, &own))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proof::edge::tests::{ENTRIES, leaves, naive, plain};

    /// PATH of RFC 6962, section 2.1.1.
    fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() <= 1 {
            return Vec::new();
        }
        let half = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(half);
        let (mut proof, other) = if index < half {
            (path(index, left), right)
        } else {
            (path(index - half, right), left)
        };
        proof.push(naive(other));
        proof
    }

    /// SUBPROOF of RFC 6962, section 2.1.2.
    fn subproof(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        if old == leaves.len() {
            return if whole { Vec::new() } else { vec![naive(leaves)] };
        }
        let half = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(half);
        let (mut proof, other) = if old <= half {
            (subproof(old, left, whole), right)
        } else {
            (subproof(old - half, right, false), left)
        };
        proof.push(naive(other));
        proof
    }

    /// Every proof that differs from this one in one place.
    fn altered(proof: &[Hash]) -> Vec<Vec<Hash>> {
        let mut all = Vec::new();
        let mut with = |change: &dyn Fn(&mut Vec<Hash>)| {
            let mut other = proof.to_vec();
            change(&mut other);
            if other != proof {
                all.push(other);
            }
        };
        for place in 0..proof.len() {
            with(&|other| {
                let mut bytes = *other[place].as_bytes();
                bytes[place % 32] ^= 1 << (place % 8);
                other[place] = bytes.into();
            });
            with(&|other| _ = other.remove(place));
            with(&|other| other.insert(place, other[place]));
            with(&|other| other.swap(place, 0));
        }
        with(&|other| other.push(Hash::NONE));
        with(&|other| other.push(naive(proof)));
        all
    }

    #[test]
    fn every_event_of_every_small_log_is_proven_and_no_other() {
        let all = leaves(42);
        let roots: Vec<Hash> = (0..=42).map(|size| naive(&all[..size])).collect();
        for size in 1..40 {
            let leaves = &all[..size as usize];
            let root = roots[size as usize];
            for index in 0..size {
                let (leaf, proof) = (&leaves[index as usize], path(index as usize, leaves));
                assert!(inclusion(leaf, index, size, &proof, &root), "{index} of {size}");
                for other in (0..=42).filter(|other| *other != size) {
                    assert!(!inclusion(leaf, index, other, &proof, &roots[other as usize]));
                }
                for other in (0..size + 2).filter(|other| *other != index) {
                    assert!(!inclusion(leaf, other, size, &proof, &root));
                }
                assert!(!inclusion(&Hash::NONE, index, size, &proof, &root));
                assert!(!inclusion(leaf, index, size, &proof, &Hash::NONE));
                for proof in altered(&proof) {
                    assert!(!inclusion(leaf, index, size, &proof, &root));
                }
            }
        }
    }

    #[test]
    fn every_small_log_is_the_beginning_of_every_longer_one() {
        let leaves = leaves(40);
        let roots: Vec<Hash> = (0..=40).map(|size| naive(&leaves[..size])).collect();
        for new in 1..=40_usize {
            for old in 1..=new {
                let proof = subproof(old, &leaves[..new], true);
                let holds = |old: usize, old_root, new: usize, new_root, proof: &[Hash]| {
                    consistency((old as u64, old_root), (new as u64, new_root), proof)
                };
                assert!(holds(old, &roots[old], new, &roots[new], &proof), "{old} of {new}");
                assert!(!holds(old, &Hash::NONE, new, &roots[new], &proof));
                assert!(!holds(old, &roots[old], new, &Hash::NONE, &proof));
                assert!(old == new || !holds(new, &roots[new], old, &roots[old], &proof));
                for other in (0..=40).filter(|other| *other != old) {
                    assert!(!holds(other, &roots[old], new, &roots[new], &proof));
                    assert!(other == 0 || !holds(other, &roots[other], new, &roots[new], &proof));
                }
                for other in (0..=40).filter(|other| *other != new) {
                    assert!(!holds(old, &roots[old], other, &roots[other], &proof));
                }
                for proof in altered(&proof) {
                    assert!(!holds(old, &roots[old], new, &roots[new], &proof));
                }
            }
        }
    }

    #[test]
    fn an_empty_log_is_the_beginning_of_all() {
        let (nothing, root) = (hash::empty(), naive(&leaves(3)));
        assert!(consistency((0, &nothing), (3, &root), &[]));
        assert!(consistency((0, &nothing), (0, &nothing), &[]));
        assert!(!consistency((0, &root), (3, &root), &[]));
        assert!(!consistency((0, &nothing), (3, &root), &[nothing]));
        assert!(!inclusion(&nothing, 0, 0, &[], &nothing));
    }

    #[test]
    fn proofs_are_those_everybody_has() {
        let leaves = ENTRIES.map(plain);
        let root = naive(&leaves);
        let check = |proof: Vec<Hash>, expected: &[&str]| {
            assert_eq!(proof.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
        };
        let of_first = [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ];
        let of_six = [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        check(path(0, &leaves), &of_first);
        check(subproof(6, &leaves, true), &of_six);
        assert!(inclusion(&leaves[0], 0, 8, &path(0, &leaves), &root));
    }

    proptest! {
        #[test]
        fn larger_logs_are_no_different(size in 1usize..400, place in any::<prop::sample::Index>()) {
            let leaves = leaves(size as u64);
            let (root, index) = (naive(&leaves), place.index(size));
            let proof = path(index, &leaves);
            prop_assert!(inclusion(&leaves[index], index as u64, size as u64, &proof, &root));
            for proof in altered(&proof) {
                prop_assert!(!inclusion(&leaves[index], index as u64, size as u64, &proof, &root));
            }
            let (old, new) = ((index as u64 + 1, &naive(&leaves[..=index])), (size as u64, &root));
            let proof = subproof(index + 1, &leaves, true);
            prop_assert!(consistency(old, new, &proof));
            for proof in altered(&proof) {
                prop_assert!(!consistency(old, new, &proof));
            }
        }

        #[test]
        fn any_numbers_will_do(numbers in any::<(u64, u64)>(), count in 0usize..130) {
            let proof = vec![Hash::NONE; count];
            prop_assert!(!inclusion(&Hash::NONE, numbers.0, numbers.1, &proof, &hash::empty()));
            let (old, new) = ((numbers.0, &hash::empty()), (numbers.1, &Hash::NONE));
            prop_assert!(numbers.0 == 0 || !consistency(old, new, &proof));
        }
    }
}
