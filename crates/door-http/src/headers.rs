//! What browsers are told to keep to, whatever an answer holds.
//!
//! All of it is made when the door opens; an answer costs a few clones. A page of our own
//! carries a [`Nonce`], which its policy names, and which is another one for every answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flow::{Random, Result};
use http::header::{CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_FRAME_OPTIONS};
use http::{HeaderMap, HeaderValue};

use crate::codes;
use crate::config::{Headers as Config, RouteHeaders};

static PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
static OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
static EMBEDDER_POLICY: HeaderName = HeaderName::from_static("cross-origin-embedder-policy");
static RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What stands in a policy where the nonce is to be.
const PLACE: &str = "{nonce}";

/// What scripts and styles of one page have to carry.
#[derive(Debug, Clone)]
pub(crate) struct Nonce(Box<str>);

impl Nonce {
    /// One that nobody can guess: 128 bits.
    pub(crate) fn new(random: &Random) -> Self {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        Self(STANDARD.encode(bytes).into())
    }

    /// As it stands in attributes.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

/// The headers of every answer, by where it is from.
#[derive(Debug)]
pub(crate) struct Headers {
    everywhere: Set,
    /// By the beginning of their path, the longest first.
    routes: Vec<(Box<str>, Set)>,
}

/// What is said of one answer.
#[derive(Debug, Default)]
struct Set {
    fixed: HeaderMap,
    /// The policy of pages.
    page: Box<str>,
}

impl Headers {
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let everywhere = Set::new(config)?;
        let route = |route: &RouteHeaders| {
            if !route.path.starts_with('/') {
                let error = codes::CONFIG
                    .error(format!("`{}` in `http.headers.routes` is no path", route.path));
                return Err(error.with_advice("write how paths begin: `/v1/objects/public/`"));
            }
            Ok((route.path.as_str().into(), Set::new(&route.over(config))?))
        };
        let mut routes = config.routes.iter().map(route).collect::<Result<Vec<_>>>()?;
        routes.sort_by_key(|(path, _): &(Box<str>, _)| std::cmp::Reverse(path.len()));
        Ok(Self { everywhere, routes })
    }

    /// Says it, of an answer from this path; a page brings its nonce.
    pub(crate) fn apply(&self, path: &str, nonce: Option<&Nonce>, headers: &mut HeaderMap) {
        let own = self.routes.iter().find(|(begins, _)| path.starts_with(&**begins));
        let set = own.map_or(&self.everywhere, |(_, set)| set);
        // Room for these and for those that every answer has, at once.
        headers.reserve(set.fixed.len() + 6);
        for (name, value) in &set.fixed {
            headers.insert(name, value.clone());
        }
        let Some(nonce) = nonce else { return };
        // What was taken when the door opened is taken with a nonce too.
        match HeaderValue::try_from(set.page.replace(PLACE, nonce.text())) {
            Ok(policy) if !policy.is_empty() => headers.insert(CONTENT_SECURITY_POLICY, policy),
            _ => headers.remove(CONTENT_SECURITY_POLICY),
        };
    }
}

impl Set {
    fn new(config: &Config) -> Result<Self> {
        let mut fixed = HeaderMap::new();
        for (name, text) in [
            (&CONTENT_SECURITY_POLICY, &config.content_security_policy),
            (&X_FRAME_OPTIONS, &config.frame_options),
            (&REFERRER_POLICY, &config.referrer_policy),
            (&PERMISSIONS_POLICY, &config.permissions_policy),
            (&OPENER_POLICY, &config.opener_policy),
            (&EMBEDDER_POLICY, &config.embedder_policy),
            (&RESOURCE_POLICY, &config.resource_policy),
        ] {
            if !text.is_empty() {
                fixed.insert(name, value(text)?);
            }
        }
        value(&config.page_security_policy)?;
        Ok(Self { fixed, page: config.page_security_policy.as_str().into() })
    }
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|_| {
        let error = codes::CONFIG.error(format!("`{}` in `http.headers`", text.escape_debug()));
        error.with_advice("write one line of printable characters, or nothing to send no header")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(config: &Config, path: &str, nonce: Option<&Nonce>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        Headers::new(config).unwrap().apply(path, nonce, &mut headers);
        headers
    }

    #[test]
    fn nothing_may_be_framed_run_or_embedded_unless_it_is_said() {
        let headers = said(&Config::default(), "/v1/cache/a/b", None);
        assert_eq!(headers[X_FRAME_OPTIONS], "DENY");
        assert!(headers[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("default-src 'none'"));
        assert_eq!(headers.len(), 7);
    }

    #[test]
    fn the_longest_path_says_what_is_different_there() {
        let route = |path: &str, resource: &str| RouteHeaders {
            path: path.into(),
            resource_policy: Some(resource.into()),
            ..RouteHeaders::default()
        };
        let routes = vec![route("/v1/objects/", "same-site"), route("/v1/objects/public/", "")];
        let config = Config { routes, ..Config::default() };
        for (path, expected) in [
            ("/v1/cache/a", Some("same-origin")),
            ("/v1/objects/a", Some("same-site")),
            ("/v1/objects/public/a", None),
        ] {
            let headers = said(&config, path, None);
            let found = headers.get(&RESOURCE_POLICY).map(|value| value.to_str().unwrap());
            assert_eq!(found, expected, "{path}");
            assert_eq!(headers[X_FRAME_OPTIONS], "DENY", "{path}");
        }
    }

    #[test]
    fn a_page_names_its_own_nonce_and_no_two_have_the_same() {
        let random = Random::system();
        let (one, two) = (Nonce::new(&random), Nonce::new(&random));
        assert_ne!(one.text(), two.text());
        let headers = said(&Config::default(), "/", Some(&one));
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains(&format!("script-src 'nonce-{}'", one.text())), "{policy}");
        assert!(!policy.contains(PLACE) && !policy.contains("unsafe"), "{policy}");
    }

    #[test]
    fn what_is_no_header_is_refused_when_the_door_opens() {
        let broken = Config { frame_options: "DENY\r\nx: y".into(), ..Config::default() };
        assert!(Headers::new(&broken).is_err());
        let broken = RouteHeaders { path: "objects".into(), ..RouteHeaders::default() };
        assert!(Headers::new(&Config { routes: vec![broken], ..Config::default() }).is_err());
    }
}
