//! Documents of which rules make a part, and data the rest.

use super::step::{Around, State, Sym};
use super::unknown::World;
use super::{Residue, write};
use crate::Value;
use crate::eval::Run;
use crate::plan::{Key, NodeId, Slot};
use crate::syntax::tree::Term;

impl Residue<'_, '_> {
    /// All at and below a node.
    pub(super) fn whole(&mut self, node: NodeId, world: World) -> Run<Term> {
        let Some(here) = self.program.tree.nodes.get(node as usize) else {
            return Err(self.evaluation.stopped("a document is asked for that is not there"));
        };
        let mut rules = Vec::new();
        self.unknowns.below(node, &mut rules);
        if rules.is_empty() || self.unknowns.is_said(&here.path) {
            self.check_data(&here.path, world)?;
            return Ok(write::place("data", &here.path));
        }
        if self.unknowns.has_data(&here.path, world) {
            let message = "what is unknown lies among rules that are asked for together";
            return Err(self.evaluation.stopped(message));
        }
        self.mirror(node, world)?;
        Ok(write::place("data", &self.path(&here.path, world)))
    }

    /// What is known of data of which something is replaced cannot be had with it.
    pub(super) fn check_data(&self, path: &[Value], world: World) -> Run<()> {
        let known = || self.evaluation.data_at(path).is_some();
        match self.unknowns.is_replaced_below(path, world) && known() {
            true => Err(self
                .evaluation
                .stopped("data of which `with` replaces a part cannot be read whole in part")),
            false => Ok(()),
        }
    }

    /// Whatever there is on a way from a node.
    pub(super) fn search(
        &mut self,
        to: Slot,
        node: NodeId,
        keys: &[Key],
        state: &mut State,
        around: Around,
    ) -> Run<()> {
        let mut way = Vec::new();
        for key in keys {
            way.push(match key {
                Key::Known(arg) => {
                    let key = self.argument(state, arg, around)?;
                    self.term_of(&key)?
                }
                Key::Any(slot) => {
                    let name = self.fresh();
                    state.put(*slot, Sym::Open(name.clone()));
                    name
                }
            });
        }
        let base = self.whole(node, around.world)?;
        self.make(to, write::reference(base, way), state)
    }

    /// Writes all that is at and below a node again, where what is left can ask for it.
    fn mirror(&mut self, node: NodeId, world: World) -> Run<()> {
        if !self.mirrored.insert((node, world)) {
            return Ok(());
        }
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            let Some(here) = self.program.tree.nodes.get(node as usize) else { continue };
            let path = here.path.clone();
            let base = self.evaluation.data_at(&path);
            if let Some(rule) = self.program.document_rule(node) {
                if base.is_some() {
                    let message = "data lies where rules are, and both are asked for together";
                    return Err(self.evaluation.stopped(message));
                }
                self.document(rule, world)?;
                continue;
            }
            if here.rule.is_some() && here.children.is_empty() && base.is_none() {
                // A function is no document.
                continue;
            }
            let package = self.package(&path, world);
            let rules = self.support.entry(package).or_default();
            let mut known = Vec::new();
            match base {
                Some(Value::Object(members)) => {
                    let apart = |key: &Value| here.children.iter().any(|(name, _)| name == key);
                    known.extend(
                        members
                            .iter()
                            .filter(|(key, _)| !apart(key))
                            .map(|(key, value)| (key.clone(), value.clone())),
                    );
                }
                Some(_) => {
                    let message = "data lies where rules are, and both are asked for together";
                    return Err(self.evaluation.stopped(message));
                }
                None => {}
            }
            let mut missing = Vec::new();
            for (key, value) in known {
                match key.as_text() {
                    Some(name) if is_name(name) => {
                        let mut head = write::head(write::var(name), None);
                        head.value = Some(write::value(value));
                        head.assigns = true;
                        rules.push(write::rule(head, Vec::new()));
                    }
                    _ => missing.push(key),
                }
            }
            if !missing.is_empty() {
                let message = "data beside rules has keys that are no names";
                return Err(self.evaluation.stopped(message));
            }
            open.extend(here.children.iter().map(|(_, child)| *child));
        }
        Ok(())
    }
}

/// Whether a rule can be called so.
fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    let begins = letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    let letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let read = crate::syntax::term(text).is_ok_and(
        |term| matches!(term.kind, crate::syntax::tree::TermKind::Var(name) if *name == *text),
    );
    begins && letters.all(letter) && read && !matches!(text, "input" | "data" | "_")
}
