//! The whole disk: its tree, its faults and what it has counted.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path};

use flow::{Random, Result, Time};
use rustix::io::Errno;

use super::Survival;
use super::content::Content;
use super::fault::{Failure, Fault, Op};
use super::names::{Names, Number};
use crate::file::{Entry, Metadata, Sort, codes};

const ROOT: Number = 0;

enum Node {
    File(Content, Time),
    Directory(Names),
}

pub(super) struct State {
    nodes: BTreeMap<Number, Node>,
    next: Number,
    random: Random,
    pub(super) plan: Vec<Fault>,
    pub(super) counts: BTreeMap<Op, u64>,
    /// Bytes that still fit.
    pub(super) room: Option<u64>,
    /// Without power nothing answers.
    pub(super) off: bool,
}

impl State {
    pub(super) fn new(random: Random) -> Self {
        Self {
            nodes: BTreeMap::from([(ROOT, Node::Directory(Names::default()))]),
            next: ROOT + 1,
            random,
            plan: Vec::new(),
            counts: BTreeMap::new(),
            room: None,
            off: false,
        }
    }

    /// Begins an operation: counts it, and lets it fail if it shall. A failure that
    /// does not stop the operation is returned.
    pub(super) fn step(&mut self, op: Op, path: &Path, operation: &str) -> Result<Option<Failure>> {
        let fail = |errno: Errno| Err(codes::error(operation, path, errno));
        if self.off {
            return fail(Errno::IO);
        }
        *self.counts.entry(op).or_default() += 1;
        // Every fault counts, also those that come too late to win.
        let met: Vec<Failure> =
            self.plan.iter_mut().filter_map(|fault| fault.meets(op, path)).collect();
        match met.first() {
            Some(Failure::PowerOff) => {
                self.off = true;
                fail(Errno::IO)
            }
            Some(Failure::Io) => fail(Errno::IO),
            Some(Failure::Full) => fail(Errno::NOSPC),
            other => Ok(other.copied()),
        }
    }

    /// A number below `bound`, by the disk's own seed.
    pub(super) fn below(&self, bound: usize) -> usize {
        usize::try_from(self.random.below(bound as u64)).unwrap_or(0)
    }

    // --- The tree -----------------------------------------------------------

    fn directory(&mut self, number: Number) -> Option<&mut Names> {
        match self.nodes.get_mut(&number) {
            Some(Node::Directory(names)) => Some(names),
            _ => None,
        }
    }

    /// The node of a path; an error when a directory on the way is missing.
    pub(super) fn find(&mut self, path: &Path, operation: &str) -> Result<Option<Number>> {
        let mut at = Some(ROOT);
        for component in path.components() {
            let name = match component {
                Component::Normal(name) => name,
                Component::ParentDir => return Err(codes::error(operation, path, Errno::INVAL)),
                _ => continue,
            };
            let number = at.ok_or_else(|| codes::error(operation, path, Errno::NOENT))?;
            let names = self.directory(number);
            let names = names.ok_or_else(|| codes::error(operation, path, Errno::NOTDIR))?;
            at = names.get(name);
        }
        Ok(at)
    }

