//! What is wrong with a policy or an evaluation, in the words and shapes OPA's clients know.

use flow::Error;
use rego::syntax::{Module, Rule, Source, Span, SyntaxError};
use rego::{Place, Problem};
use serde_json::{Value, json};

use crate::codes::{POLICY_BROKEN, POLICY_FAILED};

/// So much of what is wrong is said in a sentence.
const TOGETHER_MAX: usize = 5;

/// A text that is no policy.
pub(crate) fn unread(errors: &[SyntaxError]) -> Error {
    let story = together(errors);
    let errors = errors
        .iter()
        .map(|error| one("rego_parse_error", &error.message, &error.source, error.span));
    broken(story, errors.collect())
}

/// Policies that do not go together.
pub(crate) fn uncompiled(problems: &[Problem]) -> Error {
    let story = together(problems);
    let one = |problem: &Problem| {
        let Place { source, span } = &problem.place;
        self::one(problem.code, &problem.message, source, *span)
    };
    broken(story, problems.iter().map(one).collect())
}

/// A policy with a rule where a document is.
pub(crate) fn hiding(module: &Module, rule: &Rule, path: &str) -> Error {
    let message = format!("conflicting rule for data path {path} found");
    let one = one("rego_compile_error", &message, &module.source, rule.span);
    broken(message, vec![one])
}

/// A policy in the package that is Stockade's own.
pub(crate) fn own(module: &Module) -> Error {
    let message = "the package `stockade.self` is Stockade's own, and rules in it would not \
                   count: name another, and give roles to whoever may do more";
    let one = one("rego_compile_error", message, &module.source, module.package_span);
    broken(format!("{}: {message}", module.source.name), vec![one])
}

/// An evaluation that came to no end.
pub(crate) fn failed(error: &rego::Error) -> Error {
    let errors = match &error.place {
        Some(Place { source, span }) => vec![one(error.code, &error.message, source, *span)],
        None => vec![json!({ "code": error.code, "message": error.message })],
    };
    POLICY_FAILED.error(error.to_string()).with_record(json!({ "errors": errors }))
}

/// What is wrong in one sentence; of very many the first.
fn together(all: &[impl ToString]) -> String {
    let (first, rest) = all.split_at(all.len().min(TOGETHER_MAX));
    let mut story = first.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    if !rest.is_empty() {
        story += &format!("; and {} more", rest.len());
    }
    story
}

fn broken(story: String, errors: Vec<Value>) -> Error {
    POLICY_BROKEN.error(story).with_record(json!({ "errors": errors }))
}

/// One of the errors of an answer, with its place.
pub(crate) fn one(code: &str, message: &str, source: &Source, span: Span) -> Value {
    let (row, column) = source.place(span.start);
    let location = json!({ "file": source.name, "row": row, "col": column });
    json!({ "code": code, "message": message, "location": location })
}
