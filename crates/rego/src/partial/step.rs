//! Steps, gone through without knowing all they need.

use super::unknown::World;
use super::{Residue, STATES_MAX, TOO_MANY, write};
use crate::Value;
use crate::builtin;
use crate::eval::Run;
use crate::plan::{Arg, Callee, Order, RuleId, Slot, Step};
use crate::syntax::tree::{Expr, ExprKind, Name, Term, TermKind, With};

/// Known ways are told apart up to so many; of more it is left open which it is.
const WAYS_MAX: usize = 256;

/// A list or an object of what is unknown is kept in a place while it has no more parts.
const PARTS_MAX: usize = 64;

/// What is in a place.
#[derive(Debug, Clone)]
pub(super) enum Sym {
    /// Nothing yet.
    Unset,
    /// A value.
    Known(Value),
    /// What a term comes to: a variable, or a list, set or object of variables and values.
    Open(Term),
    /// All that a rule set makes, which is not written down before it is clear what is wanted of
    /// it. Only sets and objects, which are always there.
    Rule(RuleId),
}

/// One way through a body.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) frame: Vec<Sym>,
    /// What has to hold for it.
    pub(super) lines: Vec<Expr>,
    /// What lines are asked with, between a `with` and its end.
    pub(super) withs: Vec<With>,
    /// The world they are asked in then.
    pub(super) world: Option<World>,
    /// The places that are wanted at the end.
    pub(super) kept: Vec<Slot>,
}

/// Where steps stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    /// Whether a way may become several: where it does not matter how often a body holds.
    pub(super) inlines: bool,
    /// In which world, by the `with` around.
    pub(super) world: World,
}

impl State {
    /// One that begins, and leads to what is in these.
    pub(super) fn new<'s>(slots: usize, kept: impl IntoIterator<Item = &'s Arg>) -> Self {
        let slot = |arg: &Arg| match arg {
            Arg::Slot(slot) => Some(*slot),
            Arg::Const(_) => None,
        };
        Self {
            kept: kept.into_iter().filter_map(slot).collect(),
            frame: vec![Sym::Unset; slots],
            lines: Vec::new(),
            withs: Vec::new(),
            world: None,
        }
    }

    pub(super) fn get(&self, arg: &Arg) -> Sym {
        match arg {
            Arg::Const(value) => Sym::Known(value.clone()),
            Arg::Slot(slot) => self.frame.get(*slot as usize).cloned().unwrap_or(Sym::Unset),
        }
    }

    pub(super) fn put(&mut self, slot: Slot, sym: Sym) {
        if let Some(place) = self.frame.get_mut(slot as usize) {
            *place = sym;
        }
    }

    pub(super) fn say(&mut self, mut line: Expr) {
        line.with.extend(self.withs.iter().cloned());
        self.lines.push(line);
    }

    fn is_open(&self, slot: Slot) -> bool {
        matches!(self.frame.get(slot as usize), Some(Sym::Open(_) | Sym::Rule(_)))
    }
}

