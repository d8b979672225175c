//! Pages of other origins: off, unless exactly theirs is listed.

use flow::Result;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    VARY,
};
use http::{HeaderMap, HeaderValue};

use crate::codes;
use crate::config::Cors as Config;

const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, x-request-id",
);
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "etag, ratelimit, ratelimit-policy, retry-after, stockade-ttl-ms, x-request-id",
);

/// Who may.
#[derive(Debug)]
pub(crate) struct Cors {
    origins: Vec<HeaderValue>,
    max_age: u64,
}

impl Cors {
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let origin = |text: &String| {
            let plain = text.starts_with("https://") || text.starts_with("http://");
            let wrong = || {
                codes::CONFIG
                    .error(format!("`{text}` in `cors.origins` is not an origin"))
                    .with_advice("write it as browsers send it, `https://console.example.com`")
            };
            // A path, even a lone slash, never matches what a browser sends.
            let path = text.splitn(4, '/').count() > 3;
            if !plain || path {
                return Err(wrong());
            }
            HeaderValue::from_str(text).map_err(|_| wrong())
        };
        let origins = config.origins.iter().map(origin).collect::<Result<_>>()?;
        Ok(Self { origins, max_age: config.max_age.0.as_secs() })
    }

    /// Whether it is off altogether.
    pub(crate) fn is_off(&self) -> bool {
        self.origins.is_empty()
    }

    /// Says to the browser that its page may read this.
    pub(crate) fn apply(&self, asked: &HeaderMap, headers: &mut HeaderMap) {
        if self.is_off() {
            return;
        }
        headers.append(VARY, HeaderValue::from_static("origin"));
        let Some(origin) = asked.get(ORIGIN).filter(|origin| self.origins.contains(origin)) else {
            return;
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }

    /// Says to the browser what its page may ask, when that is the question.
    pub(crate) fn preflight(
        &self,
        asked: &HeaderMap,
        allow: &HeaderValue,
        headers: &mut HeaderMap,
    ) {
        let origin = asked.get(ORIGIN).filter(|origin| self.origins.contains(origin));
        if origin.is_none() || !asked.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return;
        }
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, allow.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_browser_sends_is_an_origin() {
        for (origin, expected) in [
            ("https://a.example", true),
            ("http://127.0.0.1:8080", true),
            ("https://a.example/", false),
            ("a.example", false),
            ("*", false),
        ] {
            let config = Config { origins: vec![origin.to_owned()], ..Config::default() };
            assert_eq!(Cors::new(&config).is_ok(), expected, "{origin}");
        }
    }
}
