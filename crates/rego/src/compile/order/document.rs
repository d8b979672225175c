//! Ways into documents: of rules, of data, of the input.

use super::{Block, Unknown, Writer};
use crate::Value;
use crate::compile::atom::{Flat, Root};
use crate::plan::{Arg, Key, Kind, NodeId, RuleId, Step};

/// As many keys as a plan of its own is made for.
const KEYS_MAX: usize = 4;

impl Writer<'_, '_> {
    /// The value at a way into something. Keys that are not known are looked for.
    pub(super) fn reference(
        &mut self,
        root: &Root,
        keys: &[Flat],
        block: &mut Block,
    ) -> Result<Arg, Unknown> {
        match root {
            Root::Input => {
                let known: Vec<Value> = keys.iter().map_while(constant).collect();
                let rest = keys.get(known.len()..).unwrap_or_default();
                let base = self.made(block, |to| Step::Input { to, path: known.into() });
                self.follow(base, rest, block)
            }
            Root::Data => self.data(keys, block),
            Root::Value(flat) => {
                let base = self.value(flat, block)?;
                self.follow(base, keys, block)
            }
        }
    }

    fn follow(&mut self, base: Arg, keys: &[Flat], block: &mut Block) -> Result<Arg, Unknown> {
        let mut base = base;
        for key in keys {
            base = match key {
                Flat::Var(slot) if !block.knows(*slot) => {
                    let value = self.place(block);
                    block.steps.push(Step::Scan { base, key: *slot, value });
                    block.learn(*slot);
                    Arg::Slot(value)
                }
                pattern if !block.settles(pattern) => {
                    let (found, value) = (self.place(block), self.place(block));
                    block.steps.push(Step::Scan { base, key: found, value });
                    self.unify(pattern, &Flat::Var(found), block)?;
                    Arg::Slot(value)
                }
                key => {
                    let key = self.value(key, block)?;
                    self.made(block, |to| Step::Get { to, base, key })
                }
            };
        }
        Ok(base)
    }

    fn data(&mut self, keys: &[Flat], block: &mut Block) -> Result<Arg, Unknown> {
        let mut node: NodeId = 0;
        for (place, key) in keys.iter().enumerate() {
            let rest = keys.get(place..).unwrap_or_default();
            if let Some((rule, _)) = self.tree.set(node)
                && !self.is_function(rule)
            {
                return self.rule(rule, rest, block);
            }
            let Some(name) = constant(key) else { return self.search(node, rest, block) };
            match self.tree.child(node, &name) {
                Some(child) => node = child,
                None => return self.base(keys, block),
            }
        }
        if let Some((rule, _)) = self.tree.set(node) {
            return self.rule(rule, &[], block);
        }
        self.reaches_from(node, &[]);
        Ok(self.made(block, |to| Step::Whole { to, node }))
    }

    fn rule(&mut self, rule: RuleId, keys: &[Flat], block: &mut Block) -> Result<Arg, Unknown> {
        self.reaches(rule, keys);
        let deep = self.depth(rule);
        let mut keys = keys.to_vec();
        let mut known = Vec::new();
        for key in keys.iter_mut().take(deep) {
            if !block.settles(key) {
                break;
            }
            let arg = self.value(key, block)?;
            *key = match &arg {
                Arg::Const(value) => Flat::Const(value.clone()),
                Arg::Slot(slot) => Flat::Var(*slot),
            };
            known.push(arg);
        }
        let plan = known.len();
        if plan > 0 {
            self.wanted.insert((rule, plan));
        }
        let made = self.made(block, |to| Step::Rule { to, rule, keys: known.into(), plan });
        self.follow(made, &keys, block)
    }

    /// Notes all rules that a way from a node may lead to.
    fn reaches_from(&mut self, node: NodeId, keys: &[Flat]) {
        let tree = self.tree;
        if let Some((rule, _)) = tree.set(node)
            && !self.is_function(rule)
        {
            return self.reaches(rule, keys);
        }
        let Some(here) = tree.nodes.get(node as usize) else { return };
        let (key, rest) = match keys.split_first() {
            Some((key, rest)) => (constant(key), rest),
            None => (None, keys),
        };
        for (name, child) in &here.children {
            if key.as_ref().is_none_or(|key| key == name) {
                self.reaches_from(*child, rest);
            }
        }
    }

    /// By how many keys the rules of a set can be told apart.
    fn depth(&self, rule: RuleId) -> usize {
        let Some(set) = self.tree.sets.get(rule as usize) else { return 0 };
        let own = usize::from(set.kind == Kind::Set);
        let keys = |definition: &usize| {
            self.tree.definitions.get(*definition).map_or(0, |found| found.keys.len())
        };
        set.rules.iter().map(keys).max().unwrap_or(0).max(own).min(KEYS_MAX)
    }

    fn base(&mut self, keys: &[Flat], block: &mut Block) -> Result<Arg, Unknown> {
        let known: Vec<Value> = keys.iter().map_while(constant).collect();
        let rest = keys.get(known.len()..).unwrap_or_default();
        let base = self.made(block, |to| Step::Base { to, path: known.into() });
        self.follow(base, rest, block)
    }

    /// A way of which it is only known later whether rules or data are on it.
    fn search(&mut self, node: NodeId, keys: &[Flat], block: &mut Block) -> Result<Arg, Unknown> {
        self.reaches_from(node, keys);
        let mut ways = Vec::new();
        let mut patterns = Vec::new();
        for key in keys {
            ways.push(match key {
                Flat::Var(slot) if !block.knows(*slot) => {
                    block.learn(*slot);
                    Key::Any(*slot)
                }
                pattern if !block.settles(pattern) => {
                    let slot = self.place(block);
                    patterns.push((pattern, slot));
                    Key::Any(slot)
                }
                key => Key::Known(self.value(key, block)?),
            });
        }
        let made = self.made(block, |to| Step::Search { to, node, keys: ways.into() });
        for (pattern, slot) in patterns {
            self.unify(pattern, &Flat::Var(slot), block)?;
        }
        Ok(made)
    }
}

fn constant(flat: &Flat) -> Option<Value> {
    match flat {
        Flat::Const(value) => Some(value.clone()),
        _ => None,
    }
}
