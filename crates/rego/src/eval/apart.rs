//! Steps that are done by themselves, for whoever goes through a plan without knowing all that it
//! needs: what can be known of it is found out here.

use super::run::Sink;
use super::{Error, Evaluation, Run};
use crate::Value;
use crate::plan::{Plan, RuleId, Slot, Step};

impl<'p> Evaluation<'p, '_> {
    /// What one step makes of what is known, once for each way on.
    pub(crate) fn apart(
        &mut self,
        step: &'p Step,
        known: Vec<Value>,
        wanted: &[Slot],
    ) -> Run<Vec<Vec<Value>>> {
        let most = wanted.iter().max().map_or(0, |slot| *slot as usize + 1);
        let within = most_within(std::slice::from_ref(step)).max(most);
        self.framed(within, &known, |this| {
            let mut sink = Sink::Places(wanted, Vec::new());
            this.run(std::slice::from_ref(step), 0, &mut sink)?;
            match sink {
                Sink::Places(_, rows) => Ok(rows),
                _ => Ok(Vec::new()),
            }
        })
    }

    /// All that the rules of a set make.
    pub(crate) fn all_of_rule(&mut self, rule: RuleId) -> Run<Option<Value>> {
        self.rule(rule, &[], 0)
    }

    /// What holds when no other rule does.
    pub(crate) fn by_default(&mut self, plan: &'p Plan, args: usize) -> Run<Option<Value>> {
        let args = vec![Value::Null; args];
        self.one_of(std::slice::from_ref(plan), &args, "")
    }

    /// What the data says at a path.
    pub(crate) fn data_at(&self, path: &[Value]) -> Option<Value> {
        super::situation::at(&self.situation()?.data, path).cloned()
    }

    /// Counts for one step, and may end it all.
    pub(crate) fn counts(&mut self) -> Run<()> {
        self.tick()
    }

    /// Goes one rule deeper in work that is not its own.
    pub(crate) fn enters(&mut self) -> Run<()> {
        self.depth += super::RULE * 4;
        match self.depth > super::DEPTH_MAX {
            true => Err(self.stopped("rules ask for rules too deep")),
            false => Ok(()),
        }
    }

    /// Whether it is so deep already that it should not go on inwards.
    pub(crate) fn is_deep(&self) -> bool {
        self.depth > super::DEPTH_MAX / 2
    }

    /// Comes back from there.
    pub(crate) fn comes_back(&mut self) {
        self.depth = self.depth.saturating_sub(super::RULE * 4);
    }

    /// An end of everything, which is no answer.
    pub(crate) fn stopped(&self, message: &str) -> Box<Error> {
        self.halt(message)
    }
}

/// How many places steps need that stand for themselves.
fn most_within(steps: &[Step]) -> usize {
    let mut most = 0;
    for step in steps {
        step.places(&mut |slot| most = most.max(slot as usize + 1));
    }
    most
}
