//! Steps that do nothing but tell: which line is reached, and which case of a test begins.

use super::{Block, Unknown, Writer};
use crate::compile::atom::Atom;
use crate::compile::read::Read;
use crate::plan::{Arg, Line, Slot, Step};
use crate::syntax::tree::{Name, Rule, Term, TermKind};

/// Whether a rule is a test of several cases, which are its keys.
pub(super) fn has_cases(rule: &Rule, keys: &[Term]) -> bool {
    let tests = |term: &Term| match &term.kind {
        TermKind::Var(name) => name.starts_with("test_"),
        TermKind::Scalar(value) => value.as_text().is_some_and(|name| name.starts_with("test_")),
        _ => false,
    };
    let named = match &rule.head.reference.kind {
        TermKind::Ref(head, steps) => tests(head) || steps.iter().any(tests),
        _ => false,
    };
    named && !rule.default && !keys.is_empty()
}

impl Writer<'_, '_> {
    /// Tells that a line is reached, and with which variables.
    pub(super) fn mark(&mut self, atom: &Atom, block: &mut Block) {
        let at = self.reader.at(atom.span);
        let (row, _) = at.source.place(atom.span.start);
        let mut names: Vec<(Name, Slot)> = Vec::new();
        atom.variables(&mut |slot| {
            let name = self.reader.names.get(slot as usize).cloned().flatten();
            let Some(name) = name.filter(|name| !name.starts_with('$')) else { return };
            if block.knows(slot) && !names.iter().any(|(_, other)| *other == slot) {
                names.push((name, slot));
            }
        });
        let line = Line { at, row, depth: block.depth, names: names.into() };
        block.steps.push(Step::Mark(Box::new(line)));
    }

    /// Writes the atoms of a test with cases, and tells which case it is as soon as that is
    /// known: one that does not hold later on would never be heard of otherwise.
    pub(super) fn cases(&mut self, read: &Read, block: &mut Block) {
        let mut told = self.case(read, block).is_ok();
        let mut left: Vec<&Atom> = Vec::new();
        for (place, atom) in read.atoms.iter().enumerate() {
            if read.keyed.contains(&place) {
                continue;
            }
            let (steps, trail) = (block.steps.len(), block.trail.len());
            if self.atom(atom, block).is_err() {
                block.take_back(steps, trail);
                left.push(atom);
                continue;
            }
            // What waited for this one comes before what is written after it.
            told = told || self.case(read, block).is_ok();
        }
        let keyed = read.atoms.get(read.keyed.clone()).unwrap_or_default();
        left.extend(keyed.iter().filter(|_| !told));
        self.rest(left, block);
        if !told {
            // Nothing is left that could stop it.
            let _ = self.case(read, block);
        }
    }

    fn case(&mut self, read: &Read, block: &mut Block) -> Result<(), Unknown> {
        let (steps, trail) = (block.steps.len(), block.trail.len());
        let done = self.case_of(read, block);
        if done.is_err() {
            block.take_back(steps, trail);
        }
        done
    }

    fn case_of(&mut self, read: &Read, block: &mut Block) -> Result<(), Unknown> {
        for atom in read.atoms.get(read.keyed.clone()).unwrap_or_default() {
            self.atom(atom, block)?;
        }
        let keys: Box<[Arg]> = self.values(&read.keys, block)?;
        block.steps.push(Step::Case { keys });
        Ok(())
    }
}
