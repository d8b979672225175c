//! What was learned from decisions about one path, and how far it can be trusted.

use std::collections::{BTreeMap, BTreeSet};

use rego::Value;

use super::super::Verdict;
use super::features::{self, Feature};
use super::model::{Curve, Example, Model};

/// A feature is known from so many lessons on.
const SEEN: u32 = 3;

/// Each lesson is kept back once from one of so many models, to see what that says of it.
const PARTS: usize = 5;

/// So many reasons are given.
const REASONS: usize = 3;

/// When a classifier may answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// How sure it has to be.
    pub(super) threshold: f64,
    /// How many decisions it has to have learned from.
    pub(super) evidence: usize,
    /// How often it has to have been right, of what it said of cases it had not seen.
    pub(super) precision: f64,
}

/// A decision somebody made about a case.
#[derive(Debug, Clone)]
pub(super) struct Lesson {
    pub(super) shown: Value,
    pub(super) decision: String,
}

/// What was learned.
#[derive(Debug)]
pub(super) struct Learned {
    words: BTreeMap<String, Word>,
    seen: Seen,
    /// Of how many decisions.
    pub(super) lessons: usize,
}

/// What was learned of one decision.
#[derive(Debug)]
struct Word {
    model: Model,
    curve: Curve,
    /// What it said of cases it had not seen: how often it would have answered, and was right.
    answered: usize,
    right: usize,
}

/// How often each feature was there.
#[derive(Debug)]
struct Seen(Vec<u32>);

impl Seen {
    fn of<'l>(all: impl Iterator<Item = &'l [Feature]>) -> Self {
        let mut seen = vec![0; features::PLACES];
        for feature in all.flatten() {
            if let Some(count) = seen.get_mut(feature.place) {
                *count += 1;
            }
        }
        Self(seen)
    }

    /// Whether there is nothing strange about a case.
    fn knows(&self, features: &[Feature]) -> bool {
        let known = |feature: &Feature| self.0.get(feature.place).is_some_and(|seen| *seen >= SEEN);
        features.iter().filter(|feature| feature.tells).all(known)
    }
}

impl Learned {
    /// Learns from decisions; the order they are in is part of what is learned.
    pub(super) fn of(lessons: &[Lesson], terms: Terms) -> Self {
        let read = |lesson: &Lesson| {
            features::of(&lesson.shown).map(|features| (features, lesson.decision.clone()))
        };
        let read: Vec<(Vec<Feature>, String)> = lessons.iter().filter_map(read).collect();
        let words: BTreeSet<&str> = read.iter().map(|(_, decision)| decision.as_str()).collect();
        let seen = Seen::of(read.iter().map(|(features, _)| features.as_slice()));
        let words = match words.len() {
            // Where everybody always decided the same, there is no telling what else there is.
            0 | 1 => BTreeMap::new(),
            _ => words.iter().map(|word| ((*word).to_owned(), learn(&read, word, terms))).collect(),
        };
        Self { words, seen, lessons: read.len() }
    }

    /// What it says of a case; nothing where it is not sure, where there is something in the case
    /// it does not know, or where it was not right often enough.
    pub(super) fn ask(&self, shown: &Value, terms: Terms) -> Option<Verdict> {
        if self.lessons < terms.evidence {
            return None;
        }
        let features = features::of(shown)?;
        if !self.seen.knows(&features) {
            return None;
        }
        let weigh = |(name, word): (&'_ String, &'_ Word)| {
            (word.curve.at(word.model.sum(&features)), name.clone())
        };
        let best = self.words.iter().map(weigh).max_by(|one, other| one.0.total_cmp(&other.0));
        let (confidence, decision) = best?;
        let word = self.words.get(&decision)?;
        if confidence < terms.threshold || !word.is_proven(terms) {
            return None;
        }
        let because = word.model.because(&features, REASONS);
        let because: Vec<_> =
            because.iter().map(|(name, weight)| format!("{name} ({weight:+.2})")).collect();
        let reason = format!(
            "like what was decided before ({} decisions; right {} of {} times): {}",
            self.lessons,
            word.right,
            word.answered,
            because.join(", ")
        );
        Some(Verdict { decision, reason, confidence })
    }
}

impl Word {
    /// Whether it was right often enough, and that of enough cases.
    fn is_proven(&self, terms: Terms) -> bool {
        let enough = self.answered >= terms.evidence.div_ceil(4).max(1);
        enough && self.right as f64 >= terms.precision * self.answered as f64
    }
}

fn learn(read: &[(Vec<Feature>, String)], word: &str, terms: Terms) -> Word {
    let example =
        |(features, decision): &'_ (Vec<Feature>, String)| (features.clone(), decision == word);
    let all: Vec<(Vec<Feature>, bool)> = read.iter().map(example).collect();
    let mut said = Vec::with_capacity(all.len());
    for part in 0..PARTS {
        let kept = |(at, _): &(usize, &(Vec<Feature>, bool))| at % PARTS == part;
        let others: Vec<Example<'_>> = all
            .iter()
            .enumerate()
            .filter(|one| !kept(one))
            .map(|(_, (features, is_so))| Example { features, is_so: *is_so })
            .collect();
        let seen = Seen::of(others.iter().map(|example| example.features));
        let model = Model::train(&others);
        let back = all.iter().enumerate().filter(kept);
        said.extend(
            back.map(|(_, (features, is_so))| (model.sum(features), *is_so, seen.knows(features))),
        );
    }
    let known: Vec<(f64, bool)> =
        said.iter().filter(|(_, _, known)| *known).map(|(sum, is_so, _)| (*sum, *is_so)).collect();
    let curve = Curve::fit(&known);
    let answered = known.iter().filter(|(sum, _)| curve.at(*sum) >= terms.threshold);
    let (answered, right) =
        answered.fold((0, 0), |(all, right), (_, is_so)| (all + 1, right + usize::from(*is_so)));
    let examples: Vec<Example<'_>> =
        all.iter().map(|(features, is_so)| Example { features, is_so: *is_so }).collect();
    Word { model: Model::train(&examples), curve, answered, right }
}

#[cfg(test)]
mod tests;
