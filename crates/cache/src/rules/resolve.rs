//! Rules of which everything is known and nothing contradicts itself.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::Duration;

use flow::Result;
use flow::unit::Span;

use super::depend::Dependence;
use super::template::Template;
use super::view::{self, Rows};
use super::warm::{Warming, Warmup};
use super::{Order, Rules};
use crate::codes::RULES;

/// How long a value is kept somewhere. An order: the longer, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Life {
    /// Not at all.
    NotKept,
    /// So long.
    For(Duration),
    /// Until it is crowded out or dropped.
    Endless,
}

impl Life {
    fn of(written: Option<Span>) -> Self {
        match written {
            None => Self::Endless,
            Some(Span(Duration::ZERO)) => Self::NotKept,
            Some(Span(duration)) => Self::For(duration),
        }
    }

    /// Whether a value is kept at all.
    pub fn keeps(self) -> bool {
        self != Self::NotKept
    }

    /// How long, if it has an end.
    pub fn limit(self) -> Option<Duration> {
        match self {
            Self::NotKept => Some(Duration::ZERO),
            Self::For(duration) => Some(duration),
            Self::Endless => None,
        }
    }
}

impl Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotKept => f.write_str("0s"),
            Self::For(duration) => Span(*duration).fmt(f),
            Self::Endless => f.write_str("not set"),
        }
    }
}

/// Between which lengths a life may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The shortest.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
}

/// What holds for a namespace.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// How long values live in memory.
    pub memory: Life,
    /// How long values live in Redis.
    pub l2: Life,
    /// How long values live in the table.
    pub l3: Life,
    /// Between which lengths lives follow the changes seen, if they do.
    pub adaptive: Option<Bounds>,
    /// By how much, in percent, lives are shortened at random.
    pub jitter_percent: u8,
    /// How long after its end a value may be answered in need.
    pub stale: Duration,
    /// After how much of its life, in percent, a value that is read is loaded anew.
    pub early_percent: Option<u8>,
    /// How long it is remembered that there is nothing.
    pub nothing: Life,
    /// How long a load may take before a stale value is answered instead.
    pub soft_timeout: Option<Duration>,
    /// How long a load may take before it has failed.
    pub hard_timeout: Duration,
    /// How dear its values are when room is short, 0 to 10.
    pub priority: u8,
    /// Tags every value has.
    pub tags: Box<[Box<str>]>,
    /// How many bytes it may hold in memory.
    pub quota_bytes: Option<u64>,
    /// How many values it may hold in memory.
    pub quota_entries: Option<u64>,
    /// When a written value reaches the tiers behind memory.
    pub write: Order,
    /// How values are written.
    pub codec: pool::codec::Config,
    /// Whether values are sealed wherever they leave memory.
    pub sealed: bool,
    /// Whether keys are shown only as hashes, and values are wiped when memory lets them go.
    pub confidential: bool,
    /// Where values come from.
    pub origin: Option<Template>,
    /// Where the rows are that are its values.
    pub rows: Option<Rows>,
    /// How what will be asked next is learned, if it is.
    pub learn: Option<crate::learn::Config>,
    /// The time between two comparisons of a value with its source, if there are any.
    pub sample: Option<Duration>,
    /// What makes its values untrue.
    pub depends_on: Box<[Dependence]>,
    /// What it is filled with before anybody asks.
    pub warm: Box<[Warmup]>,
}

const JITTER_PERCENT: u8 = 5;
const JITTER_PERCENT_MAX: u8 = 50;
const PRIORITY: u8 = 5;
const PRIORITY_MAX: u8 = 10;
const HARD_TIMEOUT: Duration = Duration::from_secs(10);
const TAGS_MAX: usize = 64;
const TAG_LENGTH_MAX: usize = 256;

impl Rules {
    /// What holds for the namespace of this name, given what is said for all.
    pub fn resolve(&self, name: &str, base: &Self) -> Result<Resolved> {
        let wrong = |what: String| RULES.error(format!("namespace `{name}`: {what}"));
        self.layered(base).check(name).map_err(wrong)
    }

