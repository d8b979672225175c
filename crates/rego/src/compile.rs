//! From what is written to what is done.
//!
//! Modules are put into one tree of rules (`tree`). Each rule is read with its names resolved
//! (`read`) into atoms: small statements without anything nested that could be known earlier
//! or later than the rest. Atoms are put in an order in which everything is known when it is
//! needed, and become steps (`order`).

mod atom;
mod check;
mod names;
mod order;
mod query;
mod read;
mod said;
mod tree;

use std::sync::Arc;

use crate::plan::{Place, RuleId, RuleSet};
use crate::syntax::Module;

use tree::Tree;

pub use query::Question;
pub(crate) use query::What;
pub(crate) use tree::{ground, written};

/// Policies that can be asked.
#[derive(Debug)]
pub struct Program {
    pub(crate) tree: Tree,
    pub(crate) rules: Vec<RuleSet>,
    modules: Vec<Arc<Module>>,
    options: Options,
    awaited: Vec<Problem>,
}

/// How policies are compiled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether somebody may want to know which lines are reached, and where each stops
    /// (`eval::Watch`). It takes some time even where nobody does.
    pub marks: bool,
    /// Whether functions of packages may be called that no module brings: a call of one comes to
    /// nothing until there is such a module.
    pub open: bool,
}

/// What is wrong with a policy.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What OPA calls this kind of problem: `rego_unsafe_var_error`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub place: Place,
}

impl Problem {
    fn unsafe_variable(place: Place, name: &str) -> Self {
        Self { code: "rego_unsafe_var_error", message: format!("var {name} is unsafe"), place }
    }

    fn of_type(place: Place, message: String) -> Self {
        Self { code: "rego_type_error", message, place }
    }

    fn of_compiling(place: Place, message: String) -> Self {
        Self { code: "rego_compile_error", message, place }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (row, column) = self.place.source.place(self.place.span.start);
        let name = &self.place.source.name;
        write!(f, "{name}:{row}:{column}: {}: {}", self.code, self.message)
    }
}

impl Program {
    /// Compiles modules together.
    pub fn compile(modules: Vec<Arc<Module>>, options: Options) -> Result<Self, Vec<Problem>> {
        let tree = Tree::plant(&modules)?;
        let order::Ordered { rules, reached, awaited } = order::rules(&modules, &tree, options)?;
        check::no_recursion(&modules, &tree, &reached)?;
        Ok(Self { tree, rules, modules, options, awaited })
    }

    /// The calls of functions that no module brings.
    pub fn awaited(&self) -> &[Problem] {
        &self.awaited
    }

    /// How many names the package has in which a rule set is written; the fewest, if in several.
    pub(crate) fn package_length(&self, rule: RuleId) -> usize {
        let set = self.tree.sets.get(rule as usize);
        let written = set.into_iter().flat_map(|set| set.rules.iter().chain(&set.default));
        let modules = written.filter_map(|definition| {
            let definition = self.tree.definitions.get(*definition)?;
            self.modules.get(definition.module)
        });
        modules.map(|module| module.package.len()).min().unwrap_or_default()
    }

    /// The modules, as they were read.
    pub fn modules(&self) -> &[Arc<Module>] {
        &self.modules
    }
}
