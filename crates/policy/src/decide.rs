//! Decisions: remembered, or made by policies.

mod aside;
mod behind;
mod compile;
mod filter;
mod input;
mod near;
mod prepared;
mod replay;
mod shadowed;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use flow::question::guard::Forward;
use flow::question::policy::{Decide, Decided, Freshness, Posed, Query, Tier};
use flow::{Clock, Id, Identity, Random, Result, Step};
use rego::Value;
use rego::syntax::{self, Edition as Language};
use rego::value::json;

use crate::book::{Book, Edition, Entry};
use crate::codes::INPUT;
use crate::forward::{self, Header};
use crate::memory::{self, Known};
use crate::pipeline::Tiers;
use crate::record::Recorder;
use crate::shadow::Shadows;
use crate::told;
use crate::world::Present;
use aside::{AT_ONCE, Aside};
pub(crate) use input::{Input, Inputs};
pub use prepared::Prepared;
pub use replay::{Decision, Recorded};

/// Whose decision it is, and by which request it is known.
type Whose<'a> = (&'a Arc<str>, Option<Id>);

/// Decides what policies say.
#[derive(Debug)]
pub struct Decider {
    book: Arc<Book>,
    config: crate::Config,
    clock: Clock,
    random: Random,
    tiers: Option<Tiers>,
    shadows: Option<Arc<Shadows>>,
    aside: Aside,
}

impl Decider {
    /// One that decides by the policies of a book.
    pub fn new(book: Arc<Book>, config: crate::Config, clock: Clock, random: Random) -> Self {
        let (tiers, shadows) = (None, None);
        Self { book, config, clock, random, tiers, shadows, aside: Aside::new() }
    }

    /// With what comes behind policies. Without it, they decide alone.
    #[must_use]
    pub fn with_tiers(mut self, tiers: Tiers) -> Self {
        self.tiers = Some(tiers);
        self
    }

    /// With candidates that are asked the same. Without it, there may be some, and nobody asks.
    #[must_use]
    pub fn with_shadows(mut self, shadows: Arc<Shadows>) -> Self {
        self.shadows = Some(shadows);
        self
    }

    /// The policies it decides by.
    pub fn book(&self) -> &Arc<Book> {
        &self.book
    }

