//! The tree as JSON, in the shape programs know from OPA: `{"package": {"path": [{"type":
//! "var", "value": "data"}, …]}, "rules": [{"head": …, "body": [{"index": 0, "terms": …}]}]}`.

use super::annotate;
use super::tree::{
    Annotation, Every, Expr, ExprKind, Head, Import, Module, Name, Otherwise, Rule, Term, TermKind,
    With,
};
use crate::Value;

/// A module.
pub fn module(module: &Module) -> Value {
    let path = std::iter::once(var("data")).chain(module.package.iter().map(string));
    let mut out = vec![("package", object([("path", path.collect())]))];
    if !module.imports.is_empty() {
        out.push(("imports", module.imports.iter().map(import).collect()));
    }
    if !module.annotations.is_empty() {
        out.push(("annotations", module.annotations.iter().map(said).collect()));
    }
    if !module.rules.is_empty() {
        let annotations = annotate::by_rule(module);
        let rules = module.rules.iter().zip(annotations).map(|(rule, annotations)| {
            write_rule(rule, annotations.into_iter().map(said).collect())
        });
        out.push(("rules", rules.collect()));
    }
    object(out)
}

/// A rule.
pub fn rule(rule: &Rule) -> Value {
    write_rule(rule, Vec::new())
}

/// The lines of a body or a query.
pub fn body(body: &[Expr]) -> Value {
    let lines = (0i64..).zip(body).map(|(index, expr)| {
        let mut out = vec![("index", index.into()), ("terms", terms(&expr.kind))];
        if expr.negated {
            out.push(("negated", true.into()));
        }
        if !expr.with.is_empty() {
            out.push(("with", expr.with.iter().map(with).collect()));
        }
        object(out)
    });
    lines.collect()
}

/// A term.
pub fn term(term: &Term) -> Value {
    match &term.kind {
        TermKind::Scalar(value) => of_value(value),
        // What there is to ask about stands at the beginning of references only.
        TermKind::Var(name) if matches!(&**name, "data" | "input") => reference(term, &[]),
        TermKind::Var(name) => var(name),
        TermKind::Ref(head, steps) => reference(head, steps),
        TermKind::Array(items) => typed("array", all(items)),
        TermKind::Set(members) => typed("set", all(members)),
        TermKind::Object(pairs) => {
            let pair =
                |(key, value): &(Term, Term)| Value::array([self::term(key), self::term(value)]);
            typed("object", pairs.iter().map(pair).collect())
        }
        TermKind::ArrayOf(head, lines) => comprehension("arraycomprehension", head, lines),
        TermKind::SetOf(head, lines) => comprehension("setcomprehension", head, lines),
        TermKind::ObjectOf(head, lines) => {
            let (key, value) = (self::term(&head.0), self::term(&head.1));
            let inner = object([("key", key), ("value", value), ("body", body(lines))]);
            typed("objectcomprehension", inner)
        }
        TermKind::Call(operator, args) => typed("call", call(operator, args)),
        TermKind::Template(parts) => {
            let inner = object([("parts", template(parts)), ("multi_line", false.into())]);
            typed("templatestring", inner)
        }
    }
}

fn object(pairs: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::object(pairs.into_iter().map(|(key, value)| (key.into(), value)))
}

fn typed(kind: &'static str, value: Value) -> Value {
    object([("type", kind.into()), ("value", value)])
}

fn var(name: &str) -> Value {
    typed("var", name.into())
}

fn string(name: &Name) -> Value {
    typed("string", Value::Text(Name::clone(name)))
}

fn all(terms: &[Term]) -> Value {
    terms.iter().map(term).collect()
}

/// Parts that are not known before are lines, as those of a body.
fn template(parts: &[Term]) -> Value {
    let part = |part: &Term| match &part.kind {
        TermKind::Scalar(value) => of_value(value),
        _ => object([("index", 0.into()), ("terms", only(part))]),
    };
    parts.iter().map(part).collect()
}

/// A value as a term.
fn of_value(value: &Value) -> Value {
    let inner = match value {
        Value::Array(items) => items.iter().map(of_value).collect(),
        Value::Set(members) => members.iter().map(of_value).collect(),
        Value::Object(pairs) => {
            let pairs = pairs.iter();
            pairs.map(|(key, value)| Value::array([of_value(key), of_value(value)])).collect()
        }
        scalar => scalar.clone(),
    };
    typed(value.type_name(), inner)
}

fn steps_of(head: &Term, steps: &[Term]) -> Value {
    let head = match &head.kind {
        TermKind::Var(name) => var(name),
        _ => term(head),
    };
    std::iter::once(head).chain(steps.iter().map(term)).collect()
}

fn reference(head: &Term, steps: &[Term]) -> Value {
    typed("ref", steps_of(head, steps))
}

fn call(operator: &Term, args: &[Term]) -> Value {
    std::iter::once(callee(operator)).chain(args.iter().map(term)).collect()
}

/// What is called is a reference, even where it is a name alone.
fn callee(operator: &Term) -> Value {
    match &operator.kind {
        TermKind::Ref(head, steps) => reference(head, steps),
        _ => reference(operator, &[]),
    }
}

fn comprehension(kind: &'static str, head: &Term, lines: &[Expr]) -> Value {
    typed(kind, object([("term", term(head)), ("body", body(lines))]))
}

