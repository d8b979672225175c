//! The positions that a question leads to.

use std::ops::RangeInclusive;
use std::sync::Arc;

use flow::Result;

use super::sealed::List;
use super::term::Term;
use super::{Direction, Part, Set};

/// The positions of a term, read as they are taken. What is added, merged or removed
/// meanwhile does not matter to it.
pub(crate) struct Postings {
    set: Arc<Set>,
    term: Term,
    way: Direction,
    /// What is still to be looked at.
    from: u64,
    until: u64,
    /// Parts of the set still to be looked at, and the list in the next of them once it
    /// was found.
    parts: std::ops::Range<usize>,
    list: Option<List>,
    /// What was read, and how much of it was taken.
    held: Vec<u64>,
    taken: usize,
}

impl Postings {
    pub(super) fn new(
        set: Arc<Set>,
        term: Term,
        range: RangeInclusive<u64>,
        way: Direction,
    ) -> Self {
        let (low, high) = range.into_inner();
        let (from, until) = match way {
            Direction::Forward => (low, high),
            Direction::Backward => (high, low),
        };
        let parts = if low > high { 0..0 } else { 0..set.parts() };
        Self { set, term, way, from, until, parts, list: None, held: Vec::new(), taken: 0 }
    }

    /// Leaves out what comes before `position` in its direction.
    pub(crate) fn seek(&mut self, position: u64) {
        let way = self.way;
        let left = self.held.get(self.taken..).unwrap_or_default();
        self.taken += left.partition_point(|held| way.before(*held, position));
        if way.before(self.from, position) {
            self.from = position;
        }
    }

    fn take(&mut self) -> Result<Option<u64>> {
        loop {
            if let Some(position) = self.held.get(self.taken).copied() {
                self.taken += 1;
                return Ok(
                    Some(position).filter(|position| !self.way.before(self.until, *position))
                );
            }
            if self.parts.is_empty() || self.way.before(self.until, self.from) {
                return Ok(None);
            }
            self.read()?;
        }
    }

    /// Reads what comes next of the part that is next, or goes on to the next part.
    fn read(&mut self) -> Result<()> {
        self.held.clear();
        self.taken = 0;
        let number = match self.way {
            Direction::Forward => self.parts.start,
            Direction::Backward => self.parts.end - 1,
        };
        let Some(part) = self.set.part(number) else { return Ok(()) };
        let (first, last) = part.range();
        let (near, far) = match self.way {
            Direction::Forward => (first, last),
            Direction::Backward => (last, first),
        };
        let beyond = self.way.before(far, self.from) || first > last;
        if !beyond && !self.way.before(self.until, near) {
            match part {
                Part::Tail(tail) => tail.fill(self.term, self.from, self.way, &mut self.held),
                Part::Run(run) => {
                    if self.list.is_none() {
                        self.list = run.find(self.term)?.map(|(_, list)| list);
                    }
                    if let Some(list) = &mut self.list {
                        run.fill(list, self.from, self.way, &mut self.held)?;
                    }
                }
            }
        }
        match (self.held.last(), self.way) {
            (Some(last), Direction::Forward) => self.from = last + 1,
            // Positions begin with 1.
            (Some(last), Direction::Backward) => self.from = last - 1,
            (None, Direction::Forward) => self.parts.start += 1,
            (None, Direction::Backward) => self.parts.end -= 1,
        }
        if self.held.is_empty() {
            self.list = None;
        }
        Ok(())
    }
}

impl Iterator for Postings {
    type Item = Result<u64>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take().transpose()
    }
}

/// The positions that have all of several terms.
pub(crate) struct All {
    /// Those of the rarest term first.
    each: Vec<Postings>,
    /// What was taken last of all but the rarest.
    last: Vec<Option<u64>>,
}

impl All {
    pub(super) fn new(each: Vec<Postings>) -> Self {
        let last = vec![None; each.len()];
        Self { each, last }
    }

    fn take(&mut self) -> Result<Option<u64>> {
        let Some((rarest, others)) = self.each.split_first_mut() else { return Ok(None) };
        'candidate: loop {
            let Some(wanted) = rarest.take()? else { return Ok(None) };
            for (other, last) in others.iter_mut().zip(&mut self.last) {
                if last.is_none_or(|last| other.way.before(last, wanted)) {
                    other.seek(wanted);
                    *last = other.take()?;
                }
                match *last {
                    Some(found) if found == wanted => {}
                    Some(found) => {
                        rarest.seek(found);
                        continue 'candidate;
                    }
                    None => return Ok(None),
                }
            }
            return Ok(Some(wanted));
        }
    }
}

impl Iterator for All {
    type Item = Result<u64>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take().transpose()
    }
}