    /// Of all layers in one.
    fn check(&self, name: &str) -> Result<Resolved, String> {
        let [memory, l2, l3] = self.lives();
        let (soft_timeout, hard_timeout) = self.timeouts()?;
        let early = self.early_percent.unwrap_or(100);
        within("early_percent", early, 1, 100)?;
        let jitter_percent = self.jitter_percent.unwrap_or(JITTER_PERCENT);
        within("jitter_percent", jitter_percent, 0, JITTER_PERCENT_MAX)?;
        let priority = self.priority.unwrap_or(PRIORITY);
        within("priority", priority, 0, PRIORITY_MAX)?;
        let codec = self.codec.config();
        within("codec.compress_saves_percent", codec.compress_saves_percent, 0, 99)?;
        let depends_on = self
            .depends_on
            .iter()
            .flatten()
            .map(|one| one.check(name).map_err(|what| format!("`depends_on`: {what}")));
        let one = |one: &Warming| one.check().map_err(|what| format!("`warm`: {what}"));
        let warm = self.warm.iter().flatten().map(one);
        Ok(Resolved {
            memory,
            l2,
            l3,
            adaptive: self.bounds([memory, l2, l3])?,
            jitter_percent,
            stale: self.stale.map_or(Duration::ZERO, |span| span.0),
            early_percent: Some(early).filter(|percent| *percent < 100),
            nothing: self.nothing_ttl.map_or(Life::NotKept, |ttl| Life::of(Some(ttl))),
            soft_timeout,
            hard_timeout,
            priority,
            tags: self.checked_tags()?,
            quota_bytes: self.quota_bytes.map(|size| size.0).filter(|bytes| *bytes > 0),
            quota_entries: self.quota_entries.filter(|entries| *entries > 0),
            write: self.write.unwrap_or_default(),
            codec,
            sealed: self.sealed.unwrap_or(false),
            confidential: self.confidential.unwrap_or(false),
            origin: self.origin.as_deref().map(origin).transpose()?,
            rows: self.rows()?,
            sample: self.sample.as_deref().map(super::sample::every).transpose()?.flatten(),
            learn: self.learn.check(self.confidential.unwrap_or(false))?,
            depends_on: self.reloadable(depends_on.collect::<Result<_, String>>()?)?,
            warm: warm.collect::<Result<_, String>>()?,
        })
    }

    /// Where its rows are. Values come from one place.
    fn rows(&self) -> Result<Option<Rows>, String> {
        match (&self.origin, &self.query, Some(&self.view).filter(|view| view.is_said())) {
            (_, None, None) => Ok(None),
            (None, Some(query), None) => view::query(query).map(Some),
            (None, None, Some(view)) => Ok(Some(Rows::View(Arc::new(view.check()?)))),
            _ => Err("values come from one of `origin`, `query` and `view`; keep one".into()),
        }
    }

    /// What is to be loaded anew has to come from somewhere.
    fn reloadable(&self, depends_on: Box<[Dependence]>) -> Result<Box<[Dependence]>, String> {
        let nowhere = self.origin.is_none() && self.query.is_none() && !self.view.is_said();
        match nowhere && depends_on.iter().any(|one| one.refresh) {
            true => Err("`depends_on`: `refresh` needs an `origin`, a `query` or a `view`".into()),
            false => Ok(depends_on),
        }
    }

    /// How long values live in each tier: nearer ones never longer than those behind them,
    /// of which a tier that keeps nothing is none.
    fn lives(&self) -> [Life; 3] {
        let life = |used: Option<bool>, ttl| match used {
            Some(false) => Life::NotKept,
            None | Some(true) => Life::of(ttl),
        };
        let behind = |near: Life, far: Life| if far.keeps() { near.min(far) } else { near };
        let l3 = life(self.l3, self.l3_ttl);
        let l2 = behind(life(self.l2, self.l2_ttl), l3);
        let memory = behind(behind(life(self.memory, self.memory_ttl), l3), l2);
        [memory, l2, l3]
    }

