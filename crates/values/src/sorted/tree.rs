//! Places in the order of their scores, found by how many stand before them.
#![expect(clippy::indexing_slicing, reason = "every link is a place in the same table")]

/// The place of nothing.
const NONE: u32 = u32::MAX;

/// How much heavier one side may be than the other.
const LEAN: u64 = 3;

/// How much heavier the inner part of the heavy side may be, so that one turn is enough.
const INNER: u64 = 2;

#[derive(Debug, Clone, Copy)]
struct Node {
    /// It is kept here, so that a way down the tree leads through no other memory.
    score: f64,
    left: u32,
    right: u32,
    /// How many there are below, and itself.
    size: u32,
}

/// A tree balanced by weight over the places `0..len`. It knows nothing of what is at them
/// but its score: whoever looks for one says which of them stand before it.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    root: u32,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: Vec::new(), root: NONE }
    }
}

impl Tree {
    /// How many stand before whatever `is_before` is about.
    pub(super) fn before(&self, is_before: impl Fn(f64, u32) -> bool) -> usize {
        let (mut at, mut count) = (self.root, 0);
        while at != NONE {
            let node = self.nodes[at as usize];
            if is_before(node.score, at) {
                count += self.size(node.left) + 1;
                at = node.right;
            } else {
                at = node.left;
            }
        }
        count
    }

    /// The score of a place.
    pub(super) fn score(&self, place: u32) -> Option<f64> {
        self.nodes.get(place as usize).map(|node| node.score)
    }

    /// A new place, the next one, so that `rank` stand before it.
    pub(super) fn push(&mut self, rank: usize, score: f64) {
        let new = self.nodes.len() as u32;
        self.nodes.push(Node { score, left: NONE, right: NONE, size: 1 });
        self.link(rank, new);
    }

    /// The place that `from` stand before gets another score and moves, so that `to` of the
    /// others stand before it.
    pub(super) fn shift(&mut self, from: usize, to: usize, place: u32, score: f64) {
        if from != to {
            self.unlink(from);
        }
        self.nodes[place as usize].score = score;
        if from != to {
            self.link(to, place);
        }
    }

    /// Removes the place that `rank` stand before; the last place, which `last` of those
    /// that are left stand before, takes its number.
    pub(super) fn remove(&mut self, rank: usize, last: impl FnOnce(&Self) -> usize) {
        let Some(gone) = self.unlink(rank) else { return };
        let moved = self.nodes.len() as u32 - 1;
        if gone != moved {
            self.rename(last(self), moved, gone);
        }
        self.nodes.pop();
        if self.nodes.len() < self.nodes.capacity() / 4 {
            self.nodes.shrink_to(self.nodes.len() * 2);
        }
    }

