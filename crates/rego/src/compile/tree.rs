//! All rules of all modules, in one tree.

use std::sync::Arc;

use super::Problem;
use crate::Value;
use crate::plan::{Kind, Node, NodeId, Place, RuleId};
use crate::syntax::Module;
use crate::syntax::tree::{Rule, Term, TermKind};

/// A rule as it is written, and where its document is.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    /// In which module.
    pub(crate) module: usize,
    /// Which of its rules.
    pub(crate) rule: usize,
    /// The keys below the path of its set, as they are written.
    pub(crate) keys: Vec<Term>,
}

/// What is known of a rule set before its rules are read.
#[derive(Debug)]
pub(crate) struct Outline {
    pub(super) path: Box<[Value]>,
    pub(super) kind: Kind,
    pub(super) default: Option<usize>,
    /// The numbers of its definitions.
    pub(super) rules: Vec<usize>,
}

/// The tree, its rule sets, and the rules as they are written.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
    pub(super) sets: Vec<Outline>,
    pub(super) definitions: Vec<Definition>,
    /// Which definitions are at which node, until they are made sets of.
    found: Vec<Vec<usize>>,
    packages: Vec<NodeId>,
}

impl Tree {
    /// Plants the rules of these modules.
    pub(super) fn plant(modules: &[Arc<Module>]) -> Result<Self, Vec<Problem>> {
        let mut tree = Self::default();
        tree.nodes.push(Node::default());
        tree.found.push(Vec::new());
        for (number, module) in modules.iter().enumerate() {
            let package: Vec<Value> =
                module.package.iter().map(|name| Value::text(name.clone())).collect();
            let node = tree.grow(0, &package);
            tree.packages.push(node);
            for (rule, written) in module.rules.iter().enumerate() {
                let (ground, keys) = split(&written.head.reference);
                let at = tree.grow(node, &ground);
                let definition = tree.definitions.len();
                tree.definitions.push(Definition { module: number, rule, keys });
                if let Some(found) = tree.found.get_mut(at as usize) {
                    found.push(definition);
                }
            }
        }
        tree.merge(0, modules);
        let mut problems = tree.clashes(modules);
        for node in 0..tree.nodes.len() {
            if let Err(problem) = tree.gather(node, modules) {
                problems.push(problem);
            }
        }
        match problems.is_empty() {
            true => Ok(tree),
            false => Err(problems),
        }
    }

