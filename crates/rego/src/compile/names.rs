//! Which name means what.

use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use crate::Value;
use crate::plan::Slot;
use crate::syntax::Module;
use crate::syntax::tree::{Expr, ExprKind, Name, Term, TermKind};

/// The names of a body.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) locals: HashMap<Name, Slot>,
    /// Those that were said to be new here.
    pub(super) declared: HashSet<Name>,
}

/// What the names of a module mean that are no variables.
#[derive(Debug, Default)]
pub(super) struct Globals {
    pub(super) package: Vec<Value>,
    /// Paths that begin with `data` or `input`, by what they are called here.
    imports: HashMap<Name, Vec<Value>>,
    /// The rules of the package, in whatever module.
    rules: HashSet<Name>,
}

impl Globals {
    /// Those of a module among others.
    pub(super) fn of(module: &Module, all: &[Arc<Module>]) -> Self {
        let mut globals = Self {
            package: path(&module.package),
            imports: HashMap::default(),
            rules: HashSet::default(),
        };
        for import in &module.imports {
            let Some(first) = import.path.first() else { continue };
            let alias = import.alias.as_ref().or(import.path.last());
            if let (Some(alias), "data" | "input") = (alias, &**first) {
                globals.imports.insert(alias.clone(), path(&import.path));
            }
        }
        let fellows = all.iter().filter(|other| other.package == module.package);
        globals.rules.extend(
            fellows.flat_map(|other| &other.rules).filter_map(|rule| first(&rule.head.reference)),
        );
        globals
    }

    /// The path of a name that is no variable: it begins with `data` or `input`.
    pub(super) fn find(&self, name: &Name) -> Option<Vec<Value>> {
        if matches!(&**name, "data" | "input") {
            return Some(vec![Value::text(name.clone())]);
        }
        if self.rules.contains(name) {
            let mut whole = vec![Value::from("data")];
            whole.extend(self.package.iter().cloned());
            whole.push(Value::text(name.clone()));
            return Some(whole);
        }
        self.imports.get(name).cloned()
    }
}

fn path(names: &[Name]) -> Vec<Value> {
    names.iter().map(|name| Value::text(name.clone())).collect()
}

fn first(reference: &Term) -> Option<Name> {
    match &reference.kind {
        TermKind::Var(name) => Some(name.clone()),
        TermKind::Ref(head, _) => first(head),
        _ => None,
    }
}

/// Calls with the variables that a body names outside of inner bodies, and says of each
/// whether it is declared by that.
pub(super) fn mentioned(body: &[Expr], seen: &mut impl FnMut(&Name, bool)) {
    for expr in body {
        match &expr.kind {
            ExprKind::Term(term) => variables(term, false, seen),
            ExprKind::Unify(one, two) => {
                variables(one, false, seen);
                variables(two, false, seen);
            }
            ExprKind::Assign(to, from) => {
                variables(from, false, seen);
                variables(to, true, seen);
            }
            ExprKind::Some(names) => names.iter().for_each(|name| variables(name, true, seen)),
            ExprKind::SomeIn(key, value, domain) => {
                variables(domain, false, seen);
                key.iter().chain([value]).for_each(|term| variables(term, true, seen));
            }
            ExprKind::Every(every) => variables(&every.domain, false, seen),
        }
        expr.with.iter().for_each(|with| variables(&with.value, false, seen));
    }
}

/// Calls with the variables of a term that stand outside of inner bodies.
pub(super) fn variables(term: &Term, declares: bool, seen: &mut impl FnMut(&Name, bool)) {
    match &term.kind {
        TermKind::Var(name) => seen(name, declares),
        TermKind::Ref(head, keys) => {
            variables(head, false, seen);
            keys.iter().for_each(|key| variables(key, false, seen));
        }
        TermKind::Array(items) | TermKind::Set(items) => {
            items.iter().for_each(|item| variables(item, declares, seen));
        }
        TermKind::Object(pairs) => {
            for (key, value) in pairs {
                variables(key, false, seen);
                variables(value, declares, seen);
            }
        }
        TermKind::Call(_, args) => args.iter().for_each(|arg| variables(arg, false, seen)),
        TermKind::Scalar(_)
        | TermKind::ArrayOf(..)
        | TermKind::SetOf(..)
        | TermKind::ObjectOf(..) => {}
        TermKind::Template(parts) => parts.iter().for_each(|part| variables(part, false, seen)),
    }
}
