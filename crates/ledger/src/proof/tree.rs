//! The tree on a disk: flat files of hashes for every eighth level.
//!
//! Entry *i* of `level-L` is the root of the full subtree over the 2^L leaves from
//! *i* · 2^L on. The levels between are computed: a node above a stored level takes one
//! read of at most 4 KiB and 127 hashes. Eight bits a level were chosen over all levels
//! because they take half the space and, far more often, one write instead of several.
//!
//! Proofs are made while leaves are appended. Each is checked against the root of the
//! whole tree, which is in memory, before it is handed out: a file that was damaged since
//! the tree was opened is an error, and not a proof that does not hold.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flow::Result;
use parking_lot::{Mutex, RwLock};
use pool::file::{File, Files, Open};

use super::edge::Edge;
use super::hash::Hash;
use super::verify;
use crate::codes::INVALID;
use crate::disk::damage;

/// How many levels one stored level is above the one below.
const STEP: u32 = 8;
/// 0, 8, 16, 24 and 32: the last serves a million million leaves.
const LEVELS: usize = 5;
const ENTRY: u64 = 32;

/// The tree over the leaves of a log. One thread appends; any may ask for proofs.
#[derive(Debug)]
pub(crate) struct Tree {
    levels: [Level; LEVELS],
    edge: RwLock<Edge>,
    /// Held by who appends or cuts; what is to be written to each level.
    drafts: Mutex<[Vec<u8>; LEVELS]>,
    /// Shared by those who read entries, so that none are cut off below them.
    cut: RwLock<()>,
}

impl Tree {
    /// Opens the tree over the first `size` leaves, and cuts off what lies beyond. Upper
    /// levels that are too short are made anew. Whatever is below `size` has to have been
    /// synced: it is not all read again, so the caller compares the root with one that is
    /// known.
    ///
    /// # Errors
    /// When there are fewer leaves than that, or the disk fails.
    pub(crate) fn open(files: &Arc<dyn Files>, folder: &Path, size: u64) -> Result<Self> {
        let level = |number: usize| Level::open(&**files, folder, number as u32 * STEP);
        let levels = [level(0)?, level(1)?, level(2)?, level(3)?, level(4)?];
        files.sync_dir(folder)?;
        let [leaves, ..] = &levels;
        let found = leaves.count()?;
        if found < size {
            let what = format!("it has {found} leaves where {size} are needed");
            return Err(damage(&leaves.path, found * ENTRY, &what));
        }
        levels.iter().try_for_each(|level| level.keep(size >> level.height))?;
        for (below, level) in levels.iter().zip(levels.iter().skip(1)) {
            level.derive(below, size >> level.height)?;
        }
        let tree = Self {
            levels,
            edge: RwLock::default(),
            drafts: Mutex::default(),
            cut: RwLock::default(),
        };
        *tree.edge.write() = Edge::of(size, tree.full(&(0..size))?);
        Ok(tree)
    }

    /// How many leaves there are.
    pub(crate) fn size(&self) -> u64 {
        self.edge.read().size()
    }

    /// Adds leaves: one write for each level that grows. When it fails, none was added.
    pub(crate) fn append(&self, leaves: &[Hash]) -> Result<()> {
        let mut drafts = self.drafts.lock();
        drafts.iter_mut().for_each(Vec::clear);
        let mut edge = self.edge.read().clone();
        let size = edge.size();
        for leaf in leaves {
            edge.grow(*leaf, |height, root| {
                let draft = drafts.get_mut((height / STEP) as usize);
                if let Some(draft) = draft.filter(|_| height % STEP == 0) {
                    draft.extend_from_slice(root.as_bytes());
                }
            });
        }
        for (level, draft) in self.levels.iter().zip(drafts.iter()) {
            level.write(size >> level.height, draft)?;
        }
        *self.edge.write() = edge;
        Ok(())
    }

    /// Makes all of it lasting.
    pub(crate) fn sync(&self) -> Result<()> {
        self.levels.iter().try_for_each(Level::sync)
    }

