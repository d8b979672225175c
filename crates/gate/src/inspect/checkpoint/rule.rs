//! What operators look for beside what the inspector knows, as data with tests of its own.

use flow::Result;
use flow::question::guard::Channel;
use regex::bytes::{Regex, RegexBuilder};

use super::config::Rule as Written;
use super::field::{Field, Selector};
use super::word::word;
use crate::codes::INSPECT;
use crate::inspect::SUSPICIOUS;

/// More rules are refused: each is asked about each value.
const RULES_MAX: usize = 1_000;
/// A compiled expression takes no more memory.
const SIZE_MAX: usize = 1 << 20;
/// Longer names and kinds are refused.
const NAME_MAX: usize = 64;
/// How sure a rule is that does not say.
const SCORE: f32 = 0.9;

/// A rule as it was understood, whose tests it passes.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) kind: &'static str,
    pub(super) why: &'static str,
    pub(super) score: f32,
    fields: Vec<Selector>,
    channel: Option<Channel>,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Contains(Vec<u8>),
    Equals(Vec<u8>),
    StartsWith(Vec<u8>),
    Matches(Box<Regex>),
}

/// Understands rules and runs the tests of each.
pub(super) fn rules(written: &[Written]) -> Result<Vec<Rule>> {
    if written.len() > RULES_MAX {
        let sentence = format!("there are `{}` rules", written.len());
        return Err(INSPECT.error(sentence).with_advice(format!(
            "write at most {RULES_MAX}; `matches` with `|` looks for many things at once"
        )));
    }
    let mut rules: Vec<Rule> = Vec::new();
    for (index, rule) in written.iter().enumerate() {
        let named = |error: flow::Error| {
            let sentence = format!("rule `{}` of `gate.inspect.rules`: {error}", rule.name);
            INSPECT.error(sentence).with_advice(error.advice().to_owned())
        };
        if written.iter().take(index).any(|other| other.name == rule.name) {
            let error = INSPECT.error("there is another of that name");
            return Err(named(error.with_advice("give each rule a name of its own")));
        }
        rules.push(Rule::new(rule).map_err(named)?);
    }
    Ok(rules)
}

impl Rule {
    fn new(written: &Written) -> Result<Self> {
        named("name", &written.name)?;
        named("kind", &written.kind)?;
        let score = written.score.unwrap_or(SCORE);
        if !(SUSPICIOUS..=1.0).contains(&score) {
            let error = INSPECT.error(format!("`score` is `{score}`"));
            return Err(error.with_advice("write a number from 0.5 to 1.0"));
        }
        let fields = written.fields.iter().map(|field| Selector::new(field));
        let why = if written.message.is_empty() { &written.name } else { &written.message };
        let rule = Self {
            kind: word(&written.kind),
            why: word(why),
            score,
            fields: fields.collect::<Result<_>>()?,
            channel: written.channel,
            test: Test::new(written)?,
        };
        rule.prove(written)?;
        Ok(rule)
    }

    /// Runs the tests that come with it.
    fn prove(&self, written: &Written) -> Result<()> {
        let missed =
            written.matches_tests.iter().find(|test| self.test.hit(test.as_bytes()).is_none());
        if let Some(test) = missed {
            let error = INSPECT.error(format!("it does not find its own test `{test}`"));
            return Err(error.with_advice("correct the rule, or take it out of `matches_tests`"));
        }
        let imagined =
            written.passes_tests.iter().find(|test| self.test.hit(test.as_bytes()).is_some());
        if let Some(test) = imagined {
            let error = INSPECT.error(format!("it finds its own test `{test}`, which should pass"));
            return Err(error.with_advice("correct the rule, or take it out of `passes_tests`"));
        }
        Ok(())
    }

    /// From where to where a value is what the rule says.
    pub(super) fn hit(
        &self,
        field: &Field<'_>,
        channel: Channel,
        value: &[u8],
    ) -> Option<(usize, usize)> {
        let here = self.channel.is_none_or(|wanted| wanted == channel)
            && (self.fields.is_empty() || self.fields.iter().any(|wanted| wanted.has(field)));
        here.then(|| self.test.hit(value)).flatten()
    }
}

impl Test {
    fn new(written: &Written) -> Result<Self> {
        let Written { contains, equals, starts_with, matches, .. } = written;
        let all = [contains, equals, starts_with, matches];
        let one = all.iter().filter(|held| held.is_some()).count() == 1;
        let advice = "write exactly one of `contains`, `equals`, `starts_with` and `matches`";
        if !one || all.into_iter().flatten().any(String::is_empty) {
            return Err(INSPECT.error("it does not say what to look for").with_advice(advice));
        }
        let bytes = |text: &String| text.as_bytes().to_vec();
        let plain = contains.as_ref().map(|text| Self::Contains(bytes(text)));
        let plain = plain.or(equals.as_ref().map(|text| Self::Equals(bytes(text))));
        let plain = plain.or(starts_with.as_ref().map(|text| Self::StartsWith(bytes(text))));
        let expression =
            matches.as_deref().map(|text| Ok(Self::Matches(Box::new(compiled(text)?))));
        plain.map(Ok).or(expression).unwrap_or_else(|| Err(INSPECT.error("it says nothing")))
    }

    fn hit(&self, value: &[u8]) -> Option<(usize, usize)> {
        match self {
            Self::Contains(text) => {
                memchr::memmem::find(value, text).map(|at| (at, at + text.len()))
            }
            Self::Equals(text) => (value == text).then_some((0, value.len())),
            Self::StartsWith(text) => value.starts_with(text).then_some((0, text.len())),
            Self::Matches(text) => text.find(value).map(|found| (found.start(), found.end())),
        }
    }
}

fn compiled(text: &str) -> Result<Regex> {
    let built = RegexBuilder::new(text).size_limit(SIZE_MAX).dfa_size_limit(SIZE_MAX).build();
    built.map_err(|error| {
        let short = error.to_string();
        let last =
            short.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        INSPECT.error(format!("`{text}` is no expression that can be used: {last}")).with_advice(
            "write it without look-around and references back, and with small repetitions",
        )
    })
}

fn named(what: &str, name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    match !name.is_empty() && name.len() <= NAME_MAX && name.bytes().all(plain) {
        true => Ok(()),
        false => Err(INSPECT
            .error(format!("`{name}` is no {what}"))
            .with_advice("use 1 to 64 letters, digits, `-`, `_` and `.`")),
    }
}

#[cfg(test)]
#[path = "rule/tests.rs"]
mod tests;
