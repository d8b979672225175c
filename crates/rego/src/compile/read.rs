//! Rules as they are written, read into atoms.

mod call;

use std::sync::Arc;

use super::Problem;
use super::atom::{Atom, Change, Closure, Collect, Flat, Root, Says};
use super::names::{Globals, Scope, mentioned, variables};
use super::said::Said;
use super::tree::Tree;
use crate::Value;
use crate::builtin;
use crate::plan::{Place, Slot};
use crate::syntax::Module;
use crate::syntax::tree::{Expr, ExprKind, Head, Name, Span, Term, TermKind};

/// Reads the bodies of one rule, or of a question.
pub(super) struct Reader<'c> {
    pub(super) tree: &'c Tree,
    module: &'c Arc<Module>,
    globals: &'c Globals,
    scopes: Vec<Scope>,
    /// The name of each variable; what is computed in between has none.
    pub(super) names: Vec<Option<Name>>,
    pub(super) problems: Vec<Problem>,
    /// Calls of functions that other modules may bring later; nothing when they have to be there.
    pub(super) awaited: Option<Vec<Problem>>,
    /// What annotations say about the rule that is read.
    pub(super) said: Option<Said<'c>>,
}

/// A body and what it leads to.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) span: Span,
    pub(super) atoms: Vec<Atom>,
    /// Which of them only the keys need.
    pub(super) keyed: std::ops::Range<usize>,
    pub(super) keys: Vec<Flat>,
    pub(super) value: Flat,
    pub(super) contains: bool,
}

impl<'c> Reader<'c> {
    pub(super) fn new(tree: &'c Tree, module: &'c Arc<Module>, globals: &'c Globals) -> Self {
        Self {
            tree,
            module,
            globals,
            scopes: vec![Scope::default()],
            names: Vec::new(),
            problems: Vec::new(),
            awaited: None,
            said: None,
        }
    }

    /// Gives the first places to what is known before a rule is evaluated.
    pub(super) fn take(&mut self, count: usize) {
        self.names.resize(count, None);
    }

    /// A branch of a rule: its arguments (or the keys that are known), body and head.
    pub(super) fn branch(
        &mut self,
        span: Span,
        head: &Head,
        keys: &[Term],
        known: usize,
        value: Option<&Term>,
        body: &[Expr],
    ) -> Read {
        self.scopes = vec![Scope::default()];
        let mut atoms = Vec::new();
        let args = head.args.as_deref().unwrap_or_default();
        let plain: Vec<bool> =
            (0..).zip(args).map(|(place, arg)| self.argument(place, arg)).collect();
        self.scopes.push(Scope::default());
        self.foresee(body, keys.iter().chain(&head.contains).chain(value).chain(args));
        for ((place, arg), plain) in (0..).zip(args).zip(plain) {
            if !plain {
                let flat = self.operand(arg, &mut atoms);
                atoms.push(Atom { span: arg.span, says: Says::Unify(flat, Flat::Var(place)) });
            }
        }
        self.body(body, &mut atoms);
        let before = atoms.len();
        let mut flats: Vec<Flat> = keys.iter().map(|key| self.operand(key, &mut atoms)).collect();
        let keyed = before..atoms.len();
        let result = match (&head.contains, value) {
            (Some(member), _) => self.operand(member, &mut atoms),
            (None, Some(value)) => self.operand(value, &mut atoms),
            (None, None) => Flat::Const(true.into()),
        };
        let contains = head.contains.is_some();
        if head.args.is_none() {
            let member = contains.then_some(&result);
            let first = |(place, flat): (Slot, &Flat)| Atom {
                span,
                says: Says::Unify(flat.clone(), Flat::Var(place)),
            };
            let known: Vec<Atom> =
                (0..).zip(flats.iter().chain(member)).take(known).map(first).collect();
            atoms.splice(0..0, known);
        }
        // What is not a way into something anymore needs no further thought.
        flats.shrink_to_fit();
        Read { span, atoms, keyed, keys: flats, value: result, contains }
    }

    /// A body that is asked by itself, and the value of each of its lines that has one, where
    /// values are wanted.
    pub(super) fn question(
        &mut self,
        body: &[Expr],
        valued: bool,
    ) -> (Vec<Atom>, Vec<(Span, Flat)>) {
        let (mut atoms, mut values) = (Vec::new(), Vec::new());
        self.foresee(body, std::iter::empty());
        self.body(body, &mut atoms);
        for expr in body.iter().filter(|_| valued) {
            let said = atoms.iter_mut().find(|atom| atom.span == expr.span);
            let Some(atom) = said else { continue };
            if let Says::Holds(flat) = &mut atom.says {
                let slot = self.fresh(None);
                let value = std::mem::replace(flat, Flat::Const(true.into()));
                atom.says = Says::Unify(Flat::Var(slot), value);
                values.push((expr.span, Flat::Var(slot)));
            }
        }
        (atoms, values)
    }