    /// The rule that a definition is.
    pub(super) fn rule<'m>(
        &self,
        modules: &'m [Arc<Module>],
        definition: usize,
    ) -> Option<(&'m Arc<Module>, &'m Rule)> {
        let definition = self.definitions.get(definition)?;
        let module = modules.get(definition.module)?;
        Some((module, module.rules.get(definition.rule)?))
    }

    /// The node at a key below another.
    pub(crate) fn child(&self, node: NodeId, key: &Value) -> Option<NodeId> {
        let node = self.nodes.get(node as usize)?;
        node.children
            .binary_search_by(|(name, _)| name.cmp(key))
            .ok()
            .and_then(|place| Some(node.children.get(place)?.1))
    }

    /// The node of a whole path.
    pub(super) fn find(&self, path: &[Value]) -> Option<NodeId> {
        path.iter().try_fold(0, |node, key| self.child(node, key))
    }

    /// The rule set at a node.
    pub(super) fn set(&self, node: NodeId) -> Option<(RuleId, &Outline)> {
        let id = self.nodes.get(node as usize)?.rule?;
        Some((id, self.sets.get(id as usize)?))
    }

    fn grow(&mut self, from: NodeId, path: &[Value]) -> NodeId {
        path.iter().fold(from, |node, key| match self.child(node, key) {
            Some(child) => child,
            None => {
                let child = NodeId::try_from(self.nodes.len()).unwrap_or(NodeId::MAX);
                let mut path = Vec::new();
                if let Some(node) = self.nodes.get_mut(node as usize) {
                    path.extend(node.path.iter().cloned());
                    let place = node.children.partition_point(|(name, _)| name < key);
                    node.children.insert(place, (key.clone(), child));
                }
                path.push(key.clone());
                self.nodes.push(Node { path: path.into(), ..Node::default() });
                self.found.push(Vec::new());
                child
            }
        })
    }

    /// Where a key of a rule is only known when it is evaluated, all rules below are one set.
    fn merge(&mut self, node: NodeId, modules: &[Arc<Module>]) {
        let at = node as usize;
        let open = |definition: &usize| {
            self.definitions.get(*definition).is_some_and(|definition| !definition.keys.is_empty())
        };
        if self.found.get(at).is_some_and(|found| found.iter().any(open)) {
            let depth = self.nodes.get(at).map_or(0, |node| node.path.len());
            self.absorb(node, node, depth, modules);
            return;
        }
        let children: Vec<NodeId> = self
            .nodes
            .get(at)
            .map(|node| node.children.iter().map(|(_, id)| *id).collect())
            .unwrap_or_default();
        for child in children {
            self.merge(child, modules);
        }
    }

    fn absorb(&mut self, top: NodeId, node: NodeId, depth: usize, modules: &[Arc<Module>]) {
        let Some(here) = self.nodes.get(node as usize) else { return };
        let below: Vec<Value> = here.path.get(depth..).unwrap_or_default().to_vec();
        let children = here.children.clone();
        if node != top {
            let found = self.found.get_mut(node as usize).map(std::mem::take).unwrap_or_default();
            for number in found {
                let Some((_, rule)) = self.rule(modules, number) else { continue };
                let (span, function) = (rule.head.span, rule.head.args.is_some());
                if function {
                    // A function is no document: it stays where it is called.
                    if let Some(found) = self.found.get_mut(node as usize) {
                        found.push(number);
                    }
                    continue;
                }
                let Some(definition) = self.definitions.get_mut(number) else { continue };
                let known =
                    below.iter().map(|key| Term { span, kind: TermKind::Scalar(key.clone()) });
                definition.keys = known.chain(std::mem::take(&mut definition.keys)).collect();
                if let Some(found) = self.found.get_mut(top as usize) {
                    found.push(number);
                }
            }
        }
        for (_, child) in children {
            self.absorb(top, child, depth, modules);
        }
    }

    /// Makes a rule set of what was found at a node.
    fn gather(&mut self, node: usize, modules: &[Arc<Module>]) -> Result<(), Problem> {
        let found = self.found.get_mut(node).map(std::mem::take).unwrap_or_default();
        let mut outline: Option<Outline> = None;
        for number in found {
            let Some((module, rule)) = self.rule(modules, number) else { continue };
            let at = Place { source: module.source.clone(), span: rule.head.span };
            let path = self.nodes.get(node).map(|node| node.path.clone()).unwrap_or_default();
            let keyed =
                self.definitions.get(number).is_some_and(|definition| !definition.keys.is_empty());
            let kind = match (&rule.head.args, keyed, &rule.head.contains) {
                (Some(args), _, _) => Kind::Function(args.len()),
                (None, true, _) => Kind::Object,
                (None, false, Some(_)) => Kind::Set,
                (None, false, None) => Kind::Complete,
            };
            let set = outline.get_or_insert_with(|| Outline {
                path,
                kind,
                default: None,
                rules: Vec::new(),
            });
            // Sets below an object are among its values.
            let alike = set.kind == kind
                || (rule.default && kind == Kind::Complete && set.kind == Kind::Complete);
            if !alike {
                let name = written(&set.path);
                return Err(Problem::of_type(at, format!("conflicting rules {name} found")));
            }
            match (rule.default, set.default) {
                (true, Some(_)) => {
                    let name = written(&set.path);
                    return Err(Problem::of_type(
                        at,
                        format!("multiple default rules {name} found"),
                    ));
                }
                (true, None) => set.default = Some(number),
                (false, _) => set.rules.push(number),
            }
        }
        if let Some(outline) = outline {
            let id = RuleId::try_from(self.sets.len()).unwrap_or(RuleId::MAX);
            self.sets.push(outline);
            if let Some(node) = self.nodes.get_mut(node) {
                node.rule = Some(id);
                // What is below belongs to the set, but for functions, which are found by name.
            }
        }
        Ok(())
    }

    /// Packages where rules are, and rules below rules that are one value.
    fn clashes(&self, modules: &[Arc<Module>]) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (number, module) in self.packages.iter().zip(modules) {
            let here = self.found.get(*number as usize).and_then(|found| found.first());
            let Some((other, rule)) = here.and_then(|first| self.rule(modules, *first)) else {
                continue;
            };
            let at = Place { source: other.source.clone(), span: rule.head.span };
            let package = self
                .nodes
                .get(*number as usize)
                .map(|node| written(&node.path))
                .unwrap_or_default();
            let (row, column) = module.source.place(module.package_span.start);
            let where_ = format!("{}:{row}:{column}", module.source.name);
            problems.push(Problem::of_type(
                at,
                format!(
                    "package {package} conflicts with a rule defined at the same path ({where_})"
                ),
            ));
        }
        for (node, found) in self.nodes.iter().zip(&self.found) {
            let Some((module, rule)) = found.first().and_then(|first| self.rule(modules, *first))
            else {
                continue;
            };
            let below =
                node.children.iter().find(|(_, child)| self.holds_documents(*child, modules));
            if let (Some((key, _)), None) = (below, &rule.head.args) {
                let merged = found
                    .iter()
                    .any(|one| self.definitions.get(*one).is_some_and(|one| !one.keys.is_empty()));
                if merged {
                    continue;
                }
                let at = Place { source: module.source.clone(), span: rule.head.span };
                let mut path = node.path.to_vec();
                let name = written(&path);
                path.push(key.clone());
                problems.push(Problem::of_type(
                    at,
                    format!("rule {name} conflicts with [{}]", written(&path)),
                ));
            }
        }
        problems
    }

    fn holds_documents(&self, node: NodeId, modules: &[Arc<Module>]) -> bool {
        let documents = |found: &Vec<usize>| {
            found.iter().any(|one| {
                self.rule(modules, *one).is_some_and(|(_, rule)| rule.head.args.is_none())
            })
        };
        self.found.get(node as usize).is_some_and(documents)
            || self.nodes.get(node as usize).is_some_and(|node| {
                node.children.iter().any(|(_, child)| self.holds_documents(*child, modules))
            })
    }
}

/// The part of a head that is known as it is written, and the rest.
fn split(reference: &Term) -> (Vec<Value>, Vec<Term>) {
    match &reference.kind {
        TermKind::Var(name) => (vec![Value::text(name.clone())], Vec::new()),
        TermKind::Ref(head, steps) => {
            let (mut ground, _) = split(head);
            let scalar = |step: &Term| match &step.kind {
                TermKind::Scalar(value) => Some(value.clone()),
                _ => None,
            };
            ground.extend(steps.iter().map_while(scalar));
            let known = ground.len() - 1;
            (ground, steps.get(known..).unwrap_or_default().to_vec())
        }
        _ => (Vec::new(), Vec::new()),
    }
}

/// The part of a head that is known as it is written.
pub(crate) fn ground(reference: &Term) -> Vec<Value> {
    split(reference).0
}

/// A path as policies write it.
pub(crate) fn written(path: &[Value]) -> String {
    let mut text = String::from("data");
    for key in path {
        match key.as_text() {
            Some(name) if is_name(name) => {
                text.push('.');
                text.push_str(name);
            }
            _ => text.push_str(&format!("[{key}]")),
        }
    }
    text
}

fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}
