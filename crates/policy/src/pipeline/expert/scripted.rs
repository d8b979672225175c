//! An expert that is a document: a second opinion that is written down. It sees of a case what
//! any other expert sees, and nothing more.

use std::sync::Arc;

use flow::{BoxFuture, Clock, Random, Result};
use rego::Value;

use super::super::{Case, Verdict, evaluate};
use super::Expert;
use crate::book::Book;
use crate::codes::EXPERT_NONSENSE;

/// A document that is asked as an expert.
pub(in super::super) struct Script {
    pub(in super::super) name: String,
    pub(in super::super) document: Vec<Value>,
    pub(in super::super) book: Arc<Book>,
    pub(in super::super) config: crate::Config,
    pub(in super::super) clock: Clock,
    pub(in super::super) random: Random,
}

impl Expert for Script {
    fn name(&self) -> &str {
        &self.name
    }

    fn ask<'a>(&'a self, case: &'a Case) -> BoxFuture<'a, Result<Option<Verdict>>> {
        Box::pin(async move {
            let edition = self.book.edition(&case.tenant).await?;
            let (around, input) = ((&self.config, &self.clock, &self.random), case.shown.clone());
            let said = evaluate(around, &edition, &self.document, Some(input))?;
            let read = said.map_or(Ok(None), |said| Verdict::of(&said));
            let verdict = read.map_err(|why| EXPERT_NONSENSE.error(why))?;
            Ok(verdict.map(|verdict| self.signed(verdict)))
        })
    }
}

impl Script {
    /// A verdict without a reason says at least whose it is.
    fn signed(&self, mut verdict: Verdict) -> Verdict {
        if verdict.reason.is_empty() {
            verdict.reason = format!("`{}` says so", self.name);
        }
        verdict
    }
}
