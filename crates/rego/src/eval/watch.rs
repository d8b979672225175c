//! Telling somebody what happens while a program is asked.
//!
//! Who is told of lines has the program compiled with marks. Where nobody is told, all of this
//! comes to looking at whether there is anybody where a rule is asked for and where a line does
//! not hold.

use std::fmt;

use super::Evaluation;
use crate::Value;
use crate::builtin::Builtin;
use crate::compile::written;
use crate::plan::{Arg, Branch, Line, Order, Place, Plan, RuleId, Step};
use crate::syntax::tree::Name;

/// Is told what happens, in the order in which it does. After an error nothing more is told:
/// rules that were asked for are not answered then.
pub trait Watch {
    /// Rules are asked for the document at this path below `data`, or for what is at these keys
    /// of it; or a function is called with these arguments.
    fn asks(&mut self, _path: &[Value], _args: &[Value], _function: bool) {}

    /// They came to this. It may have been known from before.
    fn answers(&mut self, _value: Option<&Value>, _known: bool) {}

    /// One of the rules is tried, whose head is here, or an `else` of one.
    fn tries(&mut self, _head: &Place) {}

    /// It was tried, and did hold or did not; with its value where there is one.
    fn leaves(&mut self, _held: bool, _value: Option<&Value>) {}

    /// A line is reached: in which text, and in which row of it.
    fn reaches(&mut self, _at: &Place, _row: u32) {}

    /// A line does not hold.
    fn stops(&mut self, _stop: Stop) {}

    /// The case of a test with these keys begins.
    fn case(&mut self, _keys: Vec<Value>) {}

    /// The policy notes something (`trace`).
    fn notes(&mut self, _note: &str) {}
}

/// Where a body did not go on.
#[derive(Debug, Clone)]
pub struct Stop {
    /// The line, or the part of it.
    pub at: Place,
    /// The row in which it begins.
    pub row: u32,
    /// How far in the body this is, in the order in which lines are asked.
    pub reached: usize,
    /// In how many bodies within the body it stands.
    pub depth: u32,
    /// Why it does not hold.
    pub why: Why,
    /// The values of variables it mentions.
    pub names: Vec<(Name, Value)>,
}

/// Why a line does not hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// What it asks for is not there.
    Undefined(String),
    /// A function failed, and this is what it said.
    Broken(String),
    /// It is false.
    False,
    /// Both should be the same.
    Apart(Value, Value),
    /// They do not compare so.
    Compared(Order, Value, Value),
    /// What is denied holds.
    Denied,
    /// Not each of them is so.
    NotEach,
    /// There is nothing to go through.
    Empty,
    /// It has another number of members.
    Size(Value, usize),
}

/// As much of a value is shown.
const SHOWN_MAX: usize = 160;

/// A value as a person is shown it.
pub(crate) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undefined(what) => write!(out, "{what} is undefined"),
            Self::Broken(message) => out.write_str(message),
            Self::False => out.write_str("it is false"),
            Self::Apart(one, two) => write!(out, "{} is not {}", shown(one), shown(two)),
            Self::Compared(order, one, two) => {
                let than = match order {
                    Order::Equal => "is not",
                    Order::Unequal => "is the same as",
                    Order::Less => "is not less than",
                    Order::LessOrEqual => "is more than",
                    Order::More => "is not more than",
                    Order::MoreOrEqual => "is less than",
                };
                write!(out, "{} {than} {}", shown(one), shown(two))
            }
            Self::Denied => out.write_str("what it denies holds"),
            Self::NotEach => out.write_str("it does not hold for each"),
            Self::Empty => out.write_str("there is nothing to go through"),
            Self::Size(value, size) => write!(out, "{} has not {size} members", shown(value)),
        }
    }
}

