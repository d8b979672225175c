//! `stockade policy eval`: a query, and its answer.

mod partial;

use clap::{Args, ValueEnum};
use rego::syntax::{Expr, ExprKind, Term, TermKind};
use rego::value::json::{self, Layout};
use rego::{Options, Row, Value};
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::Outcome;
use super::super::failure::Failure;
use super::super::output::Output;
use super::asked::{Asked, Ready, failed};
use partial::Partly;

/// Ask a query of policies and data
///
/// JSON and YAML documents of a directory are at the place in `data` that the directories
/// below it make; policies are at their packages. What a policy prints is written to standard
/// error. No other server is asked. With `--partial` part of what the query is about is not known,
/// and what is told is what is left of it: queries, of which one has to hold, and the rules they
/// ask for.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade policy eval '1 + 1'
  stockade policy eval data.authz.allow -d policies -i request.json
  stockade policy eval 'some x in data.users' -d users.json --format json
  echo '{\"n\": 3}' | stockade policy eval 'input.n > 2' -i - --fail
  stockade policy eval --partial 'data.authz.allow == true' -d policies
  stockade policy eval --partial data.feed.allow -d p --unknowns data.posts")]
pub(in crate::cli) struct Eval {
    #[command(flatten)]
    asked: Asked,
    /// How the answer is written
    #[arg(long, value_enum, default_value = "pretty", value_name = "FORMAT")]
    format: Format,
    /// Exit with 1 if the query is undefined
    #[arg(long)]
    fail: bool,
    /// Exit with 1 if the query is defined
    #[arg(long, conflicts_with = "fail")]
    fail_defined: bool,
    #[command(flatten)]
    partly: Partly,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Pretty,
    /// As OPA writes it
    Json,
    /// The values of each answer as a list, one a line
    Values,
}

/// All answers, as OPA writes them. Values are JSON already: their numbers keep all digits.
#[derive(Debug, Default, Serialize)]
struct Answers<'r> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    result: Vec<Answer<'r>>,
}

/// One way in which the query holds.
#[derive(Debug, Serialize)]
struct Answer<'r> {
    expressions: Vec<Expression<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bindings: Option<Box<RawValue>>,
}

#[derive(Debug, Serialize)]
struct Expression<'r> {
    value: Box<RawValue>,
    text: &'r str,
    location: Location,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Location {
    row: u32,
    col: u32,
}

impl Eval {
    pub(super) fn run(self, output: &mut Output) -> Outcome {
        if self.partly.partial {
            return partial::run(&self, output);
        }
        let ready = self.asked.ready(Options::default(), caught)?;
        let rows = ready.program.rows(&ready.question, &ready.ask());
        let rows = rows.map_err(|error| failed(&error))?;
        match self.format {
            _ if output.json => {
                let text = serde_json::to_string(&answers(&ready, &rows, false)?);
                output.line(&text.map_err(unwritten)?)?;
            }
            Format::Json => {
                let text = serde_json::to_string_pretty(&answers(&ready, &rows, true)?);
                output.line(&text.map_err(unwritten)?)?;
            }
            Format::Values => {
                for row in &rows {
                    output.line(&json::write(&Value::array(values(&ready, row))))?;
                }
            }
            Format::Pretty => pretty(&ready, &rows, output)?,
        }
        Ok(match rows.is_empty() {
            true => !self.fail,
            false => !self.fail_defined,
        })
    }
}

/// What the value of a line is called that has one. Nobody can write such a name.
fn name_of(line: usize) -> String {
    format!("the value of line {line}")
}

/// Lines whose value is wanted put it aside, so that one that is false is an answer too.
fn caught(body: &[Expr]) -> Vec<Expr> {
    let caught = |(line, expr): (usize, &Expr)| {
        let ExprKind::Term(term) = &expr.kind else { return expr.clone() };
        if expr.negated || !has_value(term) {
            return expr.clone();
        }
        let name = Term { span: term.span, kind: TermKind::Var(name_of(line).into()) };
        Expr { kind: ExprKind::Assign(name, term.clone()), ..expr.clone() }
    };
    body.iter().enumerate().map(caught).collect()
}

/// What prints has no value, and neither has a call that names a place for its result.
fn has_value(term: &Term) -> bool {
    let TermKind::Call(head, args) = &term.kind else { return true };
    let name = match &head.kind {
        TermKind::Var(name) => name.to_string(),
        TermKind::Ref(first, rest) => {
            let texts = rest.iter().map(|term| term.ground());
            let rest: Vec<_> = texts.map(|text| text.unwrap_or(Value::Null)).collect();
            let rest: Vec<&str> = rest.iter().filter_map(Value::as_text).collect();
            match &first.kind {
                TermKind::Var(first) => format!("{first}.{}", rest.join(".")),
                _ => return true,
            }
        }
        _ => return true,
    };
    match rego::builtin::find(&name) {
        Some(builtin) => builtin.arity == args.len(),
        None => name != "print",
    }
}

/// The values of the lines of a query; a line without one holds, which is true.
fn values(ready: &Ready, row: &Row) -> Vec<Value> {
    let value = |line: usize| {
        let name = name_of(line);
        let found = row.names.iter().find(|(other, _)| **other == *name);
        found.map_or_else(|| true.into(), |(_, value)| value.clone())
    };
    (0..ready.body.len()).map(value).collect()
}

/// The variables of a query that it names itself.
fn bindings(row: &Row) -> Value {
    let named = row.names.iter().filter(|(name, _)| !name.contains(' '));
    Value::object(named.map(|(name, value)| (Value::text(name.clone()), value.clone())))
}

/// How far values stand to the right, and variables, where lines are indented.
const DEPTHS: (&str, &str) = ("          ", "      ");

fn answers<'r>(ready: &'r Ready, rows: &[Row], lines: bool) -> Result<Answers<'r>, Failure> {
    let raw = |value: &Value, prefix: &'static str| {
        let layout = Layout { prefix, indent: "  " };
        let text = if lines { json::write_with(value, layout) } else { json::write(value) };
        RawValue::from_string(text).map_err(unwritten)
    };
    let answer = |row: &Row| {
        let expression = |(expr, value): (&Expr, Value)| {
            let (row, col) = ready.source.place(expr.span.start);
            let location = Location { row, col };
            let (value, text) = (raw(&value, DEPTHS.0)?, ready.source.slice(expr.span));
            Ok(Expression { value, text, location })
        };
        let expressions = ready.body.iter().zip(values(ready, row)).map(expression);
        let bindings = bindings(row);
        let bindings = match bindings == Value::object([]) {
            true => None,
            false => Some(raw(&bindings, DEPTHS.1)?),
        };
        Ok(Answer { expressions: expressions.collect::<Result<_, Failure>>()?, bindings })
    };
    Ok(Answers { result: rows.iter().map(answer).collect::<Result<_, Failure>>()? })
}

fn unwritten(error: serde_json::Error) -> Failure {
    super::FAILED.error("there is no JSON for this answer").because(error).into()
}

/// What a person wants to see: the one value, or the variables, of each answer.
fn pretty(ready: &Ready, rows: &[Row], output: &mut Output) -> Result<(), Failure> {
    if rows.is_empty() {
        return output.line("undefined");
    }
    for row in rows {
        let bindings = bindings(row);
        if bindings != Value::object([]) {
            output.line(&json::write(&bindings))?;
            continue;
        }
        for value in values(ready, row) {
            let layout = Layout { prefix: "", indent: "  " };
            output.line(&json::write_with(&value, layout))?;
        }
    }
    Ok(())
}
