//! Templates, rendered.

use std::cmp::Ordering;

use super::super::argument::broken;
use super::super::{Failure, MADE_MAX, format};
use super::{Node, Pipeline, Term};
use crate::value::Value;

/// How many parts may be rendered.
const STEPS_MAX: usize = 1_000_000;

/// A value, or nothing where there is none.
type Found = Option<Value>;

/// The text of a template with values by their names.
pub(super) fn render(nodes: &[Node], values: &Value) -> Result<String, Failure> {
    let variables = vec![(String::new(), Some(values.clone()))];
    let mut renderer = Renderer { text: String::new(), variables, steps: 0 };
    renderer.nodes(nodes, &Some(values.clone()))?;
    Ok(renderer.text)
}

struct Renderer {
    text: String,
    variables: Vec<(String, Found)>,
    steps: usize,
}

impl Renderer {
    /// Variables last as long as the block they are in.
    fn nodes(&mut self, nodes: &[Node], dot: &Found) -> Result<(), Failure> {
        let known = self.variables.len();
        for node in nodes {
            self.steps += 1;
            if self.steps > STEPS_MAX || self.text.len() > MADE_MAX {
                return Err(Failure::Halted("a template makes too much"));
            }
            self.node(node, dot)?;
        }
        self.variables.truncate(known);
        Ok(())
    }

    fn node(&mut self, node: &Node, dot: &Found) -> Result<(), Failure> {
        match node {
            Node::Text(text) => self.text.push_str(text),
            Node::Print(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.variables.is_empty() {
                    self.text.push_str(&printed(&value));
                }
            }
            Node::If(condition, nodes, others) => self.scoped(|this| {
                let value = this.pipeline(condition, dot)?;
                this.nodes(if holds(&value) { nodes } else { others }, dot)
            })?,
            Node::With(condition, nodes, others) => self.scoped(|this| {
                let value = this.pipeline(condition, dot)?;
                if holds(&value) { this.nodes(nodes, &value) } else { this.nodes(others, dot) }
            })?,
            Node::Range(over, nodes, others) => {
                self.scoped(|this| this.range(over, nodes, others, dot))?;
            }
        }
        Ok(())
    }

    fn scoped(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let known = self.variables.len();
        run(self)?;
        self.variables.truncate(known);
        Ok(())
    }

    fn range(
        &mut self,
        over: &Pipeline,
        nodes: &[Node],
        others: &[Node],
        dot: &Found,
    ) -> Result<(), Failure> {
        let value = self.commands(over, dot)?;
        let members: Vec<(Value, Value)> = match &value {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => items
                .iter()
                .cloned()
                .enumerate()
                .map(|(at, item)| (Value::count(at), item))
                .collect(),
            Some(Value::Set(set)) => {
                set.iter().cloned().enumerate().map(|(at, item)| (Value::count(at), item)).collect()
            }
            Some(Value::Object(object)) => {
                object.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
            }
            Some(other) => return broken(format!("range can't iterate over {other}")),
        };
        if members.is_empty() {
            return self.nodes(others, dot);
        }
        let known = self.variables.len();
        for (key, item) in members {
            match over.variables.as_slice() {
                [] => {}
                [one] => self.variables.push((one.clone(), Some(item.clone()))),
                [first, second, ..] => {
                    self.variables.push((first.clone(), Some(key)));
                    self.variables.push((second.clone(), Some(item.clone())));
                }
            }
            self.nodes(nodes, &Some(item))?;
            self.variables.truncate(known);
        }
        Ok(())
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Found) -> Result<Found, Failure> {
        let value = self.commands(pipeline, dot)?;
        for name in &pipeline.variables {
            if pipeline.declared {
                self.variables.push((name.clone(), value.clone()));
                continue;
            }
            match self.variables.iter_mut().rev().find(|(other, _)| other == name) {
                Some((_, old)) => old.clone_from(&value),
                None => return broken(format!("undefined variable: ${name}")),
            }
        }
        Ok(value)
    }

    fn commands(&mut self, pipeline: &Pipeline, dot: &Found) -> Result<Found, Failure> {
        let mut last: Option<Found> = None;
        for command in &pipeline.commands {
            let mut values = Vec::new();
            let (first, rest) = match command.split_first() {
                Some((Term::Function(name), rest)) => (Some(name.as_str()), rest),
                _ => (None, command.as_slice()),
            };
            for term in rest {
                values.push(self.term(term, dot)?);
            }
            values.extend(last.take());
            last = Some(match (first, values.as_slice()) {
                (Some(name), values) => call(name, values)?,
                (None, [one]) => one.clone(),
                (None, _) => return broken("a value is given arguments, and is no function"),
            });
        }
        Ok(last.flatten())
    }