    /// Cuts off all leaves but the first `size`.
    pub(crate) fn truncate(&self, size: u64) -> Result<()> {
        let _drafts = self.drafts.lock();
        let _cut = self.cut.write();
        self.within(size)?;
        let edge = self.edge_at(size)?;
        // Whoever asks next sees the smaller tree, even if a file then fails to be cut.
        *self.edge.write() = edge;
        self.levels.iter().try_for_each(|level| level.keep(size >> level.height))
    }

    /// A leaf.
    pub(crate) fn leaf(&self, index: u64) -> Result<Hash> {
        let _cut = self.cut.read();
        self.within(index.saturating_add(1))?;
        self.node(0, index)
    }

    /// The root over the first `size` leaves.
    pub(crate) fn root(&self, size: u64) -> Result<Hash> {
        let _cut = self.cut.read();
        self.within(size)?;
        self.root_at(size)
    }

    /// That the leaf of this index is among the first `size`.
    pub(crate) fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>> {
        let _cut = self.cut.read();
        self.within(size)?;
        if index >= size {
            let sentence =
                format!("event {} is not among the first {size}", index.saturating_add(1));
            return Err(INVALID.error(sentence));
        }
        let (mut span, mut proof) = (0..size, Vec::new());
        while span.end - span.start > 1 {
            let middle = middle(&span);
            let other = if index < middle { middle..span.end } else { span.start..middle };
            span = if index < middle { span.start..middle } else { middle..span.end };
            proof.push(self.over(&other)?);
        }
        proof.reverse();
        let (leaf, root) = (self.node(0, index)?, self.root_at(size)?);
        self.sound(verify::inclusion(&leaf, index, size, &proof, &root))?;
        Ok(proof)
    }

    /// That the first `old` leaves are the beginning of the first `new`.
    pub(crate) fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>> {
        let _cut = self.cut.read();
        self.within(new)?;
        if old > new {
            let sentence = format!("the first {old} events are no beginning of the first {new}");
            return Err(INVALID.error(sentence));
        }
        let proof = self.path(old, new)?;
        let (old_root, new_root) = (self.root_at(old)?, self.root_at(new)?);
        self.sound(verify::consistency((old, &old_root), (new, &new_root), &proof))?;
        Ok(proof)
    }

    fn within(&self, size: u64) -> Result<()> {
        let most = self.size();
        if size > most {
            return Err(INVALID.error(format!("there are {most} events, not {size}")));
        }
        Ok(())
    }

    fn sound(&self, holds: bool) -> Result<()> {
        let [leaves, ..] = &self.levels;
        let what = "its levels contradict each other; make the tree anew from the segments";
        if holds { Ok(()) } else { Err(damage(&leaves.path, 0, what)) }
    }

    fn root_at(&self, size: u64) -> Result<Hash> {
        Ok(self.edge_at(size)?.root())
    }

    /// The edge of the tree as it was at this size.
    fn edge_at(&self, size: u64) -> Result<Edge> {
        let now = self.edge.read().clone();
        if size == now.size() {
            return Ok(now);
        }
        let then = Edge::of(size, self.full(&(0..size))?);
        // The files could agree with each other and be wrong.
        let proof = self.path(size, now.size())?;
        let (old, new) = ((size, &then.root()), (now.size(), &now.root()));
        self.sound(verify::consistency(old, new, &proof))?;
        Ok(then)
    }

    /// A proof of consistency, unchecked.
    fn path(&self, old: u64, new: u64) -> Result<Vec<Hash>> {
        let (mut span, mut proof) = (0..new, Vec::new());
        while old > 0 && old < span.end {
            let middle = middle(&span);
            let other = if old <= middle { middle..span.end } else { span.start..middle };
            span = if old <= middle { span.start..middle } else { middle..span.end };
            proof.push(self.over(&other)?);
        }
        // What both trees have in common at the edge of the old one; who has its root
        // knows it when that is all of it.
        if old > 0 && span.start > 0 {
            proof.push(self.over(&span)?);
        }
        proof.reverse();
        Ok(proof)
    }

    /// The root over leaves that are a subtree: full, or at the right edge.
    fn over(&self, span: &std::ops::Range<u64>) -> Result<Hash> {
        let edge = Edge::of(span.end - span.start, self.full(span)?);
        Ok(edge.root())
    }

