//! Rules as conditions on the rows of a database.

use std::sync::Arc;

use flow::question::filter::{Filter, Filtered};
use flow::{Error, Result};
use rego::Value;
use rego::partial::Leave;
use rego::syntax::{self, Edition as Language, Module};
use rego::value::json;
use serde_json::json;

use super::Decider;
use super::compile::{self, DATA, INPUT_OR_DATA};
use crate::book::Edition;
use crate::codes::{FILTER_NONE, FILTER_REFUSED, INPUT};
use crate::filter::{self, Annotated, Refused};
use crate::{data, told};

/// What OPA calls a line that is no condition.
const FRAGMENT: &str = "pe_fragment_error";

impl Decider {
    /// For which rows the rule at a path is true, and what is shown of them.
    pub async fn filter(&self, tenant: &Arc<str>, asked: &Filter<'_>) -> Result<Filtered> {
        let edition = self.book.edition(tenant).await?;
        let path = data::path(asked.path)?;
        let modules = edition.modules();
        if !is_there(modules.clone(), &edition, &path) {
            return Err(FILTER_NONE.error(format!("there is no rule at `{}`", shown(&path))));
        }
        let annotated = Annotated::of(modules.clone(), &path)?;
        let text = format!("{} == true", shown(&path));
        let (lines, context) =
            syntax::asked("query", &text, Language::V1).map_err(|errors| told::unread(&errors))?;
        let question = edition.program().condition(&Arc::new(context), &lines);
        let question = question.map_err(|problems| told::uncompiled(&problems))?;
        let leave = leave(asked, &annotated)?;
        let unread = |error: json::Malformed| INPUT.error(format!("the input is no JSON: {error}"));
        let input = asked.input.map(json::read).transpose().map_err(unread)?;
        let left = self.ask(&edition, input.clone(), asked.strict, |ask| {
            edition.program().partial(&question, &leave, ask)
        })?;
        let names = asked.names.map(json::read).transpose().map_err(unread)?;
        let names = names.unwrap_or_else(|| Value::object([]));
        let conditions = filter::written(&left, asked.targets, &names);
        let conditions =
            conditions.map_err(|refused| refused_at(&refused, modules.clone(), &path))?;
        let mask_rule = asked.mask_rule.or(annotated.mask_rule.as_deref());
        let mask_rule = mask_rule.map(|rule| mask_path(rule, &path)).transpose()?;
        let masks = match mask_rule {
            Some(rule) if !is_there(modules, &edition, &rule) => {
                let story = format!("there is no mask rule at `{}`", shown(&rule));
                return Err(FILTER_NONE.error(story));
            }
            Some(rule) if conditions.is_some() => {
                self.evaluate(&edition, &rule, input, asked.strict)?
            }
            _ => None,
        };
        let masks = masks.map(|masks| json::write(&masks).into());
        Ok(Filtered { conditions, masks, revision: edition.name().clone() })
    }
}

fn leave(asked: &Filter<'_>, annotated: &Annotated) -> Result<Leave> {
    let mut leave = Leave { unsteady: true, ..Leave::default() };
    let path = |text: &str| compile::path(text, INPUT_OR_DATA);
    match asked.unknowns.filter(|unknowns| !unknowns.is_empty()) {
        Some(said) => leave.unknowns = said.iter().map(|text| path(text)).collect::<Result<_>>()?,
        None if annotated.unknowns.is_empty() => {}
        None => {
            let said = annotated.unknowns.iter().map(|text| path(text));
            leave.unknowns = said.collect::<Result<_>>()?;
        }
    }
    let apart = asked.apart.iter().map(|text| compile::path(text, DATA));
    leave.apart = apart.collect::<Result<_>>()?;
    Ok(leave)
}

/// The rule that says what is shown: a path, or a name in the package of the rule that is asked.
fn mask_path(rule: &str, path: &[Value]) -> Result<Vec<Value>> {
    if rule == "data" || rule.starts_with("data.") || rule.starts_with("data[") {
        let path = compile::path(rule, DATA)?;
        return Ok(path.into_iter().skip(1).collect());
    }
    let beside = compile::path(&format!("data.{rule}"), DATA)?;
    let package = path.split_last().map_or(&[][..], |(_, package)| package);
    Ok(package.iter().cloned().chain(beside.into_iter().skip(1)).collect())
}

/// Whether policies or documents say anything at a path.
fn is_there<'m>(
    modules: impl Iterator<Item = &'m Module>,
    edition: &Edition,
    path: &[Value],
) -> bool {
    let mut modules = modules;
    let is_rule = modules.any(|module| {
        let mut rules = module.rules.iter().map(|rule| filter::path_of(module, rule));
        rules.any(|own| own.iter().zip(path).all(|(own, asked)| own == asked))
    });
    is_rule || data::at(edition.data(), path).is_some()
}

fn refused_at<'m>(
    refused: &[Refused],
    modules: impl Iterator<Item = &'m Module>,
    path: &[Value],
) -> Error {
    let place = filter::place(modules, path);
    let one = |refused: &Refused| {
        let message = format!("`{}`: {}", refused.line, refused.story);
        match &place {
            Some((source, span)) => told::one(FRAGMENT, &message, source, *span),
            None => json!({ "code": FRAGMENT, "message": message }),
        }
    };
    let errors: Vec<serde_json::Value> = refused.iter().map(one).collect();
    let first = refused.first().map(|refused| format!("`{}`: {}", refused.line, refused.story));
    let story = first.unwrap_or_default();
    FILTER_REFUSED.error(story).with_record(json!({ "errors": errors }))
}

fn shown(path: &[Value]) -> String {
    let step = |key: &Value| format!("[{}]", json::write(key));
    let is_plain = |name: &str| {
        let mut letters = name.chars();
        letters.next().is_some_and(|letter| letter.is_ascii_alphabetic() || letter == '_')
            && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    let steps = path.iter().map(|key| match key.as_text() {
        Some(name) if is_plain(name) => format!(".{name}"),
        _ => step(key),
    });
    std::iter::once("data".to_owned()).chain(steps).collect()
}
