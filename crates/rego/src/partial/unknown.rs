//! What is not known, and which steps come upon it.

use std::collections::{HashMap, HashSet};

use crate::compile::Program;
use crate::plan::{Asked, Callee, Kind, Mock, NodeId, RuleId, Step, Swap};
use crate::{Value, partial::Leave};

/// What is not known: as it is, and within a `with`, where whatever any `with` replaces is not.
pub(super) struct Unknowns<'p> {
    program: &'p Program,
    /// What was said to be unknown.
    said: Paths,
    /// That, and whatever may be replaced.
    replaced: Paths,
    /// Functions for which others may stand.
    mocked: Vec<Callee>,
    unsteady: bool,
    known: HashMap<(RuleId, bool), bool>,
}

/// Places that are not known.
#[derive(Debug, Clone, Default)]
struct Paths {
    input: Vec<Vec<Value>>,
    data: Vec<Vec<Value>>,
}

impl Paths {
    fn add(&mut self, path: &[Value]) {
        let Some((root, rest)) = path.split_first() else { return };
        match root.as_text() {
            Some("input") => self.input.push(rest.to_vec()),
            _ => self.data.push(rest.to_vec()),
        }
    }
}

/// Whether one place is within another.
fn overlap(paths: &[Vec<Value>], path: &[Value]) -> bool {
    paths.iter().any(|other| other.starts_with(path) || path.starts_with(other))
}

impl<'p> Unknowns<'p> {
    pub(super) fn new(program: &'p Program, asked: &'p Asked, leave: &Leave) -> Self {
        let mut said = Paths::default();
        leave.unknowns.iter().for_each(|path| said.add(path));
        let mut this = Self {
            program,
            replaced: said.clone(),
            said,
            mocked: Vec::new(),
            unsteady: leave.unsteady,
            known: HashMap::new(),
        };
        this.replaced_in(&asked.steps);
        for set in &program.rules {
            for plan in set.plans.first().into_iter().flatten().chain(&set.default) {
                plan.branches.iter().for_each(|branch| this.replaced_in(&branch.steps));
            }
        }
        this
    }

    fn replaced_in(&mut self, steps: &'p [Step]) {
        let mut open: Vec<&Step> = steps.iter().collect();
        while let Some(step) = open.pop() {
            open.extend(step.inner());
            let Step::With { swaps } = step else { continue };
            for swap in swaps {
                match swap {
                    Swap::Input { path, .. } => self.replaced.input.push(path.to_vec()),
                    Swap::Data { path, .. } => self.replaced.data.push(path.to_vec()),
                    Swap::Function { of, .. } => self.mocked.push(*of),
                }
            }
        }
    }

    fn paths(&self, inside: bool) -> &Paths {
        if inside { &self.replaced } else { &self.said }
    }

    pub(super) fn has_data(&self, path: &[Value], inside: bool) -> bool {
        overlap(&self.paths(inside).data, path)
    }

    /// Whether a document is said to be unknown as a whole, though rules make it.
    pub(super) fn is_said(&self, path: &[Value]) -> bool {
        self.said.data.iter().any(|other| path.starts_with(other))
    }

    /// Whether `with` may put something where rules make something.
    pub(super) fn is_replaced(&self, path: &[Value], inside: bool) -> bool {
        let said = self.said.data.len();
        let replaced = self.replaced.data.get(said..).unwrap_or_default();
        inside && overlap(replaced, path)
    }

    pub(super) fn is_mocked(&self, callee: Callee, inside: bool) -> bool {
        inside && self.mocked.contains(&callee)
    }

    /// Whether a rule set may come upon what is unknown.
    pub(super) fn reach_rule(&mut self, rule: RuleId, inside: bool) -> bool {
        if let Some(known) = self.known.get(&(rule, inside)) {
            return *known;
        }
        let reach = self.any(Vec::new(), vec![rule], inside);
        self.known.insert((rule, inside), reach);
        reach
    }

    /// Whether a step may.
    pub(super) fn reach(&mut self, step: &'p Step, inside: bool) -> bool {
        match step {
            Step::Rule { rule, .. } => self.reach_rule(*rule, inside),
            Step::Apply { rule, .. } => {
                self.is_mocked(Callee::Rule(*rule), inside) || self.reach_rule(*rule, inside)
            }
            step => self.any(vec![step], Vec::new(), inside),
        }
    }

    /// What rules may lead to is kept here and not on the stack.
    fn any(&self, mut steps: Vec<&'p Step>, mut rules: Vec<RuleId>, inside: bool) -> bool {
        let mut seen: HashSet<RuleId> = HashSet::new();
        loop {
            while let Some(step) = steps.pop() {
                if self.is_unknown(step, inside, &mut rules) {
                    return true;
                }
                steps.extend(step.inner());
            }
            let Some(rule) = rules.pop() else { return false };
            if !seen.insert(rule) {
                continue;
            }
            let Some(set) = self.program.rules.get(rule as usize) else { continue };
            let document = !matches!(set.kind, Kind::Function(_));
            if document && overlap(&self.paths(inside).data, &set.path) {
                return true;
            }
            for plan in set.plans.first().into_iter().flatten().chain(&set.default) {
                plan.branches.iter().for_each(|branch| steps.extend(&branch.steps));
            }
        }
    }

    fn is_unknown(&self, step: &'p Step, inside: bool, rules: &mut Vec<RuleId>) -> bool {
        let paths = self.paths(inside);
        let fresh = |callee: &Callee, rules: &mut Vec<RuleId>| match callee {
            Callee::Builtin(function) => !function.steady && !self.unsteady,
            Callee::Rule(rule) => {
                rules.push(*rule);
                false
            }
        };
        match step {
            Step::Input { path, .. } => overlap(&paths.input, path),
            Step::Base { path, .. } => overlap(&paths.data, path),
            Step::Whole { node, .. } | Step::Search { node, .. } => {
                self.below(*node, rules);
                let path = self.program.tree.nodes.get(*node as usize).map(|node| &*node.path);
                overlap(&paths.data, path.unwrap_or_default())
            }
            Step::Rule { rule, .. } => {
                rules.push(*rule);
                false
            }
            Step::Apply { rule, .. } => {
                self.is_mocked(Callee::Rule(*rule), inside) || {
                    rules.push(*rule);
                    false
                }
            }
            Step::Call { function, .. } => {
                let callee = Callee::Builtin(function);
                self.is_mocked(callee, inside) || fresh(&callee, rules)
            }
            Step::With { swaps } => swaps.iter().any(|swap| match swap {
                Swap::Function { by: Mock::Function(callee), .. } => fresh(callee, rules),
                _ => false,
            }),
            _ => false,
        }
    }

    /// All rules at and below a node.
    pub(super) fn below(&self, node: NodeId, found: &mut Vec<RuleId>) {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            let Some(here) = self.program.tree.nodes.get(node as usize) else { continue };
            found.extend(here.rule);
            open.extend(here.children.iter().map(|(_, child)| *child));
        }
    }
}
