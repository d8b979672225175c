//! Asking the server of a feed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flow::{Clock, Result};
use pool::Http;
use pool::http::{Answer, Ask};
use pool::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::read;
use super::{BYTES_MAX, Feed, Format};
use crate::codes::FEED;

/// So many pages of a collection are read.
const PAGES_MAX: usize = 100;
/// All of them together take no longer.
const TIME_MAX: Duration = Duration::from_secs(300);
/// How a TAXII server is asked.
const TAXII: &str = "application/taxii+json;version=2.1";

/// What the server of a feed wants to see.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// Where the secret is, such as `env:FEED_KEY`.
    pub secret: Secret,
    /// With a name it is a password, shown as HTTP basic authentication.
    pub user: Option<String>,
    /// Without one it is what this header says; if there is none either, `authorization`.
    pub header: Option<String>,
}

/// What was fetched.
pub(super) enum Fetched {
    Whole {
        body: Bytes,
        /// What the server calls this state of it; empty when it has no word for it.
        tag: String,
    },
    /// What was read last is still what it says.
    Unchanged,
}

/// The feed as it is now, unless that is what `tag` stands for.
pub(super) async fn fetch(http: &Http, clock: &Clock, feed: &Feed, tag: &str) -> Result<Fetched> {
    let work = async {
        match feed.format {
            Format::Taxii => collection(http, feed).await,
            _ => whole(http, feed, tag).await,
        }
    };
    let slow = || FEED.error(format!("it took longer than {} s", TIME_MAX.as_secs()));
    clock.within(TIME_MAX, work).await.ok_or_else(slow)?
}

async fn whole(http: &Http, feed: &Feed, tag: &str) -> Result<Fetched> {
    let mut ask = feed.ask(&feed.url)?.header("accept", "*/*")?;
    if !tag.is_empty() {
        ask = ask.header("if-none-match", tag)?;
    }
    let answer = http.send(ask).await?;
    if answer.status.as_u16() == 304 && !tag.is_empty() {
        return Ok(Fetched::Unchanged);
    }
    let tag = answer.headers.get("etag").and_then(|tag| tag.to_str().ok());
    let tag = tag.unwrap_or_default().to_owned();
    Ok(Fetched::Whole { body: fine(answer)?, tag })
}

/// Pages of a collection become one document.
async fn collection(http: &Http, feed: &Feed) -> Result<Fetched> {
    let (mut all, mut bytes) = (Vec::new(), 0);
    let mut next: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let url = match &next {
            Some(next) => read::with_next(&feed.url, next),
            None => feed.url.clone(),
        };
        let body = fine(http.send(feed.ask(&url)?.header("accept", TAXII)?).await?)?;
        bytes += body.len() as u64;
        if bytes > BYTES_MAX {
            return Err(FEED.error("the collection is larger than 64 MiB"));
        }
        let page = read::page(&body)?;
        all.extend(page.objects);
        if !page.more || page.next.is_none() {
            let body = serde_json::json!({ "objects": all }).to_string().into();
            return Ok(Fetched::Whole { body, tag: String::new() });
        }
        next = page.next;
    }
    Err(FEED.error(format!("the collection has more than {PAGES_MAX} pages")))
}

fn fine(answer: Answer) -> Result<Bytes> {
    match answer.status.is_success() {
        true => Ok(answer.body),
        false => Err(FEED.error(format!("it answered {}", answer.status.as_u16()))),
    }
}

impl Feed {
    /// Asks for this, showing what the server wants to see.
    fn ask(&self, url: &str) -> Result<Ask> {
        let ask = Ask::get(url)?;
        let Some(shown) = &self.shown else { return Ok(ask) };
        let secret = shown.secret.read_text()?;
        match (&shown.user, &shown.header) {
            (Some(user), _) => {
                let both = Zeroizing::new(format!("{user}:{}", &*secret));
                let basic = Zeroizing::new(format!("Basic {}", STANDARD.encode(&*both)));
                ask.header("authorization", &basic)
            }
            (None, Some(header)) => ask.header(header, &secret),
            (None, None) => ask.header("authorization", &secret),
        }
    }
}
