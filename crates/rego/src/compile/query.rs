//! Questions that are put together when they are asked.

use std::sync::Arc;

use super::names::Globals;
use super::{Problem, Program, order};
use crate::Value;
use crate::plan::{Asked, Kind, NodeId, RuleId};
use crate::syntax::Module;
use crate::syntax::tree::Expr;

/// A question that a program can answer, again and again.
#[derive(Debug)]
pub struct Question {
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// The document at a path.
    Document(Vec<Value>),
    /// What makes all lines of a body hold.
    Body(Asked),
}

impl Question {
    /// Asks for the document at a path below `data`.
    pub fn document(path: impl IntoIterator<Item = Value>) -> Self {
        Self { what: What::Document(path.into_iter().collect()) }
    }
}

impl Program {
    /// A question of several lines, whose names are read as in a module: `context` has the
    /// package and the imports.
    pub fn question(&self, context: &Arc<Module>, body: &[Expr]) -> Result<Question, Vec<Problem>> {
        self.asked(context, body, true)
    }

    /// A question of which only matters whether it holds, and for which variables: a line that
    /// is false ends it, where [`Program::question`] says that it is false.
    pub fn condition(
        &self,
        context: &Arc<Module>,
        body: &[Expr],
    ) -> Result<Question, Vec<Problem>> {
        self.asked(context, body, false)
    }

    fn asked(
        &self,
        context: &Arc<Module>,
        body: &[Expr],
        valued: bool,
    ) -> Result<Question, Vec<Problem>> {
        let globals = Globals::of(context, &self.modules);
        let asked = order::question(&self.tree, context, &globals, body, self.options, valued)?;
        Ok(Question { what: What::Body(asked) })
    }

    /// The node at a path, as far as there is one, and how far that is.
    pub(crate) fn node(&self, path: &[Value]) -> (NodeId, usize) {
        let mut node = 0;
        for (depth, key) in path.iter().enumerate() {
            if self.tree.set(node).is_some() {
                return (node, depth);
            }
            match self.tree.child(node, key) {
                Some(child) => node = child,
                None => return (node, depth),
            }
        }
        (node, path.len())
    }

    /// The rule set at a node, if it makes a document.
    pub(crate) fn document_rule(&self, node: NodeId) -> Option<RuleId> {
        let id = self.tree.nodes.get(node as usize)?.rule?;
        let set = self.rules.get(id as usize)?;
        (!matches!(set.kind, Kind::Function(_))).then_some(id)
    }
}
