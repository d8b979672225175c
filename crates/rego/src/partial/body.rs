//! Bodies within bodies, and worlds in which other things are so.

use super::step::{Around, State, Sym};
use super::unknown::World;
use super::{Residue, write};
use crate::Value;
use crate::builtin::Builtin;
use crate::eval::Run;
use crate::plan::{Arg, Callee, Gather, Mock, Slot, Step, Swap};
use crate::syntax::tree::{Every, Expr, ExprKind, Name, Span, Term, TermKind, With};

/// What has to hold for each of so many is written once for each.
const EACH_MAX: usize = 64;

impl<'p> Residue<'p, '_> {
    pub(super) fn inner_body(
        &mut self,
        step: &'p Step,
        mut state: State,
        around: Around,
        out: &mut Vec<State>,
    ) -> Run<()> {
        match step {
            Step::Not { steps } => {
                if self.not(steps, &mut state, around)? {
                    out.push(state);
                }
                Ok(())
            }
            Step::Every { base, key, value, steps } => {
                self.every(base, (*key, *value), steps, state, around, out)
            }
            Step::Gather { to, what, steps, .. } => {
                self.gather(*to, what, steps, &mut state, around)?;
                out.push(state);
                Ok(())
            }
            _ => Err(self.evaluation.stopped("this cannot be evaluated in part")),
        }
    }

    /// What must not hold; whether that may be so.
    fn not(&mut self, steps: &'p [Step], state: &mut State, around: Around) -> Run<bool> {
        let before = self.names;
        let inner = State { frame: state.frame.clone(), ..State::new(0, []) };
        for inlines in [true, false] {
            if inlines && !self.inlines {
                continue;
            }
            let around = Around { inlines, ..around };
            let ways = self.block(steps, inner.clone(), around)?;
            let ways: Vec<Vec<Expr>> =
                ways.into_iter().map(|way| self.tidied(way.lines, &[])).collect();
            if ways.iter().any(Vec::is_empty) {
                return Ok(false);
            }
            // None of several ways may hold; a way of one line that brings nothing new along is
            // denied by itself.
            let lines = ways.iter().map(|way| match way.as_slice() {
                [line] if self.is_deniable(line, before) => Some(line),
                _ => None,
            });
            if let Some(lines) = lines.collect::<Option<Vec<_>>>() {
                for line in lines {
                    state.say(Expr { negated: true, ..line.clone() });
                }
                return Ok(true);
            }
            if !inlines {
                let denied = self.aside(ways, before, around.world);
                state.say(Expr { negated: true, ..write::holds(denied) });
                return Ok(true);
            }
        }
        Ok(true)
    }

    fn is_deniable(&self, line: &Expr, before: usize) -> bool {
        let plain = matches!(line.kind, ExprKind::Term(_) | ExprKind::Unify(..));
        let mut known = true;
        self.names_in(std::slice::from_ref(line), &mut |number| known &= number <= before);
        plain && !line.negated && line.with.is_empty() && known
    }

    /// Bodies as a rule of their own, which is given what they take from around them.
    fn aside(&mut self, bodies: Vec<Vec<Expr>>, before: usize, world: World) -> Term {
        let mut outer = Vec::new();
        for body in &bodies {
            self.names_in(body, &mut |number| {
                if number <= before && !outer.contains(&number) {
                    outer.push(number);
                }
            });
        }
        self.bodies += 1;
        let name = format!("__not{}__", self.bodies);
        let args: Vec<Term> = outer.iter().map(|number| self.named(*number)).collect();
        let given = (!args.is_empty()).then(|| args.clone());
        let rules: Vec<_> = bodies
            .into_iter()
            .map(|body| write::rule(write::head(write::var(&name), given.clone()), body))
            .collect();
        self.support.entry(self.package(&[], world)).or_default().extend(rules);
        let asked = write::place("data", &self.path(&[Value::from(name.as_str())], world));
        match args.is_empty() {
            true => asked,
            false => write::plain(TermKind::Call(Box::new(asked), args)),
        }
    }

    fn every(
        &mut self,
        base: &Arg,
        (key, value): (Option<Slot>, Slot),
        steps: &'p [Step],
        mut state: State,
        around: Around,
        out: &mut Vec<State>,
    ) -> Run<()> {
        let domain = self.argument(&mut state, base, around)?;
        let plainly = Around { inlines: false, ..around };
        if let (Sym::Known(domain), true) = (&domain, around.inlines) {
            let Some(members) = members(domain) else { return Ok(()) };
            if members.len() <= EACH_MAX {
                for (name, member) in members {
                    let mut inner = state.clone();
                    key.into_iter().for_each(|key| inner.put(key, Sym::Known(name.clone())));
                    inner.put(value, Sym::Known(member));
                    match self.block(steps, inner, plainly)?.pop() {
                        Some(inner) => state.lines = inner.lines,
                        None => return Ok(()),
                    }
                }
                out.push(state);
                return Ok(());
            }
        }
        let domain = self.term_of(&domain)?;
        let names = (key.map(|_| self.fresh()), self.fresh());
        let mut inner = State { frame: state.frame.clone(), ..State::new(0, []) };
        for (slot, name) in key.iter().zip(&names.0) {
            inner.put(*slot, Sym::Open(name.clone()));
        }
        inner.put(value, Sym::Open(names.1.clone()));
        let body = match self.block(steps, inner, plainly)?.pop() {
            Some(inner) => self.tidied(inner.lines, &[]),
            None => vec![write::never()],
        };
        let body = write::said(body);
        let every = Every { key: names.0, value: names.1, domain, body };
        state.say(write::line(ExprKind::Every(Box::new(every))));
        out.push(state);
        Ok(())
    }

    fn gather(
        &mut self,
        to: Slot,
        what: &'p Gather,
        steps: &'p [Step],
        state: &mut State,
        around: Around,
    ) -> Run<()> {
        let around = Around { inlines: false, ..around };
        let heads = match what {
            Gather::Array(arg) | Gather::Set(arg) => [Some(arg), None],
            Gather::Object(key, value) => [Some(key), Some(value)],
        };
        let kept = heads.into_iter().flatten();
        let inner = State { frame: state.frame.clone(), ..State::new(0, kept) };
        let Some(mut inner) = self.block(steps, inner, around)?.pop() else {
            state.put(
                to,
                Sym::Known(match what {
                    Gather::Array(_) => Value::array([]),
                    Gather::Set(_) => Value::set([]),
                    Gather::Object(..) => Value::object([]),
                }),
            );
            return Ok(());
        };
        let args: Vec<Arg> = match what {
            Gather::Array(arg) | Gather::Set(arg) => vec![arg.clone()],
            Gather::Object(key, value) => vec![key.clone(), value.clone()],
        };
        let mut heads = self.terms(&args, &mut inner, around)?;
        let kept: Vec<&Term> = heads.iter().collect();
        let body = write::said(self.tidied(inner.lines, &kept));
        let last = Box::new(heads.pop().unwrap_or_else(|| write::value(Value::Null)));
        let kind = match what {
            Gather::Array(_) => TermKind::ArrayOf(last, body),
            Gather::Set(_) => TermKind::SetOf(last, body),
            Gather::Object(..) => {
                let key = heads.pop().unwrap_or_else(|| write::value(Value::Null));
                TermKind::ObjectOf(Box::new((key, *last)), body)
            }
        };
        self.make(to, write::plain(kind), state)
    }

    /// What follows is asked where other things are so.
    pub(super) fn with(
        &mut self,
        swaps: &'p [Swap],
        rest: &'p [Step],
        mut state: State,
        around: Around,
        out: &mut Vec<State>,
    ) -> Run<()> {
        if !state.withs.is_empty() {
            return Err(self.evaluation.stopped("a `with` within a `with` has no end"));
        }
        let mut withs = Vec::new();
        let world = self.unknowns.within(swaps, around.world);
        for swap in swaps {
            let (target, value) = match swap {
                Swap::Input { path, value } => {
                    let value = self.argument(&mut state, value, around)?;
                    (write::place("input", path), self.term_of(&value)?)
                }
                Swap::Data { path, value } => {
                    if self.makes(path) {
                        let message = "a rule that `with` replaces cannot be evaluated in part";
                        return Err(self.evaluation.stopped(message));
                    }
                    let value = self.argument(&mut state, value, around)?;
                    (write::place("data", path), self.term_of(&value)?)
                }
                Swap::Function { of, by } => {
                    let by = match by {
                        Mock::Function(callee) => {
                            let itself = self.unknowns.unmocked(world);
                            self.callee(callee, itself)?
                        }
                        Mock::Value(value) => {
                            let value = self.argument(&mut state, value, around)?;
                            self.term_of(&value)?
                        }
                    };
                    (self.callee(of, world)?, by)
                }
            };
            withs.push(With { span: Span::default(), target, value });
        }
        // What was begun before belongs to the world before, as what replaces something does.
        self.settle(rest, &mut state, around)?;
        state.withs = withs;
        state.world = Some(world);
        out.push(state);
        Ok(())
    }

    fn callee(&mut self, callee: &Callee, world: World) -> Run<Term> {
        match callee {
            Callee::Builtin(function) => Ok(by_name(function)),
            Callee::Rule(rule) => self.document(*rule, world),
        }
    }

    /// Whether rules make anything at, above or below a path.
    fn makes(&self, path: &[Value]) -> bool {
        let (node, depth) = self.program.node(path);
        let mut below = Vec::new();
        if depth == path.len() {
            self.unknowns.below(node, &mut below);
        }
        self.program.document_rule(node).is_some() || !below.is_empty()
    }

    /// Calls with the numbers of the variables that were made here.
    fn names_in(&self, lines: &[Expr], seen: &mut impl FnMut(usize)) {
        super::free::variables(lines, &mut |name: &Name| {
            let number = name.strip_prefix(self.prefix).and_then(|number| number.parse().ok());
            number.into_iter().for_each(&mut *seen);
        });
    }

    fn named(&self, number: usize) -> Term {
        write::var(&format!("{}{number}", self.prefix))
    }
}

fn by_name(function: &Builtin) -> Term {
    match write::call(function.name, Vec::new()).kind {
        TermKind::Call(callee, _) => *callee,
        kind => write::plain(kind),
    }
}

/// The keys and values of a collection.
fn members(value: &Value) -> Option<Vec<(Value, Value)>> {
    Some(match value {
        Value::Array(items) => (0i64..).map(Value::from).zip(items.iter().cloned()).collect(),
        Value::Object(members) => {
            members.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        Value::Set(members) => {
            members.iter().map(|member| (member.clone(), member.clone())).collect()
        }
        _ => return None,
    })
}