    /// Names what an argument brings; true when it is a name and no more.
    fn argument(&mut self, place: Slot, arg: &Term) -> bool {
        if let TermKind::Var(name) = &arg.kind
            && let Some(scope) = self.scopes.last_mut()
            && !scope.locals.contains_key(name)
        {
            scope.locals.insert(name.clone(), place);
            scope.declared.insert(name.clone());
            if let Some(there) = self.names.get_mut(place as usize) {
                *there = Some(name.clone());
            }
            return true;
        }
        for name in declared(arg) {
            if self.scopes.last().is_some_and(|scope| !scope.locals.contains_key(&name)) {
                self.declare_in_place(&name);
            }
        }
        false
    }

    /// Makes variables of the names a body and its heads mention and that mean nothing yet: a
    /// body within this one that mentions them too means the same.
    fn foresee<'t>(&mut self, body: &[Expr], heads: impl Iterator<Item = &'t Term>) {
        let (mut free, mut declared) = (Vec::new(), Vec::new());
        let mut sort = |name: &Name, declares: bool| match declares {
            true => declared.push(name.clone()),
            false => free.push(name.clone()),
        };
        mentioned(body, &mut sort);
        heads.for_each(|term| variables(term, false, &mut sort));
        for name in free {
            let fresh =
                !name.starts_with('$') && !declared.contains(&name) && self.local(&name).is_none();
            if fresh && self.globals.find(&name).is_none() {
                self.declare_in_place(&name);
            }
        }
    }

    fn body(&mut self, body: &[Expr], atoms: &mut Vec<Atom>) {
        body.iter().for_each(|expr| self.expr(expr, atoms));
    }

    fn expr(&mut self, expr: &Expr, out: &mut Vec<Atom>) {
        let before = self.names.len();
        let swaps: Vec<Change> =
            expr.with.iter().filter_map(|with| self.change(with, out)).collect();
        let mut atoms = Vec::new();
        self.statement(expr, &mut atoms);
        if expr.negated {
            let outer = self.outer(&atoms, &[], before, true);
            atoms = vec![Atom { span: expr.span, says: Says::Not { atoms, outer } }];
        }
        if !swaps.is_empty() {
            atoms = vec![Atom { span: expr.span, says: Says::With { swaps, atoms } }];
        }
        out.append(&mut atoms);
    }

    fn statement(&mut self, expr: &Expr, out: &mut Vec<Atom>) {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Term(term) => match &term.kind {
                TermKind::Call(head, args) => self.call_holds(term.span, head, args, out),
                _ => {
                    let flat = self.term(term, out);
                    out.push(Atom { span, says: Says::Holds(flat) });
                }
            },
            ExprKind::Unify(one, two) => self.unify(span, one, two, out),
            ExprKind::Assign(to, from) => {
                let from = self.term(from, out);
                self.declare_all(to);
                let to = self.term(to, out);
                out.push(Atom { span, says: Says::Unify(to, from) });
            }
            ExprKind::Some(names) => names.iter().for_each(|name| self.declare_all(name)),
            ExprKind::SomeIn(key, value, domain) => {
                let domain = self.operand(domain, out);
                key.iter().chain([value]).for_each(|term| self.declare_all(term));
                let key = key.as_ref().map(|key| self.operand(key, out));
                let value = self.operand(value, out);
                out.push(Atom { span, says: Says::Member(key, value, domain) });
            }
            ExprKind::Every(every) => {
                let domain = self.operand(&every.domain, out);
                let before = self.names.len();
                self.scopes.push(Scope::default());
                let key = every.key.as_ref().and_then(|key| self.declare_one(key));
                let value = self.declare_one(&every.value).unwrap_or_else(|| self.fresh(None));
                let mut atoms = Vec::new();
                self.foresee(&every.body, std::iter::empty());
                self.body(&every.body, &mut atoms);
                let outer = self.outer(&atoms, &[], before, false);
                self.scopes.pop();
                out.push(Atom { span, says: Says::Every { domain, key, value, atoms, outer } });
            }
        }
    }

    fn unify(&mut self, span: Span, one: &Term, two: &Term, out: &mut Vec<Atom>) {
        match (&one.kind, &two.kind) {
            (_, TermKind::Call(head, args)) => {
                let to = self.term(one, out);
                self.call(two.span, head, args, Some(to), out);
            }
            (TermKind::Call(head, args), _) => {
                let to = self.term(two, out);
                self.call(one.span, head, args, Some(to), out);
            }
            _ => {
                let one = self.term(one, out);
                let two = self.term(two, out);
                out.push(Atom { span, says: Says::Unify(one, two) });
            }
        }
    }

    /// A term, where a way through something may remain.
    pub(super) fn term(&mut self, term: &Term, out: &mut Vec<Atom>) -> Flat {
        match &term.kind {
            TermKind::Scalar(value) => Flat::Const(value.clone()),
            TermKind::Var(name) => self.name(name),
            TermKind::Ref(head, keys) => {
                let head = self.term(head, out);
                let mut keys: Vec<Flat> = keys.iter().map(|key| self.operand(key, out)).collect();
                match head {
                    Flat::Ref(root, mut path) => {
                        path.append(&mut keys);
                        Flat::Ref(root, path)
                    }
                    other => Flat::Ref(Root::Value(Box::new(other)), keys),
                }
            }
            TermKind::Array(items) => {
                let items: Vec<Flat> = items.iter().map(|item| self.operand(item, out)).collect();
                match constants(&items) {
                    Some(values) => Flat::Const(Value::array(values)),
                    None => Flat::Array(items),
                }
            }
            TermKind::Set(members) => {
                let members: Vec<Flat> =
                    members.iter().map(|item| self.operand(item, out)).collect();
                match constants(&members) {
                    Some(values) => Flat::Const(Value::set(values)),
                    None => Flat::Set(members),
                }
            }
            TermKind::Object(pairs) => {
                let (keys, values): (Vec<Flat>, Vec<Flat>) = pairs
                    .iter()
                    .map(|(key, value)| (self.operand(key, out), self.operand(value, out)))
                    .unzip();
                match (constants(&keys), constants(&values)) {
                    (Some(keys), Some(values)) if distinct(&keys) => {
                        Flat::Const(Value::object(keys.into_iter().zip(values)))
                    }
                    _ => Flat::Object(keys.into_iter().zip(values).collect()),
                }
            }
            TermKind::ArrayOf(item, body) => self.gather(term.span, body, &[item], |mut heads| {
                Collect::Array(heads.pop().unwrap_or(Flat::Const(Value::Null)))
            }),
            TermKind::SetOf(item, body) => self.gather(term.span, body, &[item], |mut heads| {
                Collect::Set(heads.pop().unwrap_or(Flat::Const(Value::Null)))
            }),
            TermKind::ObjectOf(pair, body) => {
                self.gather(term.span, body, &[&pair.0, &pair.1], |mut heads| {
                    let value = heads.pop().unwrap_or(Flat::Const(Value::Null));
                    Collect::Object(heads.pop().unwrap_or(Flat::Const(Value::Null)), value)
                })
            }
            TermKind::Call(head, args) => {
                let slot = Flat::Var(self.fresh(None));
                self.call(term.span, head, args, Some(slot.clone()), out);
                slot
            }
            TermKind::Template(parts) => {
                let part = |part: &Term| match &part.kind {
                    TermKind::Scalar(_) => self.term(part, &mut Vec::new()),
                    _ => self.perhaps(part),
                };
                let parts = Flat::Array(parts.iter().map(part).collect());
                let slot = Flat::Var(self.fresh(None));
                match builtin::find("internal.template_string") {
                    Some(function) => {
                        let says = Says::Call(function, vec![parts], slot.clone());
                        out.push(Atom { span: term.span, says });
                    }
                    None => self.problem(term.span, "texts with values in them are unknown here"),
                }
                slot
            }
        }
    }

    /// A term that is known once its variables are: what has to be looked for stands before.
    pub(super) fn operand(&mut self, term: &Term, out: &mut Vec<Atom>) -> Flat {
        let flat = self.term(term, out);
        if !flat.searches() {
            return flat;
        }
        let slot = Flat::Var(self.fresh(None));
        out.push(Atom { span: term.span, says: Says::Unify(slot.clone(), flat) });
        slot
    }

    /// A set of what the term comes to, which is one value or none.
    fn perhaps(&mut self, term: &Term) -> Flat {
        self.gather(term.span, &[], &[term], |mut heads| {
            Collect::Set(heads.pop().unwrap_or(Flat::Const(Value::Null)))
        })
    }

    fn gather(
        &mut self,
        span: Span,
        body: &[Expr],
        heads: &[&Term],
        what: impl FnOnce(Vec<Flat>) -> Collect,
    ) -> Flat {
        let before = self.names.len();
        self.scopes.push(Scope::default());
        let mut atoms = Vec::new();
        self.foresee(body, heads.iter().copied());
        self.body(body, &mut atoms);
        let heads: Vec<Flat> = heads.iter().map(|head| self.operand(head, &mut atoms)).collect();
        let outer = self.outer(&atoms, &heads, before, false);
        self.scopes.pop();
        Flat::Gather(Arc::new(Closure { span, atoms, what: what(heads), outer }))
    }

    /// The variables of what is around a body: they have to be known when it begins.
    fn outer(&self, atoms: &[Atom], heads: &[Flat], before: usize, not: bool) -> Vec<Slot> {
        let mut outer = Vec::new();
        let mut see = |slot: Slot| {
            // Under a `not` nothing may be looked for.
            let wild = || self.names.get(slot as usize).is_some_and(Option::is_some);
            if ((slot as usize) < before || (not && wild())) && !outer.contains(&slot) {
                outer.push(slot);
            }
        };
        atoms.iter().for_each(|atom| atom.variables(&mut see));
        heads.iter().for_each(|head| head.variables(&mut see));
        outer
    }

    fn name(&mut self, name: &Name) -> Flat {
        if let Some(slot) = self.local(name) {
            return Flat::Var(slot);
        }
        if let Some(path) = self.globals.find(name) {
            let mut path = path.into_iter();
            let root = match path.next().as_ref().and_then(Value::as_text) {
                Some("input") => Root::Input,
                _ => Root::Data,
            };
            return Flat::Ref(root, path.map(Flat::Const).collect());
        }
        Flat::Var(self.declare_in_place(name))
    }

    fn local(&self, name: &Name) -> Option<Slot> {
        self.scopes.iter().rev().find_map(|scope| scope.locals.get(name).copied())
    }

    fn declare_in_place(&mut self, name: &Name) -> Slot {
        let slot = self.fresh(Some(name.clone()));
        if let Some(scope) = self.scopes.last_mut() {
            scope.locals.insert(name.clone(), slot);
        }
        slot
    }

    fn declare_one(&mut self, term: &Term) -> Option<Slot> {
        match &term.kind {
            TermKind::Var(name) => {
                let slot = self.declare_in_place(name);
                if let Some(scope) = self.scopes.last_mut() {
                    scope.declared.insert(name.clone());
                }
                Some(slot)
            }
            _ => None,
        }
    }

    /// Makes new variables of those in a pattern.
    fn declare_all(&mut self, pattern: &Term) {
        for name in declared(pattern) {
            let Some(scope) = self.scopes.last() else { continue };
            if scope.declared.contains(&name) {
                let text = format!("var {name} declared above");
                self.problems.push(Problem::of_compiling(self.at(pattern.span), text));
            } else if scope.locals.contains_key(&name) {
                let text = format!("var {name} referenced above");
                self.problems.push(Problem::of_compiling(self.at(pattern.span), text));
            }
            self.declare_in_place(&name);
            if let Some(scope) = self.scopes.last_mut() {
                scope.declared.insert(name);
            }
        }
    }

    pub(super) fn fresh(&mut self, name: Option<Name>) -> Slot {
        let slot = Slot::try_from(self.names.len()).unwrap_or(Slot::MAX);
        self.names.push(name);
        slot
    }

    pub(super) fn at(&self, span: Span) -> Place {
        Place { source: self.module.source.clone(), span }
    }

    fn problem(&mut self, span: Span, text: &str) {
        self.problems.push(Problem::of_compiling(self.at(span), text.to_owned()));
    }

    fn type_problem(&mut self, span: Span, text: String) {
        self.problems.push(Problem::of_type(self.at(span), text));
    }

    /// The variables of the outermost body, by name.
    pub(super) fn named(&self) -> Vec<(Name, Slot)> {
        let scope = self.scopes.last();
        let mut named: Vec<(Name, Slot)> = scope
            .into_iter()
            .flat_map(|scope| scope.locals.iter().map(|(name, slot)| (name.clone(), *slot)))
            .filter(|(name, _)| !name.starts_with('$'))
            .collect();
        named.sort();
        named
    }
}

/// The variables that a pattern brings.
fn declared(pattern: &Term) -> Vec<Name> {
    let mut names = Vec::new();
    variables(pattern, true, &mut |name, declares| {
        if declares {
            names.push(name.clone());
        }
    });
    names
}

fn constants(flats: &[Flat]) -> Option<Vec<Value>> {
    let value = |flat: &Flat| match flat {
        Flat::Const(value) => Some(value.clone()),
        _ => None,
    };
    flats.iter().map(value).collect()
}

fn distinct(keys: &[Value]) -> bool {
    keys.iter().enumerate().all(|(place, key)| !keys.iter().take(place).any(|other| other == key))
}
