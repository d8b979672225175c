//! What no order of steps can mend.

use std::sync::Arc;

use super::Problem;
use super::order::Reached;
use super::tree::{Tree, written};
use crate::plan::Place;
use crate::syntax::Module;

/// No rule may ask for itself, however far around.
pub(super) fn no_recursion(
    modules: &[Arc<Module>],
    tree: &Tree,
    reached: &Reached,
) -> Result<(), Vec<Problem>> {
    let mut walk = Walk {
        reached,
        state: vec![State::Fresh; reached.len()],
        path: Vec::new(),
        rings: Vec::new(),
    };
    (0..reached.len()).for_each(|definition| walk.visit(definition));
    let problems: Vec<Problem> = walk
        .rings
        .iter()
        .filter_map(|ring| {
            let (module, rule) = tree.rule(modules, *ring.first()?)?;
            let names: Vec<String> =
                ring.iter().map(|definition| name(modules, tree, *definition)).collect();
            let message = format!("rule {} is recursive: {}", names.first()?, names.join(" -> "));
            let place = Place { source: module.source.clone(), span: rule.head.span };
            Some(Problem { code: "rego_recursion_error", message, place })
        })
        .collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(problems),
    }
}

fn name(modules: &[Arc<Module>], tree: &Tree, definition: usize) -> String {
    let Some((module, rule)) = tree.rule(modules, definition) else { return String::new() };
    let mut path: Vec<crate::Value> =
        module.package.iter().map(|name| crate::Value::text(name.clone())).collect();
    path.extend(super::tree::ground(&rule.head.reference));
    written(&path)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Fresh,
    Open,
    Done,
}

struct Walk<'r> {
    reached: &'r Reached,
    state: Vec<State>,
    path: Vec<usize>,
    rings: Vec<Vec<usize>>,
}

impl Walk<'_> {
    /// Goes wherever a definition leads. The way there is kept here and not on the stack, for
    /// policies may be long chains.
    fn visit(&mut self, definition: usize) {
        let reached = self.reached;
        let next = |definition: usize| reached.get(definition).into_iter().flatten().copied();
        let mut open = vec![(definition, next(definition))];
        if !self.enter(definition) {
            return;
        }
        while let Some((here, rest)) = open.last_mut() {
            match rest.next() {
                Some(there) => {
                    if self.enter(there) {
                        open.push((there, next(there)));
                    }
                }
                None => {
                    if let Some(state) = self.state.get_mut(*here) {
                        *state = State::Done;
                    }
                    self.path.pop();
                    open.pop();
                }
            }
        }
    }

    fn enter(&mut self, definition: usize) -> bool {
        match self.state.get_mut(definition) {
            Some(state @ State::Fresh) => {
                *state = State::Open;
                self.path.push(definition);
                true
            }
            Some(State::Open) => {
                let begin =
                    self.path.iter().position(|other| *other == definition).unwrap_or_default();
                let mut ring = self.path.get(begin..).unwrap_or_default().to_vec();
                ring.push(definition);
                self.rings.push(ring);
                false
            }
            _ => false,
        }
    }
}