    /// The roots of the full subtrees these leaves are made of, the largest first.
    fn full(&self, span: &std::ops::Range<u64>) -> Result<Vec<Hash>> {
        let (count, mut start) = (span.end - span.start, span.start);
        let heights = (0..u64::BITS).rev().filter(|height| count >> height & 1 == 1);
        heights
            .map(|height| {
                let root = self.node(height, start >> height);
                start += 1 << height;
                root
            })
            .collect()
    }

    /// The root of a full subtree.
    fn node(&self, height: u32, index: u64) -> Result<Hash> {
        let below = self.levels.iter().rev().find(|level| level.height <= height);
        let [leaves, ..] = &self.levels;
        let level = below.unwrap_or(leaves);
        let above = height - level.height;
        level.join(index << above, 1 << above)
    }
}

/// Where RFC 6962 divides leaves: behind the largest power of two that is less.
fn middle(span: &std::ops::Range<u64>) -> u64 {
    let last = (span.end - span.start - 1).max(1);
    span.start + (1 << last.ilog2())
}

/// A file of hashes.
#[derive(Debug)]
struct Level {
    height: u32,
    path: PathBuf,
    file: Arc<dyn File>,
    /// Whether something was written since it was synced.
    written: AtomicBool,
}

impl Level {
    fn open(files: &dyn Files, folder: &Path, height: u32) -> Result<Self> {
        let path = folder.join(format!("level-{height}"));
        let file = files.open(&path, Open::Create)?;
        Ok(Self { height, path, file, written: AtomicBool::new(false) })
    }

    /// How many whole entries there are.
    fn count(&self) -> Result<u64> {
        Ok(self.file.size()? / ENTRY)
    }

    /// Cuts off all but so many entries, if there are more.
    fn keep(&self, count: u64) -> Result<()> {
        if self.file.size()? > count * ENTRY {
            self.written.store(true, Ordering::Release);
            self.file.truncate(count * ENTRY)?;
        }
        Ok(())
    }

    /// Makes the entries that are missing from those of the level below.
    fn derive(&self, below: &Self, count: u64) -> Result<()> {
        for index in self.count()?..count {
            let root = below.join(index << STEP, 1 << STEP)?;
            self.write(index, root.as_bytes())?;
        }
        Ok(())
    }

    fn write(&self, index: u64, entries: &[u8]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        self.written.store(true, Ordering::Release);
        self.file.write_at(entries, index * ENTRY)
    }

    fn sync(&self) -> Result<()> {
        // A sync that fails is final, so it does not matter that this is forgotten then.
        if self.written.swap(false, Ordering::AcqRel) { self.file.sync() } else { Ok(()) }
    }

