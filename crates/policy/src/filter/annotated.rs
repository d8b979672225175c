//! What the annotations of a rule say of the condition it makes: what of it is not known, and
//! which rule says what is shown of columns.

use std::sync::Arc;

use flow::Result;
use rego::Value;
use rego::syntax::{Annotation, Module, Rule, Source, Span, Term, TermKind};

use crate::codes::FILTER_ANNOTATION;

/// What is said of a rule, by annotations of its own, of its document and of its packages.
#[derive(Debug, Default)]
pub(crate) struct Annotated {
    pub(crate) unknowns: Vec<String>,
    pub(crate) mask_rule: Option<String>,
}

impl Annotated {
    /// What is said of the rules at a path.
    pub(crate) fn of<'m>(
        modules: impl Iterator<Item = &'m Module> + Clone,
        path: &[Value],
    ) -> Result<Self> {
        let mut found = Self::default();
        for scope in ["rule", "document", "package", "subpackages"] {
            for module in modules.clone() {
                let said = module.annotations.iter().filter(|said| *said.scope == *scope);
                for said in said.filter(|said| is_about(module, said, path)) {
                    found.take(&said.says)?;
                }
            }
        }
        Ok(found)
    }

    fn take(&mut self, says: &Value) -> Result<()> {
        for place in ["compile", "custom"] {
            let Some(said) = says.get(&place.into()) else { continue };
            if let Some(unknowns) = said.get(&"unknowns".into()) {
                let Value::Array(items) = unknowns else { return Err(wrong("unknowns", unknowns)) };
                for item in items.iter() {
                    let text = item.as_text().ok_or_else(|| wrong("unknowns", item))?;
                    self.unknowns.push(text.to_owned());
                }
            }
            if let (Some(rule), None) = (said.get(&"mask_rule".into()), &self.mask_rule) {
                let text = rule.as_text().ok_or_else(|| wrong("mask_rule", rule))?;
                self.mask_rule = Some(text.to_owned());
            }
        }
        Ok(())
    }
}

fn wrong(name: &str, said: &Value) -> flow::Error {
    let story =
        format!("`{name}` says {said}, and has to be a path or, of `unknowns`, a list of some");
    FILTER_ANNOTATION.error(story)
}

/// Whether an annotation says something of the rules at a path.
fn is_about(module: &Module, said: &Annotation, path: &[Value]) -> bool {
    let package = package(module);
    match (&*said.scope, said.rule.and_then(|rule| module.rules.get(rule))) {
        ("rule" | "document", Some(rule)) => path_of(module, rule) == path,
        ("package", None) => path.len() == package.len() + 1 && path.starts_with(&package),
        ("subpackages", None) => path.len() > package.len() && path.starts_with(&package),
        _ => false,
    }
}

fn package(module: &Module) -> Vec<Value> {
    module.package.iter().cloned().map(Value::text).collect()
}

/// The path of a rule below `data`, as far as it is written.
pub(crate) fn path_of(module: &Module, rule: &Rule) -> Vec<Value> {
    let mut path = package(module);
    match &rule.head.reference.kind {
        TermKind::Var(name) => path.push(Value::text(name.clone())),
        TermKind::Ref(head, steps) => {
            if let TermKind::Var(name) = &head.kind {
                path.push(Value::text(name.clone()));
            }
            path.extend(steps.iter().map_while(Term::ground));
        }
        _ => {}
    }
    path
}

/// Where the first rule at a path is that is no default.
pub(crate) fn place<'m>(
    modules: impl Iterator<Item = &'m Module>,
    path: &[Value],
) -> Option<(Arc<Source>, Span)> {
    let mut rules = modules.flat_map(|module| module.rules.iter().map(move |rule| (module, rule)));
    let found = rules.find(|(module, rule)| !rule.default && path_of(module, rule) == path);
    found.map(|(module, rule)| (module.source.clone(), rule.span))
}