    fn term(&mut self, term: &Term, dot: &Found) -> Result<Found, Failure> {
        match term {
            Term::Value(value) => Ok(Some(value.clone())),
            Term::Function(name) => call(name, &[]),
            Term::Fields(fields) => walk(dot.clone(), fields),
            Term::Variable(name, fields) => {
                let known = self.variables.iter().rev().find(|(other, _)| other == name);
                match known {
                    Some((_, value)) => walk(value.clone(), fields),
                    None => broken(format!("undefined variable: ${name}")),
                }
            }
            Term::Group(pipeline, fields) => {
                let value = self.pipeline(pipeline, dot)?;
                walk(value, fields)
            }
        }
    }
}

fn walk(from: Found, fields: &[String]) -> Result<Found, Failure> {
    let mut here = from;
    for field in fields {
        here = match here {
            Some(Value::Object(object)) => object.get_text(field).cloned(),
            None | Some(Value::Null) => return broken(format!("nothing has no field `{field}`")),
            Some(other) => {
                let name = other.type_name();
                return broken(format!("a value of type {name} has no field `{field}`"));
            }
        };
    }
    Ok(here)
}

fn call(name: &str, args: &[Found]) -> Result<Found, Failure> {
    let given = || args.iter().map(|arg| arg.clone().unwrap_or(Value::Null)).collect::<Vec<_>>();
    let order = || match args {
        [Some(one), Some(two)] if one.type_name() == two.type_name() => Ok(one.cmp(two)),
        _ => broken(format!("incompatible types for comparison by {name}")),
    };
    let value: Value = match (name, args) {
        ("and", [first, ..]) => {
            return Ok(args.iter().find(|a| !holds(a)).or(args.last()).unwrap_or(first).clone());
        }
        ("or", [first, ..]) => {
            return Ok(args.iter().find(|a| holds(a)).or(args.last()).unwrap_or(first).clone());
        }
        ("not", [one]) => (!holds(one)).into(),
        ("len", [Some(one)]) => Value::count(match one {
            Value::Text(text) => text.len(),
            Value::Array(items) => items.len(),
            Value::Object(object) => object.len(),
            Value::Set(set) => set.len(),
            other => return broken(format!("len of type {}", other.type_name())),
        }),
        ("index", [first, keys @ ..]) => {
            let mut here = first.clone();
            for key in keys {
                here = match (&here, key) {
                    (Some(Value::Object(object)), Some(key)) => object.get(key).cloned(),
                    (Some(list @ Value::Array(_)), Some(key)) => match list.get(key) {
                        Some(item) => Some(item.clone()),
                        None => return broken("error calling index: index out of range"),
                    },
                    _ => return broken("error calling index: value has no members"),
                };
            }
            return Ok(here);
        }
        ("eq", [one, others @ ..]) if !others.is_empty() => others.contains(one).into(),
        ("ne", [one, two]) => (one != two).into(),
        ("lt", [_, _]) => (order()? == Ordering::Less).into(),
        ("le", [_, _]) => (order()? != Ordering::Greater).into(),
        ("gt", [_, _]) => (order()? == Ordering::Greater).into(),
        ("ge", [_, _]) => (order()? != Ordering::Less).into(),
        ("print", _) => joined(args).into(),
        ("println", _) => {
            let parts: Vec<String> = args.iter().map(printed).collect();
            format!("{}\n", parts.join(" ")).into()
        }
        ("printf", [Some(Value::Text(layout)), ..]) => {
            format::format(layout, given().get(1..).unwrap_or_default())?.into()
        }
        (
            "and" | "or" | "not" | "len" | "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "index"
            | "printf",
            _,
        ) => {
            return broken(format!("wrong number of args for {name}"));
        }
        _ => return broken(format!("function {name:?} not defined")),
    };
    Ok(Some(value))
}

/// Values side by side, with a space between two of which none is a string.
fn joined(args: &[Found]) -> String {
    let mut text = String::new();
    let mut before_is_text = true;
    for arg in args {
        let is_text = matches!(arg, Some(Value::Text(_)));
        if !before_is_text && !is_text {
            text.push(' ');
        }
        text.push_str(&printed(arg));
        before_is_text = is_text;
    }
    text
}

fn holds(value: &Found) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Bool(true)) => true,
        Some(number @ Value::Number(_)) => number.as_i64() != Some(0),
        Some(Value::Text(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(object)) => !object.is_empty(),
        Some(Value::Set(set)) => !set.is_empty(),
    }
}

fn printed(value: &Found) -> String {
    match value {
        None | Some(Value::Null) => "<undefined>".to_owned(),
        Some(value) => inner(value),
    }
}

fn inner(value: &Value) -> String {
    let list = |items: &mut dyn Iterator<Item = &Value>| {
        format!("[{}]", items.map(inner).collect::<Vec<_>>().join(" "))
    };
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Text(text) => text.to_string(),
        Value::Array(items) => list(&mut items.iter()),
        Value::Set(set) => list(&mut set.iter()),
        Value::Object(object) => {
            let pairs =
                object.iter().map(|(key, value)| format!("{}:{}", inner(key), inner(value)));
            format!("map[{}]", pairs.collect::<Vec<_>>().join(" "))
        }
        other => other.to_string(),
    }
}
