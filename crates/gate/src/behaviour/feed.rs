//! Lists of addresses that others know as threats.
//!
//! Each feed is read now and then, and the last good copy is kept in SQL: a feed that is away or
//! broken keeps what it said, which is logged and shown, and a restart without a network knows it
//! too. What it said holds for a while after it was last read; then a dead feed is forgotten.
//!
//! Domains are passed over: the gate sees where callers come from, not where they go.

mod fetch;
mod kept;
mod ranges;
mod read;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use flow::question::guard::FeedInfo;
use flow::unit::Span;
use flow::{Clock, Error, Result, Time};
use parking_lot::Mutex;
use pool::Http;
use pool::sql::Sql;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codes::FEED;
use crate::credential::jwt::secure;
pub use fetch::Shown;
use fetch::{Fetched, fetch};
use ranges::Threats;

/// How often it is looked whether a feed is due.
const TEND_EVERY: Duration = Duration::from_secs(5);
/// A feed that failed is tried again after so long, or when it is due if that is sooner.
const RETRY: Duration = Duration::from_secs(300);
/// A larger feed is refused.
const BYTES_MAX: u64 = 64 << 20;

/// A list of known threats.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// What facts call it.
    pub name: String,
    /// Where it is: `https://…`, or `file:PATH`.
    pub url: String,
    /// How it is written.
    pub format: Format,
    /// How often it is read.
    #[serde(default = "an_hour")]
    pub every: Span,
    /// For how long its entries hold after they were last read.
    #[serde(default = "a_week")]
    pub expires: Span,
    /// What its server wants to see, if anything.
    #[serde(default)]
    pub shown: Option<Shown>,
}

/// How a feed is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One to a line, in the first column.
    Csv,
    /// JSON, or JSON lines: plain texts, or objects that say `ip`, `cidr`, `asn` and the like.
    Json,
    /// A bundle of STIX 2.
    Stix,
    /// A collection of a TAXII 2.1 server, which gives STIX 2 in pages.
    Taxii,
}

const fn an_hour() -> Span {
    Span::secs(3_600)
}

const fn a_week() -> Span {
    Span::secs(7 * 24 * 3_600)
}

/// All feeds.
pub(super) struct Feeds {
    all: Vec<One>,
    http: Option<Http>,
    sql: Arc<dyn Sql>,
    clock: Clock,
}

/// One feed and what it said last.
struct One {
    config: Feed,
    threats: ArcSwap<Threats>,
    state: Mutex<State>,
}

/// How it is going with a feed.
#[derive(Debug, Clone, Default)]
struct State {
    /// When it was last read well; zero for never.
    fetched: Time,
    due: Time,
    error: String,
    /// What its server calls what was read last.
    tag: String,
}

impl Feeds {
    /// These feeds, with what they said last.
    pub(super) async fn open(
        configs: &[Feed],
        http: Option<Http>,
        sql: Arc<dyn Sql>,
        clock: Clock,
    ) -> Result<Self> {
        kept::prepare(&*sql, &clock).await?;
        let mut all = Vec::new();
        for config in configs {
            check(config)?;
            let one = One {
                config: config.clone(),
                threats: ArcSwap::default(),
                state: Mutex::default(),
            };
            if let Some((body, fetched)) = kept::read(&*sql, config).await?
                && let Err(error) = one.learn(&body, fetched)
            {
                let feed = &config.name;
                tracing::warn!(feed, error = %error.story(), "the last copy is not used");
            }
            all.push(one);
        }
        Ok(Self { all, http, sql, clock })
    }

    /// The feed that knows this address as a threat.
    pub(super) fn knows(&self, address: IpAddr, now: Time) -> Option<&str> {
        let mut all = self.all.iter();
        all.find(|one| one.threats.load().has(address, now)).map(|one| &*one.config.name)
    }

    /// The feed that knows this operator of networks as a threat.
    pub(super) fn knows_operator(&self, number: u32, now: Time) -> Option<&str> {
        let mut all = self.all.iter();
        all.find(|one| one.threats.load().has_operator(number, now)).map(|one| &*one.config.name)
    }

    /// Whether there are any.
    pub(super) fn is_on(&self) -> bool {
        !self.all.is_empty()
    }