    /// A walk from the place that `rank` stand before to the end.
    pub(super) fn walk(&self, rank: usize) -> Walk<'_> {
        Walk::new(self, rank, false)
    }

    /// A walk from the place that `rank` stand before to the beginning.
    pub(super) fn walk_back(&self, rank: usize) -> Walk<'_> {
        Walk::new(self, rank, true)
    }

    fn size(&self, at: u32) -> usize {
        if at == NONE { 0 } else { self.nodes[at as usize].size as usize }
    }

    fn weight(&self, at: u32) -> u64 {
        self.size(at) as u64 + 1
    }

    fn link(&mut self, mut rank: usize, new: u32) {
        let mut path = Vec::with_capacity(48);
        let mut at = self.root;
        while at != NONE {
            let node = self.nodes[at as usize];
            let left = self.size(node.left);
            let is_left = rank <= left;
            path.push((at, is_left));
            if is_left {
                at = node.left;
            } else {
                rank -= left + 1;
                at = node.right;
            }
        }
        let score = self.nodes[new as usize].score;
        self.nodes[new as usize] = Node { score, left: NONE, right: NONE, size: 1 };
        self.climb(&path, new);
    }

    fn unlink(&mut self, mut rank: usize) -> Option<u32> {
        let mut path = Vec::with_capacity(48);
        let mut at = self.root;
        let node = loop {
            if at == NONE {
                return None;
            }
            let node = self.nodes[at as usize];
            let left = self.size(node.left);
            match rank.cmp(&left) {
                std::cmp::Ordering::Equal => break node,
                std::cmp::Ordering::Less => {
                    path.push((at, true));
                    at = node.left;
                }
                std::cmp::Ordering::Greater => {
                    rank -= left + 1;
                    path.push((at, false));
                    at = node.right;
                }
            }
        };
        let child = match (node.left, node.right) {
            (NONE, child) | (child, NONE) => child,
            (left, right) => self.heir(&mut path, left, right),
        };
        self.climb(&path, child);
        Some(at)
    }

    /// Lets the first place on the right stand where both sides lost what was between them;
    /// what was under it is left to be linked.
    fn heir(&mut self, path: &mut Vec<(u32, bool)>, left: u32, right: u32) -> u32 {
        let top = path.len();
        path.push((NONE, false));
        let mut heir = right;
        while self.nodes[heir as usize].left != NONE {
            path.push((heir, true));
            heir = self.nodes[heir as usize].left;
        }
        let Node { score, right: child, .. } = self.nodes[heir as usize];
        path[top].0 = heir;
        self.nodes[heir as usize] = Node { score, left, right, size: 0 };
        child
    }

    /// Links a part again to all that is above it.
    fn climb(&mut self, path: &[(u32, bool)], mut child: u32) {
        for &(at, is_left) in path.iter().rev() {
            let node = &mut self.nodes[at as usize];
            if is_left {
                node.left = child;
            } else {
                node.right = child;
            }
            child = self.settled(at);
        }
        self.root = child;
    }

    /// Balances a part one side of which changed by one; what is now at the top of it.
    fn settled(&mut self, at: u32) -> u32 {
        let Node { left, right, .. } = self.nodes[at as usize];
        let (left_weight, right_weight) = (self.weight(left), self.weight(right));
        if right_weight > LEAN * left_weight {
            let heavy = self.nodes[right as usize];
            if self.weight(heavy.left) >= INNER * self.weight(heavy.right) {
                self.nodes[at as usize].right = self.turned_right(right);
            }
            self.turned_left(at)
        } else if left_weight > LEAN * right_weight {
            let heavy = self.nodes[left as usize];
            if self.weight(heavy.right) >= INNER * self.weight(heavy.left) {
                self.nodes[at as usize].left = self.turned_left(left);
            }
            self.turned_right(at)
        } else {
            self.measure(at);
            at
        }
    }

    fn turned_left(&mut self, at: u32) -> u32 {
        let up = self.nodes[at as usize].right;
        self.nodes[at as usize].right = self.nodes[up as usize].left;
        self.nodes[up as usize].left = at;
        self.measure(at);
        self.measure(up);
        up
    }

    fn turned_right(&mut self, at: u32) -> u32 {
        let up = self.nodes[at as usize].left;
        self.nodes[at as usize].left = self.nodes[up as usize].right;
        self.nodes[up as usize].right = at;
        self.measure(at);
        self.measure(up);
        up
    }

    fn measure(&mut self, at: u32) {
        let Node { left, right, .. } = self.nodes[at as usize];
        self.nodes[at as usize].size = (self.size(left) + self.size(right) + 1) as u32;
    }

    /// Gives the place `from`, which `rank` stand before, the number `to`.
    fn rename(&mut self, mut rank: usize, from: u32, to: u32) {
        self.nodes[to as usize] = self.nodes[from as usize];
        let mut at = self.root;
        if at == from {
            self.root = to;
            return;
        }
        while at != NONE {
            let node = &self.nodes[at as usize];
            let left = self.size(node.left);
            let next = if rank <= left { node.left } else { node.right };
            let node = &mut self.nodes[at as usize];
            if next == from {
                let link = if rank <= left { &mut node.left } else { &mut node.right };
                *link = to;
                return;
            }
            rank -= if rank <= left { 0 } else { left + 1 };
            at = next;
        }
    }
}

/// Places one after the other.
pub(super) struct Walk<'a> {
    tree: &'a Tree,
    /// What is still to be shown, the next one last.
    due: Vec<u32>,
    back: bool,
}

impl<'a> Walk<'a> {
    fn new(tree: &'a Tree, mut rank: usize, back: bool) -> Self {
        let (mut at, mut due) = (tree.root, Vec::new());
        while at != NONE {
            let node = tree.nodes[at as usize];
            let left = tree.size(node.left);
            let is_due = if back { rank >= left } else { rank <= left };
            if is_due {
                due.push(at);
            }
            if rank == left {
                break;
            }
            if rank < left {
                at = node.left;
            } else {
                rank -= left + 1;
                at = node.right;
            }
        }
        Self { tree, due, back }
    }
}

impl Iterator for Walk<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let shown = self.due.pop()?;
        let node = self.tree.nodes[shown as usize];
        let mut at = if self.back { node.left } else { node.right };
        while at != NONE {
            self.due.push(at);
            let node = self.tree.nodes[at as usize];
            at = if self.back { node.right } else { node.left };
        }
        Some(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tree: &Tree) {
        for node in &tree.nodes {
            let (left, right) = (tree.weight(node.left), tree.weight(node.right));
            assert!(left <= LEAN * right && right <= LEAN * left, "{left} {right}");
            assert_eq!(u64::from(node.size) + 1, left + right);
        }
    }

    #[test]
    fn a_tree_stays_balanced_whatever_order_it_grows_and_shrinks_in() {
        for place in [|_| 0, |len| len, |len| len / 2] {
            let mut tree = Tree::default();
            for length in 0..3_000 {
                tree.push(place(length), 0.0);
            }
            check(&tree);
            while tree.nodes.len() > 100 {
                let left = tree.nodes.len() - 1;
                let moved = tree.walk(place(left)).next().unwrap();
                tree.shift(place(left), left / 3, moved, 1.0);
                tree.remove(place(left), |tree| {
                    tree.walk(0).position(|at| at as usize == left).unwrap()
                });
                if left.is_multiple_of(16) {
                    check(&tree);
                }
            }
            let mut shown: Vec<_> = tree.walk(0).collect();
            shown.sort_unstable();
            assert!(shown.iter().copied().eq(0..100));
        }
    }
}