    /// The root over so many entries from this one on, a power of two.
    fn join(&self, index: u64, count: u64) -> Result<Hash> {
        let mut bytes = vec![0; (count * ENTRY) as usize];
        let read = self.file.read_at(&mut bytes, index * ENTRY)?;
        if read < bytes.len() {
            let what = "it ends before hashes that were written";
            return Err(damage(&self.path, index * ENTRY + read as u64, what));
        }
        let (entries, _) = bytes.as_chunks();
        let joined: Edge = entries.iter().map(|entry| Hash::from(*entry)).collect();
        Ok(joined.root())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::LazyLock;

    use pool::file::lossy::{Failure, Fault, Lossy, Op, Survival};
    use proptest::prelude::*;

    use super::*;
    use crate::codes::DAMAGED;
    use crate::proof::edge::tests::leaves;

    const FOLDER: &str = "/tree";

    fn disk() -> Lossy {
        let disk = Lossy::new(1);
        disk.create_dir(Path::new(FOLDER)).unwrap();
        disk
    }

    fn open(disk: &Lossy, size: u64) -> Result<Tree> {
        let files: Arc<dyn Files> = Arc::new(disk.clone());
        Tree::open(&files, Path::new(FOLDER), size)
    }

    fn level(number: u32) -> PathBuf {
        Path::new(FOLDER).join(format!("level-{number}"))
    }

    /// The roots over the first so many leaves.
    fn roots(leaves: &[Hash], sizes: &BTreeSet<u64>) -> BTreeMap<u64, Hash> {
        let (mut edge, mut roots) = (Edge::default(), BTreeMap::new());
        for leaf in leaves.iter().map(Some).chain([None]) {
            if sizes.contains(&edge.size()) {
                roots.insert(edge.size(), edge.root());
            }
            leaf.into_iter().for_each(|leaf| edge.push(*leaf));
        }
        roots
    }

    /// All a tree says is as it should be.
    fn check(tree: &Tree, leaves: &[Hash], sizes: &[u64]) {
        let places = |size: u64| [0, size / 3, size.saturating_sub(1)];
        let all = sizes.iter().flat_map(|size| places(*size)).chain(sizes.iter().copied());
        let roots = roots(leaves, &all.chain([leaves.len() as u64]).collect());
        assert_eq!(tree.size(), leaves.len() as u64);
        assert_eq!(tree.root(tree.size()).unwrap(), roots[&tree.size()]);
        for &size in sizes {
            let root = roots[&size];
            assert_eq!(tree.root(size).unwrap(), root);
            for index in places(size) {
                if index < size {
                    let proof = tree.inclusion(index, size).unwrap();
                    let leaf = tree.leaf(index).unwrap();
                    assert_eq!(leaf, leaves[index as usize]);
                    assert!(verify::inclusion(&leaf, index, size, &proof, &root));
                }
                let proof = tree.consistency(index, size).unwrap();
                assert!(verify::consistency((index, &roots[&index]), (size, &root), &proof));
            }
        }
    }

    #[test]
    fn all_small_trees_prove_all_they_hold() {
        let leaves = leaves(70);
        let tree = open(&disk(), 0).unwrap();
        for (before, leaf) in leaves.iter().enumerate() {
            tree.append(&[*leaf]).unwrap();
            check(&tree, &leaves[..=before], &[before as u64 + 1]);
        }
        check(&tree, &leaves, &(0..=70).collect::<Vec<_>>());
    }

    #[test]
    fn a_tree_of_three_stored_levels_proves_too() {
        let leaves = leaves((1 << 16) + 300);
        let (disk, sizes) = (disk(), [1, 255, 256, 257, 511, 4096, 65_535, 65_536, 65_537, 65_836]);
        let tree = open(&disk, 0).unwrap();
        leaves.chunks(1000).for_each(|group| tree.append(group).unwrap());
        check(&tree, &leaves, &sizes);
        assert_eq!(disk.metadata(&level(8)).unwrap().unwrap().size, 257 * ENTRY);
        assert_eq!(disk.metadata(&level(16)).unwrap().unwrap().size, ENTRY);
        let again = open(&disk, leaves.len() as u64).unwrap();
        check(&again, &leaves, &sizes);
        let shorter = open(&disk, 65_540).unwrap();
        check(&shorter, &leaves[..65_540], &sizes[..9]);
    }

    #[test]
    fn upper_levels_are_made_anew() {
        let leaves = leaves((1 << 16) + 600);
        let disk = disk();
        open(&disk, 0).unwrap().append(&leaves).unwrap();
        disk.remove(&level(16)).unwrap();
        disk.open(&level(8), Open::Write).unwrap().truncate(100 * ENTRY + 5).unwrap();
        let tree = open(&disk, leaves.len() as u64).unwrap();
        check(&tree, &leaves, &[300, 65_536, 66_136]);
    }

    #[test]
    fn missing_leaves_are_damage() {
        let disk = disk();
        open(&disk, 0).unwrap().append(&leaves(10)).unwrap();
        let error = open(&disk, 11).unwrap_err();
        assert_eq!(error.code(), &DAMAGED);
        assert!(error.detail().ends_with("it has 10 leaves where 11 are needed"));
    }

    #[test]
    fn no_proof_is_made_of_damaged_hashes() {
        let leaves = leaves(700);
        for (number, entry) in [(0, 5), (8, 1)] {
            let disk = disk();
            let tree = open(&disk, 0).unwrap();
            tree.append(&leaves).unwrap();
            disk.rot(&level(number), entry * 256 + 3).unwrap();
            let error = tree.inclusion(4, 700).and(tree.inclusion(600, 700)).unwrap_err();
            assert_eq!(error.code(), &DAMAGED);
            assert_eq!(tree.consistency(600, 700).is_err(), number == 8);
            // Not even where the damage is on both sides of what is compared.
            assert_eq!(tree.inclusion(600, 650).is_err(), number == 8);
            assert_eq!(tree.root(650).is_err(), number == 8);
        }
    }

    #[test]
    fn questions_beyond_the_end_are_refused() {
        let tree = open(&disk(), 0).unwrap();
        tree.append(&leaves(10)).unwrap();
        assert!(tree.leaf(10).is_err() && tree.leaf(u64::MAX).is_err() && tree.root(11).is_err());
        assert!(tree.inclusion(10, 10).is_err() && tree.inclusion(0, 11).is_err());
        assert!(tree.consistency(5, 4).is_err() && tree.consistency(4, 11).is_err());
        assert!(tree.truncate(11).is_err());
    }

    #[test]
    fn what_was_synced_outlasts_a_crash() {
        let (disk, leaves) = (disk(), leaves(1300));
        disk.sync_dir(Path::new("/")).unwrap();
        let tree = open(&disk, 0).unwrap();
        tree.append(&leaves[..1000]).unwrap();
        tree.sync().unwrap();
        tree.append(&leaves[1000..]).unwrap();
        let after = disk.crash(&Survival::Nothing);
        let tree = open(&after, 1000).unwrap();
        check(&tree, &leaves[..1000], &[1000]);
        tree.append(&leaves[1000..]).unwrap();
        check(&tree, &leaves, &[1000, 1300]);
    }

    #[test]
    fn leaves_that_could_not_be_written_are_not_there() {
        let leaves = leaves(600);
        for failure in [Failure::Io, Failure::Short, Failure::Full] {
            // The first write is to the leaves, the second to the level above.
            for write in [1, 2] {
                let disk = disk();
                let tree = open(&disk, 0).unwrap();
                tree.append(&leaves[..200]).unwrap();
                disk.plan(Fault::nth(Op::Write, write, failure));
                assert!(tree.append(&leaves[300..]).is_err(), "{failure:?} {write}");
                check(&tree, &leaves[..200], &[100, 200]);
                tree.append(&leaves[200..]).unwrap();
                check(&tree, &leaves, &[200, 600]);
            }
        }
    }

    #[test]
    fn proofs_are_made_while_the_tree_grows() {
        let leaves = leaves(5000);
        let tree = open(&disk(), 0).unwrap();
        tree.append(&leaves[..1]).unwrap();
        std::thread::scope(|scope| {
            let asker = scope.spawn(|| {
                let mut size = 1;
                while size < 5000 {
                    size = tree.size();
                    tree.inclusion(size / 2, size).unwrap();
                    tree.consistency(size / 2, size).unwrap();
                }
            });
            leaves[1..].chunks(7).for_each(|group| tree.append(group).unwrap());
            asker.join().unwrap();
        });
        check(&tree, &leaves, &[2500, 5000]);
    }

    static MANY: LazyLock<Vec<Hash>> = LazyLock::new(|| leaves(8000));

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn groups_cuts_and_reopening_change_nothing(
            steps in prop::collection::vec((0u8..5, 0usize..600), 1..12),
        ) {
            let disk = disk();
            let mut tree = open(&disk, 0).unwrap();
            let (mut kept, mut next): (Vec<Hash>, _) = (Vec::new(), 0);
            for (what, amount) in steps {
                match what {
                    0 => {
                        kept.truncate(kept.len().saturating_sub(amount));
                        tree.truncate(kept.len() as u64).unwrap();
                    }
                    1 => {
                        kept.truncate(kept.len().saturating_sub(amount));
                        tree = open(&disk, kept.len() as u64).unwrap();
                    }
                    _ => {
                        let group = &MANY[next..next + amount];
                        next += amount;
                        tree.append(group).unwrap();
                        kept.extend_from_slice(group);
                    }
                }
            }
            let size = kept.len() as u64;
            check(&tree, &kept, &[size / 3, size / 2, size]);
        }
    }
}
