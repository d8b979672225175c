//! What is written, and how it is read.
//!
//! Both editions of the language are read as Open Policy Agent reads them: [`Edition::V1`],
//! where `if` and `contains` are always keywords, and [`Edition::V0`], where they have to be
//! imported and the older style of partial rules is allowed. What is read can be printed again,
//! and shown as the JSON by which other programs know it.

mod annotate;
pub mod json;
mod lex;
mod parse;
mod print;
mod quote;
mod token;
pub mod tree;

use std::fmt;
use std::sync::Arc;

pub use tree::*;

use crate::Value;

/// The longest text that is read.
const LENGTH_MAX: usize = 64 * 1024 * 1024;

/// Reads a module.
///
/// ```
/// use rego::syntax::{self, Edition};
///
/// let module = syntax::module("a.rego", "package a\n\nallow if input.admin", Edition::V1)?;
/// assert_eq!(module.rules.len(), 1);
/// # Ok::<(), Vec<syntax::SyntaxError>>(())
/// ```
pub fn module(name: &str, text: &str, edition: Edition) -> Result<Module, Vec<SyntaxError>> {
    let source = source(name, text)?;
    parse::module(&source, edition)
}

/// Reads a query: one or more expressions, with semicolons or on lines of their own.
pub fn query(name: &str, text: &str, edition: Edition) -> Result<Vec<Expr>, Vec<SyntaxError>> {
    let source = source(name, text)?;
    parse::query(&source, edition).map_err(|error| vec![error])
}

/// Reads a query that belongs to no module, and makes the module it is asked in: its package is
/// `data` itself, it imports nothing, and places in it are places in the query.
pub fn asked(
    name: &str,
    text: &str,
    edition: Edition,
) -> Result<(Vec<Expr>, Module), Vec<SyntaxError>> {
    let source = source(name, text)?;
    let body = parse::query(&source, edition).map_err(|error| vec![error])?;
    let context = Module {
        source,
        edition,
        package: Vec::new(),
        package_span: Span::default(),
        imports: Vec::new(),
        rules: Vec::new(),
        annotations: Vec::new(),
        comments: Vec::new(),
    };
    Ok((body, context))
}

/// Reads a single term.
pub fn term(text: &str) -> Result<Term, Vec<SyntaxError>> {
    let source = source("", text)?;
    parse::term(&source).map_err(|error| vec![error])
}

fn source(name: &str, text: &str) -> Result<Arc<Source>, Vec<SyntaxError>> {
    let long = text.len() > LENGTH_MAX;
    let text = if long { String::new() } else { text.to_owned() };
    let source = Arc::new(Source { name: name.to_owned(), text });
    if long {
        let message = format!("the text is longer than {LENGTH_MAX} bytes: split it");
        return Err(vec![SyntaxError { span: Span::default(), message, source }]);
    }
    Ok(source)
}

/// Why a text is no policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where it stopped to be one.
    pub span: Span,
    /// What was found, and what was expected.
    pub message: String,
    /// The text.
    pub source: Arc<Source>,
}

impl fmt::Display for SyntaxError {
    /// The place and the message, and below them the line with a mark under the place.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (row, column) = self.source.place(self.span.start);
        if self.source.name.is_empty() {
            writeln!(out, "{row}:{column}: {}", self.message)?;
        } else {
            writeln!(out, "{}:{row}:{column}: {}", self.source.name, self.message)?;
        }
        let (before, behind) = around(self.source.line(self.span.start), column as usize - 1);
        writeln!(out, "\t{before}{behind}")?;
        // Tabs stay, so that the mark stands under what it means however wide they are.
        let before: String = before.chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        write!(out, "\t{before}^")
    }
}

impl std::error::Error for SyntaxError {}

/// So many letters of a line are shown on either side of a place.
const AROUND: usize = 200;

/// What stands in a line before a place, and what is there and behind it.
fn around(line: &str, place: usize) -> (String, String) {
    let before = place.saturating_sub(AROUND);
    let mut letters = line.chars().skip(before);
    let mut shown = String::from(if before > 0 { "…" } else { "" });
    shown.extend(letters.by_ref().take(place - before));
    let mut behind: String = letters.by_ref().take(AROUND).collect();
    if letters.next().is_some() {
        behind.push('…');
    }
    (shown, behind)
}

impl Source {
    /// The line and the column of a byte, in letters, both from 1.
    pub fn place(&self, byte: u32) -> (u32, u32) {
        let before = self.before(byte);
        let row = before.bytes().filter(|byte| *byte == b'\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let count = |number: usize| u32::try_from(number + 1).unwrap_or(u32::MAX);
        (count(row), count(column))
    }

    /// What stands between two places.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    fn before(&self, byte: u32) -> &str {
        let mut end = (byte as usize).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.get(..end).unwrap_or_default()
    }

    fn line(&self, byte: u32) -> &str {
        let start = self.before(byte).rfind('\n').map_or(0, |at| at + 1);
        let rest = self.text.get(start..).unwrap_or_default();
        rest.lines().next().unwrap_or_default()
    }
}

impl Term {
    /// The value, of a term that has neither variables nor anything to be found out.
    pub fn ground(&self) -> Option<Value> {
        let all = |terms: &[Self]| terms.iter().map(Self::ground).collect::<Option<Vec<_>>>();
        match &self.kind {
            TermKind::Scalar(value) => Some(value.clone()),
            TermKind::Array(items) => all(items).map(Value::array),
            TermKind::Set(members) => all(members).map(Value::set),
            TermKind::Object(pairs) => {
                let pairs = pairs.iter().map(|(key, value)| Some((key.ground()?, value.ground()?)));
                pairs.collect::<Option<Vec<_>>>().map(Value::object)
            }
            _ => None,
        }
    }
}