impl<'p> Residue<'p, '_> {
    /// All ways through steps.
    pub(super) fn block(
        &mut self,
        steps: &'p [Step],
        state: State,
        around: Around,
    ) -> Run<Vec<State>> {
        self.evaluation.enters()?;
        let mut states = vec![state];
        for (place, step) in steps.iter().enumerate() {
            let rest = steps.get(place + 1..).unwrap_or_default();
            let mut next = Vec::new();
            for state in states {
                self.evaluation.counts()?;
                let around = Around {
                    inlines: around.inlines && state.withs.is_empty(),
                    world: state.world.unwrap_or(around.world),
                };
                self.step(step, rest, state, around, &mut next)?;
                if next.len() > STATES_MAX {
                    return Err(self.evaluation.stopped(TOO_MANY));
                }
            }
            states = next;
        }
        self.evaluation.comes_back();
        Ok(states)
    }

    fn step(
        &mut self,
        step: &'p Step,
        rest: &'p [Step],
        mut state: State,
        around: Around,
        out: &mut Vec<State>,
    ) -> Run<()> {
        match step {
            Step::Let { to, from } => {
                let value = state.get(from);
                state.put(*to, value);
                out.push(state);
                return Ok(());
            }
            Step::Mark(_) | Step::Print { .. } | Step::Case { .. } => {
                out.push(state);
                return Ok(());
            }
            Step::With { swaps } => return self.with(swaps, rest, state, around, out),
            Step::Without => {
                self.settle(rest, &mut state, around)?;
                state.withs.clear();
                state.world = None;
                out.push(state);
                return Ok(());
            }
            _ => {}
        }
        let mut open = false;
        match step.inner().is_empty() {
            true => step.read(&mut |arg| {
                open |= matches!(arg, Arg::Slot(slot) if state.is_open(*slot));
            }),
            false => step.places(&mut |slot| open |= state.is_open(slot)),
        }
        if !open && !self.unknowns.reach(step, around.world) {
            return self.known(step, state, around, out);
        }
        match step {
            Step::Get { to, base, key } => self.get(*to, base, key, state, around, out),
            Step::Scan { base, key, value } => self.scan(base, (*key, *value), state, around, out),
            Step::Input { to, path } => {
                let term = write::place("input", path);
                self.make(*to, term, &mut state)?;
                out.push(state);
                Ok(())
            }
            Step::Base { to, path } => {
                self.check_data(path, around.world)?;
                let term = write::place("data", path);
                self.make(*to, term, &mut state)?;
                out.push(state);
                Ok(())
            }
            Step::Rule { to, rule, .. } => self.ask(*to, *rule, rest, state, around, out),
            Step::Apply { to, rule, args, .. } => {
                self.apply(*to, *rule, args, rest, state, around, out)
            }
            Step::Whole { to, node } => {
                let term = self.whole(*node, around.world)?;
                self.make(*to, term, &mut state)?;
                out.push(state);
                Ok(())
            }
            Step::Search { to, node, keys } => {
                self.search(*to, *node, keys, &mut state, around)?;
                out.push(state);
                Ok(())
            }
            Step::Gather { .. } | Step::Not { .. } | Step::Every { .. } => {
                self.inner_body(step, state, around, out)
            }
            step => {
                if self.plainly(step, &mut state, around)? {
                    out.push(state);
                }
                Ok(())
            }
        }
    }

    /// A step of which all is known.
    fn known(
        &mut self,
        step: &'p Step,
        mut state: State,
        around: Around,
        out: &mut Vec<State>,
    ) -> Run<()> {
        let mut wanted = Vec::new();
        if !matches!(step, Step::Every { .. }) {
            step.written(&mut |slot| wanted.push(slot));
        }
        let value = |sym: &Sym| match sym {
            Sym::Known(value) => value.clone(),
            _ => Value::Null,
        };
        let known: Vec<Value> = state.frame.iter().map(value).collect();
        let mut rows = self.evaluation.apart(step, known, &wanted)?;
        if rows.len() == 1 || (around.inlines && rows.len() <= WAYS_MAX) {
            let last = rows.pop();
            for row in rows {
                out.push(filled(state.clone(), &wanted, row));
            }
            out.extend(last.map(|row| filled(state, &wanted, row)));
            return Ok(());
        }
        if rows.is_empty() {
            return Ok(());
        }
        // Each way holds as often as it did: they are gone through in a list of them.
        let rows: Value = rows.into_iter().map(Value::array).collect();
        let rows = self.written(rows)?;
        let names: Vec<Term> = wanted.iter().map(|_| self.fresh()).collect();
        let row = write::reference(rows, vec![self.fresh()]);
        state.say(write::line(ExprKind::Unify(write::plain(TermKind::Array(names.clone())), row)));
        for (slot, name) in wanted.iter().zip(names) {
            state.put(*slot, Sym::Open(name));
        }
        out.push(state);
        Ok(())
    }

    /// Steps that become a line, or a term; whether they may hold.
    fn plainly(&mut self, step: &'p Step, state: &mut State, around: Around) -> Run<bool> {
        let mut sym = |arg: &Arg, state: &mut State| self.argument(state, arg, around);
        match step {
            Step::Same { one, two } => {
                let (one, two) = (sym(one, state)?, sym(two, state)?);
                return self.same(&one, &two, state);
            }
            Step::Holds { value } => {
                if let Sym::Open(term) = sym(value, state)?
                    && matches!(term.kind, TermKind::Var(_))
                {
                    state.say(write::holds(term));
                }
            }
            Step::Compare { to, order, one, two } => {
                let (one, two) = (sym(one, state)?, sym(two, state)?);
                let (one, two) = (self.term_of(&one)?, self.term_of(&two)?);
                // A line that begins with a minus would go on with the one before.
                let call = match write::is_below_zero(&one) {
                    true => write::call(name_of(turned(*order)), vec![two, one]),
                    false => write::call(name_of(*order), vec![one, two]),
                };
                match to {
                    Some(to) => self.make(*to, call, state)?,
                    None => state.say(write::holds(call)),
                }
            }
            Step::Call { to, function, args, .. } => {
                let args = self.terms(args, state, around)?;
                self.make(*to, write::call(function.name, args), state)?;
            }
            Step::Walk { value, path, found } => {
                let value = sym(value, state)?;
                let value = self.term_of(&value)?;
                let (way, there) = (self.fresh(), self.fresh());
                path.iter().for_each(|path| state.put(*path, Sym::Open(way.clone())));
                state.put(*found, Sym::Open(there.clone()));
                let pair = write::plain(TermKind::Array(vec![way, there]));
                state.say(write::holds(write::call("walk", vec![value, pair])));
            }
            Step::Array { to, items } => {
                let items = self.terms(items, state, around)?;
                self.compose(*to, TermKind::Array(items), true, state)?;
            }
            Step::Set { to, members } => {
                let members = self.terms(members, state, around)?;
                self.compose(*to, TermKind::Set(members), true, state)?;
            }
            Step::Object { to, pairs } => {
                let mut known = Vec::new();
                let mut terms = Vec::new();
                for (key, value) in pairs {
                    let key = self.argument(state, key, around)?;
                    let value = self.argument(state, value, around)?;
                    if let Sym::Known(key) = &key {
                        known.push(key.clone());
                    }
                    terms.push((self.term_of(&key)?, self.term_of(&value)?));
                }
                known.sort_unstable();
                known.dedup();
                // Two keys may turn out to be one, and then it depends on what they say.
                let sure = known.len() == pairs.len();
                self.compose(*to, TermKind::Object(terms), sure, state)?;
            }
            Step::Long { value, length } => {
                let value = sym(value, state)?;
                if let Sym::Open(Term { kind, .. }) = &value
                    && !matches!(kind, TermKind::Var(_))
                {
                    return Ok(matches!(kind, TermKind::Array(items) if items.len() == *length));
                }
                let value = self.term_of(&value)?;
                let parts = (0..*length).map(|_| self.fresh()).collect();
                let pattern = write::plain(TermKind::Array(parts));
                state.say(write::line(ExprKind::Unify(pattern, value)));
            }
            Step::Wide { value, length } => {
                let value = sym(value, state)?;
                if let Sym::Open(Term { kind, .. }) = &value
                    && !matches!(kind, TermKind::Var(_))
                {
                    return Ok(matches!(kind, TermKind::Object(pairs) if pairs.len() == *length));
                }
                let asked = ["is_object", "count"].into_iter().filter_map(builtin::find);
                if asked.map(Callee::Builtin).any(|it| self.unknowns.is_mocked(it, around.world)) {
                    let message = "an object cannot be taken apart where `with` replaces `count`";
                    return Err(self.evaluation.stopped(message));
                }
                let value = self.term_of(&value)?;
                state.say(write::holds(write::call("is_object", vec![value.clone()])));
                let length = i64::try_from(*length).unwrap_or(i64::MAX);
                let args = vec![write::call("count", vec![value]), write::value(length.into())];
                state.say(write::holds(write::call("equal", args)));
            }
            _ => return Err(self.evaluation.stopped("this cannot be evaluated in part")),
        }
        Ok(true)
    }

    fn compose(&mut self, to: Slot, kind: TermKind, sure: bool, state: &mut State) -> Run<()> {
        let term = write::plain(kind);
        if sure && write::size(&term) <= PARTS_MAX {
            state.put(to, Sym::Open(term));
            return Ok(());
        }
        self.make(to, term, state)
    }

    /// Goes on if both are the same; whether they may be.
    pub(super) fn same(&mut self, one: &Sym, two: &Sym, state: &mut State) -> Run<bool> {
        match (one, two) {
            (Sym::Known(one), Sym::Known(two)) => Ok(one == two),
            _ => {
                let (one, two) = (self.term_of(one)?, self.term_of(two)?);
                state.say(match write::is_below_zero(&one) {
                    true => write::line(ExprKind::Unify(two, one)),
                    false => write::line(ExprKind::Unify(one, two)),
                });
                Ok(true)
            }
        }
    }

    /// Takes a member out of something.
    fn get(
        &mut self,
        to: Slot,
        base: &Arg,
        key: &Arg,
        mut state: State,
        around: Around,
        out: &mut Vec<State>,
    ) -> Run<()> {
        let key = self.argument(&mut state, key, around)?;
        if let Sym::Rule(rule) = state.get(base)
            && self.by_member(rule, around)
        {
            return self.member(rule, Some(&key), (None, to), &state, around, out);
        }
        // Asked for with its key it need not make all the others.
        if let Sym::Rule(rule) = state.get(base) {
            let (base, key) = (self.document(rule, around.world)?, self.term_of(&key)?);
            self.make(to, write::reference(base, vec![key]), &mut state)?;
            out.push(state);
            return Ok(());
        }
        let base = self.argument(&mut state, base, around)?;
        if let Sym::Known(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_)) = &base
        {
            return Ok(());
        }
        if let (Sym::Known(base), true) = (&base, around.inlines)
            && let Some(members) = members(base)
        {
            for (name, value) in members {
                let mut state = state.clone();
                if self.same(&key, &Sym::Known(name), &mut state)? {
                    state.put(to, Sym::Known(value));
                    out.push(state);
                }
            }
            return Ok(());
        }
        if let (Sym::Open(base), Sym::Known(key)) = (&base, &key)
            && let Some(part) = part(base, key)
        {
            if let Some(part) = part {
                state.put(to, part);
                out.push(state);
            }
            return Ok(());
        }
        let (base, key) = (self.term_of(&base)?, self.term_of(&key)?);
        self.make(to, write::reference(base, vec![key]), &mut state)?;
        out.push(state);
        Ok(())
    }

    /// Goes through the members of something.
    fn scan(
        &mut self,
        base: &Arg,
        (key, value): (Slot, Slot),
        mut state: State,
        around: Around,
        out: &mut Vec<State>,
    ) -> Run<()> {
        if let Sym::Rule(rule) = state.get(base)
            && self.by_member(rule, around)
        {
            return self.member(rule, None, (Some(key), value), &state, around, out);
        }
        let base = self.argument(&mut state, base, around)?;
        if let (Sym::Open(Term { kind: TermKind::Array(items), .. }), true) =
            (&base, around.inlines)
        {
            for (place, item) in (0i64..).zip(items) {
                let mut state = state.clone();
                state.put(key, Sym::Known(place.into()));
                state.put(value, sym_of(item));
                out.push(state);
            }
            return Ok(());
        }
        let base = self.term_of(&base)?;
        let name = self.fresh();
        state.put(key, Sym::Open(name.clone()));
        self.make(value, write::reference(base, vec![name]), &mut state)?;
        out.push(state);
        Ok(())
    }

    /// Writes down what was begun in this world, before another: what is still wanted of it.
    pub(super) fn settle(
        &mut self,
        rest: &'p [Step],
        state: &mut State,
        around: Around,
    ) -> Run<()> {
        for slot in (0..).take(state.frame.len()) {
            let arg = Arg::Slot(slot);
            if !matches!(state.get(&arg), Sym::Rule(_)) {
                continue;
            }
            let mut wanted = state.kept.contains(&slot);
            rest.iter().for_each(|step| step.places(&mut |other| wanted |= other == slot));
            match wanted {
                true => drop(self.argument(state, &arg, around)?),
                false => state.put(slot, Sym::Unset),
            }
        }
        Ok(())
    }

    /// What is in a place, written down if it was not.
    pub(super) fn argument(&mut self, state: &mut State, arg: &Arg, around: Around) -> Run<Sym> {
        let sym = state.get(arg);
        let (Sym::Rule(rule), Arg::Slot(slot)) = (&sym, arg) else { return Ok(sym) };
        let term = self.document(*rule, around.world)?;
        self.make(*slot, term, state)?;
        Ok(state.get(arg))
    }

    pub(super) fn terms(
        &mut self,
        args: &[Arg],
        state: &mut State,
        around: Around,
    ) -> Run<Vec<Term>> {
        args.iter()
            .map(|arg| {
                let sym = self.argument(state, arg, around)?;
                self.term_of(&sym)
            })
            .collect()
    }

    /// A new variable for what a term comes to.
    pub(super) fn make(&mut self, to: Slot, term: Term, state: &mut State) -> Run<()> {
        let name = self.fresh();
        self.takes(1)?;
        state.say(write::line(ExprKind::Unify(name.clone(), term)));
        state.put(to, Sym::Open(name));
        Ok(())
    }

    pub(super) fn fresh(&mut self) -> Term {
        self.names += 1;
        let name: Name = format!("{}{}", self.prefix, self.names).into();
        write::plain(TermKind::Var(name))
    }

    pub(super) fn term_of(&mut self, sym: &Sym) -> Run<Term> {
        match sym {
            Sym::Known(value) => self.written(value.clone()),
            Sym::Open(term) => {
                self.takes(write::size(term))?;
                Ok(term.clone())
            }
            Sym::Unset | Sym::Rule(_) => {
                Err(self.evaluation.stopped("a variable is asked for before it is known"))
            }
        }
    }

    /// A value that is known, as it is written down.
    pub(super) fn written(&mut self, value: Value) -> Run<Term> {
        self.takes(write::parts(&value, self.room))?;
        Ok(write::value(value))
    }

    fn takes(&mut self, parts: usize) -> Run<()> {
        self.room = self.room.saturating_sub(parts);
        match self.room {
            0 => Err(self.evaluation.stopped("what is left of the question is too large")),
            _ => Ok(()),
        }
    }

    pub(super) fn is_mocked(&self, rule: RuleId, world: World) -> bool {
        self.unknowns.is_mocked(Callee::Rule(rule), world)
    }
}

