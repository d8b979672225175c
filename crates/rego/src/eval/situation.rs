//! The world a rule sees: as it is, or as `with` says it were.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::{Evaluation, Run};
use crate::Value;
use crate::plan::{Callee, Mock, RuleId, Swap};

/// What rules see, and what they came to while they saw it.
#[derive(Debug)]
pub(super) struct Situation {
    pub(super) input: Option<Value>,
    pub(super) data: Value,
    /// Paths at which rules are not asked, for the data says what is there.
    shadows: Vec<Box<[Value]>>,
    pub(super) stands: Vec<(Callee, Stand)>,
    /// What rule sets came to.
    pub(super) whole: HashMap<RuleId, Option<Value>, FixedState>,
    /// What they came to at some keys.
    pub(super) parts: HashMap<(RuleId, Box<[Value]>), Option<Value>, FixedState>,
    /// The one before.
    pub(super) before: usize,
}

/// What stands for a function.
#[derive(Debug, Clone)]
pub(super) enum Stand {
    Function(Callee),
    Value(Value),
}

impl Situation {
    pub(super) fn first(input: Option<Value>, data: Value) -> Self {
        Self {
            input,
            data,
            shadows: Vec::new(),
            stands: Vec::new(),
            whole: HashMap::default(),
            parts: HashMap::default(),
            before: 0,
        }
    }

    fn like(other: &Self, before: usize) -> Self {
        Self {
            shadows: other.shadows.clone(),
            stands: other.stands.clone(),
            before,
            ..Self::first(other.input.clone(), other.data.clone())
        }
    }
}

impl Evaluation<'_, '_> {
    pub(super) fn situation(&self) -> Option<&Situation> {
        self.situations.get(self.now)
    }

    /// Does work where other things are so.
    pub(super) fn with<T>(
        &mut self,
        swaps: &[Swap],
        work: impl FnOnce(&mut Self) -> Run<T>,
    ) -> Run<T> {
        let Some(present) = self.situation() else { return work(self) };
        let mut next = Situation::like(present, self.now);
        for swap in swaps {
            match swap {
                Swap::Input { path, value } => {
                    let old = next.input.take();
                    let input = patched(old.as_ref(), path, self.value(value).clone());
                    next.input = Some(self.fits(input, path.len())?);
                }
                Swap::Data { path, value } => {
                    let data = patched(Some(&next.data), path, self.value(value).clone());
                    next.data = self.fits(data, path.len())?;
                    next.shadows.push(path.clone());
                }
                Swap::Function { of, by } => {
                    let stand = match by {
                        Mock::Function(callee) => Stand::Function(*callee),
                        Mock::Value(value) => Stand::Value(self.value(value).clone()),
                    };
                    next.stands.retain(|(other, _)| other != of);
                    next.stands.push((*of, stand));
                }
            }
        }
        self.within(next, work)
    }

    /// Does work where every function is itself again.
    pub(super) fn unmocked<T>(&mut self, work: impl FnOnce(&mut Self) -> Run<T>) -> Run<T> {
        let Some(present) = self.situation() else { return work(self) };
        let mut next = Situation::like(present, self.now);
        next.stands.clear();
        self.within(next, work)
    }

    fn within<T>(&mut self, next: Situation, work: impl FnOnce(&mut Self) -> Run<T>) -> Run<T> {
        let (before, place) = (self.now, self.situations.len());
        self.situations.push(next);
        self.now = place;
        let done = work(self);
        self.now = before;
        self.situations.truncate(place);
        done
    }

    /// Does work in the world before the present `with`.
    pub(super) fn without<T>(&mut self, work: impl FnOnce(&mut Self) -> Run<T>) -> Run<T> {
        let inner = self.now;
        self.now = self.situation().map_or(0, |present| present.before);
        let done = work(self);
        self.now = inner;
        done
    }

    /// What the data says at a path where a rule would be, if `with` put something there.
    pub(super) fn shadow(&self, path: &[Value]) -> Option<Option<Value>> {
        let present = self.situation()?;
        let over = present.shadows.iter().any(|shadow| path.starts_with(shadow));
        over.then(|| at(&present.data, path).cloned())
    }

    /// What a rule made, with what `with` put below it.
    pub(super) fn shadowed_below(&self, path: &[Value], value: Option<Value>) -> Option<Value> {
        let Some(present) = self.situation() else { return value };
        let below = present.shadows.iter().filter(|shadow| shadow.starts_with(path));
        below.fold(value, |value, shadow| match at(&present.data, shadow) {
            Some(put) => Some(patched(value.as_ref(), shadow.get(path.len()..)?, put.clone())),
            None => value,
        })
    }

    /// What stands for a function now.
    pub(super) fn stand(&self, of: Callee) -> Option<Stand> {
        let present = self.situation()?;
        present.stands.iter().find(|(other, _)| *other == of).map(|(_, stand)| stand.clone())
    }

    pub(super) fn has_shadows(&self) -> bool {
        self.situation().is_some_and(|present| !present.shadows.is_empty())
    }
}

/// What is at a path in a value.
pub(super) fn at<'v>(value: &'v Value, path: &[Value]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

/// What stored documents have at a key: their keys are strings, and numbers are asked for by
/// how they are written.
pub(super) fn stored<'v>(value: &'v Value, key: &Value) -> Option<&'v Value> {
    match (value, key) {
        (Value::Object(members), Value::Number(number)) => {
            members.get(key).or_else(|| members.get_text(&number.to_string()))
        }
        _ => value.get(key),
    }
}

/// What is at a path in a stored document.
pub(super) fn stored_at<'v>(value: &'v Value, path: &[Value]) -> Option<&'v Value> {
    path.iter().try_fold(value, stored)
}

/// A value with another at a path in it.
fn patched(value: Option<&Value>, path: &[Value], put: Value) -> Value {
    let Some((key, rest)) = path.split_first() else { return put };
    let inner = patched(value.and_then(|value| value.get(key)), rest, put);
    match value {
        Some(Value::Object(object)) => {
            let pairs = object.iter().map(|(key, value)| (key.clone(), value.clone()));
            Value::object(pairs.chain([(key.clone(), inner)]))
        }
        _ => Value::object([(key.clone(), inner)]),
    }
}