fn terms(kind: &ExprKind) -> Value {
    match kind {
        ExprKind::Term(term) => only(term),
        ExprKind::Assign(left, right) => operation("assign", left, right),
        ExprKind::Unify(left, right) => operation("eq", left, right),
        ExprKind::Some(names) => object([("symbols", all(names))]),
        ExprKind::SomeIn(key, value, within) => {
            let member = if key.is_some() { "member_3" } else { "member_2" };
            let name =
                typed("ref", Value::array([var("internal"), typed("string", member.into())]));
            let args = key.iter().chain([value, within]).map(term);
            let call = std::iter::once(name).chain(args).collect();
            object([("symbols", Value::array([typed("call", call)]))])
        }
        ExprKind::Every(every) => write_every(every),
    }
}

/// A term that is all of a line: of a call its parts alone.
fn only(term: &Term) -> Value {
    match &term.kind {
        TermKind::Call(operator, args) => call(operator, args),
        _ => self::term(term),
    }
}

fn operation(name: &str, left: &Term, right: &Term) -> Value {
    let name = typed("ref", Value::array([var(name)]));
    Value::array([name, term(left), term(right)])
}

fn write_every(every: &Every) -> Value {
    object([
        ("key", every.key.as_ref().map_or(Value::Null, term)),
        ("value", term(&every.value)),
        ("domain", term(&every.domain)),
        ("body", body(&every.body)),
    ])
}

fn with(with: &With) -> Value {
    object([("target", term(&with.target)), ("value", term(&with.value))])
}

fn import(import: &Import) -> Value {
    let mut path = import.path.iter();
    let head = path.next().map_or(Value::Null, |name| var(name));
    let steps = std::iter::once(head).chain(path.map(string));
    let mut out = vec![("path", typed("ref", steps.collect()))];
    if let Some(alias) = &import.alias {
        out.push(("alias", Value::Text(Name::clone(alias))));
    }
    object(out)
}

/// What is said to whoever compiles is not told others.
fn said(annotation: &Annotation) -> Value {
    let Value::Object(says) = &annotation.says else { return annotation.says.clone() };
    let told = says.iter().filter(|(key, _)| key.as_text() != Some("compile"));
    Value::object(told.map(|(key, value)| (key.clone(), value.clone())))
}

fn write_rule(rule: &Rule, annotations: Vec<Value>) -> Value {
    let mut out = vec![("head", head(rule)), ("body", body_or_true(&rule.body))];
    if rule.default {
        out.push(("default", true.into()));
    }
    if let Some((first, rest)) = rule.otherwise.split_first() {
        out.push(("else", otherwise(&rule.head, first, rest)));
    }
    if !annotations.is_empty() {
        out.push(("annotations", Value::array(annotations)));
    }
    object(out)
}

/// An alternative repeats the head of its rule, with a value of its own.
fn otherwise(of: &Head, this: &Otherwise, rest: &[Otherwise]) -> Value {
    // They are as many as were written, and each holds the next: from the last to the first.
    let mut inner = None;
    for one in std::iter::once(this).chain(rest).rev() {
        let value = one.value.as_ref().map_or_else(|| typed("boolean", true.into()), term);
        let mut head = head_parts(of);
        head.push(("value", value));
        let mut out = vec![("head", object(head)), ("body", body_or_true(&one.body))];
        out.extend(inner.take().map(|next| ("else", next)));
        inner = Some(object(out));
    }
    inner.unwrap_or(Value::Null)
}

fn body_or_true(lines: &[Expr]) -> Value {
    if !lines.is_empty() {
        return body(lines);
    }
    let line = object([("index", 0.into()), ("terms", typed("boolean", true.into()))]);
    Value::array([line])
}

fn head(rule: &Rule) -> Value {
    let head = &rule.head;
    let mut out = head_parts(head);
    if let Some((name, key)) = key_of(rule) {
        out.extend(name.map(|name| ("name", name)));
        out.extend(key.map(|key| ("key", key)));
    }
    if head.assigns {
        out.push(("assign", true.into()));
    }
    match (&head.value, &head.contains) {
        (Some(value), _) => out.push(("value", term(value))),
        (None, Some(key)) => out.push(("key", term(key))),
        (None, None) => out.push(("value", typed("boolean", true.into()))),
    }
    object(out)
}

fn head_parts(head: &Head) -> Vec<(&'static str, Value)> {
    let (reference, name) = match &head.reference.kind {
        TermKind::Ref(first, steps) => (steps_of(first, steps), None),
        TermKind::Var(name) => (steps_of(&head.reference, &[]), Some(name)),
        _ => (Value::Null, None),
    };
    let mut out = vec![("ref", reference)];
    out.extend(name.map(|name| ("name", Value::Text(Name::clone(name)))));
    if let Some(args) = &head.args {
        out.push(("args", all(args)));
    }
    out
}

/// The name and the key of `p[x]`: what older programs know it by.
fn key_of(rule: &Rule) -> Option<(Option<Value>, Option<Value>)> {
    let head = &rule.head;
    let TermKind::Ref(first, steps) = &head.reference.kind else { return None };
    let (TermKind::Var(name), [step]) = (&first.kind, steps.as_slice()) else { return None };
    if rule.default || head.args.is_some() || head.contains.is_some() {
        return None;
    }
    let keyed = rule.body.is_empty() || step.ground().is_none();
    let name = head.value.is_some().then(|| Value::Text(Name::clone(name)));
    Some((name, keyed.then(|| term(step))))
}
