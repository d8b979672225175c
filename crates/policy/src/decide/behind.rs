//! Decisions that have something behind their policies, or other policies in their place.

use flow::Result;
use flow::question::policy::{Decide, Decided, Tier};

use super::input::{Input, Inputs};
use super::{Decider, Known, Whose};
use crate::book::{Edition, Entry};
use crate::pipeline::{Behind, Heard, Left, Tiers, is_open};
use crate::record::Recorder;

impl Decider {
    /// What of this entry comes behind, and who is there to ask.
    pub(super) fn behind<'e>(&'e self, entry: &'e Entry) -> Option<(&'e Behind, &'e Tiers)> {
        entry.behind.as_deref().zip(self.tiers.as_ref())
    }

    pub(super) async fn decide_behind(
        &self,
        (behind, tiers): (&Behind, &Tiers),
        whose: Whose<'_>,
        (edition, entry): (&Edition, &Entry),
        asked: &Decide<'_>,
    ) -> Result<Decided> {
        let (tenant, _) = whose;
        let text = String::from_utf8_lossy(asked.text);
        let inputs = Inputs::read(&text, asked.posed)?;
        let mut results = Vec::with_capacity(inputs.len());
        // What policies said is what candidates are compared with, and not what is behind them.
        let mut said = Vec::new();
        let mut tier = Tier::Memory;
        // One budget for all that is asked at once: a hundred questions do not wait a hundred times.
        let budget = behind.reviewed.as_ref().map(|reviewed| reviewed.review.budget.0);
        let until = self.clock.moment().after(budget.unwrap_or_default());
        let mut record = Recorder::new(&self.config, inputs.several);
        for input in inputs.iter() {
            record.add(|pen| input.record(&entry.outline, pen));
            let (mut known, mut by) =
                self.first(behind, tiers, (edition, entry), &input, asked).await?;
            if matches!(by, Tier::Memory | Tier::Engine) {
                said.push(known.clone());
            }
            if let Some(reviewed) = behind.reviewed.as_ref().filter(|_| is_open(known.as_deref())) {
                let (steady, input) = (entry.steady, input.whole());
                let left = Left { tenant, edition, reviewed, steady, input, until };
                let (answer, whose) = tiers.review(&left).await?;
                (known, by) = (Some(answer), whose);
            }
            tiers.count(by);
            tier = tier.max(by);
            let ends = inputs.until.ends(known.as_deref());
            results.push(known);
            if ends {
                break;
            }
        }
        // Where another server decided, there is nothing here to compare with.
        if said.len() == results.len() {
            self.cast_text(whose, edition, asked, &said);
        }
        let (several, revision, seen) = (inputs.several, edition.name().clone(), record.finish());
        Ok(Decided { results, several, revision, tier, seen })
    }

    /// What policies say, those here or those elsewhere.
    async fn first(
        &self,
        behind: &Behind,
        tiers: &Tiers,
        (edition, entry): (&Edition, &Entry),
        input: &Input<'_>,
        asked: &Decide<'_>,
    ) -> Result<(Known, Tier)> {
        if let Some(prefix) = &behind.remote {
            match tiers.hear(prefix, asked, input.whole().as_ref()).await? {
                Heard::Now(known) => return Ok((known, Tier::Remote)),
                Heard::Before(known) => return Ok((known, Tier::RemoteCached)),
                Heard::Nothing => {}
            }
        }
        self.answer(edition, entry, input, asked.strict, &mut Vec::with_capacity(128))
    }
}
