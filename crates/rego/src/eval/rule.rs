//! Rules and functions.

use hashbrown::Equivalent;

use super::grow::{Clash, Grown};
use super::run::Sink;
use super::situation::Stand;
use super::{Evaluation, Run};
use crate::Value;
use crate::builtin::{Builtin, Failure};
use crate::plan::{Arg, Branch, Callee, Kind, Place, Plan, RuleId, RuleSet};
use crate::value::SetBuilder;

impl<'p> Evaluation<'p, '_> {
    /// What the rules of a set make, or as much of it as is at some keys.
    pub(super) fn rule(&mut self, id: RuleId, keys: &[Value], plan: usize) -> Run<Option<Value>> {
        let program = self.program;
        let Some(set) = program.rules.get(id as usize) else { return Ok(None) };
        if self.has_shadows() {
            if let Some(value) = self.shadow(&set.path) {
                return Ok(value);
            }
            let value = self.remembered(id, set, &[], 0)?;
            return Ok(self.shadowed_below(&set.path, value));
        }
        match set.plans.get(plan) {
            Some(plans) if !plans.is_empty() && plan > 0 => self.remembered(id, set, keys, plan),
            _ => self.remembered(id, set, &[], 0),
        }
    }

    fn remembered(
        &mut self,
        id: RuleId,
        set: &'p RuleSet,
        keys: &[Value],
        plan: usize,
    ) -> Run<Option<Value>> {
        let known = self.situation().and_then(|present| match keys.is_empty() {
            true => present.whole.get(&id),
            false => present.parts.get(&Part(id, keys)),
        });
        if let Some(value) = known.cloned() {
            if self.watch.is_some() {
                self.asks(&set.path, keys, false);
                self.answers(value.as_ref(), true);
            }
            return Ok(value);
        }
        self.asks(&set.path, keys, false);
        let value = self.deeper(|this| this.made(set, keys, plan))?;
        self.answers(value.as_ref(), false);
        let now = self.now;
        if let Some(present) = self.situations.get_mut(now) {
            match keys.is_empty() {
                true => present.whole.insert(id, value.clone()),
                false => present.parts.insert((id, keys.into()), value.clone()),
            };
        }
        Ok(value)
    }

    fn made(&mut self, set: &'p RuleSet, keys: &[Value], plan: usize) -> Run<Option<Value>> {
        let plans = set.plans.get(plan).map(Vec::as_slice).unwrap_or_default();
        match set.kind {
            Kind::Complete => {
                let found =
                    self.one_of(plans, &[], "complete rules must not produce multiple outputs")?;
                match (found, &set.default) {
                    (None, Some(default)) => self.one_of(std::slice::from_ref(default), &[], ""),
                    (found, _) => Ok(found),
                }
            }
            Kind::Set => {
                let mut grown = Grown::Set(SetBuilder::default());
                self.all_of(plans, keys, &mut grown)?;
                self.fits(grown.build(), levels(plans)).map(Some)
            }
            Kind::Object => {
                let mut grown = Grown::Object(Default::default());
                self.all_of(plans, keys, &mut grown)?;
                self.fits(grown.build(), levels(plans)).map(Some)
            }
            Kind::Function(_) => Ok(None),
        }
    }

    /// The one value that all plans come to that come to any.
    pub(super) fn one_of(
        &mut self,
        plans: &'p [Plan],
        args: &[Value],
        clash: &str,
    ) -> Run<Option<Value>> {
        let mut found: Option<Value> = None;
        for plan in plans {
            // A plan that can only say the same again need not be asked.
            if let Some(there) = &found
                && plan
                    .branches
                    .iter()
                    .all(|branch| matches!(&branch.value, Arg::Const(value) if value == there))
            {
                continue;
            }
            let value = self.framed(plan.slots as usize, args, |this| {
                for branch in &plan.branches {
                    let mut sink = Sink::One(&branch.value, None, false);
                    this.tries(plan, branch);
                    this.run(&branch.steps, 0, &mut sink)?;
                    match sink {
                        Sink::One(_, _, true) => return Err(this.conflict(clash, &plan.at)),
                        Sink::One(_, Some(value), false) => {
                            this.leaves(true, Some(&value));
                            return Ok(Some(value));
                        }
                        _ => this.leaves(false, None),
                    }
                }
                Ok(None)
            })?;
            match (value, &found) {
                (Some(value), Some(there)) if value != *there => {
                    return Err(self.conflict(clash, &plan.at));
                }
                (Some(value), None) => found = Some(value),
                _ => {}
            }
        }
        Ok(found)
    }

    /// All that plans make together.
    fn all_of(&mut self, plans: &'p [Plan], keys: &[Value], grown: &mut Grown) -> Run<()> {
        for plan in plans {
            self.framed(plan.slots as usize, keys, |this| {
                for branch in &plan.branches {
                    let mut sink = Sink::Document { branch, grown, any: false, clash: false };
                    this.tries(plan, branch);
                    this.run(&branch.steps, 0, &mut sink)?;
                    match sink {
                        Sink::Document { clash: true, .. } => {
                            return Err(this.conflict("object keys must be unique", &plan.at));
                        }
                        Sink::Document { any: true, .. } => {
                            this.leaves(true, None);
                            break;
                        }
                        _ => this.leaves(false, None),
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Work with places of its own, of which the first are given.
    pub(super) fn framed<T>(
        &mut self,
        slots: usize,
        given: &[Value],
        work: impl FnOnce(&mut Self) -> Run<T>,
    ) -> Run<T> {
        let (base, end) = (self.base, self.slots.len());
        self.base = end;
        self.slots.extend_from_slice(given);
        self.slots.resize(end + slots.max(given.len()), Value::Null);
        let done = work(self);
        self.slots.truncate(end);
        self.base = base;
        done
    }

    /// What a function of the policy comes to.
    pub(super) fn apply(&mut self, id: RuleId, args: &[Value], at: &Place) -> Run<Option<Value>> {
        match self.stand(Callee::Rule(id)) {
            Some(stand) => self.instead(stand, args, at),
            None => self.apply_itself(id, args),
        }
    }

    fn apply_itself(&mut self, id: RuleId, args: &[Value]) -> Run<Option<Value>> {
        let program = self.program;
        let Some(set) = program.rules.get(id as usize) else { return Ok(None) };
        self.deeper(|this| {
            let plans = set.plans.first().map(Vec::as_slice).unwrap_or_default();
            let clash = "functions must not produce multiple outputs for same inputs";
            this.asks(&set.path, args, true);
            let value = match (this.one_of(plans, args, clash)?, &set.default) {
                (None, Some(default)) => this.one_of(std::slice::from_ref(default), args, "")?,
                (found, _) => found,
            };
            this.answers(value.as_ref(), false);
            Ok(value)
        })
    }

    /// What a function that comes with the language comes to.
    pub(super) fn call(
        &mut self,
        function: &'static Builtin,
        args: &[Value],
        at: &Place,
    ) -> Run<Option<Value>> {
        match self.stand(Callee::Builtin(function)) {
            Some(stand) => self.instead(stand, args, at),
            None => self.call_itself(function, args, at),
        }
    }

    fn call_itself(
        &mut self,
        function: &'static Builtin,
        args: &[Value],
        at: &Place,
    ) -> Run<Option<Value>> {
        let (code, message) = match function.call(&mut self.around, args) {
            Ok(value) => {
                self.notes(function, args);
                return Ok(Some(value));
            }
            Err(Failure::Undefined) => return Ok(None),
            Err(Failure::Halted(why)) => return Err(self.halt(why)),
            Err(Failure::Type(message)) => ("eval_type_error", message),
            Err(Failure::Broken(message)) => ("eval_builtin_error", message),
        };
        match self.strict {
            true => Err(Box::new(super::Error { code, message, place: Some(at.clone()) })),
            false => {
                self.broken = self.watch.is_some().then_some(message);
                Ok(None)
            }
        }
    }

    /// What stands for a function, in which all functions are themselves.
    fn instead(&mut self, stand: Stand, args: &[Value], at: &Place) -> Run<Option<Value>> {
        match stand {
            Stand::Value(value) => Ok(Some(value)),
            Stand::Function(Callee::Builtin(function)) => self.call_itself(function, args, at),
            Stand::Function(Callee::Rule(id)) => self.unmocked(|this| this.apply_itself(id, args)),
        }
    }

    /// What a branch says about a place in a document.
    pub(super) fn grow(&self, branch: &Branch, grown: &mut Grown) -> Result<(), Clash> {
        let keys: Vec<Value> = branch.keys.iter().map(|key| self.value(key).clone()).collect();
        let value = self.value(&branch.value).clone();
        grown.put(&keys, value, branch.contains)
    }
}

/// How many levels of a document are made of the keys of rules.
fn levels(plans: &[Plan]) -> usize {
    let branches = plans.iter().flat_map(|plan| &plan.branches);
    branches.map(|branch| branch.keys.len()).max().unwrap_or_default()
}

/// A rule set and keys, looked for without a box being made of them.
#[derive(Hash)]
struct Part<'k>(RuleId, &'k [Value]);

impl Equivalent<(RuleId, Box<[Value]>)> for Part<'_> {
    fn equivalent(&self, other: &(RuleId, Box<[Value]>)) -> bool {
        self.0 == other.0 && *self.1 == *other.1
    }
}
