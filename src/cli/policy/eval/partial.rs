//! `stockade policy eval --partial`: what is left of a query while part of what it is about is
//! not known.

use clap::Args;
use flow::Result;
use rego::partial::{Leave, Partial};
use rego::syntax::Expr;
use rego::value::json::{self, Layout};
use rego::{Options, Value};

use super::super::super::Outcome;
use super::super::super::failure::Failure;
use super::super::super::output::Output;
use super::super::asked::failed;
use super::super::{LEFT, UNKNOWN};
use super::{Eval, Format};

/// What is not known, and how what is left is written.
#[derive(Debug, Args)]
pub(super) struct Partly {
    /// Say what is left of the query while part of what it is about is unknown
    #[arg(long)]
    pub(super) partial: bool,
    /// What is unknown with `--partial`: input.user,data.posts
    #[arg(
        short,
        long,
        value_name = "PATH",
        value_delimiter = ',',
        default_value = "input",
        requires = "partial"
    )]
    unknowns: Vec<String>,
    /// Rules and packages that stay rules with `--partial`: data.authz.roles
    #[arg(long, value_name = "PATH", value_delimiter = ',', requires = "partial")]
    disable_inlining: Vec<String>,
    /// Ask the time and the like now with `--partial`, and not later
    #[arg(long, requires = "partial")]
    nondeterministic_builtins: bool,
}

impl Partly {
    fn leave(&self) -> Result<Leave> {
        let path = |text: &String, roots: &[&str]| {
            let path = Leave::path(text.trim());
            let known = |path: &Vec<Value>| {
                path.first().and_then(Value::as_text).is_some_and(|root| roots.contains(&root))
            };
            path.filter(known).ok_or_else(|| {
                let roots = roots.join("` or `");
                UNKNOWN.error(format!("`{text}` is no path that begins with `{roots}`"))
            })
        };
        let unknowns = self.unknowns.iter().map(|text| path(text, &["input", "data"]));
        let apart = self.disable_inlining.iter().map(|text| path(text, &["data"]));
        Ok(Leave {
            unknowns: unknowns.collect::<Result<_>>()?,
            apart: apart.collect::<Result<_>>()?,
            unsteady: self.nondeterministic_builtins,
        })
    }
}

/// Tells what is left. A query that never holds is what an undefined one is elsewhere.
pub(super) fn run(eval: &Eval, output: &mut Output) -> Outcome {
    let leave = eval.partly.leave()?;
    if eval.format == Format::Values {
        return Err(LEFT.error("what is left of a query is lines, and no values").into());
    }
    let ready = eval.asked.condition(Options::default())?;
    let left = ready.program.partial(&ready.question, &leave, &ready.ask());
    let left = left.map_err(|error| failed(&error))?;
    let document = Value::object([("partial".into(), left.to_json())]);
    match eval.format {
        _ if output.json => output.line(&json::write(&document))?,
        Format::Json => {
            let layout = Layout { prefix: "", indent: "  " };
            output.line(&json::write_with(&document, layout))?;
        }
        Format::Pretty | Format::Values => tell(&left, output)?,
    }
    Ok(match left.queries.is_empty() {
        true => !eval.fail,
        false => !eval.fail_defined,
    })
}

/// Everything as Rego, each query and module under a comment that counts them.
fn tell(left: &Partial, output: &mut Output) -> std::result::Result<(), Failure> {
    if left.queries.is_empty() {
        return output.line("undefined");
    }
    for (number, lines) in (1..).zip(&left.queries) {
        if number > 1 {
            output.line("")?;
        }
        output.line(&format!("# Query {number}"))?;
        if lines.is_empty() {
            output.line("true")?;
        }
        lines.iter().try_for_each(|line: &Expr| output.line(&line.to_string()))?;
    }
    for (number, module) in (1..).zip(&left.support) {
        output.line(&format!("\n# Module {number}\n{}", module.to_string().trim_end()))?;
    }
    Ok(())
}
