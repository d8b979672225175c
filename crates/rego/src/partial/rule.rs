//! Rules and functions that are asked for: written into place, or asked for by name.

use super::step::{Around, State, Sym};
use super::unknown::World;
use super::{Residue, write};
use crate::Value;
use crate::eval::Run;
use crate::plan::{Arg, Branch, Key, Kind, Order, Plan, RuleId, RuleSet, Slot, Step};
use crate::syntax::tree::{Term, TermKind};

impl<'p> Residue<'p, '_> {
    pub(super) fn set(&self, rule: RuleId) -> Run<&'p RuleSet> {
        let found = self.program.rules.get(rule as usize);
        found.ok_or_else(|| self.evaluation.stopped("a rule is asked for that is not there"))
    }

    /// What a rule set makes.
    pub(super) fn ask(
        &mut self,
        to: Slot,
        rule: RuleId,
        rest: &'p [Step],
        mut state: State,
        around: Around,
        out: &mut Vec<State>,
    ) -> Run<()> {
        let set = self.set(rule)?;
        if !self.unknowns.reach_rule(rule, around.world) {
            if let Some(value) = self.evaluation.all_of_rule(rule)? {
                state.put(to, Sym::Known(value));
                out.push(state);
            }
            return Ok(());
        }
        let said = self.unknowns.is_said(&set.path);
        if set.kind != Kind::Complete && !said {
            state.put(to, Sym::Rule(rule));
            out.push(state);
            return Ok(());
        }
        if said || !self.may_inline(set, around) || !self.decided(set, 0, to, rest, &state)? {
            let term = self.document(rule, around.world)?;
            self.make(to, term, &mut state)?;
            out.push(state);
            return Ok(());
        }
        self.one_of(set, &[], to, &state, around, out)
    }

    /// What a function of the policy comes to.
    #[expect(clippy::too_many_arguments, reason = "a step, where it stands and where it leads")]
    pub(super) fn apply(
        &mut self,
        to: Slot,
        rule: RuleId,
        args: &[Arg],
        rest: &'p [Step],
        mut state: State,
        around: Around,
        out: &mut Vec<State>,
    ) -> Run<()> {
        let set = self.set(rule)?;
        let itself = !self.is_mocked(rule, around.world) && self.may_inline(set, around);
        if itself && self.decided(set, args.len(), to, rest, &state)? {
            let mut given = Vec::new();
            for arg in args {
                given.push(self.argument(&mut state, arg, around)?);
            }
            return self.one_of(set, &given, to, &state, around, out);
        }
        let args = self.terms(args, &mut state, around)?;
        let callee = self.document(rule, around.world)?;
        self.make(to, write::plain(TermKind::Call(Box::new(callee), args)), &mut state)?;
        out.push(state);
        Ok(())
    }

    /// Whether what rules say may be written where they are asked for.
    fn may_inline(&self, set: &RuleSet, around: Around) -> bool {
        around.inlines
            && !self.evaluation.is_deep()
            && !self.apart.iter().any(|path| set.path.starts_with(path))
            && !self.unknowns.has_data(&set.path, around.world)
            && set.plans.iter().flatten().all(|plan| plan.branches.len() == 1)
            && (set.kind == Kind::Set || says_one(set))
    }

    /// Whether it does not matter what holds when no rule does: there is nothing, or what comes
    /// next would not hold for it.
    fn decided(
        &mut self,
        set: &'p RuleSet,
        args: usize,
        to: Slot,
        rest: &[Step],
        state: &State,
    ) -> Run<bool> {
        let Some(plan) = &set.default else { return Ok(true) };
        let Some(value) = self.evaluation.by_default(plan, args)? else { return Ok(true) };
        let next = rest.iter().find(|step| !matches!(step, Step::Mark(_)));
        let is_it = |arg: &Arg| matches!(arg, Arg::Slot(slot) if *slot == to);
        let other = |arg: &Arg| matches!(state.get(arg), Sym::Known(other) if other != value);
        Ok(match next {
            Some(Step::Holds { value: asked }) => is_it(asked) && !value.holds(),
            Some(
                Step::Same { one, two } | Step::Compare { to: None, order: Order::Equal, one, two },
            ) => (is_it(one) && other(two)) || (is_it(two) && other(one)),
            _ => false,
        })
    }

    /// What each rule of a set comes to, in its own way.
    fn one_of(
        &mut self,
        set: &'p RuleSet,
        given: &[Sym],
        to: Slot,
        state: &State,
        around: Around,
        out: &mut Vec<State>,
    ) -> Run<()> {
        for plan in set.plans.first().into_iter().flatten() {
            for (mut inner, branch) in self.branches(plan, given, state, around)? {
                let value = self.argument(&mut inner, &branch.value, around)?;
                let mut after = State { lines: inner.lines, ..state.clone() };
                after.put(to, value);
                out.push(after);
            }
        }
        Ok(())
    }

    /// Whether a member of what a rule set makes can be had without all of it.
    pub(super) fn by_member(&self, rule: RuleId, around: Around) -> bool {
        let Ok(set) = self.set(rule) else { return false };
        let levels = usize::from(set.kind == Kind::Object);
        let fits = |branch: &Branch| {
            branch.keys.len() == levels && branch.contains == (set.kind == Kind::Set)
        };
        self.may_inline(set, around)
            && set.plans.iter().flatten().flat_map(|plan| &plan.branches).all(fits)
    }

    /// The members of what a rule set makes, or the one at a key.
    pub(super) fn member(
        &mut self,
        rule: RuleId,
        at: Option<&Sym>,
        to: (Option<Slot>, Slot),
        state: &State,
        around: Around,
        out: &mut Vec<State>,
    ) -> Run<()> {
        let set = self.set(rule)?;
        let keyed = set.plans.get(1).filter(|plans| at.is_some() && !plans.is_empty());
        let given: Vec<Sym> = keyed.and(at).cloned().into_iter().collect();
        for plan in keyed.or(set.plans.first()).into_iter().flatten() {
            for (mut inner, branch) in self.branches(plan, &given, state, around)? {
                let mut value = self.argument(&mut inner, &branch.value, around)?;
                let mut key = match branch.keys.first() {
                    Some(key) => self.argument(&mut inner, key, around)?,
                    None => value.clone(),
                };
                if let Some(at) = at {
                    if given.is_empty() && !self.same(at, &key, &mut inner)? {
                        continue;
                    }
                    key = at.clone();
                    if set.kind == Kind::Set {
                        value = at.clone();
                    }
                }
                let mut after = State { lines: inner.lines, ..state.clone() };
                to.0.into_iter().for_each(|slot| after.put(slot, key.clone()));
                after.put(to.1, value);
                out.push(after);
            }
        }
        Ok(())
    }

    /// The ways through the one branch of a plan.
    fn branches(
        &mut self,
        plan: &'p Plan,
        given: &[Sym],
        state: &State,
        around: Around,
    ) -> Run<Vec<(State, &'p Branch)>> {
        let Some(branch) = plan.branches.first() else { return Ok(Vec::new()) };
        let mut inner = State::new(plan.slots as usize, branch.keys.iter().chain([&branch.value]));
        inner.lines = state.lines.clone();
        for (slot, sym) in (0..).zip(given) {
            inner.put(slot, sym.clone());
        }
        let found = self.block(&branch.steps, inner, around)?;
        Ok(found.into_iter().map(|state| (state, branch)).collect())
    }

    /// A rule set by its name among what is left, where it is written if it is not yet.
    pub(super) fn document(&mut self, rule: RuleId, world: World) -> Run<Term> {
        let set = self.set(rule)?;
        if !matches!(set.kind, Kind::Function(_)) {
            if self.unknowns.is_replaced(&set.path, world) {
                let message = "a rule that `with` replaces cannot be evaluated in part";
                return Err(self.evaluation.stopped(message));
            }
            if self.unknowns.is_said(&set.path) {
                return Ok(write::place("data", &set.path));
            }
            if self.unknowns.has_data(&set.path, world) {
                let message = "a part of what a rule makes is unknown: name all of it";
                return Err(self.evaluation.stopped(message));
            }
        }
        if self.is_mocked(rule, world) {
            return Ok(self.stand_in(set));
        }
        if self.seen.insert((rule, world)) {
            self.wanted.push((rule, world));
        }
        Ok(write::place("data", &self.path(&set.path, world)))
    }

    /// A function by the name at which another is put. It is never that by which it is asked.
    fn stand_in(&mut self, set: &RuleSet) -> Term {
        let root = Value::text(self.root.clone());
        let mut path = vec![root, "__stood__".into()];
        path.extend(set.path.iter().cloned());
        if self.stood.insert(set.path.to_vec()) {
            self.write_stood(set, &path);
        }
        write::place("data", &path)
    }

    /// Where what is at a path is among what is left.
    pub(super) fn path(&self, path: &[Value], world: World) -> Vec<Value> {
        let root = Value::text(self.root.clone());
        let inner = (world > 0).then(|| Value::from(format!("__with{world}__").as_str()));
        std::iter::once(root).chain(inner).chain(path.iter().cloned()).collect()
    }
}

/// Whether rules that hold cannot say different things, which is an error that has to remain one:
/// written into place, each would be believed.
fn says_one(set: &RuleSet) -> bool {
    let plans = || set.plans.first().into_iter().flatten();
    let mut values = plans().flat_map(|plan| &plan.branches).map(|branch| match &branch.value {
        Arg::Const(value) => Some(value),
        Arg::Slot(_) => None,
    });
    let first = values.next().flatten();
    if first.is_some() && values.all(|value| value == first) {
        return true;
    }
    let searches = |step: &Step| match step {
        Step::Scan { .. } | Step::Walk { .. } => true,
        Step::Search { keys, .. } => keys.iter().any(|key| matches!(key, Key::Any(_))),
        _ => false,
    };
    let mut steps = plans().flat_map(|plan| &plan.branches).flat_map(|branch| &branch.steps);
    set.kind != Kind::Object && plans().count() == 1 && !steps.any(searches)
}
