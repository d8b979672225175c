//! What is called, and with what in its place.

use super::Reader;
use crate::Value;
use crate::builtin::{self, Builtin, Failure};
use crate::compile::Problem;
use crate::compile::atom::{Atom, Change, Flat, Says, Stand};
use crate::plan::{Callee, Kind, Order};
use crate::syntax::tree::{Span, Term, TermKind, With};

impl Reader<'_> {
    pub(super) fn call_holds(
        &mut self,
        span: Span,
        head: &Term,
        args: &[Term],
        out: &mut Vec<Atom>,
    ) {
        if let (Some(order), [one, two]) = (order(head), args) {
            let one = self.operand(one, out);
            let two = self.operand(two, out);
            out.push(Atom { span, says: Says::Compare(order, one, two, None) });
            return;
        }
        if matches!(&head.kind, TermKind::Var(name) if &**name == "print") {
            let args = args.iter().map(|arg| self.perhaps(arg)).collect();
            out.push(Atom { span, says: Says::Print(args) });
            return;
        }
        if let Some(to) = self.call(span, head, args, None, out) {
            out.push(Atom { span, says: Says::Holds(to) });
        }
    }

    /// A call. Without a place for the result it gets one, unless the last argument is it.
    pub(super) fn call(
        &mut self,
        span: Span,
        head: &Term,
        args: &[Term],
        to: Option<Flat>,
        out: &mut Vec<Atom>,
    ) -> Option<Flat> {
        if let Some(value) = self.metadata(head) {
            let to = to.or_else(|| args.first().map(|arg| self.term(arg, out)));
            let to = to.unwrap_or_else(|| Flat::Var(self.fresh(None)));
            out.push(Atom { span, says: Says::Unify(to.clone(), Flat::Const(value)) });
            return Some(to);
        }
        let callee = self.callee(head);
        let mut flats: Vec<Flat> = args.iter().map(|arg| self.operand(arg, out)).collect();
        let Some((callee, arity)) = callee else {
            let name = dotted(head).unwrap_or_default();
            let problem = Problem::of_type(self.at(span), format!("undefined function {name}"));
            let comes = self.path(head).is_some_and(|path| self.may_come(&path));
            return match &mut self.awaited {
                Some(awaited) if comes => {
                    awaited.push(problem);
                    Some(self.undefined(span, to, flats.pop(), out))
                }
                _ => {
                    self.problems.push(problem);
                    None
                }
            };
        };
        let (to, asked) = match to {
            None if flats.len() == arity + 1 => (flats.pop()?, false),
            Some(to) => (to, true),
            None => (Flat::Var(self.fresh(None)), true),
        };
        if flats.len() != arity {
            let name = dotted(head).unwrap_or_default();
            let have = flats.len();
            let text = format!(
                "{name}: arity mismatch\n\thave: {have} arguments\n\twant: {arity} arguments"
            );
            self.type_problem(span, text);
            return None;
        }
        if let (Some(order), [one, two], Flat::Var(slot)) = (order(head), flats.as_slice(), &to) {
            let says = Says::Compare(order, one.clone(), two.clone(), Some(*slot));
            out.push(Atom { span, says });
            return asked.then_some(to);
        }
        let says = match callee {
            Callee::Builtin(function) if function.name == "walk" => {
                Says::Walk(flats.pop()?, to.clone())
            }
            Callee::Builtin(function) => Says::Call(function, flats, to.clone()),
            Callee::Rule(rule) => Says::Apply(rule, flats, to.clone()),
        };
        out.push(Atom { span, says });
        asked.then_some(to)
    }

    /// What a policy asks about itself is known before it runs.
    fn metadata(&self, head: &Term) -> Option<Value> {
        let said = self.said?;
        match dotted(head)?.as_str() {
            "rego.metadata.rule" => Some(said.of_rule()),
            "rego.metadata.chain" => Some(said.chain()),
            _ => None,
        }
    }

    /// A place for what does not come to a value. The last argument may be meant to be one too,
    /// for nobody knows how many there are.
    fn undefined(
        &mut self,
        span: Span,
        to: Option<Flat>,
        last: Option<Flat>,
        out: &mut Vec<Atom>,
    ) -> Flat {
        let to = to.unwrap_or_else(|| Flat::Var(self.fresh(None)));
        out.push(Atom { span, says: Says::Holds(Flat::Const(false.into())) });
        for flat in last.into_iter().chain([to.clone()]) {
            out.push(Atom { span, says: Says::Unify(flat, Flat::Const(Value::Null)) });
        }
        to
    }

    /// What a name calls, and how many arguments it takes.
    fn callee(&self, head: &Term) -> Option<(Callee, usize)> {
        if let Some(path) = self.path(head) {
            let node = self.tree.find(path.get(1..)?)?;
            let (rule, set) = self.tree.set(node)?;
            return match set.kind {
                Kind::Function(arity) => Some((Callee::Rule(rule), arity)),
                _ => None,
            };
        }
        let name = dotted(head)?;
        let function = if name == WALK.name { &WALK } else { builtin::find(&name)? };
        Some((Callee::Builtin(function), function.arity))
    }

    /// Whether another module may bring the function: not where a rule is that is none.
    fn may_come(&self, path: &[Value]) -> bool {
        let there = path.get(1..).and_then(|path| self.tree.find(path));
        path.first().and_then(Value::as_text) == Some("data")
            && there.is_none_or(|node| self.tree.set(node).is_none())
    }

    /// The path of a reference that begins with no variable and is known as it is written.
    fn path(&self, term: &Term) -> Option<Vec<Value>> {
        match &term.kind {
            TermKind::Var(name) if self.local(name).is_none() => self.globals.find(name),
            TermKind::Ref(head, keys) => {
                let mut path = self.path(head)?;
                for key in keys {
                    match &key.kind {
                        TermKind::Scalar(value) => path.push(value.clone()),
                        _ => return None,
                    }
                }
                Some(path)
            }
            _ => None,
        }
    }

    pub(super) fn change(&mut self, with: &With, out: &mut Vec<Atom>) -> Option<Change> {
        let target = self.path(&with.target);
        if let Some(callee) = self.callee(&with.target) {
            let stand = match self.callee(&with.value) {
                Some((by, _)) => Stand::Function(by),
                None => Stand::Value(self.operand(&with.value, out)),
            };
            return Some(Change::Function(callee.0, stand));
        }
        let value = self.operand(&with.value, out);
        let mut path = target.unwrap_or_default().into_iter();
        match path.next().as_ref().and_then(Value::as_text) {
            Some("input") => Some(Change::Input(path.collect(), value)),
            Some("data") => Some(Change::Data(path.collect(), value)),
            _ => {
                let name = dotted(&with.target).unwrap_or_default();
                let text = format!(
                    "with keyword target must reference existing input, data, or a function, not {name}"
                );
                self.type_problem(with.span, text);
                None
            }
        }
    }
}

/// What goes through a value, which is a step of its own and no function.
static WALK: Builtin = Builtin::steady("walk", 1, |_, _| Err(Failure::Undefined));

fn order(head: &Term) -> Option<Order> {
    match &head.kind {
        TermKind::Var(name) => match &**name {
            "equal" => Some(Order::Equal),
            "neq" => Some(Order::Unequal),
            "lt" => Some(Order::Less),
            "lte" => Some(Order::LessOrEqual),
            "gt" => Some(Order::More),
            "gte" => Some(Order::MoreOrEqual),
            _ => None,
        },
        _ => None,
    }
}

/// The name of what is called.
fn dotted(head: &Term) -> Option<String> {
    match &head.kind {
        TermKind::Var(name) => Some(name.to_string()),
        TermKind::Ref(head, keys) => {
            let mut name = dotted(head)?;
            for key in keys {
                match &key.kind {
                    TermKind::Scalar(Value::Text(part)) => {
                        name.push('.');
                        name.push_str(part);
                    }
                    _ => return None,
                }
            }
            Some(name)
        }
        _ => None,
    }
}
