//! Why an answer is what it is, for a person: which rules were asked, what they came to, and
//! where each that does not hold stopped.

mod shown;
mod told;

use std::sync::Arc;

use serde::Serialize;

use crate::eval::{Stop, Why};
use crate::plan::Place;
use crate::syntax::Source;
use crate::{Ask, Error, Program, Question, Row, Value};

pub(crate) use told::Furthest;
pub use told::Told;

/// As many things are told at most: what is explained may be long, and is read by a person.
const TOLD_MAX: usize = 10_000;

impl Program {
    /// All ways in which a question holds, and how that came to be. The program has to be
    /// compiled with marks, or the rules are told of without their lines.
    pub fn explain(
        &self,
        question: &Question,
        ask: &Ask<'_>,
    ) -> (Result<Vec<Row>, Error>, Explanation) {
        let mut told = Told::default();
        let rows = self.watched(question, ask, &mut told);
        (rows, told.finish())
    }
}

/// What happened while a question was asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Explanation {
    /// Which rules were asked for, in order.
    pub asked: Vec<Asked>,
    /// Where the question itself did not go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// What the policy noted by `trace`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Whether more happened than is told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// Rules of one name, or a function, as they were asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Asked {
    /// What was asked for: `data.authz.allow`, `data.authz.owns("ann", "bike")`.
    pub rule: String,
    /// What it came to; nothing if it is undefined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Whether that was known, for it had been asked for before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub known: bool,
    /// Whether it was left by an error.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub broken: bool,
    /// The rules that were tried.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Tried>,
}

/// One rule, or one `else` of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Tried {
    /// Where its head is.
    pub at: At,
    /// The head, as it is written.
    pub text: String,
    /// Whether it did hold.
    pub held: bool,
    /// Its value then, where it is one value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Where it stopped, of several ways through it the one that went furthest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// Which rules it asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Asked>,
}

/// Where a body did not go on, and why.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Stopped {
    /// Where the line is.
    pub at: At,
    /// The line, as it is written.
    pub text: String,
    /// Why it does not hold, in words.
    pub why: String,
    /// The values that are not the same, or do not compare.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
    /// The values of variables it mentions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Named>,
    /// How often it stopped there.
    pub times: usize,
    /// The line within it that does not hold, of an `every`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<Box<Stopped>>,
}

/// A variable and its value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Named {
    /// What it is called.
    pub name: Arc<str>,
    /// What it is.
    pub value: Value,
}

/// Where something is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct At {
    /// In which file.
    pub file: String,
    /// In which row, from 1.
    pub row: u32,
    /// In which column, from 1.
    pub col: u32,
}

impl At {
    pub(crate) fn of(place: &Place) -> Self {
        let (row, col) = place.source.place(place.span.start);
        Self { file: place.source.name.clone(), row, col }
    }
}

impl Stopped {
    pub(crate) fn of(stop: &Stop) -> Self {
        let values = match &stop.why {
            Why::Apart(one, two) | Why::Compared(_, one, two) => vec![one.clone(), two.clone()],
            Why::Size(value, _) => vec![value.clone()],
            _ => Vec::new(),
        };
        let named =
            |(name, value): &(Arc<str>, Value)| Named { name: name.clone(), value: value.clone() };
        Self {
            at: At::of(&stop.at),
            text: first_line(&stop.at),
            why: stop.why.to_string(),
            values,
            names: stop.names.iter().map(named).collect(),
            times: 1,
            within: None,
        }
    }
}

/// What stands at a place, up to where its first line ends.
fn first_line(place: &Place) -> String {
    let source: &Source = &place.source;
    let text = source.slice(place.span);
    match text.split_once('\n') {
        Some((first, _)) => format!("{} …", first.trim_end()),
        None => text.to_owned(),
    }
}
