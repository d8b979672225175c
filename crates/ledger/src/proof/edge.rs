//! The right edge of a tree: all that is needed to add leaves and to know the root.

use super::hash::{self, Hash};

/// A tree of which only the right edge is kept, whatever its size: the roots of the
/// full subtrees it is made of, one for each bit of its size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    /// The largest first.
    roots: Vec<Hash>,
}

impl Edge {
    /// Of a tree of this size, whose full subtrees have these roots, the largest first.
    pub(crate) fn of(size: u64, roots: Vec<Hash>) -> Self {
        Self { size, roots }
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.grow(leaf, |_, _| ());
    }

    /// Adds a leaf, and tells of every full subtree that is complete with it: the leaf
    /// itself, of height 0, first.
    pub(crate) fn grow(&mut self, leaf: Hash, mut complete: impl FnMut(u32, &Hash)) {
        let mut root = leaf;
        complete(0, &root);
        // As in a binary counter: each trailing one is a subtree that gets its sibling.
        for height in 1..=self.size.trailing_ones() {
            let Some(left) = self.roots.pop() else { break };
            root = hash::node(&left, &root);
            complete(height, &root);
        }
        self.roots.push(root);
        self.size += 1;
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        let joined =
            self.roots.iter().rev().copied().reduce(|right, left| hash::node(&left, &right));
        joined.unwrap_or_else(hash::empty)
    }
}

impl Extend<Hash> for Edge {
    fn extend<T: IntoIterator<Item = Hash>>(&mut self, leaves: T) {
        leaves.into_iter().for_each(|leaf| self.push(leaf));
    }
}

impl FromIterator<Hash> for Edge {
    fn from_iter<T: IntoIterator<Item = Hash>>(leaves: T) -> Self {
        let mut edge = Self::default();
        edge.extend(leaves);
        edge
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The root as RFC 6962 defines it, section 2.1.
    pub(crate) fn naive(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => hash::empty(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                hash::node(&naive(left), &naive(right))
            }
        }
    }

    /// Leaves that are all different.
    pub(crate) fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|number| hash::content(&number.to_le_bytes(), &[])).collect()
    }

    /// What every implementation of RFC 6962 is tested with: eight entries, and the roots
    /// of the trees over the first of them.
    pub(crate) const ENTRIES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    pub(crate) const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    /// The leaf of such an entry.
    pub(crate) fn plain(entry: &[u8]) -> Hash {
        hash::content(&[0], entry)
    }

    #[test]
    fn the_roots_are_those_everybody_has() {
        let mut edge = Edge::default();
        assert_eq!(edge.root().to_string(), ROOTS[0]);
        for (entry, root) in ENTRIES.iter().zip(&ROOTS[1..]) {
            edge.push(plain(entry));
            assert_eq!(edge.root().to_string(), *root);
        }
    }

    #[test]
    fn every_size_has_the_root_it_is_defined_to_have() {
        let leaves = leaves(300);
        let mut edge = Edge::default();
        for (before, leaf) in leaves.iter().enumerate() {
            assert_eq!((edge.size(), edge.root()), (before as u64, naive(&leaves[..before])));
            edge.push(*leaf);
        }
        assert_eq!(leaves.into_iter().collect::<Edge>(), edge);
    }
}