fn filled(mut state: State, slots: &[Slot], row: Vec<Value>) -> State {
    for (slot, value) in slots.iter().zip(row) {
        state.put(*slot, Sym::Known(value));
    }
    state
}

/// The keys and values of a collection that is not too large.
fn members(value: &Value) -> Option<Vec<(Value, Value)>> {
    let members: Vec<(Value, Value)> = match value {
        Value::Array(items) if items.len() <= WAYS_MAX => {
            (0i64..).map(Value::from).zip(items.iter().cloned()).collect()
        }
        Value::Object(members) if members.len() <= WAYS_MAX => {
            members.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        Value::Set(members) if members.len() <= WAYS_MAX => {
            members.iter().map(|member| (member.clone(), member.clone())).collect()
        }
        Value::Array(_) | Value::Object(_) | Value::Set(_) => return None,
        _ => Vec::new(),
    };
    Some(members)
}

/// What a list or an object has at a key, if it is one of which that can be said.
fn part(base: &Term, key: &Value) -> Option<Option<Sym>> {
    match &base.kind {
        TermKind::Array(items) => {
            let found = (0i64..).zip(items).find(|(place, _)| Value::from(*place) == *key);
            Some(found.map(|(_, item)| sym_of(item)))
        }
        TermKind::Object(pairs) => {
            let has = |(name, _): &&(Term, Term)| matches!(&name.kind, TermKind::Scalar(name) if name == key);
            Some(pairs.iter().find(has).map(|(_, value)| sym_of(value)))
        }
        _ => None,
    }
}

pub(super) fn sym_of(term: &Term) -> Sym {
    match &term.kind {
        TermKind::Scalar(value) => Sym::Known(value.clone()),
        _ => Sym::Open(term.clone()),
    }
}

/// The comparison that holds of the same two the other way round.
fn turned(order: Order) -> Order {
    match order {
        Order::Equal | Order::Unequal => order,
        Order::Less => Order::More,
        Order::LessOrEqual => Order::MoreOrEqual,
        Order::More => Order::Less,
        Order::MoreOrEqual => Order::LessOrEqual,
    }
}

fn name_of(order: Order) -> &'static str {
    match order {
        Order::Equal => "equal",
        Order::Unequal => "neq",
        Order::Less => "lt",
        Order::LessOrEqual => "lte",
        Order::More => "gt",
        Order::MoreOrEqual => "gte",
    }
}
