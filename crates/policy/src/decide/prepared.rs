//! One document, asked for again and again by a program that holds Stockade in itself.

use std::sync::Arc;

use flow::question::policy::{Decide, Freshness, Posed};
use flow::{Epoch, Result};
use rego::Value;
use rego::value::json;

use super::Decider;
use super::near::Near;
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
    near: Near,
}

impl Decider {
    /// Prepares to be asked for the document at a path.
    pub async fn prepare(&self, tenant: &Arc<str>, path: &str) -> Result<Prepared<'_>> {
        let edition = self.book.edition(tenant).await?;
        let entry = edition.entry(path)?;
        let (tenant, path, key) = (tenant.clone(), path.to_owned(), Vec::with_capacity(128));
        let standing = edition.standing();
        let near = Near::default();
        Ok(Prepared { decider: self, tenant, path, edition, standing, entry, key, near })
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
            self.near.forget();
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
        let is_steady = self.entry.steady && self.decider.behind(&self.entry).is_none();
        if !is_steady || !self.holds() {
            return Ok(None);
        }
        let Self { edition, entry, key, near, .. } = &mut *self;
        let (known, hash) = near.find(entry, input);
        let known = match known.cloned() {
            Some(known) => Some(known),
            None => {
                let value = super::Input::Value(input);
                memory::key(entry, false, |path| value.at(path), key);
                let known = edition.memory.find(key);
                if let (Some(hash), Some(known)) = (hash, &known) {
                    near.keep(hash, entry, input, known.clone());
                }
                known
            }
        };
        if let Some(known) = &known {
            let (whose, input) = ((&self.tenant, None), super::Input::Value(input));
            self.decider.cast(whose, (&self.edition, &self.path), (false, known), &input);
        }
        Ok(known)
    }

    /// Whether the edition is the newest as far as anybody here was told.
    fn holds(&self) -> bool {
        self.standing.as_ref().is_some_and(|epoch| epoch.holds())
    }
}