    /// Decides: at once, where the policies that hold now are known here.
    pub fn decide<'a>(
        &'a self,
        tenant: &'a Arc<str>,
        asked: &'a Decide<'a>,
    ) -> Step<'a, Result<Decided>> {
        self.decide_for(tenant, asked, None)
    }

    /// The same, for a request by which the decision is known later.
    pub fn decide_for<'a>(
        &'a self,
        tenant: &'a Arc<str>,
        asked: &'a Decide<'a>,
        decision: Option<Id>,
    ) -> Step<'a, Result<Decided>> {
        let whose = (tenant, decision);
        if asked.freshness == Freshness::Any
            && let Some(edition) = self.book.known(tenant)
        {
            match edition.entry(asked.path) {
                Ok(entry) if self.behind(&entry).is_none() => {
                    return Step::Now(self.decide_by(whose, &edition, &entry, asked));
                }
                Ok(_) => {}
                Err(error) => return Step::Now(Err(error)),
            }
        }
        Step::later(async move {
            let edition = match asked.freshness {
                Freshness::Any => self.book.edition(tenant).await?,
                Freshness::AtLeast(revision) => self.book.no_older(tenant, revision).await?,
                Freshness::Full => self.book.newest(tenant).await?,
            };
            let entry = edition.entry(asked.path)?;
            match self.behind(&entry) {
                Some(behind) => self.decide_behind(behind, whose, (&edition, &entry), asked).await,
                None => self.decide_by(whose, &edition, &entry, asked),
            }
        })
    }

    /// Headers for whoever is behind a proxy, if the request it holds may pass: at once, where
    /// the policies that hold now are known here. Nothing where no policy is to say so.
    pub fn forward<'a>(
        &'a self,
        who: &'a Identity,
        held: &Forward<'_>,
        decision: Option<Id>,
    ) -> Option<Step<'a, Result<Vec<Header>>>> {
        let path = self.config.forward.as_deref()?;
        let (input, whose) = (forward::input(held, who), (&who.tenant, decision));
        let known = self.book.known(&who.tenant);
        if let Some(edition) = known {
            match edition.entry(path) {
                Ok(entry) if self.behind(&entry).is_none() => {
                    let (input, mut key) = (Input::Value(&input), Vec::with_capacity(128));
                    let answer = self.answer(&edition, &entry, &input, false, &mut key);
                    return Some(Step::Now(answer.and_then(|(known, _)| {
                        self.cast(whose, (&edition, path), (false, &known), &input);
                        forward::passing(path, known.as_ref())
                    })));
                }
                Ok(_) => {}
                Err(error) => return Some(Step::Now(Err(error))),
            }
        }
        Some(Step::later(async move {
            let text = json::write(&input).into_bytes();
            let (posed, freshness) = (Posed::Whole, Freshness::Any);
            let asked = Decide { path, text: &text, posed, strict: false, freshness };
            let decided = self.decide_for(&who.tenant, &asked, decision).wait().await?;
            forward::passing(path, decided.results.first().and_then(Option::as_ref))
        }))
    }

    /// Answers a question put together by whoever asks: the rows in which it holds, as JSON.
    pub async fn query(&self, tenant: &Arc<str>, asked: &Query<'_>) -> Result<Bytes> {
        let edition = self.book.edition(tenant).await?;
        let lines = syntax::query("query", asked.query, Language::V1);
        let lines = lines.map_err(|errors| told::unread(&errors))?;
        let context = syntax::module("query", "package query", Language::V1);
        let context = Arc::new(context.map_err(|errors| told::unread(&errors))?);
        let question = edition.program().question(&context, &lines);
        let question = question.map_err(|problems| told::uncompiled(&problems))?;
        let unread = |error: json::Malformed| INPUT.error(format!("the input is no JSON: {error}"));
        let input = asked.input.map(json::read).transpose().map_err(unread)?;
        let rows =
            self.ask(&edition, input, asked.strict, |ask| edition.program().rows(&question, ask))?;
        let named = |row: rego::Row| {
            Value::object(row.names.into_iter().map(|(name, value)| (Value::text(name), value)))
        };
        Ok(json::write(&rows.into_iter().map(named).collect()).into())
    }

    fn decide_by(
        &self,
        whose: Whose<'_>,
        edition: &Edition,
        entry: &Entry,
        asked: &Decide<'_>,
    ) -> Result<Decided> {
        let text = match std::str::from_utf8(asked.text) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(asked.text),
        };
        let inputs = Inputs::read(&text, asked.posed)?;
        let mut key = Vec::with_capacity(128);
        let mut results = Vec::with_capacity(inputs.len());
        let mut tier = Tier::Memory;
        let mut record = Recorder::new(&self.config, inputs.several);
        for input in inputs.iter() {
            record.add(|pen| input.record(&entry.outline, pen));
            let (known, by) = self.answer(edition, entry, &input, asked.strict, &mut key)?;
            if by != Tier::Memory {
                tier = by;
            }
            let ends = inputs.until.ends(known.as_deref());
            results.push(known);
            if ends {
                break;
            }
        }
        self.cast_text(whose, edition, asked, &results);
        let (several, revision, seen) = (inputs.several, edition.name().clone(), record.finish());
        Ok(Decided { results, several, revision, tier, seen })
    }

    fn answer(
        &self,
        edition: &Edition,
        entry: &Entry,
        input: &Input<'_>,
        strict: bool,
        key: &mut Vec<u8>,
    ) -> Result<(Known, Tier)> {
        let remembered = memory::key(entry, strict, |path| input.at(path), key);
        if remembered && let Some(known) = edition.memory.find(key) {
            return Ok((known, Tier::Memory));
        }
        let value = self.evaluate(edition, &entry.path, input.whole(), strict)?;
        let known = value.as_ref().map(memory::written);
        if remembered {
            edition.memory.keep(key, known.clone());
        }
        Ok((known, Tier::Engine))
    }

    fn evaluate(
        &self,
        edition: &Edition,
        path: &[Value],
        input: Option<Value>,
        strict: bool,
    ) -> Result<Option<Value>> {
        self.ask(edition, input, strict, |ask| edition.program().document(path, ask))
    }

    fn ask<T>(
        &self,
        edition: &Edition,
        input: Option<Value>,
        strict: bool,
        answer: impl Fn(&rego::Ask<'_>) -> std::result::Result<T, rego::Error>,
    ) -> Result<T> {
        let (begun, limit) = (self.clock.moment(), self.config.timeout.0);
        let within = |limit| {
            let world = Present::until(&self.clock, &self.random, begun.after(limit));
            let (input, data) = (input.clone(), edition.data().clone());
            let steps_max = self.config.steps_max;
            answer(&rego::Ask { input, data, world: &world, strict, steps_max })
        };
        match within(limit.min(AT_ONCE)) {
            Err(error) if error.is_given_up() && limit > AT_ONCE => {
                self.aside.work(|| within(limit).map_err(|error| told::failed(&error)))
            }
            answered => answered.map_err(|error| told::failed(&error)),
        }
    }
}
