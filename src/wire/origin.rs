//! Origins of cached values, asked over HTTP.

use std::time::Duration;

use bytes::Bytes;
use cache::{Fetch, Loaded, Previous, Terms};
use flow::{BoxFuture, Code, Kind, Result};
use pool::Http;
use pool::http::{Answer, Ask};

/// An origin answered what is neither a value nor that there is none.
pub(crate) static ORIGIN: Code = Code::new(
    Kind::Busy,
    "wire-origin-failed",
    "The origin did not answer as one",
    "the address in `origin` of the namespace has to answer 200 with the value, 304, 404 or 410",
);

/// The world outside.
pub(super) struct Web(pub(super) Http);

impl Fetch for Web {
    fn fetch(
        &self,
        address: String,
        previous: Option<Previous<Bytes>>,
    ) -> BoxFuture<'static, Result<Loaded<Bytes>>> {
        let http = self.0.clone();
        Box::pin(async move {
            let mut ask = Ask::get(&address)?;
            if let Some(version) = previous.and_then(|previous| previous.version) {
                ask = ask.header("if-none-match", &version)?;
            }
            loaded(http.send(ask).await?)
        })
    }
}

fn loaded(answer: Answer) -> Result<Loaded<Bytes>> {
    match answer.status.as_u16() {
        200 => {
            let terms = terms(&answer);
            Ok(Loaded::Value(answer.body, terms))
        }
        304 => Ok(Loaded::Unchanged),
        404 | 410 => Ok(Loaded::Nothing),
        status => Err(ORIGIN.error(format!("the origin answered {status}"))),
    }
}

/// What the origin says of a value: how long it holds, what it is called, what it is
/// tagged with.
fn terms(answer: &Answer) -> Terms {
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
    let tags = header("cache-tag").or_else(|| header("surrogate-key")).unwrap_or_default();
    let tags = tags.split([',', ' ']).filter(|tag| !tag.is_empty()).map(Box::from).collect();
    let ttl = header("cache-control").and_then(lifetime);
    Terms { ttl, tags, priority: None, version: header("etag").map(Box::from) }
}

/// What `cache-control` allows caches that many share.
fn lifetime(control: &str) -> Option<Duration> {
    let words = || control.split(',').map(|word| word.trim().to_ascii_lowercase());
    if words().any(|word| word == "no-store" || word == "private" || word == "no-cache") {
        return Some(Duration::ZERO);
    }
    let age = |name: &str| {
        words().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    };
    age("s-maxage").or_else(|| age("max-age")).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_origin_allows_is_heeded() {
        let cases = [
            ("max-age=60", Some(60)),
            ("public, MAX-AGE=60, s-maxage=5", Some(5)),
            ("no-store", Some(0)),
            ("private, max-age=60", Some(0)),
            ("public", None),
            ("max-age=soon", None),
        ];
        for (control, expected) in cases {
            assert_eq!(lifetime(control), expected.map(Duration::from_secs), "{control}");
        }
    }
}
