//! Where policies may have no rules: where a document is, since each would hide the other, and
//! whoever may change documents could answer in the place of a policy; and in the package that
//! Stockade guards itself with, where they would look as if they counted.

use flow::{Error, Result};
use rego::Value;
use rego::syntax::{Rule, TermKind};

use super::Edition;
use super::edition::Policy;
use crate::codes::DATA_HIDDEN;
use crate::told;

/// The package Stockade guards itself with, which policies of users have no part in.
const OWN: [&str; 2] = ["stockade", "self"];

impl Edition {
    /// Refuses policies with a rule where none may be, but for those that were so before.
    pub(super) fn check_rules(&self, before: &Self) -> Result<()> {
        let is_new = |policy: &&Policy| !before.parsed().get(&policy.info.id).is_some_and(is_own);
        let own = self.parsed().values().filter(|policy| is_own(policy)).find(is_new);
        if let Some(policy) = own {
            return Err(told::own(&policy.module));
        }
        match self.clash(before) {
            None => Ok(()),
            Some((policy, rule, path)) => Err(told::hiding(&policy.module, rule, &path)),
        }
    }

    /// Refuses documents where a policy has a rule, but for those that were so before.
    pub(super) fn check_documents(&self, before: &Self) -> Result<()> {
        match self.clash(before) {
            None => Ok(()),
            Some((policy, _, path)) => Err(hidden(&path, &policy.info.id)),
        }
    }

    /// The first rule where there is a document now and was not before, or where the rule was not.
    fn clash(&self, before: &Self) -> Option<(&Policy, &Rule, String)> {
        let is_new = |policy: &Policy, path: &[Value]| {
            let there = before.parsed().get(&policy.info.id);
            let same = there.is_some_and(|there| there.info.source == policy.info.source);
            !same || !is_taken(before.data(), path)
        };
        let rules = self
            .parsed()
            .values()
            .flat_map(|policy| policy.module.rules.iter().map(move |rule| (policy, rule)));
        rules
            .map(|(policy, rule)| (policy, rule, place(policy, rule)))
            .find(|(policy, _, path)| is_taken(self.data(), path) && is_new(policy, path))
            .map(|(policy, rule, path)| (policy, rule, written(&path)))
    }
}

/// Whether it claims to be what Stockade guards itself with.
fn is_own(policy: &Policy) -> bool {
    let mut package = policy.module.package.iter().map(|name| &**name);
    OWN.iter().all(|name| package.next() == Some(*name))
}

/// Where a rule is, as far as that is the same whatever it is asked.
fn place(policy: &Policy, rule: &Rule) -> Vec<Value> {
    let mut path: Vec<Value> =
        policy.module.package.iter().map(|name| Value::from(&**name)).collect();
    let mut name = |head: &TermKind| {
        if let TermKind::Var(name) = head {
            path.push(Value::from(&**name));
        }
    };
    match &rule.head.reference.kind {
        TermKind::Ref(head, way) => {
            name(&head.kind);
            let texts = way.iter().map_while(|step| match &step.kind {
                TermKind::Scalar(key) if key.as_text().is_some() => Some(key.clone()),
                _ => None,
            });
            path.extend(texts);
        }
        head => name(head),
    }
    path
}

/// Whether there is a document at a path, or one that is no object on the way to it.
fn is_taken(data: &Value, path: &[Value]) -> bool {
    let mut there = data;
    for key in path {
        match there {
            Value::Object(members) => match members.get(key) {
                Some(next) => there = next,
                None => return false,
            },
            _ => return true,
        }
    }
    true
}

fn written(path: &[Value]) -> String {
    path.iter().filter_map(Value::as_text).collect::<Vec<_>>().join("/")
}

fn hidden(path: &str, policy: &str) -> Error {
    DATA_HIDDEN.error(format!("the policy `{policy}` has a rule at `{path}`"))
}