    /// How it is going with each, by name, behind `after`.
    pub(super) fn list(&self, after: &str, limit: u32) -> Vec<FeedInfo> {
        let mut all: Vec<_> = self.all.iter().map(One::info).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all.into_iter().filter(|feed| *feed.name > *after).take(limit as usize).collect()
    }

    /// Reads feeds when they are due, for as long as it is polled.
    pub(super) async fn tend(&self) {
        while self.is_on() {
            self.read_due().await;
            self.clock.sleep(TEND_EVERY).await;
        }
    }

    /// Reads what is due.
    pub(super) async fn read_due(&self) {
        for one in &self.all {
            if one.state.lock().due > self.clock.now() {
                continue;
            }
            let read = self.read(one).await;
            let now = self.clock.now();
            let mut state = one.state.lock();
            let name = &one.config.name;
            match read {
                Ok(count) => {
                    tracing::info!(feed = name, count, "a feed of threats was read");
                    state.error.clear();
                    state.due = now.after(one.config.every.0);
                }
                Err(error) => {
                    let story = error.story();
                    tracing::error!(feed = name, error = %story, "a feed of threats stays as it was");
                    error.detail().clone_into(&mut state.error);
                    state.due = now.after(one.config.every.0.min(RETRY));
                }
            }
        }
    }

    async fn read(&self, one: &One) -> Result<usize> {
        let before = one.state.lock().tag.clone();
        let fetched = match one.config.url.strip_prefix("file:") {
            Some(path) => {
                Fetched::Whole { body: read_file(path.to_owned()).await?, tag: String::new() }
            }
            None => {
                let none = || FEED.error("nothing is asked over the network here");
                let http = self.http.as_ref().ok_or_else(none)?;
                fetch(http, &self.clock, &one.config, &before).await?
            }
        };
        let (body, tag) = match fetched {
            Fetched::Whole { body, tag } => (body, tag),
            Fetched::Unchanged => {
                let gone = || FEED.error("what it said before is gone");
                // Next time it is asked for all of it.
                one.state.lock().tag.clear();
                let kept = kept::read(&*self.sql, &one.config).await?;
                (kept.ok_or_else(gone)?.0.into(), before)
            }
        };
        let now = self.clock.now();
        let count = one.learn(&body, now)?;
        kept::write(&*self.sql, &one.config, &body, now).await?;
        one.state.lock().tag = tag;
        Ok(count)
    }
}

impl One {
    /// Takes what the feed says for true; how much that is.
    fn learn(&self, body: &[u8], fetched: Time) -> Result<usize> {
        let until = fetched.after(self.config.expires.0);
        let entries = read::entries(self.config.format, body, until)?;
        let threats = Threats::new(entries);
        let count = threats.count();
        self.threats.store(threats.into());
        self.state.lock().fetched = fetched;
        Ok(count)
    }

    fn info(&self) -> FeedInfo {
        let (state, threats) = (self.state.lock().clone(), self.threats.load());
        FeedInfo {
            name: self.config.name.clone(),
            entries: threats.count() as u64,
            passed_over: threats.passed_over,
            fetched: (state.fetched > Time(0)).then_some(state.fetched),
            error: state.error,
        }
    }
}

async fn read_file(path: String) -> Result<Bytes> {
    let read = move || -> Result<Bytes> {
        let unreadable = |error: std::io::Error| -> Error {
            FEED.error(format!("the file `{path}` cannot be read")).because(error)
        };
        if std::fs::metadata(&path).map_err(unreadable)?.len() > BYTES_MAX {
            return Err(FEED.error(format!("the file `{path}` is larger than 64 MiB")));
        }
        std::fs::read(&path).map(Bytes::from).map_err(unreadable)
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(read) => read,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Whether it can be read at all.
fn check(feed: &Feed) -> Result<()> {
    let both = |shown: &Shown| shown.user.is_some() && shown.header.is_some();
    if feed.shown.as_ref().is_some_and(both) {
        let name = &feed.name;
        return Err(FEED.error(format!("the feed `{name}` has a `user` and a `header`")));
    }
    if feed.url.starts_with("file:") && feed.format != Format::Taxii {
        return Ok(());
    }
    secure(&feed.url).map_err(|what| FEED.error(format!("the feed `{}`: {what}", feed.name)))
}

#[cfg(test)]
mod tests;
