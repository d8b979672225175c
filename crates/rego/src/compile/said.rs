//! What annotations say about a rule: its own, those of its document, and those of the packages
//! it is in.

use std::sync::Arc;

use super::tree::ground;
use crate::Value;
use crate::syntax::Module;
use crate::syntax::tree::{Annotation, Name};

/// A rule among all that is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'c> {
    pub(super) modules: &'c [Arc<Module>],
    pub(super) module: &'c Module,
    pub(super) rule: usize,
}

impl Said<'_> {
    /// What is said of this rule alone.
    pub(super) fn of_rule(&self) -> Value {
        self.own().map_or_else(|| Value::object([]), |annotation| annotation.says.clone())
    }

    /// What is said of this rule and of everything it is in, from the inside out.
    pub(super) fn chain(&self) -> Value {
        let path = self.path();
        let mut chain = vec![entry(&path, self.own())];
        let documents = self.modules.iter().flat_map(|module| {
            let same = |annotation: &&Annotation| {
                let rule = annotation.rule.and_then(|rule| module.rules.get(rule));
                &*annotation.scope == "document"
                    && rule
                        .is_some_and(|rule| joined(&module.package, &rule.head.reference) == path)
            };
            module.annotations.iter().filter(same)
        });
        chain.extend(documents.map(|annotation| entry(&path, Some(annotation))));
        let package = &self.module.package;
        let of = |scope: &'static str, package: &[Name]| -> Vec<&Annotation> {
            let here = self.modules.iter().filter(|module| module.package == package);
            let said = here.flat_map(|module| &module.annotations);
            said.filter(|annotation| &*annotation.scope == scope).collect()
        };
        let all = texts(package);
        chain.extend(of("package", package).into_iter().map(|said| entry(&all, Some(said))));
        for depth in (1..=package.len()).rev() {
            let around = package.get(..depth).unwrap_or_default();
            let said = of("subpackages", around).into_iter();
            chain.extend(said.map(|said| entry(&texts(around), Some(said))));
        }
        Value::array(chain)
    }

    fn own(&self) -> Option<&Annotation> {
        let own = |annotation: &&Annotation| {
            annotation.rule == Some(self.rule) && &*annotation.scope == "rule"
        };
        self.module.annotations.iter().find(own)
    }

    fn path(&self) -> Vec<Value> {
        let rule = self.module.rules.get(self.rule);
        rule.map(|rule| joined(&self.module.package, &rule.head.reference)).unwrap_or_default()
    }
}

fn texts(names: &[Name]) -> Vec<Value> {
    names.iter().map(|name| Value::text(name.clone())).collect()
}

fn joined(package: &[Name], reference: &crate::syntax::tree::Term) -> Vec<Value> {
    let mut path = texts(package);
    path.extend(ground(reference));
    path
}

fn entry(path: &[Value], annotation: Option<&Annotation>) -> Value {
    let path = ("path".into(), Value::array(path));
    let says = annotation.map(|annotation| ("annotations".into(), annotation.says.clone()));
    Value::object([path].into_iter().chain(says))
}
