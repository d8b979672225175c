//! What an answer depends on: which parts of the input are read, and whether the same question
//! has the same answer tomorrow.

use std::collections::BTreeSet;

use crate::plan::{Callee, Mock, NodeId, RuleId, Step, Swap};
use crate::{Program, Value};

/// What a document depends on besides policies and data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// The places in the input that are read, none below another. The empty path is all of it.
    pub input: Vec<Vec<Value>>,
    /// Whether any documents are read that no rule makes.
    pub data: bool,
    /// What is asked that may answer otherwise by itself: time, chance, other servers.
    pub unsteady: BTreeSet<&'static str>,
}

impl Program {
    /// What the document at a path depends on. This is found by reading the policy, so that it
    /// may be more than what one evaluation looks at, and never less.
    pub fn reads(&self, path: &[Value]) -> Reads {
        let (node, depth) = self.node(path);
        let mut reader = Reader { program: self, reads: Reads::default(), seen: BTreeSet::new() };
        match depth < path.len() && self.document_rule(node).is_none() {
            true => reader.reads.data = true,
            false => reader.below(node),
        }
        let mut reads = reader.reads;
        reads.input.sort_unstable();
        reads.input.dedup();
        let all = reads.input.clone();
        reads.input.retain(|path| {
            let mut before = (0..path.len()).filter_map(|end| path.get(..end));
            let is_read =
                |other: &[Value]| all.binary_search_by(|one| one.as_slice().cmp(other)).is_ok();
            !before.any(is_read)
        });
        reads
    }
}

struct Reader<'p> {
    program: &'p Program,
    reads: Reads,
    seen: BTreeSet<RuleId>,
}

impl<'p> Reader<'p> {
    fn below(&mut self, node: NodeId) {
        let Some(here) = self.program.tree.nodes.get(node as usize) else { return };
        self.reads.data |= here.rule.is_none();
        if let Some(rule) = self.program.document_rule(node) {
            self.rule(rule);
        }
        for (_, child) in &here.children {
            self.below(*child);
        }
    }

    fn rule(&mut self, rule: RuleId) {
        // Rules may be long chains: what is still to be read is kept here and not on the stack.
        let mut open = vec![rule];
        while let Some(rule) = open.pop() {
            if !self.seen.insert(rule) {
                continue;
            }
            let Some(set) = self.program.rules.get(rule as usize) else { continue };
            for plan in set.plans.first().into_iter().flatten().chain(&set.default) {
                for branch in &plan.branches {
                    self.steps(&branch.steps, &mut open);
                }
            }
        }
    }

    fn steps(&mut self, steps: &'p [Step], open: &mut Vec<RuleId>) {
        for step in steps {
            match step {
                Step::Input { path, .. } => {
                    self.reads.input.push(path.to_vec());
                }
                Step::Base { .. } => self.reads.data = true,
                Step::Rule { rule, .. } | Step::Apply { rule, .. } => open.push(*rule),
                Step::Whole { node, .. } | Step::Search { node, .. } => {
                    self.reads.data = true;
                    self.program.below(*node, open);
                }
                Step::Call { function, .. } if !function.steady => {
                    self.reads.unsteady.insert(function.name);
                }
                Step::Gather { steps, .. } | Step::Not { steps } | Step::Every { steps, .. } => {
                    self.steps(steps, open);
                }
                Step::With { swaps } => self.stands(swaps, open),
                _ => {}
            }
        }
    }

    fn stands(&mut self, swaps: &[Swap], open: &mut Vec<RuleId>) {
        for swap in swaps {
            match swap {
                Swap::Function { by: Mock::Function(Callee::Rule(rule)), .. } => open.push(*rule),
                Swap::Function { by: Mock::Function(Callee::Builtin(function)), .. }
                    if !function.steady =>
                {
                    self.reads.unsteady.insert(function.name);
                }
                _ => {}
            }
        }
    }
}

impl Program {
    /// All rules at and below a node.
    fn below(&self, node: NodeId, found: &mut Vec<RuleId>) {
        let Some(here) = self.tree.nodes.get(node as usize) else { return };
        found.extend(here.rule);
        for (_, child) in &here.children {
            self.below(*child, found);
        }
    }
}
