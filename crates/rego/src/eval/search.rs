//! Ways into documents of which it is only known now whether rules or data are on them.

use super::situation::{at, stored, stored_at};
use super::{Evaluation, Flow, Run};
use crate::Value;
use crate::plan::{Key, NodeId};

/// What is done with what was found.
type After<'e, E> = &'e mut dyn FnMut(&mut E, Value) -> Run<Flow>;

impl<'p> Evaluation<'p, '_> {
    /// The document at a path below `data`.
    pub(super) fn document(&mut self, path: &[Value]) -> Run<Option<Value>> {
        let (node, depth) = self.program.node(path);
        let rest = path.get(depth..).unwrap_or_default();
        if let Some(rule) = self.program.document_rule(node) {
            let value = self.rule(rule, rest, rest.len())?;
            if let Some(found) = value.and_then(|value| numbered_at(&value, rest).cloned()) {
                return Ok(Some(found));
            }
            // A rule may have numbers for keys, and whoever has a path has texts.
            let Some(rest) = numbered(rest) else { return Ok(None) };
            let value = self.rule(rule, &rest, rest.len())?;
            return Ok(value.and_then(|value| at(&value, &rest).cloned()));
        }
        match rest.is_empty() {
            true => self.whole(node),
            false => {
                let data = self.situation().map(|present| &present.data);
                Ok(data.and_then(|data| stored_at(data, path)).cloned())
            }
        }
    }

    /// What the data says at a node.
    pub(super) fn base_at(&self, node: NodeId) -> Option<Value> {
        let path = &self.program.tree.nodes.get(node as usize)?.path;
        at(&self.situation()?.data, path).cloned()
    }

    /// All at and below a node.
    pub(super) fn whole(&mut self, node: NodeId) -> Run<Option<Value>> {
        let base = self.base_at(node);
        self.whole_over(node, base)
    }

    fn whole_over(&mut self, node: NodeId, base: Option<Value>) -> Run<Option<Value>> {
        let program = self.program;
        let Some(here) = program.tree.nodes.get(node as usize) else { return Ok(base) };
        if let Some(Some(put)) = self.has_shadows().then(|| self.shadow(&here.path)) {
            return Ok(put);
        }
        if let Some(rule) = self.program.document_rule(node) {
            let made = self.rule(rule, &[], 0)?;
            return Ok(match (made, base) {
                (Some(made), Some(base)) => Some(merged(made, base)),
                (made, base) => made.or(base),
            });
        }
        if here.rule.is_some() && here.children.is_empty() {
            return Ok(base);
        }
        let mut pairs: Vec<(Value, Value)> = Vec::new();
        match &base {
            Some(Value::Object(members)) => {
                pairs.extend(members.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            Some(other) if here.children.is_empty() => return Ok(Some(other.clone())),
            _ => {}
        }
        for (key, child) in &here.children {
            let below = base.as_ref().and_then(|base| base.get(key)).cloned();
            if let Some(value) = self.deeper(|this| this.whole_over(*child, below))? {
                pairs.push((key.clone(), value));
            }
        }
        self.fits(Value::object(pairs), 0).map(Some)
    }

    /// Everything on a way of keys from a node, of which rules know and data.
    pub(super) fn search(
        &mut self,
        node: Option<NodeId>,
        base: Option<Value>,
        keys: &'p [Key],
        after: After<'_, Self>,
    ) -> Run<Flow> {
        let Some(node) = node else {
            return match base {
                Some(base) => self.search_value(base, keys, after),
                None => Ok(Flow::More),
            };
        };
        if let Some(rule) = self.program.document_rule(node) {
            return match self.rule(rule, &[], 0)? {
                Some(value) => self.search_value(value, keys, after),
                None => Ok(Flow::More),
            };
        }
        let Some((key, rest)) = keys.split_first() else {
            return match self.whole_over(node, base)? {
                Some(value) => after(self, value),
                None => Ok(Flow::More),
            };
        };
        let program = self.program;
        let mut below = |this: &mut Self, key: &Value| {
            let child = program.tree.child(node, key);
            let base = base.as_ref().and_then(|base| stored(base, key)).cloned();
            this.search(child, base, rest, after)
        };
        match key {
            Key::Known(arg) => {
                let key = self.value(arg).clone();
                below(self, &key)
            }
            Key::Any(slot) => {
                let children = program
                    .tree
                    .nodes
                    .get(node as usize)
                    .into_iter()
                    .flat_map(|node| &node.children);
                let mut names: Vec<Value> = children.map(|(key, _)| key.clone()).collect();
                if let Some(Value::Object(members)) = &base {
                    names.extend(members.keys().cloned());
                }
                names.sort_unstable();
                names.dedup();
                for name in names {
                    self.put(*slot, name.clone());
                    if below(self, &name)? == Flow::Enough {
                        return Ok(Flow::Enough);
                    }
                }
                Ok(Flow::More)
            }
        }
    }

    fn search_value(&mut self, value: Value, keys: &'p [Key], after: After<'_, Self>) -> Run<Flow> {
        let Some((key, rest)) = keys.split_first() else { return after(self, value) };
        match key {
            Key::Known(arg) => match value.get(self.value(arg)).cloned() {
                Some(member) => self.search_value(member, rest, after),
                None => Ok(Flow::More),
            },
            Key::Any(slot) => {
                let members: Vec<(Value, Value)> = match &value {
                    Value::Array(items) => {
                        (0i64..).map(Value::from).zip(items.iter().cloned()).collect()
                    }
                    Value::Object(members) => {
                        members.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
                    }
                    Value::Set(members) => {
                        members.iter().map(|member| (member.clone(), member.clone())).collect()
                    }
                    _ => return Ok(Flow::More),
                };
                for (key, member) in members {
                    self.put(*slot, key);
                    if self.search_value(member, rest, after)? == Flow::Enough {
                        return Ok(Flow::Enough);
                    }
                }
                Ok(Flow::More)
            }
        }
    }
}

/// What rules make, with what the data says at the same place, which goes before it.
fn merged(made: Value, base: Value) -> Value {
    match (&made, &base) {
        (Value::Object(made), Value::Object(base)) => {
            let pair = |(key, value): (&Value, &Value)| (key.clone(), value.clone());
            let over = base.iter().map(|(key, value)| match made.get(key) {
                Some(made) => (key.clone(), merged(made.clone(), value.clone())),
                None => (key.clone(), value.clone()),
            });
            Value::object(made.iter().map(pair).chain(over))
        }
        _ => base,
    }
}

/// What is at a path in what a rule made; in lists by number, as in stored documents.
fn numbered_at<'v>(value: &'v Value, path: &[Value]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| match (value, number(key)) {
        (Value::Array(_), Some(place)) => value.get(&place),
        _ => value.get(key),
    })
}

/// A path with numbers for the texts that are some; nothing where none is.
fn numbered(path: &[Value]) -> Option<Vec<Value>> {
    let is_some = path.iter().any(|key| number(key).is_some());
    is_some.then(|| path.iter().map(|key| number(key).unwrap_or_else(|| key.clone())).collect())
}

fn number(key: &Value) -> Option<Value> {
    Some(i64::from(key.as_text()?.parse::<u32>().ok()?).into())
}