    /// Between which lengths lives may move: none where there is nothing to move.
    fn bounds(&self, lives: [Life; 3]) -> Result<Option<Bounds>, String> {
        let kept = || lives.iter().filter(|life| life.keeps());
        if !self.adaptive.on.unwrap_or(false) || kept().count() == 0 {
            return Ok(None);
        }
        let (Some(Span(min)), Some(Span(max))) = (self.adaptive.min, self.adaptive.max) else {
            return Err("`adaptive` has no bounds; set `adaptive.min` and `adaptive.max`".into());
        };
        if min.is_zero() || min > max {
            let say = "must be above zero and at most `adaptive.max`";
            return Err(format!("`adaptive.min` is `{}`, which {say} `{}`", Span(min), Span(max)));
        }
        let outside = |life: &&Life| **life < Life::For(min) || **life > Life::For(max);
        match kept().find(outside) {
            None => Ok(Some(Bounds { min, max })),
            Some(Life::Endless) => {
                Err("adaptive lives begin somewhere; set `ttl`, or `adaptive.on` to false".into())
            }
            Some(life) => Err(format!(
                "a ttl of `{life}` is outside of `{}` to `{}`; set `adaptive.min` and \
                 `adaptive.max` around it, or `adaptive.on` to false",
                Span(min),
                Span(max)
            )),
        }
    }

    fn timeouts(&self) -> Result<(Option<Duration>, Duration), String> {
        let soft = self.soft_timeout.map(|span| span.0);
        let hard = self.hard_timeout.map(|span| span.0);
        if soft == Some(Duration::ZERO) || hard == Some(Duration::ZERO) {
            return Err("a timeout of zero fails every load; leave it out or raise it".into());
        }
        // Where only one is said, the other gives way.
        let usual = hard.unwrap_or(soft.map_or(HARD_TIMEOUT, |soft| HARD_TIMEOUT.max(soft)));
        if soft.is_some_and(|soft| soft > usual) {
            return Err("`soft_timeout` is longer than `hard_timeout`; exchange them".into());
        }
        Ok((soft, usual))
    }

    fn checked_tags(&self) -> Result<Box<[Box<str>]>, String> {
        let written = self.tags.as_deref().unwrap_or_default();
        if written.len() > TAGS_MAX {
            let count = written.len();
            return Err(format!("`tags` has {count} tags; keep at most {TAGS_MAX}"));
        }
        let fits = |tag: &str| (1..=TAG_LENGTH_MAX).contains(&tag.len());
        if let Some(tag) = written.iter().find(|tag| !fits(tag)) {
            let length = tag.len();
            return Err(format!("a tag has {length} bytes; write 1 to {TAG_LENGTH_MAX}"));
        }
        let once: BTreeSet<&str> = written.iter().map(String::as_str).collect();
        Ok(once.into_iter().map(Box::from).collect())
    }
}

pub(super) fn within<T: PartialOrd + Display>(
    field: &str,
    value: T,
    min: T,
    max: T,
) -> Result<(), String> {
    if value < min || value > max {
        return Err(format!("`{field}` is {value}; write {min} to {max}"));
    }
    Ok(())
}

/// An address with a place for the key, and no place where a key could choose the server.
fn origin(text: &str) -> Result<Template, String> {
    // First of all, so that no message below repeats it.
    let behind = text.split_once("://").map_or(text, |(_, behind)| behind);
    let server = behind.split(['/', '?', '#']).next().unwrap_or_default();
    if server.contains('@') {
        return Err("`origin` holds a credential; take it out".into());
    }
    let template = Template::parse(text).map_err(|what| format!("`origin`: {what}"))?;
    let say = |what: &str| Err(format!("`origin` is `{text}`; {what}"));
    if !text.starts_with("http://") && !text.starts_with("https://") {
        return say("write an address that begins with `http://`");
    }
    if server.is_empty() || server.contains(['{', '}']) {
        return say("name the server, without braces");
    }
    if text.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
        return say("leave out the space");
    }
    if text.contains('#') {
        return say("leave out the part after `#`, which is never sent");
    }
    if !template.places().any(|place| place == "key") {
        return say("say with `{key}` where the key goes");
    }
    if template.places().any(|place| !["key", "tenant", "namespace"].contains(&place)) {
        return say("only `{key}`, `{tenant}` and `{namespace}` are known");
    }
    Ok(template)
}

#[cfg(test)]
mod tests;
