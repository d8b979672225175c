//! What is not known, and which steps come upon it.
//!
//! Within a `with` it is another world: what it replaces is not known there, for that is found out
//! when what is left is asked. All the rest is what it was.

use std::collections::{HashMap, HashSet};

use crate::compile::Program;
use crate::plan::{Callee, Kind, Mock, NodeId, RuleId, Step, Swap};
use crate::{Value, partial::Leave};

/// The number of a world: 0 is the one that is asked about.
pub(super) type World = usize;

/// What is not known in which world.
pub(super) struct Unknowns<'p> {
    program: &'p Program,
    /// What was said to be unknown.
    said: Paths,
    worlds: Vec<Replaced>,
    unsteady: bool,
    known: HashMap<(RuleId, World), bool>,
}

/// Places that are not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Paths {
    input: Vec<Vec<Value>>,
    data: Vec<Vec<Value>>,
}

/// What was replaced on the way into a world.
#[derive(Debug, Clone, Default, PartialEq)]
struct Replaced {
    paths: Paths,
    /// Functions for which others stand.
    functions: Vec<Callee>,
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

fn add(paths: &mut Vec<Vec<Value>>, path: &[Value]) {
    if !paths.iter().any(|other| other == path) {
        paths.push(path.to_vec());
        paths.sort_unstable();
    }
}

impl<'p> Unknowns<'p> {
    pub(super) fn new(program: &'p Program, leave: &Leave) -> Self {
        let mut said = Paths::default();
        leave.unknowns.iter().for_each(|path| said.add(path));
        let worlds = vec![Replaced::default()];
        Self { program, said, worlds, unsteady: leave.unsteady, known: HashMap::new() }
    }

    /// The world in which these are replaced too.
    pub(super) fn within(&mut self, swaps: &[Swap], world: World) -> World {
        let mut next = self.world(world).cloned().unwrap_or_default();
        for swap in swaps {
            match swap {
                Swap::Input { path, .. } => add(&mut next.paths.input, path),
                Swap::Data { path, .. } => add(&mut next.paths.data, path),
                Swap::Function { of, .. } => {
                    if !next.functions.contains(of) {
                        next.functions.push(*of);
                    }
                }
            }
        }
        self.number(next)
    }

    /// The same world where every function is itself.
    pub(super) fn unmocked(&mut self, world: World) -> World {
        let next = self.world(world).cloned().unwrap_or_default();
        self.number(Replaced { functions: Vec::new(), ..next })
    }

    fn number(&mut self, world: Replaced) -> World {
        let known = self.worlds.iter().position(|other| *other == world);
        known.unwrap_or_else(|| {
            self.worlds.push(world);
            self.worlds.len() - 1
        })
    }

    fn world(&self, world: World) -> Option<&Replaced> {
        self.worlds.get(world)
    }

    fn has_input(&self, path: &[Value], world: World) -> bool {
        let replaced = |world: &Replaced| overlap(&world.paths.input, path);
        overlap(&self.said.input, path) || self.world(world).is_some_and(replaced)
    }

    pub(super) fn has_data(&self, path: &[Value], world: World) -> bool {
        overlap(&self.said.data, path) || self.is_replaced(path, world)
    }

    /// Whether something below a path is replaced, and not all of it.
    pub(super) fn is_replaced_below(&self, path: &[Value], world: World) -> bool {
        let below = |other: &Vec<Value>| other.len() > path.len() && other.starts_with(path);
        let all = |other: &Vec<Value>| path.starts_with(other);
        self.world(world).is_some_and(|world| {
            world.paths.data.iter().any(below) && !world.paths.data.iter().any(all)
        }) && !self.is_said(path)
    }

    /// Whether a document is said to be unknown as a whole.
    pub(super) fn is_said(&self, path: &[Value]) -> bool {
        self.said.data.iter().any(|other| path.starts_with(other))
    }

    /// Whether `with` puts something at, above or below a place.
    pub(super) fn is_replaced(&self, path: &[Value], world: World) -> bool {
        self.world(world).is_some_and(|world| overlap(&world.paths.data, path))
    }

    pub(super) fn is_mocked(&self, callee: Callee, world: World) -> bool {
        self.world(world).is_some_and(|world| world.functions.contains(&callee))
    }

    /// Whether a rule set may come upon what is unknown.
    pub(super) fn reach_rule(&mut self, rule: RuleId, world: World) -> bool {
        if let Some(known) = self.known.get(&(rule, world)) {
            return *known;
        }
        let reach = self.any(Vec::new(), vec![rule], world);
        self.known.insert((rule, world), reach);
        reach
    }

    /// Whether a step may.
    pub(super) fn reach(&mut self, step: &'p Step, world: World) -> bool {
        match step {
            Step::Rule { rule, .. } => self.reach_rule(*rule, world),
            Step::Apply { rule, .. } => {
                self.is_mocked(Callee::Rule(*rule), world) || self.reach_rule(*rule, world)
            }
            step => self.any(vec![step], Vec::new(), world),
        }
    }

    /// What rules may lead to is kept here and not on the stack.
    fn any(&self, mut steps: Vec<&'p Step>, mut rules: Vec<RuleId>, world: World) -> bool {
        let mut seen: HashSet<RuleId> = HashSet::new();
        loop {
            while let Some(step) = steps.pop() {
                if self.is_unknown(step, world, &mut rules) {
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
            if document && self.has_data(&set.path, world) {
                return true;
            }
            for plan in set.plans.first().into_iter().flatten().chain(&set.default) {
                plan.branches.iter().for_each(|branch| steps.extend(&branch.steps));
            }
        }
    }

    fn is_unknown(&self, step: &'p Step, world: World, rules: &mut Vec<RuleId>) -> bool {
        let fresh = |callee: &Callee, rules: &mut Vec<RuleId>| match callee {
            Callee::Builtin(function) => !function.steady && !self.unsteady,
            Callee::Rule(rule) => {
                rules.push(*rule);
                false
            }
        };
        match step {
            Step::Input { path, .. } => self.has_input(path, world),
            Step::Base { path, .. } => self.has_data(path, world),
            Step::Whole { node, .. } | Step::Search { node, .. } => {
                self.below(*node, rules);
                let path = self.program.tree.nodes.get(*node as usize).map(|node| &*node.path);
                self.has_data(path.unwrap_or_default(), world)
            }
            Step::Rule { rule, .. } => {
                rules.push(*rule);
                false
            }
            Step::Apply { rule, .. } => {
                self.is_mocked(Callee::Rule(*rule), world) || {
                    rules.push(*rule);
                    false
                }
            }
            Step::Call { function, .. } => {
                let callee = Callee::Builtin(function);
                self.is_mocked(callee, world) || fresh(&callee, rules)
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
