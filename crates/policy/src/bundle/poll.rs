//! Bundles that are looked for where they come from, again and again.
//!
//! What was fetched is put in force by whoever polls; here is where it is, how it is asked for,
//! and how it went. What fails is noted and changes nothing.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use flow::question::bundle::BundlePoll;
use flow::{Clock, Error, Random, Result};
use parking_lot::Mutex;
use pool::Http;
use pool::http::Ask;

use super::{Limits, Source, check_name};
use crate::codes::{BUNDLE_AWAY, BUNDLE_SOURCE};

/// One that failed is looked for again after so long, or when it is due if that is sooner.
const RETRY: Duration = Duration::from_secs(30);
/// So many redirects are followed: stores of objects send elsewhere.
const REDIRECTS: u32 = 3;

/// All bundles that are polled.
#[derive(Debug)]
pub struct Polls {
    all: Vec<Polled>,
    limits: Limits,
}

/// One bundle that is polled.
#[derive(Debug)]
pub struct Polled {
    /// By what it is called.
    pub name: String,
    /// Where it is.
    pub source: Source,
    url: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    info: BundlePoll,
    /// What the server calls what was fetched, and the digest of it.
    tag: Option<(String, String)>,
    /// Whether it was ever seen in force.
    known: bool,
}

/// What was fetched.
#[derive(Debug)]
pub enum Fetched {
    /// An archive, and what its server calls it.
    Whole(Bytes, Option<String>),
    /// What is in force is what there is.
    Unchanged,
}

impl Polls {
    /// The bundles that are configured with an address.
    pub fn of(config: &crate::Config) -> Result<Self> {
        let mut all = Vec::new();
        for (name, source) in &config.bundles {
            check_name(name)?;
            let Some(url) = source.url.clone() else { continue };
            check(name, source, &url)?;
            let (name, source, state) = (name.clone(), source.clone(), Mutex::default());
            all.push(Polled { name, source, url, state });
        }
        Ok(Self { all, limits: config.bundle_limits.clone() })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Whether one of them was never seen in force.
    pub fn awaited(&self) -> bool {
        self.all.iter().any(|one| !one.state.lock().known)
    }

    /// One of them.
    pub fn get(&self, place: usize) -> Option<&Polled> {
        self.all.get(place)
    }

    /// How it is going with those of a tenant.
    pub fn of_tenant(&self, tenant: &str) -> impl Iterator<Item = (&str, BundlePoll)> {
        let own = self.all.iter().filter(move |one| one.source.tenant == tenant);
        own.map(|one| (one.name.as_str(), one.state.lock().info.clone()))
    }

    /// The bundle as it is now, unless it is what is in force, of which this is the digest.
    pub async fn fetch(
        &self,
        one: &Polled,
        http: &Http,
        in_force: Option<&str>,
    ) -> Result<Fetched> {
        match one.url.strip_prefix("file://") {
            Some(path) => read_file(path.to_owned(), self.limits.clone()).await,
            None => one.ask(http, in_force).await,
        }
    }
}

impl Polled {
    async fn ask(&self, http: &Http, in_force: Option<&str>) -> Result<Fetched> {
        let mut ask = Ask::get(&self.url)?.following(REDIRECTS);
        ask =
            ask.header("accept", "application/gzip, application/octet-stream;q=0.9, */*;q=0.5")?;
        if let Some(token) = &self.source.token {
            let token = token.read_text()?;
            let bearer = zeroize::Zeroizing::new(format!("Bearer {}", &**token));
            ask = ask.header("authorization", &bearer)?;
        }
        let tag = self.state.lock().tag.clone();
        // What is in force may be another than was fetched: by other nodes, or by hand.
        let known = tag.filter(|(_, digest)| Some(digest.as_str()) == in_force);
        if let Some((tag, _)) = &known {
            ask = ask.header("if-none-match", tag)?;
        }
        let answer = http.send(ask).await?;
        let tag = answer.headers.get("etag").and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        match answer.status.as_u16() {
            200 => Ok(Fetched::Whole(answer.body, tag)),
            304 if known.is_some() => Ok(Fetched::Unchanged),
            status => Err(BUNDLE_AWAY.error(format!("its server answered {status}"))),
        }
    }

    /// Notes that it is in force, whoever put it there.
    pub fn in_force(&self) {
        self.state.lock().known = true;
    }

