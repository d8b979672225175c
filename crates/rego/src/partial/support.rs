//! Rules that are left as rules.

use super::step::{Around, State, Sym};
use super::unknown::World;
use super::{Residue, write};
use crate::Value;
use crate::eval::Run;
use crate::plan::{Branch, Kind, Plan, RuleId, RuleSet};
use crate::syntax::tree::{ExprKind, Head, Name, Otherwise, Rule, Span, Term, TermKind};

impl<'p> Residue<'p, '_> {
    /// Writes the rules of a set, as far as they depend on what is not known.
    pub(super) fn write_rule(&mut self, rule: RuleId, world: World) -> Run<()> {
        let set = self.set(rule)?;
        let length = self.program.package_length(rule).min(set.path.len().saturating_sub(1));
        let package = self.package(set.path.get(..length).unwrap_or_default(), world);
        let reference = reference(set.path.get(length..).unwrap_or_default());
        let rules = match set.kind {
            Kind::Function(_) => self.rules_of(set, &reference, world)?,
            _ if self.unknowns.reach_rule(rule, world) => self.rules_of(set, &reference, world)?,
            _ => match self.evaluation.all_of_rule(rule)? {
                Some(value) => {
                    let value = self.written(value)?;
                    vec![write::rule(valued(write::head(reference, None), value), Vec::new())]
                }
                None => Vec::new(),
            },
        };
        self.support.entry(package).or_default().extend(rules);
        Ok(())
    }

    fn rules_of(&mut self, set: &'p RuleSet, name: &Term, world: World) -> Run<Vec<Rule>> {
        let mut rules = Vec::new();
        let count = match set.kind {
            Kind::Function(count) => count,
            _ => 0,
        };
        let function = matches!(set.kind, Kind::Function(_));
        if let Some(plan) = &set.default
            && let Some(value) = self.evaluation.by_default(plan, count)?
        {
            let args = function.then(|| (0..count).map(|_| self.fresh()).collect());
            let value = self.written(value)?;
            let mut rule = write::rule(valued(write::head(name.clone(), args), value), Vec::new());
            rule.default = true;
            rules.push(rule);
        }
        for plan in set.plans.first().into_iter().flatten() {
            let args: Vec<Term> = (0..count).map(|_| self.fresh()).collect();
            let head = write::head(name.clone(), function.then(|| args.clone()));
            match plan.branches.as_slice() {
                [branch] => self.rules_by(plan, branch, &head, world, &mut rules)?,
                branches => rules.extend(self.chain(plan, branches, &head, set.kind, world)?),
            }
        }
        if rules.is_empty() {
            rules.extend(self.nothing(set.kind, name));
        }
        Ok(rules)
    }

    /// A rule for each way in which the one branch of a plan may hold.
    fn rules_by(
        &mut self,
        plan: &'p Plan,
        branch: &'p Branch,
        head: &Head,
        world: World,
        rules: &mut Vec<Rule>,
    ) -> Run<()> {
        let around = Around { inlines: self.inlines, world };
        for mut state in self.block(&branch.steps, begun(plan, branch, head), around)? {
            let mut head = head.clone();
            let mut keys = Vec::new();
            for key in &branch.keys {
                let key = self.argument(&mut state, key, around)?;
                let key = match key {
                    // A key that is known would make another rule of this one.
                    Sym::Known(_) => {
                        let name = self.fresh();
                        let value = self.term_of(&key)?;
                        state.say(write::line(ExprKind::Unify(name.clone(), value)));
                        name
                    }
                    key => self.term_of(&key)?,
                };
                keys.push(key);
            }
            head.reference = write::reference(head.reference, keys.clone());
            let value = self.argument(&mut state, &branch.value, around)?;
            let value = self.term_of(&value)?;
            match branch.contains {
                true => head.contains = Some(value),
                false => head = valued(head, value),
            }
            let kept = head.contains.iter().chain(&head.value).chain(head.args.iter().flatten());
            let kept: Vec<&Term> = kept.chain(&keys).collect();
            let body = self.tidied(state.lines, &kept);
            rules.push(write::rule(head, body));
        }
        Ok(())
    }

    /// A rule with what is tried when it does not hold.
    fn chain(
        &mut self,
        plan: &'p Plan,
        branches: &'p [Branch],
        head: &Head,
        kind: Kind,
        world: World,
    ) -> Run<Option<Rule>> {
        if matches!(kind, Kind::Set | Kind::Object) {
            let message = "a part of a document that has alternatives cannot be evaluated in part";
            return Err(self.evaluation.stopped(message));
        }
        let around = Around { inlines: false, world };
        let mut rule: Option<Rule> = None;
        for branch in branches {
            let Some(mut state) =
                self.block(&branch.steps, begun(plan, branch, head), around)?.pop()
            else {
                continue;
            };
            let value = self.argument(&mut state, &branch.value, around)?;
            let value = self.term_of(&value)?;
            let kept: Vec<&Term> = [&value].into_iter().chain(head.args.iter().flatten()).collect();
            let body = self.tidied(state.lines, &kept);
            let last = body.is_empty();
            match &mut rule {
                None => rule = Some(write::rule(valued(head.clone(), value), body)),
                Some(rule) => rule.otherwise.push(Otherwise {
                    span: Span::default(),
                    value: Some(value),
                    body: write::said(body),
                }),
            }
            if last {
                break;
            }
        }
        Ok(rule)
    }

    /// What says that there is a set, an object or a function, though nothing is in it.
    fn nothing(&mut self, kind: Kind, name: &Term) -> Option<Rule> {
        let mut head = write::head(name.clone(), None);
        let mut body = vec![write::never()];
        match kind {
            Kind::Complete => return None,
            Kind::Set => head.contains = Some(write::value(Value::Null)),
            Kind::Object => {
                let key = self.fresh();
                let null = write::value(Value::Null);
                body.push(write::line(ExprKind::Unify(key.clone(), null.clone())));
                head.reference = write::reference(head.reference, vec![key]);
                head = valued(head, null);
            }
            Kind::Function(count) => {
                head.args = Some((0..count).map(|_| self.fresh()).collect());
                head = valued(head, write::value(Value::Null));
            }
        }
        Some(write::rule(head, body))
    }

    /// A function for which another stands.
    pub(super) fn write_stood(&mut self, set: &RuleSet, path: &[Value]) {
        let Some((name, package)) = path.split_last() else { return };
        let package = package.iter().map(name_of).collect();
        let rule = self.nothing(set.kind, &reference(std::slice::from_ref(name)));
        self.support.entry(package).or_default().extend(rule);
    }

    /// The package in which what is at a path is written.
    pub(super) fn package(&self, path: &[Value], world: World) -> Vec<Name> {
        self.path(path, world).iter().map(name_of).collect()
    }
}

fn name_of(key: &Value) -> Name {
    key.as_text().map_or_else(|| key.to_string().into(), Name::from)
}

fn begun(plan: &Plan, branch: &Branch, head: &Head) -> State {
    let mut state = State::new(plan.slots as usize, branch.keys.iter().chain([&branch.value]));
    for (slot, arg) in (0..).zip(head.args.iter().flatten()) {
        state.put(slot, Sym::Open(arg.clone()));
    }
    state
}

fn valued(mut head: Head, value: Term) -> Head {
    head.value = Some(value);
    head.assigns = true;
    head
}

/// A rule by the path of what it makes, below its package.
fn reference(path: &[Value]) -> Term {
    let mut steps = path.iter();
    let name = steps.next().and_then(Value::as_text).unwrap_or("_");
    write::reference(
        write::plain(TermKind::Var(name.into())),
        steps.cloned().map(write::value).collect(),
    )
}
