//! Questions of which part of what they are about is not known yet.

use std::sync::Arc;

use bytes::Bytes;
use flow::Result;
use flow::question::policy::Compile;
use rego::Value;
use rego::partial::Leave;
use rego::syntax::{self, Edition as Language};
use rego::value::json;

use super::Decider;
use crate::codes::INPUT;
use crate::told;

impl Decider {
    /// What is left of a question when the rest of what it is about is known: as OPA writes it
    /// in JSON, an object without members where the question never holds.
    pub async fn compile(&self, tenant: &Arc<str>, asked: &Compile<'_>) -> Result<Bytes> {
        let edition = self.book.edition(tenant).await?;
        let (lines, context) = syntax::asked("query", asked.query, Language::V1)
            .map_err(|errors| told::unread(&errors))?;
        let question = edition.program().condition(&Arc::new(context), &lines);
        let question = question.map_err(|problems| told::uncompiled(&problems))?;
        let leave = leave(asked)?;
        let unread = |error: json::Malformed| INPUT.error(format!("the input is no JSON: {error}"));
        let input = asked.input.map(json::read).transpose().map_err(unread)?;
        let left = self.ask(&edition, input, asked.strict, |ask| {
            edition.program().partial(&question, &leave, ask)
        })?;
        Ok(json::write(&left.to_json()).into())
    }
}

/// With what the path of something unknown begins.
pub(super) const INPUT_OR_DATA: &[&str] = &["input", "data"];

/// With what the path of a rule begins.
pub(super) const DATA: &[&str] = &["data"];

fn leave(asked: &Compile<'_>) -> Result<Leave> {
    let mut leave = Leave { unsteady: asked.unsteady, ..Leave::default() };
    if let Some(unknowns) = asked.unknowns {
        let unknowns = unknowns.iter().map(|text| path(text, INPUT_OR_DATA));
        leave.unknowns = unknowns.collect::<Result<_>>()?;
    }
    leave.apart = asked.apart.iter().map(|text| path(text, DATA)).collect::<Result<_>>()?;
    Ok(leave)
}

/// The path that a text names, which begins with one of these.
pub(super) fn path(text: &str, roots: &[&str]) -> Result<Vec<Value>> {
    let known = |path: &Vec<Value>| {
        path.first().and_then(Value::as_text).is_some_and(|root| roots.contains(&root))
    };
    Leave::path(text).filter(known).ok_or_else(|| {
        let roots = roots.join("` or `");
        INPUT.error(format!("`{text}` is no path that begins with `{roots}`"))
    })
}