    /// The directory that holds a path's name, and that name.
    fn place<'a>(&mut self, path: &'a Path, operation: &str) -> Result<(Number, &'a OsStr)> {
        let name = path.file_name();
        let name = name.ok_or_else(|| codes::error(operation, path, Errno::INVAL))?;
        let above = path.parent().unwrap_or(Path::new(""));
        let number = self.find(above, operation)?;
        let number = number.ok_or_else(|| codes::error(operation, path, Errno::NOENT))?;
        match self.directory(number) {
            Some(_) => Ok((number, name)),
            None => Err(codes::error(operation, path, Errno::NOTDIR)),
        }
    }

    fn node_at(&mut self, path: &Path, operation: &str) -> Result<Number> {
        let found = self.find(path, operation)?;
        found.ok_or_else(|| codes::error(operation, path, Errno::NOENT))
    }

    pub(super) fn file_at(&mut self, path: &Path, operation: &str) -> Result<Number> {
        let number = self.node_at(path, operation)?;
        match self.directory(number) {
            Some(_) => Err(codes::error(operation, path, Errno::ISDIR)),
            None => Ok(number),
        }
    }

    fn directory_at(&mut self, path: &Path, operation: &str) -> Result<&mut Names> {
        let number = self.node_at(path, operation)?;
        self.directory(number).ok_or_else(|| codes::error(operation, path, Errno::NOTDIR))
    }

    fn change(&mut self, directory: Number, change: Vec<(OsString, Option<Number>)>) {
        if let Some(names) = self.directory(directory) {
            names.change(change);
        }
    }

    fn add(&mut self, directory: Number, name: &OsStr, node: Node) -> Number {
        let number = self.next;
        self.next += 1;
        self.nodes.insert(number, node);
        self.change(directory, vec![(name.to_owned(), Some(number))]);
        number
    }

    pub(super) fn make(&mut self, path: &Path) -> Result<Number> {
        let (directory, name) = self.place(path, "open")?;
        let now = self.now();
        Ok(self.add(directory, name, Node::File(Content::default(), now)))
    }

    pub(super) fn create_dir(&mut self, path: &Path) -> Result<()> {
        let operation = "make the directory";
        let (directory, name) = self.place(path, operation)?;
        if self.find(path, operation)?.is_some() {
            return Err(codes::error(operation, path, Errno::EXIST));
        }
        self.add(directory, name, Node::Directory(Names::default()));
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> Result<()> {
        let number = self.node_at(from, "rename")?;
        let (source, old) = self.place(from, "rename")?;
        let (target, new) = self.place(to, "rename")?;
        let replaced = self.find(to, "rename")?;
        if replaced == Some(number) {
            return Ok(());
        }
        if let Some(replaced) = replaced {
            if self.directory(replaced).is_some() {
                return Err(codes::error("rename", from, Errno::ISDIR));
            }
            self.release(replaced);
        }
        let (leave, arrive) = ((old.to_owned(), None), (new.to_owned(), Some(number)));
        if source == target {
            self.change(source, vec![leave, arrive]);
        } else {
            self.change(target, vec![arrive]);
            self.change(source, vec![leave]);
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> Result<()> {
        let number = self.file_at(path, "remove")?;
        let (directory, name) = self.place(path, "remove")?;
        self.release(number);
        self.change(directory, vec![(name.to_owned(), None)]);
        Ok(())
    }

    pub(super) fn remove_dir(&mut self, path: &Path) -> Result<()> {
        let operation = "remove the directory";
        if !self.directory_at(path, operation)?.live.is_empty() {
            return Err(codes::error(operation, path, Errno::NOTEMPTY));
        }
        let (directory, name) = self.place(path, operation)?;
        self.change(directory, vec![(name.to_owned(), None)]);
        Ok(())
    }

    pub(super) fn list(&mut self, path: &Path) -> Result<Vec<Entry>> {
        let names = self.directory_at(path, "list")?.live.clone();
        let entry = |(name, number)| Entry {
            name,
            sort: match self.nodes.get(&number) {
                Some(Node::Directory(_)) => Sort::Directory,
                _ => Sort::File,
            },
        };
        Ok(names.into_iter().map(entry).collect())
    }

    pub(super) fn metadata(&mut self, path: &Path) -> Result<Option<Metadata>> {
        let number = match self.find(path, "look at") {
            Err(error) if error.code() == &codes::MISSING => None,
            other => other?,
        };
        let node = number.and_then(|number| self.nodes.get(&number));
        Ok(node.map(|node| match node {
            Node::Directory(_) => {
                Metadata { sort: Sort::Directory, size: 0, modified: Time::default() }
            }
            Node::File(content, modified) => {
                Metadata { sort: Sort::File, size: content.live.len() as u64, modified: *modified }
            }
        }))
    }

    /// A disk has no clock: its time is the number of things that happened.
    fn now(&self) -> Time {
        Time(self.counts.values().sum())
    }

    // --- The bytes ----------------------------------------------------------

    /// The bytes of a file that is open or has just been found.
    pub(super) fn content(&mut self, number: Number) -> &mut Content {
        match self.nodes.get_mut(&number) {
            Some(Node::File(content, _)) => content,
            _ => unreachable!("nodes stay as long as the disk, and keep their sort"),
        }
    }

    /// How many of the bytes to be written at `offset` there is room for.
    pub(super) fn fits(&mut self, number: Number, offset: usize, bytes: usize) -> usize {
        let size = self.content(number).live.len();
        match self.room {
            None => bytes,
            Some(room) => {
                let end = size.saturating_add(usize::try_from(room).unwrap_or(usize::MAX));
                bytes.min(end.saturating_sub(offset))
            }
        }
    }

    /// Takes the room that bytes written at `offset` need.
    pub(super) fn grow(&mut self, number: Number, offset: usize, bytes: usize) {
        let now = self.now();
        if let Some(Node::File(content, modified)) = self.nodes.get_mut(&number) {
            *modified = now;
            let more = (offset + bytes).saturating_sub(content.live.len());
            if let Some(room) = self.room.as_mut().filter(|_| bytes > 0) {
                *room = room.saturating_sub(more as u64);
            }
        }
    }

    pub(super) fn resize(&mut self, number: Number, path: &Path, size: u64) -> Result<()> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let now = self.content(number).live.len();
        if size > now && self.fits(number, now, size - now) < size - now {
            return Err(codes::error("take space for", path, Errno::NOSPC));
        }
        self.grow(number, now, size.saturating_sub(now));
        if let Some(room) = &mut self.room {
            *room += now.saturating_sub(size) as u64;
        }
        self.content(number).resize(size);
        Ok(())
    }

    /// Gives back the room of a file that lost its name.
    fn release(&mut self, number: Number) {
        let size = self.content(number).live.len() as u64;
        if let Some(room) = &mut self.room {
            *room += size;
        }
    }

    // --- What lasts ---------------------------------------------------------

    pub(super) fn sync(&mut self, number: Number, step: Result<Option<Failure>>) -> Result<()> {
        let (off, random) = (self.off, self.random.clone());
        let content = self.content(number);
        match step {
            Ok(Some(Failure::Lie)) => {}
            Ok(_) => content.sync(),
            Err(_) if off => {}
            Err(_) => content.fail_to_sync(&random),
        }
        step.map(|_| ())
    }

    pub(super) fn sync_dir(&mut self, path: &Path, step: Result<Option<Failure>>) -> Result<()> {
        let (off, random) = (self.off, self.random.clone());
        let names = self.directory_at(path, "sync the directory")?;
        match step {
            Ok(Some(Failure::Lie)) => {}
            Ok(_) => names.sync(),
            Err(_) if off => {}
            Err(_) => names.fail_to_sync(&Survival::Some(random)),
        }
        step.map(|_| ())
    }

    pub(super) fn after_a_crash(&self, survival: &Survival) -> State {
        let mut after = State::new(Random::seeded(self.random.number()));
        after.next = self.next;
        after.room = self.room;
        let (mut known, mut left) = (BTreeSet::from([ROOT]), vec![ROOT]);
        while let Some(number) = left.pop() {
            let node = match self.nodes.get(&number) {
                None => continue,
                Some(Node::File(content, modified)) => {
                    Node::File(Content::lasting(content.after_a_crash(survival)), *modified)
                }
                Some(Node::Directory(names)) => {
                    let names = names.after_a_crash(survival);
                    left.extend(names.values().filter(|number| known.insert(**number)));
                    Node::Directory(Names::lasting(names))
                }
            };
            after.nodes.insert(number, node);
        }
        after
    }
}