impl<'p> Evaluation<'p, '_> {
    pub(super) fn asks(&mut self, path: &[Value], args: &[Value], function: bool) {
        if let Some(watch) = &mut self.watch {
            watch.asks(path, args, function);
        }
    }

    pub(super) fn answers(&mut self, value: Option<&Value>, known: bool) {
        if let Some(watch) = &mut self.watch {
            watch.answers(value, known);
        }
    }

    pub(super) fn tries(&mut self, plan: &Plan, branch: &Branch) {
        if let Some(watch) = &mut self.watch {
            watch.tries(&Place { source: plan.at.source.clone(), span: branch.span });
        }
    }

    pub(super) fn leaves(&mut self, held: bool, value: Option<&Value>) {
        if let Some(watch) = &mut self.watch {
            watch.leaves(held, value);
        }
    }

    pub(super) fn reaches(&mut self, line: &Line) {
        if let Some(watch) = &mut self.watch {
            watch.reaches(&line.at, line.row);
        }
    }

    pub(super) fn case(&mut self, keys: &[Arg]) {
        let keys = keys.iter().map(|key| self.value(key).clone()).collect();
        if let Some(watch) = &mut self.watch {
            watch.case(keys);
        }
    }

    pub(super) fn notes(&mut self, function: &Builtin, args: &[Value]) {
        if let Some(watch) = &mut self.watch
            && function.name == "trace"
        {
            watch.notes(args.first().and_then(Value::as_text).unwrap_or_default());
        }
    }

    /// The step before a place did not go on.
    #[cold]
    pub(super) fn stops(&mut self, steps: &'p [Step], place: usize) {
        let done = steps.get(..place).unwrap_or_default();
        let line = done.iter().rev().find_map(|step| match step {
            Step::Mark(line) => Some(line),
            _ => None,
        });
        let (Some(line), Some(step)) = (line, done.last()) else { return };
        let broken = self.broken.take();
        let why = broken.map_or_else(|| self.why(step), Why::Broken);
        let named =
            |(name, slot): &(Name, u32)| (name.clone(), self.value(&Arg::Slot(*slot)).clone());
        let stop = Stop {
            at: line.at.clone(),
            row: line.row,
            reached: place,
            depth: line.depth,
            why,
            names: line.names.iter().map(named).collect(),
        };
        if let Some(watch) = &mut self.watch {
            watch.stops(stop);
        }
    }

    fn why(&self, step: &Step) -> Why {
        let value = |arg: &Arg| self.value(arg).clone();
        match step {
            Step::Holds { .. } => Why::False,
            Step::Same { one, two } => Why::Apart(value(one), value(two)),
            Step::Compare { order, one, two, .. } => Why::Compared(*order, value(one), value(two)),
            Step::Not { .. } => Why::Denied,
            Step::Every { .. } => Why::NotEach,
            Step::Scan { .. } => Why::Empty,
            Step::Long { value: of, length } | Step::Wide { value: of, length } => {
                Why::Size(value(of), *length)
            }
            step => Why::Undefined(self.wanted(step)),
        }
    }

    /// What a step asks for.
    fn wanted(&self, step: &Step) -> String {
        let below = |root: &str, path: &[Value]| match written(path).strip_prefix("data") {
            Some(path) => format!("{root}{path}"),
            None => root.to_owned(),
        };
        let rule = |rule: RuleId, keys: &[Arg]| {
            let path = self.program.rules.get(rule as usize).map(|set| set.path.to_vec());
            let keys = keys.iter().map(|key| self.value(key).clone());
            below("data", &path.into_iter().flatten().chain(keys).collect::<Vec<_>>())
        };
        let node = |node: u32| {
            let node = self.program.tree.nodes.get(node as usize);
            node.map(|node| below("data", &node.path)).unwrap_or_default()
        };
        match step {
            Step::Get { key, .. } => format!("what is at {}", shown(self.value(key))),
            Step::Input { path, .. } => below("input", path),
            Step::Base { path, .. } => below("data", path),
            Step::Rule { rule: id, keys, .. } => rule(*id, keys),
            Step::Whole { node: id, .. } => node(*id),
            Step::Search { node: id, .. } => format!("what is looked for in {}", node(*id)),
            Step::Call { function, .. } => format!("{}(…)", function.name),
            Step::Apply { rule: id, .. } => format!("{}(…)", rule(*id, &[])),
            _ => "it".to_owned(),
        }
    }
}
