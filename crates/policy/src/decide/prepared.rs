//! One document, asked for again and again by a program that holds Stockade in itself.

use std::sync::Arc;

use flow::question::policy::{Decide, Freshness, Posed};
use flow::{Epoch, Result};
use rego::Value;
use rego::value::json;

use super::Decider;
use crate::book::{Edition, Entry};
use crate::memory::{self, Known};

/// A document that is asked for often: what is found out once for it is kept until policies or
/// documents change.
#[derive(Debug)]
pub struct Prepared<'d> {
    decider: &'d Decider,
    tenant: Arc<str>,
    path: String,
    edition: Arc<Edition>,
    /// Under which standing the edition was found to be the newest.
    standing: Option<Arc<Epoch>>,
    entry: Arc<Entry>,
    key: Vec<u8>,
}

impl Decider {
    /// Prepares to be asked for the document at a path.
    pub async fn prepare(&self, tenant: &Arc<str>, path: &str) -> Result<Prepared<'_>> {
        let edition = self.book.edition(tenant).await?;
        let entry = edition.entry(path)?;
        let (tenant, path, key) = (tenant.clone(), path.to_owned(), Vec::with_capacity(128));
        let standing = edition.standing();
        Ok(Prepared { decider: self, tenant, path, edition, standing, entry, key })
    }
}

impl Prepared<'_> {
    /// The document for an input, as JSON.
    pub async fn decide(&mut self, input: &Value) -> Result<Known> {
        if let Some(known) = self.remembered(input)? {
            return Ok(known);
        }
        if !self.holds() {
            self.edition = self.decider.book.edition(&self.tenant).await?;
            self.standing = self.edition.standing();
            self.entry = self.edition.entry(&self.path)?;
        }
        let Self { decider, edition, entry, key, .. } = self;
        if let Some(behind) = decider.behind(entry) {
            let text = json::write(input).into_bytes();
            let (posed, freshness) = (Posed::Whole, Freshness::Any);
            let asked = Decide { path: &self.path, text: &text, posed, strict: false, freshness };
            let whose = (&self.tenant, None);
            let decided = decider.decide_behind(behind, whose, (edition, entry), &asked);
            return Ok(decided.await?.results.pop().flatten());
        }
        let input = super::Input::Value(input);
        let (known, _) = decider.answer(edition, entry, &input, false, key)?;
        let whose = (&self.tenant, None);
        decider.cast(whose, (edition, &self.path), (false, &known), &input);
        Ok(known)
    }

    /// The same, if it was decided before and nothing changed since.
    pub fn remembered(&mut self, input: &Value) -> Result<Option<Known>> {
        if !self.holds() || self.decider.behind(&self.entry).is_some() {
            return Ok(None);
        }
        let input = super::Input::Value(input);
        let Self { edition, entry, key, .. } = self;
        let steady = memory::key(entry, false, |path| input.at(path), key);
        let found = steady.then(|| edition.memory.find(key)).flatten();
        if let Some(known) = &found {
            let whose = (&self.tenant, None);
            self.decider.cast(whose, (edition, &self.path), (false, known), &input);
        }
        Ok(found)
    }

    /// Whether the edition is the newest as far as anybody here was told.
    fn holds(&self) -> bool {
        self.standing.as_ref().is_some_and(|epoch| epoch.holds())
    }
}