    /// Notes that it was fetched.
    pub fn fetched(&self, clock: &Clock) {
        self.state.lock().info.downloaded = Some(clock.now());
    }

    /// Notes that what was fetched is in force.
    pub fn activated(&self, digest: &str, tag: Option<String>, clock: &Clock) {
        let mut state = self.state.lock();
        state.tag = tag.map(|tag| (tag, digest.to_owned()));
        state.info.activated = Some(clock.now());
        state.known = true;
        state.info.failure = None;
    }

    /// Notes that there was nothing new.
    pub fn unchanged(&self) {
        self.state.lock().info.failure = None;
    }

    /// Notes why it could not be fetched or put in force.
    pub fn failed(&self, error: &Error) {
        self.state.lock().info.failure = Some((error.code().name, error.detail().to_owned()));
    }

    /// How long it is until it is looked for again. Nodes that begin together do not stay so.
    pub fn pause(&self, random: &Random) -> Duration {
        let every = self.source.every.0;
        let failed = self.state.lock().info.failure.is_some();
        let pause = if failed { every.min(RETRY) } else { every };
        pause.mul_f64(0.9 + 0.2 * random.fraction())
    }
}

async fn read_file(path: String, limits: Limits) -> Result<Fetched> {
    let read = move || -> Result<Fetched> {
        let unreadable = |error: std::io::Error| {
            BUNDLE_AWAY.error(format!("the file `{path}` cannot be read: {error}")).because(error)
        };
        if std::fs::metadata(&path).map_err(unreadable)?.len() > limits.size_max.0 {
            let story = format!("the file `{path}` is larger than {}", limits.size_max);
            return Err(BUNDLE_AWAY.error(story));
        }
        let bytes = std::fs::read(&path).map_err(unreadable)?;
        Ok(Fetched::Whole(bytes.into(), None))
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(read) => read,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Refuses what cannot be asked, or could be answered by anybody.
fn check(name: &str, source: &Source, url: &str) -> Result<()> {
    let bad = |why: &str| Err(BUNDLE_SOURCE.error(format!("`policy.bundles.{name}.url` {why}")));
    if source.every.0 < Duration::from_millis(100) {
        let story = format!("`policy.bundles.{name}.every` is shorter than 100ms");
        return Err(BUNDLE_SOURCE.error(story));
    }
    if let Some(path) = url.strip_prefix("file://") {
        return match Path::new(path).is_absolute() {
            true => Ok(()),
            false => bad("names a file by no whole path: write `file:///PATH`"),
        };
    }
    Ask::get(url).map_err(|error| {
        let story = format!("`policy.bundles.{name}.url` cannot be asked: {}", error.detail());
        BUNDLE_SOURCE.error(story)
    })?;
    let signed = source.key.is_some() && source.token.is_none();
    match url.strip_prefix("http://") {
        Some(rest) if !signed && !is_here(rest) => {
            bad("is without TLS, so anybody on the way could answer: set `key`, and no `token`")
        }
        _ => Ok(()),
    }
}

/// Whether an address is on this machine.
fn is_here(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_are_looked_for_where_nobody_else_can_answer() {
        let token = || "env:T".parse().ok();
        for (url, key, with_token, fine) in [
            ("https://bundles.example/a.tar.gz", false, true, true),
            ("http://bundles.example/a.tar.gz", false, false, false),
            ("http://bundles.example/a.tar.gz", true, false, true),
            ("http://bundles.example/a.tar.gz", true, true, false),
            ("http://127.0.0.1.example/a", false, false, false),
            ("http://127.0.0.1:8080/a", false, true, true),
            ("http://[::1]:8080/a", false, false, true),
            ("http://localhost/a", false, false, true),
            ("file:///srv/a.tar.gz", false, false, true),
            ("file://srv/a.tar.gz", false, false, false),
            ("ftp://bundles.example/a", true, false, false),
            ("https://u:p@bundles.example/a", true, false, false),
        ] {
            let source = Source {
                key: if key { token() } else { None },
                token: if with_token { token() } else { None },
                ..Source::default()
            };
            assert_eq!(check("a", &source, url).is_ok(), fine, "{url}");
        }
        let hasty = Source { every: flow::unit::Span::millis(1), ..Source::default() };
        assert!(check("a", &hasty, "https://bundles.example/a").is_err());
    }
}
