//! Rules that are left as rules: what they say, written into the place where they are asked for.
//! That can be done with those that are true or nothing, under `not` too.

use rego::Value;
use rego::syntax::{Rule, Term, TermKind};

use super::condition::Condition;
use super::read::{Reading, known, text};

impl Reading<'_> {
    /// A rule that is compared with `true`.
    pub(super) fn rule(
        &mut self,
        one: &Term,
        two: &Term,
        negated: bool,
    ) -> Result<Option<Condition>, String> {
        let is_true = |term: &Term| matches!(known(term), Some(Value::Bool(true)));
        match (is_true(one), is_true(two)) {
            (true, false) => self.asked_for(two, negated),
            (false, true) => self.asked_for(one, negated),
            _ => Ok(None),
        }
    }

    /// What a reference to a rule says; nothing where it is none.
    pub(super) fn asked_for(
        &mut self,
        term: &Term,
        negated: bool,
    ) -> Result<Option<Condition>, String> {
        let TermKind::Ref(head, steps) = &term.kind else { return Ok(None) };
        if !matches!(&head.kind, TermKind::Var(name) if &**name == "data") {
            return Ok(None);
        }
        let path: Option<Vec<&str>> = steps.iter().map(text).collect();
        let Some(path) = path else {
            return Err(format!("`{term}` is asked for by what is not known"));
        };
        let name = term.to_string();
        if self.asked.contains(&name) {
            return Err(format!("`{term}` asks for itself"));
        }
        let left = self.left;
        let rules = left.support.iter().flat_map(|module| {
            module.rules.iter().filter(|rule| is_at(&module.package, rule, &path))
        });
        let rules: Vec<&Rule> = rules.collect();
        if rules.is_empty() {
            return Err(format!("`{term}` is not known: a column is `input.TABLE.COLUMN`"));
        }
        self.asked.push(name);
        let parts = rules.into_iter().filter_map(|rule| self.one(rule, negated).transpose());
        let parts: Result<Vec<Condition>, String> = parts.collect();
        self.asked.pop();
        let parts = parts?;
        Ok(Some(match negated {
            true => Condition::all(parts),
            false => Condition::any(parts),
        }))
    }

    /// What one of the rules at a place says; nothing of a default that is false.
    fn one(&mut self, rule: &Rule, negated: bool) -> Result<Option<Condition>, String> {
        let reference = &rule.head.reference;
        if rule.head.args.is_some() {
            return Err(format!("the function `{reference}` is not written into lines"));
        }
        if !rule.otherwise.is_empty() {
            return Err(format!("the rule `{reference}` has an `else`: write it as two rules"));
        }
        let value = rule.head.value.as_ref().map(known);
        match (rule.default, value) {
            (true, Some(Some(Value::Bool(false)))) => return Ok(None),
            (false, None | Some(Some(Value::Bool(true)))) if rule.head.contains.is_none() => {}
            _ => return Err(format!("the rule `{reference}` is not only true or false")),
        }
        let read = self.body(&rule.body, negated);
        let read = read.map_err(|refused| {
            format!("it asks for the rule `{reference}`, and `{}`: {}", refused.line, refused.story)
        })?;
        Ok(Some(read))
    }
}

fn is_at(package: &[rego::syntax::Name], rule: &Rule, path: &[&str]) -> bool {
    let (head, steps) = match &rule.head.reference.kind {
        TermKind::Var(name) => (name, &[][..]),
        TermKind::Ref(head, steps) => match &head.kind {
            TermKind::Var(name) => (name, steps.as_slice()),
            _ => return false,
        },
        _ => return false,
    };
    let named = package.iter().chain([head]).map(|name| Some(&**name));
    named.chain(steps.iter().map(text)).eq(path.iter().map(|name| Some(*name)))
}
