//! One request, looked through value by value.

use std::borrow::Cow;
use std::cell::Cell;

use flow::question::guard::Channel;
use serde_json::{Value, json};

use super::config::Mode;
use super::field::Field;
use super::route::Held;
use super::rule::Rule;
use crate::inspect::{Finding, SUSPICIOUS, Verdict, search};

/// More evidence is not written down.
const HITS_MAX: usize = 16;

/// What bounds looking into one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) fields_max: u32,
    pub(super) depth_max: u32,
    pub(super) body_max: usize,
}

/// What was found in a request so far, and what is still to be read of it.
pub(super) struct Search<'a> {
    pub(super) bounds: Bounds,
    held: Held<'a>,
    rules: &'a [Rule],
    left: u32,
    /// Whether there was more to read than may be.
    spent: bool,
    hits: Vec<Hit>,
    /// Why something was not read; the first reason.
    unread: Option<&'static str>,
    steps: Cell<u64>,
}

/// One thing that was found.
pub(super) struct Hit {
    pub(super) kind: &'static str,
    pub(super) score: f32,
    field: String,
    span: (usize, usize),
    why: &'static str,
    decoded: Vec<&'static str>,
}

impl<'a> Search<'a> {
    pub(super) fn new(held: Held<'a>, rules: &'a [Rule], bounds: Bounds) -> Self {
        let left = bounds.fields_max;
        let (hits, steps) = (Vec::new(), Cell::new(0));
        Self { bounds, held, rules, left, spent: false, hits, unread: None, steps }
    }

    /// Whether nobody needs to look further: it is refused as it is, or all was read that may be.
    pub(super) fn over(&self) -> bool {
        self.spent || self.refused()
    }

    fn refused(&self) -> bool {
        self.held.mode == Mode::Block && self.worst() >= self.held.threshold
    }

    /// Looks at all of a part together where it has more names and values than are read.
    pub(super) fn rest(&mut self, field: Field<'_>, whole: &[u8]) {
        if self.spent && !self.refused() {
            self.inspect(&field, whole, Channel::Text);
        }
    }

    /// Something cannot be read.
    pub(super) fn not_read(&mut self, why: &'static str) {
        self.unread.get_or_insert(why);
    }

    /// Looks at a value.
    pub(super) fn value(&mut self, field: Field<'_>, value: &[u8], channel: Channel) {
        if value.is_empty() || !self.goes_on() {
            return;
        }
        self.inspect(&field, value, channel);
        for rule in self.rules {
            let Some(span) = rule.hit(&field, channel, value) else { continue };
            if !self.held.lets_be(&field, rule.kind) {
                let (kind, score, why) = (rule.kind, rule.score, rule.why);
                self.add(
                    &field,
                    Hit { kind, score, field: String::new(), span, why, decoded: Vec::new() },
                );
            }
        }
    }

    /// Looks at a name that callers choose. Most are words, and words are no attack.
    pub(super) fn name(&mut self, field: Field<'_>, name: &[u8]) {
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if !name.iter().all(word) && self.goes_on() {
            self.inspect(&field, name, Channel::Param);
        }
    }

    fn goes_on(&mut self) -> bool {
        if self.over() {
            return false;
        }
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => {
                self.spent = true;
                self.not_read("there are more names and values than are read");
                return false;
            }
        }
        true
    }

    fn inspect(&mut self, field: &Field<'_>, value: &[u8], channel: Channel) {
        let except = self.held.let_be(field);
        let found = search(value, channel, except, &self.steps);
        for Finding { kind, span, why, decoded, weight } in found {
            if weight >= SUSPICIOUS {
                let (kind, score) = (kind.name(), weight.min(1.0));
                self.add(field, Hit { kind, score, field: String::new(), span, why, decoded });
            }
        }
    }

    /// Keeps the surest of each kind in each field.
    fn add(&mut self, field: &Field<'_>, hit: Hit) {
        let hit = Hit { field: field.shown(), ..hit };
        let same = |held: &Hit| held.kind == hit.kind && held.field == hit.field;
        let place = self.hits.iter().position(same).or_else(|| {
            let least =
                |one: &(usize, &Hit), other: &(usize, &Hit)| one.1.score.total_cmp(&other.1.score);
            let full = self.hits.len() >= HITS_MAX;
            let held = self.hits.iter().enumerate().filter(|_| full);
            held.min_by(least).map(|(place, _)| place)
        });
        match place.and_then(|place| self.hits.get_mut(place)) {
            Some(held) if held.score >= hit.score => {}
            Some(held) => *held = hit,
            None => self.hits.push(hit),
        }
    }

    fn worst(&self) -> f32 {
        self.hits.iter().fold(0.0, |worst, hit| worst.max(hit.score))
    }

    /// What was found, the surest first, and why something was not read.
    pub(super) fn end(mut self) -> (Vec<Hit>, Option<&'static str>) {
        self.hits.sort_by(|one, other| other.score.total_cmp(&one.score));
        (self.hits, self.unread)
    }
}

/// What the kinds of these are, the surest first.
pub(super) fn kinds(hits: &[Hit]) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    for hit in hits {
        if !kinds.contains(&hit.kind) {
            kinds.push(hit.kind);
        }
    }
    kinds
}

/// What facts say of it: everything but the values.
pub(super) fn record(
    mode: Mode,
    verdict: Verdict,
    hits: &[Hit],
    unread: Option<&'static str>,
) -> Value {
    let found = hits.iter().map(|hit| {
        let mut found = json!({
            "kind": hit.kind,
            "field": hit.field,
            "span": hit.span,
            "score": rounded(hit.score),
            "why": hit.why,
        });
        if let Some(found) = found.as_object_mut().filter(|_| !hit.decoded.is_empty()) {
            found.insert("decoded".into(), json!(hit.decoded));
        }
        found
    });
    let found: Vec<_> = found.collect();
    let mut record = json!({ "mode": mode.name(), "verdict": verdict.name(), "found": found });
    if let Some(record) = record.as_object_mut()
        && let Some(why) = unread
    {
        record.insert("unread".into(), json!(why));
    }
    record
}

/// Two digits, and none of those that a float adds when it becomes wider.
pub(super) fn rounded(score: f32) -> f64 {
    (f64::from(score) * 100.0).round() / 100.0
}

/// A form's value as applications get it: plus signs are spaces, and one encoding is undone.
pub(super) fn form_value(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(value);
    }
    let spaced: Vec<u8> =
        value.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    Cow::Owned(crate::inspect::unescaped(&spaced))
}
